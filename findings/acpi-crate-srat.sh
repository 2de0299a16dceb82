#!/usr/bin/env bash
# The crate acpi 6.1.1, which reads ACPI tables for kernels written in Rust.
#
# An entry of a SRAT (ACPI 6.5 §5.2.16) starts with its type and its length, a byte each;
# memory of a node has the node at offset 2, its start at 8 and its size at 16. A SLIT of
# two nodes has four distances (§5.2.17). In an SPCR the terminal is a number, 3 for ANSI
# (Microsoft, SPCR, offset 62), and a UART may be on PCI bus 0, as that of Intel's AMT.
#
# Guess before running it: 2 GB at 1 GB of node 0, 2 GB at 4 GB of node 1, both enabled,
# and a processor of each; four distances; ANSI; bus 0.
# Seen: the length is taken for two bytes, of which one is the node's number. So all that
# follows is a byte off: memory of node 0 is 8 MB at 4 MB, and not enabled; an entry of
# node 1 is 256 bytes longer, which ends the list here, with a word to a logger only. The
# matrix of a SLIT is empty unless there is one node: the number of distances is squared. 3
# is taken for two bits, "VT1000 | EXTENDED_VT1000", and bus 0 is none, as is function 0.
. "$(dirname "$0")/lib/crates"
export RUSTC_BOOTSTRAP=1 # the crate is for a nightly compiler
crates acpi=6.1.1 <<'RUST'
use acpi::sdt::{slit::Slit, spcr::Spcr, srat::{Srat, SratEntry}};
use std::pin::Pin;

/// A table, with some zeros behind it, and where it is.
fn table<T>(signature: &[u8; 4], body: &[u8]) -> &'static T {
    let mut bytes = signature.to_vec();
    bytes.extend((36 + body.len() as u32).to_le_bytes());
    bytes.resize(36, 0);
    bytes.extend(body);
    bytes.resize(bytes.len() + 64, 0);
    unsafe { &*bytes.leak().as_ptr().cast() }
}

fn memory(node: u32, start: u64, size: u64) -> Vec<u8> {
    let mut entry = vec![1, 40];
    entry.extend(node.to_le_bytes());
    entry.extend([0; 2]);
    entry.extend(start.to_le_bytes());
    entry.extend(size.to_le_bytes());
    entry.extend([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    entry
}

fn processor(node: u32) -> Vec<u8> {
    let mut entry = vec![3, 18];
    for number in [node, node, 1, 0] {
        entry.extend(number.to_le_bytes());
    }
    entry
}

fn main() {
    let srat = |entries: &[Vec<u8>]| {
        let body = [vec![0; 12], entries.concat()].concat();
        let found = unsafe { Pin::new_unchecked(table::<Srat>(b"SRAT", &body)) }.entries().map(|entry| match entry {
            SratEntry::MemoryAffinity(memory) => {
                format!("{:x} at {:x}, {:?}", memory.length(), memory.base_address(), { memory.flags })
            }
            SratEntry::GiccAffinity(_) => "processor".into(),
            _ => "other".to_string(),
        });
        println!("{}", found.collect::<Vec<_>>().join("; "));
    };
    let (near, far) = (memory(0, 1 << 30, 2 << 30), memory(1, 4 << 30, 2 << 30));
    srat(&[near.clone()]);
    srat(&[processor(0), processor(1), near, far]);
    for distances in [&[1u64.to_le_bytes().as_slice(), &[10]], &[2u64.to_le_bytes().as_slice(), &[10, 20, 20, 10]]] {
        let slit = unsafe { Pin::new_unchecked(table::<Slit>(b"SLIT", &distances.concat())) };
        println!("{:?}", slit.matrix_raw());
    }
    let mut body = [0; 52];
    body[62 - 36] = 3;
    body[64 - 36..68 - 36].copy_from_slice(&[0x3D, 0x1E, 0x86, 0x80]); // a PCI device
    let spcr: &Spcr = table(b"SPCR", &body);
    println!("{:?}, {:?}", spcr.terminal_type(), spcr.pci_bus_number());
}
RUST
"$TEMP/program" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "80000000h at 40000000h" "800000 at 400000, MemoryAffinityFlags(0x0)" "$(line 1)"
same "two processors, two pieces of memory" "processor" "$(line 2)"
same "a distance" "[10]" "$(line 3)"
same "four distances" "[]" "$(line 4)"
same "ANSI, bus 0" "SpcrTerminalType(VT1000 | EXTENDED_VT1000), None" "$(line 5)"
