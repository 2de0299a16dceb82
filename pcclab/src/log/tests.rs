//! Tests of the merge, on small folders of runs.

use std::fs::File;

use proptest::prelude::*;

use super::lines::READ;
use super::*;

#[test]
fn lines_of_qemu_are_read() {
    type Wanted = (Option<i64>, &'static str, Option<u8>, &'static str);
    let cases: &[(&str, Option<Wanted>)] = &[
        (
            "7@1795236102.123456:pcc_outbox_command subspace 12: 8 bytes",
            Some((
                Some(1_795_236_102_123_456),
                "pcc_outbox_command",
                Some(12),
                "subspace 12: 8 bytes",
            )),
        ),
        (
            "pcc: subspace 0: doorbell: rung",
            Some((None, "guest_error", Some(0), "subspace 0: doorbell: rung")),
        ),
        (
            "7@1.000001:pcc_mailbox_open pcc: /x",
            Some((Some(1_000_001), "pcc_mailbox_open", None, "pcc: /x")),
        ),
        ("qemu-system-aarch64: -device x: no", None),
        ("x@1.000001:y", None),
        ("7@1.1:y", None),
        ("", None),
    ];
    for (line, wanted) in cases {
        let got = trace_line(line);
        let got = got.map(|t| (t.time, t.event, t.subspace, t.text));
        assert_eq!(got, *wanted, "{line}");
    }
}

fn merged(folder: &Path, options: &Options) -> Vec<String> {
    let mut out = Vec::new();
    merge(folder, options, |line| {
        out.push(line.to_owned());
        true
    })
    .unwrap();
    out
}

fn run() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("console.log", "booting\n\n# step \u{1b}[1mx\nok 1 x\nlast");
    write(
        "console.times",
        "1795236102.000000\n1795236102.0\n1795236103.000000\n1795236103.500000\n",
    );
    write(
        "qemu.log",
        "7@1795236103.100000:pcc_outbox_command subspace 0: 8 bytes, interrupt wanted: 1\n\
         pcc: subspace 0: doorbell: rung while a command is pending\n\
         7@1795236103.100001:pcc_mailbox_scan pcc: 1 files\n\
         7@1795236103.300000:pcc_outbox_complete subspace 0\n\
         7@1795236103.400000:pcc_channel_interrupt subspace 1: GSI 113\n",
    );
    write(
        "pccd.log",
        "{\"time\":\"2026-11-21T04:41:43.200Z\",\"event\":\"note\",\"subspace\":0,\"reason\":\"why\"}\n\
         a panic, say\n",
    );
    folder
}

#[test]
fn three_logs_become_one() {
    let folder = run();
    let lines = merged(folder.path(), &Options::default());
    // Behind the time, with single blanks.
    let words = |line: &String| {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        words.join(" ")
    };
    assert_eq!(
        lines.iter().map(words).collect::<Vec<_>>(),
        [
            "guest booting",
            "guest # step \\u{1b}[1mx",
            "device subspace 0: doorbell, 8 bytes, interrupt wanted: 1",
            "device the guest errs: subspace 0: doorbell: rung while a \
             command is pending",
            "pccd note why",
            "pccd a panic, say",
            "device subspace 0: command complete",
            "device subspace 1: interrupt, GSI 113",
            "guest ok 1 x",
            "guest last",
        ]
    );
    assert!(lines[0].starts_with("04:41:42.000000  "), "{lines:?}");
    let relative = Options { relative: true, ..Options::default() };
    assert!(merged(folder.path(), &relative)[2].starts_with("   1.100000  "));
    let one = Options { subspaces: vec![1], all: true, ..Options::default() };
    let lines = merged(folder.path(), &one);
    assert!(lines.iter().any(|l| l.contains("pcc_mailbox_scan")), "{lines:?}");
    assert!(!lines.iter().any(|l| l.contains("doorbell")), "{lines:?}");
    let json = Options { json: true, ..Options::default() };
    let lines = merged(folder.path(), &json);
    let note: Value = serde_json::from_str(&lines[4]).unwrap();
    assert_eq!(note["source"], "pccd");
    assert_eq!(note["record"]["reason"], "why");
}

