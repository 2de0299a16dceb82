//! Exchanges that ask the same, and the answers that they get one after the
//! other.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use crate::recording::Exchange;
use crate::script::delay::Wait;
use crate::script::envelope::Flag;
use crate::wire::pcc::split_envelope;

/// Names of which no two are alike.
#[derive(Default)]
pub struct Names {
    taken: HashSet<String>,
    /// How often each was asked for.
    count: HashMap<String, u64>,
}

impl Names {
    /// This name, or with a number where it is taken.
    pub fn unique(&mut self, name: &str) -> String {
        let count = self.count.entry(name.to_owned()).or_default();
        loop {
            *count += 1;
            let unique = match *count {
                1 => name.to_owned(),
                number => format!("{name} {number}"),
            };
            if self.taken.insert(unique.clone()) {
                return unique;
            }
        }
    }
}

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
    let mut places = HashMap::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_alike() {
        let mut names = Names::default();
        let all = ["a", "a", "a 2", "a 3", "a"];
        let all = all.map(|name| names.unique(name));
        assert_eq!(all, ["a", "a 2", "a 2 2", "a 3", "a 4"]);
        // Each costs as much as the one before.
        for number in 1..200_000 {
            let name = names.unique("b");
            assert!(number == 1 || name == format!("b {number}"));
        }
    }
}
