//! What comes with pccd, asked by an independent MCTP stack: requests and
//! answers byte for byte, in this order, of one platform.

use std::rc::Rc;

use mctp::{Eid, MsgIC, MsgType, Tag, TagValue};
use mctp_estack::Stack;
use mctp_estack::fragment::SendOutput;
use pccd::exchange::{Changes, Platform, Verdict};
use pccd::handlers::Handlers;
use pccd::mailbox::{Channels, RequestName};
use pccd::record::Time;
use pccd::wire::pcc::{COMMAND_MCTP, Frame, HEADER_LEN};

/// Request, answer; an empty answer is none. Blanks are for people.
const CONTROL: &[(&str, &str)] = &[
    ("00 80 02", "00 00 02 00 09 00 00"),
    ("00 8a 01 00 0a", "00 0a 01 00 00 0a 00"),
    ("00 80 01 00 ff", "00 00 01 02"),
    ("00 80 01 00 00", "00 00 01 02"),
    ("00 80 01 00 07", "00 00 01 02"),
    ("00 80 01 01 09", "00 00 01 00 00 09 00"),
    ("00 80 01 02 00", "00 00 01 02"),
    ("00 80 01 03 00", "00 00 01 02"),
    ("00 80 01 00", "00 00 01 03"),
    ("00 80 03", "00 00 03 00 8a7b1c2d3e4f4a5b9c6d7e8f90a1b2c3"),
    ("00 81 04 ff", "00 01 04 00 04 f1f0ff00 f1f1ff00 f1f2ff00 f1f3f300"),
    ("00 81 04 00", "00 01 04 00 04 f1f0ff00 f1f1ff00 f1f2ff00 f1f3f300"),
    ("00 81 04 01", "00 01 04 00 01 f1f0f000"),
    ("00 81 04 02", "00 01 04 80"),
    ("00 80 05", "00 00 05 00 06 01 04 05 20 7e 7f"),
    ("00 80 05 00", "00 00 05 03"),
    ("00 80 06 00", "00 00 06 00 01 00 1af4 0000"),
    ("00 80 06 01", "00 00 06 00 ff 01 0000019c 0000"),
    ("00 80 06 02", "00 00 06 02"),
    ("00 80 07 09", "00 00 07 05"),
    ("00 80 08 00 04 20", "00 00 08 05"),
    ("00 80 09 01 00 01 20", "00 00 09 05"),
    ("00 80 0a 00", "00 00 0a 05"),
    ("00 80 0b", "00 00 0b 05"),
    ("00 80 0c", "00 00 0c 05"),
    ("00 80 0d", "00 00 0d 05"),
    ("00 80 0e", "00 00 0e 00 b19d6c2f0a474e638d527f1e90c4a6d8"),
    ("00 80 0f 09 00", "00 00 0f 00 00 00 0000 0000"),
    ("00 80 0f 20 00", "00 00 0f 02"),
    ("00 80 ef", "00 00 ef 05"),
    ("00 80 f2", "00 00 f2 05"),
    ("00 c0 02", ""),
    ("00 00 02", ""),
    ("80 80 02 00000000", ""),
];

const PLDM_BASE: &[(&str, &str)] = &[
    ("01 80 00 02", "01 00 00 02 00 01"),
    ("01 81 00 01 00", "01 01 00 01 02"),
    ("01 82 00 01 2a", "01 02 00 01 00"),
    ("01 83 00 02", "01 03 00 02 00 2a"),
    ("01 80 00 04", "01 00 00 04 00 15 00000000000000"),
    (
        "01 80 00 03 00000000 01 00",
        "01 00 00 03 00 00000000 05 00f0f1f1 babe9d53",
    ),
    (
        "01 80 00 03 00000000 01 04",
        "01 00 00 03 00 00000000 05 00f0f0f1 fb8f864a",
    ),
    ("01 80 00 03 00000000 01 05", "01 00 00 03 83"),
    ("01 80 00 03 00000000 00 00", "01 00 00 03 81"),
    (
        "01 80 00 05 00 00f0f1f1",
        "01 00 00 05 00 be02000000000000 0000000000000000 \
         0000000000000000 0000000000000000",
    ),
    ("01 80 00 05 00 00f0f9f1", "01 00 00 05 84"),
    ("01 80 00 05 07 00f0f1f1", "01 00 00 05 83"),
    (
        "01 80 00 07 0001 0100000000000000",
        "01 00 00 07 00 0001 0100000000000000",
    ),
    (
        "01 80 00 09 00 00 00000000 00000000 00000000 00010000",
        "01 00 00 09 00 01 01000000 20000000 \
         00070e151c232a31383f464d545b6269 70777e858c939aa1a8afb6bdc4cbd2d9",
    ),
    (
        "01 80 00 09 00 01 00000000 01000000 00000000 00010000",
        "01 00 00 09 00 04 00000000 10000000 \
         e0e7eef5fc030a11181f262d343b4249 d9388a63",
    ),
    ("01 80 00 09 00 01 00000000 05000000 00000000 00010000", "01 00 00 09 22"),
    ("01 80 00 7f", "01 00 00 7f 05"),
    ("01 80 03 01", "01 00 03 01 20"),
    ("01 c0 00 02", ""),
    ("81 80 00 02 00000000", ""),
];

