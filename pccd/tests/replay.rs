//! `pccd replay`: what a capture has is said again, and where the guest asks
//! otherwise is named.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::DateTime;
use common::{
    Bench, Daemon, EPOCH, content, finish, pccd, single, stderr_of, write,
};
use pccd::capture::{Capture, Entry, Kind};
use pccd::{Event, Record};

const CHANNELS: &str = r#"
  { "subspace": 0, "type": 3, "size": 8192, "completion": "posted",
    "paired": 1 },
  { "subspace": 1, "type": 4, "size": 8192, "completion": "posted",
    "paired": 0 },
  { "subspace": 2, "type": 2, "size": 64, "completion": "answered" }"#;

/// What is recorded: a sequence, a delay, silence, a message that nobody
/// asked for, a message in packets, an error of a channel of registers.
const HANDLERS: &str = r#"{
  "variables": { "reads": 0 },
  "handlers": [
    { "name": "twice", "match": { "hex": "7e 1a f4 01" },
      "sequence": [ { "reply": { "hex": "7e 1a f4 a1" } },
                    { "reply": { "hex": "7e 1a f4 a2" }, "delay": 40 } ] },
    { "name": "silent", "match": { "hex": "7e 1a f4 02" },
      "reply": "none" },
    { "name": "long", "match": { "hex": "7e 1a f4 03 **" },
      "reply": { "hex": "{{ request.hex }}" },
      "then": [ { "unasked": { "after": 30,
                               "message": { "hex": "7e 1a f4 ee" } } } ] }
  ],
  "unasked": [ { "name": "early", "after": 1,
                 "message": { "hex": "7e 1a f4 dd" } } ],
  "channels": [ {
    "name": "adder",
    "registers": { "left": { "offset": 0, "width": 32 },
                   "sum": { "offset": 4, "width": 32, "access": "ro" } },
    "commands": [
      { "name": "add", "code": 1, "when": { "left": { "range": { "to": 9 } } },
        "set": { "sum": "{{ state.sum + state.left }}" } },
      { "name": "refuse", "code": 1, "error": true } ]
  } ],
  "subspaces": { "2": "adder" }
}"#;

/// A content of the adder.
fn add(left: u32) -> Vec<u8> {
    let mut content = b"\x02CCP\x01\0\0\0".to_vec();
    content.extend(left.to_le_bytes());
    content.resize(64, 0);
    content
}

fn adder(seq: u32) -> String {
    format!("{EPOCH}-{seq:08}-002")
}

/// What a guest asks, in order: what is in `outbox/` after its number.
fn requests() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut seq = 0;
    let mut mctp = |packet: Vec<u8>| {
        seq += 1;
        (format!("{EPOCH}-{seq:08}-000.pcc"), content(&packet))
    };
    all.push(mctp(single(0, &[0, 0x80, 1, 0, 9])));
    all.push(mctp(single(1, &[0x7e, 0x1a, 0xf4, 1])));
    all.push(mctp(single(2, &[0x7e, 0x1a, 0xf4, 1])));
    all.push(mctp(single(3, &[0x7e, 0x1a, 0xf4, 2])));
    let mut packet = vec![1, 9, 8, 0x8c, 0x7e, 0x1a, 0xf4, 3];
    packet.resize(4 + 64, 0x55);
    all.push(mctp(packet));
    all.push(mctp(vec![1, 9, 8, 0x5c, 0x66, 0x77]));
    // Malformed.
    all.push(mctp(vec![1, 9]));
    for (seq, left) in [(8, 4), (9, 5), (10, 77)] {
        all.push((format!("{}.pcc", adder(seq)), add(left)));
    }
    all
}

/// Asks one after the other; returns what is in the inbox at the end, but
/// for the names of what nobody asked for.
fn play(bench: &Bench, requests: &[(String, Vec<u8>)]) -> Vec<Vec<u8>> {
    for (name, content) in requests {
        bench.put(name, content);
        let is_part = content.get(19) == Some(&0x8c);
        if is_part {
            let read = || {
                let all = bench.records();
                all.iter().any(|one| one.name.as_ref() == Some(name))
            };
            bench.wait("the packet", read);
        } else {
            bench.wait_answered();
        }
    }
    inbox(bench)
}

fn inbox(bench: &Bench) -> Vec<Vec<u8>> {
    let read = |name| fs::read(bench.path("inbox").join(name)).unwrap();
    bench.list("inbox").into_iter().map(read).collect()
}

