//! Other tables that name subspaces, and which of them they can use. Linux
//! has no user for any of them, so nothing here stops it.

use super::channels::pcct;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;
use crate::table::{Channel, Table, mpam, users};

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
        check: nodes,
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

fn nodes(facts: &Facts, sink: &mut Sink) {
    for table in &facts.platform.tables {
        if table.signature() == "MPAM"
            && let (_, Some(stop)) = mpam::walk(table.body())
        {
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
