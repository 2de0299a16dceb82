//! Who names which subspace.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

use super::channels::pcct;
use crate::aml::{Reference, Use};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink, Target};
use crate::platform::Facts;
use crate::table::{Channel, Table, users};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-080",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "who names a subspace names one that exists",
        source: "ACPI 6.5 §14.1 (the id is the index in the table)",
        explanation: "AML or another table names a subspace by its index. \
            The index after the last one is a common mistake.",
        fix: "correct the id, or add the subspace",
        check: exists,
    },
    Rule {
        id: "PCCT-081",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an OperationRegion does not use a responder",
        source: "ACPI 6.5 §5.5.2.4.7",
        explanation: "On a type 4 subspace the system cannot send: only the \
            platform begins there.",
        fix: "use a type 3 subspace",
        check: region_responder,
    },
    Rule {
        id: "PCCT-104",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an OperationRegion uses a type 3 subspace",
        source: "ACPICA, exfield.c, in Linux 6.12 and 7",
        explanation: "The specification allows types 0 to 2. But ACPICA \
            sends when something is written to bytes 12 to 15, where type 3 \
            has its command; the command of types 0 to 2 is at 4, and what \
            is written there is kept and never sent. ACPICA changes that \
            since July 2026, and neither kernel has it.",
        fix: "use a type 3 subspace for Linux",
        check: region_type,
    },
    Rule {
        id: "PCCT-106",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "a field of an OperationRegion begins where Linux sends",
        source: "ACPICA, exfield.c, in Linux 6.12 and 7",
        explanation: "ACPICA counts from the signature, and sends when a \
            field that begins at byte 12 to 15 is written. AML that counts \
            from behind the signature, as the specification has it, has its \
            command at byte 8: there it is kept and never sent, and what is \
            at byte 12 is sent as a command. ACPICA changes that since July \
            2026; AML for both needs a region of its own for each.",
        fix: "begin the fields with the signature, so that the command of \
            type 3 is at byte 12",
        check: region_linux,
    },
    Rule {
        id: "PCCT-107",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a field of an OperationRegion begins where the command is",
        source: "ACPI 6.5 §5.5.2.4.7",
        explanation: "A region begins behind the signature: the command of \
            types 0 to 2 is at byte 0, that of type 3 at byte 8. Writing it \
            sends; without a field there nothing is ever sent. Looked at \
            for the target spec; PCCT-106 is about Linux.",
        fix: "declare the command as a field of its own",
        check: region_command,
    },
    Rule {
        id: "PCCT-082",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an OperationRegion's subspace has no other user",
        source: "ACPI 6.5 §14.7",
        explanation: "A channel has one driver. CPPC, RASF, RAS2, MPST, \
            PDTT and OperationRegions cannot share one.",
        fix: "give the region a subspace of its own",
        check: region_alone,
    },
    Rule {
        id: "PCCT-084",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "each subspace has a user",
        source: "ACPI 6.5 §14.1",
        explanation: "Nothing in the tables names it. A driver that knows \
            the id by itself does no harm; more often a reference has the \
            wrong id. Looked at only when there is a DSDT or SSDT, and \
            everything in them that may name a subspace could be read.",
        fix: "name it where it is used, or accept the finding",
        check: orphan,
    },
    Rule {
        id: "PCCT-085",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "OperationRegions have interrupts",
        source: "Linux, drivers/acpi/acpi_pcc.c",
        explanation: "Linux waits for the answer by interrupt only, and \
            refuses the region without the platform interrupt flag.",
        fix: "set bit 0 of Flags",
        check: region_polled,
    },
    Rule {
        id: "PCCT-086",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a _CPC register lies in the communication space",
        source: "ACPI 6.5 §8.4.6.1, §14.2",
        explanation: "The address counts from the byte after the header; \
            with its width it must end within the memory.",
        fix: "correct the address, or make the memory larger",
        check: cpc_inside,
    },
    Rule {
        id: "PCCT-087",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "an OperationRegion is not larger than the memory",
        source: "ACPI 6.5 §5.5.2.4.7; ACPICA, exfield.c, in Linux 6.12 and 7",
        explanation: "What lies beyond the shared memory is never sent. By \
            the specification a region begins behind the signature, and has \
            four bytes less than the memory. ACPICA puts its first byte at \
            the signature: Linux takes a region as large as the memory, and \
            AML that is laid out for Linux needs it. So the four bytes are a \
            finding for the target spec only. ACPICA's maintainers look at a \
            change since July 2026; no kernel here has it.",
        fix: "make the region smaller, or the memory larger",
        check: region_size,
    },
    Rule {
        id: "PCCT-088",
        severity: Severity::Warning,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "_CPC names a subspace of types 0 to 2",
        source: "ACPI 6.5 §8.4.6.1; Linux, drivers/acpi/cppc_acpi.c",
        explanation: "CPPC uses the eight-byte header with its status word; \
            Linux does not look at the type and reads the wrong bytes.",
        fix: "use a subspace of type 0, 1 or 2",
        check: cpc_type,
    },
];

