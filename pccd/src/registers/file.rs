//! The shape of channels of registers in a handler file, as serde reads it.
//! Judging names and values is the business of `compile`.
#![expect(dead_code, reason = "descriptions are for people")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::script::delay::Delay;
use crate::script::envelope::EnvelopeFile;
use crate::script::number::Number;
use crate::script::schema::Condition;

/// A channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelFile {
    /// Name; unique.
    pub name: String,
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// What becomes of bytes that belong to no register.
    #[serde(default)]
    pub rest: Rest,
    /// What the command of types 3 and 4 is made of.
    #[serde(default)]
    pub command_word: CommandWord,
    /// Constants for templates.
    #[serde(default)]
    pub tables: Map<String, Value>,
    /// Registers by name.
    #[serde(default)]
    pub registers: BTreeMap<String, RegisterFile>,
    /// Commands in the order they are asked.
    #[serde(default)]
    pub commands: Vec<CommandFile>,
    /// What all other commands do.
    #[serde(default)]
    pub otherwise: Option<EffectFile>,
    /// What is said unasked, by the clock.
    #[serde(default)]
    pub notifications: Vec<NotificationFile>,
}

/// What the command of types 3 and 4 is made of.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CommandWord {
    /// One number, the code.
    #[default]
    Number,
    /// SCMI's message header: message id, which is the code, message type,
    /// protocol id and token.
    Scmi,
}

/// What becomes of bytes that belong to no register.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    /// They come back as the guest left them.
    #[default]
    Keep,
    /// They come back as zeros.
    Zero,
}

/// A register.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterFile {
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// Bytes into the communication space; without, the guest never sees it.
    #[serde(default)]
    pub offset: Option<Number>,
    /// Width in bits, for numbers.
    #[serde(default)]
    pub width: Option<Number>,
    /// Size, for bytes.
    #[serde(default)]
    pub bytes: Option<Number>,
    /// Bits of the word, `31:28` or `15`.
    #[serde(default)]
    pub bits: Option<String>,
    /// Who may write it.
    #[serde(default)]
    pub access: Option<Access>,
    /// Value at the start of a life of the guest, 0 without.
    #[serde(default)]
    #[schemars(schema_with = "value")]
    pub reset: Option<Value>,
    /// Names of values.
    #[serde(default)]
    #[schemars(schema_with = "numbers")]
    pub values: Map<String, Value>,
    /// Names of registers: there is one of it for each of their values. Only
    /// for one without `offset`.
    #[serde(default)]
    pub index: Vec<String>,
    /// Reset values of single ones of these, by the values of `index` with
    /// blanks between.
    #[serde(default)]
    #[schemars(schema_with = "values")]
    pub cells: Map<String, Value>,
}

/// Who may write a register.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Both sides.
    #[default]
    Rw,
    /// The platform: what the guest writes does not count.
    Ro,
    /// The guest: the platform leaves it in place.
    Wo,
    /// The platform, in answers that set it.
    Answer,
}

/// What a command does.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EffectFile {
    /// For people; not used.
    pub description: Option<String>,
    /// Whether the guest's writes into `rw` registers count; true without.
    pub take: Option<bool>,
    /// Registers, scenarios and variables after it, in this order.
    #[schemars(schema_with = "values")]
    pub set: Map<String, Value>,
    /// Fields of the answer's header.
    #[schemars(schema_with = "values")]
    pub header: Map<String, Value>,
    /// Whether it ends with error status.
    pub error: bool,
    /// What the device is told beside the answer.
    pub envelope: Option<EnvelopeFile>,
    /// How long it takes.
    pub delay: Option<Delay>,
    /// Whether later commands of the channel wait for it; true without.
    pub in_order: Option<bool>,
    /// What is said after it.
    pub then: Vec<ThenFile>,
}

/// A command. (serde cannot flatten where unknown keys are refused.)
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandFile {
    /// Name for the log; unique in its channel.
    pub name: String,
    /// A value or condition of the command's code.
    #[schemars(schema_with = "condition")]
    pub code: Value,
    /// Registers, scenarios, variables and header fields that must be so.
    #[serde(default)]
    #[schemars(schema_with = "conditions")]
    pub when: Map<String, Value>,
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether the guest's writes into `rw` registers count; true without.
    #[serde(default)]
    pub take: Option<bool>,
    /// Registers, scenarios and variables after it, in this order.
    #[serde(default)]
    #[schemars(schema_with = "values")]
    pub set: Map<String, Value>,
    /// Fields of the answer's header.
    #[serde(default)]
    #[schemars(schema_with = "values")]
    pub header: Map<String, Value>,
    /// Whether it ends with error status.
    #[serde(default)]
    pub error: bool,
    /// What the device is told beside the answer.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
    /// How long it takes.
    #[serde(default)]
    pub delay: Option<Delay>,
    /// Whether later commands of the channel wait for it; true without.
    #[serde(default)]
    pub in_order: Option<bool>,
    /// What is said after it.
    #[serde(default)]
    pub then: Vec<ThenFile>,
    /// Whether it also answers a request that ends before a register which
    /// it looks at; such a request gets error status without.
    #[serde(default)]
    pub short: bool,
}

