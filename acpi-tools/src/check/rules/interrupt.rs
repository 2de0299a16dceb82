//! Interrupts.

use super::channels::{each, pairs, pcct};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::field::gsiv;
use crate::platform::Facts;
use crate::table::Channel;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-021",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "reserved interrupt flags are zero",
        source: "ACPI 6.5 §14.1.4",
        explanation: "Only bit 0 (polarity) and bit 1 (mode) have a meaning.",
        fix: "clear bits 2 to 7",
        check: flags,
    },
    Rule {
        id: "PCCT-050",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a level interrupt can be acknowledged",
        source: "ACPI 6.5 §14.1.5, §14.1.6",
        explanation: "A level interrupt stays until something takes it \
            back; without an acknowledge that sets a bit it comes for ever.",
        fix: "name the acknowledge register and its set mask, or use edge",
        check: unacknowledged,
    },
    Rule {
        id: "PCCT-051",
        severity: Severity::Error,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "type 1 has an edge interrupt",
        source: "ACPI 6.5 §14.1.4",
        explanation: "Type 1 has no acknowledge register, so that a level \
            interrupt could never be taken back. Linux refuses the table.",
        fix: "set bit 1 of the interrupt flags, or use type 2",
        check: level_without_register,
    },
    Rule {
        id: "PCCT-052",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "edge interrupts are not shared",
        source: "ACPI 6.5 §14.1.4",
        explanation: "Two edges that come together are one; one of the \
            subspaces then waits for ever. Linux gives such an interrupt to \
            the first driver only.",
        fix: "give each subspace an interrupt, or use level",
        check: shared_edge,
    },
    Rule {
        id: "PCCT-053",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a shared level interrupt is acknowledged by subspace",
        source: "ACPI 6.5 §14.1.5, §14.1.6",
        explanation: "If two subspaces acknowledge by the same bit, the one \
            takes back the interrupt of the other.",
        fix: "give each its own set mask or acknowledge register",
        check: shared_ack,
    },
    Rule {
        id: "PCCT-055",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the interrupt is a shared peripheral one",
        source: "GIC architecture: SPIs are INTIDs 32 to 1019",
        explanation: "INTIDs 16 to 31 belong to one processor each: the \
            platform cannot raise them for all.",
        fix: "use 32 plus the number of an SPI",
        check: range,
    },
    Rule {
        id: "PCCT-056",
        severity: Severity::Warning,
        effect: Effect::Table,
        kernels: KERNELS,
        title: "one interrupt has one mode and polarity",
        source: "ACPI 6.5 §14.1.4",
        explanation: "An interrupt controller has one setting a line. Linux \
            cannot map the second and refuses the table.",
        fix: "use the same flags in all subspaces of the interrupt",
        check: mixed,
    },
    Rule {
        id: "PCCT-057",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the interrupt belongs to nothing else",
        source: "ACPI 6.5 §14.1.4",
        explanation: "A device of the namespace or the SCI has the same \
            interrupt; an edge is lost, and a level comes at both drivers.",
        fix: "use an interrupt that is free",
        check: taken,
    },
    Rule {
        id: "PCCT-058",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "type 0 needs an SCI",
        source: "ACPI 6.5 §14.1.3, §5.2.9",
        explanation: "Type 0 notifies by the SCI; the FADT says that this \
            hardware-reduced platform has none.",
        fix: "use type 1 or 2",
        check: no_sci,
    },
    Rule {
        id: "PCCT-059",
        severity: Severity::Warning,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an SPI is active high",
        source: "GIC architecture: SPIs are level high or rising edge",
        explanation: "The GIC cannot be set to active low, and Linux fails \
            when the driver asks for the interrupt.",
        fix: "clear bit 0 of the interrupt flags",
        check: low,
    },
    Rule {
        id: "PCCT-069",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a type 2 subspace does not share its interrupt",
        source: "Linux, drivers/mailbox/pcc.c: type 2 has no check register",
        explanation: "Nothing tells Linux whose interrupt it was; each type \
            2 driver on the line takes it as its own completion.",
        fix: "give the subspace an interrupt of its own, or use type 3",
        check: unclear,
    },
];

/// The interrupt that is in use, if the platform raises any.
fn used(interrupts: bool, channel: &Channel) -> Option<u32> {
    channel.gsiv.filter(|gsiv| interrupts && *gsiv != 0)
}

fn number(gsiv_: u32) -> String {
    gsiv(u64::from(gsiv_))
}

fn flags(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(flags) = channel.flags.filter(|flags| flags & !3 != 0) {
            let at = channel.offset("interrupt_flags");
            let text = format!("interrupt_flags are {flags:#04x}");
            sink.channel(table, channel, at, text);
        }
    });
}

