//! Templates of channels of registers: the names they may use, checked when
//! a file is loaded, and what stands behind those names.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, Error, ErrorKind, Value as Filling};
use serde_json::{Map, Value as Json};

use super::file::CommandWord;
use super::register::Register;
use crate::record::Time;
use crate::script::check::Checker;
use crate::script::dice::Dice;
use crate::script::problem::Wrong;
use crate::script::template;
use crate::wire::layout::Value;
use crate::wire::{region, scmi};

/// What a template of a channel may speak of.
pub struct Scope<'a> {
    pub registers: &'a BTreeMap<String, Register>,
    tables: &'a Map<String, Json>,
    names: BTreeSet<String>,
    request: BTreeSet<String>,
    /// A request with all there is.
    sample: Map<String, Json>,
    /// Parts of the command, by their full names.
    parts: Vec<&'static str>,
    pub has_request: bool,
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

fn shift(number: i128, by: u32) -> Result<i128, Error> {
    let shifted = number.checked_shl(by).filter(|_| by < 64);
    shifted.ok_or_else(|| wrong(format!("shifted by {by} bits")))
}

/// Hex of a number's low bytes, lowest first.
fn le(number: i128, bytes: usize) -> Result<String, Error> {
    let raw = number.to_le_bytes();
    let raw = raw.get(..bytes).ok_or_else(|| wrong("too many bytes"))?;
    Ok(hex::encode(raw))
}

fn bits(number: i128, high: u32, low: u32) -> Result<i128, Error> {
    if high < low || high > 63 {
        return Err(wrong(format!("bits {high} to {low}")));
    }
    Ok((number >> low) & (shift(1, high - low)? * 2 - 1))
}

fn signed(number: i128, width: u32) -> Result<i128, Error> {
    let top = shift(1, width.checked_sub(1).ok_or_else(|| wrong("0 bits"))?)?;
    let low = number & (top * 2 - 1);
    Ok(if low & top == 0 { low } else { low - top * 2 })
}

/// The environment of these templates.
pub fn environment() -> Environment<'static> {
    template::environment([
        ("le", Filling::from_function(le)),
        ("bits", Filling::from_function(bits)),
        ("signed", Filling::from_function(signed)),
        ("mask", Filling::from_function(|a: i128, b: i128| a & b)),
        ("with", Filling::from_function(|a: i128, b: i128| a | b)),
        ("flip", Filling::from_function(|a: i128, b: i128| a ^ b)),
        ("left", Filling::from_function(shift)),
        ("right", Filling::from_function(|n: i128, by: u32| n >> by.min(127))),
    ])
}

fn reset(registers: &BTreeMap<String, Register>) -> Map<String, Json> {
    registers
        .iter()
        .map(|(name, one)| (name.clone(), json(&one.reset)))
        .collect()
}

impl<'a> Scope<'a> {
    pub fn new(
        registers: &'a BTreeMap<String, Register>,
        tables: &'a Map<String, Json>,
        word: CommandWord,
    ) -> Self {
        let parts = match word {
            CommandWord::Scmi => scmi::names().collect(),
            CommandWord::Number => Vec::new(),
        };
        let mut pcc = Map::new();
        for kind in region::SubspaceType::ALL {
            for name in region::field_names(kind) {
                pcc.insert(name.to_owned(), 0.into());
            }
        }
        let seen = registers.iter().filter(|(_, one)| one.offset.is_some());
        let request = seen
            .map(|(name, _)| format!("request.{name}"))
            .chain(pcc.keys().map(|name| format!("request.pcc.{name}")))
            .chain(parts.iter().map(|name| format!("request.{name}")))
            .chain(["request.hex", "request.subspace"].map(String::from))
            .collect();
        let states = registers.keys().map(|name| format!("state.{name}"));
        let names = states
            .chain(tables.keys().map(|name| format!("table.{name}")))
            .chain(["time.up_us".to_owned()])
            .collect();
        let mut sample = reset(registers);
        sample.insert("pcc".to_owned(), pcc.into());
        if !parts.is_empty() {
            let names = parts.iter().filter_map(|name| name.split_once('.'));
            let parts = names.map(|(_, name)| (name.to_owned(), 0.into()));
            let parts = parts.collect::<Map<String, Json>>();
            sample.insert(scmi::LAYER.to_owned(), parts.into());
        }
        sample.insert("hex".to_owned(), "00".into());
        sample.insert("subspace".to_owned(), 0.into());
        let has_request = true;
        Self { registers, tables, names, request, sample, parts, has_request }
    }

