//! PLDM for messaging control and discovery, type 0 (DSP0240).

use super::codes::{
    BaseCommand, DATA, PldmType, TRANSFER_OPERATIONS, codes_of,
};
use crate::wire::checksum::Checksum;
use crate::wire::layout::{Item, Kind, Names};

const TRANSFER_FLAGS: Names = &[
    (1, "Start"),
    (2, "Middle"),
    (4, "End"),
    (5, "StartAndEnd"),
    (8, "AcknowledgeCompletion"),
];
/// Of the multipart commands: another numbering than that of the flags.
const MULTIPART_OPERATIONS: Names = &[
    (0, "XFER_FIRST_PART"),
    (1, "XFER_NEXT_PART"),
    (2, "XFER_ABORT"),
    (3, "XFER_COMPLETE"),
    (4, "XFER_CURRENT_PART"),
];

const OF_TYPE: Item =
    Item::new("pldm_type", Kind::U8).named(PldmType::NAMES).brief("of {}");
const PART_SIZE: Kind = Kind::U16Le;
const HANDLE: Item = Item::new("data_transfer_handle", Kind::U32Le);
const NEXT_HANDLE: Item = Item::new("next_data_transfer_handle", Kind::U32Le);
const TRANSFER_FLAG: Item =
    Item::new("transfer_flag", Kind::U8).named(TRANSFER_FLAGS);
const CONTEXT: Item = Item::new("transfer_context", Kind::U32Le);
const LENGTH: Item = Item::new("data_length_bytes", Kind::Count(4));
const PART: Item =
    Item::new("data", Kind::Rest).counted("data_length_bytes").brief("{}");
const CHECKSUM: &str = "data_integrity_checksum";
/// The checksum is that of all parts so far, and stands after each (DSP0240
/// 1.2.0 §9.6): computed where this part is the first.
const END: Item = Item::switch(
    "transfer_flag",
    &[(1, OF_FIRST), (5, OF_FIRST), (8, &[])],
    &[Item::new(CHECKSUM, Kind::U32Le)],
);
const OF_FIRST: &[Item] =
    &[Item::new(CHECKSUM, Kind::Sum(Checksum::Crc32, "data"))];

/// Completion codes of a command.
pub fn completion(command: BaseCommand) -> &'static [Item] {
    match command {
        BaseCommand::GetVersion => codes_of!(
            (0x80, "INVALID_DATA_TRANSFER_HANDLE"),
            (0x81, "INVALID_TRANSFER_OPERATION_FLAG"),
            (0x83, "INVALID_PLDM_TYPE_IN_REQUEST_DATA"),
        ),
        BaseCommand::GetCommands | BaseCommand::SelectVersion => codes_of!(
            (0x83, "INVALID_PLDM_TYPE_IN_REQUEST_DATA"),
            (0x84, "INVALID_PLDM_VERSION_IN_REQUEST_DATA"),
        ),
        _ => codes_of!(),
    }
}

/// Request data of a command.
pub fn request(command: BaseCommand) -> &'static [Item] {
    const SET_TID: &[Item] = &[Item::new("tid", Kind::U8).brief("set to {}")];
    const VERSION: &[Item] = &[
        HANDLE,
        Item::new("transfer_operation_flag", Kind::U8)
            .named(TRANSFER_OPERATIONS),
        OF_TYPE,
    ];
    const COMMANDS: &[Item] = &[OF_TYPE, Item::new("version", Kind::Version)];
    const NEGOTIATE: &[Item] = &[
        Item::new("requester_part_size", PART_SIZE).brief("{}"),
        Item::new("requester_protocol_support", Kind::BitSet(8))
            .named(PldmType::NAMES),
    ];
    const SEND: &[Item] = &[
        OF_TYPE,
        TRANSFER_FLAG.brief("{}"),
        CONTEXT,
        HANDLE,
        NEXT_HANDLE,
        Item::new("section_offset", Kind::U32Le),
        Item::new("section_length_bytes", Kind::U32Le),
        LENGTH,
        PART,
        END,
    ];
    const RECEIVE: &[Item] = &[
        OF_TYPE,
        Item::new("transfer_operation", Kind::U8)
            .named(MULTIPART_OPERATIONS)
            .brief("{}"),
        CONTEXT,
        HANDLE,
        Item::new("requested_section_offset", Kind::U32Le),
        Item::new("requested_section_length_bytes", Kind::U32Le),
    ];
    match command {
        BaseCommand::SetTid => SET_TID,
        BaseCommand::GetTid | BaseCommand::GetTypes => &[],
        BaseCommand::GetVersion => VERSION,
        BaseCommand::GetCommands | BaseCommand::SelectVersion => COMMANDS,
        BaseCommand::NegotiateTransfer => NEGOTIATE,
        BaseCommand::MultipartSend => SEND,
        BaseCommand::MultipartReceive => RECEIVE,
        BaseCommand::Unknown(_) => DATA,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(command: BaseCommand) -> &'static [Item] {
    const TID: &[Item] = &[Item::new("tid", Kind::U8).brief("TID {}")];
    const VERSION: &[Item] = &[
        NEXT_HANDLE.or(0),
        TRANSFER_FLAG.or(5),
        Item::new("versions", Kind::Versions { reversed: true, leave: 4 })
            .brief("versions {}"),
        Item::new("crc32", Kind::Sum(Checksum::Crc32, "versions")),
    ];
    const TYPES: &[Item] = &[Item::new("types", Kind::BitSet(8))
        .named(PldmType::NAMES)
        .brief("types {}")];
    const COMMANDS: &[Item] =
        &[Item::new("commands", Kind::BitSet(32)).brief("commands {}")];
    const NEGOTIATE: &[Item] = &[
        Item::new("responder_part_size", PART_SIZE).brief("{}"),
        Item::new("responder_protocol_support", Kind::BitSet(8))
            .named(PldmType::NAMES),
    ];
    const SEND: &[Item] = &[Item::new("transfer_operation", Kind::U8)
        .named(MULTIPART_OPERATIONS)
        .brief("{}")];
    const RECEIVE: &[Item] =
        &[TRANSFER_FLAG.brief("{}"), NEXT_HANDLE, LENGTH, PART, END];
    match command {
        BaseCommand::SetTid | BaseCommand::SelectVersion => &[],
        BaseCommand::GetTid => TID,
        BaseCommand::GetVersion => VERSION,
        BaseCommand::GetTypes => TYPES,
        BaseCommand::GetCommands => COMMANDS,
        BaseCommand::NegotiateTransfer => NEGOTIATE,
        BaseCommand::MultipartSend => SEND,
        BaseCommand::MultipartReceive => RECEIVE,
        BaseCommand::Unknown(_) => DATA,
    }
}
