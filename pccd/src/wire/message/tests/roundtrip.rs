//! Bytes to fields and back: by messages of other implementations, and by
//! any bytes at all.

use proptest::prelude::*;

use crate::wire::encode::Given;
use crate::wire::layout::Value;
use crate::wire::message::{
    Described, describe, describe_content, describe_packet, encode,
};
use crate::wire::rebuild::{Parts, rebuild};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn given(described: &Described) -> Given {
    let fields = described.fields.iter();
    fields.map(|f| (f.full_name(), f.value.clone())).collect()
}

fn again(described: &Described) -> Vec<u8> {
    let stop = described.stop.as_ref().map(|stop| stop.field.clone());
    let tail = described.rest.clone();
    rebuild(&Parts { given: given(described), stop, tail }).unwrap()
}

/// Messages with their origin (MD mctpd, LM
/// libmctp, LP libpldm, V the DMTF's validator, MRS mctp-rs, TS tshark, SP
/// libspdm, S36 the specification), and what is computed when it is left
/// out.
const VECTORS: &[(&str, &str, &[&str])] = &[
    ("MD", "00 80 02", &[]),
    ("MD", "00 00 02 00 42 02 00", &[]),
    ("MD", "00 80 01 00 42", &[]),
    ("MD", "00 00 01 00 00 42 00", &[]),
    ("MD", "00 00 0b 05", &[]),
    ("MD", "00 00 04 00 01 f4f3f2f1", &["control.version_count"]),
    (
        "LM",
        "00 00 04 00 04 f1f0ff00 f1f1ff00 f1f2ff00 f1f3f300",
        &["control.version_count"],
    ),
    ("LM", "00 00 04 80", &[]),
    ("MD", "00 00 06 02", &[]),
    ("MD", "00 00 06 00 ff 00 abcd 0001", &[]),
    ("MD", "00 00 06 00 01 01 1234abcd 5678", &[]),
    ("V", "00 80 f2", &[]),
    ("MRS", "00 8a 01 00 0a", &[]),
    (
        "S36 routing update",
        "00 80 09 02 01 02 0a 00 01 14",
        &["control.entry_count"],
    ),
    (
        "S36 routing table",
        "00 00 0a 00 ff 01 01 09 20 08 1a 00",
        &["control.entry_count", "control.physical_address_size[0]"],
    ),
    ("S36 query hop", "00 00 0f 00 00 01 0000 0000", &[]),
    (
        "S36 interfaces",
        "00 00 14 00 02 02 08 0b 09",
        &["control.interface_count"],
    ),
    (
        "S36 rate",
        "00 00 11 00 00001000 00000064 00000064 0000000a 000010 000001 \
         00000032 03",
        &[],
    ),
    ("LP, TS", "01 80 00 02", &[]),
    ("LP, TS", "01 00 00 02 00 09", &[]),
    ("LP, TS", "01 00 00 04 00 1500000000000000", &[]),
    ("LP, TS", "01 80 00 03 00000000 01 00", &[]),
    ("LP, TS", "01 00 00 03 00 00000000 05 00f0f1f1 babe9d53", &["pldm.crc32"]),
    (
        "LP, 1.0.0",
        "01 00 00 03 00 00000000 05 00f0f0f1 fb8f864a",
        &["pldm.crc32"],
    ),
    (
        "LP, 1.1.1",
        "01 00 00 03 00 00000000 05 00f1f1f1 8dd45f52",
        &["pldm.crc32"],
    ),
    (
        "LP, 1.2.0",
        "01 00 00 03 00 00000000 05 00f0f2f1 79edb078",
        &["pldm.crc32"],
    ),
    ("LP, TS", "01 80 00 05 00 00f0f1f1", &[]),
    ("LP", "01 00 00 7f 05", &[]),
    ("LP, TS", "01 80 02 11 0100 00", &[]),
    ("LP, TS", "01 00 02 11 00 00 00 00 01 01 01 2a", &[]),
    ("LP, sint16", "01 00 02 11 00 03 00 00 01 01 01 fe ff", &[]),
    (
        "LP state sensors",
        "01 00 02 21 00 02 00 01 01 01 04 02 01 02",
        &["pldm.composite_sensor_count"],
    ),
    ("LP event receiver", "01 80 02 04 01 00 08", &[]),
    ("LP event receiver", "01 80 02 04 03 00 08 0a00", &[]),
    ("LP sensor event", "01 80 02 0a 01 01 00 0100 02 02 01 00 2a", &[]),
    ("LP op state event", "01 80 02 0a 01 01 00 0100 00 01 00", &[]),
    (
        "LP repository change",
        "01 80 02 0a 01 01 04 02 01 02 02 01000000 02000000",
        &["pldm.number_of_change_records", "pldm.number_of_change_entries[0]"],
    ),
    (
        "LP poll event; its checksum is no checksum",
        "01 00 02 0b 00 09 9f00 44332211 05 05 05000000 5544332211 99887766",
        &["pldm.event_data_size"],
    ),
    ("LP no event", "01 00 02 0b 00 09 0000", &[]),
    (
        "LP repository",
        "01 00 02 50 00 00 00000000000000000000000000 \
         00000000000000000000000000 01000000 45000000 45000000 00",
        &["pldm.update_time", "pldm.oem_update_time"],
    ),
    ("LP GetPDR", "01 80 02 51 00000000 00000000 01 ff00 0000", &[]),
    (
        "LP terminus locator",
        "01 00 02 51 00 00000000 00000000 05 1300 \
         01000000 01 01 0000 0900 0000 01 01 0000 01 01 09",
        &[
            "pldm.response_count",
            "pldm.data_length",
            "pldm.terminus_locator_value_size",
        ],
    ),
    (
        "LP last part of a PDR",
        "01 00 02 51 00 00000000 00000000 04 0200 aabb 96",
        &["pldm.response_count"],
    ),
    (
        "LP table, TS",
        "01 00 04 02 00 00000000 05 0100 01 01 01 01 01 ff \
         0200 02 01 01 02 01 fe 7ac44734",
        &[
            "pldm.crc32",
            "pldm.number_of_fields[0]",
            "pldm.field_length[0][0]",
            "pldm.field_length[1][0]",
        ],
    ),
    (
        "FRU metadata",
        "01 00 04 01 00 01 00 00010000 10000000 0200 0200 7ac44734",
        &[],
    ),
    (
        "V MultipartReceive",
        "01 80 00 09 05 00 00000000 01000000 00000000 00010000",
        &[],
    ),
    (
        "MultipartReceive response, check value",
        "01 00 00 09 00 05 00000000 09000000 313233343536373839 2639f4cb",
        &["pldm.data_length_bytes", "pldm.data_integrity_checksum"],
    ),
    ("SP", "05 10 84 00 00", &[]),
    (
        "SP",
        "05 10 04 00 00 00 03 0010 0011 0012",
        &["spdm.version_number_entry_count"],
    ),
    ("SP 1.0", "05 10 e1 00 00", &[]),
    ("SP 1.1", "05 11 e1 00 00 00 00 0000 06000000", &[]),
    ("SP 1.2", "05 12 e1 00 00 00 00 0000 06000000 00100000 00100000", &[]),
    ("SP 1.2", "05 12 61 00 00 00 0c 0000 16000000 00100000 00100000", &[]),
    (
        "SP",
        "05 12 e3 02 00 2800 01 02 90000000 03000000 00000000 \
         0000000000000000 00 00 00 00 02 20 0800 03 20 0200",
        &[
            "spdm.number_of_algorithm_structures",
            "spdm.length",
            "spdm.ext_asym_count",
            "spdm.ext_hash_count",
        ],
    ),
    (
        "SP",
        "05 12 63 00 00 2400 01 02 02000000 10000000 01000000 00000000 \
         00000000000000 00 00 00 0000",
        &["spdm.length", "spdm.number_of_algorithm_structures"],
    ),
    ("SP", "05 12 7f 07 e4", &[]),
    ("SP", "05 12 7f 42 00 05 e4 01 02", &[]),
    (
        "TS NVMe-MI",
        "84 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 e2000607",
        &["mctp.integrity_check"],
    ),
    ("S36", "7e 1af4 01 02", &[]),
    ("S36", "7f 0000019c 01", &[]),
    ("NC-SI", "02 00 01 00 01 00 00 00 00", &[]),
];

