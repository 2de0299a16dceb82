//! QEMU's linker script for tables (QEMU `hw/acpi/bios-linker-loader.c`):
//! what the firmware does with it, done here.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::bytes;
use crate::table::{Table, split};

/// The file of tables.
pub const TABLES: &str = "etc/acpi/tables";
/// The file with the script.
pub const SCRIPT: &str = "etc/table-loader";

/// Bytes of one command.
const ENTRY: usize = 128;
/// Where files are put, one behind the other.
const START: u64 = 0x1_0000_0000;

/// Runs the script on the files and takes the finished tables.
///
/// # Errors
/// When a command leads out of a file, or names one that is not there; the
/// text has the command's offset in the script.
pub fn tables(files: &mut BTreeMap<String, Vec<u8>>) -> Result<Vec<Table>> {
    let Some(script) = files.remove(SCRIPT) else {
        bail!("QEMU has no {SCRIPT}: is ACPI off (acpi=off)?");
    };
    run(&script, files)?;
    let Some(blob) = files.get(TABLES) else {
        bail!("QEMU has no {TABLES}: is ACPI off (acpi=off)?");
    };
    split(blob, TABLES).map_err(anyhow::Error::msg)
}

/// Runs a script on files.
///
/// # Errors
/// As [`tables`].
pub fn run(script: &[u8], files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let mut next = START;
    for (n, entry) in script.chunks(ENTRY).enumerate() {
        let step = Step { at: n * ENTRY, entry };
        match step.word(0)? {
            1 => {
                let file = step.name(4)?;
                let length = step.file(files, &file)?.len() as u64;
                let align = u64::from(step.word(60)?.max(1));
                if !align.is_power_of_two() {
                    return step.fail(&format!("alignment {align}"));
                }
                next = next.next_multiple_of(align);
                places.insert(file, next);
                next += length;
            }
            2 => add_pointer(&step, files, &places)?,
            3 => add_checksum(&step, files)?,
            // WRITE_POINTER tells QEMU an address; nothing here needs it.
            _ => {}
        }
    }
    Ok(())
}

/// One command and where it is.
struct Step<'a> {
    at: usize,
    entry: &'a [u8],
}

impl Step<'_> {
    fn fail<T>(&self, what: &str) -> Result<T> {
        bail!("{SCRIPT}: the command at offset {:#x}: {what}", self.at)
    }

    fn word(&self, at: usize) -> Result<u32> {
        match bytes::u32(self.entry, at) {
            Some(word) => Ok(word),
            None => self.fail("the script is cut"),
        }
    }

    fn byte(&self, at: usize) -> Result<u8> {
        match bytes::u8(self.entry, at) {
            Some(byte) => Ok(byte),
            None => self.fail("the script is cut"),
        }
    }

    fn name(&self, at: usize) -> Result<String> {
        match self.entry.get(at..at + 56) {
            Some(field) => {
                let name = field.split(|b| *b == 0).next();
                Ok(bytes::ascii(name.unwrap_or_default()))
            }
            None => self.fail("the script is cut"),
        }
    }

    fn file<'f>(
        &self,
        files: &'f mut BTreeMap<String, Vec<u8>>,
        name: &str,
    ) -> Result<&'f mut Vec<u8>> {
        match files.get_mut(name) {
            Some(file) => Ok(file),
            None => self.fail(&format!("there is no file {name:?}")),
        }
    }
}

fn add_pointer(
    step: &Step,
    files: &mut BTreeMap<String, Vec<u8>>,
    places: &BTreeMap<String, u64>,
) -> Result<()> {
    let (to, from) = (step.name(4)?, step.name(60)?);
    let Some(base) = places.get(&from) else {
        return step.fail(&format!("{from:?} was never placed"));
    };
    let offset = step.word(116)? as usize;
    let size = usize::from(step.byte(120)?);
    if !matches!(size, 1 | 2 | 4 | 8) {
        return step.fail(&format!("a pointer of {size} bytes"));
    }
    let file = step.file(files, &to)?;
    let length = file.len();
    let Some(place) = file.get_mut(offset..offset.saturating_add(size)) else {
        let text = format!("offset {offset:#x} in {to:?} of {length:#x} bytes");
        return step.fail(&text);
    };
    let value = bytes::number(place).wrapping_add(*base);
    place.copy_from_slice(&value.to_le_bytes()[..size]);
    Ok(())
}

