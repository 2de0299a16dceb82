//! What a request leads to where a recording is played: what it led to there.

use super::decision::{Action, Decision};
use super::differs::differs;
use super::pack::{Sending, outwards, pack, towards};
use crate::mailbox::{Channel, Channels, Completion, RequestName};
use crate::record::{Decoded, Event, Field, FieldValue, describe_message};
use crate::recording::{
    Asked, Departed, Exchange, How, Message, Replay, Said, Side, Sorter, Taken,
    Took, instance, set_instance,
};
use crate::registers::{self, Timed, refusal};
use crate::script::check::Clock;
use crate::script::delay::Wait;
use crate::script::problem::Wrong;
use crate::wire::mctp::{Eid, Header};
use crate::wire::pcc::{COMMAND_MCTP, HEADER_LEN, is_mctp, split_envelope};

/// EID of a guest of which the recording knows none.
const GUEST: u8 = 8;
/// Most departures that are told one by one.
const MOST_TOLD: u64 = 100;

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

/// A recording that is played.
#[derive(Debug)]
pub struct Replayed {
    replay: Replay,
    sorter: Sorter<RequestName>,
    /// What is to be told of the request received last.
    told: Vec<(Event, String)>,
}

impl Replayed {
    pub fn new(replay: Replay) -> Self {
        let (sorter, told) = (Sorter::default(), Vec::new());
        Self { replay, sorter, told }
    }

    /// What is played.
    pub fn side(&self) -> &Side {
        self.replay.side()
    }

    /// Gives up messages in assembly.
    pub fn forget(&mut self) {
        self.sorter.clear();
    }

    /// A life of the guest begins.
    pub fn begin_life(&mut self, describe: &dyn Fn(u8, &[u8]) -> Decoded) {
        self.sorter.clear();
        if let Some((first, count)) = self.replay.begin_life() {
            let left = self.left(first, count, describe);
            let text = format!("the guest starts anew too early: {left}");
            self.tell(text);
        }
    }

    /// What is to be told since this was asked last.
    pub fn take_told(&mut self) -> Vec<(Event, String)> {
        std::mem::take(&mut self.told)
    }

    /// Whether all came about as recorded, and what there is to say of it.
    pub fn conclude(
        &self,
        describe: &dyn Fn(u8, &[u8]) -> Decoded,
    ) -> (bool, Vec<(Event, String)>) {
        let mut all = Vec::new();
        let departures = self.replay.departures();
        if departures > 1 {
            let text = "the guest departed from the recording";
            all.push((Event::Failed, format!("{text} {departures} times")));
        }
        if let Some((first, count)) = self.replay.left() {
            let text = self.left(first, count, describe);
            all.push((Event::Failed, text));
        } else if departures == 0 {
            let count = self.replay.side().exchanges.len();
            let text = "the guest asked all that the recording has";
            all.push((Event::Note, format!("{text}: {count} requests")));
        }
        (departures == 0 && self.replay.left().is_none(), all)
    }

    fn left(
        &self,
        first: usize,
        count: usize,
        describe: &dyn Fn(u8, &[u8]) -> Decoded,
    ) -> String {
        let what =
            self.replay.exchange(first).map_or_else(String::new, |one| {
                decoded(&one.asked, one.subspace, describe).summary
            });
        let place = self.replay.side().place(first);
        format!(
            "{count} of the recording's requests were not asked, the first \
             is {place}: {what}"
        )
    }

    fn tell(&mut self, text: String) {
        let event = match self.replay.departures() {
            0 | 1 => Event::Failed,
            count if count <= MOST_TOLD => Event::Note,
            _ => return,
        };
        self.told.push((event, text));
    }

    /// Decides about a request.
    pub fn receive(&mut self, at: &Place<'_>) -> Decision {
        let Place { channels, name, content, .. } = *at;
        let took = self.sorter.push(name.subspace, content, name.clone());
        let (asked, requests, dropped) = match took {
            Took::Waiting(dropped) => return Decision::Waiting { dropped },
            Took::Dropped(parts, reason) => {
                return Decision::Dropped((parts, reason));
            }
            Took::Asked(asked, parts, dropped) => (asked, parts, dropped),
        };
        let on = channels.get(name.subspace);
        let kind = on.map(|on| on.kind);
        let taken = self.replay.take(name.subspace, kind, &asked);
        if let Some(departed) = taken.departed {
            let text = self.departure(at, &asked, taken, departed);
            self.tell(text);
        }
        let one = taken.place.and_then(|place| self.replay.exchange(place));
        if let Some(reason) = one.and_then(|one| one.rejected.clone()) {
            return Decision::Rejected(reason);
        }
        let action = match (one, on) {
            (Some(one), Some(on)) => act(at, on, &asked, one)
                .unwrap_or_else(|wrong| Action::ignore(wrong.to_string())),
            (_, Some(on)) if on.completion == Completion::Answered => {
                refuse(at, on)
            }
            _ => Action::ignore("it is not in the recording".to_owned()),
        };
        let action = Box::new(action);
        match asked {
            Asked::Content(_) => Decision::Command(action),
            Asked::Message(Message { bytes: message, .. }) => {
                Decision::Complete { requests, message, action, dropped }
            }
        }
    }

