//! The frame: header, lengths, types.

use super::channels::{each, pcct};
use crate::bytes;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;
use crate::table::Table;
use crate::table::layout::{self, SUBSPACES};
use crate::table::pcct::Stop;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-001",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the header's length is the table's",
        source: "ACPI 6.5 §5.2.6, §14.1",
        explanation: "Readers take the length from the header. If it is \
            larger than the table they read what lies behind it, and what \
            Linux does with that cannot be told; if it is smaller they miss \
            subspaces. The least is 48 bytes: with less Linux finds none.",
        fix: "set Length to the number of bytes, then the checksum",
        check: length,
    },
    Rule {
        id: "PCCT-002",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "all bytes add up to zero",
        source: "ACPI 6.5 §5.2.6",
        explanation: "A wrong checksum means that the table was changed \
            after it was finished, or cut. Some systems ignore such tables.",
        fix: "compute the checksum last, over the whole table",
        check: checksum,
    },
    Rule {
        id: "PCCT-003",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the revision fits the subspaces",
        source: "ACPI 6.5 §14.1 (revision 2); ACPI 6.1 (revision 1)",
        explanation: "Revision 1 knows types 0 to 2, revision 2 came with \
            the extended subspaces. A reader of revision 1 cannot expect \
            more.",
        fix: "set Revision to 2",
        check: revision,
    },
    Rule {
        id: "PCCT-004",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "reserved global flags are zero",
        source: "ACPI 6.5 §14.1.1",
        explanation: "Only bit 0 (platform interrupt) has a meaning. Later \
            revisions may give the others one.",
        fix: "clear bits 1 to 31 of Flags",
        check: flags,
    },
    Rule {
        id: "PCCT-005",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the header's reserved bytes are zero",
        source: "ACPI 6.5 §14.1",
        explanation: "The eight bytes at offset 40 may get a meaning.",
        fix: "clear the eight bytes",
        check: reserved,
    },
    Rule {
        id: "PCCT-006",
        severity: Severity::Error,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "there are 1 to 256 subspaces",
        source: "ACPI 6.5 §14.1",
        explanation: "A subspace id is one byte. Linux refuses a table with \
            no subspace or with more than 256.",
        fix: "leave the table out, or remove subspaces",
        check: count,
    },
    Rule {
        id: "PCCT-007",
        severity: Severity::Error,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "each subspace has a length",
        source: "ACPI 6.5 §14.1.2",
        explanation: "Type and length are two bytes; a length of 0 would \
            keep a reader at the same place for ever. Linux refuses it.",
        fix: "set Length to the length of the subspace's type",
        check: no_length,
    },
    Rule {
        id: "PCCT-008",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the last subspace ends where the table does",
        source: "ACPI 6.5 §14.1",
        explanation: "A byte that is left over is too short for type and \
            length: some length before it is wrong.",
        fix: "check the Length of the last subspace and of the table",
        check: trailing,
    },
    Rule {
        id: "PCCT-009",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the subspace's type is known",
        source: "ACPI 6.5 §14.1.2",
        explanation: "Types from 6 on are reserved. Linux leaves them out \
            when it counts but not when it reads, so that the last \
            subspaces of the table get lost.",
        fix: "remove the subspace",
        check: kind,
    },
    Rule {
        id: "PCCT-010",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the subspace's length is that of its type",
        source: "ACPI 6.5 §14.1.3 to §14.1.7",
        explanation: "62, 62, 90, 164 and 164 bytes for types 0 to 4. Type \
            5 has at least 96; what follows is the vendor's.",
        fix: "set Length to the length of the subspace's type",
        check: kind_length,
    },
    Rule {
        id: "PCCT-011",
        severity: Severity::Error,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "a responder needs the platform interrupt flag",
        source: "ACPI 6.5 §14.1.6",
        explanation: "Type 4 subspaces exist for messages that come with an \
            interrupt. Linux refuses the table without the flag.",
        fix: "set bit 0 of Flags, or remove the type 4 subspaces",
        check: responder_flag,
    },
    Rule {
        id: "PCCT-012",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "there is one PCCT",
        source: "ACPI 6.5 §5.2.6",
        explanation: "Systems use the first they find; ids in AML may mean \
            the other one.",
        fix: "put all subspaces into one table",
        check: one,
    },
    Rule {
        id: "PCCT-013",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the revision is current",
        source: "ACPI 6.5 §14.1; illumos refuses others than 2",
        explanation: "Revision 1 is that of ACPI 5.0 to 6.1. Types 0 to 2 \
            may stand under it, and machines of that time have it so; but \
            not all systems read it.",
        fix: "set Revision to 2",
        check: old_revision,
    },
    Rule {
        id: "PCCT-014",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "each subspace fits in the table",
        source: "ACPI 6.5 §14.1",
        explanation: "A subspace that is longer than the rest of the table \
            is read from whatever lies behind it.",
        fix: "check the Length of the subspace and of the table",
        check: overrun,
    },
    Rule {
        id: "PCCT-015",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "there is a PCCT",
        source: "ACPI 6.5 §14.1",
        explanation: "Without the table there is no channel, and nothing to \
            judge. Most machines have none.",
        fix: "give the PCCT too, if there is one",
        check: none,
    },
];

/// The file has fewer bytes than the header claims.
fn cut(table: &Table) -> bool {
    table.claimed().is_none_or(|claimed| claimed > table.bytes.len())
}

