use std::sync::{Arc, LazyLock};

use super::super::tests::{channels, messages};
use super::*;
use crate::platform::{Decision, Platform};
use crate::record::Time;

const HEAD: usize = pcc::HEADER_LEN + mctp::HEADER_LEN;

/// What the platform decides about a request, varied.
fn varied(subspace: u8, content: &[u8], answers: &str) -> Action {
    varied_by(&scenario(answers), 0, subspace, content)
}

fn scenario(answers: &str) -> Scenario {
    let text = format!("{{\"answers\": [{answers}]}}");
    let parsed = Scenario::parse("s.json", &text);
    parsed.unwrap_or_else(|error| panic!("{error}"))
}

fn varied_by(
    scenario: &Scenario,
    number: u64,
    subspace: u8,
    content: &[u8],
) -> Action {
    static MESSAGES: LazyLock<Arc<Messages>> =
        LazyLock::new(|| Arc::new(messages()));
    let (messages, channels) = (Arc::clone(&MESSAGES), channels());
    let mut platform = Platform::new(Arc::clone(&messages), 0);
    let name = format!("20261121T044142.123456789Z-00000001-{subspace:03}.pcc");
    let name = name.parse().unwrap();
    let time = Time::default();
    let mut action = match platform.receive(&channels, &name, content, time) {
        Decision::Command(action) => *action,
        Decision::Complete { action, .. } => *action,
        other => panic!("{other:?}"),
    };
    let asked = Context { messages: &messages, channels: &channels, subspace };
    scenario.vary(number, asked, &mut action);
    action
}

/// `read` of the channel `fan`, type 2.
const READ: &[u8] = b"\x02CCP\x01\x80\0\0\
    \0\0\0\0\x03\0\xff\xff\xaa\xbb\xcc\xdd";

/// What it is answered.
const SAYS: &[u8] = b"\x02CCP\x01\x80\0\0\
    \xb0\x04\0\0\0\0\xff\xff\xaa\xbb\xcc\xdd";

/// A message of vendor type, from EID 8 to 9.
fn message(body: &[u8]) -> Vec<u8> {
    let mut content = b"\0CCP\0\0\0\0".to_vec();
    let length = u32::try_from(body.len() + 8).unwrap();
    content.extend(length.to_le_bytes());
    content.extend(b"MCTP\x01\x09\x08\xc8");
    content.extend(body);
    content
}

fn content(action: &Action) -> &[u8] {
    &action.reply.as_ref().unwrap().contents[0]
}

fn contents(action: &Action) -> Vec<&[u8]> {
    let reply = action.reply.as_ref().unwrap();
    reply.contents.iter().map(Vec::as_slice).collect()
}

fn envelope(flags: u8, delay: u8, subspace: u8) -> Vec<u8> {
    let mut told = b"PCCE\x01\0\x20\0".to_vec();
    told.extend([flags, 0, 0, 0, delay, 0, 0, 0, subspace]);
    told.resize(32, 0);
    told
}

#[test]
fn without_an_entry_nothing_is_varied() {
    let plain = varied(2, READ, "");
    assert_eq!(content(&plain), SAYS);
    let other = varied(2, READ, r#"{"answer": 1, "drop": true}"#);
    assert_eq!(other, plain);
    assert!(plain.notes.is_empty());
}

#[test]
fn registers_are_set() {
    let action = varied(
        2,
        READ,
        r#"{"answer": 0, "set": {"fan.mode": 7, "fan.rpm": 65535,
            "fan.entry_count": "0x102", "fan.serial": "0102",
            "pcc.data": "ffffffffffffffffffffffff", "fan.nothing": 1}}"#,
    );
    assert_eq!(
        content(&action),
        b"\x02CCP\x01\x80\0\0\
          \xff\xff\xff\xff\x02\x01\xff\xff\x01\x02\xff\xff",
        "bytes first, then what lies in them"
    );
    assert_eq!(
        action.notes,
        [
            "answer 0 varied: pcc.data = ffffffffffffffffffffffff; fan.serial \
             = 0102; fan.mode = 0x7; fan.rpm = 0xffff; fan.entry_count = \
             0x102",
            "answer 0 not varied: it has no field fan.nothing",
        ]
    );
    assert!(action.timely, "it is written down");
    let action = varied(
        2,
        READ,
        r#"{"answer": 0, "set": {"fan.mode": 8, "fan.serial": 1}}"#,
    );
    assert_eq!(content(&action), SAYS);
    assert_eq!(
        action.notes,
        ["answer 0 not varied: fan.serial = 0x1: it is 4 bytes, in hex; \
          fan.mode = 0x8: it has room for 3 bits"]
    );
    // The device is told whose it is, since the content no longer says so.
    let action =
        varied(2, READ, r#"{"answer": 0, "set": {"pcc.signature": 0}}"#);
    assert_eq!(content(&action)[..32], envelope(0, 0, 2));
    assert_eq!(content(&action)[32..36], [0; 4]);
}

