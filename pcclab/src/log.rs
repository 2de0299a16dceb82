//! What a run left in its folder, merged by time: the guest's console, the
//! device's trace, pccd's log; one line an event.
//!
//! The three are read as streams, a line at a time: however long they are,
//! little of them is held.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveTime, Utc};
use pccd::mailbox::{RequestName, UnaskedName};
use pccd::record::{Record, now};
use serde_json::{Value, json};

use crate::logs;

/// The longest line that is shown whole.
const LONGEST: usize = 4 << 10;
/// The longest line that is read whole.
const READ: u64 = 1 << 20;

/// A line of QEMU's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLine<'a> {
    /// When, in microseconds since 1970; a guest error has no time.
    pub time: Option<i64>,
    /// The trace event, or `guest_error`.
    pub event: &'a str,
    /// The channel, if it is about one.
    pub subspace: Option<u8>,
    /// What is said.
    pub text: &'a str,
}

/// A trace event of a QEMU without `-msg timestamp=on`.
fn untimed(line: &str) -> Option<TraceLine<'_>> {
    let (event, text) = line.split_once(' ')?;
    let subspace = subspace(text);
    event.starts_with("pcc_").then_some(TraceLine {
        time: None,
        event,
        subspace,
        text,
    })
}

/// The channel that a text begins with.
fn subspace(text: &str) -> Option<u8> {
    let rest = text.strip_prefix("subspace ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// The channel of the first message's name in a text.
fn channel(text: &str) -> Option<u8> {
    text.split([' ', ',', ':', '/', '\'']).find_map(|word| {
        let stem = word.strip_suffix(".pcc")?;
        // A reply is called as its request, and `.rK` behind that.
        let stem = stem.rsplit_once(".r").map_or(stem, |(stem, _)| stem);
        let name = format!("{stem}.pcc");
        let request = name.parse().map(|name: RequestName| name.subspace);
        let unasked = || name.parse().map(|name: UnaskedName| name.subspace);
        request.or_else(|_| unasked()).ok()
    })
}

/// Reads a line of QEMU's log: a trace event, as `-msg timestamp=on` has it,
/// or a complaint of the device about the guest.
pub fn trace_line(line: &str) -> Option<TraceLine<'_>> {
    if let Some(text) = line.strip_prefix("pcc: ") {
        let event = "guest_error";
        let subspace = subspace(text);
        return Some(TraceLine { time: None, event, subspace, text });
    }
    let (pid, rest) = line.split_once('@')?;
    let (time, rest) = rest.split_once(':')?;
    let time = micros(time)?;
    if pid.is_empty() || !pid.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (event, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let subspace = subspace(text);
    Some(TraceLine { time: Some(time), event, subspace, text })
}

/// Microseconds of `SECONDS.micros`.
fn micros(text: &str) -> Option<i64> {
    let (seconds, rest) = text.trim().split_once('.')?;
    let digits =
        |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(rest) || rest.len() != 6 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(rest.parse().ok()?)
}

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

/// A line, or as much of it as is read at once.
struct Line {
    text: String,
    /// Whether it begins here.
    begins: bool,
}

/// Lines of a file that may still be growing.
struct Lines {
    reader: Option<BufReader<File>>,
    path: PathBuf,
    /// A line whose end is not there yet.
    begun: Vec<u8>,
    /// Whether the last one was cut, so that the next is its rest.
    cut: bool,
}

impl Lines {
    fn of(path: PathBuf) -> Lines {
        Lines { reader: None, path, begun: Vec::new(), cut: false }
    }

    /// The next line that has an end; with `last` also one that has none.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    fn next(&mut self, last: bool) -> Result<Option<Line>> {
        let reading = || format!("reading {}", self.path.display());
        if self.reader.is_none() {
            let file = match File::open(&self.path) {
                // It may come yet; if it does not, the others tell enough.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Ok(None);
                }
                file => file.with_context(reading)?,
            };
            self.reader = Some(BufReader::new(file));
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let room = READ.saturating_sub(self.begun.len() as u64);
        let mut part = Read::take(reader, room);
        part.read_until(b'\n', &mut self.begun).with_context(reading)?;
        let ends = self.begun.ends_with(b"\n");
        let cut = !ends && self.begun.len() as u64 >= READ;
        // What has no end now may get one.
        let whole = ends || cut || (last && !self.begun.is_empty());
        Ok(whole.then(|| {
            let bytes = std::mem::take(&mut self.begun);
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            Line { text, begins: !std::mem::replace(&mut self.cut, cut) }
        }))
    }
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
        if text.trim().is_empty() || (is_old && !all) {
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

/// What a trace event says, for people; none for those that are for whoever
/// wants to see everything.
fn words(trace: &TraceLine<'_>) -> Option<String> {
    let TraceLine { event, text, .. } = *trace;
    let (who, rest) = text.split_once(": ").unwrap_or((text, ""));
    Some(match event {
        "guest_error" => format!("the guest errs: {text}"),
        "pcc_outbox_command" => format!("{who}: doorbell, {rest}"),
        "pcc_outbox_complete" => format!("{who}: command complete"),
        "pcc_outbox_timeout" => format!("{who}: no answer in time"),
        "pcc_channel_interrupt" => format!("{who}: interrupt, {rest}"),
        "pcc_channel_load" => format!("{who}: message loaded, {rest}"),
        "pcc_channel_reset" => format!("{who}: reset"),
        "pcc_responder_acknowledge" => match rest.ends_with('1') {
            true => format!("{who}: acknowledged, with nothing there"),
            false => format!("{who}: message acknowledged"),
        },
        "pcc_responder_driver" => format!("{who}: its driver is there"),
        "pcc_responder_doorbell" => format!("{who}: doorbell of the guest"),
        "pcc_responder_remind" => format!("{who}: interrupt once more"),
        "pcc_mailbox_epoch" => format!("a life of the guest begins: {rest}"),
        "pcc_mailbox_publish" => format!("written to outbox: {rest}"),
        "pcc_mailbox_deliver" => format!("taken from inbox: {rest}"),
        "pcc_mailbox_reject" => format!("rejected: {rest}"),
        "pcc_mailbox_stale" => format!("stale: {rest}"),
        "pcc_mailbox_again" => format!("not delivered again: {rest}"),
        "pcc_mailbox_drop" => format!("removed to make room: {rest}"),
        "pcc_mailbox_failed" => format!("the mailbox fails: {rest}"),
        _ => return None,
    })
}

/// Text without anything that a terminal would take for an order, and of a
/// length that people read.
fn shown(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_qemu_are_read() {
        type Wanted = (Option<i64>, &'static str, Option<u8>, &'static str);
        let cases: &[(&str, Option<Wanted>)] = &[
            (
                "7@1795236102.123456:pcc_outbox_command subspace 12: 8 bytes",
                Some((
                    Some(1_795_236_102_123_456),
                    "pcc_outbox_command",
                    Some(12),
                    "subspace 12: 8 bytes",
                )),
            ),
            (
                "pcc: subspace 0: doorbell: rung",
                Some((
                    None,
                    "guest_error",
                    Some(0),
                    "subspace 0: doorbell: rung",
                )),
            ),
            (
                "7@1.000001:pcc_mailbox_open pcc: /x",
                Some((Some(1_000_001), "pcc_mailbox_open", None, "pcc: /x")),
            ),
            ("qemu-system-aarch64: -device x: no", None),
            ("x@1.000001:y", None),
            ("7@1.1:y", None),
            ("", None),
        ];
        for (line, wanted) in cases {
            let got = trace_line(line);
            let got = got.map(|t| (t.time, t.event, t.subspace, t.text));
            assert_eq!(got, *wanted, "{line}");
        }
    }

    fn merged(folder: &Path, options: &Options) -> Vec<String> {
        let mut out = Vec::new();
        merge(folder, options, |line| {
            out.push(line.to_owned());
            true
        })
        .unwrap();
        out
    }

    fn run() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("console.log", "booting\n\n# step \u{1b}[1mx\nok 1 x\nlast");
        write(
            "console.times",
            "1795236102.000000\n1795236102.0\n1795236103.000000\n1795236103.500000\n",
        );
        write(
            "qemu.log",
            "7@1795236103.100000:pcc_outbox_command subspace 0: 8 bytes, interrupt wanted: 1\n\
             pcc: subspace 0: doorbell: rung while a command is pending\n\
             7@1795236103.100001:pcc_mailbox_scan pcc: 1 files\n\
             7@1795236103.300000:pcc_outbox_complete subspace 0\n\
             7@1795236103.400000:pcc_channel_interrupt subspace 1: GSI 113\n",
        );
        write(
            "pccd.log",
            "{\"time\":\"2026-11-21T04:41:43.200Z\",\"event\":\"note\",\"subspace\":0,\"reason\":\"why\"}\n\
             a panic, say\n",
        );
        folder
    }

    #[test]
    fn three_logs_become_one() {
        let folder = run();
        let lines = merged(folder.path(), &Options::default());
        // Behind the time, with single blanks.
        let words = |line: &String| {
            let words: Vec<_> = line.split_whitespace().skip(1).collect();
            words.join(" ")
        };
        assert_eq!(
            lines.iter().map(words).collect::<Vec<_>>(),
            [
                "guest booting",
                "guest # step \\u{1b}[1mx",
                "device subspace 0: doorbell, 8 bytes, interrupt wanted: 1",
                "device the guest errs: subspace 0: doorbell: rung while a \
                 command is pending",
                "pccd note why",
                "pccd a panic, say",
                "device subspace 0: command complete",
                "device subspace 1: interrupt, GSI 113",
                "guest ok 1 x",
                "guest last",
            ]
        );
        assert!(lines[0].starts_with("04:41:42.000000  "), "{lines:?}");
        let relative = Options { relative: true, ..Options::default() };
        assert!(
            merged(folder.path(), &relative)[2].starts_with("   1.100000  ")
        );
        let one =
            Options { subspaces: vec![1], all: true, ..Options::default() };
        let lines = merged(folder.path(), &one);
        assert!(
            lines.iter().any(|l| l.contains("pcc_mailbox_scan")),
            "{lines:?}"
        );
        assert!(!lines.iter().any(|l| l.contains("doorbell")), "{lines:?}");
        let json = Options { json: true, ..Options::default() };
        let lines = merged(folder.path(), &json);
        let note: Value = serde_json::from_str(&lines[4]).unwrap();
        assert_eq!(note["source"], "pccd");
        assert_eq!(note["record"]["reason"], "why");
    }

    #[test]
    fn what_has_no_time_is_shown_without_one() {
        let folder = run();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        // Of a run before there were times; and a QEMU that errs at once.
        std::fs::remove_file(folder.path().join("console.times")).unwrap();
        write(
            "qemu.log",
            "pcc: read of 1 bytes at unused offset 0x7\n\
             7@1795236103.100000:pcc_channel_reset subspace 0\n\
             7@1795236103.099999:pcc_channel_reset subspace 1\n\
             7@1795236103.200001:pcc_mailbox_scan pcc: 1 files\n\
             pcc: subspace 0: doorbell: rung while a command is pending\n",
        );
        let relative = Options { relative: true, ..Options::default() };
        assert_eq!(
            merged(folder.path(), &relative),
            [
                "             guest   booting",
                "             guest   # step \\u{1b}[1mx",
                "             guest   ok 1 x",
                "             guest   last",
                "             device  the guest errs: read of 1 bytes at \
                 unused offset 0x7",
                "   0.000000  device  subspace 0: reset",
                "  -0.000001  device  subspace 1: reset",
                "   0.100000  pccd    note why",
                "   0.100000  pccd    a panic, say",
                "   0.100001  device  the guest errs: subspace 0: doorbell: \
                 rung while a command is pending",
            ]
        );
        let json = Options { json: true, ..Options::default() };
        let first = merged(folder.path(), &json).swap_remove(0);
        let first: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(first["time"], Value::Null);
        // Events without times; and what QEMU says with one.
        write(
            "qemu.log",
            "pcc_mailbox_scan pcc: 2 files\n\
             pcc_channel_interrupt subspace 3: GSI 115\n\
             2026-11-21T04:41:43.1Z qemu-system-aarch64: no such device\n",
        );
        let json = Options { subspaces: vec![3], ..json };
        let lines = merged(folder.path(), &json);
        assert_eq!(lines.len(), 7, "{lines:#?}");
        let [event, words] = [&lines[4], &lines[5]]
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert_eq!(event["text"], "subspace 3: interrupt, GSI 115");
        assert_eq!(event["subspace"], 3);
        assert_eq!(words["text"], "qemu-system-aarch64: no such device");
        assert_eq!(words["time"], "2026-11-21T04:41:43.100000Z");
        // Times that no calendar has, at both ends.
        write("qemu.log", "7@9223372036854.775807:pcc_channel_reset x\n");
        write(
            "pccd.log",
            "{\"time\":\"-200000-01-01T00:00:00Z\",\"event\":\"note\"}\n",
        );
        assert_eq!(merged(folder.path(), &relative).len(), 6);
    }

    #[test]
    fn a_log_of_text_has_its_times() {
        let folder = run();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        let json = Options { json: true, ..Options::default() };
        let times = || -> Vec<String> {
            merged(folder.path(), &json)
                .iter()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .filter(|line| line["source"] == "pccd")
                .map(|line| line["time"].as_str().unwrap().to_owned())
                .collect()
        };
        // The day is that of what lies beside it, and goes on at midnight.
        write(
            "pccd.log",
            "04:41:43.200000  note  why\nmore\n\
             23:59:59.900000  note  late\n00:00:00.100000  note  early\n\
             23:59:59.950000  note  late, told late\n",
        );
        assert_eq!(
            times(),
            [
                "2026-11-21T04:41:43.200000Z",
                "2026-11-21T04:41:43.200000Z",
                "2026-11-21T23:59:59.900000Z",
                "2026-11-22T00:00:00.100000Z",
                "2026-11-21T23:59:59.950000Z",
            ]
        );
        // Without that it is the last one before the file was changed.
        std::fs::remove_file(folder.path().join("console.times")).unwrap();
        std::fs::remove_file(folder.path().join("qemu.log")).unwrap();
        write(
            "pccd.log",
            "23:59:59.900000  note  late\n00:00:00.100000  note  early\n",
        );
        let changed =
            "2026-11-22T00:00:00.2Z".parse::<DateTime<Utc>>().unwrap();
        File::options()
            .write(true)
            .open(folder.path().join("pccd.log"))
            .and_then(|file| file.set_modified(changed.into()))
            .unwrap();
        assert_eq!(
            times(),
            ["2026-11-21T23:59:59.900000Z", "2026-11-22T00:00:00.100000Z"]
        );
    }

    #[test]
    fn names_of_messages_tell_the_channel() {
        let epoch = "20261121T044142.123456789Z";
        let cases = [
            (format!("written {epoch}-00000017-003.pcc, 8 bytes"), Some(3)),
            (format!("pcc: {epoch}-00000017-003.r12.pcc: why"), Some(3)),
            (format!("stale/{epoch}-1-255.pcc"), Some(255)),
            (format!("{epoch}-1-256.pcc"), None),
            ("x-1-001.pcc .pcc".to_owned(), None),
        ];
        for (text, wanted) in cases {
            assert_eq!(channel(&text), wanted, "{text}");
        }
        let folder = run();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("console.log", "");
        write(
            "qemu.log",
            &format!(
                "7@1.000001:pcc_mailbox_publish pcc: \
                 {epoch}-00000001-000.pcc, 8 bytes\n\
                 7@1.000002:pcc_mailbox_deliver pcc: \
                 {epoch}-00000002-001.r1.pcc, 8 bytes, flags 0x0, delay 0 ms\n"
            ),
        );
        write(
            "pccd.log",
            &format!(
                "00:00:01.000003  guest -> platform  {epoch}-00000001-000.pcc\n\
                 {:19}pcc.command=0\n\
                 00:00:01.000004  platform -> guest  {epoch}-00000002-001.r1.pcc\n\
                 {:19}pcc.command=1\n\
                 a panic, say\n",
                "", ""
            ),
        );
        for wanted in [0, 1] {
            let options =
                Options { subspaces: vec![wanted], ..Options::default() };
            let lines = merged(folder.path(), &options);
            assert_eq!(lines.len(), 4, "{lines:#?}");
            let other = format!("-00{}.", 1 - wanted);
            assert!(!lines.iter().any(|l| l.contains(&other)), "{lines:#?}");
            let fields = format!("pcc.command={wanted}");
            assert!(lines[2].ends_with(&fields), "{lines:#?}");
        }
    }

    #[test]
    fn a_folder_that_is_no_runs_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::default();
        let error = merge(folder.path(), &options, |_| true).unwrap_err();
        assert!(error.to_string().contains("pcclab run"), "{error}");
        // No run goes on there that could be followed.
        let follow = Options { follow: true, ..Options::default() };
        let error = merge(folder.path(), &follow, |_| true).unwrap_err();
        assert!(error.to_string().contains("pcclab run"), "{error}");
        let error =
            merge(&folder.path().join("x"), &options, |_| true).unwrap_err();
        assert!(error.to_string().contains("is no folder"), "{error}");
        let folder = run();
        let mut count = 0;
        merge(folder.path(), &options, |_| {
            count += 1;
            count < 3
        })
        .unwrap();
        assert_eq!(count, 3);
    }

    #[test]
    fn a_line_waits_for_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let append = |name: &str, text: &str| {
            use std::io::Write;
            let path = folder.path().join(name);
            let file = File::options().create(true).append(true).open(path);
            file.unwrap().write_all(text.as_bytes()).unwrap();
        };
        let options = Options::default();
        let mut guest = Stream::new(folder.path(), Source::Guest);
        let mut next = |last| {
            guest.fill(&options, last).unwrap();
            let entry = guest.next.pop_front();
            entry.map(|entry| (entry.time, entry.text))
        };
        assert_eq!(next(false), None);
        // As it is written: the line, and then its time, maybe in parts.
        append("console.log", "one\ntw");
        assert_eq!(next(false), None);
        append("console.times", "1.00");
        assert_eq!(next(false), None);
        append("console.times", "0001\n");
        assert_eq!(next(false), Some((Some(1_000_001), "one".to_owned())));
        append("console.log", "o\nthree\n");
        append("console.times", "2.000002\n");
        assert_eq!(next(false), Some((Some(2_000_002), "two".to_owned())));
        // At the end no time comes any more: not before the line before.
        assert_eq!(next(false), None);
        assert_eq!(next(true), Some((Some(2_000_002), "three".to_owned())));
        assert_eq!(next(true), None);
    }

    #[test]
    fn the_rest_of_a_cut_line_takes_no_others_time() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(usize::try_from(READ).unwrap() + 1);
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("console.log", &format!("{long}\nnext\n"));
        write("console.times", "1.000000\n2.000000\n");
        let lines = merged(folder.path(), &Options::default());
        assert_eq!(lines.len(), 3);
        assert!(lines[0].ends_with("x [cut]"));
        assert_eq!(lines[1], "00:00:01.000000  guest   x");
        assert_eq!(lines[2], "00:00:02.000000  guest   next");
    }

    #[test]
    fn what_the_kernel_says_last_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write(
            "console.log",
            "pcclab: dmesg\n<6>[    0.000000] Booting\n\
             [   12.345678] Kernel panic - not syncing: x\n",
        );
        let all = Options { all: true, ..Options::default() };
        assert_eq!(merged(folder.path(), &all).len(), 3);
        let lines = merged(folder.path(), &Options::default());
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines[1].contains("Kernel panic"), "{lines:#?}");
    }

    #[test]
    fn a_log_that_cannot_be_read_is_told() {
        let folder = run();
        let path = folder.path().join("pccd.log");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error =
            merge(folder.path(), &Options::default(), |_| true).unwrap_err();
        assert!(error.to_string().contains("pccd.log"), "{error}");
    }

    proptest! {
        #[test]
        fn whatever_lies_there_is_sorted_and_whole(
            console in proptest::collection::vec(any::<u8>(), 0..300),
            times in "([0-9]{1,4}\\.[0-9]{6}\n|[^\n]{0,9}\n){0,9}",
            device in "([0-9]@[0-9]{1,3}\\.[0-9]{6}:pcc_channel_reset subspace [0-9]\n|[^\n]{0,20}\n){0,9}",
            pccd in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let write = |name: &str, bytes: &[u8]| {
                std::fs::write(folder.path().join(name), bytes).unwrap();
            };
            write("console.log", &console);
            write("console.times", times.as_bytes());
            write("qemu.log", device.as_bytes());
            write("pccd.log", &pccd);
            let options = Options { json: true, all: true, ..Options::default() };
            let lines = merged(folder.path(), &options);
            // What a file has behind something later counts as that late.
            let mut latest = std::collections::HashMap::new();
            let mut order = Vec::new();
            for line in &lines {
                let line: Value = serde_json::from_str(line).unwrap();
                let time = line["time"].as_str().unwrap_or("").to_owned();
                let latest =
                    latest.entry(line["source"].to_string()).or_default();
                *latest = time.max(std::mem::take(latest));
                order.push(latest.clone());
            }
            prop_assert!(order.is_sorted(), "{lines:#?}");
            let from = |source: &str| {
                let key = format!("\"source\":\"{source}\"");
                lines.iter().filter(|line| line.contains(&key)).count()
            };
            prop_assert_eq!(from("device"), device.lines().count());
            let relative = Options { relative: true, all: true, ..Options::default() };
            prop_assert_eq!(merged(folder.path(), &relative).len(), lines.len());
        }
    }
}
