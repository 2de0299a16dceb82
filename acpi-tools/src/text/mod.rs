//! Tables as people send them: acpidump's text, iasl's listings of data
//! tables, xxd and hexdump -C; with other lines before, between and after
//! them, and behind a mail's `>`.
//!
//! All have lines of an offset and bytes. A line that cannot be one is
//! skipped and counted. No table gets shorter by that: offsets must follow
//! each other, and a table must have the length that its header claims.

mod guess;
mod line;
mod listing;

use crate::bytes;
use crate::table::{Table, header, split};
pub use guess::{guess, is_text};
use line::{Hex, Line};
use listing::Listing;

/// More bytes than that are no tables, whatever hexdump's `*` stands for.
const LARGEST: usize = 64 << 20;

/// What a text holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The tables in their order.
    pub tables: Vec<Table>,
    /// Where a listing's fields say something else than its raw data.
    pub doubts: Vec<Doubt>,
    /// Lines that were skipped: how many, and the first.
    pub skipped: Option<(usize, Foreign)>,
}

/// A listing whose fields and raw data disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The table's origin.
    pub origin: String,
    /// Offset in the table.
    pub at: usize,
    /// What disagrees, with the number of the line.
    pub text: String,
}

/// A line that is none of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its number.
    pub line: usize,
    /// How it begins.
    pub text: String,
}

/// Why a text is not read; the words have the number of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A table in it is cut, damaged, or one of two machines.
    Damaged(String),
    /// A listing without raw data: no bytes to read.
    Bare(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Refusal::Damaged(text) | Refusal::Bare(text)) = self;
        f.write_str(text)
    }
}

/// Reads all tables of a text; none if no table begins in it.
///
/// ```
/// let text = b"> FACS @ 0x0\n> 0000: 46 41 43 53 40 00 00 00  FACS@...\n";
/// let error = acpi_tools::text::read("x", text).unwrap_err().to_string();
/// assert!(error.contains("line 2: the FACS of line 1 ends after 8 bytes"));
/// ```
///
/// # Errors
/// When a table is cut or damaged, or cannot be had from the text.
pub fn read(origin: &str, text: &[u8]) -> Result<Option<Text>, Refusal> {
    let mut reader = Reader { origin, ..Reader::default() };
    for (n, line) in line::lines(text) {
        reader.line(n, line::bare(&line))?;
    }
    reader.end()
}

/// A table being read.
#[derive(Debug, Default)]
struct Section {
    /// The line that began it.
    line: usize,
    /// Its name in the title.
    name: Option<String>,
    /// The length that iasl gives its raw data.
    raw: Option<usize>,
    /// The listing's fields.
    fields: Listing,
    bytes: Vec<u8>,
    /// Bytes of the last line.
    row: usize,
    /// The last line with bytes.
    last: usize,
    /// Its characters stand between bars.
    bars: bool,
    /// A `*` came since.
    repeat: bool,
    /// The first line in it that was skipped.
    foreign: Option<Foreign>,
}

#[derive(Default)]
struct Reader<'a> {
    origin: &'a str,
    text: Text,
    open: Option<Section>,
    listing: Option<Listing>,
    /// Bytes of all tables so far.
    total: usize,
    /// Lines of the tables that a machine has once: signature, line, index.
    single: Vec<(String, usize, usize)>,
    /// The bytes of something else, from an offset 0 on.
    other_dump: bool,
    /// A line of bytes that belongs to nothing.
    stray: Option<(usize, usize)>,
}

/// Two of these that differ are of two machines. Of FADTs one machine may
/// have two; those are a finding.
const SINGLE: &[&str] = &["RSDP", "DSDT", "PCCT"];

