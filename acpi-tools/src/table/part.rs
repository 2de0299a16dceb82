//! Tables that are several structures, one after the other.

use crate::field::Field;

/// A structure of a table, with where it lies.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// What it is, for people.
    pub title: String,
    /// Its fields.
    pub fields: &'static [Field],
    /// Offset in the table.
    pub at: usize,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Where a walk ended although the table did not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Offset in the table.
    pub at: usize,
    /// Why.
    pub text: String,
}

#[cfg(test)]
pub(super) mod testing {
    use std::ops::Range;

    use super::Part;

    /// The bytes that these parts cover: each begins where the one before
    /// ends, and its fields leave no byte out.
    pub(in super::super) fn covered(parts: &[Part<'_>]) -> Range<usize> {
        let first = parts.first().map_or(0, |part| part.at);
        let mut next = first;
        for part in parts {
            assert_eq!(part.at, next, "{}", part.title);
            let mut within = 0;
            for field in part.fields {
                assert_eq!(field.offset, within, "{}", field.name);
                within += field.kind.width();
            }
            assert_eq!(within, part.bytes.len(), "{}", part.title);
            next += within;
        }
        first..next
    }
}
