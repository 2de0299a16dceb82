#!/usr/bin/env bash
# Builds pccd, pcclab and acpi-tools. With "dev" as cargo builds them beside the
# tests: without optimisation. With "quick", and where there is no release yet,
# the first two without optimisation, a fraction of the work.
. "$(dirname "$0")/lib.sh"

target=${CARGO_TARGET_DIR:-$ROOT/target}
profile=release folder=release names=(pccd pcclab acpi-tools) units=1300 # of lib.sh
case ${1:-} in
  dev) profile=test folder=debug units=900 ;;
  quick)
    if [ ! -x "$target/release/pcclab" ]; then
      profile=dev folder=debug names=(pccd pcclab) units=600
    fi
    ;;
esac
planned $units "build pccd and pcclab" "$target/$folder/pcclab"
build_rust() {
  case $profile in
    test) cargo test --workspace --no-run --locked --manifest-path "$ROOT/Cargo.toml" ;;
    *) cargo build --profile "$profile" --locked --manifest-path "$ROOT/Cargo.toml" "${names[@]/#/-p}" ;;
  esac
}
if [ -x "$target/$folder/pcclab" ]; then hint="what changed"; else hint=$(about $units); fi
step "building ${names[*]}" "$hint" build_rust
publish PCCD "$target/$folder/pccd"
publish PCCLAB "$target/$folder/pcclab"
[ ${#names[@]} -eq 2 ] || publish ACPI_TOOLS "$target/$folder/acpi-tools"
