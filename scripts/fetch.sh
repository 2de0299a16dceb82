#!/usr/bin/env bash
# Fetches into the cache, from the Debian mirror this machine uses, through an
# apt root of its own (the system's sources stay untouched, signatures are
# checked):
#   QEMU 10.0.x source (trixie), Linux 7.x source (trixie-backports), Linux
#   6.12 source (trixie), edk2 and busybox for arm64, iasl and its C library
#   for the host (trixie), and Debian's own arm64 kernels with their headers,
#   7.x (trixie-backports) and 6.12 (trixie); QEMU 10.2.x source (sid);
#   the outside judges: tshark (trixie), fwts and a newer iasl (sid), chromium
#   (this machine's suite), and for the guest nvme-cli (sid) and tcpdump (trixie).
# What was fetched once is kept until the cache is removed: versions in the
# archive move on, a build should not move by itself.
# usage: fetch.sh qemu|qemu-10.2|linux|linux-6.12|firmware|busybox|iasl|debian|debian-6.12|
#   tshark|fwts|iasl-sid|nvme-cli|tcpdump|chromium ...
. "$(dirname "$0")/lib.sh"

APT=$CACHE/apt
HOST=$(dpkg --print-architecture)
apt() {
  local tool=$1
  shift
  "$tool" -q -o Dir::Etc::SourceList="$APT/sources.list" \
    -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
    -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State="$APT/state" -o Dir::State::Lists="$APT/lists" \
    -o Dir::State::status="$APT/status" -o Dir::Cache="$APT/cache" \
    -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
    -o APT::Architectures::=arm64 -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o Acquire::Retries=3 \
    -o APT::Get::AllowUnauthenticated=false "$@"
}

refresh() {
  [ -z "${refreshed:-}" ] || return 0
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite
  # shellcheck disable=SC2016 # $(…) here is apt's own format
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(SUITE) $(COMPONENT)' 'Created-By: Packages' |
    awk '$0 !~ /security|updates|backports/ && $NF == "main" { print $1; exit }')
  [ -n "$mirror" ] ||
    die "no Debian mirror in this machine's apt configuration; add one to /etc/apt/sources.list"
  say "From $mirror (suites trixie and trixie-backports, signatures checked) come the"
  say "sources of QEMU 10.0 and Linux, edk2 and busybox for the guest, and iasl. They go to"
  say "$CACHE; the system's own packages and sources.list stay as they are."
  [ -r "$keyring" ] || die "$keyring is missing; install debian-archive-keyring"
  mkdir -p "$APT"/{state,lists/partial,cache/archives/partial}
  : >"$APT/status"
  for suite in trixie trixie-backports; do
    say "deb [arch=amd64,arm64 signed-by=$keyring] $mirror $suite main"
    say "deb-src [signed-by=$keyring] $mirror $suite main"
  done >"$APT/sources.list"
  step "package lists of trixie and trixie-backports" "10 s" apt apt-get update
  refreshed=1
}

# source_versions PACKAGE -> versions, newest first
source_versions() {
  apt apt-cache showsrc "$1" | awk '/^Version: / { print $2 }' | sort -Vru
}

