//! Handlers that are programs: asked, kept, ended when late, started again.

mod common;

use std::path::Path;

use common::{Bench, EPOCH, single, stem, write};
use pccd::Event;

/// A handler file whose program is this shell script.
fn script(bench: &Bench, timeout_ms: u32, text: &str) {
    let folder = bench.dir.path().join("messages");
    let handlers = format!(
        r#"{{"variables": {{"seen": 0}}, "handlers": [
  {{"name": "x", "match": {{"hex": "05 **"}},
   "any_length": true, "reply": {{"exec":
    {{"command": ["./x.sh"], "timeout_ms": {timeout_ms}}}}}}},
  {{"name": "seen", "match": {{"hex": "06"}},
   "reply": {{"hex": "06 {{{{ state.seen | hex }}}}"}}}}]}}"#
    );
    write(&folder.join("x.json"), &handlers);
    bench.program("x.sh", text);
}

fn reasons(bench: &Bench, event: Event) -> Vec<String> {
    let records = bench.records().into_iter();
    records.filter(|r| r.event == event).flat_map(|r| r.reason).collect()
}

/// Asks three times; each answer must have the number of its question.
fn counts_up(bench: &Bench) {
    for n in 1..=3 {
        let answer = bench.exchange(n.into(), &single(0, &[5]));
        assert_eq!(answer[4..], [5, n]);
    }
}

#[test]
fn one_program_answers_many_messages_and_sets_variables() {
    let bench = Bench::new();
    let text = r#"n=0
while ask; do
  n=$((n + 1))
  echo "question $n" >&2
  echo "$start{\"hex\": \"05 0$n\"}, \"set\": {\"seen\": $n}}"
done"#;
    script(&bench, 10_000, text);
    let daemon = bench.start();
    counts_up(&bench);
    assert_eq!(bench.exchange(4, &single(0, &[6]))[4..], [6, 3]);
    bench.wait("what it says", || {
        let notes = reasons(&bench, Event::Note);
        notes.iter().any(|note| note == "./x.sh: question 3")
    });
    assert_eq!(daemon.terminate(), 0);
}

