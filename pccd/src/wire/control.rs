//! MCTP control messages (DSP0236 1.3.1 §11 and §12).
//!
//! Message byte 0 is the type (0x00), byte 1 Rq, D and instance id, byte 2
//! the command; a response has its completion code in byte 3.

use super::codes;
use super::error::DecodeError;
use super::layout::{Item, Kind, Names};
use super::mctp::MsgType;

codes! {
    /// Commands (DSP0236 table 12).
    pub enum Command {
        SetEndpointId = 0x01, "Set Endpoint ID";
        GetEndpointId = 0x02, "Get Endpoint ID";
        GetEndpointUuid = 0x03, "Get Endpoint UUID";
        GetVersionSupport = 0x04, "Get MCTP Version Support";
        GetMessageTypeSupport = 0x05, "Get Message Type Support";
        GetVendorSupport = 0x06, "Get Vendor Defined Message Support";
        ResolveEndpointId = 0x07, "Resolve Endpoint ID";
        AllocateEndpointIds = 0x08, "Allocate Endpoint IDs";
        RoutingInformationUpdate = 0x09, "Routing Information Update";
        GetRoutingTable = 0x0a, "Get Routing Table Entries";
        PrepareForDiscovery = 0x0b, "Prepare for Endpoint Discovery";
        EndpointDiscovery = 0x0c, "Endpoint Discovery";
        DiscoveryNotify = 0x0d, "Discovery Notify";
        GetNetworkId = 0x0e, "Get Network ID";
        QueryHop = 0x0f, "Query Hop";
        ResolveUuid = 0x10, "Resolve UUID";
        QueryRateLimit = 0x11, "Query Rate Limit";
        RequestTxRateLimit = 0x12, "Request TX Rate Limit";
        UpdateRateLimit = 0x13, "Update Rate Limit";
        QuerySupportedInterfaces = 0x14, "Query Supported Interfaces";
    }
}

codes! {
    /// Completion codes (DSP0236 table 13).
    pub enum CompletionCode {
        Success = 0x00, "SUCCESS";
        Error = 0x01, "ERROR";
        InvalidData = 0x02, "ERROR_INVALID_DATA";
        InvalidLength = 0x03, "ERROR_INVALID_LENGTH";
        NotReady = 0x04, "ERROR_NOT_READY";
        UnsupportedCmd = 0x05, "ERROR_UNSUPPORTED_CMD";
    }
}

/// Get MCTP Version Support: that message type is not supported.
pub const TYPE_NOT_SUPPORTED: CompletionCode = CompletionCode::Unknown(0x80);
/// Message type that stands for the base specification in Get MCTP Version
/// Support.
pub const BASE_SPECIFICATION: u8 = 0xff;

/// The header as fields, after the type byte.
pub const HEADER: &[Item] = &[
    Item::bits("rq", 7, 7),
    Item::bits("d", 6, 6).or(0),
    Item::bits("reserved", 5, 5).or(0),
    Item::bits("instance_id", 4, 0),
    Item::new("command", Kind::U8).named(Command::NAMES),
];

/// The completion code of a response.
pub const COMPLETION: &[Item] =
    &[Item::new("completion_code", Kind::U8).named(CompletionCode::NAMES)];

const SET_EID_OPERATIONS: Names = &[
    (0, "set EID"),
    (1, "force EID"),
    (2, "reset EID"),
    (3, "set Discovered flag"),
];
const ASSIGNMENT: Names = &[(0, "accepted"), (1, "rejected")];
const ALLOCATION: Names =
    &[(0, "no EID pool"), (1, "EID pool required"), (2, "EID pool received")];
const ENDPOINT_TYPES: Names =
    &[(0, "simple endpoint"), (1, "bus owner or bridge")];
const EID_TYPES: Names = &[
    (0, "dynamic EID"),
    (1, "static EID supported"),
    (2, "static EID, in force"),
    (3, "static EID, another in force"),
];
const VENDOR_FORMATS: Names = &[(0, "PCI"), (1, "IANA")];
const VERSION_TYPES: Names = &[
    (0x00, "control"),
    (0x01, "PLDM"),
    (0x02, "NC-SI"),
    (0x03, "Ethernet"),
    (0x04, "NVMe-MI"),
    (0x05, "SPDM"),
    (0x06, "secured"),
    (0x7e, "vendor-PCI"),
    (0x7f, "vendor-IANA"),
    (0xff, "base specification"),
];

