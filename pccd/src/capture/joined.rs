//! Where Wireshark puts the packets of a message together otherwise than
//! DSP0236 wants it.
//!
//! Wireshark (4.4) joins by source, destination and tag alone: neither the tag
//! owner bit nor the sequence nor a new start counts. Both ways are played
//! here, so that the capture can say where they differ.

use std::collections::BTreeMap;

use crate::wire::assembly::{Assembled, Assembler, MAX_PACKETS};
use crate::wire::mctp::Packet;

/// Most messages that are followed at the same time.
const MOST_OPEN: usize = 256;

/// Destination, source, tag.
type Key = (u8, u8, u8);

/// Messages in assembly, by the numbers of their packets.
#[derive(Debug, Default)]
pub struct Joined {
    count: u64,
    right: Assembler<u64>,
    shown: BTreeMap<Key, Vec<u64>>,
}

impl Joined {
    /// Takes the next packet. Returns what is wrong with the message that
    /// Wireshark shows at it, if it shows one.
    pub fn push(&mut self, subspace: u8, bytes: &[u8]) -> Option<String> {
        let packet = Packet::decode(bytes).ok()?;
        self.count += 1;
        let number = self.count;
        let right = self.right.push(subspace, &packet, number);
        let header = &packet.header;
        if header.som && header.eom {
            return None;
        }
        let key = (header.destination.0, header.source.0, header.tag);
        if self.shown.len() >= MOST_OPEN && !self.shown.contains_key(&key) {
            self.shown.pop_first();
        }
        let parts = self.shown.entry(key).or_default();
        // More of them are no message in any case.
        if parts.len() <= MAX_PACKETS {
            parts.push(number);
        }
        if !header.eom {
            return None;
        }
        let shown = self.shown.remove(&key).unwrap_or_default();
        let what = match right {
            Assembled::Complete { parts, .. } if parts == shown => return None,
            Assembled::Complete { message, .. } => {
                let shown = message.get(..64).unwrap_or(&message);
                let more = if message.len() > 64 { " …" } else { "" };
                format!(
                    "the message is one of {} bytes: {}{more}",
                    message.len(),
                    hex::encode(shown)
                )
            }
            Assembled::Dropped { reason, .. } => {
                format!("there is no message: {reason}")
            }
            Assembled::Waiting { .. } => "there is no message yet".to_owned(),
        };
        Some(format!(
            "Wireshark joins packets by source, destination and tag alone, \
             and shows a wrong message here; by DSP0236 {what}"
        ))
    }
}
