#!/usr/bin/env bash
# The crate acpi_tables 0.2.1 (rust-vmm), writing a CEDT.
#
# A host bridge's structure in a CXL Early Discovery Table has 32 bytes: a length
# of two bytes at offset 2, and a reserved dword before the base at offset 16.
#
# Guess before running it: the table is as long as its header says.
# Seen: the length is written as one byte and the reserved dword is missing, so
# that each host bridge has 27 bytes and is said to have 32, and so the table.
# iasl 20250404 and 20260408 refuse it as too long for its file. The checksum is
# right, and the crate's tests of it look at nothing else. An RCEC Downstream Port Association structure has
# 17 bytes and is said to have 16, and cxl_type_3_memory() of a window sets the
# bit of type 2.
. "$(dirname "$0")/lib/crates"
crates acpi_tables=0.2.1 zerocopy=0.8.64 <<'RUST'
use acpi_tables::{cedt::*, Aml};
fn bytes(add: impl Fn(&mut CEDT)) -> Vec<u8> {
    let mut cedt = CEDT::new(*b"EXAMPL", *b"EXAMPLE ", 1);
    add(&mut cedt);
    let mut table = Vec::new();
    cedt.to_aml_bytes(&mut table);
    table
}
fn main() {
    let table = bytes(|cedt| cedt.add_host_bridge(CxlHostBridge::new(7, CxlVersion::Cxl2, 0x4000_0000)));
    println!("says {}, has {}", u32::from_le_bytes(table[4..8].try_into().unwrap()), table.len());
    let table = bytes(|cedt| {
        let mut window = CxlFixedMemory::new(1 << 32, 1 << 28, InterleaveArithmetic::Modulo,
            InterleaveGranularity::Granularity256b, InterleaveWays::Ways1, 0).cxl_type_3_memory();
        window.add_target([7, 0, 0, 0]);
        cedt.add_fixed_memory(window);
    });
    println!("restrictions {}", table[36 + 32]);
}
RUST
same "bytes with one host bridge" "says 68, has 63" "$("$TEMP/program" | head -n 1)"
same "a window for type 3 (bit 1)" "restrictions 1" "$("$TEMP/program" | tail -n 1)"