const PLDM_PLATFORM: &[(&str, &str)] = &[
    ("01 80 02 04 01 00 08", "01 00 02 04 00"),
    ("01 80 02 05", "01 00 02 05 00 00 08"),
    ("01 80 02 04 01 01 08", "01 00 02 04 80"),
    ("01 80 02 11 0100 00", "01 00 02 11 00 00 00 02 01 01 01 2a"),
    ("01 80 02 11 0300 00", "01 00 02 11 80"),
    ("7f 0000019c 74 55", "7f 0000019c 6f 6b"),
    ("01 80 02 11 0100 00", "01 00 02 11 00 00 00 02 08 01 08 55"),
    ("01 80 02 21 0200 00 00", "01 00 02 21 00 01 00 01 01 01"),
    ("01 80 02 21 0100 00 00", "01 00 02 21 80"),
    ("01 80 02 0a 01 01 00 0100 02 02 01 00 2a", "01 00 02 0a 00 03"),
    (
        "01 80 02 50",
        "01 00 02 50 00 00 00000000000000000000000000 \
         00000000000000000000000000 03000000 73000000 45000000 00",
    ),
    (
        "01 80 02 51 00000000 00000000 01 ff00 0000",
        "01 00 02 51 00 02000000 00000000 05 1300 \
         01000000 01 01 0000 0900 0000 01 01 0000 01 01 09",
    ),
    (
        "01 80 02 51 02000000 00000000 01 ff00 0000",
        "01 00 02 51 00 03000000 00000000 05 4500 \
         02000000 01 02 0000 3b00 0000 0100 4000 0100 0000 00 00 02 00 00 00 \
         00 00 00 00 00 01 00 0000803f 00000000 0000 00 00 02 01 00 \
         00000000 0000803f ff 00 00 01 28 50 05 50 00 5f 00 69 00",
    ),
    (
        "01 80 02 51 03000000 00000000 01 ff00 0000",
        "01 00 02 51 00 00000000 00000000 05 1b00 \
         03000000 01 04 0000 1100 0000 0200 7800 0100 0000 00 00 01 \
         0100 01 06",
    ),
    (
        "01 80 02 51 01000000 00000000 01 0800 0000",
        "01 00 02 51 00 02000000 08000000 00 0800 0100000001010000",
    ),
    (
        "01 80 02 51 01000000 08000000 00 0800 0000",
        "01 00 02 51 00 02000000 00000000 04 0b00 \
         0900000001010000010109 d6",
    ),
    ("01 80 02 51 09000000 00000000 01 ff00 0000", "01 00 02 51 82"),
    ("01 80 02 3a 0100", "01 00 02 3a 05"),
];

const PLDM_FRU: &[(&str, &str)] = &[
    (
        "01 80 04 01",
        "01 00 04 01 00 01 00 00000000 19000000 0100 0100 f8973417",
    ),
    (
        "01 80 04 02 00000000 01",
        "01 00 04 02 00 00000000 05 0100 01 03 01 05 04 70636364 \
         02 05 62656e6368 04 05 3030303031 000000 f8973417",
    ),
    ("01 80 04 02 00000000 00", "01 00 04 02 80"),
    ("01 80 04 04 00000000 0000 0100 01 05 01", "01 00 04 04 05"),
];

const NEGOTIATE: &str = "05 12 e3 00 00 2000 01 00 90000000 03000000 \
                         000000000000000000000000 00 00 00 00";
const SPDM: &[(&str, &str)] = &[
    // Too early.
    ("05 12 e1 00 00 00000000 06000000 00100000 00100000", "05 12 7f 04 00"),
    (NEGOTIATE, "05 12 7f 04 00"),
    ("05 12 84 00 00", "05 10 7f 41 00"),
    ("05 10 84 00 00", "05 10 04 00 00 00 03 0010 0011 0012"),
    (NEGOTIATE, "05 12 7f 04 00"),
    ("05 13 e1 00 00 00000000 06000000 00100000 00100000", "05 10 7f 41 00"),
    ("05 12 e1 00 00 00000000 06000000 29000000 29000000", "05 12 7f 01 00"),
    (
        "05 12 e1 00 00 00000000 06000000 00100000 00100000",
        "05 12 61 00 00 00 0c 0000 0e000000 00100000 00100000",
    ),
    // SHA-384 and P-384 only.
    (
        "05 12 e3 00 00 2000 01 00 80000000 02000000 \
         000000000000000000000000 00 00 00 00",
        "05 12 7f 01 00",
    ),
    (
        NEGOTIATE,
        "05 12 63 00 00 2400 01 00 02000000 10000000 01000000 00000000 \
         00000000000000 00 00 00 0000",
    ),
    ("05 12 81 00 00", "05 12 7f 07 81"),
    ("05 12 e4 00 00", "05 12 7f 07 e4"),
    ("05 10 84 00 00", "05 10 04 00 00 00 03 0010 0011 0012"),
    ("05 10 e1 00 00", "05 10 61 00 00 00 00 0000 0e000000"),
    ("05 11 e1 00 00 00000000 06000000", "05 11 61 00 00 00 00 0000 0e000000"),
    // A response nobody asked for.
    ("05 12 61 00 00", ""),
    ("85 10 84 00 00 00000000", ""),
];

