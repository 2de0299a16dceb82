//! Runs of `pcclab run` that start from a saved machine: as cold ones in all
//! that they tell, and never from one that is not right.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use pccd_tests::{Logs, built, wait};
use pcclab::config::Config;
use pcclab::initramfs::Archive;
use pcclab::lab::Lab;
use pcclab::outcome::End;
use pcclab::session::Session;
use serde_json::Value;

/// A cache of its own, and the folder of the runs.
struct Cache(Logs);

/// What a run came to.
struct Run {
    json: Value,
    ktap: String,
    output: Output,
}

impl Run {
    fn is(&self, code: u8, start: &str) {
        let got = (self.json["exit"].as_u64(), self.json["start"].as_str());
        let status = self.output.status.code();
        assert_eq!(
            (got, status),
            ((Some(code.into()), Some(start)), Some(code.into())),
            "{}\n{:?}",
            self.json["text"],
            self.output
        );
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

impl Cache {
    fn new() -> Cache {
        Cache(Logs::new())
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(built("PCCLAB"));
        let at = |end: &str| self.0.path().join(format!("{name}{end}"));
        command
            .env("PCCD_CACHE", self.0.path())
            .arg("run")
            .arg("--json")
            .arg(at(".json"))
            .arg("--ktap")
            .arg(at(".ktap"))
            .arg("--logs")
            .arg(at(""))
            .args(words);
        command
    }

    fn result(&self, name: &str, output: Output) -> Run {
        let read = |end: &str| {
            fs::read_to_string(self.0.path().join(format!("{name}{end}")))
        };
        Run {
            json: serde_json::from_str(&read(".json").unwrap()).unwrap(),
            ktap: read(".ktap").unwrap_or_default(),
            output,
        }
    }

    fn run(&self, words: &[&str]) -> Run {
        let output = self.command("run", words).output().unwrap();
        self.result("run", output)
    }

    /// The guest runs a script.
    fn script(&self, script: &str) -> Run {
        self.run(&["--", "sh", "-c", script])
    }

    /// The folder of the run before.
    fn logs(&self) -> PathBuf {
        self.0.path().join("run")
    }

    /// The saved machines.
    fn saved(&self) -> Vec<PathBuf> {
        let folder = self.0.path().join("warm");
        let paths = fs::read_dir(folder).into_iter().flatten();
        let paths = paths.map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with("lock")).collect()
    }
}

/// What the test of a platform that has no platform prints.
const GOOD: &str = "echo 'KTAP version 1'; echo 1..1; uname -r | sed 's/^/# /';
    echo 'ok 1 a'; dmesg | grep -iE 'stall|lockup|blocked for' | sed 's/^/# /'";

#[test]
fn a_warm_run_is_as_a_cold_one() {
    let cache = Cache::new();
    let cold = cache.run(&["--cold", "--", "sh", "-c", GOOD]);
    cold.is(0, "cold");
    assert_eq!(cache.saved(), [] as [PathBuf; 0]);
    let first = cache.script(GOOD);
    first.is(0, "cold");
    assert_eq!(cache.saved().len(), 1);
    let warm = cache.script(GOOD);
    warm.is(0, "warm");
    assert_eq!(cold.ktap.lines().count(), 4, "{}", cold.ktap);
    assert_eq!((&cold.ktap, &cold.ktap), (&first.ktap, &warm.ktap));
    assert_eq!(warm.said(), "");
    for left in ["initrd.img", "run.cpio"] {
        assert!(!cache.logs().join(left).exists(), "{left}");
    }

    // One that is over before it has begun to speak
    let gone = cache.script("poweroff -f");
    gone.is(1, "warm");
    let text = gone.json["text"].as_str().unwrap();
    assert!(text.contains("before the command had ended"), "{text}");
    let failed = cache.script("exit 7");
    failed.is(1, "warm");
    let text = failed.json["text"].as_str().unwrap();
    assert!(text.starts_with("FAIL: exit status 7 ("), "{text}");
    assert!(text.ends_with(" s, warm)"), "{text}");
    let panic = cache.script("echo c >/proc/sysrq-trigger; sleep 60");
    panic.is(3, "warm");
    let words = ["--timeout", "10", "--", "sh", "-c", "echo here; sleep 60"];
    let hung = cache.run(&words);
    hung.is(4, "warm");
    let text = hung.json["text"].as_str().unwrap();
    assert!(text.contains("it was in the command"), "{text}");
    let reasons = hung.json["reasons"].to_string();
    assert!(reasons.contains("sleep"), "{reasons}");
    // None of that was the machine's fault.
    assert_eq!(cache.saved().len(), 1);
    assert_eq!(processes(cache.0.path()), [] as [PathBuf; 0]);
}

#[test]
fn two_runs_save_one_machine_and_one_that_is_spoilt_goes() {
    let cache = Cache::new();
    let words = ["--", "sh", "-c", GOOD];
    let start = |name: &&str| {
        let mut command = cache.command(name, &words);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut both = ["a", "b"].each_ref().map(start);
    for child in &mut both {
        assert_eq!(wait(child, Duration::from_secs(120)), Some(0));
    }
    let [saved] = cache.saved().try_into().unwrap();
    cache.run(&words).is(0, "warm");

    // Cut short, first as a crash of the host may leave it, then so that only
    // QEMU can tell.
    let entry = saved.join("entry.json");
    let text = fs::read_to_string(&entry).unwrap();
    let machine = saved.join("machine");
    let whole = fs::metadata(&machine).unwrap().len();
    let half = text.replace(
        &format!("\"bytes\":{whole}"),
        &format!("\"bytes\":{}", whole / 2),
    );
    assert_ne!(text, half);
    for (entry_text, word) in [(text, "bytes, not the"), (half, "QEMU")] {
        let file = fs::File::options().write(true).open(&machine).unwrap();
        file.set_len(whole / 2).unwrap();
        fs::write(&entry, entry_text).unwrap();
        let run = cache.run(&words);
        run.is(0, "cold");
        let said = run.said();
        assert!(said.contains("a saved start is thrown away: "), "{said}");
        assert!(said.contains(word), "{said}");
    }
    cache.run(&words).is(0, "warm");
    assert_eq!(cache.saved(), [saved]);
}

#[test]
fn a_disk_that_is_full_costs_only_the_saved_machine() {
    // The second has spoken with its platform by then.
    let platform = ["--platform", "kunpeng-hccs", "--", "true"];
    for words in [&["--", "true"][..], &platform] {
        let cache = Cache::new();
        let command = cache.command("run", words);
        let output = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 16384; exec \"$@\"", "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env("PCCD_CACHE", cache.0.path())
            .output()
            .unwrap();
        let run = cache.result("run", output);
        run.is(0, "cold");
        let said = run.said();
        assert!(said.contains("this start is not saved: "), "{said}");
        assert_eq!(cache.saved(), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_log_that_has_a_splat_already_is_not_saved() {
    let cache = Cache::new();
    // The console has the kernel's command line, and so the words.
    let append = "loglevel=6 told=\"BUG: told\"";
    for _ in 0..2 {
        let run = cache.run(&["--append", append, "--", "true"]);
        run.is(3, "cold");
        let said = run.said();
        let why = "this start is not saved: the kernel's log already has";
        assert!(said.contains(why), "{said}");
        assert_eq!(cache.saved(), [] as [PathBuf; 0]);
    }
}

/// The driver is built in, and asks all that its platform wants to be asked
/// while it is probed: before the machine is saved.
#[test]
fn claims_hold_over_both_parts() {
    let cache = Cache::new();
    let words = ["--platform", "kunpeng-hccs", "--", "true"];
    cache.run(&words).is(0, "cold");
    let [saved] = cache.saved().try_into().unwrap();
    assert!(saved.join("state/ledger.json").exists());
    let warm = cache.run(&words);
    warm.is(0, "warm");
    assert_eq!(warm.json["conduct"][0]["rule"], "length-header");

    // Another platform would have answered otherwise while it booted.
    let other = cache.0.path().join("kunpeng-hccs");
    let from = pcclab::platform::folder().join("kunpeng-hccs");
    fs::create_dir(&other).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, other.join(path.file_name().unwrap())).unwrap();
    }
    let at = other.join("hccs.json");
    let text = fs::read_to_string(&at).unwrap();
    fs::write(at, text + "\n").unwrap();
    let words = ["--platform", other.to_str().unwrap(), "--", "true"];
    cache.run(&words).is(0, "cold");
    assert_eq!(cache.saved().len(), 2);

    // And one that says so is never saved.
    let at = other.join("platform.json");
    let text = fs::read_to_string(&at).unwrap();
    fs::write(at, text.replacen('{', "{ \"cold\": true,", 1)).unwrap();
    cache.run(&words).is(0, "cold");
    cache.run(&words).is(0, "cold");
    assert_eq!(cache.saved().len(), 2);
}

/// The platform speaks first, and what it says waits for a driver that is
/// loaded after the machine was saved.
#[test]
fn a_message_for_a_driver_to_come_is_saved_too() {
    let cache = Cache::new();
    let words = ["--platform", "mailbox-core", "--quick"];
    cache.run(&words).is(0, "cold");
    let [saved] = cache.saved().try_into().unwrap();
    assert_eq!(fs::read_dir(saved.join("inbox")).unwrap().count(), 1);
    cache.run(&words).is(0, "warm");
}

#[test]
fn a_guest_that_cannot_take_its_command_is_started_again() {
    let logs = Logs::new();
    let mut lab = Lab::find(None, &[]).unwrap();
    let mut archive = Archive::default();
    let program = b"#!/bin/sh\necho 'no way in' >&2; exit 1\n";
    archive.file("bin/fwcfg", true, program).unwrap();
    let mut initrd = fs::read(&lab.initrd).unwrap();
    initrd.extend(archive.finish().unwrap());
    lab.initrd = logs.path().join("initrd.img");
    fs::write(&lab.initrd, initrd).unwrap();
    // The second time that is known.
    for name in ["first", "second"] {
        let folder = logs.path().join(name);
        let config = Config {
            warm: Some(logs.path().join("warm")),
            ..Config::new(lab.clone(), &folder, &["cat", "/pcclab/load"])
        };
        let mut asked = false;
        let session = Session::start(config).unwrap();
        let outcome = session
            .finish(|line| asked |= line.contains("No such file"))
            .unwrap();
        assert_eq!((outcome.end, outcome.warm), (End::Exit(1), false));
        assert!(asked, "{name}");
        // Of what was started in vain nothing is left.
        let console = fs::read_to_string(folder.join("console.log")).unwrap();
        assert!(!console.contains("pcclab: load"), "{console}");
    }
    let entries = fs::read_dir(logs.path().join("warm")).unwrap();
    assert_eq!(entries.count(), 2, "why there is none, and the lock");
}

/// Processes with this path on their command line.
fn processes(path: &Path) -> Vec<PathBuf> {
    let text = path.to_str().unwrap();
    let named = |path: &PathBuf| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| Some(entry.ok()?.path())).filter(named).collect()
}
