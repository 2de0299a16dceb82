//! Drivers with a mistake in them, those of `tests/broken/list`: each gets the
//! verdict that it deserves, and the terminal says why.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use pccd_tests::broken::{Driver, driver, drivers};
use pccd_tests::{Logs, built, each_of};

/// Guests at a time: some wait for most of their time.
const JOBS: usize = 3;
/// Seconds until a run that is to hang counts as hung, and any other.
const HANGS: &str = "25";
const ENDS: &str = "180";
/// The platform of most.
const FAN: &str = "tests/acme-fan";

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

/// Those whose tests show what is wrong with them: `make test` has those that
/// cost little, the fan's and those without a platform, and one of each other
/// platform; `make test-long` has the rest.
fn listed(is_quick: bool) -> Vec<Driver> {
    let mut seen = BTreeSet::new();
    let mut all = drivers();
    // Those pass here; tests/fuzz.rs searches them.
    all.retain(|driver| !driver.name.starts_with("planted-"));
    let costs = |driver: &Driver| !["", FAN].contains(&&*driver.platform);
    all.retain(|driver| {
        let is_first = !costs(driver) || seen.insert(driver.platform.clone());
        is_first == is_quick
    });
    // What takes long is not to be the last.
    all.sort_by_key(|driver| !costs(driver));
    all
}

#[test]
fn broken_drivers_are_noticed_and_the_terminal_says_why() {
    let all = match std::env::var("PCCD_BROKEN") {
        Ok(names) => names.split(',').map(driver).collect(),
        Err(_) => listed(true),
    };
    noticed(&all);
}

#[test]
#[ignore = "minutes: make test-long"]
fn more_broken_drivers_are_noticed() {
    noticed(&listed(false));
}

/// Runs them, and prints what is said of each.
fn noticed(drivers: &[Driver]) {
    let runs = each_of(JOBS, drivers, run);
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

/// What `pcclab regressions` says of a kernel and these bugs, or all: its exit
/// status, and those that are not absent.
fn regressions(kernel: &str, names: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(built("PCCLAB"));
    command.args(["regressions", "--json", "--kernel", kernel]);
    let output = command.args(names).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let all: serde_json::Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    let all = all.as_array().unwrap();
    let found = all
        .iter()
        .map(|one| {
            let finding = &one["kernels"][kernel]["finding"];
            (one["name"].as_str().unwrap(), finding.as_str().unwrap())
        })
        .filter(|(_, finding)| *finding != "absent")
        .map(|(name, finding)| format!("{name}: {finding}"))
        .collect();
    (output.status.code(), found)
}

#[test]
fn a_kernel_is_asked_for_bugs_that_linux_had() {
    let names = ["tx-done-never-told", "polls-despite-interrupts", "oneshot"];
    assert_eq!(regressions("7.x", &names), (Some(0), Vec::new()));
    // Debian's kernel has no MCTP, which the platform of the second needs.
    let found = vec!["polls-despite-interrupts: not-shown".to_owned()];
    assert_eq!(regressions("debian", &names[1..2]), (Some(125), found));
}

#[test]
#[ignore = "a minute: make test-long"]
fn more_kernels_are_asked() {
    let of_6_12 = [
        "tx-done-never-told: present",
        "stale-responder: present",
        "cppc-limits-not-written: not-shown",
    ];
    let of_6_12 = of_6_12.map(str::to_owned).to_vec();
    assert_eq!(regressions("6.12", &[]), (Some(1), of_6_12));
    assert_eq!(regressions("7.x", &[]), (Some(0), Vec::new()));
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

#[test]
fn mistakes_of_a_platform_are_tried_with_a_module() {
    let mut command = Command::new(built("PCCLAB"));
    let module = driver("good").modules().remove(0);
    command.args(["defects", FAN, "--module"]).arg(module);
    let output = command.current_dir("..").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("13 * state.now: caught at: turns at half"),
        "{text}"
    );
}
