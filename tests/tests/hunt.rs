//! Drivers with a mistake in them, those of `tests/broken/list`: each gets the
//! verdict that it deserves, and the terminal says why.

use std::path::Path;
use std::process::Command;

use pccd_tests::broken::{Driver, driver, drivers};
use pccd_tests::{Logs, built, each_of};

/// Seconds until a run that is to hang counts as hung, and any other.
const HANGS: &str = "20";
const ENDS: &str = "180";

fn run(driver: &Driver) -> Run {
    let logs = Logs::new();
    let limit = match driver.status {
        4 => HANGS,
        _ => ENDS,
    };
    let mut command = Command::new(built("PCCLAB"));
    command.args(["run", "--timeout", limit, "--logs"]).arg(logs.path());
    command.args(driver.options());
    match driver.folder() {
        None => command.args(["--", "true"]),
        Some(_) => command.arg("--quick"),
    };
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Run {
        status: output.status.code(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

/// What came of a driver.
struct Run {
    status: Option<i32>,
    text: String,
}

impl Run {
    /// The lines that say what they must, or what they do not say.
    fn lines(&self, words: &[String]) -> Result<Vec<&str>, String> {
        let mut lines: Vec<&str> = Vec::new();
        let mut rest = self.text.lines().peekable();
        for word in words {
            // Two of them may stand in one line.
            if lines.last().is_some_and(|line| line.contains(word.as_str())) {
                continue;
            }
            let line = rest.find(|line| line.contains(word.as_str()));
            lines.push(line.ok_or_else(|| word.clone())?);
        }
        Ok(lines)
    }
}

#[test]
fn broken_drivers_are_noticed_and_the_terminal_says_why() {
    let only = std::env::var("PCCD_BROKEN").unwrap_or_default();
    let drivers: Vec<_> = drivers()
        .into_iter()
        .filter(|driver| match only.as_str() {
            // Those pass here; tests/search.rs runs them with both platforms.
            "" => !driver.name.starts_with("planted-"),
            only => only.split(',').any(|one| one == driver.name),
        })
        .collect();
    assert!(!drivers.is_empty(), "no driver of {only:?} is there");
    let runs = each_of(&drivers, run);
    let mut missed = Vec::new();
    println!("driver | exit status | what the terminal says");
    for (driver, run) in drivers.iter().zip(&runs) {
        let status = run.status.map_or("none".to_owned(), |s| s.to_string());
        let said = match run.lines(&driver.words) {
            Ok(lines) => lines.iter().map(|line| line.trim()).collect(),
            Err(_) => vec!["not what it should"],
        };
        println!("{} | {status} | {}", driver.name, said.join(" / "));
        if let Err(word) = run.lines(&driver.words) {
            missed
                .push(format!("{}: no {word:?} in {}", driver.name, run.text));
        } else if run.status != Some(driver.status) {
            missed.push(format!("{}: {status} {}", driver.name, run.text));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn each_regression_is_brought_back_by_a_driver_of_the_list() {
    for one in pcclab::regressions::pack().unwrap() {
        let driver = driver(&one.name);
        assert_eq!(driver.platform, one.platform, "{}", one.name);
        let first = format!("first that went wrong: {}", one.test);
        assert!(driver.words.contains(&first), "{}: {first}", one.name);
    }
}

#[test]
fn a_kernel_is_asked_for_the_bugs_that_linux_had() {
    let run = |kernel: &str| {
        let mut command = Command::new(built("PCCLAB"));
        command.args(["regressions", "--json", "--kernel", kernel]);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let all: serde_json::Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}{said}"));
        let all = all.as_array().unwrap();
        let found: Vec<_> = all
            .iter()
            .map(|one| {
                let finding = &one["kernels"][kernel]["finding"];
                (one["name"].clone(), finding.as_str().unwrap().to_owned())
            })
            .filter(|(_, finding)| finding != "absent")
            .map(|(name, finding)| {
                format!("{}: {finding}", name.as_str().unwrap())
            })
            .collect();
        (output.status.code(), found)
    };
    assert_eq!(run("7.x"), (Some(0), Vec::new()));
    let of_6_12 = [
        "tx-done-never-told: present",
        "stale-responder: present",
        "cppc-limits-not-written: not-shown",
    ];
    assert_eq!(run("6.12"), (Some(1), of_6_12.map(str::to_owned).to_vec()));
}

/// A run of the fan's driver, good or not, with its logs; what it printed.
fn fan(name: &str, logs: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(built("PCCLAB"));
    command.args(["run", "--timeout", ENDS, "--logs"]).arg(logs);
    let output = command.args(driver(name).options()).args(more).output();
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_recorded_run_is_played_and_a_broken_driver_departs_from_it() {
    let logs = Logs::new();
    let at = |name: &str| logs.path().join(name);
    let (status, text) = fan("good", &at("recorded"), &[]);
    assert_eq!(status, Some(0), "{text}");
    let capture = at("recorded").join("capture.pcapng");
    let replay = ["--replay", capture.to_str().unwrap()];
    let (status, text) = fan("good", &at("again"), &replay);
    assert_eq!(status, Some(0), "{text}");
    let log = std::fs::read_to_string(at("again").join("pccd.log")).unwrap();
    assert!(log.contains("the guest asked all that the recording has"));
    let (status, text) = fan("length-4", &at("broken"), &replay);
    assert_eq!(status, Some(1), "{text}");
    let departs = "the guest departs from the recording at request 1 ";
    assert!(text.contains(departs), "{text}");
    let fields = "pcc.length is 4, recorded 8, \
                  acme-fan.level is missing, recorded 128";
    assert!(text.contains(fields), "{text}");
}
