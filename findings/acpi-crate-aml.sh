#!/usr/bin/env bash
# The crate acpi 6.1.1, an interpreter of AML for kernels written in Rust.
#
# Continue goes on with the next round of a loop (ACPI 6.5 §19.6), and what a method
# writes to its argument changes no integer of the caller's. _BBN is the bus of a PCI host
# bridge (§6.5.5), for its regions as well.
#
# Guess before running it: the values are those of ACPICA's acpiexec (20250404).
# Seen: Continue ends the loop. A called method that writes its argument writes the
# caller's local. A field of 128 bits is a buffer of 128 bytes. 1 shifted by 64 is 1. A
# region of PCI is on bus 0, whatever _BBN says. An element of a package cannot be read
# with DerefOf, nor a local be incremented; both are errors. A handler of PCC regions can
# be installed, and each access is "LibUnimplemented". Several operators end in a panic.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install trixie acpica-tools=20250404-1 iasl
sed 's#/iasl"#/acpiexec"#' "$TEMP/iasl" >"$TEMP/acpiexec"
chmod +x "$TEMP/acpiexec"
export RUSTC_BOOTSTRAP=1 # the crate is for a nightly compiler
crates acpi=6.1.1 <<'RUST'
use acpi::aml::{namespace::AmlName, op_region::{OpRegion, RegionHandler, RegionSpace}, AmlError, Interpreter};
use acpi::{registers::FixedRegisters, sdt::fadt::Fadt, Handle, Handler, PciAddress, PhysicalMapping};
use std::{ptr::NonNull, str::FromStr, sync::Arc};

#[derive(Clone)]
struct Machine;

macro_rules! accesses {
    ($($int:ty: $read:ident $write:ident $read_io:ident $write_io:ident),*) => { $(
        fn $read(&self, _: usize) -> $int { 0 }
        fn $write(&self, _: usize, _: $int) {}
        fn $read_io(&self, _: u16) -> $int { 0 }
        fn $write_io(&self, _: u16, _: $int) {}
    )* };
}
macro_rules! pci {
    ($($int:ty: $read:ident $write:ident),*) => { $(
        fn $read(&self, address: PciAddress, _: u16) -> $int { address.bus().into() }
        fn $write(&self, _: PciAddress, _: u16, _: $int) {}
    )* };
}
impl Handler for Machine {
    unsafe fn map_physical_region<T>(&self, address: usize, size: usize) -> PhysicalMapping<Self, T> {
        let virtual_start = NonNull::new(address as *mut T).unwrap();
        let (region_length, mapped_length) = (size, size);
        PhysicalMapping { physical_start: address, virtual_start, region_length, mapped_length, handler: Machine }
    }
    fn unmap_physical_region<T>(_: &PhysicalMapping<Self, T>) {}
    accesses!(u8: read_u8 write_u8 read_io_u8 write_io_u8, u16: read_u16 write_u16 read_io_u16 write_io_u16,
        u32: read_u32 write_u32 read_io_u32 write_io_u32);
    fn read_u64(&self, _: usize) -> u64 { 0 }
    fn write_u64(&self, _: usize, _: u64) {}
    pci!(u8: read_pci_u8 write_pci_u8, u16: read_pci_u16 write_pci_u16, u32: read_pci_u32 write_pci_u32);
    fn nanos_since_boot(&self) -> u64 { 0 }
    fn stall(&self, _: u64) {}
    fn sleep(&self, _: u64) {}
    fn create_mutex(&self) -> Handle { Handle(0) }
    fn acquire(&self, _: Handle, _: u16) -> Result<(), AmlError> { Ok(()) }
    fn release(&self, _: Handle) {}
}

struct Channel;

macro_rules! region {
    ($($int:ty: $read:ident $write:ident),*) => { $(
        fn $read(&self, _: &OpRegion) -> Result<$int, AmlError> { Ok(7) }
        fn $write(&self, _: &OpRegion, _: $int) -> Result<(), AmlError> { Ok(()) }
    )* };
}
impl RegionHandler for Channel {
    region!(u8: read_u8 write_u8, u16: read_u16 write_u16, u32: read_u32 write_u32, u64: read_u64 write_u64);
}

