//! The shape of a handler file, as serde reads it. Nothing is judged here
//! but shape: names and values are the business of `compile`.
//!
//! All choices are externally tagged and unknown keys are refused, so that
//! every error keeps its path and its position.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// For editors; not used.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// The endpoint; at most one in all files.
    #[serde(default)]
    pub endpoint: Option<EndpointFile>,
    /// Handlers in the order they are asked.
    #[serde(default)]
    pub handlers: Vec<HandlerFile>,
}

/// The endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointFile {
    /// For people; not used.
    pub description: Option<String>,
    /// UUID in the 8-4-4-4-12 form.
    pub uuid: Option<String>,
    /// EID at the start; 0 for none.
    pub eid: Option<Number>,
    /// EID that "reset" goes back to.
    pub static_eid: Option<Number>,
    /// Payload bytes of packets we send, 64 without.
    pub transmission_unit: Option<Number>,
    /// Message types reported beyond those that handlers match.
    pub message_types: Vec<Value>,
    /// Versions by message type; `base` is the base specification.
    pub versions: BTreeMap<String, Vec<String>>,
    /// Vendors reported.
    pub vendor_ids: Vec<VendorFile>,
    /// Whether the discovery commands exist.
    pub discovery: bool,
}

/// A vendor.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VendorFile {
    /// By PCI vendor id.
    Pci(VendorEntry),
    /// By IANA enterprise number.
    Iana(VendorEntry),
}

/// A vendor's id and command set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorEntry {
    /// The id.
    pub id: Number,
    /// Vendor's command set, 0 without.
    #[serde(default)]
    pub command_set: Number,
}

/// One handler.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerFile {
    /// Name for the log; unique.
    pub name: String,
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// Handlers with a higher one are asked first; 0 without.
    #[serde(default)]
    pub priority: i32,
    /// What it answers.
    #[serde(rename = "match")]
    pub matching: Match,
    /// What it answers with.
    pub reply: Reply,
    /// What happens after the answer.
    #[serde(default)]
    pub then: Vec<Then>,
}

/// What a handler answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// All these fields have these values.
    Fields(Map<String, Value>),
    /// The message is these bytes; `??` any byte, `**` at the end any more.
    Hex(String),
}

/// A message to send.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// By fields; header fields come from the request unless given.
    Fields(Map<String, Value>),
    /// The message in hex, type byte first.
    Hex(String),
}

/// The answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// By fields; header fields come from the request unless given.
    Fields(Map<String, Value>),
    /// The message in hex, type byte first.
    Hex(String),
    /// No answer at all.
    None,
}

/// What happens after the answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// A message nobody asked for.
    Unasked(Unasked),
}

/// A message nobody asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unasked {
    /// The message.
    pub message: Message,
    /// Who it is for; without, whoever sent the request.
    #[serde(default)]
    pub destination: Option<Number>,
    /// Message tag, 0 without.
    #[serde(default)]
    pub tag: Number,
}

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
                f.write_str("a number, as in 26 or \"0x1a\"")
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
