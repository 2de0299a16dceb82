#!/usr/bin/env bash
# Everything a run needs, built or taken from the cache. More for the checks:
# "base" adds the unpatched QEMU, "6.12" Linux 6.12 and the drivers for it.
. "$(dirname "$0")/lib.sh"

base='' linux=''
for word; do
  case $word in
    base) base=base ;;
    6.12) linux=6.12 ;;
    *) die "lab.sh: '$word' is not one of base, 6.12" ;;
  esac
done

"$ROOT/scripts/setup.sh"
# All downloads first: what fails for want of a mirror fails at once.
sources=(firmware busybox ${linux:+linux-6.12})
[ -n "${QEMU:-}${QEMU_SRC:-}" ] || sources+=(qemu)
[ -n "${KERNEL:-}" ] || sources+=(linux)
"$ROOT/scripts/fetch.sh" "${sources[@]}"
"$ROOT/scripts/qemu.sh" $base
"$ROOT/scripts/kernel.sh"
"$ROOT/scripts/rust.sh"
"$ROOT/scripts/guest.sh"
if [ -n "$linux" ]; then
  "$ROOT/scripts/kernel.sh" "$linux"
  "$ROOT/scripts/guest.sh" "$linux"
fi
