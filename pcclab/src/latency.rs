//! How long a run's commands took from step to step, a channel at a time, and
//! what a platform promises of it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail};
use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::commands::{Command, Commands, Step};
use crate::config::mailbox;
use crate::log::capture;
use crate::table::lines;

/// Longer than this counts as this, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// What a platform promises of a channel's latency, in `platform.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promise {
    /// Name of the channel.
    pub(crate) channel: String,
    /// From this step on; without it from the doorbell, or on a channel of
    /// type 4 from `taken`.
    pub(crate) from: Option<Step>,
    /// To this step.
    pub(crate) to: Step,
    /// So many of a hundred commands; without it all.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) percentile: Option<u8>,
    /// Take less than this: a number with `us`, `ms`, `s`, or `latencies`: the
    /// channel's `latency-us`.
    #[schemars(regex(pattern = r"^[0-9]+ (us|ms|s|latencies)$"))]
    pub(crate) below: String,
}

impl Promise {
    /// What it promises of the channel with this id, which has that nominal
    /// latency, or brings messages to the guest.
    ///
    /// # Errors
    /// The first of its mistakes.
    pub(crate) fn of(
        &self,
        subspace: u8,
        nominal_us: Option<u64>,
        is_inbox: bool,
    ) -> Result<Limit> {
        let mistakes = self.mistakes(nominal_us, is_inbox);
        if let Some((_, first)) = mistakes.into_iter().next() {
            return Err(first);
        }
        Ok(Limit {
            channel: self.channel.clone(),
            subspace,
            from: self.begins(is_inbox),
            to: self.to,
            percentile: self.percentile.unwrap_or(100),
            below: self.below(nominal_us)?,
        })
    }

    /// All that is wrong with it on such a channel, each with its key.
    pub(crate) fn mistakes(
        &self,
        nominal_us: Option<u64>,
        is_inbox: bool,
    ) -> Vec<(&'static str, Error)> {
        let mut mistakes = Vec::new();
        let percentile = self.percentile.unwrap_or(100);
        if !(1..=100).contains(&percentile) {
            let wrong =
                anyhow!("{percentile} is no part of a hundred: 1 to 100");
            mistakes.push(("percentile", wrong));
        }
        let from = self.begins(is_inbox);
        if from == self.to {
            let wrong = anyhow!("from {from} to {from} nothing takes time");
            mistakes.push(("to", wrong));
        }
        if let Err(wrong) = self.below(nominal_us) {
            mistakes.push(("below", wrong));
        }
        mistakes
    }

    fn begins(&self, is_inbox: bool) -> Step {
        let first = if is_inbox { Step::Taken } else { Step::Doorbell };
        self.from.unwrap_or(first)
    }

    /// The limit in microseconds.
    fn below(&self, nominal_us: Option<u64>) -> Result<u64> {
        let (number, unit) = self.below.split_once(' ').unwrap_or_default();
        let number: u64 = number.parse().ok().filter(|n| *n > 0).context(
            "a time is a number from 1 and us, ms, s or latencies, as in \
             `500 latencies`",
        )?;
        let unit = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "latencies" => nominal_us.filter(|it| *it > 0).context(
                "the channel has no `latency-us` that `latencies` could be \
                 counted in",
            )?,
            other => bail!("`{other}` is no unit: us, ms, s or latencies"),
        };
        Ok(number.saturating_mul(unit))
    }
}

/// A promise, made of a channel of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The channel's name.
    pub channel: String,
    /// Its subspace id.
    pub subspace: u8,
    /// From this step on.
    pub from: Step,
    /// To this one.
    pub to: Step,
    /// 1 to 100.
    pub percentile: u8,
    /// Microseconds that it must be below.
    pub below: u64,
}

/// The latencies of a run.
#[derive(Debug, Default)]
pub struct Latencies {
    commands: Commands,
}

