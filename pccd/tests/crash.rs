//! kill -9 at any point: one answer a request, state and unasked messages
//! included (docs/mailbox.md §7).

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pccd::Event;

use common::{Bench, Daemon, EPOCH, pair, single, stem, wait_child};

const RENAMES: &str = "rename,renameat,renameat2";
const UNLINKS: &str = "unlink,unlinkat";

/// A change of state, an answer in two packets to a request in two, and a
/// message nobody asked for.
fn fill(bench: &Bench) {
    bench.request(1, &single(0, &[0, 0x80, 1, 0, 9]));
    bench.request(2, &single(1, &[0, 0x81, 1, 0, 20]));
    let mut message = vec![0x7e, 0x1a, 0xf4];
    message.extend([0x55; 80]);
    let mut first = vec![1, 0, 8, 0x8a];
    first.extend(&message[..64]);
    let mut second = vec![1, 0, 8, 0x5a];
    second.extend(&message[64..]);
    bench.request(3, &first);
    bench.request(4, &second);
    bench.request(5, &[&[1, 0, 8, 0xcb], &b"\x7e\x1a\xf4notify"[..]].concat());
    bench.request(6, &[1, 0, 8, 0xcc, 0, 0x82, 2]);
}

fn check(bench: &Bench, case: &str) {
    let names = bench.list("inbox");
    let replies: Vec<&String> =
        names.iter().filter(|name| name.starts_with(EPOCH)).collect();
    let expected: Vec<String> =
        [(1, 1), (2, 1), (4, 1), (4, 2), (5, 1), (6, 1)]
            .iter()
            .map(|(seq, k)| format!("{}.r{k}.pcc", stem(*seq)))
            .collect();
    assert_eq!(replies, expected.iter().collect::<Vec<_>>(), "{case}");
    assert_eq!(names.len(), expected.len() + 1, "{case}: one unasked");
    let reply = |name: &str| bench.packet(name);
    assert_eq!(
        reply(&expected[1]),
        [1, 8, 9, 0xc1, 0, 1, 1, 0, 0, 20, 0],
        "{case}: the EID was 9 when it came"
    );
    assert_eq!(
        reply(&expected[5]),
        [1, 8, 20, 0xc4, 0, 2, 2, 0, 20, 0, 0],
        "{case}: the EID is 20 now"
    );
    assert_eq!(reply(&expected[2]).len() + reply(&expected[3]).len(), 91);
    assert_eq!(bench.list("tmp"), [""; 0], "{case}");
    assert_eq!(bench.list("rejected"), [""; 0], "{case}");
}

/// A daemon under strace; both killed when dropped.
struct Traced(Child);

impl Drop for Traced {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        let group = rustix::process::Pid::from_child(&self.0);
        let signal = rustix::process::Signal::KILL;
        let _ = rustix::process::kill_process_group(group, signal);
        let _ = self.0.wait();
    }
}

/// A daemon under strace, which does something to some of its calls.
fn traced(bench: &Bench, calls: &str, what: &str) -> Traced {
    let daemon = bench.command();
    let child = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(bench.dir.path().join("trace"))
        .arg("-e")
        .arg(format!("trace={calls}"))
        .arg("-e")
        .arg(format!("inject={calls}:{what}"))
        .arg(daemon.get_program())
        .args(daemon.get_args())
        .current_dir(bench.dir.path())
        .stderr(fs::File::create(bench.log()).unwrap())
        .process_group(0)
        .spawn();
    Traced(child.unwrap())
}

/// Waits until a traced daemon is killed or everything is answered. True
/// if it was killed; afterwards it has ended in any case.
fn ended(bench: &Bench, Traced(child): &mut Traced) -> bool {
    let mut killed = false;
    bench.wait("end, and no empty outbox", || {
        killed = child.try_wait().unwrap().is_some();
        killed || bench.list("outbox").is_empty()
    });
    if killed {
        return true;
    }
    let pid = fs::read_to_string(bench.path("daemon.lock")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap());
    let signal = rustix::process::Signal::TERM;
    let _ = rustix::process::kill_process(pid.unwrap(), signal);
    wait_child(child);
    false
}

