# shellcheck shell=bash
# What every build script shares: where things lie, how progress is shown,
# how a cache key is made. Sourced, never run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${PCCD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pccd}
# Paths of what this clone's inputs built, one NAME=path a line; read by pcclab.
ENV_FILE=$ROOT/target/lab.env
JOBS=$(nproc)
mkdir -p "$CACHE/log" "$ROOT/target"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# What a long step costs is written down in units: the time that one processor
# takes for this piece of C. PCCD_PACE is what this machine takes for one, in
# milliseconds, as busy as it is.
unit() {
  printf 'int f%d(int x) { for (int i = 0; i < 9; i++) x ^= x << i; return x; }\n' {1..60} |
    gcc -O2 -xc -c -o /dev/null -
}

# All processors at once, as the steps use them; about a second.
calibrate() {
  local start=${EPOCHREALTIME/./} pids=() i
  for ((i = 0; i < JOBS; i++)); do (unit; unit; unit) & pids+=($!); done
  wait "${pids[@]}"
  export PCCD_PACE=$(((${EPOCHREALTIME/./} - start) / 3000))
}

# about UNITS -> "about 4 min on this machine"
about() {
  local seconds
  [ -n "${PCCD_PACE:-}" ] || calibrate
  seconds=$(($1 * PCCD_PACE / 1000 / JOBS))
  if [ $seconds -ge 90 ]; then printf 'about %d min on this machine' $(((seconds + 30) / 60))
  else printf 'about %d s on this machine' $((seconds + 1)); fi
}

# planned UNITS WHAT PATH...: lab.sh asks each script first what there is to do
# (PLAN=1). Then this ends it, with a line if one of the paths is missing.
planned() {
  local units=$1 what=$2 path
  [ -n "${PLAN:-}" ] || return 0
  for path in "${@:3}"; do
    [ -e "$path" ] || { say "$units $what"; break; }
  done
  exit 0
}

# duration SECONDS -> "2m 05s"
duration() {
  if [ "$1" -ge 60 ]; then printf '%dm %02ds' $(($1 / 60)) $(($1 % 60))
  else printf '%ds' "$1"; fi
}

# progress LOG -> how far the command writing LOG is, from its last lines:
# ninja's [n/m] where there is one, else the number of things compiled.
progress() {
  local n
  n=$(tail -n 3 "$1" 2>/dev/null | tr '\r' '\n' |
    grep -oE '^\[[0-9]+/[0-9]+\]' | tail -n 1)
  if [ -n "$n" ]; then printf '%s' "$n"; return; fi
  n=$(grep -cE '^ *(CC|AS|LD|AR|HOSTCC|Compiling) ' "$1" 2>/dev/null || :)
  [ "${n:-0}" -gt 0 ] && printf '%s compiled' "$n"
  return 0
}

# step "what" "how long it takes" command...: runs it with its output in a
# log, shows that it is alive, and shows the log's end when it fails. What
# takes less than a second is not worth a line.
step() {
  local what=$1 hint=$2 log start pid now shown=-1 status=0
  shift 2
  log=$CACHE/log/$(printf '%s' "$what" | tr -cs 'A-Za-z0-9.' '-').log
  start=$SECONDS
  "$@" >"$log" 2>&1 </dev/null & pid=$!
  # shellcheck disable=SC2064 # the pid of now is meant
  trap "kill $pid 2>/dev/null; exit 130" INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    now=$((SECONDS - start))
    if [ -t 1 ] && [ $now -ge 1 ]; then
      printf '\r\033[K%s (%s) ... %s %s' "$what" "$hint" \
        "$(duration $now)" "$(progress "$log")"
    elif [ $now -ge 1 ] && [ $shown -lt 0 ]; then
      shown=0
      say "$what ($hint) ..."
    elif [ $shown -ge 0 ] && [ $((now - shown)) -ge 20 ]; then
      shown=$now
      say "  $(duration $now) $(progress "$log")"
    fi
    if [ $now -lt 2 ]; then sleep 0.1; else sleep 0.5; fi
  done
  wait "$pid" || status=$?
  trap - INT TERM
  now=$((SECONDS - start))
  if [ -t 1 ] && [ $now -ge 1 ]; then printf '\r\033[K'; fi
  if [ $status -ne 0 ]; then
    say "$what: FAILED after $(duration $now). The end of $log:"
    tail -n 25 "$log" | sed 's/^/  | /'
    die "$what failed; the whole log is $log.
What is done is kept: see to the cause, then the same command goes on from here."
  fi
  if [ $now -ge 1 ]; then say "$what: done in $(duration $now)"; fi
}

# key WORD... : a short hash of the words and of standard input.
key() {
  { printf '%s\n' "$@"; cat; } | sha256sum | cut -c1-16
}

