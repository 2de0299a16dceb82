//! Channels of registers, from file to bytes.

use super::*;
use crate::messages::Messages;
use crate::script::delay::Wait;
use crate::wire::pcc::ENVELOPE_LEN;
use crate::wire::region::SubspaceType;

mod scmi;

/// A platform of one channel on one subspace, from request to request.
struct Bench {
    handlers: Messages,
    memory: Memory,
    on: mailbox::Channel,
    serial: u32,
    up_us: i64,
}

impl Bench {
    fn new(text: &str, kind: u8, size: usize) -> Self {
        let loaded = Messages::from_texts(&[("a.json", text)]);
        let mut handlers = loaded.unwrap_or_else(|wrong| panic!("{wrong}"));
        let registers = &mut handlers.registers;
        if registers.played(3).is_none() {
            let name = registers.channels()[0].name.clone();
            registers.assign(3, &name).unwrap();
        }
        let on = mailbox::Channel {
            subspace: 3,
            kind: kind.try_into().unwrap(),
            size,
            completion: mailbox::Completion::Answered,
            paired: None,
        };
        let memory = Memory::default();
        Self { handlers, memory, on, serial: 0, up_us: 0 }
    }

    fn played(&self) -> Played<'_> {
        let registers = self.handlers.registers();
        registers.played(3).expect("nothing plays")
    }

    fn times(&self) -> (Time, Time) {
        let began = Time::UNIX_EPOCH;
        let now = chrono::TimeDelta::microseconds(self.up_us);
        (began, began + now)
    }

    fn ask(&mut self, content: &[u8]) -> Answer {
        self.serial += 1;
        let asked = Request {
            kind: self.on.kind,
            size: self.on.size,
            serial: self.serial,
            content,
            seed: 0,
        };
        let declared = &self.handlers.declared;
        let times = self.times();
        let answered =
            self.played().answer(declared, &self.memory, &asked, times);
        self.memory = answered.memory.clone();
        answered
    }

    /// A command of types 0–2 with this communication space; the one that
    /// comes back.
    fn command(&mut self, code: u16, space: &[u8]) -> Vec<u8> {
        let answered = self.ask(&generic(code, space));
        assert_eq!(answered.note, None);
        assert_eq!(&answered.content[..4], b"\x03CCP", "no envelope");
        answered.content[8..].to_vec()
    }

    fn flags(&mut self, content: &[u8]) -> u32 {
        let answered = self.ask(content);
        flags(&answered.content)
    }
}

fn flags(content: &[u8]) -> u32 {
    assert_eq!(&content[..4], b"PCCE");
    u32::from_le_bytes(content[8..12].try_into().unwrap())
}

fn generic(code: u16, space: &[u8]) -> Vec<u8> {
    let mut content = b"\x03CCP".to_vec();
    content.extend(code.to_le_bytes());
    content.extend([0, 0]);
    content.extend(space);
    content
}

fn extended(command: u32, length: u32, space: &[u8]) -> Vec<u8> {
    let mut content = b"\x03CCP\x01\0\0\0".to_vec();
    content.extend(length.to_le_bytes());
    content.extend(command.to_le_bytes());
    content.extend(space);
    content
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn long(space: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(space[at..at + 8].try_into().unwrap())
}

/// The example of messages/README.md.
const FAN: &str = r#"{ "channels": [ {
  "name": "fan",
  "tables": { "rpm": [0, 900, 1800] },
  "registers": {
    "level": { "offset": 0, "width": 32,
               "values": { "off": 0, "slow": 1, "fast": 2 } },
    "rpm": { "offset": 4, "width": 32, "access": "ro", "reset": 0 },
    "starts": { "width": 64 } },
  "commands": [
    { "name": "apply", "code": 1,
      "when": { "level": { "range": { "to": "fast" } } },
      "set": { "rpm": "{{ table.rpm[state.level] }}",
               "starts": "{{ state.starts + 1 }}" } },
    { "name": "refuse", "code": 1, "error": true } ],
  "notifications": [ { "name": "stalled", "after": 5000,
    "when": { "level": "fast" }, "set": { "rpm": 0 } } ] } ],
  "subspaces": { "3": "fan" } }"#;

