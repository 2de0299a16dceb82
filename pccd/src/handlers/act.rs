//! What handlers do once they match, compiled: replies, delays, faults,
//! assignments, messages nobody asked for.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::compile::{Compiler, join, key};
use super::exec::Program;
use super::fault::{Plan, Told};
use super::locate::{Side, Step};
use super::make::{Assign, Make};
use super::rule::{
    Corrupt, Delay, EnvelopeFile, Fault, HandlerFile, Message, Reply, StepFile,
    Then, TimedFile, Unasked,
};
use super::template;
use super::value::{Wrong, hex_bytes};
use crate::wire::encode::Given;
use crate::wire::mctp::Eid;

/// Longest delay, in milliseconds: a day. Longer is `never`.
const LONGEST: u64 = 86_400_000;
/// Longest delay of an interrupt (docs/mailbox.md §6.1).
const LONGEST_INTERRUPT: u64 = 60_000;
/// Shortest time from one message by the clock to the next.
const SHORTEST_EVERY: u64 = 1;

/// What comes back.
#[derive(Debug, Clone)]
pub enum Answering {
    /// This message.
    Make(Make),
    /// What a program says within this time.
    Exec(Program, Duration),
    /// Nothing.
    Silence,
    /// What the next one answers.
    Pass,
}

/// What a handler does with a request.
#[derive(Debug, Clone)]
pub struct Act {
    /// For how many requests.
    pub times: u64,
    /// What comes back.
    pub answering: Answering,
    /// How long it waits.
    pub delay: Option<Delay>,
    /// Whether later answers wait for it.
    pub in_order: bool,
    /// What is made wrong.
    pub faults: Vec<Plan>,
    /// What the device is told.
    pub told: Option<Told>,
    /// What is remembered.
    pub set: Vec<(String, Assign)>,
    /// What is sent after that.
    pub then: Vec<Push>,
}

impl Act {
    /// Whether a program answers.
    pub fn is_exec(&self) -> bool {
        matches!(self.answering, Answering::Exec(..))
    }
}

/// A message nobody asked for.
#[derive(Debug, Clone)]
pub struct Push {
    /// The message.
    pub make: Make,
    /// Who it is for, if not whoever sent the request.
    pub destination: Option<Eid>,
    /// Message tag.
    pub tag: u8,
    /// Milliseconds after the answer.
    pub after: u64,
    /// What the device is told.
    pub told: Option<Told>,
}

/// A message by the clock.
#[derive(Debug, Clone)]
pub struct Timed {
    /// Its name.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// Milliseconds after the life of the guest begins.
    pub after: u64,
    /// Milliseconds from one to the next.
    pub every: Option<u64>,
    /// How often at most.
    pub times: u64,
    /// Scenarios and variables it needs.
    pub when: Vec<(String, super::condition::Condition)>,
    /// The message.
    pub push: Push,
    /// What is remembered.
    pub set: Vec<(String, Assign)>,
}

/// A step, wherever it stands.
struct Parts<'a> {
    reply: &'a Reply,
    delay: Option<&'a Delay>,
    in_order: Option<bool>,
    faults: &'a [Fault],
    envelope: Option<&'a EnvelopeFile>,
    set: &'a Map<String, Json>,
    then: &'a [Then],
}

