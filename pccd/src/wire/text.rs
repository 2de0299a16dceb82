//! Values of fields as people read them.

use super::layout::{Found, Item, Kind, Place, Value, name_of, signed};
use super::version::Version;

/// Big-endian number; longer input keeps the low 64 bits.
pub(crate) fn number_be(raw: &[u8]) -> u64 {
    raw.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Little-endian number; longer input keeps the low 64 bits.
pub(crate) fn number_le(raw: &[u8]) -> u64 {
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

/// Text in quotes, if bytes are text.
fn quoted(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    let plain = raw.iter().all(|byte| (b' '..=b'~').contains(byte));
    plain.then(|| format!("{text:?}"))
}

/// Bytes in hex: two digits, a space.
pub fn spaced_hex(raw: &[u8]) -> String {
    let parts: Vec<String> =
        raw.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(" ")
}

fn versions(raw: &[u8], reversed: bool) -> String {
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

fn listed(item: &Item, codes: impl Iterator<Item = u64>, hex: bool) -> String {
    let texts: Vec<String> = codes
        .map(|code| match name_of(item.names, code) {
            Some(name) => name.to_owned(),
            None if hex => format!("{code:#04x}"),
            None => code.to_string(),
        })
        .collect();
    texts.join(", ")
}

fn number_meaning(item: &Item, number: u64) -> Option<String> {
    if let Some(name) = name_of(item.names, number) {
        return Some(name.to_owned());
    }
    match item.kind {
        Kind::Count(_) => None,
        Kind::F32Le => {
            let bits = u32::try_from(number).ok()?;
            Some(f32::from_bits(bits).to_string())
        }
        Kind::S16Le | Kind::S32Le => None,
        _ => match item.width() {
            16 => Some(format!("{number:#06x}")),
            32 => Some(format!("{number:#010x}")),
            _ => None,
        },
    }
}

fn bytes_meaning(item: &Item, raw: &[u8]) -> Option<String> {
    match item.kind {
        Kind::Versions { reversed, .. } => Some(versions(raw, reversed)),
        Kind::Version => Some(versions(raw, true)),
        Kind::Codes => {
            let codes = raw.iter().map(|code| u64::from(*code));
            Some(listed(item, codes, true))
        }
        Kind::BitSet(_) => {
            let is_set = |bit: &u64| {
                let byte = usize::try_from(bit / 8).ok();
                byte.and_then(|byte| raw.get(byte))
                    .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
            };
            let bits = (0..raw.len() as u64 * 8).filter(is_set);
            Some(listed(item, bits, false))
        }
        // What has a length of its own is often text.
        Kind::Rest if item.counted.is_some() && !raw.is_empty() => quoted(raw),
        _ => None,
    }
}

fn brief(item: &Item, found: &Found, raw: &[u8]) -> Option<String> {
    let shown = match (&found.meaning, item.kind) {
        (Some(meaning), _) => meaning.clone(),
        (None, Kind::Rest | Kind::AllBut(_) | Kind::Bytes(_)) => {
            let text = quoted(raw).unwrap_or_else(|| spaced_hex(raw));
            match raw.len() {
                0 => "no bytes".to_owned(),
                1 => format!("1 byte {}", spaced_hex(raw)),
                count => format!("{count} bytes {text}"),
            }
        }
        (None, _) => found.text.clone(),
    };
    item.brief.map(|brief| brief.replace("{}", &shown))
}

/// The bytes of a field as what was found. What a checksum means is known
/// only to the walk.
pub(super) fn show(
    layer: &'static str,
    item: &Item,
    place: Place,
    offset: usize,
    raw: &[u8],
) -> Found {
    let (value, text, meaning) = if item.is_number() {
        let mut number = match item.kind.is_big_endian() {
            true => number_be(raw),
            false => number_le(raw),
        };
        if let Kind::Bits { shift, width } = item.kind {
            number = (number >> shift) & ((1 << width) - 1);
        }
        let meaning = number_meaning(item, number);
        let mut text = number.to_string();
        if item.kind.is_signed() {
            let below = signed(number, item.width());
            (number, text) = (below.cast_unsigned(), below.to_string());
        }
        (Value::Number(number), text, meaning)
    } else {
        let text = match item.kind {
            Kind::Uuid => uuid_text(raw),
            _ => hex::encode(raw),
        };
        (Value::Bytes(raw.to_vec()), text, bytes_meaning(item, raw))
    };
    let mut found = Found {
        layer,
        name: item.name,
        place,
        kind: item.kind,
        names: item.names,
        offset,
        value,
        text,
        meaning,
        brief: None,
    };
    found.brief = brief(item, &found, raw);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(item: Item, raw: &[u8]) -> Option<String> {
        show("t", &item, Place::default(), 0, raw).meaning
    }

    #[test]
    fn numbers_mean_something() {
        let cases: &[(Kind, &[u8], Option<&str>)] = &[
            (Kind::U8, &[0xff], None),
            (Kind::F32Le, &[0, 0, 0x80, 0xbf], Some("-1")),
            (Kind::F32Le, &[0, 0, 0x40, 0x3f], Some("0.75")),
            (Kind::U16Be, &[0x1a, 0xf4], Some("0x1af4")),
            (Kind::U24Be, &[0, 1, 0], None),
            (Kind::Count(2), &[1, 0], None),
        ];
        for (kind, raw, expected) in cases {
            let found = meaning(Item::new("n", *kind), raw);
            assert_eq!(found.as_deref(), *expected, "{kind:?}");
        }
    }

    #[test]
    fn numbers_below_zero() {
        let cases: &[(Kind, &[u8], i64)] = &[
            (Kind::S8, &[0xff], -1),
            (Kind::S8, &[0x7f], 127),
            (Kind::S16Le, &[0x00, 0x80], -32768),
            (Kind::S32Le, &[0xfe, 0xff, 0xff, 0xff], -2),
        ];
        for (kind, raw, expected) in cases {
            let item = Item::new("n", *kind);
            let found = show("t", &item, Place::default(), 0, raw);
            let number = Value::Number(expected.cast_unsigned());
            assert_eq!(found.value, number);
            assert_eq!(found.text, expected.to_string());
            assert!(kind.fits(expected.cast_unsigned()));
        }
        assert!(Kind::S8.fits(127) && !Kind::S8.fits(128));
        assert!(!Kind::S8.fits((-129_i64).cast_unsigned()));
        assert!(Kind::U8.fits(255) && !Kind::U8.fits(u64::MAX));
    }

    #[test]
    fn lists_print_their_names() {
        let set = Item::new("set", Kind::BitSet(2)).named(&[(2, "two")]);
        assert_eq!(meaning(set, &[0x15, 0x80]).unwrap(), "0, two, 4, 15");
        let codes = Item::new("codes", Kind::Codes).named(&[(2, "two")]);
        assert_eq!(meaning(codes, &[2, 9]).unwrap(), "two, 0x09");
        let text = Item::new("text", Kind::Rest).counted("n");
        assert_eq!(meaning(text, b"ab").unwrap(), "\"ab\"");
        assert_eq!(meaning(text, b"a\n"), None);
    }
}
