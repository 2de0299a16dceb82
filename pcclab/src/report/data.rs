//! The data of a report as JSON: columns of numbers, and one list of texts
//! that they point into. `report.js` reads it.

use std::collections::HashMap;
use std::rc::Rc;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use super::rows::{Message, Row};
use crate::commands::{Command, Commands, Step};
use crate::latency::Latencies;

/// What stands for nothing.
const NONE: i64 = -1;

/// All of it.
#[derive(Serialize)]
pub(super) struct Data {
    #[serde(serialize_with = "list")]
    texts: Vec<Rc<str>>,
    kinds: Vec<&'static str>,
    rows: Rows,
    messages: Messages,
    steps: Vec<String>,
    commands: Vec<Vec<i64>>,
    latencies: Vec<Latency>,
    /// Where to look first, in microseconds since 1970.
    first: Option<i64>,
}

fn list<S: Serializer>(texts: &[Rc<str>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| &**text))
}

/// A number a row in each.
#[derive(Default, Serialize)]
struct Rows {
    /// Microseconds since the row before; of the first since 1970.
    time: Vec<i64>,
    kind: Vec<usize>,
    channel: Vec<i64>,
    text: Vec<usize>,
    message: Vec<i64>,
}

/// A number a message in each; of texts all but the last.
#[derive(Default, Serialize)]
struct Messages {
    name: Vec<usize>,
    handler: Vec<usize>,
    note: Vec<usize>,
    content: Vec<usize>,
    whole: Vec<usize>,
    names: Vec<usize>,
    values: Vec<usize>,
    meanings: Vec<usize>,
    latency: Vec<i64>,
}

/// How long it took on a channel from one step to another.
#[derive(Serialize)]
struct Latency {
    channel: u8,
    /// Places in `steps`.
    from: usize,
    to: usize,
    count: u64,
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
    /// How many there are below each power of two, from 1 on, that are not
    /// below the one before.
    counts: Vec<u64>,
}

/// Texts and their places.
#[derive(Default)]
struct Index {
    places: HashMap<Rc<str>, usize>,
    all: Vec<Rc<str>>,
}

impl Index {
    fn of(&mut self, text: Rc<str>) -> usize {
        let next = self.all.len();
        *self.places.entry(text.clone()).or_insert_with(|| {
            self.all.push(text);
            next
        })
    }
}

impl Data {
    pub(super) fn new(
        all: Vec<Row>,
        commands: Commands,
        first: Option<i64>,
    ) -> Data {
        let mut index = Index::default();
        let mut kinds: Vec<&'static str> = Vec::new();
        let (mut rows, mut messages) = (Rows::default(), Messages::default());
        let mut before = 0;
        for row in all {
            rows.time.push(row.time.saturating_sub(before));
            before = row.time;
            let kind = kinds.iter().position(|kind| *kind == row.kind);
            rows.kind.push(kind.unwrap_or_else(|| {
                kinds.push(row.kind);
                kinds.len() - 1
            }));
            rows.channel.push(row.subspace.map_or(NONE, i64::from));
            rows.text.push(index.of(row.text));
            rows.message.push(match row.message {
                Some(message) => messages.push(*message, &mut index),
                None => NONE,
            });
        }
        let list = |one: &Command| command(one, &mut index);
        let followed = commands.all.iter().map(list).collect();
        Data {
            kinds,
            rows,
            messages,
            steps: Step::ALL.map(|step| step.to_string()).into(),
            commands: followed,
            latencies: latencies(commands),
            texts: index.all,
            first,
        }
    }
}

impl Messages {
    /// The new one's place.
    fn push(&mut self, message: Message, index: &mut Index) -> i64 {
        let place = self.name.len();
        self.name.push(index.of(message.name));
        self.handler.push(index.of(message.handler));
        self.note.push(index.of(message.note));
        self.content.push(index.of(message.content));
        self.whole.push(index.of(message.whole));
        self.names.push(index.of(message.names));
        self.values.push(index.of(message.values));
        self.meanings.push(index.of(message.meanings));
        self.latency.push(number(message.latency));
        i64::try_from(place).unwrap_or(NONE)
    }
}

fn number(value: Option<u64>) -> i64 {
    value.and_then(|it| i64::try_from(it).ok()).unwrap_or(NONE)
}

/// File name, channel, when it began, and how long after that each step was.
fn command(one: &Command, index: &mut Index) -> Vec<i64> {
    let began = one.began();
    let name = index.of(one.name.as_str().into());
    let head =
        [i64::try_from(name).unwrap_or(NONE), one.subspace.into(), began];
    let after = |step: &Step| match one.steps.get(step) {
        Some(time) => time.saturating_sub(began),
        None => NONE,
    };
    head.into_iter().chain(Step::ALL.iter().map(after)).collect()
}

fn latencies(commands: Commands) -> Vec<Latency> {
    let all = Latencies::of(commands);
    let place = |step| Step::ALL.iter().position(|one| *one == step);
    let mut found = Vec::new();
    for (channel, from) in all.channels() {
        for to in Step::LATER.into_iter().filter(|step| *step != from) {
            let times = all.between(channel, from, to);
            let places = place(from).zip(place(to));
            if let Some((from, to)) = places.filter(|_| !times.is_empty()) {
                found.push(Latency::of(channel, from, to, &times));
            }
        }
    }
    found
}

impl Latency {
    fn of(
        channel: u8,
        from: usize,
        to: usize,
        times: &Histogram<u64>,
    ) -> Latency {
        let at = |percentile| times.value_at_percentile(percentile);
        let mut counts = Vec::new();
        for step in times.iter_recorded() {
            let power =
                (u64::BITS - step.value_iterated_to().leading_zeros()) as usize;
            if counts.len() <= power {
                counts.resize(power + 1, 0);
            }
            counts[power] += step.count_since_last_iteration();
        }
        Latency {
            channel,
            from,
            to,
            count: times.len(),
            min: times.min(),
            p50: at(50.0),
            p90: at(90.0),
            p99: at(99.0),
            max: times.max(),
            counts,
        }
    }
}
