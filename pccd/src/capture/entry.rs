//! A PCC event as the capture has it: a header, texts, and the bytes of the
//! region (docs/capture.md).

use super::pcapng::{Way, cut};
use crate::mailbox::{RequestName, UnaskedName};
use crate::record::{Event, Record, compact_nanos};
use crate::wire::region::SubspaceType;

/// Version of the header.
const VERSION: u8 = 1;
/// Length of the header without the texts.
const FIXED_LEN: usize = 24;
/// What stands for a number that is not known.
const NONE_U8: u8 = u8::MAX;
const NONE_U32: u32 = u32::MAX;
/// Longest text; the rest of a longer one is in the log.
const MOST_TEXT: usize = 8192;

/// Declares the kinds with their numbers and names.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal,)*) => {
        /// What happened. The numbers are part of the format; those from 32
        /// on are the device's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $name = $number,)* }

        impl Kind {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What `pcc.event` shows.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// A request was read from the outbox.
    Request = 1 "request",
    /// A reply was put into the inbox.
    Reply = 2 "reply",
    /// A message nobody asked for was put into the inbox.
    Unasked = 3 "unasked",
    /// A malformed file was moved to `rejected`.
    Rejected = 4 "rejected",
    /// A file of an earlier life of the guest was moved to `stale`.
    Stale = 5 "stale",
    /// A request gets no answer.
    Ignored = 6 "ignored",
    /// A rule of conduct was broken by the driver.
    Conduct = 7 "conduct",
    /// What was expected did not come about.
    Failed = 8 "failed",
    /// Something worth knowing.
    Note = 9 "note",
    /// Something went wrong on our side.
    Error = 10 "error",
    /// The daemon is ready.
    Started = 11 "started",
    /// The daemon ends.
    Stopped = 12 "stopped",
    /// Events before this one could not be written.
    Lost = 13 "lost",
    /// The guest rang the doorbell of an outbox channel.
    Doorbell = 32 "doorbell",
    /// The device set "command complete".
    Complete = 33 "complete",
    /// A command ended with the error status.
    Failure = 34 "failure",
    /// The device raised an interrupt.
    Interrupt = 35 "interrupt",
    /// The guest wrote the acknowledge or the update register.
    Acknowledge = 36 "acknowledge",
    /// The device published a file in the outbox.
    Published = 37 "published",
    /// The device took a file out of the inbox.
    Taken = 38 "taken",
    /// The device copied a message into the region.
    Loaded = 39 "loaded",
    /// A life of the guest began.
    Epoch = 40 "epoch",
    /// The guest did what it must not.
    Guest = 41 "guest-error",
    /// Something else that the device says.
    Device = 42 "device",
}

impl Kind {
    /// The kind of that number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == number)
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub kind: Kind,
    /// Subspace id of the channel.
    pub subspace: Option<u8>,
    /// Type of the channel, 0 to 5.
    pub subspace_type: Option<u8>,
    /// When the guest's life began, in nanoseconds since 1970.
    pub epoch: Option<u64>,
    /// Number of the request in that life.
    pub sequence: Option<u32>,
    /// Microseconds from reading the request to publishing this.
    pub latency_us: Option<u32>,
    /// File name.
    pub name: String,
    /// Name of the handler that answered, or `endpoint`.
    pub handler: String,
    /// Why, or what.
    pub note: String,
    /// The content, decoded, in words.
    pub summary: String,
    /// The file, or the region from its first byte on.
    pub content: Vec<u8>,
}

