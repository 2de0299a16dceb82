//! SPDM messages over MCTP (DSP0274, DSP0275; little-endian): what comes
//! before any key, and the header of all else.
//!
//! Message byte 0 is the MCTP type (0x05), byte 1 the version, byte 2 the
//! code (bit 7 set in requests), bytes 3 and 4 its two parameters.

mod names;

use super::layout::{Item, Kind};

pub use names::CODES;
use names::{
    ALGORITHM_TYPES, BASE_ASYM, BASE_HASH, ERRORS, MEASUREMENT_HASH,
    MEASUREMENT_SPECIFICATIONS, REQUESTER_FLAGS, RESPONDER_FLAGS,
    VERSION_NUMBERS, VERSIONS,
};

const PARAM1: Item = Item::new("param1", Kind::U8).or(0);
const PARAM2: Item = Item::new("param2", Kind::U8).or(0);

/// A whole message after its type byte.
pub const MESSAGE: &[Item] = &[
    Item::new("version", Kind::U8).named(VERSIONS),
    Item::new("request_response_code", Kind::U8).named(CODES),
    Item::switch(
        "request_response_code",
        &[
            (0x84, &[PARAM1, PARAM2]),
            (0x04, VERSION),
            (0xe1, GET_CAPABILITIES),
            (0x61, CAPABILITIES),
            (0xe3, NEGOTIATE_ALGORITHMS),
            (0x63, ALGORITHMS),
            (0x81, &[PARAM1, PARAM2]),
            (0x01, DIGESTS),
            (0x82, GET_CERTIFICATE),
            (0x02, CERTIFICATE),
            (0x7f, ERROR),
        ],
        &[PARAM1, PARAM2, Item::new("data", Kind::Rest).brief("{}")],
    ),
];

const VERSION: &[Item] = &[
    PARAM1,
    PARAM2,
    Item::new("reserved", Kind::U8).or(0),
    Item::new("version_number_entry_count", Kind::Count(1))
        .brief("{} versions"),
    Item::repeat(&[
        Item::new("version_number", Kind::U16Le).named(VERSION_NUMBERS)
    ])
    .counted("version_number_entry_count"),
];

/// The same fields in each of these versions.
macro_rules! versions {
    ($($version:literal)|+ => $items:expr) => { &[$(($version, $items)),+] };
}

/// What a field was before the version that made it one.
const fn zero(name: &'static str, bytes: usize) -> Item {
    Item::reserved(name, Kind::Bytes(bytes))
}

/// 1.4.
const EXT_FLAGS: Item = Item::switch(
    "version",
    versions!(0x10 | 0x11 | 0x12 | 0x13 => &[zero("reserved2", 2)]),
    &[Item::new("ext_flags", Kind::U16Le).or(0)],
);

const DATA_TRANSFER_SIZE: Item = Item::new("data_transfer_size", Kind::U32Le);
const MAX_SPDM_MSG_SIZE: Item = Item::new("max_spdm_msg_size", Kind::U32Le);

/// 1.0 asks without saying what it can, 1.2 adds sizes.
const GET_CAPABILITIES: &[Item] = &[
    PARAM1,
    PARAM2,
    Item::switch(
        "version",
        &[(0x10, &[]), (0x11, REQUESTER)],
        &[
            Item::new("reserved", Kind::U8).or(0),
            Item::new("ct_exponent", Kind::U8).or(0),
            EXT_FLAGS,
            Item::new("flags", Kind::BitSet(4)).named(REQUESTER_FLAGS),
            DATA_TRANSFER_SIZE,
            MAX_SPDM_MSG_SIZE,
        ],
    ),
];
const REQUESTER: &[Item] = &[
    Item::new("reserved", Kind::U8).or(0),
    Item::new("ct_exponent", Kind::U8).or(0),
    EXT_FLAGS,
    Item::new("flags", Kind::BitSet(4)).named(REQUESTER_FLAGS),
];

