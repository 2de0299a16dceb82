#!/usr/bin/env bash
# The checks behind make check, check-qemu, check-guest, check-all, test-long,
# judges.
# usage: check.sh fast|qemu|guest|judges|long-qemu|long-guest ...
# Ends with a line "N passed, M failed"; a part that cannot run has failed.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
export RUST_BACKTRACE=0

logs=$ROOT/target/check
mkdir -p "$logs"
clear=''
[ ! -t 1 ] || clear=$'\r\033[K'

# So many checks run side by side, but for those that need all processors. Each
# is a group of processes of its own, which takes an interrupt as a command at a
# terminal does.
room=3 running=() results=() failures=''
stop() { for pid in "${running[@]}"; do kill -INT -- "-$pid" 2>/dev/null || :; done; }
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# check NAME [-s SED] command...: one check, as soon as there is room for it;
# -s takes what its log has to say beside the result.
check() {
  local log
  log=$logs/$(printf '%s' "$1" | tr -cs 'A-Za-z0-9.' '-').log
  while [ ${#running[@]} -ge "$room" ]; do finished; done
  results+=("$log.result")
  rm -f "$log.result"
  set -m
  checked "$log" "$@" &
  set +m
  running+=($!)
  [ "$room" -gt 1 ] || all_finished
}

# The end of at least one check, or of all.
finished() {
  local pid left=()
  wait -n "${running[@]}" || :
  for pid in "${running[@]}"; do
    if kill -0 "$pid" 2>/dev/null; then left+=("$pid"); fi
  done
  running=("${left[@]}")
}
all_finished() { while [ ${#running[@]} -gt 0 ]; do finished; done; }

# checked LOG NAME [-s SED] command...: tests that report a count are counted.
checked() {
  local log=$1 name=$2 status=0 start=$SECONDS good bad says='' failures=''
  shift 2
  if [ "$1" = -s ]; then says=$2; shift 2; fi
  ("$@") >"$log" 2>&1 </dev/null || status=$?
  good=$(counted 'passed' '^ok ' "$log")
  bad=$(counted 'failed' '^not ok ' "$log")
  if [ $((good + bad)) -eq 0 ]; then
    # No count: the exit status is the result. A count of nothing is no pass.
    if [ $status -eq 0 ] && ! grep -qE '^(test result: |1\.\.)' "$log"; then
      good=1
    else
      bad=1
    fi
  elif [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1
  fi
  if [ "$bad" -eq 0 ]; then
    says=$(sed -nE "$says" "$log" | sed 's/^/  /')
    printf '%s%s ... ok (%s, %s)\n%s' "$clear" "$name" "$good" \
      "$(duration $((SECONDS - start)))" "${says:+$says$'\n'}"
  else
    printf '%s%s ... FAILED (%s, %s). The end of %s:\n%s\n' "$clear" "$name" "$bad" \
      "$(duration $((SECONDS - start)))" "$log" "$(tail -n 40 "$log" | sed 's/^/  | /')"
    failures="$name: $bad failed: $log"$'\n'
    failures+=$(grep -aE '\.\.\. FAILED$|^not ok |panicked at|: (FAIL|HANG|PANIC|SPLAT)' "$log" |
      head -n 12 | cut -c1-300 | sed 's/^/  | /' || :)$'\n'
  fi
  printf '%s %s\n%s' "$good" "$bad" "$failures" >"$log.result"
}

# counted WORD TAP-PATTERN LOG: the sum over cargo's and TAP's reports.
counted() {
  awk -v word="$1" -v tap="$2" '
    /^test result: / { for (i = 2; i <= NF; i++) if ($i ~ "^" word) n += $(i - 1) }
    $0 ~ tap && !/# SKIP/ { n++ }
    END { print n + 0 }' "$3"
}

patches() { find qemu-patches -name '[0-9]*.patch' | sort; }

fast() {
  scripts/setup.sh
  scripts/iasl.sh # compiles the platforms' tables
  check "rustfmt" cargo fmt --check
  check "clippy" cargo clippy -q --workspace --all-targets --locked -- -D warnings
  # What cargo builds differs by what it is told to build: always all.
  check "cargo test, built" cargo test -q --workspace --no-run --locked
  all_finished
  local file programs=()
  for file in {acpi-tools,pccd,pcclab}/tests/*.rs; do
    file=${file##*/}
    programs+=(--test "${file%.rs}")
  done
  # Most of what they do is to wait.
  check "cargo test, programs" -s '/^[0-9]+ inputs in/p' env PCCD_CHECK=1 \
    ACPI_TOOLS_INPUTS=2000 cargo test --workspace --locked --no-fail-fast "${programs[@]}" -- --show-output
  check "cargo test, libraries" -s '/^rules covered/p' env PCCD_CHECK=1 \
    cargo test --workspace --locked --no-fail-fast --lib --bins -- --show-output
  check "cargo test, documents" cargo test --workspace --locked --no-fail-fast --doc
  check "rustdoc" env RUSTDOCFLAGS='-D warnings' cargo doc -q --workspace --no-deps --locked
  check "fuzz/Cargo.lock" fuzz_lock
  # shellcheck disable=SC2046 # file names without spaces
  check "shellcheck" shellcheck $(git ls-files '*.sh' .ci/run guest-scripts/init findings/lib/*)
  check "handlers" "${CARGO_TARGET_DIR:-target}/debug/pccd" check --messages messages
}

# That of a workspace that is built by test-long only.
fuzz_lock() {
  local update=(cargo update -q --workspace --locked --manifest-path fuzz/Cargo.toml)
  "${update[@]}" --offline || "${update[@]}"
}

checkpatch() {
  local tree=$CACHE/qemu-source/tree out
  mapfile -t list < <(patches)
  out=$(perl "$tree/scripts/checkpatch.pl" --no-signoff "${list[@]/#/$ROOT/}")
  printf '%s\n' "$out"
  # The empty files of the tables to come are binary: they have no SPDX line.
  ! grep -E '^(ERROR|WARNING):' <<<"$out" |
    grep -vE "^WARNING: Does new file 'tests/data/acpi/.*' need 'SPDX-License-Identifier'"
}

qemu_dir() { dirname "$(published QEMU)"; }

qtest() {
  cd "$(qemu_dir)"
  QTEST_QEMU_BINARY=./qemu-system-aarch64 "./$1" --tap -k "${@:2}"
}

unit() {
  local name
  for name in test-pcc-mailbox test-pcc-folder test-util-filemonitor; do
    "$(qemu_dir)/$name" --tap -k || return
  done
}

# QEMU's own test of tables; Debian's source has no firmware, its package has.
bios_tables() {
  local firmware=$CACHE/firmware/usr/share/AAVMF dir
  dir=$(qemu_dir)
  cp "$firmware/AAVMF_CODE.no-secboot.fd" "$dir/pc-bios/edk2-aarch64-code.fd"
  cp "$firmware/AAVMF_VARS.fd" "$dir/pc-bios/edk2-arm-vars.fd"
  truncate -s 64M "$dir"/pc-bios/edk2-*.fd
  qtest bios-tables-test -p /aarch64/acpi/virt/pcc -p /aarch64/acpi/virt/pcc-types
}

# tests NAME SED FILE [argument...]: one file of tests/tests.
tests() {
  check "$1" -s "$2" cargo test --workspace --locked --test "$3" -- --show-output "${@:4}"
}
# A table of results, as it stands in the log.
table() { printf '/^%s /,/^$/{/./p}' "$1"; }

qemu() {
  scripts/setup.sh
  scripts/fetch.sh qemu firmware
  scripts/qemu.sh tests base
  check "checkpatch" checkpatch
  check "QEMU unit tests" unit
  check "QEMU qtest, the pair" qtest pcc-test
  check "QEMU qtest, every type" qtest pcc-channel-test
  check "QEMU bios-tables-test" bios_tables
  tests "tables and device tree" '' tables
  scripts/iasl.sh
  scripts/rust.sh dev
  tests "acpi-tools on our QEMU" '/^(extraction: |[0-9]+ fields agree)/p' acpi
}

guest() {
  local driver
  scripts/lab.sh dev base debian
  scripts/broken.sh
  scripts/judges.sh
  # First what takes longest.
  judged
  tests "platforms" "$(table platform)" platforms --test-threads=1
  tests "broken drivers" "$(table driver)" hunt --test-threads=1
  tests "a search for bugs" '' fuzz --test-threads=1
  tests "channels" '/^(boot: |trapped accesses|[0-9]+ bytes: )/p' channels
  tests "verdicts" '' verdicts
  tests "tables on Linux 7" '/^[0-9]+ tables: /p' linux_tables
  tests "warm starts" '' warm
  tests "guests" '' guest
  tests "runner" '' runner
  tests "messages" '/^saved to answered/p' messages
  tests "scenarios" '' scenario
  for driver in guest-scripts/{mctp-pcc/mctp-pcc,pcc-client/pcc-client,mpam-fb/mpam-fb}.c \
    tests/{acme-fan/acme-fan,broken/nothing}.c; do
    check "$(basename "$driver" .c) checkpatch" perl "$CACHE/linux-source/tree/scripts/checkpatch.pl" \
      --no-tree --strict --no-summary -f "$driver"
  done
}

judges() {
  scripts/lab.sh dev
  scripts/judges.sh
  judged
}

judged() { tests "judges" '/^[^ ].*; agreed in /p' judges; }

# What computes for long, or measures: one at a time. First what needs no guest.
long-qemu() {
  all_finished
  room=1
  scripts/setup.sh
  scripts/qemu.sh # brings the source and meson
  check "each patch built alone" scripts/series.sh each-patch
  check "the series on QEMU 10.2" scripts/series.sh 10.2
  check "ASan and UBSan, ten million random accesses" scripts/series.sh sanitized
  check "pccd fuzzed for a minute" scripts/fuzz.sh 60
  check "acpi-tools, speed" -s '/^ +[a-z]* .*median/p' cargo bench -q --locked -p acpi-tools
  check "acpi-tools, much hostile input" -s '/^[0-9]+ inputs in/p' env ACPI_TOOLS_INPUTS=20000 \
    cargo test --release --locked -p acpi-tools --test hostile -- --show-output
}

long-guest() {
  all_finished
  room=1
  scripts/lab.sh dev debug 6.12 debian
  scripts/judges.sh
  tests "a report of 100,000 messages" '/^([a-z]*_ms: |written in )/p' judges hundred --ignored
  scripts/broken.sh
  tests "searches" '/^an exchange takes /p' search
  tests "more broken drivers" "$(table driver)" hunt more --ignored --test-threads=1
  tests "all mistakes of platforms" '' platforms mistakes --ignored
  tests "all that is planted" '/: found after/p' fuzz --ignored
  check "a matrix on Slurm" scripts/slurm.sh
  tests "tables on Linux 6.12" '/^[0-9]+ tables: /p' linux_tables 6_12 --ignored
  PCCD_LONG=1 tests "channels on 6.12, too" '' channels
  tests "channels on 6.12 only" '' channels 6_12 --ignored
  tests "platforms on every kernel" "$(table platform)" platforms every_kernel --ignored
  tests "platforms on the debug kernel" "$(table platform)" platforms debug --ignored
  tests "drivers on the debug kernel" '' channels debug_kernel --ignored
  tests "idle channels at boot" '/^boot: /p' channels boot --ignored
}

for part; do
  case $part in
    fast | qemu | guest | judges | long-qemu | long-guest) "$part" ;;
    *) die "check.sh: '$part' is not one of fast, qemu, guest, judges, long-qemu, long-guest" ;;
  esac
done
all_finished

passed=0 failed=0
for result in "${results[@]}"; do
  # One that has none, or not a whole line, was killed.
  { read -r good bad && text=$(cat); } 2>/dev/null <"$result" ||
    good=0 bad=1 text="killed: ${result%.result}"
  passed=$((passed + good)) failed=$((failed + bad))
  [ -z "$text" ] || failures+=$text$'\n'
done
say
printf '%s' "$failures"
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
