//! NVMe-MI as fields: every command, right, too short and too long.

use crate::wire::checksum::Checksum;
use crate::wire::message::describe;

/// A message from the byte after its type on, with its integrity check.
fn message(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x84];
    bytes.extend(hex::decode(text.replace(' ', "")).unwrap());
    let check = Checksum::Crc32c.of(&bytes).to_le_bytes();
    bytes.extend(&check[..4]);
    bytes
}

/// Requests and responses, and the line about them.
const CASES: &[(&str, &str)] = &[
    (
        "09 0000 00 000000 00000001 00000000",
        "NVMe-MI Command request: Read NVMe-MI Data Structure, slot 1, \
         Port Information",
    ),
    (
        "08 0000 01 000000 00000000 00000080",
        "NVMe-MI Command request: NVM Subsystem Health Status Poll",
    ),
    (
        "08 0000 02 000000 00000081 1f000080",
        "NVMe-MI Command request: Controller Health Status Poll",
    ),
    (
        "08 0000 03 000000 01020000 00000000",
        "NVMe-MI Command request: Configuration Set, SMBus/I2C Frequency",
    ),
    (
        "08 0000 03 000000 02000000 ff1f0000",
        "NVMe-MI Command request: Configuration Set, Health Status Change",
    ),
    (
        "08 0000 04 000000 03000000 40000000",
        "NVMe-MI Command request: Configuration Get, \
         MCTP Transmission Unit Size",
    ),
    ("08 0000 07 000000 00000000 00000000", "NVMe-MI Command request: Reset"),
    (
        "11 0000 06 000000 00000000 00000000 00000000 00000000 00000000 \
         00000000 00010000 00000000 00000000 01000000 00000000 00000000 \
         00000000 00000000 00000000",
        "NVMe Admin Command request: Identify, slot 1, controller 0x0000, \
         Controller",
    ),
    ("00 0000 03 5a 0000", "Control Primitive request: Get State"),
    ("80 0000 00 5a 0100", "Control Primitive response: Success"),
    (
        "20 0000 00 00 0100 04000000 00000000 00000000",
        "PCIe Command request: PCIe Configuration Read, controller 0x0001",
    ),
    ("88 0000 05 000000", "NVMe-MI Command response: Invalid Command Size"),
    ("88 0000 04 000b00", "NVMe-MI Command response: Invalid Parameter"),
    (
        "89 0000 01 000500",
        "NVMe-MI Command response: More Processing Required, slot 1, \
         in 0x0005 x 100 ms",
    ),
    (
        "90 0000 00 000000 01000000 00000000 00000000",
        "NVMe Admin Command response: Success",
    ),
    ("98 0000 99 000000", "NVMe-MI type 3 response: status 153"),
];

#[test]
fn every_kind_of_message_decodes_to_its_last_byte() {
    for (text, summary) in CASES {
        let described = describe(&message(text));
        assert_eq!(&described.summary, summary, "{text}");
        assert_eq!(described.stop, None, "{text}");
        assert!(described.rest.is_empty(), "{text}");
        let check = described.fields.last().unwrap();
        assert_eq!(check.full_name(), "mctp.integrity_check", "{text}");
        assert_eq!(check.meaning.as_deref(), Some("right"), "{text}");
    }
}

/// Requests have one size, but for those that data may follow; of a
/// response the header is what must be there.
#[test]
fn what_is_cut_or_too_long_is_seen() {
    for (text, _) in CASES {
        let (body, _) = (text.replace(' ', ""), ());
        for end in (0..body.len()).step_by(2) {
            let described = describe(&message(&body[..end]));
            let whole = described.stop.is_none();
            let is_header = body.starts_with("90") && end >= 38;
            assert!(!whole || is_header, "{text}: {end}");
        }
        let described = describe(&message(&format!("{body}00")));
        let data = ["11", "20", "90"];
        let takes_data = data.iter().any(|start| body.starts_with(start));
        assert_eq!(described.rest.is_empty(), takes_data, "{text}");
    }
}
