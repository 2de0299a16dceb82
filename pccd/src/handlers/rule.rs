//! The shape of handlers and of messages by the clock, as serde reads them.
//! Judging names and values is the business of `compile`.
#![expect(dead_code, reason = "descriptions are for people")]

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::schema;
use crate::script::delay::Delay;
use crate::script::envelope::EnvelopeFile;
use crate::script::number::Number;
use crate::script::schema as shared;

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
    #[schemars(schema_with = "shared::when")]
    pub when: Map<String, Value>,
    /// A template that gives `true` for requests it answers, for what fields
    /// and `when` cannot say: "{{ request.nvme_mi.doff < 4096 }}".
    #[serde(rename = "if", default)]
    pub only_if: Option<String>,
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
    #[schemars(schema_with = "shared::variables")]
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

impl HandlerFile {
    /// Whether it says what to do otherwise than in a sequence.
    pub fn does_something(&self) -> bool {
        self.reply.is_some()
            || self.delay.is_some()
            || self.in_order.is_some()
            || !self.faults.is_empty()
            || self.envelope.is_some()
            || !self.set.is_empty()
            || !self.then.is_empty()
    }

    /// What it does itself.
    pub fn step(&self) -> Option<StepFile> {
        Some(StepFile {
            description: None,
            times: None,
            reply: self.reply.clone()?,
            delay: self.delay.clone(),
            in_order: self.in_order,
            faults: self.faults.clone(),
            envelope: self.envelope.clone(),
            set: self.set.clone(),
            then: self.then.clone(),
        })
    }
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
    #[schemars(schema_with = "shared::variables")]
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
    /// A further answer to the same request.
    Answer(Further),
}

/// A further answer to a request, as after one that says that it takes
/// longer. It has the request's tag.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Further {
    /// The message; header fields come from the request unless given.
    pub message: Message,
    /// Milliseconds after the first answer, 0 without.
    #[serde(default)]
    pub after: Number,
    /// What the device is told beside it.
    #[serde(default)]
    pub envelope: Option<EnvelopeFile>,
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
    #[schemars(schema_with = "shared::when")]
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
    #[schemars(schema_with = "shared::variables")]
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
