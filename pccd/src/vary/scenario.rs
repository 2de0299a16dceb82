//! What a scenario does to the platform's decisions.

use std::collections::BTreeMap;

use super::spot::{self, Spot, Unfit, message_fields};
use crate::mailbox::{Channel, Channels, Completion};
use crate::messages::Messages;
use crate::platform::{Action, Sending};
use crate::script::delay::Wait;
use crate::script::envelope::{EnvelopeOptions, Flag};
use crate::wire::layout::{Value, without_place};
use crate::wire::mctp;
use crate::wire::pcc::{self, signature};
use crate::wire::region::SubspaceType;

/// After how many answers one is sent that waits until the scenario is over.
pub(crate) const DROPPED: u64 = u64::MAX;
/// Fewest bytes that the device takes: a signature.
const FEWEST: usize = 4;

/// What becomes of answers, by their numbers. An empty one changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    pub(super) answers: BTreeMap<u64, Vec<Entry>>,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Number(u64),
    Bytes(Vec<u8>),
    /// Text that is both: the field decides.
    Either(u64, Vec<u8>),
}

/// What becomes of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub set: Vec<(String, Setting)>,
    pub at: Vec<(usize, Vec<u8>)>,
    pub length: Option<usize>,
    pub envelope: Option<EnvelopeOptions>,
    pub drop: bool,
    pub repeat: usize,
    /// Milliseconds.
    pub delay: u64,
    pub later: Option<u64>,
    pub unasked: Option<Unasked>,
}

/// A message that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unasked {
    pub bytes: Vec<u8>,
    pub subspace: Option<u8>,
    pub times: usize,
}

/// What an answer belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub messages: &'a Messages,
    pub channels: &'a Channels,
    /// The subspace of its request.
    pub subspace: u8,
}

impl Scenario {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.answers.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Changes the decision with this number; notes say what was changed, and
    /// what could not be.
    pub(crate) fn vary(
        &self,
        number: u64,
        asked: Context<'_>,
        action: &mut Action,
    ) {
        for entry in self.answers.get(&number).into_iter().flatten() {
            let mut told = Notes::default();
            entry.apply(asked, action, &mut told);
            let Notes { done, not } = told;
            if !done.is_empty() {
                let done = done.join("; ");
                action.notes.push(format!("answer {number} varied: {done}"));
                // What is written down is not decided anew.
                action.timely = true;
            }
            if !not.is_empty() {
                let not = not.join("; ");
                action.notes.push(format!("answer {number} not varied: {not}"));
            }
        }
    }
}

/// What was done, and what could not be.
#[derive(Default)]
struct Notes {
    done: Vec<String>,
    not: Vec<String>,
}

/// One content, without its envelope.
struct Part {
    told: EnvelopeOptions,
    bytes: Vec<u8>,
}

impl Part {
    fn of(content: &[u8]) -> Self {
        let (told, bytes) = EnvelopeOptions::split(content);
        Self { told: told.unwrap_or_default(), bytes: bytes.to_vec() }
    }

    /// As the device takes it: with an envelope, if it needs one.
    fn content(self, on: &Channel) -> Vec<u8> {
        let Self { told, bytes } = self;
        let own = told.subspace.is_none_or(|id| id == on.subspace);
        let subspace = told.subspace.filter(|_| !own);
        let (told, _) =
            EnvelopeOptions { subspace, ..told }.meaningful(on.kind);
        let bare = bytes.clone();
        // Nothing that has no meaning is left.
        told.put_if_needed(bytes, on.subspace, on.kind).unwrap_or(bare)
    }
}

/// An answer, taken apart.
struct Answer<'a> {
    messages: &'a Messages,
    on: &'a Channel,
    message: Vec<u8>,
    parts: Vec<Part>,
}

