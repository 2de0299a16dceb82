//! Channels that work: descriptions with every name looked up and every
//! value converted.

use std::collections::BTreeMap;

use minijinja::Value as Filling;

use super::file::{Access, CommandWord, Rest};
use super::lookup::{Lookup, Wanted};
use super::register::Register;
use crate::script::check::Clock;
use crate::script::condition::Condition;
use crate::script::delay::Delay;
use crate::script::envelope::EnvelopeOptions;
use crate::script::memory::Variable;
use crate::wire::layout::Value;
use crate::wire::region::{
    Head, Place, Region, SubspaceType, field_names, places,
};
use crate::wire::scmi;

/// A value that is fixed or filled in.
#[derive(Debug, Clone)]
pub enum Made<T> {
    Fixed(T),
    Template(String),
}

/// One thing that is set.
#[derive(Debug, Clone)]
pub enum Assign {
    /// A register of the channel.
    Register(String, Made<Value>),
    /// A scenario or variable of all files.
    Variable(String, Made<Variable>),
}

/// What a condition is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    Register(String),
    Variable(String),
    /// A field of the request's header.
    Head(&'static str),
}

/// A field of an answer's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadField {
    Signature,
    /// Types 3 and 4.
    Flags,
    /// Types 3 and 4.
    Length,
    /// Types 0–4.
    Command,
}

impl HeadField {
    pub const ALL: [(&'static str, Self); 4] = [
        ("signature", Self::Signature),
        ("flags", Self::Flags),
        ("length", Self::Length),
        ("command", Self::Command),
    ];
}

/// A set of assignments, and what goes beside them.
#[derive(Debug, Clone, Default)]
pub struct Says {
    /// What is set, in order.
    pub set: Vec<Assign>,
    pub header: Vec<(HeadField, Made<u64>)>,
    /// What the device is told.
    pub envelope: Option<EnvelopeOptions>,
    /// Whether a template asks for the time.
    pub timely: bool,
}

/// What is said after a command.
#[derive(Debug, Clone)]
pub struct Then {
    /// Milliseconds after the answer.
    pub after: u64,
    pub says: Says,
}

#[derive(Debug, Clone)]
pub struct Effect {
    /// Whether the guest's writes count.
    pub take: bool,
    /// What is set and answered.
    pub says: Says,
    /// Whether it ends with error status.
    pub error: bool,
    pub delay: Option<Delay>,
    /// Whether later commands wait for it.
    pub in_order: bool,
    /// What is said after it.
    pub then: Vec<Then>,
}

#[derive(Debug, Clone)]
pub struct Command {
    pub name: String,
    pub code: Condition,
    pub when: Vec<(Subject, Condition)>,
    pub effect: Effect,
    /// Registers of the request that it looks at.
    pub looks_at: Vec<String>,
    /// Whether it answers requests that end before these.
    pub short: bool,
}

impl Command {
    /// What it wants, for looking it up.
    pub fn wanted(&self) -> Wanted<Subject> {
        let number = |value: Option<&Value>| match value {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        };
        let values = self.when.iter().filter_map(|(subject, condition)| {
            let is_variable = matches!(subject, Subject::Variable(_));
            let value = condition.exact().filter(|_| !is_variable)?;
            Some((subject.clone(), value.clone()))
        });
        let range = self.when.iter().find_map(|(subject, condition)| {
            let (from, to) = match (subject, condition) {
                (Subject::Variable(_), Condition::Range { from, to }) => {
                    (*from, *to)
                }
                (Subject::Variable(_), one) => {
                    let number = number(one.exact())?;
                    (number, number)
                }
                _ => return None,
            };
            Some((subject.clone(), from, to))
        });
        let code = number(self.code.exact());
        Wanted { code, values: values.collect(), range }
    }
}

/// What is said unasked, by the clock.
#[derive(Debug, Clone)]
pub struct Notification {
    pub name: String,
    pub clock: Clock,
    pub when: Vec<(Subject, Condition)>,
    pub says: Says,
}

#[derive(Debug, Clone)]
pub struct Channel {
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// What becomes of bytes of no register.
    pub rest: Rest,
    /// What the command of types 3 and 4 is made of.
    pub word: CommandWord,
    /// Its tables, as templates see them.
    pub tables: Filling,
    pub registers: BTreeMap<String, Register>,
    pub commands: Vec<Command>,
    /// Which of its commands may fit a request.
    pub lookup: Lookup<Subject>,
    pub otherwise: Option<Effect>,
    /// What is said by the clock.
    pub notifications: Vec<Notification>,
    /// Whether its commands are counted.
    pub counts: bool,
}

impl Channel {
    /// What a request or an answer commands: what `code` is compared with.
    /// None if the header is cut short.
    pub fn code(&self, region: &Region<'_>, kind: SubspaceType) -> Option<u64> {
        let code = region.code(kind)?;
        Some(match self.is_scmi(kind) {
            true => scmi::message_id(code),
            false => code,
        })
    }

