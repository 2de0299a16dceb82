#!/usr/bin/env bash
# Everything a run needs, built or taken from the cache. More for the checks:
# "base" adds the unpatched QEMU, "6.12" Linux 6.12 and the drivers for it,
# "debug" Linux 7.x as a debug kernel and the same, "debian" Debian's kernels.
# "quick", for the demo, is content with a pccd and a pcclab built in a hurry,
# "dev", for the checks, with what cargo has built for their tests.
. "$(dirname "$0")/lib.sh"

base='' rust=() kernels=() more=()
for word; do
  case $word in
    base) base=base ;;
    quick | dev) rust=("$word") ;;
    6.12) kernels+=(6.12) more+=(linux-6.12) ;;
    debug) kernels+=(debug) ;;
    debian) more+=(debian debian-6.12) ;;
    *) die "lab.sh: '$word' is not one of base, quick, dev, 6.12, debug, debian" ;;
  esac
done

"$ROOT/scripts/setup.sh"
sources=(firmware busybox iasl "${more[@]}")
[ -n "${QEMU:-}${QEMU_SRC:-}" ] || sources+=(qemu)
[ -n "${KERNEL:-}" ] || sources+=(linux)

# What is there to do, and how long will it take?
plan() {
  export PLAN=1
  "$ROOT/scripts/fetch.sh" "${sources[@]}"
  "$ROOT/scripts/rust.sh" "${rust[@]}"
  [ -n "${QEMU:-}" ] || "$ROOT/scripts/qemu.sh"
  [ -n "${KERNEL:-}" ] || "$ROOT/scripts/kernel.sh"
  for kernel in "${kernels[@]}"; do "$ROOT/scripts/kernel.sh" "$kernel"; done
}
todo=$(plan)
if [ -n "$todo" ]; then
  calibrate
  say "To do, and then kept in $CACHE:"
  total=0
  while read -r units what; do
    say "  $what, $(about "$units")"
    total=$((total + units))
  done <<<"$todo"
  say "Together $(about $total), as busy as it is now, and what the network takes."
fi

# Downloads and what needs none go side by side.
clear=''
[ ! -t 1 ] || clear=$'\r\033[K'
"$ROOT/scripts/fetch.sh" "${sources[@]}" > >(sed -u "s/^/$clear/") 2>&1 & fetch=$!
"$ROOT/scripts/rust.sh" "${rust[@]}" || { wait; exit 1; }
wait $fetch
"$ROOT/scripts/qemu.sh" $base
"$ROOT/scripts/plugin.sh"
"$ROOT/scripts/kernel.sh"
"$ROOT/scripts/iasl.sh" # compiles the platforms' tables
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
      "$ROOT/scripts/guest.sh" "$kernel"
      ;;
  esac
done