impl Entry {
    fn apply(&self, asked: Context<'_>, action: &mut Action, told: &mut Notes) {
        let channels = asked.channels;
        if let Some(reply) = action.reply.take() {
            action.reply = Some(self.reply(asked, reply, action, told));
        } else if self.is_of_answer() {
            told.not.push("there is no answer".to_owned());
        }
        if self.drop
            && let Some(reply) = action.reply.take()
        {
            told.done.push("dropped".to_owned());
            let on = channels.get(asked.subspace);
            if on.is_some_and(|on| on.completion == Completion::Answered) {
                // Or the command would be pending for good.
                action.reply = Some(reply);
                action.later = Some(DROPPED);
            } else {
                action.reason = Some("the scenario drops it".to_owned());
                action.wait = Wait::Ms(0);
            }
        }
        if let Some(Unasked { bytes, subspace, times }) = &self.unasked {
            let asked_on = channels.get(asked.subspace);
            let towards = asked_on.and_then(|on| channels.towards_guest(on));
            let on = match subspace {
                Some(subspace) => channels.get(*subspace),
                None => towards,
            };
            match on {
                Some(on) => {
                    let sending = unasked(on, bytes, *times, told);
                    let all = std::iter::repeat_n((sending, 0), *times);
                    action.unasked.extend(all);
                }
                None => {
                    let id = subspace.unwrap_or(asked.subspace);
                    told.not.push(format!("there is no subspace {id}"));
                }
            }
        }
    }

    /// Whether it says anything of the answer itself.
    fn is_of_answer(&self) -> bool {
        let Self {
            set, at, length, envelope, drop, repeat, delay, later, ..
        } = self;
        !set.is_empty()
            || !at.is_empty()
            || length.is_some()
            || envelope.is_some()
            || *drop
            || *repeat > 0
            || *delay > 0
            || later.is_some()
    }

    /// Changes an answer that is sent.
    fn reply(
        &self,
        asked: Context<'_>,
        reply: Sending,
        action: &mut Action,
        told: &mut Notes,
    ) -> Sending {
        let Some(on) = asked.channels.get(reply.subspace) else {
            let text = format!("subspace {} is gone", reply.subspace);
            told.not.push(text);
            return reply;
        };
        let Sending { message, contents, subspace } = reply;
        let parts = contents.iter().map(|one| Part::of(one)).collect();
        let messages = asked.messages;
        let mut answer = Answer { messages, on, message, parts };
        answer.set(&self.set, told);
        for (offset, bytes) in &self.at {
            answer.write(*offset, bytes, told);
        }
        if let Some(length) = self.length {
            answer.resize(length, told);
        }
        if let Some(envelope) = self.envelope {
            answer.tell(envelope, told);
        }
        if self.repeat > 0 && !self.drop {
            let copies = answer.copies(self.repeat);
            action.unasked.extend(copies.into_iter().map(|one| (one, 0)));
            told.done.push(format!("sent {} more times", self.repeat));
        }
        if self.delay > 0 {
            if let Wait::Ms(ms) = action.wait {
                action.wait = Wait::Ms(ms.saturating_add(self.delay));
            }
            told.done.push(format!("{} ms later", self.delay));
        }
        if let Some(later) = self.later.filter(|_| !self.drop) {
            action.later = Some(later);
            told.done.push(format!("after {later} more answers"));
        }
        let Answer { message, parts, .. } = answer;
        let contents = parts.into_iter().map(|part| part.content(on)).collect();
        Sending { message, contents, subspace }
    }
}

/// Text of at most so many characters.
fn short(text: String) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{number:#x}"),
        Value::Bytes(bytes) => short(hex::encode(bytes)),
    }
}

