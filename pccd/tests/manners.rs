//! `status`, `state` and `reload` beside a running daemon, and readiness.

mod common;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use common::{Bench, EPOCH, pccd, single, stderr_of, write};
use pccd::Event;
use serde_json::Value;

fn bench() -> Bench {
    let bench = Bench::new();
    write(
        &bench.dir.path().join("messages/t.json"),
        r#"{"variables": {"reads": 0}, "handlers": [
      {"name": "read", "match": {"hex": "05 01"}, "reply": {"hex": "05"},
       "set": {"reads": "{{ state.reads + 1 }}"}, "expect": {"at_least": 1}},
      {"name": "hang", "match": {"hex": "05 02"}, "reply": {"hex": "05"},
       "delay": "never"}
    ]}"#,
    );
    bench
}

fn run(bench: &Bench, args: &[&str]) -> (i32, String, String) {
    let output = pccd()
        .args(args)
        .arg("--mailbox")
        .arg(bench.mailbox())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), out, stderr_of(&output))
}

#[test]
fn status_and_state() {
    let bench = bench();
    let (code, _, said) = run(&bench, &["status"]);
    assert_eq!(code, 2);
    assert!(said.contains("there is no mailbox"), "{said}");
    bench.make_folders();
    bench.channels(
        EPOCH,
        r#"{"subspace": 0, "type": 3, "size": 8192,
            "completion": "posted", "paired": 1},
           {"subspace": 1, "type": 4, "size": 8192,
            "completion": "posted", "paired": 0}"#,
    );
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[5, 1]));
    bench.request(2, &single(0, &[5, 2]));
    bench.wait("the request", || bench.count(Event::Received) == 2);
    bench.wait("the ledger", || run(&bench, &["state"]).1.contains("never"));
    let records = bench.records();
    let ignored = records.iter().find(|r| r.event == Event::Ignored).unwrap();
    assert_eq!(ignored.handler.as_deref(), Some("hang"));
    let (code, out, _) = run(&bench, &["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    let pid = i64::from(daemon.0.id());
    let found = [
        &status["daemon"],
        &status["outbox"],
        &status["inbox"],
        &status["delayed"],
        &status["eid"],
    ];
    assert_eq!(found.map(|value| value.as_i64().unwrap()), [pid, 1, 1, 1, 9]);
    assert_eq!(status["channels"], serde_json::json!([[0, 3], [1, 4]]));
    let (_, out, _) = run(&bench, &["status"]);
    assert!(out.contains(&format!("process {pid}")), "{out}");
    let (code, out, _) = run(&bench, &["state"]);
    assert_eq!(code, 0);
    for part in ["state.reads", "answered: read", "delayed: hang"] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert_eq!(daemon.terminate(), 0);
    let (_, out, _) = run(&bench, &["status"]);
    assert!(out.contains("none runs"), "{out}");
}

/// What the device counted (docs/mailbox.md §9), of this life of the guest.
#[test]
fn status_tells_what_the_guest_broke() {
    let bench = bench();
    bench.make_folders();
    bench.channels(EPOCH, "");
    let conduct = |version: u32, epoch: &str| {
        let text = format!(
            r#"{{"version": {version}, "epoch": "{epoch}", "channels":
                [{{"subspace": 3, "doorbell-busy": 2, "x\u001b": 1}}]}}"#
        );
        fs::write(bench.mailbox().join("conduct.json"), text).unwrap();
        run(&bench, &["status"])
    };
    let (code, out, _) = conduct(1, EPOCH);
    assert_eq!(code, 0);
    let lines: Vec<&str> =
        out.lines().filter(|line| line.contains("conduct")).collect();
    let [known, other] = lines[..] else { panic!("{out}") };
    assert!(
        known.ends_with(
            "subspace 3, 2 × doorbell-busy: the doorbell is not rung while \
             a command is pending (ACPI 6.5 §14.5)"
        ),
        "{known}"
    );
    assert!(other.ends_with("1 × x\\u{1b}"), "{other}");
    let (_, out, _) = run(&bench, &["status", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["conduct"][0]["doorbell-busy"], 2);
    let (code, out, _) = conduct(1, "20000101T000000.000000000Z");
    assert!(code == 0 && !out.contains("conduct"), "{out}");
    let (code, out, said) = conduct(2, EPOCH);
    assert!(code == 2 && said.contains("it has version 2"), "{said}");
    assert!(out.contains("inbox      0 waiting"), "{out}");
}

