//! The diagnoses of made-up logs.

use std::fs;

use pccd::NEVER;
use tempfile::TempDir;

use super::*;

const NAME: &str = "20261121T044142.000000000Z-00000001-000";
const UNASKED: &str = "20261121T044142.000011000Z-1-001.pcc";
const BOOT: &str = "[ 0.0] Linux version 7\n\
    <6>[ 0.0] ACPI: PCCT 0x000000005E62B198 000178\n\
    <6>[ 0.9] Detected 2 PCC Subspaces\n";

/// The diagnosis of a run whose logs have these lines: pccd's as event
/// and further members, the device's as trace events.
fn of(console: &str, lines: &[(&str, &str)]) -> Diagnosis {
    let console: Vec<_> = console.lines().map(|line| (line, 500_000)).collect();
    timed(&console, lines)
}

/// The same, with the time of each line of the console, in the microseconds
/// in which the others count.
fn timed(console: &[(&str, u32)], lines: &[(&str, &str)]) -> Diagnosis {
    examine(folder(console, lines).path()).unwrap()
}

/// A run's folder with such logs.
fn folder(console: &[(&str, u32)], lines: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut pccd, mut qemu) = (String::new(), String::new());
    for (number, (event, text)) in lines.iter().enumerate() {
        if event.starts_with("pcc_") {
            qemu += &format!("7@1795236102.{number:06}:{event} {text}\n");
        } else {
            pccd += &format!(
                "{{\"time\":\"2026-11-21T04:41:42.{number:06}Z\",\
                  \"event\":\"{event}\"{text}}}\n"
            );
        }
    }
    let times = console.iter().map(|(_, at)| format!("1795236102.{at:06}\n"));
    let times: String = times.collect();
    let console: String =
        console.iter().map(|(line, _)| format!("{line}\n")).collect();
    fs::create_dir(folder.path().join("mailbox")).unwrap();
    for (name, text) in [
        ("console.log", console.as_str()),
        ("console.times", &times),
        ("pccd.log", &pccd),
        ("qemu.log", &qemu),
        (
            "mailbox/channels.json",
            r#"{"version": 1, "epoch": "20261121T044142.000000000Z",
                "channels": [
                {"subspace": 0, "type": 3, "size": 8192,
                 "completion": "posted", "paired": 1},
                {"subspace": 1, "type": 4, "size": 8192,
                 "completion": "posted", "paired": 0}]}"#,
        ),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn without_a_kernel_nobody_is_to_blame() {
    let found = of("UEFI firmware\n", &[("started", "")]);
    assert_eq!(found.broken, None);
    assert!(found.text.contains("did not begin"), "{}", found.text);
    assert!(of(BOOT, &[("started", "")]).broken.is_some());
}