/// Whether strace can be used here; says so if not. `make check` installs it
/// and sets `PCCD_CHECK`: there a test that cannot run is a failure.
fn can_trace() -> bool {
    let strace = Command::new("strace").args(["-qq", "true"]).output();
    let can = strace.is_ok_and(|output| output.status.success());
    if !can {
        let text = "strace is not installed, or may not trace";
        assert!(std::env::var_os("PCCD_CHECK").is_none(), "{text}");
        eprintln!("skipped: {text}");
    }
    can
}

#[test]
fn a_full_disk_is_waited_for() {
    if !can_trace() {
        return;
    }
    // Ledgers and replies of the first messages are among these.
    for when in [1, 3, 6] {
        let bench = Bench::new();
        bench.make_folders();
        fill(&bench);
        let what = format!("error=ENOSPC:when={when}..{}", when + 1);
        let mut child = traced(&bench, RENAMES, &what);
        assert!(!ended(&bench, &mut child), "it must not end by itself");
        check(&bench, &format!("no space at rename {when}"));
        check_log(&bench, &format!("no space at rename {when}"));
    }
}

/// What is only tried again is not said, nor counted, twice.
fn check_log(bench: &Bench, case: &str) {
    let counts =
        [(Event::Received, 6), (Event::Replied, 6), (Event::Unasked, 1)];
    for (event, count) in counts {
        assert_eq!(bench.count(event), count, "{case}: {event:?}");
    }
    for reason in bench.records().into_iter().filter_map(|r| r.reason) {
        assert!(!reason.contains("interruption"), "{case}: {reason}");
    }
}

#[test]
fn a_request_that_cannot_be_removed_is_answered_once() {
    if !can_trace() {
        return;
    }
    for when in [1, 3, 5] {
        let bench = Bench::new();
        bench.make_folders();
        fill(&bench);
        let what = format!("error=EIO:when={when}");
        let mut child = traced(&bench, UNLINKS, &what);
        assert!(!ended(&bench, &mut child), "it must not end by itself");
        check(&bench, &format!("unlink {when} fails"));
        check_log(&bench, &format!("unlink {when} fails"));
    }
}

/// The first packet of a message that another one replaces stays in the way:
/// it becomes no part of the other.
#[test]
fn what_is_given_up_and_cannot_be_removed_is_not_joined() {
    if !can_trace() {
        return;
    }
    let bench = Bench::new();
    bench.make_folders();
    let whole = [&[0x7e, 0x1a, 0xf4][..], &[0xbb; 80]].concat();
    let lost = [&[0x7e, 0x1a, 0xf4][..], &[0xaa; 61]].concat();
    let packet = |flags, part: &[u8]| [&[1, 9, 8, flags], part].concat();
    bench.request(1, &packet(0x88, &lost));
    bench.request(2, &packet(0x88, &whole[..64]));
    bench.request(3, &packet(0x58, &whole[64..]));
    let mut child = traced(&bench, UNLINKS, "error=EIO:when=1");
    assert!(!ended(&bench, &mut child), "it must not end by itself");
    let mut reply: Vec<u8> = Vec::new();
    for name in bench.list("inbox") {
        assert!(name.starts_with(&stem(3)), "{name}");
        reply.extend(&bench.packet(&name)[4..]);
    }
    assert_eq!(reply, whole);
    assert_eq!(bench.count(Event::Ignored), 1);
}

#[test]
fn a_life_that_cannot_be_written_down_is_tried_again() {
    if !can_trace() {
        return;
    }
    let bench = Bench::new();
    bench.make_folders();
    bench.channels(EPOCH, &pair(0, 4096));
    // Nothing but its beginning is written down in such a life.
    bench.request(1, &single(0, &[0, 0x80, 2]));
    let mut child = traced(&bench, RENAMES, "error=ENOSPC:when=1");
    assert!(!ended(&bench, &mut child), "it must not end by itself");
    let ledger = fs::read_to_string(bench.path("state/ledger.json")).unwrap();
    assert!(ledger.contains(EPOCH), "{ledger}");
}

