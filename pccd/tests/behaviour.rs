//! Delays, faults, state, messages by the clock and expectations, through
//! the real binary.

mod common;

use std::fs;

use common::{Bench, EPOCH, content, pair, single, stem, write};
use pccd::Event;

/// A bench with one handler file.
fn bench(text: &str) -> Bench {
    let bench = Bench::new();
    write(&bench.dir.path().join("messages/t.json"), text);
    bench
}

/// Two pairs: 0 and 1, 2 and 3.
fn two_pairs(bench: &Bench, epoch: &str) {
    bench.channels(epoch, &[0, 2].map(|id| pair(id, 8192)).join(","));
}

/// A request on subspace 2.
fn other(bench: &Bench, seq: u32, message: &[u8]) -> String {
    bench.request_on(2, seq, &single(0, message))
}

/// Stems of what was replied to, in the order of the log.
fn replied(bench: &Bench) -> Vec<String> {
    let records = bench.records();
    let replies = records.iter().filter(|r| r.event == Event::Replied);
    replies
        .map(|record| {
            let name = record.name.clone().unwrap();
            name.split_once(".r").unwrap().0.to_owned()
        })
        .collect()
}

const SLOW: &str = r#"{"handlers": [
  {"name": "slow", "match": {"hex": "05 01"}, "reply": {"hex": "05 01"},
   "delay": 300},
  {"name": "aside", "match": {"hex": "05 02"}, "reply": {"hex": "05 02"},
   "delay": 300, "in_order": false},
  {"name": "hang", "match": {"hex": "05 03"}, "reply": {"hex": "05 03"},
   "delay": "never"},
  {"name": "quick", "match": {"hex": "05 00"}, "reply": {"hex": "05 00"}}
]}"#;

#[test]
fn a_delayed_answer_holds_up_its_own_channel_only() {
    let bench = bench(SLOW);
    bench.make_folders();
    two_pairs(&bench, EPOCH);
    let daemon = bench.start();
    let first = bench.request(1, &single(0, &[5, 1]));
    let second = bench.request(2, &single(1, &[5, 0]));
    let third = other(&bench, 3, &[5, 0]);
    bench.wait_answered();
    assert_eq!(replied(&bench), [third, first, second]);
    let records = bench.records();
    let time = |event, seq| {
        let stem = stem(seq);
        let mut found = records.iter().filter(|record| {
            record.event == event
                && record.name.as_ref().is_some_and(|n| n.starts_with(&stem))
        });
        found.next().unwrap().time
    };
    let waited = time(Event::Replied, 1) - time(Event::Received, 1);
    assert!((300..600).contains(&waited.num_milliseconds()), "{waited}");
    assert!(time(Event::Received, 2) >= time(Event::Replied, 1));
    assert_eq!(daemon.terminate(), 0);
}

/// A look in which an answer comes due finds what waits for it, though nothing
/// new wakes the daemon: here, while it is busy with another channel.
#[test]
fn what_waits_for_an_answer_is_not_forgotten() {
    let bench = bench(
        r#"{"handlers": [
          {"name": "soon", "match": {"hex": "05 01"}, "reply": {"hex": "05 01"},
           "delay": 2},
          {"name": "long", "match": {"hex": "05 02"},
           "reply": {"hex": "05 {{ ('0' * 10000) | length | hex(2) }}"}}]}"#,
    );
    bench.make_folders();
    two_pairs(&bench, EPOCH);
    for seq in 1..=2 {
        bench.request(seq, &single(0, &[5, 1]));
    }
    for seq in 3..=200 {
        other(&bench, seq, &[5, 2]);
    }
    let _daemon = bench.start();
    bench.wait_answered();
    assert_eq!(replied(&bench).len(), 200);
}

