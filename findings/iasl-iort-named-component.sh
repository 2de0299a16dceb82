#!/usr/bin/env bash
# ACPICA's iasl 20250404 (acpica-tools of Debian trixie), disassembling IORT.
#
# A Named Component of an IORT (IO Remapping Table, Arm DEN0049) ends with
# the path of a device, padded to 32 bits, and then its ID mappings.
#
# Guess before running it: iasl -d lists all of it, and the listing compiles to
# the same bytes, but for the compiler's id and the checksum.
# Seen: the padding is taken from the start of the table: bytes of the signature
# are listed where there are zeros, and iasl writes them into the table made from
# the listing. Where a path needs no padding, as "\_SB_.GPU0", the listing stops
# at a "zero length subtable", without the ID mappings, with exit status 0, and
# cannot be compiled. The raw data at the end are right. 20260408 does the same.
. "$(dirname "$0")/lib/debian"
install trixie acpica-tools=20250404-1 iasl

# iort PATH FILE: a GIC ITS and a device with one mapping to it
iort() {
  python3 - "$1" "$2" <<'PYTHON'
import struct, sys
path = sys.argv[1].encode() + b"\0"
path += bytes(-(29 + len(path)) % 4)

def node(kind, revision, mappings, body, tail):
    start = 16 + len(body)
    return struct.pack("<BHBIII", kind, start + len(tail), revision, kind, mappings, start * mappings) + body + tail

its = node(0, 1, 0, struct.pack("<II", 1, 0), b"")
body = struct.pack("<IIBHBB", 0, 1, 0, 0, 3, 32) + path
mapping = struct.pack("<IIIII", 0, 0, 0x100, 48, 1)
table = struct.pack("<III", 2, 48, 0) + its + node(1, 4, 1, body, mapping)
head = struct.pack("<4sIBB6s8sI4sI", b"IORT", 36 + len(table), 5, 0, b"EXAMPL", b"EXAMPLE ", 1, b"EXAM", 1)
table = bytearray(head + table)
table[9] = -sum(table) & 0xFF
open(sys.argv[2], "wb").write(table)
PYTHON
}

iort '\_SB_.I2C1.CODC' "$TEMP/padded.dat"
iort '\_SB_.GPU0' "$TEMP/even.dat"
for name in padded even; do "$TEMP/iasl" -d "$TEMP/$name.dat" >/dev/null 2>&1; done
same "version" "20250404" "$("$TEMP/iasl" -v | sed -n 's/.*version //p')"
same "three bytes of padding" "49 4F 52" \
  "$(sed -n 's/.*Padding : \(.. .. ..\) .*/\1/p' "$TEMP/padded.dsl")"
same "no padding" "Invalid zero length subtable" "$(grep Invalid "$TEMP/even.dsl")"
same "no padding: ID mappings listed" 0 "$(grep -c 'Output Base' "$TEMP/even.dsl" || :)"