#[test]
fn bytes_and_length_come_after_it() {
    let action = varied(
        2,
        READ,
        r#"{"answer": 0, "length": 14, "set": {"fan.rpm": 1},
            "at": [{"offset": 9, "hex": "ee ff"},
                   {"offset": 19, "hex": "0102"}]}"#,
    );
    assert_eq!(content(&action), b"\x02CCP\x01\x80\0\0\x01\xee\xff\0\0\0");
    assert_eq!(
        action.notes,
        [
            "answer 0 varied: fan.rpm = 0x1; at 9 eeff; 14 bytes long",
            "answer 0 not varied: at 19 0102: it ends before that",
        ]
    );
    let long = |length: usize| {
        let entry = format!(r#"{{"answer": 0, "length": {length}}}"#);
        varied(2, READ, &entry)
    };
    for (length, is) in [(0, 4), (3, 4), (4, 4), (40, 40), (64, 64), (65, 64)] {
        let action = long(length);
        assert_eq!(content(&action).len(), is, "{length}");
        assert_eq!(action.notes.len(), 1 + usize::from(length != is));
    }
    assert!(content(&long(40))[20..].iter().all(|byte| *byte == 0));
}

#[test]
fn an_answer_is_dropped_late_or_sent_again() {
    // A command is pending until it is answered.
    let action = varied(2, READ, r#"{"answer": 0, "drop": true}"#);
    assert_eq!((action.later, content(&action)), (Some(DROPPED), SAYS));
    assert_eq!(action.notes, ["answer 0 varied: dropped"]);
    let asked = message(&[5, 1]);
    let action = varied(0, &asked, r#"{"answer": 0, "drop": true}"#);
    assert_eq!((action.later, action.reply), (None, None));
    assert_eq!(action.reason.as_deref(), Some("the scenario drops it"));
    let action = varied(
        0,
        &asked,
        r#"{"answer": 0, "drop": true}, {"answer": 0, "length": 9}"#,
    );
    assert_eq!(action.notes[1], "answer 0 not varied: there is no answer");
    let action = varied(
        2,
        READ,
        r#"{"answer": 0, "delay-ms": 40}, {"answer": 0, "delay-ms": 2}"#,
    );
    assert_eq!(action.wait, Wait::Ms(42));
    let action = varied(2, READ, r#"{"answer": 0, "later": 3}"#);
    assert_eq!((action.later, content(&action)), (Some(3), SAYS));
    let action = varied(2, READ, r#"{"answer": 0, "repeat": 2}"#);
    let copy = [&envelope(0x40, 0, 2)[..], SAYS].concat();
    let copies: Vec<_> = action
        .unasked
        .iter()
        .map(|(sent, after)| (&sent.contents, *after))
        .collect();
    assert_eq!(copies, [(&vec![copy.clone()], 0), (&vec![copy], 0)]);
    assert_eq!(content(&action), SAYS);
}

#[test]
fn the_device_is_told_what_it_understands() {
    let entry = r#"{"answer": 0, "envelope": {"flags": ["double-interrupt",
        "error", "notification"], "delay_ms": 3}}"#;
    let action = varied(2, READ, entry);
    assert_eq!(content(&action)[..32], envelope(0x0b, 3, 2));
    assert_eq!(content(&action)[32..], *SAYS);
    assert_eq!(
        action.notes,
        ["answer 0 varied: error, notification, double-interrupt, interrupt \
          3 ms late"]
    );
    // Of type 0 there is no interrupt, and nobody plays this one.
    let request = b"\x07CCP\x01\0\0\0";
    let action = varied(7, request, entry);
    let told = &content(&action)[..32];
    assert_eq!(told, envelope(0x03, 0, 7));
    let note = action.notes.last().unwrap();
    assert_eq!(
        note,
        "answer 0 not varied: double-interrupt, delay_ms: means nothing for \
         type 0"
    );
}

#[test]
fn what_nobody_asked_for_is_sent_beside_it() {
    let sent = |entry: &str| {
        let action = varied(2, READ, entry);
        let sent = action.unasked.first().map(|(sending, _)| {
            (sending.subspace, hex::encode(&sending.contents[0]))
        });
        (sent, action.notes.join("\n"))
    };
    let told = |flags, subspace| hex::encode(envelope(flags, 0, subspace));
    let (to_guest, note) =
        sent(r#"{"answer": 0, "unasked": "0143435000", "subspace": 1}"#);
    assert_eq!(to_guest, Some((1, "0143435000".to_owned())));
    assert_eq!(note, "answer 0 varied: unasked on subspace 1: 0143435000");
    let (noticed, _) = sent(r#"{"answer": 0, "unasked": "02434350"}"#);
    assert_eq!(noticed, Some((2, told(2, 2) + "02434350")));
    let (forced, note) =
        sent(r#"{"answer": 0, "unasked": "00ff", "subspace": 3}"#);
    assert_eq!(forced, Some((3, told(0x40, 3) + "00ff0000")));
    assert!(note.contains("2 bytes for subspace 3"), "{note}");
    // Its own envelope, as far as it means something.
    let own = hex::encode(envelope(0xff, 9, 7)) + "02434350";
    let entry = format!(r#"{{"answer": 0, "unasked": "{own}"}}"#);
    let (own, _) = sent(&entry);
    let expected = hex::encode(envelope(0x7f, 9, 2)) + "02434350";
    assert_eq!(own, Some((2, expected)));
    let (none, note) = sent(r#"{"answer": 0, "unasked": "00", "subspace": 9}"#);
    assert_eq!(none, None);
    assert_eq!(note, "answer 0 not varied: there is no subspace 9");
}

#[test]
fn messages_are_varied() {
    let action = varied(
        0,
        &message(&[0, 0x80, 2]),
        r#"{"answer": 0, "set": {"control.completion_code": 2, "mctp.tag": 5,
            "pcc.length": 4294967295}}"#,
    );
    let content = content(&action);
    assert_eq!(content[8..12], [0xff; 4]);
    assert_eq!(content[19] & 7, 5);
    assert_eq!(content[23], 2);
    let message = &action.reply.as_ref().unwrap().message;
    assert_eq!(message[3], 2, "the log says what was sent");
    assert_eq!(action.notes.len(), 1);
}

#[test]
fn messages_in_several_packets_are_varied_as_one() {
    // 5, then 100 bytes, cut into packets of 64 and 37.
    let ask = message(&[5, 1]);
    let plain = varied(0, &ask, "");
    let sizes = |action: &Action| {
        let all = contents(action).into_iter();
        all.map(<[u8]>::len).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&plain), [HEAD + 64, HEAD + 37]);
    let action = varied(
        0,
        &ask,
        r#"{"answer": 0, "set": {"mctp.source": 77, "spdm.slot_mask": "aa"}}"#,
    );
    let all = contents(&action);
    assert_eq!((all[0][18], all[1][18]), (77, 77), "in each packet");
    assert_eq!(all[0][HEAD + 4], 0xaa);
    // Over both, one after the other.
    let offset = HEAD + 63;
    let entry = format!(
        r#"{{"answer": 0, "at": [{{"offset": {offset}, "hex": "eeddcc"}}]}}"#
    );
    let action = varied(0, &ask, &entry);
    let all = contents(&action);
    assert_eq!(all[0][offset], 0xee);
    // That packet lacks its signature: the device is told whose it is.
    let told = [&envelope(0, 0, 1)[..], &[0xdd, 0xcc, b'C']].concat();
    assert_eq!(all[1][..35], told);
    for (length, expected) in [
        (HEAD + 64 + HEAD + 40, vec![HEAD + 64, HEAD + 40]),
        (HEAD + 64 + 8, vec![HEAD + 64, 8]),
        (HEAD + 64 + 3, vec![HEAD + 64]),
        (HEAD, vec![HEAD]),
        (0, vec![4]),
        (1000, vec![HEAD + 64, 96]),
    ] {
        let entry = format!(r#"{{"answer": 0, "length": {length}}}"#);
        assert_eq!(sizes(&varied(0, &ask, &entry)), expected, "{length}");
    }
    let action = varied(0, &ask, r#"{"answer": 0, "repeat": 1}"#);
    assert_eq!(action.unasked.len(), 1);
    assert_eq!(action.unasked[0].0.contents, plain.reply.unwrap().contents);
}

#[test]
fn nonsense_ends_nothing() {
    use rand::RngExt;
    let mut dice = rand_pcg::Pcg64Mcg::new(11);
    let names = [
        "pcc.length",
        "pcc.signature",
        "pcc.data",
        "mctp.som",
        "mctp.part",
        "control.eid",
        "fan.serial",
        "fan.mode",
        "scmi.token",
        "x.y",
        ".",
    ];
    let asked = [
        (2, READ.to_vec()),
        (3, b"\x03CCP\x01\0\0\0\x08\0\0\0\x01\x44\0\0\0\0\0\0".to_vec()),
        (0, message(&[0, 0x80, 2])),
        (0, message(&[5, 1])),
        (7, b"\x07CCP\x01\0\0\0".to_vec()),
    ];
    for _ in 0..500 {
        let mut entries = Vec::new();
        for _ in 0..dice.random_range(1..4) {
            let name = names[dice.random_range(0..names.len())];
            let hex = "f0".repeat(dice.random_range(0..40));
            let number: u64 = dice.random();
            let number = number >> dice.random_range(0..64);
            let offset = dice.random_range(0..120);
            let length = dice.random_range(0..120);
            let flags = ["error", "force", "early-interrupt", "notification"];
            let flag = flags[dice.random_range(0..flags.len())];
            let members = [
                format!(r#""set": {{"{name}": {number}}}"#),
                format!(r#""set": {{"{name}": "{hex}"}}"#),
                format!(r#""at": [{{"offset": {offset}, "hex": "{hex}"}}]"#),
                format!(r#""length": {length}"#),
                format!(r#""envelope": {{"flags": ["{flag}"]}}"#),
                r#""repeat": 2"#.to_owned(),
                format!(r#""unasked": "{hex}", "subspace": {}"#, length % 9),
                r#""later": 1"#.to_owned(),
            ];
            let member = &members[dice.random_range(0..members.len())];
            entries.push(format!(r#"{{"answer": 0, {member}}}"#));
        }
        let entries = entries.join(", ");
        for (subspace, content) in &asked {
            let action = varied(*subspace, content, &entries);
            let channels = channels();
            let unasked = action.unasked.iter().map(|(sending, _)| sending);
            for sending in action.reply.iter().chain(unasked) {
                let on = channels.get(sending.subspace).unwrap();
                for content in &sending.contents {
                    is_taken(on, content, &entries);
                }
            }
        }
    }
}

/// What docs/mailbox.md §6 says the device takes.
fn is_taken(on: &Channel, content: &[u8], why: &str) {
    let (told, bytes) = EnvelopeOptions::split(content);
    assert!(bytes.len() >= FEWEST && bytes.len() <= on.size, "{why}");
    match told {
        None => assert_eq!(signature(bytes), Ok(on.subspace), "{why}"),
        Some(told) => {
            assert_eq!(told.subspace, Some(on.subspace), "{why}");
            assert_eq!(told.meaningful(on.kind).1, [""; 0], "{why}");
        }
    }
}
