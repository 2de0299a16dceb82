#!/usr/bin/env bash
# py-dmidecode 0.1.3 (PyPI), reading what dmidecode 3.6 (Debian trixie) prints of
# SMBIOS (DSP0134).
#
# A processor (type 4, §7.5) has two lists there, Flags and Characteristics; a
# memory device (type 17, §7.18) of 32 GB and more has an extended size.
#
# Guess before running it: each list has its own entries, and memory of 1 TB is
# 1024 GB.
# Seen: the second list of a structure is the first one as well, with the entries
# of both: an x86 processor has "64-bit capable" among its flags and "FPU
# (Floating-point unit on-chip)" among its characteristics. total_ram() counts what
# dmidecode shows in TB as nothing: two modules of 1 TB and one of 64 GB are 64.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install trixie dmidecode=3.6-2 dmidecode
pypi py-dmidecode==0.1.3

python3 - "$TEMP/smbios" <<'PYTHON'
import struct, sys

def structure(kind, handle, fields, *strings):
    return struct.pack("<BBH", kind, 4 + len(fields), handle) + fields + (
        b"".join(s + b"\0" for s in strings) or b"\0") + b"\0"

def module(number, megabytes):
    return structure(17, 0x1100 + number, struct.pack(
        "<HHHHHBBBBBHHBBBBBIH", 0x1000, 0xFFFE, 72, 64, 0x7FFF, 9, 0, 1, 0, 0x22, 0x80, 4800,
        0, 0, 0, 0, 0, megabytes, 4800), b"DIMM0")

# A processor that has an FPU and is 64-bit capable, and three modules.
table = structure(4, 0x400, struct.pack(
    "<BBBBQBBHHHBBHHHBBBBBBHH", 1, 3, 0xB3, 0, 1 << 32, 0, 0, 100, 2000, 2000, 0x41, 6,
    0xFFFF, 0xFFFF, 0xFFFF, 0, 0, 0, 4, 4, 8, 4, 0xB3), b"CPU0")
table += module(0, 1 << 20) + module(1, 1 << 20) + module(2, 1 << 16) + structure(127, 0x7F00, b"")
entry = bytearray(struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 0, 0, 1, 0, len(table), 32))
entry[5] = -sum(entry) & 0xFF
open(sys.argv[1], "wb").write(entry + bytes(8) + table)
PYTHON
cat >"$TEMP/read.py" <<'PYTHON'
import sys
from dmidecode import DMIParse

parsed = DMIParse(sys.stdin.read())
processor = parsed.get("Processor")[0]
for name in "Flags", "Characteristics":
    print(*processor[name], sep=", ")
print(parsed.total_ram())
PYTHON
"$TEMP/dmidecode" --from-dump "$TEMP/smbios" >"$TEMP/printed"
python3 "$TEMP/read.py" <"$TEMP/printed" >"$TEMP/out"
both="FPU (Floating-point unit on-chip), 64-bit capable"
same "dmidecode's sizes" "1 TB,1 TB,64 GB" "$(sed -n 's/^\tSize: //p' "$TEMP/printed" | paste -sd,)"
same "dmidecode's flags, one line" "FPU (Floating-point unit on-chip)" \
  "$(sed -n '/^\tFlags:/,/^\t[^\t]/s/^\t\t//p' "$TEMP/printed")"
same "the package's flags" "$both" "$(sed -n 1p "$TEMP/out")"
same "its characteristics" "$both" "$(sed -n 2p "$TEMP/out")"
same "its memory, in GB" "64" "$(sed -n 3p "$TEMP/out")"
