//! The command word of channels that speak SCMI: a protocol message header
//! (Arm DEN0056, "Protocol message header"), taken apart and put together.
//! Not everything that looks like one is: who plays the channel says so.

use super::layout::{Names, name_of};
use super::region::Head;

/// The layer of its parts in decoded contents.
pub const LAYER: &str = "scmi";

/// Bits `high` to `low` of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Full name, with the layer.
    pub name: &'static str,
    /// Its highest bit in the word.
    pub high: u32,
    /// Its lowest bit in the word.
    pub low: u32,
    /// Values that have names.
    pub names: Names,
}

const fn part(name: &'static str, high: u32, low: u32, names: Names) -> Part {
    Part { name, high, low, names }
}

const TYPES: Names =
    &[(0, "command"), (2, "delayed response"), (3, "notification")];

/// Those of DEN0056, and of DEN0144 (MPAM-Fb).
const PROTOCOLS: Names = &[
    (0x10, "base"),
    (0x11, "power domain"),
    (0x12, "system power"),
    (0x13, "performance"),
    (0x14, "clock"),
    (0x15, "sensor"),
    (0x16, "reset"),
    (0x17, "voltage"),
    (0x18, "power capping"),
    (0x19, "pin control"),
    (0x1a, "MPAM-Fb"),
];

/// The parts, lowest bits first.
pub const PARTS: [Part; 5] = [
    part("scmi.message_id", 7, 0, &[]),
    part("scmi.message_type", 9, 8, TYPES),
    part("scmi.protocol_id", 17, 10, PROTOCOLS),
    part("scmi.token", 27, 18, &[]),
    part("scmi.reserved", 31, 28, &[]),
];

impl Part {
    fn most(&self) -> u64 {
        (1 << (self.high - self.low + 1)) - 1
    }
}

/// Full names of the parts, lowest bits first.
pub fn names() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|part| part.name)
}

/// The parts of a word, by their full names.
pub fn split(word: u64) -> Vec<Head> {
    let parts = PARTS.iter().map(|part| {
        let value = (word >> part.low) & part.most();
        let meaning = name_of(part.names, value).map(str::to_owned);
        Head { name: part.name, value, meaning }
    });
    parts.collect()
}

/// The part that says which message of its protocol it is.
pub fn message_id(word: u64) -> u64 {
    word & 0xff
}

/// The value of this name of a part, by its full name.
pub fn named(part: &str, value: &str) -> Option<u64> {
    let part = PARTS.iter().find(|one| one.name == part)?;
    let mut names = part.names.iter();
    let found = names.find(|(_, name)| name.eq_ignore_ascii_case(value));
    found.map(|(number, _)| *number)
}

/// Names that values of a part have.
pub fn values(part: &str) -> impl Iterator<Item = &'static str> {
    let found = PARTS.iter().find(|one| one.name == part);
    found.into_iter().flat_map(|part| part.names).map(|(_, name)| *name)
}

/// The word of these parts; those that `value` does not know are 0.
///
/// # Errors
///
/// The part that has too large a value, and its largest.
pub fn join(
    value: impl Fn(&str) -> Option<u64>,
) -> Result<u64, (&'static str, u64)> {
    PARTS.iter().try_fold(0, |word, part| {
        let value = value(part.name).unwrap_or(0);
        match value <= part.most() {
            true => Ok(word | value << part.low),
            false => Err((part.name, part.most())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MPAM_MSC_READ with token 0x155.
    const READ: u64 = 0x0554_6804;

    #[test]
    fn a_word_is_taken_apart_and_put_together() {
        let shown: Vec<String> = split(READ)
            .iter()
            .map(|head| match &head.meaning {
                Some(name) => {
                    format!("{}={:#x} ({name})", head.name, head.value)
                }
                None => format!("{}={:#x}", head.name, head.value),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "scmi.message_id=0x4",
                "scmi.message_type=0x0 (command)",
                "scmi.protocol_id=0x1a (MPAM-Fb)",
                "scmi.token=0x155",
                "scmi.reserved=0x0",
            ]
        );
        for word in [READ, 0, 0xffff_ffff, 0x8000_0300] {
            let parts = split(word);
            let value = |name: &str| {
                parts.iter().find(|part| part.name == name).map(|p| p.value)
            };
            assert_eq!(join(value), Ok(word));
        }
        let wide = |name: &str| (name == "scmi.token").then_some(1024);
        assert_eq!(join(wide), Err(("scmi.token", 1023)));
    }

    #[test]
    fn parts_and_values_have_names() {
        assert_eq!(named("scmi.protocol_id", "mpam-fb"), Some(0x1a));
        assert_eq!(named("scmi.message_type", "notification"), Some(3));
        assert_eq!(named("scmi.token", "command"), None);
        assert_eq!(values("scmi.message_type").count(), 3);
        assert!(names().all(|name| name.starts_with(LAYER)));
    }
}
