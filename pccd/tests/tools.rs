//! `check`, `decode`, `encode` and `send` as people and scripts use them.

mod common;

use std::fs;
use std::process::{Command, Output};

use common::{Bench, EPOCH, finish, pair, pccd, single, stderr_of, write};
use serde_json::Value;

fn run(command: &mut Command) -> (i32, String, String) {
    let output: Output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), out, stderr_of(&output))
}

#[test]
fn decode_and_encode_are_the_way_there_and_back() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut contents = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if path.extension().is_none_or(|end| end != "bin") || bytes.is_empty() {
            continue;
        }
        contents += 1;
        let decoded = pccd()
            .args(["decode", "--as", "content", "--format", "json"])
            .arg(&path)
            .output()
            .unwrap();
        let json = String::from_utf8(decoded.stdout).unwrap();
        let encoded = pccd()
            .args(["encode", "--format", "raw", json.trim()])
            .output()
            .unwrap();
        assert_eq!(encoded.stdout, bytes, "{}", path.display());
    }
    assert!(contents > 20, "{contents} contents");
}

#[test]
fn decode_shows_the_log() {
    let bench = Bench::new();
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    assert_eq!(daemon.terminate(), 0);
    let records = bench.records();
    let lines: Vec<String> = records.iter().map(|r| r.to_json()).collect();
    let path = bench.dir.path().join("some.log");
    write(&path, &format!("{}\n", lines.join("\n")));
    let (status, out, said) = run(pccd().arg("decode").arg(&path));
    assert_eq!((status, said.as_str()), (0, ""));
    let shown: Vec<String> = records.iter().map(|r| r.to_text()).collect();
    let (head, rest) = out.split_once('\n').unwrap();
    assert!(head.contains("pccd's log"), "{head}");
    assert_eq!(rest.trim_end(), shown.join("\n"));
    assert!(rest.contains("Get Endpoint ID request"), "{rest}");
    // A line, and standard input.
    let (status, out, _) = run(pccd().args(["decode", &lines[1]]));
    assert_eq!(status, 0);
    assert!(out.ends_with(&format!("\n{}\n", shown[1])), "{out}");
    let stdin = fs::File::open(&path).unwrap();
    let (status, out, _) = run(pccd().args(["decode", "-"]).stdin(stdin));
    assert_eq!((status, out.trim_end().ends_with(rest.trim_end())), (0, true));
    // As JSON it stays what it is.
    let mut command = pccd();
    command.args(["decode", "--format", "json"]).arg(&path);
    assert_eq!(run(&mut command).1.trim_end(), lines.join("\n"));
    // What is cut off is said, and the rest is shown.
    write(&path, &format!("{}\n{}", lines[0], &lines[1][..20]));
    let (status, out, said) = run(pccd().arg("decode").arg(&path));
    assert_eq!(status, 1);
    assert!(out.contains(&shown[0]), "{out}");
    assert!(said.contains("the first is line 2"), "{said}");
    write(&path, &format!("{}\n{}\n", &lines[0][20..], lines[1]));
    let (status, out, said) = run(pccd().arg("decode").arg(&path));
    assert_eq!(status, 1);
    assert!(out.contains(&shown[1]), "{out}");
    assert!(said.contains("the first is line 1"), "{said}");
    let (status, _, said) = run(pccd().args(["decode", "{\"hex\": \"05\"}"]));
    assert_eq!(status, 2);
    assert!(said.contains("no line of pccd's log"), "{said}");
}

