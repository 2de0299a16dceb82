#!/usr/bin/env bash
# make demo: builds what is missing, boots the guest and shows its exchanges.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/lab.sh" quick
rm -rf "$ROOT/target/demo"
status=0
"$(published PCCLAB)" run --exchanges --logs "$ROOT/target/demo" \
  -- sh /tests/demo.sh || status=$?
say "make demo took $(duration $SECONDS)."
exit $status