#[test]
fn registers_are_taken_set_and_given_back() {
    let mut bench = Bench::new(FAN, 2, 64);
    let back = bench.command(0x8001, &words(&[1, 77, 0x5555]));
    assert_eq!(back, words(&[1, 900, 0x5555]), "ro, and no register");
    let back = bench.command(1, &words(&[2, 77, 0x5555]));
    assert_eq!(back, words(&[2, 1800, 0x5555]));
    let kept = &bench.memory.registers[&3];
    let number = crate::script::memory::Variable::Number;
    assert_eq!(kept["starts"], number(2));
    assert_eq!(kept["rpm"], number(1800));
}

#[test]
fn what_is_not_described_ends_with_error_status() {
    let mut bench = Bench::new(FAN, 2, 64);
    bench.command(1, &words(&[1, 0, 0]));
    let before = bench.memory.clone();
    let answered = bench.ask(&generic(7, &words(&[2, 0, 9])));
    assert_eq!(flags(&answered.content), 1, "error status");
    assert_eq!(
        answered.content[ENVELOPE_LEN..],
        generic(7, &words(&[2, 0, 9]))
    );
    assert_eq!(answered.note.as_deref(), Some("`fan` has no command 0x7"));
    assert_eq!(answered.memory, before, "nothing was taken");
    let answered = bench.ask(&generic(1, &words(&[3, 0, 0])));
    assert_eq!(answered.handler, "fan/refuse");
    assert_eq!(flags(&answered.content), 1);
    let strict = FAN.replace(r#""error": true"#, r#""when": {"rpm": 5}"#);
    let mut bench = Bench::new(&strict, 0, 64);
    let note = bench.ask(&generic(1, &words(&[3, 0, 0]))).note.unwrap();
    assert_eq!(
        note,
        "no command 0x1 of `fan` fits: `apply`: `level` is 3, wanted 0 to 2; \
         `refuse`: `rpm` is 0, wanted 5"
    );
}

#[test]
fn a_template_that_fails_ends_with_error_status() {
    let text = FAN.replace(r#"{ "to": "fast" }"#, r#"{ "to": 9 }"#);
    let mut bench = Bench::new(&text, 2, 64);
    let answered = bench.ask(&generic(1, &words(&[5, 0, 0])));
    assert_eq!(flags(&answered.content), 1);
    assert_eq!(answered.handler, "fan/apply");
    let note = answered.note.unwrap();
    assert!(note.contains("template"), "{note}");
    assert!(answered.memory.registers.is_empty(), "nothing is half done");
}

#[test]
fn a_region_too_small_is_answered_all_the_same() {
    let mut bench = Bench::new(FAN, 2, 12);
    let answered = bench.ask(&generic(1, &words(&[1])));
    assert_eq!(flags(&answered.content), 1);
    let note = answered.note.unwrap();
    assert!(note.contains("reach to byte 16"), "{note}");
    for length in 0..12 {
        let content = &generic(1, &words(&[1]))[..length];
        for kind in [0_u8, 1, 2, 3, 5] {
            bench.on.kind = kind.try_into().unwrap();
            let answered = bench.ask(content);
            assert!(answered.content.starts_with(b"PCCE"), "{length}");
        }
    }
}

#[test]
fn notifications_carry_registers_that_change() {
    let mut bench = Bench::new(FAN, 2, 64);
    bench.command(1, &words(&[1, 0, 0]));
    let timed: Vec<Timed> = bench.played().timed().collect();
    assert_eq!(timed[0].name, "fan@3/stalled");
    assert_eq!((timed[0].clock.after, timed[0].clock.every), (5000, None));
    let tick = |bench: &Bench| {
        let declared = &bench.handlers.declared;
        let (began, now) = bench.times();
        bench
            .played()
            .tick(
                "fan@3/stalled",
                &bench.on,
                declared,
                &bench.memory,
                (began, now, 0),
            )
            .unwrap()
            .unwrap()
    };
    let left_out = tick(&bench);
    assert_eq!(left_out.content, None, "`when` does not hold");
    assert_eq!(left_out.memory, bench.memory, "and that does not count");
    bench.command(1, &words(&[2, 0, 0]));
    let Ticked { content, memory } = tick(&bench);
    let content = content.unwrap();
    assert_eq!(flags(&content), 2, "a notification");
    assert_eq!(content[16], 3, "for subspace 3");
    assert_eq!(content[ENVELOPE_LEN..], generic(0, &words(&[2, 0])));
    assert_eq!(memory.times("fan@3/stalled"), 1);
    assert!(!memory.registers[&3].contains_key("rpm"));
    // On type 4 it is a message, on type 3 nothing goes unasked.
    bench.on.kind = SubspaceType::Responder;
    let message = tick(&bench).content.unwrap();
    let mut expected = extended(0, 12, &words(&[2, 0]));
    expected[4] = 0;
    assert_eq!(message, expected);
    bench.on.kind = SubspaceType::Initiator;
    let declared = &bench.handlers.declared;
    let (began, now) = bench.times();
    let (on, memory) = (&bench.on, &bench.memory);
    let times = (began, now, 0);
    let name = "fan@3/stalled";
    let made = bench.played().tick(name, on, declared, memory, times);
    let reason = made.unwrap().unwrap_err();
    assert_eq!(reason.message, "nothing unasked goes to subspace 3 of type 3");
    let fan = bench.handlers.registers().named("fan").unwrap();
    let unfit = fan.unfit(SubspaceType::Initiator);
    assert_eq!(unfit, ["the notification `stalled` has nowhere to go"]);
    for kind in [SubspaceType::HwReducedAck, SubspaceType::Responder] {
        assert_eq!(fan.unfit(kind), [""; 0]);
    }
}

#[test]
fn commands_of_type_3_may_answer_more_than_they_got() {
    let text = r#"{"channels": [{"name": "c",
      "registers": {
        "in": {"offset": 0, "width": 32, "access": "wo"},
        "out": {"offset": 0, "width": 32, "access": "answer"},
        "more": {"offset": 4, "bytes": 6, "access": "answer"}},
      "commands": [
        {"name": "short", "code": 17, "set": {"out": "{{ request.in + 1 }}"}},
        {"name": "long", "code": 18, "set": {"more": "aabbcc"}},
        {"name": "odd", "code": 19, "header": {"flags": 8, "length": 64,
          "command": "{{ request.pcc.command + 1 }}"}}]}]}"#;
    let mut bench = Bench::new(text, 3, 64);
    let mut content =
        |command| bench.ask(&extended(command, 8, &words(&[0x1234]))).content;
    assert_eq!(content(17), extended(17, 8, &words(&[0x1235])));
    let mut space = words(&[0x1234]);
    space.extend([0xaa, 0xbb, 0xcc, 0, 0, 0]);
    assert_eq!(content(18), extended(18, 14, &space));
    let mut odd = extended(20, 64, &words(&[0x1234]));
    odd[4] = 8;
    assert_eq!(content(19), odd);
    // HCCS counts the whole region: the length stays as it came.
    let full = extended(17, 64, &[0; 48]);
    let back = bench.ask(&full).content;
    assert_eq!(back[8..12], [64, 0, 0, 0]);
    assert_eq!(back.len(), 64);
}

