//! Everything known of one platform: tables, device tree, memory; and what
//! follows from them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::aml::{self, Aml};
use crate::memory::{Contents, Map};
use crate::table::known::{self, Damage, Fixed, Interrupts};
use crate::table::{Form, Pcct, Table};
use crate::text::{self, Doubt, Refusal, Text};
use crate::tree::{self, Tree};
use crate::{bytes, table};

/// Larger files are no tables.
const LARGEST: u64 = 64 << 20;

/// File name of the device tree in a folder of tables.
pub const TREE_FILE: &str = "device-tree.dtb";
/// File name of the memory map (the form of `/proc/iomem`).
pub const MAP_FILE: &str = "iomem.txt";
/// File name of what lies in memory (see [`Contents`]).
pub const CONTENTS_FILE: &str = "memory.txt";

/// Tables and what came with them.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    /// The tables in the order found.
    pub tables: Vec<Table>,
    /// A flattened device tree.
    pub tree: Option<Table>,
    /// Which memory is RAM.
    pub map: Option<Map>,
    /// What lies in memory.
    pub contents: Contents,
    /// Listings whose fields and raw data disagree.
    pub doubts: Vec<Doubt>,
    /// What was left out, and other things that a user should be told.
    pub notes: Vec<String>,
}

impl Platform {
    /// Reads a file, or all files of a folder that it understands.
    ///
    /// # Errors
    /// When a path cannot be read, or a single file is nothing known.
    pub fn load(path: &Path) -> Result<Platform> {
        let mut platform = Platform::default();
        if path.is_dir() {
            platform.add_folder(path)?;
            return Ok(platform);
        }
        let blob = read(path)
            .with_context(|| format!("reading {}", path.display()))?;
        let like = text::guess(&blob);
        if !platform.add_file(path, blob)? {
            let like = like.map_or(String::new(), |like| {
                format!("; it looks like {like}")
            });
            bail!(
                "{}: neither an ACPI table, a blob of tables, a text of tables \
                 (acpidump, iasl -d, xxd, hexdump -C) nor a device tree{like}",
                path.display()
            );
        }
        Ok(platform)
    }

    /// Adds all files of a folder that are understood. Texts come last: what
    /// acpixtract or iasl has made of one lies beside it as often as not.
    fn add_folder(&mut self, path: &Path) -> Result<()> {
        let reading = |path: &Path| format!("reading {}", path.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| reading(path))? {
            files.push(entry?.path());
        }
        files.sort();
        let mut texts = Vec::new();
        for file in files.into_iter().filter(|file| file.is_file()) {
            let blob = read(&file).with_context(|| reading(&file))?;
            let name = file.file_name().and_then(|name| name.to_str());
            let own = matches!(name, Some(MAP_FILE | CONTENTS_FILE));
            match text::is_text(&blob) && !own {
                true => texts.push(file),
                false => drop(self.add_file(&file, blob)?),
            }
        }
        for file in texts {
            let blob = read(&file).with_context(|| reading(&file))?;
            let origin = file.display().to_string();
            match text::read(&origin, &blob) {
                Ok(text) => self.add_text(&origin, text.unwrap_or_default()),
                // Nothing to read, as in other files of a folder.
                Err(Refusal::Bare(why)) => self.notes.push(why),
                Err(Refusal::Damaged(why)) => bail!(why),
            }
        }
        if self.tables.is_empty() {
            let notes = self.notes.iter().map(|note| format!("; {note}"));
            bail!(
                "{}: no ACPI table in this folder; acpi-tools extract or \
                 acpidump -b make one file a table{}",
                path.display(),
                notes.collect::<String>()
            );
        }
        Ok(())
    }

    /// Adds what a file holds; whether it is something known.
    fn add_file(&mut self, path: &Path, blob: Vec<u8>) -> Result<bool> {
        let origin = path.display().to_string();
        let name = path.file_name().and_then(|name| name.to_str());
        self.add(&origin, name.unwrap_or_default(), blob)
    }

