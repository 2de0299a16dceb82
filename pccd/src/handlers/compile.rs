//! From a file's shape to handlers that work: every name looked up, every
//! value converted, every answer tried out, so that what is wrong is found
//! at the start and not when a message comes.

use std::path::{Path, PathBuf};

use minijinja::Environment;
use serde_json::{Map, Value as Json};

use super::act::Act;
use super::condition::Condition;
use super::error::nearest;
use super::file::Number;
use super::locate::{Side, Step};
use super::make::{Make, Setting};
use super::matcher::Matcher;
use super::matching::expected_request;
use super::memory::Declared;
use super::rule::HandlerFile;
use super::template::{self, Uses};
use super::value::{Wrong, field_items_in, hex_bytes, plain_values, value_of};
use crate::wire::encode::Given;
use crate::wire::error::EncodeError;
use crate::wire::layout::{Item, Value};
use crate::wire::mctp::MsgType;
use crate::wire::message;

/// Something wrong at a place in the file.
#[derive(Debug)]
pub struct Fault {
    /// Where.
    pub path: Vec<Step>,
    /// The key or the value there.
    pub side: Side,
    /// What.
    pub wrong: Wrong,
}

/// How often a handler must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At least.
    pub least: u64,
    /// At most.
    pub most: u64,
}

/// A handler that works.
#[derive(Debug, Clone)]
pub struct Handler {
    /// Its name.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// Higher is asked first.
    pub priority: i32,
    /// What it answers.
    pub matcher: Matcher,
    /// Whether it is asked about messages of a wrong length.
    pub any_length: bool,
    /// Scenarios and variables it needs.
    pub when: Vec<(String, Condition)>,
    /// What it does, step by step; at least one.
    pub acts: Vec<Act>,
    /// Whether the steps begin anew.
    pub repeat: bool,
    /// How often it must answer.
    pub bounds: Option<Bounds>,
    /// Whether its answers are counted.
    pub counts: bool,
    /// Whether its answers depend on the time.
    pub timely: bool,
}

impl Handler {
    /// What it does the n-th time, from 1.
    pub fn act(&self, time: u64) -> Option<&Act> {
        let total: u64 =
            self.acts.iter().fold(0, |sum, act| sum.saturating_add(act.times));
        let mut left = time.saturating_sub(1);
        if self.repeat {
            left = left.checked_rem(total).unwrap_or(0);
        }
        for act in &self.acts {
            if left < act.times {
                return Some(act);
            }
            left -= act.times;
        }
        self.acts.last()
    }
}

/// Header fields an answer takes over from its request.
pub const ECHOED: [&str; 12] = [
    "mctp.type",
    "mctp.ic",
    "control.instance_id",
    "control.command",
    "pldm.instance_id",
    "pldm.header_version",
    "pldm.type",
    "pldm.command",
    "nvme_mi.nmimt",
    "nvme_mi.csi",
    "vendor.vendor_id",
    "spdm.version",
];

/// What every answer is: no request and no datagram.
pub fn answer_defaults(given: &mut Given) {
    for field in ["control.rq", "pldm.rq"] {
        let layer = field.split('.').next().unwrap_or(field);
        let kind = match given.get("mctp.type") {
            Some(Value::Number(kind)) => *kind,
            _ => return,
        };
        let kind = u8::try_from(kind).unwrap_or(u8::MAX);
        if message::layer_of(MsgType::from(kind)) == layer {
            given.entry(field.to_owned()).or_insert(Value::Number(0));
        }
    }
}

pub(crate) fn key(text: &str) -> Step {
    Step::Key(text.to_owned())
}

pub(crate) fn join(
    path: &[Step],
    steps: impl IntoIterator<Item = Step>,
) -> Vec<Step> {
    path.iter().cloned().chain(steps).collect()
}

/// Compiles one file's parts and gathers what is wrong.
pub struct Compiler<'a> {
    /// The environment templates are checked in.
    pub environment: &'a Environment<'static>,
    /// Scenarios and variables of all files.
    pub declared: &'a Declared,
    /// What is wrong so far.
    pub faults: Vec<Fault>,
    /// What the templates of the handler at hand ask for.
    pub uses: Uses,
    /// The file's folder.
    pub folder: PathBuf,
}

