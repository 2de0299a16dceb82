//! What an exchange of a recording says to a request, as files of the mailbox.

use super::decision::Action;
use super::pack::{Sending, outwards, pack, towards};
use crate::mailbox::{Channel, Channels, RequestName};
use crate::record::Decoded;
use crate::recording::{
    Exchange, Message, Request, Said, instance, set_instance,
};
use crate::registers::{self, refusal};
use crate::script::delay::Wait;
use crate::script::problem::Wrong;
use crate::wire::mctp::{Eid, Header};
use crate::wire::pcc::{COMMAND_MCTP, HEADER_LEN, is_mctp, split_envelope};

/// EID of a guest of which the recording knows none.
const GUEST: u8 = 8;

/// What the platform of a request is.
pub struct Place<'a> {
    pub channels: &'a Channels,
    pub name: &'a RequestName,
    pub content: &'a [u8],
    /// The platform's EID where the recording has none, and its
    /// transmission unit.
    pub eid: Eid,
    pub unit: usize,
    /// How a request of a subspace reads.
    pub describe: &'a dyn Fn(u8, &[u8]) -> Decoded,
}

/// The answer with error status to what is not in the recording.
pub fn refuse(at: &Place<'_>, on: &Channel) -> Action {
    let asked = registers::Request {
        kind: on.kind,
        size: on.size,
        serial: at.name.seq,
        content: at.content,
        seed: 0,
    };
    let contents = vec![refusal(&asked, on.subspace)];
    let message = Vec::new();
    let mut action = Action::ignore(String::new());
    action.reason = None;
    action.reply = Some(Sending { message, contents, subspace: on.subspace });
    action
}

/// What an exchange says to a request.
pub fn answer(
    at: &Place<'_>,
    on: &Channel,
    asked: &Request,
    one: &Exchange,
) -> Result<Action, Wrong> {
    let mut action = Action::ignore(String::new());
    action.reason = one.ignored.clone().filter(|_| one.reply.is_none());
    action.wait = one.wait;
    action.in_order = one.in_order;
    action.handler = Some(match one.handler.as_str() {
        "" => "recorded".to_owned(),
        handler => handler.to_owned(),
    });
    let reply = one.reply.as_ref().map(|said| reply(at, on, asked, one, said));
    action.reply = reply.transpose()?;
    for sent in &one.unasked {
        let sending = unasked(&sent.said, at.channels, at.eid, at.unit)?;
        // It counts from the request, a reply's wait apart.
        let waited = match one.wait {
            Wait::Ms(ms) => ms,
            Wait::Never => 0,
        };
        action.unasked.push((sending, sent.after.saturating_sub(waited)));
    }
    Ok(action)
}

fn reply(
    at: &Place<'_>,
    on: &Channel,
    asked: &Request,
    one: &Exchange,
    said: &Said,
) -> Result<Sending, Wrong> {
    match (said, asked, &one.asked) {
        (
            Said::Contents { subspace, contents },
            Request::Message(live),
            Request::Message(recorded),
        ) => {
            let adapted = contents.iter().map(|content| {
                let mut content = content.clone();
                if live != recorded {
                    adapt(&mut content, recorded, live);
                }
                content
            });
            let contents: Vec<Vec<u8>> = adapted.collect();
            let message = message_of(&contents);
            Ok(Sending { message, contents, subspace: *subspace })
        }
        (Said::Contents { subspace, contents }, ..) => Ok(Sending {
            message: Vec::new(),
            contents: contents.clone(),
            subspace: *subspace,
        }),
        (Said::Message(reply), Request::Message(live), recorded) => {
            let mut bytes = reply.bytes.clone();
            if let Request::Message(recorded) = recorded
                && instance(&recorded.bytes) == instance(&bytes)
                && let Some(own) = instance(&live.bytes)
            {
                set_instance(&mut bytes, own);
            }
            let source = [live.destination, reply.source, at.eid.0];
            let source = source.into_iter().find(|eid| is_own(*eid));
            let route = Header {
                destination: Eid(live.source),
                source: Eid(source.unwrap_or_default()),
                tag: live.tag,
                ..outwards(Eid::NULL, Eid::NULL, 0)
            };
            let route = Header { to: false, ..route };
            pack(bytes, &route, towards(at.channels, on)?, at.unit)
        }
        (Said::Message(_), Request::Content(_), _) => Err(Wrong::plain(
            "a message is recorded for a channel of registers",
        )),
    }
}

/// Whether an EID is somebody's own.
fn is_own(eid: u8) -> bool {
    eid != Eid::NULL.0 && eid != Eid::BROADCAST.0
}

/// A message that nobody asked for.
pub fn unasked(
    said: &Said,
    channels: &Channels,
    eid: Eid,
    unit: usize,
) -> Result<Sending, Wrong> {
    match said {
        Said::Contents { subspace, contents } => Ok(Sending {
            message: message_of(contents),
            contents: contents.clone(),
            subspace: *subspace,
        }),
        Said::Message(Message { source, destination, to, tag, bytes }) => {
            let none = "the mailbox has no channel towards the guest";
            let on = channels.inbox().ok_or_else(|| Wrong::plain(none))?;
            let or = |eid: u8, other| if eid == 0 { other } else { eid };
            let source = Eid(or(*source, eid.0));
            let destination = Eid(or(*destination, GUEST));
            let route = outwards(source, destination, *tag);
            let route = Header { to: *to, ..route };
            pack(bytes.clone(), &route, on, unit)
        }
    }
}

/// The message in these contents, as far as they are packets.
fn message_of(contents: &[Vec<u8>]) -> Vec<u8> {
    let payloads = contents.iter().filter_map(|content| {
        let (_, content) = split_envelope(content);
        let is_packet = is_mctp(content);
        content.get(HEADER_LEN + 4..).filter(|_| is_packet)
    });
    payloads.flatten().copied().collect()
}

/// Makes a reply's packet one to a guest that has chosen another tag or
/// instance id, or has another EID.
fn adapt(content: &mut [u8], recorded: &Message, live: &Message) {
    let envelope = content.len() - split_envelope(content).1.len();
    let command = [12, 13, 14, 15].map(|at| content.get(envelope + at));
    if command.map(|byte| byte.copied()) != COMMAND_MCTP.map(Some) {
        return;
    }
    let at = envelope + HEADER_LEN;
    let Some([_, destination, source, flags, payload @ ..]) =
        content.get_mut(at..)
    else {
        return;
    };
    if *destination == recorded.source {
        *destination = live.source;
    }
    if *source == recorded.destination && is_own(live.destination) {
        *source = live.destination;
    }
    if *flags & 7 == recorded.tag {
        *flags = *flags & !7 | live.tag;
    }
    let is_start = *flags & 0x80 != 0;
    if is_start
        && instance(payload).is_some()
        && instance(payload) == instance(&recorded.bytes)
        && let Some(own) = instance(&live.bytes)
    {
        set_instance(payload, own);
    }
}
