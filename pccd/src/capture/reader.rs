//! Captures read back: pcapng and pcap, ours and other tools', a packet at a
//! time. Nothing in a file is trusted: what is wrong is told with its offset,
//! and no file makes the reader hold more than a block of it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pcap_file::TsResolution;
use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{
    SectionHeaderBlock, SectionHeaderOption,
};
use pcap_file::pcapng::{Block, PcapNgParser};

use super::source::{ReadError, Source};
use crate::record::Time;

/// Most interfaces of a section.
const MOST_INTERFACES: usize = 1024;
/// How a pcapng file begins.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// How a pcap file does, by the order of its bytes and its clock.
const PCAP: [&[u8]; 4] = [
    &[0xa1, 0xb2, 0xc3, 0xd4],
    &[0xa1, 0xb2, 0x3c, 0x4d],
    &[0xd4, 0xc3, 0xb2, 0xa1],
    &[0x4d, 0x3c, 0xb2, 0xa1],
];
/// How a file of gzip does.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Ticks of a second where an interface says nothing of them.
const MICROSECONDS: u128 = 1_000_000;

/// An interface of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, as in `mctp` or `pcc`; empty where it has none.
    pub name: String,
    /// Its description: of ours the mailbox folder.
    pub of: String,
    /// Link type (<https://www.tcpdump.org/linktypes.html>).
    pub link: u16,
    /// Ticks a second, and seconds to add.
    clock: (u128, u64),
}

/// A packet as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Byte of the file where it begins.
    pub offset: u64,
    /// Number of its interface in the section.
    pub interface: usize,
    /// When it was seen; none where the file does not say.
    pub time: Option<Time>,
    /// Its comment, if it has one.
    pub comment: Option<String>,
    /// Its bytes, as its link type has them.
    pub data: Vec<u8>,
    /// How many there were: more, where the capture has the first only.
    pub length: u32,
}

enum Format {
    Pcapng(PcapNgParser),
    Pcap(PcapParser),
}

/// What was found at the beginning of what is left.
enum Found {
    Packet(Packet),
    Interface(Interface),
    /// A section, by its program.
    Section(String),
    Other,
}

/// A capture that is read.
pub struct Reader {
    source: Source,
    format: Format,
    interfaces: Vec<Interface>,
    program: String,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader {{ at byte {} }}", self.source.offset)
    }
}

/// Whether bytes begin as captures do, with what says so twice: a message may
/// have the first four of them.
pub fn is_capture(bytes: &[u8]) -> bool {
    const ORDER: [&[u8]; 2] = [b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"];
    const VERSION: [&[u8]; 2] = [b"\0\x02\0\x04", b"\x02\0\x04\0"];
    let has = |at: usize, any: &[&[u8]]| {
        bytes.get(at..at + 4).is_some_and(|word| any.contains(&word))
    };
    match has(0, &[&PCAPNG]) {
        true => has(8, &ORDER),
        false => has(0, &PCAP) && has(4, &VERSION),
    }
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no capture.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path);
        let refused = |error: io::Error| ReadError::whole(error.to_string());
        Self::new(Box::new(file.map_err(refused)?))
    }

    /// Begins to read a capture from a stream.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no capture.
    pub fn new(input: Box<dyn Read>) -> Result<Self, ReadError> {
        let mut source = Source::new(input);
        while source.left().len() < PCAPNG.len() && source.fill()? {}
        let head = source.left().get(..4).unwrap_or_default().to_vec();
        let short = || {
            let text = "no capture: the file is too short";
            ReadError::whole(text.to_owned())
        };
        if head.is_empty() {
            return Err(short());
        }
        let (mut interfaces, mut writer) = (Vec::new(), String::new());
        let format = if head == PCAPNG {
            let parser = source.parse(PcapNgParser::new)?;
            let parser = parser.ok_or_else(short)?;
            writer = program(parser.section());
            Format::Pcapng(parser)
        } else if PCAP.contains(&head.as_slice()) {
            let parser = source.parse(PcapParser::new)?;
            let parser = parser.ok_or_else(short)?;
            let link = u32::from(parser.header().datalink) & 0xffff;
            interfaces.push(Interface {
                name: String::new(),
                of: String::new(),
                link: u16::try_from(link).unwrap_or_default(),
                clock: (MICROSECONDS, 0),
            });
            Format::Pcap(parser)
        } else {
            let reason = match head.starts_with(&GZIP) {
                true => "it is compressed with gzip: `gunzip` it first".into(),
                false => format!(
                    "no capture: neither pcapng nor pcap begins with `{}`",
                    hex::encode(head)
                ),
            };
            return Err(ReadError::whole(reason));
        };
        Ok(Self { source, format, interfaces, program: writer })
    }

    /// The interfaces of the section so far.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The program that wrote the section, as far as it says.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The next packet; none at the end.
    ///
    /// # Errors
    ///
    /// The file is cut short, or something in it makes no sense.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, ReadError> {
        loop {
            let offset = self.source.offset;
            let wrong = |reason| ReadError::at(offset, reason);
            match self.next_found()? {
                None => return Ok(None),
                Some(Found::Packet(packet)) => {
                    if packet.interface < self.interfaces.len() {
                        return Ok(Some(packet));
                    }
                    return Err(wrong(format!(
                        "a packet of interface {}, the section has {}",
                        packet.interface,
                        self.interfaces.len()
                    )));
                }
                Some(Found::Interface(one)) => {
                    if self.interfaces.len() >= MOST_INTERFACES {
                        let most = MOST_INTERFACES;
                        return Err(wrong(format!(
                            "more than {most} interfaces"
                        )));
                    }
                    self.interfaces.push(one);
                }
                Some(Found::Section(program)) => {
                    self.interfaces.clear();
                    self.program = program;
                }
                Some(Found::Other) => {}
            }
        }
    }

    fn next_found(&mut self) -> Result<Option<Found>, ReadError> {
        let Self { source, format, interfaces, .. } = self;
        let offset = source.offset;
        match format {
            Format::Pcapng(parser) => source.parse(|bytes| {
                let (rest, block) = parser.next_block(bytes)?;
                Ok((rest, of_block(block, offset, interfaces)))
            }),
            Format::Pcap(parser) => {
                let scale = match parser.header().ts_resolution {
                    TsResolution::MicroSecond => 1000,
                    TsResolution::NanoSecond => 1,
                };
                source.parse(|bytes| {
                    let (rest, raw) = parser.next_raw_packet(bytes)?;
                    let nanos = u128::from(raw.ts_sec) * 1_000_000_000
                        + u128::from(raw.ts_frac) * scale;
                    let packet = Packet {
                        offset,
                        interface: 0,
                        time: time(nanos),
                        comment: None,
                        data: raw.data.into_owned(),
                        length: raw.orig_len,
                    };
                    Ok((rest, Found::Packet(packet)))
                })
            }
        }
    }
}

