//! Wrong handler files beside what `pccd check` says of them.
//! `PCCD_UPDATE_GOLDEN=1` writes the texts anew; read the difference before
//! you keep it.

use std::fs;
use std::path::{Path, PathBuf};

use pccd::messages::Messages;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_wrong_file_is_refused_as_recorded() {
    let update = std::env::var_os("PCCD_UPDATE_GOLDEN").is_some();
    let files = files();
    assert!(files.len() >= 60, "{} files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let Err(problems) = Messages::from_texts(&[(name, &text)]) else {
            panic!("{name} was taken");
        };
        // A place, and what to do about it.
        for problem in &problems.0 {
            assert!(problem.line > 0 && problem.column > 0, "{name}");
            assert!(problem.expected.is_some(), "{name}: {problem}");
        }
        let mut said = problems.to_string();
        said.push('\n');
        let recorded = path.with_extension("txt");
        if update {
            fs::write(&recorded, &said).unwrap();
        }
        if fs::read_to_string(&recorded).unwrap_or_default() != said {
            wrong.push(format!("{name}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Cut anywhere, it is refused or right, and never more than that.
#[test]
fn every_cut_file_is_judged() {
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        for end in (0..text.len()).step_by(7) {
            if let Some(cut) = text.get(..end) {
                let _ = Messages::from_texts(&[("cut.json", cut)]);
            }
        }
    }
}
