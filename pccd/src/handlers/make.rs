//! Messages made for one request, or for no request at all: fields and
//! templates filled in.

use std::sync::{Arc, Mutex};

use minijinja::{Environment, Value as Filling};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use serde_json::{Map, Value as Json};

use super::compile::{ECHOED, answer_defaults};
use super::memory::{Declared, Memory, Variable};
use super::value::{hex_bytes, value_of};
use super::{Asking, template};
use crate::wire::encode::Given;
use crate::wire::layout::{Found, Item, Value};
use crate::wire::message;

/// A value that is fixed or filled in.
#[derive(Debug, Clone)]
pub enum Setting {
    /// Fixed.
    Fixed(Value),
    /// A template, and the field's table entries.
    Template(String, Vec<Item>),
}

/// A message to make.
#[derive(Debug, Clone)]
pub enum Make {
    /// From fields.
    Fields(Vec<(String, Setting)>),
    /// From fixed bytes.
    Bytes(Vec<u8>),
    /// From a template that gives hex.
    Template(String),
}

/// A value for a variable or scenario.
#[derive(Debug, Clone)]
pub enum Assign {
    /// Fixed.
    Fixed(Variable),
    /// A template.
    Template(String),
}

/// Random numbers that are the same for the same seed, request and handler.
#[derive(Debug, Clone)]
pub struct Dice(Arc<Mutex<Pcg64Mcg>>);

impl Dice {
    /// Dice for a request (or the n-th message by the clock) and a handler.
    pub fn new(seed: u64, serial: u64, handler: &str) -> Self {
        let name = handler.bytes().fold(0_u128, |sum, byte| {
            sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(byte.into())
        });
        let start = (u128::from(seed) << 64 | u128::from(serial))
            .wrapping_add(name.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            // Neighbouring starts must not give neighbouring numbers.
            .wrapping_mul(0xda94_2042_e4dd_58b5_9e37_79b9_7f4a_7c15);
        let mut dice = Pcg64Mcg::new(start | 1);
        for _ in 0..8 {
            dice.random::<u64>();
        }
        Self(Arc::new(Mutex::new(dice)))
    }

    /// A number between two, both included.
    pub fn roll(&self, from: u64, to: u64) -> u64 {
        let (low, high) = (from.min(to), from.max(to));
        match self.0.lock() {
            Ok(mut dice) => dice.random_range(low..=high),
            Err(_) => low,
        }
    }
}

/// Makes the messages of one answer.
pub struct Maker<'a> {
    /// The environment templates are filled in with.
    pub environment: &'a Environment<'static>,
    /// What is declared.
    pub declared: &'a Declared,
    /// The request's fields; none for messages by the clock.
    pub fields: &'a [Found],
    /// The request, time and seed.
    pub asking: &'a Asking<'a>,
    /// What is remembered.
    pub memory: &'a Memory,
    /// How often the handler answered, this time included.
    pub count: u64,
    /// Its dice.
    pub dice: Dice,
}

impl Maker<'_> {
    fn filling(&self) -> Filling {
        let mut plain = Map::new();
        if let Some(request) = &self.asking.request {
            let seen = template::request(request, self.fields);
            plain.insert("request".into(), seen);
        }
        plain.insert("state".into(), self.declared.json(self.memory));
        plain.insert("count".into(), self.count.into());
        plain.insert("time".into(), template::time(self.asking.time));
        let dice = self.dice.clone();
        let random = Filling::from_function(move |from: u64, to: u64| {
            dice.roll(from, to)
        });
        plain
            .into_iter()
            .map(|(name, json)| (name, Filling::from_serialize(json)))
            .chain([("random".to_owned(), random)])
            .collect()
    }

    fn render(&self, source: &str) -> Result<String, String> {
        template::render(self.environment, source, &self.filling())
    }

    /// Makes a message.
    pub fn make(
        &self,
        make: &Make,
        is_answer: bool,
    ) -> Result<Vec<u8>, String> {
        match make {
            Make::Bytes(bytes) => Ok(bytes.clone()),
            Make::Template(source) => {
                let bytes = hex_bytes(&self.render(source)?)
                    .map_err(|wrong| wrong.message)?;
                if bytes.is_empty() {
                    return Err("the template gives no bytes".to_owned());
                }
                Ok(bytes)
            }
            Make::Fields(settings) => self.fields(settings, is_answer),
        }
    }

    /// The value of a setting.
    pub fn setting(
        &self,
        field: &str,
        setting: &Setting,
    ) -> Result<Value, String> {
        match setting {
            Setting::Fixed(value) => Ok(value.clone()),
            Setting::Template(source, items) => {
                let text = self.render(source)?;
                value_of(field, items, &Json::String(text))
                    .map_err(|wrong| wrong.message)
            }
        }
    }

    fn fields(
        &self,
        settings: &[(String, Setting)],
        is_answer: bool,
    ) -> Result<Vec<u8>, String> {
        let mut given = Given::new();
        if is_answer {
            for field in ECHOED {
                let found = self.fields.iter().find(|found| {
                    field.split_once('.') == Some((found.layer, found.name))
                });
                if let Some(found) = found {
                    given.insert(field.to_owned(), found.value.clone());
                }
            }
        }
        for (field, setting) in settings {
            given.insert(field.clone(), self.setting(field, setting)?);
        }
        if is_answer {
            answer_defaults(&mut given);
        }
        message::encode(&given).map_err(|error| error.to_string())
    }

    /// What is remembered once these are assigned.
    pub fn assign(
        &self,
        assigns: &[(String, Assign)],
    ) -> Result<Vec<(String, Variable)>, String> {
        assigns
            .iter()
            .map(|(name, assign)| {
                let value = match assign {
                    Assign::Fixed(value) => value.clone(),
                    Assign::Template(source) => {
                        let text = self.render(source)?;
                        self.declared
                            .value(name, &Json::String(text))
                            .map_err(|wrong| wrong.message)?
                    }
                };
                Ok((name.clone(), value))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_the_same_for_the_same_seed_and_spread_out() {
        let rolls = |seed, serial, handler| {
            let dice = Dice::new(seed, serial, handler);
            (0..20).map(|_| dice.roll(1, 6)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1, 2, "a"), rolls(1, 2, "a"));
        assert!(rolls(1, 2, "a").iter().all(|n| (1..=6).contains(n)));
        for other in [rolls(2, 2, "a"), rolls(1, 3, "a"), rolls(1, 2, "b")] {
            assert_ne!(rolls(1, 2, "a"), other);
        }
        let mut seen = [0; 7];
        for serial in 0..6000 {
            let roll = Dice::new(0, serial, "a").roll(1, 6);
            seen[usize::try_from(roll).unwrap()] += 1;
        }
        assert!(seen[1..].iter().all(|n| (800..1200).contains(n)), "{seen:?}");
        assert_eq!(
            Dice::new(0, 0, "").roll(9, 3),
            Dice::new(0, 0, "").roll(3, 9)
        );
    }
}
