//! Command words of SCMI, and registers of which there are several: MPAM-Fb
//! as it is shipped.

use super::*;
use crate::record::{Decoded, FieldValue};
use crate::registers::decode::{Known, describe};
use crate::registers::rebuild;
use crate::script::problem::Problems;

const VERSION: u32 = 0;
const READ: u32 = 4;
const WRITE: u32 = 5;
const PART_SEL: u32 = 0x100;
const MBW_MAX: u32 = 0x208;

fn shipped() -> String {
    super::shipped("mpam-fb/mpam-fb", "mpam-fb")
}

/// A command word for MPAM-Fb.
fn word(message: u32, token: u32) -> u32 {
    message | 0x1a << 10 | token << 18
}

fn message(command: u32, payload: &[u32]) -> Vec<u8> {
    let length = u32::try_from(4 + 4 * payload.len()).unwrap();
    extended(command, length, &words(payload))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Length, command and payload of an answer, as long as the length says.
fn answer(bench: &mut Bench, command: u32, payload: &[u32]) -> Vec<u32> {
    let answered = bench.ask(&message(command, payload));
    assert_eq!(answered.note, None);
    let content = answered.content;
    let length = usize::try_from(number(&content, 8)).unwrap();
    (8..12 + length).step_by(4).map(|at| number(&content, at)).collect()
}

#[test]
fn messages_are_matched_by_parts_and_the_token_comes_back() {
    let mut bench = Bench::new(&shipped(), 3, 64);
    for token in [0, 1, 1023] {
        let version = word(VERSION, token);
        assert_eq!(answer(&mut bench, version, &[]), [12, version, 0, 0x10000]);
        let read = word(READ, token);
        let got = answer(&mut bench, read, &[0, 0, 0]);
        assert_eq!(got, [12, read, 0, 0x0401_0007]);
    }
    let refused: [(u32, &[u32], i32); 7] = [
        (4 | 0x13 << 10, &[0, 0, 0], -1), // another protocol
        (word(9, 7), &[], -1),
        (word(READ, 7) | 2 << 8, &[0, 0, 0], -10), // no command
        (word(READ, 7), &[0, 1, 0], -2),           // flags
        (word(READ, 7), &[2, 0, 0], -4),
        (word(WRITE, 7), &[0, 0, 0x2000, 1], -5),
        (word(READ, 7), &[0, 0, 2], -2),
    ];
    for (command, payload, status) in refused {
        let got = answer(&mut bench, command, payload);
        assert_eq!(got, [8, command, status.cast_unsigned()], "{command:#x}");
    }
}

#[test]
fn each_component_and_partition_has_its_registers() {
    let mut bench = Bench::new(&shipped(), 3, 64);
    let mut write = |msc, offset, value| {
        let got = answer(&mut bench, word(WRITE, 1), &[msc, 0, offset, value]);
        assert_eq!(got, [8, word(WRITE, 1), 0]);
    };
    write(0, PART_SEL, 3);
    write(0, MBW_MAX, 0xffc0);
    write(1, MBW_MAX, 0x1111);
    write(0, PART_SEL, 4);
    let mut read = |msc, offset| {
        let got = answer(&mut bench, word(READ, 1), &[msc, 0, offset]);
        assert_eq!(got[..3], [12, word(READ, 1), 0]);
        got[3]
    };
    assert_eq!(read(0, PART_SEL), 4);
    assert_eq!(read(0, MBW_MAX), 0, "of partition 4");
    assert_eq!(read(1, MBW_MAX), 0x1111);
    answer(&mut bench, word(WRITE, 1), &[0, 0, PART_SEL, 3]);
    let got = answer(&mut bench, word(READ, 1), &[0, 0, MBW_MAX]);
    assert_eq!(got[3], 0xffc0);
    let kept: Vec<&str> =
        bench.memory.registers[&3].keys().map(String::as_str).collect();
    assert_eq!(kept, ["config[0,3,520]", "config[1,0,520]", "partition[0]"]);
    // What holds its reset value again is not kept.
    answer(&mut bench, word(WRITE, 1), &[0, 0, MBW_MAX, 0]);
    answer(&mut bench, word(WRITE, 1), &[0, 0, PART_SEL, 0]);
    assert_eq!(bench.memory.registers[&3].len(), 1);
}

#[test]
fn a_request_without_its_index_is_refused() {
    let mut bench = Bench::new(&shipped(), 3, 64);
    let cases: [(u32, &[u32]); 2] =
        [(READ, &[0, 0]), (WRITE, &[0, 0, MBW_MAX])];
    for (command, payload) in cases {
        let answered = bench.ask(&message(word(command, 1), payload));
        assert_eq!(flags(&answered.content), 1, "{command}");
        assert!(answered.note.unwrap().contains("the request ends before"));
    }
}

#[test]
fn a_guest_cannot_write_for_ever() {
    let mut bench = Bench::new(&shipped(), 3, 64);
    let mut refused = 0;
    for at in 0..1100 {
        let msc = [0, 1, 7][at as usize / 512];
        let payload = [msc, 0, 0x104 + 4 * (at % 512), 1];
        let answered = bench.ask(&message(word(WRITE, 1), &payload));
        refused += u32::from(answered.content.starts_with(b"PCCE"));
        if let Some(note) = answered.note {
            assert!(note.contains("one more than the 1024"), "{note}");
        }
    }
    assert!(refused > 0);
    assert!(bench.memory.registers[&3].len() <= 1024);
}

#[test]
fn a_word_of_32_bits_needs_type_3() {
    let mut bench = Bench::new(&shipped(), 2, 64);
    let answered = bench.ask(&generic(4, &[0; 12]));
    assert_eq!(flags(&answered.content), 1);
    assert!(answered.note.unwrap().contains("type 3, not 2"));
}

#[test]
fn parts_are_decoded_and_made_into_a_word_again() {
    let bench = Bench::new(&shipped(), 3, 64);
    let content = message(word(READ, 0x155), &[0, 0, MBW_MAX]);
    let mut known = Known {
        kind: SubspaceType::Initiator,
        subspace: 3,
        is_request: true,
        is_unasked: false,
        channel: Some(bench.played().channel),
    };
    let mut decoded = describe(&content, &known);
    assert_eq!(
        decoded.summary,
        "mpam-fb: command 0x4 (read), token 341, interrupt wanted"
    );
    let of = |name: &str| {
        let field = decoded.field(name).unwrap();
        (field.value.clone(), field.meaning.as_deref())
    };
    let number = FieldValue::Number;
    assert_eq!(of("scmi.message_id"), (number(4), Some("read")));
    assert_eq!(of("scmi.message_type"), (number(0), Some("command")));
    assert_eq!(of("scmi.protocol_id"), (number(0x1a), Some("MPAM-Fb")));
    assert_eq!(of("scmi.token"), (number(0x155), None));
    assert_eq!(of("mpam-fb.offset").1, Some("MPAMCFG_MBW_MAX"));
    // Its parts count before the command, and without it.
    for field in &mut decoded.fields {
        if field.name == "token" {
            field.value = FieldValue::Number(2);
        }
    }
    let encode = |decoded: &Decoded| {
        rebuild::encode(decoded, known.channel).unwrap().unwrap()
    };
    let back = encode(&decoded);
    assert_eq!(back.content, message(word(READ, 2), &[0, 0, MBW_MAX]));
    assert!(back.notes[0].contains("`pcc.command` has"), "{back:?}");
    decoded.fields.retain(|field| field.name != "command");
    let again = encode(&decoded);
    assert_eq!((again.content, again.notes), (back.content, Vec::new()));
    known.channel = None;
    assert!(describe(&content, &known).field("scmi.token").is_none());
}

#[test]
fn mistakes_are_named() {
    let file = |channel: &str| {
        format!(
            r#"{{"channels": [{{"name": "c", "command_word": "scmi",
             {channel} }}]}}"#
        )
    };
    let registers = |more: &str| {
        file(&format!(
            r#""registers": {{"a": {{"offset": 0, "width": 8}},
            "b": {{"offset": 0, "width": 8, "access": "answer"}}, {more} }}"#
        ))
    };
    let command = |more: &str| {
        file(&format!(r#""commands": [{{"name": "n", "code": 1, {more} }}]"#))
    };
    let cases = [
        (
            registers(r#""x": {"width": 8, "index": ["aa"]}"#),
            "no register `aa`",
        ),
        (
            registers(r#""x": {"width": 8, "index": ["b"]}"#),
            "`b` cannot choose",
        ),
        (
            registers(
                r#""x": {"width": 8, "index": ["a"], "cells": {"1 2": 3}}"#,
            ),
            "`1 2` has 2 values",
        ),
        (
            registers(
                r#""x": {"width": 8, "index": ["a"], "cells": {"300": 3}}"#,
            ),
            "`a` cannot be",
        ),
        (
            registers(r#""x": {"width": 8, "cells": {"1": 3}}"#),
            "without `index`",
        ),
        (
            registers(r#""x": {"offset": 4, "width": 8, "index": ["a"]}"#),
            "an `offset` and an `index`",
        ),
        (registers(r#""scmi": {"width": 8}"#), "something else already"),
        (
            file(
                r#""registers": {"x": {"width": 8, "index": ["y"]},
                "y": {"width": 8, "index": ["x"]}},
                "commands": [{"name": "n", "code": 1, "set": {"x": 1}}]"#,
            ),
            "`y` cannot choose",
        ),
        (command(r#""when": {"scmi.tokn": 1}"#), "scmi.tokn"),
        (
            command(r#""when": {"scmi.protocol_id": "MPAM-FB1"}"#),
            "cannot be \"MPAM-FB1\"",
        ),
        (
            command(
                r#""set": {}, "header": {"command": "{{ request.scmi.tok }}"}"#,
            ),
            "request.scmi.tok",
        ),
    ];
    for (text, wanted) in cases {
        let loaded = Messages::from_texts(&[("a.json", &text)]);
        let problems: Problems = loaded.expect_err(wanted);
        assert!(problems.to_string().contains(wanted), "{problems}");
    }
    // Without the word there are no parts.
    let text = command(r#""when": {"scmi.token": 1}"#);
    let text = text.replace("\"scmi\"", "\"number\"");
    assert!(Messages::from_texts(&[("a.json", &text)]).is_err());
}
