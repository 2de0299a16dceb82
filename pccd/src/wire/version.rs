//! Version numbers as MCTP and PLDM write them (DSP0236 1.3.1 §12.6).
//!
//! Four bytes: major, minor, update, alpha. The first three are BCD with
//! 0xF for "no digit"; update 0xFF is "not given"; alpha is an ASCII letter
//! or zero. PLDM sends the same four bytes in reverse order.

use std::fmt;
use std::str::FromStr;

/// A version in the byte order of MCTP: major first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub [u8; 4]);

/// The text is not a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadVersion;

impl fmt::Display for BadVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a version looks like \"1.0\", \"1.3.3\" or \"1.0a\", with one \
             or two digits a part",
        )
    }
}

impl std::error::Error for BadVersion {}

impl Version {
    /// The same version as PLDM sends it: alpha first.
    pub fn reversed(self) -> [u8; 4] {
        let [major, minor, update, alpha] = self.0;
        [alpha, update, minor, major]
    }
}

fn write_part(f: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    let (high, low) = (byte >> 4, byte & 0x0f);
    if low > 9 || (high > 9 && high != 0xf) {
        return write!(f, "{byte:#04x}");
    }
    if high != 0xf {
        write!(f, "{high}")?;
    }
    write!(f, "{low}")
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, update, alpha] = self.0;
        write_part(f, major)?;
        f.write_str(".")?;
        write_part(f, minor)?;
        if update != 0xff {
            f.write_str(".")?;
            write_part(f, update)?;
        }
        match alpha {
            0 => Ok(()),
            letter if letter.is_ascii_alphabetic() => {
                write!(f, "{}", char::from(letter))
            }
            other => write!(f, "+{other:#04x}"),
        }
    }
}

fn parse_part(text: &str) -> Result<u8, BadVersion> {
    match text.as_bytes() {
        [low @ b'0'..=b'9'] => Ok(0xf0 | (low - b'0')),
        [high @ b'0'..=b'9', low @ b'0'..=b'9'] => {
            Ok(((high - b'0') << 4) | (low - b'0'))
        }
        _ => Err(BadVersion),
    }
}

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let (numbers, alpha) = match text.as_bytes().last() {
            Some(letter) if letter.is_ascii_alphabetic() => {
                (text.get(..text.len() - 1).ok_or(BadVersion)?, *letter)
            }
            _ => (text, 0),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        match parts.as_slice() {
            [major, minor] => {
                Ok(Self([parse_part(major)?, parse_part(minor)?, 0xff, alpha]))
            }
            [major, minor, update] => Ok(Self([
                parse_part(major)?,
                parse_part(minor)?,
                parse_part(update)?,
                alpha,
            ])),
            _ => Err(BadVersion),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// facts of DSP0236 1.3.1, table of version encodings.
    const CASES: &[(&str, [u8; 4])] = &[
        ("1.0", [0xf1, 0xf0, 0xff, 0x00]),
        ("1.3.0", [0xf1, 0xf3, 0xf0, 0x00]),
        ("1.3.3", [0xf1, 0xf3, 0xf3, 0x00]),
        ("3.1", [0xf3, 0xf1, 0xff, 0x00]),
        ("1.0a", [0xf1, 0xf0, 0xff, 0x61]),
        ("3.7.10a", [0xf3, 0xf7, 0x10, 0x61]),
        ("10.11.7", [0x10, 0x11, 0xf7, 0x00]),
    ];

    #[test]
    fn text_and_bytes_agree() {
        for (text, bytes) in CASES {
            assert_eq!(text.parse(), Ok(Version(*bytes)), "{text}");
            assert_eq!(Version(*bytes).to_string(), *text);
        }
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in ["", "1", "1.", "1.2.3.4", "a.b", "100.1", "1.0aa", "é"] {
            assert_eq!(text.parse::<Version>(), Err(BadVersion), "{text}");
        }
    }

    #[test]
    fn every_byte_prints() {
        for byte in 0..=u8::MAX {
            let text = Version([byte; 4]).to_string();
            assert!(!text.is_empty());
        }
    }

    #[test]
    fn pldm_order_is_reversed() {
        let version: Version = "1.1.0".parse().unwrap();
        assert_eq!(version.reversed(), [0x00, 0xf0, 0xf1, 0xf1]);
    }
}