/// Request data of a command; nothing for commands not described here.
pub fn request(command: Command) -> &'static [Item] {
    const SET_EID: &[Item] = &[
        Item::bits("reserved2", 7, 2).or(0),
        Item::bits("operation", 1, 0).named(SET_EID_OPERATIONS),
        Item::new("eid", Kind::U8).brief("set to {}"),
    ];
    const VERSION: &[Item] = &[Item::new("message_type", Kind::U8)
        .named(VERSION_TYPES)
        .brief("of {}")];
    const VENDOR: &[Item] =
        &[Item::new("set_selector", Kind::U8).brief("selector {}")];
    const EID: &[Item] = &[Item::new("eid", Kind::U8).brief("EID {}")];
    const QUERY_HOP: &[Item] = &[
        Item::new("eid", Kind::U8).brief("EID {}"),
        Item::new("message_type", Kind::U8).named(MsgType::NAMES),
    ];
    const REST: &[Item] = &[Item::new("data", Kind::Rest)];
    match command {
        Command::SetEndpointId => SET_EID,
        Command::GetVersionSupport => VERSION,
        Command::GetVendorSupport => VENDOR,
        Command::ResolveEndpointId => EID,
        Command::QueryHop => QUERY_HOP,
        Command::GetEndpointId
        | Command::GetEndpointUuid
        | Command::GetMessageTypeSupport
        | Command::PrepareForDiscovery
        | Command::EndpointDiscovery
        | Command::DiscoveryNotify
        | Command::GetNetworkId
        | Command::QueryRateLimit
        | Command::QuerySupportedInterfaces => &[],
        _ => REST,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(command: Command) -> &'static [Item] {
    const SET_EID: &[Item] = &[
        Item::bits("reserved2", 7, 6).or(0),
        Item::bits("assignment_status", 5, 4).named(ASSIGNMENT).brief("{}"),
        Item::bits("reserved3", 3, 2).or(0),
        Item::bits("allocation_status", 1, 0).named(ALLOCATION),
        Item::new("eid", Kind::U8).brief("EID {}"),
        Item::new("eid_pool_size", Kind::U8),
    ];
    const GET_EID: &[Item] = &[
        Item::new("eid", Kind::U8).brief("EID {}"),
        Item::bits("reserved2", 7, 6).or(0),
        Item::bits("endpoint_type", 5, 4).named(ENDPOINT_TYPES).or(0),
        Item::bits("reserved3", 3, 2).or(0),
        Item::bits("eid_type", 1, 0).named(EID_TYPES).or(0),
        Item::new("medium_specific", Kind::U8).or(0),
    ];
    const UUID: &[Item] = &[Item::new("uuid", Kind::Uuid).brief("UUID {}")];
    const VERSION: &[Item] = &[
        Item::new("version_count", Kind::CountOf(4)),
        Item::new("versions", Kind::Versions { reversed: false, leave: 0 })
            .brief("versions {}"),
    ];
    const TYPES: &[Item] = &[
        Item::new("type_count", Kind::CountOf(1)),
        Item::new("types", Kind::Codes).named(MsgType::NAMES).brief("types {}"),
    ];
    const VENDOR: &[Item] = &[
        Item::new("next_selector", Kind::U8),
        Item::new("vendor_id_format", Kind::U8)
            .named(VENDOR_FORMATS)
            .brief("{}"),
        Item::new("vendor_id", Kind::AllBut(2)),
        Item::new("command_set", Kind::U16Be),
    ];
    const NETWORK: &[Item] =
        &[Item::new("network_id", Kind::Uuid).brief("network {}")];
    const QUERY_HOP: &[Item] = &[
        Item::new("next_bridge_eid", Kind::U8).brief("next bridge {}"),
        Item::new("message_type", Kind::U8).named(MsgType::NAMES),
        Item::new("incoming_unit", Kind::U16Be),
        Item::new("outgoing_unit", Kind::U16Be),
    ];
    const REST: &[Item] = &[Item::new("data", Kind::Rest)];
    match command {
        Command::SetEndpointId => SET_EID,
        Command::GetEndpointId => GET_EID,
        Command::GetEndpointUuid => UUID,
        Command::GetVersionSupport => VERSION,
        Command::GetMessageTypeSupport => TYPES,
        Command::GetVendorSupport => VENDOR,
        Command::PrepareForDiscovery
        | Command::EndpointDiscovery
        | Command::DiscoveryNotify => &[],
        Command::GetNetworkId => NETWORK,
        Command::QueryHop => QUERY_HOP,
        _ => REST,
    }
}

