//! Files and folders that are made all or not at all: half of them would be
//! in the way of whoever tries again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What was made so far; unless it is kept it goes away again.
#[derive(Debug, Default)]
pub struct Made {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    /// Makes a folder and those it lies in, as far as they are not there.
    pub fn folders(&mut self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folders(parent)?;
        }
        match fs::create_dir(path) {
            // As in `a/..`, or somebody else was faster.
            Err(_) if path.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                self.folders.push(path.to_owned());
                Ok(())
            }
        }
    }

    /// Makes a file, or writes one that is there anew: that one stays.
    pub fn file(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = match File::create_new(path) {
            Ok(file) => {
                self.files.push(path.to_owned());
                file
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                File::create(path)?
            }
            Err(error) => return Err(error),
        };
        file.write_all(content)
    }

    /// All is made, and stays.
    pub fn keep(mut self) {
        self.folders.clear();
        self.files.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in &self.files {
            let _ = fs::remove_file(path);
        }
        // One that somebody else has put something into stays.
        for path in self.folders.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_goes_away() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("old")).unwrap();
        fs::write(at("old/mine"), "mine").unwrap();
        let make = || {
            let mut made = Made::default();
            made.folders(&at("old/a/b")).unwrap();
            made.file(&at("old/a/b/1"), b"one").unwrap();
            made.folders(&at("new/./c")).unwrap();
            made.file(&at("new/c/2"), b"two").unwrap();
            made.file(&at("old/mine"), b"new").unwrap();
            assert!(made.folders(&at("old/mine/d")).is_err());
            made
        };
        drop(make());
        assert!(!at("new").exists() && !at("old/a").exists());
        assert_eq!(fs::read_to_string(at("old/mine")).unwrap(), "new");
        make().keep();
        assert_eq!(fs::read_to_string(at("new/c/2")).unwrap(), "two");
        assert!(at("old/a/b/1").exists());
    }
}