impl Reader<'_> {
    fn damaged<T>(&self, line: usize, what: &str) -> Result<T, Refusal> {
        let text = format!("{}: line {line}: {what}", self.origin);
        Err(Refusal::Damaged(text))
    }

    fn line(&mut self, n: usize, line: &str) -> Result<(), Refusal> {
        match Line::of(line) {
            Line::Blank | Line::Comment => {}
            Line::Title(name) => {
                self.close()?;
                self.no_listing()?;
                let name = Some(name.to_owned());
                self.open =
                    Some(Section { line: n, name, ..Section::default() });
            }
            Line::Raw(raw) => {
                self.close()?;
                let fields = self.listing.take().unwrap_or_default();
                self.open = Some(Section {
                    line: n,
                    raw,
                    fields,
                    ..Section::default()
                });
            }
            Line::Field(field) => {
                self.close()?;
                if field.begins_table() {
                    self.no_listing()?;
                }
                let listing = self.listing.get_or_insert_default();
                listing.add(n, &field);
            }
            Line::Hex(hex) => self.hex(n, hex, line)?,
            // Outside of a dump it is an empty line of a comment.
            Line::Repeat => {
                if let Some(section) = &mut self.open {
                    section.repeat = true;
                }
            }
            Line::End(offset) => match &self.open {
                Some(section) if section.bars => self.last(n, offset)?,
                _ => self.skip(n, line),
            },
            Line::Other => self.skip(n, line),
        }
        Ok(())
    }

    fn skip(&mut self, n: usize, line: &str) {
        // Remarks among a listing's fields are part of it.
        if self.listing.is_some() {
            return;
        }
        let foreign = || Foreign { line: n, text: excerpt(line) };
        let (count, _) =
            self.text.skipped.get_or_insert_with(|| (0, foreign()));
        *count += 1;
        if let Some(section) = &mut self.open {
            section.foreign.get_or_insert_with(foreign);
        }
    }

    fn hex(&mut self, n: usize, hex: Hex, line: &str) -> Result<(), Refusal> {
        let begun = self.open.as_ref().is_some_and(|s| !s.bytes.is_empty());
        if hex.offset == 0 && (begun || self.open.is_none()) {
            self.close()?;
            let table = hex.bytes.as_ref().is_ok_and(|b| begins_table(b));
            self.other_dump = !table;
            if table {
                let fields = self.listing.take().unwrap_or_default();
                self.open =
                    Some(Section { line: n, fields, ..Section::default() });
            }
        }
        let Some(mut section) = self.open.take() else {
            let long = hex.bytes.is_ok_and(|bytes| bytes.len() >= 8);
            if long && !self.other_dump {
                self.stray.get_or_insert((n, hex.offset));
            }
            self.skip(n, line);
            return Ok(());
        };
        let done = self.append(n, &mut section, hex);
        self.open = Some(section);
        if !done? {
            self.skip(n, line);
        }
        Ok(())
    }

    /// Takes a line's bytes; whether it was one of this table.
    fn append(
        &mut self,
        n: usize,
        section: &mut Section,
        hex: Hex,
    ) -> Result<bool, Refusal> {
        self.fill(n, section, hex.offset, hex.bars)?;
        let have = section.bytes.len();
        let bytes = match hex.bytes {
            Ok(bytes) => bytes,
            Err(_) if hex.offset != have => return Ok(false),
            Err("") => return self.damaged(n, "there are no bytes in it"),
            Err(word) => {
                return self.damaged(n, &format!("\"{word}\" is no byte"));
            }
        };
        if hex.offset != have {
            let text = format!(
                "offset {:#x}, but the table of line {} has {have:#x} bytes so \
                 far{}; dump it again",
                hex.offset,
                section.line,
                section.between()
            );
            return self.damaged(n, &text);
        }
        self.grow(n, bytes.len())?;
        section.row = bytes.len();
        section.last = n;
        section.bars = hex.bars;
        section.bytes.extend(bytes);
        Ok(true)
    }

    fn grow(&mut self, n: usize, more: usize) -> Result<(), Refusal> {
        self.total += more;
        if self.total > LARGEST {
            let text = format!("more than {LARGEST} bytes are no ACPI tables");
            return self.damaged(n, &text);
        }
        Ok(())
    }

    /// Repeats the last line up to an offset, if a `*` says so. xxd leaves
    /// out zeros only.
    fn fill(
        &mut self,
        n: usize,
        section: &mut Section,
        offset: usize,
        bars: bool,
    ) -> Result<(), Refusal> {
        let have = section.bytes.len();
        let row = have.saturating_sub(section.row);
        let zeros = section.bytes[row..].iter().all(|byte| *byte == 0);
        let repeat = std::mem::take(&mut section.repeat) && (bars || zeros);
        if !repeat || section.row == 0 || offset <= have {
            return Ok(());
        }
        let missing = offset - have;
        if missing.is_multiple_of(section.row) {
            self.grow(n, missing)?;
            let row = section.bytes[row..].to_vec();
            let times = missing / section.row;
            section.bytes.extend(row.repeat(times));
        }
        Ok(())
    }

    /// hexdump's last line tells the length.
    fn last(&mut self, n: usize, offset: usize) -> Result<(), Refusal> {
        let Some(mut section) = self.open.take() else { return Ok(()) };
        self.fill(n, &mut section, offset, true)?;
        let have = section.bytes.len();
        if offset != have {
            let text = format!(
                "the dump of line {} ends at {offset:#x}, its lines have \
                 {have:#x} bytes{}; dump it again",
                section.line,
                section.between()
            );
            return self.damaged(n, &text);
        }
        self.open = Some(section);
        self.close()
    }

    /// Ends the table that is open, if there is one.
    fn close(&mut self) -> Result<(), Refusal> {
        let Some(section) = self.open.take() else { return Ok(()) };
        let origin = format!("{}:{}", self.origin, section.line);
        if section.bytes.is_empty() {
            let text = format!("no bytes follow{}", section.between());
            return self.damaged(section.line, &(text + "; dump it again"));
        }
        let table = Table { origin, bytes: section.bytes };
        let section = Section { bytes: Vec::new(), ..section };
        self.check(&section, &table)?;
        // What a program has dumped of a file may be several tables.
        let whole = section.name.is_none() && section.raw.is_none();
        let claimed = table.claimed().unwrap_or(0);
        let next = table.bytes.get(claimed..).unwrap_or_default();
        if whole && begins_table(next) {
            let all =
                split(&table.bytes, &table.origin).map_err(Refusal::Damaged)?;
            for table in all {
                self.add(section.line, table)?;
            }
            return Ok(());
        }
        let name = table.signature();
        let table =
            Table { origin: format!("{} {name}", table.origin), ..table };
        let doubt = section.fields.disagrees(&table.bytes);
        let doubt = doubt.map(|(at, text)| Doubt {
            origin: table.origin.clone(),
            at,
            text,
        });
        self.text.doubts.extend(doubt);
        self.add(section.line, table)
    }

    /// The table is whole, and what its title calls it.
    fn check(&self, section: &Section, table: &Table) -> Result<(), Refusal> {
        let signature = table.signature();
        if let Some(name) = &section.name
            && !same_name(name, &signature)
        {
            let text = format!(
                "the title is \"{name}\", but the bytes below it begin with \
                 \"{signature}\""
            );
            return self.damaged(section.line, &text);
        }
        let have = table.bytes.len();
        if let Some(raw) = section.raw.filter(|raw| *raw != have) {
            let text = format!(
                "the raw data of line {} has {have} bytes, it should have \
                 {raw}{}: it is cut or damaged",
                section.line,
                section.between()
            );
            return self.damaged(section.last, &text);
        }
        let least = table.form().least(&table.bytes);
        let claimed = table.claimed().unwrap_or(least);
        if have < claimed.max(least) {
            let text = format!(
                "the {signature} of line {} ends after {have} bytes, it \
                 should have {}{}: it is cut; dump it again",
                section.line,
                claimed.max(least),
                section.between()
            );
            return self.damaged(section.last, &text);
        }
        Ok(())
    }

    fn add(&mut self, line: usize, table: Table) -> Result<(), Refusal> {
        let name = table.signature();
        let first = self.single.iter().find(|(other, ..)| *other == name);
        match first {
            Some((_, before, index))
                if self.text.tables[*index].bytes != table.bytes =>
            {
                let text = format!(
                    "a second {name}, the first is in line {before}: two \
                     machines? Give each a file of its own"
                );
                return self.damaged(line, &text);
            }
            None if SINGLE.contains(&&name[..]) => {
                self.single.push((name, line, self.text.tables.len()));
            }
            _ => {}
        }
        self.text.tables.push(table);
        Ok(())
    }

    /// A listing must not end without its raw data.
    fn no_listing(&mut self) -> Result<(), Refusal> {
        let Some(listing) = self.listing.take() else { return Ok(()) };
        Err(Refusal::Bare(format!(
            "{}: line {}: iasl's listing of {} without \"Raw Table Data\", \
             which iasl -d prints at its end; fields alone are not read. Run \
             iasl -d on the table again, or give the table itself",
            self.origin, listing.line, listing.name
        )))
    }

    fn end(mut self) -> Result<Option<Text>, Refusal> {
        self.close()?;
        self.no_listing()?;
        if self.text.tables.is_empty() {
            return Ok(None);
        }
        if let Some((line, offset)) = self.stray {
            let text = format!(
                "offset {offset:#x}, but no table begins before it; dump it \
                 again"
            );
            return self.damaged(line, &text);
        }
        Ok(Some(self.text))
    }
}

impl Section {
    /// What may be the cause when bytes are missing.
    fn between(&self) -> String {
        let foreign = self.foreign.as_ref();
        foreign.map_or(String::new(), |Foreign { line, text }| {
            format!(" (line {line} was skipped: \"{text}\")")
        })
    }
}

/// The bytes begin with a signature.
fn begins_table(bytes: &[u8]) -> bool {
    let sign = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    bytes.starts_with(header::RSDP)
        || bytes::array::<4>(bytes, 0)
            .is_some_and(|four| four.iter().all(|b| sign(b) || *b == b'_'))
}

/// A title's name is that of the table; some use the tables' other names.
fn same_name(name: &str, signature: &str) -> bool {
    let plain = signature.bytes().all(|b| b.is_ascii_alphanumeric());
    !plain
        || name.starts_with(signature)
        || match signature {
            "RSDP" => name.starts_with("RSD"),
            "APIC" => name == "MADT",
            "FACP" => name == "FADT",
            _ => false,
        }
}

/// The beginning of a line, for people.
fn excerpt(line: &str) -> String {
    let plain = |c: char| if c.is_control() { '.' } else { c };
    line.chars().take(48).map(plain).collect()
}

#[cfg(test)]
mod tests;
