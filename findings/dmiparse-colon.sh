#!/usr/bin/env bash
# dmiparse 0.2.0 and dmiparser 7.2 (PyPI), reading what dmidecode 3.6 (Debian trixie) prints of
# SMBIOS (DSP0134).
#
# A line is a name, a colon and a value, which can have colons, as a PCI slot's address (type 9,
# §7.10); several structures have one title, as memory devices do (type 17, §7.18). A host
# interface has a protocol or more (type 42, §7.43), each with a line "Protocol ID".
#
# Guess before running it: both have each structure, and of each all lines with their values.
# Seen: dmiparse raises a ValueError at a second colon, so that it reads no machine with a PCI
# slot, and has one of two memory devices. dmiparser has both, and the address, but of two
# protocols the last one, and no line with a value of spaces.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install trixie dmidecode=3.6-2 dmidecode
pypi dmiparse==0.2.0 dmiparser==7.2 pyyaml==6.0.2

cat >"$TEMP/table.py" <<'PYTHON'
import struct, sys

def structure(kind, handle, fields, *strings):
    return struct.pack("<BBH", kind, 4 + len(fields), handle) + fields + (
        b"".join(text + b"\0" for text in strings) or b"\0") + b"\0"

def module(number):
    return structure(17, 0x1100 + number, struct.pack(
        "<HHHHHBBBBBHHBBBBB", 0x1000, 0xFFFE, 72, 64, 8192, 9, 0, 1, 0, 0x22, 0x80, 4800,
        0, 0, 0, 0, 0), b"DIMM%d" % number)

usb = bytes([2]) + struct.pack("<HHB", 0x1234, 0x5678, 0)
known = {
    "slot": structure(9, 0x900, struct.pack("<BBBBBHBBHBB", 1, 0xA5, 8, 4, 3, 1, 4, 0, 0, 1, 0), b"SLOT1"),
    "memory": module(0) + module(1),
    "host": structure(42, 0x2A00, bytes([0x40, len(usb)]) + usb + bytes([2, 2, 1, 0, 3, 1, 0])),
    "spaces": structure(11, 0xB00, bytes([2]), b"  ", b"a: b"),
}
table = b"".join(known[name] for name in sys.argv[2:]) + structure(127, 0x7F00, b"")
entry = bytearray(struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 7, 0, 1, 0, len(table), 32))
entry[5] = -sum(entry) & 0xFF
with open(sys.argv[1], "wb") as file:
    file.write(entry + bytes(8) + table)
PYTHON
cat >"$TEMP/read.py" <<'PYTHON'
import sys
import dmiparse, dmiparser

with open(sys.argv[1]) as file:
    text = file.read()
try:
    structures = [section.props for section in dmiparse.dmiparse(text).values()]
    values = [section[sys.argv[2]].val for section in structures if sys.argv[2] in section]
except ValueError as error:
    values = error
print("dmiparse:", values)
structures = [section["props"] for section in dmiparser.DmiParser(text).data]
print("dmiparser:", [section[sys.argv[2]]["values"][0] for section in structures if sys.argv[2] in section])
PYTHON
# printed NAME LINE: what dmidecode prints of this structure on lines of this name
printed() {
  python3 "$TEMP/table.py" "$TEMP/smbios" "$1"
  "$TEMP/dmidecode" --from-dump "$TEMP/smbios" >"$TEMP/printed"
  sed -n "s/^\t$2: //p" "$TEMP/printed" | paste -sd,
}
# known LINE: what the packages have of it
known() { python3 "$TEMP/read.py" "$TEMP/printed" "$1" | paste -sd' '; }
same "a slot, dmidecode" "0000:01:00.0" "$(printed slot "Bus Address")"
same "a slot" "dmiparse: too many values to unpack (expected 2) dmiparser: ['0000:01:00.0']" "$(known "Bus Address")"
same "two modules, dmidecode" "DIMM0,DIMM1" "$(printed memory Locator)"
same "two modules" "dmiparse: ['DIMM1'] dmiparser: ['DIMM0', 'DIMM1']" "$(known Locator)"
same "two protocols, dmidecode" "02 (IPMI),03 (MCTP)" "$(printed host "Protocol ID")"
same "two protocols" "dmiparse: ['03 (MCTP)'] dmiparser: ['03 (MCTP)']" "$(known "Protocol ID")"
same "spaces, dmidecode" "  " "$(printed spaces "String 1")"
same "spaces" "dmiparser: []" "$(known "String 1" | sed 's/.* \(dmiparser\)/\1/')"
same "behind spaces" "dmiparser: ['a: b']" "$(known "String 2" | sed 's/.* \(dmiparser\)/\1/')"