fn unacknowledged(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if let Some(ack) = channel.ack
            && channel.level()
            && used(pcct.interrupts(), channel).is_some()
            && (ack.register.gas.address == 0 || ack.set == 0)
        {
            let text = match ack.set {
                0 => "ack_set is 0",
                _ => "the acknowledge register has address 0",
            };
            sink.channel(table, channel, ack.register.at, text);
        }
    });
}

fn level_without_register(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if channel.kind == 1 && channel.level() {
            let at = channel.offset("interrupt_flags");
            let finding =
                sink.channel(table, channel, at, "the interrupt is level");
            // Linux looks at interrupts only with the global flag.
            if !pcct.interrupts() {
                finding.effect = Effect::None;
            }
        }
    });
}

fn shared_edge(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |pcct, one, two| {
        let gsiv = used(pcct.interrupts(), two)?;
        let same = Some(gsiv) == one.gsiv && !one.level() && !two.level();
        same.then(|| {
            let (number, other) = (number(gsiv), one.title());
            let text = format!("edge interrupt {number} is that of {other}");
            (two.offset("gsiv"), text)
        })
    });
}

fn shared_ack(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |pcct, one, two| {
        let (a, b) = (one.ack?, two.ack?);
        let shared = used(pcct.interrupts(), two).is_some()
            && one.gsiv == two.gsiv
            && one.level()
            && two.level();
        let place = |gas: crate::field::Gas| (gas.space, gas.address);
        let same = shared
            && a.register.gas.address != 0
            && place(a.register.gas) == place(b.register.gas)
            && a.set & b.set != 0;
        same.then(|| {
            let text = format!(
                "bits {:#x} at {:#x} are those of {}",
                a.set & b.set,
                a.register.gas.address,
                one.title()
            );
            (b.set_at, text)
        })
    });
}

fn range(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if let Some(gsiv @ 16..32) = used(pcct.interrupts(), channel)
            && facts.arm()
        {
            let text = format!("GSIV {gsiv} is a processor's own");
            sink.channel(table, channel, channel.offset("gsiv"), text);
        }
    });
}

fn mixed(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |pcct, one, two| {
        let gsiv = used(pcct.interrupts(), two)?;
        let (a, b) = (one.flags?, two.flags?);
        (Some(gsiv) == one.gsiv && (a ^ b) & 3 != 0).then(|| {
            let text = format!(
                "interrupt {} has other flags than in {}",
                number(gsiv),
                one.title()
            );
            (two.offset("interrupt_flags"), text)
        })
    });
}

fn taken(facts: &Facts, sink: &mut Sink) {
    let Some((_, pcct)) = pcct(facts) else { return };
    let interrupts = pcct.interrupts();
    let owner = |gsiv: u32| {
        let devices = facts.aml.iter().flat_map(|(_, aml)| &aml.devices);
        let mut owners = devices.filter(|device| {
            device.interrupts.iter().any(|(other, _)| *other == gsiv)
        });
        let sci = facts.fixed.as_ref().and_then(|(_, fixed)| {
            let fixed = fixed.as_ref().ok()?;
            (!fixed.hardware_reduced && u32::from(fixed.sci) == gsiv)
                .then(|| "the SCI".to_owned())
        });
        owners.next().map(|device| device.path.clone()).or(sci)
    };
    each(facts, |table, _, channel| {
        if let Some(gsiv) = used(interrupts, channel)
            && let Some(owner) = owner(gsiv)
        {
            let text = format!("{} is also that of {owner}", number(gsiv));
            sink.channel(table, channel, channel.offset("gsiv"), text);
        }
    });
}

fn no_sci(facts: &Facts, sink: &mut Sink) {
    let reduced = facts.fixed.as_ref().is_some_and(|(_, fixed)| {
        fixed.as_ref().is_ok_and(|fixed| fixed.hardware_reduced)
    });
    each(facts, |table, pcct, channel| {
        if channel.kind == 0 && reduced && pcct.interrupts() {
            let text = "the FADT says that there is no SCI";
            sink.channel(table, channel, channel.at, text);
        }
    });
}

fn low(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        if facts.arm()
            && channel.active_low()
            && used(pcct.interrupts(), channel).is_some()
        {
            let at = channel.offset("interrupt_flags");
            sink.channel(table, channel, at, "the interrupt is active low");
        }
    });
}

fn unclear(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |pcct, one, two| {
        let gsiv = used(pcct.interrupts(), two)?;
        let same = Some(gsiv) == one.gsiv
            && (two.kind == 2 || one.kind == 2)
            && one.level()
            && two.level();
        same.then(|| {
            let (number, other) = (number(gsiv), one.title());
            let text = format!("interrupt {number} is shared with {other}");
            (two.offset("gsiv"), text)
        })
    });
}
