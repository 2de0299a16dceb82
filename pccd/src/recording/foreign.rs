//! Recordings of other tools: MCTP packets, of which one end is the guest's.

use std::collections::VecDeque;

use super::asked::{Asked, Message, Sorter, Took};
use super::growing::{Growing, Moment};
use super::link::Found;
use super::side::Said;
use crate::capture::ReadError;
use crate::script::delay::Wait;
use crate::wire::mctp::{MsgType, Packet};

/// Requests that may wait for an answer at the same time.
const MOST_OPEN: usize = 64;

/// What nobody answered, for the log.
const SILENT: &str = "nobody answered it in the recording";

/// A request that waits for its answer.
#[derive(Debug)]
struct Open {
    place: usize,
    source: u8,
    tag: u8,
}

/// The packets of a link.
#[derive(Debug)]
pub struct Foreign {
    pub growing: Growing,
    sorter: Sorter<()>,
    open: VecDeque<Open>,
    /// The guest's EID, where no packet says who sent it.
    guest: Option<u8>,
    /// What is no MCTP packet, though it should be one.
    pub strange: usize,
}

impl Foreign {
    pub fn new() -> Self {
        Self {
            growing: Growing::new("MCTP".to_owned()),
            sorter: Sorter::default(),
            open: VecDeque::new(),
            guest: None,
            strange: 0,
        }
    }

    pub fn add(&mut self, found: &Found, at: Moment) -> Result<(), ReadError> {
        self.growing.now(at);
        let Ok(packet) = Packet::decode(&found.packet) else {
            self.strange += 1;
            return Ok(());
        };
        // Both ends may use the same tag.
        let way = found.is_outgoing.map_or(2, u8::from);
        let took = self.sorter.packet(way, &packet, ());
        let Took::Asked(Asked::Message(message), ..) = took else {
            return Ok(());
        };
        let is_guests = match found.is_outgoing {
            Some(is_outgoing) => is_outgoing,
            None => self.is_guests(&message),
        };
        match is_guests {
            true => self.ask(message, at),
            false => self.say(message, at),
        }
    }

    /// Whether the guest sent it: whoever asks first is the guest.
    fn is_guests(&mut self, message: &Message) -> bool {
        if message.is_nameless() {
            return message.to || asks(&message.bytes);
        }
        let first = message.to.then_some(message.source);
        self.guest = self.guest.or(first);
        self.guest == Some(message.source)
    }

    fn ask(&mut self, message: Message, at: Moment) -> Result<(), ReadError> {
        let Message { source, tag, .. } = message;
        let place = self.growing.ask(None, Asked::Message(message), at)?;
        if let Some(exchange) = self.growing.at(place) {
            exchange.wait = Wait::Ms(0);
            exchange.ignored = Some(SILENT.to_owned());
        }
        if self.open.len() >= MOST_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Open { place, source, tag });
        Ok(())
    }

    fn say(&mut self, message: Message, at: Moment) -> Result<(), ReadError> {
        let answers = |one: &Open| {
            !message.to
                && one.tag == message.tag
                && (one.source == message.destination
                    || message.destination == 0)
        };
        let asked = self.open.iter().position(answers);
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
