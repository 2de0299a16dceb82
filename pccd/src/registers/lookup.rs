//! Finding the commands that may fit a request without asking all of them:
//! those for one code that want the same subjects to have one value share a
//! table from values to commands. What a table gives is still to be asked.
//!
//! What a subject is, and what it holds, is for the caller to know.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crate::wire::layout::Value;

/// What a command wants, as far as a table can tell.
#[derive(Debug, Clone)]
pub struct Wanted<S> {
    /// The only code it is for; none if there are several.
    pub code: Option<u64>,
    /// Subjects that must have one value.
    pub values: Vec<(S, Value)>,
    /// A subject whose number must lie between these, both included.
    pub range: Option<(S, u64, u64)>,
}

/// Commands by what they want. They are numbers here.
#[derive(Debug, Clone)]
pub struct Lookup<S> {
    codes: HashMap<u64, Tables<S>>,
    /// Those for several codes.
    others: Vec<usize>,
}

/// By the subjects that must have one value, by those values.
type Tables<S> = HashMap<Vec<S>, HashMap<Vec<Value>, Found<S>>>;

/// Commands that want the same values.
#[derive(Debug, Clone)]
struct Found<S> {
    plain: Vec<usize>,
    ranges: Vec<(S, Ranges)>,
}

/// Commands by the ranges they want, which lie apart: the end of each, its
/// beginning, and the commands.
type Ranges = BTreeMap<u64, (u64, Vec<usize>)>;

impl<S> Default for Lookup<S> {
    fn default() -> Self {
        Self { codes: HashMap::new(), others: Vec::new() }
    }
}

impl<S> Default for Found<S> {
    fn default() -> Self {
        Self { plain: Vec::new(), ranges: Vec::new() }
    }
}

impl<S: Clone + Eq + Hash> Lookup<S> {
    /// Adds a command.
    pub fn add(&mut self, number: usize, wanted: Wanted<S>) {
        let Wanted { code, values, range } = wanted;
        let Some(code) = code else {
            self.others.push(number);
            return;
        };
        let (subjects, values) = values.into_iter().unzip();
        let table = self.codes.entry(code).or_default();
        let table = table.entry(subjects).or_default();
        table.entry(values).or_default().add(number, range);
    }

    /// The commands that may fit a code and what subjects hold, in no order.
    pub fn candidates(
        &self,
        code: u64,
        holds: impl Fn(&S) -> Option<Value>,
    ) -> Vec<usize> {
        let mut all = self.others.clone();
        for (subjects, table) in self.codes.get(&code).into_iter().flatten() {
            let values: Option<Vec<Value>> =
                subjects.iter().map(&holds).collect();
            let found = values.and_then(|values| table.get(&values));
            let Some(Found { plain, ranges }) = found else { continue };
            all.extend(plain);
            for (subject, ranges) in ranges {
                let Some(Value::Number(number)) = holds(subject) else {
                    continue;
                };
                // The first that does not end before it.
                if let Some((_, (from, found))) = ranges.range(number..).next()
                    && *from <= number
                {
                    all.extend(found);
                }
            }
        }
        all
    }
}

impl<S: Eq> Found<S> {
    fn add(&mut self, number: usize, range: Option<(S, u64, u64)>) {
        let Some((subject, from, to)) = range else {
            self.plain.push(number);
            return;
        };
        let known = self.ranges.iter().position(|(one, _)| *one == subject);
        let at = known.unwrap_or(self.ranges.len());
        if known.is_none() {
            self.ranges.push((subject, Ranges::new()));
        }
        let Some((_, ranges)) = self.ranges.get_mut(at) else { return };
        match ranges.range_mut(from..).next() {
            Some((end, (begin, same))) if (*begin, *end) == (from, to) => {
                same.push(number);
            }
            // One that overlaps another is always asked.
            Some((_, (begin, _))) if *begin <= to => self.plain.push(number),
            _ => {
                ranges.insert(to, (from, vec![number]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code, values of `a` and `b`, a range of `n`.
    type Command<'a> = (Option<u64>, &'a [(char, u64)], Option<(u64, u64)>);

    fn lookup(all: &[Command<'_>]) -> Lookup<char> {
        let mut lookup = Lookup::default();
        for (number, (code, values, range)) in all.iter().enumerate() {
            let values = values
                .iter()
                .map(|(name, value)| (*name, Value::Number(*value)))
                .collect();
            let range = range.map(|(from, to)| ('n', from, to));
            lookup.add(number, Wanted { code: *code, values, range });
        }
        lookup
    }

    fn found(lookup: &Lookup<char>, code: u64, held: &[u64]) -> Vec<usize> {
        let mut all = lookup.candidates(code, |name| {
            let at = ['a', 'b', 'n'].iter().position(|one| one == name)?;
            held.get(at).map(|value| Value::Number(*value))
        });
        all.sort_unstable();
        all
    }

    #[test]
    fn what_may_fit_is_found_and_little_else() {
        let all = lookup(&[
            (Some(1), &[('a', 1)], None),
            (Some(1), &[('a', 2)], None),
            (Some(1), &[('a', 2), ('b', 7)], None),
            (Some(1), &[], None),
            (Some(2), &[('a', 1)], None),
            (None, &[('a', 9)], None),
        ]);
        assert_eq!(found(&all, 1, &[1, 0, 0]), [0, 3, 5]);
        assert_eq!(found(&all, 1, &[2, 7, 0]), [1, 2, 3, 5]);
        assert_eq!(found(&all, 1, &[2, 8, 0]), [1, 3, 5]);
        assert_eq!(found(&all, 2, &[1, 0, 0]), [4, 5]);
        assert_eq!(found(&all, 3, &[1, 0, 0]), [5]);
        // A subject that holds nothing has no value.
        assert_eq!(found(&all, 1, &[]), [3, 5]);
    }

    #[test]
    fn ranges_are_found_by_what_lies_in_them() {
        let one: &[(char, u64)] = &[('a', 1)];
        let all = lookup(&[
            (Some(1), one, Some((0, 0))),
            (Some(1), one, Some((1, 4))),
            (Some(1), one, Some((5, u64::MAX))),
            // The same once more, and one that overlaps two.
            (Some(1), one, Some((1, 4))),
            (Some(1), one, Some((4, 5))),
            (Some(1), &[('a', 2)], Some((3, 3))),
        ]);
        let of = |number| found(&all, 1, &[1, 0, number]);
        assert_eq!(of(0), [0, 4]);
        assert_eq!(of(1), [1, 3, 4]);
        assert_eq!(of(4), [1, 3, 4]);
        assert_eq!(of(5), [2, 4]);
        assert_eq!(of(u64::MAX), [2, 4]);
        assert_eq!(found(&all, 1, &[2, 0, 3]), [5]);
        assert_eq!(found(&all, 1, &[2, 0, 4]), [0; 0]);
    }
}