    /// Parts of the request's command, by their full names.
    pub fn parts(&self) -> impl Iterator<Item = &'static str> + Clone {
        let parts = self.parts.iter().copied();
        parts.filter(|_| self.has_request)
    }

    pub fn check(
        &self,
        check: &mut Checker<'_>,
        source: &str,
    ) -> Result<(), Wrong> {
        let sample = || {
            let mut time = template::time(Time::UNIX_EPOCH);
            time.insert("up_us".to_owned(), 0.into());
            vec![
                ("request", Filling::from_serialize(&self.sample)),
                ("table", Filling::from_serialize(self.tables)),
                ("time", Filling::from_serialize(time)),
            ]
        };
        let scope = template::Scope {
            names: &self.names,
            request: self.has_request.then_some(&self.request),
            sample: &sample,
            state: &|| reset(self.registers),
            example: "a template, as in \"{{ state.level + 1 }}\"",
            expected: match self.has_request {
                true => {
                    "`request.REGISTER`, `request.hex`, `state.REGISTER`, \
                     `table.NAME`, `count`, `time.up_us`, `random(1, 6)`"
                }
                false => {
                    "`state.REGISTER`, `table.NAME`, `count`, `time.up_us`, \
                     `random(1, 6)`"
                }
            },
            filters: "a filter of minijinja, or `hex`, `le`, `bits`, `mask`, \
                      `with`, `flip`, `left`, `right`, `signed`",
        };
        scope.check(check, source)
    }
}

/// A value as templates see it: bytes are hex.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Number(number) => (*number).into(),
        Value::Bytes(bytes) => hex::encode(bytes).into(),
    }
}

pub fn filling(
    request: Option<Json>,
    state: Map<String, Json>,
    tables: Filling,
    count: u64,
    (began, now): (Time, Time),
    dice: &Dice,
) -> Filling {
    let mut time = template::time(now);
    let up = (now - began).num_microseconds().unwrap_or(0).max(0);
    time.insert("up_us".to_owned(), up.into());
    template::filling(request, state, count, time, dice)
        .into_iter()
        .chain([("table", tables)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_work_on_bits() {
        let environment = environment();
        let cases = [
            ("{{ 4660 | le(4) }}", "34120000"),
            ("{{ -1 | le(2) }}", "ffff"),
            ("{{ 305419896 | bits(31, 28) }}", "1"),
            (
                "{{ 18446744073709551615 | bits(63, 0) }}",
                "18446744073709551615",
            ),
            ("{{ 240 | mask(48) }} {{ 1 | with(6) }}", "48 7"),
            ("{{ 5 | flip(1) }} {{ 1 | left(4) }}", "4 16"),
            ("{{ 256 | right(4) }}", "16"),
            ("{{ 472 | signed(9) }} {{ 40 | signed(9) }}", "-40 40"),
        ];
        for (source, expected) in cases {
            let text = template::render(&environment, source, &().into());
            let text = text.unwrap();
            assert_eq!(text, expected, "{source}");
        }
        for source in [
            "{{ 1 | le(17) }}",
            "{{ 1 | bits(3, 4) }}",
            "{{ 1 | bits(64, 0) }}",
            "{{ 1 | left(64) }}",
            "{{ 1 | signed(0) }}",
        ] {
            let text = template::render(&environment, source, &().into());
            assert!(text.is_err(), "{source}");
        }
    }
}