/// Without inotify, as on a desktop whose programs have used it up, folders
/// are looked at once a second, and the limit to raise is named, once.
#[test]
fn what_cannot_be_watched_is_looked_at() {
    if !can_trace() {
        return;
    }
    for (call, error, limit) in [
        ("inotify_init1", "EMFILE", "max_user_instances"),
        ("inotify_add_watch", "ENOSPC", "max_user_watches"),
    ] {
        let bench = Bench::new();
        bench.make_folders();
        let path = bench.dir.path().join("messages/t.json");
        let handlers = |byte: u8| {
            let reply = format!(r#""reply": {{"hex": "05 {byte:02x}"}}"#);
            format!(
                r#"{{"handlers": [{{"name": "a", "match": {{"hex": "05"}},
                  {reply}}}]}}"#
            )
        };
        common::write(&path, &handlers(1));
        let mut child = traced(&bench, call, &format!("error={error}"));
        bench.wait("a daemon", || bench.count(Event::Started) > 0);
        for seq in 1..=2 {
            let reply = bench.exchange(seq, &single(0, &[5]));
            assert_eq!(reply[4..], [5, 1], "{call}");
        }
        // Of another size: its time may be the same to a second.
        common::write(&path, &handlers(0x22).replace(' ', "  "));
        let notes = |part: &str| {
            let records = bench.records().into_iter();
            let reasons = records.filter_map(|record| record.reason);
            reasons.filter(|reason| reason.contains(part)).count()
        };
        bench.wait("the file", || notes("handlers read again") > 0);
        assert_eq!(bench.exchange(3, &single(0, &[5]))[4..], [5, 0x22]);
        assert_eq!(notes(limit), 2, "{call}: the mailbox, and the handlers");
        assert!(!ended(&bench, &mut child));
    }
}

/// Kills one daemon at each of these calls, until one gets through; the next
/// finishes what is left. Messages that are `told` come to a daemon which waits
/// for them, and only those count that were killed after that.
fn kill_at(
    calls: &str,
    steps: impl Iterator<Item = u32>,
    told: bool,
    fill: impl Fn(&Bench),
    finish: impl Fn(&Bench, Daemon, &str),
) {
    let mut kills = 0;
    for when in steps {
        let bench = Bench::new();
        bench.make_folders();
        if !told {
            fill(&bench);
        }
        let what = format!("signal=KILL:when={when}");
        let mut child = traced(&bench, calls, &what);
        if told {
            bench.wait("a daemon", || {
                bench.count(Event::Started) > 0
                    || child.0.try_wait().unwrap().is_some()
            });
            fill(&bench);
        }
        let killed = ended(&bench, &mut child);
        let counts = !told || bench.count(Event::Started) > 0;
        kills += u32::from(killed && counts);
        finish(&bench, bench.start(), &format!("killed at {calls} {when}"));
        if !killed {
            break;
        }
    }
    println!("{calls}: killed {kills} times");
    assert!(kills > 2, "{calls}: killed only {kills} times");
}

fn finish(bench: &Bench, daemon: Daemon, case: &str) {
    bench.wait_answered();
    assert_eq!(daemon.terminate(), 0);
    check(bench, case);
}

#[test]
fn killed_at_every_step() {
    if !can_trace() {
        return;
    }
    for calls in [RENAMES, UNLINKS] {
        kill_at(calls, 1..400, false, fill, finish);
    }
    // The loader's and the runtime's own calls come first.
    kill_at("openat", (20..400).step_by(7), false, fill, finish);
}

#[test]
fn killed_at_every_step_while_it_is_told() {
    if !can_trace() {
        return;
    }
    for calls in [RENAMES, UNLINKS] {
        kill_at(calls, 1..400, true, fill, finish);
    }
}

