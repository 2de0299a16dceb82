use super::*;
use crate::mailbox::Channels;
use crate::wire::layout::Value;

const CHANNELS: &str = r#"{"version": 1,
  "epoch": "20261121T044142.123456789Z", "channels": [
  {"subspace": 0, "type": 3, "size": 8192, "completion": "posted",
   "paired": 1},
  {"subspace": 1, "type": 4, "size": 96, "completion": "posted", "paired": 0},
  {"subspace": 2, "type": 2, "size": 64, "completion": "answered"},
  {"subspace": 3, "type": 3, "size": 64, "completion": "answered"},
  {"subspace": 7, "type": 0, "size": 32, "completion": "answered"}]}"#;

const FILE: &str = r#"{"subspaces": {"2": "fan", "3": "scmi"}, "channels": [
  {"name": "fan", "registers": {
     "mode": {"offset": 0, "width": 32, "bits": "30:28",
              "values": {"slow": 1, "fast": 2}},
     "rpm": {"offset": 0, "width": 32, "bits": "15:0"},
     "entry_count": {"offset": 4, "width": 16, "access": "ro"},
     "asked": {"offset": 6, "width": 16, "access": "wo"},
     "serial": {"offset": 8, "bytes": 4}},
   "commands": [{"name": "read", "code": 1, "set": {"rpm": 1200}}]},
  {"name": "scmi", "command_word": "scmi", "registers": {
     "status": {"offset": 0, "width": 32, "access": "answer"},
     "other": {"offset": 0, "width": 32, "access": "answer"}},
   "commands": [
     {"name": "one", "code": 1, "set": {"status": 0}},
     {"name": "two", "code": 2, "set": {"other": 0}}]}],
  "handlers": [{"name": "long", "match": {"hex": "05 01"},
                "reply": {"hex": "LONG"}}]}"#;

pub(crate) fn messages() -> Messages {
    let long = format!("05 10 01 {}", "a1".repeat(98));
    let text = FILE.replace("LONG", &long);
    Messages::from_texts(&[("t.json", &text)]).unwrap()
}

pub(crate) fn channels() -> Channels {
    Channels::decode(CHANNELS.as_bytes()).unwrap()
}

fn listed(subspace: u8, content: &[u8]) -> Vec<Spot> {
    fields(&messages(), channels().get(subspace).unwrap(), content)
}

