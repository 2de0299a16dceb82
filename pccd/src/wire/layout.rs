//! Messages as tables of fields, and the two walks over such a table:
//! bytes to fields for display and matching here, fields to bytes for
//! answers in [`super::encode`].
//!
//! The walk over bytes never fails: it marks where it stopped.

use super::version::Version;

/// Named values of a field.
pub type Names = &'static [(u64, &'static str)];

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
    /// Four bytes, most significant first.
    U32Be,
    /// Four bytes, least significant first.
    U32Le,
    /// That many bytes.
    Bytes(usize),
    /// A set of numbers, bit n of byte n/8 for n, in that many bytes.
    BitSet(usize),
    /// Sixteen bytes in the order of RFC 4122.
    Uuid,
    /// A byte that counts the units of so many bytes in the next field.
    CountOf(usize),
    /// A list of one-byte codes up to the end.
    Codes,
    /// A list of versions, all but so many bytes of what is left.
    Versions {
        /// PLDM's byte order instead of MCTP's.
        reversed: bool,
        /// Bytes left to the fields after it.
        leave: usize,
    },
    /// What is left but that many bytes.
    AllBut(usize),
    /// What is left, possibly nothing.
    Rest,
}

/// One field of a layout.
#[derive(Debug, Clone, Copy)]
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
}

impl Item {
    /// A field without named values.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, names: &[], brief: None, default: None }
    }

    /// A field that is zero unless an answer says otherwise.
    pub const fn reserved(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind).or(0)
    }

    /// Bits of a byte, `high` down to `low`.
    pub const fn bits(name: &'static str, high: u32, low: u32) -> Self {
        Self::new(name, Kind::Bits { shift: low, width: high - low + 1 })
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

    /// Whether values are numbers (and not bytes).
    pub fn is_number(&self) -> bool {
        matches!(
            self.kind,
            Kind::Bits { .. }
                | Kind::U8
                | Kind::U16Be
                | Kind::U16Le
                | Kind::U32Be
                | Kind::U32Le
                | Kind::CountOf(_)
        )
    }

    /// Number of bits a number of this kind has, 0 for bytes.
    pub fn width(&self) -> u32 {
        match self.kind {
            Kind::Bits { width, .. } => width,
            Kind::U8 | Kind::CountOf(_) => 8,
            Kind::U16Be | Kind::U16Le => 16,
            Kind::U32Be | Kind::U32Le => 32,
            _ => 0,
        }
    }

    fn meaning(&self, number: u64) -> Option<String> {
        name_of(self.names, number).map(str::to_owned)
    }
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

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number.
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
    /// How it lies in the bytes.
    pub kind: Kind,
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

/// The walk over bytes.
#[derive(Debug)]
pub struct Walk<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// What was found so far.
    pub fields: Vec<Found>,
    /// Set when bytes ran out.
    pub stop: Option<Stop>,
}

impl<'a> Walk<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, fields: Vec::new(), stop: None }
    }

    /// What was not walked over.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or(&[])
    }

    /// The number in a field found earlier.
    pub fn number(&self, layer: &str, name: &str) -> Option<u64> {
        self.fields.iter().rev().find_map(|found| match found.value {
            Value::Number(number)
                if found.layer == layer && found.name == name =>
            {
                Some(number)
            }
            _ => None,
        })
    }

    /// Walks over a section; does nothing after a stop.
    pub fn section(&mut self, section: &Section) {
        for item in section.items {
            if self.stop.is_some() {
                return;
            }
            self.item(section.layer, item);
        }
    }

    fn item(&mut self, layer: &'static str, item: &Item) {
        let left = self.rest().len();
        let needed = match item.kind {
            Kind::Bits { .. } | Kind::U8 | Kind::CountOf(_) => 1,
            Kind::U16Be | Kind::U16Le => 2,
            Kind::U32Be | Kind::U32Le => 4,
            Kind::Bytes(count) | Kind::BitSet(count) => count,
            Kind::Uuid => 16,
            Kind::Codes | Kind::Rest => left,
            Kind::AllBut(leave) | Kind::Versions { leave, .. } => {
                left.saturating_sub(leave)
            }
        };
        let Some(raw) = self.rest().get(..needed) else {
            self.stop = Some(Stop {
                field: format!("{layer}.{}", item.name),
                offset: self.offset,
                needed,
                left,
            });
            return;
        };
        let found = show(layer, item, self.offset, raw);
        if !matches!(item.kind, Kind::Bits { shift, .. } if shift > 0) {
            self.offset += needed;
        }
        self.fields.push(found);
    }
}

/// Big-endian number; longer input keeps the low 64 bits.
pub(super) fn number_be(raw: &[u8]) -> u64 {
    raw.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn number_le(raw: &[u8]) -> u64 {
    raw.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A UUID in its usual form; other lengths as plain hex.
pub fn uuid_text(raw: &[u8]) -> String {
    let text = hex::encode(raw);
    if raw.len() != 16 {
        return text;
    }
    let mut out = String::with_capacity(36);
    for (index, character) in text.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(character);
    }
    out
}

/// Bytes as people read them: what is text as text, all else in hex.
fn read(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) if raw.iter().all(|b| (b' '..=b'~').contains(b)) => {
            format!("{text:?}")
        }
        _ => spaced_hex(raw),
    }
}

