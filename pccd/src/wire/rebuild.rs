//! Described bytes made into the same bytes again: the way back over the
//! tables for what [`super::message`] describes, damaged bytes included.
//!
//! Lengths and counts that are left out are computed, so that a described
//! message can be changed by hand.

use super::encode::{Given, encode_section};
use super::error::EncodeError;
use super::layout::{Item, Kind, Section, Value};
use super::mctp;
use super::message::{STAGES, section};
use super::pcc;

/// Bytes as fields, and what is left of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Fields by full name.
    pub given: Given,
    /// Full name of the field that the bytes end before.
    pub stop: Option<String>,
    /// Bytes after the last field.
    pub tail: Vec<u8>,
}

struct Build<'a> {
    parts: &'a Parts,
    out: Vec<u8>,
    known: Vec<String>,
    stopped: bool,
}

impl Build<'_> {
    fn has(&self, field: &str) -> bool {
        self.parts.given.contains_key(field)
    }

    fn number(&self, layer: &str, name: &str) -> Option<u64> {
        match self.parts.given.get(&format!("{layer}.{name}"))? {
            Value::Number(number) => Some(*number),
            Value::Bytes(_) => None,
        }
    }

    fn section(&mut self, section: &Section) -> Result<(), EncodeError> {
        if self.stopped {
            return Ok(());
        }
        let full = |item: &Item| format!("{}.{}", section.layer, item.name);
        let stop = section
            .items
            .iter()
            .position(|item| self.parts.stop.as_ref() == Some(&full(item)));
        let upto = stop.unwrap_or(section.items.len());
        let items = section.items.get(..upto).unwrap_or(section.items);
        self.stopped = stop.is_some();
        self.known.extend(items.iter().map(full));
        let section = Section { layer: section.layer, items };
        encode_section(&section, &self.parts.given, &mut self.out)
    }

    fn message(&mut self) -> Result<(), EncodeError> {
        for stage in 0..STAGES {
            let next = section(stage, &|l, n| self.number(l, n));
            match next {
                Some(section) if !self.stopped => self.section(&section)?,
                _ => break,
            }
        }
        Ok(())
    }

    fn packet(&mut self) -> Result<(), EncodeError> {
        self.section(&mctp::HEADER)?;
        let flag = |name| self.number("mctp", name) == Some(1);
        let (som, eom) = (flag("som"), flag("eom"));
        if som && eom {
            return self.message();
        }
        if som {
            self.section(&mctp::MESSAGE)?;
        }
        const PART: Section =
            Section { layer: "mctp", items: &[Item::new("part", Kind::Rest)] };
        self.section(&PART)
    }

    fn content(&mut self) -> Result<(), EncodeError> {
        const DATA: Section =
            Section { layer: "pcc", items: &[Item::new("data", Kind::Rest)] };
        let stops_in = |layer: &str| {
            self.parts.stop.as_ref().is_some_and(|at| at.starts_with(layer))
        };
        if self.has("envelope.magic") || stops_in("envelope.") {
            self.section(&pcc::ENVELOPE)?;
        }
        if !self.has("pcc.signature") && !stops_in("pcc.") {
            // An empty file, or one that is no PCC message.
            return match self.has("pcc.data") {
                true => self.section(&DATA),
                false => Ok(()),
            };
        }
        let start = self.out.len();
        let computed = !self.has("pcc.length") && !stops_in("pcc.");
        if computed {
            let mut header = self.parts.given.clone();
            header.insert("pcc.length".to_owned(), Value::Number(0));
            encode_section(&pcc::HEADER, &header, &mut self.out)?;
            let items = pcc::HEADER.items.iter();
            self.known.extend(items.map(|item| format!("pcc.{}", item.name)));
        } else {
            self.section(&pcc::HEADER)?;
        }
        let mctp = u64::from(u32::from_le_bytes(pcc::COMMAND_MCTP));
        if self.number("pcc", "command") == Some(mctp) {
            self.packet()?;
        } else {
            self.section(&DATA)?;
        }
        if computed {
            let tail = self.parts.tail.len();
            let size = (self.out.len() + tail).saturating_sub(start);
            let length = size.saturating_sub(pcc::UNCOUNTED_LEN);
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            if let Some(place) = self.out.get_mut(start + 8..start + 12) {
                place.copy_from_slice(&length.to_le_bytes());
            }
        }
        Ok(())
    }
}

