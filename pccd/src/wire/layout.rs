//! Messages as tables of fields: how a field lies in the bytes, what it is
//! called, what its values mean.
//!
//! The two walks over such tables are `walk` (bytes to fields, for display
//! and matching) and `encode` (fields to bytes).

use std::fmt;

use super::checksum::Checksum;

/// Named values of a field.
pub type Names = &'static [(u64, &'static str)];

/// Fields that depend on the value of another: the value, the fields.
pub type Cases = &'static [(u64, &'static [Item])];

/// The fields for a value, or else the others.
pub(crate) fn chosen(
    cases: Cases,
    other: &'static [Item],
    value: Option<u64>,
) -> &'static [Item] {
    cases
        .iter()
        .find(|(case, _)| Some(*case) == value)
        .map_or(other, |(_, items)| *items)
}

/// How a field lies in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bits of one byte, most significant first; the field with shift 0
    /// ends the byte.
    Bits {
        /// Position of the lowest bit.
        shift: u32,
        /// Number of bits.
        width: u32,
    },
    /// One byte.
    U8,
    /// Two bytes, most significant first.
    U16Be,
    /// Two bytes, least significant first.
    U16Le,
    /// Three bytes, most significant first.
    U24Be,
    /// Four bytes, most significant first.
    U32Be,
    /// Four bytes, least significant first.
    U32Le,
    /// One byte with a sign.
    S8,
    /// Two bytes with a sign, least significant first.
    S16Le,
    /// Four bytes with a sign, least significant first.
    S32Le,
    /// IEEE 754 single precision, least significant byte first.
    F32Le,
    /// That many bytes.
    Bytes(usize),
    /// A set of numbers, bit n of byte n/8 for n, in that many bytes.
    BitSet(usize),
    /// Sixteen bytes in the order of RFC 4122.
    Uuid,
    /// A number of so many bytes, least significant first: how much there
    /// is of the field that is [`Item::counted`] by it.
    Count(usize),
    /// A number of so many bytes, least significant first: the bytes after
    /// it up to the end of the scope or message, and so many more.
    Length {
        /// Bytes it has itself.
        size: usize,
        /// Added to what follows.
        plus: usize,
    },
    /// A checksum over the bytes of the named scope or field and of what
    /// lies between.
    Sum(Checksum, &'static str),
    /// A list of one-byte codes.
    Codes,
    /// A list of versions of four bytes.
    Versions {
        /// PLDM's byte order instead of MCTP's.
        reversed: bool,
        /// Bytes left to the fields after it.
        leave: usize,
    },
    /// One version of four bytes, in PLDM's byte order.
    Version,
    /// What is left but that many bytes.
    AllBut(usize),
    /// What is left, possibly nothing.
    Rest,
    /// Zeros up to a multiple of that many bytes in the scope; at most one
    /// byte less than that.
    Pad(usize),
    /// These fields, again and again: as often as counted, or as long as
    /// there are more bytes than are left to others.
    Repeat(&'static [Item]),
    /// These fields within as many bytes as counted, or all but those left
    /// to others; bytes after them belong to the scope itself.
    Scope(&'static [Item]),
    /// These fields, unless the bytes end before them.
    Optional(&'static [Item]),
    /// Fields that depend on a field found earlier.
    Switch {
        /// The field, in the same layer.
        on: &'static str,
        /// Its values.
        cases: Cases,
        /// The fields for any other value.
        other: &'static [Item],
    },
}

/// One field of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The specification's name in small letters and underscores.
    pub name: &'static str,
    /// How it lies in the bytes.
    pub kind: Kind,
    /// Values that have names.
    pub names: Names,
    /// How the one-line summary mentions it: `{}` stands for the value.
    pub brief: Option<&'static str>,
    /// Value when an answer does not give one.
    pub default: Option<u64>,
    /// The field that says how much there is of this one.
    pub counted: Option<&'static str>,
    /// Bytes left to the fields after it.
    pub leave: usize,
    /// Whether it is one of a list; the tables need not say so themselves.
    pub listed: bool,
}

impl Item {
    /// A field without named values.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            names: &[],
            brief: None,
            default: None,
            counted: None,
            leave: 0,
            listed: false,
        }
    }

    /// A field that is zero unless an answer says otherwise.
    pub const fn reserved(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind).or(0)
    }

    /// Bits of a byte, `high` down to `low`.
    pub const fn bits(name: &'static str, high: u32, low: u32) -> Self {
        Self::new(name, Kind::Bits { shift: low, width: high - low + 1 })
    }

    /// These fields, again and again.
    pub const fn repeat(items: &'static [Self]) -> Self {
        Self::new("", Kind::Repeat(items))
    }

    /// These fields, or nothing.
    pub const fn optional(items: &'static [Self]) -> Self {
        Self::new("", Kind::Optional(items))
    }

    /// Fields that depend on another.
    pub const fn switch(
        on: &'static str,
        cases: Cases,
        other: &'static [Self],
    ) -> Self {
        Self::new("", Kind::Switch { on, cases, other })
    }

    /// The same field, lying otherwise.
    pub const fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// With names for values.
    pub const fn named(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// Mentioned in the summary.
    pub const fn brief(mut self, brief: &'static str) -> Self {
        self.brief = Some(brief);
        self
    }

    /// With a value for answers that do not give one.
    pub const fn or(mut self, default: u64) -> Self {
        self.default = Some(default);
        self
    }

    /// As much as another field says.
    pub const fn counted(mut self, by: &'static str) -> Self {
        self.counted = Some(by);
        self
    }

    /// With bytes left to the fields after it.
    pub const fn leave(mut self, bytes: usize) -> Self {
        self.leave = bytes;
        self
    }

    /// Whether values are numbers (and not bytes).
    pub fn is_number(&self) -> bool {
        self.width() > 0
    }

    /// Whether it is the same field as far as its values go.
    pub fn same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.names == other.names
    }

    /// Number of bits a number of this kind has, 0 for bytes.
    pub fn width(&self) -> u32 {
        self.kind.width()
    }

    /// The fields within it, in all their cases; none if it is one itself.
    pub fn parts(&self) -> Vec<&'static [Self]> {
        match self.kind {
            Kind::Repeat(items)
            | Kind::Scope(items)
            | Kind::Optional(items) => vec![items],
            Kind::Switch { cases, other, .. } => {
                cases.iter().map(|(_, items)| *items).chain([other]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Units of its bytes that a count counts.
    pub(super) fn unit(&self) -> usize {
        match self.kind {
            Kind::Versions { .. } => 4,
            _ => 1,
        }
    }
}

impl Kind {
    /// Number of bits of a number, 0 for all else.
    pub fn width(self) -> u32 {
        let bytes = |count: usize| 8 * u32::try_from(count).unwrap_or(0);
        match self {
            Self::Bits { width, .. } => width,
            Self::U8 | Self::S8 => 8,
            Self::U16Be | Self::U16Le | Self::S16Le => 16,
            Self::U24Be => 24,
            Self::U32Be | Self::U32Le | Self::S32Le | Self::F32Le => 32,
            Self::Count(size) | Self::Length { size, .. } => bytes(size),
            Self::Sum(checksum, _) => bytes(checksum.size()),
            _ => 0,
        }
    }

    /// Bytes it always has; none for numbers, and what can be of any length.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Bytes(count) | Self::BitSet(count) => Some(count),
            Self::Uuid => Some(16),
            Self::Version => Some(4),
            _ => None,
        }
    }

    /// Bytes a number lies in, 0 for all else.
    pub fn size(self) -> usize {
        self.width().div_ceil(8) as usize
    }

    /// Whether a number lies most significant byte first.
    pub fn is_big_endian(self) -> bool {
        matches!(self, Self::U16Be | Self::U24Be | Self::U32Be)
    }

    /// Whether a number can be below zero.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::S8 | Self::S16Le | Self::S32Le)
    }

    /// Whether a number fits.
    pub fn fits(self, number: u64) -> bool {
        if !self.is_signed() {
            return number >> self.width() == 0;
        }
        signed(number, self.width()).cast_unsigned() == number
    }

    /// Whether it is made of fields and no field itself.
    pub fn is_composed(self) -> bool {
        matches!(
            self,
            Self::Repeat(_)
                | Self::Optional(_)
                | Self::Switch { .. }
                | Self::Scope(_)
        )
    }
}

