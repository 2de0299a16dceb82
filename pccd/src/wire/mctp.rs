//! The MCTP transport layer (DSP0236 1.3.1 §8): packets, their assembly
//! into messages and the way back.
//!
//! A packet is what one PCC message carries, four header bytes first. A
//! message starts with the byte that holds the integrity check bit and the
//! message type.

use std::collections::BTreeMap;
use std::fmt;

use super::codes;
use super::error::DecodeError;
use super::layout::{Item, Kind, Section};

/// Length of the transport header.
pub const HEADER_LEN: usize = 4;
/// The payload every endpoint accepts (DSP0236 §8.4).
pub const BASELINE_UNIT: usize = 64;
/// Our bound on an assembled message; Linux has the same.
pub const MAX_MESSAGE: usize = 65536;

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
pub fn fragment(
    message: &[u8],
    unit: usize,
    route: &Header,
) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = if message.is_empty() {
        vec![message]
    } else {
        message.chunks(unit.max(1)).collect()
    };
    let last = chunks.len().saturating_sub(1);
    let mut sequence = 0;
    let mut packets = Vec::with_capacity(chunks.len());
    for (index, payload) in chunks.into_iter().enumerate() {
        let header = Header {
            som: index == 0,
            eom: index == last,
            sequence,
            ..*route
        };
        sequence = (sequence + 1) & 3;
        packets.push(Packet { header, payload }.encode());
    }
    packets
}

/// What tells one message in assembly from another (DSP0236 §8.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Subspace the packets come from.
    pub subspace: u8,
    /// Source endpoint.
    pub source: Eid,
    /// Tag owner bit.
    pub to: bool,
    /// Message tag.
    pub tag: u8,
}

#[derive(Debug)]
struct Assembly<T> {
    message: Vec<u8>,
    unit: usize,
    sequence: u8,
    parts: Vec<T>,
}

/// What a packet did. `T` is whatever the caller keeps for each packet; it
/// comes back when the message is complete or given up.
#[derive(Debug, PartialEq, Eq)]
pub enum Assembled<T> {
    /// More packets are needed.
    Waiting {
        /// Packets of a message given up for this start, and why.
        dropped: Option<(Vec<T>, String)>,
    },
    /// A message is complete.
    Complete {
        /// The message, type byte first.
        message: Vec<u8>,
        /// What was kept for its packets, in order.
        parts: Vec<T>,
        /// Packets of a message given up for this start, and why.
        dropped: Option<(Vec<T>, String)>,
    },
    /// The packet, and with it an assembly, is given up.
    Dropped {
        /// What was kept for the packets.
        parts: Vec<T>,
        /// The drop rule.
        reason: String,
    },
}

/// Messages in assembly. There is no time limit: the binding defines none,
/// and a new start for the same key ends an old assembly.
#[derive(Debug)]
pub struct Assembler<T> {
    open: BTreeMap<Key, Assembly<T>>,
}

impl<T> Default for Assembler<T> {
    fn default() -> Self {
        Self { open: BTreeMap::new() }
    }
}

impl<T> Assembler<T> {
    /// Gives up everything; what was kept comes back.
    pub fn clear(&mut self) -> Vec<T> {
        let open = std::mem::take(&mut self.open);
        open.into_values().flat_map(|assembly| assembly.parts).collect()
    }

