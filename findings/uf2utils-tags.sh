#!/usr/bin/env bash
# uf2utils 0.9.8 (PyPI), which reads UF2 files, adds to them and writes them again.
#
# What is behind the payload of a block says what a flag says that there is: a file's name with
# 1000h, an MD5 sum with 4000h, tags with 8000h (UF2 format, File containers, MD5 checksum, Extension
# tags). The files of an RP2350 start with a block for 10FFFF00h, of the family "absolute", with a
# tag that says to ignore it (RP2350 datasheet, erratum E10; picotool, UF2_EXTENSION_RP2_IGNORE_BLOCK).
#
# Guess before running it: a file that is read and written again stays the same, tags and names too,
# and what is added to a firmware has the family of the firmware.
# Seen: the flags stay and what they speak of is zeros: a file has no name, a block a sum of nothing.
# What is added to an RP2350's firmware has the family and flags of the block to ignore, whose tag is
# gone. With fill_gaps, which the README asks for, there are 16 MiB of zeros up to that block.
# Addresses, families and numbers of plain files are right.
. "$(dirname "$0")/lib/pypi"
pypi uf2utils==0.9.8

cat >"$TEMP/uf2.py" <<'PYTHON'
import struct, sys
from uf2utils.file import UF2File

def block(flags, address, number, total, family, behind=b"", payload=b"\xA5" * 256):
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, len(payload), number, total, family)
    return (head + payload + behind).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)

def shown(file):
    with open(file, "rb") as written:
        data = written.read()
    for at in range(0, len(data), 512):
        flags, address, size, _, _, family = struct.unpack_from("<6I", data, at + 8)
        behind = data[at + 32 + size:at + 508].rstrip(b"\0").hex()
        yield f"{address:08X} {flags:04X} {family:08X}" + (f" {behind}" if behind else "")

ignore = block(0xA000, 0x10FFFF00, 0, 2, 0xE48BFF57, struct.pack("<I", 0x9957E304))
kinds = {
    "plain": [block(0x2000, 0x10000000, 0, 1, 0xE48BFF59)],
    "name": [block(0x1000, 0, 0, 1, 256, b"boot.py")],
    "sum": [block(0x6000, 0x10000000, 0, 1, 0x1C5F21B0, bytes(196) + struct.pack("<II", 0, 4096) + b"\x5A" * 16)],
    "tag": [block(0xA000, 0x10000000, 0, 1, 0xE48BFF59, b"\x09\xbc\xc7\x9f0.1.2")],
    "rp2350": [ignore, block(0x2000, 0x10000000, 0, 1, 0xE48BFF59)],
}
folder, kind, *options = sys.argv[1:]
with open(f"{folder}/in.uf2", "wb") as first:
    first.write(b"".join(kinds[kind]))
file = UF2File(f"{folder}/in.uf2", fill_gaps="fill" in options)
if "add" in options:
    file.append_payload(b"\x5A" * 256, 0x10000100)
file.to_file(f"{folder}/out.uf2")
lines = list(shown(f"{folder}/out.uf2"))
print(len(lines) if "fill" in options else "; ".join(lines))
PYTHON
# again KIND [add] [fill]: address, flags, family and what is behind the payload of what was written
again() { python3 "$TEMP/uf2.py" "$TEMP" "$@" 2>>"$TEMP/log"; }
same "plain" "10000000 2000 E48BFF59" "$(again plain)"
same "plain, added" "10000000 2000 E48BFF59; 10000100 2000 E48BFF59" "$(again plain add)"
same "boot.py, 626f6f742e7079" "00000000 1000 00000100" "$(again name)"
same "a sum of 4096 bytes" "10000000 6000 1C5F21B0" "$(again sum)"
same "a version" "10000000 A000 E48BFF59" "$(again tag)"
same "RP2350, E48BFF59 in the last" \
  "10FFFF00 A000 E48BFF57; 10000000 2000 E48BFF59; 10000100 A000 E48BFF57" "$(again rp2350 add)"
same "RP2350, without gaps, 3 blocks" 65536 "$(again rp2350 add fill)"
