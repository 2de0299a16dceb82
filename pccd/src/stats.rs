//! What a daemon has done since it started, counted as it is logged.

use std::collections::BTreeMap;
use std::fmt::Write;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::record::{Event, Record, Time, iso};

/// Name of the file in the state folder.
pub const FILE: &str = "stats.json";

/// Latencies longer than this count as this, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Counters of one mailbox.
#[derive(Debug)]
pub struct Counters {
    events: BTreeMap<String, u64>,
    handlers: BTreeMap<String, u64>,
    latency_us: Histogram<u64>,
}

impl Counters {
    fn new() -> Option<Self> {
        let latency_us = Histogram::new_with_max(LONGEST_US, 3).ok()?;
        let (events, handlers) = (BTreeMap::new(), BTreeMap::new());
        Some(Self { events, handlers, latency_us })
    }

    fn count(&mut self, record: &Record) {
        let event = format!("{:?}", record.event).to_lowercase();
        *self.events.entry(event).or_default() += 1;
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
            latency_us: counters.map(of).unwrap_or_default(),
        }
    }
}

/// Microseconds from reading a request to publishing its reply, of replies
/// that did not wait on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// Median.
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
    /// The daemon.
    pub pid: u32,
    /// When this was so.
    pub at: Time,
    /// How often each event was logged.
    pub events: BTreeMap<String, u64>,
    /// Replies by handler.
    pub handlers: BTreeMap<String, u64>,
    /// Latencies.
    pub latency_us: Latency,
}

impl Stats {
    /// For people.
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