/// A number with a sign, from two's complement of so many bits.
pub(super) fn signed(number: u64, width: u32) -> i64 {
    let unused = 64 - width.clamp(1, 64);
    (number << unused).cast_signed() >> unused
}

/// The name of a value.
pub fn name_of(names: Names, number: u64) -> Option<&'static str> {
    names.iter().find(|(code, _)| *code == number).map(|(_, name)| *name)
}

/// Fields that belong together, under the name of their layer.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Layer name, the first half of a full field name.
    pub layer: &'static str,
    /// The fields in the order of their bytes.
    pub items: &'static [Item],
}

/// How many of each a list may have; more are not taken apart.
pub const MOST_ELEMENTS: u16 = 256;

/// Which element of a list a field belongs to, of which element of a list
/// around it; nowhere for fields that are in no list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Place {
    depth: u8,
    at: [u16; 2],
}

impl Place {
    /// In an element of a list at this place. Tables have at most two
    /// lists within each other.
    #[must_use]
    pub fn element(mut self, index: u16) -> Self {
        if let Some(at) = self.at.get_mut(usize::from(self.depth)) {
            *at = index;
            self.depth += 1;
        }
        self
    }

    /// The elements, outermost first.
    pub fn indexes(&self) -> &[u16] {
        self.at.get(..usize::from(self.depth)).unwrap_or(&[])
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.indexes().iter().try_for_each(|index| write!(f, "[{index}]"))
    }
}