impl Compiler<'_> {
    /// The steps of a handler: its sequence, or itself.
    pub(super) fn acts(
        &mut self,
        path: &[Step],
        source: &HandlerFile,
        request: &Given,
    ) -> Vec<Act> {
        let inline = source.reply.is_some()
            || source.delay.is_some()
            || source.in_order.is_some()
            || !source.faults.is_empty()
            || source.envelope.is_some()
            || !source.set.is_empty()
            || !source.then.is_empty();
        if !source.sequence.is_empty() {
            if inline {
                let wrong = Wrong::new(
                    "a sequence, and something to do beside it",
                    "everything in the steps of `sequence`",
                );
                self.fault(join(path, [key("sequence")]), Side::Key, wrong);
            }
            let steps = source.sequence.iter().enumerate();
            return steps
                .map(|(number, step)| {
                    let steps = [key("sequence"), Step::Index(number)];
                    self.step(&join(path, steps), step, request)
                })
                .collect();
        }
        if source.repeat {
            let wrong = Wrong::new("nothing to repeat", "a `sequence`");
            self.fault(join(path, [key("repeat")]), Side::Key, wrong);
        }
        let Some(reply) = &source.reply else {
            let wrong = Wrong::new(
                "missing field `reply`",
                "`reply`, or `sequence` with a reply in each step",
            );
            self.fault(path.to_vec(), Side::Value, wrong);
            return Vec::new();
        };
        let parts = Parts {
            reply,
            delay: source.delay.as_ref(),
            in_order: source.in_order,
            faults: &source.faults,
            envelope: source.envelope.as_ref(),
            set: &source.set,
            then: &source.then,
        };
        vec![self.act(path, parts, 1, request)]
    }

    fn step(&mut self, path: &[Step], step: &StepFile, request: &Given) -> Act {
        let times = step.times.map_or(1, |number| {
            self.number(&join(path, [key("times")]), number, 1, u64::MAX)
        });
        let parts = Parts {
            reply: &step.reply,
            delay: step.delay.as_ref(),
            in_order: step.in_order,
            faults: &step.faults,
            envelope: step.envelope.as_ref(),
            set: &step.set,
            then: &step.then,
        };
        self.act(path, parts, times, request)
    }

    fn act(
        &mut self,
        path: &[Step],
        parts: Parts<'_>,
        times: u64,
        request: &Given,
    ) -> Act {
        let at = join(path, [key("reply")]);
        let made = match parts.reply {
            Reply::None => Some(Answering::Silence),
            Reply::Pass => Some(Answering::Pass),
            Reply::Exec(program) => {
                let at = join(&at, [key("exec")]);
                let (program, limit) = self.program(&at, program);
                Some(Answering::Exec(program, limit))
            }
            Reply::Hex(text) => self
                .hex(&join(&at, [key("hex")]), text, true)
                .map(Answering::Make),
            Reply::Fields(fields) => self
                .fields(
                    &join(&at, [key("fields")]),
                    fields,
                    Some(request),
                    true,
                )
                .map(Answering::Make),
        };
        self.delay(&join(path, [key("delay")]), parts.delay);
        let at = join(path, [key("faults")]);
        let faults =
            parts.faults.iter().enumerate().filter_map(|(n, fault)| {
                self.plan(&join(&at, [Step::Index(n)]), fault)
            });
        let faults = faults.collect();
        let told = self.told(&join(path, [key("envelope")]), parts.envelope);
        let at = join(path, [key("then")]);
        let then = parts.then.iter().enumerate().filter_map(|(n, step)| {
            let Then::Unasked(unasked) = step;
            let at = join(&at, [Step::Index(n), key("unasked")]);
            self.unasked(&at, unasked)
        });
        let then = then.collect();
        Act {
            times,
            // What is missing here is a fault already.
            answering: made.unwrap_or(Answering::Silence),
            delay: parts.delay.cloned(),
            in_order: parts.in_order.unwrap_or(true),
            faults,
            told,
            set: self.assigns(&join(path, [key("set")]), parts.set, true),
            then,
        }
    }

    fn delay(&mut self, at: &[Step], delay: Option<&Delay>) {
        let longest = match delay {
            Some(Delay::Fixed(ms)) => *ms,
            Some(Delay::Range(range)) if range.from > range.to => {
                let text = format!("{} is more than {}", range.from, range.to);
                let wrong = Wrong::new(text, "the lower end in `from`");
                return self.fault(at.to_vec(), Side::Value, wrong);
            }
            Some(Delay::Range(range)) => range.to,
            Some(Delay::Never) | None => 0,
        };
        if longest > LONGEST {
            let text = format!("a delay of {longest} ms");
            let wrong =
                Wrong::new(text, "at most a day (86400000), or \"never\"");
            self.fault(at.to_vec(), Side::Value, wrong);
        }
    }

    fn told(
        &mut self,
        at: &[Step],
        envelope: Option<&EnvelopeFile>,
    ) -> Option<Told> {
        let envelope = envelope?;
        let path = join(at, [key("delay_ms")]);
        self.number(&path, envelope.delay_ms, 0, LONGEST_INTERRUPT);
        if let Some(subspace) = envelope.subspace {
            self.byte(&join(at, [key("subspace")]), subspace, 255);
        }
        Some(Told::new(envelope))
    }

    fn packet(&mut self, at: &[Step], number: super::file::Number) -> usize {
        let packet = self.number(at, number, 1, 65_536);
        usize::try_from(packet).unwrap_or(usize::MAX)
    }

    fn plan(&mut self, at: &[Step], fault: &Fault) -> Option<Plan> {
        let at = |name: &str| join(at, [key(name)]);
        Some(match fault {
            Fault::Drop(number) => {
                Plan::Drop(self.packet(&at("drop"), *number))
            }
            Fault::Duplicate(number) => {
                Plan::Duplicate(self.packet(&at("duplicate"), *number))
            }
            Fault::Reorder(order) => {
                let at = at("reorder");
                let order = order.iter().enumerate().map(|(n, number)| {
                    self.packet(&join(&at, [Step::Index(n)]), *number)
                });
                Plan::Reorder(order.collect())
            }
            Fault::Truncate(number) => {
                Plan::Truncate(self.packet(&at("truncate"), *number))
            }
            Fault::Append(text) => match hex_bytes(text) {
                Ok(bytes) => Plan::Append(bytes),
                Err(wrong) => {
                    self.fault(at("append"), Side::Value, wrong);
                    return None;
                }
            },
            Fault::Corrupt(Corrupt::Bits(number)) => {
                let at = join(&at("corrupt"), [key("bits")]);
                Plan::Bits(self.number(&at, *number, 1, 1024))
            }
            Fault::Corrupt(Corrupt::At(place)) => {
                let at = join(&at("corrupt"), [key("at")]);
                let path = join(&at, [key("offset")]);
                let offset = self.number(&path, place.offset, 0, 65_535);
                let path = join(&at, [key("xor")]);
                let xor = self.number(&path, place.xor, 1, 255);
                Plan::At {
                    offset: usize::try_from(offset).unwrap_or(usize::MAX),
                    xor: u8::try_from(xor).unwrap_or(u8::MAX),
                }
            }
            Fault::Overwrite(wrong) => {
                let at = at("overwrite");
                let path = join(&at, [key("fields")]);
                let fields =
                    self.settings(&path, &wrong.fields, true, &Given::new());
                let packet = wrong.packet.map(|number| {
                    self.packet(&join(&at, [key("packet")]), number)
                });
                Plan::Overwrite(fields, packet)
            }
        })
    }

    fn assigns(
        &mut self,
        path: &[Step],
        set: &Map<String, Json>,
        has_request: bool,
    ) -> Vec<(String, Assign)> {
        let declared = self.declared;
        let mut assigns = Vec::new();
        for (name, json) in set {
            let at = join(path, [key(name)]);
            if let Err(wrong) = declared.get(name) {
                self.fault(at, Side::Key, wrong);
                continue;
            }
            let checked = match json {
                Json::String(text) if template::is_template(text) => self
                    .template(text, has_request)
                    .map(|()| Assign::Template(text.clone())),
                _ => declared.value(name, json).map(Assign::Fixed),
            };
            match checked {
                Ok(assign) => assigns.push((name.clone(), assign)),
                Err(wrong) => self.fault(at, Side::Value, wrong),
            }
        }
        assigns
    }

    fn message(
        &mut self,
        at: &[Step],
        message: &Message,
        has_request: bool,
    ) -> Option<Make> {
        match message {
            Message::Hex(text) => {
                self.hex(&join(at, [key("hex")]), text, has_request)
            }
            Message::Fields(fields) => {
                let at = join(at, [key("fields")]);
                self.fields(&at, fields, None, has_request)
            }
        }
    }

    fn unasked(&mut self, at: &[Step], unasked: &Unasked) -> Option<Push> {
        let path = join(at, [key("message")]);
        let make = self.message(&path, &unasked.message, true);
        let destination = unasked.destination.map(|number| {
            Eid(self.byte(&join(at, [key("destination")]), number, 255))
        });
        let tag = self.byte(&join(at, [key("tag")]), unasked.tag, 7);
        let path = join(at, [key("after")]);
        let after = self.number(&path, unasked.after, 0, LONGEST);
        let path = join(at, [key("envelope")]);
        let told = self.told(&path, unasked.envelope.as_ref());
        Some(Push { make: make?, destination, tag, after, told })
    }

    /// A message by the clock, or faults.
    pub fn timed(
        &mut self,
        file: &str,
        index: usize,
        source: &TimedFile,
    ) -> Option<Timed> {
        let before = self.faults.len();
        let path = [key("unasked"), Step::Index(index)];
        let at = |name: &str| join(&path, [key(name)]);
        self.name(&path, &source.name);
        let after = self.number(&at("after"), source.after, 0, LONGEST);
        let every = source.every.map(|number| {
            self.number(&at("every"), number, SHORTEST_EVERY, LONGEST)
        });
        let times = source.times.map_or(u64::MAX, |number| {
            self.number(&at("times"), number, 1, u64::MAX)
        });
        let when = self.when(&at("when"), &source.when);
        let make = self.message(&at("message"), &source.message, false);
        let destination = match source.destination {
            Some(number) => self.byte(&at("destination"), number, 255),
            None => 8,
        };
        let tag = self.byte(&at("tag"), source.tag, 7);
        let told = self.told(&at("envelope"), source.envelope.as_ref());
        let set = self.assigns(&at("set"), &source.set, false);
        if self.faults.len() > before {
            return None;
        }
        let destination = Some(Eid(destination));
        Some(Timed {
            name: source.name.clone(),
            file: file.to_owned(),
            after,
            every,
            times: if every.is_some() { times } else { 1 },
            when,
            push: Push { make: make?, destination, tag, after: 0, told },
            set,
        })
    }
}