const CAPABILITIES: &[Item] = &[
    PARAM1,
    PARAM2,
    Item::new("reserved", Kind::U8).or(0),
    Item::new("ct_exponent", Kind::U8).or(0),
    EXT_FLAGS,
    Item::new("flags", Kind::BitSet(4)).named(RESPONDER_FLAGS).brief("{}"),
    Item::switch(
        "version",
        &[
            (0x10, &[]),
            (0x11, &[]),
            (0x12, &[DATA_TRANSFER_SIZE, MAX_SPDM_MSG_SIZE]),
        ],
        &[
            DATA_TRANSFER_SIZE,
            MAX_SPDM_MSG_SIZE,
            // The algorithms too, if they were asked for.
            Item::optional(&[Item::new("supported_algorithms", Kind::Rest)]),
        ],
    ),
];

const STRUCTURE_COUNT: Item = Item::switch(
    "version",
    &[(0x10, &[PARAM1])],
    &[Item::new("number_of_algorithm_structures", Kind::Count(1))],
);
const LENGTH: Item = Item::new("length", Kind::Length { size: 2, plus: 6 });
const ASYM_COUNT: Item = Item::new("ext_asym_count", Kind::Count(1));
const HASH_COUNT: Item = Item::new("ext_hash_count", Kind::Count(1));
const EXT_ASYM: Item = Item::repeat(&[Item::new("ext_asym", Kind::U32Le)])
    .counted("ext_asym_count");
const EXT_HASH: Item = Item::repeat(&[Item::new("ext_hash", Kind::U32Le)])
    .counted("ext_hash_count");
/// The algorithms of 1.1 and later; the fixed part is always two bytes.
const STRUCTURES: Item = Item::switch(
    "version",
    &[(0x10, &[])],
    &[Item::repeat(&[
        Item::new("alg_type", Kind::U8).named(ALGORITHM_TYPES),
        Item::bits("fixed_alg_size", 7, 4).or(2),
        Item::bits("ext_alg_count", 3, 0).or(0),
        Item::new("alg_supported", Kind::BitSet(2)),
        Item::repeat(&[Item::new("alg_external", Kind::U32Le)])
            .counted("ext_alg_count"),
    ])
    .counted("number_of_algorithm_structures")],
);

const NEGOTIATE_ALGORITHMS: &[Item] = &[
    STRUCTURE_COUNT,
    PARAM2,
    LENGTH,
    Item::new("measurement_specification", Kind::BitSet(1))
        .named(MEASUREMENT_SPECIFICATIONS),
    Item::switch(
        "version",
        versions!(0x10 | 0x11 => &[zero("reserved3", 1)]),
        &[Item::new("other_params_support", Kind::U8).or(0)],
    ),
    Item::new("base_asym_algo", Kind::BitSet(4)).named(BASE_ASYM).brief("{}"),
    Item::new("base_hash_algo", Kind::BitSet(4)).named(BASE_HASH).brief("{}"),
    Item::switch(
        "version",
        versions!(0x10 | 0x11 | 0x12 | 0x13 => &[zero("reserved", 12)]),
        &[
            Item::reserved("pqc_asym_algo", Kind::BitSet(4)),
            zero("reserved", 8),
        ],
    ),
    ASYM_COUNT,
    HASH_COUNT,
    Item::switch(
        "version",
        versions!(0x10 | 0x11 | 0x12 => &[zero("reserved2", 2)]),
        &[zero("reserved2", 1), Item::new("mel_specification", Kind::U8).or(0)],
    ),
    EXT_ASYM,
    EXT_HASH,
    STRUCTURES,
];

