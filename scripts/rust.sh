#!/usr/bin/env bash
# Builds pccd, pcclab and acpi-tools.
. "$(dirname "$0")/lib.sh"

target=${CARGO_TARGET_DIR:-$ROOT/target}
build_rust() { cargo build --release --locked --manifest-path "$ROOT/Cargo.toml"; }
step "building pccd, pcclab and acpi-tools" "2 min the first time" build_rust
publish PCCD "$target/release/pccd"
publish PCCLAB "$target/release/pcclab"
publish ACPI_TOOLS "$target/release/acpi-tools"
