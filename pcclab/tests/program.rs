//! The real program, as far as nothing boots.

use std::process::{Command, Output};

fn pcclab() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pcclab"))
}

fn run(words: &[&str]) -> Output {
    pcclab().args(words).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_broken_pipe_is_no_error() {
    let unread = || std::io::pipe().unwrap().1;
    for words in [
        &["env"][..],
        &["platforms"],
        &["man"],
        &["completions", "zsh"],
        &["--help"],
        &["run", "--help"],
        &["help", "matrix"],
        &["--version"],
    ] {
        let mut command = pcclab();
        // So that env has something to print, whatever is built here.
        command.args(words).env("QEMU", "/nonexistent").stdout(unread());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let got = (output.status.code(), &said[..]);
        assert_eq!(got, (Some(0), ""), "{words:?}");
    }
    // Nobody reads what was wrong, either.
    for words in [
        &["matrix", "--kernel", "/nonexistent"][..],
        &["run", "--kernel", "/nonexistent"],
        &["rnu"],
    ] {
        let read = run(words).status.code();
        let mut command = pcclab();
        command.args(words).stdout(unread()).stderr(unread());
        assert_eq!(command.status().unwrap().code(), read, "{words:?}");
        assert!(read > Some(1) && read != Some(101), "{words:?}: {read:?}");
    }
}

/// A bisection stops at what the command line has wrong.
#[test]
fn what_is_named_and_not_there_is_wrong_usage() {
    for (option, value, wanted) in [
        ("--messages", "/nonexistent", 129),
        ("--file", "/nonexistent", 129),
        ("--initrd", "/nonexistent", 129),
        ("--json", "/nonexistent/result.json", 125),
    ] {
        let output = run(&["run", option, value]);
        assert_eq!(output.status.code(), Some(wanted), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("/nonexistent"), "{said}");
    }
}

#[test]
fn hints_lead_where_it_stands() {
    // The schema of check's output describes no log.
    let help = |command| text(&run(&[command, "--help"]));
    assert!(help("check").contains("`pcclab schema check`"));
    assert!(!help("log").contains("schema"));
    let output = run(&["regressions", "nope"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no regression 'nope'; there are "), "{said}");
}

#[test]
fn platforms_are_a_table() {
    let list = text(&run(&["platforms"]));
    let cppc = list.lines().find(|line| line.starts_with("cppc "));
    let words: Vec<_> = cppc.unwrap().split_whitespace().take(3).collect();
    assert_eq!(words, ["cppc", "irq", "poll"]);
    assert!(list.lines().all(|line| line == line.trim_end()), "{list}");
}

#[test]
fn man_pages_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    assert!(pcclab().arg("man").arg(&pages).status().unwrap().success());
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("pcclab.1").contains("pcclab\\-run(1)"));
    assert!(page("pcclab-run.1").contains("\\-\\-platform"));
    assert!(!pages.join("pcclab-initrd.1").exists(), "not for people");
    assert!(text(&run(&["man"])).contains(".TH pcclab 1"));
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell]));
        assert!(script.contains("platform"), "{shell}");
    }
    let path = folder.path().join("pcclab.bash");
    std::fs::write(&path, run(&["completions", "bash"]).stdout).unwrap();
    let asked = "source $0; COMP_WORDS=(pcclab m); COMP_CWORD=1; \
                 _pcclab pcclab m pcclab; echo ${COMPREPLY[@]}";
    let said =
        Command::new("bash").args(["-c", asked]).arg(&path).output().unwrap();
    assert_eq!(text(&said).trim(), "matrix merge man");
}

/// A kernel tree whose configuration has nothing: no run of it boots.
fn poor_kernel(folder: &std::path::Path) -> String {
    let boot = folder.join("arch/arm64/boot");
    std::fs::create_dir_all(&boot).unwrap();
    let mut image = vec![0; 256];
    image[..2].copy_from_slice(b"MZ");
    image[56..60].copy_from_slice(b"ARM\x64");
    image[60] = 64;
    image[64..70].copy_from_slice(b"PE\0\0\x64\xaa");
    image[100..130].copy_from_slice(b"Linux version 9.9.9-poor (a@b)");
    std::fs::write(boot.join("Image"), image).unwrap();
    std::fs::write(folder.join(".config"), "# CONFIG_PCC is not set\n")
        .unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn parts_of_a_matrix_become_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = poor_kernel(&folder.path().join("it's a tree"));
    let at = |name: &str| folder.path().join(name).display().to_string();
    let words = ["matrix", "--kernel", &kernel, "--platform", "cppc"];
    let more = ["--platform", "mctp", "--quick"];
    let words = [&words[..], &more].concat();
    let whole = run(&[&words[..], &["--format", "markdown"]].concat());
    // It has no driver at all.
    assert_eq!(whole.status.code(), Some(125), "{whole:?}");
    assert!(text(&whole).contains("no ACPI, PCC"), "{whole:?}");

    let results = at("results");
    let part = |which: &str, folder: &str| {
        let more = ["--results", folder, "--partition", which];
        run(&[&words[..], &more].concat())
    };
    let merge = || run(&["merge", &results, "--format", "markdown"]);
    // Neither a part without a run nor one without a driver fails.
    for which in ["1/5", "2/5", "3/5", "4/5", "5/5"] {
        let output = part(which, &results);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let merged = merge();
    assert_eq!(merged.status.code(), Some(125), "{merged:?}");
    assert_eq!(text(&merged), text(&whole));

    // What is lost is named, with a command that brings it back.
    let lost = std::fs::read_dir(&results).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(lost.path()).unwrap();
    let junit = at("matrix.xml");
    let output = run(&["merge", &results, "--junit", &junit]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output).contains("no result"), "{output:?}");
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("errors=\"1\""), "{xml}");
    let command = said.lines().last().unwrap().trim();
    let command = command.strip_prefix("pcclab ").unwrap();
    let script = format!("\"$0\" {command}");
    let again = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_pcclab")])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(0), "{command}: {again:?}");
    assert_eq!(text(&merge()), text(&whole));

    // Parts of different matrices do not go together.
    let other = [&words[..], &["--append", "x", "--results", &results]];
    let output = run(&other.concat());
    assert_eq!(output.status.code(), Some(129), "{output:?}");
    std::fs::write(lost.path(), "{").unwrap();
    assert_eq!(merge().status.code(), Some(125));

    // Nor do two runs of one name.
    let twice = ["--kernel", &kernel, "--results", &at("twice")];
    let output = run(&[&words[..], &twice].concat());
    assert_eq!(output.status.code(), Some(129), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("two runs are called 9.9.9-poor cppc"), "{said}");
}
