//! Whether handler files answer as the recording does.

use crate::mailbox::{Channel, Channels, Completion, Epoch, RequestName};
use crate::messages::Messages;
use crate::platform::{Action, Decision, Platform};
use crate::record::{Time, compact};
use crate::recording::{Exchange, Message, Request, Said, Side};
use crate::script::delay::Wait;
use crate::wire::mctp::{BASELINE_UNIT, Eid, Header, fragment};
use crate::wire::pcc::{COMMAND_MCTP, Frame};
use crate::wire::region::SubspaceType;

/// Most differences that are named.
const MOST: usize = 10;
/// Bytes of a channel where the recording does not say.
const SIZE: usize = 65_536;

/// Why a request gets no answer of which all packets were taken.
const UNFINISHED: &str = "its packets make no message";

/// Asks what the recording has; says where the answer is another.
pub fn judge(side: &Side, files: &[(String, String)]) -> Vec<String> {
    let texts: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let messages = match Messages::from_texts(&texts) {
        Ok(messages) => messages,
        Err(problems) => {
            return vec![format!("pccd check refuses the files: {problems}")];
        }
    };
    let channels = channels(side);
    let mut platform = Platform::new(messages.into(), 0);
    let Ok(epoch) = compact(Time::default()).parse::<Epoch>() else {
        return Vec::new();
    };
    let (mut notes, mut seq, mut life) = (Vec::new(), 0, 0);
    for one in &side.exchanges {
        if one.rejected.is_some() {
            continue;
        }
        if one.life > life {
            life = one.life;
            platform.reset(&channels);
        }
        let subspace = one.subspace.unwrap_or_default();
        let (mut said, mut why) = (None, None);
        for content in contents(one, subspace) {
            seq += 1;
            let name = RequestName { epoch: epoch.clone(), seq, subspace };
            let time = Time::default();
            match platform.receive(&channels, &name, &content, time) {
                Decision::Complete { action, .. }
                | Decision::Command(action) => said = Some(action),
                Decision::Rejected(reason) | Decision::Dropped((_, reason)) => {
                    why = Some(reason)
                }
                Decision::Waiting { .. } => {}
            }
        }
        let Some(action) = said else {
            if one.reply.is_some() {
                let place = side.place(one.number - 1);
                let why = why.unwrap_or_else(|| UNFINISHED.to_owned());
                notes.push(format!("not answered: {place}: {why}"));
            }
            continue;
        };
        if !is_same(one, &action) {
            let place = side.place(one.number - 1);
            notes.push(format!("answered otherwise: {place}"));
        }
        if let Some(changes) = action.changes {
            platform.set(changes.endpoint, changes.memory);
        }
    }
    let more = notes.len().saturating_sub(MOST);
    notes.truncate(MOST);
    if more > 0 {
        notes.push(format!("answered otherwise, or not: {more} more"));
    }
    notes
}

/// The channels as far as the recording shows them.
fn channels(side: &Side) -> Channels {
    let Channels { channels: pair, .. } = Channels::default();
    let mut channels = Vec::new();
    let mut add = |subspace, kind, completion, paired| {
        let size = SIZE;
        let known: &Vec<Channel> = &channels;
        if !known.iter().any(|one| one.subspace == subspace) {
            channels.push(Channel { subspace, kind, size, completion, paired });
        }
    };
    for one in &side.exchanges {
        let (Some(from), Some(Said::Contents { subspace: to, .. })) =
            (one.subspace, &one.reply)
        else {
            continue;
        };
        let kind = side.kinds.get(&from).copied();
        if from == *to {
            let kind = kind.unwrap_or(SubspaceType::HwReducedAck);
            add(from, kind, Completion::Answered, None);
        } else {
            let (posted, pair) = (Completion::Posted, Some(*to));
            add(from, SubspaceType::Initiator, posted, pair);
            add(*to, SubspaceType::Responder, posted, Some(from));
        }
    }
    for one in pair {
        add(one.subspace, one.kind, one.completion, one.paired);
    }
    for (subspace, kind) in &side.kinds {
        add(*subspace, *kind, Completion::Posted, None);
    }
    Channels { epoch: None, channels }
}

/// The contents that ask it.
fn contents(one: &Exchange, subspace: u8) -> Vec<Vec<u8>> {
    match &one.asked {
        Request::Content(content) => vec![content.clone()],
        Request::Message(Message { source, destination, to, tag, bytes }) => {
            let route = Header {
                destination: Eid(*destination),
                source: Eid(*source),
                som: true,
                eom: true,
                sequence: 0,
                to: *to,
                tag: *tag,
            };
            let packets = fragment(bytes, BASELINE_UNIT, &route).into_iter();
            let frame = |packet: Vec<u8>| {
                Frame {
                    subspace,
                    flags: 1,
                    command: COMMAND_MCTP,
                    payload: &packet,
                }
                .encode()
            };
            packets.map(frame).collect()
        }
    }
}

fn is_same(one: &Exchange, action: &Action) -> bool {
    if one.wait == Wait::Never || action.wait == Wait::Never {
        return one.wait == action.wait;
    }
    match (&one.reply, &action.reply) {
        (None, None) => true,
        (Some(Said::Contents { contents, .. }), Some(reply)) => {
            *contents == reply.contents
        }
        (Some(Said::Message(message)), Some(reply)) => {
            message.bytes == reply.message
        }
        _ => false,
    }
}
