//! Messages made for one request, or for no request at all: fields and
//! templates, checked when they are loaded, filled in when it comes.

use minijinja::{Environment, Value as Filling};
use serde_json::{Map, Value as Json};

use super::request::{self, Asking, scope};
use super::rule::Message;
use super::value::{field_items_in, plain_values, value_of};
use crate::script::check::Checker;
use crate::script::dice::Dice;
use crate::script::locate::Place;
use crate::script::memory::{Declared, Memory, Variable};
use crate::script::number::hex_bytes;
use crate::script::phrase::words;
use crate::script::problem::{Wrong, nearest, once};
use crate::script::template::{self, is_template};
use crate::wire::encode::Given;
use crate::wire::error::EncodeError;
use crate::wire::layout::{Found, Item, Value};
use crate::wire::mctp::MsgType;
use crate::wire::message;

/// A value that is fixed or filled in.
#[derive(Debug, Clone)]
pub enum Setting {
    Fixed(Value),
    /// A template, and the field's table entries.
    Template(String, Vec<Item>),
}

#[derive(Debug, Clone)]
pub enum Make {
    Fields(Vec<(String, Setting)>),
    Bytes(Vec<u8>),
    /// From a template that gives hex.
    Template(String),
}

/// A value for a variable or scenario.
#[derive(Debug, Clone)]
pub enum Assign {
    Fixed(Variable),
    Template(String),
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

pub(super) fn hex(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    text: &str,
    has_request: bool,
) -> Option<Make> {
    let made = if is_template(text) {
        let checked = scope(has_request).check(check, text);
        checked.map(|()| Make::Template(text.to_owned()))
    } else {
        hex_bytes(text).and_then(|bytes| match bytes.is_empty() {
            true => Err(Wrong::new(
                "a message has at least its type byte",
                "bytes in hex, as in \"7e 1a f4 01\"",
            )),
            false => Ok(Make::Bytes(bytes)),
        })
    };
    check.take(at, made)
}

/// Fields and their values, fixed or to be filled in.
pub(super) fn settings(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    fields: &Map<String, Json>,
    has_request: bool,
    known: &Given,
) -> Vec<(String, Setting)> {
    let mut settings = Vec::new();
    let mut known = known.clone();
    known.extend(plain_values(fields));
    answer_defaults(&mut known);
    for (field, json) in fields {
        let at = at.key(field);
        let items = match field_items_in(field, &known) {
            Ok(items) => items,
            Err(wrong) => {
                check.wrong_key(&at, wrong);
                continue;
            }
        };
        let setting = match json {
            Json::String(text) if is_template(text) => scope(has_request)
                .check(check, text)
                .map(|()| Setting::Template(text.clone(), items)),
            _ => value_of(field, &items, json).map(Setting::Fixed),
        };
        settings.extend(check.take(&at, setting).map(|s| (field.clone(), s)));
    }
    settings
}

/// Fields of a message to make, tried out on what is known of the
/// requests it answers.
pub(super) fn fields(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    fields: &Map<String, Json>,
    answers: Option<&Given>,
    has_request: bool,
) -> Option<Make> {
    let before = check.mistakes.len();
    let nothing = Given::new();
    let known = answers.unwrap_or(&nothing);
    let settings = settings(check, at, fields, has_request, known);
    if check.mistakes.len() > before {
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
        check.wrong(at, wrong);
        return None;
    }
    if let Err(error) = message::encode(&trial) {
        let (field, wrong) = unmade(&error);
        match fields.contains_key(field) {
            true => check.wrong_key(&at.key(field), wrong),
            false => check.wrong(at, wrong),
        }
        return None;
    }
    Some(Make::Fields(settings))
}

/// The field that a message cannot be made for, and why.
fn unmade(error: &EncodeError) -> (&str, Wrong) {
    let (field, expected) = match error {
        EncodeError::Unknown { field, known } => {
            (field, format!("one of `{}`", known.join("`, `")))
        }
        EncodeError::TooLarge { field, room } => (field, room.clone()),
        EncodeError::Missing { field } => {
            (field, format!("a value for `{field}`"))
        }
    };
    let mut wrong = Wrong::new(error.to_string(), expected);
    if let EncodeError::Unknown { known, .. } = error {
        let meant = nearest(field, known.iter().map(String::as_str));
        wrong.suggestion =
            meant.filter(|meant| meant != field).map(str::to_owned);
    }
    (field, wrong)
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

/// Makes a message as handler files have it, without a request.
pub fn message_from(text: &str) -> Result<Vec<u8>, Wrong> {
    let message: Message = serde_json::from_str(text)
        .map_err(|error| Wrong::plain(words(&error)))?;
    once(text)?;
    match message {
        Message::Hex(text) => hex_bytes(&text),
        Message::Fields(fields) => {
            let mut given = Given::new();
            for (field, json) in &fields {
                let items = field_items_in(field, &Given::new())?;
                given.insert(field.clone(), value_of(field, &items, json)?);
            }
            message::encode(&given)
                .map_err(|error| Wrong::plain(error.to_string()))
        }
    }
}

/// Makes the messages of one answer.
pub struct Maker<'a> {
    /// The environment templates are filled in with.
    pub environment: &'a Environment<'static>,
    pub declared: &'a Declared,
    /// The request's fields; none for messages by the clock.
    pub fields: &'a [Found],
    /// The request, time and seed.
    pub asking: &'a Asking<'a>,
    pub memory: &'a Memory,
    /// How often the handler answered, this time included.
    pub count: u64,
    pub dice: Dice,
}

impl Maker<'_> {
    fn filling(&self) -> Filling {
        let request = self.asking.request.as_ref();
        let request = request.map(|one| request::json(one, self.fields));
        let state = self.declared.json(self.memory);
        let time = template::time(self.asking.time);
        template::filling(request, state, self.count, time, &self.dice)
            .into_iter()
            .collect()
    }