    /// Adds a packet, by the rules of DSP0236 §8.9.
    pub fn push(
        &mut self,
        subspace: u8,
        packet: &Packet<'_>,
        part: T,
    ) -> Assembled<T> {
        let header = &packet.header;
        let key = Key {
            subspace,
            source: header.source,
            to: header.to,
            tag: header.tag,
        };
        if header.som {
            let dropped = self.open.remove(&key).map(|assembly| {
                let reason = "a new start for the same source and tag";
                (assembly.parts, reason.to_owned())
            });
            if header.eom {
                return Assembled::Complete {
                    message: packet.payload.to_vec(),
                    parts: vec![part],
                    dropped,
                };
            }
            let assembly = Assembly {
                message: packet.payload.to_vec(),
                unit: packet.payload.len(),
                sequence: header.sequence,
                parts: vec![part],
            };
            self.open.insert(key, assembly);
            return Assembled::Waiting { dropped };
        }
        let Some(mut assembly) = self.open.remove(&key) else {
            return Assembled::Dropped {
                parts: vec![part],
                reason: "a middle or end packet without its start".to_owned(),
            };
        };
        assembly.parts.push(part);
        let expected = (assembly.sequence + 1) & 3;
        let size = packet.payload.len();
        let reason = if header.sequence != expected {
            Some(format!(
                "packet sequence {}, expected {expected}",
                header.sequence
            ))
        } else if !header.eom && size != assembly.unit {
            Some(format!(
                "a middle packet of {size} bytes in a message of {}-byte \
                 packets",
                assembly.unit
            ))
        } else if header.eom && size > assembly.unit {
            Some(format!(
                "an end packet of {size} bytes in a message of {}-byte \
                 packets",
                assembly.unit
            ))
        } else if assembly.message.len() + size > MAX_MESSAGE {
            Some(format!("a message of more than {MAX_MESSAGE} bytes"))
        } else {
            None
        };
        if let Some(reason) = reason {
            return Assembled::Dropped { parts: assembly.parts, reason };
        }
        assembly.message.extend_from_slice(packet.payload);
        assembly.sequence = header.sequence;
        if header.eom {
            return Assembled::Complete {
                message: assembly.message,
                parts: assembly.parts,
                dropped: None,
            };
        }
        self.open.insert(key, assembly);
        Assembled::Waiting { dropped: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: Header = Header {
        destination: Eid(9),
        source: Eid(8),
        som: true,
        eom: true,
        sequence: 0,
        to: true,
        tag: 2,
    };

    fn packet(flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x01, 9, 8, flags];
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Pushes packets and returns what the last one did.
    fn push_all(packets: &[Vec<u8>]) -> Assembled<usize> {
        let mut assembler = Assembler::default();
        let mut last = Assembled::Waiting { dropped: None };
        for (index, bytes) in packets.iter().enumerate() {
            let packet = Packet::decode(bytes).unwrap();
            last = assembler.push(0, &packet, index);
        }
        last
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
    fn fragment_example_of_130_bytes() {
        let message: Vec<u8> = (0..130).collect();
        let packets = fragment(&message, 64, &ROUTE);
        let sizes: Vec<_> = packets.iter().map(Vec::len).collect();
        assert_eq!(sizes, [68, 68, 6]);
        let flags: Vec<_> = packets.iter().map(|p| p[3]).collect();
        assert_eq!(flags, [0x8a, 0x1a, 0x6a]);
        match push_all(&packets) {
            Assembled::Complete { message: found, parts, dropped } => {
                assert_eq!(found, message);
                assert_eq!(parts, [0, 1, 2]);
                assert_eq!(dropped, None);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_sizes_and_units_come_back() {
        for unit in [1, 2, 63, 64, 65, 200] {
            for size in 1..=2 * unit + 1 {
                let message = vec![0x7e; size];
                match push_all(&fragment(&message, unit, &ROUTE)) {
                    Assembled::Complete { message: found, .. } => {
                        assert_eq!(found, message, "{size} by {unit}");
                    }
                    other => panic!("{size} by {unit}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn drop_rules() {
        let start = packet(0x88, &[1; 64]);
        let cases: &[(&str, &[Vec<u8>], &[usize], &str)] = &[
            ("middle first", &[packet(0x08, &[1; 64])], &[0], "without"),
            ("end first", &[packet(0x48, &[1])], &[0], "without"),
            (
                "sequence 0, 2",
                &[start.clone(), packet(0x28, &[1; 64])],
                &[0, 1],
                "sequence 2, expected 1",
            ),
            (
                "repeated packet",
                &[
                    start.clone(),
                    packet(0x18, &[1; 64]),
                    packet(0x18, &[1; 64]),
                ],
                &[0, 1, 2],
                "sequence 1, expected 2",
            ),
            (
                "short middle",
                &[start.clone(), packet(0x18, &[1; 63])],
                &[0, 1],
                "middle packet of 63",
            ),
            (
                "long end",
                &[start, packet(0x58, &[1; 65])],
                &[0, 1],
                "end packet of 65",
            ),
        ];
        for (name, packets, parts, text) in cases {
            match push_all(packets) {
                Assembled::Dropped { parts: found, reason } => {
                    assert_eq!(&found, parts, "{name}");
                    assert!(reason.contains(text), "{name}: {reason}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_new_start_keeps_the_new_message() {
        let packets = [
            packet(0x88, &[1; 64]),
            packet(0xc8, &[2, 2]), // single packet, same key
        ];
        match push_all(&packets) {
            Assembled::Complete { message, parts, dropped } => {
                assert_eq!(message, [2, 2]);
                assert_eq!(parts, [1]);
                assert_eq!(dropped.unwrap().0, [0]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_keys_may_interleave() {
        let packets = [
            packet(0x88, &[1; 64]), // tag 0
            packet(0xc9, &[2]),     // tag 1
            packet(0x58, &[3]),     // end of tag 0
        ];
        match push_all(&packets) {
            Assembled::Complete { message, parts, .. } => {
                assert_eq!(message.len(), 65);
                assert_eq!(parts, [0, 2]);
            }
            other => panic!("{other:?}"),
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
