//! Scenarios that vary what the platform says, through the real binary.

mod common;

use std::fs;

use common::{Bench, Daemon, EPOCH, finish, pccd, single, write};
use pccd::{Event, Record};

const CHANNELS: &str = r#"
  {"subspace": 0, "type": 3, "size": 8192, "completion": "posted", "paired": 1},
  {"subspace": 1, "type": 4, "size": 8192, "completion": "posted", "paired": 0},
  {"subspace": 2, "type": 2, "size": 64, "completion": "answered"},
  {"subspace": 3, "type": 3, "size": 64, "completion": "answered"}"#;

/// A counter, a channel whose commands last, and one that says how often it
/// was asked.
const FILE: &str = r#"{
  "subspaces": {"2": "fan", "3": "slow"},
  "variables": {"asked": 0},
  "channels": [
    {"name": "fan",
     "registers": {"level": {"offset": 0, "width": 32},
                   "times": {"offset": 4, "width": 32, "access": "ro"}},
     "commands": [{"name": "more", "code": 1,
                   "set": {"times": "{{ state.times + 1 }}"}}]},
    {"name": "slow", "registers": {"level": {"offset": 0, "width": 32}},
     "commands": [{"name": "sleep", "code": 1, "delay": 50000}]}],
  "handlers": [
    {"name": "count", "match": {"hex": "05 01"},
     "set": {"asked": "{{ state.asked + 1 }}"},
     "reply": {"hex": "05 0{{ state.asked }}"}},
    {"name": "part", "match": {"hex": "05 02 aa bb cc"},
     "reply": {"hex": "05"}}]}"#;

/// A bench whose daemon has a scenario.
struct Varied {
    bench: Bench,
    /// Of the next request.
    seq: u32,
}

impl Varied {
    fn new() -> Self {
        let bench = Bench::new();
        write(&bench.dir.path().join("messages/t.json"), FILE);
        bench.make_folders();
        bench.channels(EPOCH, CHANNELS);
        Self { bench, seq: 0 }
    }

    fn start(&self) -> Daemon {
        let mut command = self.bench.command();
        command.arg("--vary").arg(self.bench.dir.path().join("s.json"));
        self.bench.spawn(&mut command)
    }

    /// Renames a scenario over the one there is.
    fn scenario(&self, answers: &str) {
        let new = self.bench.dir.path().join("new.json");
        write(&new, &format!("{{\"answers\": [{answers}]}}"));
        fs::rename(new, self.bench.dir.path().join("s.json")).unwrap();
    }

    /// Puts a request and returns its stem.
    fn put(&mut self, subspace: u8, content: &[u8]) -> String {
        self.seq += 1;
        let stem = format!("{EPOCH}-{:08}-{subspace:03}", self.seq);
        self.bench.put(&format!("{stem}.pcc"), content);
        stem
    }

    /// Sends a command and returns what it is answered.
    fn fan(&mut self) -> Vec<u8> {
        let stem = self.put(2, b"\x02CCP\x01\0\0\0\x05\0\0\0\0\0\0\0");
        self.bench.wait_answered();
        self.reply(&stem)
    }

    /// Sends a message and returns the message it is answered with.
    fn message(&mut self, message: &[u8]) -> Vec<u8> {
        let content = common::content(&single(0, message));
        let stem = self.put(0, &content);
        self.bench.wait_answered();
        self.bench.packet(&format!("{stem}.r1.pcc"))[4..].to_vec()
    }

    fn reply(&self, stem: &str) -> Vec<u8> {
        let name = format!("{stem}.r1.pcc");
        fs::read(self.bench.path("inbox").join(name)).unwrap()
    }

    fn reasons(&self, event: Event) -> Vec<String> {
        let records = self.bench.records().into_iter();
        let told = records.filter(|record| record.event == event);
        told.filter_map(|record| record.reason).collect()
    }

    /// Names of all that was sent, in the order of the log.
    fn sent(&self) -> Vec<String> {
        let is_sent = |record: &Record| {
            matches!(record.event, Event::Replied | Event::Unasked)
        };
        let records = self.bench.records().into_iter().filter(is_sent);
        records.filter_map(|record| record.name).collect()
    }
}