    fn render(&self, source: &str) -> Result<String, Wrong> {
        template::render(self.environment, source, &self.filling())
    }

    /// Whether a template gives `true`, and not `false`.
    pub fn holds(&self, source: &str) -> Result<bool, Wrong> {
        match self.render(source)?.trim() {
            "True" | "true" => Ok(true),
            "False" | "false" => Ok(false),
            text => Err(Wrong::plain(format!(
                "`if` gives `{text}`, neither `true` nor `false`"
            ))),
        }
    }

    pub fn make(&self, make: &Make, is_answer: bool) -> Result<Vec<u8>, Wrong> {
        match make {
            Make::Bytes(bytes) => Ok(bytes.clone()),
            Make::Template(source) => {
                let bytes = hex_bytes(&self.render(source)?)?;
                if bytes.is_empty() {
                    return Err(Wrong::plain("the template gives no bytes"));
                }
                Ok(bytes)
            }
            Make::Fields(settings) => self.fields(settings, is_answer),
        }
    }

    /// The value of a setting.
    pub fn setting(
        &self,
        field: &str,
        setting: &Setting,
    ) -> Result<Value, Wrong> {
        match setting {
            Setting::Fixed(value) => Ok(value.clone()),
            Setting::Template(source, items) => {
                let text = self.render(source)?;
                value_of(field, items, &Json::String(text))
            }
        }
    }

    fn fields(
        &self,
        settings: &[(String, Setting)],
        is_answer: bool,
    ) -> Result<Vec<u8>, Wrong> {
        let mut given = Given::new();
        if is_answer {
            for field in ECHOED {
                let found = self.fields.iter().find(|found| {
                    field.split_once('.') == Some((found.layer, found.name))
                });
                if let Some(found) = found {
                    given.insert(field.to_owned(), found.value.clone());
                }
            }
        }
        for (field, setting) in settings {
            given.insert(field.clone(), self.setting(field, setting)?);
        }
        if is_answer {
            answer_defaults(&mut given);
        }
        message::encode(&given).map_err(|error| Wrong::plain(error.to_string()))
    }

    /// What is remembered once these are assigned.
    pub fn assign(
        &self,
        assigns: &[(String, Assign)],
    ) -> Result<Vec<(String, Variable)>, Wrong> {
        assigns
            .iter()
            .map(|(name, assign)| {
                let value = match assign {
                    Assign::Fixed(value) => value.clone(),
                    Assign::Template(source) => {
                        let text = self.render(source)?;
                        self.declared.value(name, &Json::String(text))?
                    }
                };
                Ok((name.clone(), value))
            })
            .collect()
    }
}
