//! What happened, as a file that Wireshark reads: pcapng with two interfaces
//! a mailbox, MCTP packets and PCC events (docs/capture.md).
//!
//! A capture is made of the log's records: what is in the one is in the
//! other. What cannot be written is told, and counted until it can.

mod entry;
mod joined;
mod output;
mod pcapng;
mod reader;
mod source;

use std::io;
use std::path::Path;

pub use self::entry::{Entry, Kind};
use self::joined::Joined;
use self::output::Output;
use self::pcapng::{Pcapng, Way};
pub use self::reader::{Interface, Packet, Reader, is_capture};
pub use self::source::ReadError;
use crate::record::{Event, Record, Time};
use crate::wire::pcc;

/// Link type of MCTP packets: Linux cooked capture, version 2.
pub const LINKTYPE_SLL2: u16 = 276;
/// Link type of PCC events: USER0.
pub const LINKTYPE_PCC: u16 = 147;
/// ARPHRD_MCTP and ETH_P_MCTP, as Linux has them.
const ARPHRD_MCTP: u16 = 290;
const ETH_P_MCTP: u16 = 0x00fa;
/// Offset of the first MCTP byte in a content: behind the header.
const MCTP_OFFSET: usize = pcc::HEADER_LEN;

/// The two interfaces of a mailbox, and what is known of it.
#[derive(Debug)]
struct Pair {
    mailbox: String,
    mctp: u32,
    pcc: u32,
    /// The guest's life of the last request.
    epoch: Option<u64>,
    joined: Joined,
}

/// A capture that is being written.
#[derive(Debug)]
pub struct Capture {
    output: Output,
    format: Pcapng,
    pairs: Vec<Pair>,
    /// Events that are not in the file, since the last that is.
    lost: u64,
    /// All of them.
    all_lost: u64,
}

