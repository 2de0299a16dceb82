//! The one who checks a file: keeps what is wrong with it, and knows what
//! both kinds of descriptions have in common.

use std::path::PathBuf;

use minijinja::Environment;
use serde_json::{Map, Value as Json};

use super::condition::{self, Condition};
use super::delay::{Delay, LONGEST};
use super::envelope::{self, EnvelopeFile, EnvelopeOptions};
use super::locate::{Place, Side};
use super::memory::Declared;
use super::number::Number;
use super::problem::{Mistake, Wrong};
use crate::wire::layout::Value;

/// What a template asks for that does not come from the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// How often its handler answered.
    pub count: bool,
    pub time: bool,
}

pub struct Checker<'a> {
    pub environment: &'a Environment<'static>,
    pub declared: &'a Declared,
    pub folder: PathBuf,
    pub mistakes: Vec<Mistake>,
    /// What the templates at hand ask for.
    pub uses: Uses,
}

/// When something is said by the clock, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// After a life of the guest begins.
    pub after: u64,
    /// From one to the next.
    pub every: Option<u64>,
    pub times: u64,
}

impl<'a> Checker<'a> {
    pub fn new(
        environment: &'a Environment<'static>,
        declared: &'a Declared,
        folder: PathBuf,
    ) -> Self {
        let (mistakes, uses) = (Vec::new(), Uses::default());
        Self { environment, declared, folder, mistakes, uses }
    }

    pub fn wrong(&mut self, at: &Place<'_>, wrong: Wrong) {
        self.mistakes.push(Mistake::new(at, Side::Value, wrong));
    }

    pub fn wrong_key(&mut self, at: &Place<'_>, wrong: Wrong) {
        self.mistakes.push(Mistake::new(at, Side::Key, wrong));
    }

    /// What was found, or a mistake in the value at a place.
    pub fn take<T>(
        &mut self,
        at: &Place<'_>,
        found: Result<T, Wrong>,
    ) -> Option<T> {
        found.map_err(|wrong| self.wrong(at, wrong)).ok()
    }

    pub fn number(
        &mut self,
        at: &Place<'_>,
        number: Number,
        least: u64,
        most: u64,
    ) -> u64 {
        if (least..=most).contains(&number.0) {
            return number.0;
        }
        let wrong = Wrong::new(
            match number.0 < least {
                true => format!("{} is too small", number.0),
                false => format!("{} is too large", number.0),
            },
            match (least, most) {
                (0, most) => format!("a number from 0 to {most}"),
                (least, u64::MAX) => format!("a number from {least} up"),
                (least, most) => format!("a number from {least} to {most}"),
            },
        );
        self.wrong(at, wrong);
        least
    }

    pub fn byte(&mut self, at: &Place<'_>, number: Number, most: u8) -> u8 {
        let byte = self.number(at, number, 0, most.into());
        u8::try_from(byte).unwrap_or(0)
    }

    /// The name under a place.
    pub fn name(&mut self, at: &Place<'_>, name: &str) {
        if name.trim().is_empty() {
            let wrong = Wrong::new("a name without letters", "some text");
            self.wrong(&at.key("name"), wrong);
        }
    }

    pub fn delay(&mut self, at: &Place<'_>, delay: Option<&Delay>) {
        self.take(at, delay.map_or(Ok(()), Delay::check));
    }

    pub fn envelope(
        &mut self,
        at: &Place<'_>,
        file: Option<&EnvelopeFile>,
    ) -> Option<EnvelopeOptions> {
        let file = file?;
        let delay = at.key("delay_ms");
        self.number(&delay, file.delay_ms, 0, envelope::LONGEST);
        if let Some(subspace) = file.subspace {
            self.byte(&at.key("subspace"), subspace, u8::MAX);
        }
        Some(EnvelopeOptions::new(file))
    }

    pub fn clock(
        &mut self,
        at: &Place<'_>,
        after: Number,
        every: Option<Number>,
        times: Option<Number>,
        shortest: u64,
    ) -> Clock {
        let after = self.number(&at.key("after"), after, 0, LONGEST);
        let every = every.map(|every| {
            self.number(&at.key("every"), every, shortest, LONGEST)
        });
        let times =
            times.map(|n| self.number(&at.key("times"), n, 1, u64::MAX));
        let times = every.map_or(1, |_| times.unwrap_or(u64::MAX));
        Clock { after, every, times }
    }

    /// A value or a condition on it.
    pub fn condition(
        &mut self,
        at: &Place<'_>,
        json: &Json,
        value: &dyn Fn(&Json) -> Result<Value, Wrong>,
    ) -> Option<Condition> {
        condition::parse(at, json, value)
            .map_err(|mistake| self.mistakes.push(mistake))
            .ok()
    }

    /// A condition on a scenario or variable.
    pub fn state(
        &mut self,
        at: &Place<'_>,
        name: &str,
        json: &Json,
    ) -> Option<Condition> {
        let declared = self.declared;
        self.condition(at, json, &|json| {
            Ok(declared.value(name, json)?.value())
        })
    }

    /// Conditions on scenarios and variables.
    pub fn when(
        &mut self,
        at: &Place<'_>,
        when: &Map<String, Json>,
    ) -> Vec<(String, Condition)> {
        let mut conditions = Vec::new();
        for (name, json) in when {
            let at = at.key(name);
            match self.declared.get(name) {
                Ok(_) => conditions.extend(
                    self.state(&at, name, json).map(|one| (name.clone(), one)),
                ),
                Err(wrong) => self.wrong_key(&at, wrong),
            }
        }
        conditions
    }
}
