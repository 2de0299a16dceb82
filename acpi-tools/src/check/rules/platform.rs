//! Tables against each other, the device tree and the memory map.

use std::collections::BTreeSet;

use super::channels::{each, overlap};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::field::gsiv;
use crate::platform::Facts;
use crate::table::Table;
use crate::table::header::LENGTH;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ACPI-001",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the header's length is the table's",
        source: "ACPI 6.5 §5.2.6, §5.2.5.3 (RSDP), §5.2.10 (FACS)",
        explanation: "Readers take the length from the header. The least is \
            36 bytes, for a FACS 64; an RSDP has 20, from revision 2 on 36.",
        fix: "set Length to the number of bytes, then the checksum",
        check: length,
    },
    Rule {
        id: "ACPI-002",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "all bytes add up to zero",
        source: "ACPI 6.5 §5.2.6, §5.2.5.3 (RSDP)",
        explanation: "A wrong checksum means that the table was changed \
            after it was finished, or cut. A FACS has none. In an RSDP the \
            first 20 bytes add up to zero, from revision 2 on all do, too.",
        fix: "compute the checksum last, over the whole table",
        check: checksum,
    },
    Rule {
        id: "ACPI-003",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "no two tables have the same ids",
        source: "ACPI 6.5 §5.2.11.2",
        explanation: "Loaders tell SSDTs apart by signature, OEM id and OEM \
            table id, and an override from an initrd may replace the wrong \
            one. Half of all machines have such SSDTs and work.",
        fix: "give the second another OEM Table ID",
        check: twice,
    },
    Rule {
        id: "ACPI-004",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "MADT, FADT and MCFG can be read",
        source: "ACPI 6.5 §5.2.12, §5.2.9; PCI firmware 3.3 §4.1.2",
        explanation: "An entry is longer than the table, or the table \
            shorter than its fields. What it would have said about the PCCT \
            was not checked.",
        fix: "correct the length at the offset",
        check: damaged,
    },
    Rule {
        id: "ACPI-005",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "AML does not contradict itself",
        source: "ACPI 6.5 §20.2.4",
        explanation: "A package ends outside the one it is in, or scopes \
            are nested without end. What lies behind was not read.",
        fix: "compile the table again",
        check: damaged_aml,
    },
    Rule {
        id: "ACPI-006",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "AML can be read without running it",
        source: "acpi-tools reads declarations and constants",
        explanation: "A part of the table needs evaluation. It was searched \
            for PCC regions, nothing else.",
        fix: "none needed",
        check: unread_aml,
    },
    Rule {
        id: "ACPI-007",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the device tree can be read",
        source: "Devicetree Specification 0.4 §5",
        explanation: "What it would have said about the PCCT was not \
            checked.",
        fix: "extract it again; dtc tells more",
        check: damaged_tree,
    },
    Rule {
        id: "PCCT-028",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "shared memory is not free memory",
        source: "ACPI 6.5 §14.2",
        explanation: "The memory map gives the region to the operating \
            system, which will put other things there. Linux on Arm refuses \
            to map it for the driver.",
        fix: "reserve the region in the memory map",
        check: free,
    },
    Rule {
        id: "PCCT-090",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the device tree's windows hold the channels",
        source: "QEMU, docs/specs/pcc.rst",
        explanation: "Device tree and PCCT describe the same device; a \
            region or register outside all windows is wrong in one of them.",
        fix: "make the node's reg and the PCCT agree",
        check: window,
    },
    Rule {
        id: "PCCT-091",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the device tree has the same interrupts",
        source: "QEMU, docs/specs/pcc.rst",
        explanation: "Device tree and PCCT describe the same device; an \
            interrupt that is in one only is wrong in one of them.",
        fix: "make the node's interrupts and the PCCT agree",
        check: interrupts,
    },
    Rule {
        id: "PCCT-092",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the device tree's channels have the PCCT's types",
        source: "QEMU, docs/specs/pcc.rst",
        explanation: "A channel's node names its subspace id and type.",
        fix: "make the node and the PCCT agree",
        check: types,
    },
    Rule {
        id: "PCCT-093",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the interrupt is none of the v2m frame's",
        source: "ACPI 6.5 §5.2.12.16",
        explanation: "GICv2m hands out the SPIs of its frame as MSIs of \
            PCIe devices; the same SPI then comes from two sources.",
        fix: "use an SPI outside the frame, or make the frame smaller",
        check: v2m,
    },
    Rule {
        id: "PCCT-094",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "channels lie neither in the GIC nor in PCIe configuration",
        source: "ACPI 6.5 §5.2.12; PCI firmware 3.3 §4.1.2",
        explanation: "MADT or MCFG say that something else is at that \
            address.",
        fix: "move the region or the register",
        check: occupied,
    },
];