const OTHERS: &[(&str, &str)] = &[
    ("7e 1af4 01 02", "7e 1af4 01 02"),
    ("7e 8086 01 02", ""),
    ("7f 0000019c 76", "7f 0000019c 76 01"),
    ("7f 0000019d 70696e67", ""),
    ("20 01 02 03", "20 01 02 03"),
    ("21 01 02 03", ""),
    (
        "84 08000001 00000000 00000000 51aff71d",
        "84 88000000000000 38ff2300 00000000 ae22112a",
    ),
    ("84 08000001 00000000 00000000 00000000", ""),
    ("04 08000001 00000000 00000000", ""),
];

/// Asks the platform through the other stack and gives what that stack
/// says has come back, tag and source judged by it.
fn ask(platform: &mut Platform, text: &str) -> Option<Vec<u8>> {
    let request = hex::decode(text.replace(' ', "")).unwrap();
    let (kind, body) = request.split_first().unwrap();
    let mut stack = Stack::new(Eid(8), 68, 0);
    let mut fragmenter = stack
        .start_send(
            Eid(platform.state().eid),
            MsgType(kind & 0x7f),
            None,
            true,
            MsgIC(kind & 0x80 != 0),
            None,
            None,
        )
        .unwrap();
    let channels = Channels::default();
    let mut reply = None;
    for seq in 1.. {
        let mut out = [0; 255];
        let packet = match fragmenter.fragment(body, &mut out) {
            SendOutput::Packet(packet) => packet.to_vec(),
            SendOutput::Complete { .. } => break,
            SendOutput::Error { err, .. } => panic!("{err:?}"),
        };
        let name = RequestName {
            epoch: "20261121T044142.123456789Z".parse().unwrap(),
            seq,
            subspace: 0,
        };
        let content = Frame {
            subspace: 0,
            flags: 1,
            command: COMMAND_MCTP,
            payload: &packet,
        }
        .encode();
        if let Verdict::Complete { action, .. } =
            platform.receive(&channels, &name, &content, Time::UNIX_EPOCH)
        {
            if let Some(Changes { endpoint, memory }) = action.changes {
                platform.set(endpoint, memory);
            }
            reply = action.reply;
        }
    }
    for content in reply?.contents {
        let packet = &content[HEADER_LEN..];
        if let Some((message, handle)) = stack.receive(packet).unwrap() {
            assert!(matches!(message.tag, Tag::Unowned(TagValue(_))));
            let check = u8::from(message.ic.0) << 7;
            let mut whole = vec![message.typ.0 | check];
            whole.extend(message.payload);
            stack.finished_receive(handle);
            return Some(whole);
        }
    }
    panic!("no whole message");
}

#[test]
fn every_exchange_is_as_written() {
    let handlers = Handlers::builtin().unwrap();
    let mut platform = Platform::new(Rc::new(handlers), 0);
    let tables = [CONTROL, PLDM_BASE, PLDM_PLATFORM, PLDM_FRU, SPDM, OTHERS];
    for (request, answer) in tables.into_iter().flatten() {
        let said = ask(&mut platform, request);
        let expected = hex::decode(answer.replace(' ', "")).unwrap();
        let said = said.unwrap_or_default();
        assert_eq!(hex::encode(said), hex::encode(expected), "{request}");
    }
}

/// The checksum GetFRURecordTableMetadata tells is that of the table, and
/// every answer of those above decodes in full with its checksums right.
#[test]
fn every_answer_decodes_in_full() {
    for (_, answer) in
        [CONTROL, PLDM_BASE, PLDM_PLATFORM, PLDM_FRU, SPDM, OTHERS]
            .into_iter()
            .flatten()
            .filter(|(_, answer)| !answer.is_empty())
    {
        let message = hex::decode(answer.replace(' ', "")).unwrap();
        let decoded = pccd::describe_message(&message);
        for field in &decoded.fields {
            assert_ne!(field.layer, "end", "{answer}: {field:?}");
            let meaning = field.meaning.as_deref().unwrap_or_default();
            assert!(!meaning.starts_with("wrong"), "{answer}: {field:?}");
        }
    }
    let crc = |table: &[(&str, &str)], index: usize| {
        let text = table[index].1.replace(' ', "");
        let message = hex::decode(text).unwrap();
        let decoded = pccd::describe_message(&message);
        decoded.field("pldm.crc32").unwrap().value.clone()
    };
    assert_eq!(crc(PLDM_FRU, 0), crc(PLDM_FRU, 1));
}
