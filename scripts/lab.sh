#!/usr/bin/env bash
# Everything a run needs, built or taken from the cache. With "base" also the
# unpatched QEMU.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/setup.sh"
# All downloads first: what fails for want of a mirror fails at once.
sources=(firmware busybox)
[ -n "${QEMU:-}${QEMU_SRC:-}" ] || sources+=(qemu)
[ -n "${KERNEL:-}" ] || sources+=(linux)
"$ROOT/scripts/fetch.sh" "${sources[@]}"
"$ROOT/scripts/qemu.sh" "$@"
"$ROOT/scripts/kernel.sh"
"$ROOT/scripts/rust.sh"
"$ROOT/scripts/guest.sh"
