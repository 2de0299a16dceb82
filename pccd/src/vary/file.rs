//! The file of a scenario: its shape, and whether what it says is sound.

use std::collections::BTreeMap;

use minijinja::Environment;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::scenario::{Entry, Scenario, Setting, Unasked};
use crate::messages::load::shaped;
use crate::script::check::Checker;
use crate::script::envelope::{EnvelopeOptions, Flag, LONGEST};
use crate::script::locate::Place;
use crate::script::memory::Declared;
use crate::script::number::{Number, hex_bytes, parse_number};
use crate::script::problem::{Problem, Problems, Wrong};

/// Most entries of a scenario.
pub const MOST_ENTRIES: usize = 256;
/// Most bytes that a scenario writes in hex, in all.
pub const MOST_BYTES: usize = 64 << 10;
/// Most copies of answers, in all.
pub const MOST_COPIES: u64 = 256;

/// A scenario: what the guest does, and what becomes of the platform's
/// answers meanwhile.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// For editors; not used.
    #[serde(rename = "$schema", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// For people; not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The platform it was found on; pccd does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What the guest does, by the names that the platform gives; pccd does
    /// not look at it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What becomes of answers; several entries for one are applied in order.
    #[serde(default)]
    pub answers: Vec<AnswerFile>,
}

/// What becomes of one answer.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AnswerFile {
    /// Which one: answers are counted from 0 since the scenario was taken,
    /// over all channels; a request that the platform leaves without an
    /// answer counts.
    pub answer: u64,
    /// Fields that are written over, by the names that `pccd decode` gives:
    /// numbers, or bytes in hex. Bytes may be fewer than the field has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, SettingFile>,
    /// Bytes that are written over, after `set`. They are counted from the
    /// signature on, and over all packets one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<AtFile>,
    /// Bytes it has, header included: the others are cut off, or zeros follow;
    /// after `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// What the device is told beside it. What means nothing for the channel's
    /// type is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<TellFile>,
    /// It is not sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
    /// How many more of it are sent, as messages that nobody asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u64>,
    /// How many milliseconds longer it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// It is sent after the answer that comes so many answers later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<u64>,
    /// A content in hex, from the signature on, that is sent after it though
    /// nobody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unasked: Option<String>,
    /// The subspace that `unasked` is for; without it, where the answer goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subspace: Option<u8>,
    /// How many times `unasked` is sent; without it, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

impl AnswerFile {
    /// One for this answer, which changes nothing yet.
    pub fn of(answer: u64) -> Self {
        Self { answer, ..Self::default() }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::of(self.answer)
    }
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingFile {
    /// A number.
    Number(u64),
    /// A number below zero.
    Negative(i64),
    /// Bytes in hex; or a number as in `0x1a`, for a field that is one.
    Text(String),
}

impl JsonSchema for SettingFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or bytes in hex.",
            "anyOf": [
                {"type": "integer"},
                {"type": "string", "pattern": r"^(0[xX])?[0-9a-fA-F \-]*$"}
            ]
        })
    }
}

/// Bytes at a place.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct AtFile {
    /// Where the first of them lies.
    pub offset: u64,
    /// The bytes, in hex.
    pub hex: String,
}

