//! The reader of TAP against Perl's TAP::Parser, which wrote the rules down:
//! over every stream of a few lines, both must say the same of it.

use std::io::Write;
use std::process::{Command, Stdio};

use pcclab::ktap::Report;

/// Says of each stream, they end in a NUL, whether it is no success.
const JUDGE: &str = r#"
use TAP::Parser;
local $/ = "\0";
while (my $tap = <STDIN>) {
  chomp $tap;
  my $parser = TAP::Parser->new({ tap => $tap });
  $parser->run;
  print $parser->has_problems ? "1\n" : "0\n";
}"#;

/// Lines of which streams are made, in every order. Left out is what we see
/// differently on purpose: a pass of what is known to fail is a failure here,
/// chatter without a plan is none, and bailing out, which TAP::Parser leaves to
/// its caller, is a failure.
const LINES: &[&str] = &[
    "1..1",
    "1..2",
    "ok 1 a",
    "ok 2 b",
    "ok",
    "not ok 1 a",
    "not ok",
    "not ok 2 b # TODO later",
    "ok 2 # SKIP none",
    "# said",
    "okay",
];

/// All streams of up to so many lines, that have a plan.
fn streams(most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..most {
        let upto = all.len();
        for at in from..upto {
            for line in LINES {
                let longer = format!("{}{line}\n", all[at]);
                all.push(longer);
            }
        }
        from = upto;
    }
    // Without a plan TAP::Parser finds fault with anybody's words; with one
    // behind numberless results, we cannot tell them from chatter.
    all.retain(|stream| stream.starts_with("1.."));
    all
}

#[test]
fn tap_is_read_as_perl_reads_it() {
    let streams = streams(4);
    let mut judge = Command::new("perl")
        .args(["-e", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("perl, which Debian has in the package of this name");
    let mut input = judge.stdin.take().unwrap();
    let bytes: Vec<u8> = streams
        .iter()
        .flat_map(|stream| format!("{stream}\0").into_bytes())
        .collect();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = judge.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said.len(), streams.len());
    assert!(said.contains(&"0") && said.contains(&"1"));
    let differ: Vec<_> = streams
        .iter()
        .zip(said)
        .filter_map(|(stream, theirs)| {
            let mut report = Report::default();
            for line in stream.lines() {
                report.line(line);
            }
            let ours = report.complaint();
            (ours.is_some() != (theirs == "1"))
                .then(|| format!("{stream:?}: {theirs}, we say {ours:?}"))
        })
        .collect();
    let some: Vec<_> = differ.iter().take(20).collect();
    assert!(
        differ.is_empty(),
        "{} of {}: {some:#?}",
        differ.len(),
        streams.len()
    );
    println!("{} streams", streams.len());
}
