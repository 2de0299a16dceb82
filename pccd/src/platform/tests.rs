//! Decisions about whole requests, by the worked examples.

use super::*;
use crate::wire::mctp::fragment;
use crate::wire::pcc::{COMMAND_MCTP, Frame};

const TIME: Time = Time::UNIX_EPOCH;

fn name(seq: u32) -> RequestName {
    RequestName {
        epoch: "20261121T044142.123456789Z".parse().unwrap(),
        seq,
        subspace: 0,
    }
}

fn content(packet: &[u8]) -> Vec<u8> {
    let command = COMMAND_MCTP;
    Frame { subspace: 0, flags: 1, command, payload: packet }.encode()
}

fn builtin() -> Platform {
    Platform::new(Arc::new(Messages::builtin().unwrap()), 0)
}

fn receive(platform: &mut Platform, packet: &[u8]) -> Decision {
    let channels = Channels::default();
    platform.receive(&channels, &name(1), &content(packet), TIME)
}

fn answer(platform: &mut Platform, packet: &[u8]) -> Vec<Vec<u8>> {
    match receive(platform, packet) {
        Decision::Complete { action, .. } if action.reply.is_some() => {
            keep(platform, action.changes);
            action.reply.unwrap().contents
        }
        other => panic!("{packet:02x?}: {other:?}"),
    }
}

fn keep(platform: &mut Platform, changes: Option<Changes>) {
    if let Some(Changes { endpoint, memory }) = changes {
        platform.set(endpoint, memory);
    }
}

/// The worked examples byte for byte, as the documents print them: outbox
/// subspace 5, inbox subspace 6.
#[test]
fn worked_examples_in_their_own_channels() {
    let channels = Channels::decode(
        br#"{"version": 1, "epoch": "20261121T044142.123456789Z",
          "channels": [
            {"subspace": 5, "type": 3, "size": 256,
             "completion": "posted", "paired": 6},
            {"subspace": 6, "type": 4, "size": 256,
             "completion": "posted", "paired": 5}]}"#,
    )
    .unwrap();
    let cases = [
        (
            "0543435001000000 0b000000 4d435450 010908c8 008002",
            "0643435000000000 0f000000 4d435450 010809c0 00000200090000",
        ),
        (
            "0543435001000000 0c000000 4d435450 010908c9 008104ff",
            "0643435000000000 1d000000 4d435450 010809c1 0001040004 \
             f1f0ff00 f1f1ff00 f1f2ff00 f1f3f300",
        ),
    ];
    let bytes = |text: &str| hex::decode(text.replace(' ', "")).unwrap();
    let mut platform = builtin();
    for (request, response) in cases {
        let name = RequestName { subspace: 5, ..name(1) };
        let decision =
            platform.receive(&channels, &name, &bytes(request), TIME);
        let Decision::Complete { action, .. } = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(action.reply.unwrap().contents, [bytes(response)]);
    }
}

#[test]
fn null_destination_is_answered_from_the_eid_before() {
    let text = r#"{"endpoint": {"eid": 0}}"#;
    let handlers = Messages::from_texts(&[("e.json", text)]).unwrap();
    let mut platform = Platform::new(Arc::new(handlers), 0);
    // MRS: Set Endpoint ID 10, instance 10, to the null EID.
    let request = [1, 0, 9, 0xc8, 0, 0x8a, 1, 0, 0x0a];
    let reply = answer(&mut platform, &request);
    let packet = reply[0].get(16..).unwrap();
    assert_eq!(packet, [1, 9, 0, 0xc0, 0, 0x0a, 1, 0, 0, 0x0a, 0]);
    let request = [1, 0, 9, 0xca, 0, 0x80, 2];
    let reply = answer(&mut platform, &request);
    let packet = reply[0].get(16..).unwrap();
    assert_eq!(packet, [1, 9, 10, 0xc2, 0, 0, 2, 0, 10, 0, 0]);
}

