//! Text with `{{ … }}` in it: checked when it is loaded, filled in when a
//! request comes.

use std::collections::BTreeSet;

use minijinja::{Environment, ErrorKind, Value as Filling};
use serde_json::{Map, Value as Json, json};

use super::budget::{self, add_filter};
use super::check::Checker;
use super::dice::Dice;
use super::filter;
use super::memory::Memory;
use super::problem::Wrong;
use crate::record::{Time, compact, iso};

/// Names that are always there.
const ALWAYS: [&str; 6] = [
    "count",
    "random",
    "time.iso",
    "time.compact",
    "time.unix",
    "time.unix_ms",
];

/// Whether a text is a template at all.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// An environment to fill templates in with.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = budget::environment();
    for (name, filter) in filter::all() {
        add_filter(&mut environment, name, filter);
    }
    environment
}

/// Whether templates can use a name behind a dot.
pub(crate) fn usable_name(name: &str) -> Result<(), Wrong> {
    let is_word = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then_some(()).ok_or_else(|| {
        Wrong::new(
            format!("`{name}` is no name that templates can use"),
            "letters, digits and `_`, no digit first",
        )
    })
}

/// What templates of one kind may speak of, beside scenarios, variables and
/// [`ALWAYS`].
pub(crate) struct Scope<'a> {
    /// Full names, but for those under `request`.
    pub names: &'a BTreeSet<String>,
    /// Those under `request`, if there is one.
    pub request: Option<&'a BTreeSet<String>>,
    /// A request with all names, and whatever else there is.
    pub sample: &'a dyn Fn() -> Vec<(&'static str, Filling)>,
    /// Registers, which are there beside scenarios and variables.
    pub state: &'a dyn Fn() -> Map<String, Json>,
    pub example: &'static str,
    /// Names that there are, in words.
    pub expected: &'static str,
}

/// Whether a name or one that begins with it and a dot is there.
fn has(names: &BTreeSet<String>, name: &str) -> bool {
    let longer = format!("{name}.");
    let mut later = names.range(longer.clone()..);
    names.contains(name)
        || later.next().is_some_and(|later| later.starts_with(&longer))
}

/// Names of the tables that all templates of an environment see.
fn shared(check: &Checker<'_>) -> impl Iterator<Item = String> {
    let globals = check.environment.globals();
    let tables = globals.filter(|(name, _)| *name == "table");
    let names = tables.flat_map(|(_, tables)| tables.try_iter().ok());
    names.flatten().map(|name| name.to_string())
}

