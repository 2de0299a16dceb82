//! What handlers can be told to do, one request after the other.

use super::tests::asking;
use super::*;
use crate::handlers::ask::Answer;
use crate::handlers::fault::Fault;
use crate::handlers::request::{Asking, NO_ANSWERS, Replied};
use crate::record::Time;
use crate::script::delay::Wait;
use crate::script::memory::Memory;
use crate::wire::layout::Value;

/// Handlers that remember.
struct Talk {
    handlers: Messages,
    memory: Memory,
    serial: u32,
    seed: u64,
}

impl Talk {
    fn new(text: &str) -> Self {
        let handlers = match Messages::from_texts(&[("t.json", text)]) {
            Ok(handlers) => handlers,
            Err(problems) => panic!("{problems}"),
        };
        Self { handlers, memory: Memory::default(), serial: 0, seed: 0 }
    }

    fn ask(&mut self, message: &[u8]) -> Option<Answer> {
        self.serial += 1;
        let asking = asking(&self.memory, self.serial, self.seed, message);
        let asked = self.handlers.handlers().ask(&asking).unwrap()?;
        if let Some(memory) = &asked.memory {
            self.memory = memory.clone();
        }
        Some(asked)
    }

    /// The reply in hex; `pass`, `none`, or `-` if nobody matches.
    fn say(&mut self, message: &[u8]) -> String {
        match self.ask(message).map(|asked| asked.reply) {
            None => "-".to_owned(),
            Some(Replied::Pass) => "pass".to_owned(),
            Some(Replied::Silence) => "none".to_owned(),
            Some(Replied::Message(bytes)) => hex::encode(bytes),
        }
    }
}

#[test]
fn conditions_on_fields_and_messages() {
    let mut talk = Talk::new(
        r#"{"handlers": [
      {"name": "read", "match": {"all": [
         {"fields": {"mctp.type": "vendor-PCI", "mctp.tag": 3,
                     "vendor.data": {"regex": "^read"}}},
         {"not": {"hex": "7e ???? ?? ?? ?? ?? ff"}}]},
       "reply": {"hex": "7e 00"}},
      {"name": "two", "match": {"any": [
         {"hex": "60 01"}, {"hex": "61 **"},
         {"fields": {"mctp.type": {"range": {"from": 16, "to": 17}}}}]},
       "reply": {"hex": "7e 01"}},
      {"name": "mask", "match": {"fields": {"mctp.type": "control",
          "control.command": {"mask": {"bits": "0xf0", "value": "0xf0"}}}},
       "reply": {"fields": {"control.completion_code": 5}}},
      {"name": "headers", "match": {"fields": {"mctp.type": 7,
          "mctp.source": {"not": 9}, "pcc.flags": 1, "pcc.length": 11}},
       "reply": {"hex": "07 00"}}
    ]}"#,
    );
    let cases: &[(&[u8], &str)] = &[
        (b"\x7e\x1a\xf4read!", "7e00"),
        (b"\x7e\x1a\xf4read\xff", "-"),
        (b"\x7e\x1a\xf4write", "-"),
        (&[0x60, 1], "7e01"),
        (&[0x60, 2], "-"),
        (&[0x61, 2], "7e01"),
        (&[16], "7e01"),
        (&[17, 1], "7e01"),
        (&[18], "-"),
        (&[0, 0x81, 0xf2], "0001f205"),
        (&[0, 0x81, 0x22], "-"),
        (&[7], "0700"),
    ];
    for (message, expected) in cases {
        assert_eq!(talk.say(message), *expected, "{message:02x?}");
    }
}

#[test]
fn a_sequence_goes_step_by_step_and_stays_or_repeats() {
    let mut talk = Talk::new(
        r#"{"handlers": [
      {"name": "stays", "match": {"hex": "05"}, "sequence": [
         {"times": 2, "reply": {"hex": "05 01"}},
         {"reply": "none"}, {"reply": {"hex": "05 {{ count | hex }}"}}]},
      {"name": "repeats", "match": {"hex": "06"}, "repeat": true,
       "sequence": [{"reply": {"hex": "06 01"}}, {"reply": "pass"}]},
      {"name": "below", "priority": -1, "match": {"hex": "06"},
       "reply": {"hex": "06 02"}}
    ]}"#,
    );
    let stays = ["0501", "0501", "none", "0504", "0505"];
    assert_eq!(stays.map(|_| talk.say(&[5])), stays);
    let repeats = ["0601", "0602", "0601", "0602"];
    assert_eq!(repeats.map(|_| talk.say(&[6])), repeats);
    // `pass` names all who had a part in it.
    let asked = talk.ask(&[6]).unwrap();
    assert_eq!(asked.handlers, ["repeats"]);
    let asked = talk.ask(&[6]).unwrap();
    assert_eq!(asked.handlers, ["repeats", "below"]);
}

