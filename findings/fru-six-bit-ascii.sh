#!/usr/bin/env bash
# fru 4.1.0 (PyPI), reading a field in 6-bit ASCII of an IPMI FRU image.
#
# Four characters are packed in three bytes (IPMI Platform Management FRU
# Information Storage Definition 1.0 §13); the length counts the bytes.
#
# Guess before running it: any length is read.
# Seen: what is not a multiple of three bytes loses its end without a word:
# "PN-12" is read as "PN-1", "A1" as nothing. Six bytes or more raise an
# IndexError: the second block is looked for with the wrong end. Only three
# bytes are read as they are. Most part numbers are longer than four characters.
. "$(dirname "$0")/lib/pypi"
pypi fru==4.1.0

cat >"$TEMP/read.py" <<'PYTHON'
import fru, sys

def six_bit(text):
    bits = sum(ord(c) - 0x20 << 6 * i for i, c in enumerate(text))
    return bits.to_bytes((6 * len(text) + 7) // 8, "little")

def summed(part):
    return part + bytes([-sum(part) & 0xFF])

def field(kind, value):
    return bytes([kind << 6 | len(value)]) + value

part_number = six_bit(sys.argv[1])
area = bytes([1, 0, 25, 0, 0, 0]) + field(3, b"Example") + field(3, b"Fan") + field(3, b"SN01")
area += field(2, part_number) + field(3, b"") + b"\xc1"
area += bytes(-(len(area) + 1) % 8)
area = summed(bytes([1, (len(area) + 1) // 8]) + area[2:])
try:
    print(fru.load(blob=summed(bytes([1, 0, 0, 1, 0, 0, 0])) + area)["board"]["part_number"])
except IndexError:
    print("IndexError")
PYTHON
same "PN-1" "PN-1" "$(python3 "$TEMP/read.py" PN-1)"
same "PN-12" "PN-1" "$(python3 "$TEMP/read.py" PN-12)"
same "A1" "" "$(python3 "$TEMP/read.py" A1)"
same "PN-12345" "IndexError" "$(python3 "$TEMP/read.py" PN-12345)"
