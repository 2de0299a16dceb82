//! What the registers of one subspace hold, and what is done to them while a
//! command or a notification is worked on. Nothing lasts that is not written
//! into the memory in the end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use minijinja::{Environment, Value as Filling};
use serde_json::{Map, Value as Json};

use super::cells::Cells;
use super::channel::{Assign, Channel, HeadField, Made, Says, Subject};
use super::file::Access;
use super::register::Register;
use super::template::{filling, json};
use crate::record::Time;
use crate::script::condition::Condition;
use crate::script::dice::Dice;
use crate::script::memory::{Declared, Memory};
use crate::script::number::parse_number;
use crate::script::problem::Wrong;
use crate::script::template::{names, render, states};
use crate::wire::layout::Value;
use crate::wire::region::Head;

/// What everything in a decision depends on, but for the request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub environment: &'a Environment<'static>,
    /// Scenarios and variables of all files.
    pub declared: &'a Declared,
    pub channel: &'a Channel,
    /// Reset values that differ in this subspace.
    pub reset: &'a BTreeMap<String, Value>,
    pub subspace: u8,
    /// When this life of the guest began.
    pub began: Time,
    pub now: Time,
}

pub struct Bank<'a> {
    context: Context<'a>,
    /// What is remembered, scenarios and variables included.
    pub memory: Cow<'a, Memory>,
    /// The request as templates see it.
    pub request: Option<Json>,
    /// The fields of its header.
    pub heads: Vec<Head>,
    values: BTreeMap<String, Value>,
    cells: Cells,
    /// What was set, in that order.
    touched: Vec<String>,
    /// How many commands the channel got.
    pub count: u64,
    pub dice: Dice,
}

impl<'a> Bank<'a> {
    /// The registers as they are remembered.
    pub fn new(context: Context<'a>, memory: &'a Memory, dice: Dice) -> Self {
        let kept = memory.registers.get(&context.subspace);
        let registers = context.channel.registers.iter();
        let values = registers.map(|(name, register)| {
            let kept = kept
                .and_then(|kept| kept.get(name))
                .and_then(|kept| register.kept(kept));
            let reset = || {
                let own = context.reset.get(name);
                own.unwrap_or(&register.reset).clone()
            };
            (name.clone(), kept.unwrap_or_else(reset))
        });
        Self {
            values: values.collect(),
            cells: Cells::of(&context.channel.registers, kept),
            context,
            memory: Cow::Borrowed(memory),
            request: None,
            heads: Vec::new(),
            touched: Vec::new(),
            count: 0,
            dice,
        }
    }

    /// The same after the guest's writes: registers of these accesses hold
    /// what lies in the communication space.
    pub fn taken(&self, space: &[u8], accesses: &[Access]) -> Self {
        let mut values = self.values.clone();
        for (name, register) in &self.context.channel.registers {
            if register.offset.is_some()
                && accesses.contains(&register.access)
                && let Some(value) = register.read(space)
            {
                values.insert(name.clone(), value);
            }
        }
        Self {
            context: self.context,
            memory: self.memory.clone(),
            request: self.request.clone(),
            heads: self.heads.clone(),
            values,
            cells: self.cells.clone(),
            touched: Vec::new(),
            count: self.count,
            dice: self.dice.clone(),
        }
    }

    /// What a register holds; of one with an index, the one that the
    /// moment's values choose.
    fn value(&self, name: &str) -> Option<Value> {
        let register = self.context.channel.registers.get(name)?;
        if register.index.is_empty() {
            return self.values.get(name).cloned();
        }
        let own = || self.context.reset.get(name);
        let index = self.index(register)?;
        let held = self.cells.get(name, &index).cloned();
        held.or_else(|| register.cells.get(&index).cloned())
            .or_else(|| Some(own().unwrap_or(&register.reset).clone()))
    }

    /// The values of the registers that one of several is chosen by.
    fn index(&self, register: &Register) -> Option<Vec<u64>> {
        let values =
            register.index.iter().map(|name| match self.value(name)? {
                Value::Number(number) => Some(number),
                Value::Bytes(_) => None,
            });
        values.collect()
    }

    /// What a condition is on: its value, the name that this has, and the
    /// register, if it is one.
    fn held(
        &self,
        subject: &Subject,
    ) -> (Option<Value>, Option<&str>, Option<&Register>) {
        let context = &self.context;
        match subject {
            Subject::Register(name) => {
                let (value, register) =
                    (self.value(name), context.channel.registers.get(name));
                let name = value.as_ref().zip(register);
                let name = name.and_then(|(value, one)| one.name_of(value));
                (value, name, register)
            }
            Subject::Variable(name) => {
                let now = context.declared.now(&self.memory, name);
                (now.map(|now| now.value()), None, None)
            }
            Subject::Head(name) => {
                let head = self.heads.iter().find(|h| h.name == *name);
                // Parts of the command have names.
                let part = head.filter(|_| name.contains('.'));
                let part = part.and_then(|head| head.meaning.as_deref());
                (head.map(|head| Value::Number(head.value)), part, None)
            }
        }
    }

    /// What a subject of conditions holds.
    pub fn holds(&self, subject: &Subject) -> Option<Value> {
        self.held(subject).0
    }