/// Records what the handlers say; returns the capture and the inbox.
fn record(bench: &Bench) -> (PathBuf, Vec<Vec<u8>>) {
    write(&bench.dir.path().join("messages/all.json"), HANDLERS);
    bench.make_folders();
    bench.channels(EPOCH, CHANNELS);
    let path = bench.dir.path().join("a.pcapng");
    let mut command = bench.command();
    command.args(["--messages", "messages", "--capture"]).arg(&path);
    let daemon = bench.spawn(&mut command);
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    play(bench, &requests());
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    assert_eq!(daemon.terminate(), 0);
    (path, inbox(bench))
}

/// A guest's mailbox with a daemon that plays a capture.
fn replay(path: &Path, more: &[&str]) -> (Bench, Daemon) {
    let bench = Bench::new();
    bench.make_folders();
    bench.channels(EPOCH, CHANNELS);
    let daemon = bench.spawn(bench.daemon("replay").arg(path).args(more));
    (bench, daemon)
}

/// What the log says of departures and at the end.
fn said(bench: &Bench, event: Event) -> Vec<String> {
    let all = bench.records().into_iter();
    let all = all.filter(|one: &Record| one.event == event);
    all.filter_map(|one| one.reason).collect()
}

fn contains(texts: &[String], part: &str) {
    assert!(texts.iter().any(|text| text.contains(part)), "{texts:#?}");
}

#[test]
fn what_was_recorded_is_said_again() {
    let first = Bench::new();
    let (path, wanted) = record(&first);
    let (bench, daemon) = replay(&path, &[]);
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    let start = Instant::now();
    play(&bench, &requests());
    assert!(start.elapsed() >= Duration::from_millis(40), "the delay");
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    assert_eq!(inbox(&bench), wanted);
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(said(&bench, Event::Failed), [""; 0]);
    contains(&said(&bench, Event::Note), "all that the recording has: 9");
    contains(&said(&bench, Event::Started), "plays 9 requests of 2 channels");
    // The log has what the recorded one had.
    let kinds = |bench: &Bench| {
        let all = bench.records().into_iter();
        let all = all.filter(|one| one.content.is_some());
        let mut all: Vec<_> =
            all.map(|one| (one.content, one.message, one.reason)).collect();
        all.sort();
        all
    };
    assert_eq!(kinds(&bench), kinds(&first));
}

#[test]
fn a_departure_is_named_field_by_field() {
    let first = Bench::new();
    let (path, wanted) = record(&first);
    let (bench, daemon) = replay(&path, &[]);
    assert_eq!(daemon.terminate(), 1, "nothing was asked");
    contains(&said(&bench, Event::Failed), "9 of the recording's requests");
    // The names of its registers are those of handler files.
    let (bench, daemon) = {
        let bench = Bench::new();
        write(&bench.dir.path().join("messages/all.json"), HANDLERS);
        bench.make_folders();
        bench.channels(EPOCH, CHANNELS);
        let mut command = bench.daemon("replay");
        command.arg(&path).args(["--messages", "messages"]);
        let daemon = bench.spawn(&mut command);
        (bench, daemon)
    };
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    let mut others = requests();
    others[0].1 = content(&single(0, &[0, 0x80, 1, 0, 10]));
    others[8].1 = add(6);
    play(&bench, &others);
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    assert_eq!(inbox(&bench), wanted, "answered as recorded");
    assert_eq!(daemon.terminate(), 1);
    let failed = said(&bench, Event::Failed);
    assert_eq!(failed.len(), 2, "{failed:#?}");
    let one = &failed[0];
    assert!(one.contains("departs from the recording at request 1 "), "{one}");
    assert!(one.contains("control.eid is 10, recorded 9"), "{one}");
    assert!(failed[1].contains("departed from the recording 2 times"));
    let notes = said(&bench, Event::Note);
    contains(&notes, "adder.left is 6, recorded 5; answered as recorded there");
}

