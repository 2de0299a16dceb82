//! What a report shows of a run's logs.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use pccd::capture::Entry;
use pccd::record::{Field, FieldValue, Record, Time};
use pccd::stats::Counting;
use serde_json::Value;

use super::console;
use super::rows::{Kept, Message, Row, Texts};
use crate::config::mailbox;
use crate::doctor::Evidence;
use crate::log::capture::{self, What};
use crate::log::shown;

/// Most events, and most bytes of their texts. Browsers show no page that is
/// longer than some 17 million pixels, and a row has 20.
const MOST: usize = 640_000;
const MOST_BYTES: usize = 64 << 20;
/// The greatest number that JavaScript has exactly.
const MOST_EXACT: u64 = 1 << 53;

/// All that a report shows of the logs.
pub(super) struct Timeline {
    /// In the order of their times.
    pub(super) rows: Vec<Row>,
    /// What pccd has counted, as `pccd stats` shows it.
    pub(super) counters: Vec<String>,
    /// What is wrong with the logs themselves.
    pub(super) notes: Vec<String>,
}

/// Reads the logs of a run; all of it is evidence, too.
///
/// # Errors
/// When one cannot be read.
pub(super) fn logs(folder: &Path, evidence: &mut Evidence) -> Result<Timeline> {
    let mut texts = Texts::default();
    let mut rows = console::rows(folder, &mut texts, evidence)?;
    let mut kept = Kept::new(MOST, MOST_BYTES);
    let mut counting = Counting::default();
    let (mut of, mut end) = (None, Time::default());
    let mut epoch = None;
    let mut broken: Option<(u64, u64)> = None;
    capture::each(folder, &mailbox(folder), |time, what| {
        let (entry, message) = match what {
            What::Pccd(record) => {
                // A run has one mailbox.
                if of.is_none() || record.mailbox == of {
                    of.clone_from(&record.mailbox);
                    counting.count(&record);
                    end = record.time;
                }
                let entry = Entry::of(&record, &mut epoch);
                let message = message(&record, &entry, &mut texts);
                (entry, message)
            }
            What::Device(entry) => {
                let message = (!entry.name.is_empty())
                    .then(|| Box::new(bare(&entry, &mut texts)));
                (*entry, message)
            }
            What::Broken(at) => {
                broken.get_or_insert((0, at)).0 += 1;
                return;
            }
        };
        evidence.event(time, &entry);
        let text = match entry.summary.as_str() {
            "" => &entry.note,
            summary => summary,
        };
        let row = Row {
            time,
            kind: entry.kind.name(),
            subspace: entry.subspace,
            text: texts.keep(&shown(text)),
            message,
        };
        kept.push(&mut texts, row);
    })?;
    let mut events = kept.rows(&mut texts, "events");
    let first = events.first().map_or(0, |row| row.time);
    for row in rows.iter_mut().filter(|row| row.time == console::UNKNOWN) {
        row.time = first;
    }
    rows.append(&mut events);
    rows.sort_by_key(|row| row.time);
    let names = ["console.log", "pccd.log", "qemu.log"];
    let notes = names.iter().map(|name| cut(&folder.join(name)));
    let notes = notes.collect::<Result<Vec<_>>>()?;
    let broken = broken.map(|(count, first)| {
        format!(
            "pccd.log has {count} lines that are no whole records, the first \
             at byte {first}: what they told is missing; was the disk full?"
        )
    });
    let notes = notes.into_iter().flatten().chain(broken).collect();
    let stats = counting.stats(&of.unwrap_or_default(), 0, end);
    // The first line names the process, which is gone.
    let counters = stats.text().lines().skip(1).map(shown).collect();
    Ok(Timeline { rows, counters, notes })
}

/// A file's name without bytes.
fn bare(entry: &Entry, texts: &mut Texts) -> Message {
    let none = texts.keep("");
    Message {
        name: texts.keep(&shown(&entry.name)),
        handler: none.clone(),
        note: none.clone(),
        content: none.clone(),
        whole: none.clone(),
        names: none.clone(),
        values: none.clone(),
        meanings: none,
        latency: None,
    }
}

/// What a record says of a message, if it is about one.
fn message(
    record: &Record,
    entry: &Entry,
    texts: &mut Texts,
) -> Option<Box<Message>> {
    let is_about_one = !entry.name.is_empty()
        || !entry.content.is_empty()
        || !entry.handler.is_empty();
    if !is_about_one {
        return None;
    }
    let content = hex::encode(&entry.content);
    let whole = record.message.as_deref().unwrap_or_default();
    let is_part = |c: char| c.is_ascii_hexdigit();
    let is_new = !content.contains(whole) && whole.chars().all(is_part);
    let fields = record.decoded.iter().flat_map(|it| &it.fields);
    let note = if entry.summary.is_empty() { "" } else { &entry.note };
    Some(Box::new(Message {
        handler: texts.keep(&shown(&entry.handler)),
        note: texts.keep(&shown(note)),
        content: texts.keep(&content),
        whole: texts.keep(if is_new { whole } else { "" }),
        names: list(texts, fields.clone().map(name)),
        values: list(texts, fields.clone().map(value)),
        meanings: list(texts, fields.map(meaning)),
        latency: record.latency_us,
        ..bare(entry, texts)
    }))
}

/// A list as JSON; nothing where it is empty.
fn list(
    texts: &mut Texts,
    values: impl Iterator<Item = Value>,
) -> std::rc::Rc<str> {
    let values: Vec<Value> = values.collect();
    match values.is_empty() {
        true => texts.keep(""),
        false => texts.keep(&Value::Array(values).to_string()),
    }
}

fn name(field: &Field) -> Value {
    shown(&format!("{}.{}", field.layer, field.name)).into()
}

fn value(field: &Field) -> Value {
    match &field.value {
        FieldValue::Number(number) if *number <= MOST_EXACT => (*number).into(),
        FieldValue::Number(number) => number.to_string().into(),
        FieldValue::Negative(number) => number.to_string().into(),
        FieldValue::Text(text) => shown(text).into(),
    }
}

fn meaning(field: &Field) -> Value {
    field.meaning.as_deref().map(shown).into()
}

/// What is wrong with a log: it is missing, or its last line has no end.
fn cut(path: &Path) -> Result<Option<String>> {
    let name = path.file_name().unwrap_or_default().display();
    let reading = || format!("reading {}", path.display());
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Some(format!("there is no {name}")));
        }
        file => file.with_context(reading)?,
    };
    let length = file.seek(SeekFrom::End(0)).with_context(reading)?;
    if length == 0 {
        return Ok(Some(format!("{name} is empty")));
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1)).with_context(reading)?;
    file.read_exact(&mut last).with_context(reading)?;
    // A guest may be ended in the middle of a line.
    let is_whole = last == *b"\n" || name.to_string() == "console.log";
    Ok((!is_whole).then(|| {
        format!(
            "{name} ends in the middle of a line, at byte {length}: what \
             would follow is missing; was the disk full?"
        )
    }))
}