/// A control message, without judging whether it is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// Integrity check bit of the type byte; must be 0.
    pub ic: bool,
    /// Request (or datagram) rather than response.
    pub rq: bool,
    /// Datagram: no response is wanted.
    pub datagram: bool,
    /// Instance id, 0 to 31.
    pub instance_id: u8,
    /// Command code.
    pub command: Command,
    /// What follows the command.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message, type byte first.
    ///
    /// # Errors
    ///
    /// Fewer than three bytes, or another message type.
    pub fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let Some(([kind, flags, command], data)) =
            message.split_first_chunk::<3>()
        else {
            return Err(DecodeError::Incomplete {
                layer: "control",
                what: "header",
                needed: 3,
                found: message.len(),
            });
        };
        if kind & 0x7f != u8::from(MsgType::Control) {
            return Err(DecodeError::Invalid {
                layer: "control",
                field: "type",
                offset: 0,
                expected: "0".to_owned(),
                found: (kind & 0x7f).to_string(),
            });
        }
        Ok(Self {
            ic: kind & 0x80 != 0,
            rq: flags & 0x80 != 0,
            datagram: flags & 0x40 != 0,
            instance_id: flags & 0x1f,
            command: Command::from(*command),
            data,
        })
    }

    /// Writes the response to this request: same instance id and command,
    /// then the code and, for SUCCESS only, the data.
    pub fn respond(&self, code: CompletionCode, data: &[u8]) -> Vec<u8> {
        let mut out = vec![
            u8::from(MsgType::Control),
            self.instance_id & 0x1f,
            u8::from(self.command),
            u8::from(code),
        ];
        if code == CompletionCode::Success {
            out.extend_from_slice(data);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_keeps_its_value() {
        for code in 0..=u8::MAX {
            assert_eq!(u8::from(Command::from(code)), code);
            assert_eq!(u8::from(CompletionCode::from(code)), code);
            assert_eq!(u8::from(MsgType::from(code)), code);
        }
    }

    #[test]
    fn every_flag_byte_decodes() {
        for flags in 0..=u8::MAX {
            let bytes = [0x00, flags, 0x02];
            let message = Message::decode(&bytes).unwrap();
            assert_eq!(message.rq, flags & 0x80 != 0);
            assert_eq!(message.datagram, flags & 0x40 != 0);
            assert_eq!(message.instance_id, flags & 0x1f);
        }
    }

    #[test]
    fn short_messages_are_incomplete() {
        for length in 0..3 {
            let bytes = [0x00, 0x80, 0x02];
            let error = Message::decode(bytes.get(..length).unwrap());
            assert!(matches!(
                error,
                Err(DecodeError::Incomplete { found, .. }) if found == length
            ));
        }
    }

    #[test]
    fn response_copies_instance_and_command() {
        let request = [0x00, 0x8a, 0x01, 0x00, 0x0a];
        let request = Message::decode(&request).unwrap();
        assert_eq!(
            request.respond(CompletionCode::Success, &[0x00, 0x0a, 0x00]),
            [0x00, 0x0a, 0x01, 0x00, 0x00, 0x0a, 0x00]
        );
        assert_eq!(
            request.respond(CompletionCode::InvalidLength, &[1, 2, 3]),
            [0x00, 0x0a, 0x01, 0x03],
            "no data after an error"
        );
    }
}
