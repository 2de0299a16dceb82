//! The log on standard error, a record at a time.

use std::io::{self, Write};

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
