//! A table as it was found: its bytes, and where they came from.

use super::header::{Form, LENGTH};
use crate::bytes;

/// One table: bytes and where they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// File or other place of origin, for people.
    pub origin: String,
    /// The bytes as found, whatever the header's length says.
    pub bytes: Vec<u8>,
}

impl Table {
    /// The signature, unprintable characters as dots; "RSDP" for that one.
    pub fn signature(&self) -> String {
        match self.form() {
            Form::Rsdp => "RSDP".to_owned(),
            _ => bytes::ascii(self.bytes.get(..4).unwrap_or(&self.bytes)),
        }
    }

    /// What it begins with.
    pub fn form(&self) -> Form {
        Form::of(&self.bytes)
    }

    /// The length the header claims.
    pub fn claimed(&self) -> Option<usize> {
        self.form().claimed(&self.bytes)
    }

    /// What both the header and the bytes agree to be the table.
    pub fn body(&self) -> &[u8] {
        let least = self.form().least(&self.bytes);
        let claimed = self.claimed().unwrap_or(0).max(least);
        &self.bytes[..claimed.min(self.bytes.len())]
    }

    /// What is wrong with the length, and the offset of what says so.
    pub fn misfit(&self) -> Option<(usize, String)> {
        let form = self.form();
        let (have, least) = (self.bytes.len(), form.least(&self.bytes));
        let at = form.length_at(&self.bytes);
        match self.claimed() {
            Some(20) if at == 15 && have != 20 => {
                let text = format!(
                    "an RSDP before revision 2 has 20 bytes, this has {have}"
                );
                Some((at.min(have), text))
            }
            None => {
                let text =
                    format!("the table has {have} bytes, the least is {least}");
                Some((0, text))
            }
            Some(claimed) if claimed != have => {
                let text = format!("Length is {claimed}, the table has {have}");
                Some((at, text))
            }
            Some(claimed) if claimed < least => {
                let text = format!("Length is {claimed}, the least is {least}");
                Some((at, text))
            }
            Some(_) => None,
        }
    }

    /// Checksums that are wrong: offset, what is there, what should be. A
    /// table of another length than it claims has none to judge.
    pub fn wrong_sums(&self) -> Vec<(usize, u8, u8)> {
        if self.misfit().is_some() {
            return Vec::new();
        }
        let sums = self.form().sums(&self.bytes).into_iter();
        sums.filter_map(|(at, end)| {
            let is = bytes::u8(&self.bytes, at)?;
            let sum = bytes::sum(self.bytes.get(..end)?);
            (sum != 0).then(|| (at, is, is.wrapping_sub(sum)))
        })
        .collect()
    }

    /// A field of the header.
    pub fn field(&self, name: &str) -> Option<u64> {
        let fields = self.form().fields();
        let field = fields.iter().find(|field| field.name == name)?;
        field.number(&self.bytes)
    }

    /// The table has OEM ids that tell it from others of its signature.
    pub fn has_ids(&self) -> bool {
        self.form() == Form::Common && self.bytes.len() >= LENGTH
    }

    /// Signature, OEM id and OEM table id: what tells tables apart.
    pub fn identity(&self) -> &[u8] {
        self.bytes.get(..24).unwrap_or(&self.bytes)
    }
}

/// Sets length and checksum of a table that was put together.
///
/// ```
/// let mut table = b"PCCT".to_vec();
/// table.resize(48, 0);
/// acpi_tools::table::seal(&mut table);
/// assert_eq!(acpi_tools::bytes::sum(&table), 0);
/// ```
pub fn seal(table: &mut [u8]) {
    let length = u32::try_from(table.len()).unwrap_or(u32::MAX);
    if let Some(place) = table.get_mut(4..8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    fix_checksum(table);
}

/// Sets the checksum only, or both of an RSDP; a FACS has none.
pub fn fix_checksum(table: &mut [u8]) {
    for (at, end) in Form::of(table).sums(table) {
        if at < end && end <= table.len() {
            table[at] = 0;
            table[at] = bytes::sum(&table[..end]).wrapping_neg();
        }
    }
}

/// Splits tables that lie back to back, as in fw_cfg's `etc/acpi/tables`.
/// Zeros may follow.
///
/// # Errors
/// When a length leads out of the bytes; the text has the offset.
pub fn split(blob: &[u8], origin: &str) -> Result<Vec<Table>, String> {
    let mut tables = Vec::new();
    let mut at = 0;
    while let Some(rest) = blob.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.iter().take(4).all(|byte| *byte == 0) {
            break;
        }
        let form = Form::of(rest);
        let length = form.claimed(rest).unwrap_or(0);
        let fits = length >= form.least(rest).min(LENGTH);
        let bytes = rest.get(..length).filter(|_| fits).ok_or_else(|| {
            format!(
                "{origin}: the table \"{}\" at offset {at:#x} claims \
                 {length} bytes, {} are left: the blob is cut, or this is \
                 not where a table begins",
                bytes::ascii(&rest[..rest.len().min(4)]),
                rest.len()
            )
        })?;
        tables.push(Table {
            origin: format!("{origin}+{at:#x}"),
            bytes: bytes.to_vec(),
        });
        at += length;
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_split_or_refused_with_its_offset() {
        let mut one = vec![0; 40];
        one[..4].copy_from_slice(b"AAAA");
        seal(&mut one);
        let mut blob = one.clone();
        blob.extend(&one);
        blob.resize(200, 0);
        assert_eq!(split(&blob, "b").unwrap().len(), 2);
        for length in [0u32, 35, 400, u32::MAX] {
            let mut bad = blob.clone();
            bad[44..48].copy_from_slice(&length.to_le_bytes());
            let error = split(&bad, "b").unwrap_err();
            assert!(error.contains("offset 0x28"), "{error}");
        }
    }
}
