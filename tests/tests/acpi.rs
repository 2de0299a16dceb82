//! acpi-tools on our QEMU: golden tables, and judges from outside.

mod judge;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use acpi_tools::check::{KERNELS, Target, Verdict, check_facts};
use acpi_tools::platform::{CONTENTS_FILE, Facts, Platform, TREE_FILE};
use acpi_tools::report::{self, Style};
use acpi_tools::{diff, extract};
use pccd_tests::built;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The configurations: name and QEMU's arguments.
fn configurations() -> Vec<(String, Vec<OsString>)> {
    let text = fs::read_to_string(golden().join("configurations.txt"));
    let text = text.unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let all: Vec<_> = lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            Some((name, words.map(OsString::from).collect()))
        })
        .collect();
    assert!(!all.is_empty(), "no configuration to check");
    all
}

/// Extracts what QEMU has with these arguments.
fn tables(arguments: &[OsString]) -> Platform {
    let mut words = vec![built("QEMU").into_os_string()];
    words.extend(arguments.iter().cloned());
    // A random seed would make any two device trees differ.
    let common = "-cpu max -nodefaults -machine dtb-randomness=off";
    words.extend(line(common));
    match extract::qemu(&words) {
        Ok(platform) => platform,
        Err(error) => panic!("{arguments:?}: {error:#}"),
    }
}

