//! What was read of DSDT and SSDTs, and what was not.

use std::collections::BTreeMap;

use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ACPI-008",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "a register descriptor says that it has 12 bytes",
        source: "ACPI 6.5 §6.4.3.7",
        explanation: "The length counts what follows it: always 12 bytes. \
            In a _CPC Linux does not look at it; a _CRS with another length \
            it refuses as a whole. The Rust crate acpi_tables 0.2.1 writes \
            18. Here the register is read as if it said 12.",
        fix: "write 12 (0x0C, 0x00) behind the tag 0x82",
        check: length,
    },
    Rule {
        id: "PCCT-073",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "what names a subspace can be read without running it",
        source: "acpi-tools reads constants, names and what methods return",
        explanation: "The object names subspaces, or may do so, and what it \
            says is computed. Rules about users of a subspace did not see \
            it, and none says that a subspace has no user. Not said when \
            there is no PCCT.",
        fix: "none needed; a Name, or a method that returns one, can be \
            checked",
        check: unread,
    },
];

fn length(facts: &Facts, sink: &mut Sink) {
    for (table, aml) in &facts.aml {
        for wrong in &aml.lengths {
            let text = format!("the descriptor says {} bytes", wrong.length);
            let found = sink.object(table, &wrong.path, wrong.at, text);
            if wrong.in_cpc || !wrong.pcc {
                found.effect = Effect::None;
            }
        }
    }
}

/// One line a table for each kind of object and each reason.
fn unread(facts: &Facts, sink: &mut Sink) {
    if facts.pcct.is_none() {
        return;
    }
    for (table, aml) in &facts.aml {
        let mut kinds = BTreeMap::new();
        for unread in &aml.unread {
            let objects = ["_CPC", "_CRS", "_DSD"];
            let kind = objects
                .into_iter()
                .find(|name| unread.path.ends_with(name))
                .unwrap_or("OperationRegion");
            kinds.entry((kind, unread.why)).or_insert((unread, 0usize)).1 += 1;
        }
        for ((kind, why), (first, count)) in kinds {
            let text = match count {
                1 => format!("not looked into: {kind}, as {why}"),
                n => format!(
                    "not looked into: this and {} more {kind}, as {why}",
                    n - 1
                ),
            };
            sink.object(table, &first.path, first.at, text);
        }
    }
}
