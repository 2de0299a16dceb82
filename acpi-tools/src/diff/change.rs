//! What a difference is, and the fields that differ.

use serde::Serialize;

use crate::field::{Field, Impact, describe};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// How much it matters.
    pub impact: Impact,
    /// What it is about: "subspace 0 (type 3)".
    pub place: String,
    /// The field, or what else changed.
    pub what: String,
    /// Offset in the first table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_offset: Option<usize>,
    /// Offset in the second table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_offset: Option<usize>,
    /// Value before; none if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// Value after; none if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Why it matters.
    pub why: String,
}

impl Change {
    pub(super) fn new(
        impact: Impact,
        place: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> Change {
        Change {
            impact,
            place: place.into(),
            what: what.into(),
            old_offset: None,
            new_offset: None,
            old: None,
            new: None,
            why: why.into(),
        }
    }

    pub(super) fn values(
        mut self,
        old: Option<String>,
        new: Option<String>,
    ) -> Change {
        (self.old, self.new) = (old, new);
        self
    }

    pub(super) fn offsets(
        mut self,
        old: Option<usize>,
        new: Option<usize>,
    ) -> Change {
        (self.old_offset, self.new_offset) = (old, new);
        self
    }
}

/// Compares the fields of a structure: bytes, and their offset in the table.
pub(super) fn fields(
    place: &str,
    fields: &[Field],
    (old, old_base): (&[u8], usize),
    (new, new_base): (&[u8], usize),
    changes: &mut Vec<Change>,
) {
    for field in fields {
        let (a, b) = (field.bytes(old), field.bytes(new));
        if a == b {
            continue;
        }
        let text =
            |raw: Option<&[u8]>| raw.map(|raw| describe(field.kind, raw));
        changes.push(
            Change::new(field.impact, place, field.name, field.why)
                .values(text(a), text(b))
                .offsets(
                    a.map(|_| old_base + field.offset),
                    b.map(|_| new_base + field.offset),
                ),
        );
    }
}
