#!/usr/bin/env bash
# python-pcapng 2.1.1 and pycapng 0.19.7 (PyPI), which read pcapng.
#
# An interface may say from when its times count: if_tsoffset, seconds since 1970
# that are added to each (the format's draft, interface description block).
#
# Guess before running it: both say when a packet was caught.
# Seen: both leave the offset out: a packet of 2026 is one of 1971. python-pcapng
# lists the option, so that the sum can be made by hand. The resolution is right in
# both, of powers of ten and of two; python-pcapng's timestamp is a float, which
# has no nanoseconds, its timestamp_high and timestamp_low have. tshark 4.4.19 adds
# the offset.
. "$(dirname "$0")/lib/pypi"
pypi python-pcapng==2.1.1 pycapng==0.19.7

cat >"$TEMP/read.py" <<'PYTHON'
import struct, sys
import pycapng
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket

def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)

def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

END = struct.pack("<I", 0)
CAUGHT, OFFSET = 1_790_000_000_123_456_789, 1_750_000_000
with open(sys.argv[1], "wb") as file:
    file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
    for offset in 0, OFFSET:
        # Linux cooked capture 2, nanoseconds
        file.write(block(1, struct.pack("<HHI", 276, 0, 0) + option(9, b"\x09") +
                         option(14, struct.pack("<q", offset)) + END))
    for interface, offset in (0, 0), (1, OFFSET):
        time = CAUGHT - offset * 10**9
        file.write(block(6, struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, 20, 20) + bytes(20)))

with open(sys.argv[1], "rb") as file:
    print(*(int(packet.timestamp) for packet in FileScanner(file) if isinstance(packet, EnhancedPacket)))
print(*(packet.timestamp_ns for packet in pycapng.read_packets(sys.argv[1])))
PYTHON
python3 "$TEMP/read.py" "$TEMP/capture.pcapng" >"$TEMP/out"
same "without and with an offset, python-pcapng" "1790000000 40000000" "$(head -n 1 "$TEMP/out")"
same "without and with an offset, pycapng" "1790000000123456789 40000000123456789" "$(tail -n 1 "$TEMP/out")"
