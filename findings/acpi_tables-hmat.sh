#!/usr/bin/env bash
# The crate acpi_tables 0.2.1 (rust-vmm), writing an HMAT.
#
# The System Locality structure (ACPI 6.5 §5.2.28) has a matrix with a row for
# each initiator and a column for each target; the value of initiator i and
# target t is at i * number of targets + t.
#
# Guess before running it: the values are where set_entry_value() put them.
# Seen: the row is taken to be as long as the number of initiators. With 2
# initiators and 3 targets the second row overwrites the end of the first, and
# the last value stays FFFFh, "not reachable"; length and checksum are right, so
# that nothing complains. It works where both numbers are the same, or with one
# initiator. Two sockets and memory without processors, as behind CXL, are neither.
. "$(dirname "$0")/lib/crates"
crates acpi_tables=0.2.1 zerocopy=0.8.64 <<'RUST'
use acpi_tables::{hmat::*, Aml};
fn main() {
    let mut latency = SystemLocality::new(
        LocalityType::Memory, DataType::AccessLatency, MinTransferSize::SizeByteAligned, 1000, 2, 3);
    for initiator in 0..2 {
        for target in 0..3 {
            latency.set_entry_value(initiator, target, (10 * (initiator + 1) + target + 1) as u16);
        }
    }
    let mut hmat = HMAT::new(*b"EXAMPL", *b"EXAMPLE ", 1);
    hmat.add_system_locality(latency);
    let mut table = Vec::new();
    hmat.to_aml_bytes(&mut table);
    let values = table[table.len() - 12..].chunks(2).map(|v| u16::from_le_bytes([v[0], v[1]]).to_string());
    println!("{}", values.collect::<Vec<_>>().join(" "));
}
RUST
same "set as 11 12 13, 21 22 23" "11 12 21 22 23 65535" "$("$TEMP/program")"
