#!/usr/bin/env bash
# pyfdt 0.3 (PyPI), writing the source of a device tree from its blob.
#
# A property whose length is no multiple of four, as a MAC address, is written in
# bytes, [02 00 00 12 34 fe] (Devicetree Specification 0.4 §6.3).
#
# Guess before running it: dtc makes the same blob of the source again.
# Seen: a byte of 80h or more has a sign: feh is "fffffffe". Within brackets that
# is four bytes, so that dtc takes it without a word and the address has nine. In
# to_json() it is "-2". A quotation mark in a string is not escaped; dtc refuses
# that one.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/debian"
pypi pyfdt==0.3
install trixie device-tree-compiler=1.7.2-2+b1 dtc

cat >"$TEMP/source.py" <<'PYTHON'
import sys
from pyfdt.pyfdt import FdtBlobParse

with open(sys.argv[1], "rb") as file:
    tree = FdtBlobParse(file).to_fdt()
print(tree.to_dts())
print("//", tree.to_json().replace("\n", " "))
PYTHON
printf '/dts-v1/;\n/ { local-mac-address = [02 00 00 12 34 fe]; };\n' |
  "$TEMP/dtc" -q -O dtb -o "$TEMP/tree.dtb" -
python3 "$TEMP/source.py" "$TEMP/tree.dtb" >"$TEMP/tree.dts"
property() { sed -n 's/.*local-mac-address = \(.*\);/\1/p'; }
same "02 00 00 12 34 fe" "[02 00 00 12 34 fffffffe]" "$(property <"$TEMP/tree.dts")"
same "as JSON" '"02", "00", "00", "12", "34", "-2"' "$(grep -o '"02.*-2"' "$TEMP/tree.dts")"
same "compiled again, with status 0" "[02 00 00 12 34 ff ff ff fe]" \
  "$("$TEMP/dtc" -q -O dts "$TEMP/tree.dts" | property)"
