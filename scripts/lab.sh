#!/usr/bin/env bash
# Everything a run needs, built or taken from the cache. More for the checks:
# "base" adds the unpatched QEMU, "6.12" Linux 6.12 and the drivers for it,
# "debug" Linux 7.x as a debug kernel and the same, "debian" Debian's kernels.
. "$(dirname "$0")/lib.sh"

base='' kernels=() more=()
for word; do
  case $word in
    base) base=base ;;
    6.12) kernels+=(6.12) more+=(linux-6.12) ;;
    debug) kernels+=(debug) ;;
    debian) more+=(debian debian-6.12) ;;
    *) die "lab.sh: '$word' is not one of base, 6.12, debug, debian" ;;
  esac
done

"$ROOT/scripts/setup.sh"
# All downloads first: what fails for want of a mirror fails at once.
sources=(firmware busybox "${more[@]}")
[ -n "${QEMU:-}${QEMU_SRC:-}" ] || sources+=(qemu)
[ -n "${KERNEL:-}" ] || sources+=(linux)
"$ROOT/scripts/fetch.sh" "${sources[@]}"
"$ROOT/scripts/qemu.sh" $base
"$ROOT/scripts/kernel.sh"
"$ROOT/scripts/rust.sh"
"$ROOT/scripts/guest.sh"
for kernel in "${kernels[@]}"; do
  "$ROOT/scripts/kernel.sh" "$kernel"
  "$ROOT/scripts/guest.sh" "$kernel"
done
for kernel in "${more[@]}"; do
  case $kernel in
    debian*)
      name=KERNEL_${kernel//[-.]/_}
      publish "${name^^}" "$CACHE/$kernel/$(cat "$CACHE/$kernel/version")"
      ;;
  esac
done
