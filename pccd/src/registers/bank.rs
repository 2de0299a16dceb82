//! What the registers of one subspace hold, and what is done to them while a
//! command or a notification is worked on. Nothing lasts that is not written
//! into the memory in the end.

use std::collections::{BTreeMap, BTreeSet};

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
use crate::script::template::render;
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
    pub memory: Memory,
    /// The request as templates see it.
    pub request: Option<Json>,
    /// The fields of its header.
    pub heads: Vec<Head>,
    values: BTreeMap<String, Value>,
    cells: Cells,
    pub touched: BTreeSet<String>,
    /// How many commands the channel got.
    pub count: u64,
    pub dice: Dice,
}

impl<'a> Bank<'a> {
    /// The registers as they are remembered.
    pub fn new(context: Context<'a>, memory: &Memory, dice: Dice) -> Self {
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
            memory: memory.clone(),
            request: None,
            heads: Vec::new(),
            touched: BTreeSet::new(),
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
            touched: BTreeSet::new(),
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

    /// Whether conditions hold; else the first that does not.
    pub fn holds(&self, when: &[(Subject, Condition)]) -> Result<(), String> {
        for (subject, condition) in when {
            let mut part = None;
            let (name, value, register) = match subject {
                Subject::Register(name) => (
                    name.as_str(),
                    self.value(name),
                    self.context.channel.registers.get(name),
                ),
                Subject::Variable(name) => {
                    let now = self.context.declared.now(&self.memory, name);
                    (name.as_str(), now.map(|now| now.value()), None)
                }
                Subject::Head(name) => {
                    let head = self.heads.iter().find(|h| h.name == *name);
                    // Parts of the command have names.
                    part = head
                        .filter(|_| name.contains('.'))
                        .and_then(|h| h.meaning.clone());
                    (*name, head.map(|h| Value::Number(h.value)), None)
                }
            };
            let text = |value: &Value| match (register, value) {
                (Some(register), value) => register.text(value),
                (None, Value::Number(number)) => number.to_string(),
                (None, Value::Bytes(bytes)) => {
                    format!("`{}`", String::from_utf8_lossy(bytes))
                }
            };
            let Some(value) = value else {
                return Err(format!("there is no `{name}`"));
            };
            let named = register.and_then(|one| one.name_of(&value));
            let named = named.or(part.as_deref());
            if !condition.holds(&value, named) {
                return Err(format!(
                    "`{name}` is {}, wanted {}",
                    text(&value),
                    condition.text(&text)
                ));
            }
        }
        Ok(())
    }

    fn filling(&self) -> Filling {
        let mut state: Map<String, Json> = self
            .values
            .keys()
            .filter_map(|name| Some((name.clone(), json(&self.value(name)?))))
            .collect();
        state.extend(self.context.declared.json(&self.memory));
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
        render(self.context.environment, source, &self.filling())
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
                    self.touched.insert(name.clone());
                }
                Assign::Variable(name, made) => {
                    let value = match made {
                        Made::Fixed(value) => value.clone(),
                        Made::Template(source) => self
                            .context
                            .declared
                            .value(name, &self.render(source)?)?,
                    };
                    self.memory.variables.insert(name.clone(), value);
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
    /// there, then those of answers that were set.
    pub fn write_to(&self, space: &mut Vec<u8>) {
        let mut write = |shown: &dyn Fn(&Register) -> bool| {
            for (name, register) in &self.context.channel.registers {
                if shown(register)
                    && let Some(value) = self.values.get(name)
                {
                    register.write(space, value);
                }
            }
        };
        write(&Register::is_shown);
        write(&|register| {
            register.access == Access::Answer
                && self.touched.contains(&register.name)
        });
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
    pub fn remember(mut self) -> Memory {
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
        if kept.is_empty() {
            self.memory.registers.remove(&self.context.subspace);
        } else {
            self.memory.registers.insert(self.context.subspace, kept);
        }
        self.memory
    }
}