#[test]
fn what_is_left_out_repeated_or_new_is_said() {
    let first = Bench::new();
    let (path, wanted) = record(&first);
    let (bench, daemon) = replay(&path, &[]);
    let mctp = |seq: u32, message: &[u8]| {
        bench.put(
            &format!("{EPOCH}-{seq:08}-000.pcc"),
            &content(&single(0, message)),
        );
        bench.wait_answered();
    };
    // The first is left out, the second asked.
    mctp(1, &[0x7e, 0x1a, 0xf4, 1]);
    // One that nobody knows, and one of a command that is to come.
    mctp(2, &[0x7f, 1, 2, 3, 4]);
    mctp(3, &[0x7e, 0x1a, 0xf4, 2]);
    // Out of turn, and once more what was.
    mctp(4, &[0x7e, 0x1a, 0xf4, 1]);
    mctp(5, &[0x7e, 0x1a, 0xf4, 1]);
    for (seq, command) in [(6, 4), (7, 5), (8, 77), (9, 78)] {
        bench.put(&format!("{}.pcc", adder(seq)), &add(command));
        bench.wait_answered();
    }
    assert_eq!(daemon.terminate(), 1);
    let failed = said(&bench, Event::Failed);
    assert!(failed[0].contains("1 before that were not asked"), "{failed:#?}");
    let notes = said(&bench, Event::Note);
    contains(&notes, "it is not in the recording");
    contains(&notes, "answered once more as request 3");
    contains(&notes, "with more than it has of subspace 2");
    let read = |name: String| fs::read(bench.path("inbox").join(name)).unwrap();
    // The adder's answers are as recorded; the last ends with an error.
    let last = read(format!("{}.r1.pcc", adder(8)));
    assert_eq!(&last, wanted.iter().rfind(|one| one.len() == 96).unwrap());
    let refused = read(format!("{}.r1.pcc", adder(9)));
    assert!(refused.starts_with(b"PCCE") && refused[8] == 1);
}

#[test]
fn tag_and_instance_id_are_the_guests() {
    let first = Bench::new();
    let (path, _) = record(&first);
    let (bench, daemon) = replay(&path, &[]);
    let reply = bench.exchange(1, &single(5, &[0, 0x93, 1, 0, 9]));
    assert_eq!(reply[..7], [1, 8, 9, 0xc5, 0, 0x13, 1]);
    assert_eq!(said(&bench, Event::Failed), [""; 0]);
    assert_eq!(daemon.terminate(), 1, "there is more to ask");
}

#[test]
fn by_request_the_order_does_not_count() {
    let first = Bench::new();
    let (path, wanted) = record(&first);
    let (bench, daemon) = replay(&path, &["--by-request"]);
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    let mut turned = requests();
    // The two packets of a message stay in order.
    turned.swap(4, 5);
    turned.reverse();
    play(&bench, &turned);
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    let sorted = |mut all: Vec<Vec<u8>>| {
        all.sort();
        // Answers are as they were, but for the tags of the two alike.
        all.iter_mut().for_each(|one| {
            if one.starts_with(b"\x01CCP") {
                one[19] &= !7;
            }
        });
        all.sort();
        all
    };
    assert_eq!(sorted(inbox(&bench)), sorted(wanted));
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(said(&bench, Event::Failed), [""; 0]);
}

#[test]
fn a_new_life_of_the_guest_begins_it_again() {
    let first = Bench::new();
    let (path, wanted) = record(&first);
    let (bench, daemon) = replay(&path, &[]);
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    play(&bench, &requests());
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    // All was asked: nothing is missing.
    let epoch = "20261121T044143.123456789Z";
    bench.channels(epoch, CHANNELS);
    bench.wait("the early one", || bench.count(Event::Unasked) == 3);
    let (name, first) = &requests()[0];
    bench.put(&name.replace(EPOCH, epoch), first);
    bench.wait_answered();
    assert_eq!(said(&bench, Event::Failed), [""; 0]);
    // Now there is.
    bench.channels("20261121T044144.123456789Z", CHANNELS);
    bench.wait("the word", || bench.count(Event::Failed) == 1);
    let failed = said(&bench, Event::Failed);
    assert!(failed[0].contains("starts anew too early: 8 of"), "{failed:?}");
    assert_eq!(daemon.terminate(), 1);
    assert!(inbox(&bench).len() > wanted.len());
}

/// A pcap file.
fn pcap(link: u32, packets: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let head = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, link];
    let mut out: Vec<u8> = head.iter().flat_map(|n| n.to_le_bytes()).collect();
    for (ms, data) in packets {
        let length = u32::try_from(data.len()).unwrap();
        let head = [1_795_236_103, ms * 1000, length, length];
        out.extend(head.iter().flat_map(|n| n.to_le_bytes()));
        out.extend(data);
    }
    out
}

