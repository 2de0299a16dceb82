//! Which module may use which. A module stands below all that it uses; what
//! still points downwards, and so closes a circle, has an exclamation mark.
//! Which modules of pccd know files and the time. The invariants of
//! ARCHITECTURE.md rest on this: `wire` names no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const PCCD: &str = "
    wake:
    wire:
    record: wire
    clock: record
    endpoint: wire
    conduct: record wire
    script: record wire
    mailbox: wire
    handlers: endpoint record script wire
    registers: conduct mailbox record script wire
    messages: endpoint handlers registers script wire
    platform: conduct endpoint handlers mailbox messages record registers script wire
    programs: handlers script wake
    stats: record script
    log: record stats
    station: clock conduct endpoint handlers log mailbox messages platform programs record registers script stats wake wire
    daemon: clock log messages record script station wake
    status: mailbox record station stats
    cli: daemon log
    manual:
    command: cli clock daemon handlers log mailbox manual messages platform record registers script stats status wake wire";

const PCCLAB: &str = "
    interrupted:
    process:
    usage:
    tell:
    say:
    table:
    json:
    ktap:
    claim:
    backtrace:
    cli:
    manual: cli
    kernel: backtrace
    lab: kernel usage
    logs: usage
    log: interrupted logs
    moment: log
    conduct: claim log
    exchange: ktap
    initramfs: lab
    platform: json kernel usage
    new: lab platform
    console: process !session
    qmp: !session
    programs: initramfs process tell !session
    session: backtrace console lab process programs qmp tell
    result: exchange ktap !run
    run: claim conduct exchange kernel ktap moment result say session
    aml: lab !machine
    machine: aml claim kernel platform run session
    check: aml claim json kernel lab machine platform process
    matrix: interrupted kernel lab logs machine platform result run session table
    defects: interrupted matrix platform run
    shell: exchange run say session tell";

const ACPI_TOOLS: &str = "
    bytes:
    field: bytes !table
    table: bytes field
    text: bytes table
    tree: bytes field
    memory: bytes tree
    aml: bytes field table
    platform: aml bytes memory table text tree
    extract: bytes memory platform table tree
    check: aml bytes field platform table tree
    diff: aml field platform table tree
    report: aml bytes check diff field platform table tree
    cli: check report
    manual: cli
    command: check cli diff extract manual platform report";

/// Modules of pccd that open no file and ask for no time.
const PURE: [&str; 7] = [
    "wire",
    "endpoint",
    "conduct",
    "script",
    "handlers",
    "registers",
    "platform",
];

/// A file's code, its tests apart.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a file's code names; files and time are some, too.
fn named(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let impure =
        [("file", "std::fs"), ("clock", "Instant"), ("clock", "now()")];
    let impure = impure.iter().filter(|(_, word)| code.contains(word));
    let impure = impure.map(|(what, _)| format!("a {what}"));
    let word = |rest: &str| {
        let is_in = |c: char| c.is_ascii_lowercase() || c == '_';
        rest.split(|c| !is_in(c)).next().unwrap_or_default().to_owned()
    };
    code.split("crate::").skip(1).map(word).chain(impure).collect()
}

fn arrows(folder: &Path, module: &str, found: &mut Found) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = if module.is_empty() { &name[..] } else { module };
        if ["tests", "behaviour", "testing", "lib", "main"].contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            arrows(&path, module, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.entry(module.to_owned()).or_default().extend(named(&text));
        }
    }
}

type Found = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_use_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = Vec::new();
    for (name, table) in
        [("pccd", PCCD), ("pcclab", PCCLAB), ("acpi-tools", ACPI_TOOLS)]
    {
        let mut may: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in table.trim().lines() {
            let (module, used) = line.trim().split_once(':').unwrap();
            for used in used.split_whitespace() {
                let known = used.starts_with('!') || may.contains_key(used);
                assert!(known, "{name}: {module} stands above {used}");
            }
            let used = used.split_whitespace();
            may.insert(module, used.map(|m| m.trim_matches('!')).collect());
        }
        let mut found = Found::new();
        arrows(&root.join(name).join("src"), "", &mut found);
        assert!(found.len() >= 12, "{name} has more modules than {found:?}");
        for (module, used) in &found {
            let may = may.get(module.as_str());
            let is_new = |other: &&String| {
                *other != module
                    && found.contains_key(*other)
                    && !may.is_some_and(|may| may.contains(other.as_str()))
            };
            let is_impure = |other: &&String| {
                other.starts_with("a ")
                    && name == "pccd"
                    && PURE.contains(&module.as_str())
            };
            wrong.extend(
                used.iter()
                    .filter(|other| is_new(other) || is_impure(other))
                    .map(|other| format!("{name}: {module} uses {other}")),
            );
        }
    }
    assert!(wrong.is_empty(), "not in the table:\n{}", wrong.join("\n"));
}