    /// The header's fields, and the parts of its command.
    pub fn heads(&self, region: &Region<'_>, kind: SubspaceType) -> Vec<Head> {
        let mut heads = region.fields(kind);
        if self.is_scmi(kind)
            && let Some(word) = region.code(kind)
        {
            heads.extend(scmi::split(word));
        }
        heads
    }

    /// Whether its command is a word of SCMI.
    pub fn is_scmi(&self, kind: SubspaceType) -> bool {
        self.word == CommandWord::Scmi && kind.is_extended()
    }

    /// The largest code that the guest can command by.
    fn most(&self, kind: SubspaceType) -> u64 {
        let place = places(kind).iter().find(|it| it.name == kind.command());
        let most = place.map_or(u64::MAX, Place::most);
        match self.is_scmi(kind) {
            true => scmi::message_id(most),
            false => most,
        }
    }

    /// What cannot come to pass where a subspace of this type plays it.
    pub fn unfit(&self, kind: SubspaceType) -> Vec<String> {
        let mut found = Vec::new();
        let most = self.most(kind);
        let parts = scmi::names().filter(|_| self.is_scmi(kind));
        let heads: Vec<_> =
            field_names(kind).into_iter().chain(parts).collect();
        for command in &self.commands {
            let name = &command.name;
            let least = command.code.least();
            if least > most {
                found.push(format!(
                    "the command `{name}` never comes: its code is at least \
                     {least:#x}, the largest is {most:#x}"
                ));
            }
            let looks = command.when.iter().filter_map(|(on, _)| match on {
                Subject::Head(head) if !heads.contains(head) => Some(head),
                _ => None,
            });
            found.extend(looks.map(|head| {
                format!("the command `{name}` looks at `{head}`: there is none")
            }));
        }
        if !kind.takes_unasked() {
            let notified = self.notifications.iter();
            found.extend(notified.map(|it| {
                format!("the notification `{}` has nowhere to go", it.name)
            }));
            let then = self.effects().filter(|(_, it)| !it.then.is_empty());
            found.extend(then.map(|(name, _)| {
                format!("`then` of `{name}` has nowhere to go")
            }));
        }
        found
    }

    /// What its commands do, and what is done otherwise, by their names.
    fn effects(&self) -> impl Iterator<Item = (&str, &Effect)> {
        let own = self.commands.iter();
        let own = own.map(|it| (it.name.as_str(), &it.effect));
        own.chain(self.otherwise.iter().map(|it| ("otherwise", it)))
    }

    /// What the log calls its commands.
    pub fn command_names(&self) -> impl Iterator<Item = String> {
        self.effects().map(|(name, _)| format!("{}/{name}", self.name))
    }

    /// Names of the registers that a request may show, or an answer.
    pub fn shown(&self, is_request: bool) -> impl Iterator<Item = &str> {
        let never = match is_request {
            true => [Access::Ro, Access::Answer],
            false => [Access::Wo; 2],
        };
        let all = self.registers.values();
        all.filter(move |one| {
            one.offset.is_some() && !never.contains(&one.access)
        })
        .map(|one| one.name.as_str())
    }

    /// Its registers in the order of their bytes, hidden ones last.
    pub fn in_order(&self) -> Vec<&Register> {
        let mut all: Vec<&Register> = self.registers.values().collect();
        all.sort_by_key(|one| {
            (one.offset.unwrap_or(usize::MAX), one.form.size(), &one.name)
        });
        all
    }
}