fn cooked(is_outgoing: bool, packet: &[u8]) -> Vec<u8> {
    let way = if is_outgoing { 4 } else { 0 };
    let mut data = vec![0, way, 1, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    data.extend([0, 0xfa]);
    data.extend(packet);
    data
}

#[test]
fn what_tcpdump_wrote_is_played() {
    cooked_is_played(true);
}

/// As the mock of mctpd's tests does.
#[test]
fn what_the_other_end_wrote_is_played() {
    cooked_is_played(false);
}

/// Plays a cooked capture, of the guest or of the other end.
fn cooked_is_played(is_guests: bool) {
    let cooked = |is_outgoing: bool, packet: &[u8]| {
        cooked(is_outgoing == is_guests, packet)
    };
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcap");
    let packets = [
        (0, cooked(false, &[1, 8, 0, 0xc8, 0x7e, 0x1a, 0xf4, 0xdd])),
        (1, cooked(true, &single(0, &[0, 0x80, 1, 0, 9]))),
        (31, cooked(false, &[1, 8, 9, 0xc0, 0, 0, 1, 0, 0, 9, 0])),
        // Of another protocol.
        (32, vec![0; 40]),
        (33, cooked(true, &single(1, &[0, 0x81, 0x85]))),
        (40, cooked(true, &single(2, &[1, 0x81, 0, 2]))),
        (41, cooked(false, &[1, 8, 9, 0xc2, 1, 1, 0, 2, 0, 1])),
        (60, cooked(false, &[1, 8, 9, 0xc8, 0x7e, 0x1a, 0xf4, 0xee])),
    ];
    fs::write(&path, pcap(113, &packets)).unwrap();
    let (bench, daemon) = replay(&path, &[]);
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    let start = Instant::now();
    let reply = bench.exchange(1, &single(4, &[0, 0x80, 1, 0, 9]));
    assert_eq!(reply, [1, 8, 9, 0xc4, 0, 0, 1, 0, 0, 9, 0]);
    assert!(start.elapsed() >= Duration::from_millis(29), "the delay");
    bench.request(2, &single(1, &[0, 0x81, 0x85]));
    bench.wait("the silence", || bench.count(Event::Ignored) == 1);
    let reply = bench.exchange(3, &single(2, &[1, 0x81, 0, 2]));
    assert_eq!(reply, [1, 8, 9, 0xc2, 1, 1, 0, 2, 0, 1]);
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    assert_eq!(said(&bench, Event::Failed), [""; 0]);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn packets_without_a_sender_are_played() {
    // As spdm-emu writes them: a header of zeros, no times to speak of.
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcap");
    let head = [0, 0, 0, 0xc0];
    let version = [5, 0x10, 0x84, 0, 0];
    let answer = [5, 0x10, 4, 0, 0, 0, 1, 0, 0x12];
    let packets = [
        (0, [&head[..], &version].concat()),
        (0, [&head[..], &answer].concat()),
    ];
    fs::write(&path, pcap(290, &packets)).unwrap();
    let (bench, daemon) = replay(&path, &[]);
    let reply = bench.exchange(1, &single(3, &version));
    assert_eq!(reply[..4], [1, 8, 9, 0xc3]);
    assert_eq!(reply[4..], answer);
    assert_eq!(daemon.terminate(), 0);
}

/// What `pccd replay` says of a file.
fn refused(bytes: &[u8]) -> String {
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcapng");
    fs::write(&path, bytes).unwrap();
    let mut command = pccd();
    command.args(["replay", "--mailbox"]).arg(bench.mailbox()).arg(&path);
    let (code, text) = finish(&mut command);
    assert_eq!(code, 2, "{text}");
    text
}

#[test]
fn hostile_captures_are_refused_with_a_place() {
    let first = Bench::new();
    let (path, _) = record(&first);
    let good = fs::read(path).unwrap();
    let cut = refused(&good[..good.len() - 3]);
    assert!(cut.contains("at byte"), "{cut}");
    assert!(cut.contains("ends within a block"), "{cut}");
    assert!(refused(b"").contains("too short"));
    assert!(refused(&[0x1f, 0x8b, 8, 0, 0]).contains("gunzip"));
    assert!(refused(b"hello, world").contains("begins with `68656c6c`"));
    // A length that lies.
    let word = |n: u32| n.to_le_bytes();
    let section = good[..good.len().min(64)].to_vec();
    let length = u32::from_le_bytes(section[4..8].try_into().unwrap());
    let section = &good[..length as usize];
    let lies = [section, &word(6), &word(0xffff_fff0), &[0; 100]].concat();
    let said = refused(&lies);
    assert!(said.contains(&format!("at byte {length}: ")), "{said}");
    // A million interfaces.
    let interface = [word(1), word(20), word(147), word(0), word(20)].concat();
    let many = [section, &interface.repeat(1_000_000)].concat();
    assert!(refused(&many).contains("more than 1024 interfaces"));
    // A packet of none.
    let packet = [
        word(6),
        word(32),
        word(7),
        word(0),
        word(0),
        word(0),
        word(0),
        word(32),
    ];
    let none = [section, &packet.concat()].concat();
    let said = refused(&none);
    assert!(said.contains("interface 7, the section has 0"), "{said}");
    // Nothing to play.
    let said = refused(&pcap(1, &[(0, vec![0; 60])]));
    assert!(said.contains("of link type 1; what is read are"), "{said}");
    // A wait for ever, as a time far off would make it.
    let mut far = pcap(
        113,
        &[
            (0, cooked(true, &single(0, &[0, 0x80, 2]))),
            (0, cooked(false, &[1, 8, 9, 0xc0, 0, 0, 2, 0, 9, 0, 0])),
        ],
    );
    let second = 24 + 16 + 16 + 7;
    far[second..second + 4].copy_from_slice(&word(2_000_000_000));
    assert!(refused(&far).contains("hours after what it follows"));
}

#[test]
fn times_that_run_backwards_are_said() {
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcap");
    let packets = [
        (100, cooked(true, &single(0, &[0, 0x80, 2]))),
        (0, cooked(false, &[1, 8, 9, 0xc0, 0, 0, 2, 0, 9, 0, 0])),
    ];
    fs::write(&path, pcap(113, &packets)).unwrap();
    let (bench, daemon) = replay(&path, &[]);
    let reply = bench.exchange(1, &single(0, &[0, 0x80, 2]));
    assert_eq!(reply[4..], [0, 0, 2, 0, 9, 0, 0]);
    contains(&said(&bench, Event::Note), "run backwards, 1 times, first at");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn each_mailbox_of_a_capture_needs_one() {
    let first = Bench::new();
    let (path, _) = record(&first);
    let bench = Bench::new();
    let mut command = pccd();
    command.arg("replay").arg(&path).arg("--mailbox").arg(bench.mailbox());
    command.arg("--mailbox").arg(bench.dir.path().join("other"));
    let (code, text) = finish(&mut command);
    assert_eq!(code, 2);
    assert!(text.contains("has 1 mailboxes, and --mailbox names 2"), "{text}");
}

#[test]
fn packets_that_make_no_message_are_held_against_the_recording() {
    // Neither a start nor an end.
    let stray = vec![1, 9, 8, 0x18, 0x55];
    let ask = |bench: &Bench, strays: u32| {
        for seq in 1..=strays {
            let name = format!("{EPOCH}-{seq:08}-000.pcc");
            bench.put(&name, &content(&stray));
            bench.wait_answered();
        }
        bench.exchange(strays + 1, &single(0, &[0, 0x80, 2]));
    };
    let first = Bench::new();
    first.make_folders();
    first.channels(EPOCH, CHANNELS);
    let path = first.dir.path().join("a.pcapng");
    let daemon = first.spawn(first.command().arg("--capture").arg(&path));
    ask(&first, 1);
    assert_eq!(daemon.terminate(), 0);
    let (bench, daemon) = replay(&path, &[]);
    ask(&bench, 1);
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(said(&bench, Event::Failed), [""; 0]);
    let (bench, daemon) = replay(&path, &[]);
    ask(&bench, 2);
    assert_eq!(daemon.terminate(), 1);
    let failed = said(&bench, Event::Failed);
    contains(&failed, "with 1 more packets on subspace 0 that make no message");
}

/// A capture of messages that nobody asked for, and of one request after them.
fn opening(path: &Path, count: u32) {
    let mut capture = Capture::create(path).unwrap();
    let mut add = |kind: Kind, name: &str, ms: u32, content: Vec<u8>| {
        let mut entry = Entry::new(kind);
        entry.set_name(name);
        entry.content = content;
        let time = DateTime::from_timestamp_millis(ms.into()).unwrap();
        assert!(capture.write_entry("m", time, &entry).is_none());
    };
    add(Kind::Started, "", 0, Vec::new());
    for number in 1..=count {
        let name = format!("{EPOCH}-{number}-001.pcc");
        let message = [&[0x7e, 0x1a, 0xf4], &number.to_be_bytes()[..]].concat();
        let mut content = content(&single(0, &message));
        content[0] = 1;
        add(Kind::Unasked, &name, number / 50, content);
    }
    let name = format!("{EPOCH}-00000001-000.pcc");
    add(Kind::Request, &name, count, content(&single(0, &[0, 0x80, 2])));
}

#[test]
fn many_messages_before_the_first_request_are_sent_in_order() {
    /// Bytes that a daemon writes for so many.
    fn cost(count: u32) -> u64 {
        let first = Bench::new();
        let path = first.dir.path().join("a.pcapng");
        opening(&path, count);
        let (bench, daemon) = replay(&path, &[]);
        bench.wait("all of them", || {
            bench.list("inbox").len() == usize::try_from(count).unwrap()
        });
        let io = format!("/proc/{}/io", daemon.0.id());
        let io = fs::read_to_string(io).unwrap();
        let written = io.lines().find_map(|one| one.strip_prefix("wchar: "));
        let written = written.unwrap().parse().unwrap();
        let sent: Vec<u32> = inbox(&bench)
            .iter()
            .map(|one| u32::from_be_bytes(one[23..27].try_into().unwrap()))
            .collect();
        assert!(sent.into_iter().eq(1..=count));
        bench.request(1, &single(0, &[0, 0x80, 2]));
        bench.wait("the request", || bench.count(Event::Received) == 1);
        assert_eq!(daemon.terminate(), 0);
        written
    }
    let (few, many) = (cost(40), cost(320));
    println!("{few} and {many} bytes");
    // Eight times as many; where each is written down with all others, 50.
    assert!(many < few * 12, "{few} and {many} bytes");
}

/// Handler files made of a capture, in `imported` of a mailbox's folder.
fn import(path: &Path, bench: &Bench) -> (i32, String) {
    let mut command = pccd();
    command.arg("import").arg(path).current_dir(bench.dir.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), text + &stderr_of(&output))
}

#[test]
fn what_cannot_be_imported_whole_leaves_nothing() {
    let first = Bench::new();
    let (path, _) = record(&first);
    let bench = Bench::new();
    let folder = bench.dir.path().join("imported");
    let mut full = std::process::Command::new("sh");
    full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_pccd"))
        .arg("import")
        .arg(&path)
        .current_dir(bench.dir.path());
    let (code, text) = finish(&mut full);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("cannot write imported/"), "{text}");
    assert!(!folder.exists());
    // A file that is there stays, and it alone.
    fs::create_dir(&folder).unwrap();
    let (code, _) = import(&path, &bench);
    assert_eq!(code, 0);
    let all = || fs::read_dir(&folder).unwrap().count();
    assert!(all() > 1);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("subspace-2.json") {
            fs::remove_file(path).unwrap();
        }
    }
    let (code, text) = import(&path, &bench);
    assert_eq!(code, 2, "{text}");
    assert!(!text.contains("pccd run --messages"), "{text}");
    assert_eq!(all(), 1);
}

