//! Times, and what only type 5 has.

use super::channels::each;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;

/// Microseconds in a minute.
const MINUTE: u64 = 60_000_000;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-060",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the nominal latency can serve for a timeout",
        source: "ACPI 6.5 §14.1.3; Linux and illumos wait 500 times as long",
        explanation: "With 0 some drivers give up at once; with more than a \
            second they wait for minutes before they say that a command is \
            lost.",
        fix: "name the typical time of a command",
        check: latency,
    },
    Rule {
        id: "PCCT-061",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "latency, rate and turnaround fit each other",
        source: "ACPI 6.5 §14.1.3",
        explanation: "A pause a thousand times as long as the command, or \
            pauses that leave no room for the periodic rate, come from \
            mixed units: all are microseconds, the rate is by minute. A \
            rate that the latency alone never allows is no finding: it is \
            the most that the platform takes, not what it delivers, and \
            60000 a minute with a latency of 4000 us is what most AMD boards \
            have.",
        fix: "check the units",
        check: fit,
    },
    Rule {
        id: "PCCT-062",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a responder has no times",
        source: "ACPI 6.5 §14.1.6",
        explanation: "Latency, rate and turnaround are about commands of \
            the system; in type 4 readers ignore them, and machines that \
            name some work.",
        fix: "set them to 0",
        check: responder,
    },
    Rule {
        id: "PCCT-063",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "type 5 has version 1",
        source: "ACPI 6.5 §14.1.7",
        explanation: "Version 1 is the only one there is.",
        fix: "set Version to 1",
        check: version,
    },
    Rule {
        id: "PCCT-064",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the memory of type 5 holds its signature",
        source: "ACPI 6.5 §14.4",
        explanation: "The signature takes four bytes; a length of 0 says \
            that there is no memory.",
        fix: "make the region larger, or set its length to 0",
        check: signature,
    },
    Rule {
        id: "PCCT-066",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the turnaround fits in 16 bits",
        source: "Linux, drivers/mailbox/pcc.c: kept in 16 bits",
        explanation: "Linux keeps the lower 16 bits of the turnaround of \
            types 3 to 5: 65536 microseconds are none.",
        fix: "use at most 65535 microseconds",
        check: wide,
    },
];

fn latency(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let at = channel.offset("nominal_latency");
        match channel.latency {
            _ if channel.kind == 4 => {}
            Some(0) => {
                sink.channel(table, channel, at, "nominal_latency is 0");
            }
            Some(n @ 1_000_001..) => {
                let text = format!("nominal_latency is {n} us");
                sink.channel(table, channel, at, text);
            }
            _ => {}
        }
    });
}

fn fit(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let latency = channel.latency.unwrap_or(0);
        let turnaround = channel.turnaround.unwrap_or(0);
        let rate = channel.rate.unwrap_or(0);
        let at = channel.offset("min_turnaround");
        if channel.kind == 4 {
        } else if latency > 0 && turnaround > latency.saturating_mul(1000) {
            let text = format!(
                "a pause of {turnaround} us after commands of {latency} us"
            );
            sink.channel(table, channel, at, text);
        } else if rate.saturating_mul(turnaround) > MINUTE {
            let text = format!(
                "{rate} commands a minute do not fit with pauses of \
                 {turnaround} us"
            );
            sink.channel(table, channel, at, text);
        }
    });
}

fn responder(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let times = [
            ("nominal_latency", channel.latency),
            ("max_periodic_rate", channel.rate),
            ("min_turnaround", channel.turnaround),
        ];
        let named: Vec<_> = times
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .filter(|(_, value)| *value != 0 && channel.kind == 4)
            .collect();
        if let [(first, _), ..] = named[..] {
            let texts = named.iter().map(|(name, n)| format!("{name} is {n}"));
            let text = texts.collect::<Vec<_>>().join(", ");
            sink.channel(table, channel, channel.offset(first), text);
        }
    });
}

fn version(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(n) = channel.number("version").filter(|n| *n != 1) {
            let at = channel.offset("version");
            sink.channel(table, channel, at, format!("version {n}"));
        }
    });
}

fn signature(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if channel.kind == 5 && (1..4).contains(&channel.size) {
            let at = channel.offset("memory_length");
            let text = format!("{} bytes", channel.size);
            sink.channel(table, channel, at, text);
        }
    });
}

fn wide(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(n @ 65_536..) = channel.turnaround {
            let at = channel.offset("min_turnaround");
            let text = format!("{n} us are {} us to Linux", n & 0xffff);
            sink.channel(table, channel, at, text);
        }
    });
}
