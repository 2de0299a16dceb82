//! Channels of registers through the real binary: answers in place, what
//! the log says of them, and what survives.

mod common;

use std::fs;

use common::{Bench, Daemon, EPOCH, finish, pccd, write};
use pccd::{Event, FieldValue, Record};

const CHANNELS: &str = r#"
  {"subspace": 0, "type": 3, "size": 8192, "completion": "posted", "paired": 1},
  {"subspace": 1, "type": 4, "size": 8192, "completion": "posted", "paired": 0},
  {"subspace": 2, "type": 0, "size": 64, "completion": "answered"},
  {"subspace": 3, "type": 1, "size": 32, "completion": "answered"},
  {"subspace": 4, "type": 3, "size": 64, "completion": "answered"},
  {"subspace": 5, "type": 2, "size": 64, "completion": "answered"},
  {"subspace": 6, "type": 5, "size": 16, "completion": "answered"},
  {"subspace": 7, "type": 2, "size": 32, "completion": "answered"}"#;

const MAP: &str = r#"{"subspaces": {"2": "cppc", "3": "xgene-sensors",
  "4": "hccs", "5": "hccs", "6": "doorbell"},
  "channels": [{"name": "doorbell", "registers":
    {"n": {"offset": 0, "width": 16}},
    "commands": [{"name": "double", "code": 7,
                  "set": {"n": "{{ state.n * 2 }}"}}]}]}"#;

/// A bench with channels of the platforms and a map of subspaces.
fn bench(map: &str) -> Bench {
    let bench = Bench::new();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../messages");
    let folder = bench.dir.path().join("messages");
    for file in ["cppc/cppc", "xgene-hwmon/sensors", "kunpeng-hccs/hccs"] {
        let text = fs::read_to_string(format!("{root}/{file}.json")).unwrap();
        write(&folder.join(format!("{file}.json")), &text);
    }
    write(&folder.join("map.json"), map);
    bench.make_folders();
    bench.channels(EPOCH, CHANNELS);
    bench
}

fn name(seq: u32, subspace: u8) -> String {
    format!("{EPOCH}-{seq:08}-{subspace:03}")
}

/// Sends a content and returns what came back under its name.
fn ask(bench: &Bench, seq: u32, subspace: u8, content: &[u8]) -> Vec<u8> {
    let stem = name(seq, subspace);
    bench.put(&format!("{stem}.pcc"), content);
    bench.wait_answered();
    let path = bench.path("inbox").join(format!("{stem}.r1.pcc"));
    fs::read(path).unwrap()
}

fn generic(subspace: u8, code: u16, words: &[u32]) -> Vec<u8> {
    let mut content = vec![subspace, 0x43, 0x43, 0x50];
    content.extend(code.to_le_bytes());
    content.extend([0, 0]);
    content.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    content
}

fn summaries(records: &[Record], event: Event) -> Vec<String> {
    let of = |record: &&Record| record.event == event;
    let decoded = records.iter().filter(of).map(|r| r.decoded.as_ref());
    decoded.map(|decoded| decoded.unwrap().summary.clone()).collect()
}

