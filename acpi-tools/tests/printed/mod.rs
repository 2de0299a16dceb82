//! Tables, and texts of them as the programs print them.

use std::fmt::Write as _;

use acpi_tools::bytes::{ascii, number};
use acpi_tools::table::{fix_checksum, seal};

/// The commonest PCCT there is, by its fields: that of a Ryzen.
fn ryzen() -> Vec<u8> {
    let mut table = made(b"PCCT", 110);
    table[8] = 2;
    table[10..16].copy_from_slice(b"AMD\0\0\0");
    table[16..24].copy_from_slice(b"AmdTable");
    table[24..36].copy_from_slice(b"\x01\0\0\0AMD \x01\0\0\0");
    table[36..].fill(0);
    table[49] = 62;
    table[56..64].copy_from_slice(&0xad1c_0000u64.to_le_bytes());
    table[64..72].copy_from_slice(&0x1_0000u64.to_le_bytes());
    table[72..76].copy_from_slice(&[0, 64, 0, 4]);
    table[76..84].copy_from_slice(&0xfd01_0540u64.to_le_bytes());
    table[84..92].copy_from_slice(&0xffff_ffff_0000_0000u64.to_le_bytes());
    table[92..100].copy_from_slice(&1u64.to_le_bytes());
    table[100..104].copy_from_slice(&4000u32.to_le_bytes());
    table[104..108].copy_from_slice(&60_000u32.to_le_bytes());
    fix_checksum(&mut table);
    assert_eq!(table[9], 0x21, "as on the machine");
    table
}

/// A table of that length, of zeros.
pub fn made(signature: &[u8; 4], length: usize) -> Vec<u8> {
    let mut table = vec![0; length];
    table[..4].copy_from_slice(signature);
    table[8] = 1;
    table[10..24].copy_from_slice(b"TESTIDTESTTABL");
    table[28..32].copy_from_slice(b"TEST");
    seal(&mut table);
    table
}

/// Tables of each form, one with a run of zeros.
pub fn tables() -> Vec<Vec<u8>> {
    let mut facs = b"FACS\x40\0\0\0\x12\x34\x56\x78".to_vec();
    facs.resize(64, 0);
    facs[32] = 2;
    let mut rsdp = b"RSD PTR \0TESTID\x02\0\0\0\x10\x24\0\0\0".to_vec();
    rsdp.resize(36, 0);
    fix_checksum(&mut rsdp);
    let rasf = made(b"RASF", 48);
    vec![ryzen(), facs, rasf, rsdp]
}

type Form = fn(&[Vec<u8>]) -> String;

/// The forms: name, printer.
pub const FORMS: &[(&str, Form)] = &[
    ("acpidump", acpidump),
    ("iasl", listing),
    ("xxd", xxd),
    ("hexdump", hexdump),
];

fn name(table: &[u8]) -> String {
    let long = table.starts_with(b"RSD PTR ");
    ascii(&table[..if long { 7 } else { 4 }])
}

/// Offset, bytes, characters behind `mark`.
fn rows(table: &[u8], mark: &str) -> String {
    let mut out = String::new();
    for (n, row) in table.chunks(16).enumerate() {
        let _ = write!(out, "    {:04X}: ", 16 * n);
        row.iter().for_each(|byte| out += &format!("{byte:02X} "));
        let gap = 3 * (16 - row.len());
        let _ = writeln!(out, "{:gap$} {mark}{}", "", ascii(row));
    }
    out
}

pub fn acpidump(tables: &[Vec<u8>]) -> String {
    let one = |table: &Vec<u8>| {
        let rows = rows(table, "");
        format!("{} @ 0x0000000000000000\n{rows}\n", name(table))
    };
    tables.iter().map(one).collect()
}

pub fn listing(tables: &[Vec<u8>]) -> String {
    let mut out = String::new();
    for table in tables {
        let _ = writeln!(out, "/*\n * Intel ACPI\n *\n */\n");
        let name = name(table);
        let mut at = if name.len() > 4 { 8 } else { 4 };
        let text = ascii(&table[..at]);
        out += &format!("[000h 0000 {at:>3}]   Signature : \"{text}\"\n");
        // Any fields will do: what counts is that they follow each other.
        while at + 4 <= table.len() {
            let value = number(&table[at..at + 4]);
            let _ = writeln!(
                out,
                "[{at:03X}h {at:04}   4]  Field at {at} : {value:08X}"
            );
            at += 4;
        }
        let rest = &table[at..];
        if rest.len() == 2 {
            let value = number(rest);
            let _ =
                writeln!(out, "[{at:03X}h {at:04}   2]  Last : {value:04X}");
        }
        let n = table.len();
        let _ = writeln!(out, "\nRaw Table Data: Length {n} (0x{n:X})\n");
        out += &rows(table, "// ");
    }
    out
}

pub fn xxd(tables: &[Vec<u8>]) -> String {
    let mut out = String::new();
    for (n, row) in tables.iter().flat_map(|t| t.chunks(16).enumerate()) {
        let pairs = row.chunks(2).map(hex::encode).collect::<Vec<_>>();
        let _ = writeln!(
            out,
            "{:08x}: {:<41}{}",
            16 * n,
            pairs.join(" "),
            ascii(row)
        );
    }
    out
}

pub fn hexdump(tables: &[Vec<u8>]) -> String {
    let mut out = String::new();
    for table in tables {
        let mut before: &[u8] = &[];
        let mut starred = false;
        for (n, row) in table.chunks(16).enumerate() {
            if row == before && row.len() == 16 {
                out += if starred { "" } else { "*\n" };
                starred = true;
                continue;
            }
            (before, starred) = (row, false);
            let half = |half: &[u8]| {
                half.iter().map(|b| format!("{b:02x} ")).collect::<String>()
            };
            let (left, right) = row.split_at(row.len().min(8));
            let (left, right) = (half(left), half(right));
            let at = 16 * n;
            let _ = writeln!(
                out,
                "{at:08x}  {left:<24} {right:<24} |{}|",
                ascii(row)
            );
        }
        let _ = writeln!(out, "{:08x}", table.len());
    }
    out
}
