//! For each rule a table that breaks it and only it, and one that does not.

mod aml;
mod cases;
mod forms;
#[allow(dead_code)] // all() is for others
mod machines;
mod make;
mod real;

use std::collections::BTreeSet;

use super::rule::MOST;
use super::*;

type Row =
    (&'static str, fn() -> crate::testing::Case, fn() -> crate::testing::Case);

/// All cases.
fn rows() -> impl Iterator<Item = &'static Row> {
    cases::CASES.iter().chain(aml::CASES)
}

/// Ids of what is found, for the target the rule is about.
fn found(platform: &Platform, rule: &Rule) -> BTreeSet<&'static str> {
    let target = match rule.severity {
        Severity::Linux => Target::Linux7,
        _ => Target::Spec,
    };
    let findings = check(platform);
    for finding in &findings {
        let length = platform.tables.iter().chain(&platform.tree);
        let longest = length.map(|table| table.bytes.len()).max();
        let at = finding.at.unwrap_or(0);
        assert!(at <= longest.unwrap_or(0), "{finding:?}");
        assert!(!finding.text.is_empty() && !finding.subject.is_empty());
    }
    let concerns = |finding: &&Finding| finding.concerns(target);
    findings.iter().filter(concerns).map(|finding| finding.rule.id).collect()
}

#[test]
fn each_rule_is_broken_alone_and_kept() {
    let mut covered = BTreeSet::new();
    for (id, broken, kept) in rows() {
        let rule = rule(id).unwrap_or_else(|| panic!("no rule {id}"));
        let broken = found(&broken().build(), rule);
        assert_eq!(broken, BTreeSet::from([*id]), "{id}: the broken one");
        let kept = found(&kept().build(), rule);
        assert!(!kept.contains(id), "{id}: the kept one");
        covered.insert(*id);
    }
    let all: BTreeSet<_> = rules().map(|rule| rule.id).collect();
    println!("rules covered: {} of {}", covered.len(), all.len());
    let missing: Vec<_> = all.difference(&covered).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn kept_tables_are_sound() {
    // What keeps a rule should break no other, but for the few cases that
    // must: there the set is named.
    for (id, _, kept) in rows() {
        let rule = rule(id).unwrap();
        let others = found(&kept().build(), rule);
        let allowed: &[&str] = match *id {
            // Revision 1 is old where it is not wrong.
            "PCCT-003" => &["PCCT-013"],
            // Type 4 in front of type 3.
            "PCCT-080" | "PCCT-084" => &[],
            _ => &[],
        };
        let extra: Vec<_> =
            others.iter().filter(|id| !allowed.contains(id)).collect();
        assert!(extra.is_empty(), "{id}: {extra:?}");
    }
}

#[test]
fn rules_read_well() {
    let mut ids = BTreeSet::new();
    for rule in rules() {
        assert!(ids.insert(rule.id), "{} twice", rule.id);
        let (kind, number) = rule.id.split_once('-').unwrap();
        assert!(["PCCT", "ACPI"].contains(&kind) && number.len() == 3);
        for text in [rule.title, rule.source, rule.fix] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}", rule.id);
        }
        assert!(rule.explanation.ends_with('.'), "{}", rule.id);
        assert!(rule.title.len() <= 72, "{}: {}", rule.id, rule.title);
    }
}

#[test]
fn severities_depend_on_the_target() {
    let severity = |id, target| rule(id).unwrap().severity_for(target);
    assert_eq!(severity("PCCT-051", Target::Linux7), Severity::Error);
    assert_eq!(severity("PCCT-056", Target::Spec), Severity::Warning);
    assert_eq!(severity("PCCT-056", Target::Linux612), Severity::Linux);
    assert_eq!(severity("PCCT-033", Target::Linux7), Severity::Warning);
}

#[test]
fn what_one_kernel_cannot_take_the_other_may() {
    let hccs = crate::testing::hid_device(
        b"H000",
        "HISI04B2",
        &crate::testing::register(0, 0, 8),
    );
    let findings = check(&crate::testing::pcct(&[3]).ssdt(&hccs).build());
    let fatal = |target| Verdict::of(findings.iter(), target, false).fatal;
    assert_eq!(fatal(Target::Linux7), 1);
    assert_eq!(fatal(Target::Linux612), 0);
    assert_eq!(linux(findings.iter(), Target::Linux612), Effect::None);
    assert_eq!(linux(findings.iter(), Target::Linux7), Effect::Channel);
}

#[test]
fn a_verdict_counts_what_concerns_the_target() {
    let five = crate::testing::pcct(&[5]).build();
    let findings = check(&five);
    let fatal = |target| Verdict::of(findings.iter(), target, false).fatal;
    assert_eq!(fatal(Target::Spec), 0);
    assert_eq!(fatal(Target::Linux7), 1);
    assert_eq!(linux(findings.iter(), Target::Linux7), Effect::Channel);
    assert_eq!(linux(findings.iter(), Target::Spec), Effect::None);
}

#[test]
fn accepted_findings_are_split_off() {
    let list = accepted::parse(
        r#"[{"rule": "PCCT-084", "subject": "subspace 0 (type 3)",
             "reason": "our driver knows the id"},
            {"rule": "PCCT-001", "reason": "not needed"}]"#,
    )
    .unwrap();
    let ssdt = crate::testing::device(b"D000", b"\x08ABCD\x00");
    let platform = crate::testing::pcct(&[3, 3]).ssdt(&ssdt).build();
    let (open, done, unused) = accepted::split(check(&platform), &list);
    assert_eq!(open.len(), 1);
    assert_eq!(done[0].1, "our driver knows the id");
    assert_eq!(unused[0].rule, "PCCT-001");
}

/// One finding a subspace, not one a pair: none is left out.
#[test]
fn all_findings_are_there() {
    let kinds = vec![3; 256];
    let mut case = crate::testing::pcct(&kinds);
    for id in 0..256 {
        case = case.set(id, "base_address", 0x1000).set(id, "gsiv", 40);
    }
    let findings = check(&case.build());
    let of = |id| findings.iter().filter(move |f| f.rule.id == id);
    assert_eq!(of("PCCT-027").count(), 255);
    assert_eq!(of("PCCT-052").count(), 255);
    let last = of("PCCT-052").next_back().unwrap();
    assert!(last.text.ends_with("and the same with 254 more subspaces"));
}

/// Beyond the bound they are counted.
#[test]
fn what_is_not_listed_is_counted() {
    let regions = crate::testing::region(b"SHM_", 9, 64).repeat(MOST + 10);
    let findings = check(&crate::testing::pcct(&[3]).ssdt(&regions).build());
    let found: Vec<_> =
        findings.iter().filter(|f| f.rule.id == "PCCT-080").collect();
    assert_eq!(found.len(), MOST);
    assert_eq!(found.last().unwrap().more, 10);
    let verdict = Verdict::of(found.into_iter(), Target::Spec, false);
    assert_eq!(verdict.count(Severity::Error), MOST + 10);
    assert_eq!(verdict.fatal, MOST + 10);
}

/// Half of all machines have SSDTs that share their ids.
#[test]
fn shared_ids_are_one_line() {
    let mut case = crate::testing::pcct(&[5]);
    for n in 0..9 {
        case = case.ssdt(&[0x08, b'A', b'B', b'C', b'D', 0x0a, n]);
    }
    let findings = check(&case.build());
    let found: Vec<_> =
        findings.iter().filter(|f| f.rule.id == "ACPI-003").collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].text.contains("8 tables have"), "{}", found[0].text);
    assert_eq!(found[0].severity(Target::Linux7), Severity::Info);
}