#[test]
fn every_type_is_answered_in_place() {
    let bench = bench(MAP);
    let daemon = bench.start();
    let words = [240, 0, 0, 0, 0, 0, 0, 0, 0];
    let back = ask(&bench, 1, 2, &generic(2, 1, &words));
    assert_eq!(back[..12], generic(2, 1, &[240]));
    let sensor = [0x04ff_e902, 0x10, 0];
    let back = ask(&bench, 2, 3, &generic(3, 0x8000, &sensor));
    assert_eq!(back, generic(3, 0x8000, &[0x04ff_e902, 42, 0]));
    let mut hccs = b"\x04CCP\x01\0\0\0\x40\0\0\0\x01\0\0\0\x32".to_vec();
    hccs.resize(64, 0);
    let back = ask(&bench, 3, 4, &hccs);
    assert_eq!(back[..16], hccs[..16]);
    assert_eq!((back[16], back[24], back[28]), (0, 1, 2), "two chips");
    let mut poll = generic(5, 1, &[0x32]);
    poll.resize(64, 0);
    let back = ask(&bench, 4, 5, &poll);
    assert_eq!((back[8], back[16], back[20]), (0, 1, 2), "two chips");
    let back = ask(&bench, 5, 6, b"\x07\0\0\0\0\0\0\0\x06CCP\x15\0");
    assert_eq!(back, b"\x06CCP\x2a\0");
    let back = ask(&bench, 6, 7, &generic(7, 1, &[5]));
    assert_eq!(&back[..13], b"PCCE\x01\0\x20\0\x01\0\0\0\0", "error status");
    assert_eq!(back[32..], generic(7, 1, &[5]));
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(bench.list("rejected"), [""; 0]);
    let records = bench.records();
    assert_eq!(
        summaries(&records, Event::Received),
        [
            "cppc: command 0x1 (write)",
            "xgene-sensors: command 0x0, interrupt wanted",
            "hccs: command 0x1 (chips), interrupt wanted",
            "hccs: command 0x1 (chips)",
            "doorbell: doorbell 0x7 (double)",
            "subspace 7 (type 2): command 0x1",
        ]
    );
    let replied: Vec<&Record> =
        records.iter().filter(|r| r.event == Event::Replied).collect();
    assert_eq!(
        summaries(&records, Event::Replied).last().unwrap(),
        "subspace 7 (type 2): answer to command 0x1, error"
    );
    let first = replied[0].decoded.as_ref().unwrap();
    let field = first.field("cppc.desired").unwrap();
    assert_eq!(field.value, FieldValue::Number(240));
    assert_eq!(replied[0].handler.as_deref(), Some("cppc/write"));
    assert_eq!(replied[4].subspace, Some(6));
    assert!(replied[4].message.is_none());
    let note =
        records.iter().find(|r| r.event == Event::Note && r.name.is_some());
    let reason = note.unwrap().reason.as_ref().unwrap();
    assert!(reason.starts_with("nothing plays subspace 7"), "{reason}");
}