#[test]
fn a_folder_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    let handler = |name: &str| {
        format!(
            r#"{{"handlers": [{{"name": "{name}", "match": {{"hex": "05"}},
                "reply": "none"}}]}}"#
        )
    };
    for (file, name) in [("a/one.json", "x"), ("a/sub/two.json", "y")] {
        write(&dir.path().join(file), &handler(name));
    }
    let check = |folders: &[&str]| {
        let mut command = pccd();
        command.arg("check").current_dir(dir.path());
        for folder in folders {
            command.args(["--messages", folder]);
        }
        run(&mut command)
    };
    let cases = [
        (["a", "./sub/../a/"], "is the same folder as a"),
        (["a", "a/."], "is the same folder as a"),
        (["a", "a/sub"], "lies in a,"),
        (["a/sub", "a"], "holds a/sub,"),
    ];
    fs::create_dir(dir.path().join("sub")).unwrap();
    for (folders, part) in cases {
        let (status, _, said) = check(&folders);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(part), "{part} in {said}");
        assert!(said.contains("1 error "), "nothing else: {said}");
    }
    // The same file name in two folders is fine; messages say which.
    write(&dir.path().join("b/one.json"), &handler("z"));
    assert_eq!(check(&["a", "b"]).0, 0);
    write(&dir.path().join("b/one.json"), &handler("x"));
    let (status, _, said) = check(&["a", "b"]);
    assert_eq!(status, 1);
    for part in ["b/one.json:", "`x` in a/one.json already"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

/// A wrong path must not be all right.
#[test]
fn a_folder_without_handler_files_is_a_mistake() {
    let bench = Bench::new();
    let at = |name: &str| bench.dir.path().join(name);
    fs::create_dir_all(at("empty")).unwrap();
    fs::create_dir_all(at("names/x.json")).unwrap();
    write(&at("names/FAN.JSON"), "{}");
    write(&at("names/fan.json5"), "{}");
    write(&at("good/a.json"), "{}");
    let check = |folders: &[&str]| {
        let mut command = pccd();
        command.arg("check").current_dir(bench.dir.path());
        for folder in folders {
            command.args(["--messages", folder]);
        }
        run(&mut command)
    };
    for (folders, part) in [
        (&["empty"][..], "--> empty"),
        (&["names"], "--> names"),
        (&["good", "empty"], "no handler file lies in it"),
        (&["good/a.json"], "it is a file: give the folder it lies in"),
    ] {
        let (status, _, said) = check(folders);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(check(&["good"]).0, 0);
    // Files may come while it runs.
    fs::create_dir_all(at("messages")).unwrap();
    let daemon = bench.start();
    let records = bench.records();
    let mut notes = records.iter().flat_map(|one| one.reason.as_deref());
    assert!(notes.any(|note| note.contains("no handler file lies in it")));
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn encode_takes_what_handler_files_have() {
    let message = r#"{"fields": {"mctp.type": "control", "control.rq": 1,
        "control.instance_id": 3, "control.command": "Get Endpoint ID"}}"#;
    let (status, out, _) = run(pccd().args(["encode", message]));
    assert_eq!((status, out.as_str()), (0, "00 83 02\n"));
    let (status, out, _) = run(pccd().args(["encode", r#"{"hex": "0583"}"#]));
    assert_eq!((status, out.as_str()), (0, "05 83\n"));
    let typo = message.replace("control.rq", "control.rg");
    let (status, _, said) = run(pccd().args(["encode", &typo]));
    assert_eq!(status, 1);
    assert!(said.contains("did you mean `control.rq`?"), "{said}");
    let twice =
        message.replace("control.rq\"", "mctp.type\": 0, \"control.rq\"");
    let (status, _, said) = run(pccd().args(["encode", &twice]));
    assert_eq!(status, 1);
    assert!(said.contains("`fields[\"mctp.type\"]` stands there"), "{said}");
    let (status, _, said) = run(pccd().args(["encode", "{}x"]));
    assert_eq!(status, 2);
    assert!(said.contains("no JSON object"), "{said}");
}

/// A type 3 content of `tests/acme-fan`, decoded, with its fields changed and
/// encoded again.
fn encoded(
    space: &str,
    change: impl FnOnce(&mut Vec<Value>),
) -> (i32, String, String) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/acme-fan");
    let head = "00434350 01000000 08000000 01000000";
    let (_, out, _) = run(pccd()
        .args(["decode", "--messages", folder, "--channel", "acme-fan"])
        .args(["--subspace-type", "3", "--format", "json", head, space]));
    let mut json: Value = serde_json::from_str(&out).unwrap();
    change(json["fields"].as_array_mut().unwrap());
    let json = json.to_string();
    run(pccd().args(["encode", "--messages", folder, &json]))
}

const FAN_HEAD: &str = "00 43 43 50 01 00 00 00 08 00 00 00 01 00 00 00";

fn of<'f>(fields: &'f mut [Value], name: &str) -> &'f mut Value {
    let found = fields.iter_mut().find(|field| field["name"] == name);
    &mut found.unwrap()["value"]
}

#[test]
fn encode_takes_edits_of_registers() {
    let space = "80000000";
    let same = format!("{FAN_HEAD} 80 00 00 00\n");
    assert_eq!(encoded(space, |_| {}), (0, same.clone(), String::new()));
    let (status, out, said) =
        encoded(space, |fields| *of(fields, "level") = 200.into());
    assert_eq!((status, out), (0, format!("{FAN_HEAD} c8 00 00 00\n")));
    let note = "`acme-fan.level` counts, 200; `pcc.data` has 128 there";
    assert!(said.contains(note), "{said}");
    // Where the register is taken out the bytes count.
    let (status, out, said) = encoded(space, |fields| {
        *of(fields, "data") = "c8000000".into();
        fields.retain(|field| field["name"] != "level");
    });
    assert_eq!((status, said.as_str()), (0, ""));
    assert_eq!(out, format!("{FAN_HEAD} c8 00 00 00\n"));
    // Lengths that are taken out are computed.
    let (status, out, said) = encoded(space, |fields| {
        fields.retain(|field| field["name"] != "length");
    });
    assert_eq!((status, out), (0, same), "{said}");
    for (name, value, wanted) in [
        ("level", "1 << 32", "`1 << 32` is no value of `level`"),
        ("command", "set", "`pcc.command` is no number"),
    ] {
        let (status, out, said) =
            encoded(space, |fields| *of(fields, name) = value.into());
        assert_eq!((status, out.as_str()), (1, ""), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    for (name, other, wanted) in [
        ("level", "levle", "did you mean `acme-fan.level`?"),
        ("flags", "flgas", "did you mean `pcc.flags`?"),
    ] {
        let (status, out, said) = encoded(space, |fields| {
            let mut all = fields.iter_mut();
            let field = all.find(|field| field["name"] == name).unwrap();
            field["name"] = other.into();
        });
        assert_eq!((status, out.as_str()), (1, ""), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    // Nobody knows where registers lie of whom nobody heard.
    let json = r#"{"fields": [
        {"layer": "pcc", "name": "signature", "value": 1346585344},
        {"layer": "fan", "name": "level", "value": 1},
        {"layer": "pcc", "name": "data", "value": "02"}]}"#;
    let (status, out, said) = run(pccd().args(["encode", json]));
    assert_eq!((status, out.as_str()), (1, ""), "{said}");
    assert!(said.contains("no channel `fan`; expected the folder"), "{said}");
}

#[test]
fn check_speaks_json_too() {
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    write(&path, "{\n  \"handlres\": []\n}\n");
    let mut check = pccd();
    check.current_dir(bench.dir.path()).args(["check", "--format", "json"]);
    let (status, out, _) = run(&mut check);
    let problems: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status, 1);
    assert_eq!(problems[0]["file"], "./messages/a.json");
    assert_eq!(problems[0]["line"], 2);
    assert_eq!(problems[0]["column"], 3);
    assert_eq!(problems[0]["suggestion"], "handlers");
    write(&path, "{}");
    let (status, out, _) = run(&mut check);
    assert_eq!((status, out.as_str()), (0, "[]\n"));
}

/// As an editor saves it that takes Latin-1, or UTF-16, for text.
#[test]
fn check_says_where_a_file_is_not_utf_8() {
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    write(&path, "{}");
    for (bytes, place) in [
        (&b"{\n  \"description\": \"\xc3\xbcber caf\xe9\"\n}"[..], ":2:27"),
        (b"\xff\xfe{\0}\0", ":1:1"),
        (b"{\n}\n\xc3", ":3:1"),
    ] {
        fs::write(&path, bytes).unwrap();
        let mut check = pccd();
        let (status, _, said) =
            run(check.current_dir(bench.dir.path()).arg("check"));
        assert_eq!(status, 1, "{said}");
        for part in [place, "no text in UTF-8", "save it with that encoding"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[test]
fn check_names_overlaps() {
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    write(
        &path,
        r#"{"handlers": [
      {"name": "all", "match": {"hex": "7e 1af4 **"}, "reply": "none"},
      {"name": "one", "match": {"hex": "7e 1af4 01"}, "reply": "none"}]}"#,
    );
    let (status, out, _) =
        run(pccd().current_dir(bench.dir.path()).arg("check"));
    assert_eq!(status, 0);
    assert!(out.contains("the second is never asked"), "{out}");
    assert!(!out.contains("is reported"), "{out}");
    write(
        &path,
        r#"{"handlers": [
      {"name": "cut", "match": {"hex": "05 01"}, "reply": "none"},
      {"name": "all", "match": {"hex": "60 **"}, "reply": "none"}]}"#,
    );
    let (_, out, _) = run(pccd().current_dir(bench.dir.path()).arg("check"));
    let note = "message type 0x60 is reported by Get Message Type Support";
    assert!(out.contains(note), "{out}");
}

#[test]
fn send_takes_fields() {
    let bench = Bench::new();
    bench.make_folders();
    let message = r#"{"fields": {"mctp.type": "vendor-PCI",
        "vendor.vendor_id": "0x1af4", "vendor.data": "01 02"}}"#;
    let (status, out, said) = run(pccd()
        .args(["send", "--tag", "3", "--mailbox"])
        .arg(bench.mailbox())
        .arg(message));
    assert_eq!(status, 0, "{said}");
    assert!(out.contains("Vendor defined (PCI 0x1af4)"), "{out}");
    let names = bench.list("inbox");
    assert_eq!(
        bench.packet(&names[0]),
        [1, 8, 9, 0xcb, 0x7e, 0x1a, 0xf4, 1, 2]
    );
}

