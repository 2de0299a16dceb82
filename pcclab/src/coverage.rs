//! Which code of the guest's kernel ran: the file that QEMU's plugin
//! (`pcclab/plugin/coverage.c`, which describes it) and we share.
//!
//! Knows addresses; which drivers they belong to is for the guest to say.

use std::ffi::OsString;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::config::escaped;

const MAGIC: u32 = 0x564f_4350;
const VERSION: u32 = 1;
const GENERATION: u64 = 8;
const TAKEN: u64 = 12;
const COUNT: u64 = 16;
const RANGES: u64 = 24;
const HITS: u64 = 8192;

/// How many ranges there may be.
pub const MOST: usize = 500;
/// How many edges are told apart.
pub const EDGES: usize = 65536;

/// The file, made by us.
#[derive(Debug)]
pub struct Map {
    file: File,
    path: PathBuf,
    generation: u32,
}

impl Map {
    /// Makes the file, or empties the one that is there. No code is watched.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path) -> Result<Map> {
        let make = || {
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)?;
            file.set_len(HITS + EDGES as u64)?;
            file.write_all_at(&MAGIC.to_le_bytes(), 0)?;
            file.write_all_at(&VERSION.to_le_bytes(), 4)?;
            Ok::<_, std::io::Error>(file)
        };
        let file = make().with_context(|| format!("{}", path.display()))?;
        Ok(Map { file, path: path.to_owned(), generation: 0 })
    }

    /// What QEMU is given as `-plugin`, for a [`crate::config::Config`].
    pub fn argument(&self, plugin: &Path) -> OsString {
        let plugin = escaped(&plugin.to_string_lossy());
        let map = escaped(&self.path.to_string_lossy());
        format!("{plugin},map={map}").into()
    }

    /// Watches code at these addresses, and no other. The plugin takes them
    /// when a processor of the guest has nothing to do, or something again.
    ///
    /// # Errors
    /// When there are more than [`MOST`], or the file cannot be written.
    pub fn watch(&mut self, ranges: &[Range<u64>]) -> Result<()> {
        if ranges.len() > MOST {
            bail!(
                "{} ranges of addresses are to be watched, the plugin takes \
                 {MOST}: name fewer \"functions\"",
                ranges.len()
            );
        }
        let mut bytes = Vec::with_capacity(ranges.len() * 16);
        for range in ranges {
            bytes.extend(range.start.to_le_bytes());
            bytes.extend(range.end.to_le_bytes());
        }
        // The plugin looks at nothing else before it sees a new generation.
        self.file.write_all_at(&bytes, RANGES)?;
        let count = u32::try_from(ranges.len())?;
        self.file.write_all_at(&count.to_le_bytes(), COUNT)?;
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation.to_le_bytes();
        Ok(self.file.write_all_at(&generation, GENERATION)?)
    }

    /// Whether the plugin works with what [`Map::watch`] said last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_taken(&self) -> Result<bool> {
        let mut word = [0; 4];
        self.file.read_exact_at(&mut word, TAKEN)?;
        Ok(u32::from_le_bytes(word) == self.generation)
    }

    /// How often each edge was taken, modulo 256, since [`Map::clear`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, hits: &mut [u8; EDGES]) -> Result<()> {
        Ok(self.file.read_exact_at(hits, HITS)?)
    }

    /// Begins to count again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear(&self) -> Result<()> {
        Ok(self.file.write_all_at(&[0; EDGES], HITS)?)
    }
}

/// Addresses that the guest tells, and whose they are, in a line of its
/// `tests/fuzz.sh`; [`None`] if it is another line.
pub fn range(line: &str) -> Option<(Range<u64>, &str)> {
    let mut words = line.strip_prefix("pcclab: range ")?.split(' ');
    let mut address = || u64::from_str_radix(words.next()?, 16).ok();
    let range = address()?..address()?;
    Some((range, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let line = "pcclab: range ffff800080010000 ffff800080010abc fan_read";
        let addresses = 0xffff_8000_8001_0000..0xffff_8000_8001_0abc;
        assert_eq!(range(line), Some((addresses, "fan_read")));
        for line in [
            "pcclab: ranges end",
            "pcclab: range ffff800080010000 fan_read",
            "pcclab: range",
            "pcclab: range ffff800080010000 10ffff800080010abc fan_read",
        ] {
            assert_eq!(range(line), None, "{line}");
        }
    }

    /// What the plugin's own description says, byte by byte.
    #[test]
    fn the_file_is_as_the_plugin_wants_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a,map");
        let mut map = Map::create(&path).unwrap();
        assert_eq!(
            map.argument(Path::new("/c.so")),
            OsString::from(format!(
                "/c.so,map={}/a,,map",
                folder.path().display()
            ))
        );
        let bytes = || std::fs::read(&path).unwrap();
        assert_eq!(bytes().len(), 73728);
        assert_eq!(bytes()[..12], *b"PCOV\x01\0\0\0\0\0\0\0");
        map.watch(&[1..2, 0xffff_8000_0000_0000..u64::MAX]).unwrap();
        assert_eq!(bytes()[8..24], *b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0");
        assert_eq!(bytes()[24..40], *b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0");
        assert_eq!(
            bytes()[40..56],
            *b"\0\0\0\0\0\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
        );

        assert!(!map.is_taken().unwrap());
        let theirs = File::options().write(true).open(&path).unwrap();
        theirs.write_all_at(&[1], 12).unwrap();
        assert!(map.is_taken().unwrap());
        theirs.write_all_at(&[7], 8192).unwrap();
        theirs.write_all_at(&[9], 73727).unwrap();
        let mut hits = [0; EDGES];
        map.read(&mut hits).unwrap();
        assert_eq!((hits[0], hits[1], hits[65535]), (7, 0, 9));
        map.clear().unwrap();
        map.read(&mut hits).unwrap();
        assert_eq!(hits, [0; EDGES]);

        let many = vec![0..1; MOST];
        map.watch(&many).unwrap();
        assert_eq!(bytes()[8024..8192], [0; 168], "none lies in the hits");
        let many = vec![0..1; MOST + 1];
        let error = map.watch(&many).unwrap_err().to_string();
        assert!(error.contains("501"), "{error}");
    }
}