fn program(section: &SectionHeaderBlock<'_>) -> String {
    let mut options = section.options.iter();
    let found = options.find_map(|one| match one {
        SectionHeaderOption::UserApplication(text) => Some(text.to_string()),
        _ => None,
    });
    found.unwrap_or_default()
}

fn interface(block: &InterfaceDescriptionBlock<'_>) -> Interface {
    use InterfaceDescriptionOption::{
        IfDescription, IfName, IfTsOffset, IfTsResol,
    };
    let link = u32::from(block.linktype) & 0xffff;
    let mut found = Interface {
        name: String::new(),
        of: String::new(),
        link: u16::try_from(link).unwrap_or_default(),
        clock: (MICROSECONDS, 0),
    };
    for option in &block.options {
        match option {
            IfName(name) => found.name = name.to_string(),
            IfDescription(text) => found.of = text.to_string(),
            IfTsResol(power) => {
                let (base, power): (u128, u32) = match power & 0x80 {
                    0 => (10, (*power).into()),
                    _ => (2, (power & 0x7f).into()),
                };
                // A clock that is finer than any is as fine as can be.
                found.clock.0 = base.checked_pow(power).unwrap_or(u128::MAX);
            }
            IfTsOffset(seconds) => found.clock.1 = *seconds,
            _ => {}
        }
    }
    found
}

fn of_block(block: Block<'_>, offset: u64, interfaces: &[Interface]) -> Found {
    let packet = |interface: usize, ticks: Option<u128>, comment, data| {
        let (data, length): (Vec<u8>, u32) = data;
        let clock = interfaces.get(interface).map(|one| one.clock);
        let (a_second, base) = clock.unwrap_or((MICROSECONDS, 0));
        let time = ticks.and_then(|ticks| {
            let nanos = ticks.saturating_mul(1_000_000_000) / a_second.max(1);
            time(nanos + u128::from(base) * 1_000_000_000)
        });
        Found::Packet(Packet { offset, interface, time, comment, data, length })
    };
    match block {
        Block::SectionHeader(block) => Found::Section(program(&block)),
        Block::InterfaceDescription(block) => {
            Found::Interface(interface(&block))
        }
        Block::EnhancedPacket(block) => {
            let comment = block.options.iter().find_map(|one| match one {
                EnhancedPacketOption::Comment(text) => Some(text.to_string()),
                _ => None,
            });
            let interface = usize::try_from(block.interface_id);
            // The crate takes ticks for nanoseconds.
            let ticks = Some(block.timestamp.as_nanos());
            let data = (block.data.into_owned(), block.original_len);
            packet(interface.unwrap_or(usize::MAX), ticks, comment, data)
        }
        Block::Packet(block) => {
            let ticks = Some(block.timestamp.into());
            let data = (block.data.into_owned(), block.original_len);
            packet(block.interface_id.into(), ticks, None, data)
        }
        Block::SimplePacket(block) => {
            // The crate leaves what pads it.
            let mut data = block.data.into_owned();
            let length = usize::try_from(block.original_len);
            data.truncate(length.unwrap_or(usize::MAX));
            packet(0, None, None, (data, block.original_len))
        }
        _ => Found::Other,
    }
}

/// A time in nanoseconds since 1970; none beyond the year 2262.
fn time(nanos: u128) -> Option<Time> {
    i64::try_from(nanos).ok().map(Time::from_timestamp_nanos)
}
