//! The shape of handlers and of messages by the clock, as serde reads them.
//! Judging names and values is the business of `compile`.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::file::Number;
use super::schema;

/// One handler. What it does stands in it directly, or step by step in
/// `sequence`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
    /// Whether it is asked about messages that end before their last field
    /// or go on after it, too, which else get what their protocol says. A
    /// `hex` without `**` is asked about just its own bytes.
    #[serde(default)]
    pub any_length: bool,
    /// Scenarios and variables it needs to have these values.
    #[serde(default)]
    #[schemars(schema_with = "schema::when")]
    pub when: Map<String, Value>,
    /// What it answers with.
    #[serde(default)]
    pub reply: Option<Reply>,
    /// How long it waits: milliseconds, a range, or `never`.
    #[serde(default)]
    pub delay: Option<Delay>,
    /// Whether later answers of the channel wait for a delayed one; true
    /// without.
    #[serde(default)]
    pub in_order: Option<bool>,
    /// What is made wrong with the reply, in this order.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What the device is told beside the reply.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
    /// Values of scenarios and variables after the answer.
    #[serde(default)]
    #[schemars(schema_with = "schema::variables")]
    pub set: Map<String, Value>,
    /// What happens after the answer.
    #[serde(default)]
    pub then: Vec<Then>,
    /// Steps, one a request; the last stays.
    #[serde(default)]
    pub sequence: Vec<StepFile>,
    /// Whether the sequence begins anew at its end instead.
    #[serde(default)]
    pub repeat: bool,
    /// How often it must answer.
    #[serde(default)]
    pub expect: Option<Expect>,
}

/// One step of a sequence.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// For how many requests; 1 without.
    #[serde(default)]
    pub times: Option<Number>,
    /// What it answers with.
    pub reply: Reply,
    /// How long it waits: milliseconds, a range, or `never`.
    #[serde(default)]
    pub delay: Option<Delay>,
    /// Whether later answers of the channel wait for a delayed one; true
    /// without.
    #[serde(default)]
    pub in_order: Option<bool>,
    /// What is made wrong with the reply, in this order.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What the device is told beside the reply.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
    /// Values of scenarios and variables after the answer.
    #[serde(default)]
    #[schemars(schema_with = "schema::variables")]
    pub set: Map<String, Value>,
    /// What happens after the answer.
    #[serde(default)]
    pub then: Vec<Then>,
}

/// What a handler answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// All these fields have these values, or meet these conditions.
    Fields(#[schemars(schema_with = "schema::conditions")] Map<String, Value>),
    /// The message is these bytes; `??` any byte, `**` at the end any more.
    Hex(String),
    /// One of these.
    Any(Vec<Match>),
    /// Each of these.
    All(Vec<Match>),
    /// Not this.
    Not(Box<Match>),
}

/// A message to send.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// By fields; header fields come from the request unless given.
    Fields(#[schemars(schema_with = "schema::settings")] Map<String, Value>),
    /// The message in hex, type byte first.
    Hex(String),
}

/// The answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// By fields; header fields come from the request unless given.
    Fields(#[schemars(schema_with = "schema::settings")] Map<String, Value>),
    /// The message in hex, type byte first.
    Hex(String),
    /// What a program says.
    Exec(ProgramFile),
    /// No answer at all.
    None,
    /// The answer of whoever comes next: another handler, or the endpoint.
    Pass,
}

/// A program that answers: it reads a line of JSON a request, and writes one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramFile {
    /// The program and its arguments; a path is one in the file's folder.
    pub command: Vec<String>,
    /// Milliseconds it may take for an answer, 1000 without.
    #[serde(default)]
    pub timeout_ms: Option<Number>,
}

/// What happens after the answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// A message nobody asked for.
    Unasked(Unasked),
}

/// A message nobody asked for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
    /// Milliseconds after the answer, 0 without.
    #[serde(default)]
    pub after: Number,
    /// What the device is told beside it.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
}

