#!/usr/bin/env bash
# Builds the guest's kernel into the cache: linux-<key>/ holds its Image and
# the build tree that modules are built against.
#   KERNEL=path  use this Image, build nothing
. "$(dirname "$0")/lib.sh"

if [ -n "${KERNEL:-}" ]; then
  [ -r "$KERNEL" ] || die "KERNEL=$KERNEL cannot be read"
  publish KERNEL "$(realpath "$KERNEL")"
  exit 0
fi

"$ROOT/scripts/fetch.sh" linux
source=$CACHE/linux-source/tree
version=$(cat "$CACHE/linux-source/version")
fragment=$ROOT/guest-scripts/kernel.config
compiler=$("${CROSS}gcc" -dumpfullversion)
out=$CACHE/linux-$(key "$version" "$compiler" <"$fragment")

kmake() {
  make -C "$source" O="$out/build" ARCH=arm64 CROSS_COMPILE="$CROSS" \
    KBUILD_BUILD_USER=pccd KBUILD_BUILD_HOST=pccd KBUILD_BUILD_TIMESTAMP=@0 -j "$JOBS" "$@"
}

configure_kernel() {
  kmake tinyconfig
  (cd "$out/build" && "$source/scripts/kconfig/merge_config.sh" -m -O . .config "$fragment")
  kmake olddefconfig
  # An option that Kconfig dropped would show much later, as a dead guest.
  local missing
  missing=$(grep -E '^CONFIG_[A-Z0-9_]+=' "$fragment" |
    grep -vxFf "$out/build/.config" || :)
  missing+=$(sed -n 's/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1=/p' "$fragment" |
    grep -Ff - "$out/build/.config" || :)
  [ -z "$missing" ] ||
    { echo "options of $fragment that this kernel does not take:"; echo "$missing"; return 1; }
}

build_kernel() {
  [ ! -e "$out/Image" ] || return 0
  say "Linux $version with guest-scripts/kernel.config is not in the cache yet"
  rm -rf "$out" && mkdir -p "$out/build"
  step "configuring Linux" "10 s" configure_kernel
  step "building Linux $version" "3 min" kmake Image modules_prepare
  step "preparing Linux for modules" "10 s" kmake modules
  ln "$out/build/arch/arm64/boot/Image" "$out/Image"
}

locked linux build_kernel
publish KERNEL "$out/Image"
publish KERNEL_BUILD "$out/build"
