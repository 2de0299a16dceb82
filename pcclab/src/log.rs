//! What a run left in its folder, merged by time: the guest's console, the
//! device's trace, pccd's log; one line an event.
//!
//! The three are read as streams, a line at a time: however long they are,
//! little of them is held.

pub mod capture;
mod lines;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveTime, Utc};
use pccd::record::{Record, now};
use serde_json::{Value, json};

use self::lines::{Line, Lines};
pub use self::trace::{TraceLine, names, trace_line};
use self::trace::{channel, micros, untimed, words};
use crate::logs;

/// The longest line that is shown whole.
const LONGEST: usize = 4 << 10;

/// What to print, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Channels whose lines are wanted; all if there are none. What is about
    /// no channel is always there.
    pub subspaces: Vec<u8>,
    /// Everything: register accesses, scans of folders, the kernel's log again
    /// at its end.
    pub all: bool,
    /// Times from the first event on.
    pub relative: bool,
    /// Objects of JSON.
    pub json: bool,
    /// Go on until the run is over.
    pub follow: bool,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Guest,
    Device,
    Pccd,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Guest => "guest",
            Source::Device => "device",
            Source::Pccd => "pccd",
        }
    }
}

/// One event.
#[derive(Clone, Debug)]
struct Entry {
    /// Its place: its own time, or that of what its file has before it.
    order: i64,
    /// Microseconds since 1970; none where nothing tells it.
    time: Option<i64>,
    source: Source,
    subspace: Option<u8>,
    text: String,
    record: Option<Value>,
}

/// One of the three files as events, in their order.
struct Stream {
    source: Source,
    lines: Lines,
    /// Of the console: when each line ended.
    times: Option<Lines>,
    /// The place of the event before, and its time.
    order: i64,
    time: Option<i64>,
    /// The channel of the event before.
    subspace: Option<u8>,
    in_dmesg: bool,
    /// A line of the console whose time is not written yet.
    waiting: Option<Line>,
    next: VecDeque<Entry>,
}

/// Hands on the lines of the console with the time of each, in microseconds
/// since 1970.
///
/// # Errors
/// When it cannot be read.
pub fn console(
    folder: &Path,
    mut take: impl FnMut(Option<i64>, &str),
) -> Result<()> {
    let mut lines = Lines::of(folder.join("console.log"));
    let mut times = Lines::of(folder.join("console.times"));
    while let Some(line) = lines.next(true)? {
        let time = match line.begins {
            true => times.next(true)?.and_then(|time| micros(&time.text)),
            false => None,
        };
        take(time, &line.text);
    }
    Ok(())
}

impl Stream {
    fn new(folder: &Path, source: Source) -> Stream {
        let at = |name: &str| Lines::of(folder.join(name));
        let (lines, times) = match source {
            Source::Guest => (at("console.log"), Some(at("console.times"))),
            Source::Device => (at("qemu.log"), None),
            Source::Pccd => (at("pccd.log"), None),
        };
        let next = VecDeque::new();
        Stream {
            source,
            lines,
            times,
            order: i64::MIN,
            time: None,
            subspace: None,
            in_dmesg: false,
            waiting: None,
            next,
        }
    }

    /// Reads on until there is an event to look at.
    fn fill(&mut self, options: &Options, last: bool) -> Result<()> {
        while self.next.is_empty() {
            let line = match self.waiting.take() {
                Some(line) => line,
                None => match self.lines.next(last)? {
                    Some(line) => line,
                    None => return Ok(()),
                },
            };
            let entry = match self.source {
                Source::Guest => {
                    let time = match (&mut self.times, line.begins) {
                        (Some(times), true) => times.next(last)?,
                        _ => None,
                    };
                    if time.is_none() && line.begins && !last {
                        // It is written after the line.
                        self.waiting = Some(line);
                        return Ok(());
                    }
                    let time = time.and_then(|time| micros(&time.text));
                    self.console(time, line.text, options.all)
                }
                Source::Device => self.device(&line.text, options),
                Source::Pccd => self.pccd(&line.text),
            };
            self.next.extend(entry.filter(|entry| {
                options.subspaces.is_empty()
                    || entry
                        .subspace
                        .is_none_or(|id| options.subspaces.contains(&id))
            }));
        }
        Ok(())
    }