#[test]
fn what_has_no_time_is_shown_without_one() {
    let folder = run();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    // Of a run before there were times; and a QEMU that errs at once.
    std::fs::remove_file(folder.path().join("console.times")).unwrap();
    write(
        "qemu.log",
        "pcc: read of 1 bytes at unused offset 0x7\n\
         7@1795236103.100000:pcc_channel_reset subspace 0\n\
         7@1795236103.099999:pcc_channel_reset subspace 1\n\
         7@1795236103.200001:pcc_mailbox_scan pcc: 1 files\n\
         pcc: subspace 0: doorbell: rung while a command is pending\n",
    );
    let relative = Options { relative: true, ..Options::default() };
    assert_eq!(
        merged(folder.path(), &relative),
        [
            "             guest   booting",
            "             guest   # step \\u{1b}[1mx",
            "             guest   ok 1 x",
            "             guest   last",
            "             device  the guest errs: read of 1 bytes at \
             unused offset 0x7",
            "   0.000000  device  subspace 0: reset",
            "  -0.000001  device  subspace 1: reset",
            "   0.100000  pccd    note why",
            "   0.100000  pccd    a panic, say",
            "   0.100001  device  the guest errs: subspace 0: doorbell: \
             rung while a command is pending",
        ]
    );
    let json = Options { json: true, ..Options::default() };
    let first = merged(folder.path(), &json).swap_remove(0);
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["time"], Value::Null);
    // Events without times; and what QEMU says with one.
    write(
        "qemu.log",
        "pcc_mailbox_scan pcc: 2 files\n\
         pcc_channel_interrupt subspace 3: GSI 115\n\
         2026-11-21T04:41:43.1Z qemu-system-aarch64: no such device\n",
    );
    let json = Options { subspaces: vec![3], ..json };
    let lines = merged(folder.path(), &json);
    assert_eq!(lines.len(), 7, "{lines:#?}");
    let [event, words] = [&lines[4], &lines[5]]
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(event["text"], "subspace 3: interrupt, GSI 115");
    assert_eq!(event["subspace"], 3);
    assert_eq!(words["text"], "qemu-system-aarch64: no such device");
    assert_eq!(words["time"], "2026-11-21T04:41:43.100000Z");
    // Times that no calendar has, at both ends.
    write("qemu.log", "7@9223372036854.775807:pcc_channel_reset x\n");
    write(
        "pccd.log",
        "{\"time\":\"-200000-01-01T00:00:00Z\",\"event\":\"note\"}\n",
    );
    assert_eq!(merged(folder.path(), &relative).len(), 6);
}

#[test]
fn a_log_of_text_has_its_times() {
    let folder = run();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    let json = Options { json: true, ..Options::default() };
    let times = || -> Vec<String> {
        merged(folder.path(), &json)
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["source"] == "pccd")
            .map(|line| line["time"].as_str().unwrap().to_owned())
            .collect()
    };
    // The day is that of what lies beside it, and goes on at midnight.
    write(
        "pccd.log",
        "04:41:43.200000  note  why\nmore\n\
         23:59:59.900000  note  late\n00:00:00.100000  note  early\n\
         23:59:59.950000  note  late, told late\n",
    );
    assert_eq!(
        times(),
        [
            "2026-11-21T04:41:43.200000Z",
            "2026-11-21T04:41:43.200000Z",
            "2026-11-21T23:59:59.900000Z",
            "2026-11-22T00:00:00.100000Z",
            "2026-11-21T23:59:59.950000Z",
        ]
    );
    // Without that it is the last one before the file was changed.
    std::fs::remove_file(folder.path().join("console.times")).unwrap();
    std::fs::remove_file(folder.path().join("qemu.log")).unwrap();
    write(
        "pccd.log",
        "23:59:59.900000  note  late\n00:00:00.100000  note  early\n",
    );
    let changed = "2026-11-22T00:00:00.2Z".parse::<DateTime<Utc>>().unwrap();
    File::options()
        .write(true)
        .open(folder.path().join("pccd.log"))
        .and_then(|file| file.set_modified(changed.into()))
        .unwrap();
    assert_eq!(
        times(),
        ["2026-11-21T23:59:59.900000Z", "2026-11-22T00:00:00.100000Z"]
    );
}

#[test]
fn names_of_messages_tell_the_channel() {
    let epoch = "20261121T044142.123456789Z";
    let cases = [
        (format!("written {epoch}-00000017-003.pcc, 8 bytes"), Some(3)),
        (format!("pcc: {epoch}-00000017-003.r12.pcc: why"), Some(3)),
        (format!("stale/{epoch}-1-255.pcc"), Some(255)),
        (format!("{epoch}-1-256.pcc"), None),
        ("x-1-001.pcc .pcc".to_owned(), None),
    ];
    for (text, wanted) in cases {
        assert_eq!(channel(&text), wanted, "{text}");
    }
    let folder = run();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("console.log", "");
    write(
        "qemu.log",
        &format!(
            "7@1.000001:pcc_mailbox_publish pcc: \
             {epoch}-00000001-000.pcc, 8 bytes\n\
             7@1.000002:pcc_mailbox_deliver pcc: \
             {epoch}-00000002-001.r1.pcc, 8 bytes, flags 0x0, delay 0 ms\n"
        ),
    );
    write(
        "pccd.log",
        &format!(
            "00:00:01.000003  guest -> platform  {epoch}-00000001-000.pcc\n\
             {:19}pcc.command=0\n\
             00:00:01.000004  platform -> guest  {epoch}-00000002-001.r1.pcc\n\
             {:19}pcc.command=1\n\
             a panic, say\n",
            "", ""
        ),
    );
    for wanted in [0, 1] {
        let options = Options { subspaces: vec![wanted], ..Options::default() };
        let lines = merged(folder.path(), &options);
        assert_eq!(lines.len(), 4, "{lines:#?}");
        let other = format!("-00{}.", 1 - wanted);
        assert!(!lines.iter().any(|l| l.contains(&other)), "{lines:#?}");
        let fields = format!("pcc.command={wanted}");
        assert!(lines[2].ends_with(&fields), "{lines:#?}");
    }
}

