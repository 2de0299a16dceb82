//! The real binary in a folder of its own.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use common::{Bench, content, finish, pair, pccd, single, stem, write};
use pccd::Event;

/// The messages of the demo: name, request, answer; EID 8 asks EID 9.
const DEMO: &[(&str, &[u8], &[u8])] = &[
    ("set eid", &[0, 0x80, 1, 0, 9], &[0, 0, 1, 0, 0, 9, 0]),
    ("get eid", &[0, 0x81, 2], &[0, 1, 2, 0, 9, 0, 0]),
    (
        "uuid",
        &[0, 0x82, 3],
        &[
            0, 2, 3, 0, 0x8a, 0x7b, 0x1c, 0x2d, 0x3e, 0x4f, 0x4a, 0x5b, 0x9c,
            0x6d, 0x7e, 0x8f, 0x90, 0xa1, 0xb2, 0xc3,
        ],
    ),
    (
        "versions",
        &[0, 0x83, 4, 0xff],
        &[
            0, 3, 4, 0, 4, 0xf1, 0xf0, 0xff, 0, 0xf1, 0xf1, 0xff, 0, 0xf1,
            0xf2, 0xff, 0, 0xf1, 0xf3, 0xf3, 0,
        ],
    ),
    ("types", &[0, 0x84, 5], &[0, 4, 5, 0, 6, 1, 4, 5, 0x20, 0x7e, 0x7f]),
    ("GetTID", &[1, 0x80, 0, 2], &[1, 0, 0, 2, 0, 1]),
    ("echo", &[0x7e, 0x1a, 0xf4, 1, 2], &[0x7e, 0x1a, 0xf4, 1, 2]),
    ("unknown", &[0, 0x85, 0x7f], &[0, 5, 0x7f, 5]),
];

#[test]
fn the_demo_is_answered() {
    let bench = Bench::new();
    let daemon = bench.start();
    for (seq, (name, request, answer)) in (1..).zip(DEMO) {
        let tag = u8::try_from(seq % 8).unwrap();
        let packet = bench.exchange(seq, &single(tag, request));
        let mut expected = vec![1, 8, 9, 0xc0 | tag];
        expected.extend(*answer);
        assert_eq!(packet, expected, "{name}");
    }
    assert_eq!(daemon.terminate(), 0);
    let records = bench.records();
    let replies: Vec<_> =
        records.iter().filter(|r| r.event == Event::Replied).collect();
    assert_eq!(replies.len(), DEMO.len());
    let summaries: Vec<&str> = replies
        .iter()
        .map(|r| r.decoded.as_ref().unwrap().summary.as_str())
        .collect();
    assert_eq!(summaries[1], "Get Endpoint ID response: SUCCESS, EID 9");
    let first = replies[0];
    assert_eq!(first.handler.as_deref(), Some("endpoint"));
    assert_eq!(first.message.as_deref(), Some("00000100000900"));
    assert_eq!((first.source, first.destination), (Some(9), Some(8)));
    assert!(first.latency_us.is_some());
    assert_eq!(records.last().unwrap().event, Event::Stopped);
    assert_eq!(bench.list("tmp"), [""; 0]);
}

