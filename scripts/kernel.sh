#!/usr/bin/env bash
# Builds a guest's kernel into the cache: linux-<key>/ holds its Image and the
# build tree that modules are built against.
# usage: kernel.sh        the lab's kernel, Linux 7.x, as KERNEL
#        kernel.sh 6.12   Debian 13's kernel too, as KERNEL_6_12
#        kernel.sh debug  the first with kernel-debug.config, as KERNEL_DEBUG
#   KERNEL=path  use this Image for the first, build nothing
. "$(dirname "$0")/lib.sh"

case ${1:-} in
  '')
    name=KERNEL from=linux
    source=$CACHE/linux-source/tree
    if [ -n "${KERNEL:-}" ]; then
      [ -r "$KERNEL" ] || die "KERNEL=$KERNEL cannot be read"
      publish KERNEL "$(realpath "$KERNEL")"
      exit 0
    fi
    ;;
  6.12) name=KERNEL_6_12 from=linux-6.12 source=$CACHE/linux-6.12-source/tree ;;
  debug) name=KERNEL_DEBUG from=linux source=$CACHE/linux-source/tree ;;
  *) die "kernel.sh: '$1' is not one of 6.12, debug" ;;
esac

units=3500 # of lib.sh
[ -e "$source/../version" ] || planned $units "build Linux" "$source/../version"
"$ROOT/scripts/fetch.sh" "$from"
version=$(cat "$source/../version")
fragments=("$ROOT/guest-scripts/kernel.config")
[ -z "${1:-}" ] || fragments+=("$ROOT/guest-scripts/kernel-$1.config")
compiler=$("${CROSS}gcc" -dumpfullversion)
out=$CACHE/linux-$(cat "${fragments[@]}" | key "$version" "$compiler")
planned $units "build Linux" "$out/Image"

kmake() {
  make -C "$source" O="$out/build" ARCH=arm64 CROSS_COMPILE="$CROSS" \
    KBUILD_BUILD_USER=pccd KBUILD_BUILD_HOST=pccd KBUILD_BUILD_TIMESTAMP=@0 -j "$JOBS" "$@"
}

# What the fragments ask for; the last word on an option counts.
asked() {
  cat "${fragments[@]}" | tac | grep -oE '^(CONFIG_[A-Z0-9_]+=.*|# CONFIG_[A-Z0-9_]+ is not set)$' |
    awk '{ match($0, /CONFIG_[A-Z0-9_]+/) } !seen[substr($0, RSTART, RLENGTH)]++'
}

configure_kernel() {
  kmake tinyconfig
  (cd "$out/build" && "$source/scripts/kconfig/merge_config.sh" -m -O . .config "${fragments[@]}")
  kmake olddefconfig
  # An option that Kconfig dropped would show much later, as a dead guest.
  local missing
  missing=$(asked | grep -v '^#' | grep -vxFf "$out/build/.config" || :)
  missing+=$(asked | sed -n 's/^# \(.*\) is not set$/\1=/p' | grep -Ff - "$out/build/.config" || :)
  [ -z "$missing" ] ||
    { echo "options of ${fragments[*]} that this kernel does not take:"; echo "$missing"; return 1; }
}

build_kernel() {
  [ ! -e "$out/Image" ] || return 0
  say "Linux $version with ${fragments[*]##*/} is not in the cache yet"
  # What a build before this one left goes on from there.
  mkdir -p "$out/build"
  step "configuring Linux" "10 s" configure_kernel
  step "building Linux $version${1:+ ($1)}" "$(about $units)" kmake Image modules_prepare
  step "preparing Linux for modules" "10 s" kmake modules
  ln "$out/build/arch/arm64/boot/Image" "$out/Image"
}

locked linux build_kernel "$@"
publish "$name" "$out/Image"
publish "${name}_BUILD" "$out/build"