fn length(facts: &Facts, sink: &mut Sink) {
    for table in others(facts) {
        if let Some((at, text)) = table.misfit() {
            sink.table(table, at, text);
        }
    }
}

fn checksum(facts: &Facts, sink: &mut Sink) {
    for table in others(facts) {
        for (at, is, should) in table.wrong_sums() {
            let name = match at {
                32 => "Extended Checksum",
                _ => "Checksum",
            };
            let text =
                format!("{name} is {is:#04x}, it should be {should:#04x}");
            sink.table(table, at, text);
        }
    }
}

/// All but the PCCTs, which have rules of their own.
fn others<'f>(facts: &Facts<'f>) -> impl Iterator<Item = &'f Table> {
    let all = facts.platform.tables.iter();
    all.filter(|table| !table.bytes.starts_with(b"PCCT"))
}

fn identity(table: &Table) -> Vec<u8> {
    // Signature, OEM id, OEM table id; length and checksum are none.
    let id = table.identity();
    [id.get(..4), id.get(10..24)]
        .into_iter()
        .flatten()
        .flatten()
        .copied()
        .collect()
}

fn twice(facts: &Facts, sink: &mut Sink) {
    let mut seen = std::collections::HashMap::new();
    let mut found: Option<(&Table, &String)> = None;
    let mut count = 0;
    for table in &facts.platform.tables {
        // A second PCCT has a rule of its own.
        if table.bytes.starts_with(b"PCCT") || !table.has_ids() {
            continue;
        }
        if let Some(first) = seen.insert(identity(table), &table.origin) {
            found.get_or_insert((table, first));
            count += 1;
        }
    }
    if let Some((table, first)) = found {
        let text = match count {
            1 => format!("the ids are those of {first}"),
            n => format!(
                "the ids are those of {first}; {n} tables have the ids of \
                 one before them"
            ),
        };
        sink.table(table, 10, text);
    }
}

fn damaged(facts: &Facts, sink: &mut Sink) {
    let broken = [
        facts.interrupts.as_ref().map(|(t, r)| (*t, r.as_ref().err())),
        facts.fixed.as_ref().map(|(t, r)| (*t, r.as_ref().err())),
        facts.ecam.as_ref().map(|(t, r)| (*t, r.as_ref().err())),
    ];
    for (table, damage) in broken.into_iter().flatten() {
        // A wrong length in the header has a rule of its own.
        let sound = table.claimed() == Some(table.bytes.len())
            && table.bytes.len() >= LENGTH;
        if let Some(damage) = damage.filter(|_| sound) {
            sink.table(table, damage.at, damage.text.clone());
        }
    }
}

fn damaged_aml(facts: &Facts, sink: &mut Sink) {
    for (table, aml) in &facts.aml {
        for trouble in aml.troubles.iter().filter(|t| t.damaged) {
            sink.table(table, trouble.at, trouble.text.clone());
        }
    }
}

/// One line a table: most tables of most machines have such places.
fn unread_aml(facts: &Facts, sink: &mut Sink) {
    for (table, aml) in &facts.aml {
        // What is damaged is also unread: say the former only.
        let damaged = aml.troubles.iter().any(|t| t.damaged);
        let Some(first) = aml.troubles.first().filter(|_| !damaged) else {
            continue;
        };
        let text = match aml.troubles.len() + aml.more_troubles {
            1 => first.text.clone(),
            n => format!("{n} places, here the first: {}", first.text),
        };
        sink.table(table, first.at, text);
    }
}

fn damaged_tree(facts: &Facts, sink: &mut Sink) {
    if let Some((blob, Err(damage))) = &facts.tree {
        sink.table(blob, damage.at, damage.text).subject =
            "device tree".to_owned();
    }
}

fn free(facts: &Facts, sink: &mut Sink) {
    let Some(map) = &facts.map else { return };
    each(facts, |table, _, channel| {
        if channel.size > 0
            && channel.base > 0
            && let Some((first, last)) = map.free(channel.base, channel.size)
        {
            let text = format!(
                "{:#x} bytes from {:#x} lie in RAM {first:#x}..{last:#x} ({})",
                channel.size, channel.base, map.origin
            );
            sink.channel(table, channel, channel.offset("base_address"), text);
        }
    });
}