#[test]
fn what_is_set_later_lies_over_what_was_set_before() {
    let text = r#"{"channels": [{"name": "c",
      "registers": {
        "a": {"offset": 0, "width": 32, "access": "answer"},
        "b": {"offset": 2, "width": 32, "access": "answer"}},
      "commands": [
        {"name": "ab", "code": 1, "set": {"a": 286331153, "b": 572662306}},
        {"name": "ba", "code": 2, "set": {"b": 572662306, "a": 286331153}}]
      }]}"#;
    let mut bench = Bench::new(text, 2, 64);
    for (code, expected) in [(1, "111122222222"), (2, "111111112222")] {
        assert_eq!(hex::encode(bench.command(code, &[0; 6])), expected);
    }
}

#[test]
fn type_5_is_commanded_by_its_doorbell() {
    let text = r#"{"channels": [{"name": "c",
      "registers": {
        "n": {"offset": 0, "width": 16},
        "hidden": {"width": 16}},
      "commands": [
        {"name": "go", "code": "0x100000000", "set": {"n": "{{ state.n * 2 }}"}}]
      }]}"#;
    let mut bench = Bench::new(text, 5, 16);
    let request = b"\0\0\0\0\x01\0\0\0\x03CCP\x21\0\xff";
    let answered = bench.ask(request);
    assert_eq!(answered.content, b"\x03CCP\x42\0\xff");
    let wrong = b"\x01\0\0\0\0\0\0\0\x03CCP\x21\0\xff";
    assert_eq!(bench.flags(wrong), 1);
    let hidden = text.replace(r#""n": {"offset": 0, "width": 16},"#, "");
    let hidden =
        hidden.replace(r#""n": "{{ state.n * 2 }}""#, r#""hidden": 1"#);
    let mut bench = Bench::new(&hidden, 5, 0);
    let answered = bench.ask(b"\0\0\0\0\x01\0\0\0");
    assert_eq!(answered.content.len(), ENVELOPE_LEN, "no region at all");
    assert_eq!(flags(&answered.content), 0);
}

#[test]
fn a_wrong_signature_from_the_guest_is_put_right() {
    let mut bench = Bench::new(FAN, 2, 64);
    let mut request = generic(1, &words(&[1, 0, 0]));
    request[..4].fill(0);
    let answered = bench.ask(&request);
    assert_eq!(answered.content, generic(1, &words(&[1, 900, 0])));
    let text = FAN.replace(
        r#""code": 1, "error": true"#,
        r#""code": 2, "header": {"signature": "0x12345678"}"#,
    );
    let mut bench = Bench::new(&text, 2, 64);
    let answered = bench.ask(&generic(2, &words(&[1, 0, 0])));
    assert_eq!(flags(&answered.content), 0, "the envelope says where to");
    assert_eq!(answered.content[ENVELOPE_LEN..][..4], [0x78, 0x56, 0x34, 0x12]);
}

#[test]
fn variables_envelope_delay_and_what_comes_after() {
    let text = r#"{"variables": {"power": "on"},
      "channels": [{"name": "c",
      "registers": {"a": {"offset": 0, "width": 8}},
      "commands": [
        {"name": "off", "code": 1, "when": {"power": "on", "pcc.notify": 1},
         "set": {"power": "off", "a": "{{ state.a + 1 }}"},
         "envelope": {"flags": ["double-interrupt"], "delay_ms": 7},
         "delay": {"from": 4, "to": 4}, "in_order": false,
         "then": [{"after": 50, "set": {"a": "{{ state.a + 1 }}"}},
                  {"after": 60, "envelope": {"flags": ["force"]}}]}],
      "otherwise": {"take": false, "delay": "never"}}]}"#;
    let mut bench = Bench::new(text, 1, 16);
    let answered = bench.ask(&generic(0x8001, &[5]));
    assert_eq!(flags(&answered.content), 8);
    assert_eq!(answered.content[12], 7);
    assert_eq!(answered.content[ENVELOPE_LEN + 8], 6);
    assert_eq!((answered.wait, answered.in_order), (Wait::Ms(4), false));
    let after: Vec<(u64, u32, usize)> = answered
        .unasked
        .iter()
        .map(|s| (s.after, flags(&s.content), s.content.len()))
        .collect();
    assert_eq!(after, [(50, 2, 41), (60, 64, 40)]);
    assert_eq!(answered.unasked[0].content[40], 7);
    let answered = bench.ask(&generic(0x8001, &[9]));
    assert_eq!(answered.handler, "c/otherwise", "the power is off");
    assert_eq!(answered.wait, Wait::Never);
    assert_eq!(answered.content[8], 7, "the guest's 9 was not taken");
}

