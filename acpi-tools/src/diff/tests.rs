use super::*;
use crate::platform::{Platform, TREE_FILE};
use crate::report;
use crate::testing::{Case, mctp, pcct, region, window};

fn changes(old: Case, new: Case) -> Vec<Change> {
    let (old, new) = (old.build(), new.build());
    diff(&Facts::of(&old), &Facts::of(&new), false)
}

/// Place, what, impact of each.
fn brief(old: Case, new: Case) -> Vec<(String, String, Impact)> {
    let all = changes(old, new).into_iter();
    all.map(|change| (change.place, change.what, change.impact)).collect()
}

fn one(
    place: &str,
    what: &str,
    impact: Impact,
) -> Vec<(String, String, Impact)> {
    vec![(place.to_owned(), what.to_owned(), impact)]
}

const FIRST: &str = "subspace 0 (type 3)";

#[test]
fn the_same_is_the_same_and_noise_is_ignored() {
    assert_eq!(changes(pcct(&[3, 4]), pcct(&[3, 4])), []);
    let other = || pcct(&[3, 4]).header(24, 9).header(28, 9).header(32, 9);
    assert_eq!(changes(pcct(&[3, 4]), other()), []);
    let (a, b) = (pcct(&[3, 4]).build(), other().build());
    let all = diff(&Facts::of(&a), &Facts::of(&b), true);
    let names: Vec<_> = all.iter().map(|change| &change.what[..]).collect();
    assert_eq!(
        names,
        ["checksum", "oem_revision", "creator_id", "creator_revision"]
    );
}

#[test]
fn damage_is_no_noise() {
    use Impact::{Breaks, Risky};
    let broken: [fn(&mut Vec<u8>); 4] = [
        |t| t[4..8].copy_from_slice(&u32::MAX.to_le_bytes()),
        |t| t[9] ^= 1,
        |t| t.push(0),
        |t| {
            t.push(0);
            crate::table::seal(t);
        },
    ];
    for change in broken {
        let sound = || pcct(&[3, 4]);
        let bad = || pcct(&[3, 4]).last(change);
        assert_eq!(brief(sound(), bad()), one("PCCT", "frame", Breaks));
        assert_eq!(brief(bad(), sound()), one("PCCT", "frame", Risky));
        assert_eq!(changes(bad(), bad()), []);
    }
}

#[test]
fn a_field_is_weighed_by_what_it_is() {
    let case = |change: fn(Case) -> Case, what: &str, impact: Impact| {
        let new = change(pcct(&[3]));
        assert_eq!(brief(pcct(&[3]), new), one(FIRST, what, impact));
    };
    use Impact::{Breaks, Cosmetic, Risky};
    case(|c| c.set(0, "gsiv", 50), "gsiv", Breaks);
    case(|c| c.set(0, "nominal_latency", 5), "nominal_latency", Risky);
    case(|c| c.set(0, "memory_length", 0x800), "memory_length", Breaks);
    case(|c| c.set(0, "memory_length", 0x1800), "memory_length", Risky);
    case(|c| c.set(0, "ack_preserve", u64::MAX), "ack_preserve", Cosmetic);
    case(|c| c.set(0, "ack_preserve", 1), "ack_preserve", Breaks);
    case(
        |c| c.change(0, "ack_register", |r| r.access = 0),
        "ack_register",
        Risky,
    );
    case(
        |c| c.change(0, "ack_register", |r| r.address += 4),
        "ack_register",
        Breaks,
    );
    case(|c| c.entry(0, |e| e[7] = 1), "reserved", Cosmetic);
    let four = |c: Case| c.set(0, "error_mask", 8);
    assert_eq!(
        brief(pcct(&[4]), four(pcct(&[4]))),
        one("subspace 0 (type 4)", "error_mask", Cosmetic)
    );
    assert_eq!(
        brief(pcct(&[3]).flags(0), pcct(&[3]).flags(0).set(0, "gsiv", 1)),
        one(FIRST, "gsiv", Cosmetic)
    );
}

#[test]
fn a_latency_says_what_linux_makes_of_it() {
    let new = pcct(&[3]).set(0, "nominal_latency", 2000);
    let all = changes(pcct(&[3]), new);
    assert_eq!(all[0].old.as_deref(), Some("1000 us (1 ms)"));
    assert_eq!(all[0].old_offset, Some(48 + 48));
    assert!(all[0].why.contains("500000 us (500 ms) before"), "{all:?}");
    assert!(all[0].why.contains("1000000 us (1000 ms) now"), "{all:?}");
}

/// The second channel first: same registers and memory, other ids.
fn swapped() -> Case {
    let mut case = pcct(&[4, 3]);
    for (id, other, gsiv) in [(0usize, 1usize, 113), (1, 0, 112)] {
        let at = window(other);
        case = case
            .set(id, "gsiv", gsiv)
            .set(id, "base_address", at + 0x1000)
            .register(id, "doorbell_register", crate::testing::gas(at));
        for (name, offset) in [
            ("ack_register", 8),
            ("check_register", 16),
            ("update_register", 16),
            ("error_register", 20),
        ] {
            case = case.register(id, name, crate::testing::gas(at + offset));
        }
    }
    case
}

