//! `pccd run --capture`: what is in the log is in the capture.

mod common;

use std::fs;
use std::io::{Cursor, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::spawn;

use common::{Bench, Daemon, LIMIT, pccd, single, stderr_of};
use pccd::capture::{Entry, Kind, Reader};
use pccd::{Event, Record};

fn start(bench: &Bench, command: &mut Command) -> Daemon {
    let daemon = Daemon(command.spawn().unwrap());
    bench.wait("a daemon", || bench.count(Event::Started) > 0);
    daemon
}

/// The PCC events of a capture, and the number of MCTP packets, as far as it
/// is whole.
fn events(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let (mut entries, mut packets) = (Vec::new(), 0);
    let Ok(mut reader) = Reader::new(Box::new(Cursor::new(bytes.to_vec())))
    else {
        return (entries, packets);
    };
    while let Ok(Some(packet)) = reader.next_packet() {
        match packet.interface {
            1 => entries.push(Entry::decode(&packet.data).unwrap()),
            _ => packets += 1,
        }
    }
    (entries, packets)
}

/// What log and capture both say.
fn same(entries: &[Entry], records: &[Record]) {
    let shown: Vec<_> = entries
        .iter()
        .map(|one| {
            let content = hex::encode(&one.content);
            (one.name.clone(), one.handler.clone(), content)
        })
        .collect();
    let logged: Vec<_> = records
        .iter()
        .map(|one| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            (text(&one.name), text(&one.handler), text(&one.content))
        })
        .collect();
    assert_eq!(shown, logged);
}

#[test]
fn a_file_holds_what_the_log_does() {
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcapng");
    let daemon = start(&bench, bench.command().arg("--capture").arg(&path));
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    bench.request(2, &[0, 0x43]);
    bench.wait("the refusal", || bench.count(Event::Rejected) == 1);
    assert_eq!(daemon.terminate(), 0);
    let (entries, packets) = events(&fs::read(&path).unwrap());
    same(&entries, &bench.records());
    let reply = entries.iter().find(|one| one.kind == Kind::Reply).unwrap();
    assert_eq!((reply.handler.as_str(), reply.sequence), ("endpoint", Some(1)));
    assert_eq!(packets, 3, "the malformed one, too");
}

#[test]
fn a_stream_comes_while_it_happens() {
    let bench = Bench::new();
    let mut command = bench.command();
    command.args(["--capture", "-"]).stdout(Stdio::piped());
    let mut daemon = start(&bench, &mut command);
    let mut out = daemon.0.stdout.take().unwrap();
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    let (sender, pieces) = channel();
    let reader = spawn(move || {
        let mut piece = [0; 4096];
        while let Some(piece) = out.read(&mut piece).ok().map(|n| &piece[..n])
            && !piece.is_empty()
        {
            sender.send(piece.to_vec()).unwrap();
        }
    });
    // Both packets, while the daemon runs.
    let mut bytes = Vec::new();
    while events(&bytes).1 < 2 {
        bytes.extend(pieces.recv_timeout(LIMIT).unwrap());
    }
    assert_eq!(daemon.terminate(), 0);
    reader.join().unwrap();
    bytes.extend(pieces.try_iter().flatten());
    same(&events(&bytes).0, &bench.records());
}

#[test]
fn one_that_cannot_be_made_is_refused() {
    let bench = Bench::new();
    let path = bench.dir.path().join("none/a.pcapng");
    let output = pccd()
        .args(["run", "--mailbox"])
        .arg(bench.mailbox())
        .arg("--capture")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr_of(&output);
    assert!(said.contains("none/a.pcapng; choose another file"), "{said}");
}

#[test]
fn a_full_disk_stops_nobody() {
    let bench = Bench::new();
    let daemon =
        start(&bench, bench.command().args(["--capture", "/dev/full"]));
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    bench.exchange(2, &single(0, &[0, 0x80, 2]));
    assert_eq!(daemon.terminate(), 0);
    let records = bench.records();
    let errors: Vec<&str> = records
        .iter()
        .filter(|one| one.event == Event::Error)
        .filter_map(|one| one.reason.as_deref())
        .collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("/dev/full cannot be written: No space left"));
    assert!(errors[1].contains("/dev/full is not whole"), "{errors:?}");
}

#[test]
fn wireshark_is_shown_a_running_mailbox() {
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcapng");
    let daemon = start(&bench, bench.command().arg("--capture").arg(&path));
    let ask = |words: &[&str]| {
        let output = pccd().arg("extcap").args(words).output().unwrap();
        let said = stderr_of(&output);
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let name = format!("pcc:{}", bench.mailbox().display());
    let (out, _) = ask(&["--extcap-interfaces", "--extcap-version=4.4"]);
    assert!(out.starts_with("extcap {version="), "{out}");
    assert!(out.contains(&format!("interface {{value={name}}}")), "{out}");
    let (out, _) = ask(&["--extcap-dlts", "--extcap-interface", &name]);
    assert!(out.starts_with("dlt {number=147}"), "{out}");
    assert_eq!(ask(&["--extcap-config", "--extcap-interface", &name]).0, "");
    let to = bench.dir.path().join("fifo");
    fs::write(&to, "").unwrap();
    let fifo = to.to_str().unwrap();
    let arguments = ["--capture", "--fifo", fifo, "--extcap-interface"];
    let (_, said) = ask(&[&arguments[..], &["pcc:/none"]].concat());
    assert!(said.contains("has the mailbox of pcc:/none: start one"), "{said}");
    let mut reader = pccd();
    reader.arg("extcap").args(arguments).arg(&name);
    let mut reader = Daemon(reader.spawn().unwrap());
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    let arrived = || fs::read(&to).unwrap();
    bench.wait("the head", || arrived().len() > 100);
    assert_eq!(daemon.terminate(), 0);
    // It ends when the daemon does, with all that it wrote.
    assert!(reader.0.wait().unwrap().success());
    assert!(arrived() == fs::read(&path).unwrap());
}
