#!/usr/bin/env bash
# Builds what runs in the guest: the programs mctp and fwcfg, the drivers mctp-pcc,
# pcc-client and mpam-fb for the kernel of kernel.sh, the table that pcc-client binds to,
# and the base initramfs.
# usage: guest.sh        for the lab's kernel, as MODULE, PCC_CLIENT, INITRD ...
#        guest.sh 6.12|debug   the drivers for KERNEL_6_12 too, as MODULE_6_12 ...
#        guest.sh debian|debian-6.12   pcc-client and mpam-fb for Debian's kernel, as PCC_CLIENT_DEBIAN ...
#   MODULE=path  use this driver instead of mctp-pcc
. "$(dirname "$0")/lib.sh"

compiler=$("${CROSS}gcc" -dumpfullversion)

# drivers BUILD-TREE: sets $modules to the folder where the drivers for it lie
drivers() {
  local name
  [ -e "$1/source" ] ||
    die "the source of $1 is gone; remove ${1%/build}, which is built again then, and run this again"
  modules=$CACHE/modules-$(key "$compiler" "$1" \
    "$(hash_of guest-scripts/mctp-pcc guest-scripts/pcc-client guest-scripts/mpam-fb)" </dev/null)
  for name in mctp-pcc pcc-client mpam-fb; do
    [ -e "$modules/$name/$name.ko" ] ||
      locked guest step "building the $name driver" "5 s" build_driver "$1" "$name"
  done
}

build_driver() { # BUILD-TREE NAME [MAKE-VARIABLE]...
  mkdir -p "$modules"
  rm -rf "${modules:?}/$2" && cp -r "$ROOT/guest-scripts/$2" "$modules/$2"
  make -C "$1" M="$modules/$2" ARCH=arm64 CROSS_COMPILE="$CROSS" W=1 KCFLAGS=-Werror "${@:3}" modules
}

# debian NAME: all but mctp-pcc, as Debian's kernels have no MCTP. Built with
# their headers and the host's programs of our kernel of that series. Debian's
# compiler is newer, and knows one option more.
debian() {
  local build headers=$CACHE/$1/headers name release tree
  release=$(cat "$CACHE/$1/version") tree=$headers/linux-headers-$release
  case $1 in debian) build=KERNEL_BUILD ;; *) build=KERNEL_6_12_BUILD ;; esac
  build=$(published "$build")
  # Without such a kernel, or the headers, there is no such driver.
  { [ -e "$build/source" ] && [ -e "$headers" ]; } || return 0
  modules=$CACHE/modules-$(key "$compiler" "$build" "$release" "$(hash_of guest-scripts/pcc-client guest-scripts/mpam-fb)" </dev/null)
  for name in pcc-client mpam-fb; do
    [ -e "$modules/$name/$name.ko" ] ||
      locked guest step "building the $name driver" "5 s" build_debian "$tree" "$build" "$name"
  done
  publish "PCC_CLIENT$suffix" "$modules/pcc-client/pcc-client.ko"
  publish "MPAM_FB$suffix" "$modules/mpam-fb/mpam-fb.ko"
}

build_debian() { # TREE BUILD-TREE NAME
  ln -sfn "$2/scripts" "$1/scripts"
  ln -sfn "$(realpath "$2/source")/scripts" "${1%-arm64}-common/scripts"
  build_driver "$1" "$3" CC="${CROSS}gcc" CONFIG_DEBUG_INFO_BTF_MODULES= \
    CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=
}

if [ -n "${1:-}" ]; then
  suffix=${1//[-.]/_} suffix=_${suffix^^}
  case $1 in debian*) debian "$1"; exit ;; esac
  drivers "$(published "KERNEL${suffix}_BUILD")"
  publish "MODULE$suffix" "$modules/mctp-pcc/mctp-pcc.ko"
  publish "PCC_CLIENT$suffix" "$modules/pcc-client/pcc-client.ko"
  publish "MPAM_FB$suffix" "$modules/mpam-fb/mpam-fb.ko"
  exit 0
fi

"$ROOT/scripts/fetch.sh" busybox
busybox=$CACHE/busybox
modules=''
[ -n "${KERNEL:-}" ] || drivers "$(published KERNEL_BUILD)"

build_program() { # NAME
  "${CROSS}gcc" -O2 -static -Wall -Wextra -Werror -o "$out/$1" \
    "$ROOT/guest-scripts/$1"/*.c
}

build_initrd() {
  "$(published PCCLAB)" initrd --busybox "$busybox/usr/bin/busybox" --program "$out/mctp" --program "$out/fwcfg" \
    --guest-scripts "$ROOT/guest-scripts" ${modules:+--module "$modules/mctp-pcc/mctp-pcc.ko"} \
    "$out/initrd.img"
}

build_table() {
  iasl -p "$out/new" "$ROOT/guest-scripts/pcc-client/pcc-client.asl"
  mv "$out/new.aml" "$out/pcc-client.aml"
}

guest() {
  local program
  mkdir -p "$out"
  for program in mctp fwcfg; do
    [ -x "$out/$program" ] || step "building the guest's $program program" "2 s" build_program "$program"
  done
  [ -e "$out/pcc-client.aml" ] || step "compiling pcc-client.asl" "1 s" build_table
  step "compiling the tables of the platforms" "1 s" "$(published PCCLAB)" tables
  [ -e "$out/initrd.img" ] || step "packing the initramfs" "1 s" build_initrd
}

out=$CACHE/guest-$(key "$compiler" "$(cat "$busybox/version")" "$modules" \
  "$(hash_of guest-scripts pcclab/src/initramfs.rs)" </dev/null)
locked guest guest
publish INITRD "$out/initrd.img"
publish PCC_CLIENT_AML "$out/pcc-client.aml"
if [ -n "${MODULE:-}" ]; then
  [ -r "$MODULE" ] || die "MODULE=$MODULE cannot be read"
  publish MODULE "$(realpath "$MODULE")"
elif [ -n "$modules" ]; then
  publish MODULE "$modules/mctp-pcc/mctp-pcc.ko"
else
  # Somebody's own kernel: their driver is built in, or named by MODULE=.
  sed -i '/^MODULE=/d' "$ENV_FILE"
fi
if [ -n "$modules" ]; then
  publish PCC_CLIENT "$modules/pcc-client/pcc-client.ko"
  publish MPAM_FB "$modules/mpam-fb/mpam-fb.ko"
else
  sed -i '/^PCC_CLIENT=/d;/^MPAM_FB=/d' "$ENV_FILE"
fi
