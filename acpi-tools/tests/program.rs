//! The real program: exit statuses, output, bad input.

use std::path::Path;
use std::process::{Command, Output};

/// Types 0 to 5 (facts of the project, section 10): two findings on purpose.
const VECTOR: &[u8] = include_bytes!("data/all-types.dat");

/// The same as text, by `acpidump -f` of ACPICA 20250404.
const DUMP: &[u8] = include_bytes!("data/all-types.txt");

fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acpi-tools")).args(words).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn status(words: &[&str]) -> i32 {
    run(words).status.code().unwrap()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The vector with bytes changed and the checksum made right.
fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut table = VECTOR.to_vec();
    table[at..at + bytes.len()].copy_from_slice(bytes);
    acpi_tools::table::fix_checksum(&mut table);
    table
}

#[test]
fn validate_exits_by_target() {
    let folder = tempfile::tempdir().unwrap();
    let bad = write(folder.path(), "bad.dat", VECTOR);
    let out = run(&["validate", &bad]);
    assert_eq!(out.status.code(), Some(1));
    let report = text(&out);
    for id in ["E PCCT-053", "E PCCT-027"] {
        assert!(report.contains(id), "{report}");
    }
    let json = run(&["validate", "--format", "json", &bad]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["valid"], false);
    assert!(json["findings"].as_array().unwrap().len() > 2);
    assert_eq!(status(&["validate", "/nonexistent"]), 2);
    assert_eq!(status(&["validate"]), 2);
    assert_eq!(status(&["validate", "--target", "windows", &bad]), 2);
    let empty = write(folder.path(), "empty", b"");
    assert_eq!(status(&["validate", &empty]), 2);
    assert_eq!(status(&["validate", "/dev/zero"]), 2, "a file without end");
}

#[test]
fn where_nothing_was_judged_there_is_no_verdict() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let tree = tests.join("data/virt.dtb").display().to_string();
    for format in ["text", "json"] {
        let out = run(&["validate", "--format", format, &tree]);
        assert_eq!(out.status.code(), Some(2), "{format}");
        assert_eq!(text(&out), "", "{format}");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains("no table to judge"), "{said}");
    }
}

/// What Linux does with a cut table depends on bytes that are not there.
#[test]
fn nothing_is_promised_of_a_cut_table() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, wanted) in [
        (&VECTOR[..8], "unknown"),
        (&VECTOR[..20], "unknown"),
        (&VECTOR[..100], "unknown"),
        (&VECTOR[..685], "unknown"),
        (b"PCCT\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "refuses_table"),
    ] {
        let path = write(folder.path(), "cut.dat", bytes);
        let kernel = ["--target", "linux-7", "--format", "json"];
        let out = run(&[&["validate"], &kernel[..], &[&path]].concat());
        assert_eq!(out.status.code(), Some(1));
        let json: serde_json::Value =
            serde_json::from_slice(&out.stdout).unwrap();
        let length = &json["findings"][0];
        assert_eq!(length["rule"], "PCCT-001");
        assert_eq!(length["linux"], wanted, "{}", bytes.len());
        if bytes.len() < 200 {
            assert_eq!(json["linux"]["linux-6.12"], wanted);
            assert_eq!(json["linux"]["linux-7"], wanted);
        }
    }
    let path = write(folder.path(), "cut.dat", &VECTOR[..20]);
    let report = text(&run(&["validate", &path]));
    let said = "the file is cut, no verdict on linux-6.12, linux-7";
    assert!(report.contains(said), "{report}");
}

#[test]
fn accepted_findings_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    // One subspace of type 5: nothing for the specification, L for Linux.
    let mut table = VECTOR[..48].to_vec();
    table.extend(&VECTOR[590..]);
    acpi_tools::table::seal(&mut table);
    let path = write(folder.path(), "five.dat", &table);
    assert_eq!(status(&["validate", &path]), 0);
    assert_eq!(status(&["validate", "--target", "linux-7", &path]), 1);
    let list = r#"[{"rule": "PCCT-065", "reason": "bare metal only"}]"#;
    let list = write(folder.path(), "accepted.json", list.as_bytes());
    let words = ["validate", "--target", "linux-7", "--accept", &list, &path];
    let out = run(&words);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(text(&out).contains("bare metal only"));
    let wrong = write(folder.path(), "wrong.json", b"[{}]");
    assert_eq!(status(&["validate", "--accept", &wrong, &path]), 2);
}

