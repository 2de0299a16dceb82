#!/usr/bin/env bash
# tap2junit 0.2.0 (PyPI), which makes JUnit of a run's TAP.
#
# A test line starts with "ok" or "not ok", in small letters, and no parser may take a line that it does
# not know, as an indented one, for an error. A test with "# TODO" is expected to fail, and does not count
# as failed (TAP 13, "The test line", "TODO tests", "Anything else").
#
# Guess before running it: what a driver prints between its tests changes nothing, and each test is
# passed, failed or skipped as TAP says.
# Seen: each line that starts with the letters "ok", large or small, is a test that passed, with
# the next number, so that the one behind it, with that number, is a ValueError, and nothing is
# written. A TODO is a failure. Lines of a subtest are tests as well, and a test behind them is
# missing. A dot in a name, as in 1.8 V, ends a class. Plain tests, one that was skipped or is missing, and
# a run that was given up are right.
. "$(dirname "$0")/lib/pypi"
pypi tap2junit==0.2.0 junit-xml==1.9 yamlish==0.18.1 pyyaml==6.0.2 six==1.17.0

cat >"$TEMP/list.py" <<'PYTHON'
import sys, xml.etree.ElementTree as tree

for case in tree.parse(sys.argv[1]).iter("testcase"):
    state = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    print(f"[{case.get('classname') or ''}:{case.get('name')}]", *state or ["passed"])
PYTHON
# tests LINE...: the tests of a run with these lines
tests() {
  printf '%s\n' "TAP version 13" "$@" >"$TEMP/run.tap"
  if tap2junit -i "$TEMP/run.tap" -o "$TEMP/run.xml" 2>"$TEMP/error"; then
    python3 "$TEMP/list.py" "$TEMP/run.xml" | paste -sd';'
  else
    tail -n 1 "$TEMP/error"
  fi
}
same "one of two" "[:- clock] passed;[:Test 2 missing] error" "$(tests 1..2 "ok 1 - clock")"
same "one skipped, and given up" "[:- clock ] skipped;[:Bail out for Test 2] failure" \
  "$(tests 1..2 "ok 1 - clock # SKIP none" "Bail out! no power")"
same "a line between" "ValueError: Descending test id on line: 'ok 2 - fan'" \
  "$(tests 1..2 "ok 1 - clock" "OK: link is up" "ok 2 - fan")"
same "a line behind" "[:- clock] passed;[:- fan] passed;[:ay, that was all] passed" \
  "$(tests 1..2 "ok 1 - clock" "ok 2 - fan" "Okay, that was all")"
same "a TODO" "[:- clock] passed;[:- fan ] failure" "$(tests 1..2 "ok 1 - clock" "not ok 2 - fan # TODO no fan yet")"
same "a subtest of two" "[:- low] passed;[:- high] passed;[:- clock] passed;[:None] failure;[:- fan] passed" \
  "$(tests 1..2 "    ok 1 - low" "    ok 2 - high" "    1..2" "ok 1 - clock" "ok 2 - fan")"
same "a dot" "[- rail of 1:8 V] passed" "$(tests 1..1 "ok 1 - rail of 1.8 V")"
