//! What comes with pccd, asked by an independent MCTP stack: requests and
//! answers byte for byte, in this order, of one platform.

#[path = "common/exchanges.rs"]
mod written;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mctp::{Eid, MsgIC, MsgType, Tag, TagValue};
use mctp_estack::Stack;
use mctp_estack::fragment::SendOutput;
use pccd::mailbox::{Channel, Channels, Completion, RequestName};
use pccd::messages::Messages;
use pccd::platform::{Changes, Decision, Platform};
use pccd::record::Time;
use pccd::wire::checksum::Checksum;
use pccd::wire::message::describe;
use pccd::wire::pcc::{
    COMMAND_MCTP, ENVELOPE_LEN, ENVELOPE_MAGIC, Frame, HEADER_LEN,
};
use pccd::wire::region::SubspaceType;
use serde_json::Value;
use written::{Exchanges, exchanges};

/// Those for MCTP; channels of registers and programs are asked by guests.
fn tables() -> Vec<Exchanges> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tables = exchanges(&root);
    let apart = ["exec/", "examples/"];
    tables.retain(|table| !apart.iter().any(|at| table.name.starts_with(at)));
    tables
}

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
        if let Decision::Complete { action, .. } =
            platform.receive(&channels, &name, &content, Time::UNIX_EPOCH)
        {
            if let Some(Changes { endpoint, memory }) = action.changes {
                platform.set(endpoint, memory);
            }
            reply = action.reply;
        }
    }
    for content in reply?.contents {
        let bare = match content.starts_with(&ENVELOPE_MAGIC) {
            true => &content[ENVELOPE_LEN..],
            false => &content,
        };
        let packet = &bare[HEADER_LEN..];
        // A packet out of order is an error there.
        if let Ok(Some((message, handle))) = stack.receive(packet) {
            assert!(matches!(message.tag, Tag::Unowned(TagValue(_))));
            let check = u8::from(message.ic.0) << 7;
            let mut whole = vec![message.typ.0 | check];
            whole.extend(message.payload);
            stack.finished_receive(handle);
            return Some(whole);
        }
    }
    // What came is no whole message.
    None
}

#[test]
fn every_exchange_is_as_written() {
    let handlers = Messages::builtin().unwrap();
    let mut platform = Platform::new(Arc::new(handlers), 0);
    for (request, answer) in tables().iter().flat_map(|table| &table.pairs) {
        let said = ask(&mut platform, request).map(hex::encode);
        let expected = answer.as_ref().map(|text| text.replace(' ', ""));
        assert_eq!(said, expected, "{request}");
    }
}

