#!/usr/bin/env bash
# Builds the patched QEMU into the cache: qemu-<key>/ holds the emulator, with
# "tests" its tests too. With "base" it builds the unpatched QEMU too, for
# comparison.
#   QEMU=path      use this emulator, build nothing
#   QEMU_SRC=path  take this git tree's HEAD instead of Debian's source; the
#                  series is applied unless the tree has it already
. "$(dirname "$0")/lib.sh"

meson=1.5.0 pycotap=1.3.1
tests=(tests/qtest/{pcc-test,pcc-channel-test,bios-tables-test}
  tests/unit/{test-pcc-mailbox,test-pcc-folder,test-util-filemonitor})
units=2400 # of lib.sh
PATCHES=$ROOT/qemu-patches

if [ -n "${QEMU:-}" ]; then
  [ -x "$QEMU" ] || die "QEMU=$QEMU cannot be executed"
  "$QEMU" -machine virt,help | grep -q '^ *pcc=' ||
    die "QEMU=$QEMU has no PCC device; apply qemu-patches/ to it (see qemu-patches/README.md)"
  publish QEMU "$(realpath "$QEMU")"
  exit 0
fi

if [ -n "${QEMU_SRC:-}" ]; then
  git -C "$QEMU_SRC" rev-parse -q --verify HEAD >/dev/null ||
    die "QEMU_SRC=$QEMU_SRC is not a git tree"
  tree=$(realpath "$QEMU_SRC")
else
  tree=$CACHE/qemu-source/tree
  [ -e "$tree/../version" ] || planned $units "build QEMU" "$tree/../version"
  "$ROOT/scripts/fetch.sh" qemu
fi
version=$(cat "$tree/VERSION")
compiler=$(gcc -dumpfullversion)
common=("$(git -C "$tree" rev-parse 'HEAD^{tree}')" "$compiler" "$meson"
  "${QEMU_OPTIONS[@]}" "${QEMU_DEVICES[@]}" "${QEMU_OPTIMISED[@]}")
series_key=$(cat "$PATCHES"/[0-9]*.patch | key series "${common[@]}")
planned $units "build QEMU" "$CACHE/qemu-$series_key/qemu-system-aarch64"
base_key=$(key base "${common[@]}" </dev/null)
WORK=$CACHE/qemu-work-$(key "$tree" "${QEMU_OPTIONS[@]}" "${QEMU_OPTIMISED[@]}" </dev/null | cut -c1-8)
use_ccache

venv() {
  [ -e "$CACHE/venv/ready-$meson-$pycotap" ] && return
  rm -rf "$CACHE/venv"
  python3 -m venv "$CACHE/venv"
  "$CACHE/venv/bin/pip" install -q "meson==$meson" "pycotap==$pycotap"
  touch "$CACHE/venv/ready-$meson-$pycotap"
}

apply_series() {
  [ ! -e "$WORK/docs/specs/pcc.rst" ] || return 0
  apply_patch "$PATCHES"/[0-9]*.patch
}

# sources KEY: what KEY is built from, configured. What is there stays as it
# is, so that a build goes on where it stopped.
sources() {
  step "meson $meson for QEMU, from the Python registry" "5 s" venv
  if [ "$(cat "$WORK/.git/pccd-key" 2>/dev/null)" != "$1" ]; then
    rm -f "$WORK/.git/pccd-key"
    work_tree
    [ "$1" = "$base_key" ] ||
      step "applying qemu-patches with git am -3" "2 s" apply_series
    printf '%s\n' "$1" >"$WORK/.git/pccd-key"
  fi
  step "configuring QEMU" "15 s" configure_qemu
}

# build KEY WHAT TARGET...: into qemu-KEY/, the last one last.
build() {
  local out=$CACHE/qemu-$1 what=$2 target
  shift 2
  step "building $what" "$(about $units)" ninja -C "$WORK/build" -j "$JOBS" "$@"
  # What bios-tables-test looks for, below the folder it runs in.
  mkdir -p "$out/tests/data/acpi" "$out/tests/data/uefi-boot-images" "$out/pc-bios"
  cp -r "$WORK/tests/data/acpi/aarch64" "$out/tests/data/acpi/"
  cp "$WORK"/tests/data/uefi-boot-images/*.aarch64.* "$out/tests/data/uefi-boot-images/"
  for target; do
    cp "$WORK/build/$target" "$out/new" && mv "$out/new" "$out/$(basename "$target")"
  done
}

series() {
  local out=$CACHE/qemu-$series_key patches
  if [ ! -x "$out/qemu-system-aarch64" ]; then
    patches=$(find "$PATCHES" -name '[0-9]*.patch' | wc -l)
    say "QEMU $version with $patches patches is not in the cache yet"
    sources "$series_key"
    build "$series_key" "QEMU $version" qemu-system-aarch64
  fi
  if [ -n "$with_tests" ] && ! ls "${tests[@]/#*\//$out/}" >/dev/null 2>&1; then
    sources "$series_key"
    units=250
    build "$series_key" "QEMU's tests" "${tests[@]}"
  fi
}

unpatched() {
  [ ! -x "$CACHE/qemu-$base_key/qemu-system-aarch64" ] || return 0
  sources "$base_key"
  units=400 # the most of it is the series' too
  build "$base_key" "QEMU $version, unpatched" qemu-system-aarch64
}

with_tests='' with_base=''
for word; do
  case $word in
    tests) with_tests=yes ;;
    base) with_base=yes ;;
    *) die "qemu.sh: '$word' is not one of tests, base" ;;
  esac
done
locked qemu series
publish QEMU "$CACHE/qemu-$series_key/qemu-system-aarch64"
if [ -n "$with_base" ]; then
  locked qemu unpatched
  publish QEMU_BASE "$CACHE/qemu-$base_key/qemu-system-aarch64"
fi
"$ROOT/scripts/fetch.sh" firmware
publish FIRMWARE "$CACHE/firmware/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
