//! What lies in shared memory, where it was seen.

use super::channels::each;
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::platform::Facts;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-070",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the memory begins with the subspace's signature",
        source: "ACPI 6.5 §14.2",
        explanation: "0x50434300 plus the subspace id (RASF regions have \
            their own). A wrong id shows that regions were exchanged, or \
            that the platform counts in another way than the table.",
        fix: "write the signature before the system starts",
        check: signature,
    },
    Rule {
        id: "PCCT-071",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "an idle channel shows command complete",
        source: "ACPI 6.5 §14.5",
        explanation: "At the start the system owns the memory: command \
            complete is set (types 0 to 4) or the busy bit is clear (type \
            5). Otherwise drivers wait for a command that was never sent.",
        fix: "set command complete before the system starts",
        check: complete,
    },
    Rule {
        id: "PCCT-072",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "a message's length fits the memory",
        source: "ACPI 6.5 §14.3",
        explanation: "Length counts the command and the payload: at least \
            4, at most the region's length less 12. 0 stands there before \
            the first message.",
        fix: "write the length of the message that is in the memory",
        check: length,
    },
];

fn signature(facts: &Facts, sink: &mut Sink) {
    const RASF: u32 = 0x4653_4152;
    each(facts, |table, _, channel| {
        let seen = facts.platform.contents.u32(channel.base);
        let id = u32::try_from(channel.id).unwrap_or(u32::MAX);
        let wanted = 0x5043_4300 | id;
        if let Some(is) = seen.filter(|_| channel.size >= 4)
            && is != wanted
            && is != RASF
        {
            let at = channel.offset("base_address");
            let text = format!(
                "{is:#010x} at {:#x}, not {wanted:#010x}",
                channel.base
            );
            sink.channel(table, channel, at, text);
        }
    });
}

fn complete(facts: &Facts, sink: &mut Sink) {
    let contents = &facts.platform.contents;
    each(facts, |table, _, channel| {
        let at = channel.offset("base_address");
        if let Some(check) = channel.check {
            let gas = check.register.gas;
            let word = contents.u32(gas.address);
            let Some(word) = word.filter(|_| gas.space == 0) else { return };
            let set = u64::from(word) & check.mask != 0;
            if set == (channel.kind == 5) && check.mask != 0 {
                let text = format!("{word:#x} at {:#x}", gas.address);
                sink.channel(table, channel, check.register.at, text);
            }
        } else if let Some(word) = contents.u32(channel.base.wrapping_add(4))
            && word >> 16 & 1 == 0
        {
            let text = format!("the status is {:#x}", word >> 16);
            sink.channel(table, channel, at, text);
        }
    });
}

fn length(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let place = channel.base.wrapping_add(8);
        let Some(length) = facts.platform.contents.u32(place) else { return };
        let length = u64::from(length);
        let most = channel.size.saturating_sub(12);
        let good = length == 0 || (4..=most).contains(&length);
        if matches!(channel.kind, 3 | 4) && !good {
            let at = channel.offset("base_address");
            let text = format!("Length is {length}, at most {most} fit");
            sink.channel(table, channel, at, text);
        }
    });
}
