#!/usr/bin/env bash
# Checks the machine and installs the Debian packages the builds need, after
# saying which, from where and why.
. "$(dirname "$0")/lib.sh"

rust_min=1.89
if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
  die "no Rust found. Install Rust $rust_min or later (rustup.rs; Debian 12's own cargo is too old), then run this again."
fi
rust=$(rustc --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$rust_min" "${rust%%-*}" | sort -V | head -n 1)" != "$rust_min" ]; then
  die "Rust $rust is too old; $rust_min or later is needed. With rustup: 'rustup update stable'."
fi
command -v apt-get >/dev/null ||
  die "this needs Debian's apt-get; on other systems set QEMU=, KERNEL= and INITRD= yourself (see README.md)"

# package: why
wanted="
git: applies the patch series to QEMU
gcc: builds QEMU and the kernel's host tools
libc6-dev: builds QEMU and the kernel's host tools
make: builds the kernel
ninja-build: builds QEMU
pkg-config: lets QEMU find its libraries
ccache: makes the second QEMU build after a change short
python3: runs QEMU's configure
python3-venv: keeps QEMU's build tools apart from the system's
libglib2.0-dev: QEMU's base library
libpixman-1-dev: QEMU's display code
libfdt-dev: QEMU's device tree library
libfdt1: QEMU's device tree library
zlib1g-dev: QEMU's gzip reader
flex: parses the kernel's configuration
bison: parses the kernel's configuration
bc: computes a kernel header
perl: generates kernel sources; QEMU's checkpatch
cpio: kernel headers
xz-utils: unpacks sources
dpkg-dev: unpacks Debian source packages
patch: Debian's own patches
debian-archive-keyring: checks the signatures of trixie's archives
shellcheck: checks the shell scripts
strace: kills pccd at every step, in its tests
acpica-tools: reads the ACPI tables as an independent judge, compiles the lab's own
xxd: prints tables as acpi-tools must read them
bsdextrautils: prints tables as acpi-tools must read them
device-tree-compiler: reads the device tree as an independent judge
jq: reads acpi-tools' JSON, as its README tells people to
"
if [ -n "$CROSS" ]; then
  wanted+="gcc-aarch64-linux-gnu: cross compiler for the guest's kernel and programs
libc6-dev-arm64-cross: C library of the guest's programs
"
fi

installed=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' 2>/dev/null | sed -n 's/^ii *|//p')
missing=()
list=''
while IFS= read -r line; do
  [ -n "$line" ] || continue
  package=${line%%:*}
  grep -qxF "$package" <<<"$installed" && continue
  missing+=("$package")
  list+=$(printf '  %-24s %s' "$package" "${line#*: }")$'\n'
done <<<"$wanted"
[ ${#missing[@]} -gt 0 ] || exit 0

say "These Debian packages will be installed from the mirror this machine is set up for:"
printf '%s' "$list"
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    die "not root and no sudo: as root, run: apt-get install ${missing[*]}"
  sudo=(sudo)
  sudo -v || die "sudo refused; as root, run: apt-get install ${missing[*]}"
fi
export DEBIAN_FRONTEND=noninteractive
step "apt-get update" "a few seconds" "${sudo[@]}" apt-get update
step "apt-get install" "about a minute" "${sudo[@]}" \
  apt-get install -y --no-install-recommends "${missing[@]}"
