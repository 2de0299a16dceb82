//! `pcclab run --vary`: a scenario in a real guest.

use std::path::Path;
use std::process::Command;

use pccd_tests::{Logs, built};

/// Runs a scenario on `xgene-hwmon`; the exit status, and all that was said.
fn run(folder: &Path, scenario: &str) -> (Option<i32>, String) {
    let path = folder.join("s.json");
    std::fs::write(&path, scenario).unwrap();
    let mut command = Command::new(built("PCCLAB"));
    command.args(["run", "--platform", "xgene-hwmon", "--vary"]).arg(path);
    let output = command.arg("--logs").arg(folder.join("logs")).output();
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn answers_are_varied_while_the_guest_acts() {
    let logs = Logs::new();
    let (status, text) = run(
        logs.path(),
        r#"{"actions": ["temperature", "cpu-power", "unbind", "bind"],
            "answers": [
              {"answer": 0, "set": {"xgene-sensors.value": 17},
               "envelope": {"flags": ["double-interrupt"]}},
              {"answer": 1, "delay-ms": 20, "set": {"xgene.nothing": 1}}]}"#,
    );
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("pcclab: alive 2 0"), "{text}");
    let not = "answer 1 not varied: it has no field xgene.nothing\n";
    assert!(text.contains(not), "{text}");
    let log = std::fs::read_to_string(logs.path().join("logs/pccd.log"));
    let log = log.unwrap();
    for note in [
        "scenario taken: 1",
        "answer 0 varied: xgene-sensors.value = 0x11; double-interrupt",
        "answer 1 varied: 20 ms later",
        "answer 1 not varied: it has no field xgene.nothing",
        "scenario taken: 2",
    ] {
        assert!(log.contains(note), "no {note:?} in\n{log}");
    }
}

#[test]
fn a_scenario_that_changes_nothing_is_no_pass() {
    let logs = Logs::new();
    let nothing = r#"{"actions": ["temperature"], "answers": [
        {"answer": 0, "set": {"xgene.nothing": 1}}, {"answer": 9, "drop": true}]}"#;
    let (status, text) = run(logs.path(), nothing);
    assert_eq!(status, Some(125), "{text}");
    for line in [
        "the scenario changed nothing",
        "answer 0 not varied: it has no field xgene.nothing",
        "answer 9 not varied: there was none",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
}

#[test]
fn a_scenario_that_cannot_be_is_wrong_usage() {
    let logs = Logs::new();
    let other = r#"{"platform": "cppc", "answers": []}"#;
    let (status, text) = run(logs.path(), other);
    assert_eq!(status, Some(129), "{text}");
    assert!(text.contains("the scenario is for --platform cppc"), "{text}");
    let (status, text) = run(logs.path(), r#"{"actions": ["temprature"]}"#);
    assert_eq!(status, Some(129), "{text}");
    assert!(text.contains("there is no action `temprature`"), "{text}");
    let wrong = r#"{"answers": [{"answer": 0, "dorp": true}]}"#;
    let (status, text) = run(logs.path(), wrong);
    assert_eq!(status, Some(129), "{text}");
    assert!(text.contains("did you mean `drop`"), "{text}");
}