# hash_of PATH... : one hash over the contents and names of tracked files.
hash_of() {
  (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard -- "$@" |
    sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
}

# publish NAME path: enters NAME=path into the list that pcclab env prints.
publish() {
  local tmp
  tmp=$(mktemp "$ENV_FILE.XXXXXX")
  { [ -f "$ENV_FILE" ] && grep -v "^$1=" "$ENV_FILE"; printf '%s=%s\n' "$1" "$2"; } >"$tmp" || :
  sort -o "$tmp" "$tmp"
  mv "$tmp" "$ENV_FILE"
}

# published NAME -> the path entered under NAME, or nothing.
published() { sed -n "s/^$1=//p" "$ENV_FILE" 2>/dev/null || :; }

# locked NAME command...: one builder at a time for one cache entry.
locked() {
  local lock=$CACHE/$1.lock
  shift
  (
    flock -n 9 || { say "waiting for another build that holds $lock"; flock 9; }
    "$@"
  ) 9>"$lock"
}

# The cross prefix: none on an arm64 host.
case $(uname -m) in
  aarch64) CROSS='' ;;
  x86_64) CROSS=aarch64-linux-gnu- ;;
  *) die "the host is $(uname -m); only x86_64 and aarch64 are supported" ;;
esac

# How QEMU is configured: arm64 under TCG and little else. Debug information
# is a quarter of the work.
# shellcheck disable=SC2034 # for the scripts that build QEMU
QEMU_OPTIONS=(--target-list=aarch64-softmmu --without-default-features
  --enable-tcg --enable-plugins --enable-fdt=system --enable-pixman --disable-docs
  --disable-install-blobs --disable-debug-info --with-pkgversion=pccd
  --without-default-devices --with-devices-aarch64=pccd)
# Its machines: "virt", and for the tests one that takes no ACPI tables, and a disk
QEMU_DEVICES=("CONFIG_"{ARM_VIRT,VERSATILE,VIRTIO_PCI,VIRTIO_BLK}"=y")
# The folders that a guest's speed hangs on. The rest, half of it generated, is
# compiled as QEMU's --enable-debug does it.
QEMU_OPTIMISED=(accel fpu hw migration plugins qom system target tcg util)

# The next five work on $WORK, a checkout of the QEMU source $tree.
use_ccache() {
  export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$WORK CCACHE_MAXSIZE=2G
  # What a file includes is known from the compiler itself: without this each
  # file that is new would be preprocessed twice.
  export CCACHE_COMPILERCHECK=content CCACHE_DEPEND=1
}

# One work tree for all builds: what two versions share is compiled once. It
# borrows the objects of the source's repository and writes nothing there.
work_tree() {
  # None yet, or the source it borrowed from was moved.
  if ! git -C "$WORK" cat-file -e 'HEAD^{tree}' 2>/dev/null; then
    rm -rf "$WORK"
    git clone -q --shared --no-checkout "${tree:?}" "$WORK"
  fi
  git -C "$WORK" am --abort 2>/dev/null || :
  git -C "$WORK" fetch -q "${tree:?}" HEAD
  git -C "$WORK" checkout -q --force --detach FETCH_HEAD
  devices
}

apply_patch() {
  git -C "$WORK" -c user.name=pccd -c user.email=pccd@localhost \
    am -q -3 --no-gpg-sign "$@"
  devices
}

# Kconfig refuses a device that the source does not have yet.
devices() {
  local mak=$WORK/configs/devices/aarch64-softmmu/pccd.mak selected=("${QEMU_DEVICES[@]}")
  if grep -qs '^config PCC$' "$WORK/hw/pcc/Kconfig"; then selected+=(CONFIG_PCC=y); fi
  printf '%s\n' "${selected[@]}" | cmp -s - "$mak" || printf '%s\n' "${selected[@]}" >"$mak"
}

# Again only with other options; ninja sees when the devices change. QEMU_CC
# is what the compiler, a script, does first.
configure_qemu() { # option...
  local options="${QEMU_OPTIONS[*]} ${QEMU_OPTIMISED[*]} $*"
  [ "$(cat "$WORK/build/options" 2>/dev/null)" != "$options" ] || return 0
  rm -rf "$WORK/build"
  mkdir -p "$WORK/build"
  cd "$WORK/build" || return
  {
    printf '#!/bin/sh\n%s\ncase "$*" in\n' "${QEMU_CC:-}"
    printf '  *" -c ../%s/"*) ;;\n' "${QEMU_OPTIMISED[@]}"
    printf '  *" -c "*) set -- "$@" -O0 ;;\nesac\nexec ccache gcc "$@"\n'
  } >cc
  chmod +x cc
  CC=$PWD/cc ../configure --python="$CACHE/venv/bin/python3" "${QEMU_OPTIONS[@]}" "$@"
  printf '%s\n' "$options" >options
}

export CROSS JOBS CACHE ROOT ENV_FILE
