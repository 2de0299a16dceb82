//! The exit status of `pcclab run`, and what it says, where it would be easy to
//! say "pass", or to blame the wrong one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use pccd_tests::{JOBS, Logs, built, each_of, wait};
use pcclab::run::exit;

fn text(output: &Output) -> String {
    let all = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// `pcclab run` with these words.
fn pcclab_run(words: &[&str]) -> Command {
    let mut command = Command::new(built("PCCLAB"));
    command.arg("run").args(words);
    command
}

/// Whether the run ends with this status and says these words.
fn is(output: &Output, status: u8, words: &[&str]) -> Result<(), String> {
    let text = text(output);
    if output.status.code() != Some(i32::from(status)) {
        return Err(format!("not {status} but {}: {text}", output.status));
    }
    match words.iter().find(|word| !text.contains(**word)) {
        Some(word) => Err(format!("no {word:?} in: {text}")),
        None => Ok(()),
    }
}

fn all(results: Vec<Result<(), String>>) {
    let wrong: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_the_guest_does_is_the_guests_doing() {
    let cases: &[(&str, u8, &str)] = &[
        ("reboot -f", exit::FAIL, "FAIL: the guest reset itself"),
        ("poweroff -f", exit::FAIL, "FAIL: the guest switched itself off"),
        ("printf 'no line end'; exit 3", exit::FAIL, "exit status 3"),
        ("printf 'no line end'", exit::PASS, "no line end"),
        (
            "for i in 1 50 99; do printf '\\r%d%%' $i; done; exit 3",
            exit::FAIL,
            "exit status 3",
        ),
        // A claim that cannot be read hides no failure.
        ("echo '# asked a b'; exit 3", exit::FAIL, "exit status 3"),
        ("echo '# asked a b'", exit::TROUBLE, "neither NAME=VALUE nor"),
        // Words of init are none while the command runs.
        (
            "echo 'pcclab: insmod-failed x.ko: no'; exit 3",
            exit::FAIL,
            "pcclab: insmod-failed x.ko: no",
        ),
        ("echo 'pcclab: end'; exit 3", exit::FAIL, "exit status 3"),
        (
            "echo 'pcclab: dmesg'; echo 'not ok 1 it fails'",
            exit::FAIL,
            "failed: it fails",
        ),
        // TAP need not say its version.
        ("echo 'not ok 1 - it fails'", exit::FAIL, "failed: it fails"),
        (
            "printf '1..1\\nnot ok 1 it fails\\n'",
            exit::FAIL,
            "failed: it fails",
        ),
        ("printf '1..2\\nok 1 a\\n'", exit::FAIL, "2 tests planned, 1 seen"),
        ("printf 'ok 1 a\\nok 2 b\\n1..3\\n'", exit::FAIL, "3 tests planned"),
        (
            "printf 'TAP version 14\\n1..1\\nok 1 a\\nok 2 b\\n'",
            exit::FAIL,
            "1 tests planned, 2 seen",
        ),
        ("printf '1..1\\nok 1 a\\n'", exit::PASS, "1 passed"),
        ("printf 'ok 1 a\\nok 2 b\\n1..2\\n'", exit::PASS, "2 passed"),
        // What the kernel says counts, whether it says who or not, and when:
        // one without CONFIG_PRINTK_TIME is told to.
        ("echo '<3>BUG: x' >/dev/kmsg", exit::PANIC, "SPLAT"),
        ("echo '[    1.234567][   T42] BUG: x'", exit::PANIC, "SPLAT"),
        ("cat /proc/cmdline", exit::PASS, " printk.time=1 "),
    ];
    all(each_of(JOBS, cases, |(script, status, word)| {
        let output = pcclab_run(&["--", "sh", "-c", script]).output().unwrap();
        is(&output, *status, &[word]).map_err(|e| format!("{script}: {e}"))
    }));
}

/// A copy of a platform with another test.
fn platform_with(test: &str, folder: &Path) -> PathBuf {
    let to = folder.join("fan");
    fs::create_dir(&to).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("acme-fan");
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    fs::write(to.join("test.sh"), test).unwrap();
    to
}

#[test]
fn a_test_without_a_result_is_no_pass() {
    let module = pccd_tests::broken::driver("good").modules().remove(0);
    let module = module.to_str().unwrap();
    for test in
        ["", ". /tests/platform.sh\n[ -e /nowhere ] || exit 0\nplan 9\n"]
    {
        let logs = Logs::new();
        let platform = platform_with(test, logs.path());
        let platform = ["--platform", platform.to_str().unwrap()];
        let alone = [&platform[..], &["--module", module]].concat();
        let output = pcclab_run(&alone).output().unwrap();
        is(&output, exit::FAIL, &["the platform's test has no result"])
            .unwrap();
        let both = [&alone[..], &["--platform", "xgene-hwmon"]].concat();
        let output = pcclab_run(&both).output().unwrap();
        let said = ["first that went wrong: fan: its test has no result"];
        is(&output, exit::FAIL, &said).unwrap();
    }
}

#[test]
fn wrong_usage_is_told_from_trouble() {
    let logs = Logs::new();
    let no_module = logs.path().join("no-module.ko");
    fs::write(&no_module, "#!/bin/sh\n").unwrap();
    let no_module = no_module.to_str().unwrap();
    let cases: &[(&[&str], u8, &str)] = &[
        (&["--nonsense"], exit::USAGE, "--nonsense"),
        (&["--timeout", "soon"], exit::USAGE, "soon"),
        (&["--platform", "cpcp"], exit::USAGE, "cppc"),
        (&["--platform", "./nowhere"], exit::USAGE, "nowhere"),
        (&["--platform", "mctp", "--mode", "poll"], exit::USAGE, "but irq"),
        (&["--platform", "ras2", "--platform", "ras2"], exit::USAGE, "two"),
        (&["--kernel", "debain"], exit::USAGE, "did you mean debian?"),
        (&["--replay", "/nowhere.pcapng"], exit::USAGE, "/nowhere.pcapng"),
        (&["--shell", "--", "true"], exit::USAGE, "--shell"),
        (&["--module", no_module], exit::TROUBLE, "no-module.ko"),
        (&["--module", "/nowhere/a.ko"], exit::TROUBLE, "/nowhere/a.ko"),
    ];
    for (words, status, word) in cases {
        let output = pcclab_run(words).output().unwrap();
        if let Err(wrong) = is(&output, *status, &[word]) {
            panic!("{words:?}: {wrong}");
        }
    }
}

#[test]
fn a_module_of_another_kernel_does_not_load() {
    const NAME: &[u8] = b"\0vermagic=";
    let logs = Logs::new();
    let mut bytes = fs::read(built("BROKEN").join("loads/nothing.ko")).unwrap();
    let at = bytes.windows(NAME.len()).position(|w| w == NAME).unwrap();
    bytes[at + NAME.len()] = b'4';
    let module = logs.path().join("nothing.ko");
    fs::write(&module, bytes).unwrap();
    let module = module.to_str().unwrap();
    let output =
        pcclab_run(&["--module", module, "--", "true"]).output().unwrap();
    let words = ["the module nothing.ko did not load", "version magic '4"];
    is(&output, exit::FAIL, &words).unwrap();
}

/// A platform whose test asks for nothing.
const PLATFORM: &str = r#"{
  "description": "one that expects something", "driver": "none",
  "modes": ["irq"],
  "channels": [ { "name": "mctp", "device": { "driver": "pcc-mctp" } } ],
  "test": "test.sh"
}"#;

/// Handlers that want to be asked.
const EXPECTS: &str = r#"{ "handlers": [ {
  "name": "heartbeat", "match": { "hex": "7f 0000019c 01" },
  "reply": "none", "expect": { "at_least": 1 }
} ] }"#;