# fetch_qemu NAME VERSION SUITE
fetch_qemu() {
  local dir=$CACHE/$1 version
  [ -e "$dir/version" ] && return
  refresh
  [ "$3" = trixie ] || other_suite "$3" source
  version=$(source_versions qemu | grep -F "1:$2." | head -n 1)
  [ -n "$version" ] || die "$3 has no QEMU $2.x source${4:+; $4}"
  rm -rf "$dir" && mkdir -p "$dir"
  (cd "$dir" && step "QEMU $version source from Debian" "20 s" \
    apt apt-get source --download-only "qemu=$version")
  # apt has checked the signature of what it downloaded already.
  (cd "$dir" && step "unpacking QEMU" "10 s" dpkg-source -x --no-check ./*.dsc tree)
  rm -f "$dir"/*.tar.* "$dir"/*.asc
  (cd "$dir/tree" && step "QEMU into git, so that patches apply with git am" "10 s" base_commit "$version")
  say "$version" >"$dir/version"
}

# The unpacked tree as one commit, the base of the series.
base_commit() {
  rm -rf .pc .git
  git init -q -b base .
  git config user.name base && git config user.email base@localhost
  git config core.autocrlf false && git config gc.auto 0
  git add -Af . && git commit -q --no-verify -m "QEMU $1"
}

# fetch_linux NAME PATTERN SUITE: of the packages linux-source-PATTERN the newest
fetch_linux() {
  local dir=$CACHE/$1 package version
  [ -e "$dir/version" ] && return
  refresh
  package=$(apt apt-cache search --names-only "^linux-source-$2\$" |
    cut -d' ' -f1 | sort -V | tail -n 1)
  [ -n "$package" ] || die "$3 has no linux-source-$2${4:+; $4}"
  version=$(apt apt-cache show "$package" | awk '/^Version: / { print $2; exit }')
  rm -rf "$dir" && mkdir -p "$dir"
  (cd "$dir" && step "$package $version" "30 s" apt apt-get download "$package")
  (cd "$dir" && step "unpacking $package" "40 s" unpack_linux)
  say "$version" >"$dir/version"
}

# fetch_image NAME PATTERN: Debian's newest arm64 kernel linux-image-PATTERN, as
# NAME/RELEASE: vmlinuz, config and modules
fetch_image() {
  local dir=$CACHE/$1 release packages
  [ -e "$dir/version" ] && return
  refresh
  release=$(apt apt-cache search --names-only "^linux-image-$2\\+deb13-arm64\$" |
    cut -d' ' -f1 | sort -V | tail -n 1)
  [ -n "$release" ] || die "the mirror has no linux-image-$2+deb13-arm64"
  release=${release#linux-image-}
  # One package up to 6.x, several since.
  mapfile -t packages < <(apt apt-cache show "linux-image-$release:arm64" |
    grep -oE "linux-(image|base|binary|modules)-${release//+/\\+}" | sort -u)
  rm -rf "$dir" && mkdir -p "$dir"
  (cd "$dir" && step "linux-image-$release" "1 min" apt apt-get download "${packages[@]/%/:arm64}")
  (cd "$dir" && step "unpacking linux-image-$release" "20 s" unpack_image "$release")
  say "$release" >"$dir/version"
}

# fetch_headers NAME: what modules for that kernel are built with, as NAME/headers
fetch_headers() {
  local dir=$CACHE/$1 release packages
  [ ! -e "$dir/headers" ] || return 0
  refresh
  release=$(cat "$dir/version")
  packages=("linux-headers-$release:arm64" "linux-headers-${release%-arm64}-common")
  apt apt-cache show "${packages[@]}" >/dev/null ||
    die "the mirror has no linux-headers-$release any more; remove $dir, for the kernel that it has now"
  rm -rf "$dir/headers.new" && mkdir -p "$dir/headers.new"
  (cd "$dir/headers.new" && step "linux-headers-$release" "10 s" apt apt-get download "${packages[@]}")
  (cd "$dir/headers.new" && step "unpacking linux-headers-$release" "5 s" unpack_headers "$dir/headers")
  mv "$dir/headers.new" "$dir/headers"
}

# The host's programs among them are for a newer C library: guest.sh has others.
unpack_headers() { # WHERE-THEY-WILL-BE
  local deb
  for deb in *.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --strip-components=3 ./usr/src
  done
  rm -f ./*.deb
  sed -i "s|/usr/src|$1|" linux-headers-*-arm64/Makefile
}

# Of the drivers those that a guest could need
unpack_image() {
  local deb file
  for deb in *.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --wildcards --exclude='*/drivers/gpu' \
      --exclude='*/drivers/media' --exclude='*/drivers/net/*' --exclude='*/drivers/scsi' \
      --exclude='*/sound' --exclude='*/fs' --exclude='*/dtb' --exclude='./usr/share' ./
  done
  mv usr/lib/modules/* .
  for file in vmlinuz config; do
    [ ! -e "boot/$file-$1" ] || mv "boot/$file-$1" "$1/$file"
  done
  rm -rf ./*.deb boot usr lib etc
  ls "$1/vmlinuz" "$1/config" "$1/modules.order"
}

unpack_linux() {
  dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards './usr/src/linux-source-*.tar.xz'
  mkdir tree && tar -xf usr/src/linux-source-*.tar.xz -C tree --strip-components=1
  rm -rf usr ./*.deb
}

# fetch_deb NAME PACKAGE FILE-IN-PACKAGE
fetch_deb() {
  local dir=$CACHE/$1 package=$2 file=$3
  [ -e "$dir/version" ] && return
  refresh
  rm -rf "$dir" && mkdir -p "$dir"
  (cd "$dir" && step "$package" "5 s" apt apt-get download "$package")
  dpkg-deb --fsys-tarfile "$dir"/*.deb | tar -x -C "$dir" --wildcards "$file"
  (cd "$dir" && dpkg-deb -f ./*.deb Version >version.new && rm -f ./*.deb && mv version.new version)
}

# fetch_program NAME SUITE ARCHITECTURE PACKAGE PROGRAM: a Debian program with
# all it needs, under NAME/root. It may be newer than this machine's C library,
# so for the host there is a script NAME/PROGRAM that runs it with its own.
fetch_program() {
  local dir=$CACHE/$1 suite=$2 arch=$3 package=$4 program=$5
  [ -e "$dir/version" ] && return
  refresh
  [ "$suite" = trixie ] || other_suite "$suite" "$arch"
  unpack_packages "$dir" "$suite" "$arch" "$package"
  [ "$arch" != "$HOST" ] || wrapper "$dir" "$program"
  mv "$dir/version.new" "$dir/version"
}

# unpack_packages DIR SUITE ARCHITECTURE PACKAGE...: with all they need, under
# DIR/root; the version of the first in DIR/version.new
unpack_packages() {
  local dir=$1 suite=$2 arch=$3 deb
  shift 3
  rm -rf "$dir" && mkdir -p "$dir"/{root,debs/partial}
  step "$1 of $suite" "10 s" \
    apt apt-get install -y --no-install-recommends --download-only \
    -o Dir::Cache::archives="$dir/debs" -o APT::Architecture="$arch" "$@"
  for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir/root"; done
  dpkg-deb -f "$dir/debs/${1}"_*.deb Version >"$dir/version.new"
  rm -rf "$dir/debs"
}

# A browser and its driver, of this machine's own suite: it looks for its parts
# beside its program, which therefore runs with this machine's C library.
fetch_chromium() {
  local dir=$CACHE/chromium suite libs program
  [ -e "$dir/version" ] && return
  refresh
  suite=$(. /etc/os-release && say "$VERSION_CODENAME")
  other_suite "$suite" "$HOST"
  unpack_packages "$dir" "$suite" "$HOST" chromium chromium-driver fonts-dejavu-core
  rm -f "$dir"/root/{,usr/}lib/*/{ld-linux*,libc,libm,libdl,librt,libpthread,libresolv}.so*
  # What draws on a graphics card, and what people read, is half of it.
  rm -rf "$dir"/root/usr/lib/*/{dri,perl,libLLVM*,libz3*} "$dir"/root/usr/share/{doc,icons,locale,man,perl}
  libs=$(find "$dir"/root/{,usr/}lib/*-linux-gnu "$dir/root/usr/lib/chromium" -maxdepth 2 -name '*.so*' -printf '%h\n' |
    sort -u | paste -sd:)
  for program in lib/chromium/chromium bin/chromedriver; do
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH="%s" FONTCONFIG_SYSROOT="%s"\nexec "%s" "$@"\n' \
      "$libs" "$dir/root" "$dir/root/usr/$program" >"$dir/${program##*/}"
    chmod +x "$dir/${program##*/}"
  done
  mv "$dir/version.new" "$dir/version"
}