impl Capture {
    /// Begins a capture: a file, which is replaced, a FIFO, or `-` for
    /// standard output.
    ///
    /// # Errors
    ///
    /// It cannot be made or written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut output = Output::create(path)?;
        let mut format = Pcapng::new();
        output.write(format.finished())?;
        format.clear();
        let (pairs, lost, all_lost) = (Vec::new(), 0, 0);
        Ok(Self { output, format, pairs, lost, all_lost })
    }

    /// Writes what a record tells. Returns what the log should say about the
    /// capture itself.
    pub fn write(&mut self, record: &Record) -> Option<Record> {
        let mailbox = record.mailbox.as_deref();
        let at = self.pair(mailbox);
        let pair = self.pairs.get_mut(at)?;
        let entry = Entry::of(record, &mut pair.epoch);
        self.add(at, record.time, &entry)
    }

    /// Writes an event of a mailbox; the interfaces of one that is new come
    /// first. Returns as `write` does.
    pub fn write_entry(
        &mut self,
        mailbox: &str,
        time: Time,
        entry: &Entry,
    ) -> Option<Record> {
        let at = self.pair(Some(mailbox));
        self.add(at, time, entry)
    }

    /// The place of a mailbox's interfaces. What belongs to none is shown
    /// with the first.
    fn pair(&mut self, mailbox: Option<&str>) -> usize {
        let known = match mailbox {
            Some(mailbox) => {
                self.pairs.iter().position(|pair| pair.mailbox == mailbox)
            }
            None => (!self.pairs.is_empty()).then_some(0),
        };
        known.unwrap_or_else(|| {
            let mailbox = mailbox.unwrap_or_default().to_owned();
            let number = match self.pairs.len() {
                0 => String::new(),
                count => count.to_string(),
            };
            let mut interface = |name: &str, link| {
                let name = format!("{name}{number}");
                self.format.interface(&pcapng::Interface {
                    name,
                    link,
                    of: &mailbox,
                })
            };
            let mctp = interface("mctp", LINKTYPE_SLL2);
            let pcc = interface("pcc", LINKTYPE_PCC);
            let (epoch, joined) = (None, Joined::default());
            self.pairs.push(Pair { mailbox, mctp, pcc, epoch, joined });
            self.pairs.len() - 1
        })
    }

    fn add(&mut self, at: usize, time: Time, entry: &Entry) -> Option<Record> {
        let keep = self.format.len();
        let lost = self.lost;
        if lost > 0 {
            self.put(at, time, &Entry::lost(lost));
        }
        self.put(at, time, entry);
        match self.output.write(self.format.finished()) {
            Ok(()) => {
                self.format.clear();
                self.lost = 0;
                (lost > 0).then(|| {
                    Record::new(time, Event::Note).because(format!(
                        "the capture goes on; {lost} events are missing in it"
                    ))
                })
            }
            Err(error) => {
                // Interfaces that are new are written with what comes next.
                self.format.truncate(keep);
                self.lost += 1;
                self.all_lost += 1;
                (lost == 0).then(|| {
                    Record::new(time, Event::Error).because(format!(
                        "the capture {} cannot be written: {error}; what \
                         happens is missing in it until it can",
                        self.output.name()
                    ))
                })
            }
        }
    }

    /// Adds an event, and the MCTP packet in it, to what is written next.
    fn put(&mut self, at: usize, time: Time, entry: &Entry) {
        let Some(pair) = self.pairs.get_mut(at) else { return };
        let comment = entry.comment();
        let mctp = entry.way().zip(mctp_packet(&entry.content));
        let data = entry.encode();
        let way = entry.way();
        let packet =
            pcapng::Packet { interface: pair.pcc, time, way, comment, data };
        self.format.packet(packet);
        let Some((way, bytes)) = mctp else { return };
        let subspace = entry.subspace.unwrap_or_default();
        let remark = pair.joined.push(subspace, bytes);
        let comment = match (entry.comment(), remark) {
            (Some(one), Some(other)) => Some(format!("{one}\n{other}")),
            (one, other) => one.or(other),
        };
        let interface = pair.mctp;
        let data = sll2(interface, way, bytes);
        let way = Some(way);
        self.format.packet(pcapng::Packet {
            interface,
            time,
            way,
            comment,
            data,
        });
    }

    /// Ends the capture. Returns what the log should say about it.
    pub fn finish(self, time: Time) -> Option<Record> {
        let (name, lost) = (self.output.name().to_owned(), self.all_lost);
        let ended = self.output.finish();
        let text = match (ended, lost) {
            (Err(error), _) => format!("its end is missing: {error}"),
            (Ok(()), 0) => return None,
            (Ok(()), lost) => format!("{lost} events are missing in it"),
        };
        let text = format!("the capture {name} is not whole: {text}");
        Some(Record::new(time, Event::Error).because(text))
    }
}

/// The MCTP packet of a content, if it is for MCTP: as long as its header
/// says, cut where the content ends.
fn mctp_packet(content: &[u8]) -> Option<&[u8]> {
    let (_, content) = pcc::split_envelope(content);
    let length = content.get(8..12)?.try_into().ok()?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let end = length.saturating_add(pcc::UNCOUNTED_LEN).min(content.len());
    pcc::is_mctp(content).then(|| content.get(MCTP_OFFSET..end))?
}

/// An MCTP packet behind the header of LINKTYPE_LINUX_SLL2, as an AF_MCTP
/// device of Linux would have it.
fn sll2(interface: u32, way: Way, packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 + packet.len());
    out.extend(ETH_P_MCTP.to_be_bytes());
    out.extend([0; 2]);
    out.extend((interface + 1).to_be_bytes());
    out.extend(ARPHRD_MCTP.to_be_bytes());
    // PACKET_HOST or PACKET_OUTGOING; an address of no bytes.
    out.push(if way == Way::In { 0 } else { 4 });
    out.extend([0; 9]);
    out.extend_from_slice(packet);
    out
}

#[cfg(test)]
mod tests;