/// A command that goes all the way, as the two logs have it.
fn whole() -> Vec<(&'static str, String)> {
    let name = format!(r#","name":"{NAME}.pcc","subspace":0"#);
    let reply = format!(
        r#","name":"{NAME}.r1.pcc","subspace":1,"request":"{NAME}.pcc""#
    );
    let asks = "subspace 0: 25 bytes, interrupt wanted: 1";
    let nothing = "subspace 1: nothing to acknowledge: 0";
    vec![
        ("started", String::new()),
        ("pcc_outbox_command", asks.into()),
        ("pcc_mailbox_publish", format!("m: {NAME}.pcc, 25 bytes")),
        ("pcc_outbox_complete", "subspace 0".into()),
        ("pcc_channel_interrupt", "subspace 0: GSI 112".into()),
        ("received", name),
        ("replied", reply),
        ("pcc_mailbox_deliver", format!("m: {NAME}.r1.pcc, 27 bytes")),
        ("pcc_channel_load", "subspace 1: 27 bytes, flags 0x0".into()),
        ("pcc_channel_interrupt", "subspace 1: GSI 113".into()),
        ("pcc_responder_acknowledge", nothing.into()),
    ]
}

/// The diagnosis when the way ends before that event.
fn without(event: &str) -> Diagnosis {
    let lines = whole();
    let at = lines.iter().rposition(|(name, _)| *name == event).unwrap();
    let lines = lines.iter().take(at).map(|(a, b)| (*a, b.as_str()));
    of(BOOT, &lines.collect::<Vec<_>>())
}

#[test]
fn every_link_is_found_where_it_breaks() {
    let cases = [
        ("pcc_outbox_command", Link::Step(Step::Doorbell)),
        ("pcc_mailbox_publish", Link::Step(Step::Published)),
        ("received", Link::Step(Step::Read)),
        ("replied", Link::Step(Step::Answered)),
        ("pcc_mailbox_deliver", Link::Step(Step::Taken)),
        ("pcc_responder_acknowledge", Link::Step(Step::Acknowledge)),
    ];
    for (event, link) in cases {
        let found = without(event);
        assert_eq!(found.broken, Some(link), "{event}: {}", found.text);
    }
    for (event, link) in [
        ("pcc_outbox_complete", Link::Step(Step::Complete)),
        ("pcc_channel_interrupt", Link::Step(Step::Interrupt)),
    ] {
        let lines = whole();
        let kept = lines.iter().filter(|(name, _)| *name != event);
        let kept: Vec<_> =
            kept.map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(of(BOOT, &kept).broken, Some(link), "{event}");
    }
    let lines = whole();
    let lines: Vec<_> =
        lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let found = of(BOOT, &lines);
    assert_eq!(found.broken, None, "{}", found.text);
}

#[test]
fn the_kernel_has_its_say() {
    let first = BOOT.lines().next().unwrap();
    assert_eq!(of(first, &[]).broken, Some(Link::Table));
    let invalid = "[ 0.9] Invalid PCCT: 0 PCC subspaces";
    let table: Vec<_> = BOOT.lines().take(2).chain([invalid]).collect();
    let found = of(&table.join("\n"), &[]);
    assert_eq!(found.broken, Some(Link::Kernel));
    assert!(found.text.contains("Invalid PCCT"), "{}", found.text);
    // A console that has nothing of the kernel proves nothing.
    let found = of("pcclab: begin", &[]);
    assert_eq!(found.broken, Some(Link::Step(Step::Doorbell)));
}

#[test]
fn the_reason_is_told() {
    let ignored = format!(
        r#","name":"{NAME}.pcc","handler":"fan/hang","reason":"{NEVER}""#
    );
    let mut lines = whole();
    lines.truncate(6);
    lines.push(("ignored", ignored));
    let lines: Vec<_> =
        lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
    // It is meant to, but where a test fails that is why.
    assert_eq!(of(BOOT, &lines).broken, None);
    let failed = format!("{BOOT}not ok 1 it turns\n");
    let found = of(&failed, &lines);
    assert_eq!(found.broken, Some(Link::Step(Step::Answered)));
    for part in ["fan/hang: it never answers", "failed: not ok 1 it turns"] {
        assert!(found.text.contains(part), "{}", found.text);
    }
    let error = r#","handler":"fan/tick","reason":"no such table""#;
    let found = of(&failed, &[&lines[..], &[("error", error)]].concat());
    let part = "pccd: 04:41:42.000007 fan/tick: no such table";
    assert!(found.text.contains(part), "{}", found.text);
}

#[test]
fn a_test_that_is_known_to_fail_did_not_fail() {
    let lines = whole();
    let lines: Vec<_> =
        lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
    for (result, fails) in [
        ("not ok 1 it turns # TODO a bug", false),
        ("    not ok 1 it turns #todo: a bug", false),
        ("ok 1 it turns # TODO a bug", true),
        ("not ok 1 it turns # and on, TODO", true),
        ("ok 1 it turns # SKIP no fan", false),
    ] {
        let found = of(&format!("{BOOT}{result}\n"), &lines);
        let says = found.text.contains("failed: ");
        assert_eq!(says, fails, "{result}: {}", found.text);
    }
}

/// A console with two tests, the second of which fails; when each ended.
fn two(first: u32, second: u32) -> Vec<(&'static str, u32)> {
    let boot = BOOT.lines().map(|line| (line, 0));
    let tests = [("ok 1 it turns", first), ("not ok 2 it stops", second)];
    boot.chain(tests).collect()
}

#[test]
fn an_answer_that_came_too_late_is_a_broken_link() {
    let lines = whole();
    let lines: Vec<_> =
        lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
    for (end, late) in [
        (4, Some(Link::Late(Step::Read))),
        (5, Some(Link::Late(Step::Answered))),
        (6, Some(Link::Late(Step::Taken))),
        // Whenever the guest acknowledges.
        (7, None),
        (500_000, None),
    ] {
        let found = timed(&two(0, end), &lines);
        assert_eq!(found.broken, late, "{end}: {}", found.text);
    }
    let mut lines = lines;
    lines.extend([("note", ""); 700]);
    let reply = lines.remove(6);
    lines.extend([reply]);
    let found = timed(&two(0, 505), &lines);
    let late = Link::Late(Step::Answered);
    assert_eq!(found.broken, Some(late), "{}", found.text);
    for part in [
        "BROKEN  a handler answers in time: 1 of 1, but late",
        "why: not answered in time: 0.2 ms after the test had failed, which \
         was 0.5 ms after the doorbell",
    ] {
        assert!(found.text.contains(part), "{}", found.text);
    }
    // It came in the test, but after how long?
    let found = timed(&two(0, 900), &lines);
    assert!(found.text.contains("the slowest in 0.7 ms"), "{}", found.text);
}

#[test]
fn a_test_without_a_doorbell_is_told() {
    let ignored = format!(
        r#","name":"{NAME}.pcc","handler":"fan/hang","reason":"{NEVER}""#
    );
    let lines = whole();
    let whole: Vec<_> =
        lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let hung = [&whole[..6], &[("ignored", &*ignored)]].concat();
    let doorbell = Some(Link::Step(Step::Doorbell));
    // A command from before keeps all others back.
    let found = timed(&two(100, 200), &hung);
    assert_eq!(found.broken, doorbell, "{}", found.text);
    for part in [
        "BROKEN  the driver rings a doorbell: 1 time, but not in the test",
        "no doorbell came in that test",
        "pending: 04:41:42.000001 subspace 0: 2026",
        "why: fan/hang: it never answers",
    ] {
        assert!(found.text.contains(part), "{}", found.text);
    }
    assert!(found.at.is_some());
    // Or none does.
    let found = timed(&two(100, 200), &whole);
    assert_eq!(found.broken, doorbell, "{}", found.text);
    assert!(!found.text.contains("pending: "), "{}", found.text);
    // One that was given up, and others after it.
    let next = "subspace 0: 25 bytes, interrupt wanted: 1";
    let mut more = [&hung[..], &[("pcc_outbox_command", next)]].concat();
    more.extend(whole.iter().skip(2).filter(|(name, _)| {
        ["pcc_outbox_complete", "pcc_channel_interrupt"].contains(name)
    }));
    let found = timed(&two(100, 200), &more);
    assert!(!found.text.contains("fan/hang"), "{}", found.text);
}

#[test]
fn a_folder_without_logs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = examine(folder.path()).unwrap_err().to_string();
    assert!(error.contains("no console.log"), "{error}");
}

