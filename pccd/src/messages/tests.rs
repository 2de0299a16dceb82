//! Handlers as a whole: what is asked, what is answered, what is refused.

use super::*;
use crate::handlers::ask::{Answer, Unasked};
use crate::handlers::request::tests::HEADER;
use crate::handlers::request::{Asking, NO_ANSWERS, Replied, Request};
use crate::record::Time;
use crate::script::memory::Memory;
use crate::wire::mctp::Eid;

/// A guest's message, the `serial`th.
pub(super) fn asking<'a>(
    memory: &'a Memory,
    serial: u32,
    seed: u64,
    message: &'a [u8],
) -> Asking<'a> {
    let request = Request {
        header: &HEADER,
        pcc_flags: 1,
        pcc_length: 11,
        subspace: 0,
        serial,
        message,
    };
    let request = Some(request);
    Asking {
        request,
        memory,
        time: Time::UNIX_EPOCH,
        seed,
        answers: &NO_ANSWERS,
    }
}

fn ask(handlers: &Messages, message: &[u8]) -> Result<Option<Answer>, Wrong> {
    handlers.handlers().ask(&asking(&Memory::default(), 1, 0, message))
}

fn reply(handlers: &Messages, message: &[u8]) -> Option<Vec<u8>> {
    match ask(handlers, message).unwrap()?.reply {
        Replied::Message(message) => Some(message),
        Replied::Silence | Replied::Pass => None,
    }
}

#[test]
fn builtin_handlers_answer() {
    let handlers = Messages::builtin().unwrap();
    type Case<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);
    let cases: &[Case<'_>] = &[
        ("GetTID", &[1, 0x80, 0, 2], Some(&[1, 0, 0, 2, 0, 1])),
        ("instance", &[1, 0x9f, 0, 2], Some(&[1, 0x1f, 0, 2, 0, 1])),
        (
            "GetPLDMTypes",
            &[1, 0x80, 0, 4],
            Some(&[1, 0, 0, 4, 0, 0x15, 0, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "LP, GetPLDMVersion",
            &[1, 0x80, 0, 3, 0, 0, 0, 0, 1, 0],
            Some(&[
                1, 0, 0, 3, 0, 0, 0, 0, 0, 5, 0x00, 0xf0, 0xf1, 0xf1, 0xba,
                0xbe, 0x9d, 0x53,
            ]),
        ),
        (
            "GetPLDMVersion of another type",
            &[1, 0x80, 0, 3, 0, 0, 0, 0, 1, 5],
            Some(&[1, 0, 0, 3, 0x83]),
        ),
        (
            "LP, GetPLDMCommands",
            &[1, 0x80, 0, 5, 0, 0x00, 0xf0, 0xf1, 0xf1],
            Some(&[
                1, 0, 0, 5, 0, 0xbe, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ]),
        ),
        ("LP, unknown", &[1, 0x80, 0, 0x7f], Some(&[1, 0, 0, 0x7f, 5])),
        ("unknown type", &[1, 0x80, 9, 1], Some(&[1, 0, 9, 1, 0x20])),
        ("datagram", &[1, 0xc0, 0, 2], None),
        ("response", &[1, 0x00, 0, 2], None),
        ("echo", &[0x7e, 0x1a, 0xf4, 1, 2], Some(&[0x7e, 0x1a, 0xf4, 1, 2])),
        ("empty echo", &[0x7e, 0x1a, 0xf4], Some(&[0x7e, 0x1a, 0xf4])),
        ("other vendor", &[0x7e, 0x1a, 0xf5, 1], None),
        ("cut short", &[0x7e, 0x1a], None),
        ("nobody's type", &[6, 0x10, 0x84, 0, 0], None),
        ("control", &[0, 0x80, 2], None),
    ];
    for (name, request, expected) in cases {
        assert_eq!(reply(&handlers, request).as_deref(), *expected, "{name}");
    }
    let answer = ask(&handlers, b"\x7e\x1a\xf4notify").unwrap().unwrap();
    assert_eq!(answer.handlers, ["notify me"]);
    assert_eq!(answer.reply, Replied::Message(b"\x7e\x1a\xf4ok".to_vec()));
    assert_eq!(
        answer.unasked,
        [Unasked {
            message: b"\x7e\x1a\xf4hello".to_vec(),
            destination: Eid(8),
            tag: Some(0),
            after: 0,
            envelope: None,
        }]
    );
}

#[test]
fn answers_may_be_wrong_on_purpose() {
    let text = r#"{"handlers": [
      {"name": "wrong instance",
       "match": {"fields": {"mctp.type": "PLDM", "pldm.type": "base",
                            "pldm.command": "GetTID"}},
       "reply": {"fields": {"pldm.instance_id": 31, "pldm.tid": 7,
                            "pldm.completion_code": "SUCCESS"}}},
      {"name": "wrong uuid",
       "match": {"fields": {"mctp.type": "control",
                            "control.command": "Get Endpoint UUID"}},
       "reply": {"fields": {"control.completion_code": 0,
         "control.uuid": "ffffffff-ffff-ffff-ffff-ffffffffffff"}}},
      {"name": "tag in hex", "match": {"hex": "60 ** "},
       "reply": {"hex": "60 {{ request.tag | hex }} {{ request.hex }}"}},
      {"name": "silent", "match": {"hex": "61 ??"}, "reply": "none"}
    ]}"#;
    let handlers = Messages::from_texts(&[("t.json", text)]).unwrap();
    assert_eq!(
        reply(&handlers, &[1, 0x80, 0, 2]).unwrap(),
        [1, 31, 0, 2, 0, 7]
    );
    let mut uuid = vec![0, 1, 3, 0];
    uuid.extend([0xff; 16]);
    assert_eq!(reply(&handlers, &[0, 0x81, 3]).unwrap(), uuid);
    assert_eq!(reply(&handlers, &[0x60, 1]).unwrap(), [0x60, 3, 0x60, 1]);
    let silent = ask(&handlers, &[0x61, 1]).unwrap().unwrap();
    assert_eq!(silent.handlers, ["silent"]);
    assert_eq!(silent.reply, Replied::Silence);
    assert_eq!(
        handlers.endpoint.message_types.iter().collect::<Vec<_>>(),
        [&1, &0x60, &0x61]
    );
    assert_eq!(handlers.endpoint.eid, Eid(9), "the built-in endpoint");
}

