//! messages/platform.schema.json is what `pcclab schema platform` prints, and
//! takes every platform here; `pcclab schema check` describes what `pcclab
//! check` prints. `PCCD_UPDATE_GOLDEN=1` writes the file anew.

use std::path::PathBuf;

use pcclab::check::{self, Options};
use pcclab::platform;
use serde_json::Value;

fn path() -> PathBuf {
    platform::folder().join("platform.schema.json")
}

fn validator(schema: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn errors(validator: &jsonschema::Validator, json: &Value) -> Vec<String> {
    validator
        .iter_errors(json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_file_is_what_the_types_say() {
    let text = platform::schema();
    if std::env::var_os("PCCD_UPDATE_GOLDEN").is_some() {
        std::fs::write(path(), &text).unwrap();
    }
    let recorded = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(
        recorded == text,
        "run: pcclab schema platform > messages/platform.schema.json"
    );
}

#[test]
fn it_takes_every_platform() {
    let validator = validator(&platform::schema());
    let docs = platform::folder().join("../docs/platforms.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let mut texts: Vec<(String, String)> = docs
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .filter(|text| text.contains("\"driver\""))
        .map(|text| ("platforms.md".to_owned(), text))
        .collect();
    assert!(!texts.is_empty());
    for name in platform::names().unwrap() {
        let path = platform::folder().join(&name).join("platform.json");
        let text = std::fs::read_to_string(path).unwrap();
        let schema = "\"$schema\": \"../platform.schema.json\"";
        assert!(text.contains(schema), "{name}");
        texts.push((name, text));
    }
    for (name, text) in texts {
        let json: Value = serde_json::from_str(&text).unwrap();
        let errors = errors(&validator, &json);
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn it_refuses_wrong_platforms() {
    let validator = validator(&platform::schema());
    let right = r#"{ "description": "a fan", "driver": "acme-fan",
        "modes": ["irq"],
        "channels": [ { "name": "fan", "device": { "size": 64 } } ],
        "accepts": { "signature": "its firmware wants it" },
        "on": { "6.12": { "smp": 1, "because": "a race",
                          "accepts": { "doorbell": "the same" } } } }"#;
    let json = serde_json::from_str(right).unwrap();
    assert_eq!(errors(&validator, &json), Vec::<String>::new());
    for (from, to) in [
        ("\"driver\"", "\"drivr\""),
        ("\"irq\"", "\"irk\""),
        ("\"fan\"", "\"a fan\""),
        ("64", "true"),
        ("\"its firmware wants it\"", "1"),
        ("\"smp\": 1", "\"smp\": 0"),
        ("\"because\": \"a race\",", ""),
        ("\"doorbell\": \"the same\"", "\"doorbell\": []"),
    ] {
        let text = right.replacen(from, to, 1);
        assert_ne!(text, right, "{from}");
        let json = serde_json::from_str(&text).unwrap();
        assert!(!validator.is_valid(&json), "{text}");
    }
}

#[test]
fn a_check_is_what_its_schema_says() {
    let validator = validator(&check::schema());
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong");
    std::fs::create_dir(&wrong).unwrap();
    let text = r#"{ "description": "a", "drivr": "b", "modes": ["irk"] }"#;
    std::fs::write(wrong.join("platform.json"), text).unwrap();
    let wrong = wrong.display().to_string();
    let reports: Vec<_> = ["mailbox-core", &wrong]
        .iter()
        .map(|name| check::check(name, &Options::default()).unwrap())
        .collect();
    let json = check::json(&reports).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(errors(&validator, &json), Vec::<String>::new());
    assert_eq!(json["mistakes"], 2);
    assert_eq!(json["platforms"][0]["platform"], "mailbox-core");
    let mistakes = &json["platforms"][1]["mistakes"];
    assert_eq!(mistakes[0]["suggestion"], "driver");
    assert_eq!(mistakes[0]["line"], 1);
}
