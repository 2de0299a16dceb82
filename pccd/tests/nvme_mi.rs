//! NVMe-MI beyond one answer to one request: answers of 4 KiB, one that is
//! announced first, pages of controllers; and the words that handlers have
//! for it.

use std::path::Path;
use std::sync::Arc;

use pccd::mailbox::{Channels, RequestName};
use pccd::messages::Messages;
use pccd::platform::{Action, Changes, Decision, Platform};
use pccd::record::Time;
use pccd::wire::checksum::Checksum;
use pccd::wire::message::describe;
use pccd::wire::pcc::{COMMAND_MCTP, Frame};

/// What comes of a message of this tag, its integrity check left out.
fn ask(platform: &mut Platform, tag: u8, body: &[u8]) -> Box<Action> {
    let mut message = [&[0x84], body].concat();
    let check = Checksum::Crc32c.of(&message).to_le_bytes();
    message.extend(&check[..4]);
    send(platform, tag, &message)
}

/// What comes of a message of this tag.
fn send(platform: &mut Platform, tag: u8, message: &[u8]) -> Box<Action> {
    let chunks = message.chunks(64).count();
    for (number, chunk) in message.chunks(64).enumerate() {
        let mut flags = 0x08 | tag;
        flags |= u8::from(number == 0) << 7;
        flags |= u8::from(number + 1 == chunks) << 6;
        flags |= u8::try_from(number % 4).unwrap() << 4;
        let packet = [&[1, 0, 8, flags], chunk].concat();
        let name = RequestName {
            epoch: "20261121T044142.123456789Z".parse().unwrap(),
            seq: u32::try_from(number).unwrap() + 1,
            subspace: 0,
        };
        let frame = Frame {
            subspace: 0,
            flags: 1,
            command: COMMAND_MCTP,
            payload: &packet,
        };
        let decision = platform.receive(
            &Channels::default(),
            &name,
            &frame.encode(),
            Time::UNIX_EPOCH,
        );
        if let Decision::Complete { action, .. } = decision {
            if let Some(Changes { endpoint, memory }) = &action.changes {
                platform.set(*endpoint, memory.clone());
            }
            return action;
        }
    }
    panic!("{message:02x?} is not whole");
}

/// The answer to a request, type byte first, without its integrity check.
fn answer(platform: &mut Platform, body: &[u8]) -> Vec<u8> {
    let action = ask(platform, 0, body);
    let said = action.reply.unwrap_or_else(|| panic!("{:?}", action.reason));
    checked(&said.message).to_vec()
}

fn checked(message: &[u8]) -> &[u8] {
    let described = describe(message);
    let check = described.fields.last().unwrap();
    assert_eq!(check.meaning.as_deref(), Some("right"));
    &message[..message.len() - 4]
}

/// An admin command to controller 0, all its data wanted.
fn admin(opcode: u8, dw10: u32, bytes: u32) -> Vec<u8> {
    let mut body = vec![0x10, 0, 0, opcode, 3, 0, 0];
    body.resize(3 + 64, 0);
    body[31..35].copy_from_slice(&bytes.to_le_bytes());
    body[43..47].copy_from_slice(&dw10.to_le_bytes());
    body
}

fn builtin() -> Platform {
    Platform::new(Arc::new(Messages::builtin().unwrap()), 0)
}

#[test]
fn identify_has_four_kibibytes() {
    let said = answer(&mut builtin(), &admin(6, 1, 4096));
    assert_eq!(said.len(), 4 + 16 + 4096);
    let data = &said[20..];
    assert_eq!(&data[4..24], b"PCCD0001            ");
    assert_eq!(&data[768..800], b"nqn.2014-08.org.nvmexpress:uuid:");
    // A part of it is that part.
    let mut part = admin(6, 1, 24);
    part[27] = 4;
    assert_eq!(&answer(&mut builtin(), &part)[20..], &data[4..28]);
    part[27..29].copy_from_slice(&4084_u16.to_le_bytes());
    assert_eq!(answer(&mut builtin(), &part)[4..], [4, 0, 32, 0]);
}

