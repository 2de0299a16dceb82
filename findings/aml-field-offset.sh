#!/usr/bin/env bash
# The crate aml 0.16.4, an interpreter of AML for kernels written in Rust.
#
# Guess before running it: of two fields of eight bits in a region at 1000h, the
# second is read at 1001h, or an error is raised.
# Seen: it is read at 1008h, and written there: a field's offset in bits is taken
# for one in bytes, so that only fields at the start of a region are the right
# ones. A method that writes a register of a device writes another address.
. "$(dirname "$0")/lib/crates"
export RUSTC_BOOTSTRAP=1 # the crate is for a nightly compiler
crates aml=0.16.4 <<'RUST'
use aml::{value::Args, AmlContext, AmlName, DebugVerbosity, Handler};

struct Memory;
macro_rules! memory {
    ($($read:ident $write:ident $int:ty),*) => { $(
        fn $read(&self, address: usize) -> $int { println!("read {address:x}"); 0 }
        fn $write(&mut self, address: usize, value: $int) { println!("write {address:x} {value:x}"); }
    )* };
}
macro_rules! nothing {
    ($($read:ident $write:ident ($($of:ty),*) $int:ty),*) => { $(
        fn $read(&self, $(_: $of),*) -> $int { 0 }
        fn $write(&self, $(_: $of),*, _: $int) {}
    )* };
}
impl Handler for Memory {
    memory!(read_u8 write_u8 u8, read_u16 write_u16 u16, read_u32 write_u32 u32, read_u64 write_u64 u64);
    nothing!(read_io_u8 write_io_u8 (u16) u8, read_io_u16 write_io_u16 (u16) u16,
        read_io_u32 write_io_u32 (u16) u32, read_pci_u8 write_pci_u8 (u16, u8, u8, u8, u16) u8,
        read_pci_u16 write_pci_u16 (u16, u8, u8, u8, u16) u16,
        read_pci_u32 write_pci_u32 (u16, u8, u8, u8, u16) u32);
}

fn main() {
    let mut table = Vec::new();
    // OperationRegion (MEM, SystemMemory, 0x1000, 0x10)
    table.extend_from_slice(b"\x5b\x80MEM_\x00\x0b\x00\x10\x0a\x10");
    // Field (MEM, ByteAcc, NoLock, WriteAsZeros) { FST, 8, SND, 8 }
    table.extend_from_slice(b"\x5b\x81\x10MEM_\x41FST_\x08SND_\x08");
    // Method (GET) { Return (SND + 0) }, Method (SET) { SND = 1 }
    table.extend_from_slice(b"\x14\x0eGET_\x00\xa4\x72SND_\x00\x00");
    table.extend_from_slice(b"\x14\x0cSET_\x00\x70\x01SND_");
    let mut context = AmlContext::new(Box::new(Memory), DebugVerbosity::None);
    context.parse_table(&table).expect("the table is sound");
    for method in ["\\GET", "\\SET"] {
        let name = AmlName::from_str(method).expect("a name");
        context.invoke_method(&name, Args::EMPTY).expect("the method runs");
    }
}
RUST
same "accesses to the byte at 1001h" "read 1008, write 1008 1, read 1008" "$("$TEMP/program" | paste -sd, | sed 's/,/, /g')"
