//! Which messages a handler answers, and how near others come to it.

use super::value::Pattern;
use crate::script::condition::Condition;
use crate::wire::layout::{Found, Value};
use crate::wire::message;
use crate::wire::text::spaced_hex;

#[derive(Debug, Clone)]
pub enum Matcher {
    /// Each of these fields is there and meets its condition.
    Fields(Vec<FieldCondition>),
    Hex(Pattern),
    Any(Vec<Matcher>),
    All(Vec<Matcher>),
    Not(Box<Matcher>),
}

/// A field and what it must be.
#[derive(Debug, Clone)]
pub struct FieldCondition {
    /// Full name, `layer.name`.
    pub field: String,
    pub condition: Condition,
}

/// A request as matchers see it.
#[derive(Debug)]
pub struct View<'a> {
    /// The message, type byte first.
    pub message: &'a [u8],
    pub fields: &'a [Found],
    /// Fields of the headers before it, by full name.
    pub headers: Vec<(&'static str, Value)>,
}

impl View<'_> {
    /// A field by its full name; with the name of its value, if that has
    /// one.
    pub fn get(&self, field: &str) -> Option<(&Value, Option<&str>)> {
        let found = self.fields.iter().find(|found| found.is(field));
        if let Some(found) = found {
            // A number's digits in hex are no name.
            let name = found.meaning.as_deref();
            let name = name.filter(|name| !name.starts_with("0x"));
            return Some((&found.value, name));
        }
        let header = self.headers.iter().find(|(full, _)| *full == field);
        header.map(|(_, value)| (value, None))
    }
}

/// How near a message comes to a matcher.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nearness {
    pub met: usize,
    /// What differs, as people read it.
    pub differs: Vec<String>,
}

impl Nearness {
    fn join(mut self, other: Self) -> Self {
        self.met += other.met;
        self.differs.extend(other.differs);
        self
    }

    /// The part that is met, in thousandths.
    pub fn part(&self) -> usize {
        1000 * self.met / (self.met + self.differs.len()).max(1)
    }
}

/// A value of a field as people read it.
pub fn with_name(field: &str, value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let name = message::items(field)
                .iter()
                .find_map(|item| {
                    crate::wire::layout::name_of(item.names, *number)
                })
                .map(|name| format!(" ({name})"));
            format!("{number}{}", name.unwrap_or_default())
        }
        Value::Bytes(bytes) if bytes.is_empty() => "no bytes".to_owned(),
        Value::Bytes(bytes) => spaced_hex(bytes),
    }
}

impl Matcher {
    /// Whether a message is one of them.
    pub fn matches(&self, view: &View<'_>) -> bool {
        match self {
            Self::Hex(pattern) => pattern.matches(view.message),
            Self::Fields(fields) => fields.iter().all(|one| {
                view.get(&one.field).is_some_and(|(value, name)| {
                    one.condition.holds(value, name)
                })
            }),
            Self::Any(list) => list.iter().any(|one| one.matches(view)),
            Self::All(list) => list.iter().all(|one| one.matches(view)),
            Self::Not(one) => !one.matches(view),
        }
    }

    /// How near a message comes.
    pub fn nearness(&self, view: &View<'_>) -> Nearness {
        match self {
            Self::Fields(fields) => {
                let mut near = Nearness::default();
                for FieldCondition { field, condition } in fields {
                    let want =
                        || condition.text(&|value| with_name(field, value));
                    match view.get(field) {
                        Some((value, name)) if condition.holds(value, name) => {
                            near.met += 1;
                        }
                        Some((value, _)) => near.differs.push(format!(
                            "`{field}` is {}, wanted {}",
                            with_name(field, value),
                            want()
                        )),
                        None => near.differs.push(format!(
                            "there is no `{field}`, wanted {}",
                            want()
                        )),
                    }
                }
                near
            }
            Self::Hex(pattern) => {
                let (met, differs) = pattern.nearness(view.message);
                Nearness { met, differs: differs.into_iter().collect() }
            }
            Self::Any(list) => list
                .iter()
                .map(|one| one.nearness(view))
                .max_by_key(Nearness::part)
                .unwrap_or_default(),
            Self::All(list) => list
                .iter()
                .map(|one| one.nearness(view))
                .fold(Nearness::default(), Nearness::join),
            Self::Not(one) if one.matches(view) => Nearness {
                met: 0,
                differs: vec!["it is what `not` rules out".to_owned()],
            },
            Self::Not(_) => Nearness { met: 1, differs: Vec::new() },
        }
    }

    /// Whether it names every byte, and so a length that may be wrong.
    pub fn says_length(&self) -> bool {
        match self {
            Self::Hex(pattern) if pattern.is_open() => false,
            Self::Hex(pattern) => {
                let known: Option<Vec<u8>> =
                    pattern.bytes().iter().copied().collect();
                known.is_none_or(|bytes| {
                    message::describe(&bytes).wrong_length().is_some()
                })
            }
            Self::Any(list) => list.iter().all(Self::says_length),
            Self::All(list) => list.iter().any(Self::says_length),
            Self::Fields(_) | Self::Not(_) => false,
        }
    }

    /// Message types it answers, as far as it says so.
    pub fn types(&self) -> Vec<u8> {
        match self {
            Self::Hex(pattern) => {
                pattern.first().map(|kind| kind & 0x7f).into_iter().collect()
            }
            Self::Fields(fields) => fields
                .iter()
                .filter(|one| one.field == "mctp.type")
                .flat_map(|one| numbers(&one.condition))
                .filter_map(|number| u8::try_from(number).ok())
                .collect(),
            Self::Any(list) | Self::All(list) => {
                list.iter().flat_map(Self::types).collect()
            }
            Self::Not(_) => Vec::new(),
        }
    }

    /// Fields with a value they may well have in messages it answers.
    pub fn likely(&self) -> Vec<(&str, Value)> {
        match self {
            Self::Fields(fields) => fields
                .iter()
                .filter_map(|one| {
                    let value = match &one.condition {
                        Condition::Is(value) => Some(value.clone()),
                        other => {
                            numbers(other).first().copied().map(Value::Number)
                        }
                    };
                    Some((one.field.as_str(), value?))
                })
                .collect(),
            Self::All(list) | Self::Any(list) => {
                list.iter().flat_map(Self::likely).collect()
            }
            Self::Hex(_) | Self::Not(_) => Vec::new(),
        }
    }

    /// Fields with their one value, for all messages it answers.
    pub fn exact(&self) -> Vec<(&str, &Value)> {
        match self {
            Self::Fields(fields) => fields
                .iter()
                .filter_map(|one| {
                    Some((one.field.as_str(), one.condition.exact()?))
                })
                .collect(),
            Self::All(list) => list.iter().flat_map(Self::exact).collect(),
            Self::Any(list) => {
                let mut lists = list.iter().map(Self::exact);
                let mut common = lists.next().unwrap_or_default();
                for exact in lists {
                    common.retain(|pair| exact.contains(pair));
                }
                common
            }
            Self::Hex(_) | Self::Not(_) => Vec::new(),
        }
    }
}

/// The numbers a condition lists.
fn numbers(condition: &Condition) -> Vec<u64> {
    match condition {
        Condition::Is(Value::Number(number)) => vec![*number],
        Condition::Any(list) => list.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}
