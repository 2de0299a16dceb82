//! `_CPC`: what CPPC says of a processor, as Linux reads it
//! (drivers/acpi/cppc_acpi.c of 7.3 and 6.12).

use crate::aml::{Cpc, Element};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink, Target};
use crate::field::Gas;
use crate::platform::Facts;
use crate::table::Table;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-096",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "_CPC has as many entries as its revision wants",
        source: "ACPI 6.6 §8.4.6.1; ACPI 5.0 (revision 1)",
        explanation: "17 of revision 1, 21 of 2, 23 of 3, 25 of 4, and more \
            above it; NumEntries counts itself and the revision. Linux \
            ignores a _CPC with another number without a word, and reads as \
            many entries as NumEntries says, wherever the package ends.",
        fix: "correct NumEntries, or the revision",
        check: entries,
    },
    Rule {
        id: "PCCT-097",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "_CPC has revision 2 or more",
        source: "Linux, drivers/acpi/cppc_acpi.c: CPPC_V2_REV",
        explanation: "Linux ignores revision 1 (ACPI 5.0, 17 entries) \
            without a word: the processor has no CPPC, and nothing uses its \
            channel.",
        fix: "write a _CPC of revision 2 or 3 for Linux, or accept that it \
            has none",
        check: old,
    },
    Rule {
        id: "PCCT-098",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "PCC registers of _CPC have 8, 16, 32 or 64 bits from bit 0",
        source: "Linux, drivers/acpi/cppc_acpi.c: cpc_read(), cpc_write()",
        explanation: "Linux takes the width for the size of its access and \
            knows these four; access to any other register fails. In PCC \
            space it does not shift: the bit offset is ignored.",
        fix: "widen the register, and let it begin at a byte",
        check: width,
    },
    Rule {
        id: "PCCT-099",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the registers of one _CPC lie in one subspace",
        source: "ACPI 6.5 §8.4.6.1; Linux, drivers/acpi/cppc_acpi.c",
        explanation: "One command reads or writes all of them. Linux \
            ignores a _CPC that names two subspaces.",
        fix: "move the registers into one subspace",
        check: mixed,
    },
    Rule {
        id: "PCCT-100",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "_CPC names a subspace below 32",
        source: "ACPI 6.5 §14.1; Linux 6.12 and 7 take 0 to 255",
        explanation: "The id stands in the byte of the access size. Linux \
            6.12 and 7 keep the two apart; kernels of early 2024 (6.9-rc and \
            stable ones of the time) took it for the size and shifted by it. \
            fwts calls 7 and 8 wrong, which they are not.",
        fix: "none needed",
        check: large,
    },
    Rule {
        id: "PCCT-101",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an entry of _CPC is a number or a register",
        source: "ACPI 6.6 §8.4.6.1",
        explanation: "Only Resource Priority, the last entry of revision 4, \
            is a package. Linux ignores a _CPC with anything else; 6.12 \
            does not look at what came with revision 4.",
        fix: "correct the entry",
        check: kinds,
    },
];

/// Entries of each revision, from 1.
const COUNTS: [u64; 4] = [17, 21, 23, 25];
/// Place of Resource Priority in the package.
const PRIORITY: usize = 24;

fn all(facts: &Facts, mut look: impl FnMut(&Table, &Cpc)) {
    for (table, aml) in &facts.aml {
        for cpc in &aml.cpcs {
            look(table, cpc);
        }
    }
}

/// Entries that a kernel looks at.
fn looked_at(kernel: Target) -> u64 {
    if kernel == Target::Linux612 { 23 } else { 25 }
}

/// A kernel takes a _CPC with that number of entries and revision.
fn takes(kernel: Target, count: u64, revision: u64) -> bool {
    let most = looked_at(kernel);
    match revision {
        0 | 1 => false,
        2 | 3 => count == COUNTS[revision as usize - 1],
        4 if most == 25 => count == 25,
        _ => count > most,
    }
}

/// Those kernels of which that is true, as a rule has them.
fn kernels(which: impl Fn(Target) -> bool) -> &'static [Target] {
    match (which(Target::Linux612), which(Target::Linux7)) {
        (true, true) => KERNELS,
        (true, false) => &[Target::Linux612],
        (false, true) => &[Target::Linux7],
        (false, false) => &[],
    }
}

