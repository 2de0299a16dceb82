#!/usr/bin/env bash
# The crate dmidecode 1.0.1, reading SMBIOS (DSP0134).
#
# Form factors of a memory device (type 17, §7.18.1) count from 01h, Other;
# 02h is Unknown, 05h a chip, 06h a DIP, 09h a DIMM. The low bits of a processor's
# status (type 4, §7.5) are one number: 1 enabled, 2 disabled by the user, 3
# disabled by the firmware.
#
# Guess before running it: a soldered chip is Chip, an unknown one Unknown, and a
# processor that the firmware disabled is not enabled.
# Seen: what is below DIMM is one too far: a chip is Dip, unknown is Simm; only
# DIMM and what comes after it are right, and the crate's tests have DIMMs. The
# status is a set of flags, 3 is 1 and 2: contains(CPU_ENABLED) is true for the
# processor that is disabled. dmidecode 3.6 (the program) has both right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install trixie dmidecode=3.6-2 dmidecode
crates dmidecode=1.0.1 <<'RUST'
use dmidecode::{processor::ProcessorStatus, EntryPoint, Structure};
fn main() {
    let image = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let entry = EntryPoint::search(&image).expect("an entry point");
    for structure in entry.structures(&image[32..]) {
        match structure.expect("the table is sound") {
            Structure::MemoryDevice(device) => println!("{:?}", device.form_factor),
            Structure::Processor(processor) => println!(
                "enabled {}, disabled by the firmware {}",
                processor.status.contains(ProcessorStatus::CPU_ENABLED),
                processor.status.contains(ProcessorStatus::CPU_DISABLED_BY_BIOS)
            ),
            _ => {}
        }
    }
}
RUST

python3 - "$TEMP/smbios" <<'PYTHON'
import struct, sys

def structure(kind, handle, fields, *strings):
    return struct.pack("<BBH", kind, 4 + len(fields), handle) + fields + (
        b"".join(s + b"\0" for s in strings) or b"\0") + b"\0"

# Memory devices, soldered and unknown; a processor socket whose status is 3.
table = b"".join(structure(17, 0x1100 + form, struct.pack(
    "<HHHHHBBBBBHHBBBBBIH", 0x1000, 0xFFFE, 64, 64, 4096, form, 0, 1, 0, 0x1A, 0x80, 2400,
    0, 0, 0, 0, 0, 0, 2400), b"MEM0") for form in (5, 2, 9))
table += structure(4, 0x400, struct.pack(
    "<BBBBQBBHHHBBHHHBBBBBBHH", 1, 3, 2, 0, 0, 0, 0, 100, 2000, 2000, 0x43, 6,
    0xFFFF, 0xFFFF, 0xFFFF, 0, 0, 0, 4, 0, 4, 0, 2), b"CPU0")
table += structure(127, 0x7F00, b"")
entry = bytearray(struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 0, 0, 1, 0, len(table), 32))
entry[5] = -sum(entry) & 0xFF
open(sys.argv[1], "wb").write(entry + bytes(8) + table)
PYTHON
"$TEMP/program" "$TEMP/smbios" >"$TEMP/out"
theirs() { "$TEMP/dmidecode" --from-dump "$TEMP/smbios" | sed -n "s/^\t$1: //p" | paste -sd,; }
same "dmidecode 3.6 of chip, unknown, DIMM" "Chip,Unknown,DIMM" "$(theirs 'Form Factor')"
same "the crate" "Dip,Simm,Dimm" "$(head -n 3 "$TEMP/out" | paste -sd,)"
same "dmidecode 3.6 of the processor" "Populated, Disabled By BIOS" "$(theirs Status)"
same "the crate" "enabled true, disabled by the firmware true" "$(tail -n 1 "$TEMP/out")"
