#!/usr/bin/env bash
# Other people's programs that judge our messages and tables: enters TSHARK=,
# FWTS=, IASL_SID=, NVME_CLI=, TCPDUMP=, CHROMIUM=, PYMCTP=, DTSCHEMA= and SELENIUM=
# into the list of what was built.
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/fetch.sh" iasl iasl-sid tshark fwts nvme-cli tcpdump chromium

# A program in Python, pinned, for what it differs in is written down.
fetch_python() { # name version
  local dir=$CACHE/$1-$2
  [ -e "$dir/ready" ] && return
  rm -rf "$dir"
  step "Python's venv" "5 s" python3 -m venv "$dir"
  step "$1 $2" "10 s" "$dir/bin/pip" install "$1==$2"
  touch "$dir/ready"
}
pymctp=0.4.0 dtschema=2026.9 selenium=4.45.0
locked pymctp fetch_python pymctp "$pymctp"
locked dtschema fetch_python dtschema "$dtschema"
locked selenium fetch_python selenium "$selenium"

publish IASL "$CACHE/iasl/iasl"
publish IASL_SID "$CACHE/iasl-sid/iasl"
publish TSHARK "$CACHE/tshark/tshark"
publish FWTS "$CACHE/fwts/fwts"
publish NVME_CLI "$CACHE/nvme-cli/root"
publish TCPDUMP "$CACHE/tcpdump/root"
publish PYMCTP "$CACHE/pymctp-$pymctp/bin/python3"
publish CHROMIUM "$CACHE/chromium"
publish SELENIUM "$CACHE/selenium-$selenium/bin/python3"
publish DTSCHEMA "$CACHE/dtschema-$dtschema/bin"
