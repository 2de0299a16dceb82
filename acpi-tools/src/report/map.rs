//! A picture in text of channels, windows and interrupts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::field::gsiv;
use crate::platform::Facts;
use crate::table::{Channel, Pcct};

/// Draws what the PCCT says; empty without one.
pub fn draw(facts: &Facts) -> String {
    let mut out = String::new();
    if let Some((_, pcct)) = &facts.pcct {
        channels(pcct, &mut out);
        interrupts(pcct, &mut out);
        addresses(pcct, &mut out);
    }
    out
}

fn role(channel: &Channel) -> &'static str {
    match channel.kind {
        0..=2 => "system ◀──▶ platform",
        3 => "system ───▶ platform",
        4 => "system ◀─── platform",
        5 => "system ───▶ registers",
        _ => "unknown",
    }
}

fn channels(pcct: &Pcct, out: &mut String) {
    let mode = if pcct.interrupts() { "interrupts" } else { "polled" };
    let _ = writeln!(out, "channels ({mode})");
    for channel in &pcct.channels {
        let (id, kind) = (channel.id, channel.kind);
        let _ = write!(out, "  {id:>3}  type {kind}  {:<21}", role(channel));
        if channel.size > 0 {
            let last = channel.base.saturating_add(channel.size - 1);
            let _ =
                write!(out, "  memory {:#010x}..{last:#010x}", channel.base);
        }
        if let Some(number) = channel.gsiv.filter(|_| pcct.interrupts()) {
            let mode = if channel.level() { "level" } else { "edge" };
            let _ = write!(out, "  ⚡ {} {mode}", gsiv(u64::from(number)));
        }
        out.push('\n');
    }
}

fn interrupts(pcct: &Pcct, out: &mut String) {
    let mut lines: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for channel in &pcct.channels {
        if let Some(number) = channel.gsiv.filter(|_| pcct.interrupts()) {
            lines.entry(number).or_default().push(channel.id.to_string());
        }
    }
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\ninterrupts");
    for (number, ids) in lines {
        let name = gsiv(u64::from(number));
        let _ = writeln!(out, "  {name:<14} ──▶ {}", ids.join(", "));
    }
}

/// What lies at one address.
#[derive(Default)]
struct Place {
    /// Bytes, the most that any user takes.
    length: u64,
    /// Who uses it.
    users: Vec<String>,
}

fn addresses(pcct: &Pcct, out: &mut String) {
    let mut places: BTreeMap<u64, Place> = BTreeMap::new();
    let mut put = |at: u64, length: u64, what: String| {
        let place = places.entry(at).or_default();
        place.length = place.length.max(length);
        place.users.push(what);
    };
    for channel in &pcct.channels {
        let id = channel.id;
        if channel.size > 0 {
            put(channel.base, channel.size, format!("memory of {id}"));
        }
        for register in channel.registers().filter(|r| r.gas.space == 0) {
            let name = register.name.trim_end_matches("_register");
            let what = format!("{name} of {id}");
            put(register.gas.address, register.gas.bytes(), what);
        }
    }
    if places.is_empty() {
        return;
    }
    let _ = writeln!(out, "\naddresses");
    let mut end: Option<u64> = None;
    for (at, place) in places {
        // A gap of more than a page is a line of its own.
        if let Some(end) = end.filter(|end| at.saturating_sub(*end) > 0x1000) {
            let _ = writeln!(out, "  {:>10} ┊ {:#x} bytes", "", at - end);
        }
        let last = at.saturating_add(place.length - 1);
        let bar = if place.length > 8 { '█' } else { '╞' };
        let length = match place.length {
            n if n >= 1024 && n.is_multiple_of(1024) => {
                format!("{} KiB", n / 1024)
            }
            n => format!("{n} bytes"),
        };
        let users = place.users.join(", ");
        let _ = writeln!(out, "  {at:#010x} {bar} {users} ({length})");
        end = Some(end.unwrap_or(0).max(last.saturating_add(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pcct;

    #[test]
    fn a_pair_is_drawn() {
        let platform = pcct(&[3, 4]).build();
        let picture = draw(&Facts::of(&platform));
        for wanted in [
            "    0  type 3  system ───▶ platform   memory \
             0x0a011000..0x0a011fff  ⚡ 112 (SPI 80) edge",
            "  113 (SPI 81)   ──▶ 1",
            "  0x0a010010 ╞ check of 0, update of 0 (4 bytes)",
            "  0x0a021000 █ memory of 1 (4 KiB)",
            "┊ 0xe000 bytes",
        ] {
            assert!(picture.contains(wanted), "{wanted} in\n{picture}");
        }
        assert_eq!(draw(&Facts::of(&Default::default())), "");
    }
}
