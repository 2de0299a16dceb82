#!/usr/bin/env bash
# Builds pccd, pcclab and acpi-tools. With "dev" as cargo builds them for
# developers: without optimisation, a fraction of the work. With "quick", and
# where there is no release yet, the first two in that way.
. "$(dirname "$0")/lib.sh"

target=${CARGO_TARGET_DIR:-$ROOT/target}
profile=release folder=release names=(pccd pcclab acpi-tools) units=1300 # of lib.sh
case ${1:-} in
  dev) profile=dev folder=debug units=700 ;;
  quick)
    if [ ! -x "$target/release/pcclab" ]; then
      profile=dev folder=debug names=(pccd pcclab) units=600
    fi
    ;;
esac
planned $units "build pccd and pcclab" "$target/$folder/pcclab"
build_rust() {
  cargo build --profile "$profile" --locked --manifest-path "$ROOT/Cargo.toml" "${names[@]/#/-p}"
}
if [ -x "$target/$folder/pcclab" ]; then hint="what changed"; else hint=$(about $units); fi
step "building ${names[*]}" "$hint" build_rust
publish PCCD "$target/$folder/pccd"
publish PCCLAB "$target/$folder/pcclab"
[ ${#names[@]} -eq 2 ] || publish ACPI_TOOLS "$target/$folder/acpi-tools"
