//! The commands that need no guest, as a user types them.

use std::path::Path;
use std::process::{Command, Output};

fn pcclab(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pcclab"))
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_new_platform_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let full = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_pcclab"))
        .args(["new", "boards/my-fan"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(full.status.code(), Some(125), "{full:?}");
    let said = text(&full.stderr);
    assert!(said.contains("writing boards/my-fan/"), "{said}");
    assert!(!folder.path().join("boards").exists());
    let made = pcclab(folder.path(), &["new", "boards/my-fan"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
}

#[test]
fn a_new_platform_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let here = |words: &[&str]| pcclab(folder.path(), words);
    let made = here(&["new", "my-fan", "--type", "3"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let said = text(&made.stdout);
    assert!(said.contains("pcclab run --platform ./my-fan "), "{said}");

    let right = here(&["check", "./my-fan"]);
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    let said = text(&right.stdout);
    assert!(said.ends_with("my-fan: all right\n"), "{said}");

    let again = here(&["new", "my-fan"]);
    assert_eq!(again.status.code(), Some(125), "{again:?}");

    let path = folder.path().join("my-fan/platform.json");
    let json = std::fs::read_to_string(&path).unwrap();
    let json = json.replace("\"my-fan\"", "\"my-fna\"");
    std::fs::write(&path, json).unwrap();
    let wrong = here(&["check", "my-fan/", "--format", "json"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let json: serde_json::Value =
        serde_json::from_slice(&wrong.stdout).unwrap();
    let mistake = &json["platforms"][0]["mistakes"][0];
    assert_eq!(mistake["file"], "my-fan/platform.json");
    assert_eq!(mistake["suggestion"], "my-fan");
    assert_eq!(mistake["field"], "channels[0].plays");

    let none = here(&["check", "./no-such"]);
    assert_eq!(none.status.code(), Some(129), "{none:?}");
    assert!(text(&none.stderr).contains("no-such"), "{none:?}");
}

#[test]
fn schemas_are_printed() {
    for (of, schema) in [
        ("platform", pcclab::platform::schema()),
        ("check", pcclab::check::schema()),
    ] {
        let printed = pcclab(Path::new("/"), &["schema", of]);
        assert_eq!(printed.status.code(), Some(0));
        assert_eq!(text(&printed.stdout), schema);
    }
}
