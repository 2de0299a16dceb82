//! What a request leads to where a recording is played: what it led to there.

use super::decision::{Action, Decision, Dropped};
use super::differs::differs;
use super::pack::Sending;
use super::recorded::{Place, answer, refuse, unasked};
use crate::mailbox::{Channels, Completion, RequestName};
use crate::record::{Decoded, Event, Field, FieldValue, describe_message};
use crate::recording::{
    Departed, How, Message, Replay, Request, Side, Sorter, Taken, Took,
};
use crate::registers::Timed;
use crate::script::check::Clock;
use crate::script::memory::Memory;
use crate::script::problem::Wrong;
use crate::wire::mctp::Eid;

/// Most departures that are told one by one.
const MOST_TOLD: u64 = 100;

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
            Took::Waiting(dropped) => {
                self.lose(name.subspace, dropped.as_ref());
                return Decision::Waiting { dropped };
            }
            Took::Dropped(parts, reason) => {
                let dropped = (parts, reason);
                self.lose(name.subspace, Some(&dropped));
                return Decision::Dropped(dropped);
            }
            Took::Request(asked, parts, dropped) => (asked, parts, dropped),
        };
        self.lose(name.subspace, dropped.as_ref());
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
            (Some(one), Some(on)) => answer(at, on, &asked, one)
                .unwrap_or_else(|wrong| Action::ignore(wrong.to_string())),
            (_, Some(on)) if on.completion == Completion::Answered => {
                refuse(at, on)
            }
            _ => Action::ignore("it is not in the recording".to_owned()),
        };
        let action = Box::new(action);
        match asked {
            Request::Content(_) => Decision::Command(action),
            Request::Message(Message { bytes: message, .. }) => {
                Decision::Complete { requests, message, action, dropped }
            }
        }
    }

    /// Packets that make no message ask nothing; they are told where the
    /// recording has less of them.
    fn lose(&mut self, subspace: u8, dropped: Option<&Dropped>) {
        let Some((parts, reason)) = dropped else { return };
        let count = parts.len();
        if let Some(known) = self.replay.lose(subspace, count) {
            self.tell(format!(
                "the guest departs from the recording with {count} more \
                 packets on subspace {subspace} that make no message, where \
                 the recording has {known} in all: {reason}"
            ));
        }
    }

    /// What a request is that was not the next, in words.
    fn departure(
        &self,
        at: &Place<'_>,
        asked: &Request,
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

    /// Which message is sent next before the guest asks anything, if one is
    /// left: they are sent one after the other, and counted in the memory.
    pub fn timed(&self, memory: &Memory) -> Option<Timed> {
        let name = self.opening();
        let all = self.replay.openings();
        let next = all.get(sent(memory, &name)?)?;
        let times = u64::try_from(all.len()).ok()?;
        let clock = Clock { after: next.after, every: None, times };
        Some(Timed { name, clock })
    }

    fn opening(&self) -> String {
        format!("recorded unasked {}", self.replay.life())
    }

    /// That message.
    pub fn tick(
        &self,
        name: &str,
        memory: &Memory,
        channels: &Channels,
        eid: Eid,
        unit: usize,
    ) -> Option<Result<Sending, Wrong>> {
        let place = sent(memory, name).filter(|_| name == self.opening())?;
        let one = self.replay.openings().get(place)?;
        Some(unasked(&one.said, channels, eid, unit))
    }
}

/// How many of the messages of a name were sent.
fn sent(memory: &Memory, name: &str) -> Option<usize> {
    usize::try_from(memory.times(name)).ok()
}

/// A request as it reads.
fn decoded(
    asked: &Request,
    subspace: Option<u8>,
    describe: &dyn Fn(u8, &[u8]) -> Decoded,
) -> Decoded {
    match asked {
        Request::Content(content) => {
            describe(subspace.unwrap_or_default(), content)
        }
        Request::Message(message) => {
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