/// As a template does; one that died over a message is told the same again.
#[test]
fn a_program_sees_how_often_it_answered() {
    let bench = Bench::new();
    let text = r#"while IFS= read -r question; do
  id=${question%%,*}
  n=${question#*\"count\":}
  [ "${n%%,*}" = 2 ] && mkdir ../once 2>/dev/null && exit
  echo "$id, \"reply\": {\"hex\": \"05 0${n%%,*}\"}}"
done"#;
    script(&bench, 10_000, text);
    let daemon = bench.start();
    counts_up(&bench);
    assert_eq!(daemon.terminate(), 0);
}

/// Banners, debug prints and answers given twice shift no other answer.
#[test]
fn a_line_without_the_id_of_its_question_is_no_answer() {
    let bench = Bench::new();
    let text = r#"echo "{\"reply\": {\"hex\": \"05 ee\"}}"
n=0
while ask; do
  n=$((n + 1))
  echo "debugging $n"
  echo "$start{\"hex\": \"05 0$n\"}}"
  echo "$start{\"hex\": \"05 ff\"}}"
  echo '{"id": 0, "reply": {"hex": "05 fe"}}'
done"#;
    script(&bench, 10_000, text);
    let daemon = bench.start();
    counts_up(&bench);
    bench.wait("a word on it", || {
        let notes = reasons(&bench, Event::Note);
        notes.iter().any(|note| note.contains("has not the `id`"))
    });
    assert_eq!(daemon.terminate(), 0);
}

/// What a program writes without end stops nobody else, and fills neither
/// the log nor the memory.
#[test]
fn a_program_that_writes_without_end() {
    for (text, most) in [("yes", 1), ("yes >&2", 101), ("yes >&2 & yes", 102)] {
        let bench = Bench::new();
        script(&bench, 1500, text);
        let daemon = bench.start();
        bench.request(1, &single(0, &[5]));
        bench.wait_answered();
        assert_eq!(bench.count(Event::Ignored), 1, "{text}");
        assert_eq!(bench.exchange(2, &single(0, &[6]))[4..], [6, 0]);
        let notes = reasons(&bench, Event::Note);
        let said = notes.iter().filter(|n| n.starts_with("./x.sh")).count();
        assert!((1..=2 * most).contains(&said), "{text}: {said} notes");
        assert_eq!(daemon.terminate(), 0);
    }
}

/// A child that leaves its process group, and one whose output stays open.
#[test]
fn a_program_that_cannot_be_ended_as_a_group_is_ended_all_the_same() {
    let bench = Bench::new();
    // It joins the group of its parent's parent: pccd's own.
    let text = r#"exec perl -e '
setpgrp(0, getpgrp(getppid()));
print STDERR "left\n";
1 while <STDIN>'"#;
    script(&bench, 4000, text);
    let daemon = bench.start();
    bench.request(1, &single(0, &[5]));
    bench.wait("the child to leave", || {
        reasons(&bench, Event::Note).iter().any(|n| n.ends_with("left"))
    });
    bench.wait_answered();
    let ignored = reasons(&bench, Event::Ignored);
    assert!(ignored[0].contains("said nothing in time"), "{ignored:?}");
    assert_eq!(bench.exchange(2, &single(0, &[6]))[4..], [6, 0]);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn fields_silence_and_pass() {
    let bench = Bench::new();
    let text = r#"while ask; do case $line in
  *'"hex":"0501"'*) echo "$start\"none\"}" ;;
  *'"hex":"0502"'*) echo "$start\"pass\"}" ;;
  *) echo "$start"'{"fields": {"spdm.request_response_code": "ERROR", "spdm.error_code": 5, "spdm.error_data": 0}}}' ;;
esac; done"#;
    script(&bench, 10_000, text);
    let daemon = bench.start();
    bench.request(1, &single(0, &[5, 1]));
    bench.request(2, &single(0, &[5, 2]));
    bench.wait_answered();
    let ignored = reasons(&bench, Event::Ignored);
    assert_eq!(ignored[0], "the handler wants silence");
    assert!(ignored[1].starts_with("cut short in"), "{ignored:?}");
    bench.request(3, &single(0, &[5, 0x12, 0x84, 0, 0]));
    bench.wait_answered();
    let ignored = reasons(&bench, Event::Ignored);
    assert_eq!(ignored.len(), 2, "{ignored:?}");
    let said = bench.packet(&format!("{}.r1.pcc", stem(3)));
    assert_eq!(said[4..7], [5, 0x12, 0x7f]);
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn a_program_that_dies_is_started_again() {
    let bench = Bench::new();
    // It dies over every second question, once it has read it.
    let text = r#"ask
echo "$start{\"hex\": \"05 aa\"}}"
read -r line"#;
    script(&bench, 10_000, text);
    let daemon = bench.start();
    for seq in 1..=5 {
        assert_eq!(bench.exchange(seq, &single(0, &[5]))[4..], [5, 0xaa]);
    }
    assert_eq!(daemon.terminate(), 0);
}