impl CommandFile {
    /// What it does.
    pub fn effect(&self) -> EffectFile {
        EffectFile {
            description: None,
            take: self.take,
            set: self.set.clone(),
            header: self.header.clone(),
            error: self.error,
            envelope: self.envelope.clone(),
            delay: self.delay.clone(),
            in_order: self.in_order,
            then: self.then.clone(),
        }
    }
}

/// What is said after a command.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThenFile {
    /// Milliseconds after the answer.
    pub after: Number,
    /// Registers, scenarios and variables, in this order.
    #[schemars(schema_with = "values")]
    pub set: Map<String, Value>,
    /// Fields of its header.
    #[schemars(schema_with = "values")]
    pub header: Map<String, Value>,
    /// What the device is told beside it.
    pub envelope: Option<EnvelopeFile>,
}

/// What is said unasked, by the clock.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationFile {
    /// Name for the log; unique in its channel.
    pub name: String,
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// Milliseconds after a life of the guest begins.
    #[serde(default)]
    pub after: Number,
    /// Milliseconds from one to the next; without, it is said once.
    #[serde(default)]
    pub every: Option<Number>,
    /// How often at most.
    #[serde(default)]
    pub times: Option<Number>,
    /// Registers, scenarios and variables that must be so; else this time
    /// is left out.
    #[serde(default)]
    #[schemars(schema_with = "conditions")]
    pub when: Map<String, Value>,
    /// Registers, scenarios and variables, in this order.
    #[serde(default)]
    #[schemars(schema_with = "values")]
    pub set: Map<String, Value>,
    /// Fields of its header.
    #[serde(default)]
    #[schemars(schema_with = "values")]
    pub header: Map<String, Value>,
    /// What the device is told beside it.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
}

/// Which channel plays a subspace.
#[derive(Debug, Clone)]
pub struct Player {
    /// Name of the channel.
    pub channel: String,
    /// Reset values of registers that differ there.
    pub reset: Map<String, Value>,
}

/// The same with its keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlayerFile {
    channel: String,
    #[serde(default)]
    #[schemars(schema_with = "values")]
    reset: Map<String, Value>,
}

impl JsonSchema for Player {
    fn schema_name() -> Cow<'static, str> {
        "Player".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<PlayerFile>();
        json_schema!({"anyOf": [{"type": "string"}, long]})
    }
}

impl<'de> Deserialize<'de> for Player {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        struct PlayerVisitor;

        impl<'de> Visitor<'de> for PlayerVisitor {
            type Value = Player;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a channel's name, or `{\"channel\": …, \"reset\": …}`",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Player, E> {
                Ok(Player { channel: text.to_owned(), reset: Map::new() })
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<Player, A::Error> {
                let map = MapAccessDeserializer::new(map);
                let PlayerFile { channel, reset } =
                    PlayerFile::deserialize(map)?;
                Ok(Player { channel, reset })
            }
        }

        deserializer.deserialize_any(PlayerVisitor)
    }
}

/// What may stand as a register's value.
fn value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"anyOf": [
        {"type": "integer"},
        {"type": "boolean"},
        {"type": "string"},
        {"type": "array",
         "items": {"type": "integer", "minimum": 0, "maximum": 255}}
    ]})
}

/// Names of numbers.
fn numbers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"type": ["integer", "string"]}
    })
}

/// Names and values.
fn values(generator: &mut SchemaGenerator) -> Schema {
    let value = value(generator);
    json_schema!({"type": "object", "additionalProperties": value})
}

/// A value or a condition.
fn condition(generator: &mut SchemaGenerator) -> Schema {
    let condition = generator.subschema_for::<Condition>();
    let value = value(generator);
    json_schema!({"anyOf": [value, condition]})
}

/// Names and what they must be.
fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let condition = condition(generator);
    json_schema!({"type": "object", "additionalProperties": condition})
}
