//! A current iasl as judge: it reads what we read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use acpi_tools::check::{Severity, check_facts};
use acpi_tools::platform::{Facts, Platform};
use acpi_tools::report::show::{self, Value};
use acpi_tools::table::{Table, seal};
use pccd_tests::built;

use super::{configurations, tables};

/// All types of subspaces (facts of the project, section 10).
const ALL_TYPES: &[u8] =
    include_bytes!("../../../acpi-tools/tests/data/all-types.dat");

/// Runs iasl; fails on anything it complains about.
fn iasl(folder: &Path, words: &[&str]) -> String {
    let out = Command::new(built("IASL"))
        .current_dir(folder)
        .args(words)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned()
        + &String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{words:?}: {text}");
    for word in ["Error", "Warning", "Invalid"] {
        // "0 Errors, 0 Warnings" is how it says that all is well.
        let text = text.replace("0 Errors, 0 Warnings", "");
        assert!(!text.contains(word), "{words:?}: {text}");
    }
    text
}

/// iasl's fields: offset and length, value as printed.
type Fields = BTreeMap<(usize, usize), String>;

fn decompiled(table: &[u8]) -> (Fields, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("table.dat"), table).unwrap();
    iasl(folder.path(), &["-d", "table.dat"]);
    let source = fs::read_to_string(folder.path().join("table.dsl")).unwrap();
    let mut fields = Fields::new();
    for line in source.lines() {
        // [030h 0048 001h]   Subtable Type : 03 [Extended PCC Master …]
        let Some((place, rest)) =
            line.strip_prefix('[').and_then(|line| line.split_once(']'))
        else {
            continue;
        };
        let Some((_, value)) = rest.split_once(" : ") else { continue };
        let words: Vec<_> = place.split_whitespace().collect();
        let hex = |text: &str| {
            usize::from_str_radix(text.trim_end_matches('h'), 16).unwrap()
        };
        let key = (hex(words[0]), hex(words[2]));
        // A register's first part has its own line, at the same offset.
        if !value.starts_with("[Generic Address") {
            fields.insert(key, value.to_owned());
        }
    }
    (fields, source)
}

/// Our fields, registers in their parts.
fn ours(
    platform: &Platform,
    signature: &str,
) -> BTreeMap<(usize, usize), Value> {
    let facts = Facts::of(platform);
    let sources = show::sources(&facts, false);
    let shown = sources.iter().find(|source| source.table == signature);
    let shown = shown.unwrap();
    let mut all = BTreeMap::new();
    for value in shown.sections.iter().flat_map(|section| &section.fields) {
        let parts: &[Value] = match value.parts.is_empty() {
            true => std::slice::from_ref(value),
            false => &value.parts,
        };
        for part in parts {
            all.insert((part.offset, part.length), part.clone());
        }
    }
    all
}

fn same_values(name: &str, platform: &Platform, signature: &str) -> usize {
    let table = platform.all(signature).next().unwrap();
    let (theirs, source) = decompiled(&table.bytes);
    let ours = ours(platform, signature);
    let keys = |a: Vec<&(usize, usize)>| a.into_iter().copied().collect();
    let (a, b): (Vec<_>, Vec<_>) =
        (keys(ours.keys().collect()), keys(theirs.keys().collect()));
    assert_eq!(a, b, "{name}: offsets and lengths; iasl says\n{source}");
    for (key, value) in &ours {
        let theirs = &theirs[key];
        match value.value {
            Some(number) => {
                let first = theirs.split_whitespace().next().unwrap();
                let theirs = u64::from_str_radix(first, 16).unwrap();
                assert_eq!(number, theirs, "{name}: {value:?}");
            }
            None => {
                let text = &value.text;
                assert!(theirs.starts_with(text.as_str()), "{name}: {value:?}");
            }
        }
    }
    ours.len()
}

#[test]
fn iasl_reads_the_same_values() {
    let mut fields = 0;
    for (name, arguments) in configurations() {
        let platform = tables(&arguments);
        if platform.all("PCCT").next().is_some() {
            fields += same_values(&name, &platform, "PCCT");
        }
    }
    let mut platform = Platform::default();
    platform.add("all types", "all", ALL_TYPES.to_vec()).unwrap();
    fields += same_values("all types", &platform, "PCCT");
    println!("{fields} fields agree with iasl");
    assert!(fields > 300);
}