impl Answer<'_> {
    /// Writes fields over. They are looked up as they lie before any of them
    /// is changed; what holds others comes before those.
    fn set(&mut self, set: &[(String, Setting)], told: &mut Notes) {
        if set.is_empty() {
            return;
        }
        let listed: Vec<Vec<Spot>> = self
            .parts
            .iter()
            .map(|part| spot::all(self.messages, self.on, &part.bytes))
            .collect();
        let body = self.body();
        let inner = match &body {
            Some(_) => message_fields(&self.message),
            None => Vec::new(),
        };
        let find = |spots: &[Spot], name: &str| {
            let mut exact = spots.iter().filter(|spot| spot.name == name);
            let mut any =
                spots.iter().filter(|spot| without_place(&spot.name) == name);
            exact.next().or_else(|| any.next()).cloned()
        };
        let mut all = Vec::new();
        for (name, setting) in set {
            let spots = listed.iter().map(|spots| find(spots, name));
            let spots: Vec<Option<Spot>> = spots.collect();
            let inner = find(&inner, name);
            let first = spots.iter().flatten().next().or(inner.as_ref());
            match first {
                Some(first) => {
                    let is_bytes = first.width == 0;
                    let rank = (!is_bytes, usize::MAX - first.size);
                    let value = match setting {
                        Setting::Either(_, bytes) if is_bytes => {
                            Value::Bytes(bytes.clone())
                        }
                        Setting::Number(number)
                        | Setting::Either(number, _) => Value::Number(*number),
                        Setting::Bytes(bytes) => Value::Bytes(bytes.clone()),
                    };
                    all.push((rank, name, value, spots, inner));
                }
                None => told.not.push(format!("it has no field {name}")),
            }
        }
        all.sort_by_key(|(rank, ..)| *rank);
        for (_, name, value, spots, inner) in all {
            let mut done = Ok(false);
            for (part, spot) in self.parts.iter_mut().zip(&spots) {
                if let Some(spot) = spot {
                    let wrote = spot.write(&mut part.bytes, &value);
                    done = done.and(wrote.map(|()| true));
                }
            }
            if let (Ok(false), Some(spot), Some(body)) = (&done, inner, &body) {
                done = self.set_inner(&spot, &value, body).map(|()| true);
            }
            let value = shown(&value);
            match done {
                Ok(_) => told.done.push(format!("{name} = {value}")),
                Err(why) => told.not.push(format!("{name} = {value}: {why}")),
            }
        }
        self.sync(&body);
    }

    /// Where each byte of a message in several packets lies: the part, and the
    /// place in it. None if they are not that message, cut.
    fn body(&self) -> Option<Vec<(usize, usize)>> {
        const HEAD: usize = pcc::HEADER_LEN + mctp::HEADER_LEN;
        if self.message.is_empty() {
            return None;
        }
        let places = self.parts.iter().enumerate().flat_map(|(index, part)| {
            (HEAD..part.bytes.len()).map(move |at| (index, at))
        });
        let places: Vec<(usize, usize)> = places.collect();
        let bytes = places.iter().map(|place| self.byte(*place));
        let is_it = bytes.eq(self.message.iter().copied().map(Some));
        is_it.then_some(places)
    }

    fn byte(&self, (part, at): (usize, usize)) -> Option<u8> {
        self.parts.get(part)?.bytes.get(at).copied()
    }

    /// Writes a field of the message over, in the packets it lies in.
    fn set_inner(
        &mut self,
        spot: &Spot,
        value: &Value,
        body: &[(usize, usize)],
    ) -> Result<(), Unfit> {
        let bytes = body.iter().map(|place| self.byte(*place));
        let mut message: Vec<u8> =
            bytes.map(Option::unwrap_or_default).collect();
        spot.write(&mut message, value)?;
        for ((part, at), byte) in body.iter().zip(message) {
            let part = self.parts.get_mut(*part);
            if let Some(to) = part.and_then(|part| part.bytes.get_mut(*at)) {
                *to = byte;
            }
        }
        Ok(())
    }

    /// Has the message say what its packets say, for the log.
    fn sync(&mut self, body: &Option<Vec<(usize, usize)>>) {
        if let Some(body) = body {
            let bytes = body.iter().filter_map(|place| self.byte(*place));
            self.message = bytes.collect();
        }
    }

    /// Writes bytes over, counted over all parts.
    fn write(&mut self, offset: usize, bytes: &[u8], told: &mut Notes) {
        let body = self.body();
        let places = self.parts.iter_mut().flat_map(|part| &mut part.bytes);
        let mut count = 0;
        for (to, from) in places.skip(offset).zip(bytes) {
            *to = *from;
            count += 1;
        }
        self.sync(&body);
        let text = format!("at {offset} {}", short(hex::encode(bytes)));
        match count == bytes.len() {
            true => told.done.push(text),
            false => told.not.push(format!("{text}: it ends before that")),
        }
    }

    /// Cuts it, or adds zeros, to so many bytes over all parts.
    fn resize(&mut self, length: usize, told: &mut Notes) {
        let last = self.parts.len().saturating_sub(1);
        let mut left = length;
        for (index, part) in self.parts.iter_mut().enumerate() {
            let wanted = match index == last {
                true => left,
                false => left.min(part.bytes.len()),
            };
            let least = if index == 0 { FEWEST.min(self.on.size) } else { 0 };
            let size = wanted.clamp(least, self.on.size.max(least));
            part.bytes.resize(size, 0);
            left = left.saturating_sub(size);
        }
        // What is shorter than a signature no device takes.
        let least = FEWEST.min(self.on.size);
        self.parts.retain(|part| part.bytes.len() >= least);
        let is: usize = self.parts.iter().map(|part| part.bytes.len()).sum();
        told.done.push(format!("{is} bytes long"));
        if is != length {
            let text = format!("subspace {} has no room", self.on.subspace);
            told.not.push(format!("{length} bytes long: {text}"));
        }
    }

    /// Tells the device something beside each part.
    fn tell(&mut self, envelope: EnvelopeOptions, told: &mut Notes) {
        let (envelope, lost) = envelope.meaningful(self.on.kind);
        if !lost.is_empty() {
            let lost = lost.join(", ");
            let kind = self.on.kind;
            told.not.push(format!("{lost}: means nothing for type {kind}"));
        }
        if envelope == EnvelopeOptions::default() {
            return;
        }
        for part in &mut self.parts {
            part.told.flags |= envelope.flags;
            if envelope.delay_ms != 0 {
                part.told.delay_ms = envelope.delay_ms;
            }
        }
        let flags = Flag::names(envelope.flags.into());
        let mut words: Vec<String> = flags.map(str::to_owned).collect();
        if envelope.delay_ms != 0 {
            words.push(format!("interrupt {} ms late", envelope.delay_ms));
        }
        told.done.push(words.join(", "));
    }

    /// Copies of it that nobody asked for.
    fn copies(&self, count: usize) -> Vec<Sending> {
        let contents = self.parts.iter().map(|part| {
            let mut told = part.told;
            if self.on.kind != SubspaceType::Responder {
                told.flags |= Flag::Force.bit();
            }
            Part { told, bytes: part.bytes.clone() }.content(self.on)
        });
        let (message, subspace) = (Vec::new(), self.on.subspace);
        let contents = contents.collect();
        vec![Sending { message, contents, subspace }; count]
    }
}

