#!/usr/bin/env bash
# make demo: builds what is missing, boots the guest and shows its exchanges.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/lab.sh"
pcclab=$(sed -n 's/^PCCLAB=//p' "$ENV_FILE")
rm -rf "$ROOT/target/demo"
status=0
# shellcheck disable=SC2086 # DEMO_ARGS holds several words
"$pcclab" run --exchanges --logs "$ROOT/target/demo" ${DEMO_ARGS:-} \
  -- sh /tests/demo.sh || status=$?
say "make demo took $(duration $SECONDS)."
exit $status
