//! What QEMU hands to the firmware: the files of fw_cfg (QEMU
//! `docs/specs/fw_cfg.rst`) of the arm `virt` machine.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::loader::TABLES;
use super::qtest::{Qtest, SILENT};
use crate::table::{Table, fix_checksum, split};

/// Data, selector and DMA registers on `virt`.
const SELECTOR: u64 = 0x0902_0008;
const DATA: u64 = 0x0902_0000;
const DMA: u64 = 0x0902_0010;
/// Key of the file directory.
const DIRECTORY: u16 = 0x19;
/// Guest RAM behind the device tree, for the DMA block and its data.
const BLOCK: u64 = 0x4020_0000;
const BUFFER: u64 = 0x4030_0000;
/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// More files or bytes there never are.
const MOST_FILES: u32 = 4096;
const LARGEST: u32 = 64 << 20;

/// All files, by name.
///
/// # Errors
/// When QEMU does not answer as fw_cfg should.
pub fn files(qtest: &mut Qtest) -> Result<BTreeMap<String, Vec<u8>>> {
    read_files(qtest, |_| true)
}

/// The files that tables are made of.
///
/// # Errors
/// As [`files`].
pub fn acpi_files(qtest: &mut Qtest) -> Result<BTreeMap<String, Vec<u8>>> {
    read_files(qtest, |name| {
        name.starts_with("etc/acpi/") || name == super::loader::SCRIPT
    })
}

fn read_files(
    qtest: &mut Qtest,
    wanted: fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let other = || {
        format!(
            "no fw_cfg at {DMA:#x}: only the arm virt machine is known; is \
             this qemu-system-aarch64 -machine virt?"
        )
    };
    match qtest.read(DMA, 8) {
        Ok(bytes) if bytes == b"QEMU CFG" => {}
        Ok(_) => bail!(other()),
        // A machine without a processor has no memory to read: QEMU crashes.
        Err(error) if error.to_string().ends_with(SILENT) => {
            return Err(error.context(other()));
        }
        Err(error) => return Err(error),
    }
    qtest.write(SELECTOR, &DIRECTORY.to_be_bytes())?;
    let count = u32::from_be_bytes(qtest.read(DATA, 4)?.as_slice().try_into()?);
    if count > MOST_FILES {
        bail!("fw_cfg claims {count} files");
    }
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
    for (name, key, size) in entries.into_iter().filter(|e| wanted(&e.0)) {
        let content = read_file(qtest, key, size);
        files.insert(name.clone(), content.with_context(|| name)?);
    }
    Ok(files)
}

fn read_file(qtest: &mut Qtest, key: u16, size: u32) -> Result<Vec<u8>> {
    const SELECT: u32 = 0x08;
    const READ: u32 = 0x02;
    if size > LARGEST {
        bail!("the file claims {size} bytes, {LARGEST} are the most");
    }
    let mut content = Vec::new();
    while content.len() < size as usize {
        let length = CHUNK.min(size as usize - content.len());
        let select = u32::from(key) << 16 | SELECT;
        let select = if content.is_empty() { select } else { 0 };
        let mut block = Vec::new();
        block.extend((select | READ).to_be_bytes());
        block.extend(u32::try_from(length)?.to_be_bytes());
        block.extend(BUFFER.to_be_bytes());
        qtest.write(BLOCK, &block)?;
        qtest.write(DMA, &BLOCK.to_be_bytes())?;
        if qtest.read(BLOCK, 4)? != [0; 4] {
            bail!("fw_cfg DMA of key {key:#x} failed");
        }
        content.extend(qtest.read(BUFFER, length)?);
    }
    Ok(content)
}

/// The tables of `etc/acpi/tables` in their order: signature and bytes.
/// Checksums are still open: the firmware fills them in.
///
/// # Errors
/// When a length leads out of the file.
pub fn tables(
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<(String, Vec<u8>)>> {
    let blob = files.get(TABLES).context("no etc/acpi/tables")?;
    let tables = split(blob, TABLES).map_err(anyhow::Error::msg)?;
    let pair = |table: Table| (table.signature(), table.bytes);
    Ok(tables.into_iter().map(pair).collect())
}

/// Sets a table's checksum (ACPI 6.5 §5.2.6: all bytes sum to zero).
pub fn with_checksum(mut table: Vec<u8>) -> Vec<u8> {
    fix_checksum(&mut table);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the files of a fw_cfg with this directory, whose DMA leaves
    /// `status` behind.
    fn read_from(directory: Vec<u8>, status: u32) -> String {
        let mut at = 0;
        let mut qtest = Qtest::played(move |line| {
            let words: Vec<_> = line.split(' ').collect();
            if words[0] == "write" {
                return Some("OK".to_owned());
            }
            let address = u64::from_str_radix(&words[1][2..], 16).unwrap();
            let size = usize::from_str_radix(&words[2][2..], 16).unwrap();
            let bytes = match address {
                DMA => b"QEMU CFG".to_vec(),
                BLOCK => status.to_be_bytes().to_vec(),
                DATA => {
                    at += size;
                    let rest = directory.get(at - size..at);
                    rest.map_or(vec![0; size], <[u8]>::to_vec)
                }
                _ => vec![0xa5; size],
            };
            Some(format!("OK 0x{}", hex::encode(bytes)))
        });
        match files(&mut qtest) {
            Ok(files) => format!("{files:02x?}"),
            Err(error) => format!("{error:#}"),
        }
    }

    fn directory(count: u32, size: u32) -> Vec<u8> {
        let mut bytes = count.to_be_bytes().to_vec();
        bytes.extend(size.to_be_bytes());
        bytes.extend([0, 0x20, 0, 0]);
        bytes.extend(b"etc/acpi/tables");
        bytes.resize(4 + 64, 0);
        bytes
    }

    #[test]
    fn what_fw_cfg_claims_is_not_believed() {
        for (directory, status, wanted) in [
            (directory(1, 2), 0, r#"{"etc/acpi/tables": [a5, a5]}"#),
            (directory(u32::MAX, 2), 0, "claims 4294967295 files"),
            (directory(1, u32::MAX), 0, "claims 4294967295 bytes"),
            (directory(1, 2), 1, "DMA of key 0x20 failed"),
        ] {
            let said = read_from(directory, status);
            assert!(said.contains(wanted), "{said}");
        }
    }
}
