//! What the platform sends by the clock.

use super::pack::{Sending, outwards, pack};
use super::{Changes, Platform, played};
use crate::handlers::request::{Asking, NO_ANSWERS};
use crate::mailbox::Channels;
use crate::record::Time;
use crate::registers::{Ticked, Timed};
use crate::script::problem::Wrong;

impl Platform {
    /// All that is sent by the clock on these channels.
    pub fn timed(&self, channels: &Channels) -> Vec<Timed> {
        if let Some(replayed) = &self.replayed {
            return replayed.timed(&self.memory).into_iter().collect();
        }
        let own = self.handlers().timed();
        let own =
            own.map(|(name, clock)| Timed { name: name.to_owned(), clock });
        let played = channels
            .channels
            .iter()
            .filter_map(|on| self.messages.registers().played(on.subspace))
            .flat_map(|played| played.timed().collect::<Vec<_>>());
        own.chain(played).collect()
    }

    /// What is sent by the clock, if `when` holds, and what is remembered
    /// after it. None if there is no such message (any more).
    pub fn tick(
        &self,
        channels: &Channels,
        name: &str,
        time: Time,
    ) -> Option<Result<(Option<Sending>, Changes), Wrong>> {
        if let Some(replayed) = &self.replayed {
            let eid = self.endpoint.eid();
            let (memory, unit) = (&self.memory, self.unit());
            let made = replayed.tick(name, memory, channels, eid, unit)?;
            let mut memory = memory.clone();
            memory.count(name);
            let endpoint = self.endpoint.state();
            let changes = Changes { endpoint, memory };
            return Some(made.map(|sending| (Some(sending), changes)));
        }
        if let Some(made) = self.notification(channels, name, time) {
            return Some(made);
        }
        let asking = Asking {
            request: None,
            memory: &self.memory,
            time,
            seed: self.seed,
            answers: &NO_ANSWERS,
        };
        let made = self.handlers().tick(name, &asking)?;
        Some(made.and_then(|timely| {
            let mut changes =
                Changes { endpoint: self.state(), memory: timely.memory };
            let Some(push) = timely.unasked else {
                return Ok((None, changes));
            };
            let tag = push.tag.unwrap_or(0);
            changes.endpoint.ask(push.destination, tag, &push.message);
            let none = "the mailbox has no channel towards the guest";
            let to = channels.inbox().ok_or_else(|| Wrong::plain(none))?;
            let source = self.endpoint.eid();
            let route = outwards(source, push.destination, tag);
            let unit = self.unit();
            let sent = pack(push.message, &route, to, unit)?;
            Ok((Some(sent.told(push.envelope, to)?), changes))
        }))
    }

    fn notification(
        &self,
        channels: &Channels,
        name: &str,
        time: Time,
    ) -> Option<Result<(Option<Sending>, Changes), Wrong>> {
        let declared = &self.messages.declared;
        let times = (self.began, time, self.seed);
        channels.channels.iter().find_map(|on| {
            let played = self.messages.registers().played(on.subspace)?;
            let made = played.tick(name, on, declared, &self.memory, times)?;
            Some(made.map(|Ticked { content, memory }| {
                let sending = content.map(|one| played::sending(on, one));
                let endpoint = self.endpoint.state();
                (sending, Changes { endpoint, memory })
            }))
        })
    }
}
