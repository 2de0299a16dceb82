//! File names of a mailbox (docs/mailbox.md §5), read strictly.

use std::fmt;
use std::str::FromStr;

/// A time in the form of names: `20261121T044142.123456789Z`. Text order is
/// time order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(String);

/// Name of a request: epoch, sequence number, subspace it came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestName {
    /// Life of the guest.
    pub epoch: Epoch,
    /// Counts over all channels.
    pub seq: u32,
    /// Subspace it came from.
    pub subspace: u8,
}

/// Name of a message nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnaskedName {
    /// Time of sending.
    pub time: Epoch,
    /// Tells apart what was sent in the same nanosecond.
    pub number: u32,
    /// Subspace it is for.
    pub subspace: u8,
}

/// Not a name of that kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName(&'static str);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; a request is called <epoch>-<seq>-<subspace>.pcc, as in \
             20261121T044142.123456789Z-00000017-000.pcc",
            self.0
        )
    }
}

impl std::error::Error for BadName {}

/// Digits only, exactly `count` of them, at most `most`.
fn digits(text: &str, count: usize, most: u32) -> Option<u32> {
    let right =
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = right.then(|| text.parse().ok()).flatten()?;
    (number <= most).then_some(number)
}

impl FromStr for Epoch {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let part = |range, most| {
            let text: &str = text.get(range).unwrap_or("");
            digits(text, text.len().max(1), most)
        };
        let mark = |at, mark: u8| text.as_bytes().get(at) == Some(&mark);
        let right = text.len() == 26
            && part(0..4, 9999).is_some()
            && part(4..6, 12).is_some_and(|month| month > 0)
            && part(6..8, 31).is_some_and(|day| day > 0)
            && mark(8, b'T')
            && part(9..11, 23).is_some()
            && part(11..13, 59).is_some()
            && part(13..15, 60).is_some()
            && mark(15, b'.')
            && part(16..25, 999_999_999).is_some()
            && mark(25, b'Z');
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName("the epoch is not YYYYMMDDTHHMMSS.nnnnnnnnnZ"))
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn subspace(text: &str) -> Result<u8, BadName> {
    digits(text, 3, 255)
        .and_then(|number| u8::try_from(number).ok())
        .ok_or(BadName("the subspace is not 000 to 255"))
}

/// The three parts that dashes separate.
fn parts(text: &str) -> Result<[&str; 3], BadName> {
    let stem = text
        .strip_suffix(".pcc")
        .ok_or(BadName("the name does not end in .pcc"))?;
    let parts: Vec<&str> = stem.split('-').collect();
    parts.try_into().map_err(|_| BadName("the name has not three parts"))
}

impl FromStr for RequestName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let [epoch, seq, ss] = parts(text)?;
        Ok(Self {
            epoch: epoch.parse()?,
            seq: digits(seq, 8, 99_999_999)
                .ok_or(BadName("the sequence number has not eight digits"))?,
            subspace: subspace(ss)?,
        })
    }
}

impl RequestName {
    /// What the names of a request and of all replies to it begin with.
    pub fn stem(file: &str) -> &str {
        let stem = file.strip_suffix(".pcc").unwrap_or(file);
        stem.rsplit_once(".r").map_or(stem, |(stem, _)| stem)
    }

    /// Name of the `k`th reply, from 1.
    pub fn reply(&self, k: usize) -> String {
        format!("{}-{:08}-{:03}.r{k}.pcc", self.epoch, self.seq, self.subspace)
    }
}

impl fmt::Display for RequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08}-{:03}.pcc", self.epoch, self.seq, self.subspace)
    }
}

impl FromStr for UnaskedName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let [time, number, ss] = parts(text)?;
        Ok(Self {
            time: time.parse()?,
            number: digits(number, number.len().clamp(1, 9), u32::MAX)
                .filter(|number| *number > 0)
                .ok_or(BadName("the number is not 1, 2, …"))?,
            subspace: subspace(ss)?,
        })
    }
}

impl fmt::Display for UnaskedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:03}.pcc", self.time, self.number, self.subspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "20261121T044142.123456789Z-00000017-000.pcc";

    #[test]
    fn the_example_goes_there_and_back() {
        let name: RequestName = GOOD.parse().unwrap();
        assert_eq!((name.seq, name.subspace), (17, 0));
        assert_eq!(name.to_string(), GOOD);
        assert_eq!(
            name.reply(10),
            "20261121T044142.123456789Z-00000017-000.r10.pcc"
        );
        let text = "20261121T044143.000000001Z-1-001.pcc";
        let name: UnaskedName = text.parse().unwrap();
        assert_eq!((name.number, name.subspace), (1, 1));
        assert_eq!(name.to_string(), text);
    }

    #[test]
    fn every_cut_or_changed_name_is_refused() {
        for end in 0..GOOD.len() {
            assert!(GOOD[..end].parse::<RequestName>().is_err());
        }
        for at in 0..GOOD.len() {
            let mut text = GOOD.to_owned();
            text.replace_range(at..=at, "x");
            assert!(text.parse::<RequestName>().is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_names_are_refused() {
        for text in [
            "20261321T044142.123456789Z-00000017-000.pcc",
            "20261100T044142.123456789Z-00000017-000.pcc",
            "20261121T244142.123456789Z-00000017-000.pcc",
            "20261121T044142.123456789Z-0000017-000.pcc",
            "20261121T044142.123456789Z-000000017-000.pcc",
            "20261121T044142.123456789Z-00000017-256.pcc",
            "20261121T044142.123456789Z-00000017-+00.pcc",
            "20261121T044142.123456789Z-00000017-000.r1.pcc",
            "20261121T044142.123456789Z-00000017-000.pcc~",
            "20261121T044142.12345678éZ-00000017-000.pcc",
            ".pcc",
            "--.pcc",
            "",
        ] {
            assert!(text.parse::<RequestName>().is_err(), "{text}");
        }
        for text in [
            "20261121T044143.000000001Z-0-001.pcc",
            "20261121T044143.000000001Z--001.pcc",
            "20261121T044143.000000001Z-1-001.r1.pcc",
        ] {
            assert!(text.parse::<UnaskedName>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_sort_by_number() {
        let name = |epoch: &str, seq| RequestName {
            epoch: epoch.parse().unwrap(),
            seq,
            subspace: 0,
        };
        let early = "20261121T044142.123456789Z";
        let late = "20261121T044142.123456790Z";
        assert!(name(early, 9) < name(early, 10));
        assert!(name(early, 99) < name(late, 1));
    }
}
