//! Other tables that name subspaces, and which of them they can use. Linux
//! has no user for any of them, so nothing here stops it.

use super::channels::pcct;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;
use crate::table::{Channel, Table, ras2, users};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-102",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "an MPAM controller behind PCC has a type 3 subspace",
        source: "Arm DEN0065, MSC node of interface type 0x0A",
        explanation: "Registers of an MSC are read and written by messages \
            with the extended header (MPAM-Fb, Arm DEN0144), in 32 bytes of \
            memory at least. Linux 7.3 does not drive such controllers, and \
            then uses MPAM for none; later ones refuse smaller memory. 6.12 \
            knows no MPAM.",
        fix: "name a type 3 subspace of 32 bytes or more",
        check: mpam,
    },
    Rule {
        id: "PCCT-103",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "RAS features use subspaces of types 0 to 2",
        source: "ACPI 6.5 §5.2.20, §5.2.21",
        explanation: "The regions of RASF and RAS2 begin with a header of \
            eight bytes, with a status word. Linux 6.12 and 7 have no \
            driver for either.",
        fix: "use a subspace of type 0, 1 or 2",
        check: ras,
    },
    Rule {
        id: "ACPI-009",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "nodes of the MPAM table end where their lengths say",
        source: "Arm DEN0065, MSC node",
        explanation: "A node is 72 bytes, 24 for each resource and 8 for \
            each functional dependency. Linux 7 uses no component of a table \
            whose last node goes beyond its end, and takes resources that do \
            not fit for no resources.",
        fix: "write the length of the node and the numbers of resources and \
            dependencies that are there",
        check: |facts, sink| ends(facts, sink, "MPAM"),
    },
    Rule {
        id: "PCCT-105",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the memory of a RAS subspace holds what every feature has",
        source: "ACPI 6.5 §5.2.20, §5.2.21",
        explanation: "Version, features, what is asked for, its status and \
            the number of parameter blocks end at byte 48 of the memory; the \
            block of patrol scrub has 52 bytes more, since ACPI 6.6 up to \
            312. Linux 6.12 and 7 have no driver for RASF and RAS2.",
        fix: "make the memory 48 bytes, and the blocks of its features",
        check: ras_memory,
    },
    Rule {
        id: "ACPI-012",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the descriptors of RAS2 fill the table",
        source: "ACPI 6.5 §5.2.21",
        explanation: "A descriptor has eight bytes, and the table says how \
            many there are. Whoever takes the number reads beyond the end, \
            whoever takes the length reads others. Linux 6.12 and 7 have no \
            driver for RAS2.",
        fix: "write the number of descriptors that are there",
        check: |facts, sink| ends(facts, sink, "RAS2"),
    },
    Rule {
        id: "ACPI-013",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a platform has RASF or RAS2, not both",
        source: "ACPI 6.5 §5.2.21",
        explanation: "RAS2 has all that RASF has, and more instances of it. \
            With both there are two ways to the same scrubber. Linux 6.12 \
            and 7 have no driver for either.",
        fix: "leave RASF out",
        check: ras_both,
    },
];

/// Subspaces that exist and that tables with these signatures name.
fn named(
    facts: &Facts,
    signatures: &[&str],
    mut look: impl FnMut(&Table, &Channel, usize),
) {
    let Some((_, pcct)) = pcct(facts) else { return };
    for table in &facts.platform.tables {
        if !signatures.contains(&table.signature().as_str()) {
            continue;
        }
        for (id, at) in users::subspaces(table) {
            let channel = pcct.channel(id).filter(|channel| channel.whole());
            if let Some(channel) = channel {
                look(table, channel, at);
            }
        }
    }
}

fn mpam(facts: &Facts, sink: &mut Sink) {
    named(facts, &["MPAM"], |table, channel, at| {
        let title = channel.title();
        if channel.kind != 3 {
            sink.table(table, at, format!("an MSC names {title}"));
        } else if channel.size < 32 {
            let size = channel.size;
            let text = format!("the memory of {title} has {size} bytes");
            sink.table(table, at, text);
        }
    });
}

/// Where a table of parts does not end as it says.
fn ends(facts: &Facts, sink: &mut Sink, signature: &str) {
    for table in facts.platform.all(signature) {
        if let Some((_, Some(stop))) = users::parts(table) {
            sink.table(table, stop.at, stop.text);
        }
    }
}

fn ras(facts: &Facts, sink: &mut Sink) {
    named(facts, &["RASF", "RAS2"], |table, channel, at| {
        if channel.kind > 2 {
            sink.table(table, at, format!("it names {}", channel.title()));
        }
    });
}

fn ras_memory(facts: &Facts, sink: &mut Sink) {
    named(facts, &["RASF", "RAS2"], |table, channel, at| {
        if channel.size < ras2::LEAST {
            let (title, size) = (channel.title(), channel.size);
            let text = format!("the memory of {title} has {size} bytes");
            sink.table(table, at, text);
        }
    });
}

fn ras_both(facts: &Facts, sink: &mut Sink) {
    if let Some(old) = facts.platform.all("RASF").next()
        && let Some(table) = facts.platform.all("RAS2").next()
    {
        let text = format!("there is RASF, too, from {}", old.origin);
        sink.whole(table, text);
    }
}
