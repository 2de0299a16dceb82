//! A request put to the handlers: who answers, with what, and what changes.

use super::Handlers;
use super::compile::Handler;
use super::exec::{self, Question};
use super::fault::Fault;
use super::make::Maker;
use super::matcher::{View, with_name};
use super::request::{Asking, Replied};
use super::step::{Answering, Push, Timed};
use crate::script::check::Clock;
use crate::script::condition::Condition;
use crate::script::delay::{Delay, Wait};
use crate::script::dice::Dice;
use crate::script::envelope::EnvelopeOptions;
use crate::script::memory::Memory;
use crate::script::problem::Wrong;
use crate::wire::layout::{Found, Value};
use crate::wire::mctp::Eid;
use crate::wire::message;

/// A message nobody asked for, or a further answer, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The message, type byte first.
    pub message: Vec<u8>,
    pub destination: Eid,
    /// Its tag; none if it is an answer, which has the request's.
    pub tag: Option<u8>,
    /// Milliseconds after the answer.
    pub after: u64,
    /// What the device is told.
    pub envelope: Option<EnvelopeOptions>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Names of those that matched, the first first; all but the last
    /// passed on.
    pub handlers: Vec<String>,
    pub reply: Replied,
    pub wait: Wait,
    /// Whether later answers of the channel wait for it.
    pub in_order: bool,
    /// What is made wrong with it.
    pub faults: Vec<Fault>,
    /// What the device is told.
    pub envelope: Option<EnvelopeOptions>,
    /// What is sent after it.
    pub unasked: Vec<Unasked>,
    /// What is remembered from now on, if that changes.
    pub memory: Option<Memory>,
    /// Whether it would be another one at another time.
    pub timely: bool,
    /// What a program must be asked first; nothing else counts then.
    pub question: Option<Question>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            handlers: Vec::new(),
            reply: Replied::Pass,
            wait: Wait::Ms(0),
            in_order: true,
            faults: Vec::new(),
            envelope: None,
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

/// The handler that comes nearest to a message nobody answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    pub handler: String,
    pub file: String,
    pub differs: Vec<String>,
}

