//! What a daemon has done since it started, counted as it is logged.

use std::collections::BTreeMap;
use std::fmt::Write;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::record::{Event, Field, FieldValue, Record, Time, iso};
use crate::script::envelope::Flag;

/// Name of the file in the state folder.
pub const FILE: &str = "stats.json";

/// What is said of a request whose handler has the delay `never`.
pub const NEVER: &str = "it never answers";

/// What is said when a life of the guest begins, its epoch behind it.
pub const ANEW: &str = "the guest starts anew: epoch ";

/// Latencies longer than this count as this, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// So many kinds are told apart, for a guest may make as many as it likes.
const MOST_KINDS: usize = 64;
/// Where all further ones are counted.
const OTHERS: &str = "others";
/// Characters of a reason that make its kind.
const LONGEST_KIND: usize = 72;

/// How often each kind was counted.
type Counts = BTreeMap<String, u64>;

fn add(counts: &mut Counts, kind: String) {
    let is_new = !counts.contains_key(&kind);
    let kind = match is_new && counts.len() >= MOST_KINDS {
        true => OTHERS.to_owned(),
        false => kind,
    };
    let count = counts.entry(kind).or_default();
    *count = count.saturating_add(1);
}

/// A reason without what differs from one time to the next: its first
/// line, with `N` for numbers and `…` for what it quotes.
fn kind_of(reason: &str) -> String {
    let mut kind = String::new();
    let first = reason.lines().next().unwrap_or_default();
    for (place, part) in first.split('`').enumerate() {
        if place % 2 == 1 {
            kind.push_str("`…`");
            continue;
        }
        for (place, word) in part.split(' ').enumerate() {
            if place > 0 {
                kind.push(' ');
            }
            let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
            match inner.starts_with(|c: char| c.is_ascii_digit()) {
                true => kind.push_str(&word.replacen(inner, "N", 1)),
                false => kind.push_str(word),
            }
        }
    }
    match kind.char_indices().nth(LONGEST_KIND) {
        Some((end, _)) => {
            kind.truncate(end);
            kind + "…"
        }
        None => kind,
    }
}

/// Faults that a message to the guest shows.
fn faults_of(record: &Record) -> Vec<String> {
    let mut faults = Vec::new();
    if record.event == Event::Ignored {
        let never = record.reason.as_deref() == Some(NEVER);
        faults.extend(never.then(|| "never answers".to_owned()));
        return faults;
    }
    if !matches!(record.event, Event::Replied | Event::Unasked) {
        return faults;
    }
    if record.event == Event::Replied
        && record.latency_us.is_none()
        && record.reason.is_none()
    {
        faults.push("answers late".to_owned());
    }
    let Some(decoded) = &record.decoded else { return faults };
    let number = |name| match decoded.field(name) {
        Some(Field { value: FieldValue::Number(number), .. }) => *number,
        _ => 0,
    };
    let flags = number("envelope.flags");
    faults.extend(Flag::names(flags).map(|name| format!("flag {name}")));
    if number("envelope.delay_ms") > 0 {
        faults.push("interrupt comes late".to_owned());
    }
    let ends: Vec<&str> = decoded
        .fields
        .iter()
        .filter(|field| field.layer == "end")
        .map(|field| field.name.as_str())
        .collect();
    if ends.contains(&"extra") {
        faults.push("more bytes than the message has".to_owned());
    } else if !ends.is_empty() {
        faults.push("cannot be decoded to its end".to_owned());
    }
    faults
}

/// Counters of one mailbox.
#[derive(Debug)]
pub struct Counters {
    events: Counts,
    handlers: Counts,
    kinds: Kinds,
    latency_us: Histogram<u64>,
}

impl Counters {
    fn new() -> Option<Self> {
        let latency_us = Histogram::new_with_max(LONGEST_US, 3).ok()?;
        let (events, handlers) = (Counts::new(), Counts::new());
        Some(Self { events, handlers, kinds: Kinds::default(), latency_us })
    }

    fn count(&mut self, record: &Record) {
        let event = format!("{:?}", record.event).to_lowercase();
        *self.events.entry(event).or_default() += 1;
        self.kinds.count(record);
        if record.event != Event::Replied {
            return;
        }
        if let Some(handler) = &record.handler {
            *self.handlers.entry(handler.clone()).or_default() += 1;
        }
        if let Some(latency) = record.latency_us {
            self.latency_us.saturating_record(latency);
        }
    }
}