#[test]
fn a_folder_that_is_no_runs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default();
    let error = merge(folder.path(), &options, |_| true).unwrap_err();
    assert!(error.to_string().contains("pcclab run"), "{error}");
    // No run goes on there that could be followed.
    let follow = Options { follow: true, ..Options::default() };
    let error = merge(folder.path(), &follow, |_| true).unwrap_err();
    assert!(error.to_string().contains("pcclab run"), "{error}");
    let error =
        merge(&folder.path().join("x"), &options, |_| true).unwrap_err();
    assert!(error.to_string().contains("is no folder"), "{error}");
    let folder = run();
    let mut count = 0;
    merge(folder.path(), &options, |_| {
        count += 1;
        count < 3
    })
    .unwrap();
    assert_eq!(count, 3);
}

#[test]
fn a_line_waits_for_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let append = |name: &str, text: &str| {
        use std::io::Write;
        let path = folder.path().join(name);
        let file = File::options().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    };
    let options = Options::default();
    let mut guest = Stream::new(folder.path(), Source::Guest);
    let mut next = |last| {
        guest.fill(&options, last).unwrap();
        let entry = guest.next.pop_front();
        entry.map(|entry| (entry.time, entry.text))
    };
    assert_eq!(next(false), None);
    // As it is written: the line, and then its time, maybe in parts.
    append("console.log", "one\ntw");
    assert_eq!(next(false), None);
    append("console.times", "1.00");
    assert_eq!(next(false), None);
    append("console.times", "0001\n");
    assert_eq!(next(false), Some((Some(1_000_001), "one".to_owned())));
    append("console.log", "o\nthree\n");
    append("console.times", "2.000002\n");
    assert_eq!(next(false), Some((Some(2_000_002), "two".to_owned())));
    // At the end no time comes any more: not before the line before.
    assert_eq!(next(false), None);
    assert_eq!(next(true), Some((Some(2_000_002), "three".to_owned())));
    assert_eq!(next(true), None);
}

#[test]
fn the_rest_of_a_cut_line_takes_no_others_time() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(usize::try_from(READ).unwrap() + 1);
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("console.log", &format!("{long}\nnext\n"));
    write("console.times", "1.000000\n2.000000\n");
    let lines = merged(folder.path(), &Options::default());
    assert_eq!(lines.len(), 3);
    assert!(lines[0].ends_with("x [cut]"));
    assert_eq!(lines[1], "00:00:01.000000  guest   x");
    assert_eq!(lines[2], "00:00:02.000000  guest   next");
}

#[test]
fn what_the_kernel_says_last_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write(
        "console.log",
        "pcclab: dmesg\n<6>[    0.000000] Booting\n\
         [   12.345678] Kernel panic - not syncing: x\n",
    );
    let all = Options { all: true, ..Options::default() };
    assert_eq!(merged(folder.path(), &all).len(), 3);
    let lines = merged(folder.path(), &Options::default());
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].contains("Kernel panic"), "{lines:#?}");
}

#[test]
fn a_log_that_cannot_be_read_is_told() {
    let folder = run();
    let path = folder.path().join("pccd.log");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let error =
        merge(folder.path(), &Options::default(), |_| true).unwrap_err();
    assert!(error.to_string().contains("pccd.log"), "{error}");
}

proptest! {
    #[test]
    fn whatever_lies_there_is_sorted_and_whole(
        console in proptest::collection::vec(any::<u8>(), 0..300),
        times in "([0-9]{1,4}\\.[0-9]{6}\n|[^\n]{0,9}\n){0,9}",
        device in "([0-9]@[0-9]{1,3}\\.[0-9]{6}:pcc_channel_reset subspace [0-9]\n|[^\n]{0,20}\n){0,9}",
        pccd in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        };
        write("console.log", &console);
        write("console.times", times.as_bytes());
        write("qemu.log", device.as_bytes());
        write("pccd.log", &pccd);
        let options = Options { json: true, all: true, ..Options::default() };
        let lines = merged(folder.path(), &options);
        // What a file has behind something later counts as that late.
        let mut latest = std::collections::HashMap::new();
        let mut order = Vec::new();
        for line in &lines {
            let line: Value = serde_json::from_str(line).unwrap();
            let time = line["time"].as_str().unwrap_or("").to_owned();
            let latest =
                latest.entry(line["source"].to_string()).or_default();
            *latest = time.max(std::mem::take(latest));
            order.push(latest.clone());
        }
        prop_assert!(order.is_sorted(), "{lines:#?}");
        let from = |source: &str| {
            let key = format!("\"source\":\"{source}\"");
            lines.iter().filter(|line| line.contains(&key)).count()
        };
        prop_assert_eq!(from("device"), device.lines().count());
        let ends = console.split_inclusive(|&b| b == b'\n').count();
        prop_assert_eq!(from("guest"), ends);
        let relative = Options { relative: true, all: true, ..Options::default() };
        prop_assert_eq!(merged(folder.path(), &relative).len(), lines.len());
    }
}