# other_suite SUITE ARCHITECTURE: apt from here on sees that suite alone, in a
# root of its own; for one subshell. ARCHITECTURE is source for sources.
other_suite() {
  sed -n -e "/^deb-src/ { s/ trixie main/ $1 main/p }" "$APT/sources.list" >"$APT-$1-$2.list"
  [ "$2" = source ] ||
    sed -n "1s/\[arch=[^ ]*\(.*\) trixie main/[arch=$2\1 $1 main/p" "$APT/sources.list" >"$APT-$1-$2.list"
  APT=$APT-$1-$2
  mkdir -p "$APT"/{state,lists/partial,cache/archives/partial}
  : >"$APT/status"
  mv "$APT.list" "$APT/sources.list"
  step "package lists of $1" "10 s" apt apt-get update
}

wrapper() {
  local libs
  libs=$(find "$1/root/usr/lib" -name '*.so.*' ! -path '*/gdb/*' -printf '%h\n' | sort -u | paste -sd:)
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
    "$(find "$1/root" -name 'ld-linux-*.so.*' | head -n 1)" "$libs" \
    "$(find "$1"/root/usr/*bin -name "$2")" >"$1/$2"
  chmod +x "$1/$2"
}

# What of it is not there yet, as lib.sh's planned says it; the units are those
# of unpacking, as nobody knows how fast the network is.
missing() {
  local what list=()
  for what; do
    case $what in
      qemu | linux | linux-6.12) [ -e "$CACHE/$what-source/version" ] || list+=("$what") ;;
      *) [ -e "$CACHE/$what/version" ] || list+=("$what") ;;
    esac
  done
  [ ${#list[@]} -eq 0 ] || say "120 download ${list[*]}"
}

main() {
  local what
  for what; do
    case $what in
      qemu) fetch_qemu qemu-source 10.0 trixie "set QEMU_SRC= to a QEMU 10.0 tree" ;;
      qemu-10.2) (fetch_qemu qemu-10.2-source 10.2 sid) ;;
      linux) fetch_linux linux-source '7\.[0-9]+' trixie-backports "set KERNEL= to your own Image" ;;
      linux-6.12) fetch_linux linux-6.12-source '6\.12' trixie ;;
      firmware) fetch_deb firmware qemu-efi-aarch64 './usr/share/*/*' ;;
      debian) fetch_image debian '7\.[0-9.]+'; fetch_headers debian ;;
      debian-6.12) fetch_image debian-6.12 '6\.12\.[0-9]+'; fetch_headers debian-6.12 ;;
      # Debian 12's iasl is of 2020 and reads no PCCT subspace of type 5.
      iasl) fetch_program iasl trixie "$HOST" acpica-tools iasl ;;
      iasl-sid) (fetch_program iasl-sid sid "$HOST" acpica-tools iasl) ;;
      tshark) fetch_program tshark trixie "$HOST" tshark tshark ;;
      fwts) (fetch_program fwts sid "$HOST" fwts fwts) ;;
      chromium) (fetch_chromium) ;;
      nvme-cli) (fetch_program nvme-cli sid arm64 nvme-cli nvme) ;;
      tcpdump) fetch_program tcpdump trixie arm64 tcpdump tcpdump ;;
      busybox) fetch_deb busybox busybox-static:arm64 './usr/bin/busybox' ;;
      *) die "fetch.sh: '$what' is not one of qemu, qemu-10.2, linux, linux-6.12, firmware, busybox, iasl, debian, debian-6.12, tshark, fwts, iasl-sid, nvme-cli, tcpdump, chromium" ;;
    esac
  done
}
if [ -n "${PLAN:-}" ]; then missing "$@"; else locked fetch main "$@"; fi
