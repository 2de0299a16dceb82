//! `match` and `when` compiled, and what they tell of the requests.

use serde_json::{Map, Value as Json};

use super::compile::{Compiler, ECHOED, join, key};
use super::condition::{Condition, parse};
use super::locate::{Side, Step};
use super::matcher::{FieldCondition, Matcher};
use super::memory::Variable;
use super::rule::Match;
use super::value::{Pattern, Wrong, field_items_in, plain_values, value_of};
use crate::wire::encode::Given;
use crate::wire::layout::Value;
use crate::wire::mctp::MsgType;
use crate::wire::message;

impl Compiler<'_> {
    pub(super) fn matcher(
        &mut self,
        at: &[Step],
        source: &Match,
    ) -> Option<Matcher> {
        match source {
            Match::Hex(text) => match Pattern::parse(text) {
                Ok(pattern) => Some(Matcher::Hex(pattern)),
                Err(wrong) => {
                    self.fault(join(at, [key("hex")]), Side::Value, wrong);
                    None
                }
            },
            Match::Fields(fields) => {
                let at = join(at, [key("fields")]);
                Some(Matcher::Fields(self.conditions(&at, fields)))
            }
            Match::Any(list) => {
                self.matchers(&join(at, [key("any")]), list).map(Matcher::Any)
            }
            Match::All(list) => {
                self.matchers(&join(at, [key("all")]), list).map(Matcher::All)
            }
            Match::Not(one) => {
                let one = self.matcher(&join(at, [key("not")]), one)?;
                Some(Matcher::Not(Box::new(one)))
            }
        }
    }

    fn matchers(
        &mut self,
        at: &[Step],
        list: &[Match],
    ) -> Option<Vec<Matcher>> {
        if list.is_empty() {
            let wrong = Wrong::new(
                "an empty list matches nothing",
                "one `fields` or `hex` at least",
            );
            self.fault(at.to_vec(), Side::Value, wrong);
        }
        let matchers: Vec<Option<Matcher>> = list
            .iter()
            .enumerate()
            .map(|(n, one)| self.matcher(&join(at, [Step::Index(n)]), one))
            .collect();
        matchers.into_iter().collect()
    }

    fn conditions(
        &mut self,
        path: &[Step],
        fields: &Map<String, Json>,
    ) -> Vec<FieldCondition> {
        let mut conditions = Vec::new();
        let known = plain_values(fields);
        for (field, json) in fields {
            let at = join(path, [key(field)]);
            match field_items_in(field, &known) {
                Err(wrong) => self.fault(at, Side::Key, wrong),
                Ok(items) => {
                    let value = |json: &Json| value_of(field, &items, json);
                    match parse(json, &value) {
                        Ok(condition) => conditions.push(FieldCondition {
                            field: field.clone(),
                            condition,
                        }),
                        Err(found) => self.fault(
                            join(&at, found.path),
                            found.side,
                            found.wrong,
                        ),
                    }
                }
            }
        }
        conditions
    }

    /// What scenarios and variables must be.
    pub(super) fn when(
        &mut self,
        path: &[Step],
        when: &Map<String, Json>,
    ) -> Vec<(String, Condition)> {
        let declared = self.declared;
        let mut conditions = Vec::new();
        for (name, json) in when {
            let at = join(path, [key(name)]);
            if let Err(wrong) = declared.get(name) {
                self.fault(at, Side::Key, wrong);
                continue;
            }
            let value = |json: &Json| {
                declared.value(name, json).map(|value| Variable::value(&value))
            };
            match parse(json, &value) {
                Ok(condition) => conditions.push((name.clone(), condition)),
                Err(found) => {
                    self.fault(join(&at, found.path), found.side, found.wrong)
                }
            }
        }
        conditions
    }
}

/// What is known of the requests a handler answers, as an answer to them
/// would take it over.
pub(super) fn expected_request(matcher: &Matcher) -> Given {
    let mut known = Given::new();
    if let [kind, ..] = matcher.types().as_slice() {
        known.insert("mctp.type".into(), Value::Number((*kind).into()));
    }
    for (field, value) in matcher.likely() {
        known.entry(field.to_owned()).or_insert(value);
    }
    known.retain(|field, _| ECHOED.contains(&field.as_str()));
    if let Some(Value::Number(kind)) = known.get("mctp.type") {
        let kind = MsgType::from(u8::try_from(*kind).unwrap_or(u8::MAX));
        let layer = message::layer_of(kind);
        // Headers are always there to be taken over, and of known names
        // for any value.
        let unknown = |field: &&&str| {
            field.starts_with(layer) && !known.contains_key(**field)
        };
        let missing: Vec<&str> =
            ECHOED.iter().filter(unknown).copied().collect();
        for field in missing {
            // 0xff and 0x3f stand for "any other" in the tables.
            let any = match field {
                "control.command" | "pldm.command" => 0xff,
                "pldm.type" => 0x3f,
                _ => 0,
            };
            known.insert(field.to_owned(), Value::Number(any));
        }
    }
    known
}