/// A field's name without the element it belongs to.
pub fn without_place(field: &str) -> &str {
    field.split_once('[').map_or(field, |(name, _)| name)
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number; one below zero in two's complement of 64 bits.
    Number(u64),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A field found in bytes.
#[derive(Debug, Clone)]
pub struct Found {
    /// Layer name.
    pub layer: &'static str,
    /// Field name.
    pub name: &'static str,
    /// The element of a list it belongs to.
    pub place: Place,
    /// How it lies in the bytes.
    pub kind: Kind,
    /// Values that have names.
    pub names: Names,
    /// Offset of its first byte.
    pub offset: usize,
    /// Its value.
    pub value: Value,
    /// The value as text: bytes in hex, a UUID in its usual form.
    pub text: String,
    /// What the value means, if it has a name.
    pub meaning: Option<String>,
    /// How the summary mentions it.
    pub brief: Option<String>,
}

impl Found {
    /// Its name in full: `layer.name`, and the element if it is in a list.
    pub fn full_name(&self) -> String {
        format!("{}.{}{}", self.layer, self.name, self.place)
    }

    /// Whether a full name means this field. Without an element it means
    /// that of any.
    pub fn is(&self, field: &str) -> bool {
        let rest = field
            .strip_prefix(self.layer)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_prefix(self.name));
        match rest {
            Some("") => true,
            Some(rest) => {
                rest.starts_with('[') && *rest == self.place.to_string()
            }
            None => false,
        }
    }
}

/// Where a walk over bytes had to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Layer and field that did not fit.
    pub field: String,
    /// Offset from the start of the bytes.
    pub offset: usize,
    /// Bytes the field needs.
    pub needed: usize,
    /// Bytes that were left.
    pub left: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_its_element_or_any() {
        let found = Found {
            layer: "t",
            name: "state",
            place: Place::default().element(2).element(10),
            kind: Kind::U8,
            names: &[],
            offset: 0,
            value: Value::Number(0),
            text: String::new(),
            meaning: None,
            brief: None,
        };
        assert_eq!(found.full_name(), "t.state[2][10]");
        for (name, means) in [
            ("t.state", true),
            ("t.state[2][10]", true),
            ("t.state[2]", false),
            ("t.state[2][1]", false),
            ("t.states", false),
            ("t", false),
            ("u.state", false),
        ] {
            assert_eq!(found.is(name), means, "{name}");
        }
        assert_eq!(without_place("t.state[2]"), "t.state");
    }
}
