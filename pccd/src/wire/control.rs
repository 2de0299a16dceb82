//! MCTP control messages (DSP0236 1.3.1 §11 and §12).
//!
//! Message byte 0 is the type (0x00), byte 1 Rq, D and instance id, byte 2
//! the command; a response has its completion code in byte 3.

pub mod tables;

use super::codes;
use super::error::DecodeError;
use super::layout::{Item, Kind};
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
    pub command: Command,
    /// What follows the command.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message, type byte first.
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
