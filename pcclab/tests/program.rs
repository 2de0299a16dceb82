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
        let output = pcclab().args(words).stdout(unread()).output().unwrap();
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
    assert_eq!(text(&said).trim(), "matrix man");
}
