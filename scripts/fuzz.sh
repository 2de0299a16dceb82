#!/usr/bin/env bash
# Fuzzes pccd's decoders, the way back, the platform and the loader of handler
# files with libFuzzer, on the stable toolchain, for SECONDS (60).
# usage: fuzz.sh [SECONDS]
. "$(dirname "$0")/lib.sh"
cd "$ROOT/fuzz"

seconds=${1:-60}
target=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=$ROOT/target/fuzz
# Counters and comparisons, as libFuzzer wants them; --target keeps build
# scripts out of it.
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
  -Cdebug-assertions=on -Coverflow-checks=on" \
  cargo build -q --release --locked --target "$target"

# Everything known is where it begins: a byte that chooses, then the bytes.
corpus=$CARGO_TARGET_DIR/corpus
mkdir -p "$corpus"
for file in "$ROOT"/pccd/tests/golden/*.bin; do
  { printf '\0' && cat "$file"; } >"$corpus/content-$(basename "$file")"
done
for file in "$ROOT"/pccd/tests/wrong/*.json "$ROOT"/messages/*/*.json; do
  { printf '\4' && cat "$file"; } >"$corpus/handlers-$(basename "$file")"
done
number=0
while read -r hex; do
  number=$((number + 1))
  bytes=$(printf '%s' "${hex// /}" | sed 's/../\\x&/g')
  printf '%b' "\\x02$bytes" >"$corpus/message-$number"
  printf '%b' "\\x03\\x01\\x09\\x08\\xc8$bytes" >"$corpus/ask-$number"
done < <(sed -n 's/^> //p' "$ROOT"/pccd/tests/exchanges/[!c]*/*.txt)
cd "$CARGO_TARGET_DIR"
"./$target/release/pccd-fuzz" "$corpus" -max_total_time="$seconds" \
  -max_len=4096 -timeout=10 -rss_limit_mb=512 -print_final_stats=1