/// What the other files tell is told, whichever cannot be read.
#[test]
fn status_tells_what_can_be_read() {
    let bench = bench();
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[5, 1]));
    assert_eq!(daemon.terminate(), 0);
    let (_, whole, _) = run(&bench, &["status"]);
    for name in ["channels.json", "conduct.json", "state/ledger.json"] {
        let path = bench.path(name);
        let before = fs::read(&path).ok();
        fs::write(&path, "{").unwrap();
        let (code, out, said) = run(&bench, &["status"]);
        assert_eq!(code, 2, "{name}: {said}");
        assert!(said.contains(name), "{name} in {said}");
        assert!(out.contains("guest "), "{name}: {out}");
        assert!(out.lines().count() + 1 >= whole.lines().count(), "{out}");
        match before {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    assert_eq!(run(&bench, &["status"]), (0, whole, String::new()));
}

#[test]
fn reload_asks_the_daemon() {
    let bench = bench();
    let daemon = bench.start();
    let (code, out, _) = run(&bench, &["reload"]);
    assert_eq!(code, 0);
    assert!(out.contains(&format!("process {}", daemon.0.id())), "{out}");
    bench.wait("new handlers", || {
        let records = bench.records();
        let mut reasons = records.iter().flat_map(|r| r.reason.clone());
        reasons.any(|reason| reason.starts_with("handlers read again"))
    });
    daemon.kill();
    let (code, _, said) = run(&bench, &["reload"]);
    assert_eq!(code, 2);
    assert!(said.contains("no pccd answers"), "{said}");
}

/// The lock says who runs, not what its file says; and nothing that lies in
/// its place is waited for.
#[test]
fn a_lock_file_alone_is_no_daemon() {
    let other = bench();
    let daemon = other.start();
    let stale = bench();
    stale.make_folders();
    let lock = stale.path("daemon.lock");
    std::fs::write(&lock, format!("{}\n", daemon.0.id())).unwrap();
    let (code, _, said) = run(&stale, &["reload"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no pccd answers"), "{said}");
    let (_, out, _) = run(&stale, &["status"]);
    assert!(out.contains("none runs"), "{out}");

    std::fs::remove_file(&lock).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    for name in ["daemon.lock", "channels.json"] {
        let path = stale.path(name);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
    }
    for command in ["status", "stats", "reload"] {
        let mut pccd = common::pccd();
        let asked = pccd.arg(command).arg("--mailbox").arg(stale.mailbox());
        let (code, said) = common::finish(asked);
        assert!([0, 2].contains(&code), "{said}");
    }
}

#[test]
fn a_service_manager_is_told() {
    let bench = bench();
    let path = bench.dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = bench.command();
    let child = command.env("NOTIFY_SOCKET", &path).spawn().unwrap();
    let daemon = common::Daemon(child);
    let heard = || {
        let mut bytes = [0; 256];
        let size = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..size]).into_owned()
    };
    assert!(heard().contains("READY=1"));
    daemon.terminate();
    assert!(heard().contains("STOPPING=1"));
}

#[test]
fn stats_count_and_say_how_long_it_took() {
    let bench = bench();
    let (code, _, said) = run(&bench, &["stats"]);
    assert_eq!(code, 2);
    assert!(said.contains("none has left"), "{said}");
    let daemon = bench.start();
    for seq in 1..=3 {
        bench.exchange(seq, &single(0, &[5, 1]));
    }
    let stats = || {
        let (code, out, _) = run(&bench, &["stats", "--format", "json"]);
        assert_eq!(code, 0);
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let first = stats();
    assert_eq!(first["pid"], daemon.0.id());
    assert_eq!(first["events"]["received"], 3);
    assert_eq!(first["handlers"]["read"], 3);
    let times = &first["latency_us"];
    assert_eq!(times["count"], 3);
    let of = |name: &str| times[name].as_u64().unwrap();
    let order = ["min", "p50", "p90", "p99", "p999", "max"].map(of);
    assert!(order.is_sorted() && order[0] > 0, "{order:?}");
    bench.exchange(4, &single(0, &[5, 1]));
    assert_eq!(stats()["handlers"]["read"], 4, "asked again");
    bench.request(5, &single(0, &[5, 2]));
    bench.wait("silence", || bench.count(Event::Ignored) == 1);
    let last = stats();
    assert_eq!(last["silences"]["hang"], 1);
    assert_eq!(last["faults"]["never answers"], 1);
    assert_eq!(daemon.terminate(), 0);
    let (code, out, _) = run(&bench, &["stats"]);
    assert_eq!(code, 0, "the last daemon's");
    assert!(out.contains("99.9 %"), "{out}");
}

#[test]
fn man_pages_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    assert!(pccd().arg("man").arg(&pages).status().unwrap().success());
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("pccd.1").contains("pccd\\-run(1)"));
    assert!(page("pccd-run.1").contains("\\-\\-mailbox"));
    assert!(page("pccd-stats.1").contains("latencies"));
    for shell in ["bash", "zsh", "fish"] {
        let output = pccd().args(["completions", shell]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("mailbox"), "{shell}");
    }
    let script = pccd().args(["completions", "bash"]).output().unwrap().stdout;
    let path = folder.path().join("pccd.bash");
    std::fs::write(&path, script).unwrap();
    let asked = "source $0; COMP_WORDS=(pccd st); COMP_CWORD=1; \
                 _pccd pccd st pccd; echo ${COMPREPLY[@]}";
    let said = std::process::Command::new("bash")
        .args(["-c", asked])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.trim(), "status state stats");
}

