#!/usr/bin/env bash
# Shows what changed in the tables of our QEMU, and takes it over as golden.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/qemu.sh"
cd "$ROOT"
GOLDEN=update cargo test -q --locked --workspace --test acpi golden_tables -- --nocapture
git --no-pager diff --stat -- tests/golden
say "the text beside each table shows every field: git diff tests/golden"
