//! Named objects of all tables: what a name stands for.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::data::{Constant, Name};

/// More names than any firmware has; those beyond are unknown.
const MOST: usize = 1 << 17;

/// A method's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Body {
    /// Its table, by index.
    pub table: usize,
    /// First byte of the code.
    pub from: usize,
    /// The byte behind it.
    pub to: usize,
    /// How many arguments it takes.
    pub arguments: usize,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A constant: its table, and the scope that names in it start from.
    Value(usize, Constant, String),
    /// A method: its path is the scope inside.
    Method(Body, String),
    /// Only known as a method with so many arguments.
    External(usize),
    /// Declared twice: which one counts is decided when it runs.
    Twice,
}

/// All names, by path.
#[derive(Debug, Default)]
pub struct Names {
    all: HashMap<String, Entry>,
}

impl Names {
    /// Adds a declaration.
    pub fn add(&mut self, path: String, entry: Entry) {
        let full = self.all.len() >= MOST;
        match self.all.entry(path) {
            Slot::Vacant(slot) if !full => {
                slot.insert(entry);
            }
            Slot::Vacant(_) => {}
            Slot::Occupied(mut slot) => match (slot.get(), &entry) {
                (Entry::External(_), _) => {
                    slot.insert(entry);
                }
                (_, Entry::External(_)) => {}
                _ => {
                    slot.insert(Entry::Twice);
                }
            },
        }
    }

    /// What a name means in a scope: a single segment is looked for upwards
    /// (ACPI 6.5 §5.3).
    pub fn find(&self, name: &Name, scope: &str) -> Option<&Entry> {
        if let Some(entry) = self.all.get(&name.within(scope)) {
            return Some(entry);
        }
        let mut scope = scope;
        while name.searched() && scope != "\\" {
            scope = match scope.rsplit_once('.') {
                Some((above, _)) => above,
                None => "\\",
            };
            if let Some(entry) = self.all.get(&name.within(scope)) {
                return Some(entry);
            }
        }
        None
    }

    /// How many arguments follow where the name stands in code.
    pub fn arguments(&self, name: &Name, scope: &str) -> usize {
        match self.find(name, scope) {
            Some(Entry::Method(body, _)) => body.arguments,
            Some(Entry::External(count)) => *count,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aml::data::name;

    #[test]
    fn a_single_segment_is_looked_for_upwards() {
        let mut names = Names::default();
        let value = |n| Entry::Value(0, Constant::Integer(n), "\\".to_owned());
        names.add("\\_SB_.ABCD".to_owned(), value(1));
        names.add("\\ABCD".to_owned(), value(2));
        let find = |aml: &[u8], scope: &str| {
            let (name, _) = name(aml, 0).unwrap();
            match names.find(&name, scope) {
                Some(Entry::Value(_, Constant::Integer(n), _)) => Some(*n),
                _ => None,
            }
        };
        assert_eq!(find(b"ABCD", "\\_SB_.DEV0.M000"), Some(1));
        assert_eq!(find(b"ABCD", "\\_PR_"), Some(2));
        assert_eq!(find(b"^ABCD", "\\_SB_.DEV0"), Some(1));
        assert_eq!(find(b"^ABCD", "\\_SB_.DEV0.M000"), None);
        assert_eq!(find(b"\\ABCD", "\\_SB_"), Some(2));
    }

    #[test]
    fn what_is_declared_twice_is_unknown() {
        let mut names = Names::default();
        let value = |n| Entry::Value(0, Constant::Integer(n), "\\".to_owned());
        let (name, _) = name(b"ABCD", 0).unwrap();
        names.add("\\ABCD".to_owned(), Entry::External(2));
        assert_eq!(names.arguments(&name, "\\"), 2);
        names.add("\\ABCD".to_owned(), value(1));
        names.add("\\ABCD".to_owned(), Entry::External(2));
        assert!(matches!(names.find(&name, "\\"), Some(Entry::Value(..))));
        names.add("\\ABCD".to_owned(), value(2));
        assert!(matches!(names.find(&name, "\\"), Some(Entry::Twice)));
    }
}