#[test]
fn registers_outlive_the_daemon_but_not_the_guest() {
    let bench = bench(MAP);
    let fewer = |seq| {
        let mut content = generic(5, 12, &[0x32, 2]);
        content.resize(64, 0);
        ask(&bench, seq, 5, &content)
    };
    let linked = |name: &str| {
        let mut content = generic(5, 6, &[0x32]);
        content.resize(64, 0);
        bench.put(&format!("{name}.pcc"), &content);
        bench.wait_answered();
        let path = bench.path("inbox").join(format!("{name}.r1.pcc"));
        fs::read(path).unwrap()[20]
    };
    let daemon = bench.start();
    assert_eq!(linked(&name(1, 5)), 0xff);
    fewer(2);
    daemon.kill();
    let daemon = bench.start();
    assert_eq!(linked(&name(3, 5)), 0x0f);
    // Neither is it another subspace's.
    let mut other = b"\x04CCP\x01\0\0\0\x40\0\0\0\x06\0\0\0\x32".to_vec();
    other.resize(64, 0);
    assert_eq!(ask(&bench, 4, 4, &other)[28], 0xff);
    let later = "20261121T050000.000000001Z";
    bench.channels(later, CHANNELS);
    assert_eq!(linked(&format!("{later}-00000001-005")), 0xff);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn the_command_line_says_what_plays() {
    let bench = bench("{}");
    let mut command = bench.command();
    command.args(["--channel", "7=xgene-sensors"]);
    let daemon = Daemon(command.spawn().unwrap());
    bench.wait("a daemon", || bench.count(Event::Started) > 0);
    let content = generic(7, 0x8000, &[0x04ff_e902, 0x20, 0, 0, 0, 0]);
    assert_eq!(ask(&bench, 1, 7, &content)[12..16], [12, 0, 0, 0]);
    assert_eq!(daemon.terminate(), 0);
    let mut command = pccd();
    command.current_dir(bench.dir.path());
    let (code, text) = finish(command.args(["--channel", "7=xgene-sensosr"]));
    assert_eq!(code, 2);
    assert!(text.contains("did you mean `xgene-sensors`?"), "{text}");
}

#[test]
fn contents_are_decoded_by_hand() {
    let decode = |args: &[&str]| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let mut command = pccd();
        command.current_dir(root).arg("decode").args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", common::stderr_of(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let content = "03434350 0080 0300 02e9ff04 1000000000000000";
    let text = decode(&[content]);
    for line in [
        "subspace 3 (type 2): command 0x0, interrupt wanted\n",
        "pcc.notify                       1  (interrupt wanted)\n",
        "pcc.command_complete             1  (complete)\n",
        "pcc.data                         02e9ff041000000000000000\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let text = decode(&["--channel", "xgene-sensors", content]);
    let line = "xgene-sensors.sensor             16  (temperature)\n";
    assert!(text.contains(line), "{text}");
    let text = decode(&["--subspace-type", "5", "01", "00000000000000"]);
    assert!(text.starts_with("subspace 0 (type 5): doorbell 0x1\n"), "{text}");
    let text = decode(&["--reply", content]);
    assert!(text.starts_with("subspace 3 (type 2): answer to command 0x0\n"));
    let told = "50434345 0100 2000 05000000 00000000 0300";
    let told = format!("{told} {} {content}", "00".repeat(14));
    let text = decode(&[&told]);
    assert!(text.contains("0x0, error, no-interrupt\n"), "{text}");
    assert!(text.contains("5  (error, no-interrupt)\n"), "{text}");
}

/// Bytes may be of several types.
#[test]
fn decode_says_why_it_takes_a_content_for_a_type() {
    let decode = |args: &[&str]| {
        let mut decode = pccd();
        let output = decode.arg("decode").args(args).output().unwrap();
        assert!(output.status.success());
        common::stderr_of(&output)
    };
    let told = format!("50434345 0100 2000 {}", "00".repeat(24));
    let told = format!("{told} 00434350 0100 0000");
    for (content, wanted) in [
        // A type 3 that is cut short.
        (
            "00434350 01000000 08000000 01000000 01",
            "types 0 to 2: the length of type 3 would be 8, which should be 5",
        ),
        (
            "00434350 01000000 08000000 01000000 01000000",
            "type 3: its length, 8, is that of type 3",
        ),
        ("00434350 0100 0000", "types 0 to 2: it is shorter than the header"),
        (&told, "types 0 to 2: it is shorter than the header"),
        ("0700000000000000 00434350", "type 5: its signature follows"),
    ] {
        let said = decode(&[content]);
        let wanted = format!("pccd: taken for {wanted}");
        assert!(said.contains(&wanted), "{wanted} in {said}");
        assert_eq!(decode(&["--subspace-type", "3", content]), "");
    }
    let mctp = "05434350 01000000 0b000000 4d435450 010908c9 008002";
    assert_eq!(decode(&[mctp]), "");
}

#[test]
fn what_a_platform_says_unasked() {
    let map = r#"{"subspaces": {"3": "c"}, "channels": [{"name": "c",
      "registers": {"alarms": {"offset": 0, "width": 8, "access": "ro"}},
      "commands": [{"name": "arm", "code": 1, "then": [
        {"after": 30, "set": {"alarms": "{{ state.alarms + 1 }}"}}]}],
      "notifications": [{"name": "beat", "every": 20, "times": 2,
        "envelope": {"flags": ["no-interrupt"]}}]}]}"#;
    let bench = bench(map);
    let daemon = bench.start();
    let back = ask(&bench, 1, 3, &generic(3, 1, &[9]));
    assert_eq!(back, generic(3, 1, &[0]), "before the alarm");
    bench.wait("three notifications", || bench.list("inbox").len() == 4);
    let mut seen = Vec::new();
    for file in bench.list("inbox") {
        let content = fs::read(bench.path("inbox").join(&file)).unwrap();
        if content.starts_with(b"PCCE") {
            assert!(file.ends_with("-1-003.pcc"), "{file}");
            assert_eq!(content[16], 3);
            seen.push((content[8], content[32..].to_vec()));
        }
    }
    seen.sort();
    let header = generic(3, 0, &[]);
    let alarm = [&header[..], &[1]].concat();
    assert_eq!(seen, [(2, alarm), (6, header.clone()), (6, header)]);
    assert_eq!(daemon.terminate(), 0);
    let mut told = summaries(&bench.records(), Event::Unasked);
    told.sort();
    let beat = "c: notification, no-interrupt";
    assert_eq!(told, ["c: notification", beat, beat]);
}