#[test]
fn a_broken_pipe_is_no_error() {
    let bench = bench();
    let folder = bench.dir.path().join("messages");
    let messages = folder.to_str().unwrap();
    let wrong = bench.dir.path().join("wrong");
    write(&wrong.join("a.json"), "{}x");
    let wrong = wrong.to_str().unwrap();
    let log = bench.dir.path().join("some.log");
    let line = r#"{"time":"2026-11-21T04:41:42Z","event":"note"}"#;
    write(&log, &format!("{line}\n{line}\n"));
    let log = log.to_str().unwrap();
    let strange = bench.dir.path().join("strange.log");
    write(&strange, &format!("{line}\nstrange\n"));
    let strange = strange.to_str().unwrap();
    let unread = || std::io::pipe().unwrap().1;
    for (words, wanted) in [
        (&["schema"][..], 0),
        (&["man"], 0),
        (&["completions", "zsh"], 0),
        (&["decode", "00", "80", "02"], 0),
        (&["decode", "--format", "json", "00", "80", "02"], 0),
        (&["decode", log], 0),
        (&["decode", "--format", "json", log], 0),
        (&["decode", strange], 1),
        (&["encode", r#"{"hex": "0583"}"#], 0),
        (&["check", "--messages", messages], 0),
        (&["check", "--messages", wrong, "--format", "json"], 1),
        (&["check", "--messages", wrong], 1),
        (&["check", "--help"], 0),
        (&["decode", "xyz"], 2),
    ] {
        let output = pccd().args(words).stdout(unread()).output().unwrap();
        let said = stderr_of(&output);
        assert_eq!(output.status.code(), Some(wanted), "{words:?}: {said}");
        assert!(!said.contains("roken pipe"), "{words:?}: {said}");
        let mut both = pccd();
        both.args(words).stdout(unread()).stderr(unread());
        assert_eq!(both.status().unwrap().code(), Some(wanted), "{words:?}");
    }
}

/// What the unit starts is a command line of ours, and its mailbox is the
/// folder that systemd makes.
#[test]
fn the_systemd_unit_starts_pccd() {
    use clap::Parser;
    let unit = include_str!("../pccd@.service");
    let value = |name: &str| {
        let mut lines = unit.lines().filter_map(|l| l.strip_prefix(name));
        lines.next().unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(value("Type="), "notify");
    let command = value("ExecStart=").replace("%i", "me");
    let cli = pccd::cli::Cli::parse_from(command.split(' '));
    let Some(pccd::cli::Command::Run(run)) = cli.command else {
        panic!("{command}");
    };
    let folder = value("RuntimeDirectory=").replace("%i", "me");
    let folder = std::path::Path::new("/run").join(folder);
    assert_eq!(run.mailbox, [folder]);
}

/// Two mailboxes, one process: each has its own state, and one whose answer
/// never comes holds up nobody in the other.
#[test]
fn many_mailboxes_in_one_process() {
    let (one, two) = (bench(), Bench::new());
    two.make_folders();
    let mut command = one.command();
    let mut child =
        command.arg("--mailbox").arg(two.mailbox()).spawn().unwrap();
    one.wait("both", || one.count(Event::Started) == 2);
    one.exchange(1, &single(0, &[5, 1]));
    one.request(2, &single(0, &[5, 2]));
    for seq in 1..=3 {
        two.exchange(seq, &single(0, &[5, 1]));
    }
    let reads = |bench: &Bench| {
        let (_, out, _) = run(bench, &["state", "--format", "json"]);
        let state: Value = serde_json::from_str(&out).unwrap();
        state["memory"]["variables"]["reads"].clone()
    };
    assert_eq!((reads(&one), reads(&two)), (1.into(), 3.into()));
    assert_eq!(one.list("outbox").len(), 1, "it hangs");
    let pid = rustix::process::Pid::from_child(&child);
    let signal = rustix::process::Signal::TERM;
    rustix::process::kill_process(pid, signal).unwrap();
    assert_eq!(common::wait_child(&mut child), 0);
}