/// Sends a message that nobody asked for, with these options.
fn send(bench: &Bench, words: &[&str]) -> (i32, String, String) {
    let mut send = pccd();
    send.args(["send", "--mailbox"]).arg(bench.mailbox());
    run(send.args(words).args(["7f", "00 00 01 9c 01"]))
}

/// The device rejects other files (docs/mailbox.md §7).
#[test]
fn nothing_unasked_is_sent_where_nothing_is_taken() {
    let bench = Bench::new();
    bench.make_folders();
    let send = |words: &[&str]| send(&bench, words);
    let refused = |subspace: &str, why: &str| {
        let (status, out, said) = send(&["--subspace", subspace]);
        assert_eq!((status, out.as_str()), (2, ""), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(said.contains("choose one with --subspace: 1"), "{said}");
        assert!(bench.list("inbox").is_empty());
    };
    // The pair that is there when nothing else is said.
    refused("0", "nothing unasked goes to subspace 0 of type 3");
    let others = r#", {"subspace": 2, "type": 2, "size": 64,
        "completion": "answered"}, {"subspace": 3, "type": 5, "size": 64,
        "completion": "answered"}"#;
    bench.channels(EPOCH, &(pair(0, 8192) + others));
    refused("0", "nothing unasked goes to subspace 0 of type 3");
    refused("2", "but a notification goes to subspace 2 of type 2");
    refused("3", "nothing unasked goes to subspace 3 of type 5");
    refused("9", "no such channel towards the guest");
    assert_eq!(send(&["--subspace", "1"]).0, 0);
    assert_eq!(send(&["--raw", "--subspace", "0"]).0, 0, "as it is given");
    assert_eq!(bench.list("inbox").len(), 2);
}

