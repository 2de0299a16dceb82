//! Whatever comes, in whatever order: nothing that could be answered is left
//! while the daemon sleeps, and all is answered once, kills or not.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use common::{Bench, EPOCH, pair, single, write};

/// The second byte of a message says how it is answered. Nothing here wakes the
/// daemon again and again.
const HANDLERS: &str = r#"{"variables": {"count": 0}, "handlers": [
  {"name": "now", "match": {"hex": "05 00"}, "reply": {"hex": "05"}},
  {"name": "soon", "match": {"hex": "05 01"}, "reply": {"hex": "05"}, "delay": 3},
  {"name": "late", "match": {"hex": "05 02"}, "reply": {"hex": "05"}, "delay": 25},
  {"name": "aside", "match": {"hex": "05 03"}, "reply": {"hex": "05"},
   "delay": 17, "in_order": false},
  {"name": "program", "match": {"hex": "05 04"},
   "reply": {"exec": {"command": ["./answer.sh"], "timeout_ms": 10000}}},
  {"name": "count", "match": {"hex": "05 05"},
   "set": {"count": "{{ state.count + 1 }}"},
   "reply": {"hex": "05 {{ state.count | hex(4) }}"}},
  {"name": "busy", "match": {"hex": "05 06"},
   "reply": {"hex": "05 {{ ('0' * 10000) | length | hex(2) }}"}},
  {"name": "then", "match": {"hex": "05 07"}, "reply": {"hex": "05"}, "delay": 5,
   "then": [{"unasked": {"message": {"hex": "06 01"}, "after": 9}}]}
 ]}"#;
const WAYS: u8 = 8;

const ANSWER: &str = r#"while ask; do echo "$start{\"hex\": \"05\"}}"; done"#;

/// Four pairs.
fn bench() -> Bench {
    let bench = Bench::new();
    write(&bench.dir.path().join("messages/all.json"), HANDLERS);
    bench.program("answer.sh", ANSWER);
    bench.make_folders();
    let pairs = [0, 2, 4, 6].map(|id| pair(id, 8192));
    bench.channels(EPOCH, &pairs.join(","));
    bench
}

/// Replies that the guest takes away, by their requests.
fn take(bench: &Bench, taken: &mut BTreeSet<String>) {
    for name in bench.list("inbox") {
        if let Some((stem, number)) = name.split_once(".r") {
            assert_eq!(number, "1.pcc", "{name}");
            taken.insert(stem.to_owned());
        }
        fs::remove_file(bench.path("inbox").join(name)).unwrap();
    }
}

fn stress(seed: u64, kills: bool) {
    let mut dice = Pcg64Mcg::new(seed.into());
    let bench = bench();
    let mut daemon = bench.start();
    let (mut sent, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        for _ in 0..[1, 1, 2, 5, 20][dice.random_range(0..5)] {
            let seq = u32::try_from(sent.len() + 1).unwrap();
            let subspace = [0, 0, 2, 4, 6][dice.random_range(0..5)];
            let way = dice.random_range(0..WAYS);
            let packet = single((seq & 7) as u8, &[5, way]);
            sent.insert(bench.request_on(subspace, seq, &packet));
            if dice.random_bool(0.3) {
                let pause = dice.random_range(0..4000);
                std::thread::sleep(Duration::from_micros(pause));
            }
        }
        if kills && dice.random_bool(0.3) {
            daemon.kill();
            daemon = bench.start();
        }
        bench.wait(&format!("empty outbox, seed {seed}"), || {
            take(&bench, &mut taken);
            bench.list("outbox").is_empty()
        });
    }
    assert_eq!(daemon.terminate(), 0);
    take(&bench, &mut taken);
    assert_eq!(taken, sent, "seed {seed}");
    assert_eq!(bench.list("rejected"), [""; 0], "seed {seed}");
}

#[test]
fn whatever_comes_is_answered() {
    for seed in 1..=2 {
        stress(seed, false);
    }
}

#[test]
fn whatever_comes_is_answered_by_the_next_daemon() {
    for seed in 3..=4 {
        stress(seed, true);
    }
}