/// What is worth telling apart within an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kinds {
    /// Errors on our side, and expectations that were not met, by what was
    /// said.
    pub errors: BTreeMap<String, u64>,
    /// Requests that got no answer, by handler, or by reason where none
    /// was asked.
    pub silences: BTreeMap<String, u64>,
    /// Files that were rejected, by reason.
    pub rejections: BTreeMap<String, u64>,
    /// Faults in what was sent to the guest, or not sent.
    pub faults: BTreeMap<String, u64>,
    /// Breaks of rules of conduct, by rule.
    pub conduct: BTreeMap<String, u64>,
    /// Notes, by what was said.
    pub notes: BTreeMap<String, u64>,
}

impl Kinds {
    fn count(&mut self, record: &Record) {
        let said = || kind_of(record.reason.as_deref().unwrap_or("no reason"));
        match record.event {
            Event::Error | Event::Failed => add(&mut self.errors, said()),
            Event::Ignored => {
                let by = record.handler.as_ref().filter(|by| !by.is_empty());
                let kind = by.cloned().unwrap_or_else(said);
                add(&mut self.silences, kind);
            }
            Event::Rejected => add(&mut self.rejections, said()),
            Event::Conduct => {
                let rule = record.rule.clone();
                add(&mut self.conduct, rule.unwrap_or_else(said));
            }
            Event::Note => add(&mut self.notes, said()),
            _ => {}
        }
        for fault in faults_of(record) {
            add(&mut self.faults, fault);
        }
    }
}

/// Counters of all mailboxes of a daemon.
#[derive(Debug, Default)]
pub struct Counting(BTreeMap<String, Counters>);

impl Counting {
    /// Counts a record of a mailbox.
    pub fn count(&mut self, record: &Record) {
        let Some(mailbox) = &record.mailbox else { return };
        if let Some(counters) = self.0.get_mut(mailbox) {
            counters.count(record);
        } else if let Some(mut counters) = Counters::new() {
            counters.count(record);
            self.0.insert(mailbox.clone(), counters);
        }
    }

    /// What there is to say of a mailbox.
    pub fn stats(&self, mailbox: &str, pid: u32, at: Time) -> Stats {
        let counters = self.0.get(mailbox);
        let of = |counters: &Counters| {
            let times = &counters.latency_us;
            Latency {
                count: times.len(),
                min: times.min(),
                p50: times.value_at_quantile(0.5),
                p90: times.value_at_quantile(0.9),
                p99: times.value_at_quantile(0.99),
                p999: times.value_at_quantile(0.999),
                max: times.max(),
            }
        };
        Stats {
            pid,
            at,
            events: counters.map(|c| c.events.clone()).unwrap_or_default(),
            handlers: counters.map(|c| c.handlers.clone()).unwrap_or_default(),
            kinds: counters.map(|c| c.kinds.clone()).unwrap_or_default(),
            latency_us: counters.map(of).unwrap_or_default(),
        }
    }
}

/// Microseconds from reading a request to publishing its reply, of replies
/// that did not wait on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many there were.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// Half of them are not longer.
    pub p50: u64,
    /// Nine of ten are not longer.
    pub p90: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1000.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

/// What a daemon has done for a mailbox since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// The daemon's process.
    pub pid: u32,
    /// When this was so.
    pub at: Time,
    /// How often each event was logged.
    pub events: BTreeMap<String, u64>,
    /// How often each handler replied.
    pub handlers: BTreeMap<String, u64>,
    /// Errors, silences, faults, breaks of conduct and notes by kind; their
    /// names stand beside `events`.
    #[serde(flatten)]
    pub kinds: Kinds,
    /// How long replies took.
    pub latency_us: Latency,
}

