//! Handlers that could answer the same message: those never asked, and
//! those between which only the order of the files decides.

use super::Handlers;
use super::compile::Handler;
use super::matcher::Matcher;
use super::step::Answering;
use super::value::Pattern;
use crate::script::condition::Condition;
use crate::wire::layout::Value;

/// Ranges of numbers, in order and apart.
type Ranges = Vec<(u64, u64)>;

/// Most pairs that are compared; more than 1400 handlers of one priority
/// are not compared in full.
const MOST_PAIRS: usize = 1_000_000;

impl Handlers {
    /// What to know about handlers that overlap, a line each; and whether
    /// all pairs were looked at.
    pub fn overlaps(&self) -> (Vec<String>, bool) {
        let mut lines = Vec::new();
        let mut pairs = 0;
        for (number, later) in self.handlers.iter().enumerate() {
            for earlier in self.handlers.iter().take(number) {
                pairs += 1;
                if pairs > MOST_PAIRS {
                    return (lines, false);
                }
                if let Some(line) = overlap(earlier, later) {
                    lines.push(line);
                }
            }
        }
        (lines, true)
    }
}

fn passes(handler: &Handler) -> bool {
    handler.steps.iter().any(|step| matches!(step.answering, Answering::Pass))
}

fn overlap(earlier: &Handler, later: &Handler) -> Option<String> {
    let names = format!(
        "`{}` ({}) and `{}` ({})",
        earlier.name, earlier.file, later.name, later.file
    );
    let apart = earlier.when.iter().any(|(name, a)| {
        later.when.iter().any(|(other, b)| name == other && excludes(a, b))
    });
    if apart || disjoint(&earlier.matcher, &later.matcher) || passes(earlier) {
        return None;
    }
    let lengths = earlier.any_length || !later.any_length;
    let always = lengths
        && earlier.only_if.is_none()
        && earlier.when.iter().all(|(name, a)| {
            later.when.iter().any(|(other, b)| name == other && includes(a, b))
        });
    if always && covers(&earlier.matcher, &later.matcher) {
        return Some(format!(
            "{names}: the second is never asked, as the first answers all \
             it matches; give it a higher priority, or match less in the first"
        ));
    }
    // The particular before the general in one file is what people mean.
    let meant = earlier.file == later.file
        && (covers(&later.matcher, &earlier.matcher)
            || !earlier.when.is_empty()
            || earlier.only_if.is_some());
    if earlier.priority == later.priority && !meant {
        return Some(format!(
            "{names}: both match some messages, and the first answers these \
             only because it is read first; give one a priority"
        ));
    }
    None
}

/// The numbers that meet a condition, if it says so.
fn ranges(condition: &Condition) -> Option<Ranges> {
    match condition {
        Condition::Is(Value::Number(number)) => Some(vec![(*number, *number)]),
        Condition::Range { from, to } => Some(vec![(*from, *to)]),
        Condition::Any(list) => {
            let lists: Option<Vec<Ranges>> = list.iter().map(ranges).collect();
            let mut all = lists?.concat();
            all.sort_unstable();
            let mut merged: Ranges = Vec::new();
            for (from, to) in all {
                match merged.last_mut() {
                    Some((_, end)) if from <= end.saturating_add(1) => {
                        *end = to.max(*end);
                    }
                    _ => merged.push((from, to)),
                }
            }
            Some(merged)
        }
        Condition::Not(one) => {
            let mut rest = Vec::new();
            let mut next = Some(0_u64);
            for (from, to) in ranges(one)? {
                if let Some(start) = next
                    && let Some(end) = from.checked_sub(1)
                    && start <= end
                {
                    rest.push((start, end));
                }
                next = to.checked_add(1);
            }
            rest.extend(next.map(|start| (start, u64::MAX)));
            Some(rest)
        }
        _ => None,
    }
}