/// Makes the bytes: a content, a packet or a message, by the layers that
/// are there.
///
/// # Errors
///
/// A field is missing, does not fit, or does not belong there.
pub fn rebuild(parts: &Parts) -> Result<Vec<u8>, EncodeError> {
    let mut build =
        Build { parts, out: Vec::new(), known: Vec::new(), stopped: false };
    let stop = parts.stop.as_deref().unwrap_or_default();
    let starts = |layers: [&str; 2]| {
        layers.iter().any(|layer| {
            stop.starts_with(layer)
                || parts.given.keys().any(|field| field.starts_with(layer))
        })
    };
    let in_header = mctp::HEADER.items.iter().any(|item| {
        let full = format!("mctp.{}", item.name);
        parts.given.contains_key(&full) || stop == full
    });
    if starts(["envelope.", "pcc."]) {
        build.content()?;
    } else if in_header {
        build.packet()?;
    } else if !parts.given.is_empty() || !stop.is_empty() {
        build.message()?;
    }
    if let Some(field) =
        parts.given.keys().find(|field| !build.known.contains(field))
    {
        let (field, known) = (field.clone(), build.known);
        return Err(EncodeError::Unknown { field, known });
    }
    build.out.extend_from_slice(&parts.tail);
    Ok(build.out)
}

#[cfg(test)]
mod tests {
    use super::super::message::{Described, describe, describe_content};
    use super::*;

    fn parts(described: &Described) -> Parts {
        let given = described.fields.iter().map(|found| {
            (format!("{}.{}", found.layer, found.name), found.value.clone())
        });
        let tail = described.rest.clone();
        let stop = described.stop.as_ref().map(|stop| stop.field.clone());
        Parts { given: given.collect(), stop, tail }
    }

    const SEEDS: [&[u8]; 5] = [
        b"\x05CCP\x01\0\0\0\x0b\0\0\0MCTP\x01\x09\x08\xc8\x00\x80\x02",
        b"\x05CCP\0\0\0\0\x0f\0\0\0MCTP\x01\x08\x09\xc0\0\0\x02\0\x09\0\0",
        b"\x05CCP\0\0\0\0\x12\0\0\0MCTP\x01\x08\x09\xc0\x01\0\0\x03\0\0\0\0\0",
        b"PCCE\x01\0\x20\0\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
          \0\x01CCP\0\0\0\0\x0a\0\0\0MCTP\x01\x08\x09\xc0\x7e\x1a\xf4",
        b"\x05CCP\x01\0\0\0\x0b\0\0\0MCTP\x01\x09\x08\x88\x7e\x1a\xf4",
    ];

    #[test]
    fn described_bytes_are_the_same_again() {
        use rand::RngExt;
        let mut dice = rand_pcg::Pcg64Mcg::new(7);
        for (round, seed) in SEEDS.iter().cycle().enumerate().take(20_000) {
            let mut bytes = seed.to_vec();
            for _ in 0..dice.random_range(0..4) {
                let at = dice.random_range(0..bytes.len());
                let byte = bytes.get_mut(at).unwrap();
                *byte = dice.random_range(0..=255);
            }
            match round % 3 {
                0 => bytes.truncate(dice.random_range(0..=bytes.len())),
                1 => bytes.extend([0xee; 3]),
                _ => {}
            }
            let described = describe_content(&bytes);
            let again = rebuild(&parts(&described));
            assert_eq!(again.as_ref(), Ok(&bytes), "{described:?}");
            let body = bytes.get(20..).unwrap_or(&[]);
            let described = describe(body);
            let again = rebuild(&parts(&described));
            assert_eq!(again.as_deref(), Ok(body), "{described:?}");
        }
    }

    #[test]
    fn lengths_and_counts_are_computed() {
        let bytes = SEEDS[1];
        let mut parts = parts(&describe_content(bytes));
        parts.given.remove("pcc.length");
        assert_eq!(rebuild(&parts).unwrap(), bytes);
        parts.given.insert("pcc.lenght".into(), Value::Number(1));
        assert!(rebuild(&parts).is_err());
        assert_eq!(rebuild(&Parts::default()), Ok(Vec::new()));
    }
}
