//! `match` compiled, and what it tells of the requests.

use serde_json::{Map, Value as Json};

use super::make::ECHOED;
use super::matcher::{FieldCondition, Matcher};
use super::rule::Match;
use super::value::{Pattern, field_items_in, plain_values, value_of};
use crate::script::check::Checker;
use crate::script::locate::Place;
use crate::script::problem::Wrong;
use crate::wire::encode::Given;
use crate::wire::layout::Value;
use crate::wire::mctp::MsgType;
use crate::wire::message;

pub(super) fn matcher(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &Match,
) -> Option<Matcher> {
    match source {
        Match::Hex(text) => {
            let pattern = Pattern::parse(text);
            check.take(&at.key("hex"), pattern).map(Matcher::Hex)
        }
        Match::Fields(fields) => {
            let fields = conditions(check, &at.key("fields"), fields);
            Some(Matcher::Fields(fields))
        }
        Match::Any(list) => {
            matchers(check, &at.key("any"), list).map(Matcher::Any)
        }
        Match::All(list) => {
            matchers(check, &at.key("all"), list).map(Matcher::All)
        }
        Match::Not(one) => {
            let one = matcher(check, &at.key("not"), one)?;
            Some(Matcher::Not(Box::new(one)))
        }
    }
}

fn matchers(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    list: &[Match],
) -> Option<Vec<Matcher>> {
    if list.is_empty() {
        let wrong = Wrong::new(
            "an empty list matches nothing",
            "one `fields` or `hex` at least",
        );
        check.wrong(at, wrong);
    }
    // All of them: each may be wrong.
    let matchers: Vec<Option<Matcher>> = (0..)
        .zip(list)
        .map(|(n, one)| matcher(check, &at.index(n), one))
        .collect();
    matchers.into_iter().collect()
}

fn conditions(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    fields: &Map<String, Json>,
) -> Vec<FieldCondition> {
    let mut conditions = Vec::new();
    let known = plain_values(fields);
    for (field, json) in fields {
        let at = at.key(field);
        match field_items_in(field, &known) {
            Err(wrong) => check.wrong_key(&at, wrong),
            Ok(items) => {
                let value = |json: &Json| value_of(field, &items, json);
                let condition = check.condition(&at, json, &value);
                conditions.extend(condition.map(|condition| FieldCondition {
                    field: field.clone(),
                    condition,
                }));
            }
        }
    }
    conditions
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