    /// Adds what a text holds, but for tables that other files have given.
    fn add_text(&mut self, origin: &str, text: Text) {
        let known = self.tables.len();
        for table in text.tables {
            let same = |other: &Table| other.bytes == table.bytes;
            if !self.tables[..known].iter().any(same) {
                self.tables.push(table);
            }
        }
        if let Some((count, first)) = text.skipped {
            let lines = match count {
                1 => "1 line was".to_owned(),
                n => format!("{n} lines were"),
            };
            self.notes.push(format!(
                "{origin}: {lines} skipped, being no hex; the first is line \
                 {}: \"{}\"",
                first.line, first.text
            ));
        }
        let doubts = text.doubts.iter();
        self.notes.extend(doubts.map(|d| format!("{}: {}", d.origin, d.text)));
        self.doubts.extend(text.doubts);
    }

    /// Adds the content of a file of that name.
    ///
    /// # Errors
    /// When the content begins like something known and is not.
    pub fn add(
        &mut self,
        origin: &str,
        name: &str,
        blob: Vec<u8>,
    ) -> Result<bool> {
        let text = std::str::from_utf8(&blob).ok();
        match (name, text) {
            (MAP_FILE, Some(text)) => {
                let map = Map::parse(origin, text);
                self.map = Some(map.map_err(anyhow::Error::msg)?);
            }
            (CONTENTS_FILE, Some(text)) => {
                let contents = Contents::parse(origin, text);
                self.contents = contents.map_err(anyhow::Error::msg)?;
            }
            _ if text::is_text(&blob) => {
                let text = text::read(origin, &blob);
                match text.map_err(anyhow::Error::msg)? {
                    Some(text) => self.add_text(origin, text),
                    None => return Ok(false),
                }
            }
            _ if tree::is_tree(&blob) => {
                let origin = origin.to_owned();
                self.tree = Some(Table { origin, bytes: blob });
            }
            _ if looks_like_table(&blob, 0) => {
                let claimed = Form::of(&blob).claimed(&blob).unwrap_or(0);
                if looks_like_table(&blob, claimed) {
                    let tables = table::split(&blob, origin);
                    self.tables.extend(tables.map_err(anyhow::Error::msg)?);
                } else {
                    let origin = origin.to_owned();
                    self.tables.push(Table { origin, bytes: blob });
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// All tables with that signature.
    pub fn all<'a>(
        &'a self,
        signature: &'a str,
    ) -> impl Iterator<Item = &'a Table> {
        let wanted = signature.as_bytes();
        self.tables.iter().filter(move |table| table.bytes.starts_with(wanted))
    }

    /// Adds everything of another one.
    pub fn merge(&mut self, other: Platform) {
        self.tables.extend(other.tables);
        self.doubts.extend(other.doubts);
        self.notes.extend(other.notes);
        self.tree = other.tree.or(self.tree.take());
        self.map = other.map.or(self.map.take());
        if !other.contents.is_empty() {
            self.contents = other.contents;
        }
    }
}

/// Reads a file that may be anything, and without end.
///
/// # Errors
/// When it cannot be read, or is larger than any table.
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut blob = Vec::new();
    let file = File::open(path)?;
    // Other files have no length, or a wrong one.
    let length = file.metadata().map_or(0, |about| about.len());
    if length <= LARGEST {
        file.take(LARGEST + 1).read_to_end(&mut blob)?;
    }
    if length.max(blob.len() as u64) > LARGEST {
        let text = format!(
            "it is larger than {} MiB, as no ACPI tables and no texts of them \
             are; cut out what acpidump has printed",
            LARGEST >> 20
        );
        return Err(std::io::Error::other(text));
    }
    Ok(blob)
}

fn looks_like_table(blob: &[u8], at: usize) -> bool {
    let rest = blob.get(at..).unwrap_or_default();
    let signature = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let four = bytes::array::<4>(rest, 0);
    let four = four.filter(|_| bytes::u32(rest, 4).is_some());
    Form::of(rest) == Form::Rsdp
        || four
            .is_some_and(|all| all.iter().all(|b| signature(b) || *b == b'_'))
}

/// A table and what it says, or where it is damaged.
pub type Read<'a, T> = Option<(&'a Table, Result<T, Damage>)>;

