#!/usr/bin/env bash
# Builds what runs in the guest: the mctp program, the mctp-pcc driver for the
# kernel of kernel.sh, and the base initramfs.
#   MODULE=path  use this driver
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/fetch.sh" busybox
busybox=$CACHE/busybox
source=$CACHE/linux-source/tree
compiler=$("${CROSS}gcc" -dumpfullversion)
linux=$(published KERNEL_BUILD)
[ -n "${KERNEL:-}" ] && linux=

build_module() {
  rm -rf "$out/module" && cp -r "$ROOT/guest-scripts/mctp-pcc" "$out/module"
  make -C "$linux" M="$out/module" ARCH=arm64 CROSS_COMPILE="$CROSS" W=1 modules
}

build_mctp() {
  "${CROSS}gcc" -O2 -static -Wall -Wextra -Werror -o "$out/mctp" \
    "$ROOT"/guest-scripts/mctp/*.c
}

build_initrd() {
  "$(published PCCLAB)" initrd --busybox "$busybox/usr/bin/busybox" --mctp "$out/mctp" \
    --guest-scripts "$ROOT/guest-scripts" ${linux:+--module "$out/module/mctp-pcc.ko"} "$out/initrd.img"
}

guest() {
  mkdir -p "$out"
  [ -x "$out/mctp" ] || step "building the guest's mctp program" "2 s" build_mctp
  if [ -n "$linux" ] && [ ! -e "$out/module/mctp-pcc.ko" ]; then
    [ -d "$source" ] || die "$source is gone; remove $linux and run again"
    step "building the mctp-pcc driver" "5 s" build_module
  fi
  [ -e "$out/initrd.img" ] || step "packing the initramfs" "1 s" build_initrd
}

out=$CACHE/guest-$(key "$compiler" "$(cat "$busybox/version")" "$linux" \
  "$(hash_of guest-scripts pcclab/src/initramfs.rs)" </dev/null)
locked guest guest
publish INITRD "$out/initrd.img"
if [ -n "${MODULE:-}" ]; then
  [ -r "$MODULE" ] || die "MODULE=$MODULE cannot be read"
  publish MODULE "$(realpath "$MODULE")"
elif [ -n "$linux" ]; then
  publish MODULE "$out/module/mctp-pcc.ko"
else
  # Somebody's own kernel: their driver is built in, or named by MODULE=.
  sed -i '/^MODULE=/d' "$ENV_FILE"
fi
