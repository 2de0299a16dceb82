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