/// What the tables say, read once.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Where all this comes from.
    pub platform: &'a Platform,
    /// The PCCT that counts: the first.
    pub pcct: Option<(&'a Table, Pcct<'a>)>,
    /// DSDT and SSDTs.
    pub aml: Vec<(&'a Table, Aml)>,
    /// The MADT.
    pub interrupts: Read<'a, Interrupts>,
    /// The FADT.
    pub fixed: Read<'a, Fixed>,
    /// The MCFG.
    pub ecam: Read<'a, Vec<(u64, u64)>>,
    /// The device tree.
    pub tree: Option<(&'a Table, Result<Tree, tree::Damage>)>,
    /// The memory map: a file, or else the device tree's.
    pub map: Option<Map>,
}

impl<'a> Facts<'a> {
    /// Reads everything there is.
    pub fn of(platform: &'a Platform) -> Facts<'a> {
        let first = |signature| platform.all(signature).next();
        let tree = platform.tree.as_ref();
        let tree = tree.map(|blob| (blob, tree::read(&blob.bytes)));
        let of_tree = || match &tree {
            Some((blob, Ok(tree))) => Some(Map::of_tree(&blob.origin, tree)),
            _ => None,
        };
        let has_aml = |table: &&Table| {
            table.bytes.starts_with(b"DSDT") || table.bytes.starts_with(b"SSDT")
        };
        let code: Vec<_> = platform.tables.iter().filter(has_aml).collect();
        let read = aml::scan_all(&code);
        Facts {
            platform,
            pcct: first("PCCT").map(|table| (table, Pcct::decode(table))),
            aml: code.into_iter().zip(read).collect(),
            interrupts: first("APIC").map(|t| (t, known::interrupts(t))),
            fixed: first("FACP").map(|t| (t, known::fixed(t))),
            ecam: first("MCFG").map(|t| (t, known::ecam(t))),
            map: platform.map.clone().or_else(of_tree),
            tree,
        }
    }

    /// The platform is Arm: its MADT has a GIC.
    pub fn arm(&self) -> bool {
        self.gic().is_some_and(|gic| gic.gic)
    }

    /// What a sound MADT says.
    pub fn gic(&self) -> Option<&Interrupts> {
        self.interrupts.as_ref()?.1.as_ref().ok()
    }

    /// Mentions of subspaces in AML: table, its AML, reference.
    pub fn references(
        &self,
    ) -> impl Iterator<Item = (&'a Table, &Aml, &aml::Reference)> {
        self.aml.iter().flat_map(|(table, aml)| {
            aml.references.iter().map(move |found| (*table, aml, found))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::header::tests::{facs, rsdp};

    fn blob() -> Vec<u8> {
        let mut one = vec![0; 48];
        one[..4].copy_from_slice(b"PCCT");
        table::seal(&mut one);
        one
    }

    #[test]
    fn a_file_is_known_by_its_content() {
        let mut platform = Platform::default();
        let mut add =
            |name: &str, blob: &[u8]| platform.add(name, name, blob.to_vec());
        assert!(add("x", &blob()).unwrap());
        let two = [blob(), blob(), vec![0; 100]].concat();
        assert!(add("x", &two).unwrap());
        // Something behind the table that is no table: one table, too long.
        assert!(add("x", &[blob(), vec![1; 9]].concat()).unwrap());
        assert!(add("x", &rsdp(2)).unwrap());
        assert!(add("x", &facs()).unwrap());
        assert!(add(MAP_FILE, b"0-1 : System RAM\n").unwrap());
        assert!(add(MAP_FILE, b"nonsense").is_err());
        assert!(add(CONTENTS_FILE, b"0: 1").is_err());
        assert!(!add("x", b"").unwrap());
        assert!(!add("x", b"some text").unwrap());
        assert!(!add("x", b"PCCT (from QEMU), some text").unwrap());
        assert_eq!(platform.tables.len(), 6);
        assert_eq!(platform.all("PCCT").count(), 4);
    }

    #[test]
    fn a_folder_is_read_in_order_and_an_empty_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Platform::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("no ACPI table"), "{error}");
        for name in ["b.dat", "a.dat", "notes.md"] {
            std::fs::write(folder.path().join(name), blob()).unwrap();
        }
        std::fs::write(folder.path().join("notes.md"), "hello").unwrap();
        let platform = Platform::load(folder.path()).unwrap();
        assert!(platform.tables[0].origin.ends_with("a.dat"));
        assert_eq!(platform.tables.len(), 2);
        let notes = folder.path().join("notes.md");
        assert!(Platform::load(&notes).is_err());
    }
}
