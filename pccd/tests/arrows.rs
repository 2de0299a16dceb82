//! Which module may use which. A module stands below all that it uses; what
//! still points downwards, and so closes a circle, has an exclamation mark.
//! Within a module no files use each other in a circle. Which modules of pccd
//! know files and the time. The invariants of ARCHITECTURE.md rest on this:
//! `wire` names no other.

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
    stats: record script
    capture: mailbox record wire
    recording: capture mailbox record script stats wire
    platform: conduct endpoint handlers mailbox messages record recording registers script wire
    vary: mailbox messages platform registers script wire
    made:
    import: handlers mailbox messages platform record recording script wire
    programs: handlers script wake
    log: capture record stats
    station: clock conduct endpoint handlers log mailbox messages platform programs record recording registers script stats vary wake wire
    daemon: clock log messages platform record recording script station wake
    status: conduct mailbox record station stats
    cli: daemon log
    extcap: capture cli daemon
    manual:
    command: capture cli clock daemon extcap handlers import log made mailbox manual messages platform record recording registers script stats status vary wake wire";

const PCCLAB: &str = "
    interrupt:
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
    matrix_command: cli
    fuzz_command: cli
    manual: cli
    kernel: backtrace
    lab: kernel usage
    logs: usage
    log: interrupted logs
    moment: log
    conduct: claim log
    config: lab
    coverage: config
    commands: log
    latency: commands config log table
    input:
    outcome:
    initramfs: lab
    search:
    content:
    platform: content json kernel latency search usage
    new: lab platform
    console: input process
    doctor: commands config console ktap log
    qmp: input
    programs: config initramfs process tell
    warm: config programs
    sign: console search
    exchange: console ktap sign
    verdict: conduct exchange ktap
    judge: exchange ktap outcome verdict
    session: backtrace config console exchange initramfs input interrupted log outcome process programs qmp sign tell warm
    result: verdict
    report: commands config console doctor ktap latency log result tell verdict
    scenario: platform result usage
    run: claim conduct exchange judge kernel ktap latency moment result say scenario session verdict
    aml: lab
    machine: aml claim config content kernel lab latency platform run search usage verdict
    check: aml claim config json kernel lab logs machine platform process search
    matrix: config interrupted kernel lab log logs machine platform report result run table verdict
    regressions: matrix platform table verdict
    parts: lab matrix platform result usage verdict
    defects: interrupted logs matrix platform verdict
    shell: exchange input judge run say session tell verdict
    fuzz: claim conduct config console coverage interrupt interrupted logs result say search session sign usage verdict";

const ACPI_TOOLS: &str = "
    bytes:
    field: bytes
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
const PURE: [&str; 8] = [
    "wire",
    "endpoint",
    "conduct",
    "script",
    "handlers",
    "registers",
    "platform",
    "vary",
];