#[test]
fn scenarios_and_variables() {
    let mut talk = Talk::new(
        r#"{
     "scenarios": {"link": ["down", "up"]},
     "variables": {"reads": 0, "last": "", "limit": 2},
     "handlers": [
      {"name": "up", "match": {"hex": "60 01"}, "when": {"link": "down"},
       "reply": {"hex": "60 01"}, "set": {"link": "up", "reads": 0}},
      {"name": "read", "match": {"hex": "60 02 **"},
       "when": {"link": {"not": "down"}, "reads": {"range": {"to": 1}}},
       "reply": {"hex": "60 {{ (state.reads + 1) | hex }}"},
       "set": {"reads": "{{ state.reads + 1 }}",
               "last": "{{ request.hex }}"}},
      {"name": "worn out", "match": {"hex": "60 02 **"},
       "when": {"reads": {"range": {"from": 2}}},
       "reply": {"hex": "{{ state.last }}"}, "set": {"link": "down"}}
    ]}"#,
    );
    let steps: &[(&[u8], &str)] = &[
        (&[0x60, 2], "-"), // the link is down
        (&[0x60, 1], "6001"),
        (&[0x60, 1], "-"), // it is up already
        (&[0x60, 2, 7], "6001"),
        (&[0x60, 2, 8], "6002"),
        (&[0x60, 2, 9], "600208"),
        (&[0x60, 1], "6001"),
        (&[0x60, 2], "6001"), // counts anew
    ];
    for (step, (message, expected)) in steps.iter().enumerate() {
        assert_eq!(talk.say(message), *expected, "step {step}");
    }
}

#[test]
fn random_numbers_come_from_the_seed() {
    let text = r#"{"handlers": [
      {"name": "dice", "match": {"hex": "05"},
       "delay": {"from": 10, "to": 500},
       "reply": {"hex": "05 {{ random(1, 200) | hex }}"}}
    ]}"#;
    let run = |seed| {
        let mut talk = Talk::new(text);
        talk.seed = seed;
        let rolls = (0..8).map(|_| {
            let asked = talk.ask(&[5]).unwrap();
            assert!(asked.memory.is_none(), "no state is needed for it");
            (asked.wait, asked.reply)
        });
        rolls.collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    for (wait, _) in run(3) {
        assert!(matches!(wait, Wait::Ms(10..=500)), "{wait:?}");
    }
}

#[test]
fn delays_faults_and_envelopes_add_up() {
    let mut talk = Talk::new(
        r#"{"handlers": [
      {"name": "outer", "priority": 1, "match": {"hex": "60 **"},
       "reply": "pass", "delay": 20, "in_order": false,
       "faults": [{"duplicate": 1}],
       "envelope": {"flags": ["no-interrupt", "force"], "delay_ms": 3}},
      {"name": "inner", "match": {"hex": "60"}, "reply": {"hex": "60 01"},
       "delay": 5,
       "faults": [{"overwrite": {"fields":
           {"mctp.tag": "{{ (request.tag + 1) % 8 }}", "pcc.length": 9}}},
         {"truncate": 1}, {"append": "aa"}, {"corrupt": {"bits": 2}},
         {"corrupt": {"at": {"offset": 1, "xor": "0x80"}}},
         {"drop": 2}, {"reorder": [2, 1]}],
       "envelope": {"flags": ["double-interrupt"]}},
      {"name": "hang", "match": {"hex": "60 02"}, "reply": {"hex": "60"},
       "delay": "never"}
    ]}"#,
    );
    let asked = talk.ask(&[0x60]).unwrap();
    assert_eq!(asked.wait, Wait::Ms(25));
    assert!(!asked.in_order);
    assert_eq!(asked.faults.len(), 9, "{:?}", asked.faults);
    let tag = Fault::Overwrite("mctp.tag".into(), Value::Number(4), None);
    assert_eq!(asked.faults[0], tag);
    assert_eq!(asked.faults[8], Fault::Duplicate(1), "the outer one's last");
    let told = asked.envelope.unwrap();
    assert_eq!((told.flags, told.delay_ms), (0x44, 3), "the outer one's");
    assert_eq!(talk.ask(&[0x60, 2]).unwrap().wait, Wait::Never);
}