fn line(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

/// What is kept of a configuration: file names and contents.
fn kept(platform: &Platform) -> BTreeMap<String, Vec<u8>> {
    let of_pcc = |name: &str| {
        ["pcct", "ssdt", "apic"].iter().any(|start| name.starts_with(start))
            || [CONTENTS_FILE, TREE_FILE].contains(&name)
    };
    let files = extract::files(platform).into_iter();
    let mut files: BTreeMap<_, _> =
        files.filter(|(name, _)| of_pcc(name)).collect();
    let facts = Facts::of(platform);
    let findings = check_facts(&facts);
    let sources = report::show::sources(&facts, false);
    let mut text = report::show::text(&sources, Style::default());
    text += &report::map::draw(&facts);
    for target in [Target::Spec].iter().chain(KERNELS) {
        let report = report::check::Report {
            open: &findings,
            accepted: &[],
            unused: Vec::new(),
            target: *target,
            verdict: Verdict::of(findings.iter(), *target, false),
        };
        text += "\n";
        text += &report.text(Style::default());
    }
    files.insert("show.txt".to_owned(), text.into_bytes());
    files
}

fn read_folder(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// What acpi-tools says about the change, for those who accept it.
fn explain_change(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> String {
    let Ok(old) = Platform::load(folder) else {
        return "new\n".to_owned();
    };
    let mut new = Platform::default();
    for (name, content) in files {
        new.add(name, name, content.clone()).unwrap();
    }
    let changes = diff::diff(&Facts::of(&old), &Facts::of(&new), true);
    let mut text = report::diff::text(&changes, Style::default());
    for (name, content) in files {
        let old = fs::read(folder.join(name)).unwrap_or_default();
        if old != *content {
            text += &format!("  {name} differs\n");
        }
    }
    text
}

/// With GOLDEN=update (scripts/golden.sh) the files are replaced, after the
/// change was shown.
#[test]
fn golden_tables() {
    let update = std::env::var_os("GOLDEN").is_some_and(|v| v == "update");
    let mut different = Vec::new();
    let mut known = Vec::new();
    for (name, arguments) in configurations() {
        let files = kept(&tables(&arguments));
        let folder = golden().join(&name);
        known.push(name.clone());
        if read_folder(&folder) == files {
            continue;
        }
        println!("{name}: {}", explain_change(&folder, &files));
        different.push(name);
        if update {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            for (name, content) in files {
                fs::write(folder.join(name), content).unwrap();
            }
        }
    }
    for entry in fs::read_dir(golden()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !known.contains(&name) {
            println!("{name}: no configuration has that name");
            different.push(name);
            if update {
                fs::remove_dir_all(path).unwrap();
            }
        }
    }
    assert!(
        update || different.is_empty(),
        "{different:?} differ; if that is meant: scripts/golden.sh"
    );
}

#[test]
fn every_configuration_of_ours_is_valid() {
    for (name, arguments) in configurations() {
        let findings = check_facts(&Facts::of(&tables(&arguments)));
        let fatal = Verdict::of(findings.iter(), Target::Spec, false).fatal;
        assert_eq!(fatal, 0, "{name}: {findings:#?}");
    }
}

/// A QEMU that is told to lie in the table, and the rules that tell.
const LIES: &[(&str, &[&str])] = &[
    ("1,pcct-gsi-flags=0", &["PCCT-051"]),
    ("3,pcct-gsi=0", &["PCCT-054", "PCCT-091"]),
    ("3,pcct-gsi=80", &["PCCT-091", "PCCT-093"]),
    ("3,pcct-doorbell=none", &["PCCT-032", "PCCT-036"]),
    ("3,pcct-ack=0:32:0:4:0x0a010008", &["PCCT-034"]),
    ("3,pcct-error=0:24:0:0:0x0a012004", &["PCCT-032"]),
    ("3,pcct-size=16", &["PCCT-024"]),
    ("3,pcct-latency-us=0", &["PCCT-060"]),
    ("3,pcct-base=0x44000000", &["PCCT-028", "PCCT-090"]),
    ("5,pcct-version=2", &["PCCT-063", "PCCT-065"]),
];

#[test]
fn lies_are_found() {
    let mut wrong = Vec::new();
    for (device, wanted) in LIES {
        let platform = tables(&line(&format!(
            "-machine virt,pcc=bare -object \
             pcc-mailbox-dir,id=m,path=/tmp/pcc \
             -device pcc-type{device},mailbox=m"
        )));
        let findings = check_facts(&Facts::of(&platform));
        let concerns = findings.iter().filter(|f| f.concerns(Target::Linux7));
        let mut ids: Vec<_> = concerns.map(|found| found.rule.id).collect();
        // A single channel has no user; its memory is as QEMU made it.
        ids.retain(|id| !["PCCT-084", "PCCT-070"].contains(id));
        ids.dedup();
        if ids != *wanted {
            let said = findings.iter().map(|f| f.text.as_str());
            let said: Vec<_> = said.collect();
            wrong.push(format!("{device}: {ids:?}, not {wanted:?}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_table_is_seen_where_it_is_named() {
    let platform = tables(&line("-machine virt,pcc=on,pcc-table=off"));
    let findings = check_facts(&Facts::of(&platform));
    let ids: Vec<_> = findings.iter().map(|found| found.rule.id).collect();
    assert_eq!(ids, ["PCCT-015", "PCCT-080", "PCCT-080"]);
}

#[test]
fn extraction_takes_less_than_a_second_and_touches_no_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = folder.path().join("mailbox");
    let arguments = line(&format!(
        "-object pcc-mailbox-dir,id=m,path={} \
         -machine virt,pcc=on,pcc-mailbox=m",
        mailbox.display()
    ));
    let mut times: Vec<Duration> = Vec::new();
    // A busy machine makes it slow, but not each time.
    for n in 0..20 {
        if n >= 5 && times.iter().any(|time| time.as_secs() == 0) {
            break;
        }
        let start = Instant::now();
        let platform = tables(&arguments);
        times.push(start.elapsed());
        assert!(platform.all("PCCT").next().is_some());
        // Every table's checksum was filled in by the loader script.
        for table in &platform.tables {
            assert_eq!(acpi_tools::bytes::sum(&table.bytes), 0);
        }
        assert!(platform.tree.is_some());
    }
    times.sort();
    println!("extraction: {times:?}");
    assert!(times[0] < Duration::from_secs(1), "{times:?}");
    assert!(!mailbox.exists());
}

#[test]
fn what_would_run_a_guest_is_taken_out() {
    let plain = tables(&line("-machine virt,pcc=on"));
    let running = tables(&line(
        "-machine virt,pcc=on,accel=tcg -accel tcg -kernel /nonexistent \
         -append quiet -smp 1",
    ));
    assert_eq!(plain.tables, running.tables);
}

#[test]
fn wrong_command_lines_are_explained() {
    let fail = |text: &str| {
        let mut words = vec![built("QEMU").into_os_string()];
        words.extend(line(text));
        let error = extract::qemu(&words).unwrap_err();
        format!("{error:#}")
    };
    let error = fail("-machine virt,pcc=on -device nonsense -nodefaults");
    assert!(error.contains("nonsense"), "{error}");
    let error = fail("-machine none -nodefaults");
    assert!(error.contains("virt"), "{error}");
    let error = fail("-machine virt,acpi=off -nodefaults");
    assert!(error.contains("acpi=off"), "{error}");
}

#[test]
fn without_channels_there_is_nothing_to_judge() {
    let platform = tables(&line("-machine virt,pcc=bare"));
    let facts = Facts::of(&platform);
    assert!(facts.pcct.is_none());
    let ids: Vec<_> =
        check_facts(&facts).iter().map(|found| found.rule.id).collect();
    assert_eq!(ids, ["PCCT-015"]);
}

/// What the READMEs show is what comes out.
#[test]
fn transcripts_are_true() {
    let root = golden().join("../..");
    let mut commands = 0;
    for readme in ["README.md", "acpi-tools/README.md"] {
        let text = fs::read_to_string(root.join(readme)).unwrap();
        let block = text
            .split("\n\n")
            .skip_while(|part| !part.starts_with("    $ acpi-tools extract"))
            .take_while(|part| part.starts_with("    "))
            .collect::<Vec<_>>()
            .join("\n\n");
        let folder = workplace("");
        let bin = folder.path().join("bin");
        for piece in format!("\n{block}").split("\n    $ ").skip(1) {
            let (command, shown) =
                piece.split_once('\n').unwrap_or((piece, ""));
            let shown: String = shown
                .lines()
                .map(|line| line.strip_prefix("    ").unwrap_or(line))
                .map(|line| format!("{line}\n"))
                .collect();
            let out = Command::new("sh")
                .args(["-c", command])
                .current_dir(folder.path())
                .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
                .output()
                .unwrap();
            let printed = String::from_utf8(out.stdout).unwrap();
            assert_eq!(printed, shown, "{readme}: {command}: {:?}", out.stderr);
            commands += 1;
        }
    }
    assert!(commands >= 5, "{commands} commands found");
}

/// A folder with a `bin` that has acpi-tools, and a QEMU with `more` options.
fn workplace(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(built("ACPI_TOOLS"), bin.join("acpi-tools"))
        .unwrap();
    let qemu = bin.join("qemu-system-aarch64");
    let script = format!(
        "#!/bin/sh\nexec '{}' \"$@\" {more}\n",
        built("QEMU").display()
    );
    fs::write(&qemu, script).unwrap();
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(qemu, all).unwrap();
    folder
}

/// Runs a script there; exit status and standard output.
fn shell(folder: &Path, words: &[&str], script: &str) -> (i32, String) {
    let path = format!("{}/bin:/usr/bin:/bin", folder.display());
    let out = Command::new("bash")
        .args(words)
        .args(["-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let status = out.status.code().unwrap();
    assert!(status < 2, "{script}: {said}{:?}", out.stderr);
    (status, said)
}

/// The README's snippets as GitHub and GitLab run them: they pass on tables
/// as expected, and fail on others with the difference in its place.
#[test]
fn snippets_for_ci_do_what_they_say() {
    let readme =
        fs::read_to_string(golden().join("../../acpi-tools/README.md"))
            .unwrap();
    // The lines behind `start` that are indented further.
    let block = |start: &str, strip: &str| {
        let lines = readme.lines().skip_while(|line| line.trim() != start);
        let lines: Vec<_> =
            lines.skip(1).map_while(|line| line.strip_prefix(strip)).collect();
        assert!(lines.len() >= 2, "{start}");
        lines.join("\n")
    };
    let github = block("run: |", "        ");
    let gitlab = block("script:", "        - ");
    let start = "acpi-tools diff --format json";
    let jq = readme.lines().skip_while(|l| !l.trim().starts_with(start));
    let jq = jq.take(2).collect::<Vec<_>>().join("\n");

    let keep = "acpi-tools extract --output tables \
                -- qemu-system-aarch64 -machine virt,pcc=on";
    let channel = "-object pcc-mailbox-dir,id=m,path=/tmp/pcc2 \
                   -device pcc-type3,mailbox=m";
    for (more, word, fails, jq_fails) in [
        ("", "no difference", 0, 0),
        (channel, "| cosmetic |", 1, 0),
        ("-global pcc-mctp.latency-us=20", "| risky |", 1, 1),
    ] {
        let plain = workplace("");
        shell(plain.path(), &["-e"], keep);
        let changed = workplace(more);
        let folder = changed.path();
        fs::rename(plain.path().join("tables"), folder.join("tables")).unwrap();
        fs::write(folder.join("tables/accepted.json"), "[]").unwrap();
        for new in ["tables-of-this-build", "new"] {
            let again = keep.replace("tables", new);
            shell(folder, &["-e"], &again);
        }
        let (status, said) = shell(folder, &["-e"], &github);
        assert_eq!(status, fails, "GitHub, {more}: {said}");
        let summary = fs::read_to_string(folder.join("summary.md")).unwrap();
        let (status, said) = shell(folder, &["-e", "-o", "pipefail"], &gitlab);
        assert_eq!(status, fails, "GitLab, {more}: {said}");
        let artifact = fs::read_to_string(folder.join("diff.md")).unwrap();
        assert_eq!(summary, artifact);
        assert!(summary.contains(word), "{summary}");
        let (status, said) = shell(folder, &["-e"], &jq);
        assert_eq!(status, jq_fails, "jq, {more}: {said}");
    }
}

/// dtc decompiles the tree that we read ourselves.
#[test]
fn dtc_finds_the_same_node() {
    let platform = tables(&line("-machine virt,pcc=on"));
    let facts = Facts::of(&platform);
    let (blob, tree) = facts.tree.as_ref().unwrap();
    let tree = tree.as_ref().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dtb");
    fs::write(&path, &blob.bytes).unwrap();
    let get = |node: &str, what: &str| {
        let out = Command::new("fdtget")
            .args(["-t", "x", "-d", ""])
            .arg(&path)
            .args([node, what])
            .output()
            .unwrap();
        assert!(out.status.success(), "{out:?}");
        let text = String::from_utf8(out.stdout).unwrap();
        let cells = text.split_whitespace();
        cells.map(|c| u64::from_str_radix(c, 16).unwrap()).collect::<Vec<_>>()
    };
    let mut interrupts = Vec::new();
    for node in tree.controller().into_iter().chain(tree.channels()) {
        let reg: Vec<_> = get(&node.path, "reg")
            .chunks(4)
            .map(|c| (c[0] << 32 | c[1], c[2] << 32 | c[3]))
            .collect();
        assert_eq!(reg, node.reg);
        let spis: Vec<_> = get(&node.path, "interrupts")
            .chunks(3)
            .map(|c| (c[1] as u32, c[2] as u32))
            .collect();
        assert_eq!(spis, node.spis);
        interrupts.extend(spis);
    }
    interrupts.sort_unstable();
    assert_eq!(interrupts, [(80, 1), (81, 1)]);
}