/// A file's code, its tests apart.
fn code(text: &str) -> String {
    let code = text.split("mod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The code of all files of a crate, by their modules: `wire::pldm::base`.
fn files(folder: &Path, module: &str, found: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = match (module, name) {
            ("", name) => name.to_owned(),
            (module, "mod") => module.to_owned(),
            (module, name) => format!("{module}::{name}"),
        };
        if ["tests", "behaviour", "testing", "lib", "main"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            files(&path, &module, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(module, code(&text));
        }
    }
}

/// The paths in a file's code, each name of a group with what stands before
/// the brace.
fn paths(code: &str) -> BTreeSet<String> {
    let (mut all, mut word) = (BTreeSet::new(), String::new());
    let mut groups = vec![String::new()];
    for c in code.chars() {
        if c.is_ascii_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
            continue;
        }
        let before = groups.last().cloned().unwrap_or_default();
        let path = before + &std::mem::take(&mut word);
        match c {
            '{' if path.ends_with("::") => groups.push(path.clone()),
            '{' => groups.push(String::new()),
            '}' => drop(groups.pop()),
            _ => {}
        }
        all.insert(path);
    }
    all
}

/// The files that a file's code names.
fn named(module: &str, code: &str, files: &Files) -> BTreeSet<String> {
    let resolved = paths(code).into_iter().filter_map(|path| {
        let (first, rest) = path.split_once("::")?;
        let mut parts: Vec<&str> = module.split("::").collect();
        match first {
            "crate" => parts.clear(),
            "super" => drop(parts.pop()),
            "self" => {}
            child => parts.push(child),
        }
        let mut rest: Vec<&str> = rest.split("::").collect();
        while rest.first() == Some(&"super") {
            rest.remove(0);
            parts.pop();
        }
        // Else it is a path of another crate, or of a type.
        let is_ours = ["crate", "super", "self"].contains(&first)
            || files.contains_key(&parts.join("::"));
        parts.extend(rest.into_iter().filter(|_| is_ours));
        while !parts.is_empty() && !files.contains_key(&parts.join("::")) {
            parts.pop();
        }
        Some(parts.join("::")).filter(|file| is_ours && file != module)
    });
    resolved.filter(|file| !file.is_empty()).collect()
}

type Files = BTreeMap<String, String>;

fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// The files within modules that use each other in a circle.
fn circles(files: &Files) -> Vec<String> {
    let mut left: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (module, code) in files {
        let mut used = named(module, code, files);
        used.retain(|other| top(other) == top(module));
        left.insert(module, used);
    }
    loop {
        let all: BTreeSet<String> = left.values().flatten().cloned().collect();
        let ends = |(module, used): (&&str, &BTreeSet<String>)| {
            let is_end = used.iter().all(|one| !left.contains_key(&**one))
                || !all.contains(*module);
            is_end.then(|| (*module).to_owned())
        };
        let ends: Vec<String> = left.iter().filter_map(ends).collect();
        if ends.is_empty() {
            break;
        }
        left.retain(|module, _| !ends.iter().any(|end| end == module));
    }
    left.into_iter().map(|(file, used)| format!("{file}: {used:?}")).collect()
}

#[test]
fn paths_are_read_out_of_groups_and_code() {
    let code = "use super::{a::B, c::{self, D}};\nfn f() { self::x::y(); }";
    let wanted = ["super::a::B", "super::c::D", "super::c::self", "self::x::y"];
    assert!(wanted.iter().all(|path| paths(code).contains(*path)));
    let file = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    let round = [
        file("m", "pub use one::A;"),
        file("m::one", "use super::two::B;"),
        file("m::two", "fn f() -> crate::m::C {}"),
        file("m::three", "use super::two::B;"),
        file("n", "use crate::m::C;"),
    ];
    assert_eq!(circles(&round.clone().into()).len(), 3);
    assert!(circles(&round[1..].iter().cloned().collect()).is_empty());
}

#[test]
fn modules_use_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong: Vec<String> = Vec::new();
    for (name, table) in
        [("pccd", PCCD), ("pcclab", PCCLAB), ("acpi-tools", ACPI_TOOLS)]
    {
        let mut may: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut round: Vec<(&str, String)> = Vec::new();
        for line in table.trim().lines() {
            let (module, used) = line.trim().split_once(':').unwrap();
            for used in used.split_whitespace() {
                let known = used.starts_with('!') || may.contains_key(used);
                assert!(known, "{name}: {module} stands above {used}");
            }
            round.extend(used.split('!').skip(1).map(|other| {
                (module, other.split(' ').next().unwrap().to_owned())
            }));
            let used = used.split_whitespace();
            may.insert(module, used.map(|m| m.trim_matches('!')).collect());
        }
        let mut all = Files::new();
        files(&root.join(name).join("src"), "", &mut all);
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (module, code) in &all {
            let used = named(module, code, &all);
            let used = used.iter().map(|other| top(other).to_owned());
            let used = used.filter(|other| other != top(module));
            found.entry(top(module)).or_default().extend(used);
            let impure = ["std::fs", "Instant", "now()"].into_iter();
            let impure = impure
                .filter(|_| name == "pccd" && PURE.contains(&top(module)));
            for word in impure.filter(|word| code.contains(word)) {
                wrong.push(format!("{name}: {module} uses {word}"));
            }
        }
        assert!(found.len() >= 12, "{name} has more modules than {found:?}");
        for (module, used) in &found {
            let may = may.remove(module).unwrap_or_default();
            let is_new = |other: &&String| !may.contains(other.as_str());
            let new = used.iter().filter(is_new);
            wrong.extend(
                new.map(|other| format!("{name}: {module} uses {other}")),
            );
        }
        round.retain(|(module, other)| !found[module].contains(other));
        wrong.extend(round.iter().map(|(module, other)| {
            format!("{name}: {module} no longer uses {other}")
        }));
        let round = circles(&all).into_iter();
        wrong.extend(round.map(|file| format!("{name}: a circle of {file}")));
    }
    assert!(wrong.is_empty(), "not in the table:\n{}", wrong.join("\n"));
}