#[test]
fn a_channel_is_known_again_where_it_moved() {
    let all = brief(pcct(&[3, 4]), swapped());
    let moved =
        |place: &str| (place.to_owned(), "moved".to_owned(), Impact::Breaks);
    assert_eq!(
        all,
        [moved("subspace 0 (type 3)"), moved("subspace 1 (type 4)")]
    );
    // Its user moved along: no longer a break of the contract.
    let old = pcct(&[3, 4]).ssdt(&mctp(b"MP00", 0, 1));
    let new = swapped().ssdt(&mctp(b"MP00", 1, 0));
    let all = brief(old, new);
    let moves: Vec<_> = all.iter().filter(|c| c.1 == "moved").collect();
    assert_eq!(moves.len(), 2);
    assert!(moves.iter().all(|c| c.2 == Impact::Risky), "{all:?}");
}

#[test]
fn channels_come_and_go() {
    assert_eq!(
        brief(pcct(&[3]), pcct(&[3, 4])),
        one("subspace 1 (type 4)", "added", Impact::Cosmetic)
    );
    assert_eq!(
        brief(pcct(&[3, 4]), pcct(&[3])),
        one("subspace 1 (type 4)", "removed", Impact::Breaks)
    );
    assert_eq!(
        brief(pcct(&[1]), pcct(&[2])),
        one("subspace 0 (type 1)", "type", Impact::Breaks)
    );
    let none = || pcct(&[]).without_pcct().gic(None);
    assert_eq!(
        brief(pcct(&[3]).gic(None), none()),
        one("PCCT", "removed", Impact::Breaks)
    );
    assert_eq!(
        brief(none(), pcct(&[3]).gic(None)),
        one("PCCT", "added", Impact::Cosmetic)
    );
}

#[test]
fn users_and_other_tables_are_compared() {
    let base = || pcct(&[3, 3]).ssdt(&region(b"SHM_", 0, 64));
    let other = pcct(&[3, 3]).ssdt(&region(b"SHM_", 1, 64));
    let all = brief(base(), other);
    assert_eq!(all[0].0, "\\SHM_");
    assert_eq!(all[0].2, Impact::Breaks);
    assert_eq!(all[1].0, "SSDT", "{all:?}");
    let longer = pcct(&[3, 3]).ssdt(&region(b"SHM_", 0, 65));
    assert_eq!(brief(base(), longer)[0].1, "OperationRegion");
    let gone = pcct(&[3, 3]).ssdt(&[]);
    assert_eq!(brief(base(), gone)[0].2, Impact::Breaks);
    assert_eq!(
        brief(pcct(&[3]), pcct(&[3]).gic(None)),
        one("APIC", "added", Impact::Risky)
    );
}

#[test]
fn device_trees_are_compared_by_their_nodes() {
    let tree = |spi: u32| {
        let blob = crate::tree::tests::Writer::default()
            .begin("")
            .begin("pcc")
            .bytes("compatible", b"qemu,pcc\0")
            .cells("interrupts", &[0, spi, 1])
            .end()
            .end()
            .blob();
        pcct(&[3]).file(TREE_FILE, &blob)
    };
    assert_eq!(
        brief(tree(80), tree(81)),
        one("/pcc", "interrupts", Impact::Breaks)
    );
    // One side without a tree: not a difference.
    assert_eq!(brief(tree(80), pcct(&[3])), []);
}

#[test]
fn reports_have_all_of_it() {
    let new = pcct(&[3]).set(0, "nominal_latency", 5).set(0, "gsiv", 50);
    let all = changes(pcct(&[3]), new);
    let text = report::diff::text(&all, Default::default());
    assert!(text.starts_with(
        "subspace 0 (type 3) gsiv: 112 (SPI 80) → 50 (SPI 18) [breaks"
    ));
    assert!(text.ends_with("2 changes: 1 breaks the contract, 1 risky\n"));
    let markdown = report::diff::markdown(&all);
    assert_eq!(markdown.lines().count(), 6);
    assert!(markdown.contains("| risky | subspace 0 (type 3): nominal"));
    let json = report::diff::json(&all);
    assert_eq!(json["changes"][0]["impact"], "breaks");
    assert_eq!(json["same"], false);
    assert_eq!(report::diff::text(&[], Default::default()), "no difference\n");
    assert!(report::diff::markdown(&[]).contains("no difference"));
    let _ = Platform::default();
}

/// Whatever field changes, that one is named and no other.
#[test]
fn every_field_is_compared() {
    use crate::table::layout;
    for kind in layout::TYPES {
        let fields = layout::of(kind).unwrap().fields;
        // Type and length make another structure of it.
        for (n, field) in fields.iter().enumerate().skip(2) {
            let old = pcct(&[kind]).build();
            let mut new = old.clone();
            let at = layout::SUBSPACES + field.offset;
            for byte in 0..field.kind.width() {
                let table = &mut new.tables[0];
                table.bytes[at + byte] ^= 0x10;
                crate::table::fix_checksum(&mut table.bytes);
                let (a, b) = (Facts::of(&old), Facts::of(&new));
                let names: Vec<_> =
                    diff(&a, &b, false).into_iter().map(|c| c.what).collect();
                assert_eq!(names, [field.name], "type {kind}, field {n}");
            }
        }
    }
}
