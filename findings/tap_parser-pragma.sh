#!/usr/bin/env bash
# The crate tap_parser 0.1.1, which reads test results in TAP 14.
#
# A pragma may stand before the plan. What is no directive behind a "#" belongs to the description,
# in which "\#" is a "#". Lines that are no TAP are skipped, unless pragma +strict was met (TAP 14
# specification, Pragmas, Directives, Escaping, Anything else).
#
# Guess before running it: all of this is read, and a test that failed is one.
# Seen: with a pragma before the plan, plan and no test are read, also if one failed, and that is
# no error. A description with "#42" is one, for the whole file, as a line of other output is.
# "\#" stays what it is. Without these, tests, subtests, directives and YAML are right.
. "$(dirname "$0")/lib/crates"
crates tap_parser=0.1.1 <<'RUST'
use tap_parser::{TapParser, TapStatement};

fn show(statements: &[TapStatement]) -> String {
    let seen = statements.iter().map(|statement| match statement {
        TapStatement::Plan(plan) => format!("plan of {}", plan.count),
        TapStatement::TestPoint(test) => {
            let what = if test.result { "ok" } else { "not ok" };
            format!("{what} {}{}", test.desc.unwrap_or("-"), if test.directive.is_some() { " with directive" } else { "" })
        }
        TapStatement::Subtest(test) => format!("subtest with {}", show(&test.statements)),
        _ => "other".into(),
    });
    seen.collect::<Vec<_>>().join(", ")
}

fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    match TapParser::new().parse(&text) {
        Ok(statements) => println!("{}", show(&statements)),
        Err(error) => println!("{error:?}"),
    };
}
RUST
# tap LINE...: what is read of them
tap() {
  printf '%s\n' "TAP version 14" "$@" >"$TEMP/tap"
  timeout 20 "$TEMP/program" "$TEMP/tap"
}
same "a plan and two tests" "plan of 2, ok a, not ok b with directive" "$(tap 1..2 'ok 1 - a' 'not ok 2 - b # TODO soon')"
same "a subtest" "plan of 1, subtest with plan of 1, not ok a" "$(tap 1..1 '    1..1' '    not ok 1 - a' 'not ok 1 - b')"
same "a pragma behind the plan" "plan of 2, ok a, not ok b" "$(tap 1..2 'pragma +bail' 'ok 1 - a' 'not ok 2 - b')"
same "one before it" "plan of 2" "$(tap 'pragma +bail' 1..2 'ok 1 - a' 'not ok 2 - b')"
same "issue #42" 'MalformedDirective("42 is mended")' "$(tap 1..1 'not ok 1 - issue #42 is mended')"
same "issue \\#42" 'plan of 1, not ok issue \#42 is mended' "$(tap 1..1 'not ok 1 - issue \#42 is mended')"
same "other output" 'UnknownLine("hello")' "$(tap 1..1 hello 'not ok 1 - a')"
