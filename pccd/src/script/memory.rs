//! What handlers remember: scenarios, variables and counts. Declarations
//! come from the files; [`Memory`] holds what has changed since a life of
//! the guest began, and lies in the ledger.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::number::plain;
use super::problem::Wrong;
use crate::wire::layout::Value;

/// Value of a variable, or state of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Variable {
    Number(u64),
    Text(String),
}

impl Variable {
    pub fn value(&self) -> Value {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Bytes(text.clone().into_bytes()),
        }
    }

    pub fn json(&self) -> Json {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

/// How often a handler answered.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Count {
    pub times: u64,
    /// How many counted answers there were before its first.
    pub first: u64,
}

/// What has changed in this life of the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Variables and scenarios that were set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Answers of the handlers that count theirs, and messages by the clock.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, Count>,
    /// Registers that were changed, by subspace and name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registers: BTreeMap<u8, BTreeMap<String, Variable>>,
}

impl Memory {
    /// How often a name was counted.
    pub fn times(&self, name: &str) -> u64 {
        self.counts.get(name).map_or(0, |count| count.times)
    }

    /// Counts one more; returns how many that makes.
    pub fn count(&mut self, name: &str) -> u64 {
        let before = self.counts.values().map(|count| count.times).sum();
        let count = self
            .counts
            .entry(name.to_owned())
            .or_insert(Count { times: 0, first: before });
        count.times += 1;
        count.times
    }
}

/// What a name may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    /// A variable, with the kind and value it begins with.
    Variable(Variable),
    /// A scenario, with its states; it begins in the first.
    Scenario(Vec<String>),
}

/// All scenarios and variables there are.
#[derive(Debug, Clone, Default)]
pub struct Declared(pub BTreeMap<String, Declaration>);

impl Declared {
    fn initial(&self, name: &str) -> Option<Variable> {
        Some(match self.0.get(name)? {
            Declaration::Variable(value) => value.clone(),
            Declaration::Scenario(states) => {
                Variable::Text(states.first().cloned().unwrap_or_default())
            }
        })
    }

    /// What a name holds now. What is remembered under another kind, from
    /// before the files were changed, does not count.
    pub fn now(&self, memory: &Memory, name: &str) -> Option<Variable> {
        let initial = self.initial(name)?;
        let kept = memory.variables.get(name).filter(|value| {
            match (self.0.get(name), value) {
                (Some(Declaration::Scenario(states)), Variable::Text(text)) => {
                    states.contains(text)
                }
                _ => {
                    std::mem::discriminant(*value)
                        == std::mem::discriminant(&initial)
                }
            }
        });
        Some(kept.cloned().unwrap_or(initial))
    }

    /// What templates see under `state`.
    pub fn json(&self, memory: &Memory) -> Map<String, Json> {
        self.json_of(memory, self.0.keys().map(String::as_str))
    }

    /// The same of these, as far as they are declared.
    pub fn json_of<'n>(
        &self,
        memory: &Memory,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Map<String, Json> {
        let all = names.into_iter().filter_map(|name| {
            Some((name.to_owned(), self.now(memory, name)?.json()))
        });
        all.collect()
    }

    pub fn get(&self, name: &str) -> Result<&Declaration, Wrong> {
        let names = || self.0.keys().map(String::as_str);
        self.0.get(name).ok_or_else(|| {
            let expected = match self.0.is_empty() {
                true => "a name declared in `scenarios` or `variables`; \
                         there is none"
                    .to_owned(),
                false => {
                    let names: Vec<&str> = names().collect();
                    format!("one of `{}`", names.join("`, `"))
                }
            };
            let text = format!("unknown scenario or variable `{name}`");
            Wrong::unknown(text, expected, name, names())
        })
    }

    /// Reads a value for a name.
    pub fn value(&self, name: &str, json: &Json) -> Result<Variable, Wrong> {
        match (self.get(name)?, json) {
            (Declaration::Scenario(states), Json::String(text)) => {
                if states.contains(text) {
                    return Ok(Variable::Text(text.clone()));
                }
                Err(Wrong::unknown(
                    format!("`{text}` is no state of `{name}`"),
                    format!("one of `{}`", states.join("`, `")),
                    text,
                    states.iter().map(String::as_str),
                ))
            }
            (Declaration::Variable(Variable::Number(_)), _) => {
                plain(json).map(Variable::Number).ok_or_else(|| {
                    Wrong::new(
                        format!("`{name}` cannot be {json}"),
                        "a number from 0 up",
                    )
                })
            }
            (Declaration::Variable(_), Json::String(text)) => {
                Ok(Variable::Text(text.clone()))
            }
            _ => Err(Wrong::new(format!("`{name}` cannot be {json}"), "text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_counts_unless_its_kind_has_changed() {
        let scenario =
            Declaration::Scenario(vec!["off".to_owned(), "on".to_owned()]);
        let number = Declaration::Variable(Variable::Number(3));
        let declared = Declared(BTreeMap::from([
            ("power".to_owned(), scenario),
            ("reads".to_owned(), number),
        ]));
        let mut memory = Memory::default();
        let text = |text: &str| Some(Variable::Text(text.to_owned()));
        assert_eq!(declared.now(&memory, "power"), text("off"));
        let mut set = |name: &str, value| {
            memory.variables.insert(name.to_owned(), value);
            declared.now(&memory, name)
        };
        assert_eq!(set("power", text("on").unwrap()), text("on"));
        assert_eq!(set("power", text("gone").unwrap()), text("off"));
        assert_eq!(
            set("reads", Variable::Number(9)),
            Some(Variable::Number(9))
        );
        assert_eq!(set("reads", text("x").unwrap()), Some(Variable::Number(3)));
        assert_eq!(declared.now(&memory, "other"), None);
        let wrong = declared.value("power", &"onn".into()).unwrap_err();
        assert_eq!(wrong.suggestion.as_deref(), Some("on"));
        let wrong = declared.value("raeds", &1.into()).unwrap_err();
        assert_eq!(wrong.suggestion.as_deref(), Some("reads"));
    }

    #[test]
    fn counts_know_who_was_first() {
        let mut memory = Memory::default();
        for (name, times) in [("a", 1), ("a", 2), ("b", 1), ("a", 3)] {
            assert_eq!(memory.count(name), times);
        }
        assert_eq!(memory.counts["a"], Count { times: 3, first: 0 });
        assert_eq!(memory.counts["b"], Count { times: 1, first: 2 });
    }
}
