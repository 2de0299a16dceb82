//! Numbers and bytes as handler files write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::problem::Wrong;

/// A number, written as one or as text with `0x`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Number(pub u64);

/// Reads `12` or `0x0c`.
pub fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 on, as in 26 or \"0x1a\"")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                parse_number(text).map(Number).ok_or_else(|| {
                    E::invalid_value(serde::de::Unexpected::Str(text), &self)
                })
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, as in 26 or \"0x1a\".",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {
                    "type": "string",
                    "pattern": "^(0[xX][0-9a-fA-F]+|[0-9]+)$"
                }
            ]
        })
    }
}

/// A JSON number from 0 up, or one as text.
pub(crate) fn plain(json: &Json) -> Option<u64> {
    match json {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => parse_number(text.trim()),
        _ => None,
    }
}

/// Bytes in hex; blanks, and `0x` before a byte, are skipped.
pub fn hex_bytes(text: &str) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        let decoded = hex::decode(digits).map_err(|error| {
            Wrong::new(
                format!("`{word}` is not hex: {}", hex_reason(error)),
                "pairs of hex digits, as in \"01 a2\"",
            )
        })?;
        bytes.extend(decoded);
    }
    Ok(bytes)
}

fn hex_reason(error: hex::FromHexError) -> String {
    match error {
        hex::FromHexError::InvalidHexCharacter { c, index } => {
            format!("`{c}` at character {}", index + 1)
        }
        _ => "an odd number of digits".to_owned(),
    }
}
