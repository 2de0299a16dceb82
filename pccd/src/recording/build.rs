//! A capture, packet by packet, into a recording.

use std::path::Path;

use super::foreign::Foreign;
use super::growing::{Growing, Moment};
use super::link;
use super::ours::Ours;
use super::side::{Recording, Side};
use crate::capture::{Entry, Kind, LINKTYPE_PCC, Packet, ReadError, Reader};

/// Most mailboxes of a recording.
const MOST_SIDES: usize = 256;

/// What there is so far.
#[derive(Debug, Default)]
struct Builder {
    /// Those of our own, by the description of their interface.
    ours: Vec<(String, Ours)>,
    foreign: Option<Foreign>,
    /// Packets, and the link type of the first.
    packets: usize,
    link: u16,
    notes: Vec<String>,
}

/// Reads a capture.
///
/// # Errors
///
/// It cannot be read, makes no sense, or has nothing to play.
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let mut reader = Reader::open(path)?;
    let mut builder = Builder::default();
    while let Some(packet) = reader.next_packet()? {
        builder.add(&reader, packet)?;
    }
    builder.finish()
}

impl Builder {
    fn add(
        &mut self,
        reader: &Reader,
        packet: Packet,
    ) -> Result<(), ReadError> {
        let all = reader.interfaces();
        let Some(on) = all.get(packet.interface) else { return Ok(()) };
        let (link, offset) = (on.link, packet.offset);
        let at = Moment { time: packet.time, offset };
        let (has, length) = (packet.data.len(), packet.length);
        let is_cut = u64::from(length) > u64::try_from(has).unwrap_or(0);
        let cut = || {
            ReadError::at(
                offset,
                format!(
                    "of {length} bytes of this packet the capture has {has}: \
                     capture again with `tcpdump -s 0`"
                ),
            )
        };
        if self.packets == 0 {
            self.link = link;
        }
        self.packets += 1;
        let is_ours = |link: u16, name: &str| {
            link == LINKTYPE_PCC && name.starts_with("pcc")
        };
        if is_ours(link, &on.name) {
            if is_cut {
                return Err(cut());
            }
            let entry = match Entry::decode(&packet.data) {
                Ok(entry) => entry,
                // Nothing that a guest or a platform does.
                Err(_) if is_later(&packet.data) => return Ok(()),
                Err(reason) => {
                    let reason = reason.to_owned();
                    return Err(ReadError::at(offset, reason));
                }
            };
            return self.side(&on.of, offset)?.add(entry, at);
        }
        if all.iter().any(|one| is_ours(one.link, &one.name)) {
            // Its packets stand in the events, too.
            return Ok(());
        }
        let Some(found) = link::find(link, &packet.data) else {
            return Ok(());
        };
        if is_cut {
            return Err(cut());
        }
        let foreign = self.foreign.get_or_insert_with(Foreign::new);
        foreign.add(packet.interface, &found, at)
    }

    fn side(&mut self, name: &str, at: u64) -> Result<&mut Ours, ReadError> {
        let known = self.ours.iter().position(|(one, _)| one == name);
        let place = known.unwrap_or(self.ours.len());
        if place >= MOST_SIDES {
            let reason = format!("more than {MOST_SIDES} mailboxes");
            return Err(ReadError::at(at, reason));
        }
        if known.is_none() {
            let ours = Ours::new(name.to_owned());
            self.ours.push((name.to_owned(), ours));
        }
        let nothing = || ReadError::at(at, String::new());
        let found = self.ours.get_mut(place).ok_or_else(nothing)?;
        Ok(&mut found.1)
    }

    fn finish(mut self) -> Result<Recording, ReadError> {
        let mut sides = Vec::new();
        for (_, ours) in std::mem::take(&mut self.ours) {
            if let Some(lost) = &ours.lost {
                self.notes.push(format!("the recording is not whole: {lost}"));
            }
            if ours.strays > 0 {
                let count = ours.strays;
                self.notes.push(format!(
                    "the recording has {count} replies to requests that it \
                     does not have"
                ));
            }
            sides.extend(self.grown(ours.growing));
        }
        if let Some(mut foreign) = self.foreign.take() {
            foreign.give_up();
            if foreign.strange > 0 {
                let count = foreign.strange;
                self.notes.push(format!(
                    "{count} packets of the recording are no MCTP packets"
                ));
            }
            if let Some((count, first, reason)) = &foreign.broken {
                self.notes.push(format!(
                    "{count} packets of the recording make no whole message, \
                     the first at byte {first}: {reason}"
                ));
            }
            let growing = foreign.finish()?;
            sides.extend(self.grown(growing));
        }
        if sides.is_empty() {
            let known = link::known();
            let reason = match self.packets {
                0 => "the file has no packet".to_owned(),
                count => format!(
                    "nothing to play in {count} packets, the first of link \
                     type {}; what is read are {known}",
                    self.link
                ),
            };
            return Err(ReadError::whole(reason));
        }
        Ok(Recording { sides, notes: self.notes })
    }

    fn grown(&mut self, growing: Growing) -> Option<Side> {
        if let Some((count, first)) = growing.backwards {
            self.notes.push(format!(
                "times of the recording run backwards, {count} times, first \
                 at byte {first}: nothing waits there"
            ));
        }
        let side = growing.finish();
        let is_empty = side.exchanges.is_empty() && side.openings.is_empty();
        (!is_empty).then_some(side)
    }
}

/// Whether bytes are an event of a kind that came later.
fn is_later(data: &[u8]) -> bool {
    data.get(1).is_some_and(|kind| Kind::of(*kind).is_none())
}
