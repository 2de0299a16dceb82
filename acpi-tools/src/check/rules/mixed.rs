//! What was read from more than one machine, or contradicts itself.

use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ACPI-010",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "there is one RSDP, FADT, DSDT, MADT and MCFG",
        source: "ACPI 6.5 §5.2.5, §5.2.9, §5.2.11.1, §5.2.12",
        explanation: "They describe the whole machine, and only the first was \
            judged. Two of them are those of two machines, more often than \
            of one: then all findings about other tables are in doubt.",
        fix: "give the tables of one machine at a time",
        check: single,
    },
    Rule {
        id: "ACPI-011",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a listing's fields and its raw data agree",
        source: "iasl -d prints both from the same bytes",
        explanation: "Somebody has changed the one or the other. The raw data \
            was judged.",
        fix: "run iasl -d again, and send all it writes",
        check: doubtful,
    },
];

const SINGLE: &[&str] = &["RSDP", "FACP", "DSDT", "APIC", "MCFG"];

fn single(facts: &Facts, sink: &mut Sink) {
    for name in SINGLE {
        let all = facts.platform.tables.iter();
        let mut all = all.filter(|table| table.signature() == *name);
        let Some(first) = all.next() else { continue };
        for table in all {
            let text = format!("the first one is in {}", first.origin);
            sink.whole(table, text);
        }
    }
}

fn doubtful(facts: &Facts, sink: &mut Sink) {
    for doubt in &facts.platform.doubts {
        let mut tables = facts.platform.tables.iter();
        let table = tables.find(|table| table.origin == doubt.origin);
        if let Some(table) = table {
            sink.table(table, doubt.at, doubt.text.clone());
        }
    }
}
