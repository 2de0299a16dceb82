#!/usr/bin/env bash
# ACPICA's iasl 20250404 (acpica-tools of Debian trixie), disassembling SPCR.
#
# An SPCR of revision 2 has 80 bytes (Microsoft's table of that name; nearly all
# machines and QEMU up to 10.0 have it). Revisions 3 and 4 add fields.
#
# Guess before running it: the listing has all fields and then "Raw Table Data",
# as every listing of a data table has.
# Seen: after the last field of revision 2 the listing says that the table
# "terminates in the middle of a data structure", has no raw data, ends without
# a newline within a comment's line, and iasl's exit status is 0. Who keeps such
# listings as a backup of a machine's tables cannot make this table again, and a
# script that looks at the exit status does not notice.
. "$(dirname "$0")/lib/debian"
install trixie acpica-tools=20250404-1 iasl

python3 - "$TEMP/spcr.dat" <<'PYTHON'
import struct, sys
table = struct.pack("<4sIBB6s8sI4sI", b"SPCR", 80, 2, 0, b"EXAMPL", b"EXAMPLE ", 1, b"EXAM", 1)
# A PL011 at 0x09000000, interrupt 33 of a GIC, 8N1, no PCI device.
table += struct.pack("<B3x4BQBBIBBBBBxHHBBBIBI", 3, 0, 32, 0, 3, 0x09000000, 8, 0, 33,
                     3, 0, 1, 0, 3, 0xffff, 0xffff, 0, 0, 0, 0, 0, 0)
table = bytearray(table)
assert len(table) == 80, len(table)
table[9] = -sum(table) & 0xff
open(sys.argv[1], "wb").write(table)
PYTHON

cd "$TEMP"
status=0
./iasl -d spcr.dat >out 2>&1 || status=$?
same "version" "20250404" "$(./iasl -v | sed -n 's/.*version //p')"
same "exit status" 0 "$status"
same "the listing says" 1 "$(grep -c 'terminates in the middle of a data structure' spcr.dsl)"
same "lines of raw data" 0 "$(grep -c 'Raw Table Data' spcr.dsl || :)"