/// Whether no value meets both; false if that cannot be told.
fn excludes(a: &Condition, b: &Condition) -> bool {
    if let (Condition::Is(a), Condition::Is(b)) = (a, b) {
        return a != b;
    }
    match (ranges(a), ranges(b)) {
        (Some(a), Some(b)) => !a.iter().any(|(from, to)| {
            b.iter().any(|(low, high)| low <= to && from <= high)
        }),
        _ => false,
    }
}

/// Whether all that meets `b` meets `a`; false if that cannot be told.
fn includes(a: &Condition, b: &Condition) -> bool {
    if let (Condition::Is(a), Condition::Is(b)) = (a, b) {
        return a == b;
    }
    match (ranges(a), ranges(b)) {
        (Some(a), Some(b)) => b.iter().all(|(low, high)| {
            a.iter().any(|(from, to)| from <= low && high <= to)
        }),
        _ => false,
    }
}

/// The conditions a message must meet, as far as they are fields.
fn conditions(matcher: &Matcher) -> Vec<(&str, &Condition)> {
    match matcher {
        Matcher::Fields(fields) => fields
            .iter()
            .map(|one| (one.field.as_str(), &one.condition))
            .collect(),
        Matcher::All(list) => list.iter().flat_map(conditions).collect(),
        _ => Vec::new(),
    }
}

fn places(pattern: &Pattern) -> impl Iterator<Item = (usize, u8)> {
    let bytes = pattern.bytes().iter().enumerate();
    bytes.filter_map(|(place, byte)| byte.map(|byte| (place, byte)))
}

fn longest(pattern: &Pattern) -> usize {
    match pattern.is_open() {
        true => usize::MAX,
        false => pattern.bytes().len(),
    }
}

/// Whether no message matches both; false if that cannot be told.
fn disjoint(a: &Matcher, b: &Matcher) -> bool {
    match (a, b) {
        (Matcher::Any(list), other) | (other, Matcher::Any(list)) => {
            return list.iter().all(|one| disjoint(one, other));
        }
        (Matcher::All(list), other) | (other, Matcher::All(list))
            if list.iter().any(|one| disjoint(one, other)) =>
        {
            return true;
        }
        (Matcher::Hex(a), Matcher::Hex(b)) => {
            let apart = places(a).any(|(place, byte)| {
                places(b).any(|(other, found)| place == other && byte != found)
            });
            return apart
                || longest(a) < b.bytes().len()
                || longest(b) < a.bytes().len();
        }
        _ => {}
    }
    let (types, others) = (a.types(), b.types());
    let other_type = !types.is_empty()
        && !others.is_empty()
        && !types.iter().any(|kind| others.contains(kind));
    let (a, b) = (conditions(a), conditions(b));
    other_type
        || a.iter().any(|(field, one)| {
            b.iter().any(|(other, two)| field == other && excludes(one, two))
        })
}

/// Whether every message that matches `b` matches `a`; false if that
/// cannot be told.
fn covers(a: &Matcher, b: &Matcher) -> bool {
    match (a, b) {
        (Matcher::Any(list), b) => list.iter().any(|one| covers(one, b)),
        (a, Matcher::Any(list)) => list.iter().all(|one| covers(a, one)),
        (Matcher::Hex(a), Matcher::Hex(b)) => {
            let fits = places(a)
                .all(|(place, byte)| b.bytes().get(place) == Some(&Some(byte)));
            let long = b.bytes().len() >= a.bytes().len();
            let right = a.is_open() || longest(a) == longest(b);
            fits && long && right
        }
        (Matcher::Fields(_), Matcher::Fields(_) | Matcher::All(_)) => {
            let (a, b) = (conditions(a), conditions(b));
            a.iter().all(|(field, one)| {
                b.iter()
                    .any(|(other, two)| field == other && includes(one, two))
            })
        }
        (Matcher::All(list), b) => list.iter().all(|one| covers(one, b)),
        _ => false,
    }
}