#[test]
fn strict_makes_warnings_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = VECTOR[..110].to_vec();
    // A nominal latency of 0.
    table[100..104].fill(0);
    acpi_tools::table::seal(&mut table);
    let path = write(folder.path(), "old.dat", &table);
    let out = run(&["validate", &path]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(text(&out).contains("W PCCT-060"));
    assert_eq!(status(&["validate", "--strict", &path]), 1);
}

#[test]
fn diff_exits_by_difference() {
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path(), "old.dat", VECTOR);
    // Nominal latency of subspace 0: 48 + 52.
    let new = changed(100, &2000u32.to_le_bytes());
    let new = write(folder.path(), "new.dat", &new);
    assert_eq!(status(&["diff", &old, &old]), 0);
    let out = run(&["diff", &old, &new]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out).contains("nominal_latency: 1000 us (1 ms) → 2000 us"));
    let noise = write(folder.path(), "noise.dat", &changed(28, b"ABCD"));
    assert_eq!(status(&["diff", &old, &noise]), 0);
    assert_eq!(status(&["diff", "--all", &old, &noise]), 1);
    assert_eq!(status(&["diff", &old, "/nonexistent"]), 2);
    assert_eq!(status(&["diff", &old]), 2);
    let out = run(&["diff", "--format", "markdown", &old, &new]);
    assert!(text(&out).contains("| risky | subspace 0 (type 0): nominal"));
    let out = run(&["diff", "--format", "json", &old, &new]);
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["changes"][0]["old_offset"], 100);
}

#[test]
fn show_prints_text_json_and_a_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "pcct.dat", VECTOR);
    let shown = text(&run(&["show", &path]));
    assert!(shown.contains("subspace 5: type 5, hardware registers"));
    assert!(!shown.contains('\x1b'), "no colour outside a terminal");
    let json = run(&["show", "--format", "json", &path]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let gsiv = &json[0]["sections"][2]["fields"][2];
    assert_eq!(gsiv["name"], "gsiv");
    assert_eq!(gsiv["value"], 50);
    assert!(text(&run(&["show", "--map", &path])).contains("◀──▶"));
}

/// What cannot be had in a format is refused, not given in another.
#[test]
fn a_format_is_kept_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "pcct.dat", VECTOR);
    for (words, named) in [
        (&["show", "--map", "--format", "json", &path][..], "--map"),
        (&["show", "--map", "--all", &path], "--map"),
        (&["explain", "--format", "markdown", "PCCT-051"], "markdown"),
    ] {
        let out = run(words);
        assert_eq!(out.status.code(), Some(2), "{words:?}");
        assert_eq!(text(&out), "", "{words:?}");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains(named), "{said}");
    }
    assert_eq!(status(&["show", "--map", "--format", "text", &path]), 0);
}

#[test]
fn extract_writes_files_that_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let dump = write(folder.path(), "acpidump.txt", DUMP);
    let output = folder.path().join("tables");
    let output = output.display().to_string();
    let extract = ["extract", "--output", &output, &dump];
    assert_eq!(status(&extract), 0);
    let table = std::fs::read(format!("{output}/pcct.dat")).unwrap();
    assert_eq!(table, VECTOR);
    assert_eq!(status(&["diff", &dump, &output]), 0);
    // Nothing is replaced unasked.
    let out = run(&extract);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--force"));
    let force = ["extract", "--force", "-o", &output, &dump];
    assert_eq!(status(&force), 0);
    // Nor is anything removed that is not ours.
    let foreign = write(Path::new(&output), "samples.dat", b"1.5 2.5\n");
    let out = run(&force);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("samples.dat"));
    assert!(Path::new(&foreign).exists());
    assert!(Path::new(&output).join("pcct.dat").exists());
}