#[test]
fn what_is_refused_is_judged_as_the_guest_wrote_it() {
    let text = r#"{"channels": [{"name": "c",
      "registers": {"wish": {"offset": 0, "width": 8, "reset": 100}},
      "commands": [
        {"name": "no", "code": 1, "when": {"wish": 250}, "take": false,
         "error": true},
        {"name": "yes", "code": 1}]}]}"#;
    let mut bench = Bench::new(text, 2, 16);
    let wish = |value| generic(1, &[value]);
    for (value, handler, after) in
        [(200, "c/yes", 200), (250, "c/no", 200), (40, "c/yes", 40)]
    {
        let answered = bench.ask(&wish(value));
        assert_eq!(answered.handler, handler, "{value}");
        assert_eq!(answered.content.last(), Some(&after), "{value}");
    }
}

/// A file of messages/, with one subspace that it plays.
fn shipped(path: &str, channel: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../messages");
    let text = std::fs::read_to_string(format!("{folder}/{path}.json"));
    let mut file: serde_json::Value =
        serde_json::from_str(&text.expect("a file of messages/")).unwrap();
    file["subspaces"] = serde_json::json!({"3": channel});
    file.to_string()
}

#[test]
fn templates_know_how_long_the_guest_lives() {
    let text = r#"{"channels": [{"name": "c",
      "registers": {"up": {"offset": 0, "width": 64, "access": "ro"}},
      "commands": [{"name": "read", "code": 0,
                    "set": {"up": "{{ time.up_us }}"}}]}]}"#;
    let mut bench = Bench::new(text, 0, 64);
    for up_us in [0, 1000, 4_000_000_000] {
        bench.up_us = up_us;
        let space = bench.command(0, &[0; 8]);
        assert_eq!(long(&space, 0), up_us.cast_unsigned());
    }
}

