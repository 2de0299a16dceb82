#!/usr/bin/env bash
# usbmon-tools 3.0.0 (PyPI), which reads USB traffic that Linux or Windows captured as pcapng.
#
# A file may have any number of interfaces, and each packet names its own (pcapng §4.2, §4.3): one for each
# bus that was captured, as "dumpcap -i usbmon1 -i usbmon2" writes. USBPcap's transfer FEh is information
# about a request, and FFh an unknown one (USBPcap Capture format, "Common header"); they are none of
# the four kinds of transfer. After the header of an isochronous one come 12 bytes and 12 for each
# packet, all of which the header's length counts.
#
# Guess before running it: the packets of all buses are read, and others are left out as the package
# means to ("unsupported capture data").
# Seen: a packet of a second bus is an AssertionError, and so nothing is read. In place of an unsupported
# packet there is the one before it once more, as the second half of its pair, so that the answer has
# no question; as the first of a file it is an AssertionError. What stands in front of isochronous data is
# data. One bus, and other transfers of both systems, are right.
. "$(dirname "$0")/lib/pypi"
pypi usbmon-tools==3.0.0 python-pcapng==2.1.1 construct==2.10.70 hexdump==3.3

cat >"$TEMP/read.py" <<'PYTHON'
import struct, sys
from usbmon import pcapng

def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

def interface(link):
    return block(1, struct.pack("<HHI", link, 0, 65535))

def packet(number, data):
    return block(6, struct.pack("<IIIII", number, 0, 1000, len(data), len(data)) + data)

def linux(urb, kind, bus, data=b""):
    """An interrupt transfer of device 2, endpoint 1, of usbmon"""
    flag = b"\0" if data else b"<"
    return struct.pack("<QcBBBHccqiiII8siiII", urb, kind, 1, 0x81, 2, bus, b"-", flag, 1000, 0, 0, 8,
                       len(data), bytes(8), 8, 0, 0, 0) + data

def windows(irp, transfer, answer, data=b"", more=b""):
    """The same of USBPcap"""
    return struct.pack("<HQIHBHHBBI", 27 + len(more), irp, 0, 9, answer, 1, 2, 0x81, transfer, len(data)) + more + data

def read(*blocks):
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    try:
        packets = pcapng.parse_bytes(section + b"".join(blocks), retag_urbs=False)
        return "; ".join(f"{seen.tag} {seen.type.value} {seen.address} {seen.payload.hex()}".strip() for seen in packets)
    except AssertionError:
        return "AssertionError"

print(eval(sys.argv[1]))
PYTHON
read_usb() { python3 "$TEMP/read.py" "read($1)" 2>"$TEMP/warnings"; }
same "Linux, one bus" "7 S 1.2.1; 7 C 1.2.1 0102" \
  "$(read_usb 'interface(220), packet(0, linux(7, b"S", 1)), packet(0, linux(7, b"C", 1, b"\1\2"))')"
same "Linux, two buses" "AssertionError" \
  "$(read_usb 'interface(220), interface(220), packet(0, linux(7, b"S", 1)), packet(1, linux(8, b"S", 2))')"
same "Windows" "7 S 1.2.1; 7 C 1.2.1 0102" \
  "$(read_usb 'interface(249), packet(0, windows(7, 1, 0)), packet(0, windows(7, 1, 1, b"\1\2"))')"
same "Windows, information about a request between" "7 S 1.2.1; 7 S 1.2.1; 7 C 1.2.1 0102" \
  "$(read_usb 'interface(249), packet(0, windows(7, 1, 0)), packet(0, windows(9, 0xFE, 0)), packet(0, windows(7, 1, 1, b"\1\2"))')"
same "Windows, information first" "AssertionError" "$(read_usb 'interface(249), packet(0, windows(9, 0xFE, 0))')"
same "Windows, isochronous" "7 C 1.2.1 0000000001000000000000000000000002000000000000000102" \
  "$(read_usb 'interface(249), packet(0, windows(7, 0, 1, b"\1\2", struct.pack("<IIIIII", 0, 1, 0, 0, 2, 0)))')"
