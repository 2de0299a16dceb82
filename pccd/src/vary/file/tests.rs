use serde_json::Value as Json;

use super::*;

/// One with all there is, as docs/scenario.md shows it.
const WHOLE: &str = r#"{
  "platform": "xgene-hwmon",
  "actions": ["temperature", "unbind", "bind"],
  "answers": [
    {"answer": 0, "set": {"xgene.value": 4294967295, "a.b": -1,
                          "c.d": "0x10", "e.f": "8a7b1c2d-3e4f", "g.h": "10"}},
    {"answer": 2, "delay-ms": 40,
     "envelope": {"flags": ["double-interrupt"], "delay_ms": 3}},
    {"answer": 3, "drop": true},
    {"answer": 4, "repeat": 2, "at": [{"offset": 17, "hex": "ff 00"}],
     "length": 12},
    {"answer": 5, "later": 1},
    {"answer": 4, "unasked": "03434350", "subspace": 3, "times": 9}
  ]
}"#;

#[test]
fn a_whole_one_is_read_and_written() {
    let scenario = Scenario::parse("s.json", WHOLE).unwrap();
    let of = |number: u64| scenario.answers.get(&number).unwrap();
    assert_eq!(
        of(0)[0].set,
        [
            ("a.b".to_owned(), Setting::Number(u64::MAX)),
            ("c.d".to_owned(), Setting::Either(16, vec![0x10])),
            (
                "e.f".to_owned(),
                Setting::Bytes(vec![0x8a, 0x7b, 0x1c, 0x2d, 0x3e, 0x4f])
            ),
            ("g.h".to_owned(), Setting::Either(10, vec![0x10])),
            ("xgene.value".to_owned(), Setting::Number(4_294_967_295)),
        ]
    );
    assert_eq!((of(2)[0].delay, of(3)[0].drop), (40, true));
    let told = of(2)[0].envelope.unwrap();
    assert_eq!((told.flags, told.delay_ms), (8, 3));
    assert_eq!(of(4).len(), 2);
    assert_eq!(of(4)[0].at, [(17, vec![0xff, 0])]);
    assert_eq!((of(4)[0].repeat, of(4)[0].length), (2, Some(12)));
    let (bytes, subspace) = (b"\x03CCP".to_vec(), Some(3));
    let unasked = Unasked { bytes, subspace, times: 9 };
    assert_eq!(of(4)[1].unasked, Some(unasked));
    assert_eq!(of(5)[0].later, Some(1));
    let file = ScenarioFile::parse("s.json", WHOLE).unwrap();
    let text = serde_json::to_string(&file).unwrap();
    assert_eq!(ScenarioFile::parse("s.json", &text).unwrap(), file);
    assert_eq!(Scenario::parse("s.json", &text).unwrap(), scenario);
    assert_eq!(Scenario::parse("", "{}").unwrap(), Scenario::default());
}

#[test]
fn what_is_wrong_has_its_place() {
    let cases = [
        (
            r#"{"answers": [{"answer": 0, "dorp": true}]}"#,
            "answers[0].dorp",
            "did you mean `drop`",
        ),
        (r#"{"answers": [{"drop": true}]}"#, "answers[0]", "`answer`"),
        (r#"{"answers": [{"answer": -1}]}"#, "answers[0].answer", ""),
        (
            r#"{"answers": [{"answer": 0, "set": {"value": 1}}]}"#,
            "answers[0].set.value",
            "no full name",
        ),
        (
            r#"{"answers": [{"answer": 0, "set": {"a.b": "xyz"}}]}"#,
            "answers[0].set[\"a.b\"]",
            "not hex",
        ),
        (
            r#"{"answers": [{"answer": 0, "set": {"a.b": [1]}}]}"#,
            "answers[0].set[\"a.b\"]",
            "",
        ),
        (
            r#"{"answers": [{"answer": 0, "at": [{"offset": 70000, "hex": ""}]}]}"#,
            "answers[0].at[0].offset",
            "too large",
        ),
        (
            r#"{"answers": [{"answer": 0, "at": [{"offset": 1, "hex": "f"}]}]}"#,
            "answers[0].at[0].hex",
            "odd number",
        ),
        (
            r#"{"answers": [{"answer": 0, "length": 65537}]}"#,
            "answers[0].length",
            "too large",
        ),
        (
            r#"{"answers": [{"answer": 0, "delay-ms": 60001}]}"#,
            "answers[0].delay-ms",
            "too large",
        ),
        (
            r#"{"answers": [{"answer": 0, "later": 0}]}"#,
            "answers[0].later",
            "too small",
        ),
        (
            r#"{"answers": [{"answer": 0, "repeat": 257}]}"#,
            "answers[0].repeat",
            "too large",
        ),
        (
            r#"{"answers": [{"answer": 0, "subspace": 1}]}"#,
            "answers[0].subspace",
            "without `unasked`",
        ),
        (
            r#"{"answers": [{"answer": 0, "times": 2}]}"#,
            "answers[0].times",
            "without `unasked`",
        ),
        (
            r#"{"answers": [{"answer": 0, "unasked": "", "times": 999}]}"#,
            "answers[0].times",
            "256",
        ),
        (
            r#"{"answers": [{"answer": 0, "envelope": {"flags": ["eror"]}}]}"#,
            "answers[0].envelope.flags[0]",
            "did you mean `error`",
        ),
        (
            r#"{"answers": [{"answer": 0, "envelope": {"delay_ms": 60001}}]}"#,
            "answers[0].envelope.delay_ms",
            "too large",
        ),
        (r#"{"answer": []}"#, "answer", "did you mean `answers`"),
        ("[]", "", "starts with `[`"),
        ("", "", "is empty"),
        ("{} {}", "", ""),
    ];
    for (text, field, says) in cases {
        let Problems(problems) = Scenario::parse("s", text).unwrap_err();
        assert_eq!(problems.len(), 1, "{text}");
        assert_eq!(problems[0].field, field, "{text}");
        let shown = problems[0].to_string();
        assert!(shown.contains(says), "{text}:\n{shown}");
    }
}

#[test]
fn a_key_that_stands_twice_is_wrong() {
    let text = r#"{"answers": [{"answer": 0,
        "set": {"pcc.length": 1, "pcc.flags": 2, "pcc.length": 3}}]}"#;
    let Problems(problems) = Scenario::parse("s", text).unwrap_err();
    let [Problem { field, message, line: 2, .. }] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(field, "answers[0].set[\"pcc.length\"]");
    assert_eq!(message, "the field `pcc.length` stands here twice");
}

