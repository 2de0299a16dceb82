//! What a request's bytes lead to: the decision, without files, time or
//! log. It joins the wire layers, the handlers and the endpoint.

mod held;
mod pack;
mod played;

use std::borrow::Cow;
use std::sync::Arc;

pub use self::held::Held;
pub use self::pack::{Sending, pack};
use self::pack::{outwards, towards};
use crate::conduct::Breach;
use crate::endpoint::{Endpoint, Outcome, State, instance_of};
use crate::handlers::Handlers;
use crate::handlers::ask::Answer;
use crate::handlers::fault::spoil_message;
use crate::handlers::request::{Answers, Asking, NO_ANSWERS, Replied, Request};
use crate::mailbox::{Channel, Channels, Completion, RequestName};
use crate::messages::Messages;
use crate::record::Time;
use crate::script::delay::Wait;
use crate::script::memory::Memory;
use crate::wire::assembly::{Assembled, Assembler};
use crate::wire::mctp::{self, Header, MsgType, Packet};
use crate::wire::message::describe;
use crate::wire::pcc::{COMMAND_MCTP, Frame, SIGNATURE, UNCOUNTED_LEN};
use crate::wire::refuse::refusal;

/// Everything that answers change. It lasts for one life of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// State of the endpoint.
    pub endpoint: State,
    /// What handlers remember.
    pub memory: Memory,
}

/// What to do about a complete message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Handler, or `endpoint`; those that passed on before it.
    pub handler: Option<String>,
    /// Why nothing goes back, if nothing does.
    pub reason: Option<String>,
    /// What goes back.
    pub reply: Option<Sending>,
    /// What is sent after it, each so many milliseconds later.
    pub unasked: Vec<(Sending, u64)>,
    /// The state after it, if it changes.
    pub changes: Option<Changes>,
    /// How long it waits.
    pub wait: Wait,
    /// Whether later requests of the channel wait for it.
    pub in_order: bool,
    /// Whether it would be another one if it were made again.
    pub timely: bool,
    /// What should be known about it.
    pub notes: Vec<String>,
    /// A rule of conduct that the request breaks.
    pub breach: Option<Breach>,
    /// A program must be asked first; nothing else counts then.
    pub held: Option<Box<Held>>,
}

impl Action {
    /// Nothing goes back, and nothing changes.
    fn ignore(reason: String) -> Self {
        Self {
            handler: None,
            reason: Some(reason),
            reply: None,
            unasked: Vec::new(),
            changes: None,
            wait: Wait::Ms(0),
            in_order: true,
            timely: false,
            notes: Vec::new(),
            breach: None,
            held: None,
        }
    }
}

/// Requests that will never be answered, and why.
pub type Dropped = (Vec<RequestName>, String);

/// What a request's content leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is malformed.
    Rejected(String),
    /// More packets are needed.
    Waiting {
        /// Requests given up for it.
        dropped: Option<Dropped>,
    },
    /// A packet the rules drop, with what it was part of.
    Dropped(Dropped),
    /// A message is complete.
    Complete {
        /// The requests it came in, in order.
        requests: Vec<RequestName>,
        /// The message, type byte first.
        message: Vec<u8>,
        /// What to do about it.
        action: Box<Action>,
        /// Requests given up for it.
        dropped: Option<Dropped>,
    },
    /// It is a command of a channel that does not speak MCTP.
    Command(Box<Action>),
}

/// The platform a mailbox talks to.
#[derive(Debug)]
pub struct Platform {
    messages: Arc<Messages>,
    endpoint: Endpoint,
    memory: Memory,
    assembler: Assembler<RequestName>,
    seed: u64,
    /// When this life of the guest began.
    began: Time,
    /// Rules that the request received last breaks, as far as its bytes
    /// alone do not show it.
    breaches: Vec<Breach>,
}

/// A complete message and where it came from.
struct Message<'a> {
    channels: &'a Channels,
    channel: &'a Channel,
    request: Request<'a>,
    packets: usize,
    time: Time,
    answers: &'a Answers,
}

impl Platform {
    /// A platform at the start of a life of the guest.
    pub fn new(messages: Arc<Messages>, seed: u64) -> Self {
        let endpoint = Endpoint::new(messages.endpoint().clone());
        let (memory, assembler) = (Memory::default(), Assembler::default());
        let began = Time::default();
        let breaches = Vec::new();
        Self { messages, endpoint, memory, assembler, seed, began, breaches }
    }