    /// The event of this time. What has none belongs to what was before it;
    /// what is older than that keeps its own, behind it.
    fn entry(
        &mut self,
        time: Option<i64>,
        subspace: Option<u8>,
        text: String,
    ) -> Entry {
        self.time = time.or(self.time);
        self.order = self.order.max(time.unwrap_or(i64::MIN));
        let (order, time) = (self.order, self.time);
        Entry { order, time, source: self.source, subspace, text, record: None }
    }

    fn console(
        &mut self,
        time: Option<i64>,
        text: String,
        all: bool,
    ) -> Option<Entry> {
        let entry = self.entry(time, None, text);
        let text = &entry.text;
        // The kernel's whole log comes at the end, long after it happened;
        // what it says meanwhile does not begin with a level.
        self.in_dmesg &= text != "pcclab: end";
        let is_old = self.in_dmesg && has_level(text);
        if !all && (is_old || text.trim().is_empty()) {
            return None;
        }
        self.in_dmesg |= text == "pcclab: dmesg";
        Some(entry)
    }

    fn device(&mut self, line: &str, options: &Options) -> Option<Entry> {
        let Some(trace) = trace_line(line).or_else(|| untimed(line)) else {
            // QEMU's own words have the time as a calendar does.
            let stamp = line.split_once(' ').and_then(|(stamp, text)| {
                let time = DateTime::parse_from_rfc3339(stamp).ok()?;
                Some((time.timestamp_micros(), text))
            });
            let (time, text) = stamp.unzip();
            let text = text.unwrap_or(line).to_owned();
            return Some(self.entry(time, None, text));
        };
        let text = match words(&trace) {
            Some(words) => words,
            None if options.all => format!("{} {}", trace.event, trace.text),
            // Its time is that of lines behind it all the same.
            None => String::new(),
        };
        let subspace = trace.subspace.or_else(|| channel(trace.text));
        let entry = self.entry(trace.time, subspace, text);
        (!entry.text.is_empty()).then_some(entry)
    }

    fn pccd(&mut self, line: &str) -> Option<Entry> {
        if let Ok(record) = serde_json::from_str::<Record>(line) {
            let time = record.time.timestamp_micros();
            let text = record.to_text();
            // Its own time stands before it already.
            let text = text.split_once("  ").map_or("", |(_, text)| text);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let named = || channel(record.name.as_deref()?);
            let subspace = record.subspace.or_else(named);
            let entry = self.entry(Some(time), subspace, text);
            let record = serde_json::from_str(line).ok();
            return Some(Entry { record, ..entry });
        }
        let stamp = line.split_once("  ").and_then(|(stamp, text)| {
            let time = NaiveTime::parse_from_str(stamp, "%H:%M:%S%.f").ok()?;
            let since = time.signed_duration_since(NaiveTime::MIN);
            Some((since.num_microseconds()?, text))
        });
        let (time, text) = match stamp {
            Some((since, text)) => {
                self.subspace = channel(text);
                (Some(self.dated(since)), text)
            }
            // The fields of a message are on a line of their own.
            None if line.starts_with("   ") => (None, line.trim()),
            None => {
                self.subspace = None;
                (None, line.trim())
            }
        };
        let subspace = self.subspace;
        (!text.is_empty()).then(|| self.entry(time, subspace, text.to_owned()))
    }

    /// The time of a log of text, which has times of day only.
    fn dated(&self, since: i64) -> i64 {
        const HOUR: i64 = 3_600_000_000;
        // A log goes forward, but for lines that are slightly out of order.
        let (from, slack) = match self.time {
            Some(time) => (time, HOUR),
            None => match self.neighbour() {
                Some(time) => (time, 12 * HOUR),
                None => {
                    let about = self.lines.path.metadata();
                    let changed = about.and_then(|about| about.modified());
                    let changed =
                        changed.map_or_else(|_| now(), DateTime::<Utc>::from);
                    (changed.timestamp_micros(), 24 * HOUR - 1_000_000)
                }
            },
        };
        let earliest = from.saturating_sub(slack);
        let after = since.saturating_sub(earliest).rem_euclid(24 * HOUR);
        earliest.saturating_add(after)
    }

