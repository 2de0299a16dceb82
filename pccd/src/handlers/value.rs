//! Values as handler files write them, made into values of wire fields, and
//! byte patterns in hex.

use serde_json::{Map, Value as Json};

use crate::script::number::{hex_bytes, parse_number};
use crate::script::problem::Wrong;
use crate::wire::encode::Given;
use crate::wire::layout::{Item, Kind, Value};
use crate::wire::message;
use crate::wire::version::Version;

/// What fields with plain values say of a message's headers.
pub fn plain_values(fields: &Map<String, Json>) -> Given {
    let mut known = Given::new();
    for (field, json) in fields {
        let value = value_of(field, &message::items(field), json);
        known.extend(value.ok().map(|value| (field.clone(), value)));
    }
    known
}

/// The table entries of a full field name, those of a message first of
/// which some fields are known.
pub fn field_items_in(field: &str, known: &Given) -> Result<Vec<Item>, Wrong> {
    let items = message::items_in(field, known);
    if !items.is_empty() {
        return Ok(items);
    }
    let known: Vec<String> = message::all_items()
        .iter()
        .map(|(layer, item)| format!("{layer}.{}", item.name))
        .collect();
    Err(Wrong::unknown(
        format!("unknown field `{field}`"),
        "a field name as `pccd decode` prints it, layer.name",
        field,
        known.iter().map(String::as_str),
    ))
}

/// A JSON value as the value of a field. Several tables may know the field;
/// the first that can hold the value decides.
pub fn value_of(
    field: &str,
    items: &[Item],
    json: &Json,
) -> Result<Value, Wrong> {
    let mut first = None;
    for item in items {
        match one(field, items, item, json) {
            Ok(value) => return Ok(value),
            Err(wrong) => {
                first.get_or_insert(wrong);
            }
        }
    }
    Err(first.unwrap_or_else(|| {
        Wrong::new(format!("unknown field `{field}`"), "a field name")
    }))
}

fn one(
    field: &str,
    items: &[Item],
    item: &Item,
    json: &Json,
) -> Result<Value, Wrong> {
    if item.is_number() {
        let number = match json {
            Json::Number(number) => plain_number(item, number),
            Json::Bool(flag) => Some(u64::from(*flag)),
            Json::String(text) => {
                Some(named_number(field, items, text.trim())?)
            }
            _ => None,
        };
        let room =
            format!("a number from 0 to {}", (1_u64 << item.width()) - 1);
        return match number {
            Some(number) if item.kind.fits(number) => Ok(Value::Number(number)),
            _ => Err(Wrong::new(format!("`{field}` cannot be {json}"), room)),
        };
    }
    let bytes = match (item.kind, json) {
        (_, Json::Array(list)) => list_bytes(field, item, list)?,
        (Kind::Uuid, Json::String(text)) => uuid(text).ok_or_else(|| {
            Wrong::new(
                format!("{json} is not a UUID"),
                "a UUID, as in \"01234567-89ab-cdef-0123-456789abcdef\"",
            )
        })?,
        (_, Json::String(text)) => hex_bytes(text)?,
        _ => {
            return Err(Wrong::new(
                format!("`{field}` cannot be {json}"),
                "bytes in hex, as in \"01 a2\"",
            ));
        }
    };
    match item.kind.fixed() {
        Some(count) if count != bytes.len() => Err(Wrong::new(
            format!("`{field}` has {} bytes", bytes.len()),
            format!("exactly {count} bytes"),
        )),
        _ => Ok(Value::Bytes(bytes)),
    }
}

/// A number below zero in two's complement, one with a point as IEEE 754.
/// A whole number is the bits themselves, as decoding prints them.
fn plain_number(item: &Item, number: &serde_json::Number) -> Option<u64> {
    if let Some(number) = number.as_u64() {
        return Some(number);
    }
    match item.kind {
        Kind::S8 | Kind::S16Le | Kind::S32Le => {
            let number = number.as_i64()?.cast_unsigned();
            item.kind.fits(number).then_some(number)
        }
        // The nearest there is.
        #[allow(clippy::cast_possible_truncation)]
        Kind::F32Le => Some((number.as_f64()? as f32).to_bits().into()),
        _ => None,
    }
}

