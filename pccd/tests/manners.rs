//! `status`, `state` and `reload` beside a running daemon, and readiness.

mod common;

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