#[test]
fn a_log_goes_on_behind_a_torn_line() {
    let bench = Bench::new();
    let logs = [("", 0), (r#"{"time": "20"#, 1), ("{\"time\": \"20\n", 1)];
    for (before, torn) in logs {
        write(&bench.log(), before);
        assert_eq!(bench.start().terminate(), 0);
        let text = fs::read_to_string(bench.log()).unwrap();
        assert_eq!(
            text.lines().take_while(|l| before.contains(l)).count(),
            torn
        );
        assert_eq!(bench.records()[0].event, Event::Started, "{text}");
    }
}

#[test]
fn a_message_nobody_asked_for() {
    let bench = Bench::new();
    let _daemon = bench.start();
    let reply = bench.exchange(1, &single(3, b"\x7e\x1a\xf4notify"));
    assert_eq!(reply, b"\x01\x08\x09\xc3\x7e\x1a\xf4ok");
    let unasked: Vec<String> = bench
        .list("inbox")
        .into_iter()
        .filter(|name| name.ends_with("-1-001.pcc"))
        .collect();
    assert_eq!(unasked.len(), 1);
    assert_eq!(
        bench.packet(&unasked[0]),
        b"\x01\x08\x09\xc8\x7e\x1a\xf4hello",
        "TO set: a request of its own"
    );
}

#[test]
fn long_messages_in_both_directions() {
    let bench = Bench::new();
    let _daemon = bench.start();
    let mut message = vec![0x7e, 0x1a, 0xf4];
    message.extend(0..127);
    let flags = [0x8a, 0x1a, 0x6a];
    for (seq, (part, flags)) in (1..).zip(message.chunks(64).zip(flags)) {
        let mut packet = vec![1, 9, 8, flags];
        packet.extend(part);
        bench.request(seq, &packet);
    }
    bench.wait_answered();
    let names: Vec<String> =
        (1..=3).map(|k| format!("{}.r{k}.pcc", stem(3))).collect();
    assert_eq!(bench.list("inbox"), names, "named after the last request");
    let mut back: Vec<u8> = Vec::new();
    for name in names {
        back.extend(&bench.packet(&name)[4..]);
    }
    assert_eq!(back, message);
}

#[test]
fn a_daemon_that_starts_late() {
    let bench = Bench::new();
    bench.make_folders();
    for seq in 1..=20 {
        bench.request(seq, &single(0, &[0, 0x80, 2]));
    }
    let _daemon = bench.start();
    bench.wait_answered();
    assert_eq!(bench.list("inbox").len(), 20);
    let asked: Vec<_> = bench
        .records()
        .into_iter()
        .filter(|record| record.event == Event::Received)
        .map(|record| record.name.unwrap())
        .collect();
    let order: Vec<_> =
        (1..=20).map(|seq| format!("{}.pcc", stem(seq))).collect();
    assert_eq!(asked, order);
}

#[test]
fn bad_files_are_rejected_and_the_next_is_answered() {
    let bench = Bench::new();
    let _daemon = bench.start();
    let good = content(&single(0, &[0, 0x80, 2]));
    let changed = |at: usize, byte: u8| {
        let mut content = good.clone();
        content[at] = byte;
        content
    };
    let bad: &[(&str, Vec<u8>, &str)] = &[
        ("empty", Vec::new(), "empty"),
        ("two bytes", good[..2].to_vec(), "signature needs 4"),
        ("cut header", good[..15].to_vec(), "header needs 16"),
        ("truncated", good[..20].to_vec(), "length at byte 8 is 11"),
        ("wrong signature", changed(2, 0), "signature"),
        ("other channel", changed(0, 9), "subspace 9"),
        ("length lies, more", changed(9, 1), "length at byte 8"),
        ("length below 8", changed(8, 7), "length at byte 8"),
        ("not MCTP", changed(13, b'X'), "command"),
        ("too long", vec![0; 8193], "longer than 8192"),
    ];
    let mut seq = 0;
    for (name, content, reason) in bad {
        seq += 1;
        let stem_bad = stem(seq);
        bench.put(&format!("{stem_bad}.pcc"), content);
        seq += 1;
        bench.exchange(seq, &single(0, &[0, 0x80, 2]));
        let moved = bench.path("rejected").join(format!("{stem_bad}.pcc"));
        assert_eq!(&fs::read(moved).unwrap(), content, "{name}");
        let path = format!("{stem_bad}.pcc.reason");
        let text =
            fs::read_to_string(bench.path("rejected").join(path)).unwrap();
        assert!(text.contains(reason), "{name}: {text}");
        assert!(text.ends_with('\n') && text.lines().count() == 1);
    }
    // Names and kinds of files that do not belong there.
    bench.put("hello.txt", &good);
    fs::create_dir(bench.path("outbox").join("folder")).unwrap();
    let link = bench.path("outbox").join(format!("{}.pcc", stem(500)));
    symlink("/etc/passwd", link).unwrap();
    bench.exchange(seq + 1, &single(0, &[0, 0x80, 2]));
    bench.wait("rejected files", || {
        let names = bench.list("rejected");
        ["hello.txt", "folder", &format!("{}.pcc", stem(500))]
            .iter()
            .all(|name| names.iter().any(|found| found == name))
    });
    // A file is moved first and logged then.
    bench.wait("a log line each", || {
        bench.count(Event::Rejected) == bad.len() + 3
    });
}

/// No guest waits for what somebody else put into its mailbox.
#[test]
fn requests_are_answered_before_junk_is_moved_aside() {
    let bench = Bench::new();
    bench.make_folders();
    for number in 0..2000 {
        bench.put(&format!("0-junk-{number}"), b"");
    }
    bench.request(1, &single(0, &[0, 0x80, 2]));
    let _daemon = bench.start();
    bench.wait_answered();
    bench.wait("a log line each", || bench.count(Event::Rejected) == 2000);
    let records = bench.records();
    let at = |event| records.iter().position(|one| one.event == event);
    assert!(at(Event::Replied) < at(Event::Rejected));
}

#[test]
fn what_gets_no_answer_is_removed() {
    let bench = Bench::new();
    let _daemon = bench.start();
    let cases: &[&[u8]] = &[
        &[2, 9, 8, 0xc8, 0, 0x80, 2],  // header version 2
        &[1, 33, 8, 0xc8, 0, 0x80, 2], // somebody else's EID
        &[1, 9, 8, 0xc0, 0, 0x80, 2],  // TO clear
        &[1, 9, 8, 0x48, 0],           // end without start
        &[1, 9, 8, 0xc8, 5, 0x10],     // nobody handles SPDM
    ];
    for (seq, packet) in (1..).zip(cases) {
        bench.request(seq, packet);
    }
    bench.wait_answered();
    assert_eq!(bench.list("inbox"), [""; 0]);
    assert_eq!(bench.count(Event::Ignored), cases.len());
}

#[test]
fn state_lasts_for_one_life_of_the_guest() {
    let bench = Bench::new();
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 1, 0, 20]));
    daemon.kill();
    let _daemon = bench.start();
    let get = [1, 0, 8, 0xc8, 0, 0x80, 2];
    let reply = bench.exchange(2, &get);
    assert_eq!(reply[8], 20, "EID after a restart of the daemon");
    let epoch = "20261121T050000.000000000Z";
    bench.channels(epoch, &pair(0, 4096));
    let name = format!("{epoch}-00000001-000");
    bench.put(&format!("{name}.pcc"), &content(&get));
    bench.wait_answered();
    let reply = bench.packet(&format!("{name}.r1.pcc"));
    assert_eq!(reply[8], 9, "EID after a restart of the guest");
    // What belongs to the life before is over.
    bench.request(3, &get);
    bench.wait_answered();
    assert_eq!(bench.list("stale"), [format!("{}.pcc", stem(3))]);
    bench.wait("its record", || bench.count(Event::Stale) == 1);
}

