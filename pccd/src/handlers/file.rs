//! The shape of a handler file, as serde reads it. Nothing is judged here
//! but shape: names and values are the business of `compile`.
//!
//! All choices are externally tagged and unknown keys are refused, so that
//! every error keeps its path and its position.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rule::{HandlerFile, TimedFile};
use super::schema;
use crate::registers::file::{ChannelFile, Player};

/// One file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
    /// Variables of the platform, by name, with the value they have when a
    /// life of the guest begins: a number or text.
    #[serde(default)]
    #[schemars(schema_with = "schema::variables")]
    pub variables: Map<String, Value>,
    /// Scenarios, by name, with their states; the first is where they begin.
    #[serde(default)]
    pub scenarios: BTreeMap<String, Vec<String>>,
    /// Channels of registers.
    #[serde(default)]
    pub channels: Vec<ChannelFile>,
    /// Which of them plays which subspace.
    #[serde(default)]
    pub subspaces: BTreeMap<String, Player>,
    /// Handlers in the order they are asked.
    #[serde(default)]
    pub handlers: Vec<HandlerFile>,
    /// Messages nobody asks for, sent by the clock.
    #[serde(default)]
    pub unasked: Vec<TimedFile>,
    /// Names of handlers that must answer for the first time in this order.
    #[serde(default)]
    pub expect_order: Vec<String>,
}

/// The endpoint.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
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
    #[schemars(schema_with = "schema::message_types")]
    pub message_types: Vec<Value>,
    /// Versions by message type; `base` is the base specification.
    pub versions: BTreeMap<String, Vec<String>>,
    /// Vendors reported.
    pub vendor_ids: Vec<VendorFile>,
    /// Whether the discovery commands exist.
    pub discovery: bool,
    /// The network's UUID; without, Get Network ID is not supported.
    pub network_id: Option<String>,
    /// Whether Query Hop, which bridges answer, is supported.
    pub query_hop: bool,
}

/// A vendor.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VendorFile {
    /// By PCI vendor id.
    Pci(VendorEntry),
    /// By IANA enterprise number.
    Iana(VendorEntry),
}

/// A vendor's id and command set.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorEntry {
    /// The id.
    pub id: Number,
    /// Vendor's command set, 0 without.
    #[serde(default)]
    pub command_set: Number,
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
