//! messages/schema.json is what `pccd schema` prints, and it takes what
//! pccd takes. `PCCD_UPDATE_GOLDEN=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use pccd::messages::Messages;
use serde_json::Value;

fn messages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../messages")
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "json")
            && path.file_name().is_some_and(|name| {
                !["schema.json", "platform.json", "platform.schema.json"]
                    .iter()
                    .any(|other| name == *other)
            })
        {
            found.push(path);
        }
    }
}

#[test]
fn the_file_is_what_the_types_say() {
    let path = messages().join("schema.json");
    let text = pccd::messages::schema();
    if std::env::var_os("PCCD_UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert!(recorded == text, "run: pccd schema > messages/schema.json");
}

fn validator() -> jsonschema::Validator {
    let schema: Value =
        serde_json::from_str(&pccd::messages::schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn it_takes_every_right_file() {
    let validator = validator();
    let mut paths = Vec::new();
    json_files(&messages(), &mut paths);
    let pages = ["README.md", "../docs/from-a-specification.md"];
    let mut texts: Vec<(String, String)> = Vec::new();
    for page in pages {
        let text = fs::read_to_string(messages().join(page)).unwrap();
        let blocks = text.split("```json\n").skip(1);
        texts.extend(blocks.map(|rest| {
            let block = rest.split("```").next().unwrap();
            (page.to_owned(), block.to_owned())
        }));
    }
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let start = text.trim_start_matches("{\n").trim_start();
        assert!(start.starts_with("\"$schema\""), "{}", path.display());
        texts.push((path.display().to_string(), text));
    }
    assert!(texts.len() >= 7, "{} files", texts.len());
    for (name, text) in texts {
        let file: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&file)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
    }
}

/// An editor shows what is a matter of names and kinds; the rest is for
/// `pccd check`.
#[test]
fn it_refuses_many_wrong_files() {
    let validator = validator();
    let mut paths = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    json_files(&folder, &mut paths);
    let (mut refused, mut taken) = (0, Vec::new());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        match serde_json::from_str::<Value>(&text) {
            Ok(file) if validator.is_valid(&file) => taken.push(path),
            _ => refused += 1,
        }
    }
    println!("{refused} refused; the others: {taken:?}");
    assert!(refused >= 40, "{refused} refused; the others: {taken:?}");
    // What it takes, pccd refuses: no file passes both.
    for path in taken {
        let text = fs::read_to_string(&path).unwrap();
        assert!(Messages::from_texts(&[("t.json", &text)]).is_err());
    }
}
