#!/usr/bin/env bash
# ipmi-fru of FreeIPMI 1.6.15 (Debian trixie), reading a field in BCD plus.
#
# BCD plus (IPMI Platform Management FRU Information Storage Definition 1.0 §13)
# gives each value of four bits a character, so that a byte has two: 12h 34h is
# "1234". frugy, python-ipmi and fru-parser read it so.
#
# Guess before running it: "1234" is read; if anything is not, it is the period.
# Seen: a byte is taken for one character. 12h 34h is "invalid BCD encoding",
# and so is every number whose digits are not each behind a 0: 01h 02h is shown
# as "12" where "0102" is meant. The exit status is 0.
. "$(dirname "$0")/lib/debian"
install trixie freeipmi-tools=1.6.15-1 ipmi-fru

cat >"$TEMP/write.py" <<'PYTHON'
import sys

def summed(part):
    return part + bytes([-sum(part) & 0xFF])

def field(kind, value):
    return bytes([kind << 6 | len(value)]) + value

area = bytes([1, 0, 25, 0x10, 0x20, 0xE0]) + field(3, b"Example") + field(3, b"Fan")
area += field(1, bytes.fromhex(sys.argv[1])) + field(3, b"PN-1") + field(3, b"") + b"\xc1"
area += bytes(-(len(area) + 1) % 8)
area = summed(bytes([1, (len(area) + 1) // 8]) + area[2:])
open(sys.argv[2], "wb").write(summed(bytes([1, 0, 0, 1, 0, 0, 0])) + area)
PYTHON
# serial HEX: what ipmi-fru shows
serial() {
  python3 "$TEMP/write.py" "$1" "$TEMP/board.bin"
  "$TEMP/ipmi-fru" --fru-file="$TEMP/board.bin" | sed -n 's/.*FRU Board Serial Number: //p'
}
same "version" "ipmi-fru - 1.6.15" "$("$TEMP/ipmi-fru" --version | head -n 1)"
same "12h 34h" "Error 'FRU invalid BCD encoding'" "$(serial 1234)"
same "01h 02h" "12" "$(serial 0102)"