#[test]
fn every_mistake_is_said() {
    let text = r#"{"answers": [{"answer": -1, "dorp": true},
        7, {"answer": 1, "repeat": "a"}], "set": {}}"#;
    let Problems(problems) = Scenario::parse("s", text).unwrap_err();
    let fields: Vec<_> = problems.iter().map(|one| &one.field[..]).collect();
    let expected = [
        "answers[0].answer",
        "answers[0].dorp",
        "answers[1]",
        "answers[2].repeat",
        "set",
    ];
    assert_eq!(fields, expected, "{problems:#?}");
}

#[test]
fn a_file_has_limits() {
    let wrong = |entries: Vec<Json>| {
        let text = serde_json::json!({"answers": entries}).to_string();
        Scenario::parse("s", &text).err().map(|found| found.line())
    };
    let entry = |json: Json| vec![json; 2];
    let hex = "00".repeat(MOST_BYTES / 2);
    let half = serde_json::json!({"answer": 1, "unasked": hex});
    assert_eq!(wrong(entry(half.clone())), None);
    let mut all = entry(half);
    all.push(serde_json::json!({"answer": 0, "set": {"a.b": "fe"}}));
    assert!(wrong(all).unwrap().contains("more bytes"));
    let copies = serde_json::json!({"answer": 1, "repeat": 129});
    assert!(wrong(entry(copies)).unwrap().contains("more copies"));
    let plain = serde_json::json!({"answer": 1});
    assert_eq!(wrong(vec![plain.clone(); MOST_ENTRIES]), None);
    let many = wrong(vec![plain; MOST_ENTRIES + 1]).unwrap();
    assert!(many.contains("257 entries"), "{many}");
}

#[test]
fn what_there_is_no_room_for_is_left_out() {
    let hex = "00".repeat(MOST_BYTES / 2);
    let entry = |text: Json| -> AnswerFile {
        let mut entry = text;
        entry["answer"] = 0.into();
        serde_json::from_value(entry).unwrap()
    };
    let whole = |answers: &[AnswerFile]| ScenarioFile {
        answers: answers.to_vec(),
        ..ScenarioFile::default()
    };
    // A message that comes once is an entry, of which there may be as many.
    let once = entry(serde_json::json!({"unasked": "00"}));
    let mut same = whole(&vec![once; MOST_ENTRIES]);
    same.answers[0].repeat = Some(MOST_COPIES);
    let text = serde_json::to_string(&same).unwrap();
    same.compile("s.json", &text).unwrap();
    let before = same.clone();
    same.fit();
    assert_eq!(same, before);

    let last = entry(serde_json::json!({
        "unasked": "00", "subspace": 3, "times": MOST_COPIES - 6,
        "at": [{"offset": 0, "hex": hex}],
    }));
    let none = entry(serde_json::json!({"unasked": "00", "times": 9}));
    let ten = entry(serde_json::json!({"repeat": 10, "set": {"a.b": hex}}));
    let mut all = vec![ten.clone(); 300];
    all.extend([none, ten.clone(), last.clone()]);
    let mut large = whole(&all);
    large.fit();
    let rest = AnswerFile { repeat: Some(6), ..ten };
    let rest = AnswerFile { set: std::collections::BTreeMap::new(), ..rest };
    assert_eq!(large.answers, [rest, last]);
    let text = serde_json::to_string(&large).unwrap();
    large.compile("s.json", &text).unwrap();
}

#[test]
fn the_schema_takes_what_is_right() {
    let schema: Json = serde_json::from_str(&schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let whole = serde_json::from_str(WHOLE).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&whole).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    for wrong in [
        r#"{"answers": [{"drop": true}]}"#,
        r#"{"answers": [{"answer": 0, "dorp": true}]}"#,
        r#"{"answers": [{"answer": 0, "set": {"a.b": "xyz"}}]}"#,
    ] {
        let wrong = serde_json::from_str(wrong).unwrap();
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}