#[test]
fn long_messages_come_and_go_in_packets() {
    let mut platform = builtin();
    let mut message = vec![0x7e, 0x1a, 0xf4];
    message.extend(0..127);
    let route = Header {
        destination: mctp::Eid(9),
        source: mctp::Eid(8),
        som: true,
        eom: true,
        sequence: 0,
        to: true,
        tag: 2,
    };
    let packets = fragment(&message, 64, &route);
    let channels = Channels::default();
    let mut last = None;
    for (seq, packet) in (1..).zip(&packets) {
        let content = content(packet);
        last = Some(platform.receive(&channels, &name(seq), &content, TIME));
    }
    let Some(Decision::Complete { requests, action, .. }) = last else {
        panic!("{last:?}");
    };
    assert_eq!(requests, [name(1), name(2), name(3)]);
    let reply = action.reply.unwrap();
    assert_eq!(reply.message, message);
    let flags: Vec<u8> =
        reply.contents.iter().map(|content| content[19]).collect();
    assert_eq!(flags, [0x82, 0x12, 0x62], "TO clear, tag copied");
}

#[test]
fn what_is_rejected() {
    let mut platform = builtin();
    let channels = Channels::default();
    let good = content(&[1, 9, 8, 0xc8, 0, 0x80, 2]);
    for length in 0..good.len() {
        let cut = good.get(..length).unwrap();
        let decision = platform.receive(&channels, &name(1), cut, TIME);
        assert!(matches!(decision, Decision::Rejected(_)), "{length}");
    }
    let changed = |at: usize, byte: u8| {
        let mut content = good.clone();
        content[at] = byte;
        content
    };
    let cases = [
        ("wrong signature", changed(3, 0x51), "signature"),
        ("no such channel", changed(0, 7), "subspace 7"),
        ("other channel", changed(0, 1), "the file name 0"),
        ("length 7", changed(8, 7), "length"),
        ("length 8", changed(8, 8), "length"),
        ("length 255", changed(8, 255), "length"),
        ("PTCM", changed(12, b'P'), "command"),
        ("short packet", content(&[1, 9, 8]), "header needs 4"),
        ("too long", content(&[0; 9000]), "has 9016 bytes"),
    ];
    for (case, content, text) in cases {
        match platform.receive(&channels, &name(1), &content, TIME) {
            Decision::Rejected(reason) => {
                assert!(reason.contains(text), "{case}: {reason}");
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn what_is_dropped_or_ignored() {
    let mut platform = builtin();
    let cases: &[(&str, &[u8])] = &[
        ("version 0", &[0, 9, 8, 0xc8, 0, 0x80, 2]),
        ("version 2", &[2, 9, 8, 0xc8, 0, 0x80, 2]),
        ("source 1", &[1, 9, 1, 0xc8, 0, 0x80, 2]),
        ("source 255", &[1, 9, 255, 0xc8, 0, 0x80, 2]),
        ("other destination", &[1, 10, 8, 0xc8, 0, 0x80, 2]),
        ("TO clear", &[1, 9, 8, 0xc0, 0, 0x80, 2]),
        ("datagram", &[1, 9, 8, 0xc8, 0, 0xc0, 2]),
        ("response", &[1, 9, 8, 0xc8, 0, 0x00, 2]),
        ("IC on control", &[1, 9, 8, 0xc8, 0x80, 0x80, 2]),
        ("nobody's type", &[1, 9, 8, 0xc8, 5, 0x10]),
        ("no type", &[1, 9, 8, 0xc8]),
        ("middle first", &[1, 9, 8, 0x08, 0]),
        ("start below the baseline unit", &[1, 9, 8, 0x88, 0, 0x80]),
        ("control request without TO", &[1, 9, 8, 0xc0, 0, 0x80, 2]),
        ("IC on PLDM", &[1, 9, 8, 0xc8, 0x81, 0x80, 0, 2]),
    ];
    for (case, packet) in cases {
        match receive(&mut platform, packet) {
            Decision::Dropped(_) => {}
            Decision::Complete { action, .. } if action.reply.is_none() => {}
            other => panic!("{case}: {other:?}"),
        }
    }
    // Reserved header bits are ignored.
    answer(&mut platform, &[0xf1, 9, 8, 0xc8, 0, 0x80, 2]);
    // A control message in two packets.
    let mut first = vec![1, 9, 8, 0x88, 0, 0x80, 2];
    first.resize(68, 0);
    assert!(matches!(
        receive(&mut platform, &first),
        Decision::Waiting { dropped: None }
    ));
    assert!(matches!(
        receive(&mut platform, &[1, 9, 8, 0x58, 2]),
        Decision::Complete { action, .. } if action.reply.is_none()
    ));
}

/// A handler that sends a message of its own, and one that hears the answer.
#[test]
fn answers_to_our_own_messages_reach_handlers_and_are_not_answered() {
    let text = r#"{"endpoint": {"eid": 9},
      "variables": {"heard": 0},
      "handlers": [
        {"name": "start", "match": {"hex": "7e 1af4 01"},
         "reply": "none",
         "then": [{"unasked": {"message": {"hex": "7e 1af4 02"},
                               "tag": 5}}]},
        {"name": "hear", "match": {"hex": "7e 1af4 03"},
         "reply": {"hex": "7e 1af4 04"}, "set": {"heard": 1}}]}"#;
    let handlers = Messages::from_texts(&[("e.json", text)]).unwrap();
    let mut platform = Platform::new(Arc::new(handlers), 0);
    let early = [1, 9, 8, 0xc5, 0x7e, 0x1a, 0xf4, 3];
    assert!(matches!(receive(&mut platform, &early), Decision::Dropped(_)));
    let start = [1, 9, 8, 0xc8, 0x7e, 0x1a, 0xf4, 1];
    let Decision::Complete { action, .. } = receive(&mut platform, &start)
    else {
        panic!("not complete");
    };
    assert_eq!(action.unasked[0].0.contents[0][16..20], [1, 8, 9, 0xcd]);
    keep(&mut platform, action.changes);
    let Decision::Complete { action, .. } = receive(&mut platform, &early)
    else {
        panic!("not complete");
    };
    assert_eq!(action.reply, None);
    assert_eq!(action.handler.as_deref(), Some("hear"));
    keep(&mut platform, action.changes);
    // Its tag is free again.
    assert!(matches!(receive(&mut platform, &early), Decision::Dropped(_)));
}

/// Numbers that look random and are the same every time (xorshift).
fn numbers() -> impl FnMut() -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut platform = builtin();
    let channels = Channels::default();
    let mut next = numbers();
    let seeds: [&[u8]; 4] = [
        &[1, 9, 8, 0xc8, 0, 0x80, 1, 0, 9],
        &[1, 9, 8, 0xc9, 1, 0x80, 0, 3, 0, 0, 0, 0, 1, 0],
        &[1, 9, 8, 0xca, 0x7e, 0x1a, 0xf4, 1, 2],
        &[1, 9, 8, 0x8b, 0x7e, 0x1a, 0xf4, 1, 2],
    ];
    for _ in 0..20_000 {
        let seed = seeds[next() % seeds.len()];
        let mut content = content(seed);
        for _ in 0..next() % 4 {
            let at = next() % content.len();
            content[at] = u8::try_from(next() % 256).unwrap();
        }
        if next().is_multiple_of(4) {
            content.truncate(next() % (content.len() + 1));
        }
        let decision = platform.receive(&channels, &name(1), &content, TIME);
        if let Decision::Complete { action, .. } = decision {
            keep(&mut platform, action.changes);
        }
        let decoded = crate::record::describe(&content);
        assert!(!decoded.summary.is_empty());
    }
}

#[test]
fn no_bytes_make_register_channels_panic() {
    let mut platform = builtin();
    let channels: Vec<String> = [2, 1, 0, 3, 5]
        .iter()
        .enumerate()
        .map(|(subspace, kind)| {
            format!(
                r#"{{"subspace": {subspace}, "type": {kind}, "size": 64,
                "completion": "answered"}}"#
            )
        })
        .collect();
    let text = format!(
        r#"{{"version": 1, "epoch": "20261121T044142.123456789Z",
        "channels": [{}]}}"#,
        channels.join(",")
    );
    let channels = Channels::decode(text.as_bytes()).unwrap();
    let mut next = numbers();
    for _ in 0..20_000 {
        let subspace = u8::try_from(next() % 5).unwrap();
        let mut content = vec![subspace, b'C', b'C', b'P'];
        let size = next() % 70;
        content.extend((0..size).map(|_| u8::try_from(next() % 9).unwrap()));
        content.truncate(next() % (content.len() + 1));
        let name = RequestName { subspace, ..name(1) };
        let decision = platform.receive(&channels, &name, &content, TIME);
        if let Decision::Complete { action, .. } = decision {
            keep(&mut platform, action.changes);
        }
        for is_request in [false, true] {
            for is_unasked in [false, true] {
                let described = platform.describe(
                    &channels, subspace, &content, is_request, is_unasked,
                );
                assert!(!described.summary.is_empty());
            }
        }
    }
}