#[test]
fn an_expectation_that_is_not_met_fails() {
    let logs = Logs::new();
    for (name, text) in [
        ("platform.json", PLATFORM),
        ("expects.json", EXPECTS),
        ("test.sh", "echo 1..1; echo ok 1 nothing"),
    ] {
        fs::write(logs.path().join(name), text).unwrap();
    }
    let other = Logs::new();
    let messages = other.path().to_owned();
    fs::write(messages.join("expects.json"), EXPECTS).unwrap();
    let platform = logs.path().to_str().unwrap();
    let messages = messages.to_str().unwrap();
    let cases: &[&[&str]] = &[
        &["--platform", platform],
        &["--platform", platform, "--", "true"],
        &["--messages", messages, "--", "true"],
    ];
    all(each_of(JOBS, cases, |words| {
        let output = pcclab_run(words).output().unwrap();
        let said = ["the guest's test passed, the platform's side did not"];
        is(&output, exit::FAIL, &[&said[..], &["heartbeat"]].concat())
    }));
}

#[test]
fn the_order_of_platforms_does_not_matter() {
    let broken = built("BROKEN").join("hccs-ignores-status/kunpeng_hccs.ko");
    let broken = broken.to_str().unwrap();
    let changed: &[&str] = &[
        "--module",
        broken,
        "--append",
        "initcall_blacklist=hccs_driver_init",
    ];
    let orders = [["kunpeng-hccs", "cppc"], ["cppc", "kunpeng-hccs"]];
    let cases: Vec<_> = [(&[][..], exit::PASS), (changed, exit::FAIL)]
        .into_iter()
        .flat_map(|case| orders.map(|order| (order, case)))
        .collect();
    all(each_of(JOBS, &cases, |([first, second], (more, status))| {
        let words = ["--quick", "--platform", first, "--platform", second];
        let output = pcclab_run(&[&words[..], more].concat()).output().unwrap();
        is(&output, *status, &[]).map_err(|e| format!("{first} first: {e}"))
    }));
}

