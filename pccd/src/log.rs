//! The log on standard error, a record at a time.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::capture::Capture;
use crate::record::{Record, Time};
use crate::stats::Counting;

/// How records and all else are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For tools.
    Json,
}

#[derive(Debug)]
pub struct Log<W = io::Stderr> {
    format: Format,
    out: W,
    counting: Counting,
    capture: Option<Capture>,
}

impl Log {
    /// On standard error. In a file that ends within a line, which is what a
    /// daemon killed while it wrote leaves, a new line begins first.
    pub fn to_stderr(format: Format) -> Self {
        let mut out = io::stderr();
        if is_torn(Path::new("/proc/self/fd/2")) {
            let _ = out.write_all(b"\n");
        }
        Self::new(format, out)
    }
}

/// Whether it is a regular file that ends within a line.
fn is_torn(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    let Some(last) = metadata.len().checked_sub(1) else { return false };
    let mut byte = [b'\n'];
    metadata.is_file()
        && File::open(path)
            .is_ok_and(|file| file.read_exact_at(&mut byte, last).is_ok())
        && byte != [b'\n']
}

impl<W: Write> Log<W> {
    pub fn new(format: Format, out: W) -> Self {
        Self { format, out, counting: Counting::default(), capture: None }
    }

    /// With a capture of all that is written.
    pub fn captured(mut self, capture: Option<Capture>) -> Self {
        self.capture = capture;
        self
    }

    /// Writes a record. A log nobody reads any more stops nobody.
    pub fn write(&mut self, record: &Record) {
        self.put(record);
        let told = self.capture.as_mut().and_then(|one| one.write(record));
        if let Some(told) = told {
            self.put(&told);
        }
    }

    /// Ends the capture. What is written later is not in it.
    pub fn finish_capture(&mut self, time: Time) {
        let told = self.capture.take().and_then(|one| one.finish(time));
        if let Some(told) = told {
            self.put(&told);
        }
    }

    fn put(&mut self, record: &Record) {
        self.counting.count(record);
        let mut line = match self.format {
            Format::Text => record.to_text(),
            Format::Json => record.to_json(),
        };
        line.push('\n');
        let _ = self.out.write_all(line.as_bytes());
    }

    /// What was counted of the records so far.
    pub fn counting(&self) -> &Counting {
        &self.counting
    }
}
