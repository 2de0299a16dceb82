//! Everything but the PCCT: AML, device tree, other tables, memory.

use std::collections::BTreeMap;

use super::change::{Change, fields};
use crate::aml::Use;
use crate::field::Impact;
use crate::platform::Facts;
use crate::table::{Pcct, Table};
use crate::tree::Node;

pub(super) fn compare(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    references(old, new, changes);
    tables(old, new, changes);
    tree(old, new, changes);
    contents(old, new, changes);
}

/// What names a subspace: by path, kind and place among its like.
type Key = (String, &'static str, usize);

fn keyed(facts: &Facts) -> BTreeMap<Key, (Option<u64>, String, usize)> {
    let mut count: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (_, _, found) in facts.references() {
        let kind = match found.usage {
            Use::Region { .. } => "OperationRegion",
            Use::Cpc { .. } => "_CPC register",
            Use::Register => "register",
            Use::Descriptor => "descriptor",
            Use::Property => "property",
        };
        let n = count.entry((found.path.clone(), kind)).or_default();
        let value = (found.subspace, found.usage.text(), found.at);
        all.insert((found.path.clone(), kind, *n), value);
        *n += 1;
    }
    all
}

fn subspace(id: Option<u64>) -> String {
    match id {
        Some(id) => format!("subspace {id}"),
        None => "a computed subspace".to_owned(),
    }
}

fn references(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    let (a, b) = (keyed(old), keyed(new));
    let what = |(_, kind, n): &Key| match n {
        0 => (*kind).to_owned(),
        n => format!("{kind} {}", n + 1),
    };
    for (key, (id, usage, at)) in &a {
        let offset = Some(*at);
        match b.get(key) {
            None => changes.push(
                Change::new(
                    Impact::Breaks,
                    &key.0,
                    what(key),
                    "its driver finds no channel any more",
                )
                .values(Some(subspace(*id)), None)
                .offsets(offset, None),
            ),
            Some((other, ..)) if other != id => changes.push(
                Change::new(
                    Impact::Breaks,
                    &key.0,
                    what(key),
                    "its driver talks to another channel, unless the channel \
                     moved along",
                )
                .values(Some(subspace(*id)), Some(subspace(*other)))
                .offsets(offset, b.get(key).map(|value| value.2)),
            ),
            Some((_, text, at)) if text != usage => changes.push(
                Change::new(
                    Impact::Breaks,
                    &key.0,
                    what(key),
                    "its bytes lie elsewhere in the shared memory",
                )
                .values(Some(usage.clone()), Some(text.clone()))
                .offsets(offset, Some(*at)),
            ),
            Some(_) => {}
        }
    }
    for (key, (id, _, at)) in b.iter().filter(|(key, _)| !a.contains_key(key)) {
        changes.push(
            Change::new(
                Impact::Risky,
                &key.0,
                what(key),
                "something new uses the channel; a channel has one driver",
            )
            .values(None, Some(subspace(*id)))
            .offsets(None, Some(*at)),
        );
    }
}

/// Tables by signature, OEM table id and place among their like.
fn named<'f>(facts: &'f Facts) -> BTreeMap<String, &'f Table> {
    let mut all: BTreeMap<String, &Table> = BTreeMap::new();
    for table in &facts.platform.tables {
        let signature = table.signature();
        let mut name = signature.clone();
        let mut n = 1;
        while all.contains_key(&name) {
            n += 1;
            name = format!("{signature} {n}");
        }
        all.insert(name, table);
    }
    all
}

fn tables(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    let (a, b) = (named(old), named(new));
    for name in a.keys().filter(|name| !b.contains_key(*name)) {
        let why = "the system lacks what the table said";
        one_sided(name, "removed", why, changes);
    }
    for (name, table) in &b {
        let Some(before) = a.get(name) else {
            let why = "the system learns something new from it";
            one_sided(name, "added", why, changes);
            continue;
        };
        frame(name, before, table, changes);
        if name == "PCCT" {
            continue;
        }
        let (one, two) = (before.body(), table.body());
        let all = table.form().fields();
        fields(name, all, (one, 0), (two, 0), changes);
        let end = all.last().map_or(0, |last| last.offset + last.kind.width());
        body(name, end, (one, two), changes);
    }
}

/// A table that only one side has.
fn one_sided(name: &str, what: &str, why: &str, changes: &mut Vec<Change>) {
    let (impact, why) = match name {
        // That has been said already.
        "PCCT" => return,
        "RSDP" => (Impact::Noise, "Linux does not hand it out, acpidump does"),
        _ => (Impact::Risky, why),
    };
    changes.push(Change::new(impact, name, what, why));
}

/// Length and checksum follow the content; being wrong does not.
fn frame(name: &str, old: &Table, new: &Table, changes: &mut Vec<Change>) {
    let (one, two) = (soundness(old), soundness(new));
    if one != two {
        let impact = match two.is_empty() {
            true => Impact::Risky,
            false => Impact::Breaks,
        };
        let text = |damage: String| match damage.is_empty() {
            true => Some("sound".to_owned()),
            false => Some(damage),
        };
        let why = "a table with a wrong length or checksum is read in part, \
            with a warning, or not at all";
        changes.push(
            Change::new(impact, name, "frame", why)
                .values(text(one), text(two)),
        );
    }
}

