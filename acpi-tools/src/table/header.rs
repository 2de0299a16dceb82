//! What a table begins with: the common header (ACPI 6.5 §5.2.6) or, in
//! FACS (§5.2.10) and RSDP (§5.2.5.3), fields of its own.

use super::layout::reserved;
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
        Breaks,
        "it is another table",
    ),
    field(
        "length",
        4,
        Kind::Size(4),
        "bytes of the table, header included",
        Noise,
        "it follows from what was added or removed",
    ),
    field(
        "revision",
        8,
        Kind::Number(1),
        "revision of the table's layout",
        Risky,
        "a reader may read the table in another way",
    ),
    field(
        "checksum",
        9,
        Kind::Hex(1),
        "makes all bytes add up to zero",
        Noise,
        "it follows from the other bytes",
    ),
    field(
        "oem_id",
        10,
        Kind::Text(6),
        "who made the firmware",
        Cosmetic,
        "only quirks and initrd overrides look at it",
    ),
    field(
        "oem_table_id",
        16,
        Kind::Text(8),
        "the firmware's name for the table",
        Cosmetic,
        "only quirks and initrd overrides look at it",
    ),
    field(
        "oem_revision",
        24,
        Kind::Hex(4),
        "the firmware's revision of the table",
        Noise,
        "only initrd overrides look at it",
    ),
    field(
        "creator_id",
        28,
        Kind::Text(4),
        "the tool that wrote the table",
        Noise,
        "nothing looks at it",
    ),
    field(
        "creator_revision",
        32,
        Kind::Hex(4),
        "the tool's revision",
        Noise,
        "nothing looks at it",
    ),
];

/// The three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The header that all other tables have.
    Common,
    /// Firmware ACPI Control Structure: no revision, no checksum, no ids.
    Facs,
    /// Root System Description Pointer: 20 bytes, 36 from revision 2 on.
    Rsdp,
}

/// How the RSDP begins.
pub const RSDP: &[u8; 8] = b"RSD PTR ";

use Impact::{Breaks, Cosmetic, Noise, Risky};

const RUNNING: &str = "the system writes it while it runs";
const PLACE: &str = "it follows from where the firmware put the tables";

/// The FACS' fields.
pub const FACS_FIELDS: &[Field] = &[
    FIELDS[0],
    FIELDS[1],
    field(
        "hardware_signature",
        8,
        Kind::Hex(4),
        "tells whether the hardware is that of before S4",
        Cosmetic,
        "only a system that wakes from S4 looks at it",
    ),
    field(
        "waking_vector",
        12,
        Kind::Hex(4),
        "where the system goes on after sleep",
        Noise,
        RUNNING,
    ),
    field(
        "global_lock",
        16,
        Kind::Bits(4, &[(0, "pending", ""), (1, "owned", "")]),
        "the lock between firmware and system",
        Noise,
        RUNNING,
    ),
    field(
        "facs_flags",
        20,
        Kind::Bits(4, &[(0, "S4BIOS", ""), (1, "64-bit wake", "")]),
        "what the firmware can do for sleep",
        Risky,
        "the system goes to sleep or wakes in another way",
    ),
    field(
        "x_waking_vector",
        24,
        Kind::Address,
        "where the system goes on after sleep",
        Noise,
        RUNNING,
    ),
    field(
        "facs_version",
        32,
        Kind::Number(1),
        "version of the FACS",
        Risky,
        "a reader may read the table in another way",
    ),
    reserved(33, 3),
    field(
        "ospm_flags",
        36,
        Kind::Bits(4, &[(0, "64-bit wake", "")]),
        "what the system wants for sleep",
        Noise,
        RUNNING,
    ),
    reserved(40, 24),
];

/// The RSDP's fields; those from 20 on came with revision 2.
pub const RSDP_FIELDS: &[Field] = &[
    field(
        "signature",
        0,
        Kind::Text(8),
        "which table this is",
        Breaks,
        "it is another table",
    ),
    field(
        "checksum",
        8,
        Kind::Hex(1),
        "makes the first 20 bytes add up to zero",
        Noise,
        "it follows from the other bytes",
    ),
    field(
        "oem_id",
        9,
        Kind::Text(6),
        "who made the firmware",
        Cosmetic,
        "nothing looks at it",
    ),
    field(
        "revision",
        15,
        Kind::Number(1),
        "0 for ACPI 1.0, 2 since",
        Risky,
        "from revision 2 on a reader follows the XSDT",
    ),
    field(
        "rsdt_address",
        16,
        Kind::Hex(4),
        "where the RSDT lies",
        Noise,
        PLACE,
    ),
    field(
        "length",
        20,
        Kind::Size(4),
        "bytes of the RSDP",
        Noise,
        "it follows from what was added or removed",
    ),
    field(
        "xsdt_address",
        24,
        Kind::Address,
        "where the XSDT lies",
        Noise,
        PLACE,
    ),
    field(
        "extended_checksum",
        32,
        Kind::Hex(1),
        "makes all bytes add up to zero",
        Noise,
        "it follows from the other bytes",
    ),
    reserved(33, 3),
];

impl Form {
    /// The form of these bytes, by their signature.
    pub fn of(bytes: &[u8]) -> Form {
        match bytes {
            _ if bytes.starts_with(RSDP) => Form::Rsdp,
            [b'F', b'A', b'C', b'S', ..] => Form::Facs,
            _ => Form::Common,
        }
    }

