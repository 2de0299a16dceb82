#!/usr/bin/env bash
# Builds QEMU with ASan and UBSan and runs the PCC tests on it, the random one
# with ten million accesses. Stamped in the cache: what passed does not run again.
. "$(dirname "$0")/lib.sh"

PATCHES=$ROOT/qemu-patches
accesses=10000000
tree=$CACHE/qemu-source/tree
WORK=$CACHE/qemu-sanitized
stamp=$CACHE/sanitized-$(cat "$PATCHES"/[0-9]*.patch "$0" |
  key sanitized "$(git -C "$tree" rev-parse 'HEAD^{tree}')")
if [ -e "$stamp" ]; then
  cat "$stamp"
  exit 0
fi

use_ccache
work_tree
configure_qemu --enable-asan --enable-ubsan
cd "$WORK/build"
apply_patch "$PATCHES"/[0-9]*.patch
ninja -j "$JOBS" qemu-system-aarch64 tests/qtest/pcc-test tests/qtest/pcc-channel-test \
  tests/unit/test-pcc-mailbox tests/unit/test-pcc-folder

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# Leaks at exit are QEMU's habit, and no report of ours.
export ASAN_OPTIONS=detect_leaks=0:log_path=$reports/asan
export UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan
export PCC_TEST_ACCESSES=$accesses QTEST_QEMU_BINARY=./qemu-system-aarch64
{
  tests/unit/test-pcc-mailbox --tap -k
  tests/unit/test-pcc-folder --tap -k
  tests/qtest/pcc-test --tap -k
  tests/qtest/pcc-channel-test --tap -k
} | tee "$stamp.new"
# ASan says of every QEMU, in its log, that it cannot follow coroutines' stacks.
found=$(cat "$reports"/* 2>/dev/null |
  sed -E '/^==[0-9]+==WARNING: ASan doesn.t fully support makecontext/d')
if [ -n "$found" ]; then
  printf '%s\n' "$found"
  die "the sanitizers reported the above"
fi
mv "$stamp.new" "$stamp"