#[test]
fn send_says_who_is_not_there() {
    let bench = Bench::new();
    bench.make_folders();
    let send = |words: &[&str]| send(&bench, words);
    let lock = fs::File::create(bench.path("qemu.lock")).unwrap();
    let nobody = "nobody is there to take it: no QEMU has";
    // No QEMU has been there, or it is gone, or it has another's number.
    for pid in
        [String::new(), "999999999".into(), std::process::id().to_string()]
    {
        write(&bench.path("qemu.lock"), &pid);
        let (status, out, said) = send(&[]);
        assert_eq!((status, out.lines().count()), (0, 1), "{said}");
        assert!(said.contains(nobody), "{said}");
    }
    lock.lock().unwrap();
    assert_eq!(send(&[]).2, "");
    // Channels of registers belong to no pair.
    let single = r#"{"subspace": 1, "type": 4, "size": 128,
        "completion": "posted"}"#;
    bench.channels(EPOCH, single);
    let before = bench.list("inbox").len();
    let (status, out, said) = send(&[]);
    assert_eq!((status, out.as_str()), (2, ""), "{said}");
    assert!(said.contains("does not speak MCTP"), "{said}");
    assert_eq!(bench.list("inbox").len(), before);
    assert_eq!(send(&["--subspace", "1"]).0, 0);
    assert_eq!(send(&["--raw"]).0, 0);
    bench.channels(EPOCH, &format!("{single}, {}", pair(2, 8192)));
    let (status, out, said) = send(&[]);
    assert_eq!((status, said.as_str()), (0, ""));
    assert!(out.contains("-003.pcc: "), "the pair's: {out}");
}