#[test]
fn a_guest_that_ended_is_no_doorbell_that_is_missing() {
    let diagnosis = |console: &[&str], lines: &[_], verdict: &str| {
        let boot = BOOT.lines().chain(console.iter().copied());
        let console: Vec<_> = boot.map(|line| (line, 500_000)).collect();
        let folder = folder(&console, lines);
        let text = format!("{verdict}: why");
        let result = serde_json::json!({ "verdict": verdict, "text": text });
        fs::write(folder.path().join(RESULT), result.to_string()).unwrap();
        examine(folder.path()).unwrap()
    };
    const END: &str = "pcclab: exit 1";
    let doorbell = Some(Link::Step(Step::Doorbell));
    for (console, verdict, broken) in [
        (&[][..], "panic", None),
        (&[BEGIN], "panic", None),
        (&[BEGIN, END], "panic", None),
        (&[BEGIN], "fail", None),
        (&[], "fail", None),
        (&[], "hang", None),
        (&[BEGIN, END], "trouble", None),
        (&[BEGIN, END], "fail", doorbell),
        (&[BEGIN, "not ok 1 it turns"], "panic", doorbell),
        (&[BEGIN], "hang", doorbell),
        (&[BEGIN, END], "pass", doorbell),
    ] {
        let found = diagnosis(console, &[], verdict);
        assert_eq!(found.broken, broken, "{verdict}: {}", found.text);
        let says = found.text.contains(&format!("wrong: {verdict}: why"));
        assert_eq!(says, broken.is_none(), "{verdict}: {}", found.text);
    }
    // Nor is the kernel at fault that had not come so far.
    let early = [BOOT.lines().next().unwrap(), "Kernel panic"];
    let early = early.map(|line| (line, 500_000));
    let folder = folder(&early, &[]);
    let result = r#"{"verdict": "panic", "text": "PANIC"}"#;
    fs::write(folder.path().join(RESULT), result).unwrap();
    let found = examine(folder.path()).unwrap();
    assert_eq!(found.broken, None, "{}", found.text);
    // What was on its way then is no broken link.
    let lines = whole();
    let lines = lines.iter().take(6).map(|(a, b)| (*a, b.as_str()));
    let lines: Vec<_> = lines.collect();
    let found = diagnosis(&[BEGIN], &lines, "panic");
    assert_eq!(found.broken, None, "{}", found.text);
    let part = "but 1 that the guest's end cut off\nthe run: panic: why\n";
    assert!(found.text.contains(part), "{}", found.text);
    let found = diagnosis(&[BEGIN, END], &lines, "fail");
    let broken = Some(Link::Step(Step::Answered));
    assert_eq!(found.broken, broken, "{}", found.text);
}