#[test]
fn cppc_counts_at_the_granted_speed() {
    let mut bench = Bench::new(&shipped("cppc/cppc", "cppc"), 0, 64);
    let first = bench.command(0, &[0; 36]);
    assert_eq!(first[24..28], 400_u32.to_le_bytes(), "the reset value");
    assert_eq!((long(&first, 8), long(&first, 16)), (1_003_000, 1_003_000));
    let mut space = first;
    space[..4].copy_from_slice(&200_u32.to_le_bytes());
    space[8] ^= 0xff;
    let space = bench.command(1, &space);
    assert_eq!(long(&space, 8), 1_003_000, "read only");
    let mut space = bench.command(0, &space);
    assert_eq!((long(&space, 8), long(&space, 16)), (1_006_000, 1_005_000));
    space[..4].copy_from_slice(&210_u32.to_le_bytes());
    let space = bench.command(1, &space);
    assert_eq!(space[4], 2, "limited");
    assert_eq!(bench.flags(&generic(2, &space)), 1);
}

#[test]
fn cppc_takes_a_nominal_performance_from_ospm() {
    let text = shipped("cppc-4/cppc-4", "cppc-4");
    let mut bench = Bench::new(&text, 0, 72);
    let mut space = bench.command(0, &[0; 64]);
    let put = |space: &mut Vec<u8>, at: usize, value: u32| {
        space[at..at + 4].copy_from_slice(&value.to_le_bytes());
    };
    assert_eq!(space[52..56], 300_u32.to_le_bytes(), "the reset value");
    put(&mut space, 52, 260);
    space[57] = 1;
    let space = bench.command(1, &space);
    let chosen = bench.command(0, &space);
    let counted = long(&chosen, 24) - long(&space, 24);
    assert_eq!(counted, 2600, "by itself no more than OSPM's nominal");
    for outside in [99, 401] {
        let mut space = chosen.clone();
        put(&mut space, 52, outside);
        assert_eq!(bench.flags(&generic(1, &space)), 1, "refused");
    }
    let kept = bench.command(0, &[0; 64]);
    assert_eq!(kept[52..56], 260_u32.to_le_bytes());
}

#[test]
fn xgene_answers_sensors_and_alarms() {
    let text = shipped("xgene-hwmon/sensors", "xgene-sensors");
    let mut bench = Bench::new(&text, 1, 32);
    let read = |sensor| words(&[0x04ff_e902, sensor, 0]);
    let alarm = words(&[0x9103_0000, 0, 7]);
    let back = bench.command(0x8009, &alarm);
    assert_eq!(back, words(&[0x9102_0000, 0, 0]), "too cold for that");
    let cases = [(0x10, 42), (0x20, 12), (0x26, 345), (0x21, 3), (0x10, 95)];
    for (sensor, value) in cases {
        let back = bench.command(0x8000, &read(sensor));
        assert_eq!(back, words(&[0x04ff_e902, value, 0]), "{sensor:#x}");
    }
    assert_eq!(bench.command(0x8009, &alarm)[8], 1);
    let wrong = generic(0x8000, &words(&[0x1234_5678, 0, 0]));
    assert_eq!(bench.flags(&wrong), 1, "an error");
}