impl Handlers {
    fn holds(&self, when: &[(String, Condition)], memory: &Memory) -> bool {
        when.iter().all(|(name, condition)| {
            let now = self.declared.now(memory, name);
            now.is_some_and(|now| condition.holds(&now.value(), None))
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

    /// Asks the handlers. None if none of them matches; an error if what the
    /// one that does says cannot be made for this request.
    pub fn ask(&self, asking: &Asking<'_>) -> Result<Option<Answer>, Wrong> {
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
        let mut asked = Answer::default();
        for number in self.index.candidates(&view) {
            let Some(handler) = self.handlers.get(number) else {
                continue;
            };
            let memory = asked.memory.as_ref().unwrap_or(asking.memory);
            if !(whole || handler.any_length) {
                continue;
            }
            if !handler.matcher.matches(&view)
                || !self.holds(&handler.when, memory)
            {
                continue;
            }
            let failed = |wrong| {
                Wrong::plain(format!(
                    "handler {} ({}) failed: {wrong}",
                    handler.name, handler.file
                ))
            };
            if !self.wants(handler, asking, fields, memory).map_err(failed)? {
                continue;
            }
            let answered = self.answer(handler, asking, fields, &mut asked);
            answered.map_err(failed)?;
            if asked.question.is_some() {
                return Ok(Some(asked));
            }
            if asked.reply != Replied::Pass {
                break;
            }
        }
        Ok((!asked.handlers.is_empty()).then_some(asked))
    }

    /// Whether its `if` gives `true`.
    fn wants(
        &self,
        handler: &Handler,
        asking: &Asking<'_>,
        fields: &[Found],
        memory: &Memory,
    ) -> Result<bool, Wrong> {
        let Some(source) = &handler.only_if else {
            return Ok(true);
        };
        let count = match handler.counts {
            true => memory.clone().count(&handler.name),
            false => 1,
        };
        self.maker(asking, fields, memory, &handler.name, count).holds(source)
    }

    /// What one handler adds to an answer.
    fn answer(
        &self,
        handler: &Handler,
        asking: &Asking<'_>,
        fields: &[Found],
        asked: &mut Answer,
    ) -> Result<(), Wrong> {
        let mut memory =
            asked.memory.clone().unwrap_or_else(|| asking.memory.clone());
        let count = match handler.counts {
            true => memory.count(&handler.name),
            false => 1,
        };
        let Some(step) = handler.step(count) else {
            return Ok(());
        };
        let maker = self.maker(asking, fields, &memory, &handler.name, count);
        let mut said = None;
        asked.reply = match &step.answering {
            Answering::Make(make) => Replied::Message(maker.make(make, true)?),
            Answering::Exec(program, limit) => {
                let name = &handler.name;
                let Some(line) = asking.answers.get(name) else {
                    asked.question = Some(Question {
                        handler: name.clone(),
                        program: program.clone(),
                        limit: *limit,
                        line: exec::line(&maker, name),
                    });
                    return Ok(());
                };
                let line = line.as_ref().map_err(Clone::clone)?;
                let answer = exec::said(&maker, line)?;
                asked.wait = asked.wait.and(answer.wait);
                said = Some(answer.set);
                answer.reply
            }
            Answering::Silence => Replied::Silence,
            Answering::Pass => Replied::Pass,
        };
        let wait = Delay::wait(step.delay.as_ref(), &maker.dice);
        asked.wait = asked.wait.and(wait);
        asked.in_order &= step.in_order;
        // What is next to the bytes goes wrong first.
        let mut faults = Vec::new();
        for plan in &step.faults {
            faults.extend(plan.fill(&maker)?);
        }
        faults.append(&mut asked.faults);
        asked.faults = faults;
        asked.envelope = asked.envelope.or(step.envelope);
        for push in &step.then {
            asked.unasked.push(unasked(push, &maker)?);
        }
        let mut set = said.unwrap_or_default();
        set.extend(maker.assign(&step.set)?);
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
    pub fn timed(&self) -> impl Iterator<Item = (&str, Clock)> {
        self.timed.iter().map(|timed| (timed.name.as_str(), timed.clock))
    }

    /// Makes a message by the clock. None if there is no such message.
    pub fn tick(
        &self,
        name: &str,
        asking: &Asking<'_>,
    ) -> Option<Result<Timely, Wrong>> {
        let timed = self.timed.iter().find(|timed| timed.name == name)?;
        Some(self.make_timed(timed, asking))
    }

    fn make_timed(
        &self,
        timed: &Timed,
        asking: &Asking<'_>,
    ) -> Result<Timely, Wrong> {
        let mut memory = asking.memory.clone();
        if !self.holds(&timed.when, &memory) {
            return Ok(Timely { unasked: None, memory });
        }
        let count = memory.count(&timed.name);
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
                let text = |value: &Value| match value {
                    Value::Bytes(text) => {
                        format!("`{}`", String::from_utf8_lossy(text))
                    }
                    number => with_name("", number),
                };
                if condition.holds(value, None) {
                    near.met += 1;
                } else {
                    near.differs.push(format!(
                        "`{name}` is {}, wanted {}",
                        text(value),
                        condition.text(&text)
                    ));
                }
            }
            if let (Some(source), true) =
                (&handler.only_if, near.differs.is_empty())
            {
                near.differs.push(format!("`if` is not true: {source}"));
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

fn unasked(push: &Push, maker: &Maker<'_>) -> Result<Unasked, Wrong> {
    let sender = maker.asking.request.map(|request| request.header.source);
    Ok(Unasked {
        message: maker.make(&push.make, push.tag.is_none())?,
        destination: push.destination.or(sender).unwrap_or(Eid::NULL),
        tag: push.tag,
        after: push.after,
        envelope: push.envelope,
    })
}