fn window(facts: &Facts, sink: &mut Sink) {
    let Some((_, Ok(tree))) = &facts.tree else { return };
    let Some(controller) = tree.controller() else { return };
    let windows: Vec<_> = controller
        .reg
        .iter()
        .chain(tree.channels().flat_map(|node| &node.reg))
        .collect();
    let outside = |base: u64, length: u64| {
        !windows.iter().any(|(start, size)| {
            base >= *start
                && base - start < *size
                && length <= size - (base - start)
        })
    };
    each(facts, |table, _, channel| {
        if channel.size > 0 && outside(channel.base, channel.size) {
            let at = channel.offset("base_address");
            let text = format!(
                "{:#x} bytes from {:#x} lie in no window of the device tree",
                channel.size, channel.base
            );
            sink.channel(table, channel, at, text);
        }
        for register in channel.registers().filter(|r| r.gas.space == 0) {
            if outside(register.gas.address, register.gas.bytes()) {
                let text = format!(
                    "{} {:#x} lies in no window of the device tree",
                    register.name, register.gas.address
                );
                sink.channel(table, channel, register.at, text);
            }
        }
    });
}

fn interrupts(facts: &Facts, sink: &mut Sink) {
    let Some((blob, Ok(tree))) = &facts.tree else { return };
    let Some(controller) = tree.controller() else { return };
    // Of QEMUs before, the controller's node had them, too.
    let spis: BTreeSet<u32> = controller
        .spis
        .iter()
        .chain(tree.channels().flat_map(|node| &node.spis))
        .map(|(spi, _)| spi.saturating_add(32))
        .collect();
    let mut used = Vec::new();
    each(facts, |table, pcct, channel| {
        let Some(number) = channel.gsiv.filter(|_| pcct.interrupts()) else {
            return;
        };
        used.push(number);
        if number != 0 && !spis.contains(&number) {
            let text = format!(
                "{} is no interrupt of {}",
                gsiv(u64::from(number)),
                controller.path
            );
            sink.channel(table, channel, channel.offset("gsiv"), text);
        }
    });
    let polled = facts.pcct.as_ref().is_none_or(|(_, p)| !p.interrupts());
    for spi in spis.iter().filter(|spi| !used.contains(spi) && !polled) {
        let text = format!("{} is in no subspace", gsiv(u64::from(*spi)));
        sink.object(blob, &controller.path, 0, text);
    }
}

fn types(facts: &Facts, sink: &mut Sink) {
    let Some((blob, Ok(tree))) = &facts.tree else { return };
    let Some((_, pcct)) = &facts.pcct else { return };
    for node in tree.channels() {
        let Some(id) = node.subspace_id else { continue };
        let channel = pcct.channel(id as usize);
        let kind = channel.map(|channel| u32::from(channel.kind));
        if kind != node.subspace_type {
            let says = |kind: Option<u32>| match kind {
                Some(kind) => format!("type {kind}"),
                None => "nothing".to_owned(),
            };
            let text = format!(
                "subspace {id}: {} in the device tree, {} in the PCCT",
                says(node.subspace_type),
                says(kind)
            );
            sink.object(blob, &node.path, 0, text);
        }
    }
}

fn v2m(facts: &Facts, sink: &mut Sink) {
    let Some(gic) = facts.gic() else { return };
    each(facts, |table, pcct, channel| {
        let Some(number) = channel.gsiv.filter(|_| pcct.interrupts()) else {
            return;
        };
        for (first, count) in &gic.msi {
            if number >= *first && number - first < *count {
                let text = format!(
                    "{} is one of the {count} MSIs from {}",
                    gsiv(u64::from(number)),
                    gsiv(u64::from(*first))
                );
                sink.channel(table, channel, channel.offset("gsiv"), text);
            }
        }
    });
}

fn occupied(facts: &Facts, sink: &mut Sink) {
    let mut places: Vec<(&str, u64, u64)> = Vec::new();
    places.extend(facts.gic().into_iter().flat_map(|gic| &gic.windows));
    if let Some((_, Ok(ecam))) = &facts.ecam {
        let window = |(base, length): &(u64, u64)| {
            ("PCIe configuration", *base, *length)
        };
        places.extend(ecam.iter().map(window));
    }
    // A hostile MADT may have as many windows as it likes.
    places.truncate(4096);
    each(facts, |table, _, channel| {
        let memory = [("memory", channel.base, channel.size, channel.at)];
        let registers = channel.registers().filter(|r| r.gas.space == 0);
        let registers =
            registers.map(|r| (r.name, r.gas.address, r.gas.bytes(), r.at));
        for (what, base, length, at) in memory.into_iter().chain(registers) {
            let there = places
                .iter()
                .find(|(_, start, size)| overlap(base, length, *start, *size));
            if let Some((name, start, _)) = there {
                let text = format!(
                    "{what} at {base:#x} lies in the {name} at {start:#x}"
                );
                sink.channel(table, channel, at, text);
            }
        }
    });
}
