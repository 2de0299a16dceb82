//! Blocks of pcapng, gathered to be written at once. The crate `pcap-file`
//! makes them: of those that write the format it is the one that others use,
//! and its nanoseconds are right.

use std::borrow::Cow;
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{
    EnhancedPacketBlock, EnhancedPacketOption,
};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{
    SectionHeaderBlock, SectionHeaderOption,
};
use pcap_file::{DataLink, Endianness};

use crate::record::Time;

/// Wireshark refuses a packet of more bytes; of a longer one the first are
/// written, and how many there are.
const MOST_PACKET: usize = 262_144;
/// Longest comment: an option's length has 16 bits.
const MOST_COMMENT: usize = 16_384;
/// Times are in nanoseconds: 10 to the minus 9th.
const NANOSECONDS: u8 = 9;

/// Which way an MCTP packet went, seen from the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

/// An interface.
pub struct Interface<'a> {
    pub name: String,
    pub link: u16,
    /// The mailbox folder.
    pub of: &'a str,
}

/// A packet of an interface.
pub struct Packet {
    pub interface: u32,
    pub time: Time,
    pub way: Option<Way>,
    pub comment: Option<String>,
    pub data: Vec<u8>,
}

/// Blocks that are not written yet.
pub struct Pcapng {
    /// None only where memory cannot be written.
    writer: Option<PcapNgWriter<Vec<u8>>>,
    interfaces: u32,
}

impl std::fmt::Debug for Pcapng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pcapng {{ {} bytes }}", self.len())
    }
}

impl Pcapng {
    /// Begins with the header of the section.
    pub fn new() -> Self {
        let program = concat!("pccd ", env!("CARGO_PKG_VERSION"));
        let options =
            vec![SectionHeaderOption::UserApplication(program.into())];
        let endianness = Endianness::Little;
        let section =
            SectionHeaderBlock { endianness, options, ..Default::default() };
        let writer = PcapNgWriter::with_section_header(Vec::new(), section);
        Self { writer: writer.ok(), interfaces: 0 }
    }

    /// All blocks since the last `clear`.
    pub fn finished(&self) -> &[u8] {
        self.writer.as_ref().map_or(&[], |writer| writer.get_ref())
    }

    pub fn len(&self) -> usize {
        self.finished().len()
    }

    pub fn truncate(&mut self, len: usize) {
        if let Some(writer) = &mut self.writer {
            writer.get_mut().truncate(len);
        }
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Adds an interface; returns its number.
    pub fn interface(&mut self, interface: &Interface<'_>) -> u32 {
        use InterfaceDescriptionOption::{IfDescription, IfName, IfTsResol};
        let link = DataLink::from(u32::from(interface.link));
        let mut block = InterfaceDescriptionBlock::new(link, 0);
        let of = cut(interface.of, MOST_COMMENT).to_owned();
        block.options = vec![
            IfName(interface.name.clone().into()),
            IfDescription(of.into()),
            IfTsResol(NANOSECONDS),
        ];
        if let Some(writer) = &mut self.writer {
            // Memory takes everything.
            let _ = writer.write_pcapng_block(block);
        }
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// Adds a packet.
    pub fn packet(&mut self, packet: Packet) {
        let Packet { interface, time, way, comment, mut data } = packet;
        let original_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        data.truncate(MOST_PACKET);
        let comment = comment.map(|text| {
            EnhancedPacketOption::Comment(Cow::Owned(
                cut(&text, MOST_COMMENT).to_owned(),
            ))
        });
        let way = way.map(|way| {
            EnhancedPacketOption::Flags(if way == Way::In { 1 } else { 2 })
        });
        let nanos = time.timestamp_nanos_opt().unwrap_or_default();
        let block = EnhancedPacketBlock {
            interface_id: interface,
            timestamp: Duration::from_nanos(nanos.try_into().unwrap_or(0)),
            original_len,
            data: data.into(),
            options: comment.into_iter().chain(way).collect(),
        };
        if let Some(writer) = &mut self.writer {
            // Memory takes everything, and the interface is there.
            let _ = writer.write_pcapng_block(block);
        }
    }
}

/// A text, cut where a character ends.
pub fn cut(text: &str, most: usize) -> &str {
    let ends = (0..=most.min(text.len())).rev();
    let cut = ends.into_iter().find_map(|end| text.get(..end));
    cut.unwrap_or_default()
}