#[test]
fn vectors_of_others_are_complete_and_come_back() {
    for (origin, text, computed) in VECTORS {
        let message = bytes(text);
        let described = describe(&message);
        assert_eq!(described.stop, None, "{origin}: {text}");
        assert!(described.rest.is_empty(), "{origin}: {text}");
        let mut given = given(&described);
        let count = described.fields.len();
        assert_eq!(given.len(), count, "{origin}: a name twice in {text}");
        assert_eq!(encode(&given).unwrap(), message, "{origin}: {text}");
        for field in *computed {
            assert!(given.remove(*field).is_some(), "{field} in {text}");
        }
        assert_eq!(encode(&given).unwrap(), message, "{origin}: {text}");
    }
}

#[test]
fn every_length_of_every_vector_is_marked_and_comes_back() {
    for (origin, text, _) in VECTORS {
        let message = bytes(text);
        for length in 0..=message.len() {
            let cut = message.get(..length).unwrap();
            let described = describe(cut);
            assert!(!described.summary.is_empty());
            let bytes = again(&described);
            assert_eq!(bytes, cut, "{origin}: {length} of {text}");
            let mut content =
                b"\x05CCP\x01\0\0\0\0\0\0\0MCTP\x01\x09\x08\xc8".to_vec();
            content.extend(cut);
            let described = describe_content(&content);
            let bytes = again(&described);
            assert_eq!(bytes, content, "{origin}: {length}");
        }
    }
}

