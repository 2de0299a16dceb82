//! Channels against each other.

use std::collections::BTreeMap;

use super::change::{Change, fields};
use super::pair::pair;
use crate::field::{Field, Gas, Impact, Kind, describe};
use crate::platform::Facts;
use crate::table::{Channel, Pcct};

pub(super) fn compare(
    old: &Facts,
    new: &Facts,
    a: &Pcct,
    b: &Pcct,
    changes: &mut Vec<Change>,
) {
    let pairs = pair(&a.channels, &b.channels);
    for n in &pairs.old {
        let channel = &a.channels[*n];
        let why = "a driver that names it finds nothing, or another channel";
        changes.push(
            Change::new(Impact::Breaks, channel.title(), "removed", why)
                .values(Some(summary(channel)), None)
                .offsets(Some(channel.at), None),
        );
    }
    for m in &pairs.new {
        let channel = &b.channels[*m];
        let why = "no driver of the channels before notices, unless their \
            ids moved: that would be listed";
        changes.push(
            Change::new(Impact::Cosmetic, channel.title(), "added", why)
                .values(None, Some(summary(channel)))
                .offsets(None, Some(channel.at)),
        );
    }
    for (n, m) in pairs.both {
        let (one, two) = (&a.channels[n], &b.channels[m]);
        if one.id != two.id {
            changes.push(moved(old, new, one, two));
        }
        let quiet = !a.interrupts() && !b.interrupts();
        inside(one, two, quiet, changes);
    }
    if a.more != b.more {
        let place = "subspaces beyond 256";
        let text = |pcct: &Pcct| Some(pcct.more.to_string());
        changes.push(
            Change::new(Impact::Breaks, place, "number", "they have no id")
                .values(text(a), text(b)),
        );
    }
}

fn summary(channel: &Channel) -> String {
    let bell = channel.doorbell.map(|write| write.register.gas.to_string());
    format!(
        "doorbell {}, memory {:#x}, {} bytes",
        bell.unwrap_or("none".to_owned()),
        channel.base,
        channel.size
    )
}

/// Paths in AML that name a subspace, by the subspace.
fn users(facts: &Facts, id: usize) -> Vec<String> {
    facts
        .references()
        .filter(|(.., found)| found.subspace == Some(id as u64))
        .map(|(.., found)| found.path.clone())
        .collect()
}

fn moved(old: &Facts, new: &Facts, one: &Channel, two: &Channel) -> Change {
    let (before, after) = (users(old, one.id), users(new, two.id));
    let (impact, why) = if !before.is_empty() && before == after {
        (
            Impact::Risky,
            "everything in AML that names it names the new id; a driver \
             that has the id built in does not",
        )
    } else {
        (Impact::Breaks, "drivers and AML name it by its index in the table")
    };
    Change::new(impact, one.title(), "moved", why)
        .values(
            Some(format!("subspace {}", one.id)),
            Some(format!("subspace {}", two.id)),
        )
        .offsets(Some(one.at), Some(two.at))
}

fn inside(
    one: &Channel,
    two: &Channel,
    quiet: bool,
    changes: &mut Vec<Change>,
) {
    let title = match one.id == two.id {
        true => one.title(),
        false => format!("{} (was {})", two.title(), one.id),
    };
    if one.kind != two.kind {
        let why = "another type has another protocol; its fields are not \
            compared";
        let text = |channel: &Channel| Some(format!("type {}", channel.kind));
        changes.push(
            Change::new(Impact::Breaks, title, "type", why)
                .values(text(one), text(two))
                .offsets(Some(one.at), Some(two.at)),
        );
        return;
    }
    let Some(layout) = one.layout else {
        if one.bytes != two.bytes {
            let why = "the type is reserved";
            changes.push(Change::new(Impact::Risky, title, "bytes", why));
        }
        return;
    };
    let first = changes.len();
    let (a, b) = ((one.bytes, one.at), (two.bytes, two.at));
    fields(&title, layout.fields, a, b, changes);
    for change in &mut changes[first..] {
        let field = layout.fields.iter().find(|f| f.name == change.what);
        if let Some(field) = field {
            weigh(change, field, one, two, quiet);
        }
    }
    vendor(&title, layout.length, one, two, changes);
}

