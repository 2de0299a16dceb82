//! The log on standard error, a record at a time.

use std::io::{self, Write};

use crate::record::Record;
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
}

impl<W: Write> Log<W> {
    pub fn new(format: Format, out: W) -> Self {
        Self { format, out, counting: Counting::default() }
    }

    /// Writes a record. A log nobody reads any more stops nobody.
    pub fn write(&mut self, record: &Record) {
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
