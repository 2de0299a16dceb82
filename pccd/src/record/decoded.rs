//! Decoded bytes as plain data, and the way back.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::wire::layout::{Found, Value};
use crate::wire::message::{self, Described};
use crate::wire::rebuild::{Parts, rebuild};

/// Decoded bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoded {
    /// One line for somebody who never saw MCTP.
    #[serde(default)]
    pub summary: String,
    /// Every field in the order of the bytes.
    pub fields: Vec<Field>,
}

/// One decoded field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// `pcc`, `scmi`, `mctp`, `control`, `pldm`, `vendor`, `message`, `envelope`;
    /// `end` marks where decoding stopped.
    pub layer: String,
    /// Specification's name in small letters.
    pub name: String,
    /// A number, or text: hex, or a UUID in its usual form.
    pub value: FieldValue,
    /// What the value means, if it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
}

/// Value of a field: a JSON number or a JSON string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A number.
    Number(u64),
    /// A number below zero.
    Negative(i64),
    /// Hex, or a UUID in its usual form.
    Text(String),
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Negative(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<Found> for Field {
    fn from(found: Found) -> Self {
        Self {
            layer: found.layer.to_owned(),
            name: format!("{}{}", found.name, found.place),
            value: match found.value {
                Value::Number(number)
                    if found.kind.is_signed() && number.cast_signed() < 0 =>
                {
                    FieldValue::Negative(number.cast_signed())
                }
                Value::Number(number) => FieldValue::Number(number),
                Value::Bytes(_) => FieldValue::Text(found.text),
            },
            meaning: found.meaning,
        }
    }
}

impl From<Described> for Decoded {
    fn from(described: Described) -> Self {
        let mut fields: Vec<Field> =
            described.fields.into_iter().map(Field::from).collect();
        let stopped = described.stop.is_some();
        if let Some(stop) = described.stop {
            fields.push(Field {
                layer: "end".to_owned(),
                name: stop.field,
                value: FieldValue::Number(stop.offset as u64),
                meaning: Some(format!(
                    "stopped here: {} bytes needed, {} left",
                    stop.needed, stop.left
                )),
            });
        }
        if !described.rest.is_empty() {
            let (name, meaning) = match stopped {
                true => ("rest", "the bytes it stopped before"),
                false => ("extra", "more bytes than the message has"),
            };
            fields.push(Field {
                layer: "end".to_owned(),
                name: name.to_owned(),
                value: FieldValue::Text(hex::encode(&described.rest)),
                meaning: Some(meaning.to_owned()),
            });
        }
        Self { summary: described.summary, fields }
    }
}

/// What is wrong with a field, so that no bytes can be made of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEncoded(String);

impl From<NotEncoded> for String {
    fn from(error: NotEncoded) -> Self {
        error.0
    }
}

impl Decoded {
    /// A field by its full name, `layer.name`; the last one if several.
    pub fn field(&self, full_name: &str) -> Option<&Field> {
        self.fields.iter().rev().find(|field| {
            full_name
                .strip_prefix(field.layer.as_str())
                .and_then(|rest| rest.strip_prefix('.'))
                == Some(field.name.as_str())
        })
    }

    /// The bytes this was decoded from. Lengths and counts that were taken
    /// out are computed.
    ///
    /// # Errors
    ///
    /// What is wrong with a field.
    pub fn encode(&self) -> Result<Vec<u8>, NotEncoded> {
        let mut parts = Parts::default();
        for Field { layer, name, value, .. } in &self.fields {
            let full = format!("{layer}.{name}");
            let bytes = |text: &str| {
                hex::decode(text.replace(['-', ' '], "")).map_err(|_| {
                    NotEncoded(format!("`{full}`: `{text}` is not hex"))
                })
            };
            let value = match value {
                FieldValue::Number(number) => Value::Number(*number),
                FieldValue::Negative(number) => {
                    Value::Number(number.cast_unsigned())
                }
                FieldValue::Text(text) => Value::Bytes(bytes(text)?),
            };
            match (layer.as_str(), name.as_str(), value) {
                ("end", "extra" | "rest", Value::Bytes(tail)) => {
                    parts.tail = tail;
                }
                ("end", field, _) => parts.stop = Some(field.to_owned()),
                (_, _, value) => {
                    parts.given.insert(full, value);
                }
            }
        }
        rebuild(&parts).map_err(|error| NotEncoded(error.to_string()))
    }

    /// The fields of the message itself, on one line, without what the
    /// summary says already.
    pub(super) fn line(&self) -> String {
        let shown: Vec<String> = self
            .fields
            .iter()
            .filter(|field| !matches!(field.layer.as_str(), "pcc" | "mctp"))
            .filter(|field| !field.name.starts_with("reserved"))
            .filter(|field| {
                let said = ["rq", "d", "header_version", "command"];
                !said.contains(&field.name.as_str())
            })
            .map(|field| {
                let name = format!("{}.{}", field.layer, field.name);
                match &field.meaning {
                    Some(meaning) => {
                        format!("{name}={} ({meaning})", field.value)
                    }
                    None => format!("{name}={}", field.value),
                }
            })
            .collect();
        shown.join("  ")
    }
}

/// Decodes a whole content, as it lies in a mailbox. Never fails.
pub fn describe(content: &[u8]) -> Decoded {
    message::describe_content(content).into()
}

/// Decodes an MCTP message, type byte first. Never fails.
pub fn describe_message(message: &[u8]) -> Decoded {
    message::describe(message).into()
}

/// Decodes an MCTP packet, transport header first. Never fails.
pub fn describe_packet(packet: &[u8]) -> Decoded {
    message::describe_packet(packet).into()
}
