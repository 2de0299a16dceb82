//! PLDM messages over MCTP (DSP0240 base, DSP0241; little-endian).
//!
//! Message byte 0 is the MCTP type (0x01), byte 1 Rq, D and instance id,
//! byte 2 header version and PLDM type, byte 3 the command; a response has
//! its completion code in byte 4.

use super::codes;
use super::layout::{Item, Kind, Names};

codes! {
    /// PLDM types (DSP0245).
    pub enum PldmType {
        Base = 0x00, "base";
        Smbios = 0x01, "SMBIOS";
        Platform = 0x02, "platform";
        Bios = 0x03, "BIOS";
        Fru = 0x04, "FRU";
        FirmwareUpdate = 0x05, "firmware update";
        Rde = 0x06, "RDE";
        File = 0x07, "file";
        Oem = 0x3f, "OEM";
    }
}

codes! {
    /// Base commands (DSP0240).
    pub enum BaseCommand {
        SetTid = 0x01, "SetTID";
        GetTid = 0x02, "GetTID";
        GetVersion = 0x03, "GetPLDMVersion";
        GetTypes = 0x04, "GetPLDMTypes";
        GetCommands = 0x05, "GetPLDMCommands";
        SelectVersion = 0x06, "SelectPLDMVersion";
        NegotiateTransfer = 0x07, "NegotiateTransferParameters";
        MultipartSend = 0x08, "MultipartSend";
        MultipartReceive = 0x09, "MultipartReceive";
    }
}

codes! {
    /// Generic completion codes (DSP0240).
    pub enum CompletionCode {
        Success = 0x00, "SUCCESS";
        Error = 0x01, "ERROR";
        InvalidData = 0x02, "ERROR_INVALID_DATA";
        InvalidLength = 0x03, "ERROR_INVALID_LENGTH";
        NotReady = 0x04, "ERROR_NOT_READY";
        UnsupportedCmd = 0x05, "ERROR_UNSUPPORTED_PLDM_CMD";
        InvalidType = 0x20, "ERROR_INVALID_PLDM_TYPE";
        InvalidContext = 0x21, "INVALID_TRANSFER_CONTEXT";
        InvalidHandle = 0x22, "INVALID_DATA_TRANSFER_HANDLE";
        UnexpectedOperation = 0x23, "UNEXPECTED_TRANSFER_FLAG_OPERATION";
        InvalidOffset = 0x24, "INVALID_REQUESTED_SECTION_OFFSET";
    }
}

const PLATFORM_COMMANDS: Names = &[
    (0x03, "GetTerminusUID"),
    (0x04, "SetEventReceiver"),
    (0x05, "GetEventReceiver"),
    (0x0a, "PlatformEventMessage"),
    (0x0b, "PollForPlatformEventMessage"),
    (0x0c, "EventMessageSupported"),
    (0x0d, "EventMessageBufferSize"),
    (0x10, "SetNumericSensorEnable"),
    (0x11, "GetSensorReading"),
    (0x20, "SetStateSensorEnables"),
    (0x21, "GetStateSensorReadings"),
    (0x31, "SetNumericEffecterValue"),
    (0x32, "GetNumericEffecterValue"),
    (0x39, "SetStateEffecterStates"),
    (0x3a, "GetStateEffecterStates"),
    (0x50, "GetPDRRepositoryInfo"),
    (0x51, "GetPDR"),
];
const FRU_COMMANDS: Names = &[
    (0x01, "GetFRURecordTableMetadata"),
    (0x02, "GetFRURecordTable"),
    (0x04, "GetFRURecordByOption"),
];
const OPERATION_FLAGS: Names = &[(0, "GetNextPart"), (1, "GetFirstPart")];
const TRANSFER_FLAGS: Names =
    &[(1, "Start"), (2, "Middle"), (4, "End"), (5, "StartAndEnd")];

macro_rules! header {
    ($names:expr) => {
        &[
            Item::bits("rq", 7, 7),
            Item::bits("d", 6, 6).or(0),
            Item::bits("reserved", 5, 5).or(0),
            Item::bits("instance_id", 4, 0),
            Item::bits("header_version", 7, 6).or(0),
            Item::bits("type", 5, 0).named(PldmType::NAMES),
            Item::new("command", Kind::U8).named($names),
        ]
    };
}