fn find<'f>(
    facts: &'f Facts,
    reference: &Reference,
) -> Option<&'f Channel<'f>> {
    let id = usize::try_from(reference.subspace?).ok()?;
    pcct(facts)?.1.channel(id).filter(|channel| channel.whole())
}

fn regions<'f>(
    facts: &'f Facts,
) -> impl Iterator<Item = (&'f Table, &'f Reference)> {
    facts
        .references()
        .filter(|(.., found)| matches!(found.usage, Use::Region { .. }))
        .map(|(table, _, found)| (table, found))
}

/// Subspaces that other tables name: table, id, offset.
fn tables<'f>(
    facts: &'f Facts,
) -> impl Iterator<Item = (&'f Table, usize, usize)> {
    facts.platform.tables.iter().flat_map(|table| {
        let named = users::subspaces(table).into_iter();
        named.map(move |(id, at)| (table, id, at))
    })
}

fn exists(facts: &Facts, sink: &mut Sink) {
    let count = pcct(facts).map_or(0, |(_, pcct)| pcct.channels.len());
    let range = match count {
        0 => "there is none".to_owned(),
        1 => "there is only 0".to_owned(),
        n => format!("there are 0 to {}", n - 1),
    };
    // All registers of a _CPC name one subspace: that is one mistake.
    let mut told = HashSet::new();
    for (table, _, found) in facts.references() {
        if let Some(id) = found.subspace.filter(|id| *id >= count as u64)
            && (!matches!(found.usage, Use::Cpc { .. })
                || told.insert((&found.path, id)))
        {
            let usage = found.usage.text();
            let text = format!("{usage} names subspace {id}; {range}");
            sink.object(table, &found.path, found.at, text);
        }
    }
    for (table, id, at) in tables(facts).filter(|(_, id, _)| *id >= count) {
        let text = format!("names subspace {id}; {range}");
        // Linux has no user for the channels of these tables.
        sink.table(table, at, text).effect = Effect::None;
    }
}

fn region_responder(facts: &Facts, sink: &mut Sink) {
    region_of(facts, sink, |kind| kind == 4);
}

fn region_type(facts: &Facts, sink: &mut Sink) {
    region_of(facts, sink, |kind| kind < 3 || kind == 5);
}

fn region_of(facts: &Facts, sink: &mut Sink, wrong: fn(u8) -> bool) {
    for (table, found) in regions(facts) {
        if let Some(channel) = find(facts, found)
            && wrong(channel.kind)
        {
            let text = format!("the region uses {}", channel.title());
            sink.object(table, &found.path, found.at, text);
        }
    }
}

/// Regions of which a list of fields could be read, and none of the fields
/// begins within these bytes of a channel's.
fn region_fields(
    facts: &Facts,
    sink: &mut Sink,
    within: impl Fn(&Channel) -> Option<RangeInclusive<u64>>,
    only: Option<Target>,
) {
    for (table, found) in regions(facts) {
        let Some(channel) = find(facts, found) else { continue };
        let Some(within) = within(channel) else { continue };
        let lists = facts.aml.iter().flat_map(|(_, aml)| &aml.fields);
        let mut lists = lists.filter(|it| it.are_of(&found.path)).peekable();
        let first = lists.peek().map(|list| list.at);
        let mut begins = lists.flat_map(|list| &list.begins);
        if let Some(at) = first
            && !begins.any(|bit| within.contains(&(bit / 8)))
        {
            let (from, to) = (within.start(), within.end());
            let text = format!(
                "no field begins at byte {from} to {to}, and so nothing is \
                 sent to {}",
                channel.title()
            );
            sink.object(table, &found.path, at, text).only = only;
        }
    }
}

