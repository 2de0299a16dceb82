#!/usr/bin/env bash
# lopper 1.6.0 (PyPI), with which AMD and others take apart the device tree of a whole system.
#
# A number has 32 bits if /bits/ before its brackets says nothing else, text and numbers can
# stand in one property, and text has the bytes of its source (Devicetree Specification 0.4
# §6.3). Linux reads opp-hz as a number of 64 bits (drivers/opp/of.c).
#
# Guess before running it: what lopper writes of a source that it leaves as it is, as a source
# or as a blob, has the bytes that dtc 1.7.2 makes of the first.
# Seen: it has not, with exit status 0. In the source a number of 64 bits from 2^32 on is two, so
# that an operating point of 5 GHz has 1 Hz and 705 MHz, and UTF-8 is Latin-1. In the blob those
# of 16 bits have 32, and empty text has no value, as what is only there or not. The last number
# behind a text is 0 in both. Other numbers, 64-bit ones below 2^32 too, are right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install trixie device-tree-compiler=1.7.2-2+b1 dtc
pypi lopper==1.6.0 humanfriendly==10.0 configparser==7.3.0 PyYAML==6.0.4
PATH=$TEMP:$PATH

cat >"$TEMP/board.dts" <<'DTS'
/dts-v1/;
/ {
	opp-600000000 {
		opp-hz = /bits/ 64 <600000000>;
	};
	opp-5000000000 {
		opp-hz = /bits/ 64 <5000000000>;
	};
	board {
		half = /bits/ 16 <0x1234 0x5678>;
		byte = /bits/ 8 <1 2 3>;
		cell = <0 0x80000000>;
		mixed = "text", <1 2>;
		empty = "";
		utf8 = "café";
	};
};
DTS
cd "$TEMP"
lopper -f board.dts again.dts >out 2>&1
lopper -f board.dts again.dtb >out 2>&1
# values NODE: its properties in a blob on standard input, as dtc lists them
values() { dtc -q -I dtb -O dts - | sed -n "/$1 {/,/}/s/^\t\t\(.*\);/\1/p" | paste -sd' '; }
# source_values FILE NODE: the same of a source
source_values() { dtc -q -O dtb "$1" | values "$2"; }
same "600 MHz, as it was" "opp-hz = <0x00 0x23c34600>" "$(source_values board.dts opp-600000000)"
same "600 MHz, source" "opp-hz = <0x00 0x23c34600>" "$(source_values again.dts opp-600000000)"
same "5 GHz, as it was" "opp-hz = <0x01 0x2a05f200>" "$(source_values board.dts opp-5000000000)"
same "5 GHz, source" "opp-hz = <0x00 0x01 0x00 0x2a05f200>" "$(source_values again.dts opp-5000000000)"
same "5 GHz, blob" "opp-hz = <0x01 0x2a05f200>" "$(values opp-5000000000 <again.dtb)"
right="byte = [01 02 03] cell = <0x00 0x80000000> mixed = [74 65 78 74 00 00 00 00 01 00 00 00"
same "others, as they were" "half = <0x12345678> $right 02] empty = [00] utf8 = [63 61 66 c3 a9 00]" \
  "$(source_values board.dts board)"
same "others, source" "half = <0x12345678> $right 00] empty = [00] utf8 = [63 61 66 e9 00]" \
  "$(source_values again.dts board)"
same "others, blob" "half = <0x1234 0x5678> $right 00] empty utf8 = [63 61 66 c3 a9 00]" \
  "$(values board <again.dtb)"
