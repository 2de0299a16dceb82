#!/usr/bin/env bash
# tap.py 3.2.1 (PyPI; its command is tappy), reading KTAP.
#
# The kernel's KTAP (Documentation/dev-tools/ktap.rst) is TAP whose first line is
# "KTAP version 1". A reader of TAP ignores a line that it does not know, and the
# plan stands before the tests or behind them.
#
# Guess before running it: the line is ignored, a run that passes passes.
# Seen: the line is ignored as a test, but counts as a line, so that the plan is
# not at the beginning: each KTAP run fails, whatever its tests say. Any other
# line before the plan does the same. Without the first line it passes; subtests
# are ignored either way.
. "$(dirname "$0")/lib/pypi"
pypi tap.py==3.2.1

cat >"$TEMP/run.ktap" <<'END'
KTAP version 1
1..2
  KTAP version 1
  1..1
  ok 1 request
ok 1 channels
ok 2 doorbell # SKIP no doorbell
END
sed 1d "$TEMP/run.ktap" >"$TEMP/run.tap"
# verdict FILE
verdict() {
  local status=0
  tappy "$1" >"$TEMP/out" 2>&1 || status=$?
  printf '%s: %s' "$status" "$(sed -n 's/^\(OK\|A plan must\).*/&/p' "$TEMP/out")"
}
same "KTAP" "1: A plan must appear at the beginning or end of the file." "$(verdict "$TEMP/run.ktap")"
same "without its first line" "0: OK (skipped=1)" "$(verdict "$TEMP/run.tap")"
