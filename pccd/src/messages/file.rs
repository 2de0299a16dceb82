//! The shape of a handler file, as serde reads it. Nothing is judged here
//! but shape: names and values are the business of `compile`.
//!
//! All choices are externally tagged and unknown keys are refused, so that
//! every error keeps its path and its position.
#![expect(dead_code, reason = "descriptions are for people")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::handlers::endpoint::EndpointFile;
use crate::handlers::rule::{HandlerFile, TimedFile};
use crate::registers::file::{ChannelFile, Player};
use crate::script::schema as shared;

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
    #[schemars(schema_with = "shared::variables")]
    pub variables: Map<String, Value>,
    /// Scenarios, by name, with their states; the first is where they begin.
    #[serde(default)]
    pub scenarios: BTreeMap<String, Vec<String>>,
    /// Constants for templates of handlers, by name; all files see them.
    #[serde(default)]
    pub tables: Map<String, Value>,
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
