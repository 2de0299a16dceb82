//! Filters that templates have beside minijinja's: numbers as bytes, bits of
//! numbers, checksums, bytes laid out.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::number::{hex_bytes, parse_number};
use super::problem::Wrong;
use crate::wire::checksum::Checksum;

/// Their names, in words.
pub(crate) const NAMES: &str = "a filter of minijinja, or `hex`, `le`, `number`, `bits`, \
     `mask`, `with`, `flip`, `left`, `right`, `signed`, `bytes`, `part`, \
     `crc8`, `crc32`, `crc32c`";

/// All of them, by name.
pub(super) fn all() -> [(&'static str, Value); 15] {
    let sum = |kind| Value::from_function(move |hex: &str| checksum(kind, hex));
    [
        ("hex", Value::from_function(hex)),
        ("le", Value::from_function(le)),
        ("number", Value::from_function(number)),
        ("bits", Value::from_function(bits)),
        ("signed", Value::from_function(signed)),
        ("mask", Value::from_function(|a: i128, b: i128| a & b)),
        ("with", Value::from_function(|a: i128, b: i128| a | b)),
        ("flip", Value::from_function(|a: i128, b: i128| a ^ b)),
        ("left", Value::from_function(shift)),
        ("right", Value::from_function(|n: i128, by: u32| n >> by.min(127))),
        ("bytes", Value::from_function(bytes)),
        ("part", Value::from_function(part)),
        ("crc8", sum(Checksum::Crc8)),
        ("crc32", sum(Checksum::Crc32)),
        ("crc32c", sum(Checksum::Crc32c)),
    ]
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

fn decoded(text: &str) -> Result<Vec<u8>, Error> {
    hex_bytes(text).map_err(|Wrong { message, .. }| wrong(message))
}

/// A number as hex bytes: two digits, or as many as asked for.
fn hex(number: u64, digits: Option<usize>) -> String {
    let digits = digits.unwrap_or(2).min(16);
    format!("{number:0digits$x}")
}

/// Hex of a number's low bytes, lowest first: so many, or four.
fn le(number: i128, bytes: Option<usize>) -> Result<String, Error> {
    let raw = number.to_le_bytes();
    let raw = raw.get(..bytes.unwrap_or(4));
    Ok(hex::encode(raw.ok_or_else(|| wrong("too many bytes"))?))
}

fn shift(number: i128, by: u32) -> Result<i128, Error> {
    let shifted = number.checked_shl(by).filter(|_| by < 64);
    shifted.ok_or_else(|| wrong(format!("shifted by {by} bits")))
}

fn bits(number: i128, high: u32, low: u32) -> Result<i128, Error> {
    if high < low || high > 63 {
        return Err(wrong(format!("bits {high} to {low}")));
    }
    Ok((number >> low) & (shift(1, high - low)? * 2 - 1))
}

fn signed(number: i128, width: u32) -> Result<i128, Error> {
    let top = shift(1, width.checked_sub(1).ok_or_else(|| wrong("0 bits"))?)?;
    let low = number & (top * 2 - 1);
    Ok(if low & top == 0 { low } else { low - top * 2 })
}

/// The checksum of bytes in hex, as a number.
fn checksum(kind: Checksum, text: &str) -> Result<u64, Error> {
    Ok(kind.of(&decoded(text)?))
}

/// So many bytes in hex: what stands at offsets of a map, zeros elsewhere,
/// and another map's over that. Hex itself begins at 0. `size` is paid for
/// before.
fn bytes(
    parts: Value,
    size: usize,
    over: Option<Value>,
) -> Result<String, Error> {
    let mut all = vec![0; size];
    let mut put = |offset: usize, bytes: &[u8]| {
        let end = offset.checked_add(bytes.len());
        let room = end.and_then(|end| all.get_mut(offset..end));
        let room = room.ok_or_else(|| {
            let count = bytes.len();
            wrong(format!("{count} bytes at {offset} are not within {size}"))
        })?;
        room.copy_from_slice(bytes);
        Ok::<_, Error>(())
    };
    for parts in [Some(parts), over].into_iter().flatten() {
        if parts.kind() != ValueKind::Map {
            put(0, &laid(&parts)?)?;
            continue;
        }
        for key in parts.try_iter()? {
            let offset = match key.as_str() {
                Some(text) => parse_number(text).map(usize::try_from),
                None => key.as_usize().map(Ok),
            };
            let Some(Ok(offset)) = offset else {
                return Err(wrong(format!("`{key}` is no offset of bytes")));
            };
            put(offset, &laid(&parts.get_item(&key)?)?)?;
        }
    }
    Ok(hex::encode(all))
}

/// What stands at an offset: hex, a number of one byte, or text, which blanks
/// may follow up to a length.
fn laid(value: &Value) -> Result<Vec<u8>, Error> {
    let other = || {
        wrong(format!(
            "`{value}` is neither hex nor a number of one byte nor \
             {{\"text\": …, \"bytes\": …}}"
        ))
    };
    if let Some(text) = value.as_str() {
        return decoded(text);
    }
    if value.kind() == ValueKind::Map {
        let text = value.get_attr("text")?;
        let mut bytes = text.as_str().ok_or_else(other)?.as_bytes().to_vec();
        let size = value.get_attr("bytes")?;
        let size = match size.is_undefined() {
            true => bytes.len(),
            false => size.as_usize().ok_or_else(other)?,
        };
        if size < bytes.len() || size > usize::from(u16::MAX) {
            return Err(wrong(format!("`{text}` is not {size} bytes")));
        }
        bytes.resize(size, b' ');
        return Ok(bytes);
    }
    let byte = value.as_usize().and_then(|number| u8::try_from(number).ok());
    Ok(vec![byte.ok_or_else(other)?])
}

/// Bytes in hex, lowest first, as a number.
fn number(text: &str) -> Result<u64, Error> {
    let mut raw = [0; 8];
    let bytes = decoded(text)?;
    let room = raw.get_mut(..bytes.len());
    let room = room.ok_or_else(|| wrong("a number of more than 8 bytes"))?;
    room.copy_from_slice(&bytes);
    Ok(u64::from_le_bytes(raw))
}

/// So many bytes of hex from an offset on, or as many as there are.
fn part(text: &str, from: usize, count: usize) -> Result<String, Error> {
    let bytes = decoded(text)?;
    let rest = bytes.get(from..).unwrap_or_default();
    Ok(hex::encode(rest.get(..count).unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use crate::script::template::{environment, render};

    #[test]
    fn filters_work_on_bits_and_bytes() {
        let environment = environment();
        let cases = [
            ("{{ 4660 | le(4) }}", "34120000"),
            ("{{ -1 | le(2) }}", "ffff"),
            ("{{ 305419896 | bits(31, 28) }}", "1"),
            (
                "{{ 18446744073709551615 | bits(63, 0) }}",
                "18446744073709551615",
            ),
            ("{{ 240 | mask(48) }} {{ 1 | with(6) }}", "48 7"),
            ("{{ 5 | flip(1) }} {{ 1 | left(4) }}", "4 16"),
            ("{{ 256 | right(4) }}", "16"),
            ("{{ 472 | signed(9) }} {{ 40 | signed(9) }}", "-40 40"),
            ("{{ {1: '0a 0b', '4': 7} | bytes(6) }}", "000a0b000700"),
            ("{{ {'0x1': 255} | bytes(2) }}", "00ff"),
            ("{{ {0: {'text': 'ab', 'bytes': 3}} | bytes(4) }}", "61622000"),
            ("{{ '0102' | bytes(3) }}", "010200"),
            ("{{ {0: {'text': 'ab'}} | bytes(3, {1: 7}) }}", "610700"),
            ("{{ '3412' | number }} {{ '' | number }}", "4660 0"),
            ("{{ '01 02 03' | part(1, 1) }}", "02"),
            ("{{ '010203' | part(2, 9) }}.{{ '01' | part(7, 1) }}", "03."),
        ];
        for (source, expected) in cases {
            let text = render(&environment, source, &().into());
            assert_eq!(text.unwrap(), expected, "{source}");
        }
        for source in [
            "{{ 1 | le(17) }}",
            "{{ 1 | bits(3, 4) }}",
            "{{ 1 | bits(64, 0) }}",
            "{{ 1 | left(64) }}",
            "{{ 1 | signed(0) }}",
            "{{ {1: '0102'} | bytes(2) }}",
            "{{ {'x': 1} | bytes(2) }}",
            "{{ {0: 256} | bytes(2) }}",
            "{{ {0: {'text': 'abc', 'bytes': 2}} | bytes(4) }}",
            "{{ 1.5 | bytes(4) }}",
            "{{ '010203040506070809' | number }}",
            "{{ '00' | bytes(9000000) }}",
            "{{ '00' | bytes(18446744073709551615) }}",
            "{{ 'x' | part(0, 1) }}",
        ] {
            let text = render(&environment, source, &().into());
            assert!(text.is_err(), "{source}");
        }
    }
}
