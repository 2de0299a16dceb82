//! Templates of channels of registers: the names they may use, checked when
//! a file is loaded, and what stands behind those names.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, ErrorKind, Value as Filling};
use serde_json::{Map, Value as Json};

use super::register::Register;
use crate::handlers::error::nearest;
use crate::handlers::memory::{Declared, Memory};
use crate::handlers::template::{self, Uses};
use crate::handlers::value::Wrong;
use crate::record::Time;
use crate::script::budget::{self, add_filter};
use crate::wire::layout::Value;
use crate::wire::region;

/// Names that are always there.
const ALWAYS: [&str; 7] = [
    "count",
    "random",
    "time.iso",
    "time.compact",
    "time.unix",
    "time.unix_ms",
    "time.up_us",
];

/// What a template may speak of.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Registers of the channel.
    pub registers: &'a BTreeMap<String, Register>,
    /// Its tables.
    pub tables: &'a Map<String, Json>,
    /// Scenarios and variables of all files.
    pub declared: &'a Declared,
    /// Whether there is a request.
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
    let mut environment = template::environment();
    let mut add = |name, filter| add_filter(&mut environment, name, filter);
    add("le", Filling::from_function(le));
    add("bits", Filling::from_function(bits));
    add("signed", Filling::from_function(signed));
    add("mask", Filling::from_function(|a: i128, b: i128| a & b));
    add("with", Filling::from_function(|a: i128, b: i128| a | b));
    add("flip", Filling::from_function(|a: i128, b: i128| a ^ b));
    add("left", Filling::from_function(shift));
    let right = |number: i128, by: u32| number >> by.min(127);
    add("right", Filling::from_function(right));
    environment
}

impl Scope<'_> {
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if self.has_request {
            names.extend(["request.hex", "request.subspace"].map(String::from));
            for kind in [0, 3, 5] {
                let fields = region::field_names(kind);
                names.extend(
                    fields.iter().map(|name| format!("request.pcc.{name}")),
                );
            }
            let seen =
                self.registers.values().filter(|one| one.offset.is_some());
            names.extend(seen.map(|one| format!("request.{}", one.name)));
        }
        let states = self.registers.keys().chain(self.declared.0.keys());
        names.extend(states.map(|name| format!("state.{name}")));
        names.extend(self.tables.keys().map(|name| format!("table.{name}")));
        names.extend(ALWAYS.map(String::from));
        names
    }

    /// Checks a template. Returns what it asks for beyond request and
    /// state.
    ///
    /// # Errors
    ///
    /// Its syntax, a name or a filter that is not there.
    pub fn check(
        &self,
        environment: &Environment<'_>,
        source: &str,
    ) -> Result<Uses, Wrong> {
        let example = "a template, as in \"{{ state.level + 1 }}\"";
        let used = budget::names(environment, source).map_err(|error| {
            Wrong::new(format!("template: {error:#}"), example)
        })?;
        let names = self.names();
        let mut uses = Uses::default();
        for used in used {
            uses.time |= used == "time" || used.starts_with("time.");
            uses.count |= used == "count";
            let is_known =
                names.iter().any(|name| {
                    *name == used
                        || name.starts_with(&format!("{used}."))
                        || (name.starts_with("table.")
                            && used.starts_with(&format!("{name}.")))
                }) || environment.globals().any(|(name, _)| name == used);
            if is_known {
                continue;
            }
            return Err(Wrong {
                message: format!("template: unknown name `{used}`"),
                expected: Some(format!(
                    "{}`state.REGISTER`, `table.NAME`, `count`, \
                     `time.up_us`, `random(1, 6)`",
                    match self.has_request {
                        true => "`request.REGISTER`, `request.hex`, ",
                        false => "",
                    }
                )),
                suggestion: nearest(&used, names.iter().map(String::as_str))
                    .map(str::to_owned),
            });
        }
        self.try_out(environment, source)?;
        Ok(uses)
    }

    /// Names of filters and functions come to light only when a template
    /// runs.
    fn try_out(
        &self,
        environment: &Environment<'_>,
        source: &str,
    ) -> Result<(), Wrong> {
        let values = || {
            self.registers
                .iter()
                .map(|(name, one)| (name.clone(), json(&one.reset)))
        };
        let mut request: Map<String, Json> = values().collect();
        let mut pcc = Map::new();
        for kind in [0, 3, 5] {
            for name in region::field_names(kind) {
                pcc.insert(name.to_owned(), 0.into());
            }
        }
        request.insert("pcc".to_owned(), pcc.into());
        request.insert("hex".to_owned(), "00".into());
        request.insert("subspace".to_owned(), 0.into());
        let mut state: Map<String, Json> = values().collect();
        if let Json::Object(declared) = self.declared.json(&Memory::default()) {
            state.extend(declared);
        }
        let filling = filling(
            Some(request.into()),
            state,
            Filling::from_serialize(self.tables),
            1,
            (Time::UNIX_EPOCH, Time::UNIX_EPOCH),
            |from, _| from,
        );
        template::known_names(
            environment,
            source,
            filling,
            "a filter of minijinja, or `hex`, `le`, `bits`, `mask`, \
             `with`, `flip`, `left`, `right`, `signed`",
        )
    }
}

/// A value as templates see it: bytes are hex.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Number(number) => (*number).into(),
        Value::Bytes(bytes) => hex::encode(bytes).into(),
    }
}

/// Everything a template sees.
pub fn filling(
    request: Option<Json>,
    state: Map<String, Json>,
    tables: Filling,
    count: u64,
    (began, now): (Time, Time),
    random: impl Fn(u64, u64) -> u64 + Send + Sync + 'static,
) -> Filling {
    let mut time = template::time(now);
    if let Json::Object(time) = &mut time {
        let up = (now - began).num_microseconds().unwrap_or(0).max(0);
        time.insert("up_us".to_owned(), up.into());
    }
    let plain = [
        ("request", request),
        ("state", Some(state.into())),
        ("count", Some(count.into())),
        ("time", Some(time)),
    ];
    let random =
        Filling::from_function(move |from: u64, to: u64| random(from, to));
    plain
        .into_iter()
        .filter_map(|(name, json)| Some((name, Filling::from_serialize(json?))))
        .chain([("table", tables), ("random", random)])
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
            let text = budget::render(&environment, source, &().into());
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
            let text = budget::render(&environment, source, &().into());
            assert!(text.is_err(), "{source}");
        }
    }
}
