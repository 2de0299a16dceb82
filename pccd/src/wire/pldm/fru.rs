//! PLDM for FRU data, type 4 (DSP0257).

use super::codes::{DATA, TRANSFER_OPERATIONS, codes_of};
use crate::wire::checksum::Checksum;
use crate::wire::layout::{Item, Kind, Names};

pub const COMMANDS: Names = &[
    (0x01, "GetFRURecordTableMetadata"),
    (0x02, "GetFRURecordTable"),
    (0x03, "SetFRURecordTable"),
    (0x04, "GetFRURecordByOption"),
];
const TRANSFER_FLAGS: Names =
    &[(1, "Start"), (2, "Middle"), (4, "End"), (5, "StartAndEnd")];
const RECORD_TYPES: Names = &[(1, "General"), (254, "OEM")];
const ENCODINGS: Names = &[
    (0, "Unspecified"),
    (1, "ASCII"),
    (2, "UTF-8"),
    (3, "UTF-16"),
    (4, "UTF-16LE"),
    (5, "UTF-16BE"),
];
const FIELD_TYPES: Names = &[
    (1, "Chassis Type"),
    (2, "Model"),
    (3, "Part Number"),
    (4, "Serial Number"),
    (5, "Manufacturer"),
    (6, "Manufacture Date"),
    (7, "Vendor"),
    (8, "Name"),
    (9, "SKU"),
    (10, "Version"),
    (11, "Asset Tag"),
    (12, "Description"),
    (13, "Engineering Change Level"),
    (14, "Other Information"),
    (15, "Vendor IANA"),
];

/// A record: a head and fields of type, length and value.
const RECORD: &[Item] = &[
    Item::new("record_set_identifier", Kind::U16Le),
    Item::new("record_type", Kind::U8).named(RECORD_TYPES),
    Item::new("number_of_fields", Kind::Count(1)),
    Item::new("encoding_type", Kind::U8).named(ENCODINGS),
    Item::repeat(&[
        Item::new("field_type", Kind::U8).named(FIELD_TYPES),
        Item::new("field_length", Kind::Count(1)),
        Item::new("field_value", Kind::Rest).counted("field_length"),
    ])
    .counted("number_of_fields"),
];

const HANDLE: Item = Item::new("data_transfer_handle", Kind::U32Le);
const OPERATION: Item =
    Item::new("transfer_operation_flag", Kind::U8).named(TRANSFER_OPERATIONS);
const NEXT_HANDLE: Item =
    Item::new("next_data_transfer_handle", Kind::U32Le).or(0);
const FLAG: Item =
    Item::new("transfer_flag", Kind::U8).named(TRANSFER_FLAGS).or(5);
const PART: Item = Item::new("fru_record_table_data", Kind::Rest).brief("{}");

/// Completion codes of a command.
pub fn completion(command: u8) -> &'static [Item] {
    match command {
        0x01 => codes_of!((0x83, "NO_FRU_TABLE_METADATA")),
        0x02 | 0x04 => codes_of!(
            (0x80, "INVALID_DATA_TRANSFER_HANDLE"),
            (0x81, "INVALID_TRANSFER_OPERATION_FLAG"),
            (0x85, "FRU_DATA_STRUCTURE_TABLE_UNAVAILABLE"),
        ),
        0x03 => codes_of!(
            (0x80, "INVALID_DATA_TRANSFER_HANDLE"),
            (0x82, "INVALID_TRANSFER_FLAG"),
            (0x84, "INVALID_DATA_INTEGRITY_CHECK"),
            (0x85, "FRU_DATA_STRUCTURE_TABLE_UNAVAILABLE"),
        ),
        _ => codes_of!(),
    }
}

/// Request data of a command.
pub fn request(command: u8) -> &'static [Item] {
    const TABLE: &[Item] = &[HANDLE, OPERATION];
    const BY_OPTION: &[Item] = &[
        HANDLE,
        Item::new("fru_table_handle", Kind::U16Le),
        Item::new("record_set_identifier", Kind::U16Le),
        Item::new("record_type", Kind::U8).named(RECORD_TYPES),
        Item::new("field_type", Kind::U8).named(FIELD_TYPES),
        OPERATION,
    ];
    const SET_TABLE: &[Item] = &[
        HANDLE,
        Item::new("transfer_flag", Kind::U8).named(TRANSFER_FLAGS),
        PART,
    ];
    match command {
        0x01 => &[],
        0x02 => TABLE,
        0x03 => SET_TABLE,
        0x04 => BY_OPTION,
        _ => DATA,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(command: u8) -> &'static [Item] {
    const METADATA: &[Item] = &[
        Item::new("fru_data_major_version", Kind::U8).or(1),
        Item::new("fru_data_minor_version", Kind::U8).or(0),
        Item::new("fru_table_maximum_size", Kind::U32Le).or(0),
        Item::new("fru_table_length", Kind::U32Le),
        Item::new("total_number_of_record_set_identifiers", Kind::U16Le)
            .brief("{} record sets"),
        Item::new("total_number_of_records", Kind::U16Le),
        Item::new("crc32", Kind::U32Le),
    ];
    // The whole table, if it comes in one part: records, zeros up to a
    // multiple of four bytes, CRC-32.
    const TABLE: &[Item] = &[
        NEXT_HANDLE,
        FLAG,
        Item::switch("transfer_flag", &[(5, WHOLE)], &[PART]),
    ];
    const WHOLE: &[Item] = &[
        Item::new(
            "fru_record_table_data",
            Kind::Scope(&[
                Item::repeat(RECORD).leave(3),
                Item::new("pad", Kind::Pad(4)),
            ]),
        )
        .leave(4),
        Item::new("crc32", Kind::Sum(Checksum::Crc32, "fru_record_table_data")),
    ];
    const BY_OPTION: &[Item] = &[
        NEXT_HANDLE,
        FLAG,
        Item::new("fru_record_data", Kind::Rest).brief("{}"),
    ];
    const SET_TABLE: &[Item] = &[NEXT_HANDLE];
    match command {
        0x01 => METADATA,
        0x02 => TABLE,
        0x03 => SET_TABLE,
        0x04 => BY_OPTION,
        _ => DATA,
    }
}