/// iasl's own template, with types 0 to 4, compiled by it: sound, but for
/// what it leaves zero.
#[test]
fn iasl_s_template_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    iasl(folder.path(), &["-T", "PCCT"]);
    iasl(folder.path(), &["pcct.asl"]);
    let bytes = fs::read(folder.path().join("pcct.aml")).unwrap();
    let table = Table { origin: "template".to_owned(), bytes };
    let platform = Platform { tables: vec![table], ..Platform::default() };
    same_values("template", &platform, "PCCT");
    let findings = check_facts(&Facts::of(&platform));
    let mut ids: Vec<_> = findings
        .iter()
        .filter(|found| found.rule.severity == Severity::Error)
        .map(|found| found.rule.id)
        .collect();
    ids.dedup();
    assert_eq!(ids, EXPECTED, "{findings:#?}");
}

/// iasl's template of the MPAM table, its first component behind PCC.
#[test]
fn iasl_reads_the_same_components() {
    let folder = tempfile::tempdir().unwrap();
    iasl(folder.path(), &["-T", "MPAM"]);
    iasl(folder.path(), &["mpam.asl"]);
    let mut bytes = fs::read(folder.path().join("mpam.aml")).unwrap();
    bytes[36 + 2] = 0x0a;
    // Where the second node begins; iasl prints no text of zeros.
    let second = 36 + usize::from(bytes[36]);
    for node in [36, second] {
        bytes[node + 56..node + 64].copy_from_slice(b"ACPI0007");
    }
    seal(&mut bytes);
    let table = Table { origin: "template".to_owned(), bytes };
    let platform = Platform { tables: vec![table], ..Platform::default() };
    assert!(same_values("template", &platform, "MPAM") > 60);
    let findings = check_facts(&Facts::of(&platform));
    let walk = findings.iter().find(|found| found.rule.id == "ACPI-009");
    assert!(walk.is_none(), "{walk:#?}");
}

/// iasl's template of the RAS2 table.
#[test]
fn iasl_reads_the_same_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    iasl(folder.path(), &["-T", "RAS2"]);
    iasl(folder.path(), &["ras2.asl"]);
    let bytes = fs::read(folder.path().join("ras2.aml")).unwrap();
    let table = Table { origin: "template".to_owned(), bytes };
    let platform = Platform { tables: vec![table], ..Platform::default() };
    assert_eq!(same_values("template", &platform, "RAS2"), 9 + 2 + 2 * 4);
    let findings = check_facts(&Facts::of(&platform));
    let walk = findings.iter().find(|found| found.rule.id == "ACPI-012");
    assert!(walk.is_none(), "{walk:#?}");
}

/// What the specification forbids in the template.
const EXPECTED: &[&str] =
    &["PCCT-003", "PCCT-022", "PCCT-023", "PCCT-050", "PCCT-051"];

/// iasl lists the descriptors and the device that we found.
#[test]
fn iasl_finds_the_same_users() {
    let platform = tables(&super::line("-machine virt,pcc=on"));
    let facts = Facts::of(&platform);
    let (table, aml) =
        facts.aml.iter().find(|(_, aml)| !aml.references.is_empty()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ssdt.dat"), &table.bytes).unwrap();
    iasl(folder.path(), &["-d", "ssdt.dat"]);
    let source = fs::read_to_string(folder.path().join("ssdt.dsl")).unwrap();
    let minimum = |line: &str| {
        let (value, name) = line.split_once(", ")?;
        let value = value.trim().strip_prefix("0x")?;
        name.contains("Range Minimum")
            .then(|| u64::from_str_radix(value, 16).unwrap())
    };
    let theirs: Vec<_> = source.lines().filter_map(minimum).collect();
    let found: Vec<_> =
        aml.references.iter().filter_map(|found| found.subspace).collect();
    assert_eq!(found, theirs, "{source}");
    let device = aml.device_of(&aml.references[0]).unwrap();
    let name = device.path.rsplit('.').next().unwrap();
    assert!(source.contains(&format!("Device ({name})")), "{source}");
    assert_eq!(device.hid.as_deref(), Some("DMT0001"));
}