/// A message by the clock.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimedFile {
    /// Name for the log; unique.
    pub name: String,
    /// For people; not used.
    #[serde(default)]
    pub description: Option<String>,
    /// Milliseconds after a life of the guest begins, 0 without.
    #[serde(default)]
    pub after: Number,
    /// Milliseconds from one to the next; without, it is sent once.
    #[serde(default)]
    pub every: Option<Number>,
    /// How often at most.
    #[serde(default)]
    pub times: Option<Number>,
    /// Scenarios and variables that must have these values; else this time
    /// is left out.
    #[serde(default)]
    #[schemars(schema_with = "schema::when")]
    pub when: Map<String, Value>,
    /// The message.
    pub message: Message,
    /// Who it is for; EID 8 without.
    #[serde(default)]
    pub destination: Option<Number>,
    /// Message tag, 0 without.
    #[serde(default)]
    pub tag: Number,
    /// What the device is told beside it.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
    /// Values of scenarios and variables after it.
    #[serde(default)]
    #[schemars(schema_with = "schema::variables")]
    pub set: Map<String, Value>,
}

/// How often a handler must answer in a life of the guest.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// At least so often.
    #[serde(default)]
    pub at_least: Option<Number>,
    /// At most so often.
    #[serde(default)]
    pub at_most: Option<Number>,
}

/// Something made wrong with a reply.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// This packet of the reply is not sent; the first is 1.
    Drop(Number),
    /// This packet is sent twice.
    Duplicate(Number),
    /// Packets in this order; those not named follow.
    Reorder(Vec<Number>),
    /// So many bytes are missing at the message's end.
    Truncate(Number),
    /// Bytes, in hex, that do not belong at the message's end.
    Append(String),
    /// Wrong bits in the message.
    Corrupt(Corrupt),
    /// Wrong values in fields of the reply, headers included.
    Overwrite(Overwrite),
}

/// Wrong bits.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Corrupt {
    /// So many bits at random places.
    Bits(Number),
    /// These bits at this place.
    At(CorruptAt),
}

/// Wrong bits at a place.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorruptAt {
    /// Byte of the message, from 0.
    pub offset: Number,
    /// What the byte is xor-ed with.
    pub xor: Number,
}

/// Wrong values in fields.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overwrite {
    /// Fields and values.
    #[schemars(schema_with = "schema::settings")]
    pub fields: Map<String, Value>,
    /// Packet of the reply, from 1; without, all of them.
    #[serde(default)]
    pub packet: Option<Number>,
}

/// What the device is told (docs/mailbox.md §6.1).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeFile {
    /// Flags.
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// Delay of the interrupt in milliseconds.
    #[serde(default)]
    pub delay_ms: Number,
    /// Subspace the message is for, whatever its signature says.
    #[serde(default)]
    pub subspace: Option<Number>,
}

/// A flag of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The channel's error status is set.
    Error,
    /// Platform notification instead of a completion.
    Notification,
    /// The interrupt is not raised.
    NoInterrupt,
    /// The interrupt is raised twice.
    DoubleInterrupt,
    /// The interrupt is raised before the data is there.
    EarlyInterrupt,
    /// The command complete bit stays as it is.
    LeaveCompletion,
    /// It is written even if its request is over.
    Force,
}

impl Flag {
    /// Its bit (docs/mailbox.md §6.1).
    pub fn bit(self) -> u32 {
        match self {
            Self::Error => 1 << 0,
            Self::Notification => 1 << 1,
            Self::NoInterrupt => 1 << 2,
            Self::DoubleInterrupt => 1 << 3,
            Self::EarlyInterrupt => 1 << 4,
            Self::LeaveCompletion => 1 << 5,
            Self::Force => 1 << 6,
        }
    }
}

/// How long an answer waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delay {
    /// So many milliseconds.
    Fixed(u64),
    /// Some time between these, in milliseconds.
    Range(DelayRange),
    /// For ever: the platform hangs.
    Never,
}

/// A range of milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayRange {
    /// At least.
    pub from: u64,
    /// At most.
    pub to: u64,
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        struct DelayVisitor;

        impl<'de> Visitor<'de> for DelayVisitor {
            type Value = Delay;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "milliseconds, `{\"from\": 10, \"to\": 50}` or `\"never\"`",
                )
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Delay, E> {
                Ok(Delay::Fixed(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Delay, E> {
                match text {
                    "never" => Ok(Delay::Never),
                    _ => Err(E::invalid_value(
                        serde::de::Unexpected::Str(text),
                        &self,
                    )),
                }
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<Delay, A::Error> {
                let map = MapAccessDeserializer::new(map);
                DelayRange::deserialize(map).map(Delay::Range)
            }
        }

        deserializer.deserialize_any(DelayVisitor)
    }
}
