//! From a file's shape to handlers that work: every name looked up, every
//! value converted, every answer tried out, so that what is wrong is found
//! at the start and not when a message comes.

use std::collections::BTreeMap;

use minijinja::Environment;
use serde_json::{Map, Value as Json};

use super::file::{HandlerFile, Match, Message, Number, Reply, Then};
use super::locate::{Side, Step};
use super::template;
use super::value::{Pattern, Wrong, field_items, hex_bytes, value_of};
use crate::wire::encode::Given;
use crate::wire::error::EncodeError;
use crate::wire::layout::{Item, Kind, Value};
use crate::wire::mctp::{Eid, MsgType};
use crate::wire::message;

use super::error::nearest;

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

/// What a handler answers.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// Fields and their values.
    Fields(Vec<(String, Value)>),
    /// Bytes.
    Hex(Pattern),
}

/// A value that is fixed or filled in.
#[derive(Debug, Clone)]
pub enum Setting {
    /// Fixed.
    Fixed(Value),
    /// A template, and the field's table entries.
    Template(String, Vec<Item>),
}

/// A message to make.
#[derive(Debug, Clone)]
pub enum Make {
    /// From fields.
    Fields(Vec<(String, Setting)>),
    /// From fixed bytes.
    Bytes(Vec<u8>),
    /// From a template that gives hex.
    Template(String),
}

/// A message nobody asked for.
#[derive(Debug, Clone)]
pub struct Push {
    /// The message.
    pub make: Make,
    /// Who it is for, if not whoever sent the request.
    pub destination: Option<Eid>,
    /// Message tag.
    pub tag: u8,
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
    /// What it answers with; none for silence.
    pub reply: Option<Make>,
    /// What it sends after that.
    pub then: Vec<Push>,
}

/// Header fields an answer takes over from its request.
pub const ECHOED: [&str; 8] = [
    "mctp.type",
    "control.instance_id",
    "control.command",
    "pldm.instance_id",
    "pldm.header_version",
    "pldm.type",
    "pldm.command",
    "vendor.vendor_id",
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

pub(super) fn key(text: &str) -> Step {
    Step::Key(text.to_owned())
}

pub(super) fn join(
    path: &[Step],
    steps: impl IntoIterator<Item = Step>,
) -> Vec<Step> {
    path.iter().cloned().chain(steps).collect()
}

/// Compiles one file's parts and gathers what is wrong.
pub struct Compiler<'a> {
    /// The environment templates are checked in.
    pub environment: &'a Environment<'static>,
    /// What is wrong so far.
    pub faults: Vec<Fault>,
}