/// A content that nobody asked for, as the device takes one for this channel.
fn unasked(
    on: &Channel,
    content: &[u8],
    times: usize,
    told: &mut Notes,
) -> Sending {
    let mut part = Part::of(content);
    let force = Flag::Force.bit();
    match on.kind {
        SubspaceType::Responder => {}
        kind if !kind.takes_unasked() => part.told.flags |= force,
        _ if part.told.flags & force == 0 => {
            part.told.flags |= Flag::Notification.bit();
        }
        _ => {}
    }
    let size = part.bytes.len();
    part.bytes.resize(size.clamp(FEWEST.min(on.size), on.size), 0);
    if part.bytes.len() != size {
        let text = format!("{size} bytes for subspace {}", on.subspace);
        told.not.push(format!("{text}, which has {}", on.size));
    }
    // Its name says the same channel as its envelope.
    part.told.subspace = None;
    let what = match signature(&part.bytes) {
        Ok(_) => short(hex::encode(&part.bytes)),
        Err(_) => {
            format!("{} without a signature", short(hex::encode(&part.bytes)))
        }
    };
    let often = match times {
        1 => String::new(),
        _ => format!("{times} times, "),
    };
    let on_it = format!("unasked on subspace {}", on.subspace);
    told.done.push(format!("{on_it}: {often}{what}"));
    let contents = vec![part.content(on)];
    Sending { message: Vec::new(), contents, subspace: on.subspace }
}

#[cfg(test)]
mod tests;
