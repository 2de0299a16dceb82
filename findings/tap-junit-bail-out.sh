#!/usr/bin/env bash
# tap-junit 5.0.4 (npm), which makes JUnit's XML of test results in TAP, and tap-out 3.0.0.
#
# "Bail out!" says that the tests were given up, which is a failure of them all. A test that failed
# and has "# TODO" is none. 1..0 with "# SKIP" says that there are no tests, and why (TAP 14
# specification, Bail out!, Directives, The Plan).
#
# Guess before running it: a run that was given up is an error or a failure in the report, a TODO is
# no failure, and what was skipped is there.
# Seen: of a run that was given up there is a report without a failure, also if most of its plan is
# missing. If the end is missing without a word, one failure is counted, which no test case has. A
# TODO is a failure. Of a run that was skipped there is nothing. tap-out fails a TODO as well, and
# takes a skipped test for one that passed. Failures and skipped tests are right in tap-junit.
. "$(dirname "$0")/lib/npm"
npm_packages tap-junit@5.0.4 tap-out@3.0.0

# report LINE...: suites' counts, then the test cases, with what they have
report() {
  printf '%s\n' "$@" | tap-junit | python3 -c '
import sys, xml.etree.ElementTree as xml
suite = xml.fromstring(sys.stdin.read().strip()).find("testsuite")
print(*(suite.get(count) for count in ["tests", "skipped", "failures"]), end=":")
for case in suite:
    print("", case.get("name"), *(part.tag for part in case), end=";")'
}
# out LINE...: how many passed and failed, and what is said of the whole
out() {
  printf '%s\n' "$@" | tap-out | python3 -c '
import json, sys
seen = json.load(sys.stdin)
print(len(seen["pass"]), len(seen["fail"]), *(error["message"] for error in seen["errors"]))'
}
same "a test failed" "2 0 1: a; b failure;" "$(report 'TAP version 13' 1..2 'ok 1 - a' 'not ok 2 - b')"
same "one skipped" "2 1 0: a; b skipped;" "$(report 'TAP version 13' 1..2 'ok 1 - a' 'ok 2 - b # SKIP no device')"
same "one to do" "2 0 1: a; b failure;" "$(report 'TAP version 13' 1..2 'ok 1 - a' 'not ok 2 - b # TODO later')"
same "given up" "1 0 0: a;" "$(report 'TAP version 13' 'ok 1 - a' 'Bail out! the guest is gone')"
same "given up, with a plan" "1 0 0: a;" "$(report 'TAP version 13' 1..9 'ok 1 - a' 'Bail out! the guest is gone')"
same "the end is missing" "1 0 1: a;" "$(report 'TAP version 13' 1..2 'ok 1 - a')"
same "all skipped" "0 0 0:" "$(report 'TAP version 13' '1..0 # SKIP no KVM')"

same "tap-out, a test failed" "1 1" "$(out 'TAP version 13' 1..2 'ok 1 - a' 'not ok 2 - b')"
same "tap-out, one skipped" "2 0" "$(out 'TAP version 13' 1..2 'ok 1 - a' 'ok 2 - b # SKIP no device')"
same "tap-out, one to do" "1 1" "$(out 'TAP version 13' 1..2 'ok 1 - a' 'not ok 2 - b # TODO later')"
