//! What changed between two platforms, and whether it matters.
//!
//! Channels are matched by what they are (type, doorbell, memory), not by
//! their place in the table.

mod channel;
mod pair;
mod platform;

use serde::Serialize;

use crate::field::{Field, Impact, describe};
use crate::platform::Facts;
use crate::table::header::FIELDS;
use crate::table::layout::TABLE;

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
    fn new(
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

    fn values(mut self, old: Option<String>, new: Option<String>) -> Change {
        (self.old, self.new) = (old, new);
        self
    }

    fn offsets(mut self, old: Option<usize>, new: Option<usize>) -> Change {
        (self.old_offset, self.new_offset) = (old, new);
        self
    }
}

/// All differences, the worst first. Without `all`, noise is left out:
/// checksums, lengths that follow, creators, OEM revisions.
///
/// ```
/// use acpi_tools::{diff::diff, platform::{Facts, Platform}};
/// let platform = Platform::default();
/// let facts = Facts::of(&platform);
/// assert!(diff(&facts, &facts, true).is_empty());
/// ```
pub fn diff(old: &Facts, new: &Facts, all: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    pcct(old, new, &mut changes);
    platform::compare(old, new, &mut changes);
    if !all {
        changes.retain(|change| change.impact > Impact::Noise);
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.impact));
    changes
}

fn pcct(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    let gone = "all channels are gone: no driver finds one";
    let came = "there was no channel before";
    match (&old.pcct, &new.pcct) {
        (None, None) => {}
        (Some(_), None) => {
            changes.push(Change::new(Impact::Breaks, "PCCT", "removed", gone));
        }
        (None, Some(_)) => {
            changes.push(Change::new(Impact::Cosmetic, "PCCT", "added", came));
        }
        (Some((_, a)), Some((_, b))) => {
            fields("PCCT", FIELDS, (a.bytes, 0), (b.bytes, 0), changes);
            fields("PCCT", TABLE, (a.bytes, 0), (b.bytes, 0), changes);
            channel::compare(old, new, a, b, changes);
        }
    }
}

/// Compares the fields of a structure: bytes, and their offset in the table.
fn fields(
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

#[cfg(test)]
mod tests;
