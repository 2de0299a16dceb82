//! Recordings of other tools: MCTP packets, of which one end is the guest's.

use std::collections::VecDeque;

use super::growing::{Growing, Moment};
use super::link::Found;
use super::request::{Message, Request, Sorter, Took};
use super::side::Said;
use crate::capture::ReadError;
use crate::script::delay::Wait;
use crate::wire::mctp::{MsgType, Packet};

/// Most messages, and most bytes of them.
const MOST_MESSAGES: usize = 2_000_000;
const MOST_BYTES: usize = 256 << 20;
/// Requests that may wait for an answer at the same time.
const MOST_OPEN: usize = 64;

/// What nobody answered, for the log.
const SILENT: &str = "nobody answered it in the recording";

/// Which end is the guest's.
struct Guest {
    /// The one that captured, where packets say who sent them: tools differ
    /// in whose side they take, but it is the guest that asks more.
    is_outgoing: bool,
    /// Its EID, where no packet says who sent it: that of who asks first.
    eid: Option<u8>,
}

impl Guest {
    fn of(seen: &[Captured]) -> Self {
        let asks = |way: bool| {
            let all = seen.iter().filter(|one| one.is_outgoing == Some(way));
            all.filter(|one| one.message.to || asks(&one.message.bytes)).count()
        };
        Self { is_outgoing: asks(true) >= asks(false), eid: None }
    }

