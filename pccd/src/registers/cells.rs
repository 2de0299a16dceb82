//! Registers of which there is one for each value of others, such as a file
//! of registers behind an address: how they are described, and what they
//! hold. Only those that were written are kept.

use std::collections::BTreeMap;

use super::file::{Access, RegisterFile};
use super::register::{Form, Register};
use crate::script::check::Checker;
use crate::script::locate::Place;
use crate::script::memory::Variable;
use crate::script::problem::Wrong;
use crate::wire::layout::Value;

/// How many of one subspace may hold what they do not begin with: a guest
/// could name any number of them.
const MOST: usize = 1024;

/// What was written, by register and the values of its index.
#[derive(Debug, Clone, Default)]
pub struct Cells(BTreeMap<(String, Vec<u64>), Value>);

/// As it is remembered: `cell[1,256]`.
fn text(name: &str, index: &[u64]) -> String {
    let index: Vec<String> = index.iter().map(u64::to_string).collect();
    format!("{name}[{}]", index.join(","))
}

/// The way back.
fn parse(text: &str) -> Option<(&str, Vec<u64>)> {
    let (name, index) = text.strip_suffix(']')?.split_once('[')?;
    let index = index.split(',').map(|one| one.parse().ok());
    Some((name, index.collect::<Option<_>>()?))
}

impl Cells {
    /// What is remembered of them; what does not fit the files of now is
    /// left out.
    pub fn of(
        registers: &BTreeMap<String, Register>,
        kept: Option<&BTreeMap<String, Variable>>,
    ) -> Self {
        let kept = kept.into_iter().flatten();
        let cells = kept.filter_map(|(key, value)| {
            let (name, index) = parse(key)?;
            let register = registers.get(name)?;
            let fits = register.index.len() == index.len();
            let value = register.kept(value).filter(|_| fits)?;
            Some(((name.to_owned(), index), value))
        });
        Self(cells.collect())
    }

    pub fn get(&self, name: &str, index: &[u64]) -> Option<&Value> {
        self.0.get(&(name.to_owned(), index.to_vec()))
    }

    pub fn put(
        &mut self,
        name: &str,
        index: Vec<u64>,
        value: Value,
    ) -> Result<(), Wrong> {
        let key = (name.to_owned(), index);
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            return Err(Wrong::plain(format!(
                "`{}` would be one more than the {MOST} that can be written \
                 in a life of the guest: let `when` bound its index",
                text(name, &key.1)
            )));
        }
        self.0.insert(key, value);
        Ok(())
    }

    /// Those of a register that do not hold what they begin with.
    pub fn remembered(
        &self,
        register: &Register,
        reset: &Value,
    ) -> impl Iterator<Item = (String, Variable)> {
        self.0.iter().filter_map(move |((name, index), value)| {
            let own = register.cells.get(index).unwrap_or(reset);
            let is_kept = *name == register.name && own != value;
            is_kept.then(|| (text(name, index), register.keep(value)))
        })
    }
}

/// Judges `index` and `cells`, and fills the latter in.
pub(super) fn check(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    sources: &BTreeMap<String, RegisterFile>,
    registers: &mut BTreeMap<String, Register>,
) {
    for (name, source) in sources {
        let place = at.key(name);
        let Some(register) = registers.get(name) else { continue };
        if source.index.is_empty() {
            if !source.cells.is_empty() {
                let wrong = Wrong::new("`cells` without `index`", "an `index`");
                check.wrong_key(&place.key("cells"), wrong);
            }
            continue;
        }
        if register.offset.is_some() {
            let wrong = Wrong::new(
                format!("`{name}` has an `offset` and an `index`"),
                "one of them: what an index chooses the guest never sees",
            );
            check.wrong_key(&place.key("index"), wrong);
        }
        let list = place.key("index");
        for (number, by) in source.index.iter().enumerate() {
            let found = index(registers, by);
            check.take(&list.index(number), found);
        }
        let mut cells = BTreeMap::new();
        let map = place.key("cells");
        for (key, json) in &source.cells {
            let at = map.key(key);
            let register = &registers[name];
            match values(registers, &source.index, key) {
                Ok(index) => {
                    let value = check.take(&at, register.value(json));
                    cells.extend(value.map(|value| (index, value)));
                }
                Err(wrong) => check.wrong_key(&at, wrong),
            }
        }
        if let Some(register) = registers.get_mut(name) {
            register.cells = cells;
        }
    }
}

/// Whether a register may stand in an index: a number that is known when a
/// command comes. One of its own index may, if that has none.
fn index(
    registers: &BTreeMap<String, Register>,
    name: &str,
) -> Result<(), Wrong> {
    let Some(register) = registers.get(name) else {
        let names = registers.keys().map(String::as_str);
        let text = format!("there is no register `{name}`");
        return Err(Wrong::unknown(text, "a register", name, names));
    };
    let is_number = matches!(register.form, Form::Bits { .. });
    let is_plain = |name: &String| {
        registers.get(name).is_some_and(|one| one.index.is_empty())
    };
    let is_known = register.access != Access::Answer;
    match is_number && is_known && register.index.iter().all(is_plain) {
        true => Ok(()),
        false => Err(Wrong::new(
            format!("`{name}` cannot choose a register"),
            "a number of another access than `answer`, whose own `index` has \
             registers without one",
        )),
    }
}

/// The values of an index, as the keys of `cells` have them.
fn values(
    registers: &BTreeMap<String, Register>,
    index: &[String],
    key: &str,
) -> Result<Vec<u64>, Wrong> {
    let words: Vec<&str> = key.split_whitespace().collect();
    let expected = || format!("values of `{}`", index.join("`, `"));
    if words.len() != index.len() {
        let text = format!("`{key}` has {} values", words.len());
        return Err(Wrong::new(text, expected()));
    }
    let values = index.iter().zip(words).map(|(name, word)| {
        let wrong = || Wrong::new(format!("`{key}`"), expected());
        let register = registers.get(name).ok_or_else(wrong)?;
        match register.value(&word.into())? {
            Value::Number(number) => Ok(number),
            Value::Bytes(_) => Err(wrong()),
        }
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        assert_eq!(text("cell", &[1, 256]), "cell[1,256]");
        assert_eq!(parse("cell[1,256]"), Some(("cell", vec![1, 256])));
        for other in ["cell", "cell[", "cell[]", "cell[x]", "cell[1"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
