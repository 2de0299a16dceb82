//! The header every table begins with (ACPI 6.5 §5.2.6), and a table.

use crate::bytes;
use crate::field::{Field, Impact, Kind, field};

/// Bytes of the header.
pub const LENGTH: usize = 36;

/// The header's fields.
pub const FIELDS: &[Field] = &[
    field(
        "signature",
        0,
        Kind::Text(4),
        "which table this is",
        Impact::Breaks,
        "it is another table",
    ),
    field(
        "length",
        4,
        Kind::Size(4),
        "bytes of the table, header included",
        Impact::Noise,
        "it follows from what was added or removed",
    ),
    field(
        "revision",
        8,
        Kind::Number(1),
        "revision of the table's layout",
        Impact::Risky,
        "a reader may read the table in another way",
    ),
    field(
        "checksum",
        9,
        Kind::Hex(1),
        "makes all bytes add up to zero",
        Impact::Noise,
        "it follows from the other bytes",
    ),
    field(
        "oem_id",
        10,
        Kind::Text(6),
        "who made the firmware",
        Impact::Cosmetic,
        "only quirks and initrd overrides look at it",
    ),
    field(
        "oem_table_id",
        16,
        Kind::Text(8),
        "the firmware's name for the table",
        Impact::Cosmetic,
        "only quirks and initrd overrides look at it",
    ),
    field(
        "oem_revision",
        24,
        Kind::Hex(4),
        "the firmware's revision of the table",
        Impact::Noise,
        "only initrd overrides look at it",
    ),
    field(
        "creator_id",
        28,
        Kind::Text(4),
        "the tool that wrote the table",
        Impact::Noise,
        "nothing looks at it",
    ),
    field(
        "creator_revision",
        32,
        Kind::Hex(4),
        "the tool's revision",
        Impact::Noise,
        "nothing looks at it",
    ),
];

/// One table: bytes and where they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// File or other place of origin, for people.
    pub origin: String,
    /// The bytes as found, whatever the header's length says.
    pub bytes: Vec<u8>,
}

impl Table {
    /// The signature, unprintable characters as dots.
    pub fn signature(&self) -> String {
        bytes::ascii(self.bytes.get(..4).unwrap_or(&self.bytes))
    }

    /// The length the header claims.
    pub fn claimed(&self) -> Option<usize> {
        bytes::u32(&self.bytes, 4).map(|length| length as usize)
    }

    /// What both the header and the bytes agree to be the table.
    pub fn body(&self) -> &[u8] {
        let claimed = self.claimed().unwrap_or(0).max(LENGTH);
        &self.bytes[..claimed.min(self.bytes.len())]
    }

    /// A field of the header.
    pub fn field(&self, name: &str) -> Option<u64> {
        let field = FIELDS.iter().find(|field| field.name == name)?;
        field.number(&self.bytes)
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

/// Sets the checksum only.
pub fn fix_checksum(table: &mut [u8]) {
    if table.len() > 9 {
        table[9] = 0;
        table[9] = bytes::sum(table).wrapping_neg();
    }
}

/// Splits tables that lie back to back, as in fw_cfg's `etc/acpi/tables`.
///
/// # Errors
/// When a length leads out of the bytes; the text has the offset.
pub fn split(blob: &[u8], origin: &str) -> Result<Vec<Table>, String> {
    let mut tables = Vec::new();
    let mut at = 0;
    while let Some(header) = blob.get(at..at + LENGTH) {
        if header[..4] == [0; 4] {
            break;
        }
        let length = bytes::u32(header, 4).unwrap_or(0) as usize;
        let end = at.checked_add(length).filter(|_| length >= LENGTH);
        let bytes = end.and_then(|end| blob.get(at..end)).ok_or_else(|| {
            format!(
                "{origin}: the table \"{}\" at offset {at:#x} claims \
                 {length} bytes, {} are left: the blob is cut, or this is \
                 not where a table begins",
                bytes::ascii(&header[..4]),
                blob.len() - at
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
    fn fields_cover_the_header_without_gap() {
        let mut at = 0;
        for field in FIELDS {
            assert_eq!(field.offset, at, "{}", field.name);
            at += field.kind.width();
        }
        assert_eq!(at, LENGTH);
    }

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
