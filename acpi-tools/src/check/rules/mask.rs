//! Masks: what is written, kept and tested.

use super::channels::{each, pairs};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::field::Gas;
use crate::platform::Facts;
use crate::table::Channel;
use crate::table::pcct::{Test, Write};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-038",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "ringing the doorbell sets a bit",
        source: "ACPI 6.5 §14.1.3",
        explanation: "With a write mask of 0 ringing changes nothing, and a \
            platform that looks for a bit sees none. In type 5 the value is \
            the command, which may be 0.",
        fix: "set the write mask to the doorbell's bit",
        check: silent_doorbell,
    },
    Rule {
        id: "PCCT-039",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "bits that are set or tested lie in the register",
        source: "ACPI 6.5 §5.2.3.2",
        explanation: "Bits beyond the register's width are lost: they are \
            never set, and read as 0. Bits that are only kept do no harm.",
        fix: "widen the register or move the bits",
        check: beyond,
    },
    Rule {
        id: "PCCT-040",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a bit is kept or set, not both",
        source: "ACPI 6.5 §14.1.3",
        explanation: "Allowed, as setting comes last; but the masks were \
            hardly meant so.",
        fix: "take the bits that are set out of the preserve mask",
        check: both,
    },
    Rule {
        id: "PCCT-042",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "an initiator's update clears command complete",
        source: "ACPI 6.5 §14.5.1",
        explanation: "Before it rings, the system hands the memory over by \
            clearing command complete. If the update keeps or sets the bit \
            in the same register, it never gives it away.",
        fix: "leave the check mask's bits out of preserve and set mask",
        check: initiator_update,
    },
    Rule {
        id: "PCCT-043",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a responder's update sets command complete",
        source: "ACPI 6.5 §14.5.2",
        explanation: "When it has read a message, the system hands the \
            memory back by setting command complete in the same register.",
        fix: "put the check mask's bits into the update's set mask",
        check: responder_update,
    },
    Rule {
        id: "PCCT-044",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "an initiator can see errors",
        source: "ACPI 6.5 §14.1.6",
        explanation: "With an error mask of 0 every command looks as if it \
            had worked.",
        fix: "name the error register and its bits",
        check: blind,
    },
    Rule {
        id: "PCCT-045",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "command complete is not an error",
        source: "ACPI 6.5 §14.1.6",
        explanation: "With a common bit in a common register every command \
            that completes has failed, or every failed one is complete.",
        fix: "use different bits",
        check: complete_is_error,
    },
    Rule {
        id: "PCCT-047",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "each doorbell rings for one subspace",
        source: "ACPI 6.5 §14.1.3",
        explanation: "Two subspaces that write the same bits of the same \
            register cannot be told apart; the platform must look into all \
            of them.",
        fix: "use different bits or registers",
        check: same_bell,
    },
    Rule {
        id: "PCCT-048",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "each subspace has its own command complete bit",
        source: "ACPI 6.5 §14.1.6",
        explanation: "With a common bit, the completion of one command is \
            taken for that of another.",
        fix: "use different bits or registers",
        check: same_complete,
    },
];

fn same_place(a: &Gas, b: &Gas) -> bool {
    !a.absent() && (a.space, a.address) == (b.space, b.address)
}

fn writes(channel: &Channel) -> impl Iterator<Item = Write> {
    [channel.doorbell, channel.ack, channel.update]
        .into_iter()
        .flatten()
        .filter(|write| !write.register.gas.absent())
}

fn tests(channel: &Channel) -> impl Iterator<Item = Test> {
    [channel.check, channel.error]
        .into_iter()
        .flatten()
        .filter(|test| !test.register.gas.absent())
}

fn silent_doorbell(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(doorbell) = channel.doorbell
            && doorbell.set == 0
            && doorbell.register.gas.address != 0
            && channel.kind != 5
        {
            let text = "doorbell_write is 0";
            sink.channel(table, channel, doorbell.set_at, text);
        }
    });
}

fn beyond(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let set = writes(channel).map(|w| (w.register, w.set, w.set_at));
        let tested = tests(channel).map(|t| (t.register, t.mask, t.mask_at));
        for (register, mask, at) in set.chain(tested) {
            // A width that Linux refuses has its own rule.
            let lost = mask & !register.gas.bits();
            if lost != 0 && register.gas.width >= 8 {
                let text = format!(
                    "bits {lost:#x} of the mask of {} are beyond its {} bits",
                    register.name, register.gas.width
                );
                sink.channel(table, channel, at, text);
            }
        }
    });
}

fn both(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        for write in writes(channel) {
            let common = write.preserve & write.set;
            if common != 0 {
                let text = format!(
                    "bits {common:#x} of {} are kept and set",
                    write.register.name
                );
                sink.channel(table, channel, write.set_at, text);
            }
        }
    });
}

/// Check and update of types 3 and 4, when they are one register.
fn handover(channel: &Channel) -> Option<(Test, Write)> {
    let (check, update) = (channel.check?, channel.update?);
    same_place(&check.register.gas, &update.register.gas)
        .then_some((check, update))
}

fn initiator_update(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if channel.kind == 3
            && let Some((check, update)) = handover(channel)
        {
            let stay = (update.preserve | update.set) & check.mask;
            if stay != 0 {
                let text = format!("bits {stay:#x} stay set");
                sink.channel(table, channel, update.set_at, text);
            }
        }
    });
}

fn responder_update(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if channel.kind == 4
            && let Some((check, update)) = handover(channel)
            && update.set & check.mask == 0
            && check.mask != 0
        {
            let text = format!("none of bits {:#x} is set", check.mask);
            sink.channel(table, channel, update.set_at, text);
        }
    });
}

fn blind(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if let Some(error) = channel.error
            && channel.kind == 3
            && (error.mask == 0 || error.register.gas.address == 0)
        {
            let text = match error.mask {
                0 => "error_mask is 0",
                _ => "the error register has address 0",
            };
            sink.channel(table, channel, error.mask_at, text);
        }
    });
}

fn complete_is_error(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let (Some(check), Some(error)) = (channel.check, channel.error) else {
            return;
        };
        let common = check.mask & error.mask;
        // The error register means nothing for type 4.
        if channel.kind != 4
            && common != 0
            && same_place(&check.register.gas, &error.register.gas)
        {
            let text = format!("bits {common:#x} are both");
            sink.channel(table, channel, error.mask_at, text);
        }
    });
}

fn same_bell(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |_, one, two| {
        let (a, b) = (one.doorbell?, two.doorbell?);
        // In type 5 the value tells commands, and so channels, apart.
        let values = one.kind == 5 && two.kind == 5 && a.set != b.set;
        let same = same_place(&a.register.gas, &b.register.gas)
            && a.set & b.set != 0
            && !values;
        same.then(|| {
            let text = format!(
                "rings as {} does: bits {:#x} at {:#x}",
                one.title(),
                a.set & b.set,
                a.register.gas.address
            );
            (b.register.at, text)
        })
    });
}

fn same_complete(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |_, one, two| {
        let (a, b) = (one.check?, two.check?);
        let same = same_place(&a.register.gas, &b.register.gas)
            && a.mask & b.mask != 0;
        same.then(|| {
            let text = format!(
                "bits {:#x} at {:#x} are those of {}",
                a.mask & b.mask,
                a.register.gas.address,
                one.title()
            );
            (b.register.at, text)
        })
    });
}