impl<'a> Compiler<'a> {
    /// A compiler for a file.
    pub fn new(
        environment: &'a Environment<'static>,
        declared: &'a Declared,
    ) -> Self {
        let (faults, uses) = (Vec::new(), Uses::default());
        let folder = PathBuf::new();
        Self { environment, declared, faults, uses, folder }
    }

    pub(super) fn fault(&mut self, path: Vec<Step>, side: Side, wrong: Wrong) {
        self.faults.push(Fault { path, side, wrong });
    }

    /// A handler, or faults.
    pub fn handler(
        &mut self,
        file: &str,
        index: usize,
        source: &HandlerFile,
    ) -> Option<Handler> {
        let before = self.faults.len();
        self.uses = Uses::default();
        let path = [key("handlers"), Step::Index(index)];
        self.folder =
            Path::new(file).parent().map(Path::to_owned).unwrap_or_default();
        self.name(&path, &source.name);
        let matcher =
            self.matcher(&join(&path, [key("match")]), &source.matching);
        let when = self.when(&join(&path, [key("when")]), &source.when);
        let start = matcher.as_ref().map(expected_request).unwrap_or_default();
        let acts = self.acts(&path, source, &start);
        let bounds = self.bounds(&path, source);
        if self.faults.len() > before {
            return None;
        }
        Some(Handler {
            name: source.name.clone(),
            file: file.to_owned(),
            priority: source.priority,
            any_length: source.any_length
                || matcher.as_ref().is_some_and(Matcher::says_length),
            matcher: matcher?,
            when,
            counts: self.uses.count || acts.len() > 1 || bounds.is_some(),
            timely: self.uses.time || acts.iter().any(Act::is_exec),
            acts,
            repeat: source.repeat,
            bounds,
        })
    }

    pub(super) fn name(&mut self, path: &[Step], name: &str) {
        if name.trim().is_empty() {
            let wrong = Wrong::new("a name without letters", "some text");
            self.fault(join(path, [key("name")]), Side::Value, wrong);
        }
    }

    fn bounds(
        &mut self,
        path: &[Step],
        source: &HandlerFile,
    ) -> Option<Bounds> {
        let expect = source.expect.as_ref()?;
        let at = join(path, [key("expect")]);
        let least = expect.at_least.map_or(0, |number| number.0);
        let most = expect.at_most.map_or(u64::MAX, |number| number.0);
        if expect.at_least.is_none() && expect.at_most.is_none() {
            let wrong = Wrong::new(
                "an expectation of nothing",
                "`at_least`, `at_most` or both",
            );
            self.fault(at, Side::Value, wrong);
        } else if least > most {
            let wrong = Wrong::new(
                format!("at least {least} and at most {most}"),
                "an `at_least` that is not more than `at_most`",
            );
            self.fault(at, Side::Value, wrong);
        }
        Some(Bounds { least, most })
    }

    /// A number of a file that has to fit.
    pub(super) fn number(
        &mut self,
        path: &[Step],
        number: Number,
        least: u64,
        most: u64,
    ) -> u64 {
        if (least..=most).contains(&number.0) {
            return number.0;
        }
        let wrong = Wrong::new(
            match number.0 < least {
                true => format!("{} is too small", number.0),
                false => format!("{} is too large", number.0),
            },
            match (least, most) {
                (0, most) => format!("a number from 0 to {most}"),
                (least, u64::MAX) => format!("a number from {least} up"),
                (least, most) => format!("a number from {least} to {most}"),
            },
        );
        self.fault(path.to_vec(), Side::Value, wrong);
        least
    }

    pub(super) fn byte(
        &mut self,
        path: &[Step],
        number: Number,
        most: u8,
    ) -> u8 {
        let byte = self.number(path, number, 0, most.into());
        u8::try_from(byte).unwrap_or(0)
    }

    /// Checks a template and notes what it asks for.
    pub(super) fn template(
        &mut self,
        text: &str,
        has_request: bool,
    ) -> Result<(), Wrong> {
        let (environment, declared) = (self.environment, self.declared);
        let uses = template::check(environment, text, declared, has_request)?;
        self.uses.count |= uses.count;
        self.uses.time |= uses.time;
        Ok(())
    }

