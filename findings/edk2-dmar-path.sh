#!/usr/bin/env bash
# edk2-pytool-library 0.23.17 (PyPI), which reads a DMAR to hold its reserved
# memory against a list of devices that may have some.
#
# A device is written bus:device.function, in hexadecimal, as lspci does; DMAR
# has the numbers as bytes (Intel VT-d §8.3.1).
#
# Guess before running it: the device 00:14.0, the USB controller that has
# reserved memory in most laptops, is 00:14.0, and toXml() can be read again.
# Seen: it is 00:20.0, bus and device in decimal, so that CheckRMRRCount() refuses
# a machine whose list was written with lspci. The names of the elements of
# toXml() have spaces in them, <DMAR Table>, <PCI Endpoint Device>: no parser of
# XML reads it.
. "$(dirname "$0")/lib/pypi"
pypi edk2-pytool-library==0.23.17

cat >"$TEMP/dmar.py" <<'PYTHON'
import struct, sys
import xml.etree.ElementTree as ET
from edk2toollib.acpi.dmar_parser import DMARTable

scope = struct.pack("<BBHBBBB", 1, 8, 0, 0, 0x00, 0x14, 0)
memory = struct.pack("<HHHHQQ", 1, 24 + len(scope), 0, 0, 0x7B800000, 0x7FFFFFFF) + scope
unit = struct.pack("<HHBBHQ", 0, 16, 1, 0, 0, 0xFED91000)
body = struct.pack("<BB10x", 38, 1) + unit + memory
table = bytearray(struct.pack("<4sIBB6s8sI4sI", b"DMAR", 36 + len(body), 1, 0,
                              b"EXAMPL", b"EXAMPLE ", 1, b"EXAM", 1) + body)
table[9] = -sum(table) & 0xFF
dmar = DMARTable(bytes(table))
print(*(memory.getPath() for memory in dmar.dmar_table.RMRRlist))
with open(sys.argv[1], "w") as file:
    file.write("<RMRRs><RMRR><Path>00:14.0</Path></RMRR></RMRRs>")
print(dmar.CheckRMRRCount(sys.argv[1]))
try:
    print(ET.fromstring(ET.tostring(dmar.toXml())).tag)
except ET.ParseError as error:
    print(error)
PYTHON
python3 "$TEMP/dmar.py" "$TEMP/allowed.xml" >"$TEMP/out"
same "the device 00:14.0" "00:20.0" "$(head -n 1 "$TEMP/out")"
same "it is in the list" "False" "$(sed -n 3p "$TEMP/out")"
same "its XML, read again" "not well-formed (invalid token): line 1, column 11" "$(tail -n 1 "$TEMP/out")"
