#!/usr/bin/env bash
# fru-parser 0.1.2 (PyPI), which reads an IPMI FRU.
#
# A record of the multirecord area has a header: its type, a byte whose lower bits are the
# format, 2, and whose bit 7 marks the last record, one like the others, its length and two
# checksums; type 0 is a power supply, 1 a DC output (IPMI Platform Management FRU Information
# Storage Definition 1.0 §16). The internal use area has no length (§9), and can be the last
# one of an EEPROM.
#
# Guess before running it: the board is read, and with it a power supply, its output, and an
# internal use area behind the board; FreeIPMI 1.6.15 reads the same.
# Seen: the last record is left out, whatever it is, so that of one there is none. The format
# is taken for the length, so that each record ends early and the next starts in its middle: a
# supply and an output are four records, of a vendor, of a type 132 and of a "Management
# Controller UFS Interface". Of an internal use area behind the others there is one byte.
# FreeIPMI has the watts of the one and the current of the other.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install trixie freeipmi-tools=1.6.15-1 ipmi-fru
pypi fru-parser==0.1.2

cat >"$TEMP/write.py" <<'PYTHON'
import struct, sys

def summed(part):
    return part + bytes([-sum(part) & 0xFF])

def record(kind, data, last):
    return summed(bytes([kind, 2 | last << 7, len(data), -sum(data) & 0xFF])) + data

fields = b"".join(bytes([0xC0 | len(text)]) + text for text in (b"Example", b"Board", b"SN-1", b"PN-1", b""))
board = bytes([1, 0, 25, 0x10, 0x20, 0xE0]) + fields + b"\xc1"
size = -(-(len(board) + 1) // 8)
board = summed((bytes([1, size]) + board[2:]).ljust(size * 8 - 1, b"\0"))
# 750 W of 100 to 240 V and 47 to 63 Hz
supply = struct.pack("<HHBBHHHHBBBBHBHB", 750, 900, 0, 0, 10000, 24000, 0, 0, 47, 63, 20, 2, 900, 0, 0, 0)
# 12 V and up to 6.2 A
output = struct.pack("<BhhhHHH", 1, 1200, 1140, 1244, 120, 0, 6200)
records = {"supply": [(0, supply)], "supply and output": [(0, supply), (1, output)]}.get(sys.argv[2], [])
behind = 1 + size
header = [1, 0, 0, 1, 0, behind, 0] if records else [1, behind, 0, 1, 0, 0, 0]
data = b"".join(record(*what, index == len(records) - 1) for index, what in enumerate(records))
open(sys.argv[1], "wb").write(summed(bytes(header)) + board + (data or b"\1" + bytes(range(0x20, 0x2f))))
PYTHON
# parsed WHAT: the board that fru-parser reads, its records, its internal use area
parsed() {
  python3 "$TEMP/write.py" "$TEMP/fru.bin" "$1"
  fru-parser --quiet --fru-bin "$TEMP/fru.bin" --output "$TEMP/fru.json" 2>"$TEMP/log"
  python3 - "$TEMP/fru.json" <<'PYTHON'
import json, sys

fru = json.load(open(sys.argv[1]))
print(fru["board"]["pname"]["data"], [record["type_name"] for record in fru.get("multirecord", [])], fru.get("internal"))
PYTHON
}
# shown WHAT: what FreeIPMI reads
shown() {
  python3 "$TEMP/write.py" "$TEMP/fru.bin" "$1"
  "$TEMP/ipmi-fru" --fru-file="$TEMP/fru.bin" |
    sed -n -E 's/^ *FRU (Board Product Name|.*Overall Capacity|.*Maximum Current Draw): //p' | paste -sd,
}
same "a supply" "Board [] None" "$(parsed "supply")"
same "a supply, FreeIPMI" "Board,750 Watts" "$(shown "supply")"
same "a supply and its output" \
  "Board ['OEM', 'Unknown (0x84)', 'OEM', 'Management Controller UFS Interface'] None" \
  "$(parsed "supply and output")"
same "a supply and its output, FreeIPMI" "Board,750 Watts,6200 mA" "$(shown "supply and output")"
same "16 bytes of internal use, the first of them the format" "Board [] 20" "$(parsed "internal")"