#[test]
fn what_there_was_no_room_for_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dump = write(folder.path(), "acpidump.txt", DUMP);
    let output = folder.path().join("some/tables");
    let full = |words: &[&str]| {
        let mut full = Command::new("sh");
        full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_acpi-tools"))
            .args(["extract", &dump, "--output"])
            .arg(&output);
        let out = full.args(words).output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains("writing"), "{said}");
    };
    full(&[]);
    assert!(!folder.path().join("some").exists());
    let words = ["extract", &dump, "--output", output.to_str().unwrap()];
    assert_eq!(status(&words), 0);
    let there = || {
        let entries = std::fs::read_dir(&output).unwrap();
        let mut all: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .map(|it| (it.file_name(), std::fs::read(it.path()).unwrap()))
            .collect();
        all.sort();
        all
    };
    let before = there();
    full(&["--force"]);
    assert_eq!(there(), before);
}

#[test]
fn explain_knows_rules_and_fields() {
    assert!(text(&run(&["explain", "PCCT-051"])).contains("fix:"));
    assert!(text(&run(&["explain", "gsiv"])).contains("in the subspace"));
    let list = text(&run(&["explain"]));
    assert_eq!(list.lines().count(), acpi_tools::check::rules().count());
    assert_eq!(status(&["explain", "PCCT-999"]), 2);
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md");
    let made = text(&run(&["explain", "--format", "markdown"]));
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        made == kept,
        "run: cargo run -p acpi-tools -- explain --format markdown \
         >acpi-tools/REFERENCE.md"
    );
}

/// A status, and what standard error said, of a run that writes into pipes
/// which nobody reads, the second only if told so.
fn unread(words: &[&str], both: bool) -> (Option<i32>, String) {
    let unread = || std::io::pipe().unwrap().1;
    let mut program = Command::new(env!("CARGO_BIN_EXE_acpi-tools"));
    program.args(words).stdout(unread());
    if both {
        program.stderr(unread());
    }
    let output = program.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_broken_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let table = &write(folder.path(), "pcct.dat", VECTOR)[..];
    let changed = changed(100, &2000u32.to_le_bytes());
    let other = &write(folder.path(), "other.dat", &changed)[..];
    let tables = folder.path().join("tables").display().to_string();
    for (words, wanted) in [
        (&["show", table][..], 0),
        (&["show", "--map", table], 0),
        (&["show", "--format", "json", table], 0),
        (&["validate", table], 1),
        (&["validate", "--format", "json", table], 1),
        (&["diff", table, other], 1),
        (&["diff", "--format", "json", table, other], 1),
        (&["diff", "--format", "markdown", table, other], 1),
        (&["extract", "--output", &tables, table], 0),
        (&["explain"], 0),
        (&["explain", "PCCT-051"], 0),
        (&["explain", "--format", "markdown"], 0),
        (&["man"], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["help", "show"], 0),
        (&["--version"], 0),
    ] {
        let (status, said) = unread(words, false);
        assert_eq!((status, &said[..]), (Some(wanted), ""), "{words:?}");
    }
    for words in [&["show", "/nonexistent"][..], &["shwo"]] {
        assert_eq!(unread(words, true).0, Some(2), "{words:?}");
    }
}

#[test]
fn man_pages_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    assert_eq!(status(&["man", &pages.display().to_string()]), 0);
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("acpi-tools.1").contains("acpi\\-tools\\-show(1)"));
    assert!(page("acpi-tools-validate.1").contains("\\-\\-strict"));
    assert!(text(&run(&["man"])).contains(".TH acpi-tools 1"));
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell]));
        assert!(script.contains("strict"), "{shell}");
    }
    let path = folder.path().join("acpi-tools.bash");
    std::fs::write(&path, run(&["completions", "bash"]).stdout).unwrap();
    let asked = "source $0; COMP_WORDS=(acpi-tools ex); COMP_CWORD=1; \
                 _acpi__tools acpi-tools ex acpi-tools; \
                 echo ${COMPREPLY[@]}";
    let said =
        Command::new("bash").args(["-c", asked]).arg(&path).output().unwrap();
    assert_eq!(text(&said).trim(), "extract explain");
}