#[test]
fn what_is_imported_answers_alike() {
    let first = Bench::new();
    let (path, wanted) = record(&first);
    let bench = Bench::new();
    let (code, text) = import(&path, &bench);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("imported/subspace-2.json"), "{text}");
    let mut check = pccd();
    check.args(["check", "--messages", "imported"]);
    let output = check.current_dir(bench.dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("5 handlers and 1 channels in 2 files"), "{text}");
    bench.make_folders();
    bench.channels(EPOCH, CHANNELS);
    let mut command = bench.command();
    let daemon = bench.spawn(command.args(["--messages", "imported"]));
    bench.wait("the early one", || bench.count(Event::Unasked) == 1);
    play(&bench, &requests());
    bench.wait("the late one", || bench.count(Event::Unasked) == 2);
    assert_eq!(inbox(&bench), wanted);
    assert_eq!(daemon.terminate(), 0);
    // What is there stays.
    let (code, text) = import(&path, &bench);
    assert_eq!(code, 2);
    assert!(text.contains("another folder with --output"), "{text}");
}

#[test]
fn what_tcpdump_wrote_is_imported() {
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcap");
    let packets = [
        (1, cooked(true, &[1, 20, 8, 0xc8, 0, 0x80, 4, 0])),
        (9, cooked(false, &[1, 8, 20, 0xc0, 0, 0, 4, 0, 1, 0xf1, 0xf0, 0, 0])),
        (40, cooked(true, &[1, 20, 8, 0xca, 1, 0x81, 0, 2])),
        (41, cooked(false, &[1, 8, 20, 0xc2, 1, 1, 0, 2, 0, 1])),
    ];
    fs::write(&path, pcap(113, &packets)).unwrap();
    let (code, text) = import(&path, &bench);
    assert_eq!(code, 0, "{text}");
    let made = bench.dir.path().join("imported/mctp.json");
    let made = fs::read_to_string(made).unwrap();
    for part in [
        r#""name": "Get MCTP Version Support request: of control""#,
        r#""control.command": "Get MCTP Version Support""#,
        r#""pldm.command": "GetTID""#,
        r#""eid": 20"#,
        r#""delay": 8"#,
    ] {
        assert!(made.contains(part), "{part}: {made}");
    }
}