#[test]
fn wrong_checksums_are_named() {
    let cases = [
        ("01 00 00 03 00 00000000 05 00f0f1f1 babe9d54", "pldm.crc32"),
        (
            "84 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 e2000608",
            "mctp.integrity_check",
        ),
    ];
    for (text, name) in cases {
        let described = describe(&bytes(text));
        let found = described.fields.iter().find(|f| f.is(name)).unwrap();
        let meaning = found.meaning.clone().unwrap();
        assert!(meaning.starts_with("wrong: the bytes give 0x"), "{meaning}");
    }
}

#[test]
fn a_malformed_fru_table_is_marked() {
    // LP: a field of 200 bytes in a table that has fewer.
    let text = "01 00 04 02 00 00000000 05 0100 01 01 01 05 c8 41 42 00000000";
    let described = describe(&bytes(text));
    assert_eq!(described.stop.unwrap().field, "pldm.field_value[0][0]");
    let value = described.fields.iter().find(|f| f.is("pldm.field_value"));
    assert_eq!(value.unwrap().value, Value::Bytes(b"AB".to_vec()));
}

/// DSP0248's numeric sensor PDR has 69 bytes if all its values have one.
#[test]
fn a_pdr_is_made_of_fields() {
    let number = |name: &str, number: u64| {
        (
            format!(
                "{}.{name}",
                if name == "type" && number == 1 { "mctp" } else { "pldm" }
            ),
            Value::Number(number),
        )
    };
    let mut fields = Given::from([
        ("mctp.type".to_owned(), Value::Number(1)),
        number("rq", 0),
        number("instance_id", 3),
        number("type", 2),
        number("command", 0x51),
        number("completion_code", 0),
        number("record_handle", 1),
        number("pdr_type", 2),
        number("sensor_id", 7),
        number("base_unit", 2),
        number("sensor_data_size", 0),
        number("range_field_format", 0),
    ]);
    for name in [
        "hysteresis",
        "max_readable",
        "min_readable",
        "nominal_value",
        "normal_max",
        "normal_min",
        "warning_high",
        "warning_low",
        "critical_high",
        "critical_low",
        "fatal_high",
        "fatal_low",
    ] {
        fields.extend([number(name, 1)]);
    }
    let message = encode(&fields).unwrap();
    let described = describe(&message);
    assert_eq!((described.stop.is_none(), described.rest.len()), (true, 0));
    let value = |name: &str| {
        described.fields.iter().find(|f| f.is(name)).unwrap().value.clone()
    };
    assert_eq!(value("pldm.response_count"), Value::Number(69));
    assert_eq!(value("pldm.data_length"), Value::Number(59));
}

fn check(message: &[u8]) {
    let described = describe(message);
    let given = given(&described);
    assert_eq!(given.len(), described.fields.len(), "{message:02x?}");
    assert_eq!(again(&described), message);
    if described.stop.is_none() && described.rest.is_empty() {
        assert_eq!(encode(&given).unwrap(), message);
    }
}

/// Any bytes after a start that leads into the tables.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let some = || prop::collection::vec(any::<u8>(), 0..160);
    let few = prop::collection::vec(0_u8..6, 0..160);
    let body = prop_oneof![some(), few];
    let vectors: Vec<Vec<u8>> =
        VECTORS.iter().map(|(_, text, _)| bytes(text)).collect();
    prop_oneof![
        // A vector with some bytes changed.
        (
            prop::sample::select(vectors),
            prop::collection::vec(
                (any::<prop::sample::Index>(), any::<u8>()),
                0..4
            ),
            some(),
        )
            .prop_map(|(mut vector, changes, more)| {
                for (at, byte) in changes {
                    *at.get_mut(&mut vector) = byte;
                }
                vector.extend(more.iter().take(more.len() % 9));
                vector
            }),
        // Headers of known types, then anything.
        (prop::sample::select(&[0_u8, 1, 5, 0x81, 0x84, 0x7e, 0x7f][..]), body)
            .prop_map(|(kind, body)| {
                let mut message = vec![kind];
                message.extend(body);
                message
            }),
        // PLDM responses of every command.
        (0_u8..8, any::<u8>(), some()).prop_map(|(kind, command, body)| {
            let mut message = vec![1, 0, kind, command, 0];
            message.extend(body);
            message
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4096,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_message_comes_back(message in messages()) {
        check(&message);
    }

    #[test]
    fn any_packet_comes_back(
        packet in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let described = describe_packet(&packet);
        let bytes = again(&described);
        prop_assert_eq!(bytes, packet);
    }
}
