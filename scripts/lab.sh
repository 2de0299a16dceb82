#!/usr/bin/env bash
# Everything a run needs, built or taken from the cache. With "base" also the
# unpatched QEMU.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/setup.sh"
"$ROOT/scripts/qemu.sh" "$@"
"$ROOT/scripts/kernel.sh"
"$ROOT/scripts/rust.sh"
"$ROOT/scripts/guest.sh"