fn entries(facts: &Facts, sink: &mut Sink) {
    all(facts, |table, cpc| {
        let there = cpc.elements.len() as u64;
        let Some((count, revision)) = cpc.head() else {
            let unknown = cpc.elements.iter().take(2);
            if there < 2 || !unknown.into_iter().any(|e| *e == Element::Unknown)
            {
                let text = "there is no number of entries and no revision";
                sink.object(table, &cpc.path, cpc.at, text);
            }
            return;
        };
        let wanted = match revision {
            1..=4 => COUNTS[revision as usize - 1],
            _ => count.max(26),
        };
        if count != wanted || revision == 0 {
            let text = match revision {
                0 => "there is no revision 0".to_owned(),
                1..=4 => format!(
                    "NumEntries is {count}, revision {revision} has {wanted}"
                ),
                _ => format!(
                    "NumEntries is {count}, revision {revision} has more \
                     than 25"
                ),
            };
            let found = sink.object(table, &cpc.path, cpc.at, text);
            found.kernels = kernels(|k| !takes(k, count, revision));
        } else if count != there {
            let text = format!("NumEntries is {count}, there are {there}");
            let found = sink.object(table, &cpc.path, cpc.at, text);
            // It stops where NumEntries ends, and where it knows no more.
            found.kernels = kernels(|k| count.min(looked_at(k)) > there);
        }
    });
}

fn old(facts: &Facts, sink: &mut Sink) {
    all(facts, |table, cpc| {
        if let Some((count, 1)) = cpc.head() {
            let text = format!("revision 1, {count} entries");
            sink.object(table, &cpc.path, cpc.at, text);
        }
    });
}

/// Registers in PCC space: place in the package, offset, register.
fn registers(cpc: &Cpc) -> impl Iterator<Item = (usize, usize, Gas)> + '_ {
    let all = cpc.elements.iter().enumerate();
    all.filter_map(|(place, element)| match element {
        Element::Register(at, gas) if gas.space == 0x0a => {
            Some((place, *at, *gas))
        }
        _ => None,
    })
}

fn width(facts: &Facts, sink: &mut Sink) {
    all(facts, |table, cpc| {
        let Some((count, revision)) = cpc.head() else { return };
        for (place, at, gas) in registers(cpc) {
            let odd = !matches!(gas.width, 8 | 16 | 32 | 64);
            if !odd && gas.bit_offset == 0 {
                continue;
            }
            // What a kernel ignores as a whole, or does not look at, has
            // other rules.
            let read = kernels(|kernel| {
                takes(kernel, count, revision)
                    && (place as u64) < looked_at(kernel)
            });
            if !read.is_empty() {
                let text = format!(
                    "entry {place} has {} bits from bit {}",
                    gas.width, gas.bit_offset
                );
                sink.object(table, &cpc.path, at, text).kernels = read;
            }
        }
    });
}

fn mixed(facts: &Facts, sink: &mut Sink) {
    all(facts, |table, cpc| {
        let mut all = registers(cpc);
        let Some((_, _, first)) = all.next() else { return };
        if let Some((place, at, other)) =
            all.find(|(_, _, gas)| gas.access != first.access)
        {
            let text = format!(
                "entry {place} is in subspace {}, the first in {}",
                other.access, first.access
            );
            sink.object(table, &cpc.path, at, text);
        }
    });
}

fn large(facts: &Facts, sink: &mut Sink) {
    all(facts, |table, cpc| {
        if let Some((_, at, gas)) =
            registers(cpc).find(|(_, _, gas)| gas.access > 31)
        {
            let text = format!("it names subspace {}", gas.access);
            sink.object(table, &cpc.path, at, text);
        }
    });
}

fn kinds(facts: &Facts, sink: &mut Sink) {
    all(facts, |table, cpc| {
        let revision = cpc.head().map_or(0, |(_, revision)| revision);
        for (place, element) in cpc.elements.iter().enumerate().skip(2) {
            let what = match element {
                Element::Package if place == PRIORITY && revision >= 4 => {
                    continue;
                }
                Element::Package => "a package",
                Element::Other(what) => what,
                _ => continue,
            };
            let text = format!("entry {place} is {what}");
            let found = sink.object(table, &cpc.path, cpc.at, text);
            found.kernels = kernels(|k| (place as u64) < looked_at(k));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As acpi_cppc_processor_probe() has it, version by version.
    #[test]
    fn linux_counts() {
        let both = |count, revision| {
            let of = |kernel| takes(kernel, count, revision);
            (of(Target::Linux612), of(Target::Linux7))
        };
        for (count, revision, wanted) in [
            (17, 1, (false, false)),
            (21, 1, (false, false)),
            (21, 2, (true, true)),
            (23, 2, (false, false)),
            (23, 3, (true, true)),
            (25, 3, (false, false)),
            (23, 4, (false, false)),
            (24, 4, (true, false)),
            (25, 4, (true, true)),
            (26, 4, (true, false)),
            (25, 5, (true, false)),
            (26, 5, (true, true)),
        ] {
            assert_eq!(both(count, revision), wanted, "{count}, {revision}");
        }
    }
}
