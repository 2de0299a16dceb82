//! What the log says of each message: plain data that goes out as a line of
//! text or of JSON, and comes back from JSON for tools.
//!
//! These types are apart from the wire types on purpose: their names are a
//! promise to readers of the log. Only this file knows calendar time.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::wire::layout::{Found, Value};
use crate::wire::message::{self, Described};
use crate::wire::rebuild::{Parts, rebuild};

/// A point in time.
pub type Time = DateTime<Utc>;

/// The system's time; the only place it is read.
pub fn now() -> Time {
    Utc::now()
}

/// A time as file names have it: `20261121T044142.123456789Z`.
pub fn compact(time: Time) -> String {
    time.format("%Y%m%dT%H%M%S.%9fZ").to_string()
}

/// So many milliseconds after a time; none beyond the calendar's end.
pub fn later_by(time: Time, ms: u64) -> Option<Time> {
    let ms = i64::try_from(ms).ok()?;
    time.checked_add_signed(chrono::TimeDelta::try_milliseconds(ms)?)
}

/// How long it is from one time to another; nothing if that is past.
pub fn until(now: Time, then: Time) -> std::time::Duration {
    (then - now).to_std().unwrap_or_default()
}

/// A time as people write it: `2026-11-21T04:41:42.123Z`.
pub fn iso(time: Time) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// A request was read from the outbox.
    Received,
    /// A reply was put into the inbox.
    Replied,
    /// A message nobody asked for was put into the inbox.
    Unasked,
    /// A malformed file was moved to `rejected`.
    Rejected,
    /// A file whose time is over was moved to `stale`.
    Stale,
    /// A request gets no answer, as the specification wants it.
    Ignored,
    /// The daemon is ready.
    Started,
    /// The daemon ends.
    Stopped,
    /// What was expected did not come about.
    Failed,
    /// Something worth knowing.
    Note,
    /// Something went wrong on our side; it is tried again.
    Error,
    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

impl Event {
    fn arrow(self) -> &'static str {
        match self {
            Self::Received => "guest -> platform",
            Self::Replied => "platform -> guest",
            Self::Unasked => "platform => guest",
            Self::Rejected => "rejected         ",
            Self::Stale => "stale            ",
            Self::Ignored => "no answer        ",
            Self::Started => "started          ",
            Self::Stopped => "stopped          ",
            Self::Failed => "FAILED           ",
            Self::Note => "note             ",
            Self::Error => "error            ",
            Self::Unknown => "?                ",
        }
    }
}