/// A number, or the name of a value in any table of the field.
fn named_number(field: &str, items: &[Item], text: &str) -> Result<u64, Wrong> {
    let names = || items.iter().flat_map(|item| item.names);
    let named = names().find(|(_, name)| name.eq_ignore_ascii_case(text));
    if let Some((number, _)) = named {
        return Ok(*number);
    }
    if let Some(number) = parse_number(text) {
        return Ok(number);
    }
    let mut known: Vec<&str> = Vec::new();
    for (_, name) in names() {
        if !known.contains(name) {
            known.push(name);
        }
    }
    let expected = match known.is_empty() {
        true => "a number, as in 26 or \"0x1a\"".to_owned(),
        false => format!("a number, or one of `{}`", known.join("`, `")),
    };
    let message = format!("`{text}` is no value of `{field}`");
    Err(Wrong::unknown(message, expected, text, known))
}

fn list_bytes(
    field: &str,
    item: &Item,
    list: &[Json],
) -> Result<Vec<u8>, Wrong> {
    let mut bytes = match item.kind {
        Kind::BitSet(count) => vec![0; count],
        _ => Vec::new(),
    };
    for element in list {
        match (item.kind, element) {
            (Kind::Versions { .. } | Kind::Version, Json::String(text)) => {
                let version: Version = text.parse().map_err(|error| {
                    Wrong::new(
                        format!("`{text}` is not a version"),
                        format!("{error}"),
                    )
                })?;
                bytes.extend(match item.kind {
                    Kind::Versions { reversed: false, .. } => version.0,
                    _ => version.reversed(),
                });
            }
            (Kind::Codes | Kind::BitSet(_), _) => {
                let number = match element {
                    Json::String(text) => {
                        named_number(field, std::slice::from_ref(item), text)?
                    }
                    other => other.as_u64().unwrap_or(u64::MAX),
                };
                let bad = || {
                    Wrong::new(
                        format!("`{field}` cannot list {element}"),
                        "numbers that fit",
                    )
                };
                let number = u8::try_from(number).map_err(|_| bad())?;
                match item.kind {
                    Kind::BitSet(_) => {
                        let byte = bytes
                            .get_mut(usize::from(number / 8))
                            .ok_or_else(bad)?;
                        *byte |= 1 << (number % 8);
                    }
                    _ => bytes.push(number),
                }
            }
            (_, _) => {
                let byte = element
                    .as_u64()
                    .and_then(|number| u8::try_from(number).ok());
                bytes.push(byte.ok_or_else(|| {
                    Wrong::new(
                        format!("`{field}` cannot list {element}"),
                        "numbers from 0 to 255",
                    )
                })?);
            }
        }
    }
    Ok(bytes)
}

/// A UUID in its usual form, or 32 digits.
pub fn uuid(text: &str) -> Option<Vec<u8>> {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] && groups != [32] {
        return None;
    }
    hex::decode(text.replace('-', "")).ok()
}

/// Bytes some of which may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    bytes: Vec<Option<u8>>,
    open: bool,
}