#[test]
fn priorities_and_order() {
    let text = r#"{"handlers": [
      {"name": "low", "priority": -1, "match": {"hex": "60 **"},
       "reply": {"hex": "60 00"}},
      {"name": "first", "match": {"hex": "60 01"},
       "reply": {"hex": "60 01"}},
      {"name": "second", "match": {"hex": "60 01"},
       "reply": {"hex": "60 02"}}
    ]}"#;
    let handlers = Messages::from_texts(&[("t.json", text)]).unwrap();
    assert_eq!(reply(&handlers, &[0x60, 1]).unwrap(), [0x60, 1]);
    assert_eq!(reply(&handlers, &[0x60, 9]).unwrap(), [0x60, 0]);
}

#[test]
fn a_template_that_fails_says_so() {
    let text = r#"{"handlers": [
      {"name": "bad", "match": {"hex": "60 **"},
       "reply": {"hex": "60 {{ request.vendor.data }}"}}
    ]}"#;
    let handlers = Messages::from_texts(&[("t.json", text)]).unwrap();
    let failed = ask(&handlers, &[0x60, 1]).unwrap_err();
    let start = "handler bad (t.json) failed: template: undefined";
    assert!(failed.message.starts_with(start), "{}", failed.message);
}

/// Wrong files: what is in them, where the error is, what is said.
#[test]
fn wrong_files_are_refused() {
    let handler = |inner: &str| format!("{{\"handlers\": [\n{inner}\n]}}");
    let ok = r#""reply": {"hex": "05 01"}"#;
    type Case<'a> = (&'a str, String, (usize, usize), &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            "typo in a key",
            handler(&format!(
                r#"{{"name": "a", "mtach": {{"hex": "05"}}, {ok}}}"#
            )),
            (2, 15),
            &["unknown field `mtach`", "did you mean `match`?", "handlers[0]"],
        ),
        (
            "typo in a field",
            handler(&format!(
                r#"{{"name": "a",
 "match": {{"fields": {{"mctp.typ": 1}}}}, {ok}}}"#
            )),
            (3, 23),
            &[
                "unknown field `mctp.typ`",
                "did you mean `mctp.type`?",
                r#"handlers[0].match.fields["mctp.typ"]"#,
            ],
        ),
        (
            "typo in a value",
            handler(&format!(
                r#"{{"name": "a",
 "match": {{"fields": {{"mctp.type": "PLMD"}}}}, {ok}}}"#
            )),
            (3, 36),
            &["`PLMD` is no value of `mctp.type`", "did you mean `PLDM`?"],
        ),
        (
            "typo in a choice",
            handler(&format!(
                r#"{{"name": "a", "match": {{"hxe": "05"}}, {ok}}}"#
            )),
            (2, 25),
            &["unknown choice `hxe`", "did you mean `hex`?"],
        ),
        (
            "reply not given",
            handler(r#"{"name": "a", "match": {"hex": "05"}}"#),
            (2, 1),
            &["missing field `reply`"],
        ),
        (
            "bad hex",
            handler(&format!(
                r#"{{"name": "a", "match": {{"hex": "0x5g"}}, {ok}}}"#
            )),
            (2, 32),
            &["hex"],
        ),
        (
            "a field of the answer without value",
            handler(
                r#"{"name": "a", "match": {"fields": {"mctp.type": "PLDM",
 "pldm.type": "base", "pldm.command": "GetTID"}},
 "reply": {"fields": {"pldm.completion_code": 0}}}"#,
            ),
            (4, 22),
            &["field `pldm.tid` has no value"],
        ),
        (
            "a field the answer does not have",
            handler(
                r#"{"name": "a", "match": {"fields": {"mctp.type": "PLDM",
 "pldm.type": "base", "pldm.command": "GetTID"}},
 "reply": {"fields": {"pldm.completion_code": 0, "pldm.tid": 1,
 "pldm.types": ["base"]}}}"#,
            ),
            (5, 2),
            &["this message has no field `pldm.types`"],
        ),
        (
            "a value that does not fit",
            handler(
                r#"{"name": "a", "match": {"hex": "05"}, "reply": {"hex":
 "05"}, "then": [{"unasked": {"message": {"hex": "05"}, "tag": 8}}]}"#,
            ),
            (3, 64),
            &["8 is too large", "0 to 7"],
        ),
        (
            "unknown name in a template",
            handler(
                r#"{"name": "a", "match": {"hex": "05"},
 "reply": {"hex": "05 {{ request.tga }}"}}"#,
            ),
            (3, 19),
            &["unknown name `request.tga`", "did you mean `request.tag`?"],
        ),
        (
            "broken JSON",
            "{\"handlers\": [\n,]}".to_owned(),
            (2, 1),
            &["here stands nothing that fits"],
        ),
        (
            "more after the end",
            "{} x".to_owned(),
            (1, 4),
            &["something follows the last brace"],
        ),
        (
            "endpoint",
            "{\"endpoint\": {\n\"uuid\": \"12\", \"eid\": 7,\n\
             \"versions\": {\"PLMD\": [\"1\"]}}}"
                .to_owned(),
            (2, 9),
            &[
                "`12` is not a UUID",
                "7 is no EID",
                "did you mean `PLDM`?",
                "`1` is not a version",
            ],
        ),
        (
            "two handlers of one name",
            handler(&format!(
                r#"{{"name": "a", "match": {{"hex": "05"}}, {ok}}},
{{"name": "a", "match": {{"hex": "06"}}, {ok}}}"#
            )),
            (3, 10),
            &["there is a handler `a` in t.json already"],
        ),
    ];
    let mut misplaced = Vec::new();
    for (name, text, place, parts) in cases {
        let problems = Messages::from_texts(&[("t.json", text)]).unwrap_err();
        let first = problems.0.first().unwrap();
        let picture = problems.to_string();
        if (first.line, first.column) != *place {
            misplaced.push(format!("{name} at {place:?}\n{picture}"));
        }
        for part in *parts {
            assert!(picture.contains(part), "{name}: {part} in\n{picture}");
        }
    }
    assert!(misplaced.is_empty(), "{}", misplaced.join("\n"));
}

