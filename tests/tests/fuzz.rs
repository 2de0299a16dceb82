//! `pcclab fuzz` finds the bugs that were planted into drivers, in real
//! guests; and in a driver that is as it should be, with a platform that says
//! nothing wrong, it finds none.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pccd_tests::broken::driver;
use pccd_tests::{Logs, built, wait};
use serde_json::Value;

/// How long a planted bug may take to be found, confirmed and made small.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// A driver of `tests/broken/list`, and how the keys of its findings begin.
type Bad = (&'static str, &'static [&'static str]);

/// Drivers with a bug that no test of their platforms shows.
const PLANTED: [Bad; 6] = [
    ("planted-late", &["oops-"]),
    ("planted-twice", &["bug-", "oops-"]),
    ("planted-length", &["oops-"]),
    ("planted-unmapped", &["oops-"]),
    ("planted-double", &["warning-"]),
    ("planted-missing", &["dead-", "hang-"]),
];

/// Drivers that do something wrong and harm nobody by it: they are compared
/// with Linux's own.
const WRONG: [Bad; 5] = [
    ("hwmon-ignores-errors", &["differs-"]),
    ("hwmon-wrong-sign", &["differs-temperature"]),
    ("i2c-ignores-absence", &["differs-"]),
    ("hccs-ignores-status", &["differs-"]),
    ("uncore-forgets-mode", &["differs-"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn fuzz(output: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(built("PCCLAB"));
    command.current_dir(root()).arg("fuzz").arg("--output").arg(output);
    command.args(words);
    command
}

/// Presses Ctrl-C.
fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// The keys of the findings in a folder.
fn findings(output: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(output.join("findings"));
    let entries = entries.into_iter().flatten().flatten();
    let whole = entries.filter(|it| it.path().join("scenario.json").exists());
    whole.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}

/// Searches a bad driver until what is bad is found; how many seconds that
/// takes, or none if it was not.
fn found(bad: &Bad, seed: u32, more: &[&str]) -> Option<u64> {
    let (name, keys) = *bad;
    let logs = Logs::new();
    let output = logs.path().join("search");
    let said = std::fs::File::create(logs.path().join("said")).unwrap();
    let seed = seed.to_string();
    let start = Instant::now();
    let driver = driver(name);
    let mut child = fuzz(&output, &["--seed", &seed])
        .args(driver.options())
        .args(more)
        .stdout(Stdio::from(said.try_clone().unwrap()))
        .stderr(Stdio::from(said))
        .spawn()
        .unwrap();
    let is_it = |it: &String| keys.iter().any(|key| it.starts_with(key));
    let has = || findings(&output).into_iter().find(is_it);
    while has().is_none() && start.elapsed() < LIMIT {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        std::thread::sleep(Duration::from_millis(200));
    }
    let took = start.elapsed();
    // The first that was made small.
    let small = || {
        let said = std::fs::read_to_string(logs.path().join("said")).unwrap();
        let mut all = said.lines().filter_map(|it| it.split_once(": "));
        all.find(|(key, rest)| {
            rest.starts_with("a finding: ") && is_it(&(*key).to_owned())
        })
        .map(|(key, _)| key.to_owned())
    };
    while has().is_some() && small().is_none() && start.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(200));
    }
    interrupt(&child);
    let status = wait(&mut child, Duration::from_secs(120));
    let said = std::fs::read_to_string(logs.path().join("said")).unwrap();
    let Some(key) = small().or_else(has) else {
        println!("{name}: not found\n{said}");
        return None;
    };
    assert_eq!(status, Some(1), "{said}");

    let place = output.join("findings").join(&key);
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    let scenario: Value = serde_json::from_str(&read("scenario.json")).unwrap();
    let answers = scenario["answers"].as_array().unwrap();
    let least = usize::from(!key.starts_with("differs-"));
    assert!((least..=4).contains(&answers.len()), "{scenario}");
    let module = driver.modules().pop().unwrap();
    assert!(read("README.txt").contains(module.to_str().unwrap()));
    assert!(!read("console.log").is_empty());
    let varied = read("pccd.log").contains("varied");
    assert!(varied || answers.is_empty(), "pccd says what it did");
    Some(took.as_secs())
}

/// Searches each of these with three seeds.
fn all_found(list: &[Bad], more: &[&str]) {
    let mut missed = Vec::new();
    for bad in list {
        let took = [1, 2, 3].map(|seed| found(bad, seed, more));
        println!("{}: found after {took:?} s", bad.0);
        if took.contains(&None) {
            missed.push(bad.0);
        }
    }
    assert_eq!(missed, [""; 0]);
}

#[test]
fn a_late_answer_is_found() {
    assert_ne!(found(&PLANTED[0], 1, &[]), None);
}

#[test]
#[ignore = "takes an hour: make test-long"]
fn all_that_is_planted_is_found() {
    all_found(&PLANTED, &[]);
}

#[test]
fn what_a_driver_makes_up_is_found_beside_one_that_does_not() {
    assert_ne!(found(&WRONG[2], 1, &["--against", "7.x"]), None);
}

#[test]
#[ignore = "takes hours at worst: make test-long"]
fn all_that_is_wrong_is_found_beside_what_is_right() {
    all_found(&WRONG, &["--against", "7.x"]);
}

#[test]
fn one_that_does_not_work_at_all_is_told_at_once() {
    for (name, platform, why) in [
        ("mctp-wrong-length", "mctp", "does not live through"),
        ("init-oopses", "xgene-hwmon", "did not come to listen"),
    ] {
        let logs = Logs::new();
        let words = ["--platform", platform, "--jobs", "1"];
        let mut command = fuzz(&logs.path().join("search"), &words);
        for module in driver(name).modules() {
            command.arg("--module").arg(module);
        }
        let run = command.output().unwrap();
        assert_eq!(run.status.code(), Some(125), "{name}: {run:?}");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(said.contains(why), "{name}: {said}");
    }
}

#[test]
fn nothing_is_found_where_nothing_is_varied() {
    let logs = Logs::new();
    let output = logs.path().join("search");
    let words = ["--platform", "xgene-hwmon", "--for", "1ms", "--jobs", "1"];
    let run = fuzz(&output, &words).output().unwrap();
    // That is no search.
    assert_eq!(run.status.code(), Some(125), "{run:?}");
    let why = String::from_utf8_lossy(&run.stderr);
    assert!(why.contains("nothing was searched"), "{why}");
    assert_eq!(findings(&output), [] as [String; 0]);
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("scenarios with one change"), "{said}");
    // Another one may not use the folder, and a platform needs a "search".
    let state = std::fs::read_to_string(output.join("state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert!(state["seed"].as_u64().unwrap() > 0, "{state}");
}