fn main() {
    let aml = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let mut fadt = [0; 276]; // PM1 registers are ports 600h and 604h
    (fadt[8], fadt[57], fadt[64], fadt[65], fadt[88], fadt[89]) = (6, 6, 4, 6, 4, 2);
    let registers = FixedRegisters::new(unsafe { &*fadt.as_ptr().cast::<Fadt>() }, Machine).unwrap();
    let interpreter = Interpreter::new(Machine, 2, Arc::new(registers), None);
    interpreter.install_region_handler(RegionSpace::Pcc, Channel);
    interpreter.load_table(&aml[36..]).unwrap();
    for name in std::env::args().skip(2) {
        match interpreter.evaluate(AmlName::from_str(&name).unwrap(), vec![]) {
            Ok(object) => println!("{}", &*object),
            Err(error) => println!("{error:?}"),
        }
    }
}
RUST

cat >"$TEMP/test.asl" <<'ASL'
DefinitionBlock ("", "DSDT", 2, "EXAMPL", "EXAMPLE", 1)
{
    OperationRegion (MEM, SystemMemory, 0x1000, 0x100)
    Field (MEM, DWordAcc, NoLock, Preserve) { WIDE, 128 }
    OperationRegion (CHAN, PCC, 0, 0x40)
    Field (CHAN, ByteAcc, NoLock, Preserve) { COMM, 8 }
    Name (PACK, Package () { 1, 2, 3 })
    Method (FIVE, 1) { Arg0 = 5; Return (Arg0) }
    Method (LSHF, 1) { Return (1 << Arg0) }

    // 1 + 2 + 4 + 5
    Method (LOOP)
    {
        Local0 = 0
        Local1 = 0
        While (Local0 < 5)
        {
            Local0 += 1
            If (Local0 == 3) { Continue }
            Local1 += Local0
        }
        Return (Local1)
    }
    Method (CALL) { Local0 = 1; FIVE (Local0); Return (Local0) }
    Method (SIZE) { Local0 = WIDE; Return (SizeOf (Local0)) }
    Method (SHFT) { Return (LSHF (64)) }
    Method (ELEM) { Return (DerefOf (PACK [1])) }
    Method (INCR) { Local0 = 0; Local0++; Return (Local0) }
    Method (PCCR) { Local0 = COMM; Return (Local0) }
    Device (PCI1)
    {
        Name (_HID, EisaId ("PNP0A08"))
        Name (_BBN, 0x20)
        Device (DEV0)
        {
            Name (_ADR, 0x00030000)
            OperationRegion (CONF, PCI_Config, 0, 0x100)
            Field (CONF, WordAcc, NoLock, Preserve) { VEND, 16 }
            Method (READ) { Local0 = VEND; Return (Local0) }
        }
    }
}
ASL
(cd "$TEMP" && ./iasl -p test test.asl >/dev/null)
# both METHOD: what acpiexec has, and what the crate has
both() {
  printf '%s, ' "$("$TEMP/acpiexec" -b "execute $1" "$TEMP/test.aml" 2>&1 | sed -n 's/.*\[Integer\] = 0*\(.\)/\1/p')"
  "$TEMP/program" "$TEMP/test.aml" "$1"
}
same "a loop with Continue" "C, Integer(3)" "$(both '\LOOP')"
same "a local that was an argument" "1, Integer(5)" "$(both '\CALL')"
same "bytes of 128 bits" "10, Integer(128)" "$(both '\SIZE')"
same "1 << 64" "0, Integer(1)" "$(both '\SHFT')"
same "an element" "2, ObjectNotOfExpectedType { expected: Reference, got: Integer }" "$(both '\ELEM')"
same "0 incremented" "1, ObjectNotOfExpectedType { expected: Integer, got: Integer }" "$(both '\INCR')"
same "the bus that is read, of _BBN 20h" "Integer(0)" \
  "$("$TEMP/program" "$TEMP/test.aml" '\PCI1.DEV0.READ')"
same "PCC, of a handler that has 7" "LibUnimplemented" "$("$TEMP/program" "$TEMP/test.aml" '\PCCR')"