    /// Takes other handlers; what is remembered stays.
    pub fn replace(&mut self, messages: Arc<Messages>) {
        let state = self.endpoint.state();
        self.endpoint = Endpoint::new(messages.endpoint().clone());
        self.endpoint.set_state(state);
        self.messages = messages;
    }

    /// The handlers.
    pub fn handlers(&self) -> &Handlers {
        self.messages.handlers()
    }

    /// The endpoint's state.
    pub fn state(&self) -> State {
        self.endpoint.state()
    }

    /// The endpoint's state when a life of the guest begins.
    pub fn initial(&self) -> State {
        Endpoint::new(self.endpoint.config().clone()).state()
    }

    /// What handlers remember.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Takes over a state: one that was committed.
    pub fn set(&mut self, endpoint: State, memory: Memory) {
        self.endpoint.set_state(endpoint);
        self.memory = memory;
    }

    /// When this life of the guest began.
    pub fn set_began(&mut self, began: Time) {
        self.began = began;
    }

    /// A new life of the guest: initial state, nothing in assembly.
    pub fn reset(&mut self) {
        self.endpoint.reset();
        self.memory = Memory::default();
        self.forget();
    }

    /// What the request received last did against the rules, beyond what its
    /// bytes alone show.
    pub fn take_breaches(&mut self) -> Vec<Breach> {
        std::mem::take(&mut self.breaches)
    }

    /// Gives up messages in assembly; their requests are looked at again.
    pub fn forget(&mut self) {
        self.assembler.clear();
    }

    /// Decides about a request. The platform's state does not change: the
    /// new one is part of the decision, to be committed and set.
    pub fn receive(
        &mut self,
        channels: &Channels,
        name: &RequestName,
        content: &[u8],
        time: Time,
    ) -> Verdict {
        self.breaches.clear();
        if let Some(mut action) = self.command(channels, name, content, time) {
            self.breaches.extend(action.breach.take());
            return Verdict::Command(Box::new(action));
        }
        let content = &*addressed(channels, name, content);
        let (channel, frame) = match open(channels, name, content) {
            Ok(opened) => opened,
            Err(reason) => return Verdict::Rejected(reason),
        };
        let packet = match Packet::decode(frame.payload) {
            Ok(packet) => packet,
            // Too short is malformed, another version is the rules' case.
            Err(error) if frame.payload.len() < mctp::HEADER_LEN => {
                return Verdict::Rejected(error.to_string());
            }
            Err(error) => {
                return Verdict::Dropped((
                    vec![name.clone()],
                    error.to_string(),
                ));
            }
        };
        let Header { source, to, tag, .. } = packet.header;
        if !to && !self.endpoint.state().awaits(source, tag) {
            let reason = format!(
                "a response with tag {tag} from EID {source}: no request with \
                 it waits"
            );
            self.breaches.push(Breach::new("mctp-tag", reason));
        }
        if let Err(reason) = self.endpoint.accepts(&packet.header) {
            return Verdict::Dropped((vec![name.clone()], reason));
        }
        let subspace = channel.subspace;
        match self.assembler.push(subspace, &packet, name.clone()) {
            Assembled::Waiting { dropped } => Verdict::Waiting { dropped },
            Assembled::Dropped { parts, reason } => {
                Verdict::Dropped((parts, reason))
            }
            Assembled::Complete { message, parts, dropped } => {
                self.breaches.extend(self.wrong_instance(tag, to, &message));
                let length = content.len().saturating_sub(UNCOUNTED_LEN);
                let action = self.act(&Message {
                    channels,
                    channel,
                    request: Request {
                        header: &packet.header,
                        pcc_flags: frame.flags,
                        pcc_length: u32::try_from(length).unwrap_or(u32::MAX),
                        subspace,
                        serial: name.seq,
                        message: &message,
                    },
                    packets: parts.len(),
                    time,
                    answers: &NO_ANSWERS,
                });
                let action = Box::new(action);
                Verdict::Complete { requests: parts, message, action, dropped }
            }
        }
    }

    /// Whether a response has another instance id than its request.
    fn wrong_instance(
        &self,
        tag: u8,
        to: bool,
        message: &[u8],
    ) -> Option<Breach> {
        let wanted = self.endpoint.state().instance(tag).filter(|_| !to)?;
        let is = instance_of(message)?;
        (is != wanted).then(|| {
            let reason = format!(
                "the response has instance id {is}, its request had {wanted}"
            );
            Breach::new("mctp-instance", reason)
        })
    }

