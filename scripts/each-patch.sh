#!/usr/bin/env bash
# Builds QEMU at every patch of the series, so that git bisect works in it.
# Stamped in the cache: a series that passed is not built again.
. "$(dirname "$0")/lib.sh"

PATCHES=$ROOT/qemu-patches
tree=$CACHE/qemu-source/tree
WORK=$CACHE/qemu-each-patch
stamp=$CACHE/each-patch-$(cat "$PATCHES"/[0-9]*.patch |
  key each "$(git -C "$tree" rev-parse 'HEAD^{tree}')")
if [ -e "$stamp" ]; then
  cat "$stamp"
  exit 0
fi

use_ccache
work_tree
configure_qemu --enable-werror
cd "$WORK/build"
say "1..$(find "$PATCHES" -name '[0-9]*.patch' | wc -l)" | tee "$stamp.new"
n=0
for patch in "$PATCHES"/[0-9]*.patch; do
  n=$((n + 1))
  apply_patch "$patch"
  ninja -j "$JOBS" qemu-system-aarch64
  say "ok $n $(basename "$patch")" | tee -a "$stamp.new"
done
mv "$stamp.new" "$stamp"
