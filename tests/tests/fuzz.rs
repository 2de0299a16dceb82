//! `pcclab fuzz` finds the bugs that were planted into drivers, in real
//! guests; and in a driver that is as it should be, with a platform that says
//! nothing wrong, it finds none.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pccd_tests::{Logs, built, wait};
use serde_json::Value;

/// How long a planted bug may take to be found, confirmed and made small.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Drivers with a bug that no test of their platforms shows (tests/broken/list):
/// name, platform, file, and how the keys of its findings begin.
const PLANTED: [(&str, &str, &str, &[&str]); 5] = [
    ("planted-late", "tests/acme-fan", "acme-fan.ko", &["oops-"]),
    ("planted-twice", "tests/acme-fan", "acme-fan.ko", &["bug-", "oops-"]),
    ("planted-length", "mctp", "mctp-pcc.ko", &["oops-"]),
    (
        "planted-double",
        "xgene-slimpro-i2c",
        "i2c-xgene-slimpro.ko",
        &["warning-"],
    ),
    ("planted-missing", "mpam-fb", "mpam-fb.ko", &["dead-", "hang-"]),
];
/// The driver of that platform is built in, and stays out so.
const BUILT_IN: &str = "initcall_blacklist=xgene_slimpro_i2c_driver_init";

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

/// Searches a planted driver until it is found; how long that takes.
fn found(
    (driver, platform, file, keys): (&str, &str, &str, &[&str]),
    seed: u32,
) -> Duration {
    let logs = Logs::new();
    let output = logs.path().join("search");
    let module = built("BROKEN").join(driver).join(file);
    let module = module.to_string_lossy().into_owned();
    let said = std::fs::File::create(logs.path().join("said")).unwrap();
    let seed = seed.to_string();
    let words = ["--platform", platform, "--module", &module, "--seed", &seed];
    let mut words = words.to_vec();
    if platform == "xgene-slimpro-i2c" {
        words.extend(["--append", BUILT_IN]);
    }
    let start = Instant::now();
    let mut child = fuzz(&output, &words)
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
    interrupt(&child);
    let status = wait(&mut child, Duration::from_secs(120));
    let said = std::fs::read_to_string(logs.path().join("said")).unwrap();
    let Some(key) = has() else { panic!("{driver}: not found\n{said}") };
    assert_eq!(status, Some(1), "{said}");

    let place = output.join("findings").join(&key);
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    let scenario: Value = serde_json::from_str(&read("scenario.json")).unwrap();
    let answers = scenario["answers"].as_array().unwrap();
    assert!((1..=4).contains(&answers.len()), "{scenario}");
    assert!(read("README.txt").contains(&module));
    assert!(!read("console.log").is_empty());
    assert!(read("pccd.log").contains("varied"), "pccd says what it did");
    took
}

#[test]
fn a_late_answer_is_found() {
    found(PLANTED[0], 1);
}

#[test]
#[ignore = "takes an hour: make test-long"]
fn all_that_is_planted_is_found() {
    for planted in PLANTED {
        let took = [1, 2, 3].map(|seed| found(planted, seed).as_secs());
        println!("{}: found after {took:?} s", planted.0);
    }
}

#[test]
fn nothing_is_found_where_nothing_is_varied() {
    let logs = Logs::new();
    let output = logs.path().join("search");
    let words = ["--platform", "xgene-hwmon", "--for", "1ms", "--jobs", "1"];
    let run = fuzz(&output, &words).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert_eq!(findings(&output), [] as [String; 0]);
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("scenarios with one change"), "{said}");
    // Another one may not use the folder, and a platform needs a "search".
    let state = std::fs::read_to_string(output.join("state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert!(state["seed"].as_u64().unwrap() > 0, "{state}");
}