#[test]
fn two_endpoints_are_refused() {
    let text = r#"{"endpoint": {"eid": 20}}"#;
    let files = [("a.json", text), ("b.json", text)];
    let problems = Messages::from_texts(&files).unwrap_err();
    assert!(problems.to_string().contains("in a.json already"));
    let handlers = Messages::from_texts(&files[..1]).unwrap();
    assert_eq!(handlers.endpoint.eid, Eid(20));
}

/// No damage to a file makes the loader panic, and each error has a place.
#[test]
fn damaged_files_are_refused_with_a_place() {
    for (name, text) in builtin::FILES {
        let characters: Vec<char> = text.chars().collect();
        // As many places in each file, however long it is.
        let step = 13.max(characters.len() / 100);
        let cut = (0..characters.len())
            .step_by(step)
            .map(|end| characters.iter().take(end).collect::<String>());
        let swapped = (0..characters.len()).step_by(5 * step).flat_map(|at| {
            ["\"", "é", "}", "0", "\n", ""].into_iter().map({
                let characters = &characters;
                move |new| {
                    let start: String = characters.iter().take(at).collect();
                    let end: String = characters.iter().skip(at + 1).collect();
                    format!("{start}{new}{end}")
                }
            })
        });
        for text in cut.chain(swapped) {
            let Err(problems) = Messages::from_texts(&[(name, &text)]) else {
                continue;
            };
            for problem in &problems.0 {
                assert!(problem.line >= 1 && problem.column >= 1);
                assert!(problem.to_string().contains(name), "{problem}");
            }
        }
    }
}

/// One instruction of a template can do any amount of work.
#[test]
fn templates_that_never_end_are_refused_when_loaded() {
    for template in [
        "{{ '%99999999d' | format(1) }}",
        "{{ ([1] * 99999999) | join }}",
        "{{ '05' * 99999999 }}",
    ] {
        let handlers = format!(
            r#"{{"handlers": [{{"name": "a", "match": {{"hex": "05"}},
            "reply": {{"hex": "{template}"}}}}]}}"#
        );
        let channels = format!(
            r#"{{"channels": [{{"name": "c",
            "registers": {{"r": {{"offset": 0, "width": 8}}}},
            "commands": [{{"name": "a", "code": 1,
                           "set": {{"r": "{template}"}}}}]}}]}}"#
        );
        for text in [handlers, channels] {
            let problems = Messages::from_texts(&[("t.json", &text)]);
            let problems = problems.unwrap_err().to_string();
            assert!(problems.contains("too much work"), "{problems}");
        }
    }
}