/// What the device is told beside an answer (docs/mailbox.md §6.1).
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct TellFile {
    /// Flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// Delay of the interrupt in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

/// The JSON Schema of scenarios.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ScenarioFile>();
    schema.insert("title".into(), "pccd scenario".into());
    // Maps with text keys and plain values: nothing here can fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

impl ScenarioFile {
    /// Leaves out what is more than a file may have; what comes last stays.
    pub fn fit(&mut self) {
        let mut left = Left::ALL;
        for entry in self.answers.iter_mut().rev() {
            entry.repeat = entry.repeat.and_then(|count| left.some(count));
            let is_lost = entry.times.is_some();
            entry.times = entry.times.and_then(|count| left.some(count));
            let is_lost = is_lost && entry.times.is_none();
            entry.set.retain(|_, value| match value {
                SettingFile::Text(text) => left.has_room(text),
                _ => true,
            });
            entry.at.retain(|one| left.has_room(&one.hex));
            let text = entry.unasked.take();
            let text = text.filter(|it| !is_lost && left.has_room(it));
            entry.unasked = text;
            if entry.unasked.is_none() {
                (entry.subspace, entry.times) = (None, None);
            }
        }
        self.answers.retain(|entry| !entry.is_empty());
        let more = self.answers.len().saturating_sub(MOST_ENTRIES);
        self.answers.drain(..more);
    }

    /// Reads a text; `name` is what its errors call it.
    ///
    /// # Errors
    ///
    /// What is wrong with its shape, with the place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        let example =
            "`{ \"answers\": [ { \"answer\": 0, \"drop\": true } ] }`";
        shaped(name, text, example).map_err(Problems)
    }

    /// What it says, if it can be done; `name` and `text` are those that it
    /// was read from.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with its place.
    pub fn compile(
        &self,
        name: &str,
        text: &str,
    ) -> Result<Scenario, Problems> {
        let (environment, declared) =
            (Environment::empty(), Declared::default());
        let mut check =
            Checker::new(&environment, &declared, std::path::PathBuf::new());
        let scenario = compile(&mut check, self);
        let mistakes = check.mistakes.into_iter();
        let problems: Vec<Problem> =
            mistakes.map(|one| Problem::mistake(name, text, one)).collect();
        match problems.is_empty() {
            true => Ok(scenario),
            false => Err(Problems(problems)),
        }
    }
}

/// What is left of the limits that hold for a file as a whole.
struct Left {
    bytes: usize,
    copies: u64,
}

impl Left {
    const ALL: Left = Left { bytes: MOST_BYTES, copies: MOST_COPIES };

    /// Takes so many copies, or those that there are; none if there is none.
    fn some(&mut self, count: u64) -> Option<u64> {
        let count = count.min(self.copies);
        self.copies -= count;
        (count > 0).then_some(count)
    }

    /// Takes the bytes of a text in hex, if they are there.
    fn has_room(&mut self, hex: &str) -> bool {
        let rest = self.bytes.checked_sub(hex.len() / 2);
        self.bytes = rest.unwrap_or(self.bytes);
        rest.is_some()
    }
}

impl Scenario {
    /// Reads a text; `name` is what its errors call it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        ScenarioFile::parse(name, text)?.compile(name, text)
    }
}

fn compile(check: &mut Checker<'_>, file: &ScenarioFile) -> Scenario {
    let list = Place::FILE.key("answers");
    if file.answers.len() > MOST_ENTRIES {
        let wrong = Wrong::new(
            format!("{} entries", file.answers.len()),
            format!("at most {MOST_ENTRIES}"),
        );
        check.wrong_key(&list, wrong);
        return Scenario::default();
    }
    let mut left = Left::ALL;
    let mut answers: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    for (index, source) in file.answers.iter().enumerate() {
        let at = list.index(index);
        let entry = entry(check, &at, source, &mut left);
        answers.entry(source.answer).or_default().push(entry);
    }
    Scenario { answers }
}

/// Bytes in hex, if there is room for them.
fn bytes(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    text: &str,
    left: &mut Left,
) -> Vec<u8> {
    let bytes = hex_bytes(text).and_then(|bytes| {
        left.bytes = left.bytes.checked_sub(bytes.len()).ok_or_else(|| {
            Wrong::new(
                "more bytes than a scenario may have",
                format!("at most {MOST_BYTES} in all of the file"),
            )
        })?;
        Ok(bytes)
    });
    check.take(at, bytes).unwrap_or_default()
}