/// What is wrong with a table's length, checksum or subspaces.
fn soundness(table: &Table) -> String {
    let have = table.bytes.len();
    match (table.claimed(), table.misfit()) {
        (_, None) => {}
        (None, _) => return format!("{have} bytes, no header"),
        (Some(claimed), _) => return format!("{have} bytes, Length {claimed}"),
    }
    if table.bytes.starts_with(b"PCCT")
        && let Some(stop) = Pcct::decode(table).stop
    {
        return stop.to_string();
    }
    match table.wrong_sums().first() {
        None => String::new(),
        Some((_, is, should)) => {
            format!("bytes add up to {:#x}", is.wrapping_sub(*should))
        }
    }
}

/// The bytes behind the header, of tables that are not decoded.
fn body(
    name: &str,
    header: usize,
    (one, two): (&[u8], &[u8]),
    changes: &mut Vec<Change>,
) {
    let (a, b) = (one.get(header..), two.get(header..));
    let (Some(a), Some(b)) = (a, b) else { return };
    if a == b {
        return;
    }
    let first = a.iter().zip(b).position(|(a, b)| a != b);
    let at = header + first.unwrap_or(a.len().min(b.len()));
    // QEMU's addresses follow from the sizes of the tables before.
    let pointers = matches!(name, "XSDT" | "RSDT");
    let (impact, why) = match pointers {
        true => (Impact::Noise, "addresses follow from other tables"),
        false => (
            Impact::Risky,
            "not decoded here beyond what touches PCC; iasl -d tells more",
        ),
    };
    changes.push(
        Change::new(impact, name, "content", why)
            .values(
                Some(format!("{} bytes", a.len())),
                Some(format!("{} bytes", b.len())),
            )
            .offsets(Some(at), Some(at)),
    );
}

fn nodes<'f>(facts: &'f Facts) -> Option<BTreeMap<&'f str, &'f Node>> {
    let (_, tree) = facts.tree.as_ref()?;
    let tree = tree.as_ref().ok()?;
    let all = tree.controller().into_iter().chain(tree.channels());
    Some(all.map(|node| (node.path.as_str(), node)).collect())
}

fn tree(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    // One side may have been extracted without its device tree.
    let (Some(a), Some(b)) = (nodes(old), nodes(new)) else { return };
    let why = "systems that start by device tree find the channel by it";
    for path in a.keys().filter(|path| !b.contains_key(*path)) {
        changes.push(Change::new(Impact::Breaks, *path, "removed", why));
    }
    for (path, node) in &b {
        let Some(before) = a.get(path) else {
            let why = "a node more";
            changes.push(Change::new(Impact::Cosmetic, *path, "added", why));
            continue;
        };
        if before.reg != node.reg {
            changes.push(
                grown(path, "reg", covered(&before.reg, &node.reg))
                    .values(Some(windows(before)), Some(windows(node))),
            );
        }
        if before.spis != node.spis {
            changes.push(
                grown(path, "interrupts", all_of(&before.spis, &node.spis))
                    .values(Some(interrupts(before)), Some(interrupts(node))),
            );
        }
        if channel(before) != channel(node) {
            changes.push(
                Change::new(Impact::Breaks, *path, "subspace", why)
                    .values(Some(channel(before)), Some(channel(node))),
            );
        }
    }
}

/// A change of a list; one that only grew breaks nothing.
fn grown(path: &str, what: &str, all_there: bool) -> Change {
    if all_there {
        let why = "what was there is still there";
        return Change::new(Impact::Cosmetic, path, what, why);
    }
    let why = "systems that start by device tree find the channel by it";
    Change::new(Impact::Breaks, path, what, why)
}

fn all_of<T: PartialEq>(old: &[T], new: &[T]) -> bool {
    old.iter().all(|one| new.contains(one))
}

/// Each window lies in one of the others.
fn covered(old: &[(u64, u64)], new: &[(u64, u64)]) -> bool {
    old.iter().all(|(base, length)| {
        new.iter().any(|(start, size)| {
            start <= base
                && base.saturating_add(*length) <= start.saturating_add(*size)
        })
    })
}

fn windows(node: &Node) -> String {
    let window =
        |(base, length): &(u64, u64)| format!("{base:#x} ({length:#x} bytes)");
    node.reg.iter().map(window).collect::<Vec<_>>().join(", ")
}

fn interrupts(node: &Node) -> String {
    node.interrupts().join(", ")
}

fn channel(node: &Node) -> String {
    let number =
        |n: Option<u32>| n.map_or("none".to_owned(), |n| n.to_string());
    let (id, kind) = (node.subspace_id, node.subspace_type);
    format!("{} of type {}", number(id), number(kind))
}

fn contents(old: &Facts, new: &Facts, changes: &mut Vec<Change>) {
    let (a, b) = (&old.platform.contents, &new.platform.contents);
    if !a.is_empty() && !b.is_empty() && a != b {
        let why = "what lies in memory differs from one start to the next";
        changes.push(Change::new(Impact::Noise, "memory", "content", why));
    }
}