impl Scope<'_> {
    fn knows(&self, check: &Checker<'_>, name: &str) -> bool {
        let parts: Vec<&str> = name.splitn(3, '.').collect();
        match parts.as_slice() {
            ["request", ..] => {
                self.request.is_some_and(|names| has(names, name))
            }
            ["state" | "time"] => true,
            ["state", state] if check.declared.0.contains_key(*state) => true,
            // What lies in a table is data.
            ["table", table, _] => {
                self.names.contains(&format!("table.{table}"))
                    || shared(check).any(|shared| shared == *table)
            }
            ["table", table] if shared(check).any(|one| one == *table) => true,
            _ => ALWAYS.contains(&name) || has(self.names, name),
        }
    }

    /// Checks the syntax of a template and the names it uses, and notes what
    /// it asks for.
    pub fn check(
        &self,
        check: &mut Checker<'_>,
        source: &str,
    ) -> Result<(), Wrong> {
        let names = budget::names(check.environment, source);
        let names = names.map_err(|error| {
            Wrong::new(format!("template: {error:#}"), self.example)
        })?;
        for used in &names {
            let first = used.split('.').next().unwrap_or(used);
            check.uses.count |= first == "count";
            check.uses.time |= first == "time";
            if self.knows(check, used)
                || check.environment.globals().any(|(name, _)| name == *used)
            {
                continue;
            }
            let states = check.declared.0.keys();
            let states = states.map(|name| format!("state.{name}"));
            let tables = shared(check).map(|name| format!("table.{name}"));
            let known: Vec<String> = self
                .request
                .into_iter()
                .flatten()
                .chain(self.names)
                .cloned()
                .chain(states)
                .chain(tables)
                .chain(ALWAYS.iter().map(|name| (*name).to_owned()))
                .collect();
            return Err(Wrong::unknown(
                format!("template: unknown name `{used}`"),
                self.expected,
                used,
                known.iter().map(String::as_str),
            ));
        }
        self.try_out(check, source, &states(&names))
    }

    /// Names of filters and functions come to light only when a template
    /// runs: runs it once on a request that has everything. What else goes
    /// wrong then may be right with other values.
    fn try_out(
        &self,
        check: &Checker<'_>,
        source: &str,
        states: &States,
    ) -> Result<(), Wrong> {
        let random = |from: u64, _: u64| from;
        let declared = &check.declared.0;
        let mut state = check.declared.json_of(
            &Memory::default(),
            states.of(declared.keys().map(String::as_str)),
        );
        state.extend((self.state)());
        let mut filling = vec![
            ("state", Filling::from_serialize(state)),
            ("count", Filling::from(1)),
            ("time", Filling::from_serialize(time(Time::UNIX_EPOCH))),
            ("random", Filling::from_function(random)),
        ];
        filling.extend((self.sample)());
        let filling = filling.into_iter().collect();
        let Err(error) = budget::render(check.environment, source, &filling)
        else {
            return Ok(());
        };
        let expected = match error.kind() {
            ErrorKind::OutOfFuel => "a template that comes to an end soon",
            ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod => filter::NAMES,
            _ => return Ok(()),
        };
        Err(Wrong::new(format!("template: {error:#}"), expected))
    }
}

/// What of `state` a template asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum States {
    /// Any of it.
    All,
    /// These alone.
    Only(BTreeSet<String>),
}

/// What of `state` a template with these names asks for: of a thousand
/// variables most want one or two.
pub(crate) fn states(names: &[String]) -> States {
    let mut only = BTreeSet::new();
    for name in names {
        let mut parts = name.split('.');
        match (parts.next(), parts.next()) {
            (Some("state"), None) => return States::All,
            (Some("state"), Some(one)) => {
                only.insert(one.to_owned());
            }
            _ => {}
        }
    }
    States::Only(only)
}

impl States {
    /// Those asked for, of all there are.
    pub fn of<'s>(
        &'s self,
        all: impl Iterator<Item = &'s str>,
    ) -> Vec<&'s str> {
        match self {
            Self::All => all.collect(),
            Self::Only(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// What templates see of the time.
pub(crate) fn time(now: Time) -> Map<String, Json> {
    let time = json!({
        "iso": iso(now),
        "compact": compact(now),
        "unix": now.timestamp(),
        "unix_ms": now.timestamp_millis(),
    });
    match time {
        Json::Object(time) => time,
        _ => Map::new(),
    }
}

pub(crate) fn filling(
    request: Option<Json>,
    state: Map<String, Json>,
    count: u64,
    time: Map<String, Json>,
    dice: &Dice,
) -> Vec<(&'static str, Filling)> {
    let dice = dice.clone();
    let random =
        Filling::from_function(move |from: u64, to: u64| dice.roll(from, to));
    let mut filling = vec![
        ("state", Filling::from_serialize(state)),
        ("count", Filling::from(count)),
        ("time", Filling::from_serialize(time)),
        ("random", random),
    ];
    let request = request.map(Filling::from_serialize);
    filling.extend(request.map(|request| ("request", request)));
    filling
}

/// Fills a template in.
pub(crate) fn render(
    environment: &Environment<'_>,
    source: &str,
    filling: &Filling,
) -> Result<String, Wrong> {
    budget::render(environment, source, filling)
        .map_err(|error| Wrong::plain(format!("template: {error:#}")))
}

/// Names that a template uses; none if it is no template.
pub(crate) fn names(
    environment: &Environment<'_>,
    source: &str,
) -> Vec<String> {
    budget::names(environment, source).unwrap_or_default()
}
