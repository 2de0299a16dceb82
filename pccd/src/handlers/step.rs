//! What handlers do once they match, compiled: replies, delays, faults,
//! assignments, messages nobody asked for.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::exec::{self, Program};
use super::fault::Plan;
use super::make::{self, Assign, Make};
use super::request::scope;
use super::rule::{
    Corrupt, Fault, Further, HandlerFile, Message, Reply, StepFile, Then,
    TimedFile, Unasked,
};
use crate::script::check::{Checker, Clock};
use crate::script::condition::Condition;
use crate::script::delay::{Delay, LONGEST};
use crate::script::envelope::EnvelopeOptions;
use crate::script::locate::Place;
use crate::script::number::{Number, hex_bytes};
use crate::script::problem::Wrong;
use crate::script::template::is_template;
use crate::wire::encode::Given;
use crate::wire::mctp::Eid;

/// Shortest time from one message by the clock to the next.
const SHORTEST_EVERY: u64 = 1;

#[derive(Debug, Clone)]
pub enum Answering {
    Make(Make),
    /// What a program says within this time.
    Exec(Program, Duration),
    Silence,
    /// What the next one answers.
    Pass,
}

/// What a handler does with a request.
#[derive(Debug, Clone)]
pub struct Step {
    pub times: u64,
    pub answering: Answering,
    pub delay: Option<Delay>,
    /// Whether later answers wait for it.
    pub in_order: bool,
    pub faults: Vec<Plan>,
    pub envelope: Option<EnvelopeOptions>,
    pub set: Vec<(String, Assign)>,
    pub then: Vec<Push>,
}

impl Step {
    pub fn is_exec(&self) -> bool {
        matches!(self.answering, Answering::Exec(..))
    }
}

/// A message nobody asked for, or a further answer.
#[derive(Debug, Clone)]
pub struct Push {
    pub make: Make,
    /// Who it is for, if not whoever sent the request.
    pub destination: Option<Eid>,
    /// Its tag; none if it is an answer, which has the request's.
    pub tag: Option<u8>,
    /// Milliseconds after the answer.
    pub after: u64,
    pub envelope: Option<EnvelopeOptions>,
}

/// A message by the clock.
#[derive(Debug, Clone)]
pub struct Timed {
    pub name: String,
    pub file: String,
    pub clock: Clock,
    pub when: Vec<(String, Condition)>,
    pub push: Push,
    pub set: Vec<(String, Assign)>,
}

/// The steps of a handler: its sequence, or itself.
pub(super) fn steps(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &HandlerFile,
    request: &Given,
) -> Vec<Step> {
    if !source.sequence.is_empty() {
        let sequence = at.key("sequence");
        if source.does_something() {
            let wrong = Wrong::new(
                "a sequence, and something to do beside it",
                "everything in the steps of `sequence`",
            );
            check.wrong_key(&sequence, wrong);
        }
        let steps = source.sequence.iter().enumerate();
        return steps
            .map(|(n, one)| step(check, &sequence.index(n), one, request))
            .collect();
    }
    if source.repeat {
        let wrong = Wrong::new("nothing to repeat", "a `sequence`");
        check.wrong_key(&at.key("repeat"), wrong);
    }
    let Some(only) = source.step() else {
        let wrong = Wrong::new(
            "missing field `reply`",
            "`reply`, or `sequence` with a reply in each step",
        );
        check.wrong(at, wrong);
        return Vec::new();
    };
    vec![step(check, at, &only, request)]
}

fn step(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &StepFile,
    request: &Given,
) -> Step {
    let times = source
        .times
        .map_or(1, |n| check.number(&at.key("times"), n, 1, u64::MAX));
    let reply = at.key("reply");
    let made = match &source.reply {
        Reply::None => Some(Answering::Silence),
        Reply::Pass => Some(Answering::Pass),
        Reply::Exec(program) => {
            let at = reply.key("exec");
            let (program, limit) = exec::program(check, &at, program);
            Some(Answering::Exec(program, limit))
        }
        Reply::Hex(text) => {
            let made = make::hex(check, &reply.key("hex"), text, true);
            made.map(Answering::Make)
        }
        Reply::Fields(fields) => {
            let (at, known) = (reply.key("fields"), Some(request));
            let made = make::fields(check, &at, fields, known, true);
            made.map(Answering::Make)
        }
    };
    check.delay(&at.key("delay"), source.delay.as_ref());
    let place = at.key("faults");
    let faults = source.faults.iter().enumerate();
    let faults = faults
        .filter_map(|(n, fault)| plan(check, &place.index(n), fault))
        .collect();
    let envelope =
        check.envelope(&at.key("envelope"), source.envelope.as_ref());
    let place = at.key("then");
    let then = source.then.iter().enumerate().filter_map(|(n, one)| {
        let at = place.index(n);
        match one {
            Then::Unasked(one) => unasked(check, &at.key("unasked"), one),
            Then::Answer(one) => {
                further(check, &at.key("answer"), one, request)
            }
        }
    });
    let then = then.collect();
    Step {
        times,
        // What is missing here is a mistake already.
        answering: made.unwrap_or(Answering::Silence),
        delay: source.delay.clone(),
        in_order: source.in_order.unwrap_or(true),
        faults,
        envelope,
        set: assigns(check, &at.key("set"), &source.set, true),
        then,
    }
}