/// A command of an answered channel that is refused would never end.
#[test]
fn a_spoilt_signature_on_an_answered_channel_is_answered() {
    let bench = Bench::new();
    bench.make_folders();
    bench.channels(
        common::EPOCH,
        r#"{"subspace": 0, "type": 3, "size": 4096,
            "completion": "answered"}"#,
    );
    let daemon = bench.start();
    let good = content(&single(0, &[0, 0x80, 2]));
    for (seq, at) in (1..).zip(0..4) {
        let mut spoilt = good.clone();
        spoilt[at] ^= 0x40;
        bench.put(&format!("{}.pcc", stem(seq)), &spoilt);
        bench.wait_answered();
        let name = format!("{}.r1.pcc", stem(seq));
        let reply = fs::read(bench.path("inbox").join(name)).unwrap();
        assert_eq!(reply[..4], *b"\0CCP");
        assert_eq!(reply[20..], [0, 0, 2, 0, 9, 0, 0], "byte {at}");
    }
    assert_eq!(daemon.terminate(), 0);
}

/// A file that is moved is moved, whether its reason can be written or not.
#[test]
fn a_reason_that_cannot_be_written() {
    let bench = Bench::new();
    bench.make_folders();
    let name = format!("{}.pcc", stem(1));
    let reason = bench.path("rejected").join(format!("{name}.reason"));
    fs::create_dir(reason).unwrap();
    let daemon = bench.start();
    bench.put(&name, b"no message");
    bench.exchange(2, &single(0, &[0, 0x80, 2]));
    assert!(bench.path("rejected").join(&name).is_file());
    let records = bench.records();
    let errors = records.iter().filter(|r| r.event == Event::Error);
    let errors: Vec<_> = errors.flat_map(|r| r.reason.as_deref()).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("its reason cannot be"), "{errors:?}");
    assert_eq!(bench.count(Event::Rejected), 1);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_lock_of_another_name_is_not_written() {
    let bench = Bench::new();
    bench.make_folders();
    let other = bench.dir.path().join("precious");
    fs::write(&other, "precious").unwrap();
    fs::hard_link(&other, bench.path("daemon.lock")).unwrap();
    let (code, text) = finish(bench.command().arg("--seed=1"));
    assert_eq!((code, fs::read(&other).unwrap()), (2, b"precious".to_vec()));
    assert!(text.contains("has another name, too"), "{text}");
}

