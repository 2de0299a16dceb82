//! What a request's bytes lead to: the decision, without files, time or
//! log. It joins the wire layers, the handlers and the endpoint.

mod decision;
mod differs;
mod frame;
mod pack;
mod played;
mod protocol;
mod recorded;
mod replayed;
mod unasked;

use std::sync::Arc;

pub use self::decision::{Action, Changes, Decision, Dropped, Held};
use self::frame::{addressed, open, refused};
pub use self::pack::{Sending, pack};
use self::pack::{outwards, towards};
pub(crate) use self::protocol::Protocol;
use self::recorded::Place;
use self::replayed::Replayed;
use crate::conduct::Breach;
use crate::endpoint::{Endpoint, Outcome, State, instance_of};
use crate::handlers::Handlers;
use crate::handlers::ask::Answer;
use crate::handlers::exec::Question;
use crate::handlers::fault::spoil_message;
use crate::handlers::request::{Answers, Asking, NO_ANSWERS, Replied, Request};
use crate::mailbox::{Channel, Channels, RequestName};
use crate::messages::Messages;
use crate::record::{Decoded, Event, Time, describe as describe_frame};
use crate::recording::{Replay, Side};
use crate::registers;
use crate::registers::decode::{self, Known};
use crate::script::memory::Memory;
use crate::script::problem::Wrong;
use crate::wire::assembly::{Assembled, Assembler};
use crate::wire::mctp::{self, Header, MsgType, Packet};
use crate::wire::message::describe;
use crate::wire::pcc::{UNCOUNTED_LEN, signature, split_envelope};

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
    /// The number of its request that is the first for dice.
    first: u32,
    /// Rules that the request received last breaks, as far as its bytes
    /// alone do not show it.
    breaches: Vec<Breach>,
    /// A recording that answers instead of all that.
    replayed: Option<Replayed>,
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

impl Message<'_> {
    fn hold(&self, question: Question) -> Held {
        let request = &self.request;
        Held {
            question,
            message: request.message.to_vec(),
            header: *request.header,
            pcc_flags: request.pcc_flags,
            pcc_length: request.pcc_length,
            subspace: request.subspace,
            serial: request.serial,
            packets: self.packets,
            answers: self.answers.clone(),
        }
    }
}

impl Platform {
    /// A platform at the start of a life of the guest.
    pub fn new(messages: Arc<Messages>, seed: u64) -> Self {
        let endpoint = Endpoint::new(messages.endpoint.clone());
        let (memory, assembler) = (Memory::default(), Assembler::default());
        let began = Time::default();
        Self {
            messages,
            endpoint,
            memory,
            assembler,
            seed,
            began,
            first: 0,
            breaches: Vec::new(),
            replayed: None,
        }
    }

    /// The same where a recording answers; handlers only name registers.
    pub fn replaying(mut self, replay: Replay) -> Self {
        self.replayed = Some(Replayed::new(replay));
        self
    }

    /// The recording that answers, if one does.
    pub fn replayed(&self) -> Option<&Side> {
        self.replayed.as_ref().map(Replayed::side)
    }

    /// What is to be told of the recording since this was asked last.
    pub fn take_told(&mut self) -> Vec<(Event, String)> {
        self.replayed.as_mut().map(Replayed::take_told).unwrap_or_default()
    }

    /// Whether all came about as recorded, and what there is to say of it.
    pub fn conclude(
        &self,
        channels: &Channels,
    ) -> (bool, Vec<(Event, String)>) {
        match &self.replayed {
            Some(replayed) => replayed.conclude(&|subspace, content| {
                self.describe(channels, subspace, content, true, false)
            }),
            None => (true, Vec::new()),
        }
    }

    /// Takes other handlers; what is remembered stays.
    pub fn replace(&mut self, messages: Arc<Messages>) {
        let state = self.endpoint.state();
        self.endpoint = Endpoint::new(messages.endpoint.clone());
        self.endpoint.set_state(state);
        self.messages = messages;
    }

