//! What changed between two platforms, and whether it matters.
//!
//! Channels are matched by what they are (type, doorbell, memory), not by
//! their place in the table.

mod change;
mod channel;
mod pair;
mod platform;

pub use self::change::Change;
use self::change::fields;
use crate::field::Impact;
use crate::platform::Facts;
use crate::table::header::FIELDS;
use crate::table::layout::TABLE;

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

#[cfg(test)]
mod tests;