#[test]
fn a_shell_ends_as_runs_do() {
    // What is typed, whether its end follows, options; what comes of it.
    type Case<'a> = (&'a [u8], bool, &'a [&'a str], u8, &'a str);
    let cases: &[Case<'_>] = &[
        (b"echo $((6 * 7))\n", true, &[], exit::PASS, "42"),
        (b"", true, &[], exit::PASS, "PASS"),
        (b"exit 1\n", false, &[], exit::PASS, "PASS"),
        (b"echo c >/proc/sysrq-trigger\n", true, &[], exit::PANIC, "PANIC"),
        (b"", false, &["--timeout", "20"], exit::HANG, "HANG"),
        (b"cat /dev/zero >/dev/null\n", true, &["--timeout", "20"], 4, "HANG"),
    ];
    all(each_of(JOBS, cases, |(typed, ends, words, status, said)| {
        let mut child = pcclab_run(&[&["--shell"], *words].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(typed).unwrap();
        let open = (!*ends).then_some(stdin);
        wait(&mut child, Duration::from_secs(60));
        drop(open);
        let output = child.wait_with_output().unwrap();
        let typed = String::from_utf8_lossy(typed);
        is(&output, *status, &[said]).map_err(|e| format!("{typed:?}: {e}"))
    }));
}

/// Results of an earlier run that passed.
fn old_results(folder: &Path) -> (PathBuf, PathBuf) {
    let (junit, json) = (folder.join("j.xml"), folder.join("r.json"));
    fs::write(&junit, "<testsuites tests=\"1\" errors=\"0\"/>").unwrap();
    fs::write(&json, "{ \"exit\": 0, \"old\": true }").unwrap();
    (junit, json)
}

/// That both say it was no pass.
fn say_no_pass(junit: &Path, json: &Path) {
    let junit = fs::read_to_string(junit).unwrap();
    assert!(junit.contains("errors=\"1\""), "{junit}");
    let json = fs::read_to_string(json).unwrap();
    let result: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(result["exit"], exit::TROUBLE, "{json}");
    assert!(result.get("old").is_none(), "{json}");
}

#[test]
fn results_are_written_when_there_is_no_verdict() {
    let logs = Logs::new();
    let (junit, json) = old_results(logs.path());
    let output =
        pcclab_run(&["--module", "/nowhere/a.ko", "--", "true", "--junit"])
            .output()
            .unwrap();
    // Behind "--" everything is the guest's.
    assert_eq!(output.status.code(), Some(i32::from(exit::TROUBLE)));
    let output = pcclab_run(&["--module", "/nowhere/a.ko", "--junit"])
        .arg(&junit)
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    is(&output, exit::TROUBLE, &["/nowhere/a.ko"]).unwrap();
    say_no_pass(&junit, &json);
    assert!(fs::read_to_string(junit).unwrap().contains("/nowhere/a.ko"));
}

/// Waits until the guest's console says this.
fn said(folder: &Path, words: &str) {
    let console = folder.join("console.log");
    let until = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&console).is_ok_and(|t| t.contains(words)) {
        assert!(Instant::now() < until, "the guest did not say {words}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_pass_behind() {
    let logs = Logs::new();
    let (junit, json) = old_results(logs.path());
    let folder = logs.path().join("logs");
    let mut child = pcclab_run(&["--junit"])
        .arg(&junit)
        .arg("--json")
        .arg(&json)
        .arg("--logs")
        .arg(&folder)
        .args(["--", "sh", "-c", "echo here; sleep 100"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    said(&folder, "here");
    child.kill().unwrap();
    child.wait().unwrap();
    say_no_pass(&junit, &json);
}

#[test]
fn a_folder_of_logs_has_one_user() {
    let logs = Logs::new();
    let other = logs.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("console.log"), "mine").unwrap();
    let output = pcclab_run(&["--logs", other.to_str().unwrap(), "--", "true"])
        .output()
        .unwrap();
    is(&output, exit::USAGE, &["holds something else"]).unwrap();
    assert_eq!(fs::read_to_string(other.join("console.log")).unwrap(), "mine");

    let folder = logs.path().join("logs");
    let words =
        ["--logs", folder.to_str().unwrap(), "--", "sh", "-c", "sleep 100"];
    let mut first = pcclab_run(&words).stdout(Stdio::null()).spawn().unwrap();
    said(&folder, "pcclab: begin");
    let output = pcclab_run(&words).output().unwrap();
    is(&output, exit::USAGE, &["another run uses"]).unwrap();
    assert_eq!(first.try_wait().unwrap(), None, "the first goes on");
    let pid = rustix::process::Pid::from_child(&first);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = wait(&mut first, Duration::from_secs(30));
    assert_eq!(code, Some(i32::from(exit::INTERRUPTED)));
}
