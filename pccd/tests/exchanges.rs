//! What comes with pccd, asked by an independent MCTP stack: requests and
//! answers byte for byte, in this order, of one platform.

#[path = "common/exchanges.rs"]
mod written;

use std::path::Path;
use std::sync::Arc;

use mctp::{Eid, MsgIC, MsgType, Tag, TagValue};
use mctp_estack::Stack;
use mctp_estack::fragment::SendOutput;
use pccd::exchange::{Changes, Platform, Verdict};
use pccd::handlers::Handlers;
use pccd::mailbox::{Channels, RequestName};
use pccd::record::Time;
use pccd::wire::pcc::{COMMAND_MCTP, Frame, HEADER_LEN};
use written::{Exchanges, exchanges};

/// Those for MCTP; channels of registers and programs are asked by guests.
fn tables() -> Vec<Exchanges> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tables = exchanges(&root);
    tables.retain(|table| table.about.is_empty());
    tables.retain(|table| !table.name.starts_with("exec/"));
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
    let mut platform = Platform::new(Arc::new(handlers), 0);
    for (request, answer) in tables().iter().flat_map(|table| &table.pairs) {
        let said = ask(&mut platform, request).map(hex::encode);
        let expected = answer.as_ref().map(|text| text.replace(' ', ""));
        assert_eq!(said, expected, "{request}");
    }
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
