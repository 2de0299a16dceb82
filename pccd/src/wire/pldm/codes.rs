//! Codes that all types of PLDM share (DSP0240, DSP0245).

use crate::wire::codes;
use crate::wire::layout::{Item, Kind, Names};

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

pub const TRANSFER_OPERATIONS: Names =
    &[(0, "GetNextPart"), (1, "GetFirstPart")];

pub const DATA: &[Item] = &[Item::new("data", Kind::Rest)];

/// A table of completion codes: the generic ones, and a command's own.
macro_rules! codes_of {
    ($(($code:literal, $name:literal)),* $(,)?) => {{
        const CODES: $crate::wire::layout::Names = &[
            // First, so that a name means the command's own code.
            $(($code, $name),)*
            (0x00, "SUCCESS"),
            (0x01, "ERROR"),
            (0x02, "ERROR_INVALID_DATA"),
            (0x03, "ERROR_INVALID_LENGTH"),
            (0x04, "ERROR_NOT_READY"),
            (0x05, "ERROR_UNSUPPORTED_PLDM_CMD"),
            (0x20, "ERROR_INVALID_PLDM_TYPE"),
            (0x21, "INVALID_TRANSFER_CONTEXT"),
            (0x22, "INVALID_DATA_TRANSFER_HANDLE"),
            (0x23, "UNEXPECTED_TRANSFER_FLAG_OPERATION"),
            (0x24, "INVALID_REQUESTED_SECTION_OFFSET"),
        ];
        const ITEMS: &[$crate::wire::layout::Item] =
            &[$crate::wire::layout::Item::new(
                "completion_code",
                $crate::wire::layout::Kind::U8,
            )
            .named(CODES)];
        ITEMS
    }};
}
pub(super) use codes_of;