#[test]
fn the_nearest_handler_and_what_differs() {
    let talk = Talk::new(
        r#"{"scenarios": {"link": ["down", "up"]}, "handlers": [
      {"name": "tid", "match": {"fields": {"mctp.type": "PLDM",
          "pldm.rq": 1, "pldm.type": "base", "pldm.command": "GetTID"}},
       "reply": "none"},
      {"name": "bytes", "match": {"hex": "05 10 84 **"}, "reply": "none"},
      {"name": "ready", "match": {"hex": "06 01"}, "when": {"link": "up"},
       "reply": "none"}
    ]}"#,
    );
    let cases: &[(&[u8], &str, &str)] = &[
        (
            &[1, 0x80, 0, 3],
            "tid",
            "`pldm.command` is 3 (GetPLDMVersion), wanted 2 (GetTID)",
        ),
        (&[1, 0x80, 0], "tid", "there is no `pldm.command`, wanted 2 (GetTID)"),
        (&[5, 0x10, 0x81, 0], "bytes", "byte 2 is 81, wanted 84"),
        (
            &[6, 1, 2],
            "ready",
            "3 bytes, wanted 2, `link` is `down`, wanted `up`",
        ),
        (&[6, 1], "ready", "`link` is `down`, wanted `up`"),
    ];
    for (message, name, differs) in cases {
        let asking = asking(&talk.memory, 1, 0, message);
        assert_eq!(talk.handlers.handlers().ask(&asking), Ok(None));
        let nearest = talk.handlers.handlers().nearest(&asking).unwrap();
        assert_eq!(nearest.handler, *name, "{message:02x?}");
        assert_eq!(nearest.differs.join(", "), *differs);
    }
}