    /// Whether it sent a message.
    fn sent(&mut self, message: &Message, is_outgoing: Option<bool>) -> bool {
        if let Some(is_outgoing) = is_outgoing {
            return is_outgoing == self.is_outgoing;
        }
        if message.is_nameless() {
            return message.to || asks(&message.bytes);
        }
        let first = message.to.then_some(message.source);
        self.eid = self.eid.or(first);
        self.eid == Some(message.source)
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Open {
    place: usize,
    source: u8,
    destination: u8,
    tag: u8,
}

/// A message, whether who captured it sent it, and when that was.
#[derive(Debug)]
struct Captured {
    message: Message,
    is_outgoing: Option<bool>,
    at: Moment,
}

/// The packets of a link.
#[derive(Debug)]
pub struct Foreign {
    growing: Growing,
    /// Each packet by its byte of the file.
    sorter: Sorter<u64>,
    /// Where the first packet comes from: interface of the file, and of the
    /// machine.
    from: Option<(usize, Option<u32>)>,
    seen: Vec<Captured>,
    bytes: usize,
    open: VecDeque<Open>,
    /// What is no MCTP packet, though it should be one.
    pub strange: usize,
    /// Packets that make no message: how many, where the first is, and why.
    pub broken: Option<(usize, u64, String)>,
}

impl Foreign {
    pub fn new() -> Self {
        Self {
            growing: Growing::new("MCTP".to_owned()),
            sorter: Sorter::default(),
            from: None,
            seen: Vec::new(),
            bytes: 0,
            open: VecDeque::new(),
            strange: 0,
            broken: None,
        }
    }

    pub fn add(
        &mut self,
        interface: usize,
        found: &Found,
        at: Moment,
    ) -> Result<(), ReadError> {
        let Ok(packet) = Packet::decode(&found.packet) else {
            self.strange += 1;
            return Ok(());
        };
        let from = (interface, found.index);
        let first = *self.from.get_or_insert(from);
        if first != from {
            return Err(ReadError::at(at.offset, of_another(first, from)));
        }
        // Both ends may use the same tag.
        let way = found.is_outgoing.map_or(2, u8::from);
        let took = self.sorter.packet(way, &packet, at.offset);
        let (asked, dropped) = match took {
            Took::Waiting(dropped) => (None, dropped),
            Took::Dropped(parts, reason) => (None, Some((parts, reason))),
            Took::Request(asked, _, dropped) => (Some(asked), dropped),
        };
        if let Some((parts, reason)) = dropped {
            self.lose(&parts, reason);
        }
        let Some(Request::Message(message)) = asked else { return Ok(()) };
        self.bytes += message.bytes.len();
        if self.seen.len() >= MOST_MESSAGES || self.bytes > MOST_BYTES {
            let reason = format!(
                "more than {MOST_MESSAGES} messages, or {MOST_BYTES} bytes of \
                 them, before this one"
            );
            return Err(ReadError::at(at.offset, reason));
        }
        let is_outgoing = found.is_outgoing;
        self.seen.push(Captured { message, is_outgoing, at });
        Ok(())
    }

    /// Packets that make no message.
    fn lose(&mut self, parts: &[u64], reason: String) {
        let Some(first) = parts.iter().min() else { return };
        let (count, at, why) = match self.broken.take() {
            Some((count, at, why)) if at < *first => (count, at, why),
            Some((count, ..)) => (count, *first, reason),
            None => (0, *first, reason),
        };
        self.broken = Some((count + parts.len(), at, why));
    }

    /// No more packets come.
    pub fn give_up(&mut self) {
        let left = self.sorter.clear();
        self.lose(&left, "the recording ends before its last".to_owned());
    }

    /// Now that all were seen.
    pub fn finish(mut self) -> Result<Growing, ReadError> {
        let seen = std::mem::take(&mut self.seen);
        let mut guest = Guest::of(&seen);
        for Captured { message, is_outgoing, at } in seen {
            self.growing.now(at);
            match guest.sent(&message, is_outgoing) {
                true => self.ask(message, at)?,
                false => self.say(message, at)?,
            }
        }
        Ok(self.growing)
    }

    fn ask(&mut self, message: Message, at: Moment) -> Result<(), ReadError> {
        let Message { source, destination, tag, .. } = message;
        let place = self.growing.ask(None, Request::Message(message), at)?;
        if let Some(exchange) = self.growing.at(place) {
            exchange.wait = Wait::Ms(0);
            exchange.ignored = Some(SILENT.to_owned());
        }
        // Who uses a tag again has given up the request before.
        self.open.retain(|one| {
            (one.source, one.destination, one.tag) != (source, destination, tag)
        });
        if self.open.len() >= MOST_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Open { place, source, destination, tag });
        Ok(())
    }

    fn say(&mut self, message: Message, at: Moment) -> Result<(), ReadError> {
        let answers = |one: &Open| {
            !message.to
                && one.tag == message.tag
                && (one.source == message.destination
                    || message.destination == 0)
        };
        // An endpoint that was asked by no EID, or gets another one, answers
        // with its own: then it is what was asked last.
        let is_from =
            |one: &Open| answers(one) && one.destination == message.source;
        let asked = self.open.iter().rposition(is_from);
        let asked = asked.or_else(|| self.open.iter().rposition(answers));
        let open = asked.and_then(|at| self.open.remove(at));
        let said = Said::Message(message);
        let Some(Open { place, .. }) = open else {
            return self.growing.unasked(None, said, at);
        };
        if let Some(exchange) = self.growing.at(place) {
            exchange.ignored = None;
        }
        self.growing.reply(place, said, at)
    }
}

/// Why packets of two interfaces cannot be played.
fn of_another(
    first: (usize, Option<u32>),
    other: (usize, Option<u32>),
) -> String {
    let filter = match first {
        (_, Some(index)) if first.0 == other.0 => {
            format!("sll.ifindex == {index}")
        }
        (interface, _) => format!("frame.interface_id == {interface}"),
    };
    format!(
        "MCTP of another interface than before this: `tshark -r FILE -Y \
         '{filter}' -w ONE` keeps what is of the first"
    )
}

/// Whether a message asks, by its own header (DSP0236 §11, DSP0240 §8,
/// DSP0274 §10.3, NVMe-MI §3).
fn asks(message: &[u8]) -> bool {
    let kind = message.first().map(|byte| MsgType::from(byte & 0x7f));
    let bit = |at| message.get(at).is_some_and(|byte: &u8| byte & 0x80 != 0);
    match kind {
        Some(MsgType::Control | MsgType::Pldm) => bit(1),
        Some(MsgType::Spdm) => bit(2),
        Some(MsgType::NvmeMi) => !bit(1),
        _ => false,
    }
}
