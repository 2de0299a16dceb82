//! Where tables come from: QEMU without a guest, a running Linux.

pub mod command_line;
pub mod firmware;
pub mod loader;
pub mod qtest;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::bytes;
use crate::memory::Contents;
use crate::platform::{CONTENTS_FILE, MAP_FILE, Platform, TREE_FILE, read};
use crate::table::{Pcct, Table};
use qtest::Qtest;

/// Where QEMU's `virt` puts the device tree when it starts firmware.
const TREE: u64 = 0x4000_0000;
/// Larger ones QEMU does not make.
const LARGEST_TREE: usize = 2 << 20;

/// Extracts the tables that this QEMU command line would give its firmware.
/// No processor runs, no mailbox is touched.
///
/// # Errors
/// When QEMU does not start, or what it hands out cannot be followed.
pub fn qemu(words: &[OsString]) -> Result<Platform> {
    let line = command_line::prepare(words)?;
    let mut qtest = Qtest::run(&line.program, &line.arguments)?;
    let mut platform = from_qtest(&mut qtest)?;
    let origin = |table: &Table| format!("QEMU, {}", table.signature());
    for table in &mut platform.tables {
        table.origin = origin(table);
    }
    Ok(platform)
}

/// As [`qemu`], from a QEMU that was started already.
///
/// # Errors
/// As [`qemu`].
pub fn from_qtest(qtest: &mut Qtest) -> Result<Platform> {
    let mut files = firmware::acpi_files(qtest)?;
    let tables = loader::tables(&mut files)?;
    let mut platform = Platform { tables, ..Platform::default() };
    platform.tree = device_tree(qtest)?;
    platform.contents = contents(qtest, &platform)?;
    Ok(platform)
}

fn device_tree(qtest: &mut Qtest) -> Result<Option<Table>> {
    let head = qtest.read(TREE, 40)?;
    if !crate::tree::is_tree(&head) {
        return Ok(None);
    }
    // QEMU reserves room behind the tree; what is in use ends with the
    // structure or the strings.
    let word = |at| bytes::be32(&head, at).unwrap_or(0) as usize;
    let structure = word(8).saturating_add(word(36));
    let strings = word(12).saturating_add(word(32));
    let end = structure.max(strings).min(word(4)).clamp(40, LARGEST_TREE);
    let mut bytes = qtest.read(TREE, end)?;
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    bytes[4..8].copy_from_slice(&size.to_be_bytes());
    let origin = "QEMU, device tree".to_owned();
    Ok(Some(Table { origin, bytes }))
}

/// The headers of the shared memory and the words that tell completion.
fn contents(qtest: &mut Qtest, platform: &Platform) -> Result<Contents> {
    let mut contents = Contents::default();
    let Some(table) = platform.all("PCCT").next() else {
        return Ok(contents);
    };
    for channel in &Pcct::decode(table).channels {
        if channel.size > 0 {
            let length = channel.size.min(16) as usize;
            contents.insert(channel.base, qtest.read(channel.base, length)?);
        }
        let gas = channel.check.map(|check| check.register.gas);
        if let Some(gas) = gas.filter(|gas| gas.space == 0 && gas.width == 32) {
            contents.insert(gas.address, qtest.read(gas.address, 4)?);
        }
    }
    Ok(contents)
}

