#!/usr/bin/env bash
# dtc 1.6.1 (Debian bookworm) and 1.7.2 (trixie), writing the source of a device tree.
#
# A source is made from a blob, or from another source, to merge or compare it. In a
# string \ and up to three octal digits are a byte, and \x and two hexadecimal ones
# (Devicetree Specification 0.4 §6.3, as in C).
#
# Guess before running it: the source, compiled, has the same bytes, by both.
# Seen: 1.6.1 writes the zero between two strings as \0, also before a digit, which is
# then a part of it: of the lines "A", "3V3", "5V" the source has "A\03V3\05V", which is
# one string with bytes 3 and 5, and of 3296000 microvolts "\02K", three bytes of
# four. 1.7.2 has that right, but from a source both write a byte of 80h or more with
# its sign where char has one (amd64, not arm64): "°C" is "\xffffffc2\xffffffb0C", in
# which \x takes ff and the rest is text. dtc compiles all of it without a word.
. "$(dirname "$0")/lib/debian"
old() {
  local TEMP=$TEMP/old
  mkdir "$TEMP"
  install bookworm device-tree-compiler=1.6.1-4+b1 dtc
}
old
install trixie device-tree-compiler=1.7.2-2+b1 dtc

cat >"$TEMP/board.dts" <<'DTS'
/dts-v1/;
/ {
	gpio-line-names = "A", "3V3", "5V";
	regulator-min-microvolt = <3296000>;
};
DTS
printf '/dts-v1/;\n/ { label = "\302\260C"; };\n' >"$TEMP/label.dts"
"$TEMP/dtc" -q -O dtb -o "$TEMP/board.dtb" "$TEMP/board.dts"
# again PROPERTY: as it is in a source, and in the blob compiled of that source
again() {
  printf '%s ' "$(property "$1" <"$TEMP/again.dts")"
  "$TEMP/dtc" -q -O dtb "$TEMP/again.dts" | "$TEMP/dtc" -q -I dtb -O dts - | property "$1"
}
property() { sed -n "s/.*$1 = \(.*\);/\1/p"; }

"$TEMP/old/dtc" -q -I dtb -O dts -o "$TEMP/again.dts" "$TEMP/board.dtb"
same "1.6.1: \"A\", \"3V3\", \"5V\"" '"A\03V3\05V" [41 03 56 33 05 56 00]' "$(again gpio-line-names)"
same "1.6.1: <3296000>" '"\02K" [02 4b 00]' "$(again regulator-min-microvolt)"
"$TEMP/dtc" -q -I dtb -O dts -o "$TEMP/again.dts" "$TEMP/board.dtb"
same "1.7.2: the lines" '"A", "3V3", "5V" "A", "3V3", "5V"' "$(again gpio-line-names)"
same "1.7.2: the microvolts" '"", "2K" "", "2K"' "$(again regulator-min-microvolt)"
[ "$(dpkg --print-architecture)" = amd64 ] || exit 0
text='"\xffffffc2\xffffffb0C" <0xff666666 0x666332ff 0x66666666 0x62304300>'
for dtc in old/dtc dtc; do
  "$TEMP/$dtc" -q -O dts -o "$TEMP/again.dts" "$TEMP/label.dts"
  same "$dtc: °C, from a source" "$text" "$(again label)"
done