#[test]
fn an_answer_may_be_overtaken() {
    let bench = bench(SLOW);
    let daemon = bench.start();
    let first = bench.request(1, &single(0, &[5, 2]));
    let second = bench.request(2, &single(1, &[5, 0]));
    bench.wait_answered();
    assert_eq!(replied(&bench), [second, first]);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_platform_that_hangs_does_so_until_the_guest_starts_anew() {
    let bench = bench(SLOW);
    bench.make_folders();
    two_pairs(&bench, EPOCH);
    let daemon = bench.start();
    bench.request(1, &single(0, &[5, 3]));
    bench.request(2, &single(1, &[5, 0]));
    let third = other(&bench, 3, &[5, 0]);
    bench.wait("the other channel's reply", || !replied(&bench).is_empty());
    // It is removed when its reply is out.
    bench.wait("the other request to go", || bench.list("outbox").len() == 2);
    assert_eq!(daemon.terminate(), 0);
    // It hangs all the same when the daemon starts again.
    let daemon = bench.start();
    let fourth = other(&bench, 4, &[5, 0]);
    bench.wait("a reply", || replied(&bench).len() == 2);
    assert_eq!(replied(&bench), [third, fourth]);
    bench.wait("its request to go", || bench.list("outbox").len() == 2);
    let later = EPOCH.replace("2026", "2027");
    two_pairs(&bench, &later);
    bench.put(
        &format!("{later}-00000001-000.pcc"),
        &content(&single(0, &[5, 0])),
    );
    bench.wait_answered();
    assert_eq!(bench.list("stale").len(), 2);
    assert_eq!(replied(&bench).len(), 3);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn state_and_sequences_survive_a_restart() {
    let bench = bench(
        r#"{"variables": {"reads": 0}, "scenarios": {"link": ["down", "up"]},
        "handlers": [
      {"name": "steps", "match": {"hex": "05 01"}, "sequence": [
        {"times": 2, "reply": {"hex": "05 {{ count | hex }}"}},
        {"reply": {"hex": "05 ff"}, "set": {"link": "up"}}]},
      {"name": "state", "match": {"hex": "05 02"}, "when": {"link": "up"},
       "reply": {"hex": "05 {{ state.reads | hex }}"},
       "set": {"reads": "{{ state.reads + 1 }}"}}
    ]}"#,
    );
    let mut seq = 0;
    let mut say = |bench: &Bench, body: u8| {
        seq += 1;
        let daemon = bench.start();
        let packet = bench.exchange(seq, &single(0, &[5, body]));
        daemon.kill();
        packet[5]
    };
    let answers = [1, 1, 1, 2, 2, 2].map(|body| say(&bench, body));
    assert_eq!(answers, [1, 2, 0xff, 0, 1, 2]);
}

#[test]
fn what_is_made_wrong_arrives_wrong() {
    let bench = bench(
        r#"{"handlers": [
      {"name": "tag", "match": {"hex": "05 01"}, "reply": {"hex": "05 01"},
       "faults": [{"overwrite": {"fields": {"mctp.tag": 6, "mctp.source": 66,
          "mctp.destination": 33, "pcc.length": 99,
          "pcc.signature": "0x50434307"}}}]},
      {"name": "instance", "match": {"fields": {"mctp.type": "control"}},
       "reply": "pass",
       "faults": [{"overwrite": {"fields": {"control.instance_id": 31}}},
                  {"append": "ee"}]},
      {"name": "packets", "match": {"hex": "05 02"},
       "reply": {"hex": "05 {{ 'aa' * 63 }} {{ 'bb' * 64 }} cc"},
       "faults": [{"reorder": [3, 1]}, {"duplicate": 1}, {"drop": 2},
          {"overwrite": {"fields": {"mctp.sequence": 3}, "packet": 1}}]},
      {"name": "lost", "match": {"hex": "05 03"}, "reply": {"hex": "05"},
       "faults": [{"drop": 1}]},
      {"name": "envelope", "match": {"hex": "05 04"}, "reply": {"hex": "05"},
       "envelope": {"flags": ["double-interrupt", "leave-completion"],
                    "delay_ms": 20}},
      {"name": "meaningless", "match": {"hex": "05 05"},
       "reply": {"hex": "05"}, "envelope": {"flags": ["error"]}}
    ]}"#,
    );
    let daemon = bench.start();
    let file = |seq, k| {
        let name = format!("{}.r{k}.pcc", stem(seq));
        fs::read(bench.path("inbox").join(name)).unwrap()
    };
    bench.request(1, &single(0, &[5, 1]));
    bench.request(2, &single(0, &[0, 0x82, 2]));
    bench.request(3, &single(0, &[5, 2]));
    bench.request(4, &single(0, &[5, 3]));
    bench.request(5, &single(0, &[5, 4]));
    bench.request(6, &single(0, &[5, 5]));
    bench.wait_answered();
    assert_eq!(
        file(1, 1),
        [
            0x07, 0x43, 0x43, 0x50, // signature of another channel
            0, 0, 0, 0, 99, 0, 0, 0, // a length that lies
            b'M', b'C', b'T', b'P', //
            1, 33, 66, 0xc6, 5, 1
        ]
    );
    assert_eq!(file(2, 1)[20..], [0, 0x1f, 2, 0, 9, 0, 0, 0xee]);
    // The third packet, then the first twice; the second is missing.
    let order: Vec<(u8, u8)> = (1..=3)
        .map(|k| file(3, k))
        .map(|file| (file[19], *file.last().unwrap()))
        .collect();
    assert_eq!(order, [(0x60, 0xcc), (0xb0, 0xaa), (0xb0, 0xaa)]);
    assert_eq!(
        bench.list("inbox").len(),
        1 + 1 + 3 + 1,
        "{:?}",
        bench.list("inbox")
    );
    let envelope = file(5, 1);
    assert_eq!(&envelope[..18], b"PCCE\x01\0\x20\0\x28\0\0\0\x14\0\0\0\x01\0");
    assert_eq!(&envelope[32..36], b"\x01CCP");
    let why = |seq| {
        let stem = stem(seq);
        let records = bench.records();
        let mut ignored = records.iter().filter(|record| {
            record.event == Event::Ignored
                && record.name.as_ref().is_some_and(|n| n.starts_with(&stem))
        });
        ignored.next().unwrap().reason.clone().unwrap()
    };
    assert!(why(4).contains("every packet of the reply is dropped"));
    assert!(why(6).contains("`error` means nothing for subspace 1"));
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn messages_nobody_asked_for() {
    let bench = bench(
        r#"{"variables": {"beats": 0}, "unasked": [
      {"name": "hello", "message": {"hex": "05 00"}, "tag": 1},
      {"name": "beat", "after": 20, "every": 30, "times": 3,
       "message": {"hex": "05 {{ count | hex }}"}, "destination": 20,
       "set": {"beats": "{{ state.beats + 1 }}"}}],
     "handlers": [
      {"name": "later", "match": {"hex": "06"},
       "reply": {"hex": "06 {{ state.beats | hex }}"},
       "then": [{"unasked": {"message": {"hex": "06 01"}, "after": 50}},
                {"unasked": {"message": {"hex": "06 02"}, "after": 50}},
                {"unasked": {"message": {"hex": "06 03"}}}]}
    ]}"#,
    );
    bench.make_folders();
    let daemon = bench.start();
    // Nothing is sent before there is a guest.
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert_eq!(bench.list("inbox"), [""; 0]);
    bench.channels(EPOCH, &pair(0, 8192));
    bench.wait("all messages", || bench.list("inbox").len() == 4);
    let packets = || -> Vec<Vec<u8>> {
        bench.list("inbox").iter().map(|name| bench.packet(name)).collect()
    };
    assert_eq!(packets()[0], [1, 8, 9, 0xc9, 5, 0]);
    let beats: Vec<Vec<u8>> =
        (1..=3).map(|n| vec![1, 20, 9, 0xc8, 5, n]).collect();
    assert_eq!(packets()[1..], beats);
    let reply = bench.exchange(1, &single(2, &[6]));
    assert_eq!(reply, [1, 8, 9, 0xc2, 6, 3]);
    bench.wait("the later ones", || bench.list("inbox").len() == 8);
    let last: Vec<u8> =
        packets().iter().filter(|p| p[4] == 6).map(|p| p[5]).collect();
    assert_eq!(last, [3, 3, 1, 2], "reply, at once, later");
    assert_eq!(daemon.terminate(), 0);
    // None of it comes again.
    let daemon = bench.start();
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert_eq!(bench.list("inbox").len(), 8);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn expectations_end_in_a_verdict() {
    let text = r#"{"expect_order": ["a", "b"], "handlers": [
      {"name": "a", "match": {"hex": "05 01"}, "reply": "none",
       "expect": {"at_least": 1, "at_most": 2}},
      {"name": "b", "match": {"hex": "05 02"}, "reply": "none"}
    ]}"#;
    let run = |bodies: &[u8]| {
        let bench = bench(text);
        let daemon = bench.start();
        for (seq, body) in (1..).zip(bodies) {
            bench.request(seq, &single(0, &[5, *body]));
        }
        bench.wait_answered();
        let status = daemon.terminate();
        let failed: Vec<String> = bench
            .records()
            .into_iter()
            .filter(|record| record.event == Event::Failed)
            .map(|record| record.reason.unwrap())
            .collect();
        (status, failed)
    };
    assert_eq!(run(&[1, 2]), (0, Vec::new()));
    assert_eq!(run(&[]).1.len(), 3);
    let (status, failed) = run(&[2, 1]);
    assert_eq!(status, 1);
    assert_eq!(failed, ["`b` answered before `a`, expected after it"]);
    let (status, failed) = run(&[1, 1, 1, 2]);
    assert_eq!(status, 1);
    assert_eq!(failed.len(), 2, "at once, and at the end: {failed:?}");
    assert!(failed[0].contains("expected at most 2"));
}

