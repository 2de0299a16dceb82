#!/usr/bin/env bash
# chipsec 1.13.16 (PyPI), which prints ACPI tables among the things it checks.
#
# A HEST (ACPI 6.5 §18.3.2) has one error source after another: a generic one, type 9,
# has 64 bytes; version 2 of it, type 10, 92, which servers of Arm have, and QEMU's virt
# machine with ras=on. That of machine checks has 28 bytes for each bank. The boot error
# record of a BERT (§18.3.1) has entries with data. In a Generic Address Structure space
# 0Ah is PCC, whose access size is the number of the subspace (§14.1.4).
#
# Guess before running it: all of them are printed; a register of subspace 3 is one of
# PCC.
# Seen: type 9 is. Type 10 is a struct.error, as eight bytes are made of four; so is a
# bank of machine checks, and an entry with data is "bad char in struct format". Behind an
# address space stands the name of the access size: that register is "0A - Dword Access",
# one in memory "00 - Dword Access".
. "$(dirname "$0")/lib/pypi"
pypi chipsec==1.13.16

cat >"$TEMP/show.py" <<'PYTHON'
import re, struct
from chipsec.hal import acpi_tables

def address(space, size, where):
    return struct.pack("<BBBBQ", space, 32, 0, size, where)

def source(kind, *more):
    return b"".join((
        struct.pack("<HHHBBIII", kind, 0, 0xFFFF, 0, 1, 1, 1, 4096),
        address(0, 4, 0x40000000),
        struct.pack("<BBHIIIIII", 11, 28, 0, 0, 0, 0, 0, 0, 0),
        struct.pack("<I", 4096), *more,
    ))

def show(what, table, body):
    try:
        table.parse(body)
        result = re.sub(r"\s+", " ", str(table).splitlines()[4])
    except struct.error as error:
        result = f" {error}"
    print(f"{what}:{result}")

one = struct.pack("<I", 1)
show("type 9", acpi_tables.HEST(), one + source(9))
show("type 10", acpi_tables.HEST(), one + source(10, address(0, 4, 0x40001000), struct.pack("<QQ", 1, 1)))
bank = struct.pack("<BBBBIQIII", 0, 0, 2, 0, 0x400, 0xFF, 0x401, 0x402, 0x403)
show("bank", acpi_tables.HEST(), one + struct.pack("<HHHBBIIQQB7x", 0, 0, 0, 1, 1, 1, 1, 0, 0, 1) + bank)
entry = struct.pack("<16sIHBBI16s20sQ80s", b"", 2, 0x300, 0, 0, 80, b"", b"DIMM A1", 0, b"")
region = struct.pack("<IIIII", 0x12, 0, 0, len(entry), 2) + entry
show("entry", acpi_tables.BERT(region), struct.pack("<IQ", len(region), 0x40000000))
for space in 0x0A, 0:
    print(re.search("Address Space ID.*", str(acpi_tables.GAS(address(space, 3, 0)))).group())
PYTHON
python3 "$TEMP/show.py" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out" | tr -s ' '; }
same "a generic source" "type 9: Generic Hardware Error Source Structure" "$(line 1)"
same "version 2" "type 10: unpack requires a buffer of 8 bytes" "$(line 2)"
same "machine checks of one bank" "bank: unpack requires a buffer of 4 bytes" "$(line 3)"
same "a boot error record of one entry" "entry: bad char in struct format" "$(line 4)"
same "PCC, subspace 3" "Address Space ID : 0A - Dword Access" "$(line 5)"
same "memory, 32 bits" "Address Space ID : 00 - Dword Access" "$(line 6)"