/// Delays, a sequence, variables, a scenario, faults and messages by the clock.
const REMEMBERING: &str = r#"{"variables": {"reads": 0},
 "scenarios": {"link": ["up", "down"]}, "handlers": [
  {"name": "twice", "match": {"hex": "05 02"}, "when": {"link": "down"},
   "priority": 1, "reply": "pass", "set": {"link": "up"},
   "faults": [{"append": "dd"}]},
  {"name": "steps", "match": {"hex": "05 01"}, "sequence": [
    {"reply": {"hex": "05 01"}, "delay": 30}, {"reply": {"hex": "05 02"}},
    {"reply": {"hex": "05 03"}, "delay": 20, "in_order": false}]},
  {"name": "reads", "match": {"hex": "05 02"}, "set":
    {"reads": "{{ state.reads + 1 }}",
     "link": "{{ 'down' if state.reads == 0 else 'up' }}"}, "faults": [{"duplicate": 1}],
   "reply": {"hex": "05 {{ state.reads | hex }} {{ time.unix | hex(8) }}"}},
  {"name": "later", "match": {"hex": "05 03 **"}, "reply": "none", "delay": 5,
   "then": [{"unasked": {"message": {"hex": "06 01"}, "after": 25}}]}
 ], "unasked": [{"name": "beat", "every": 20, "times": 2,
   "message": {"hex": "06 {{ (count + 10) | hex }}"}}]}"#;

fn fill_remembering(bench: &Bench) {
    common::write(&bench.dir.path().join("messages/t.json"), REMEMBERING);
    for (seq, body) in (1..).zip([1, 2, 1, 1, 2]) {
        bench.request(seq, &single(0, &[5, body]));
    }
    // A message in two packets that gets no answer but has an effect.
    let mut first = vec![1, 9, 8, 0x8a, 5, 3];
    first.resize(68, 0);
    bench.request(6, &first);
    bench.request(7, &[1, 9, 8, 0x5a, 0]);
    bench.request(8, &single(0, &[5, 2]));
}

/// Waits until all is over that the clock still has to bring, then looks at
/// what came of it.
fn check_remembering(bench: &Bench, case: &str) {
    bench.wait("the last message by the clock", || {
        bench.list("inbox").len() >= 12
    });
    std::thread::sleep(Duration::from_millis(60));
    let names = bench.list("inbox");
    let bodies: Vec<(&str, Vec<u8>)> = names
        .iter()
        .map(|name| (name.as_str(), bench.packet(name)[4..].to_vec()))
        .collect();
    let reply = |seq, k| {
        let name = format!("{}.r{k}.pcc", stem(seq));
        let mut found = bodies.iter().filter(|(other, _)| *other == name);
        let body = &found.next().unwrap_or_else(|| panic!("{case}: {name}")).1;
        body[..2].to_vec()
    };
    let answers = [(1, 1), (2, 1), (2, 2), (3, 1), (4, 1), (5, 1), (5, 2)];
    let answers = answers.map(|(seq, k)| reply(seq, k)[1]);
    assert_eq!(answers, [1, 0, 0, 2, 3, 1, 1], "{case}");
    assert_eq!([reply(8, 1)[1], reply(8, 2)[1]], [2, 2], "{case}");
    // The scenario was in its other state once: for the second read.
    let ends = [(2, 1), (5, 1), (8, 1)].map(|(seq, k)| {
        let name = format!("{}.r{k}.pcc", stem(seq));
        let (_, body) = bodies.iter().find(|(n, _)| *n == name).unwrap();
        body.len()
    });
    assert_eq!(ends, [6, 7, 6], "{case}");
    let mut unasked: Vec<u8> = bodies
        .iter()
        .filter(|(_, body)| body[0] == 6)
        .map(|(_, body)| body[1])
        .collect();
    unasked.sort_unstable();
    assert_eq!(unasked, [1, 11, 12], "{case}: {names:?}");
    assert_eq!(names.len(), 12, "{case}: {names:?}");
}

