//! Exchanges that ask the same, and the answers that they get one after the
//! other.

use serde_json::{Map, Value as Json, json};

use crate::recording::Exchange;
use crate::script::delay::Wait;
use crate::script::envelope::Flag;
use crate::wire::pcc::split_envelope;

/// An answer as a handler file has it, and how often it comes in a row.
pub struct Step {
    pub says: Map<String, Json>,
    pub times: u64,
}

/// The answers to exchanges that ask the same, in order; those alike in a
/// row are one.
pub fn steps(
    all: &[&Exchange],
    mut says: impl FnMut(&Exchange) -> Map<String, Json>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for one in all {
        let mut says = says(one);
        match one.wait {
            Wait::Never => {
                says.insert("delay".to_owned(), "never".into());
            }
            Wait::Ms(0) => {}
            Wait::Ms(ms) => {
                says.insert("delay".to_owned(), ms.into());
            }
        }
        if !one.in_order {
            says.insert("in_order".to_owned(), false.into());
        }
        match steps.last_mut() {
            Some(last) if is_like(&last.says, &says) => last.times += 1,
            _ => steps.push(Step { says, times: 1 }),
        }
    }
    steps
}

/// Whether two answers are the same, but for how long they took.
fn is_like(one: &Map<String, Json>, other: &Map<String, Json>) -> bool {
    let timed = |says: &Map<String, Json>| {
        says.get("delay").is_some_and(Json::is_string)
    };
    let rest = |says: &Map<String, Json>| {
        let mut says = says.clone();
        says.remove("delay");
        says
    };
    timed(one) == timed(other) && rest(one) == rest(other)
}

/// Groups exchanges by what they ask, in the order of their first.
pub fn groups<'e, K: PartialEq + std::hash::Hash + Eq + Clone>(
    all: impl Iterator<Item = &'e Exchange>,
    key: impl Fn(&Exchange) -> K,
) -> Vec<Vec<&'e Exchange>> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Vec<&Exchange>> = Vec::new();
    for one in all {
        let next = groups.len();
        let place = *places.entry(key(one)).or_insert(next);
        match groups.get_mut(place) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

/// What an envelope says, as handler files have it; none where it is bare.
pub fn envelope(content: &[u8]) -> Option<Json> {
    split_envelope(content).0?;
    let word = |at: usize| -> u32 {
        let bytes = content.get(at..at + 4).and_then(|b| b.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    let flags: Vec<&str> = Flag::names(word(8).into()).collect();
    let mut envelope = json!({ "flags": flags });
    if let Some(object) = envelope.as_object_mut()
        && word(12) > 0
    {
        object.insert("delay_ms".to_owned(), word(12).into());
    }
    Some(envelope)
}
