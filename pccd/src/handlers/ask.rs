//! A request put to the handlers: who answers, with what, and what changes.

use super::Handlers;
use super::act::{Act, Answering, Push, Timed};
use super::compile::Handler;
use super::exec::{Answers, Question};
use super::fault::{Fault, Told};
use super::make::{Dice, Maker};
use super::matcher::{View, show};
use super::memory::Memory;
use super::rule::Delay;
use crate::record::Time;
use crate::wire::layout::{Found, Value};
use crate::wire::mctp::{Eid, Header};
use crate::wire::message;
use crate::wire::pcc;

/// A request as handlers see it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Transport header of its last packet.
    pub header: &'a Header,
    /// Flags of that packet's PCC header.
    pub pcc_flags: u32,
    /// Length in that packet's PCC header.
    pub pcc_length: u32,
    /// Subspace it came from.
    pub subspace: u8,
    /// Number of the request in its life of the guest.
    pub serial: u32,
    /// The message, type byte first.
    pub message: &'a [u8],
}

impl Request<'_> {
    /// Fields of the headers of its last packet, but for `mctp.ic` and
    /// `mctp.type`, which are the message's.
    pub fn headers(&self) -> Vec<(&'static str, Value)> {
        let Header { destination, source, som, eom, sequence, to, tag } =
            *self.header;
        let number = Value::Number;
        let command = u32::from_le_bytes(pcc::COMMAND_MCTP);
        let signature = pcc::SIGNATURE | u32::from(self.subspace);
        vec![
            ("pcc.signature", number(signature.into())),
            ("pcc.flags", number(self.pcc_flags.into())),
            ("pcc.length", number(self.pcc_length.into())),
            ("pcc.command", number(command.into())),
            ("mctp.header_version", number(1)),
            ("mctp.destination", number(destination.0.into())),
            ("mctp.source", number(source.0.into())),
            ("mctp.som", number(som.into())),
            ("mctp.eom", number(eom.into())),
            ("mctp.sequence", number(sequence.into())),
            ("mctp.to", number(to.into())),
            ("mctp.tag", number(tag.into())),
        ]
    }
}

/// Everything an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The request; none for messages by the clock.
    pub request: Option<Request<'a>>,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The time.
    pub time: Time,
    /// Seed of random numbers.
    pub seed: u64,
    /// What programs said.
    pub answers: &'a Answers,
}

/// A message nobody asked for, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The message, type byte first.
    pub message: Vec<u8>,
    /// Who it is for.
    pub destination: Eid,
    /// Message tag.
    pub tag: u8,
    /// Milliseconds after the answer.
    pub after: u64,
    /// What the device is told.
    pub told: Option<Told>,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replied {
    /// This message, type byte first.
    Message(Vec<u8>),
    /// Nothing.
    Silence,
    /// What the endpoint answers, if it does.
    Pass,
}

/// How long an answer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Milliseconds.
    Ms(u64),
    /// For ever.
    Never,
}

impl Wait {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ms(a), Self::Ms(b)) => Self::Ms(a.saturating_add(b)),
            _ => Self::Never,
        }
    }
}

/// What the handlers answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Names of those that matched, the first first; all but the last
    /// passed on.
    pub handlers: Vec<String>,
    /// What comes back.
    pub reply: Replied,
    /// How long that waits.
    pub wait: Wait,
    /// Whether later answers of the channel wait for it.
    pub in_order: bool,
    /// What is made wrong with it.
    pub faults: Vec<Fault>,
    /// What the device is told.
    pub told: Option<Told>,
    /// What is sent after it.
    pub unasked: Vec<Unasked>,
    /// What is remembered from now on, if that changes.
    pub memory: Option<Memory>,
    /// Whether it would be another one at another time.
    pub timely: bool,
    /// What a program must be asked first; nothing else counts then.
    pub question: Option<Question>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            handlers: Vec::new(),
            reply: Replied::Pass,
            wait: Wait::Ms(0),
            in_order: true,
            faults: Vec::new(),
            told: None,
            unasked: Vec::new(),
            memory: None,
            timely: false,
            question: None,
        }
    }
}

/// A message by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timely {
    /// What is sent; nothing if `when` says so.
    pub unasked: Option<Unasked>,
    /// What is remembered from now on.
    pub memory: Memory,
}