    /// The first condition that is not met.
    pub fn unmet<'w>(
        &self,
        when: &'w [(Subject, Condition)],
    ) -> Option<&'w (Subject, Condition)> {
        when.iter().find(|(subject, condition)| {
            let (value, name, _) = self.held(subject);
            !value.is_some_and(|value| condition.holds(&value, name))
        })
    }

    /// What there is instead of what a condition wants.
    pub fn differs(
        &self,
        (subject, condition): &(Subject, Condition),
    ) -> String {
        let name = match subject {
            Subject::Register(name) | Subject::Variable(name) => name,
            Subject::Head(name) => *name,
        };
        let (value, _, register) = self.held(subject);
        let text = |value: &Value| match (register, value) {
            (Some(register), value) => register.text(value),
            (None, Value::Number(number)) => number.to_string(),
            (None, Value::Bytes(bytes)) => {
                format!("`{}`", String::from_utf8_lossy(bytes))
            }
        };
        match value {
            None => format!("there is no `{name}`"),
            Some(value) => format!(
                "`{name}` is {}, wanted {}",
                text(&value),
                condition.text(&text)
            ),
        }
    }

    /// What a template that uses these names sees.
    fn filling(&self, names: &[String]) -> Filling {
        let (asked, declared) = (states(names), self.context.declared);
        let registers = asked.of(self.values.keys().map(String::as_str));
        let mut state: Map<String, Json> = registers
            .into_iter()
            .filter_map(|name| {
                Some((name.to_owned(), json(&self.value(name)?)))
            })
            .collect();
        let variables = asked.of(declared.0.keys().map(String::as_str));
        state.extend(declared.json_of(&self.memory, variables));
        filling(
            self.request.clone(),
            state,
            self.context.channel.tables.clone(),
            self.count,
            (self.context.began, self.context.now),
            &self.dice,
        )
    }

    fn render(&self, source: &str) -> Result<Json, Wrong> {
        let environment = self.context.environment;
        let filling = self.filling(&names(environment, source));
        render(environment, source, &filling)
            .map(|text| Json::String(text.trim().to_owned()))
    }

    /// Does what is to be set, one after the other.
    pub fn set(&mut self, says: &Says) -> Result<(), Wrong> {
        self.touched.clear();
        for assign in &says.set {
            match assign {
                Assign::Register(name, made) => {
                    let Some(register) =
                        self.context.channel.registers.get(name)
                    else {
                        continue;
                    };
                    let value = match made {
                        Made::Fixed(value) => value.clone(),
                        Made::Template(source) => {
                            register.value(&self.render(source)?)?
                        }
                    };
                    match register.index.is_empty() {
                        true => {
                            self.values.insert(name.clone(), value);
                        }
                        false => {
                            let index = self.index(register);
                            let index = index.unwrap_or_default();
                            self.cells.put(name, index, value)?;
                        }
                    }
                    self.touched.push(name.clone());
                }
                Assign::Variable(name, made) => {
                    let value = match made {
                        Made::Fixed(value) => value.clone(),
                        Made::Template(source) => self
                            .context
                            .declared
                            .value(name, &self.render(source)?)?,
                    };
                    let memory = self.memory.to_mut();
                    memory.variables.insert(name.clone(), value);
                }
            }
        }
        Ok(())
    }

    /// The fields of a header that is to be sent.
    pub fn header(&self, says: &Says) -> Result<Vec<(HeadField, u32)>, Wrong> {
        let fields = says.header.iter().map(|(field, made)| {
            let number = match made {
                Made::Fixed(number) => Some(*number),
                Made::Template(source) => match self.render(source)? {
                    Json::String(text) => parse_number(&text),
                    _ => None,
                },
            };
            number
                .and_then(|number| u32::try_from(number).ok())
                .map(|number| (*field, number))
                .ok_or_else(|| Wrong::plain("`header`: no number of 32 bits"))
        });
        fields.collect()
    }

    /// Writes registers into a communication space: those that are always
    /// there, then those of answers, which may lie over each other, as they
    /// were set.
    pub fn write_to(&self, space: &mut Vec<u8>) {
        let all = &self.context.channel.registers;
        let shown = all.values().filter(|register| register.is_shown());
        let set = self.touched.iter().filter_map(|name| all.get(name));
        let set = set.filter(|register| register.access == Access::Answer);
        for register in shown.chain(set) {
            if let Some(value) = self.values.get(&register.name) {
                register.write(space, value);
            }
        }
    }

    /// Whether anything was set that the guest sees.
    pub fn is_seen(&self) -> bool {
        self.touched.iter().any(|name| {
            let register = self.context.channel.registers.get(name);
            register.is_some_and(|one| one.offset.is_some())
        })
    }

    /// What is remembered from now on: registers that differ from their
    /// reset values, of all accesses but `answer`.
    pub fn remember(self) -> Memory {
        let channel = self.context.channel;
        let mut kept = BTreeMap::new();
        for (name, value) in &self.values {
            let Some(register) = channel.registers.get(name) else {
                continue;
            };
            let own = self.context.reset.get(name);
            if !register.index.is_empty() {
                let reset = own.unwrap_or(&register.reset);
                kept.extend(self.cells.remembered(register, reset));
                continue;
            }
            let is_reset = own.unwrap_or(&register.reset) == value;
            let lasts = !matches!(register.access, Access::Answer | Access::Wo);
            if lasts && !is_reset {
                kept.insert(name.clone(), register.keep(value));
            }
        }
        let mut memory = self.memory.into_owned();
        if kept.is_empty() {
            memory.registers.remove(&self.context.subspace);
        } else {
            memory.registers.insert(self.context.subspace, kept);
        }
        memory
    }
}
