#!/usr/bin/env bash
# The crate pcap-file 2.0.0, which reads and writes pcap and pcapng.
#
# The times of a pcapng interface count microseconds, or what if_tsresol says, 9 for
# nanoseconds (the format's draft, interface description block, enhanced packet block).
# Both are met.
#
# Guess before running it: a packet's timestamp, a Duration since 1970, is the same
# whichever unit the file has; one that is written without if_tsresol is read again by
# others at its time.
# Seen: each number is taken for nanoseconds: of microseconds, the default, a packet of
# 2026 is one of January 1970; only a file of nanoseconds is right. What it writes is in
# nanoseconds, too, with or without if_tsresol: without, as in its own example, a packet
# of 2026 is one of the year 58692 for python-pcapng 2.1.1.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/crates"
pypi python-pcapng==2.1.1
crates pcap-file=2.0.0 <<'RUST'
use pcap_file::pcapng::blocks::{
    enhanced_packet::EnhancedPacketBlock,
    interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption},
};
use pcap_file::{pcapng::PcapNgReader, pcapng::PcapNgWriter, DataLink};
use std::{env::args, fs::File, time::Duration};

fn main() {
    let (action, path) = (args().nth(1).unwrap(), args().nth(2).unwrap());
    if action == "read" {
        let mut reader = PcapNgReader::new(File::open(path).unwrap()).unwrap();
        while let Some(block) = reader.next_block() {
            if let Some(packet) = block.unwrap().into_enhanced_packet() {
                println!("{}", packet.timestamp.as_nanos());
            }
        }
        return;
    }
    let mut writer = PcapNgWriter::new(File::create(path).unwrap()).unwrap();
    let options = if action == "write-9" { vec![InterfaceDescriptionOption::IfTsResol(9)] } else { vec![] };
    let interface = InterfaceDescriptionBlock { linktype: DataLink::from(291), snaplen: 0, options };
    writer.write_pcapng_block(interface).unwrap();
    let packet = EnhancedPacketBlock {
        interface_id: 0,
        timestamp: Duration::from_secs(1_790_000_000),
        original_len: 4,
        data: vec![1, 8, 9, 0xc8].into(),
        options: vec![],
    };
    writer.write_pcapng_block(packet).unwrap();
}
RUST
cat >"$TEMP/capture.py" <<'PYTHON'
import struct, sys
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket

def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

if sys.argv[1] == "read":
    with open(sys.argv[2], "rb") as file:
        print(*(int(packet.timestamp) for packet in FileScanner(file) if isinstance(packet, EnhancedPacket)))
else:
    # MCTP; if_tsresol of 9, or no options
    option, unit = {"ns": (struct.pack("<HHBxxxI", 9, 1, 9, 0), 10**9), "us": (b"", 10**6)}[sys.argv[1]]
    time = 1_790_000_000 * unit
    with open(sys.argv[2], "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", 291, 0, 0) + option))
        file.write(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, 4, 4) + b"\1\x08\x09\xc8"))
PYTHON
for unit in ns us; do python3 "$TEMP/capture.py" "$unit" "$TEMP/$unit.pcapng"; done
same "nanoseconds, read" 1790000000000000000 "$("$TEMP/program" read "$TEMP/ns.pcapng")"
same "microseconds, read" 1790000000000000 "$("$TEMP/program" read "$TEMP/us.pcapng")"
same "microseconds, read by python-pcapng" 1790000000 "$(python3 "$TEMP/capture.py" read "$TEMP/us.pcapng")"
"$TEMP/program" write "$TEMP/written.pcapng"
same "written without if_tsresol, read by python-pcapng" 1790000000000 \
  "$(python3 "$TEMP/capture.py" read "$TEMP/written.pcapng")"
"$TEMP/program" write-9 "$TEMP/written.pcapng"
same "written with if_tsresol 9" 1790000000 "$(python3 "$TEMP/capture.py" read "$TEMP/written.pcapng")"
