//! Described bytes made into the same bytes again: the way back over the
//! tables for what [`super::message`] describes, damaged bytes included.
//!
//! Lengths and counts that are left out are computed, so that a described
//! message can be changed by hand.

use super::encode::{Encoder, Given};
use super::error::EncodeError;
use super::mctp;
use super::message::{PART, PCC_DATA, encode_stages};
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

/// Bytes between the last field and the integrity check are no fields, and
/// then the check is none either: all of it is the tail.
fn message(
    parts: &Parts,
    encoder: &mut Encoder<'_>,
) -> Result<(), EncodeError> {
    let check = "mctp.integrity_check";
    let ends = parts.tail.is_empty()
        || parts.given.contains_key(check)
        || parts.stop.as_deref() == Some(check);
    encode_stages(encoder, ends)
}

fn packet(parts: &Parts, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
    encoder.section(&mctp::HEADER)?;
    let flag = |name| encoder.number("mctp", name) == Some(1);
    let (som, eom) = (flag("som"), flag("eom"));
    if som && eom {
        return message(parts, encoder);
    }
    if som {
        encoder.section(&mctp::MESSAGE)?;
    }
    encoder.section(&PART)
}

fn content(
    parts: &Parts,
    encoder: &mut Encoder<'_>,
) -> Result<(), EncodeError> {
    let has = |field: &str| parts.given.contains_key(field);
    let stops_in = |layer: &str| {
        parts.stop.as_ref().is_some_and(|at| at.starts_with(layer))
    };
    if has("envelope.magic") || stops_in("envelope.") {
        encoder.section(&pcc::ENVELOPE)?;
    }
    if !has("pcc.signature") && !stops_in("pcc.") {
        // An empty file, or one that is no PCC message.
        return match has("pcc.data") {
            true => encoder.section(&PCC_DATA),
            false => Ok(()),
        };
    }
    encoder.section(&pcc::HEADER)?;
    let mctp = u64::from(u32::from_le_bytes(pcc::COMMAND_MCTP));
    if encoder.number("pcc", "command") == Some(mctp) {
        packet(parts, encoder)
    } else {
        encoder.section(&PCC_DATA)
    }
}

/// Makes the bytes: a content, a packet or a message, by the layers that
/// are there.
pub fn rebuild(parts: &Parts) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::until(&parts.given, parts.stop.as_deref());
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
        content(parts, &mut encoder)?;
    } else if in_header {
        packet(parts, &mut encoder)?;
    } else if !parts.given.is_empty() || !stop.is_empty() {
        message(parts, &mut encoder)?;
    }
    if let Some(field) = encoder.unused() {
        let (field, known) = (field.clone(), encoder.known());
        return Err(EncodeError::Unknown { field, known });
    }
    encoder.append(&parts.tail);
    Ok(encoder.finish())
}

#[cfg(test)]
mod tests {
    use super::super::message::{Described, describe, describe_content};
    use super::*;
    use crate::wire::layout::Value;

    fn parts(described: &Described) -> Parts {
        let given = described
            .fields
            .iter()
            .map(|found| (found.full_name(), found.value.clone()));
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