/// A handler matched, but what it says cannot be made for this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Name of the handler, and its file.
    pub handler: String,
    /// Why.
    pub reason: String,
}

/// The handler that comes nearest to a message nobody answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Name of the handler.
    pub handler: String,
    /// Its file.
    pub file: String,
    /// What differs.
    pub differs: Vec<String>,
}

impl Handlers {
    fn ready(&self, handler: &Handler, memory: &Memory) -> bool {
        handler.when.iter().all(|(name, condition)| {
            let Some(now) = self.declared.now(memory, name) else {
                return false;
            };
            let value = &now.value();
            condition.holds(super::condition::Seen { value, name: None })
        })
    }

    fn maker<'a>(
        &'a self,
        asking: &'a Asking<'a>,
        fields: &'a [Found],
        memory: &'a Memory,
        name: &str,
        count: u64,
    ) -> Maker<'a> {
        let serial = match &asking.request {
            Some(request) => u64::from(request.serial),
            None => count,
        };
        Maker {
            environment: &self.environment,
            declared: &self.declared,
            fields,
            asking,
            memory,
            count,
            dice: Dice::new(asking.seed, serial, name),
        }
    }

    /// Asks the handlers. None if none of them matches.
    ///
    /// # Errors
    ///
    /// One matched, but its answer cannot be made.
    pub fn ask(&self, asking: &Asking<'_>) -> Result<Option<Asked>, Failed> {
        let Some(request) = asking.request else {
            return Ok(None);
        };
        let described = message::describe(request.message);
        let fields = &described.fields;
        let whole = described.wrong_length().is_none();
        let view = View {
            message: request.message,
            fields,
            headers: request.headers(),
        };
        let mut asked = Asked::default();
        for number in self.index.candidates(&view) {
            let Some(handler) = self.handlers.get(number) else {
                continue;
            };
            let memory = asked.memory.as_ref().unwrap_or(asking.memory);
            if !(whole || handler.any_length) {
                continue;
            }
            if !handler.matcher.matches(&view) || !self.ready(handler, memory) {
                continue;
            }
            let answered = self.answer(handler, asking, fields, &mut asked);
            answered.map_err(|reason| Failed {
                handler: format!("{} ({})", handler.name, handler.file),
                reason,
            })?;
            if asked.question.is_some() {
                return Ok(Some(asked));
            }
            if asked.reply != Replied::Pass {
                break;
            }
        }
        Ok((!asked.handlers.is_empty()).then_some(asked))
    }

    /// What one handler adds to an answer.
    fn answer(
        &self,
        handler: &Handler,
        asking: &Asking<'_>,
        fields: &[Found],
        asked: &mut Asked,
    ) -> Result<(), String> {
        let mut memory =
            asked.memory.clone().unwrap_or_else(|| asking.memory.clone());
        let count = match handler.counts {
            true => memory.count(&handler.name),
            false => 1,
        };
        let Some(act) = handler.act(count) else {
            return Ok(());
        };
        let maker = self.maker(asking, fields, &memory, &handler.name, count);
        let mut said = None;
        asked.reply = match &act.answering {
            Answering::Make(make) => Replied::Message(maker.make(make, true)?),
            Answering::Exec(program, limit) => {
                let name = &handler.name;
                let Some(line) = asking.answers.get(name) else {
                    asked.question = Some(Question {
                        handler: name.clone(),
                        program: program.clone(),
                        limit: *limit,
                        line: maker.line(name),
                    });
                    return Ok(());
                };
                let line = line.as_ref().map_err(Clone::clone)?;
                let answer = maker.said(line)?;
                asked.wait = asked.wait.and(answer.wait);
                said = Some(answer.set);
                answer.reply
            }
            Answering::Silence => Replied::Silence,
            Answering::Pass => Replied::Pass,
        };
        asked.wait = asked.wait.and(wait(act, &maker));
        asked.in_order &= act.in_order;
        // What is next to the bytes goes wrong first.
        let mut faults = Vec::new();
        for plan in &act.faults {
            faults.extend(plan.fill(&maker)?);
        }
        faults.append(&mut asked.faults);
        asked.faults = faults;
        asked.told = asked.told.or(act.told);
        for push in &act.then {
            asked.unasked.push(unasked(push, &maker)?);
        }
        let mut set = said.unwrap_or_default();
        set.extend(maker.assign(&act.set)?);
        if handler.counts || !set.is_empty() {
            memory.variables.extend(set);
            asked.memory = Some(memory);
        }
        asked.timely |= handler.timely;
        asked.handlers.push(handler.name.clone());
        Ok(())
    }

    /// Names of the messages by the clock, when each is sent first after a
    /// life of the guest began, and from one to the next.
    pub fn timed(&self) -> impl Iterator<Item = (&str, u64, Option<u64>, u64)> {
        self.timed.iter().map(|timed| {
            (timed.name.as_str(), timed.after, timed.every, timed.times)
        })
    }

    /// Makes a message by the clock. None if there is no such message.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    pub fn tick(
        &self,
        name: &str,
        asking: &Asking<'_>,
    ) -> Option<Result<Timely, Failed>> {
        let timed = self.timed.iter().find(|timed| timed.name == name)?;
        Some(self.make_timed(timed, asking).map_err(|reason| Failed {
            handler: format!("{} ({})", timed.name, timed.file),
            reason,
        }))
    }

    fn make_timed(
        &self,
        timed: &Timed,
        asking: &Asking<'_>,
    ) -> Result<Timely, String> {
        let mut memory = asking.memory.clone();
        let count = memory.count(&timed.name);
        let ready = timed.when.iter().all(|(name, condition)| {
            self.declared.now(&memory, name).is_some_and(|now| {
                let value = &now.value();
                condition.holds(super::condition::Seen { value, name: None })
            })
        });
        if !ready {
            return Ok(Timely { unasked: None, memory });
        }
        let maker = self.maker(asking, &[], &memory, &timed.name, count);
        let unasked = Some(unasked(&timed.push, &maker)?);
        let set = maker.assign(&timed.set)?;
        memory.variables.extend(set);
        Ok(Timely { unasked, memory })
    }

    /// The handler that comes nearest to a message nobody answers.
    pub fn nearest(&self, asking: &Asking<'_>) -> Option<Nearest> {
        let request = asking.request?;
        let described = message::describe(request.message);
        let view = View {
            message: request.message,
            fields: &described.fields,
            headers: request.headers(),
        };
        let mut best: Option<(usize, Nearest)> = None;
        for handler in &self.handlers {
            let mut near = handler.matcher.nearness(&view);
            for (name, condition) in &handler.when {
                let Some(now) = self.declared.now(asking.memory, name) else {
                    continue;
                };
                let value = &now.value();
                let seen = super::condition::Seen { value, name: None };
                let text = |value: &Value| match value {
                    Value::Bytes(text) => {
                        format!("`{}`", String::from_utf8_lossy(text))
                    }
                    number => show("", number),
                };
                if condition.holds(seen) {
                    near.met += 1;
                } else {
                    near.differs.push(format!(
                        "`{name}` is {}, wanted {}",
                        text(value),
                        condition.text(&text)
                    ));
                }
            }
            let part = near.part();
            if part > 0 && best.as_ref().is_none_or(|(most, _)| part > *most) {
                let nearest = Nearest {
                    handler: handler.name.clone(),
                    file: handler.file.clone(),
                    differs: near.differs,
                };
                best = Some((part, nearest));
            }
        }
        best.map(|(_, nearest)| nearest)
    }
}

fn wait(act: &Act, maker: &Maker<'_>) -> Wait {
    match &act.delay {
        None => Wait::Ms(0),
        Some(Delay::Fixed(ms)) => Wait::Ms(*ms),
        Some(Delay::Range(range)) => {
            Wait::Ms(maker.dice.roll(range.from, range.to))
        }
        Some(Delay::Never) => Wait::Never,
    }
}

fn unasked(push: &Push, maker: &Maker<'_>) -> Result<Unasked, String> {
    let sender = maker.asking.request.map(|request| request.header.source);
    Ok(Unasked {
        message: maker.make(&push.make, false)?,
        destination: push.destination.or(sender).unwrap_or(Eid::NULL),
        tag: push.tag,
        after: push.after,
        told: push.told,
    })
}