#[test]
fn what_the_files_do_not_answer_is_said() {
    let bench = Bench::new();
    let path = bench.dir.path().join("a.pcap");
    let to = |eid: u8, message: &[u8]| [&[1, eid, 8, 0xc8], message].concat();
    let packets = [
        (1, cooked(true, &to(20, &[1, 0x81, 0, 2]))),
        (2, cooked(false, &[1, 8, 20, 0xc0, 1, 1, 0, 2, 0, 1])),
        // Another endpoint; the files have one.
        (3, cooked(true, &to(30, &[1, 0x81, 0, 2]))),
        (4, cooked(false, &[1, 8, 30, 0xc0, 1, 1, 0, 2, 0, 1])),
    ];
    fs::write(&path, pcap(113, &packets)).unwrap();
    let (code, text) = import(&path, &bench);
    assert_eq!(code, 1, "{text}");
    let note = "not answered: request 2 (MCTP, at";
    assert!(text.contains(note), "{text}");
    assert!(text.contains("destination EID 30 is not ours"), "{text}");
    assert!(!text.contains("request 1 "), "{text}");
}

/// A command that is followed by a notification, and by a message on
/// another channel.
const NOTIFYING: &str = r#"{
  "variables": { "hot": 0 },
  "channels": [
    { "name": "fan",
      "registers": { "level": { "offset": 0, "width": 32 } },
      "commands": [ { "name": "set", "code": 1, "set": { "hot": 1 },
        "then": [ { "after": 5, "set": { "level": 7 } } ] } ] },
    { "name": "events",
      "registers": { "celsius": { "offset": 0, "width": 32,
                                  "access": "ro" } },
      "commands": [],
      "notifications": [ { "name": "hot", "every": 10, "when": { "hot": 1 },
        "header": { "command": 9, "flags": 1 },
        "set": { "celsius": 95, "hot": 0 } } ] }
  ],
  "subspaces": { "2": "fan", "3": "events" }
}"#;