/// The header as fields; the command's names depend on the PLDM type.
pub fn header(pldm_type: Option<u8>) -> &'static [Item] {
    const BASE: &[Item] = header!(BaseCommand::NAMES);
    const PLATFORM: &[Item] = header!(PLATFORM_COMMANDS);
    const FRU: &[Item] = header!(FRU_COMMANDS);
    const OTHER: &[Item] = header!(&[]);
    match pldm_type.map(PldmType::from) {
        Some(PldmType::Base) => BASE,
        Some(PldmType::Platform) => PLATFORM,
        Some(PldmType::Fru) => FRU,
        _ => OTHER,
    }
}

/// The completion code of a response.
pub const COMPLETION: &[Item] =
    &[Item::new("completion_code", Kind::U8).named(CompletionCode::NAMES)];

const DATA: &[Item] = &[Item::new("data", Kind::Rest)];

/// Request data of a command.
pub fn request(pldm_type: u8, command: u8) -> &'static [Item] {
    const SET_TID: &[Item] = &[Item::new("tid", Kind::U8).brief("set to {}")];
    const VERSION: &[Item] = &[
        Item::new("data_transfer_handle", Kind::U32Le),
        Item::new("transfer_operation_flag", Kind::U8).named(OPERATION_FLAGS),
        Item::new("pldm_type", Kind::U8).named(PldmType::NAMES).brief("of {}"),
    ];
    const COMMANDS: &[Item] = &[
        Item::new("pldm_type", Kind::U8).named(PldmType::NAMES).brief("of {}"),
        Item::new("version", Kind::Versions { reversed: true, leave: 0 }),
    ];
    if PldmType::from(pldm_type) != PldmType::Base {
        return DATA;
    }
    match BaseCommand::from(command) {
        BaseCommand::SetTid => SET_TID,
        BaseCommand::GetTid | BaseCommand::GetTypes => &[],
        BaseCommand::GetVersion => VERSION,
        BaseCommand::GetCommands | BaseCommand::SelectVersion => COMMANDS,
        _ => DATA,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(pldm_type: u8, command: u8) -> &'static [Item] {
    const TID: &[Item] = &[Item::new("tid", Kind::U8).brief("TID {}")];
    const VERSION: &[Item] = &[
        Item::new("next_data_transfer_handle", Kind::U32Le).or(0),
        Item::new("transfer_flag", Kind::U8).named(TRANSFER_FLAGS).or(5),
        Item::new("versions", Kind::Versions { reversed: true, leave: 4 })
            .brief("versions {}"),
        Item::new("crc32", Kind::U32Le),
    ];
    const TYPES: &[Item] = &[Item::new("types", Kind::BitSet(8))
        .named(PldmType::NAMES)
        .brief("types {}")];
    const COMMANDS: &[Item] =
        &[Item::new("commands", Kind::BitSet(32)).brief("commands {}")];
    if PldmType::from(pldm_type) != PldmType::Base {
        return DATA;
    }
    match BaseCommand::from(command) {
        BaseCommand::SetTid | BaseCommand::SelectVersion => &[],
        BaseCommand::GetTid => TID,
        BaseCommand::GetVersion => VERSION,
        BaseCommand::GetTypes => TYPES,
        BaseCommand::GetCommands => COMMANDS,
        _ => DATA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_keeps_its_value() {
        for code in 0..=u8::MAX {
            assert_eq!(u8::from(PldmType::from(code)), code);
            assert_eq!(u8::from(BaseCommand::from(code)), code);
            assert_eq!(u8::from(CompletionCode::from(code)), code);
        }
    }

    #[test]
    fn command_names_depend_on_the_type() {
        let name = |kind| {
            let items = header(Some(kind));
            let command = items.last().unwrap();
            super::super::layout::name_of(command.names, 2)
        };
        assert_eq!(name(0), Some("GetTID"));
        assert_eq!(name(4), Some("GetFRURecordTable"));
        assert_eq!(name(0x3f), None);
    }
}