impl Latencies {
    /// Those in the logs of a run.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn read(folder: &Path) -> Result<Latencies> {
        let mut commands = Commands::default();
        capture::entries(folder, &mailbox(folder), |time, entry| {
            commands.event(time, entry);
        })?;
        Ok(Latencies { commands })
    }

    /// Those of these commands.
    pub fn of(commands: Commands) -> Latencies {
        Latencies { commands }
    }

    /// There were more commands than are counted.
    pub fn is_cut(&self) -> bool {
        self.commands.is_cut
    }

    /// The channels, by subspace id, each with the step that its messages
    /// begin with: the doorbell, or `taken`.
    pub fn channels(&self) -> BTreeMap<u8, Step> {
        let Commands { all, deliveries, .. } = &self.commands;
        let begun = |step| move |one: &Command| (one.subspace, step);
        let inboxes = deliveries.iter().map(begun(Step::Taken));
        inboxes.chain(all.iter().map(begun(Step::Doorbell))).collect()
    }

    /// Microseconds between two steps on a channel, of all that had both.
    pub fn between(
        &self,
        subspace: u8,
        from: Step,
        to: Step,
    ) -> Histogram<u64> {
        // Two figures that cannot be out of range: nothing fails here.
        let mut histogram = Histogram::new_with_max(LONGEST, 3)
            .unwrap_or_else(|_| unreachable!("1 to an hour, 3 digits"));
        let Commands { all, deliveries, .. } = &self.commands;
        for one in all.iter().chain(deliveries) {
            if one.subspace == subspace
                && let Some(from) = one.steps.get(&from)
                && let Some(to) = one.steps.get(&to)
            {
                // pccd may have read a file before the device says that it
                // wrote it.
                let micros = to.saturating_sub(*from);
                let micros = u64::try_from(micros).unwrap_or(0);
                histogram.saturating_record(micros);
            }
        }
        histogram
    }

    /// What is wrong where a limit is not kept.
    pub fn broken(&self, limit: &Limit) -> Option<String> {
        let Limit { channel, subspace, from, to, percentile, below } = limit;
        let histogram = self.between(*subspace, *from, *to);
        let what = match percentile {
            100 => "the slowest".to_owned(),
            number => format!("p{number}"),
        };
        let of = format!("channel {channel}, {from} to {to}");
        if histogram.is_empty() {
            return Some(format!("{of}: there was none"));
        }
        let is = histogram.value_at_percentile(f64::from(*percentile));
        (is >= *below).then(|| {
            format!(
                "{of}: {what} of {} took {}, which must be below {}",
                histogram.len(),
                time(is),
                time(*below)
            )
        })
    }

    /// A table: from a message's beginning to each step.
    pub fn text(&self) -> String {
        let mut rows = Vec::new();
        for (subspace, first) in self.channels() {
            for step in Step::LATER {
                let histogram = self.between(subspace, first, step);
                if step == first || histogram.is_empty() {
                    continue;
                }
                let at = |percentile| {
                    time(histogram.value_at_percentile(percentile))
                };
                rows.push(vec![
                    subspace.to_string(),
                    format!("{first} to {step}"),
                    histogram.len().to_string(),
                    at(50.0),
                    at(99.0),
                    at(100.0),
                ]);
            }
        }
        let head = ["subspace", "", "count", "p50", "p99", "max"];
        rows.insert(0, head.map(str::to_owned).into());
        lines(&rows, None)
    }
}

/// Microseconds, as people write a time.
pub fn time(micros: u64) -> String {
    let tenths = |unit: u64| (micros / unit, micros % unit / (unit / 10));
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => {
            let (whole, tenth) = tenths(1_000);
            format!("{whole}.{tenth} ms")
        }
        _ => {
            let (whole, tenth) = tenths(1_000_000);
            format!("{whole}.{tenth} s")
        }
    }
}

#[cfg(test)]
mod tests {
    use pccd::capture::{Entry, Kind};

    use super::*;

