#!/usr/bin/env bash
# Other people's programs that judge our messages and tables: enters TSHARK=,
# FWTS=, IASL_SID=, NVME_CLI=, MI_MCTP=, TCPDUMP=, CHROMIUM=, PYMCTP=, DTSCHEMA= and
# SELENIUM= into the list of what was built.
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

# libnvme's examples of NVMe-MI, which Debian has as source only and some of its
# mirrors not at all: from the source that libnvme's Python package comes with, for
# the library beside nvme-cli. Their config.h says no more than what is said here.
build_mi_mctp() { # VERSION DIR
  local name
  rm -rf "$2" && mkdir -p "$2/new"
  "$CACHE/pymctp-$pymctp/bin/pip" download --no-deps --no-binary libnvme -d "$2/new" "libnvme==$1"
  tar -xf "$2/new/libnvme-$1.tar.gz" -C "$2/new" --strip-components=1
  : >"$2/new/config.h"
  for name in mi-mctp mi-mctp-csi-test; do
    "${CROSS}gcc" -O2 -DHAVE_LITTLE_ENDIAN=1 -DHAVE_BIG_ENDIAN=0 -I"$2/new"{,/src,/ccan} \
      -o "$2/$name" "$2/new/examples/$name.c" "$nvme" -Wl,--allow-shlib-undefined
  done
  rm -rf "$2/new"
  say "$1" >"$2/version"
}
libnvme=1.16.2 nvme=$CACHE/nvme-cli/root/usr/lib/aarch64-linux-gnu/libnvme-mi.so.1
mi_mctp=$CACHE/mi-mctp-$(key "$libnvme" "$("${CROSS}gcc" -dumpfullversion)" <"$nvme")
[ -e "$mi_mctp/version" ] ||
  locked mi-mctp step "libnvme's mi-mctp $libnvme" "1 min" build_mi_mctp "$libnvme" "$mi_mctp"

publish IASL "$CACHE/iasl/iasl"
publish IASL_SID "$CACHE/iasl-sid/iasl"
publish TSHARK "$CACHE/tshark/tshark"
publish FWTS "$CACHE/fwts/fwts"
publish NVME_CLI "$CACHE/nvme-cli/root"
publish MI_MCTP "$mi_mctp"
publish TCPDUMP "$CACHE/tcpdump/root"
publish PYMCTP "$CACHE/pymctp-$pymctp/bin/python3"
publish CHROMIUM "$CACHE/chromium"
publish SELENIUM "$CACHE/selenium-$selenium/bin/python3"
publish DTSCHEMA "$CACHE/dtschema-$dtschema/bin"
