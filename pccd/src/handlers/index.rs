//! Finding the handlers that may answer a message without asking all of
//! them: those that fix the same fields, or the same bytes, share a table
//! from values to handlers. What a table gives is still to be asked.

use std::collections::HashMap;

use super::matcher::{Matcher, View};
use super::value::Pattern;
use crate::wire::layout::Value;

/// Values of fields that a table is searched by.
type Values = Vec<Value>;

/// The index over a list of matchers.
#[derive(Debug, Default)]
pub struct Index {
    /// By the names of the fields that have one value.
    fields: HashMap<Vec<String>, HashMap<Values, Vec<usize>>>,
    /// By the places of the bytes that are fixed.
    bytes: HashMap<Vec<usize>, HashMap<Vec<u8>, Vec<usize>>>,
}

impl Index {
    /// Adds a matcher under a number.
    pub fn add(&mut self, number: usize, matcher: &Matcher) {
        match matcher {
            Matcher::Any(list) => {
                list.iter().for_each(|one| self.add(number, one));
            }
            Matcher::Hex(pattern) => {
                let (places, bytes) = fixed(pattern);
                let table = self.bytes.entry(places).or_default();
                table.entry(bytes).or_default().push(number);
            }
            Matcher::Fields(_) | Matcher::All(_) | Matcher::Not(_) => {
                let mut exact = matcher.exact();
                exact.sort_by_key(|(field, _)| *field);
                exact.dedup_by_key(|(field, _)| *field);
                let (names, values) = exact
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.clone()))
                    .unzip();
                let table = self.fields.entry(names).or_default();
                table.entry(values).or_default().push(number);
            }
        }
    }

    /// Numbers of the matchers that may match, lowest first.
    pub fn candidates(&self, view: &View<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        for (names, table) in &self.fields {
            let values: Option<Values> = names
                .iter()
                .map(|name| view.get(name).map(|(value, _)| value.clone()))
                .collect();
            if let Some(numbers) = values.and_then(|key| table.get(&key)) {
                found.extend(numbers);
            }
        }
        for (places, table) in &self.bytes {
            let bytes: Option<Vec<u8>> = places
                .iter()
                .map(|place| view.message.get(*place).copied())
                .collect();
            if let Some(numbers) = bytes.and_then(|key| table.get(&key)) {
                found.extend(numbers);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn fixed(pattern: &Pattern) -> (Vec<usize>, Vec<u8>) {
    pattern
        .bytes()
        .iter()
        .enumerate()
        .filter_map(|(place, byte)| byte.map(|byte| (place, byte)))
        .unzip()
}