    fn act(&self, message: &Message<'_>) -> Action {
        let request = message.request;
        let Some(first) = request.message.first() else {
            let reason = "a message without its type byte";
            return Action::ignore(reason.to_owned());
        };
        let kind = MsgType::from(first & 0x7f);
        let Header { to: asked_of_us, tag, .. } = *request.header;
        let judged =
            Endpoint::judge_integrity(request.message).and_then(|()| {
                if kind != MsgType::Control {
                    return Ok(());
                }
                let packets = message.packets;
                Endpoint::judge_control(request.message, packets, asked_of_us)
                    .map(|_| ())
            });
        if let Err(reason) = judged {
            return Action::ignore(reason);
        }
        let asking = Asking {
            request: Some(request),
            memory: &self.memory,
            time: message.time,
            seed: self.seed,
            answers: message.answers,
        };
        let asked = match self.handlers().ask(&asking) {
            Ok(asked) => asked,
            Err(failed) => {
                return Action::ignore(format!(
                    "handler {} failed: {}",
                    failed.handler, failed.reason
                ));
            }
        };
        let mut asked = asked.unwrap_or_default();
        if let Some(question) = asked.question.take() {
            let held = Box::new(Held::new(message, question));
            let mut action = Action::ignore(String::new());
            action.held = Some(held);
            return action;
        }
        let mut endpoint = self.endpoint.clone();
        let mut reason = "the handler wants silence".to_owned();
        let mut note = None;
        let mut state = endpoint.state();
        if !asked_of_us {
            // Whatever handlers make of it: there is nothing to answer.
            reason = "the answer to a message of ours".to_owned();
            asked.reply = Replied::Silence;
            state.answered(tag);
        }
        for push in &asked.unasked {
            state.ask(push.destination, push.tag, &push.message);
        }
        endpoint.set_state(state);
        if asked.reply == Replied::Pass {
            if kind == MsgType::Control {
                asked.handlers.push("endpoint".to_owned());
                asked.reply = match endpoint.handle(request.message) {
                    Outcome::Reply(reply) => Replied::Message(reply),
                    Outcome::Silent(why) => {
                        reason = why;
                        Replied::Silence
                    }
                };
            } else if let Some(wrong) = describe(request.message).wrong_length()
            {
                (asked.reply, reason) = refused(request.message, &wrong);
                if asked.reply != Replied::Silence {
                    asked.handlers.push("endpoint".to_owned());
                    note = Some(reason.clone());
                }
            } else {
                reason = self.nobody(&asking, kind);
            }
        }
        let changed =
            asked.memory.is_some() || endpoint.state() != self.endpoint.state();
        let memory = asked.memory.take();
        let changes = changed.then(|| Changes {
            endpoint: endpoint.state(),
            memory: memory.unwrap_or_else(|| self.memory.clone()),
        });
        let mut action = self
            .send(message, asked, reason, changes)
            .unwrap_or_else(Action::ignore);
        action.notes.extend(note);
        action
    }

    /// Why nobody answers, and who would come nearest.
    fn nobody(&self, asking: &Asking<'_>, kind: MsgType) -> String {
        let mut reason = format!(
            "no handler for this message of type {:#04x} ({kind})",
            u8::from(kind)
        );
        if let Some(nearest) = self.handlers().nearest(asking) {
            reason.push_str(&format!(
                "; the nearest is `{}` ({}): {}",
                nearest.handler,
                nearest.file,
                nearest.differs.join(", ")
            ));
        }
        reason
    }

    /// Packs an answer for the channel towards the guest.
    fn send(
        &self,
        message: &Message<'_>,
        asked: Answer,
        reason: String,
        changes: Option<Changes>,
    ) -> Result<Action, String> {
        let header = message.request.header;
        let source = self.endpoint.answers_from(header);
        let to = towards(message.channels, message.channel)?;
        let unit = self.endpoint.config().transmission_unit;
        let mut unasked = Vec::new();
        for push in asked.unasked {
            let route = outwards(source, push.destination, push.tag);
            let sent = pack(push.message, &route, to, unit)?;
            unasked.push((sent.told(push.envelope, to)?, push.after));
        }
        let handler = asked.handlers.join(" > ");
        let route =
            Header { destination: header.source, source, to: false, ..*header };
        let reply = match asked.reply {
            Replied::Message(mut message) => {
                spoil_message(&mut message, &asked.faults)?;
                let packed = pack(message, &route, to, unit)?;
                let packed = packed.spoiled(&asked.faults)?;
                Some(packed.told(asked.envelope, to)?)
            }
            Replied::Silence | Replied::Pass => None,
        };
        let silent = match &reply {
            None => Some(reason),
            Some(reply) if reply.contents.is_empty() => {
                Some("every packet of the reply is dropped".to_owned())
            }
            Some(_) => None,
        };
        Ok(Action {
            handler: (!handler.is_empty()).then_some(handler),
            reply: reply.filter(|_| silent.is_none()),
            reason: silent,
            unasked,
            changes,
            wait: asked.wait,
            in_order: asked.in_order,
            timely: asked.timely,
            notes: Vec::new(),
            breach: None,
            held: None,
        })
    }