/// What the system refuses is no verdict on a message.
#[test]
fn without_descriptors_requests_wait() {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let bench = Bench::new();
    let daemon = bench.start();
    let get = [0, 0x80, 2];
    bench.exchange(1, &single(0, &get));
    let pid = Pid::from_child(&daemon.0);
    let limit = |current| {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let wanted = Rlimit { current: Some(current), maximum };
        prlimit(Some(pid), Resource::Nofile, wanted).unwrap();
    };
    limit(3);
    for seq in 2..=9 {
        bench.request(seq, &single(0, &get));
    }
    bench.wait("an error", || bench.count(Event::Error) > 0);
    assert_eq!(bench.count(Event::Rejected), 0);
    limit(1024);
    bench.wait_answered();
    bench.wait("nine replies", || bench.count(Event::Replied) == 9);
    assert_eq!(bench.count(Event::Rejected), 0);
    assert_eq!(daemon.terminate(), 0);
}

/// Names of files are not to be trusted: whose life it is, the device says.
#[test]
fn a_name_does_not_end_the_life_of_the_guest() {
    const LATER: &str = "20301121T050000.000000000Z-00000001-000.pcc";
    let get = [1, 0, 8, 0xc8, 0, 0x80, 2];
    for told in [true, false] {
        let bench = Bench::new();
        bench.make_folders();
        if told {
            bench.channels(common::EPOCH, &pair(0, 4096));
        }
        let _daemon = bench.start();
        bench.exchange(1, &single(0, &[0, 0x80, 1, 0, 20]));
        let name = bench.path("outbox").join(LATER);
        std::os::unix::fs::symlink("/etc/hostname", &name).unwrap();
        bench.request(2, &get);
        bench.wait_answered();
        let reply = bench.packet(&format!("{}.r1.pcc", stem(2)));
        assert_eq!(reply[8], 20, "the guest still lives");
        if told {
            // A message all right, but none of this device.
            bench.put(LATER, &content(&get));
            bench.request(3, &get);
            bench.wait_answered();
            let reply = bench.packet(&format!("{}.r1.pcc", stem(3)));
            assert_eq!(reply[8], 20, "the guest still lives");
        }
        let rejected = 1 + usize::from(told);
        bench.wait("the names to be rejected", || {
            bench.count(Event::Rejected) == rejected
        });
        assert_eq!(bench.count(Event::Stale), 0);
    }
}

#[test]
fn channels_of_another_version_end_the_daemon() {
    let bench = Bench::new();
    bench.make_folders();
    fs::write(bench.path("channels.json"), r#"{"version": 2}"#).unwrap();
    let (code, text) = finish(&mut bench.command());
    assert_eq!(code, 2);
    assert!(text.contains("version 2, this pccd knows 1"), "{text}");
}

#[test]
fn a_mailbox_that_goes_away_is_made_again() {
    let bench = Bench::new();
    let _daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 1, 0, 20]));
    let again = || {
        bench.records().iter().any(|record| {
            record.reason.as_deref() == Some("the mailbox is there again")
        })
    };
    fs::remove_dir_all(bench.mailbox()).unwrap();
    bench.wait("new mailbox", again);
    let reply = bench.exchange(2, &[1, 0, 8, 0xc8, 0, 0x80, 2]);
    assert_eq!(reply[8], 20, "the guest still lives");
}

