//! Handler files that change while pccd runs.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::{Bench, single, write};
use pccd::Event;

fn text(byte: u8) -> String {
    format!(
        r#"{{"variables": {{"reads": 0}}, "handlers": [
  {{"name": "a", "match": {{"hex": "05"}},
    "reply": {{"hex": "05 {byte:02x} {{{{ state.reads | hex }}}}"}},
    "set": {{"reads": "{{{{ state.reads + 1 }}}}"}}}}]}}"#
    )
}

/// Reasons of the log's records of a kind.
fn said(bench: &Bench, event: Event) -> Vec<String> {
    let records = bench.records().into_iter();
    records.filter(|r| r.event == event).flat_map(|r| r.reason).collect()
}

fn read_again(bench: &Bench) -> usize {
    let notes = said(bench, Event::Note);
    notes.iter().filter(|note| note.starts_with("handlers read")).count()
}

#[test]
fn a_saved_file_takes_effect_and_a_broken_one_does_not() {
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    write(&path, &text(1));
    let daemon = bench.start();
    let mut seq = 0;
    let mut say = |bench: &Bench| {
        seq += 1;
        bench.exchange(seq, &single(0, &[5]))[5..].to_vec()
    };
    assert_eq!(say(&bench), [1, 0]);
    // Saved in place, as some editors do.
    fs::write(&path, text(2)).unwrap();
    bench.wait("new handlers", || read_again(&bench) >= 1);
    assert_eq!(say(&bench), [2, 1], "variables stay");
    // A broken file, with its place in the log.
    fs::write(&path, text(3).replace("match", "mtach")).unwrap();
    bench.wait("an error", || !said(&bench, Event::Error).is_empty());
    let error = &said(&bench, Event::Error)[0];
    for part in ["./messages/a.json:2:", "did you mean `match`?", "go on"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let first = error.lines().next().unwrap();
    for part in ["./messages/a.json:2:", "unknown field `mtach`", "go on"] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert_eq!(say(&bench), [2, 2]);
    // Saved beside and renamed, as others do.
    let tmp = path.with_extension("json~");
    fs::write(&tmp, text(4)).unwrap();
    fs::rename(&tmp, &path).unwrap();
    bench.wait("new handlers", || say(&bench)[0] == 4);
    // A new file in a new folder, taken away again.
    let more = bench.dir.path().join("messages/more/b.json");
    let other = text(5).replace("reads", "others").replace("\"a\"", "\"b\"");
    write(&more, &other.replace("\"name\"", "\"priority\": 1, \"name\""));
    bench.wait("the new file", || say(&bench) == [5, 0]);
    fs::remove_file(&more).unwrap();
    bench.wait("its end", || say(&bench)[0] == 4);
    assert_eq!(daemon.terminate(), 0);
}

/// Best of twenty: a machine may be busy, but not every time.
#[test]
fn a_saved_file_takes_effect_within_100_ms() {
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    write(&path, &text(0));
    let daemon = bench.start();
    let mut best = Duration::MAX;
    let mut seq = 0;
    for round in 1..=20 {
        let start = Instant::now();
        fs::write(&path, text(round)).unwrap();
        bench.wait("new handlers", || {
            seq += 1;
            bench.exchange(seq, &single(0, &[5]))[5] == round
        });
        best = best.min(start.elapsed());
    }
    println!("saved to in force: {best:?}");
    assert!(best < Duration::from_millis(100), "{best:?}");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_signal_reads_them_again() {
    let bench = Bench::new();
    write(&bench.dir.path().join("messages/a.json"), &text(0));
    let daemon = bench.start();
    let pid = rustix::process::Pid::from_child(&daemon.0);
    let signal = rustix::process::Signal::HUP;
    rustix::process::kill_process(pid, signal).unwrap();
    bench.wait("new handlers", || read_again(&bench) == 1);
    assert_eq!(daemon.terminate(), 0);
}

/// A time that a saved file changes counts from then on.
#[test]
fn a_message_by_the_clock_gets_its_new_time() {
    let text = |ms: u32| {
        format!(
            r#"{{"unasked": [
  {{"name": "first", "after": {ms}, "message": {{"hex": "05"}}}},
  {{"name": "again", "every": {ms}, "times": 2, "message": {{"hex": "06"}}}}]}}"#
        )
    };
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    write(&path, &text(3_600_000));
    let daemon = bench.start();
    bench.exchange(1, &single(0, &[0, 0x80, 2]));
    bench.wait("the first of them", || bench.count(Event::Unasked) == 1);
    fs::write(&path, text(10)).unwrap();
    bench.wait("the others", || bench.count(Event::Unasked) == 3);
    assert_eq!(daemon.terminate(), 0);
}

/// The handlers that are in force answer while others are read; the machine
/// may be slow, so what is allowed is a part of what the reading takes.
#[test]
fn answers_do_not_wait_while_files_are_read() {
    let bench = Bench::new();
    let path = bench.dir.path().join("messages/a.json");
    let many = |byte: u8| {
        let handler = |number| {
            format!(
                r#"{{"name": "{number}", "match": {{"hex": "05{number:06x}"}},
                "reply": {{"hex": "05 {{{{ request.tag | hex }}}}"}}}}"#
            )
        };
        let mut handlers: Vec<String> = (1..=2000).map(handler).collect();
        handlers.push(format!(
            r#"{{"name": "a", "match": {{"hex": "05"}},
            "reply": {{"hex": "05 {byte:02x}"}}}}"#
        ));
        format!(r#"{{"handlers": [{}]}}"#, handlers.join(",\n"))
    };
    write(&path, &many(1));
    let daemon = bench.start();
    let saved = Instant::now();
    fs::write(&path, many(2)).unwrap();
    let mut slowest = Duration::ZERO;
    for seq in 1.. {
        let start = Instant::now();
        let answer = bench.exchange(seq, &single(0, &[5]))[5];
        slowest = slowest.max(start.elapsed());
        if answer == 2 {
            break;
        }
    }
    let reading = saved.elapsed();
    println!("read in {reading:?}, slowest answer {slowest:?}");
    assert!(slowest * 3 < reading, "{slowest:?} of {reading:?}");
    assert_eq!(daemon.terminate(), 0);
}