/// One line of the log. What does not apply is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was noticed.
    pub time: Time,
    /// What happened.
    pub event: Event,
    /// Mailbox folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    /// File name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Subspace the content's signature names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subspace: Option<u8>,
    /// Name of the request a reply or an unasked message belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Hex of the whole file content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Hex of the MCTP message this file completes, type byte first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Source EID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<u8>,
    /// Destination EID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<u8>,
    /// Message tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<u8>,
    /// Name of the handler that answered, or `endpoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// Why; or, for events without a message, what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Microseconds from reading the request to publishing this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// The bytes, decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded: Option<Decoded>,
}

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
    /// `pcc`, `mctp`, `control`, `pldm`, `vendor`, `message`, `envelope`;
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
    /// Hex, or a UUID in its usual form.
    Text(String),
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<Found> for Field {
    fn from(found: Found) -> Self {
        Self {
            layer: found.layer.to_owned(),
            name: found.name.to_owned(),
            value: match found.value {
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
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut parts = Parts::default();
        for Field { layer, name, value, .. } in &self.fields {
            let full = format!("{layer}.{name}");
            let bytes = |text: &str| {
                hex::decode(text.replace(['-', ' '], ""))
                    .map_err(|_| format!("`{full}`: `{text}` is not hex"))
            };
            let value = match value {
                FieldValue::Number(number) => Value::Number(*number),
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
        rebuild(&parts).map_err(|error| error.to_string())
    }

    /// The fields of the message itself, on one line, without what the
    /// summary says already.
    fn line(&self) -> String {
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

impl Record {
    /// A record without a message.
    pub fn new(time: Time, event: Event) -> Self {
        Self {
            time,
            event,
            mailbox: None,
            name: None,
            subspace: None,
            request: None,
            content: None,
            message: None,
            source: None,
            destination: None,
            tag: None,
            handler: None,
            reason: None,
            latency_us: None,
            decoded: None,
        }
    }

    /// With a reason, or what happened.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// With a file name.
    pub fn named(mut self, name: impl fmt::Display) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// With a content, decoded, and what its headers say.
    pub fn with_content(self, content: &[u8]) -> Self {
        self.with_decoded(content, describe(content))
    }

    /// The same with a content decoded by somebody who knows more of it.
    pub fn with_decoded(mut self, content: &[u8], decoded: Decoded) -> Self {
        let number = |name| match decoded.field(name) {
            Some(Field { value: FieldValue::Number(n), .. }) => Some(*n),
            _ => None,
        };
        let byte = |name| number(name).and_then(|n| u8::try_from(n).ok());
        self.subspace =
            number("pcc.signature").and_then(|n| u8::try_from(n & 0xff).ok());
        self.source = byte("mctp.source");
        self.destination = byte("mctp.destination");
        self.tag = byte("mctp.tag");
        self.content = Some(hex::encode(content));
        self.decoded = Some(decoded);
        self
    }

    /// With the message this file completes. Where that message came in
    /// several packets its decoding replaces that of the packet.
    pub fn with_message(mut self, message: &[u8], packets: usize) -> Self {
        if message.is_empty() {
            return self;
        }
        self.message = Some(hex::encode(message));
        if packets > 1 {
            let mut decoded = describe_message(message);
            decoded.summary.push_str(&format!(" (in {packets} packets)"));
            self.decoded = Some(decoded);
        }
        self
    }

    /// One line of JSON, without the line's end.
    pub fn to_json(&self) -> String {
        // Maps with text keys and plain values: nothing here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// One or two lines for people, without the last line's end.
    pub fn to_text(&self) -> String {
        let time = self.time.format("%H:%M:%S%.6f");
        let mut line = format!("{time}  {}", self.event.arrow());
        let mut add = |text: &str| {
            line.push_str("  ");
            line.push_str(text);
        };
        // Why a file is malformed says more than what it might have been.
        let decoded =
            self.decoded.as_ref().filter(|_| self.event != Event::Rejected);
        if let Some(decoded) = decoded {
            add(&decoded.summary);
        }
        let mut notes = Vec::new();
        if let (Some(source), Some(destination)) =
            (self.source, self.destination)
        {
            notes.push(format!("EID {source} to {destination}"));
        }
        if let Some(tag) = self.tag {
            notes.push(format!("tag {tag}"));
        }
        if let Some(handler) = &self.handler {
            notes.push(format!("by {handler}"));
        }
        if let Some(latency) = self.latency_us {
            notes.push(format!("{latency} us"));
        }
        if !notes.is_empty() {
            add(&format!("[{}]", notes.join(", ")));
        }
        if let Some(name) = &self.name {
            add(name);
        }
        if let Some(reason) = &self.reason {
            add(reason);
        }
        if let Some(decoded) = decoded {
            let fields = decoded.line();
            if !fields.is_empty() {
                line.push_str("\n                   ");
                line.push_str(&fields);
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    const CONTENT: &[u8] = &[
        0x05, 0x43, 0x43, 0x50, 1, 0, 0, 0, 11, 0, 0, 0, 0x4d, 0x43, 0x54,
        0x50, 1, 9, 8, 0xc9, 0, 0x80, 2,
    ];

    fn time() -> Time {
        Utc.timestamp_opt(1_795_236_102, 123_456_789).unwrap()
    }

    #[test]
    fn names_have_nanoseconds() {
        assert_eq!(compact(time()), "20261121T044142.123456789Z");
        let early = Utc.timestamp_opt(0, 1).unwrap();
        assert_eq!(compact(early), "19700101T000000.000000001Z");
    }

    #[test]
    fn json_goes_there_and_back() {
        let record = Record::new(time(), Event::Received)
            .named("a.pcc")
            .with_content(CONTENT)
            .with_message(&[0, 0x80, 2], 1)
            .because("why");
        assert_eq!(record.subspace, Some(5));
        assert_eq!(
            (record.source, record.destination, record.tag),
            (Some(8), Some(9), Some(1))
        );
        let text = record.to_json();
        assert!(!text.contains('\n'));
        let back: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(back, record);
    }

    #[test]
    fn events_of_later_versions_are_read() {
        let text = r#"{"time":"2026-11-21T04:41:42Z","event":"sang"}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.event, Event::Unknown);
    }

    #[test]
    fn text_is_readable() {
        let record = Record::new(time(), Event::Received)
            .named("a.pcc")
            .with_content(CONTENT);
        assert_eq!(
            record.to_text(),
            "04:41:42.123456  guest -> platform  Get Endpoint ID request  \
             [EID 8 to 9, tag 1]  a.pcc\n                   \
             control.instance_id=0"
        );
    }

    #[test]
    fn the_stop_is_marked() {
        let decoded = describe_message(&[0, 0x80, 1, 0]);
        let last = decoded.fields.last().unwrap();
        assert_eq!(
            (last.layer.as_str(), last.name.as_str()),
            ("end", "control.eid")
        );
    }
}
