//! Messages as fields, by examples and by chance.

mod roundtrip;

use super::*;
use crate::wire::layout::Value;

/// Messages and what is said of them.
const SUMMARIES: &[(&[u8], &str)] = &[
    (&[0, 0x80, 2], "Get Endpoint ID request"),
    (&[0, 0, 2, 0, 9, 0, 0], "Get Endpoint ID response: SUCCESS, EID 9"),
    (&[0, 0x80, 1, 0, 9], "Set Endpoint ID request: set to 9"),
    (&[0, 0, 1, 0, 0, 9, 0], "Set Endpoint ID response: SUCCESS, EID 9"),
    (
        &[
            0, 1, 3, 0, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01,
            0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
        ],
        "Get Endpoint UUID response: SUCCESS, UUID \
         01234567-89ab-cdef-0123-456789abcdef",
    ),
    (
        &[0, 0x81, 4, 0xff],
        "Get MCTP Version Support request: of base specification",
    ),
    (
        &[0, 0, 4, 0, 1, 0xf1, 0xf3, 0xf3, 0],
        "Get MCTP Version Support response: SUCCESS, versions 1.3.3",
    ),
    (
        &[0, 0, 5, 0, 2, 1, 0x7e],
        "Get Message Type Support response: SUCCESS, types PLDM, \
         vendor-PCI",
    ),
    (&[1, 0, 0, 2, 0, 1], "PLDM base GetTID response: SUCCESS, TID 1"),
    (
        &[0x7e, 0x1a, 0xf4, 1, 2],
        "Vendor defined (PCI 0x1af4) message: 2 bytes 01 02",
    ),
    (&[0x7f, 0, 0, 1, 0x9c, 1], "Vendor defined (IANA 412) message: 1 byte 01"),
    (&[0, 0x80, 0x7f], "unknown control command 0x7f request"),
    (
        &[0, 0, 0x7f, 5],
        "unknown control command 0x7f response: ERROR_UNSUPPORTED_CMD",
    ),
    (
        &[0, 0, 4, 0x80],
        "Get MCTP Version Support response: \
      completion code 0x80",
    ),
    (&[5, 0x10, 0x84, 0, 0], "SPDM 1.0 GET_VERSION"),
    (&[], "an empty message (cut short in mctp.ic)"),
    (&[0, 0x80, 2, 7], "Get Endpoint ID request (1 byte too many)"),
    (&[0, 0x80, 1, 0], "Set Endpoint ID request (cut short in control.eid)"),
];

#[test]
fn summaries() {
    for (message, summary) in SUMMARIES {
        assert_eq!(&describe(message).summary, summary);
    }
}

#[test]
fn every_prefix_is_described() {
    for (message, _) in SUMMARIES {
        for length in 0..message.len() {
            let described = describe(message.get(..length).unwrap());
            assert!(!described.summary.is_empty());
        }
    }
}

#[test]
fn every_start_of_three_bytes_is_described() {
    for kind in 0..=u8::MAX {
        for command in 0..=u8::MAX {
            for flags in [0x00, 0x80, 0xc0] {
                let message = [kind, flags, command, 0, 0, 1];
                let described = describe(&message);
                assert!(!described.summary.is_empty());
            }
        }
    }
}

#[test]
fn fields_become_the_same_bytes() {
    let complete = SUMMARIES
        .iter()
        .filter(|(_, summary)| !summary.contains(" ("))
        .chain(SUMMARIES.iter().filter(|(_, s)| s.contains("Vendor")));
    for (message, summary) in complete {
        let given: Given = describe(message)
            .fields
            .into_iter()
            .map(|f| (f.full_name(), f.value))
            .collect();
        assert_eq!(&encode(&given).unwrap(), message, "{summary}");
    }
}

#[test]
fn a_field_of_another_message_is_refused() {
    let given = Given::from([
        ("mctp.type".to_owned(), Value::Number(0x7e)),
        ("vendor.vendor_id".to_owned(), Value::Number(0x1af4)),
        ("pldm.tid".to_owned(), Value::Number(1)),
    ]);
    let error = encode(&given).unwrap_err();
    assert_eq!(error.to_string(), "this message has no field `pldm.tid`");
}

#[test]
fn contents_are_described_at_every_length() {
    let content = [
        0x05, 0x43, 0x43, 0x50, 1, 0, 0, 0, 11, 0, 0, 0, 0x4d, 0x43, 0x54,
        0x50, 1, 9, 8, 0xc8, 0, 0x80, 2,
    ];
    for length in 0..content.len() {
        let described = describe_content(content.get(..length).unwrap());
        assert!(!described.summary.is_empty());
    }
    let described = describe_content(&content);
    assert_eq!(described.summary, "Get Endpoint ID request");
    assert_eq!(described.fields.len(), 4 + 9 + 2 + 5);
    let mut fragment = content;
    fragment[19] = 0x88;
    assert_eq!(
        describe_content(&fragment).summary,
        "first part of a message in several packets, 3 bytes"
    );
    assert!(describe_content(b"PCCE").summary.starts_with("an empty"));
}