/// A message to the guest that goes all the way, as the two logs have it.
fn message() -> Vec<(&'static str, String)> {
    let sent = format!(
        r#","name":"{UNASKED}","subspace":1,"subspace_type":4,
           "decoded":{{"summary":"fan: hot","fields":[]}}"#
    );
    vec![
        ("unasked", sent.replace('\n', "")),
        ("pcc_mailbox_deliver", format!("m: {UNASKED}, 27 bytes")),
        ("pcc_channel_load", "subspace 1: 27 bytes, flags 0x0".into()),
        ("pcc_channel_interrupt", "subspace 1: GSI 113".into()),
        (
            "pcc_responder_acknowledge",
            "subspace 1: nothing to acknowledge: 0".into(),
        ),
    ]
}

#[test]
fn messages_to_the_guest_are_followed() {
    let command = whole();
    let message = message();
    let both = |message: &[(&'static str, String)]| {
        let both = command.iter().chain(message).cloned();
        both.collect::<Vec<_>>()
    };
    let diagnosis = |lines: &[(&str, String)], console: &[(&str, u32)]| {
        let lines = lines.iter().map(|(name, text)| (*name, text.as_str()));
        timed(console, &lines.collect::<Vec<_>>())
    };
    // The message comes in the second test, or waits since the first.
    for first in [11, 12, 16, 20] {
        for (kept, step) in [
            (1, Some(Step::Taken)),
            (3, Some(Step::Interrupt)),
            (4, Some(Step::Acknowledge)),
            (5, None),
        ] {
            let found =
                diagnosis(&both(&message[..kept]), &two(first, 500_000));
            let broken = match (step, first) {
                // All of it was before, and the test has no command.
                (None, 16..) => Some(Link::Step(Step::Doorbell)),
                (step, _) => step.map(Link::Message),
            };
            let text = &found.text;
            assert_eq!(found.broken, broken, "{first} {kept}: {text}");
            let names = "first: 04:41:42.000011 subspace 1: 2026";
            assert_eq!(text.contains(names), step.is_some(), "{text}");
        }
    }
    let found = diagnosis(&both(&message), &two(11, 13));
    let late = Some(Link::LateMessage(Step::Interrupt));
    assert_eq!(found.broken, late, "{}", found.text);
    let part = "why: not there in time: 0.0 ms after the test had failed";
    assert!(found.text.contains(part), "{}", found.text);
    // An envelope that keeps the interrupt back is told.
    let mut quiet = message[..3].to_vec();
    quiet[2].1 = "subspace 1: 27 bytes, flags 0x4".into();
    let found = diagnosis(&both(&quiet), &two(11, 500_000));
    let broken = Some(Link::Message(Step::Interrupt));
    assert_eq!(found.broken, broken, "{}", found.text);
    let part = "why: its envelope says no-interrupt";
    assert!(found.text.contains(part), "{}", found.text);
    // A driver that looks without an interrupt needs none.
    quiet.extend(message[4..].iter().cloned());
    let found = diagnosis(&both(&quiet), &two(11, 500_000));
    assert_eq!(found.broken, None, "{}", found.text);
}

#[test]
fn messages_count_without_a_test_but_not_where_tests_passed() {
    let command = whole();
    let message = message();
    let lines: Vec<_> = command.iter().chain(&message[..1]).collect();
    let lines: Vec<_> =
        lines.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let boot: Vec<_> = BOOT.lines().map(|line| (line, 0)).collect();
    let broken = |console: &[_]| timed(console, &lines).broken;
    let loads = Some(Link::Message(Step::Taken));
    let later = [&boot[..], &[("bye", 900_000)]].concat();
    assert_eq!(broken(&later), None);
    let passed = [&boot[..], &[("ok 1 it turns", 0)]].concat();
    assert_eq!(broken(&passed), None);
    // Another second of the guest.
    let mut found = folder(&later, &lines);
    let times = "1795236104.000000\n".repeat(later.len());
    fs::write(found.path().join("console.times"), times).unwrap();
    assert_eq!(examine(found.path()).unwrap().broken, loads);
    // Only messages, and no command: there is a driver.
    let only: Vec<_> = message.iter().take(3).collect();
    let only: Vec<_> = only.iter().map(|(a, b)| (*a, b.as_str())).collect();
    found = folder(&two(0, 500_000), &only);
    let found = examine(found.path()).unwrap();
    let broken = Some(Link::Message(Step::Interrupt));
    assert_eq!(found.broken, broken, "{}", found.text);
}