    /// The fields that stand at the beginning.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Form::Common => FIELDS,
            Form::Facs => FACS_FIELDS,
            Form::Rsdp => RSDP_FIELDS,
        }
    }

    /// The RSDP has the fields of ACPI 2.0.
    fn extended(bytes: &[u8]) -> bool {
        bytes::u8(bytes, 15).is_some_and(|revision| revision >= 2)
    }

    /// The least number of bytes.
    pub fn least(self, bytes: &[u8]) -> usize {
        match self {
            Form::Common => LENGTH,
            Form::Facs => 64,
            Form::Rsdp if Form::extended(bytes) => 36,
            Form::Rsdp => 20,
        }
    }

    /// The length that the bytes claim; an old RSDP always has 20.
    pub fn claimed(self, bytes: &[u8]) -> Option<usize> {
        let at = match self {
            Form::Rsdp if !Form::extended(bytes) => return Some(20),
            Form::Rsdp => 20,
            Form::Common | Form::Facs => 4,
        };
        bytes::u32(bytes, at).map(|length| length as usize)
    }

    /// Where the length stands; in an old RSDP what makes it 20.
    pub fn length_at(self, bytes: &[u8]) -> usize {
        match self {
            Form::Rsdp if Form::extended(bytes) => 20,
            Form::Rsdp => 15,
            Form::Common | Form::Facs => 4,
        }
    }

    /// The checksums in their order: where each stands, and how many bytes
    /// from the first on it makes zero.
    pub fn sums(self, bytes: &[u8]) -> Vec<(usize, usize)> {
        match self {
            Form::Common => vec![(9, bytes.len())],
            Form::Facs => Vec::new(),
            Form::Rsdp if Form::extended(bytes) => {
                vec![(8, 20), (32, bytes.len())]
            }
            Form::Rsdp => vec![(8, 20)],
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::table::{Table, fix_checksum, split};

    #[test]
    fn fields_cover_the_header_without_gap() {
        let mut at = 0;
        for field in FIELDS {
            assert_eq!(field.offset, at, "{}", field.name);
            at += field.kind.width();
        }
        assert_eq!(at, LENGTH);
    }

    /// A FACS as firmware leaves it.
    pub fn facs() -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(b"FACS");
        bytes[4] = 64;
        bytes[8..12].copy_from_slice(&[0xf0, 0x12, 0x34, 0x56]);
        bytes[32] = 2;
        bytes
    }

    /// An RSDP of that revision.
    pub fn rsdp(revision: u8) -> Vec<u8> {
        let mut bytes = RSDP.to_vec();
        bytes.extend(b"\0TESTID");
        bytes.extend([revision, 0x80, 0x10, 0xfe, 0x7f]);
        if revision >= 2 {
            bytes.extend([36, 0, 0, 0, 0x88, 0x10, 0xfe, 0x7f, 0, 0, 0, 0]);
            bytes.extend([0; 4]);
        }
        fix_checksum(&mut bytes);
        bytes
    }

    fn table(bytes: Vec<u8>) -> Table {
        Table { origin: String::new(), bytes }
    }

    #[test]
    fn fields_fill_their_form_without_gap() {
        for (fields, length) in [(FACS_FIELDS, 64), (RSDP_FIELDS, 36)] {
            let mut at = 0;
            for field in fields {
                assert_eq!(field.offset, at, "{}", field.name);
                at += field.kind.width();
            }
            assert_eq!(at, length);
        }
    }

    #[test]
    fn each_form_has_its_length_and_sums() {
        let old = rsdp(0);
        assert_eq!(bytes::sum(&old), 0);
        let new = rsdp(2);
        assert_eq!(bytes::sum(&new[..20]), 0);
        assert_eq!(bytes::sum(&new), 0);
        for (bytes, name) in [(old, "RSDP"), (new, "RSDP"), (facs(), "FACS")] {
            let sound = table(bytes);
            assert_eq!(sound.signature(), name);
            assert_eq!(sound.claimed(), Some(sound.bytes.len()));
            assert_eq!(sound.body(), sound.bytes);
            assert_eq!(sound.misfit(), None);
            assert!(sound.wrong_sums().is_empty());
            let before = sound.bytes.clone();
            let mut again = sound.bytes;
            fix_checksum(&mut again);
            assert_eq!(again, before, "a FACS has no checksum to fix");
        }
    }

    #[test]
    fn every_cut_and_every_lie_is_seen() {
        for whole in [rsdp(0), rsdp(2), facs()] {
            for length in 4..whole.len() {
                let cut = table(whole[..length].to_vec());
                assert!(cut.misfit().is_some(), "{length} {}", cut.signature());
                assert!(cut.body().len() <= length);
            }
            let long = table([&whole[..], &[0]].concat());
            assert!(long.misfit().is_some());
        }
        // Bytes 20 to 35 are in the second sum only.
        for (at, wrong) in [(9, 2), (16, 2), (24, 1), (35, 1)] {
            let mut bytes = rsdp(2);
            bytes[at] ^= 1;
            assert_eq!(table(bytes).wrong_sums().len(), wrong, "{at}");
        }
        let mut short = facs();
        short[4] = 63;
        short.pop();
        let (at, text) = table(short).misfit().unwrap();
        assert_eq!((at, &text[..]), (4, "Length is 63, the least is 64"));
    }

    #[test]
    fn a_blob_may_hold_each_of_them() {
        let mut one = vec![0; 40];
        one[..4].copy_from_slice(b"AAAA");
        super::super::seal(&mut one);
        let blob = [&facs()[..], &rsdp(2), &one, &rsdp(0)].concat();
        let tables = split(&blob, "b").unwrap();
        let names: Vec<_> = tables.iter().map(Table::signature).collect();
        assert_eq!(names, ["FACS", "RSDP", "AAAA", "RSDP"]);
        // What is left over is no table, and is not lost silently.
        for length in 1..20 {
            let end = blob.len() - 20 + length;
            let error = split(&blob[..end], "b").unwrap_err();
            assert!(error.contains("at offset 0x8c"), "{error}");
        }
    }
}
