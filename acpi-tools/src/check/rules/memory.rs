//! Shared memory and reserved bytes.

use super::channels::{each, overlap, pairs};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink};
use crate::field::{Field, Kind};
use crate::platform::Facts;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-020",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the subspace's reserved bytes are zero",
        source: "ACPI 6.5 §14.1.3 to §14.1.6",
        explanation: "Later revisions may give them a meaning.",
        fix: "clear the bytes",
        check: reserved,
    },
    Rule {
        id: "PCCT-022",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the memory of types 0 to 2 is larger than its header",
        source: "ACPI 6.5 §14.1.3",
        explanation: "Signature, command and status take eight bytes; there \
            must be at least one more. Linux 7 refuses the channel below \
            four bytes, 6.12 leaves that to the driver.",
        fix: "make the region larger",
        check: small,
    },
    Rule {
        id: "PCCT-023",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the memory of types 3 and 4 holds its header",
        source: "ACPI 6.5 §14.1.6",
        explanation: "Signature, flags, length and command take 16 bytes. \
            Linux 7 refuses the channel below four bytes, 6.12 leaves that \
            to the driver.",
        fix: "make the region larger",
        check: small_extended,
    },
    Rule {
        id: "PCCT-024",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the memory of types 3 and 4 has room for a payload",
        source: "ACPI 6.5 §14.3; DSP0292 (MCTP needs 84 bytes)",
        explanation: "A region of exactly 16 bytes is allowed, but nothing \
            can be said in it but a command.",
        fix: "make the region larger",
        check: no_payload,
    },
    Rule {
        id: "PCCT-025",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the memory has an address and does not wrap",
        source: "ACPI 6.5 §14.1.3",
        explanation: "Base plus length must be an address. Only type 5 may \
            have no memory, and says so by length 0. Linux refuses a \
            channel whose region wraps; 6.12 does since a stable release \
            between 6.12.107 and 6.12.117.",
        fix: "set base and length to those of the region",
        check: wraps,
    },
    Rule {
        id: "PCCT-026",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "the memory is aligned",
        source: "ACPI 6.5 §14.2 (fields of four bytes)",
        explanation: "Drivers read the header's fields as words; on memory \
            mapped as a device an unaligned access faults.",
        fix: "move the region to an address that is a multiple of 8",
        check: unaligned,
    },
    Rule {
        id: "PCCT-027",
        severity: Severity::Error,
        effect: Effect::None,
        kernels: KERNELS,
        title: "regions do not overlap",
        source: "ACPI 6.5 §14.2 (one owner at a time)",
        explanation: "Each channel has its own owner of the memory; with \
            common bytes a message of one overwrites that of the other.",
        fix: "give each subspace a region of its own",
        check: overlapping,
    },
    Rule {
        id: "PCCT-029",
        severity: Severity::Warning,
        effect: Effect::None,
        kernels: KERNELS,
        title: "no register lies in shared memory",
        source: "ACPI 6.5 §14.1",
        explanation: "Payloads and registers would overwrite each other, \
            and the operating system maps the two in different ways.",
        fix: "move the register or the region",
        check: register_inside,
    },
];

fn reserved(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let fields = channel.layout.map_or(&[][..], |layout| layout.fields);
        let is_reserved = |f: &&Field| matches!(f.kind, Kind::Reserved(_));
        for field in fields.iter().filter(is_reserved) {
            let bytes = field.bytes(channel.bytes).unwrap_or_default();
            if bytes.iter().any(|b| *b != 0) {
                let at = channel.at + field.offset;
                let text = format!(
                    "{} reserved bytes are {}",
                    bytes.len(),
                    hex::encode(bytes)
                );
                sink.channel(table, channel, at, text);
            }
        }
    });
}

/// What Linux does with so many bytes: the signature must fit.
fn too_small(size: u64) -> Effect {
    if size < 4 { Effect::Channel } else { Effect::None }
}

fn small(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if channel.kind <= 2 && channel.size <= 8 {
            let at = channel.offset("memory_length");
            let text = format!("{} bytes, more than 8 needed", channel.size);
            let found = sink.channel(table, channel, at, text);
            found.effect = too_small(channel.size);
        }
    });
}

fn small_extended(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if matches!(channel.kind, 3 | 4) && channel.size < 16 {
            let at = channel.offset("memory_length");
            let text = format!("{} bytes, 16 needed", channel.size);
            let found = sink.channel(table, channel, at, text);
            found.effect = too_small(channel.size);
        }
    });
}

fn no_payload(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if matches!(channel.kind, 3 | 4) && channel.size == 16 {
            let at = channel.offset("memory_length");
            sink.channel(table, channel, at, "16 bytes are the header alone");
        }
    });
}

fn wraps(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        let (base, size) = (channel.base, channel.size);
        let at = channel.offset("base_address");
        if size == 0 {
            // Length 0 is a finding of its own, or means that there is none.
        } else if base == 0 {
            let text = "the base address is 0";
            sink.channel(table, channel, at, text).effect = Effect::None;
        } else if base.checked_add(size - 1).is_none() {
            let text = format!("{size:#x} bytes from {base:#x} wrap");
            sink.channel(table, channel, at, text);
        }
    });
}

fn unaligned(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, _, channel| {
        if channel.size > 0 && !channel.base.is_multiple_of(8) {
            let at = channel.offset("base_address");
            let text = format!("{:#x} is no multiple of 8", channel.base);
            sink.channel(table, channel, at, text);
        }
    });
}

fn overlapping(facts: &Facts, sink: &mut Sink) {
    pairs(facts, sink, |_, one, two| {
        overlap(one.base, one.size, two.base, two.size).then(|| {
            let text = format!(
                "{:#x} bytes from {:#x} overlap {:#x} bytes from {:#x} of {}",
                two.size,
                two.base,
                one.size,
                one.base,
                one.title()
            );
            (two.offset("base_address"), text)
        })
    });
}

fn register_inside(facts: &Facts, sink: &mut Sink) {
    each(facts, |table, pcct, channel| {
        for register in channel.registers().filter(|r| r.gas.space == 0) {
            let (gas, length) = (register.gas, register.gas.bytes());
            let inside = pcct.channels.iter().find(|other| {
                overlap(gas.address, length, other.base, other.size)
            });
            if let Some(other) = inside {
                let text = format!(
                    "{} {:#x} lies in the memory of {}",
                    register.name,
                    gas.address,
                    other.title()
                );
                sink.channel(table, channel, register.at, text);
            }
        }
    });
}
