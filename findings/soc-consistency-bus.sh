#!/usr/bin/env bash
# soc-consistency 1.6.0 (PyPI), which looks for mistakes in sources of device trees.
#
# An address on a bus is one of its parent's by that bus's ranges (Devicetree 0.4 §2.3.8). Line
# ends mean nothing in a source, and <1 2>, <3 4> is what <1 2 3 4> is (§6.3).
#
# Guess before running it: two devices at 0 of two buses, which are elsewhere, do not overlap,
# and one does that is where one of these is. Two sources differ where dtc 1.7.2 (Debian trixie)
# makes two trees of them, and not else.
# Seen: no address is translated: the first two have "Identical" windows, FATAL, the other two are
# sound. Of several nodes or properties on a line the first counts, so that another number behind
# it is no difference, while a list that is written in another way is "Interrupt routing changed".
# With one on a line and no buses, overlaps and differences are right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install trixie device-tree-compiler=1.7.2-2+b1 dtc
pypi soc-consistency==1.6.0 click==8.1.8 pyyaml==6.0.2

# tree NAME LINE...: a source of these lines
tree() {
  local name=$1
  shift
  printf '%s\n' '/dts-v1/;' '/ {' '#address-cells = <1>;' '#size-cells = <1>;' \
    'interrupt-parent = <&gic>;' 'gic: gic {' 'interrupt-controller;' '#interrupt-cells = <3>;' '};' \
    "$@" '};' >"$TEMP/$name.dts"
  "$TEMP/dtc" -q -O dtb -o "$TEMP/$name.dtb" "$TEMP/$name.dts"
}
device=('compatible = "ns16550a";' 'reg = <0 0x100>;' '};')
# bus ADDRESS: a bus that is there, with a device at 0
bus() {
  printf '%s\n' "bus@$1 {" 'compatible = "simple-bus";' '#address-cells = <1>;' '#size-cells = <1>;' \
    "ranges = <0 0x$1 0x1000>;" 'serial@0 {' "${device[@]}" '};'
}
# fatal LINE...: how many overlaps are FATAL in it, and which
fatal() {
  tree a "$@"
  socc analyze memory "$TEMP/a.dts" >"$TEMP/out" || :
  sed -n -e 's/.*: \(. FATAL\).*/\1/p' -e 's/.*\(MM-...\).*/\1/p' "$TEMP/out" | paste -sd' '
}
# differences LINES LINES: how many socc sees, and whether dtc makes two trees
differences() {
  tree a "$1"
  tree b "$2"
  socc smart-diff "$TEMP/a.dts" "$TEMP/b.dts" >"$TEMP/out" || :
  sed -n 's/^  Δ : \([0-9]*\).*/\1/p' "$TEMP/out"
  if cmp -s "$TEMP/a.dtb" "$TEMP/b.dtb"; then echo one tree; else echo two trees; fi
}
other=('serial@10000000 {' "${device[0]}" 'reg = <0x10000000 0x100>;' '};')
same "two buses" "1 FATAL MM-001" "$(fatal "$(bus 10000000)" "$(bus 20000000)")"
same "on a bus, and where that is" "0 FATAL" "$(fatal "$(bus 10000000)" "${other[@]}")"
same "no bus, twice" "1 FATAL MM-001" "$(fatal "${other[@]}" "${other[@]/serial/uart}")"
same "another number, on one line" "0 two trees" \
  "$(differences 'a { clock-frequency = <1>; }; b { clock-frequency = <2>; };' \
    'a { clock-frequency = <1>; }; b { clock-frequency = <4>; };' | paste -sd' ')"
same "another number" "1 two trees" \
  "$(differences $'b {\nclock-frequency = <2>;\n};' $'b {\nclock-frequency = <4>;\n};' | paste -sd' ')"
same "the same list" "1 one tree" \
  "$(differences $'t {\ninterrupts = <1 13 4>, <1 14 4>;\n};' $'t {\ninterrupts = <1 13 4 1 14 4>;\n};' | paste -sd' ')"
same "what socc says of it" "Interrupt routing changed" "$(grep -o 'Interrupt.*' "$TEMP/out")"
