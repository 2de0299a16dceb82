//! FACS and RSDP, which have no common header.

use super::*;
use crate::report::show;
use crate::table::header::tests::{facs, rsdp};
use crate::table::{Table, fix_checksum};
use crate::testing::pcct;

/// Ids and offsets of what is found beside a sound PCCT.
fn found(bytes: Vec<u8>) -> Vec<(&'static str, Option<usize>)> {
    let findings = check(&pcct(&[3]).with_bytes(bytes).build());
    findings.iter().map(|found| (found.rule.id, found.at)).collect()
}

#[test]
fn a_sound_one_has_nothing_to_find() {
    for sound in [facs(), rsdp(0), rsdp(2)] {
        assert_eq!(found(sound.clone()), []);
        // Nor do two of them have ids that could be the same.
        let two = pcct(&[3]).with_bytes(sound.clone()).with_bytes(sound);
        let ids: Vec<_> =
            check(&two.build()).iter().map(|found| found.rule.id).collect();
        assert!(!ids.contains(&"ACPI-003"), "{ids:?}");
    }
    // Whatever the firmware keeps at byte 9, it is no checksum.
    let mut other = facs();
    other[9] ^= 0xff;
    assert_eq!(found(other), []);
}

#[test]
fn a_broken_one_is_found() {
    let wrong = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 1;
        bytes
    };
    let cut = |bytes: Vec<u8>, n: usize| bytes[..n].to_vec();
    for (bytes, id, at) in [
        (wrong(facs(), 4), "ACPI-001", 4),
        (cut(facs(), 63), "ACPI-001", 4),
        (wrong(rsdp(0), 16), "ACPI-002", 8),
        (wrong(rsdp(2), 24), "ACPI-002", 32),
        (wrong(rsdp(2), 20), "ACPI-001", 20),
        (cut(rsdp(2), 20), "ACPI-001", 0),
        (cut(rsdp(0), 19), "ACPI-001", 15),
        (cut(rsdp(0), 9), "ACPI-001", 9),
    ] {
        assert_eq!(found(bytes), [(id, Some(at))]);
    }
    // The extended sum covers the first one's bytes, too.
    let both = [("ACPI-002", Some(8)), ("ACPI-002", Some(32))];
    assert_eq!(found(wrong(rsdp(2), 16)), both);
}

#[test]
fn show_names_their_own_fields() {
    let case = pcct(&[3]).with_bytes(facs()).with_bytes(rsdp(2));
    let platform = case.with_bytes(rsdp(0)).build();
    let sources = show::sources(&Facts::of(&platform), true);
    let fields = |n: usize| &sources[n].sections[0].fields;
    let value = |n: usize, name: &str| {
        let field = fields(n).iter().find(|field| field.name == name);
        field.and_then(|field| field.value)
    };
    assert_eq!(value(1, "facs_version"), Some(2));
    assert_eq!(value(1, "hardware_signature"), Some(0x5634_12f0));
    assert_eq!(value(1, "checksum"), None);
    assert_eq!(value(2, "xsdt_address"), Some(0x7ffe_1088));
    assert_eq!(value(3, "rsdt_address"), Some(0x7ffe_1080));
    assert_eq!(value(3, "xsdt_address"), None);
    for (n, length) in [(1, 64), (2, 36), (3, 20)] {
        let covered: usize = fields(n).iter().map(|field| field.length).sum();
        assert_eq!(covered, length);
    }
}

#[test]
fn diff_compares_their_own_fields() {
    let changes = |old: Vec<u8>, new: Vec<u8>, all: bool| {
        let of = |bytes: Vec<u8>| pcct(&[3]).with_bytes(bytes).build();
        let (old, new) = (of(old), of(new));
        let changes =
            crate::diff::diff(&Facts::of(&old), &Facts::of(&new), all);
        let brief = changes.iter().map(|c| format!("{} {}", c.place, c.what));
        brief.collect::<Vec<_>>()
    };
    let facs_with = |at: usize, value: u8| {
        let mut bytes = facs();
        bytes[at] = value;
        bytes
    };
    let case = |at, all| changes(facs(), facs_with(at, 7), all);
    assert_eq!(case(32, false), ["FACS facs_version"]);
    assert_eq!(case(9, false), ["FACS hardware_signature"]);
    assert_eq!(case(16, false), [""; 0], "the system's own");
    assert_eq!(case(16, true), ["FACS global_lock"]);
    let mut moved = rsdp(2);
    moved[24] = 0;
    fix_checksum(&mut moved);
    assert_eq!(changes(rsdp(2), moved.clone(), false), [""; 0]);
    let all = ["RSDP xsdt_address", "RSDP extended_checksum"];
    assert_eq!(changes(rsdp(2), moved, true), all);
    let broken = [&rsdp(2)[..35], &[1]].concat();
    let said = changes(rsdp(2), broken, false);
    assert_eq!(said, ["RSDP frame", "RSDP reserved"]);
}

#[test]
fn extract_names_them_as_acpidump_does() {
    let case = pcct(&[3]).with_bytes(facs()).with_bytes(rsdp(2));
    let platform = case.build();
    let files = crate::extract::files(&platform);
    let names: Vec<_> = files.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, ["pcct.dat", "facs.dat", "rsdp.dat"]);
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in &files {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert!(crate::extract::is_extracted(&path), "{name}");
    }
    let again = Platform::load(folder.path()).unwrap();
    let bytes = |platform: &Platform| {
        let mut all: Vec<Vec<u8>> =
            platform.tables.iter().map(|t: &Table| t.bytes.clone()).collect();
        all.sort();
        all
    };
    assert_eq!(bytes(&again), bytes(&platform));
}
