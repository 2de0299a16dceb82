//! Packets put together to messages (DSP0236 1.3.1 §8.9).

use std::collections::BTreeMap;

use super::mctp::{BASELINE_UNIT, Eid, Packet};

/// Our bound on an assembled message; Linux has the same.
pub const MAX_MESSAGE: usize = 65536;
/// Our bound on the packets of a message. It is below what an outbox holds
/// (docs/mailbox.md §8): its requests stay there until it is complete.
pub const MAX_PACKETS: usize = 1000;
/// Our bound on messages in assembly at the same time.
pub const MAX_OPEN: usize = 64;

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
    started: u64,
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
    started: u64,
}

impl<T> Default for Assembler<T> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), started: 0 }
    }
}

impl<T> Assembler<T> {
    /// Gives up everything; what was kept comes back.
    pub fn clear(&mut self) -> Vec<T> {
        let open = std::mem::take(&mut self.open);
        open.into_values().flat_map(|assembly| assembly.parts).collect()
    }

    /// Gives up the oldest message if there are too many.
    fn make_room(&mut self) -> Option<(Vec<T>, String)> {
        if self.open.len() < MAX_OPEN {
            return None;
        }
        let oldest = self.open.iter().min_by_key(|(_, open)| open.started);
        let key = oldest.map(|(key, _)| *key)?;
        let assembly = self.open.remove(&key)?;
        let reason = format!("more than {MAX_OPEN} messages in assembly");
        Some((assembly.parts, reason))
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
        if header.som && !header.eom && packet.payload.len() < BASELINE_UNIT {
            // It has no effect on what is in assembly.
            return Assembled::Dropped {
                parts: vec![part],
                reason: format!(
                    "a start packet of {} bytes: the transmission unit is \
                     below {BASELINE_UNIT}",
                    packet.payload.len()
                ),
            };
        }
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
            let dropped = dropped.or_else(|| self.make_room());
            self.started += 1;
            let assembly = Assembly {
                message: packet.payload.to_vec(),
                unit: packet.payload.len(),
                sequence: header.sequence,
                started: self.started,
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
        } else if assembly.parts.len() > MAX_PACKETS {
            Some(format!("a message of more than {MAX_PACKETS} packets"))
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
    use crate::wire::mctp::{Header, fragment};

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
    fn fragment_example_of_130_bytes() {
        let message: Vec<u8> = (0..130).collect();
        let packets = fragment(&message, 64, &ROUTE);
        let sizes: Vec<_> = packets.iter().map(Vec::len).collect();
        assert_eq!(sizes, [68, 68, 6]);
        let flags: Vec<_> = packets.iter().map(|p| p.get(3)).collect();
        assert_eq!(flags, [Some(&0x8a), Some(&0x1a), Some(&0x6a)]);
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
        for unit in [64, 65, 68, 200] {
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
        type Case<'a> = (&'a str, &'a [Vec<u8>], &'a [usize], &'a str);
        let cases: &[Case<'_>] = &[
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
                "short start",
                &[start.clone(), packet(0x89, &[1; 63])],
                &[1],
                "below 64",
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
    fn assemblies_are_bounded() {
        let mut assembler = Assembler::default();
        let mut gone = Vec::new();
        for source in 8..=254 {
            let mut bytes = vec![1, 9, source, 0x88];
            bytes.resize(4 + BASELINE_UNIT, 0);
            let start = Packet::decode(&bytes).unwrap();
            match assembler.push(0, &start, source) {
                Assembled::Waiting { dropped } => {
                    gone.extend(dropped.into_iter().flat_map(|d| d.0));
                }
                other => panic!("{other:?}"),
            }
        }
        let rest = u8::try_from(MAX_OPEN).unwrap();
        assert_eq!(gone, (8..=254 - rest).collect::<Vec<u8>>());
        let mut assembler = Assembler::default();
        for part in 0..=MAX_PACKETS {
            let sequence = u8::try_from(part % 4).unwrap() << 4;
            let som = if part == 0 { 0x80 } else { 0 };
            let mut bytes = vec![1, 9, 8, sequence | som | 8];
            bytes.resize(4 + BASELINE_UNIT, 0);
            let packet = Packet::decode(&bytes).unwrap();
            let done = assembler.push(0, &packet, part);
            let dropped = matches!(done, Assembled::Dropped { .. });
            assert_eq!(dropped, part == MAX_PACKETS, "{part}");
        }
    }
}