#[test]
fn another_scenario_begins_anew() {
    let mut varied = Varied::new();
    let daemon = varied.start();
    let times = |content: &[u8]| content[12];
    // There is none yet.
    assert_eq!(times(&varied.fan()), 1);
    varied.scenario(r#"{"answer": 1, "set": {"fan.times": 255}}"#);
    for round in 1..=2 {
        assert_eq!(times(&varied.fan()), 1, "nothing is remembered");
        assert_eq!(times(&varied.fan()), 255);
        assert_eq!(times(&varied.fan()), 3, "what is sent is varied only");
        assert_eq!(varied.message(&[5, 1]), [5, 0]);
        assert_eq!(varied.message(&[5, 1]), [5, 1]);
        // The endpoint's own state: an EID that was set.
        assert_eq!(varied.message(&[0, 0x80, 2])[4], 9);
        varied.message(&[0, 0x80, 1, 0, 20]);
        varied.scenario(r#"{"answer": 1, "set": {"fan.times": 255}}"#);
        let taken = format!("scenario taken: {round}");
        assert!(varied.reasons(Event::Note).contains(&taken));
    }
    assert_eq!(times(&varied.fan()), 1);
    let notes = varied.reasons(Event::Note);
    let done = "answer 1 varied: fan.times = 0xff";
    assert_eq!(notes.iter().filter(|note| *note == done).count(), 2);
    // One that is broken varies nothing, and says where.
    varied.scenario(r#"{"answer": 0, "dorp": true}"#);
    assert_eq!(times(&varied.fan()), 1);
    let errors = varied.reasons(Event::Error);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("s.json:1:"), "{errors:?}");
    assert!(errors[0].contains("did you mean `drop`"), "{errors:?}");
    fs::remove_file(varied.bench.dir.path().join("s.json")).unwrap();
    assert_eq!(times(&varied.fan()), 1);
    assert_eq!(times(&varied.fan()), 2);
    let last = varied.reasons(Event::Note).pop().unwrap();
    assert!(last.ends_with("nothing is varied until there is another"));
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(varied.bench.list("rejected"), [""; 0]);
}

#[test]
fn the_start_says_what_there_is_of_a_scenario() {
    let mut varied = Varied::new();
    let daemon = varied.start();
    varied.fan();
    let notes = varied.reasons(Event::Note);
    let none = |note: &String| {
        note.starts_with("there is no scenario ") && note.contains("s.json yet")
    };
    assert!(notes.iter().any(none), "{notes:?}");
    assert_eq!(daemon.terminate(), 0);
    // It goes on, and does not say it again.
    varied.scenario(r#"{"answer": 0, "dorp": true}"#);
    let daemon = varied.start();
    varied.bench.wait("an error", || varied.bench.count(Event::Error) == 1);
    varied.fan();
    varied.fan();
    let errors = varied.reasons(Event::Error);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("did you mean `drop`"), "{errors:?}");
    assert!(!errors[0].contains('\n'), "{errors:?}");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn answers_are_dropped_late_and_doubled() {
    let mut varied = Varied::new();
    varied.scenario(
        r#"{"answer": 0, "drop": true},
           {"answer": 1, "later": 2},
           {"answer": 3, "repeat": 1},
           {"answer": 4, "unasked": "02434350", "subspace": 2, "times": 3},
           {"answer": 4, "delay-ms": 30}"#,
    );
    let daemon = varied.start();
    let stems: Vec<String> = (0..5)
        .map(|_| varied.put(2, b"\x02CCP\x01\0\0\0\0\0\0\0\0\0\0\0"))
        .collect();
    varied.bench.wait("all but one", || varied.bench.list("outbox").len() == 1);
    let sent = varied.sent();
    let reply = |number: usize| format!("{}.r1.pcc", stems[number]);
    let replies: Vec<&String> =
        sent.iter().filter(|name| name.contains(".r")).collect();
    assert_eq!(replies, [&reply(2), &reply(3), &reply(1), &reply(4)]);
    let unasked: Vec<usize> =
        (0..sent.len()).filter(|at| !sent[*at].contains(".r")).collect();
    assert_eq!(
        unasked,
        [2, 5, 6, 7],
        "after the answer they belong to: {sent:?}"
    );
    assert_eq!(varied.bench.list("outbox"), [format!("{}.pcc", stems[0])]);
    let records = varied.bench.records();
    let at = |event, name: &str| {
        let is_it = |record: &&Record| {
            record.event == event && record.name.as_deref() == Some(name)
        };
        records.iter().find(is_it).unwrap().time
    };
    let asked = at(Event::Received, &format!("{}.pcc", stems[4]));
    let late = at(Event::Replied, &reply(4)) - asked;
    assert!(late.num_milliseconds() >= 30, "{late}");
    // Without another request: its driver may wait for this one's end.
    varied.scenario("");
    varied.bench.wait_answered();
    assert_eq!(varied.sent().last(), Some(&reply(0)));
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn what_waits_is_over_with_its_scenario() {
    let mut varied = Varied::new();
    varied.scenario(r#"{"answer": 1, "later": 9}, {"answer": 2, "later": 9}"#);
    let daemon = varied.start();
    // A command that lasts, one that waits, a message that waits, and the
    // first half of one.
    let slow = varied.put(3, b"\x03CCP\0\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0");
    varied
        .bench
        .wait("a slow one", || varied.bench.count(Event::Received) == 1);
    let fan = varied.put(2, b"\x02CCP\x01\0\0\0\0\0\0\0\0\0\0\0");
    let asked = varied.put(0, &common::content(&single(0, &[5, 1])));
    let mut half = vec![1, 9, 8, 0x88, 5, 2];
    half.resize(4 + 64, 0xaa);
    let half = varied.put(0, &common::content(&half));
    varied
        .bench
        .wait("all of them", || varied.bench.count(Event::Received) == 4);
    assert_eq!(varied.sent(), [""; 0]);
    varied.scenario("");
    assert_eq!(varied.message(&[5, 1]), [5, 0]);
    varied.bench.wait_answered();
    // Commands end, messages do not come as an answer to another question.
    let sent = varied.sent();
    assert_eq!(sent[0], format!("{slow}.r1.pcc"));
    assert_eq!(sent[1], format!("{fan}.r1.pcc"));
    assert_eq!(sent.len(), 3, "{sent:?}: {asked} is given up");
    let records = varied.bench.records();
    let ignored = records.iter().find(|record| {
        record.event == Event::Ignored
            && record.name == Some(format!("{half}.pcc"))
    });
    let reason = ignored.unwrap().reason.clone().unwrap();
    assert!(reason.contains("before a scenario was taken"), "{reason}");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn what_was_varied_is_varied_once_whatever_happens_to_the_daemon() {
    let mut varied = Varied::new();
    varied.scenario(r#"{"answer": 1, "delay-ms": 60000, "length": 9}"#);
    let daemon = varied.start();
    varied.fan();
    let stem = varied.put(2, b"\x02CCP\x01\0\0\0\x05\0\0\0\0\0\0\0");
    varied.bench.wait("a note", || {
        let notes = varied.reasons(Event::Note);
        notes.iter().any(|note| note.contains("9 bytes long"))
    });
    // It is told before it is written down.
    let ledger = varied.bench.path("state/ledger.json");
    let reply = format!("{stem}.r1.pcc");
    varied.bench.wait("the ledger", || {
        fs::read_to_string(&ledger).is_ok_and(|text| text.contains(&reply))
    });
    daemon.kill();
    // By one without a scenario; it does not decide anew.
    let daemon = varied.bench.start();
    let ledger = fs::read_to_string(ledger).unwrap();
    assert!(ledger.contains(&reply), "{ledger}");
    assert!(ledger.contains(&hex::encode(b"\x02CCP\x01\0\0\0\x05")));
    drop(daemon);
    // By one that takes it again: its platform begins anew.
    let daemon = varied.start();
    assert_eq!(varied.fan().len(), 16);
    assert_eq!(varied.reply(&stem)[..], *b"\x02CCP\x01\0\0\0\x05");
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_scenario_is_checked_and_described() {
    let output = pccd().args(["schema", "--scenario"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, pccd::vary::schema());
    let mut command = pccd();
    command.args(["replay", "c.pcapng", "--vary", "s.json"]);
    let (code, text) = finish(&mut command);
    assert_eq!(code, 2);
    assert!(text.contains("leave one out"), "{text}");
}
