//! Captures: a run's own, and one with an event of every kind on every type
//! of channel, read by tshark with our dissector and by scapy.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use pccd::capture::{Capture, Entry, Kind, Reader};
use pccd::record::now;
use pccd_tests::Logs;
use pcclab::lab::Lab;
use pcclab::report;
use pcclab::session::{Config, Session};
use pcclab::verdict::{Verdict, exit};

use super::report::browse;
use super::{built, here, run};

/// tshark with our dissector. It runs no script for root.
fn tshark(file: &Path, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let script = root.join("pccd/wireshark/pcc.lua");
    let mut command = match rustix::process::geteuid().is_root() {
        true => {
            let mut command = Command::new("unshare");
            command.arg("--user").arg(built("TSHARK"));
            command
        }
        false => Command::new(built("TSHARK")),
    };
    command.arg("-X").arg(format!("lua_script:{}", script.display()));
    command.arg("-r").arg(file).args(arguments);
    let out = command.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {said}");
    String::from_utf8(out.stdout).unwrap()
}

/// What a capture holds: its events, and the number of MCTP packets.
fn read(file: &Path) -> (Vec<Entry>, usize) {
    let mut reader = Reader::open(file).unwrap();
    let (mut entries, mut packets) = (Vec::new(), 0);
    while let Some(packet) = reader.next_packet().unwrap() {
        match packet.interface {
            1 => entries.push(Entry::decode(&packet.data).unwrap()),
            _ => packets += 1,
        }
    }
    (entries, packets)
}

/// Fails unless tshark and scapy see in a capture what is there.
fn judge(file: &Path) -> Vec<Entry> {
    let (entries, packets) = read(file);
    let fields = ["pcc.event", "pcc.handler", "_ws.malformed"];
    let fields = fields.iter().flat_map(|name| ["-e", name]);
    let mut arguments =
        vec!["-Y", r#"frame.interface_name == "pcc""#, "-Tfields"];
    arguments.extend(fields);
    let rows = tshark(file, &arguments);
    let ours: Vec<String> = entries
        .iter()
        .map(|one| format!("{}\t{}\t", one.kind as u8, one.handler))
        .collect();
    let theirs: Vec<&str> = rows.lines().collect();
    assert_eq!(theirs, ours);
    let wrong =
        r#"frame.interface_name == "pcc" && _ws.expert.severity == error"#;
    assert_eq!(tshark(file, &["-Y", wrong]), "");
    let wrong = r#"frame.interface_name == "mctp" && (!mctp || _ws.malformed)"#;
    assert_eq!(tshark(file, &["-Y", wrong]), "");
    for kind in Kind::ALL {
        let filter = format!("pcc.event == \"{}\"", kind.name());
        let count = entries.iter().filter(|one| one.kind == *kind).count();
        let rows = tshark(file, &["-Y", &filter]);
        assert_eq!(rows.lines().count(), count, "{filter}");
    }
    let mut scapy = Command::new(built("PYMCTP"));
    scapy.arg(here("ask_scapy.py")).arg(file).stderr(Stdio::null());
    let (done, said) = run(&mut scapy);
    assert!(done, "{said}");
    let count: BTreeMap<String, usize> = serde_json::from_str(&said).unwrap();
    let wanted =
        [("mctp 276", packets), ("pcc 147", entries.len())].into_iter();
    let wanted = wanted.filter(|(_, count)| *count > 0);
    assert_eq!(count, wanted.map(|(k, v)| (k.to_owned(), v)).collect());
    entries
}

#[test]
fn a_runs_capture_is_read_by_others() {
    let logs = Logs::new();
    let lab = Lab::find(None, &[]).unwrap();
    let config = Config::new(lab, logs.path(), &["sh", "/tests/demo.sh"]);
    let session = Session::start(config).unwrap();
    session.finish(|_| {}).unwrap();
    let verdict = Verdict::new(exit::PASS, "PASS".to_owned());
    report::leave(logs.path(), "demo", &verdict);
    let seen = browse(&logs.path().join(report::FILE), None);
    assert_eq!(seen["log"], serde_json::json!([]));
    let detail = seen["detail"].as_str().unwrap();
    assert!(detail.contains("control.instance_id"), "{detail}");
    let entries = judge(&logs.path().join("capture.pcapng"));
    for kind in [
        Kind::Request,
        Kind::Reply,
        Kind::Unasked,
        Kind::Doorbell,
        Kind::Complete,
        Kind::Interrupt,
        Kind::Acknowledge,
        Kind::Published,
        Kind::Taken,
        Kind::Loaded,
        Kind::Epoch,
    ] {
        assert!(entries.iter().any(|one| one.kind == kind), "{kind:?}");
    }
}

#[test]
fn every_event_on_every_channel_is_read_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pcapng");
    let mut capture = Capture::create(&file).unwrap();
    let mut envelope = b"PCCE\x01\0\x20\0\x01\0\0\0".to_vec();
    envelope.resize(32, 0);
    for kind in Kind::ALL {
        for subspace_type in 0..6 {
            let mut entry = Entry::new(*kind);
            entry.subspace = Some(subspace_type);
            entry.subspace_type = Some(subspace_type);
            entry.handler = format!("{} {subspace_type}", kind.name());
            entry.content = match subspace_type {
                0..3 => b"\x02CCP\0\x80\x05\0data".to_vec(),
                5 => b"doorbellregion".to_vec(),
                _ => {
                    let head = b"\x03CCP\x01\0\0\0\x0b\0\0\0MCTP".to_vec();
                    [head, vec![1, 9, 8, 0xc8, 0, 0x80, 2]].concat()
                }
            };
            if *kind == Kind::Unasked {
                entry.content = [&envelope[..], &entry.content].concat();
            }
            assert_eq!(capture.write_entry("/m", now(), &entry), None);
        }
    }
    assert_eq!(capture.finish(now()), None);
    judge(&file);
    let count = |filter| tshark(&file, &["-Y", filter]).lines().count();
    let kinds = Kind::ALL.len();
    assert_eq!(count("pcc.type == 5"), kinds);
    assert_eq!(count("pcc.status.error == 1"), 3 * kinds);
    assert_eq!(count("pcc.command.interrupt == 1"), 3 * kinds);
    assert_eq!(count("pcc && mctpc.command == 2"), 2 * kinds);
    assert_eq!(count("pcc.envelope.error == 1"), 6);
    assert_eq!(count("pcc.doorbell"), 5, "what comes from the guest");
}
