//! Whole contents beside their decoded form. `PCCD_UPDATE_GOLDEN=1` writes
//! the JSON files anew; read the difference before you keep it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pccd::{Decoded, describe};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn stems(extension: &str) -> BTreeSet<PathBuf> {
    fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| path.with_extension(""))
        .collect()
}

#[test]
fn every_content_decodes_as_recorded() {
    let update = std::env::var_os("PCCD_UPDATE_GOLDEN").is_some();
    let contents = stems("bin");
    assert!(contents.len() >= 20, "{} contents", contents.len());
    for stem in &contents {
        let content = fs::read(stem.with_extension("bin")).unwrap();
        let decoded = describe(&content);
        let path = stem.with_extension("json");
        if update {
            let mut text = serde_json::to_string_pretty(&decoded).unwrap();
            text.push('\n');
            fs::write(&path, text).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let recorded: Decoded = serde_json::from_str(&text).unwrap();
        assert_eq!(decoded, recorded, "{}", stem.display());
        assert_eq!(recorded.encode().unwrap(), content, "and back");
    }
    assert_eq!(stems("json"), contents, "a recording without its content");
}

#[test]
fn every_cut_content_decodes() {
    for stem in stems("bin") {
        let content = fs::read(stem.with_extension("bin")).unwrap();
        for length in 0..content.len() {
            let decoded = describe(&content[..length]);
            assert!(!decoded.summary.is_empty());
            assert_eq!(decoded.encode().unwrap(), &content[..length]);
        }
    }
}