impl Pattern {
    /// Reads `01 80 ?? 02 **`.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let mut pattern = Self { bytes: Vec::new(), open: false };
        for word in text.split_whitespace() {
            if pattern.open {
                return Err(Wrong::new(
                    format!("`{word}` after `**`"),
                    "`**` at the end only",
                ));
            }
            if word == "**" {
                pattern.open = true;
                continue;
            }
            let bytes = word.as_bytes();
            let (pairs, rest) = bytes.as_chunks::<2>();
            if !rest.is_empty() {
                hex_bytes(word)?;
            }
            for pair in pairs {
                pattern.bytes.push(match pair {
                    b"??" => None,
                    pair => {
                        let text = String::from_utf8_lossy(pair);
                        hex_bytes(&text)?.first().copied()
                    }
                });
            }
        }
        Ok(pattern)
    }

    /// Whether these bytes fit.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let length = self.bytes.len();
        let right_length = if self.open {
            bytes.len() >= length
        } else {
            bytes.len() == length
        };
        right_length
            && self
                .bytes
                .iter()
                .zip(bytes)
                .all(|(want, have)| want.is_none_or(|want| want == *have))
    }

    /// Its bytes; none where any will do.
    pub fn bytes(&self) -> &[Option<u8>] {
        &self.bytes
    }

    /// Whether more bytes may follow.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// How many of its bytes some bytes have, and what differs first.
    pub fn nearness(&self, bytes: &[u8]) -> (usize, Vec<String>) {
        let mut met = 0;
        let mut differs = Vec::new();
        for (place, want) in self.bytes.iter().enumerate() {
            match (want, bytes.get(place)) {
                (Some(want), Some(have)) if want != have => {
                    differs.push(format!(
                        "byte {place} is {have:02x}, wanted {want:02x}"
                    ));
                }
                (Some(_), Some(_)) => met += 1,
                (_, Some(_)) => {}
                (_, None) => {
                    let need = self.bytes.len();
                    let have = bytes.len();
                    differs.push(format!("{have} bytes, wanted {need}"));
                    break;
                }
            }
        }
        if !self.open && bytes.len() > self.bytes.len() {
            let (have, need) = (bytes.len(), self.bytes.len());
            differs.push(format!("{have} bytes, wanted {need}"));
        }
        (met, differs)
    }

    /// The first byte, if it is fixed.
    pub fn first(&self) -> Option<u8> {
        self.bytes.first().copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(field: &str, json: Json) -> Result<Value, Wrong> {
        value_of(field, &field_items_in(field, &Given::new()).unwrap(), &json)
    }

    #[test]
    fn values_of_fields() {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let cases = [
            ("mctp.type", json!("PLDM"), Value::Number(1)),
            ("mctp.type", json!("vendor-pci"), Value::Number(0x7e)),
            ("mctp.type", json!(5), Value::Number(5)),
            ("pldm.command", json!("GetTID"), Value::Number(2)),
            ("pldm.rq", json!(true), Value::Number(1)),
            ("vendor.vendor_id", json!("0x1af4"), Value::Number(0x1af4)),
            ("vendor.vendor_id", json!(0x12345), Value::Number(0x12345)),
            ("vendor.data", json!("01 a2FF"), bytes(&[1, 0xa2, 0xff])),
            ("control.versions", json!(["1.0"]), bytes(&[0xf1, 0xf0, 0xff, 0])),
            ("pldm.versions", json!(["1.1.0"]), bytes(&[0, 0xf0, 0xf1, 0xf1])),
            ("control.types", json!(["PLDM", 126]), bytes(&[1, 0x7e])),
            ("pldm.present_reading[3]", json!(42), Value::Number(42)),
            ("pldm.unit_modifier", json!(-3), Value::Number(u64::MAX - 2)),
            ("pldm.warning_low", json!(-1), Value::Number(u64::MAX)),
            ("pldm.warning_low", json!(-129), Value::Number(u64::MAX - 128)),
            ("pldm.resolution", json!(0.5), Value::Number(0x3f00_0000)),
            ("pldm.resolution", json!(1), Value::Number(1)),
            (
                "pldm.types",
                json!(["base", "platform", 4]),
                bytes(&[0x15, 0, 0, 0, 0, 0, 0, 0]),
            ),
        ];
        for (field, json, expected) in cases {
            assert_eq!(value(field, json), Ok(expected), "{field}");
        }
    }

    #[test]
    fn wrong_values_are_explained() {
        let cases = [
            ("mctp.tag", json!(8), "a number from 0 to 7", None),
            ("mctp.tag", json!(-1), "a number from 0 to 7", None),
            ("pldm.unit_modifier", json!(-129), "a number", None),
            ("pldm.command", json!("GetTDI"), "one of", Some("GetTID")),
            ("vendor.data", json!("0g"), "pairs of hex", None),
            ("vendor.data", json!("012"), "pairs of hex", None),
            ("vendor.data", json!(1), "bytes in hex", None),
            ("control.uuid", json!("0123"), "a UUID", None),
            ("mctp.type", json!(null), "a number from", None),
        ];
        for (field, json, expected, suggestion) in cases {
            let wrong = value(field, json).unwrap_err();
            let text = wrong.expected.unwrap();
            assert!(text.contains(expected), "{field}: {text}");
            assert_eq!(wrong.suggestion.as_deref(), suggestion);
        }
        let wrong = field_items_in("pldm.comand", &Given::new()).unwrap_err();
        assert_eq!(wrong.suggestion.as_deref(), Some("pldm.command"));
    }

    #[test]
    fn patterns() {
        let pattern = Pattern::parse("01 8? ").unwrap_err();
        assert!(pattern.message.contains("8?"));
        let pattern = Pattern::parse("01 ?? 02").unwrap();
        assert!(pattern.matches(&[1, 9, 2]));
        assert!(!pattern.matches(&[1, 9, 3]));
        assert!(!pattern.matches(&[1, 9]));
        assert!(!pattern.matches(&[1, 9, 2, 0]));
        let pattern = Pattern::parse("01??**").unwrap_err();
        assert!(pattern.message.contains("**"));
        let pattern = Pattern::parse("01?? **").unwrap();
        assert!(pattern.matches(&[1, 9]));
        assert!(pattern.matches(&[1, 9, 9]));
        assert!(!pattern.matches(&[1]));
        assert!(Pattern::parse("** 01").is_err());
        assert!(Pattern::parse("é1").is_err());
    }
}
