//! Tables and trees that only the cases need.

use crate::field::Gas;
use crate::testing::{
    Case, descriptor, device, hid_device, package, pcct, register, window,
};
use crate::tree::tests::Writer;

pub fn three() -> Case {
    pcct(&[3])
}

pub fn hccs(size: u64) -> Case {
    let device = hid_device(b"H000", "HISI04B2", &register(0, 0, 8));
    three().set(0, "memory_length", size).ssdt(&device)
}

pub fn pair() -> Case {
    pcct(&[3, 4])
}

pub fn down(gas: &mut Gas) {
    gas.address -= 0x1_0000;
}

pub fn longer_five(entry: &mut Vec<u8>) {
    entry.push(0xff);
    entry[1] += 1;
}

pub fn sealed(_: &Case) -> Vec<u8> {
    three().build().tables[0].bytes.clone()
}

/// One subspace with a level interrupt that nothing acknowledges.
pub fn level(kind: u8) -> Case {
    pcct(&[kind]).set(0, "interrupt_flags", 0)
}

/// Two subspaces on a level line and one acknowledge register: the first
/// uses bit 0, the second `bits`.
pub fn shared(kind: u8, bits: u64) -> Case {
    let mut case = pcct(&[kind, 3]).change(1, "ack_register", down);
    for (id, bits) in [(0, 1), (1, bits)] {
        case = case
            .set(id, "gsiv", 112)
            .set(id, "interrupt_flags", 0)
            .set(id, "ack_preserve", 0)
            .set(id, "ack_set", bits);
    }
    case
}

pub fn computed() -> Vec<u8> {
    let method = package(&[0x14], b"_CRS\0\xa4\x00");
    device(b"MP00", &[&b"\x08_HID\x0dDMT0001\0"[..], &method].concat())
}

/// Users for both of a pair, so that none is an orphan.
pub fn two_regions() -> Vec<u8> {
    let user = |name, id| hid_device(name, "TEST0001", &descriptor(id));
    [user(b"U000", 0), user(b"U001", 1)].concat()
}

pub fn controller(base: u32, length: u32, spis: &[u32]) -> Writer {
    let cells: Vec<u32> = spis.iter().flat_map(|spi| [0, *spi, 1]).collect();
    Writer::default()
        .begin("")
        .cells("#address-cells", &[2])
        .cells("#size-cells", &[2])
        .begin("pcc")
        .bytes("compatible", b"qemu,pcc\0")
        .cells("reg", &[0, base, 0, length])
        .cells("interrupts", &cells)
}

pub fn tree(base: u32, length: u32, spis: &[u32]) -> Vec<u8> {
    controller(base, length, spis).end().end().blob()
}

pub fn node(kind: u32) -> Vec<u8> {
    controller(window(0) as u32, 0x2000, &[])
        .begin("channel@0")
        .bytes("compatible", b"qemu,pcc-channel\0")
        .cells("interrupts", &[0, 80, 1])
        .cells("qemu,subspace-id", &[0])
        .cells("qemu,subspace-type", &[kind])
        .end()
        .end()
        .end()
        .blob()
}

pub fn ecam(base: u32) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend(u64::from(base).to_le_bytes());
    body.extend([0; 8]);
    body
}

pub fn other_table() -> Vec<u8> {
    let case = three().with(b"SPCR", &[1, 2, 3]);
    case.build().tables[1].bytes.clone()
}

pub fn long_table() -> Vec<u8> {
    [other_table(), vec![0]].concat()
}

pub fn wrong_sum() -> Vec<u8> {
    let mut table = other_table();
    table[9] ^= 0x10;
    table
}

/// The FADT of another machine.
pub fn other_fadt() -> Vec<u8> {
    let mut table = three().fadt(false, 9).build().tables.remove(1).bytes;
    table[10] = b'O';
    crate::table::fix_checksum(&mut table);
    table
}

/// A listing of an SPCR of revision 1, by its raw data.
pub fn listing(revision: &str) -> String {
    format!(
        "[000h 0000   4]   Signature : \"SPCR\"\n\
         [004h 0004   4]   Table Length : 00000024\n\
         [008h 0008   1]   Revision : {revision}\n\n\
         Raw Table Data: Length 36 (0x24)\n\n\
         0000: 53 50 43 52 24 00 00 00 01 0E 41 42 43 44 45 46  // SPCR\n\
         0010: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  // ....\n\
         0020: 00 00 00 00                                      // ....\n"
    )
}

impl Case {
    pub fn turn(self, micros: u64) -> Case {
        self.set(0, "min_turnaround", micros)
    }

    pub fn no_keep(self) -> Case {
        self.set(0, "ack_preserve", 0)
    }

    pub fn set_update_zero(self) -> Case {
        self.set(0, "update_preserve", 0)
    }
}