fn region_linux(facts: &Facts, sink: &mut Sink) {
    let command = |channel: &Channel| (channel.kind == 3).then_some(12..=15);
    region_fields(facts, sink, command, None);
}

fn region_command(facts: &Facts, sink: &mut Sink) {
    let command = |channel: &Channel| match channel.kind {
        0..=2 => Some(0..=1),
        3 => Some(8..=11),
        _ => None,
    };
    region_fields(facts, sink, command, Some(Target::Spec));
}

fn region_alone(facts: &Facts, sink: &mut Sink) {
    // Linux has no driver for what only a table names.
    let mut others: BTreeMap<u64, (String, Effect)> = BTreeMap::new();
    for (table, id, _) in tables(facts) {
        others.insert(id as u64, (table.signature(), Effect::None));
    }
    for (_, _, found) in facts.references() {
        let other = match found.usage {
            Use::Region { .. } => continue,
            Use::Cpc { .. } => "CPPC".to_owned(),
            _ => found.path.clone(),
        };
        let other = (other, Effect::Channel);
        others.insert(found.subspace.unwrap_or(u64::MAX), other);
    }
    for (table, found) in regions(facts) {
        if let Some(id) = found.subspace
            && let Some((other, effect)) = others.get(&id)
        {
            let text = format!("subspace {id} is also used by {other}");
            let found = sink.object(table, &found.path, found.at, text);
            found.effect = *effect;
        }
    }
}

fn orphan(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    if facts.aml.is_empty() || !super::user::all_known(facts) {
        return;
    }
    let mut named: HashSet<u64> =
        facts.references().filter_map(|(.., found)| found.subspace).collect();
    named.extend(tables(facts).map(|(_, id, _)| id as u64));
    named.extend(super::user::built_in(facts));
    for channel in &pcct.channels {
        if !named.contains(&(channel.id as u64)) {
            let text = "nothing names it";
            sink.channel(table, channel, channel.at, text);
        }
    }
}

fn region_polled(facts: &Facts, sink: &mut Sink) {
    let Some((_, pcct)) = pcct(facts) else { return };
    if !pcct.interrupts() {
        for (table, found) in regions(facts) {
            let text = "the platform raises no interrupt";
            sink.object(table, &found.path, found.at, text);
        }
    }
}

fn cpc_inside(facts: &Facts, sink: &mut Sink) {
    for (table, _, found) in facts.references() {
        let Use::Cpc { address, width, bit_offset } = found.usage else {
            continue;
        };
        let Some(channel) = find(facts, found) else { continue };
        let bits = u64::from(width) + u64::from(bit_offset);
        let end = address.saturating_add(bits.div_ceil(8));
        let space = channel.size.saturating_sub(channel.header_length());
        if end > space {
            let text = format!(
                "the register ends at byte {end:#x}, the communication space \
                 of {} at {space:#x}",
                channel.title()
            );
            sink.object(table, &found.path, found.at, text);
        }
    }
}

fn region_size(facts: &Facts, sink: &mut Sink) {
    for (table, found) in regions(facts) {
        if let Use::Region { length: Some(length) } = found.usage
            && let Some(channel) = find(facts, found)
        {
            // Behind the signature; ACPICA counts it in.
            let behind = channel.size.saturating_sub(4);
            let (room, only) = match length {
                n if n > channel.size => (channel.size, None),
                n if n > behind => (behind, Some(Target::Spec)),
                _ => continue,
            };
            let behind =
                if only.is_some() { " behind the signature" } else { "" };
            let text = format!(
                "the region has {length} bytes, the memory of {} has {room}\
                 {behind}",
                channel.title()
            );
            sink.object(table, &found.path, found.at, text).only = only;
        }
    }
}

fn cpc_type(facts: &Facts, sink: &mut Sink) {
    let mut told = HashSet::new();
    for (table, _, found) in facts.references() {
        if matches!(found.usage, Use::Cpc { .. })
            && let Some(channel) = find(facts, found)
            && channel.kind > 2
            && told.insert((&found.path, channel.id))
        {
            let text = format!("_CPC uses {}", channel.title());
            sink.object(table, &found.path, found.at, text);
        }
    }
}