impl Entry {
    /// An event without more.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            subspace: None,
            subspace_type: None,
            epoch: None,
            sequence: None,
            latency_us: None,
            name: String::new(),
            handler: String::new(),
            note: String::new(),
            summary: String::new(),
            content: Vec::new(),
        }
    }

    /// The events before this one that are missing.
    pub(super) fn lost(count: u64) -> Self {
        let note = format!("{count} events before this one are missing");
        Self { note, ..Self::new(Kind::Lost) }
    }

    /// What a record of the log says. `epoch` is that of the last request:
    /// a name without one belongs to it.
    pub fn of(record: &Record, epoch: &mut Option<u64>) -> Self {
        let mut entry = Self::new(match record.event {
            Event::Received => Kind::Request,
            Event::Replied => Kind::Reply,
            Event::Unasked => Kind::Unasked,
            Event::Rejected => Kind::Rejected,
            Event::Stale => Kind::Stale,
            Event::Ignored => Kind::Ignored,
            Event::Started => Kind::Started,
            Event::Stopped => Kind::Stopped,
            Event::Conduct => Kind::Conduct,
            Event::Failed => Kind::Failed,
            Event::Error => Kind::Error,
            Event::Note | Event::Unknown => Kind::Note,
        });
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        entry.name = text(&record.name);
        entry.handler = text(&record.handler);
        entry.note = match (&record.rule, &record.reason) {
            (Some(rule), Some(reason)) => format!("{rule}: {reason}"),
            (rule, reason) => text(rule) + &text(reason),
        };
        entry.subspace = record.subspace;
        entry.subspace_type = record.subspace_type;
        entry.latency_us =
            record.latency_us.and_then(|us| u32::try_from(us).ok());
        entry.named(record.request.as_deref());
        // What is of an earlier life does not begin it again.
        if entry.epoch.is_some() && entry.kind == Kind::Request {
            *epoch = entry.epoch;
        }
        entry.epoch = entry.epoch.or(*epoch);
        if let Some(content) = &record.content {
            // A log that somebody changed shows what can be read.
            entry.content = hex::decode(content).unwrap_or_default();
        }
        // Why a file is malformed says more than what it might have been.
        let decoded = record.decoded.as_ref();
        let decoded = decoded.filter(|_| record.event != Event::Rejected);
        if let Some(decoded) = decoded {
            entry.summary = decoded.summary.clone();
        }
        entry
    }

    /// Of a file of that name: epoch, number and subspace are in it.
    pub fn set_name(&mut self, name: &str) {
        self.name = name.to_owned();
        self.named(None);
    }

    /// Takes epoch, number and subspace from the name of the request, or
    /// from the file's own.
    fn named(&mut self, request: Option<&str>) {
        let name = request.unwrap_or(&self.name);
        let name = format!("{}.pcc", RequestName::stem(name));
        if let Ok(request) = name.parse::<RequestName>() {
            self.epoch = compact_nanos(&request.epoch.to_string());
            self.sequence = Some(request.seq);
            self.subspace = self.subspace.or(Some(request.subspace));
        } else if let Ok(unasked) = name.parse::<UnaskedName>() {
            self.subspace = self.subspace.or(Some(unasked.subspace));
        }
    }

    /// Which way the MCTP packet in it goes; none where it goes nowhere.
    pub(super) fn way(&self) -> Option<Way> {
        match self.kind {
            Kind::Request | Kind::Rejected => Some(Way::In),
            Kind::Reply | Kind::Unasked => Some(Way::Out),
            _ => None,
        }
    }

    /// What a packet comment says of it.
    pub(super) fn comment(&self) -> Option<String> {
        let by = match self.handler.as_str() {
            "" => None,
            handler => Some(format!("by {handler}")),
        };
        let note = (!self.note.is_empty()).then(|| self.note.clone());
        let what = match self.kind {
            Kind::Rejected => Some("rejected".to_owned()),
            _ => None,
        };
        let parts: Vec<String> =
            [by, what, note].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(": "))
    }

    /// The bytes behind the link type.
    pub fn encode(&self) -> Vec<u8> {
        let texts = [&self.name, &self.handler, &self.note, &self.summary];
        let texts = texts.map(|text| cut(text, MOST_TEXT).as_bytes());
        let length: usize = texts.iter().map(|text| text.len() + 2).sum();
        // Four texts of at most 8 KiB.
        let length = u16::try_from(FIXED_LEN + length).unwrap_or(u16::MAX);
        let mut out = vec![VERSION, self.kind as u8];
        out.extend(length.to_le_bytes());
        out.push(self.subspace.unwrap_or_default());
        out.push(self.subspace_type.unwrap_or(NONE_U8));
        out.push(u8::from(self.subspace.is_some()));
        out.push(0);
        out.extend(self.epoch.unwrap_or_default().to_le_bytes());
        out.extend(self.sequence.unwrap_or_default().to_le_bytes());
        out.extend(self.latency_us.unwrap_or(NONE_U32).to_le_bytes());
        for text in texts {
            let length = u16::try_from(text.len()).unwrap_or_default();
            out.extend(length.to_le_bytes());
            out.extend_from_slice(text);
        }
        out.extend_from_slice(&self.content);
        out
    }

    /// Reads what `encode` wrote.
    ///
    /// # Errors
    ///
    /// It is of another version, too short, or its texts are no UTF-8.
    pub fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let short = "a PCC event is cut short";
        if bytes.first() != Some(&VERSION) {
            return Err("a PCC event of another version than 1");
        }
        let fixed: &[u8; FIXED_LEN] = bytes.first_chunk().ok_or(short)?;
        let word =
            |at: usize| -> [u8; 4] { std::array::from_fn(|k| fixed[at + k]) };
        let kind = Kind::of(fixed[1]).ok_or("a PCC event of a later kind")?;
        let mut entry = Self::new(kind);
        let length = usize::from(u16::from_le_bytes([fixed[2], fixed[3]]));
        let (head, content) = bytes.split_at_checked(length).ok_or(short)?;
        entry.content = content.to_vec();
        entry.subspace = (fixed[6] & 1 != 0).then_some(fixed[4]);
        let kind = SubspaceType::try_from(fixed[5]);
        entry.subspace_type = kind.ok().map(|kind| kind as u8);
        let epoch = std::array::from_fn(|k| fixed[8 + k]);
        let epoch = u64::from_le_bytes(epoch);
        entry.epoch = (epoch != 0).then_some(epoch);
        let sequence = u32::from_le_bytes(word(16));
        entry.sequence = (sequence != 0).then_some(sequence);
        let latency = u32::from_le_bytes(word(20));
        entry.latency_us = (latency != NONE_U32).then_some(latency);
        let mut rest = head.get(FIXED_LEN..).ok_or(short)?;
        let texts = [
            &mut entry.name,
            &mut entry.handler,
            &mut entry.note,
            &mut entry.summary,
        ];
        for text in texts {
            let (length, after) = rest.split_first_chunk().ok_or(short)?;
            let length = usize::from(u16::from_le_bytes(*length));
            let (found, after) = after.split_at_checked(length).ok_or(short)?;
            let found = std::str::from_utf8(found);
            *text = found.map_err(|_| "a text is no UTF-8")?.to_owned();
            rest = after;
        }
        Ok(entry)
    }
}
