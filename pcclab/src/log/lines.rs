//! Lines of files that may still be growing. Knows no format.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The longest line that is read whole.
pub(super) const READ: u64 = 1 << 20;

/// A line, or as much of it as is read at once.
pub(super) struct Line {
    pub(super) text: String,
    /// Whether it begins here.
    pub(super) begins: bool,
    /// Whether it ends here.
    pub(super) ends: bool,
    /// Byte of the file where it begins, or goes on.
    pub(super) offset: u64,
}

/// Lines of a file that may still be growing.
pub(super) struct Lines {
    reader: Option<BufReader<File>>,
    pub(super) path: PathBuf,
    /// A line whose end is not there yet.
    begun: Vec<u8>,
    /// Byte of the file where that begins.
    offset: u64,
    /// Whether the last one was cut, so that the next is its rest.
    cut: bool,
}

impl Lines {
    pub(super) fn of(path: PathBuf) -> Lines {
        Lines { reader: None, path, begun: Vec::new(), offset: 0, cut: false }
    }

    /// The next line that has an end; with `last` also one that has none.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub(super) fn next(&mut self, last: bool) -> Result<Option<Line>> {
        let reading = || format!("reading {}", self.path.display());
        if self.reader.is_none() {
            let file = match File::open(&self.path) {
                // It may come yet; if it does not, the others tell enough.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Ok(None);
                }
                file => file.with_context(reading)?,
            };
            self.reader = Some(BufReader::new(file));
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let room = READ.saturating_sub(self.begun.len() as u64);
        let mut part = Read::take(reader, room);
        part.read_until(b'\n', &mut self.begun).with_context(reading)?;
        let ends = self.begun.ends_with(b"\n");
        let cut = !ends && self.begun.len() as u64 >= READ;
        // What has no end now may get one.
        let whole = ends || cut || (last && !self.begun.is_empty());
        Ok(whole.then(|| {
            let bytes = std::mem::take(&mut self.begun);
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            let begins = !std::mem::replace(&mut self.cut, cut);
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            Line { text, begins, ends, offset }
        }))
    }
}
