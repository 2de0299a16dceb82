//! What QEMU hands to the firmware: the files of fw_cfg (QEMU
//! `docs/specs/fw_cfg.rst`), and the ACPI tables in them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::qtest::Qtest;

/// Data, selector and DMA registers on `virt`.
const SELECTOR: u64 = 0x0902_0008;
const DATA: u64 = 0x0902_0000;
const DMA: u64 = 0x0902_0010;
/// Key of the file directory.
const DIRECTORY: u16 = 0x19;
/// Guest RAM behind the device tree, for the DMA block and its data.
const BLOCK: u64 = 0x4020_0000;
const BUFFER: u64 = 0x4030_0000;

/// All files, by name.
///
/// # Errors
/// When QEMU does not answer as fw_cfg should.
pub fn files(qtest: &mut Qtest) -> Result<BTreeMap<String, Vec<u8>>> {
    qtest.write(SELECTOR, &DIRECTORY.to_be_bytes())?;
    let count = u32::from_be_bytes(qtest.read(DATA, 4)?.as_slice().try_into()?);
    let mut entries = Vec::new();
    for _ in 0..count {
        let mut entry = Vec::new();
        while entry.len() < 64 {
            entry.extend(qtest.read(DATA, 8)?);
        }
        let size = u32::from_be_bytes(entry[0..4].try_into()?);
        let key = u16::from_be_bytes(entry[4..6].try_into()?);
        let name = entry[8..].split(|&b| b == 0).next().unwrap_or_default();
        entries.push((String::from_utf8(name.to_vec())?, key, size));
    }
    let mut files = BTreeMap::new();
    for (name, key, size) in entries {
        files.insert(name, read_file(qtest, key, size)?);
    }
    Ok(files)
}

fn read_file(qtest: &mut Qtest, key: u16, size: u32) -> Result<Vec<u8>> {
    const SELECT_AND_READ: u32 = 0x08 | 0x02;
    if size == 0 {
        return Ok(Vec::new());
    }
    let mut block = Vec::new();
    block.extend((u32::from(key) << 16 | SELECT_AND_READ).to_be_bytes());
    block.extend(size.to_be_bytes());
    block.extend(BUFFER.to_be_bytes());
    qtest.write(BLOCK, &block)?;
    qtest.write(DMA, &BLOCK.to_be_bytes())?;
    if qtest.read(BLOCK, 4)? != [0; 4] {
        bail!("fw_cfg DMA of key {key:#x} failed");
    }
    qtest.read(BUFFER, size as usize)
}

/// The tables of `etc/acpi/tables` in their order: signature and bytes.
/// Checksums are still open: the firmware fills them in.
///
/// # Errors
/// When a length leads out of the file.
pub fn tables(
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<(String, Vec<u8>)>> {
    let blob = files.get("etc/acpi/tables").context("no etc/acpi/tables")?;
    let mut tables = Vec::new();
    let mut at = 0;
    while let Some(header) = blob.get(at..at + 36) {
        if header[..4] == [0; 4] {
            break;
        }
        let length = u32::from_le_bytes(header[4..8].try_into()?) as usize;
        let bytes = blob
            .get(at..at + length)
            .filter(|bytes| bytes.len() >= 36)
            .with_context(|| format!("table at {at:#x} claims {length}"))?;
        let signature = String::from_utf8_lossy(&bytes[..4]).into_owned();
        tables.push((signature, bytes.to_vec()));
        at += length;
    }
    Ok(tables)
}

/// Sets a table's checksum (ACPI 6.5 §5.2.6: all bytes sum to zero).
pub fn with_checksum(mut table: Vec<u8>) -> Vec<u8> {
    table[9] = 0;
    let sum = table.iter().fold(0u8, |sum, b| sum.wrapping_add(*b));
    table[9] = sum.wrapping_neg();
    table
}