    pub(super) fn hex(
        &mut self,
        path: &[Step],
        text: &str,
        has_request: bool,
    ) -> Option<Make> {
        let checked = if template::is_template(text) {
            self.template(text, has_request)
                .map(|()| Make::Template(text.to_owned()))
        } else {
            hex_bytes(text).map(Make::Bytes)
        };
        let wrong = match checked {
            Ok(Make::Bytes(bytes)) if bytes.is_empty() => Wrong::new(
                "a message has at least its type byte",
                "bytes in hex, as in \"7e 1a f4 01\"",
            ),
            Ok(make) => return Some(make),
            Err(wrong) => wrong,
        };
        self.fault(path.to_vec(), Side::Value, wrong);
        None
    }

    /// Fields and their values, fixed or to be filled in.
    pub(super) fn settings(
        &mut self,
        path: &[Step],
        fields: &Map<String, Json>,
        has_request: bool,
        known: &Given,
    ) -> Vec<(String, Setting)> {
        let mut settings = Vec::new();
        let mut known = known.clone();
        known.extend(plain_values(fields));
        answer_defaults(&mut known);
        for (field, json) in fields {
            let at = join(path, [key(field)]);
            let items = match field_items_in(field, &known) {
                Ok(items) => items,
                Err(wrong) => {
                    self.fault(at, Side::Key, wrong);
                    continue;
                }
            };
            if let Json::String(text) = json
                && template::is_template(text)
            {
                if let Err(wrong) = self.template(text, has_request) {
                    self.fault(at, Side::Value, wrong);
                }
                let setting = Setting::Template(text.clone(), items);
                settings.push((field.clone(), setting));
                continue;
            }
            match value_of(field, &items, json) {
                Ok(value) => {
                    settings.push((field.clone(), Setting::Fixed(value)));
                }
                Err(wrong) => self.fault(at, Side::Value, wrong),
            }
        }
        settings
    }

    /// Fields of a message to make, tried out on what is known of the
    /// requests it answers.
    pub(super) fn fields(
        &mut self,
        path: &[Step],
        fields: &Map<String, Json>,
        answers: Option<&Given>,
        has_request: bool,
    ) -> Option<Make> {
        let before = self.faults.len();
        let nothing = Given::new();
        let known = answers.unwrap_or(&nothing);
        let settings = self.settings(path, fields, has_request, known);
        if self.faults.len() > before {
            return None;
        }
        let mut trial = answers.cloned().unwrap_or_default();
        for (field, setting) in &settings {
            let value = match setting {
                Setting::Fixed(value) => value.clone(),
                Setting::Template(_, items) => sample(items),
            };
            trial.insert(field.clone(), value);
        }
        if answers.is_some() {
            answer_defaults(&mut trial);
        }
        if !trial.contains_key("mctp.type") {
            let wrong = Wrong::new(
                "no message type: neither here nor in `match`",
                "a field `mctp.type`",
            );
            self.fault(path.to_vec(), Side::Value, wrong);
            return None;
        }
        if let Err(error) = message::encode(&trial) {
            self.fields_fault(path, fields, &error);
            return None;
        }
        Some(Make::Fields(settings))
    }

    fn fields_fault(
        &mut self,
        path: &[Step],
        fields: &Map<String, Json>,
        error: &EncodeError,
    ) {
        let (field, expected, suggestion) = match error {
            EncodeError::Unknown { field, known } => {
                let meant = nearest(field, known.iter().map(String::as_str))
                    .filter(|meant| meant != field);
                (
                    field,
                    format!("one of `{}`", known.join("`, `")),
                    meant.map(str::to_owned),
                )
            }
            EncodeError::TooLarge { field, room } => {
                (field, room.clone(), None)
            }
            EncodeError::Missing { field } => {
                (field, format!("a value for `{field}`"), None)
            }
        };
        let (at, side) = if fields.contains_key(field) {
            (join(path, [key(field)]), Side::Key)
        } else {
            (path.to_vec(), Side::Value)
        };
        let wrong = Wrong {
            message: error.to_string(),
            expected: Some(expected),
            suggestion,
        };
        self.fault(at, side, wrong);
    }
}

/// A value a template may turn out to have, to try an answer out with.
fn sample(items: &[Item]) -> Value {
    match items.first() {
        Some(item) if item.is_number() => Value::Number(0),
        item => {
            let fixed = item.and_then(|item| item.kind.fixed());
            Value::Bytes(vec![0; fixed.unwrap_or(0)])
        }
    }
}
