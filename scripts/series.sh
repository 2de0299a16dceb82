#!/usr/bin/env bash
# What is too slow for every run: the QEMU series built and tested in ways that
# scripts/qemu.sh does not. Stamped in the cache: what passed does not run again.
# usage: series.sh each-patch|sanitized|10.2
#   each-patch  built at every patch, so that git bisect works in it
#   sanitized   ours with ASan and UBSan, the random test with ten million accesses
#   10.2        on QEMU 10.2
. "$(dirname "$0")/lib.sh"

PATCHES=$ROOT/qemu-patches
base=$CACHE/qemu-source/tree
tree=$base
tests=(tests/unit/test-{pcc-mailbox,pcc-folder,util-filemonitor} tests/qtest/pcc-{test,channel-test})
export QTEST_QEMU_BINARY=./qemu-system-aarch64

# Work tree $CACHE/qemu-$1, configured with the options that follow
prepare() {
  WORK=$CACHE/qemu-$1
  shift
  use_ccache
  work_tree
  configure_qemu "$@"
  cd "$WORK/build"
}

build() { ninja -j "$JOBS" qemu-system-aarch64 "${tests[@]}"; }

run() { for test in "${tests[@]}"; do "$test" --tap -k; done; }

each_patch() {
  local n=0 patch
  prepare each-patch --enable-werror
  say "1..$(find "$PATCHES" -name '[0-9]*.patch' | wc -l)"
  for patch in "$PATCHES"/[0-9]*.patch; do
    n=$((n + 1))
    apply_patch "$patch"
    ninja -j "$JOBS" qemu-system-aarch64 >&2
    say "ok $n $(basename "$patch")"
  done
}

# Instrumented is what the series adds; the rest of QEMU is as in every build,
# and comes from the cache. malloc() is ASan's for all.
sanitized() {
  local reports found
  export QEMU_CC='case " $* " in
  *" -c "*/hw/pcc/*.c" "* | *" -c "*/pcct.c" "* | *" -c "*/test-pcc-*.c" "*) ;;
  *" -c "*) false ;;
esac && exec gcc -fsanitize=address,undefined -fno-omit-frame-pointer "$@"'
  prepare sanitized
  apply_patch "$PATCHES"/[0-9]*.patch
  build >&2
  reports=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now is meant
  trap "rm -rf '$reports'" EXIT
  # Leaks at exit are QEMU's habit, and no report of ours.
  export ASAN_OPTIONS=detect_leaks=0:log_path=$reports/asan
  export UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan
  export PCC_TEST_ACCESSES=10000000
  run
  # ASan says of every QEMU, in its log, that it cannot follow coroutines' stacks.
  found=$(cat "$reports"/* 2>/dev/null | grep -vE -e "ASan doesn.t fully support makecontext" \
    -e __asan_handle_no_return -e '^False positive error reports may follow' -e '^For details see http') || :
  if [ -n "$found" ]; then
    printf '%s\n' "$found"
    die "the sanitizers reported the above"
  fi
}

# The same patches, moved there from 10.0, so that git knows the files they were
# made for; 10.1 made the data of class_init functions const.
newer() {
  "$ROOT/scripts/fetch.sh" qemu-10.2 >&2
  WORK=$CACHE/qemu-10.2
  use_ccache
  work_tree
  apply_patch "$PATCHES"/[0-9]*.patch
  git -C "$WORK" fetch -q "$CACHE/qemu-10.2-source/tree" HEAD
  git -C "$WORK" -c user.name=pccd -c user.email=pccd@localhost \
    rebase -q --onto FETCH_HEAD "$(git -C "$base" rev-parse HEAD)"
  sed -i -E 's/(ObjectClass \*oc, )void \*data/\1const void *data/' "$WORK"/hw/pcc/*.c
  # Without CXL its virt does not link.
  configure_qemu -Ddefault_devices=true
  cd "$WORK/build"
  build >&2
  run
}

case ${1:-} in
  each-patch) what=each_patch ;;
  sanitized) what=sanitized ;;
  10.2) what=newer ;;
  *) die "series.sh: '${1:-}' is not one of each-patch, sanitized, 10.2" ;;
esac
stamp=$CACHE/series-$1-$(cat "$PATCHES"/[0-9]*.patch "$0" |
  key "$1" "$(git -C "$base" rev-parse 'HEAD^{tree}')" "${QEMU_OPTIONS[@]}" "${QEMU_DEVICES[@]}" "${QEMU_OPTIMISED[@]}")
if [ ! -e "$stamp" ]; then
  rm -f "$CACHE/series-$1-"*
  "$what" | tee "$stamp.new"
  mv "$stamp.new" "$stamp"
else
  cat "$stamp"
fi