#[test]
fn only_the_state_goes_away() {
    let bench = Bench::new();
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 1, 0, 20]));
    fs::remove_dir_all(bench.path("state")).unwrap();
    bench.exchange(2, &[1, 0, 8, 0xc8, 0, 0x80, 1, 0, 21]);
    bench.wait("ledger", || bench.path("state/ledger.json").exists());
    daemon.kill();
    let _daemon = bench.start();
    let reply = bench.exchange(3, &[1, 0, 8, 0xc8, 0, 0x80, 2]);
    assert_eq!(reply[8], 21);
}

#[test]
fn a_broken_ledger_is_explained() {
    let bench = Bench::new();
    bench.start();
    fs::write(bench.path("state/ledger.json"), "{").unwrap();
    let (code, text) = finish(&mut bench.command());
    assert_eq!(code, 2);
    assert!(text.contains("ledger.json cannot be used"), "{text}");
    assert!(text.contains("name another folder with --state"), "{text}");
    assert!(!text.contains("rm "), "no command that removes: {text}");
}

#[test]
fn only_the_outbox_goes_away() {
    let bench = Bench::new();
    let _daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    let away = bench.dir.path().join("away");
    fs::rename(bench.path("outbox"), &away).unwrap();
    bench.wait("new outbox", || bench.path("outbox").exists());
    bench.exchange(2, &single(0, &[0, 0x80, 2]));
}

#[test]
fn folders_that_are_refused() {
    let bench = Bench::new();
    bench.make_folders();
    let open = bench.dir.path().join("open");
    fs::create_dir(&open).unwrap();
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(&open, mode).unwrap();
    let link = bench.dir.path().join("link");
    symlink(bench.mailbox(), &link).unwrap();
    let slash = bench.dir.path().join("link/");
    let inner = bench.dir.path().join("inner");
    let own = fs::Permissions::from_mode(0o700);
    fs::create_dir(&inner).unwrap();
    fs::set_permissions(&inner, own).unwrap();
    symlink(bench.path("outbox"), inner.join("outbox")).unwrap();
    let none = bench.dir.path().join("none/m");
    let cases = [
        (&open, "chmod 700"),
        (&link, "is a symbolic link"),
        (&slash, "is a symbolic link"),
        (&inner, "outbox is a symbolic link"),
        (&none, "mkdir -p"),
    ];
    for (path, expected) in cases {
        let (code, text) = finish(
            pccd().current_dir(bench.dir.path()).arg("--mailbox").arg(path),
        );
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(text.starts_with("pccd: mailbox "), "{text}");
    }
}

#[test]
fn a_second_daemon_is_refused() {
    let bench = Bench::new();
    let daemon = bench.start();
    let (code, text) = finish(&mut bench.command());
    assert_eq!(code, 2);
    let named = format!("another pccd, process {},", daemon.0.id());
    assert!(text.contains(&named), "{text}");
    assert!(text.contains("--mailbox"), "{text}");
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    assert_eq!(daemon.terminate(), 0);
    bench.start();
}

#[test]
fn handler_files_of_ones_own() {
    let bench = Bench::new();
    let file = bench.dir.path().join("messages/mine/ping.json");
    write(
        &file,
        r#"{ "handlers": [ {
          "name": "ping",
          "match": { "hex": "7f 0000019c 70 69 6e 67" },
          "reply": { "hex": "7f 0000019c 70 6f 6e 67" }
        } ] }"#,
    );
    let _daemon = bench.start();
    let reply = bench.exchange(1, &single(1, b"\x7f\0\0\x01\x9cping"));
    assert_eq!(reply, b"\x01\x08\x09\xc1\x7f\0\0\x01\x9cpong");
    // ./messages is used instead of what is built in.
    bench.request(2, &single(1, &[1, 0x80, 0, 2]));
    bench.wait_answered();
    assert_eq!(bench.list("inbox").len(), 1);
}

