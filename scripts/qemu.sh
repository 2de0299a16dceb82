#!/usr/bin/env bash
# Builds the patched QEMU into the cache: qemu-<key>/ holds the emulator and
# its qtest. With "base" it builds the unpatched QEMU too, for comparison.
#   QEMU=path      use this emulator, build nothing
#   QEMU_SRC=path  take this git tree's HEAD instead of Debian's source; the
#                  series is applied unless the tree has it already
. "$(dirname "$0")/lib.sh"

meson=1.5.0 pycotap=1.3.1
targets=(qemu-system-aarch64
  tests/qtest/{pcc-test,pcc-channel-test,bios-tables-test}
  tests/unit/{test-pcc-mailbox,test-pcc-folder,test-util-filemonitor})
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
  "$ROOT/scripts/fetch.sh" qemu
  tree=$CACHE/qemu-source/tree
fi
version=$(cat "$tree/VERSION")
compiler=$(gcc -dumpfullversion)
common=("$(git -C "$tree" rev-parse 'HEAD^{tree}')" "$compiler" "$meson" "${QEMU_OPTIONS[@]}")
series_key=$(cat "$PATCHES"/[0-9]*.patch | key series "${common[@]}" "${targets[@]}")
base_key=$(key base "${common[@]}" </dev/null)
WORK=$CACHE/qemu-work-$(printf '%s' "$tree" | sha256sum | cut -c1-8)
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

# build KEY TARGET...
build() {
  local out=$CACHE/qemu-$1
  shift
  (cd "$WORK/build" && step "building QEMU $version${what:+, $what}" "5 min the first time" \
    ninja -j "$JOBS" "$@")
  rm -rf "$out.new" && mkdir -p "$out.new"
  cp "$WORK/build/qemu-system-aarch64" "$out.new/"
  for target in "$@"; do
    case $target in tests/*) cp "$WORK/build/$target" "$out.new/" ;; esac
  done
  # What bios-tables-test looks for, below the folder it runs in.
  mkdir -p "$out.new/tests/data/acpi" "$out.new/tests/data/uefi-boot-images" "$out.new/pc-bios"
  cp -r "$WORK/tests/data/acpi/aarch64" "$out.new/tests/data/acpi/"
  cp "$WORK"/tests/data/uefi-boot-images/*.aarch64.* "$out.new/tests/data/uefi-boot-images/"
  rm -rf "$out" && mv "$out.new" "$out"
}

series() {
  [ ! -x "$CACHE/qemu-$series_key/qemu-system-aarch64" ] || return 0
  say "QEMU $version with $(find "$PATCHES" -name '[0-9]*.patch' | wc -l) patches is not in the cache yet"
  step "meson $meson for QEMU, from the Python registry" "5 s" venv
  work_tree
  step "applying qemu-patches with git am -3" "2 s" apply_series
  step "configuring QEMU" "15 s" configure_qemu
  what='' build "$series_key" "${targets[@]}"
}

unpatched() {
  [ ! -x "$CACHE/qemu-$base_key/qemu-system-aarch64" ] || return 0
  step "meson $meson for QEMU, from the Python registry" "5 s" venv
  work_tree
  step "configuring QEMU" "15 s" configure_qemu
  what=unpatched build "$base_key" qemu-system-aarch64
}

locked qemu series
publish QEMU "$CACHE/qemu-$series_key/qemu-system-aarch64"
if [ "${1:-}" = base ]; then
  locked qemu unpatched
  publish QEMU_BASE "$CACHE/qemu-$base_key/qemu-system-aarch64"
fi
"$ROOT/scripts/fetch.sh" firmware
publish FIRMWARE "$CACHE/firmware/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
