//! What a request's bytes lead to: the decision, without files, time or
//! log. It joins the wire layers, the handlers and the endpoint.

use crate::endpoint::{Endpoint, Outcome, State};
use crate::handlers::{Answer, Handlers, Request};
use crate::mailbox::{Channel, Channels, RequestName};
use crate::wire::assembly::{Assembled, Assembler};
use crate::wire::mctp::{self, Header, MsgType, Packet, fragment};
use crate::wire::pcc::{COMMAND_MCTP, Frame, HEADER_LEN};

/// A message to send: as a message, and as contents of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The message, type byte first.
    pub message: Vec<u8>,
    /// The contents, one a packet.
    pub contents: Vec<Vec<u8>>,
    /// Subspace they are for.
    pub subspace: u8,
}

/// What to do about a complete message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing goes back.
    Ignore {
        /// Why.
        reason: String,
        /// Handler that wanted it so, if one did.
        handler: Option<String>,
        /// What is sent all the same.
        unasked: Vec<Sending>,
        /// State of the endpoint after it.
        state: State,
    },
    /// This goes back.
    Answer {
        /// Handler, or `endpoint`.
        handler: String,
        /// The answer.
        reply: Sending,
        /// What is sent after it.
        unasked: Vec<Sending>,
        /// State of the endpoint after it.
        state: State,
    },
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
        action: Action,
        /// Requests given up for it.
        dropped: Option<Dropped>,
    },
}

/// The platform a mailbox talks to.
#[derive(Debug)]
pub struct Platform<'a> {
    handlers: &'a Handlers,
    endpoint: Endpoint,
    assembler: Assembler<RequestName>,
}

impl<'a> Platform<'a> {
    /// A platform at the start of a life of the guest.
    pub fn new(handlers: &'a Handlers) -> Self {
        let endpoint = Endpoint::new(handlers.endpoint().clone());
        Self { handlers, endpoint, assembler: Assembler::default() }
    }

    /// The endpoint's state.
    pub fn state(&self) -> State {
        self.endpoint.state()
    }

    /// Takes over a state: one that was committed.
    pub fn set_state(&mut self, state: State) {
        self.endpoint.set_state(state);
    }

    /// A new life of the guest: initial state, nothing in assembly.
    pub fn reset(&mut self) {
        self.endpoint.reset();
        self.forget();
    }

    /// Gives up messages in assembly; their requests are looked at again.
    pub fn forget(&mut self) {
        self.assembler.clear();
    }

    /// Decides about a request. The endpoint's state does not change: the
    /// new one is part of the decision, to be committed and set.
    pub fn receive(
        &mut self,
        channels: &Channels,
        name: &RequestName,
        content: &[u8],
    ) -> Verdict {
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
                let action = self.act(
                    channels,
                    channel,
                    &packet.header,
                    &message,
                    parts.len(),
                );
                Verdict::Complete { requests: parts, message, action, dropped }
            }
        }
    }

    fn act(
        &self,
        channels: &Channels,
        channel: &Channel,
        header: &Header,
        message: &[u8],
        packets: usize,
    ) -> Action {
        let before = self.state();
        let ignore = |reason: String| Action::Ignore {
            reason,
            handler: None,
            unasked: Vec::new(),
            state: before,
        };
        let Some(first) = message.first() else {
            return ignore("a message without its type byte".to_owned());
        };
        let kind = MsgType::from(first & 0x7f);
        if kind == MsgType::Control
            && let Err(reason) = Endpoint::judge_control(message, packets)
        {
            return ignore(reason);
        }
        let request = Request { header, subspace: channel.subspace, message };
        let (answer, state) = match self.handlers.ask(request) {
            Err(failed) => {
                return ignore(format!(
                    "handler {} failed: {}",
                    failed.handler, failed.reason
                ));
            }
            Ok(Some(answer)) => (answer, before),
            Ok(None) if kind == MsgType::Control => {
                let mut endpoint = self.endpoint.clone();
                let (reply, reason) = match endpoint.handle(message) {
                    Outcome::Reply(reply) => (Some(reply), String::new()),
                    Outcome::Silent(reason) => (None, reason),
                };
                let state = endpoint.state();
                let Some(reply) = reply else {
                    return Action::Ignore {
                        reason,
                        handler: Some("endpoint".to_owned()),
                        unasked: Vec::new(),
                        state,
                    };
                };
                let answer = Answer {
                    handler: "endpoint".to_owned(),
                    reply: Some(reply),
                    unasked: Vec::new(),
                };
                (answer, state)
            }
            Ok(None) => {
                return ignore(format!(
                    "no handler for this message of type {:#04x} ({kind})",
                    u8::from(kind)
                ));
            }
        };
        self.send(channels, channel, header, answer, state)
            .unwrap_or_else(ignore)
    }

    /// Packs an answer for the channel towards the guest.
    fn send(
        &self,
        channels: &Channels,
        channel: &Channel,
        header: &Header,
        answer: Answer,
        state: State,
    ) -> Result<Action, String> {
        let source = self.endpoint.answers_from(header);
        let to = channels.towards_guest(channel).ok_or_else(|| {
            format!(
                "channels.json pairs subspace {} with one it does not have",
                channel.subspace
            )
        })?;
        let unit = self.endpoint.config().transmission_unit;
        let unasked = answer
            .unasked
            .into_iter()
            .map(|unasked| {
                let route = Header {
                    destination: unasked.destination,
                    source,
                    som: true,
                    eom: true,
                    sequence: 0,
                    to: true,
                    tag: unasked.tag,
                };
                pack(unasked.message, &route, to, unit)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let handler = answer.handler;
        let Some(reply) = answer.reply else {
            return Ok(Action::Ignore {
                reason: "the handler wants silence".to_owned(),
                handler: Some(handler),
                unasked,
                state,
            });
        };
        let route =
            Header { destination: header.source, source, to: false, ..*header };
        let reply = pack(reply, &route, to, unit)?;
        Ok(Action::Answer { handler, reply, unasked, state })
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

/// Cuts a message into contents for a channel.
///
/// # Errors
///
/// The channel is too small for any packet.
pub fn pack(
    message: Vec<u8>,
    route: &Header,
    to: &Channel,
    unit: usize,
) -> Result<Sending, String> {
    let room = to.size.saturating_sub(HEADER_LEN + mctp::HEADER_LEN);
    if room == 0 {
        return Err(format!(
            "subspace {} has {} bytes, too few for a packet",
            to.subspace, to.size
        ));
    }
    let contents = fragment(&message, unit.min(room), route)
        .iter()
        .map(|packet| {
            Frame {
                subspace: to.subspace,
                flags: 0,
                command: COMMAND_MCTP,
                payload: packet,
            }
            .encode()
        })
        .collect();
    Ok(Sending { message, contents, subspace: to.subspace })
}

#[cfg(test)]
mod tests;