    /// A message by the clock, and what is remembered after it. None if
    /// there is no such message (any more).
    pub fn tick(
        &self,
        channels: &Channels,
        name: &str,
        time: Time,
    ) -> Option<Result<(Option<Sending>, Changes), String>> {
        let asking = Asking {
            request: None,
            memory: &self.memory,
            time,
            seed: self.seed,
            answers: &NO_ANSWERS,
        };
        if let Some(made) = self.notification(channels, name, time) {
            return Some(made);
        }
        let made = self.handlers().tick(name, &asking)?;
        Some(made.map_err(|failed| failed.reason).and_then(|timely| {
            let mut changes =
                Changes { endpoint: self.state(), memory: timely.memory };
            let Some(push) = timely.unasked else {
                return Ok((None, changes));
            };
            changes.endpoint.ask(push.destination, push.tag, &push.message);
            let to = channels
                .inbox()
                .ok_or("the mailbox has no channel towards the guest")?;
            let source = self.endpoint.eid();
            let route = outwards(source, push.destination, push.tag);
            let unit = self.endpoint.config().transmission_unit;
            let sent = pack(push.message, &route, to, unit)?;
            Ok((Some(sent.told(push.envelope, to)?), changes))
        }))
    }
}

/// A request of an answered channel is for the subspace of its name, whatever
/// its guest wrote into the signature: refused it would never end.
fn addressed<'b>(
    channels: &Channels,
    name: &RequestName,
    content: &'b [u8],
) -> Cow<'b, [u8]> {
    let own = (SIGNATURE | u32::from(name.subspace)).to_le_bytes();
    let channel = channels.get(name.subspace);
    match content.split_at_checked(own.len()) {
        Some((signed, rest))
            if signed != own
                && channel.is_some_and(|channel| {
                    channel.completion == Completion::Answered
                }) =>
        {
            Cow::Owned([&own[..], rest].concat())
        }
        _ => Cow::Borrowed(content),
    }
}

/// Reads a content as a frame of its channel.
fn open<'c, 'b>(
    channels: &'c Channels,
    name: &RequestName,
    content: &'b [u8],
) -> Result<(&'c Channel, Frame<'b>), String> {
    if content.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let subspace = crate::wire::pcc::signature(content)
        .map_err(|error| error.to_string())?;
    let channel = channels.get(subspace).ok_or_else(|| {
        format!("the signature names subspace {subspace}, no channel here")
    })?;
    if subspace != name.subspace {
        return Err(format!(
            "the signature names subspace {subspace}, the file name {}",
            name.subspace
        ));
    }
    if channel.kind != 3 {
        return Err(format!(
            "subspace {subspace} has type {}; this pccd answers requests of \
             type 3 only",
            channel.kind
        ));
    }
    if content.len() > channel.size {
        return Err(format!(
            "the file has {} bytes, its channel {}",
            content.len(),
            channel.size
        ));
    }
    let frame = Frame::decode(content).map_err(|error| error.to_string())?;
    if frame.command != COMMAND_MCTP {
        return Err(format!(
            "the command is {:02x?}, expected the bytes of \"MCTP\"",
            frame.command
        ));
    }
    Ok((channel, frame))
}

/// What a request of a wrong length gets that no handler wants, and why.
fn refused(request: &[u8], wrong: &str) -> (Replied, String) {
    match refusal(request) {
        Some((answer, name)) => {
            (Replied::Message(answer), format!("{wrong}: answered with {name}"))
        }
        None => {
            let reason =
                format!("{wrong}; a handler with `any_length` may answer it");
            (Replied::Silence, reason)
        }
    }
}

#[cfg(test)]
mod tests;