#[test]
fn an_unmatched_message_is_reported_with_the_nearest_handler() {
    let bench = bench(
        r#"{"handlers": [{"name": "version", "reply": "none", "match":
          {"hex": "05 10 84 00 00"}}]}"#,
    );
    let daemon = bench.start();
    bench.request(1, &single(0, &[5, 0x10, 0x81, 0, 0]));
    bench.wait_answered();
    let records = bench.records();
    let ignored = records.iter().find(|r| r.event == Event::Ignored).unwrap();
    assert_eq!(
        ignored.reason.as_deref(),
        Some(
            "no handler for this message of type 0x05 (SPDM); the nearest \
             is `version` (./messages/t.json): byte 2 is 81, wanted 84"
        )
    );
    assert_eq!(daemon.terminate(), 0);
}

/// A guest that sends back whatever comes, and a handler that answers that
/// with the same message again.
#[test]
fn a_message_that_causes_itself_is_stopped() {
    let bench = Bench::new();
    write(
        &bench.dir.path().join("messages/t.json"),
        r#"{"handlers": [{"name": "again", "match": {"hex": "60 **"},
          "reply": "none", "then": [{"unasked": {"message":
            {"hex": "{{ request.hex }}"}}}]}]}"#,
    );
    let daemon = bench.start();
    let mut turns = 0;
    for seq in 1..=40 {
        bench.request(seq, &single(0, &[0x60, 1]));
        bench.wait_answered();
        let names = bench.list("inbox");
        assert!(names.len() <= 1);
        let Some(name) = names.first() else { break };
        assert_eq!(bench.packet(name)[4..], [0x60, 1]);
        std::fs::remove_file(bench.path("inbox").join(name)).unwrap();
        turns += 1;
    }
    assert!((16..40).contains(&turns), "{turns}");
    let records = bench.records();
    let mut notes = records.iter().filter_map(|r| r.reason.as_deref());
    assert!(notes.any(|note| note.contains("makes it send again")));
    assert_eq!(daemon.terminate(), 0);
}