#[test]
fn overlaps_are_named() {
    let said = |handlers: &str| {
        let text = format!("{{\"handlers\": [{handlers}]}}");
        let talk = Talk::new(&text);
        talk.handlers.handlers().overlaps().0.join("\n")
    };
    let handler = |name: &str, rest: &str| {
        format!(r#"{{"name": "{name}", {rest}, "reply": "none"}}"#)
    };
    let any = r#""match": {"hex": "60 **"}"#;
    let one = r#""match": {"hex": "60 01"}"#;
    let two = r#""match": {"hex": "60 ?? 02"}"#;
    let three = r#""match": {"hex": "60 03 ??"}"#;
    let pair =
        |a: &str, b: &str| said(&[handler("a", a), handler("b", b)].join(", "));
    assert_eq!(pair(one, any), "", "particular before general");
    assert!(pair(any, one).contains("never asked"));
    assert!(pair(one, one).contains("never asked"));
    let both =
        r#""match": {"all": [{"hex": "06 **"}, {"not": {"hex": "06"}}]}"#;
    assert_eq!(pair(both, one), "", "of another type");
    assert_ne!(pair(both, r#""match": {"hex": "06 ??"}"#), "");
    assert!(pair(two, three).contains("only because it is read first"));
    assert_eq!(pair(one, two), "", "of other lengths");
    let low = format!("{any}, \"priority\": -1");
    assert_eq!(pair(&low, one), "");
    let field = |value: &str| {
        format!(
            r#""match": {{"fields": {{"mctp.type": 1, "pldm.command": {value}}}}}"#
        )
    };
    assert_eq!(pair(&field("1"), &field("2")), "");
    assert_eq!(
        pair(
            &field(r#"{"range": {"from": 5}}"#),
            &field(r#"{"range": {"to": 4}}"#)
        ),
        ""
    );
    assert_eq!(pair(&field("1"), &field(r#"{"not": 1}"#)), "");
    assert!(
        pair(&field(r#"{"range": {"from": 5}}"#), &field("7"))
            .contains("never asked")
    );
    assert!(
        pair(&field(r#"{"any": [1, 2]}"#), &field(r#"{"any": [2, 3]}"#))
            .contains("read first")
    );
    assert_eq!(pair(&field("1"), one), "", "of other types");
}

#[test]
fn expectations() {
    let mut talk = Talk::new(
        r#"{"expect_order": ["a", "b"], "handlers": [
      {"name": "a", "match": {"hex": "05"}, "reply": "none",
       "expect": {"at_least": 2}},
      {"name": "b", "match": {"hex": "06"}, "reply": "none",
       "expect": {"at_most": 1}},
      {"name": "c", "match": {"hex": "07"}, "reply": "none"}
    ]}"#,
    );
    let unmet =
        |talk: &Talk| talk.handlers.handlers().unmet(&talk.memory).join("\n");
    assert_eq!(
        unmet(&talk),
        "`a` (t.json) answered never, expected at least 2\n\
         `a` never answered, expected in `expect_order`\n\
         `b` never answered, expected in `expect_order`"
    );
    talk.say(&[6]);
    talk.say(&[5]);
    talk.say(&[5]);
    assert_eq!(unmet(&talk), "`b` answered before `a`, expected after it");
    talk.say(&[6]);
    assert!(unmet(&talk).contains("`b` (t.json) answered 2 times"));
    talk.memory = Memory::default();
    for kind in [5, 6, 5] {
        talk.say(&[kind]);
    }
    assert_eq!(unmet(&talk), "");
    assert_eq!(talk.ask(&[7]).unwrap().memory, None, "nobody counts it");
}

#[test]
fn messages_by_the_clock() {
    let talk = Talk::new(
        r#"{"variables": {"on": 1}, "unasked": [
      {"name": "beat", "every": 100, "times": 3,
       "message": {"hex": "05 {{ count | hex }}"}},
      {"name": "once", "after": 5, "when": {"on": 0},
       "message": {"hex": "05"}, "destination": 20, "tag": 2}
    ]}"#,
    );
    let timed: Vec<_> = talk
        .handlers
        .handlers()
        .timed()
        .map(|(name, clock)| (name, clock.after, clock.every, clock.times))
        .collect();
    assert_eq!(timed, [("beat", 0, Some(100), 3), ("once", 5, None, 1)]);
    let mut memory = Memory::default();
    let mut tick = |name: &str| {
        let asking = Asking {
            request: None,
            memory: &memory,
            time: Time::UNIX_EPOCH,
            seed: 0,
            answers: &NO_ANSWERS,
        };
        let timely =
            talk.handlers.handlers().tick(name, &asking).unwrap().unwrap();
        memory = timely.memory;
        timely.unasked
    };
    assert_eq!(tick("beat").unwrap().message, [5, 1]);
    let second = tick("beat").unwrap();
    assert_eq!((second.message, second.destination.0), (vec![5, 2], 8));
    assert_eq!(tick("once"), None, "`when` says no");
    assert_eq!(memory.times("once"), 0, "what is left out does not count");
}

/// The table in messages/README.md, its first row.
#[test]
fn handlers_see_what_was_before_set() {
    let mut talk = Talk::new(
        r#"{"variables": {"n": 0, "last": 0}, "handlers": [
      {"name": "first", "priority": 1, "match": {"hex": "61"},
       "reply": "pass", "set": {"n": "{{ state.n + 1 }}"}},
      {"name": "count", "match": {"any": [{"hex": "60"}, {"hex": "61"}]},
       "reply": {"hex": "60 {{ state.n | hex }}"},
       "set": {"n": "{{ state.n + 1 }}", "last": "{{ state.n }}"},
       "then": [{"unasked": {"message": {"hex": "60 {{ state.n | hex }}"}}}]}
    ]}"#,
    );
    let asked = talk.ask(&[0x60]).unwrap();
    assert_eq!(asked.reply, Replied::Message(vec![0x60, 0]));
    assert_eq!(asked.unasked[0].message, [0x60, 0]);
    let left = |talk: &Talk, name| talk.memory.variables[name].clone();
    assert_eq!(left(&talk, "n"), Variable::Number(1));
    assert_eq!(left(&talk, "last"), Variable::Number(0));
    assert_eq!(talk.say(&[0x61]), "6002", "behind a `pass`");
    assert_eq!(left(&talk, "n"), Variable::Number(3));
}
