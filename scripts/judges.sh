#!/usr/bin/env bash
# Other people's programs that judge our messages and tables: enters TSHARK=,
# FWTS=, IASL_SID=, NVME_CLI=, PYMCTP= and DTSCHEMA= into the list of what was built.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/fetch.sh" iasl iasl-sid tshark fwts nvme-cli

# Pinned, for what it differs in is written down.
pymctp=0.4.0
fetch_pymctp() {
  local dir=$CACHE/pymctp-$pymctp
  [ -e "$dir/ready" ] && return
  rm -rf "$dir"
  step "Python's venv" "5 s" python3 -m venv "$dir"
  step "pymctp $pymctp" "10 s" "$dir/bin/pip" install "pymctp==$pymctp"
  touch "$dir/ready"
}
locked pymctp fetch_pymctp

dtschema=2026.9
fetch_dtschema() {
  local dir=$CACHE/dtschema-$dtschema
  [ -e "$dir/ready" ] && return
  rm -rf "$dir"
  step "Python's venv" "5 s" python3 -m venv "$dir"
  step "dtschema $dtschema" "10 s" "$dir/bin/pip" install "dtschema==$dtschema"
  touch "$dir/ready"
}
locked dtschema fetch_dtschema

publish IASL "$CACHE/iasl/iasl"
publish IASL_SID "$CACHE/iasl-sid/iasl"
publish TSHARK "$CACHE/tshark/tshark"
publish FWTS "$CACHE/fwts/fwts"
publish NVME_CLI "$CACHE/nvme-cli/root"
publish PYMCTP "$CACHE/pymctp-$pymctp/bin/python3"
publish DTSCHEMA "$CACHE/dtschema-$dtschema/bin"