    fn promise(text: &str) -> Promise {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn promises_are_read_in_the_units_of_their_channel() {
        let of = |below: &str, nominal_us| {
            let text = r#"{"channel": "fan", "to": "complete", "below": "#;
            promise(&format!("{text}\"{below}\"}}")).of(3, nominal_us, false)
        };
        let nominal = Some(2_000);
        for (below, micros) in [
            ("7 us", 7),
            ("20 ms", 20_000),
            ("1 s", 1_000_000),
            ("500 latencies", 1_000_000),
        ] {
            let limit = of(below, nominal).unwrap();
            assert_eq!((limit.below, limit.from), (micros, Step::Doorbell));
            assert_eq!((limit.subspace, limit.percentile), (3, 100));
        }
        for (below, nominal, why) in [
            ("5 latencies", None, "no `latency-us`"),
            ("0 ms", nominal, "a time is"),
            ("5ms", nominal, "a time is"),
            ("5 min", nominal, "no unit"),
        ] {
            let error = of(below, nominal).unwrap_err().to_string();
            assert!(error.contains(why), "{below}: {error}");
        }
        let to = promise(r#"{"channel":"fan","to":"taken","below":"1 s"}"#);
        assert!(to.of(0, None, false).is_ok());
        let same = to.of(0, None, true).unwrap_err().to_string();
        assert!(same.contains("nothing takes time"), "{same}");
    }

    /// Ten commands of a millisecond each until they are complete, the next
    /// one ten after the one before, but the last two late.
    fn ten() -> Latencies {
        let mut commands = Commands::default();
        let mut event = |time, kind| {
            let mut entry = Entry::new(kind);
            entry.subspace = Some(0);
            entry.subspace_type = Some(2);
            commands.event(time, &entry);
        };
        for number in 0..10 {
            let began = number * 10_000;
            let takes = if number < 8 { 1_000 } else { 9_000 };
            event(began, Kind::Doorbell);
            event(began + takes, Kind::Complete);
        }
        Latencies::of(commands)
    }

    #[test]
    fn a_percentile_is_held_against_its_limit() {
        let latencies = ten();
        let limit = |to, percentile, below| Limit {
            channel: "fan".to_owned(),
            subspace: 0,
            from: Step::Doorbell,
            to,
            percentile,
            below,
        };
        assert_eq!(latencies.broken(&limit(Step::Complete, 80, 2_000)), None);
        assert_eq!(latencies.broken(&limit(Step::Next, 100, 10_010)), None);
        let late = latencies.broken(&limit(Step::Complete, 90, 2_000));
        assert_eq!(
            late.unwrap(),
            "channel fan, doorbell to complete: p90 of 10 took 9.0 ms, which \
             must be below 2.0 ms"
        );
        // What never happened is not fast.
        let none = latencies.broken(&limit(Step::Interrupt, 50, 2_000));
        assert!(none.unwrap().ends_with("there was none"));
        let text = latencies.text();
        assert!(text.contains("doorbell to next      9"), "{text}");
    }

    #[test]
    fn another_life_of_the_guest_is_no_next_command() {
        let mut commands = Commands::default();
        let mut event = |time, kind| {
            let mut entry = Entry::new(kind);
            (entry.subspace, entry.subspace_type) = (Some(0), Some(2));
            commands.event(time, &entry);
        };
        for began in [0, 60_000_000] {
            event(began, Kind::Epoch);
            event(began + 10, Kind::Doorbell);
            event(began + 20, Kind::Complete);
            event(began + 30, Kind::Doorbell);
        }
        let latencies = Latencies::of(commands);
        let next = latencies.between(0, Step::Doorbell, Step::Next);
        assert_eq!((next.len(), next.max()), (2, 20));
        let complete = latencies.between(0, Step::Doorbell, Step::Complete);
        assert_eq!(complete.len(), 2);
    }

    #[test]
    fn times_of_a_spoilt_log_are_no_trouble() {
        let mut commands = Commands::default();
        let mut entry = Entry::new(Kind::Doorbell);
        (entry.subspace, entry.subspace_type) = (Some(0), Some(2));
        commands.event(i64::MIN, &entry);
        entry.kind = Kind::Complete;
        commands.event(i64::MAX, &entry);
        let latencies = Latencies::of(commands);
        let took = latencies.between(0, Step::Doorbell, Step::Complete);
        assert!(took.max() >= LONGEST, "{}", took.max());
    }

    #[test]
    fn an_answer_on_the_other_channel_is_acknowledged_there() {
        let mut commands = Commands::default();
        let mut event = |time, kind, subspace, kind_of, name: &str| {
            let mut entry = Entry::new(kind);
            entry.subspace = Some(subspace);
            entry.subspace_type = Some(kind_of);
            if !name.is_empty() {
                entry.set_name(name);
            }
            commands.event(time, &entry);
        };
        let name = "20261121T044142.000000000Z-00000001-000";
        event(10, Kind::Doorbell, 0, 3, "");
        event(20, Kind::Published, 0, 3, &format!("{name}.pcc"));
        event(30, Kind::Complete, 0, 3, "");
        event(35, Kind::Acknowledge, 0, 3, "");
        event(50, Kind::Taken, 1, 4, &format!("{name}.r1.pcc"));
        event(60, Kind::Loaded, 1, 4, "");
        event(70, Kind::Interrupt, 1, 4, "");
        event(90, Kind::Acknowledge, 1, 4, "");
        let latencies = Latencies::of(commands);
        let took =
            |subspace, from, to| latencies.between(subspace, from, to).max();
        assert_eq!(took(0, Step::Doorbell, Step::Acknowledge), 80);
        assert_eq!(took(1, Step::Taken, Step::Acknowledge), 30);
        let channels = [(0, Step::Doorbell), (1, Step::Taken)];
        assert_eq!(latencies.channels(), channels.into());
    }
}