/// A time in the ledger is of a clock that may have been set back since: after
/// a start, nothing waits longer than it was to wait.
#[test]
fn a_clock_that_was_a_day_ahead_holds_nothing_up() {
    let bench = bench(
        r#"{"handlers": [{"name": "slow", "match": {"hex": "05"},
          "reply": {"hex": "05"}, "delay": 3000}],
         "unasked": [{"name": "beat", "every": 3000, "times": 2,
          "message": {"hex": "06"}}]}"#,
    );
    let daemon = bench.start();
    let path = bench.path("state/ledger.json");
    let ledger = || -> Option<serde_json::Value> {
        serde_json::from_slice(&fs::read(&path).ok()?).ok()
    };
    bench.request(1, &single(0, &[5]));
    bench.wait("both to wait", || {
        ledger().is_some_and(|ledger| {
            ledger["answers"][0]["due"]["at"].is_string()
                && ledger["timers"]["beat"].is_string()
        })
    });
    daemon.kill();
    let mut ledger = ledger().unwrap();
    let beats = bench.count(Event::Unasked);
    for place in ["/answers/0/due/at", "/timers/beat"] {
        let time = ledger.pointer_mut(place).unwrap();
        let at: pccd::record::Time =
            serde_json::from_value(time.clone()).unwrap();
        let ahead = pccd::record::later_by(at, 86_400_000).unwrap();
        *time = serde_json::to_value(ahead).unwrap();
    }
    fs::write(&path, ledger.to_string()).unwrap();
    let daemon = bench.start();
    bench.wait_answered();
    bench.wait("the second beat", || bench.count(Event::Unasked) > beats);
    assert_eq!(daemon.terminate(), 0);
}

