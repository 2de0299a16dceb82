//! The folder of what outlives a daemon.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use super::error::MailboxError;
use super::folder::{Folder, ReadError, trimmed};

/// The folder of what must outlive its process, locked.
#[derive(Debug)]
pub(crate) struct StateFolder {
    folder: Folder,
    _lock: File,
}

impl StateFolder {
    /// Opens it, making it if needed.
    pub fn open(path: &Path) -> Result<Self, MailboxError> {
        let folder = Folder::open(&trimmed(path))?;
        let lock = folder.lock("lock")?;
        Ok(Self { folder, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whether its path still leads to it.
    pub fn is_current(&self) -> bool {
        self.folder.is_current()
    }

    pub fn read(
        &self,
        name: &OsStr,
        most: usize,
    ) -> Result<Vec<u8>, ReadError> {
        self.folder.read(name, most)
    }

    /// Replaces a file.
    ///
    /// # Errors
    ///
    /// The system's; what was there before still is then.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = format!("{}.new", name.trim_end_matches(".json"));
        self.folder.write(&new, bytes)?;
        self.folder.rename(OsStr::new(&new), &self.folder, OsStr::new(name))
    }
}
