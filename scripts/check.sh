#!/usr/bin/env bash
# The checks behind make check, check-qemu, check-guest, check-all, test-long,
# judges.
# usage: check.sh fast|qemu|guest|judges|long ...
# Ends with a line "N passed, M failed"; a part that cannot run has failed.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
export RUST_BACKTRACE=0

passed=0 failed=0 failures=
logs=$ROOT/target/check
mkdir -p "$logs"

# check NAME command...: one check; tests that report a count are counted.
check() {
  local name=$1 log status=0 start=$SECONDS good bad
  shift
  log=$logs/$(printf '%s' "$name" | tr -cs 'A-Za-z0-9.' '-').log
  printf '%s ... ' "$name"
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
  passed=$((passed + good)) failed=$((failed + bad))
  if [ "$bad" -eq 0 ]; then
    say "ok ($good, $(duration $((SECONDS - start))))"
  else
    say "FAILED ($bad, $(duration $((SECONDS - start)))). The end of $log:"
    tail -n 40 "$log" | sed 's/^/  | /'
    failures+="$name: $bad failed: $log"$'\n'
    failures+=$(grep -aE '\.\.\. FAILED$|^not ok |panicked at|: (FAIL|HANG|PANIC|SPLAT)' "$log" |
      head -n 12 | cut -c1-300 | sed 's/^/  | /' || :)$'\n'
  fi
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
  check "rustfmt" cargo fmt --check
  check "clippy" cargo clippy -q --workspace --all-targets --locked -- -D warnings
  check "cargo test" env PCCD_CHECK=1 cargo test --locked --no-fail-fast
  check "rustdoc" env RUSTDOCFLAGS='-D warnings' cargo doc -q --workspace --no-deps --locked
  # shellcheck disable=SC2046 # file names without spaces
  check "shellcheck" shellcheck $(git ls-files '*.sh' .ci/run guest-scripts/init findings/lib/*)
  check "handlers" "${CARGO_TARGET_DIR:-target}/debug/pccd" check --messages messages
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

qemu() {
  scripts/setup.sh
  scripts/fetch.sh qemu firmware
  scripts/qemu.sh tests base
  check "checkpatch" checkpatch
  check "QEMU unit tests" unit
  check "QEMU qtest, the pair" qtest pcc-test
  check "QEMU qtest, every type" qtest pcc-channel-test
  check "QEMU bios-tables-test" bios_tables
  check "tables and device tree" cargo test --locked -p pccd-tests --test tables
  scripts/iasl.sh
  scripts/rust.sh dev
  check "acpi-tools, every rule" cargo test --locked -p acpi-tools --lib check -- --show-output
  sed -n 's/^rules covered/  &/p' "$logs/acpi-tools-every-rule.log"
  check "acpi-tools on our QEMU" cargo test --locked -p pccd-tests --test acpi -- --show-output
  sed -nE 's/^(extraction: |[0-9]+ fields agree).*/  &/p' "$logs/acpi-tools-on-our-QEMU.log"
  check "acpi-tools, hostile input" env ACPI_TOOLS_INPUTS=2000 \
    cargo test --locked -p acpi-tools --test hostile -- --show-output
  sed -n 's/^[0-9]* inputs in/  &/p' "$logs/acpi-tools-hostile-input.log"
}

guest() {
  local driver
  scripts/lab.sh dev base 6.12 debian
  scripts/broken.sh
  check "guests" cargo test --locked -p pccd-tests --test guest
  check "messages" cargo test --locked -p pccd-tests --test messages -- --show-output
  sed -n 's/^saved to answered/  &/p' "$logs/messages.log"
  check "runner" cargo test --locked -p pccd-tests --test runner
  check "warm starts" cargo test --locked -p pccd-tests --test warm
  check "scenarios" cargo test --locked -p pccd-tests --test scenario
  check "verdicts" cargo test --locked -p pccd-tests --test verdicts
  check "broken drivers" cargo test --locked -p pccd-tests --test hunt -- --show-output --test-threads=1
  sed -n '/^driver | /,/^$/s/^./  &/p' "$logs/broken-drivers.log"
  check "a search for bugs" cargo test --locked -p pccd-tests --test fuzz -- --test-threads=1
  check "platforms" cargo test --locked -p pccd-tests --test platforms -- --show-output --test-threads=1
  sed -n '/^platform  /,/^$/s/^./  &/p' "$logs/platforms.log"
  check "channels" cargo test --locked -p pccd-tests --test channels -- --show-output
  sed -nE 's/^(boot: |trapped accesses|[0-9]+ bytes: ).*/  &/p' "$logs/channels.log"
  check "tables on Linux 7 and 6.12" cargo test --locked -p pccd-tests --test linux_tables -- --show-output
  sed -n 's/^[0-9]* tables: /  &/p' "$logs/tables-on-Linux-7-and-6.12.log"
  judged
  for driver in guest-scripts/{mctp-pcc/mctp-pcc,pcc-client/pcc-client,mpam-fb/mpam-fb}.c \
    tests/{acme-fan/acme-fan,broken/nothing}.c; do
    check "$(basename "$driver" .c) checkpatch" perl "$CACHE/linux-source/tree/scripts/checkpatch.pl" \
      --no-tree --strict --no-summary -f "$driver"
  done
}

judges() {
  scripts/lab.sh dev
  judged
}

judged() {
  scripts/judges.sh
  check "judges" cargo test --locked -p pccd-tests --test judges -- --show-output
  sed -nE 's/^[^ ].*; agreed in /  &/p' "$logs/judges.log"
}

long() {
  scripts/setup.sh
  scripts/qemu.sh # brings the source and meson
  check "each patch built alone" scripts/series.sh each-patch
  check "the series on QEMU 10.2" scripts/series.sh 10.2
  check "ASan and UBSan, ten million random accesses" scripts/series.sh sanitized
  check "pccd fuzzed for a minute" scripts/fuzz.sh 60
  check "acpi-tools, speed" cargo bench -q --locked -p acpi-tools
  sed -n 's/^  [a-z]* .*median/&/p' "$logs/acpi-tools-speed.log"
  check "acpi-tools, much hostile input" env ACPI_TOOLS_INPUTS=20000 \
    cargo test --release --locked -p acpi-tools --test hostile -- --show-output
  sed -n 's/^[0-9]* inputs in/  &/p' "$logs/acpi-tools-much-hostile-input.log"
  scripts/judges.sh
  check "a report of 100,000 messages" cargo test --locked -p pccd-tests --test judges hundred -- --ignored --show-output
  sed -nE 's/^([a-z]*_ms: |written in )/  &/p' "$logs/a-report-of-100-000-messages.log"
  scripts/lab.sh dev debug 6.12 debian
  scripts/broken.sh
  check "searches" cargo test --locked -p pccd-tests --test search -- --show-output
  sed -n 's/^an exchange takes /  &/p' "$logs/searches.log"
  check "all that is planted" cargo test --locked -p pccd-tests --test fuzz -- --ignored --show-output
  sed -n 's/^planted-.*: found after/  &/p' "$logs/all-that-is-planted.log"
  check "a matrix on Slurm" scripts/slurm.sh
  check "platforms on every kernel" cargo test --locked -p pccd-tests --test platforms every_kernel -- --ignored --show-output
  sed -n '/^platform  /,/^$/s/^./  &/p' "$logs/platforms-on-every-kernel.log"
  check "platforms on the debug kernel" cargo test --locked -p pccd-tests --test platforms debug -- --ignored --show-output
  sed -n '/^platform  /,/^$/s/^./  &/p' "$logs/platforms-on-the-debug-kernel.log"
  check "drivers on the debug kernel" cargo test --locked -p pccd-tests --test channels debug_kernel -- --ignored
  check "idle channels at boot" cargo test --locked -p pccd-tests --test channels boot -- --ignored --show-output
  sed -n 's/^boot: /  &/p' "$logs/idle-channels-at-boot.log"
}

for part; do
  case $part in
    fast | qemu | guest | judges | long) "$part" ;;
    *) die "check.sh: '$part' is not one of fast, qemu, guest, judges, long" ;;
  esac
done
say
printf '%s' "$failures"
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