fn length(facts: &Facts, sink: &mut Sink) {
    let Some((table, _)) = pcct(facts) else { return };
    let (claimed, have) = (table.claimed(), table.bytes.len());
    let (at, text) = match claimed {
        Some(claimed) if claimed != have => {
            (4, format!("Length is {claimed}, the table has {have}"))
        }
        Some(claimed) if claimed < SUBSPACES => {
            (4, format!("Length is {claimed}, the least is 48"))
        }
        Some(_) => return,
        None => (0, format!("the table has {have} bytes, the least is 48")),
    };
    sink.table(table, at, text).effect = length_effect(table);
}

/// What Linux does with a table of a wrong length.
fn length_effect(table: &Table) -> Effect {
    match table.claimed() {
        Some(claimed) if claimed < SUBSPACES => Effect::Table,
        _ if cut(table) => Effect::Unknown,
        // It reads as much as the header says, as we do.
        _ => Effect::None,
    }
}

fn checksum(facts: &Facts, sink: &mut Sink) {
    let Some((table, _)) = pcct(facts) else { return };
    for (at, is, should) in table.wrong_sums() {
        let text = format!("Checksum is {is:#04x}, it should be {should:#04x}");
        sink.table(table, at, text);
    }
}

fn revision_of<'f>(facts: &'f Facts) -> Option<(&'f Table, u64, Option<u8>)> {
    let (table, pcct) = pcct(facts)?;
    let newest = pcct.channels.iter().map(|channel| channel.kind);
    Some((table, table.field("revision")?, newest.max()))
}

fn revision(facts: &Facts, sink: &mut Sink) {
    match revision_of(facts) {
        Some((table, 1, Some(kind @ 3..))) => {
            let text = format!("revision 1 with a subspace of type {kind}");
            sink.table(table, 8, text);
        }
        Some((table, n, _)) if n != 1 && n != 2 => {
            sink.table(table, 8, format!("revision {n}"));
        }
        _ => {}
    }
}

fn old_revision(facts: &Facts, sink: &mut Sink) {
    if let Some((table, 1, None | Some(0..=2))) = revision_of(facts) {
        sink.table(table, 8, "revision 1");
    }
}

fn flags(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    if let Some(flags) = pcct.flags.filter(|flags| flags & !1 != 0) {
        let text = match flags {
            2 => "Flags are 0x2; did you mean bit 0, 0x1?".to_owned(),
            _ => format!("Flags are {flags:#x}"),
        };
        sink.table(table, 36, text);
    }
}

fn reserved(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    if let Some(n) = bytes::u64(pcct.bytes, 40).filter(|n| *n != 0) {
        sink.table(table, 40, format!("Reserved is {n:#x}"));
    }
}

fn count(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    let sound = table.bytes.len() >= SUBSPACES && pcct.stop.is_none();
    match (pcct.channels.len(), pcct.more) {
        (0, _) if sound => sink.table(table, SUBSPACES, "there is no subspace"),
        (n, more @ 1..) => {
            let text = format!("{} subspaces, the last have no id", n + more);
            sink.table(table, SUBSPACES, text)
        }
        _ => return,
    };
}

fn no_length(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    if let Some(Stop::NoLength { at, length }) = pcct.stop {
        let text =
            format!("Length is {length} at {at:#x}; what follows was not read");
        let finding = sink.table(table, at + 1, text);
        // Linux goes on, at the wrong place, after a length of one.
        if length != 0 {
            finding.effect = Effect::Channel;
        }
    }
}

fn trailing(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    if let Some(Stop::Trailing { at }) = pcct.stop.filter(|_| !cut(table)) {
        sink.table(table, at, "one byte is left over");
    }
}

fn overrun(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    if let Some(Stop::Overrun { at, length, left }) =
        pcct.stop.filter(|_| !cut(table))
    {
        let text = format!("Length is {length}, {left} bytes are left");
        sink.table(table, at + 1, text);
    }
}

fn kind(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    for channel in pcct.channels.iter().filter(|c| c.layout.is_none()) {
        let text = format!("type {} is reserved", channel.kind);
        sink.channel(table, channel, channel.at, text);
    }
}

fn kind_length(facts: &Facts, sink: &mut Sink) {
    let Some((table, pcct)) = pcct(facts) else { return };
    for channel in &pcct.channels {
        let Some(layout) = channel.layout else { continue };
        let (is, wanted) = (channel.bytes.len(), layout.length);
        let open = channel.kind == layout::TYPES.end - 1;
        if is < wanted || (is > wanted && !open) {
            let text = format!("Length is {is}, this type has {wanted}");
            sink.channel(table, channel, channel.at + 1, text);
        }
    }
}

fn responder_flag(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if channel.kind == 4 && !pcct.interrupts() {
            let text = "Flags say that the platform raises no interrupt";
            sink.channel(table, channel, 36, text);
        }
    });
}

fn one(facts: &Facts, sink: &mut Sink) {
    for table in facts.platform.all("PCCT").skip(1) {
        let first = pcct(facts).map_or("", |(first, _)| &first.origin);
        let text = format!(
            "a second PCCT in {}; the first, in {first}, was judged",
            table.origin
        );
        sink.whole(table, text);
    }
}

fn none(facts: &Facts, sink: &mut Sink) {
    if facts.pcct.is_none()
        && let [first, rest @ ..] = &facts.platform.tables[..]
    {
        let found = sink.whole(first, "no PCCT among them");
        found.subject = "tables".to_owned();
        if !rest.is_empty() {
            found.origin += &format!(" and {} more", rest.len());
        }
    }
}