#[test]
fn killed_at_every_step_with_delays_and_state() {
    if !can_trace() {
        return;
    }
    for calls in [RENAMES, UNLINKS] {
        kill_at(
            calls,
            1..400,
            false,
            fill_remembering,
            |bench, daemon, case| {
                bench.wait_answered();
                check_remembering(bench, case);
                assert_eq!(daemon.terminate(), 0);
            },
        );
    }
}

/// A counter in a register, a delayed answer, a notification after one and
/// two by the clock.
const REGISTERS: &str = r#"{"subspaces": {"0": "c"}, "channels": [{
  "name": "c",
  "registers": {"n": {"offset": 0, "width": 8, "access": "ro"},
                "in": {"offset": 1, "width": 8},
                "sum": {"width": 32}},
  "commands": [
    {"name": "add", "code": 1, "set": {"n": "{{ state.n + 1 }}",
      "sum": "{{ state.sum + request.in }}"}},
    {"name": "slow", "code": 2, "delay": 20, "set": {"n": "{{ count }}"},
      "then": [{"after": 25, "set": {"n": 200}}]},
    {"name": "sum", "code": 3, "take": false, "set": {"in":
      "{{ state.sum }}"}}],
  "notifications": [{"name": "beat", "every": 20, "times": 2,
    "set": {"sum": "{{ state.sum }}"}}]}]}"#;

fn fill_registers(bench: &Bench) {
    common::write(&bench.dir.path().join("messages/r.json"), REGISTERS);
    let channel = r#"{"subspace": 0, "type": 2, "size": 12,
        "completion": "answered"}"#;
    bench.channels(EPOCH, channel);
    for (seq, (code, byte)) in (1..).zip([(1, 10), (1, 20), (2, 7), (3, 0)]) {
        let content = [0, 0x43, 0x43, 0x50, code, 0, 0, 0, 0xee, byte, 0, 0];
        bench.put(&format!("{}.pcc", stem(seq)), &content);
    }
}

fn check_registers(bench: &Bench, case: &str) {
    bench.wait("the last notification", || bench.list("inbox").len() >= 7);
    std::thread::sleep(Duration::from_millis(60));
    let names = bench.list("inbox");
    let content =
        |name: &String| fs::read(bench.path("inbox").join(name)).unwrap();
    let answers: Vec<Vec<u8>> = (1..=4)
        .map(|seq| content(&format!("{}.r1.pcc", stem(seq)))[8..10].to_vec())
        .collect();
    assert_eq!(answers, [[1, 10], [2, 20], [3, 7], [200, 30]], "{case}");
    let mut unasked: Vec<Vec<u8>> = names
        .iter()
        .map(content)
        .filter(|content| content.starts_with(b"PCCE"))
        .map(|content| content[40..].to_vec())
        .collect();
    unasked.sort();
    assert_eq!(unasked, [vec![], vec![], vec![200, 7]], "{case}");
    assert_eq!(names.len(), 7, "{case}: {names:?}");
}

#[test]
fn killed_at_every_step_with_registers() {
    if !can_trace() {
        return;
    }
    for calls in [RENAMES, UNLINKS] {
        kill_at(calls, 1..400, false, fill_registers, |bench, daemon, case| {
            bench.wait_answered();
            check_registers(bench, case);
            assert_eq!(daemon.terminate(), 0);
        });
    }
}

#[test]
fn killed_at_any_time() {
    let bench = Bench::new();
    let start = Instant::now();
    let daemon = bench.start();
    // What it does before is no matter here.
    let ready = start.elapsed() * 3 / 4;
    assert_eq!(daemon.terminate(), 0);
    for round in 0..10 {
        let bench = Bench::new();
        bench.make_folders();
        let mut lives = 0;
        fill(&bench);
        while !bench.list("outbox").is_empty() {
            let mut child = bench.command().spawn().unwrap();
            let pause = Duration::from_millis(2 * lives + round);
            std::thread::sleep(ready + pause);
            child.kill().unwrap();
            child.wait().unwrap();
            lives += 1;
            assert!(lives < 1000, "no life is long enough");
        }
        finish(&bench, bench.start(), &format!("round {round}"));
    }
}