#[test]
fn what_registers_say_unasked_is_imported() {
    let channels = r#"
      { "subspace": 2, "type": 2, "size": 64, "completion": "answered" },
      { "subspace": 3, "type": 4, "size": 64, "completion": "posted" }"#;
    let said = |bench: &Bench, command: &mut Command| {
        bench.make_folders();
        bench.channels(EPOCH, channels);
        let daemon = bench.spawn(command);
        bench.put(&format!("{}.pcc", adder(1)), &add(4));
        bench.wait("both", || bench.count(Event::Unasked) == 2);
        assert_eq!(daemon.terminate(), 0);
        let mut all = inbox(bench);
        all.sort();
        all
    };
    let first = Bench::new();
    write(&first.dir.path().join("messages/all.json"), NOTIFYING);
    let path = first.dir.path().join("a.pcapng");
    let mut command = first.command();
    command.args(["--messages", "messages", "--capture"]).arg(&path);
    let wanted = said(&first, &mut command);
    let bench = Bench::new();
    assert_eq!(said(&bench, bench.daemon("replay").arg(&path)), wanted);
    let bench = Bench::new();
    let (code, text) = import(&path, &bench);
    assert_eq!(code, 0, "{text}");
    let mut command = bench.command();
    command.args(["--messages", "imported"]);
    assert_eq!(said(&bench, &mut command), wanted);
}
