//! What only Linux cannot take (read from drivers/mailbox/pcc.c of 7.3 and,
//! through the facts of this project, 6.12).

use super::channels::each;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::field::Gas;
use crate::field::gsiv;
use crate::platform::Facts;
use crate::table::pcct::Register;
use crate::table::{Channel, Pcct};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-032",
        severity: Severity::Linux,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "memory registers are 8, 16, 32 or 64 bits wide",
        source: "Linux, drivers/mailbox/pcc.c: pcc_chan_reg_init()",
        explanation: "Linux sets up every register of a subspace, also \
            those that are absent (all zero), and refuses the whole table \
            when one in memory has another width. The acknowledge register \
            is looked at only with the platform interrupt flag.",
        fix: "name a register, if need be one that does nothing",
        check: width,
    },
    Rule {
        id: "PCCT-049",
        severity: Severity::Linux,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "registers do not lie in free memory",
        source: "Linux, arch/arm64: acpi_os_ioremap() refuses kernel memory",
        explanation: "The memory map says that the system may use the \
            memory as it likes. Linux on Arm does not map it a second time, \
            and refuses the table.",
        fix: "reserve the memory, or move the register",
        check: free_memory,
    },
    Rule {
        id: "PCCT-054",
        severity: Severity::Linux,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "with the interrupt flag each subspace has an interrupt",
        source: "Linux, drivers/mailbox/pcc.c: pcc_parse_subspace_irq()",
        explanation: "With the flag set Linux maps the interrupt of each \
            subspace of types 1 to 4, also where none is used, and refuses \
            the table if it is 0.",
        fix: "name an interrupt, or clear bit 0 of Flags",
        check: no_interrupt,
    },
    Rule {
        id: "PCCT-065",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "no type 5",
        source: "Linux, drivers/mailbox/pcc.c: types above 2 share a layout",
        explanation: "Linux reads type 5 by the layout of types 3 and 4: \
            memory and registers are wrong, and drivers cannot bind.",
        fix: "use another type for Linux",
        check: registers,
    },
    Rule {
        id: "PCCT-067",
        severity: Severity::Linux,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "what follows a type 5 does not make Linux refuse the table",
        source: "Linux, drivers/mailbox/pcc.c: types above 2 share a layout",
        explanation: "Read by the layout of types 3 and 4, the registers of \
            a type 5 lie in the subspace behind it. Types 0 to 2 there look \
            like registers of odd width, and no channel works.",
        fix: "put type 5 last, or make it 164 bytes long",
        check: behind,
    },
    Rule {
        id: "PCCT-068",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "no functional fixed hardware",
        source: "Linux, drivers/acpi/acpica/hwregs.c: memory and I/O only",
        explanation: "Linux accepts the table, but its access to the \
            register fails each time.",
        fix: "use SystemMemory (0)",
        check: fixed_hardware,
    },
    Rule {
        id: "PCCT-076",
        severity: Severity::Linux,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "the interrupt is one that the GIC has",
        source: "Linux, drivers/irqchip/irq-gic-v3.c",
        explanation: "INTIDs below 16 are between processors, from 1020 on \
            they are special or none. Linux cannot map them and refuses the \
            table.",
        fix: "use 32 plus the number of an SPI",
        check: no_intid,
    },
];

/// The registers Linux sets up for a channel.
fn looked_at(
    interrupts: bool,
    channel: &Channel,
) -> impl Iterator<Item = Register> {
    channel.all_registers().filter(move |register| match channel.kind {
        // Type 5 has rules of its own.
        5 => register.name == "doorbell_register",
        _ => register.name != "ack_register" || interrupts,
    })
}

fn usable(gas: &Gas) -> bool {
    gas.space != 0 || matches!(gas.width, 8 | 16 | 32 | 64)
}

fn width(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        for register in looked_at(pcct.interrupts(), channel) {
            if !usable(&register.gas) {
                let text = match register.gas.absent() {
                    true => format!("{} is absent (all zero)", register.name),
                    false => format!(
                        "{} is {} bits wide",
                        register.name, register.gas.width
                    ),
                };
                sink.channel(table, channel, register.at, text);
            }
        }
    });
}

fn free_memory(facts: &Facts, sink: &mut Sink) {
    let Some(map) = &facts.map else { return };
    each(facts, |table, pcct, channel| {
        for register in looked_at(pcct.interrupts(), channel) {
            let gas = register.gas;
            if gas.space == 0
                && gas.address != 0
                && let Some((first, last)) = map.free(gas.address, gas.bytes())
            {
                let text = format!(
                    "{} {:#x} lies in RAM {first:#x}..{last:#x} ({})",
                    register.name, gas.address, map.origin
                );
                sink.channel(table, channel, register.at, text);
            }
        }
    });
}

fn no_interrupt(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if pcct.interrupts() && channel.gsiv == Some(0) {
            let at = channel.offset("gsiv");
            sink.channel(table, channel, at, "the interrupt is 0");
        }
    });
}

fn registers(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if channel.kind == 5 && misread(pcct, channel).is_none() {
            let text = "Linux reads it as type 3";
            sink.channel(table, channel, channel.at, text);
        }
    });
}

/// Where Linux, reading a type 5 as type 3, finds a register it refuses:
/// offset and width.
fn misread(pcct: &Pcct, channel: &Channel) -> Option<(usize, u8)> {
    // Offsets of check, update and error register in types 3 and 4.
    [96, 116, 144].into_iter().find_map(|offset| {
        let at = channel.at + offset;
        let gas = Gas::decode(pcct.bytes.get(at..at + 12)?)?;
        (!usable(&gas)).then_some((at, gas.width))
    })
}

fn behind(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if channel.kind == 5
            && let Some((at, width)) = misread(pcct, channel)
        {
            let text =
                format!("Linux finds a register of {width} bits at {at:#x}");
            sink.channel(table, channel, at, text);
        }
    });
}

fn fixed_hardware(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        for register in channel.registers() {
            // Elsewhere the space itself is wrong.
            if register.gas.space == 0x7f && (1..=4).contains(&channel.kind) {
                let text = format!("{} is fixed hardware", register.name);
                sink.channel(table, channel, register.at, text);
            }
        }
    });
}

fn no_intid(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        let Some(number) = channel.gsiv.filter(|_| pcct.interrupts()) else {
            return;
        };
        // 4096 to 5119: extended SPIs of GICv3.
        if facts.arm() && matches!(number, 1..16 | 1020..4096 | 5120..) {
            let text = format!("GSIV {}", gsiv(u64::from(number)));
            sink.channel(table, channel, channel.offset("gsiv"), text);
        }
    });
}