/// Examples are not loaded with the rest: they expect things, speak unasked
/// and have an endpoint of their own.
#[test]
fn every_example_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let messages = Messages::load(&[root.join("messages/examples")]).unwrap();
    let mut platform = Platform::new(Arc::new(messages), 0);
    let mut tables = exchanges(&root);
    tables.retain(|table| table.name.starts_with("examples/"));
    assert_eq!(tables.len(), 4);
    let mut wrong = Vec::new();
    for (request, answer) in tables.iter().flat_map(|table| &table.pairs) {
        let said = ask(&mut platform, request).map(hex::encode);
        let expected = answer.as_ref().map(|text| text.replace(' ', ""));
        if said != expected {
            wrong.push(format!("{request}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unmet = platform.handlers().unmet(platform.memory());
    assert_eq!(unmet, [""; 0]);
    let channels = Channels::default();
    let (sent, _) = platform
        .tick(&channels, "heartbeat", Time::UNIX_EPOCH)
        .unwrap()
        .unwrap();
    assert_eq!(sent.unwrap().message, b"\x7e\x1a\xf4\x01");
}

#[test]
fn the_thermometers_differ_in_their_limits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let messages = Messages::load(&[root.join("messages/examples")]).unwrap();
    let mut platform = Platform::new(Arc::new(messages), 0);
    let channel = |subspace| Channel {
        subspace,
        kind: SubspaceType::Initiator,
        size: 64,
        completion: Completion::Answered,
        paired: None,
    };
    let channels = Channels {
        channels: vec![channel(2), channel(3)],
        ..Channels::default()
    };
    let mut read = |subspace, space: &[u8]| {
        let name = RequestName {
            epoch: "20261121T044142.123456789Z".parse().unwrap(),
            seq: 1,
            subspace,
        };
        let mut content = vec![subspace, b'C', b'C', b'P', 0, 0, 0, 0];
        content.extend([4 + u8::try_from(space.len()).unwrap(), 0, 0, 0]);
        content.extend([1, 0, 0, 0]);
        content.extend(space);
        let time = Time::UNIX_EPOCH;
        match platform.receive(&channels, &name, &content, time) {
            Decision::Command(action) => {
                action.reply.unwrap().contents[0][HEADER_LEN..].to_vec()
            }
            other => panic!("{other:?}"),
        }
    };
    // The limit is the guest's to write, and comes back as it was written.
    assert_eq!(read(2, &[1, 0, 0, 0]), [1, 0, 215, 0]);
    assert_eq!(read(3, &[2, 0, 0, 0, 1]), [2, 0, 0x82, 0x0b, 1]);
}

/// Every key and choice of the schema, fields apart, stands in a file that
/// is shipped: what nobody shows nobody finds.
#[test]
fn every_word_has_an_example() {
    fn words(json: &Value, shape: bool, found: &mut BTreeSet<String>) {
        match json {
            Value::Object(object) => {
                for (key, inner) in object {
                    match (key.as_str(), inner) {
                        ("properties", Value::Object(keys)) if shape => {
                            found.extend(keys.keys().cloned());
                        }
                        ("const" | "enum", _) if shape => {
                            words(inner, false, found);
                        }
                        _ if !shape => drop(found.insert(key.clone())),
                        _ => {}
                    }
                    words(inner, shape, found);
                }
            }
            Value::Array(list) => {
                list.iter().for_each(|one| words(one, shape, found));
            }
            Value::String(text) if !shape => drop(found.insert(text.clone())),
            _ => {}
        }
    }
    let mut schema: Value =
        serde_json::from_str(&pccd::messages::schema()).unwrap();
    let parts = schema["$defs"].as_object_mut().unwrap();
    parts.retain(|name, _| !name.starts_with("field:"));
    parts.retain(|name, _| !["Fields", "Conditions"].contains(&&**name));
    let (mut wanted, mut shown) = (BTreeSet::new(), BTreeSet::new());
    words(&schema, true, &mut wanted);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../messages");
    for path in written::files(&root, "json") {
        if !path.to_string_lossy().ends_with("schema.json") {
            let text = std::fs::read_to_string(root.join(&path)).unwrap();
            words(&serde_json::from_str(&text).unwrap(), false, &mut shown);
        }
    }
    assert!(wanted.len() > 90, "{wanted:?}");
    let missing: Vec<&String> = wanted.difference(&shown).collect();
    assert!(missing.is_empty(), "nobody shows {missing:?}");
}

/// The checksum GetFRURecordTableMetadata tells is that of the table, and
/// every answer of those above decodes in full with its checksums right.
#[test]
fn every_answer_decodes_in_full() {
    let mut checksums = Vec::new();
    for table in tables() {
        for answer in table.pairs.iter().filter_map(|(_, answer)| {
            answer.as_ref().map(|text| text.replace(' ', ""))
        }) {
            let message = hex::decode(&answer).unwrap();
            let decoded = pccd::describe_message(&message);
            for field in &decoded.fields {
                assert_ne!(field.layer, "end", "{answer}: {field:?}");
                let meaning = field.meaning.as_deref().unwrap_or_default();
                assert!(!meaning.starts_with("wrong"), "{answer}: {field:?}");
            }
            if table.name == "pldm/fru" {
                let field = decoded.field("pldm.crc32");
                checksums.extend(field.map(|field| field.value.clone()));
            }
        }
    }
    assert_eq!(checksums.len(), 2);
    assert_eq!(checksums[0], checksums[1]);
}

/// Commands and the bytes that their requests have behind the PLDM header,
/// as libpldm 0.17 counts them.
const PLDM_REQUESTS: &[(&str, usize)] = &[
    ("00 01", 1),  // PLDM_SET_TID_REQ_BYTES
    ("00 02", 0),  // PLDM_GET_TID_REQ_BYTES
    ("00 03", 6),  // PLDM_GET_VERSION_REQ_BYTES
    ("00 04", 0),  // PLDM_GET_TYPES_REQ_BYTES
    ("00 05", 5),  // PLDM_GET_COMMANDS_REQ_BYTES
    ("00 07", 10), // PLDM_BASE_NEGOTIATE_TRANSFER_PARAMETERS_REQ_BYTES
    ("00 09", 18), // PLDM_MULTIPART_RECEIVE_REQ_BYTES
    ("02 0c", 1),  // PLDM_EVENT_MESSAGE_SUPPORTED_REQ_BYTES
    ("02 0d", 2),  // PLDM_EVENT_MESSAGE_BUFFER_SIZE_REQ_BYTES
    ("02 10", 4),  // PLDM_PLATFORM_SET_NUMERIC_SENSOR_ENABLE_REQ_BYTES
    ("02 11", 3),  // PLDM_GET_SENSOR_READING_REQ_BYTES
    ("02 21", 4),  // PLDM_GET_STATE_SENSOR_READINGS_REQ_BYTES
    ("02 51", 13), // PLDM_GET_PDR_REQ_BYTES
    ("04 01", 0),  // PLDM_GET_FRU_RECORD_TABLE_METADATA_REQ_BYTES
    ("04 02", 5),  // PLDM_GET_FRU_RECORD_TABLE_REQ_BYTES
];

/// Whatever the length but the right one: ERROR_INVALID_LENGTH, and no
/// handler is asked. libpldm's own decoders let some longer ones pass.
#[test]
fn a_pldm_request_of_a_wrong_length_is_refused() {
    let handlers = Messages::builtin().unwrap();
    let mut platform = Platform::new(Arc::new(handlers), 0);
    let before = platform.memory().clone();
    for (command, right) in PLDM_REQUESTS {
        for length in (0..right + 3).filter(|length| length != right) {
            let request = format!("01 9e {command} {}", "01".repeat(length));
            let said = ask(&mut platform, &request).map(hex::encode);
            let code = format!("01 1e {command} 03").replace(' ', "");
            assert_eq!(said, Some(code), "{request}");
        }
    }
    assert_eq!(*platform.memory(), before);
}

/// Every request of those above, cut anywhere or with a byte too many: never
/// what the whole one gets, unless what is left is a whole one, too.
#[test]
fn nothing_cut_is_answered_as_if_whole() {
    let refused = |message: &[u8]| match message {
        // Not supported at all, or not that long.
        [0, _, _, code] => [3, 5].contains(code),
        [1, _, _, _, code] => *code == 3,
        [5, _, 0x7f, code, _] => *code == 1,
        [0x84, _, _, _, status, ..] => *status == 5,
        _ => false,
    };
    let (mut refusals, mut silent) = (0, 0);
    for table in tables() {
        let handlers = Messages::builtin().unwrap();
        let mut platform = Platform::new(Arc::new(handlers), 0);
        for (text, _) in &table.pairs {
            let whole = hex::decode(text.replace(' ', "")).unwrap();
            let cut = (2..whole.len()).map(|end| whole[..end].to_vec());
            let long = [&whole[..], &[0]].concat();
            for mut bytes in cut.chain([long]) {
                if bytes[0] == 0x84 && bytes.len() > 4 {
                    bytes.truncate(bytes.len() - 4);
                    let check = Checksum::Crc32c.of(&bytes).to_le_bytes();
                    bytes.extend(&check[..4]);
                }
                let described = describe(&bytes);
                if described.wrong_length().is_none() || bytes == whole {
                    continue;
                }
                match ask(&mut platform, &hex::encode(&bytes)) {
                    Some(said) => {
                        assert!(refused(&said), "{bytes:02x?}: {said:02x?}");
                        refusals += 1;
                    }
                    None => silent += 1,
                }
            }
            ask(&mut platform, text);
        }
    }
    assert!(refusals > 300, "{refusals}");
    // Without a header there is nothing to answer.
    assert!(silent < refusals / 2, "{silent}");
}

/// A request that is as long as its fields, and says otherwise.
#[test]
fn a_length_that_lies_is_refused() {
    let handlers = Messages::builtin().unwrap();
    let mut platform = Platform::new(Arc::new(handlers), 0);
    let right = "05 11 e3 00 00 2000 01 00 10000000 01000000 00000000 \
                 0000000000000000 00 00 0000";
    let wrong = ["1f00", "2100", "0000", "ffff"];
    let said = ask(&mut platform, right);
    assert_ne!(said.unwrap()[2..], [0x7f, 1, 0]);
    for length in wrong {
        let request = right.replacen("2000", length, 1);
        let said = ask(&mut platform, &request).unwrap();
        assert_eq!(said, [5, 0x11, 0x7f, 1, 0], "{request}");
    }
}
