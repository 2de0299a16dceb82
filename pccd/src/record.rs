//! What the log says of each message: plain data that goes out as a line of
//! text or of JSON, and comes back from JSON for tools.
//!
//! These types are apart from the wire types on purpose: their names are a
//! promise to readers of the log. Only this file knows calendar time.

mod decoded;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::decoded::{
    Decoded, Field, FieldValue, NotEncoded, describe, describe_message,
    describe_packet,
};

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

/// Nanoseconds since 1970 of a time as file names have it.
pub fn compact_nanos(text: &str) -> Option<u64> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S.%fZ")
        .ok()?;
    u64::try_from(time.and_utc().timestamp_nanos_opt()?).ok()
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
    /// A request gets no answer, as the specification or its handler wants it.
    Ignored,
    /// The daemon is ready.
    Started,
    /// The daemon ends.
    Stopped,
    /// A rule of conduct was broken by the driver.
    Conduct,
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
            Self::Conduct => "CONDUCT          ",
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
    /// Type of that subspace, 0 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subspace_type: Option<u8>,
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
    /// The rule that was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
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

impl Record {
    /// A record without a message.
    pub fn new(time: Time, event: Event) -> Self {
        Self {
            time,
            event,
            mailbox: None,
            name: None,
            subspace: None,
            subspace_type: None,
            request: None,
            content: None,
            message: None,
            source: None,
            destination: None,
            tag: None,
            handler: None,
            rule: None,
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
            // The region of a register channel holds no message.
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
        // Names of handlers and reasons may be those of a capture.
        let mut add = |text: &str| {
            line.push_str("  ");
            line.push_str(&plain(text));
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
                line.push_str(&plain(&fields));
            }
        }
        line
    }
}

/// A text without anything that a terminal would take for an order.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
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
        assert_eq!(compact_nanos(&compact(early)), Some(1));
        let back = compact_nanos("20261121T044142.123456789Z");
        assert_eq!(back, Some(1_795_236_102_123_456_789));
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
    fn text_orders_no_terminal() {
        let mut record = Record::new(time(), Event::Replied)
            .named("a\u{9b}2J.pcc")
            .because("one\r\nFAILED  two\u{7f}");
        record.handler = Some("\u{1b}]0;three\u{7}".to_owned());
        let text = record.to_text();
        assert!(text.ends_with(r"one\r\nFAILED  two\u{7f}"), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }

    #[test]
    fn the_stop_is_marked() {
        let decoded = describe_message(&[0, 0x80, 1, 0]);
        let last = decoded.fields.last().unwrap();
        assert_eq!(
            (last.layer.as_str(), last.name.as_str()),
            ("end", "control.eid")
        );
        // Two bytes of four: what was left is there as well.
        let decoded = describe_message(&[1, 0x80, 2, 0x11, 7]);
        let last = decoded.fields.last().unwrap();
        assert_eq!(last.value, FieldValue::Text("07".to_owned()));
    }
}