/// Each is told what reads it, and is not taken for a message.
#[test]
fn decode_knows_what_is_no_message() {
    let bench = Bench::new();
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    assert_eq!(daemon.terminate(), 0);
    let lines: Vec<String> =
        bench.records().iter().map(|record| record.to_text()).collect();
    let file = |name: &str, bytes: &[u8]| {
        let path = bench.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let word = |words: &[u32]| -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    };
    let handlers = r#"{"handlers": [{"name": "a", "match": {"hex": "7f"}}]}"#;
    let folder = bench.dir.path().display().to_string();
    let pcapng = word(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, !0, !0, 28]);
    let pcap = word(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, 1]);
    for (input, wanted) in [
        (file("pccd.log", lines.join("\n").as_bytes()), "--format json"),
        (file("a.pcapng", &pcapng), "pccd replay"),
        (file("a.pcap", &pcap), "docs/capture.md"),
        (file("a.json", handlers.as_bytes()), "pccd check"),
        (file("b.json", b"\n{\"handlers\": ["), "pccd check"),
        (folder, "is a folder"),
        ("/dev/null".to_owned(), "no regular file"),
        ("/nonexistent".to_owned(), "there is no such file"),
    ] {
        let (status, out, said) = run(pccd().args(["decode", &input]));
        assert_eq!((status, out.as_str()), (2, ""), "{input}: {said}");
        assert!(said.contains(wanted), "{input}: {said}");
    }
    // Messages may look like it.
    for bytes in [&b"\x0a\x0d\x0d\x0a"[..], b"~ok", b"\x7f\0\0\x01\x9c\x01"] {
        let (status, _, said) =
            run(pccd().args(["decode", &file("message", bytes)]));
        assert_eq!(status, 0, "{said}");
    }
    let message = ["decode", "--as", "message"];
    let path = file("a.pcapng", &pcapng);
    assert_eq!(run(pccd().args(message).arg(path)).0, 0);
}

/// A pipe is read until somebody writes, a device for ever.
#[test]
fn what_is_no_file_is_no_handler_file() {
    let bench = Bench::new();
    let path = bench.dir.path().join("pipe.json");
    let (kind, mode) = (rustix::fs::FileType::Fifo, 0o600.into());
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
    let device = bench.dir.path().join("zero.json");
    std::os::unix::fs::symlink("/dev/zero", device).unwrap();
    let mut check = pccd();
    check.args(["check", "--messages"]).arg(bench.dir.path());
    let (status, said) = finish(&mut check);
    assert_eq!(status, 1, "{said}");
    assert_eq!(said.matches("it is no regular file").count(), 2, "{said}");
}