fn setting(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &SettingFile,
    left: &mut Left,
) -> Setting {
    let text = match source {
        SettingFile::Number(number) => return Setting::Number(*number),
        SettingFile::Negative(number) => {
            return Setting::Number(number.cast_unsigned());
        }
        SettingFile::Text(text) => text.trim(),
    };
    let number = parse_number(text);
    // A UUID is written with them.
    let text = text.replace('-', "");
    let digits = text.strip_prefix("0x").unwrap_or(&text);
    match number {
        Some(number) => {
            // What is a number as well need not be bytes.
            let bytes = hex_bytes(digits).unwrap_or_default();
            left.bytes = left.bytes.saturating_sub(bytes.len());
            Setting::Either(number, bytes)
        }
        None => Setting::Bytes(bytes(check, at, &text, left)),
    }
}

fn size(check: &mut Checker<'_>, at: &Place<'_>, number: u64) -> usize {
    let most = MOST_BYTES as u64;
    let number = check.number(at, Number(number), 0, most);
    usize::try_from(number).unwrap_or(0)
}

/// A number of messages, if there is room for them.
fn copies(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    count: u64,
    left: &mut Left,
) -> usize {
    let count = check.number(at, Number(count), 0, MOST_COPIES);
    if count > left.copies {
        let wrong = Wrong::new(
            "more copies than a scenario may have",
            format!("at most {MOST_COPIES} in all of the file"),
        );
        check.wrong(at, wrong);
    }
    left.copies = left.copies.saturating_sub(count);
    usize::try_from(count).unwrap_or(0)
}

fn entry(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &AnswerFile,
    left: &mut Left,
) -> Entry {
    let mut entry = Entry { drop: source.drop, ..Entry::default() };
    let map = at.key("set");
    for (name, value) in &source.set {
        let place = map.key(name);
        if !name.contains('.') {
            let wrong = Wrong::new(
                format!("`{name}` is no full name of a field"),
                "layer and field as `pccd decode` prints them, as in pcc.length",
            );
            check.wrong_key(&place, wrong);
        }
        let value = setting(check, &place, value, left);
        entry.set.push((name.clone(), value));
    }
    let list = at.key("at");
    for (index, one) in source.at.iter().enumerate() {
        let place = list.index(index);
        let offset = size(check, &place.key("offset"), one.offset);
        let bytes = bytes(check, &place.key("hex"), &one.hex, left);
        entry.at.push((offset, bytes));
    }
    entry.length =
        source.length.map(|length| size(check, &at.key("length"), length));
    entry.envelope = source.envelope.as_ref().map(|source| {
        let delay = Number(source.delay_ms.unwrap_or(0));
        let place = at.key("envelope");
        let delay = check.number(&place.key("delay_ms"), delay, 0, LONGEST);
        EnvelopeOptions {
            flags: source.flags.iter().fold(0, |bits, one| bits | one.bit()),
            delay_ms: u32::try_from(delay).unwrap_or(0),
            subspace: None,
        }
    });
    if let Some(count) = source.repeat {
        entry.repeat = copies(check, &at.key("repeat"), count, left);
    }
    if let Some(delay) = source.delay_ms {
        let place = at.key("delay-ms");
        entry.delay = check.number(&place, Number(delay), 0, LONGEST);
    }
    if let Some(later) = source.later {
        let later = check.number(&at.key("later"), Number(later), 1, u64::MAX);
        entry.later = Some(later);
    }
    entry.unasked = source.unasked.as_ref().map(|text| {
        let bytes = bytes(check, &at.key("unasked"), text, left);
        let times = source
            .times
            .map_or(1, |times| copies(check, &at.key("times"), times, left));
        Unasked { bytes, subspace: source.subspace, times }
    });
    for (name, is_there) in [
        ("subspace", source.subspace.is_some()),
        ("times", source.times.is_some()),
    ] {
        if is_there && source.unasked.is_none() {
            let wrong =
                Wrong::new(format!("`{name}` without `unasked`"), "both");
            check.wrong_key(&at.key(name), wrong);
        }
    }
    entry
}

#[cfg(test)]
mod tests;
