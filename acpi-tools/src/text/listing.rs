//! iasl's listing of a data table: fields in words, then the raw data. The
//! raw data is what is read; the fields only tell whether somebody changed
//! the one or the other.

use super::line::Field;
use crate::bytes;

/// The fields of a listing, until the raw data comes.
#[derive(Debug, Default)]
pub struct Listing {
    /// The line that began it.
    pub line: usize,
    /// Its first value: the signature.
    pub name: String,
    fields: Vec<Listed>,
    /// Where the next field should be.
    next: usize,
    /// A field was elsewhere: iasl counts some from the structure they are
    /// in, and some wrongly.
    lost: bool,
}

/// A number or a text of a few bytes.
#[derive(Debug)]
struct Listed {
    line: usize,
    offset: usize,
    length: usize,
    name: String,
    value: String,
}

impl Listing {
    /// Takes a field.
    pub fn add(&mut self, line: usize, field: &Field) {
        if self.line == 0 {
            self.line = line;
            self.next = field.offset;
            self.name = field.value.split('"').nth(1).unwrap_or("?").to_owned();
        }
        // The name of a structure, whose fields follow.
        if field.value.starts_with('[') {
            return;
        }
        self.lost |= field.offset != self.next;
        self.next = field.offset.saturating_add(field.length);
        if !self.lost {
            self.fields.extend(Listed::of(line, field));
        }
    }

    /// What the raw data has otherwise, first: offset, words.
    pub fn disagrees(&self, table: &[u8]) -> Option<(usize, String)> {
        self.fields.iter().find_map(|field| field.disagrees(table))
    }
}

impl Listed {
    fn of(line: usize, field: &Field) -> Option<Listed> {
        let value = match field.value.strip_prefix('"') {
            Some(text) => format!("\"{}", text.split('"').next()?),
            None => field.value.split_whitespace().next()?.to_owned(),
        };
        let number = matches!(field.length, 1 | 2 | 4 | 8)
            && value.len() == 2 * field.length;
        (number || (value.starts_with('"') && field.length <= 8)).then(|| {
            Listed {
                line,
                offset: field.offset,
                length: field.length,
                name: field.name.to_owned(),
                value,
            }
        })
    }

    fn disagrees(&self, table: &[u8]) -> Option<(usize, String)> {
        let end = self.offset.checked_add(self.length)?;
        let raw = table.get(self.offset..end);
        let has = match (raw, self.value.strip_prefix('"')) {
            (None, _) => "ends before it".to_owned(),
            (Some(raw), Some(text)) => {
                let ascii = bytes::ascii(raw);
                // Whatever iasl prints for characters that cannot be printed.
                let plain = !raw.iter().any(|b| !(0x20..0x7f).contains(b));
                if !plain || ascii.trim_end() == text.trim_end() {
                    return None;
                }
                format!("has \"{ascii}\"")
            }
            (Some(raw), None) => {
                let listed = u64::from_str_radix(&self.value, 16).ok()?;
                let raw = bytes::number(raw);
                if listed == raw {
                    return None;
                }
                format!("has {raw:0w$X}", w = 2 * self.length)
            }
        };
        let text = format!(
            "{} is {} in line {} of the listing, its raw data {has}; the raw \
             data was taken",
            self.name,
            self.value.trim_start_matches('"'),
            self.line
        );
        Some((self.offset.min(table.len()), text))
    }
}