#[test]
fn hccs_answers_a_probe_with_either_header() {
    for kind in [2, 3] {
        let mut bench =
            Bench::new(&shipped("kunpeng-hccs/hccs", "hccs"), kind, 64);
        let mut ask = |command: u8, start, parameters: &[u8]| {
            let mut space = vec![0x32, start, 0, 0];
            space.extend(parameters);
            let header = if kind == 3 { 16 } else { 8 };
            space.resize(64 - header, 0xee);
            let request = match kind {
                3 => extended(command.into(), 64, &space),
                _ => generic(command.into(), &space),
            };
            let answered = bench.ask(&request);
            assert_eq!(answered.note, None);
            assert_eq!(answered.content.len(), 64);
            assert_eq!(answered.content[..8], request[..8]);
            let space = &answered.content[header..];
            assert_eq!(space[1..8], [0; 7], "reserved");
            let length = usize::from(space[8]);
            (space[0], space[9], space[12..12 + length].to_vec())
        };
        assert_eq!(ask(5, 0, &[]), (0, 0, vec![1, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(ask(1, 0, &[]), (0, 0, vec![2]));
        assert_eq!(ask(2, 0, &[0]), (0, 0, vec![2]));
        assert_eq!(ask(3, 0, &[0, 0]), (0, 0, vec![0, 2, 0, 1]));
        let ports = vec![0, 2, 8, 1, 0, 0, 0, 0, 1, 2, 8, 1, 0, 0, 0, 0];
        assert_eq!(ask(4, 0, &[0, 0]), (0, 2, ports));
        assert_eq!(ask(6, 0, &[0, 0, 1]), (0, 0, vec![0xff, 0x44]));
        assert_eq!(ask(7, 0, &[0, 0, 5]).0, 7, "refused");
        assert_eq!(ask(12, 0, &[2]).0, 0);
        assert_eq!(ask(6, 0, &[0, 0, 1]), (0, 0, vec![0x0f, 0x24]));
        assert_eq!(ask(8, 0, &[0, 0]).2, [0], "lanes are remembered");
    }
}

/// The table in messages/README.md, its second row.
#[test]
fn channels_see_what_set_has_done() {
    let text = r#"{"channels": [ {"name": "a",
      "registers": {"n": {"offset": 0, "width": 32, "access": "ro"},
        "last": {"offset": 4, "width": 32, "access": "ro"}},
      "commands": [ {"name": "count", "code": 1, "when": {"n": 0},
        "set": {"n": "{{ state.n + 1 }}", "last": "{{ state.n }}"},
        "header": {"command": "{{ state.n + 6 }}"}} ] } ]}"#;
    let mut bench = Bench::new(text, 2, 64);
    let answered = bench.ask(&generic(1, &[0; 8]));
    assert_eq!(answered.content[4..6], [7, 0]);
    assert_eq!(answered.content[8..16], words(&[1, 1]));
    assert_eq!(flags(&bench.ask(&generic(1, &[0; 8])).content), 1, "`when`");
}

const NUMBERS: &str = r#"{ "channels": [ { "name": "n",
  "registers": {
    "number": { "offset": 0, "width": 32, "access": "wo" },
    "kind": { "offset": 4, "width": 8, "access": "wo" },
    "square": { "offset": 0, "width": 32, "access": "answer" } },
  "commands": [
    { "name": "square", "code": 1,
      "set": { "square": "{{ request.number * request.number }}" } },
    { "name": "odd", "code": 2, "when": { "kind": 1 } },
    { "name": "plain", "code": 3 },
    { "name": "any", "code": 4, "short": true,
      "set": { "square": "{{ request.number | default(7) }}" } } ],
  "otherwise": {} } ] }"#;

#[test]
fn a_request_that_ends_before_what_a_command_looks_at_is_refused() {
    let mut bench = Bench::new(NUMBERS, 3, 64);
    let cases: &[(u32, u32, &[u8], Option<&str>)] = &[
        (1, 8, &[3, 0, 0, 0], None),
        (
            1,
            4,
            &[],
            Some(
                "`square`: the request ends before `number`: length 4 holds 0 \
                 bytes, it needs 4",
            ),
        ),
        (1, 7, &[3, 0, 0], Some("length 7 holds 3 bytes, it needs 4")),
        (2, 8, &[0; 4], Some("ends before `kind`")),
        (2, 9, &[0, 0, 0, 0, 1], None),
        (3, 4, &[], None),
        (4, 4, &[], None),
    ];
    for (command, length, space, wanted) in cases {
        let answered = bench.ask(&extended(*command, *length, space));
        let refused = answered.content.starts_with(b"PCCE");
        assert_eq!(refused, wanted.is_some(), "{command} {answered:?}");
        if let Some(text) = wanted {
            let note = answered.note.unwrap();
            assert!(note.contains(text), "{note}");
        }
    }
}

#[test]
fn a_length_that_counts_the_header_is_seen_by_the_registers() {
    let mut bench = Bench::new(NUMBERS, 3, 64);
    // The registers end at 5; `square` looks at 4 bytes, `plain` at none.
    let cases: &[(u32, usize, bool)] = &[
        (1, 4, false),
        (1, 5, false),
        (1, 15, false),
        (1, 16, true),
        (1, 17, false),
        (3, 12, true),
        (3, 0, false),
        (3, 48, false),
    ];
    for (command, bytes, breaks) in cases {
        let length = u32::try_from(bytes + 4).unwrap();
        let answered = bench.ask(&extended(*command, length, &vec![0; *bytes]));
        let rule = answered.breach.map(|breach| breach.rule);
        let wanted = breaks.then_some("length-header");
        assert_eq!(rule, wanted, "{command} with {bytes} bytes");
    }
}
