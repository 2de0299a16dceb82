//! How the driver behaved: what pccd saw in requests, and what QEMU's trace
//! shows, against the rules of [`pccd::conduct`].
//!
//! Reads records and trace lines; does no I/O.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;

use pccd::conduct;
use pccd::record::{Event, Record};
use serde::{Deserialize, Serialize};

use crate::claim::Claims;
use crate::log::trace_line;

/// A rule that was broken on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The rule's id.
    pub rule: Cow<'static, str>,
    /// Where it stands.
    pub paragraph: Cow<'static, str>,
    /// The channel.
    pub subspace: u8,
    /// How often.
    pub count: u64,
    /// The first time: what was wrong, and when.
    pub first: String,
    /// Why that is accepted, if it is.
    pub accepted: Option<String>,
}

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({}), subspace {}",
            self.rule, self.paragraph, self.subspace
        )?;
        if self.count > 1 {
            write!(f, ", {} times", self.count)?;
        }
        write!(f, ": {}", self.first)?;
        match &self.accepted {
            Some(why) => write!(f, " [accepted: {why}]"),
            None => Ok(()),
        }
    }
}

/// What the PCCT allows on a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Commands a minute; 0: no limit.
    pub max_rate: u64,
    /// Microseconds from a completion to the next command.
    pub turnaround_us: u64,
}