const ALGORITHMS: &[Item] = &[
    STRUCTURE_COUNT,
    PARAM2,
    LENGTH,
    Item::new("measurement_specification_sel", Kind::BitSet(1))
        .named(MEASUREMENT_SPECIFICATIONS),
    Item::switch(
        "version",
        versions!(0x10 | 0x11 => &[zero("reserved3", 1)]),
        &[Item::new("other_params_selection", Kind::U8).or(0)],
    ),
    Item::new("measurement_hash_algo", Kind::BitSet(4)).named(MEASUREMENT_HASH),
    Item::new("base_asym_sel", Kind::BitSet(4)).named(BASE_ASYM).brief("{}"),
    Item::new("base_hash_sel", Kind::BitSet(4)).named(BASE_HASH).brief("{}"),
    Item::switch(
        "version",
        &[
            (0x10, &[zero("reserved", 12)]),
            (0x11, &[zero("reserved", 12)]),
            (0x12, &[zero("reserved", 12)]),
            (
                0x13,
                &[
                    zero("reserved", 11),
                    Item::new("mel_specification_sel", Kind::U8).or(0),
                ],
            ),
        ],
        &[
            Item::reserved("pqc_asym_sel", Kind::BitSet(4)),
            zero("reserved", 7),
            Item::new("mel_specification_sel", Kind::U8).or(0),
        ],
    ),
    ASYM_COUNT,
    HASH_COUNT,
    zero("reserved2", 2),
    EXT_ASYM,
    EXT_HASH,
    STRUCTURES,
];

const DIGESTS: &[Item] = &[
    PARAM1,
    Item::new("slot_mask", Kind::BitSet(1)).brief("slots {}"),
    Item::new("digests", Kind::Rest),
];

const GET_CERTIFICATE: &[Item] = &[
    Item::new("slot_id", Kind::U8).brief("slot {}"),
    PARAM2,
    Item::new("offset", Kind::U16Le),
    Item::new("length", Kind::U16Le),
];

const CERTIFICATE: &[Item] = &[
    Item::new("slot_id", Kind::U8).brief("slot {}"),
    PARAM2,
    Item::new("portion_length", Kind::Count(2)),
    Item::new("remainder_length", Kind::U16Le),
    Item::new("cert_chain", Kind::Rest).counted("portion_length"),
];

const ERROR: &[Item] = &[
    Item::new("error_code", Kind::U8).named(ERRORS).brief("{}"),
    Item::new("error_data", Kind::U8).or(0),
    Item::switch(
        "error_code",
        &[(
            0x42,
            &[
                Item::new("rdt_exponent", Kind::U8),
                Item::new("request_code", Kind::U8).named(CODES),
                Item::new("token", Kind::U8),
                Item::new("rdtm", Kind::U8),
            ],
        )],
        &[Item::optional(&[Item::new("extended_error_data", Kind::Rest)])],
    ),
];

#[cfg(test)]
mod tests {
    use crate::wire::message::describe;

    use super::*;
    use crate::wire::layout::name_of;

    #[test]
    fn fields_are_shown_from_their_version_on() {
        // Code, bytes behind the header, fields with their first version.
        type Case = (u8, usize, &'static [(&'static str, u8)]);
        const CASES: [Case; 3] = [
            (
                0xe3,
                28,
                &[
                    ("other_params_support", 0x12),
                    ("mel_specification", 0x13),
                    ("pqc_asym_algo", 0x14),
                ],
            ),
            (
                0x63,
                32,
                &[
                    ("other_params_selection", 0x12),
                    ("mel_specification_sel", 0x13),
                    ("pqc_asym_sel", 0x14),
                ],
            ),
            (0x61, 16, &[("ext_flags", 0x14)]),
        ];
        for (version, (code, size, fields)) in
            (0x10..=0x14).flat_map(|version| CASES.map(|case| (version, case)))
        {
            // Sizes came with 1.2.
            let size = if code == 0x61 && version < 0x12 { 8 } else { size };
            let head = vec![5, version, code, 0, 0];
            let described = describe(&[head, vec![0; size]].concat());
            assert_eq!(described.stop, None, "{version:#x} {code:#x}");
            assert!(described.rest.is_empty(), "{version:#x} {code:#x}");
            for (name, since) in fields {
                let shown = described.fields.iter().any(|f| f.name == *name);
                assert_eq!(shown, version >= *since, "{name} {version:#x}");
            }
        }
    }

    #[test]
    fn every_request_has_its_response() {
        for (code, name) in CODES.iter().filter(|(code, _)| *code >= 0x80) {
            // Asking again is answered with what was asked for first.
            if *name != "RESPOND_IF_READY" {
                assert!(name_of(CODES, code & 0x7f).is_some(), "{name}");
            }
        }
        assert_eq!(name_of(CODES, 0x7f), Some("ERROR"));
    }
}