fn add_checksum(
    step: &Step,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<()> {
    let name = step.name(4)?;
    let at = step.word(60)? as usize;
    let (start, length) = (step.word(64)? as usize, step.word(68)? as usize);
    let file = step.file(files, &name)?;
    let end = start.saturating_add(length);
    let size = file.len();
    let Some(sum) = file.get(start..end).map(bytes::sum) else {
        let text =
            format!("{start:#x}..{end:#x} in {name:?} of {size:#x} bytes");
        return step.fail(&text);
    };
    match file.get_mut(at) {
        Some(place) => *place = place.wrapping_sub(sum),
        None => {
            let text = format!("offset {at:#x} in {name:?} of {size:#x} bytes");
            return step.fail(&text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(command: u32, names: &[&str], words: &[(usize, u32)]) -> Vec<u8> {
        let mut entry = vec![0; ENTRY];
        entry[..4].copy_from_slice(&command.to_le_bytes());
        for (n, name) in names.iter().enumerate() {
            let at = 4 + 56 * n;
            entry[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
        for (at, word) in words {
            entry[*at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        entry
    }

    fn example() -> BTreeMap<String, Vec<u8>> {
        let mut table = vec![0; 36];
        table[..4].copy_from_slice(b"PCCT");
        table[4] = 36;
        let file = |name: &str, bytes| (name.to_owned(), bytes);
        [file(TABLES, table), file("etc/acpi/rsdp", vec![0x10; 36])].into()
    }

    #[test]
    fn files_are_placed_pointed_at_and_summed() {
        let mut files = example();
        let script = [
            entry(1, &["etc/acpi/rsdp"], &[(60, 16)]),
            entry(1, &[TABLES], &[(60, 64)]),
            entry(2, &["etc/acpi/rsdp", TABLES], &[(116, 24), (120, 8)]),
            entry(3, &[TABLES], &[(60, 9), (64, 0), (68, 36)]),
            entry(0, &[], &[]),
        ];
        files.insert(SCRIPT.to_owned(), script.concat());
        let tables = tables(&mut files).unwrap();
        assert_eq!(bytes::sum(&tables[0].bytes), 0);
        let pointer = bytes::u64(&files["etc/acpi/rsdp"], 24).unwrap();
        assert_eq!(pointer, 0x1010_1010_1010_1010 + START + 64);
    }

    #[test]
    fn commands_that_lead_out_are_errors_with_an_offset() {
        let place = entry(1, &[TABLES], &[(60, 64)]);
        for (bad, text) in [
            (entry(1, &["none"], &[]), "no file \"none\""),
            (entry(1, &[TABLES], &[(60, 3)]), "alignment 3"),
            (entry(2, &[TABLES, "x"], &[]), "\"x\" was never placed"),
            (entry(2, &[TABLES, TABLES], &[(120, 3)]), "of 3 bytes"),
            (
                entry(2, &[TABLES, TABLES], &[(116, 29), (120, 8)]),
                "offset 0x1d",
            ),
            (entry(3, &[TABLES], &[(68, 37)]), "0x0..0x25"),
            (entry(3, &[TABLES], &[(64, u32::MAX), (68, u32::MAX)]), ".."),
            (entry(3, &[TABLES], &[(60, 36)]), "offset 0x24"),
            (vec![3, 0, 0, 0, 1], "is cut"),
            (vec![1], "is cut"),
        ] {
            let script = [place.clone(), bad].concat();
            let error = run(&script, &mut example()).unwrap_err().to_string();
            assert!(error.contains("offset 0x80"), "{error}");
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn without_acpi_the_reason_is_guessed() {
        let error = tables(&mut BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("acpi=off"), "{error}");
    }
}