/// Reads what a running Linux has, below `root` (`/` but for tests).
///
/// # Errors
/// When there are no tables, or they cannot be read.
pub fn linux(root: &Path) -> Result<Platform> {
    let folder = root.join("sys/firmware/acpi/tables");
    let entries = std::fs::read_dir(&folder).with_context(|| {
        format!(
            "{}: does this system run with ACPI? Reading needs root",
            folder.display()
        )
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut platform = Platform::default();
    for path in paths.iter().filter(|path| path.is_file()) {
        let bytes = read(path)
            .with_context(|| format!("{}: as root?", path.display()))?;
        let origin = path.display().to_string();
        platform.tables.push(Table { origin, bytes });
    }
    if platform.tables.is_empty() {
        bail!("{}: no tables here; as root?", folder.display());
    }
    let optional = |path: &str, name: &str, platform: &mut Platform| {
        let path = root.join(path);
        let origin = path.display().to_string();
        match read(&path) {
            Ok(bytes) => platform.add(&origin, name, bytes).map(drop),
            Err(_) => Ok(()),
        }
    };
    optional("sys/firmware/fdt", TREE_FILE, &mut platform)?;
    // As a user all its addresses are zero: then it is no help.
    let _ = optional("proc/iomem", MAP_FILE, &mut platform);
    Ok(platform)
}

/// The signature may be anything; the name of a file may not.
fn file_stem(table: &Table) -> String {
    let signature = table.signature().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    signature.chars().map(plain).collect()
}

/// Whether a file could be one of [`files`]: a table, named as that does.
pub fn is_extracted(path: &Path) -> bool {
    let regular = path.symlink_metadata().is_ok_and(|it| it.is_file());
    let Some(bytes) = regular.then(|| read(path).ok()).flatten() else {
        return false;
    };
    let table = Table { origin: String::new(), bytes };
    if table.bytes.len() < 4 {
        return false;
    }
    let number = path
        .file_stem()
        .and_then(|stem| stem.to_str()?.strip_prefix(&file_stem(&table)));
    number.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
}

/// The files of a platform: name and content, tables named as acpidump does.
pub fn files(platform: &Platform) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for table in &platform.tables {
        let name = file_stem(table);
        let mut file = format!("{name}.dat");
        let mut count = 0;
        while files.iter().any(|(other, _)| *other == file) {
            count += 1;
            file.clear();
            let _ = write!(file, "{name}{count}.dat");
        }
        files.push((file, table.bytes.clone()));
    }
    if let Some(tree) = &platform.tree {
        files.push((TREE_FILE.to_owned(), tree.bytes.clone()));
    }
    if !platform.contents.is_empty() {
        let text = platform.contents.to_string();
        files.push((CONTENTS_FILE.to_owned(), text.into_bytes()));
    }
    if let Some(map) = &platform.map {
        files.push((MAP_FILE.to_owned(), map.to_string().into_bytes()));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pcct;

    #[test]
    fn files_are_named_as_acpidump_does() {
        let case = pcct(&[3])
            .ssdt(b"")
            .ssdt(b"")
            .with(b"a/../"[..4].try_into().unwrap(), b"");
        let platform = case
            .file(MAP_FILE, b"40000000-47ffffff : System RAM\n")
            .file(CONTENTS_FILE, b"0a011000: 00 43 43 50\n")
            .build();
        let files = files(&platform);
        let names: Vec<_> = files.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(
            names,
            [
                "pcct.dat",
                "ssdt.dat",
                "ssdt1.dat",
                "a___.dat",
                CONTENTS_FILE,
                MAP_FILE
            ]
        );
        // What was written is read back.
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in &files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let again = Platform::load(folder.path()).unwrap();
        assert_eq!(again.contents, platform.contents);
        assert_eq!(again.map.unwrap().ram, platform.map.unwrap().ram);
        assert_eq!(again.tables.len(), 3, "a___ is no table's name");
    }

    #[test]
    fn a_running_linux_is_read() {
        let root = tempfile::tempdir().unwrap();
        let tables = root.path().join("sys/firmware/acpi/tables");
        assert!(linux(root.path()).unwrap_err().to_string().contains("root"));
        std::fs::create_dir_all(tables.join("dynamic")).unwrap();
        let bytes = pcct(&[3]).build().tables[0].bytes.clone();
        std::fs::write(tables.join("PCCT"), &bytes).unwrap();
        std::fs::create_dir_all(root.path().join("proc")).unwrap();
        let iomem = root.path().join("proc/iomem");
        std::fs::write(&iomem, "00000000-00000000 : System RAM\n").unwrap();
        let platform = linux(root.path()).unwrap();
        assert_eq!(platform.tables[0].bytes, bytes);
        assert!(platform.map.is_none());
        std::fs::write(&iomem, "1000-1fff : System RAM\n").unwrap();
        assert!(linux(root.path()).unwrap().map.is_some());
    }
}