/// Bytes in hex: two digits, a space.
pub fn spaced_hex(raw: &[u8]) -> String {
    let parts: Vec<String> =
        raw.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(" ")
}

fn versions_text(raw: &[u8], reversed: bool) -> String {
    let mut parts = Vec::new();
    for chunk in raw.chunks(4) {
        match <[u8; 4]>::try_from(chunk) {
            Ok(bytes) => {
                let mut version = Version(bytes);
                if reversed {
                    version = Version(version.reversed());
                }
                parts.push(version.to_string());
            }
            Err(_) => parts.push(format!("({} bytes)", chunk.len())),
        }
    }
    parts.join(", ")
}

fn show(layer: &'static str, item: &Item, offset: usize, raw: &[u8]) -> Found {
    let number = match item.kind {
        Kind::Bits { shift, width } => {
            let mask = (1_u64 << width) - 1;
            Some((number_be(raw) >> shift) & mask)
        }
        Kind::U8 | Kind::U16Be | Kind::U32Be | Kind::CountOf(_) => {
            Some(number_be(raw))
        }
        Kind::U16Le | Kind::U32Le => Some(number_le(raw)),
        _ => None,
    };
    let (value, text, meaning) = match number {
        Some(number) => (
            Value::Number(number),
            number.to_string(),
            item.meaning(number).or_else(|| match item.width() {
                16 => Some(format!("{number:#06x}")),
                32 => Some(format!("{number:#010x}")),
                _ => None,
            }),
        ),
        None => {
            let meaning = match item.kind {
                Kind::Versions { reversed, .. } => {
                    Some(versions_text(raw, reversed))
                }
                Kind::Codes => Some(
                    raw.iter()
                        .map(|code| {
                            name_of(item.names, u64::from(*code)).map_or_else(
                                || format!("{code:#04x}"),
                                str::to_owned,
                            )
                        })
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
                Kind::BitSet(_) => Some(
                    (0..raw.len() * 8)
                        .filter(|bit| {
                            raw.get(bit / 8)
                                .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
                        })
                        .map(|bit| {
                            name_of(item.names, bit as u64)
                                .map_or_else(|| bit.to_string(), str::to_owned)
                        })
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
                _ => None,
            };
            let text = match item.kind {
                Kind::Uuid => uuid_text(raw),
                _ => hex::encode(raw),
            };
            (Value::Bytes(raw.to_vec()), text, meaning)
        }
    };
    let brief = item.brief.map(|brief| {
        let shown = match (&meaning, item.kind) {
            (None, Kind::Rest | Kind::AllBut(_) | Kind::Bytes(_)) => {
                match raw.len() {
                    0 => "no bytes".to_owned(),
                    1 => format!("1 byte {}", spaced_hex(raw)),
                    count => format!("{count} bytes {}", read(raw)),
                }
            }
            (Some(meaning), _) => meaning.clone(),
            (None, _) => text.clone(),
        };
        brief.replace("{}", &shown)
    });
    let (name, kind) = (item.name, item.kind);
    Found { layer, name, kind, offset, value, text, meaning, brief }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::{Given, encode_section};

    const SECTION: Section = Section {
        layer: "t",
        items: &[
            Item::bits("high", 7, 6),
            Item::bits("low", 5, 0),
            Item::new("be", Kind::U16Be),
            Item::new("le", Kind::U32Le),
            Item::new("count", Kind::CountOf(2)),
            Item::new("rest", Kind::Rest),
        ],
    };
    const BYTES: &[u8] = &[
        0x85, // high 2, low 5
        0x1a, 0xf4, // be
        0x04, 0x03, 0x02, 0x01, // le
        0x01, // count
        0xaa, 0xbb, // rest
    ];

    #[test]
    fn fields_and_bytes_agree() {
        let mut walk = Walk::new(BYTES);
        walk.section(&SECTION);
        assert_eq!(walk.stop, None);
        let numbers: Vec<_> = ["high", "low", "be", "le", "count"]
            .iter()
            .map(|name| walk.number("t", name).unwrap())
            .collect();
        assert_eq!(numbers, [2, 5, 0x1af4, 0x0102_0304, 1]);
        let given: Given = walk
            .fields
            .iter()
            .filter(|found| found.name != "count")
            .map(|found| (format!("t.{}", found.name), found.value.clone()))
            .collect();
        let mut out = Vec::new();
        encode_section(&SECTION, &given, &mut out).unwrap();
        assert_eq!(out, BYTES);
    }

    #[test]
    fn every_length_stops_in_the_right_field() {
        let stops = [
            "t.high", "t.be", "t.be", "t.le", "t.le", "t.le", "t.le", "t.count",
        ];
        for (length, field) in stops.iter().enumerate() {
            let mut walk = Walk::new(BYTES.get(..length).unwrap());
            walk.section(&SECTION);
            assert_eq!(&walk.stop.unwrap().field, field, "length {length}");
        }
    }

    #[test]
    fn lists_print_their_names() {
        const ITEMS: &[Item] = &[Item::new("set", Kind::BitSet(2))];
        let section = Section { layer: "t", items: ITEMS };
        let mut walk = Walk::new(&[0x15, 0x80]);
        walk.section(&section);
        let found = walk.fields.first().unwrap();
        assert_eq!(found.meaning.as_deref(), Some("0, 2, 4, 15"));
    }
}