#[test]
fn a_time_that_is_left_out_is_none_of_times() {
    let map = r#"{"channels": [{"name": "c", "registers":
        {"level": {"offset": 0, "width": 8}},
      "commands": [{"name": "set", "code": 1}],
      "notifications": [{"name": "beat", "every": 20, "times": 3},
        {"name": "high", "every": 20, "times": 2, "when": {"level": 1},
         "header": {"command": 9}},
        {"name": "once", "after": 20, "when": {"level": 1}}]}],
      "subspaces": {"5": "c"}}"#;
    let bench = bench(map);
    let state = || {
        let mut state = pccd();
        state.args(["state", "--mailbox"]).arg(bench.mailbox());
        String::from_utf8(state.output().unwrap().stdout).unwrap()
    };
    let daemon = bench.start();
    bench.wait("three beats", || bench.list("inbox").len() == 3);
    let told = state();
    assert!(told.contains("answered: c@5/beat"), "{told}");
    assert!(!told.contains("answered: c@5/high"), "{told}");
    assert!(!told.contains("answered: c@5/once"), "{told}");
    assert_eq!(daemon.terminate(), 0);
    // Nor does a later daemon think that they were sent.
    let daemon = bench.start();
    let mut content = generic(5, 1, &[]);
    content.push(1);
    ask(&bench, 1, 5, &content);
    bench.wait("two more", || bench.list("inbox").len() == 6);
    bench.wait("the count of two", || {
        let state = state();
        let mut lines = state.lines();
        lines.any(|it| it.starts_with("answered: c@5/h") && it.ends_with(" 2"))
    });
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(bench.list("inbox").len(), 6, "`once` had its time");
}