#[test]
fn programs_that_never_answer_right() {
    let cases = [
        ("exit 3", "./x.sh ended without an answer"),
        ("while ask; do echo nonsense; done", "`nonsense`"),
        (
            "while ask; do echo \"$start\"'{\"hex\": \"0\"}}'; done",
            "`0` is no hex",
        ),
        (
            "while ask; do echo \"$start\"'\"none\", \"set\": \
             {\"saen\": 1}}'; done",
            "unknown scenario or variable `saen`",
        ),
        (
            "while ask; do echo \"$start\"'\"none\", \"set\": \
             {\"seen\": 1, \"seen\": 2}}'; done",
            "the field `set.seen` stands there twice; expected each key once",
        ),
        ("read -r line; tr '\\0' a </dev/zero", "a line of more than"),
    ];
    for (text, expected) in cases {
        let bench = Bench::new();
        script(&bench, 2000, text);
        let daemon = bench.start();
        bench.request(1, &single(0, &[5]));
        bench.wait_answered();
        let ignored = reasons(&bench, Event::Ignored);
        let start = "handler x (";
        assert!(ignored[0].starts_with(start), "{text}: {ignored:?}");
        let named = ignored[0].contains(expected);
        assert!(named || expected.starts_with("`0`"), "{text}: {ignored:?}");
        // The platform goes on.
        assert_eq!(bench.exchange(2, &single(0, &[6]))[4..], [6, 0]);
        assert_eq!(daemon.terminate(), 0);
    }
}

#[test]
fn a_slow_program_holds_up_its_own_channel_only_and_is_ended() {
    let bench = Bench::new();
    bench.make_folders();
    bench.channels(
        EPOCH,
        r#"{"subspace": 0, "type": 3, "size": 4096, "completion": "posted", "paired": 1},
           {"subspace": 1, "type": 4, "size": 4096, "completion": "posted", "paired": 0},
           {"subspace": 2, "type": 3, "size": 4096, "completion": "posted", "paired": 3},
           {"subspace": 3, "type": 4, "size": 4096, "completion": "posted", "paired": 2}"#,
    );
    // Its own children must not keep it alive.
    script(&bench, 2000, "echo asked >&2; sleep 1000; cat");
    let daemon = bench.start();
    bench.request(1, &single(0, &[5]));
    bench.request(2, &single(0, &[6]));
    bench.wait("the question", || {
        reasons(&bench, Event::Note).iter().any(|n| n.contains("asked"))
    });
    let mut other = common::content(&single(0, &[6]));
    other[0] = 2;
    bench.put(&format!("{EPOCH}-00000003-002.pcc"), &other);
    let third = format!("{EPOCH}-00000003-002.r1.pcc");
    bench.wait("the other channel", || bench.list("inbox").contains(&third));
    let second = format!("{}.r1.pcc", stem(2));
    assert_eq!(bench.list("inbox").len(), 1, "it does not overtake");
    bench.wait("the end", || bench.list("inbox").contains(&second));
    let ignored = reasons(&bench, Event::Ignored);
    assert!(ignored[0].contains("said nothing in time"), "{ignored:?}");
    assert_eq!(daemon.terminate(), 0);
}

/// Killed while a program thinks: the message is still there, is asked
/// again, and gets one answer, in fragments too.
#[test]
fn a_question_outlives_the_daemon() {
    let bench = Bench::new();
    let gate = bench.dir.path().join("gate");
    let text = format!(
        "while ask; do echo asked >&2\n\
         while [ ! -e {} ]; do sleep 0.01; done\n\
         echo \"$start\"'{{\"hex\": \"05 bb\"}}}}'; done",
        gate.display()
    );
    script(&bench, 20_000, &text);
    let asked = || {
        let notes = reasons(&bench, Event::Note);
        notes.iter().filter(|note| note.ends_with("asked")).count()
    };
    let daemon = bench.start();
    let mut first = vec![1, 9, 8, 0x8a, 5];
    first.resize(68, 0);
    bench.request(1, &first);
    bench.request(2, &[1, 9, 8, 0x5a, 0]);
    bench.wait("the question", || asked() == 1);
    daemon.kill();
    let daemon = bench.start();
    bench.wait("the same question", || asked() == 2);
    write(Path::new(&gate), "");
    bench.wait_answered();
    assert_eq!(bench.list("inbox"), [format!("{}.r1.pcc", stem(2))]);
    assert_eq!(bench.packet(&format!("{}.r1.pcc", stem(2)))[4..], [5, 0xbb]);
    assert_eq!(daemon.terminate(), 0);
}