/// What type 5 may have behind its fields.
fn vendor(
    title: &str,
    length: usize,
    one: &Channel,
    two: &Channel,
    changes: &mut Vec<Change>,
) {
    let rest = |channel: &Channel| {
        channel.bytes.get(length..).map(hex::encode).unwrap_or_default()
    };
    if rest(one) != rest(two) {
        let why = "only the vendor knows what it means";
        changes.push(
            Change::new(Impact::Risky, title, "vendor bytes", why)
                .values(Some(rest(one)), Some(rest(two))),
        );
    }
}

/// Adjusts what the list of fields says by what is known of the channel.
fn weigh(
    change: &mut Change,
    field: &Field,
    one: &Channel,
    two: &Channel,
    quiet: bool,
) {
    let numbers = (field.number(one.bytes), field.number(two.bytes));
    let mut set = |impact, why: &str| {
        change.impact = impact;
        change.why = why.to_owned();
    };
    match (field.name, numbers) {
        ("gsiv" | "interrupt_flags", _) if quiet => set(
            Impact::Cosmetic,
            "the platform raises no interrupt, before and after",
        ),
        ("error_register" | "error_mask", _) if one.kind == 4 => {
            set(Impact::Cosmetic, "type 4 has no error status");
        }
        ("nominal_latency" | "max_periodic_rate" | "min_turnaround", _)
            if one.kind == 4 =>
        {
            set(Impact::Cosmetic, "readers ignore it in type 4");
        }
        ("memory_length", (Some(a), Some(b))) if b < a => set(
            Impact::Breaks,
            "messages that fitted do not fit any more; a driver that does \
             not look writes behind the region",
        ),
        ("memory_length", _) => set(
            Impact::Risky,
            "longer messages fit; the other side must take them",
        ),
        ("nominal_latency", (Some(a), Some(b))) => {
            change.why = latency(a, b);
        }
        (name, (Some(a), Some(b))) if name.ends_with("_preserve") => {
            let bits = width(field.name, one) & width(field.name, two);
            if a & bits == b & bits {
                set(Impact::Cosmetic, "no bit of the register differs");
            }
        }
        _ if field.kind == Kind::Register => register(change, field, one, two),
        _ => {}
    }
}

fn latency(old: u64, new: u64) -> String {
    let timeout =
        |us: u64| describe(Kind::Micros(8), &(us * 500).to_le_bytes());
    match new {
        0 => "Linux waits 500 times as long, now not at all: each command \
            that is not answered at once has timed out"
            .to_owned(),
        _ => format!(
            "Linux waits 500 times as long before it gives up: {} before, {} \
             now{}",
            timeout(old),
            timeout(new),
            match new < old {
                true => "; slow answers become timeouts",
                false => "; a platform that is gone is noticed later",
            }
        ),
    }
}

/// The bits of the register that a mask belongs to.
fn width(mask: &str, channel: &Channel) -> u64 {
    let write = match mask {
        "doorbell_preserve" => channel.doorbell,
        "ack_preserve" => channel.ack,
        _ => channel.update,
    };
    write.map_or(u64::MAX, |write| write.register.gas.bits())
}

/// Says which part of a register changed.
fn register(change: &mut Change, field: &Field, one: &Channel, two: &Channel) {
    let gas = |c: &Channel| field.bytes(c.bytes).and_then(Gas::decode);
    let (Some(a), Some(b)) = (gas(one), gas(two)) else { return };
    let parts: BTreeMap<&str, bool> = [
        ("the address space", a.space != b.space),
        ("the width", a.width != b.width),
        ("the bit offset", a.bit_offset != b.bit_offset),
        ("the access size", a.access != b.access),
        ("the address", a.address != b.address),
    ]
    .into();
    let differ: Vec<_> = parts
        .iter()
        .filter(|(_, differs)| **differs)
        .map(|(n, _)| *n)
        .collect();
    if differ == ["the access size"] {
        change.impact = Impact::Risky;
        change.why = "only the access size differs: Linux accesses by the \
            width, others by this size"
            .to_owned();
    } else if b.absent() {
        change.why = "the register is gone".to_owned();
    } else if a.absent() {
        change.why = "the register is new: a driver may now expect it \
            to work"
            .to_owned();
    } else {
        change.why = format!("{} ({})", field.why, differ.join(", "));
    }
}
