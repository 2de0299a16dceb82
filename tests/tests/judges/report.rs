//! Reports in a real browser: what a person sees of them, and that nothing of
//! a guest is run.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use pccd::record::{Event, Record};
use pccd_tests::built;
use pcclab::report;
use pcclab::verdict::{Verdict, exit};
use serde_json::Value;

use super::here;

/// What a guest says to get a script run.
const HOSTILE: &str = "</script><script>window.owned=1</script>\
                       \"><img src=x onerror=window.owned=1>";
/// When the first command begins, in seconds since 1970.
const BEGIN: i64 = 1_795_236_102;

/// What a person sees of a page; a filter is tried if there is one.
pub fn browse(page: &Path, filter: Option<&str>) -> Value {
    let pictures = tempfile::tempdir().unwrap();
    let mut command = Command::new(built("SELENIUM"));
    command.arg(here("ask_browser.py")).arg(built("CHROMIUM")).arg(page);
    // To look at, when somebody asks for them.
    match std::env::var_os("PCCD_PICTURES") {
        Some(folder) => command.arg(folder),
        None => command.arg(pictures.path()),
    };
    let out = command.args(filter).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {said}");
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Writes the logs of a run with so many requests and as many answers, all
/// different.
fn logs(folder: &Path, exchanges: i64) {
    let (mut pccd, mut qemu) = (String::new(), String::new());
    qemu += &format!(
        "7@{BEGIN}.000000:pcc_mailbox_epoch m: 20261121T044142.000000000Z\n"
    );
    for number in 0..exchanges {
        let at = |after: i64| BEGIN * 1_000_000 + number * 1000 + after;
        let stem = format!("20261121T044142.000000000Z-{:08}-000", number + 1);
        let mut trace = |after: i64, text: &str| {
            let (seconds, micros) =
                (at(after) / 1_000_000, at(after) % 1_000_000);
            // Writing to a String cannot fail.
            let _ = writeln!(qemu, "7@{seconds}.{micros:06}:{text}");
        };
        let rings = "subspace 0: 25 bytes, interrupt wanted: 1";
        trace(1, &format!("pcc_outbox_command {rings}"));
        trace(40, &format!("pcc_mailbox_publish m: {stem}.pcc, 25 bytes"));
        trace(50, "pcc_outbox_complete subspace 0");
        trace(55, "pcc_channel_interrupt subspace 0: GSI 112");
        trace(300, &format!("pcc_mailbox_deliver m: {stem}.r1.pcc, 29 bytes"));
        trace(310, "pcc_channel_load subspace 1: 29 bytes, flags 0x0");
        trace(315, "pcc_channel_interrupt subspace 1: GSI 113");
        let nothing = "subspace 1: nothing to acknowledge: 0";
        trace(420, &format!("pcc_responder_acknowledge {nothing}"));
        let request = format!("{stem}.pcc");
        for is_reply in [false, true] {
            let tag = (number % 8) as u8;
            let head = match is_reply {
                false => [1, 9, 8, 0xc8 | tag, 0x7e, 0x1a, 0xf4],
                true => [1, 8, 9, 0xc0 | tag, 0x7e, 0x1a, 0xf4],
            };
            let body = [&head[..], &number.to_be_bytes()].concat();
            let mut content = vec![u8::from(is_reply)];
            content.extend(b"CCP\x01\0\0\0");
            content.extend((body.len() as u32 + 4).to_le_bytes());
            content.extend(b"MCTP");
            content.extend(&body);
            let (event, after) = match is_reply {
                false => (Event::Received, 100),
                true => (Event::Replied, 250),
            };
            let since = Duration::from_micros(at(after) as u64);
            let time = (UNIX_EPOCH + since).into();
            let mut record = Record::new(time, event)
                .named(match is_reply {
                    false => request.clone(),
                    true => format!("{stem}.r1.pcc"),
                })
                .with_content(&content);
            record.mailbox = Some("m".to_owned());
            if is_reply {
                record.request = Some(request.clone());
                record.handler = Some("echo".to_owned());
                record.latency_us = Some(150);
            }
            pccd += &(record.to_json() + "\n");
        }
    }
    fs::create_dir(folder.join("mailbox")).unwrap();
    for (name, text) in [
        ("console.log", &*format!("1..1\n{HOSTILE}\nnot ok 1 {HOSTILE}\n")),
        (
            "console.times",
            &format!("{BEGIN}.000000\n{BEGIN}.000500\n{BEGIN}.001500\n"),
        ),
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
        fs::write(folder.join(name), text).unwrap();
    }
}

fn hostile_record() -> String {
    let said = serde_json::to_string(HOSTILE).unwrap();
    format!(
        "{{\"time\":\"2026-11-21T04:41:42.0009Z\",\"event\":\"unasked\",\
         \"name\":{said},\"content\":\"00\",\"handler\":{said},\
         \"reason\":{said},\"decoded\":{{\"summary\":{said},\"fields\":[\
         {{\"layer\":{said},\"name\":{said},\"value\":{said},\
         \"meaning\":{said}}}]}}}}\n"
    )
}

fn verdict() -> Verdict {
    let mut verdict = Verdict::new(exit::FAIL, HOSTILE.to_owned());
    verdict.first = Some(HOSTILE.to_owned());
    verdict.reasons = vec![HOSTILE.to_owned()];
    verdict
}

#[test]
fn a_person_finds_a_message_and_nothing_foreign_is_run() {
    let folder = tempfile::tempdir().unwrap();
    logs(folder.path(), 5_000);
    let path = folder.path().join("pccd.log");
    let pccd = fs::read_to_string(&path).unwrap() + &hostile_record();
    fs::write(&path, pccd).unwrap();
    report::leave(folder.path(), HOSTILE, &verdict());
    let page = folder.path().join(report::FILE);
    let seen = browse(&page, Some("f4 00 00 00 00 00 00 13 87"));
    let is = |name: &str, wanted: &str| {
        let found = seen[name].as_str().unwrap();
        assert!(found.contains(wanted), "{name}: {wanted} in {found}");
    };
    assert_eq!(seen["log"], serde_json::json!([]));
    assert_eq!(seen["owned"], false);
    is("header", "<script>window.owned=1</script>");
    is("count", "50,005 of 50,005");
    assert!(seen["rows"].as_u64().unwrap() < 100, "{}", seen["rows"]);
    for part in [
        "its way",
        "doorbell",
        "acknowledge",
        "mctp.destination",
        "Vendor defined",
        "0000  01 43 43 50 01 00 00 00",
    ] {
        is("detail", part);
    }
    // The last of five thousand, its request and its answer.
    is("filtered", "2 of 50,005");
    is("of_channel", "of 50,005");
    is("without_kind", "of 50,005");
    is("opened", "tests: 1, 1 failed");
    is("opened", "replied: echo");
    is("opened", "p99");
    let ms = |name: &str| seen[name].as_u64().unwrap();
    println!(
        "a report of 10,000 messages: opened in {} ms ({} ms of script), \
         filtered in {} ms",
        ms("open_ms"),
        ms("script_ms"),
        ms("filter_ms")
    );
    // 0.2 s on a quiet machine; not every machine is.
    assert!(ms("script_ms") < 3000, "{seen}");
}

#[test]
fn a_page_allows_no_foreign_script() {
    let folder = tempfile::tempdir().unwrap();
    logs(folder.path(), 2);
    report::leave(folder.path(), "x", &verdict());
    let page = folder.path().join(report::FILE);
    let text = fs::read_to_string(&page).unwrap();
    let foreign = "<script>window.owned=1</script>\
                   <img src=data:, onerror=window.owned=1>\
                   <p onclick=window.owned=1></p></body>";
    fs::write(&page, text.replace("</body>", foreign)).unwrap();
    let seen = browse(&page, None);
    assert_eq!(seen["owned"], false);
    let log = seen["log"].as_array().unwrap();
    let refused = |what: &str| {
        let is = |one: &Value| one.as_str().unwrap().contains(what);
        assert!(log.iter().any(is), "{what} in {log:?}");
    };
    refused("script-src");
    refused("default-src");
}

/// What a hundred thousand messages cost: `--ignored --show-output`.
#[test]
#[ignore = "a measurement"]
fn a_hundred_thousand_messages() {
    let folder = tempfile::tempdir().unwrap();
    logs(folder.path(), 50_000);
    let start = Instant::now();
    let page = report::write(folder.path(), None).unwrap();
    let took = start.elapsed();
    let size = fs::metadata(&page).unwrap().len() >> 20;
    println!("written in {took:?}, {size} MiB");
    let seen = browse(&page, Some("f4 00 00 00 00 00 00 c3 4f"));
    for name in ["open_ms", "script_ms", "filter_ms", "end_ms"] {
        println!("{name}: {}", seen[name]);
    }
    assert!(seen["filtered"].as_str().unwrap().starts_with("2 of 500,004"));
    assert!(seen["script_ms"].as_u64().unwrap() < 5000, "{seen}");
}