#[test]
fn an_announced_answer_has_the_tag_of_its_request() {
    let mut platform = builtin();
    let error_log = admin(2, 0x000f_0001, 64);
    let first = ask(&mut platform, 5, &error_log);
    assert_eq!(first.unasked, []);
    let first = first.reply.unwrap().message;
    let second = ask(&mut platform, 5, &error_log);
    let announced = second.reply.unwrap().message;
    assert_eq!(checked(&announced)[4..], [1, 0, 10, 0]);
    let [(sent, after)] = &second.unasked[..] else {
        panic!("{:?}", second.unasked);
    };
    assert_eq!((&sent.message, *after), (&first, 200));
    for packet in &sent.contents {
        // Tag owner clear, the request's tag.
        assert_eq!(packet[19] & 0x0f, 5);
    }
    assert_eq!(ask(&mut platform, 5, &error_log).unasked, []);
}

#[test]
fn more_than_255_controllers_are_polled_in_pages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../messages");
    let text = |name| std::fs::read_to_string(root.join(name)).unwrap();
    let health = text("nvme-mi/health.json")
        .replace("\"nvme_controllers\": 1", "\"nvme_controllers\": 300");
    let files = [("health.json", health.as_str())];
    let messages = Messages::from_texts(&files).unwrap();
    let mut platform = Platform::new(Arc::new(messages), 0);
    let mut poll = |first: u16, most: u8| {
        let [low, high] = first.to_le_bytes();
        let body = [8, 0, 0, 2, 0, 0, 0, low, high, most, 0x81, 31, 0, 0, 0];
        answer(&mut platform, &body)
    };
    let page = poll(0, 255);
    assert_eq!((page[7], page.len()), (255, 8 + 255 * 16));
    assert_eq!(page[8 + 254 * 16..][..2], [254, 0]);
    let page = poll(255, 255);
    assert_eq!((page[7], page.len()), (45, 8 + 45 * 16));
    assert_eq!(page[8..10], [255, 0]);
    assert_eq!(poll(299, 0)[7], 1);
    assert_eq!(poll(300, 0)[7], 0);
}

/// What fields and `when` cannot say, and constants.
#[test]
fn handlers_look_at_what_their_if_says() {
    let texts = |text: &str| Messages::from_texts(&[("t.json", text)]);
    let file = r#"{
      "tables": { "names": { "1": "aa", "2": "bb" } },
      "handlers": [ {
        "name": "named", "match": { "hex": "42 ??" },
        "if": "{{ request.hex | part(1, 1) | number | string in table.names }}",
        "reply": { "hex": "42 {{ table.names[request.hex[3:]] }}" }
      }, {
        "name": "cut", "match": { "hex": "42 7f" }, "if": "{{ 'maybe' }}",
        "reply": "none"
      } ] }"#;
    let mut platform = Platform::new(Arc::new(texts(file).unwrap()), 0);
    let mut said = |code: u8| {
        let action = send(&mut platform, 0, &[0x42, code]);
        let reply = action.reply.map(|reply| reply.message);
        reply.ok_or(action.reason.unwrap_or_default())
    };
    assert_eq!(said(2), Ok(vec![0x42, 0xbb]));
    let nearest = said(3).unwrap_err();
    assert!(nearest.contains("`if` is not true: {{ request"), "{nearest}");
    let neither = said(0x7f).unwrap_err();
    assert!(neither.contains("neither `true` nor"), "{neither}");
    for (file, wrong) in [
        (file.replace("table.names[", "table.nmaes["), "did you mean"),
        (file.replace("{{ 'maybe' }}", "maybe"), "`maybe` is no template"),
        (file.replace("{{ 'maybe' }}", "{{ x }}"), "unknown name `x`"),
    ] {
        let problems = texts(&file).unwrap_err().to_string();
        assert!(problems.contains(wrong), "{problems}");
    }
}