#[test]
fn wrong_descriptions_are_explained() {
    let case = |text: &str| {
        let bench = Bench::new();
        let folder = bench.dir.path().join("m");
        write(&folder.join("c.json"), text);
        let mut command = pccd();
        finish(command.args(["check", "--messages"]).arg(folder))
    };
    let channel = |inner: &str| {
        format!("{{\"channels\": [{{\"name\": \"c\",\n{inner}}}]}}")
    };
    let register = |inner: &str| {
        channel(&format!(r#"  "registers": {{"level": {{{inner}}}}}"#))
    };
    let command = |inner: &str| {
        channel(&format!(
            "\"registers\": {{\"level\": {{\"offset\": 0, \"width\": 8}},
              \"out\": {{\"offset\": 1, \"width\": 8, \"access\": \
             \"answer\"}},
              \"in\": {{\"offset\": 1, \"width\": 8, \"access\": \"wo\"}}}},
  \"tables\": {{\"rpm\": [1]}},
  \"commands\": [{{\"name\": \"go\", {inner}}}]"
        ))
    };
    // Text of the file, place, and what else must be said.
    let cases: &[(String, &str, &[&str])] = &[
        (
            register(r#""ofset": 4, "width": 8"#),
            "c.json:2:27",
            &["did you mean `offset`", "channels[0].registers.level"],
        ),
        (
            register(r#""offset": 4, "width": 12"#),
            "c.json:2:49",
            &["a width of 12 bits", "8, 16, 32 or 64"],
        ),
        (
            register(r#""offset": 4"#),
            "c.json:2:17",
            &["a register without size"],
        ),
        (
            register(r#""width": 8, "bytes": 2"#),
            "c.json:2:39",
            &["one of them"],
        ),
        (
            register(r#""width": 32, "bits": "32:0""#),
            "c.json:2:48",
            &["no range of bits"],
        ),
        (
            register(r#""width": 8, "access": "ro""#),
            "c.json:2:39",
            &["never sees"],
        ),
        (
            register(r#""width": 8, "reset": 256"#),
            "c.json:2:48",
            &["`level` cannot be 256", "from 0 to 255"],
        ),
        (
            register(r#""width": 8, "values": {"high": 300}"#),
            "c.json:2:58",
            &["`level` cannot be 300"],
        ),
        (
            register(r#""width": 8, "access": "rx""#),
            "c.json:2:49",
            &["unknown choice `rx`", "`rw`, `ro`, `wo`"],
        ),
        (
            channel(
                r#""registers": {"a": {"offset": 0, "width": 32},
"b": {"offset": 3, "width": 8}}"#,
            ),
            "c.json:3:1",
            &["`b` lies over `a`"],
        ),
        (
            channel(r#""registers": {"a b": {"width": 8}}"#),
            "c.json:2:15",
            &["no name that templates can use"],
        ),
        (
            command(r#""code": "on""#),
            "c.json:6:39",
            &["a command's code cannot be"],
        ),
        (
            command(r#""code": 1, "when": {"levle": 1}"#),
            "c.json:6:51",
            &["unknown register `levle`", "did you mean `level`"],
        ),
        (
            command(r#""code": 1, "when": {"out": 1}"#),
            "c.json:6:51",
            &["no value before the answer"],
        ),
        (
            command(r#""code": 1, "when": {"level": {"rnage": {}}}"#),
            "c.json:6:61",
            &["did you mean `range`"],
        ),
        (
            command(r#""code": 1, "when": {"pcc.notfy": 1}"#),
            "c.json:6:51",
            &["did you mean `pcc.notify`"],
        ),
        (
            command(r#""code": 1, "set": {"in": 1}"#),
            "c.json:6:50",
            &["the guest's alone"],
        ),
        (
            command(r#""code": 1, "set": {"level": "{{ state.levle }}"}"#),
            "c.json:6:59",
            &["did you mean `state.level`", "commands[0].set.level"],
        ),
        (
            command(r#""code": 1, "set": {"level": "{{ table.rmp[0] }}"}"#),
            "c.json:6:59",
            &["did you mean `table.rpm`"],
        ),
        (
            command(r#""code": 1, "set": {"level": "{{ 1 | lee(2) }}"}"#),
            "c.json:6:59",
            &["unknown filter", "`le`"],
        ),
        (
            command(r#""code": 1, "header": {"lenght": 4}"#),
            "c.json:6:53",
            &["did you mean `length`"],
        ),
        (
            command(r#""code": 1, "envelope": {"delay_ms": 60001}"#),
            "c.json:6:67",
            &["from 0 to 60000"],
        ),
        (
            command(r#""code": 1}, {"name": "go", "code": 1"#),
            "c.json:6:52",
            &["there is a `go` in this channel", "is never asked"],
        ),
        (
            channel(r#""notifications": [{"name": "n", "every": 1}]"#),
            "c.json:2:42",
            &["from 10 to"],
        ),
        (
            channel(
                r#""notifications": [{"name": "n", "set":
 {"x": "{{ request.hex }}"}}]"#,
            ),
            "c.json:3:3",
            &["unknown register `x`"],
        ),
        (
            r#"{"channels": [{"name": "fan"}], "subspaces": {"3": "fam"}}"#
                .to_owned(),
            "c.json:1:52",
            &["no channel `fam`", "did you mean `fan`"],
        ),
        (
            r#"{"channels": [{"name": "fan"}], "subspaces": {"x": "fan"}}"#
                .to_owned(),
            "c.json:1:47",
            &["no subspace id"],
        ),
        (
            r#"{"channels": [{"name": "fan", "registers": {"a": {"width": 8}}}],
"subspaces": {"3": {"channel": "fan", "reset": {"b": 1}}}}"#
                .to_owned(),
            "c.json:2:49",
            &["no register `b`", "one of `a`"],
        ),
        (
            r#"{"channels": [{"name": "a"},
{"name": "b"}, {"name": "a"}]}"#
                .to_owned(),
            "c.json:2:25",
            &["there is a channel `a`"],
        ),
    ];
    for (text, place, said) in cases {
        let (code, output) = case(text);
        assert_eq!(code, 1, "{text}\n{output}");
        assert!(output.contains(place), "{place} in\n{output}");
        for part in *said {
            assert!(output.contains(part), "{part} in\n{output}");
        }
    }
}

/// What the log says of how the guest behaved: rule and request.
fn conduct(bench: &Bench) -> Vec<(String, String)> {
    let records = bench.records();
    let broken = records.iter().filter(|r| r.event == Event::Conduct);
    broken
        .map(|record| {
            let rule = record.rule.clone().unwrap();
            assert!(pccd::conduct::named(&rule).is_some(), "{rule}");
            (rule, record.name.clone().unwrap())
        })
        .collect()
}

#[test]
fn conduct_is_logged_once_a_request_and_rule() {
    let bench = bench(MAP);
    let daemon = bench.start();
    // Right, then the error bit kept, then a length that counts the header.
    ask(&bench, 1, 2, &generic(2, 0, &[0; 14]));
    let mut kept = generic(2, 0, &[0; 14]);
    kept[6] = 4;
    ask(&bench, 2, 2, &kept);
    let mut whole = vec![4, 0x43, 0x43, 0x50, 1, 0, 0, 0, 64, 0, 0, 0];
    whole.resize(64, 0);
    ask(&bench, 3, 4, &whole);
    // One whose frame is refused is judged as well.
    let mut unsigned = common::content(&common::single(0, &[0, 0x80, 2]));
    unsigned[0] = 9;
    let refused = format!("{}.pcc", name(4, 0));
    bench.put(&refused, &unsigned);
    bench.wait("rejected", || {
        !conduct(&bench).is_empty() && {
            conduct(&bench).iter().any(|(_, name)| *name == refused)
        }
    });
    let file = |seq, subspace| format!("{}.pcc", name(seq, subspace));
    assert_eq!(
        conduct(&bench),
        [
            ("error-kept".to_owned(), file(2, 2)),
            ("length-header".to_owned(), file(3, 4)),
            ("signature".to_owned(), file(4, 0)),
        ]
    );
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn the_guests_answers_are_judged() {
    const ASKS: &str = r#"{ "handlers": [ {
      "name": "ask", "match": { "hex": "7e 1af4 01" }, "reply": "none",
      "then": [ { "unasked": { "tag": 5, "message": { "hex": "00 83 02" } } } ]
    } ] }"#;
    let bench = Bench::new();
    write(&bench.dir.path().join("messages/ask.json"), ASKS);
    bench.make_folders();
    bench.channels(EPOCH, CHANNELS);
    let daemon = bench.start();
    let answer = |tag: u8, instance: u8, more: &[u8]| {
        // From EID 8 to 0, tag owner clear.
        let mut packet = vec![1, 0, 8, 0xc0 | tag, 0, instance, 2, 0];
        packet.extend([8, 0, 0]);
        packet.extend(more);
        packet
    };
    let mut seq = 0;
    let mut send = |packet: &[u8]| {
        seq += 1;
        bench.request(seq, packet);
        bench.wait_answered();
    };
    for (tag, instance, more) in
        [(5, 3, &[][..]), (4, 3, &[]), (5, 4, &[]), (5, 3, &[1])]
    {
        send(&common::single(0, &[0x7e, 0x1a, 0xf4, 1]));
        send(&answer(tag, instance, more));
    }
    let rules: Vec<_> = conduct(&bench).into_iter().map(|(r, _)| r).collect();
    assert_eq!(rules, ["mctp-tag", "mctp-instance", "mctp-size"]);
    assert_eq!(daemon.terminate(), 0);
}