fn packet(check: &mut Checker<'_>, at: &Place<'_>, number: Number) -> usize {
    let packet = check.number(at, number, 1, 65_536);
    usize::try_from(packet).unwrap_or(usize::MAX)
}

fn plan(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    fault: &Fault,
) -> Option<Plan> {
    Some(match fault {
        Fault::Drop(number) => {
            Plan::Drop(packet(check, &at.key("drop"), *number))
        }
        Fault::Duplicate(number) => {
            Plan::Duplicate(packet(check, &at.key("duplicate"), *number))
        }
        Fault::Reorder(order) => {
            let at = at.key("reorder");
            let order = order.iter().enumerate();
            Plan::Reorder(
                order
                    .map(|(n, one)| packet(check, &at.index(n), *one))
                    .collect(),
            )
        }
        Fault::Truncate(number) => {
            Plan::Truncate(packet(check, &at.key("truncate"), *number))
        }
        Fault::Append(text) => {
            let bytes = check.take(&at.key("append"), hex_bytes(text));
            Plan::Append(bytes?)
        }
        Fault::Corrupt(Corrupt::Bits(number)) => {
            let at = at.key("corrupt");
            Plan::Bits(check.number(&at.key("bits"), *number, 1, 1024))
        }
        Fault::Corrupt(Corrupt::At(place)) => {
            let at = at.key("corrupt");
            let at = at.key("at");
            let offset =
                check.number(&at.key("offset"), place.offset, 0, 65_535);
            let xor = check.number(&at.key("xor"), place.xor, 1, 255);
            Plan::At {
                offset: usize::try_from(offset).unwrap_or(usize::MAX),
                xor: u8::try_from(xor).unwrap_or(u8::MAX),
            }
        }
        Fault::Overwrite(wrong) => {
            let at = at.key("overwrite");
            let (fields, nothing) = (&wrong.fields, Given::new());
            let place = at.key("fields");
            let fields = make::settings(check, &place, fields, true, &nothing);
            let number = wrong.packet;
            let packet = number.map(|n| packet(check, &at.key("packet"), n));
            Plan::Overwrite(fields, packet)
        }
    })
}

fn assigns(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    set: &Map<String, Json>,
    has_request: bool,
) -> Vec<(String, Assign)> {
    let declared = check.declared;
    let mut assigns = Vec::new();
    for (name, json) in set {
        let at = at.key(name);
        if let Err(wrong) = declared.get(name) {
            check.wrong_key(&at, wrong);
            continue;
        }
        let assign = match json {
            Json::String(text) if is_template(text) => scope(has_request)
                .check(check, text)
                .map(|()| Assign::Template(text.clone())),
            _ => declared.value(name, json).map(Assign::Fixed),
        };
        assigns.extend(check.take(&at, assign).map(|one| (name.clone(), one)));
    }
    assigns
}

fn message(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    message: &Message,
    answers: Option<&Given>,
    has_request: bool,
) -> Option<Make> {
    match message {
        Message::Hex(text) => {
            make::hex(check, &at.key("hex"), text, has_request)
        }
        Message::Fields(fields) => {
            let at = at.key("fields");
            make::fields(check, &at, fields, answers, has_request)
        }
    }
}

fn unasked(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    unasked: &Unasked,
) -> Option<Push> {
    let (place, source) = (at.key("message"), &unasked.message);
    let make = message(check, &place, source, None, true);
    let destination = unasked.destination;
    let destination = destination
        .map(|n| Eid(check.byte(&at.key("destination"), n, u8::MAX)));
    let tag = check.byte(&at.key("tag"), unasked.tag, 7);
    let after = check.number(&at.key("after"), unasked.after, 0, LONGEST);
    let envelope = unasked.envelope.as_ref();
    let envelope = check.envelope(&at.key("envelope"), envelope);
    let tag = Some(tag);
    Some(Push { make: make?, destination, tag, after, envelope })
}

fn further(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    further: &Further,
    request: &Given,
) -> Option<Push> {
    let (place, source) = (at.key("message"), &further.message);
    let make = message(check, &place, source, Some(request), true);
    let after = check.number(&at.key("after"), further.after, 0, LONGEST);
    let envelope = further.envelope.as_ref();
    let envelope = check.envelope(&at.key("envelope"), envelope);
    let (destination, tag) = (None, None);
    Some(Push { make: make?, destination, tag, after, envelope })
}

/// A message by the clock, or mistakes.
pub(crate) fn timed(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    file: &str,
    source: &TimedFile,
) -> Option<Timed> {
    let before = check.mistakes.len();
    check.name(at, &source.name);
    let TimedFile { after, every, times, .. } = *source;
    let clock = check.clock(at, after, every, times, SHORTEST_EVERY);
    let when = check.when(&at.key("when"), &source.when);
    let place = at.key("message");
    let make = message(check, &place, &source.message, None, false);
    let destination = source
        .destination
        .map_or(8, |n| check.byte(&at.key("destination"), n, u8::MAX));
    let tag = Some(check.byte(&at.key("tag"), source.tag, 7));
    let envelope =
        check.envelope(&at.key("envelope"), source.envelope.as_ref());
    let set = assigns(check, &at.key("set"), &source.set, false);
    if check.mistakes.len() > before {
        return None;
    }
    let destination = Some(Eid(destination));
    Some(Timed {
        name: source.name.clone(),
        file: file.to_owned(),
        clock,
        when,
        push: Push { make: make?, destination, tag, after: 0, envelope },
        set,
    })
}