#[test]
fn a_typo_in_a_handler_file_is_explained() {
    let bench = Bench::new();
    let file = bench.dir.path().join("messages/typo.json");
    write(
        &file,
        "{ \"handlers\": [ {\n  \"name\": \"ping\",\n  \"mtach\": { \
         \"hex\": \"05\" },\n  \"reply\": { \"hex\": \"05\" }\n} ] }\n",
    );
    let (code, text) = finish(&mut bench.command());
    assert_eq!(code, 2, "{text}");
    for part in [
        "messages/typo.json:3:3",
        "unknown field `mtach`",
        "did you mean `match`?",
        "handlers[0]",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let (code, same) =
        finish(pccd().current_dir(bench.dir.path()).arg("check"));
    assert_eq!(code, 1, "{same}");
    assert!(same.contains("did you mean `match`?"), "{same}");
    let (code, _) = finish(pccd().args(["check", "--messages", "/none"]));
    assert_eq!(code, 1);
}

#[test]
fn the_files_of_the_repository_are_right() {
    let messages = concat!(env!("CARGO_MANIFEST_DIR"), "/../messages");
    let output =
        pccd().args(["check", "--messages", messages]).output().unwrap();
    assert!(output.status.success(), "{}", common::stderr_of(&output));
}

/// Not what the contract asks for, but what people type.
#[test]
fn a_file_copied_into_the_outbox_is_seen() {
    let bench = Bench::new();
    let _daemon = bench.start();
    let name = format!("{}.pcc", stem(1));
    let content = content(&single(0, &[0, 0x80, 2]));
    fs::write(bench.path("outbox").join(name), content).unwrap();
    bench.wait_answered();
    assert_eq!(bench.list("inbox"), [format!("{}.r1.pcc", stem(1))]);
}

#[test]
fn sending_from_outside() {
    let bench = Bench::new();
    bench.make_folders();
    let send = |args: &[&str]| {
        let output = pccd()
            .args(["send", "--mailbox"])
            .arg(bench.mailbox())
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", common::stderr_of(&output));
    };
    send(&["--type", "vendor-pci", "--tag", "2", "1af4", "01 02"]);
    send(&["--raw", "5043 43 45"]);
    let names = bench.list("inbox");
    assert_eq!(names.len(), 2);
    assert_eq!(
        bench.packet(&names[0]),
        [1, 8, 9, 0xca, 0x7e, 0x1a, 0xf4, 1, 2]
    );
    let raw = fs::read(bench.path("inbox").join(&names[1])).unwrap();
    assert_eq!(raw, b"PCCE");
    let mut typo = pccd();
    typo.args(["send", "--type", "PLMD", "00", "--mailbox"]);
    let (code, text) = finish(typo.arg(bench.mailbox()));
    assert_eq!(code, 2);
    assert!(text.contains("PLDM"), "{text}");
}

#[test]
fn decoding_hex_and_files() {
    let bench = Bench::new();
    let decode = |args: &[&str]| {
        let output = pccd()
            .current_dir(bench.dir.path())
            .arg("decode")
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", common::stderr_of(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = decode(&["00", "80", "02"]);
    assert!(text.starts_with("Get Endpoint ID request\n"), "{text}");
    let file = bench.dir.path().join("f.pcc");
    fs::write(&file, content(&single(0, &[0, 0x80, 2]))).unwrap();
    let text = decode(&["f.pcc"]);
    assert!(text.starts_with("Get Endpoint ID request\n"), "{text}");
    assert!(text.contains("pcc.length"), "{text}");
    let json = decode(&["--format", "json", "--as", "message", "0080"]);
    let decoded: pccd::Decoded = serde_json::from_str(&json).unwrap();
    assert_eq!(decoded.fields.last().unwrap().layer, "end");
    let (code, _) = finish(pccd().args(["decode", "zz"]));
    assert_eq!(code, 2);
}

#[test]
fn every_help_shows_an_example() {
    for command in [None, Some("run"), Some("check"), Some("send")] {
        let output = pccd().args(command).arg("--help").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Example: pccd "), "{text}");
    }
}

/// The examples of messages/README.md are handler files.
#[test]
fn the_readme_examples_are_right() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../messages/README.md");
    let text = fs::read_to_string(path).unwrap();
    let examples: Vec<&str> = text
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(examples.len() >= 4, "{} examples", examples.len());
    let bench = Bench::new();
    for (number, example) in examples.iter().enumerate() {
        let file = format!("messages/{number}.json");
        write(&bench.dir.path().join(file), example);
    }
    let output =
        pccd().current_dir(bench.dir.path()).arg("check").output().unwrap();
    let said = common::stderr_of(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
}
