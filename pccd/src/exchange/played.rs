//! Requests of channels that do not speak MCTP: a command is answered in
//! place, by what plays the channel.

use super::{Action, Changes, Platform, Sending};
use crate::mailbox::{Channel, Channels, Completion, RequestName};
use crate::record::{Decoded, Time, describe};
use crate::registers::decode::{self, Known};
use crate::registers::{Request, Ticked, Timed, is_mctp, refusal};
use crate::script::delay::Wait;
use crate::wire::pcc::{signature, split_envelope};

impl Platform {
    /// Decides about a request of a channel that does not speak MCTP; none
    /// if it is not one. The file's name says which channel it is: a guest
    /// may have spoilt the signature.
    pub(super) fn command(
        &self,
        channels: &Channels,
        name: &RequestName,
        content: &[u8],
        time: Time,
    ) -> Option<Action> {
        let on = channels.get(name.subspace)?;
        let played = self.messages.registers().played(on.subspace);
        let is_mctp = on.kind == 4
            || (on.kind == 3
                && (on.paired.is_some() || is_mctp(on.kind, content)));
        if played.is_none() && is_mctp {
            return None;
        }
        let asked = Request {
            kind: on.kind,
            size: on.size,
            serial: name.seq,
            content,
            seed: self.seed,
        };
        let to_guest = |content| Sending {
            message: Vec::new(),
            contents: vec![content],
            subspace: on.subspace,
        };
        let Some(played) = played else {
            let reason = format!(
                "nothing plays subspace {} (type {}): see `subspaces` in \
                 messages/README.md",
                on.subspace, on.kind
            );
            let is_answered = on.completion == Completion::Answered;
            let reply =
                is_answered.then(|| to_guest(refusal(&asked, on.subspace)));
            let mut action = Action::ignore(reason);
            if reply.is_some() {
                action.notes.extend(action.reason.take());
            }
            return Some(Action { reply, ..action });
        };
        let declared = self.messages.declared();
        let times = (self.began, time);
        let answered = played.answer(declared, &self.memory, &asked, times);
        let is_wanted =
            on.completion == Completion::Answered || answered.is_forced;
        let silent = "a posted channel takes no answer";
        let is_changed = answered.memory != self.memory;
        Some(Action {
            handler: Some(answered.handler),
            reason: (!is_wanted).then(|| silent.to_owned()),
            reply: is_wanted.then(|| to_guest(answered.content)),
            unasked: answered
                .unasked
                .into_iter()
                .map(|sent| (to_guest(sent.content), sent.after))
                .collect(),
            changes: is_changed.then(|| Changes {
                endpoint: self.endpoint.state(),
                memory: answered.memory,
            }),
            wait: match is_wanted {
                true => answered.wait,
                false => Wait::Ms(0),
            },
            in_order: answered.in_order,
            timely: answered.timely,
            notes: answered.note.into_iter().collect(),
            breach: answered.breach,
            held: None,
        })
    }

    /// All that is sent by the clock on these channels.
    pub fn timed(&self, channels: &Channels) -> Vec<Timed> {
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

    /// A notification by the clock, and what is remembered after it. None
    /// if there is no such one.
    pub(super) fn notification(
        &self,
        channels: &Channels,
        name: &str,
        time: Time,
    ) -> Option<Result<(Option<Sending>, Changes), String>> {
        let declared = self.messages.declared();
        let times = (self.began, time, self.seed);
        let mut all = channels.channels.iter();
        all.find_map(|on| {
            let played = self.messages.registers().played(on.subspace)?;
            let made = played.tick(name, on, declared, &self.memory, times)?;
            Some(made.map(|Ticked { content, memory }| {
                let sending = content.map(|content| Sending {
                    message: Vec::new(),
                    contents: vec![content],
                    subspace: on.subspace,
                });
                let endpoint = self.endpoint.state();
                (sending, Changes { endpoint, memory })
            }))
        })
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
        let on: Option<&Channel> = [told, signed, Some(subspace)]
            .into_iter()
            .flatten()
            .find_map(|subspace| channels.get(subspace));
        // A request is for the channel of its name, whatever it says.
        let named = channels.get(subspace).filter(|_| is_request);
        let Some(on) = named.or(on) else {
            return describe(content);
        };
        let played = self.messages.registers().played(on.subspace);
        if played.is_none()
            && matches!(on.kind, 3 | 4)
            && (on.paired.is_some() || is_mctp(on.kind, inner))
        {
            return describe(content);
        }
        let known = Known {
            kind: on.kind,
            subspace: on.subspace,
            is_request,
            is_unasked,
            channel: played.map(|played| played.channel),
        };
        decode::describe(content, &known)
    }
}
