//! The MCTP transport layer (DSP0236 1.3.1 §8): packets, their assembly
//! into messages and the way back.
//!
//! A packet is what one PCC message carries, four header bytes first. A
//! message starts with the byte that holds the integrity check bit and the
//! message type.

use std::fmt;

use super::checksum::Checksum;
use super::codes;
use super::error::DecodeError;
use super::layout::{Item, Kind, Section};

/// Length of the transport header.
pub const HEADER_LEN: usize = 4;
/// The payload every endpoint accepts (DSP0236 §8.4).
pub const BASELINE_UNIT: usize = 64;
/// An endpoint id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Eid(pub u8);

impl Eid {
    /// "Whoever is at the other end" as a destination, "none" as a source.
    pub const NULL: Self = Self(0);
    /// All endpoints of the bus; a destination only.
    pub const BROADCAST: Self = Self(0xff);

    /// Whether an endpoint can be given this id (8 to 254).
    pub fn is_assignable(self) -> bool {
        (8..=254).contains(&self.0)
    }
}

impl fmt::Display for Eid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

codes! {
    /// Message types (DSP0239 1.11.1).
    pub enum MsgType {
        Control = 0x00, "control";
        Pldm = 0x01, "PLDM";
        NcSi = 0x02, "NC-SI";
        Ethernet = 0x03, "Ethernet";
        NvmeMi = 0x04, "NVMe-MI";
        Spdm = 0x05, "SPDM";
        Secured = 0x06, "secured";
        CxlFmApi = 0x07, "CXL-FM-API";
        CxlCci = 0x08, "CXL-CCI";
        PcieMi = 0x09, "PCIe-MI";
        VendorPci = 0x7e, "vendor-PCI";
        VendorIana = 0x7f, "vendor-IANA";
    }
}

/// The transport header as fields.
pub const HEADER: Section = Section {
    layer: "mctp",
    items: &[
        Item::bits("reserved", 7, 4),
        Item::bits("header_version", 3, 0),
        Item::new("destination", Kind::U8),
        Item::new("source", Kind::U8),
        Item::bits("som", 7, 7),
        Item::bits("eom", 6, 6),
        Item::bits("sequence", 5, 4),
        Item::bits("to", 3, 3),
        Item::bits("tag", 2, 0),
    ],
};

/// The first byte of a message as fields.
pub const MESSAGE: Section = Section {
    layer: "mctp",
    items: &[
        Item::bits("ic", 7, 7).or(0),
        Item::bits("type", 6, 0).named(MsgType::NAMES),
    ],
};

/// Length of the integrity check of every message type that has one.
pub const INTEGRITY_LEN: usize = 4;

/// What a message ends in whose IC bit is set. Which check it is, is the
/// message type's to say (DSP0236 §8.1); NVMe-MI's is a CRC-32C over the
/// message from its type byte on.
pub const INTEGRITY: Section = Section {
    layer: "mctp",
    items: &[Item::new("integrity_check", Kind::Sum(Checksum::Crc32c, "ic"))],
};

/// A transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Who it is for.
    pub destination: Eid,
    /// Who sent it.
    pub source: Eid,
    /// First packet of a message.
    pub som: bool,
    /// Last packet of a message.
    pub eom: bool,
    /// Packet sequence, modulo 4.
    pub sequence: u8,
    /// Tag owner: the source made the tag up.
    pub to: bool,
    /// Message tag, 0 to 7.
    pub tag: u8,
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The transport header.
    pub header: Header,
    /// What follows it.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet. Reserved bits are ignored, another header version
    /// is an error.
    ///
    /// # Errors
    ///
    /// Fewer than four bytes, or a header version other than 1.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let Some(([version, destination, source, flags], payload)) =
            bytes.split_first_chunk::<HEADER_LEN>()
        else {
            return Err(DecodeError::Incomplete {
                layer: "mctp",
                what: "header",
                needed: HEADER_LEN,
                found: bytes.len(),
            });
        };
        if version & 0x0f != 1 {
            return Err(DecodeError::Invalid {
                layer: "mctp",
                field: "header version",
                offset: 0,
                expected: "1".to_owned(),
                found: (version & 0x0f).to_string(),
            });
        }
        let header = Header {
            destination: Eid(*destination),
            source: Eid(*source),
            som: flags & 0x80 != 0,
            eom: flags & 0x40 != 0,
            sequence: flags >> 4 & 3,
            to: flags & 0x08 != 0,
            tag: flags & 7,
        };
        Ok(Self { header, payload })
    }

    /// Writes a packet.
    pub fn encode(&self) -> Vec<u8> {
        let header = &self.header;
        let flags = u8::from(header.som) << 7
            | u8::from(header.eom) << 6
            | (header.sequence & 3) << 4
            | u8::from(header.to) << 3
            | (header.tag & 7);
        let mut out = Vec::with_capacity(HEADER_LEN + self.payload.len());
        out.extend([1, header.destination.0, header.source.0, flags]);
        out.extend_from_slice(self.payload);
        out
    }
}

/// Cuts a message into packets of at most `unit` bytes of payload, the
/// sequence starting at 0 as Linux has it. An empty message is one packet.
pub fn fragment(message: &[u8], unit: usize, route: &Header) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = if message.is_empty() {
        vec![message]
    } else {
        message.chunks(unit.max(1)).collect()
    };
    let last = chunks.len().saturating_sub(1);
    let mut sequence = 0;
    let mut packets = Vec::with_capacity(chunks.len());
    for (index, payload) in chunks.into_iter().enumerate() {
        let header =
            Header { som: index == 0, eom: index == last, sequence, ..*route };
        sequence = (sequence + 1) & 3;
        packets.push(Packet { header, payload }.encode());
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x01, 9, 8, flags];
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn every_flag_byte_goes_there_and_back() {
        for flags in 0..=u8::MAX {
            let bytes = packet(flags, &[0, 0x80, 2]);
            let decoded = Packet::decode(&bytes).unwrap();
            assert_eq!(decoded.encode(), bytes, "{flags:#04x}");
        }
    }

    #[test]
    fn header_lengths_and_versions() {
        for length in 0..4 {
            let bytes = packet(0xc8, &[]);
            assert!(Packet::decode(bytes.get(..length).unwrap()).is_err());
        }
        for version in 0..=u8::MAX {
            let bytes = [version, 9, 8, 0xc8, 0];
            let accepted = Packet::decode(&bytes).is_ok();
            assert_eq!(accepted, version & 0x0f == 1, "{version:#04x}");
        }
    }

    #[test]
    fn assignable_ids() {
        for eid in 0..=u8::MAX {
            let assignable = eid >= 8 && eid != 0xff;
            assert_eq!(Eid(eid).is_assignable(), assignable);
        }
    }
}