    /// The first time that another file of the run tells.
    fn neighbour(&self) -> Option<i64> {
        const FAR: usize = 64;
        let at = |name| Lines::of(self.lines.path.with_file_name(name));
        let first = |mut lines: Lines, time: fn(&str) -> Option<i64>| {
            std::iter::from_fn(|| lines.next(true).ok()?)
                .take(FAR)
                .find_map(|line| time(&line.text))
        };
        first(at("console.times"), micros)
            .or_else(|| first(at("qemu.log"), |line| trace_line(line)?.time))
    }
}

/// Whether a line of the kernel's log begins with its level, as in `<6>[`.
fn has_level(text: &str) -> bool {
    let level = text.strip_prefix('<').and_then(|text| text.split_once(">["));
    level.is_some_and(|(level, _)| level.parse::<u16>().is_ok())
}

/// Text without anything that a terminal would take for an order, and of a
/// length that people read.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for c in text.chars() {
        if out.len() >= LONGEST {
            out.push_str(" [cut]");
            break;
        }
        match c {
            '\t' => out.push(' '),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

fn line(entry: &Entry, options: &Options, first: Option<i64>) -> String {
    let time = entry.time.and_then(DateTime::from_timestamp_micros);
    if options.json {
        return json!({
            "time": time.map(|time| time.to_rfc3339_opts(
                chrono::SecondsFormat::Micros, true)),
            "source": entry.source.name(),
            "subspace": entry.subspace,
            "text": entry.text,
            "record": entry.record,
        })
        .to_string();
    }
    let (time, width) = match options.relative {
        true => (entry.time.zip(first).map(relative), 11),
        false => (time.map(|time| time.format("%H:%M:%S%.6f").to_string()), 15),
    };
    format!(
        "{:>width$}  {:<6}  {}",
        time.unwrap_or_default(),
        entry.source.name(),
        shown(&entry.text)
    )
}

/// Seconds from the first time on; what is older has a sign.
fn relative((time, first): (i64, i64)) -> String {
    let since = time.saturating_sub(first);
    let sign = if since < 0 { "-" } else { "" };
    let since = since.unsigned_abs();
    format!("{sign}{}.{:06}", since / 1_000_000, since % 1_000_000)
}

/// Merges the logs in this folder; `each` is given line by line and says
/// whether anybody wants more.
///
/// # Errors
/// When the folder is none of a run, or a log there cannot be read.
pub fn merge(
    folder: &Path,
    options: &Options,
    mut each: impl FnMut(&str) -> bool,
) -> Result<()> {
    const NAMES: &[&str] = &["console.log", "pccd.log", "qemu.log"];
    if !folder.is_dir() {
        bail!(
            "{} is no folder: give the one that `pcclab run` named, or that of \
             its --logs",
            folder.display()
        );
    }
    let is_there = |name: &&str| folder.join(name).exists();
    let begins = options.follow && logs::goes_on(folder)?;
    if !begins && !NAMES.iter().any(is_there) {
        bail!(
            "{} has none of {}: give the folder that `pcclab run` named",
            folder.display(),
            NAMES.join(", ")
        );
    }
    let mut streams = [Source::Guest, Source::Device, Source::Pccd]
        .map(|source| Stream::new(folder, source));
    let mut first = None;
    loop {
        // Before the streams are read: what comes after that is looked for
        // once more.
        let goes_on = options.follow
            && !crate::interrupted()
            && logs::goes_on(folder).context("looking at the run's lock")?;
        // One that has nothing may get something older than what others have.
        let horizon = match goes_on {
            true => Utc::now().timestamp_micros() - 200_000,
            false => i64::MAX,
        };
        loop {
            for stream in &mut streams {
                stream.fill(options, !goes_on)?;
            }
            let oldest = streams
                .iter_mut()
                .filter(|stream| {
                    stream.next.front().is_some_and(|e| e.order <= horizon)
                })
                .min_by_key(|stream| {
                    stream.next.front().map_or(i64::MAX, |entry| entry.order)
                });
            let entry = oldest.and_then(|stream| stream.next.pop_front());
            let Some(entry) = entry else { break };
            // Before anything has a time there is none to count from.
            first = first.or(entry.time);
            // However much there is still.
            if options.follow && crate::interrupted() {
                return Ok(());
            }
            if !each(&line(&entry, options, first)) {
                return Ok(());
            }
        }
        if !goes_on {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
