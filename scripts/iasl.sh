#!/usr/bin/env bash
# A current iasl, the judge of our tables: enters IASL= into the list of what
# was built. IASL=path takes another one (of 2024 or later).
. "$(dirname "$0")/lib.sh"

if [ -n "${IASL:-}" ]; then
  [ -x "$IASL" ] || die "IASL=$IASL is not a program"
  publish IASL "$(realpath "$IASL")"
  exit
fi
"$ROOT/scripts/fetch.sh" iasl
publish IASL "$CACHE/iasl/iasl"
