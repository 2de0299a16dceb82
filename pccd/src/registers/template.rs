//! Templates of channels of registers: the names they may use, checked when
//! a file is loaded, and what stands behind those names.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Value as Filling;
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