    /// What a request is that was not the next, in words.
    fn departure(
        &self,
        at: &Place<'_>,
        asked: &Asked,
        taken: Taken,
        departed: Departed,
    ) -> String {
        let subspace = Some(at.name.subspace);
        let got = decoded(asked, subspace, at.describe);
        let side = self.replay.side();
        let wanted = departed.wanted.and_then(|place| {
            let one = self.replay.exchange(place)?;
            let wanted = decoded(&one.asked, subspace, at.describe);
            Some((side.place(place), wanted))
        });
        let what = match wanted {
            Some((place, wanted)) => {
                let is_other = departed.how != How::InPlace
                    && got.summary != wanted.summary;
                let what = match is_other {
                    true => format!(
                        "it asks `{}`, recorded is `{}`",
                        got.summary, wanted.summary
                    ),
                    false => differs(&got, &wanted),
                };
                format!("at {place}: {what}")
            }
            None => format!(
                "with more than it has of subspace {}: {}",
                at.name.subspace, got.summary
            ),
        };
        let place = taken.place.map(|place| side.place(place));
        let place = place.unwrap_or_default();
        let done = match departed.how {
            How::InPlace => "answered as recorded there".to_owned(),
            How::Early(count) => format!(
                "answered as {place}, which is the same; {count} before that \
                 were not asked yet"
            ),
            How::Again => format!("answered once more as {place}"),
            How::Not => "it is not in the recording, so nobody answers; a \
                         command that needs an answer ends with error status"
                .to_owned(),
        };
        format!("the guest departs from the recording {what}; {done}")
    }

    /// Which messages are sent before the guest asks anything.
    pub fn timed(&self) -> Vec<Timed> {
        let all = self.replay.openings().iter().enumerate();
        let clock = |after| Clock { after, every: None, times: 1 };
        all.map(|(at, one)| Timed {
            name: self.opening(at),
            clock: clock(one.after),
        })
        .collect()
    }

    fn opening(&self, at: usize) -> String {
        format!("recorded unasked {}.{}", self.replay.life(), at + 1)
    }

    /// One of those.
    pub fn tick(
        &self,
        name: &str,
        channels: &Channels,
        eid: Eid,
        unit: usize,
    ) -> Option<Result<Sending, Wrong>> {
        let mut all = self.replay.openings().iter().enumerate();
        let (_, one) = all.find(|(at, _)| self.opening(*at) == name)?;
        Some(unasked(&one.said, channels, eid, unit))
    }
}

/// A request as it reads.
fn decoded(
    asked: &Asked,
    subspace: Option<u8>,
    describe: &dyn Fn(u8, &[u8]) -> Decoded,
) -> Decoded {
    match asked {
        Asked::Content(content) => {
            describe(subspace.unwrap_or_default(), content)
        }
        Asked::Message(message) => {
            let mut decoded = describe_message(&message.bytes);
            let head = [
                ("destination", message.destination),
                ("source", message.source),
                ("to", message.to.into()),
            ];
            let head = head.map(|(name, value)| Field {
                layer: "mctp".to_owned(),
                name: name.to_owned(),
                value: FieldValue::Number(value.into()),
                meaning: None,
            });
            decoded.fields.splice(0..0, head);
            decoded
        }
    }
}

fn refuse(at: &Place<'_>, on: &Channel) -> Action {
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
fn act(
    at: &Place<'_>,
    on: &Channel,
    asked: &Asked,
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
    asked: &Asked,
    one: &Exchange,
    said: &Said,
) -> Result<Sending, Wrong> {
    match (said, asked, &one.asked) {
        (
            Said::Contents { subspace, contents },
            Asked::Message(live),
            Asked::Message(recorded),
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
        (Said::Message(reply), Asked::Message(live), recorded) => {
            let mut bytes = reply.bytes.clone();
            if let Asked::Message(recorded) = recorded
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
        (Said::Message(_), Asked::Content(_), _) => Err(Wrong::plain(
            "a message is recorded for a channel of registers",
        )),
    }
}

/// Whether an EID is somebody's own.
fn is_own(eid: u8) -> bool {
    eid != Eid::NULL.0 && eid != Eid::BROADCAST.0
}

fn unasked(
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