impl Compiler<'_> {
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
        let path = [key("handlers"), Step::Index(index)];
        if source.name.trim().is_empty() {
            self.fault(
                join(&path, [key("name")]),
                Side::Value,
                Wrong::new("a handler needs a name", "some text"),
            );
        }
        let at = join(&path, [key("match")]);
        let matcher = match &source.matching {
            Match::Hex(text) => match Pattern::parse(text) {
                Ok(pattern) => Some(Matcher::Hex(pattern)),
                Err(wrong) => {
                    let at = join(&at, [key("hex")]);
                    self.fault(at, Side::Value, wrong);
                    None
                }
            },
            Match::Fields(fields) => {
                let at = join(&at, [key("fields")]);
                Some(Matcher::Fields(self.fixed(&at, fields)))
            }
        };
        let at = join(&path, [key("reply")]);
        let reply = match &source.reply {
            Reply::None => None,
            Reply::Hex(text) => self.hex(&join(&at, [key("hex")]), text),
            Reply::Fields(fields) => {
                let at = join(&at, [key("fields")]);
                let start = match &matcher {
                    Some(matcher) => expected_request(matcher),
                    None => Given::new(),
                };
                self.fields(&at, fields, start, true)
            }
        };
        let mut then = Vec::new();
        for (number, step) in source.then.iter().enumerate() {
            let Then::Unasked(unasked) = step;
            let at =
                join(&path, [key("then"), Step::Index(number), key("unasked")]);
            let inner = join(&at, [key("message")]);
            let make = match &unasked.message {
                Message::Hex(text) => {
                    self.hex(&join(&inner, [key("hex")]), text)
                }
                Message::Fields(fields) => {
                    let inner = join(&inner, [key("fields")]);
                    self.fields(&inner, fields, Given::new(), false)
                }
            };
            let destination = unasked.destination.map(|number| {
                Eid(self.byte(&join(&at, [key("destination")]), number, 255))
            });
            let tag = self.byte(&join(&at, [key("tag")]), unasked.tag, 7);
            then.extend(make.map(|make| Push { make, destination, tag }));
        }
        if self.faults.len() > before {
            return None;
        }
        Some(Handler {
            name: source.name.clone(),
            file: file.to_owned(),
            priority: source.priority,
            matcher: matcher?,
            reply,
            then,
        })
    }

    fn byte(&mut self, path: &[Step], number: Number, most: u8) -> u8 {
        match u8::try_from(number.0) {
            Ok(byte) if byte <= most => byte,
            _ => {
                let wrong = Wrong::new(
                    format!("{} is too large", number.0),
                    format!("a number from 0 to {most}"),
                );
                self.fault(path.to_vec(), Side::Value, wrong);
                0
            }
        }
    }

    /// Fields with fixed values.
    fn fixed(
        &mut self,
        path: &[Step],
        fields: &Map<String, Json>,
    ) -> Vec<(String, Value)> {
        let mut values = Vec::new();
        for (field, json) in fields {
            let at = join(path, [key(field)]);
            match field_items(field) {
                Err(wrong) => self.fault(at, Side::Key, wrong),
                Ok(items) => match value_of(field, &items, json) {
                    Ok(value) => values.push((field.clone(), value)),
                    Err(wrong) => self.fault(at, Side::Value, wrong),
                },
            }
        }
        values
    }

    fn hex(&mut self, path: &[Step], text: &str) -> Option<Make> {
        let checked = if template::is_template(text) {
            template::check(self.environment, text)
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

    /// Fields of a message to make, tried out on what is known of the
    /// request.
    fn fields(
        &mut self,
        path: &[Step],
        fields: &Map<String, Json>,
        mut trial: Given,
        is_answer: bool,
    ) -> Option<Make> {
        let before = self.faults.len();
        let mut settings = Vec::new();
        for (field, json) in fields {
            let at = join(path, [key(field)]);
            let items = match field_items(field) {
                Ok(items) => items,
                Err(wrong) => {
                    self.fault(at, Side::Key, wrong);
                    continue;
                }
            };
            if let Json::String(text) = json
                && template::is_template(text)
            {
                if let Err(wrong) = template::check(self.environment, text) {
                    self.fault(at, Side::Value, wrong);
                }
                trial.insert(field.clone(), sample(&items));
                let setting = Setting::Template(text.clone(), items);
                settings.push((field.clone(), setting));
                continue;
            }
            match value_of(field, &items, json) {
                Ok(value) => {
                    trial.insert(field.clone(), value.clone());
                    settings.push((field.clone(), Setting::Fixed(value)));
                }
                Err(wrong) => self.fault(at, Side::Value, wrong),
            }
        }
        if self.faults.len() > before {
            return None;
        }
        if is_answer {
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
    match items.first().map(|item| (item.is_number(), item.kind)) {
        Some((true, _)) => Value::Number(0),
        Some((_, Kind::Bytes(count) | Kind::BitSet(count))) => {
            Value::Bytes(vec![0; count])
        }
        Some((_, Kind::Uuid)) => Value::Bytes(vec![0; 16]),
        _ => Value::Bytes(Vec::new()),
    }
}

/// What is known of the requests a handler answers, as an answer to them
/// would take it over.
fn expected_request(matcher: &Matcher) -> Given {
    let mut known: BTreeMap<String, Value> = match matcher {
        Matcher::Fields(fields) => fields.iter().cloned().collect(),
        Matcher::Hex(pattern) => pattern
            .first()
            .map(|kind| {
                let kind = Value::Number(u64::from(kind & 0x7f));
                ("mctp.type".to_owned(), kind)
            })
            .into_iter()
            .collect(),
    };
    known.retain(|field, _| ECHOED.contains(&field.as_str()));
    if let Some(Value::Number(kind)) = known.get("mctp.type") {
        let kind = MsgType::from(u8::try_from(*kind).unwrap_or(u8::MAX));
        let layer = message::layer_of(kind);
        // Headers are always there to be taken over, and of known names
        // for any value.
        let unknown = |field: &&&str| {
            field.starts_with(layer) && !known.contains_key(**field)
        };
        let missing: Vec<&str> =
            ECHOED.iter().filter(unknown).copied().collect();
        for field in missing {
            // 0xff and 0x3f stand for "any other" in the tables.
            let any = match field {
                "control.command" | "pldm.command" => 0xff,
                "pldm.type" => 0x3f,
                _ => 0,
            };
            known.insert(field.to_owned(), Value::Number(any));
        }
    }
    known
}