fn spot(spots: &[Spot], name: &str) -> Spot {
    let found = spots.iter().find(|spot| spot.name == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

const FAN: &[u8] = b"\x02CCP\x01\x80\x0f\x00\
    \x10\x20\x00\x20\x03\x00\xff\xff\xaa\xbb\xcc\xdd";

/// Get Message Type Support: SUCCESS, two types.
const TYPES: &[u8] = b"\x01CCP\0\0\0\0\x0f\0\0\0MCTP\x01\x08\x09\xc0\
    \0\0\x05\0\x02\x00\x7e";

#[test]
fn registers_and_header_are_listed() {
    let spots = listed(2, FAN);
    let names: Vec<&str> = spots.iter().map(|spot| &*spot.name).collect();
    assert_eq!(
        names,
        [
            "pcc.signature",
            "pcc.command",
            "pcc.reserved",
            "pcc.notify",
            "pcc.status_reserved",
            "fan.mode",
            "fan.rpm",
            "fan.entry_count",
            "fan.serial",
            "pcc.data",
        ]
    );
    let mode = spot(&spots, "fan.mode");
    assert_eq!((mode.offset, mode.size, mode.low, mode.width), (8, 4, 28, 3));
    let names = vec![(2, "fast".to_owned()), (1, "slow".to_owned())];
    assert_eq!(mode.what, What::Code(names));
    assert_eq!(mode.value, Value::Number(2));
    assert_eq!(spot(&spots, "fan.rpm").value, Value::Number(0x2010));
    assert_eq!(spot(&spots, "fan.entry_count").what, What::Count);
    let serial = spot(&spots, "fan.serial");
    assert_eq!((serial.offset, serial.what), (16, What::Bytes));
    assert_eq!(serial.value, Value::Bytes(vec![0xaa, 0xbb, 0xcc, 0xdd]));
    assert_eq!(spot(&spots, "pcc.data").size, 12);
    // An envelope before it changes nothing.
    let mut told = b"PCCE\x01\0\x20\0".to_vec();
    told.resize(32, 0);
    told.extend(FAN);
    assert_eq!(listed(2, &told), spots);
}

#[test]
fn an_answer_has_the_registers_of_its_command() {
    let word = |id: u8| {
        let mut content = b"\x03CCP\x01\0\0\0\x08\0\0\0".to_vec();
        content.extend([id, 0x44, 0, 0, 7, 0, 0, 0]);
        listed(3, &content)
    };
    let names = |spots: &[Spot]| {
        let names = spots.iter().map(|spot| spot.name.clone());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        names(&word(2)),
        "pcc.signature pcc.flags pcc.length pcc.command scmi.message_id \
         scmi.message_type scmi.protocol_id scmi.token scmi.reserved \
         scmi.other pcc.data"
    );
    let spots = word(1);
    assert!(names(&spots).contains("scmi.status"));
    assert_eq!(spot(&spots, "pcc.length").what, What::Length);
    let protocol = spot(&spots, "scmi.protocol_id");
    assert_eq!(protocol.value, Value::Number(0x11));
    assert_eq!((protocol.offset, protocol.low, protocol.width), (12, 10, 8));
}

#[test]
fn messages_are_listed() {
    let spots = listed(1, TYPES);
    let count = spot(&spots, "control.type_count");
    assert_eq!((count.offset, count.what), (24, What::Count));
    let types = spots.iter().find(|spot| spot.offset == 25).unwrap();
    assert_eq!((types.size, &types.what), (2, &What::Bytes));
    assert_eq!(spot(&spots, "pcc.length").what, What::Length);
    let tag = spot(&spots, "mctp.tag");
    assert_eq!((tag.offset, tag.size, tag.low, tag.width), (19, 1, 0, 3));
    let code = spot(&spots, "control.completion_code");
    let What::Code(names) = code.what else { panic!("{code:?}") };
    assert!(names.contains(&(0, "SUCCESS".to_owned())), "{names:?}");
    let message = message_fields(TYPES.get(20..).unwrap());
    let inner = spot(&message, "control.type_count");
    assert_eq!(inner.offset, 4);
}

#[test]
fn every_field_is_written_where_it_lies() {
    for (subspace, content) in [(2, FAN), (1, TYPES), (7, FAN)] {
        let spots = listed(subspace, content);
        assert!(spots.len() > 5);
        for spot in &spots {
            let new = match &spot.value {
                Value::Number(number) => Value::Number(number ^ 1),
                Value::Bytes(bytes) => {
                    Value::Bytes(bytes.iter().map(|byte| !byte).collect())
                }
            };
            let mut wrong = content.to_vec();
            spot.write(&mut wrong, &new).unwrap();
            assert_ne!(wrong, content, "{}", spot.name);
            spot.write(&mut wrong, &spot.value).unwrap();
            assert_eq!(wrong, content, "{} and its neighbours", spot.name);
            for cut in 0..spot.offset + spot.size {
                let mut cut = content.get(..cut).unwrap().to_vec();
                assert!(spot.write(&mut cut, &spot.value).is_err());
            }
        }
    }
}

#[test]
fn values_must_fit_their_field() {
    let spots = listed(2, FAN);
    let write = |name: &str, value: Value| {
        let mut content = FAN.to_vec();
        spot(&spots, name).write(&mut content, &value).map(|()| content)
    };
    let number = |n: i64| Value::Number(n.cast_unsigned());
    assert!(write("fan.mode", number(7)).is_ok());
    let error = write("fan.mode", number(8)).unwrap_err();
    assert_eq!(error.to_string(), "it has room for 3 bits");
    assert_eq!(write("fan.rpm", number(-2)).unwrap()[8..10], [0xfe, 0xff]);
    assert!(write("fan.rpm", number(-32_768)).is_ok());
    assert!(write("fan.rpm", number(-32_769)).is_err());
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let short = write("fan.serial", bytes(&[1])).unwrap();
    assert_eq!(short[16..], [1, 0xbb, 0xcc, 0xdd]);
    assert!(write("fan.serial", bytes(&[0; 5])).is_err());
    assert!(write("fan.serial", number(1)).is_err());
    assert!(write("fan.rpm", bytes(&[1])).is_err());
}

#[test]
fn every_length_is_listed() {
    for (subspace, content) in [(2, FAN), (3, FAN), (1, TYPES), (7, FAN)] {
        for length in 0..=content.len() {
            let cut = content.get(..length).unwrap();
            for spot in listed(subspace, cut) {
                assert!(spot.offset + spot.size <= length, "{spot:?}");
            }
        }
    }
}