/// A number among the properties of one of QEMU's devices.
pub fn number(device: &str, name: &str) -> Option<u64> {
    let mut words = device.split(',');
    let word =
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

/// The limits of the channels that these arguments give QEMU.
pub fn limits(arguments: &[OsString]) -> BTreeMap<u8, Limits> {
    let mut limits = BTreeMap::new();
    let mut next = 0;
    for argument in arguments.iter().filter_map(|one| one.to_str()) {
        let mut words = argument.split(',');
        match words.next() {
            Some("pcc-mctp") => next += 2,
            Some(driver) if driver.starts_with("pcc-type") => {
                let number = |name| number(argument, name);
                let id = number("subspace").unwrap_or(next);
                next = next.max(id + 1);
                if let Ok(id) = u8::try_from(id) {
                    limits.insert(
                        id,
                        Limits {
                            max_rate: number("max-rate").unwrap_or(0),
                            turnaround_us: number("turnaround-us").unwrap_or(0),
                        },
                    );
                }
            }
            _ => {}
        }
    }
    limits
}

/// What each rule of the device's own complaints is called here.
const COMPLAINTS: &[(&str, &str)] = &[
    ("rung while a command is pending", "doorbell-busy"),
    ("rung with command complete set", "doorbell-complete"),
    ("only the platform clears command complete", "completion-side"),
    ("bits to be preserved", "preserve"),
    ("written to while a command is pending", "region-busy"),
    ("the interrupt is not acknowledged", "acknowledge-missing"),
    ("interrupt acknowledge: write of", "acknowledge-value"),
    (" bytes at offset ", "register-access"),
];

/// Two acknowledgements within this many microseconds are for one message: a
/// driver that is unbound and bound again, and acknowledges what is left of
/// before, takes longer. Within one interrupt, on a busy host, it is 0.2 ms.
const TWICE_US: i64 = 1000;

/// A minute, in microseconds.
const MINUTE_US: i64 = 60_000_000;

#[derive(Clone, Default)]
struct Channel {
    completed: Option<i64>,
    commands: VecDeque<i64>,
    acknowledged: Option<i64>,
}

/// Collects what was broken.
#[derive(Clone, Default)]
pub struct Conduct {
    limits: BTreeMap<u8, Limits>,
    channels: BTreeMap<u8, Channel>,
    breaks: BTreeMap<(&'static str, u8), Break>,
    time: i64,
}

impl Conduct {
    /// Nothing yet, on channels of these limits.
    pub fn new(limits: BTreeMap<u8, Limits>) -> Conduct {
        Conduct { limits, ..Conduct::default() }
    }

    fn broken(&mut self, rule: &str, subspace: u8, what: &str, micros: i64) {
        // A rule of a later pccd is not known here.
        let Some(rule) = conduct::named(rule) else { return };
        let one = self.breaks.entry((rule.id, subspace)).or_insert_with(|| {
            let time = chrono::DateTime::from_timestamp_micros(micros);
            let time = time.map(|time| time.format("%H:%M:%S%.3f").to_string());
            Break {
                rule: rule.id.into(),
                paragraph: rule.paragraph.into(),
                subspace,
                count: 0,
                first: match time {
                    Some(time) if micros > 0 => format!("{what} ({time})"),
                    _ => what.to_owned(),
                },
                accepted: None,
            }
        });
        one.count += 1;
    }

    /// Takes what pccd saw.
    pub fn record(&mut self, record: &Record) {
        if record.event == Event::Conduct
            && let Some(rule) = &record.rule
        {
            let what = record.reason.as_deref().unwrap_or("");
            let subspace = record.subspace.unwrap_or(0);
            self.broken(rule, subspace, what, record.time.timestamp_micros());
        }
    }

    /// Takes a line of QEMU's log.
    pub fn trace(&mut self, line: &str) {
        let Some(line) = trace_line(line) else { return };
        let Some(subspace) = line.subspace else { return };
        // What has no time belongs to the line before.
        self.time = line.time.unwrap_or(self.time);
        let now = self.time;
        let limits = self.limits.get(&subspace).copied().unwrap_or_default();
        let channel = self.channels.entry(subspace).or_default();
        match line.event {
            "guest_error" => {
                let found = COMPLAINTS
                    .iter()
                    .find(|(words, _)| line.text.contains(words));
                if let Some((_, rule)) = found {
                    self.broken(rule, subspace, line.text, now);
                }
            }
            "pcc_outbox_command" => {
                let since = channel.completed.map(|then| now - then);
                let commands = &mut channel.commands;
                let mut too_many = None;
                if limits.max_rate > 0 {
                    commands.push_back(now);
                    while commands.front().is_some_and(|t| now - t > MINUTE_US)
                    {
                        commands.pop_front();
                    }
                    let count = commands.len() as u64;
                    too_many = (count > limits.max_rate).then_some(count);
                }
                let least = i64::try_from(limits.turnaround_us).unwrap_or(0);
                if let Some(since) = since.filter(|since| *since < least) {
                    let what = format!(
                        "rung {since} us after the completion, at least \
                         {least} are to be between"
                    );
                    self.broken("turnaround", subspace, &what, now);
                }
                if let Some(count) = too_many {
                    let what = format!(
                        "{count} commands within a minute, {} are allowed",
                        limits.max_rate
                    );
                    self.broken("rate", subspace, &what, now);
                }
            }
            "pcc_outbox_complete" => channel.completed = Some(now),
            "pcc_channel_load" | "pcc_channel_reset" => {
                channel.acknowledged = None;
            }
            "pcc_responder_acknowledge" => {
                // The trace says whether there was nothing to acknowledge.
                let nothing = line.text.trim_end().ends_with('1');
                let before = channel.acknowledged.replace(now);
                let again =
                    before.filter(|then| nothing && now - then < TWICE_US);
                if nothing {
                    channel.acknowledged = None;
                }
                if again.is_some() {
                    let what = "the message was acknowledged already";
                    self.broken("acknowledge-twice", subspace, what, now);
                }
            }
            _ => {}
        }
    }

    /// What was broken until now, as [`Conduct::breaks`] tells it in the end.
    pub fn so_far(&self, platforms: &[Claims]) -> Vec<Break> {
        self.clone().breaks(platforms)
    }

    /// All that was broken; what the platform of the channel accepts is
    /// marked.
    pub fn breaks(self, platforms: &[Claims]) -> Vec<Break> {
        self.breaks
            .into_values()
            .map(|one| {
                let own = platforms
                    .iter()
                    .find(|part| part.subspaces.contains(&one.subspace));
                let accepts = own.map(|part| &part.accepts);
                let accepted = accepts.and_then(|a| a.get(&*one.rule)).cloned();
                Break { accepted, ..one }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(limits: &[&str], lines: &[(i64, &str)]) -> Vec<String> {
        let arguments: Vec<_> = limits.iter().map(OsString::from).collect();
        let mut conduct = Conduct::new(super::limits(&arguments));
        for (time, line) in lines {
            match line.split_once(": ") {
                Some(("pcc", _)) => conduct.trace(line),
                _ => conduct.trace(&format!(
                    "7@{}.{:06}:{line}",
                    time / 1_000_000,
                    time % 1_000_000
                )),
            }
        }
        let all = conduct.breaks(&[]);
        all.iter()
            .map(|one| format!("{}@{} x{}", one.rule, one.subspace, one.count))
            .collect()
    }

    const SLOW: &str = "pcc-type2,turnaround-us=100,max-rate=2";

    #[test]
    fn each_rule_of_the_trace_has_its_two_cases() {
        let command =
            "pcc_outbox_command subspace 0: 8 bytes, interrupt wanted: 0";
        let complete = "pcc_outbox_complete subspace 0";
        let ack = |nothing: u8| {
            format!(
                "pcc_responder_acknowledge subspace 1: nothing to acknowledge: {nothing}"
            )
        };
        let (first, again) = (ack(0), ack(1));
        let load = "pcc_channel_load subspace 1: 8 bytes, flags 0x0";
        const S: i64 = 1_000_000;
        type Case<'a> = (&'a [&'a str], Vec<(i64, &'a str)>, &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            (
                &[SLOW],
                vec![(S, command), (S + 5, complete), (S + 105, command)],
                &[],
            ),
            (
                &[SLOW],
                vec![(S, command), (S + 5, complete), (S + 104, command)],
                &["turnaround@0 x1"],
            ),
            (
                &[SLOW],
                vec![(S, command), (2 * S, command), (61 * S + 1, command)],
                &[],
            ),
            (
                &[SLOW],
                vec![(S, command), (2 * S, command), (60 * S, command)],
                &["rate@0 x1"],
            ),
            (&[], vec![(S, complete), (S, command)], &[]),
            (
                &[],
                vec![(
                    S,
                    "pcc: subspace 0: doorbell: rung while a command is pending",
                )],
                &["doorbell-busy@0 x1"],
            ),
            (
                &[],
                vec![
                    (
                        S,
                        "pcc: subspace 3: doorbell: rung with command complete set",
                    ),
                    (
                        S,
                        "pcc: subspace 3: doorbell: rung with command complete set",
                    ),
                ],
                &["doorbell-complete@3 x2"],
            ),
            (
                &[],
                vec![(
                    S,
                    "pcc: subspace 1: command complete update: only the platform clears command complete",
                )],
                &["completion-side@1 x1"],
            ),
            (
                &[],
                vec![(
                    S,
                    "pcc: subspace 0: doorbell: write of 0x00000001 changes bits to be preserved, 0x00000001",
                )],
                &["preserve@0 x1"],
            ),
            (
                &[],
                vec![(
                    S,
                    "pcc: subspace 0: no register: write of 8 bytes at offset 0x0",
                )],
                &["register-access@0 x1"],
            ),
            (
                &[],
                vec![
                    (S, load),
                    (S + 1, &first),
                    (S + 2, load),
                    (S + 3, &first),
                ],
                &[],
            ),
            (
                &[],
                vec![(S, load), (S + 1, &first), (S + 800, &again)],
                &["acknowledge-twice@1 x1"],
            ),
            // Bound again
            (&[], vec![(S, load), (S + 1, &first), (S + 2000, &again)], &[]),
        ];
        for (limits, lines, wanted) in cases {
            assert_eq!(broken(limits, lines), *wanted, "{lines:?}");
        }
    }

    #[test]
    fn a_platform_accepts_breaks_on_its_own_channels() {
        let complaint = |subspace| {
            format!(
                "pcc: subspace {subspace}: doorbell: rung while a command is pending"
            )
        };
        let mut conduct = Conduct::default();
        conduct.trace(&complaint(3));
        conduct.trace(&complaint(4));
        let why = ("doorbell-busy".to_owned(), "it may".to_owned());
        let own = Claims {
            subspaces: vec![3],
            accepts: BTreeMap::from([why]),
            ..Claims::default()
        };
        let all = conduct.breaks(&[own]);
        let accepted: Vec<_> = all
            .iter()
            .map(|one| (one.subspace, one.accepted.is_some()))
            .collect();
        assert_eq!(accepted, [(3, true), (4, false)]);
    }

    #[test]
    fn channels_are_counted_as_qemu_does() {
        let arguments = [
            "-device",
            "pcc-mctp,mailbox=pcc",
            "pcc-type2,max-rate=0x10",
            "pcc-type0,subspace=7,turnaround-us=9",
        ];
        let limits = limits(&arguments.map(OsString::from));
        assert_eq!(limits[&2], Limits { max_rate: 16, turnaround_us: 0 });
        assert_eq!(limits[&7], Limits { max_rate: 0, turnaround_us: 9 });
        assert_eq!(limits.len(), 2);
    }
}