impl Stats {
    /// All of it for people, a line each.
    pub fn text(&self) -> String {
        let mut text = format!("process {} at {}\n", self.pid, iso(self.at));
        let mut line = |name: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<32} {value}");
        };
        for (event, count) in &self.events {
            line(event, count.to_string());
        }
        for (handler, count) in &self.handlers {
            line(&format!("replied: {handler}"), count.to_string());
        }
        let kinds = [
            ("error", &self.kinds.errors),
            ("no answer", &self.kinds.silences),
            ("rejected", &self.kinds.rejections),
            ("fault", &self.kinds.faults),
            ("conduct", &self.kinds.conduct),
            ("note", &self.kinds.notes),
        ];
        for (of, counts) in kinds {
            for (kind, count) in counts {
                line(&format!("{of}: {kind}"), count.to_string());
            }
        }
        let Latency { count, min, p50, p90, p99, p999, max } = self.latency_us;
        if count > 0 {
            line("latency", format!("{count} replies, microseconds"));
            line("  min, median", format!("{min}, {p50}"));
            line("  90 %, 99 %, 99.9 %", format!("{p90}, {p99}, {p999}"));
            line("  max", max.to_string());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{describe, now};
    use crate::wire::pcc::Envelope;

    fn counted(records: Vec<Record>) -> Stats {
        let mut counting = Counting::default();
        for mut record in records {
            record.mailbox = Some("/m".to_owned());
            counting.count(&record);
        }
        counting.stats("/m", 1, now())
    }

    fn event(event: Event, reason: &str) -> Record {
        Record::new(now(), event).because(reason)
    }

    #[test]
    fn kinds_are_told_apart() {
        let mut broken = event(Event::Conduct, "rang too early");
        broken.rule = Some("doorbell-busy".to_owned());
        let mut hangs = event(Event::Ignored, NEVER);
        hangs.handler = Some("hang".to_owned());
        let stats = counted(vec![
            event(Event::Error, "cannot write `a`: no space (28)"),
            event(Event::Error, "cannot write `b`: no space (28)"),
            event(Event::Ignored, "EID 12 is not ours"),
            event(Event::Ignored, "EID 13 is not ours"),
            event(Event::Note, "a new life"),
            event(Event::Rejected, "0x5 is no signature"),
            broken,
            hangs,
        ]);
        let json = serde_json::to_value(&stats).unwrap();
        assert_eq!(json["errors"]["cannot write `…`: no space (N)"], 2);
        assert_eq!(json["silences"]["EID N is not ours"], 2);
        assert_eq!(json["silences"]["hang"], 1);
        assert_eq!(json["faults"]["never answers"], 1);
        assert_eq!(json["conduct"]["doorbell-busy"], 1);
        assert_eq!(json["notes"]["a new life"], 1);
        assert_eq!(json["rejections"]["N is no signature"], 1);
        assert_eq!(json["events"]["ignored"], 3);
        let text = stats.text();
        for part in ["no answer: hang", "conduct: doorbell-busy", "note: a"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let back: Stats = serde_json::from_value(json).unwrap();
        assert_eq!(back, stats);
    }

    #[test]
    fn faults_are_read_from_what_was_sent() {
        let flags = Flag::Error.bit();
        let head = Envelope { flags, delay_ms: 3, subspace: 1 };
        let mut late = Record::new(now(), Event::Replied);
        late.decoded = Some(describe(&head.encode()));
        let stats = counted(vec![late.clone()]);
        let faults = stats.kinds.faults;
        let names = ["answers late", "interrupt comes late", "flag error"];
        for name in names {
            assert_eq!(faults.get(name), Some(&1), "{name} in {faults:?}");
        }
        late.latency_us = Some(1);
        late.decoded = Some(describe(&head.encode()[..6]));
        let faults = counted(vec![late]).kinds.faults;
        assert_eq!(faults.get("cannot be decoded to its end"), Some(&1));
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn a_guest_cannot_fill_the_memory() {
        let odd = |n: u32| event(Event::Note, &format!("x{n} é"));
        let stats = counted((0..1000).map(odd).collect());
        let notes = stats.kinds.notes;
        assert_eq!(notes.len(), MOST_KINDS + 1);
        assert_eq!(notes.values().sum::<u64>(), 1000);
        assert!(kind_of(&"é".repeat(9999)).chars().count() < 99);
    }

    /// What a daemon before this one has left.
    #[test]
    fn older_counters_are_read() {
        let stats = counted(Vec::new());
        let mut json = serde_json::to_value(&stats).unwrap();
        let object = json.as_object_mut().unwrap();
        for name in ["errors", "silences", "faults", "conduct", "notes"] {
            object.remove(name).unwrap();
        }
        let back: Stats = serde_json::from_value(json).unwrap();
        assert_eq!(back, stats);
    }
}