/// The log tells what was asked of the platform, also when the end comes first.
#[test]
fn an_answer_that_is_still_to_come_is_told_at_the_end() {
    let bench = bench(
        r#"{"handlers": [{"name": "slow", "match": {"hex": "05"},
          "reply": {"hex": "05"}, "delay": 60000}]}"#,
    );
    let daemon = bench.start();
    let name = bench.request(1, &single(0, &[5])) + ".pcc";
    bench.wait("it to be read", || bench.count(Event::Received) == 1);
    assert_eq!(daemon.terminate(), 0);
    let records = bench.records();
    let told = records.iter().find(|one| one.handler.is_some()).unwrap();
    assert_eq!((told.event, &told.name), (Event::Note, &Some(name)));
    assert_eq!(told.handler.as_deref(), Some("slow"));
    let text = told.reason.as_deref().unwrap();
    assert!(text.ends_with(" ms before its answer"), "{text}");
}

/// That it is stopped is said beside what else there is to say.
#[test]
fn a_message_that_is_stopped_keeps_its_other_notes() {
    let bench = Bench::new();
    write(
        &bench.dir.path().join("messages/t.json"),
        r#"{"handlers": [{"name": "again", "match": {"hex": "01 80 00 02 **"},
          "any_length": true, "reply": "pass", "then": [{"unasked":
            {"message": {"hex": "{{ request.hex }}"}}}]}]}"#,
    );
    let daemon = bench.start();
    let notes = |part: &str| {
        let records = bench.records();
        let reasons = records.iter().filter_map(|r| r.reason.as_deref());
        reasons.filter(|reason| reason.contains(part)).count()
    };
    let mut seq = 0;
    while notes("makes it send again") == 0 {
        seq += 1;
        assert!(seq < 40);
        bench.request(seq, &single(0, &[1, 0x80, 0, 2, 0xff]));
        bench.wait_answered();
        bench.wait("the reply's record", || {
            bench.count(Event::Replied) == seq as usize
        });
    }
    assert_eq!(notes("answered with ERROR_INVALID_LENGTH"), seq as usize);
    assert_eq!(daemon.terminate(), 0);
}

/// Its name and its envelope say the same, or the device takes it for
/// malformed (docs/mailbox.md section 5).
#[test]
fn an_unasked_message_is_named_for_the_subspace_of_its_envelope() {
    let bench = bench(
        r#"{"handlers": [{"name": "n", "match": {"hex": "05"},
          "reply": {"hex": "05"}, "then": [{"unasked": {
            "message": {"hex": "06"}, "envelope": {"subspace": 3}}}]}]}"#,
    );
    bench.make_folders();
    two_pairs(&bench, EPOCH);
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[5]));
    let names = bench.list("inbox");
    let unasked = names.iter().find(|name| name.ends_with("-1-003.pcc"));
    let unasked = unasked.unwrap_or_else(|| panic!("{names:?}"));
    let content = fs::read(bench.path("inbox").join(unasked)).unwrap();
    assert_eq!((&content[..4], content[16]), (&b"PCCE"[..], 3));
    assert_eq!(daemon.terminate(), 0);
}
