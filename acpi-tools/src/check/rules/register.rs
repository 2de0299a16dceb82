//! Registers: address spaces, widths, presence.

use super::channels::each;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;
use crate::table::Channel;
use crate::table::pcct::Register;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-030",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "registers lie in an address space that PCC allows",
        source: "ACPI 6.5 §14.1.3 to §14.1.7",
        explanation: "Memory and I/O for types 0 and 5; functional fixed \
            hardware too for types 1 to 4.",
        fix: "use SystemMemory (0)",
        check: space,
    },
    Rule {
        id: "PCCT-031",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "no I/O ports on Arm",
        source: "Arm has no port I/O; EDK2's acpiview refuses it",
        explanation: "The MADT says that this is an Arm platform, which has \
            no I/O ports to put a register in.",
        fix: "use SystemMemory (0)",
        check: ports,
    },
    Rule {
        id: "PCCT-033",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "registers are 32 or 64 bits wide and begin at bit 0",
        source: "illumos takes nothing else; Linux ignores the bit offset",
        explanation: "Linux applies masks to the whole register whatever \
            its bit offset is; other systems refuse other widths than 32 and \
            64.",
        fix: "use width 32 or 64 and bit offset 0, and shift the masks",
        check: width,
    },
    Rule {
        id: "PCCT-034",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a register is not accessed wider than it is",
        source: "ACPI 6.5 §5.2.3.2",
        explanation: "An access size above the width reads and writes what \
            lies behind the register. The size is a code up to 4.",
        fix: "set the access size to that of the width, or to 0",
        check: access,
    },
    Rule {
        id: "PCCT-035",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "registers are aligned to their width",
        source: "ACPI 6.5 §5.2.3.2",
        explanation: "An access to a device across its alignment faults on \
            Arm and is split elsewhere.",
        fix: "move the register",
        check: aligned,
    },
    Rule {
        id: "PCCT-036",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "there is a doorbell",
        source: "ACPI 6.5 §14.1.3 to §14.1.7",
        explanation: "Without one the platform never learns of a command. \
            Only type 4 may do without.",
        fix: "name the doorbell register",
        check: doorbell,
    },
    Rule {
        id: "PCCT-037",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a responder without doorbell cannot tell that it is done",
        source: "ACPI 6.5 §14.1.6",
        explanation: "Allowed. But the platform may ask, by bit 0 of a \
            message's flags, to be told, and then is not.",
        fix: "none needed, if the platform never asks",
        check: responder_doorbell,
    },
    Rule {
        id: "PCCT-041",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "types 3 and 4 have registers to check and to hand over",
        source: "ACPI 6.5 §14.1.6, §14.5",
        explanation: "Who owns the shared memory is told by the check \
            register and changed by the update register.",
        fix: "name both registers and the bit",
        check: ownership,
    },
    Rule {
        id: "PCCT-046",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "doorbell and acknowledge are two registers",
        source: "illumos calls such firmware broken",
        explanation: "An interrupt is acknowledged by a read and a write \
            back: at the doorbell's address that may ring it.",
        fix: "give the acknowledge a register of its own",
        check: same_register,
    },
];

fn registers(
    facts: &Facts,
    sink: &mut Sink,
    wrong: impl Fn(&Channel, &Register) -> Option<String>,
) {
    each(facts, |table, _, channel| {
        for register in channel.registers() {
            if let Some(text) = wrong(channel, &register) {
                let text = format!("{}: {text}", register.name);
                sink.channel(table, channel, register.at, text);
            }
        }
    });
}

fn space(facts: &Facts, sink: &mut Sink) {
    registers(facts, sink, |channel, register| {
        let fixed = matches!(channel.kind, 1..=4);
        let good = match register.gas.space {
            0 | 1 => true,
            0x7f => fixed,
            _ => false,
        };
        (!good).then(|| format!("address space {}", register.gas.space_name()))
    });
}

fn ports(facts: &Facts, sink: &mut Sink) {
    if facts.arm() {
        registers(facts, sink, |_, register| {
            (register.gas.space == 1)
                .then(|| format!("I/O port {:#x}", register.gas.address))
        });
    }
}

fn width(facts: &Facts, sink: &mut Sink) {
    registers(facts, sink, |_, register| {
        let gas = register.gas;
        // Widths that Linux refuses have their own rule.
        let odd = matches!(gas.width, 8 | 16) || gas.bit_offset != 0;
        (odd && gas.space == 0)
            .then(|| format!("{} bits from bit {}", gas.width, gas.bit_offset))
    });
}

fn access(facts: &Facts, sink: &mut Sink) {
    registers(facts, sink, |_, register| {
        let gas = register.gas;
        let bits = match gas.access {
            0 => return None,
            size @ 1..=4 => 4u32 << size,
            size => return Some(format!("access size {size} is no size")),
        };
        (bits > u32::from(gas.width) && gas.width >= 8)
            .then(|| format!("accessed by {bits} bits, {} wide", gas.width))
    });
}

fn aligned(facts: &Facts, sink: &mut Sink) {
    registers(facts, sink, |_, register| {
        let gas = register.gas;
        let bytes = u64::from(gas.width / 8);
        (gas.space == 0 && bytes.is_power_of_two())
            .then(|| gas.address % bytes)
            .filter(|rest| *rest != 0)
            .map(|_| format!("{:#x}, {} bits", gas.address, gas.width))
    });
}

fn doorbell(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(doorbell) = channel.doorbell
            && channel.kind != 4
            && doorbell.register.gas.space != 0x7f
            && doorbell.register.gas.address == 0
        {
            let at = doorbell.register.at;
            sink.channel(table, channel, at, "the doorbell's address is 0");
        }
    });
}

fn responder_doorbell(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(doorbell) = channel.doorbell
            && channel.kind == 4
            && doorbell.register.gas.address == 0
        {
            let at = doorbell.register.at;
            sink.channel(table, channel, at, "there is no doorbell");
        }
    });
}

fn ownership(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let (Some(check), Some(update)) = (channel.check, channel.update)
        else {
            return;
        };
        let missing = |register: &Register| {
            register.gas.address == 0 && register.gas.space != 0x7f
        };
        for register in [check.register, update.register] {
            if missing(&register) {
                let text = format!("the {} has address 0", register.name);
                sink.channel(table, channel, register.at, text);
            }
        }
        if check.mask == 0 {
            let text = "check_mask is 0: there is no command complete bit";
            sink.channel(table, channel, check.mask_at, text);
        }
    });
}

fn same_register(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let (Some(doorbell), Some(ack)) = (channel.doorbell, channel.ack)
        else {
            return;
        };
        let (a, b) = (doorbell.register.gas, ack.register.gas);
        if a.address != 0 && (a.space, a.address) == (b.space, b.address) {
            let text = format!("both are at {:#x}", a.address);
            sink.channel(table, channel, ack.register.at, text);
        }
    });
}