    /// All that handler files say.
    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
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

    /// The number of the request that dice count from, so that they fall as
    /// they did before.
    pub fn set_first(&mut self, first: u32) {
        self.first = first;
    }

    /// A new life of the guest: initial state, nothing in assembly.
    pub fn reset(&mut self, channels: &Channels) {
        self.endpoint.reset();
        self.memory = Memory::default();
        self.first = 0;
        self.forget();
        if let Some(mut replayed) = self.replayed.take() {
            replayed.begin_life(&|subspace, content| {
                self.describe(channels, subspace, content, true, false)
            });
            self.replayed = Some(replayed);
        }
    }

    /// What the request received last did against the rules, beyond what its
    /// bytes alone show.
    pub fn take_breaches(&mut self) -> Vec<Breach> {
        std::mem::take(&mut self.breaches)
    }

    /// Gives up messages in assembly; their requests are looked at again.
    pub fn forget(&mut self) {
        self.assembler.clear();
        if let Some(replayed) = &mut self.replayed {
            replayed.forget();
        }
    }

    /// Decides about a request. The platform's state does not change: the
    /// new one is part of the decision, to be committed and set.
    pub fn receive(
        &mut self,
        channels: &Channels,
        name: &RequestName,
        content: &[u8],
        time: Time,
    ) -> Decision {
        self.breaches.clear();
        if let Some(mut replayed) = self.replayed.take() {
            let (eid, unit) = (self.endpoint.eid(), self.unit());
            let decision = replayed.receive(&Place {
                channels,
                name,
                content,
                eid,
                unit,
                describe: &|subspace, content| {
                    self.describe(channels, subspace, content, true, false)
                },
            });
            self.replayed = Some(replayed);
            return decision;
        }
        if let Some(mut action) = self.command(channels, name, content, time) {
            self.breaches.extend(action.breach.take());
            return Decision::Command(Box::new(action));
        }
        let content = &*addressed(channels, name, content);
        let (channel, frame) = match open(channels, name, content) {
            Ok(opened) => opened,
            Err(reason) => return Decision::Rejected(reason),
        };
        let packet = match Packet::decode(frame.payload) {
            Ok(packet) => packet,
            // Too short is malformed, another version is the rules' case.
            Err(error) if frame.payload.len() < mctp::HEADER_LEN => {
                return Decision::Rejected(error.to_string());
            }
            Err(error) => {
                return Decision::Dropped((
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
            return Decision::Dropped((vec![name.clone()], reason.into()));
        }
        let subspace = channel.subspace;
        match self.assembler.push(subspace, &packet, name.clone()) {
            Assembled::Waiting { dropped } => Decision::Waiting { dropped },
            Assembled::Dropped { parts, reason } => {
                Decision::Dropped((parts, reason))
            }
            Assembled::Complete { message, parts, dropped } => {
                self.breaches.extend(self.wrong_instance(tag, to, &message));
                let length = content.len().saturating_sub(UNCOUNTED_LEN);
                let action = self.decide(&Message {
                    channels,
                    channel,
                    request: Request {
                        header: &packet.header,
                        pcc_flags: frame.flags,
                        pcc_length: u32::try_from(length).unwrap_or(u32::MAX),
                        subspace,
                        serial: self.serial(name),
                        message: &message,
                    },
                    packets: parts.len(),
                    time,
                    answers: &NO_ANSWERS,
                });
                let action = Box::new(action);
                Decision::Complete { requests: parts, message, action, dropped }
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

    /// Decides about a request of a channel that does not speak MCTP; none
    /// if it is not one. The file's name says which channel it is: a guest
    /// may have spoilt the signature.
    fn command(
        &self,
        channels: &Channels,
        name: &RequestName,
        content: &[u8],
        time: Time,
    ) -> Option<Action> {
        let on = channels.get(name.subspace)?;
        let asked = registers::Request {
            kind: on.kind,
            size: on.size,
            serial: self.serial(name),
            content,
            seed: self.seed,
        };
        match Protocol::of(&self.messages, on, content) {
            Protocol::Mctp => None,
            Protocol::Unknown => Some(played::unknown(on, &asked)),
            Protocol::Registers(played) => {
                let declared = &self.messages.declared;
                let times = (self.began, time);
                let answer =
                    played.answer(declared, &self.memory, &asked, times);
                let state = self.endpoint.state();
                Some(played::answered(on, answer, state, &self.memory))
            }
        }
    }

    /// Decides about a message anew, with what its program said, or why it
    /// said nothing.
    pub fn go_on(
        &self,
        channels: &Channels,
        held: Held,
        said: Result<String, Wrong>,
        time: Time,
    ) -> Action {
        let Some(channel) = channels.get(held.subspace) else {
            return Action::ignore("its channel is gone".to_owned());
        };
        let mut answers = held.answers;
        answers.insert(held.question.handler, said);
        self.decide(&Message {
            channels,
            channel,
            request: Request {
                header: &held.header,
                pcc_flags: held.pcc_flags,
                pcc_length: held.pcc_length,
                subspace: held.subspace,
                serial: held.serial,
                message: &held.message,
            },
            packets: held.packets,
            time,
            answers: &answers,
        })
    }

    fn decide(&self, message: &Message<'_>) -> Action {
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
            return Action::ignore(reason.into());
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
            Err(wrong) => return Action::ignore(wrong.to_string()),
        };
        let mut asked = asked.unwrap_or_default();
        if let Some(question) = asked.question.take() {
            let mut action = Action::ignore(String::new());
            action.held = Some(Box::new(message.hold(question)));
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
            if let Some(tag) = push.tag {
                state.ask(push.destination, tag, &push.message);
            }
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
            .unwrap_or_else(|wrong| Action::ignore(wrong.to_string()));
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
    ) -> Result<Action, Wrong> {
        let header = message.request.header;
        let source = self.endpoint.answers_from(header);
        let to = towards(message.channels, message.channel)?;
        let unit = self.unit();
        let answer =
            Header { destination: header.source, source, to: false, ..*header };
        let mut unasked = Vec::new();
        for push in asked.unasked {
            let route = match push.tag {
                Some(tag) => outwards(source, push.destination, tag),
                None => answer,
            };
            let sent = pack(push.message, &route, to, unit)?;
            unasked.push((sent.told(push.envelope, to)?, push.after));
        }
        let handler = asked.handlers.join(" > ");
        let reply = match asked.reply {
            Replied::Message(mut message) => {
                spoil_message(&mut message, &asked.faults)?;
                let packed = pack(message, &answer, to, unit)?;
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
            later: None,
            notes: Vec::new(),
            breach: None,
            held: None,
        })
    }

    fn serial(&self, name: &RequestName) -> u32 {
        name.seq.saturating_sub(self.first)
    }

    fn unit(&self) -> usize {
        self.endpoint.config().transmission_unit
    }

    /// Decodes a content of a mailbox for display. `subspace` is the one in
    /// its file's name.
    pub fn describe(
        &self,
        channels: &Channels,
        subspace: u8,
        content: &[u8],
        is_request: bool,
        is_unasked: bool,
    ) -> Decoded {
        let (told, inner) = split_envelope(content);
        let signed = signature(inner).ok();
        // A request is for the channel of its name, whatever it says.
        let says = [told, signed].into_iter().flatten();
        let named = channels.get(subspace).filter(|_| is_request);
        let said = || says.chain([subspace]).find_map(|id| channels.get(id));
        let Some(on) = named.or_else(said) else {
            return describe_frame(content);
        };
        let channel = match Protocol::of(&self.messages, on, inner) {
            Protocol::Mctp => return describe_frame(content),
            Protocol::Registers(played) => Some(played.channel),
            Protocol::Unknown => None,
        };
        let (kind, subspace) = (on.kind, on.subspace);
        let known = Known { kind, subspace, is_request, is_unasked, channel };
        decode::describe(content, &known)
    }
}

#[cfg(test)]
mod tests;
