#!/usr/bin/env bash
# Wireshark 4.4.19 (tshark of Debian trixie), PLDM dissector.
#
# PLDM's ver32 (DSP0240) has its alpha byte first in memory, then update, minor
# and major, each in BCD, 0xf in front of a single digit: 00 f0 f1 f1 is 1.1.0,
# and libpldm reads it so.
#
# Guess before running it: pldm.base.pldmTypeVersion is "1.1.0".
# Seen: "00.0.1" and the byte 0xf1 as it is. The bytes are taken in the other
# order (the alpha for the major version), and the last one is printed as a
# character, so that the output of tshark is no UTF-8 any more: who reads it
# with a strict decoder (Python's text=True) gets an error, not a line.
# Whoever checks versions by a capture reads 0.1.x for every 1.x there is.
. "$(dirname "$0")/lib/debian"
install trixie tshark=4.4.19-0+deb13u1 tshark

# One frame, Linux cooked mode 2, MCTP: the answer to GetPLDMVersion, one
# version, 1.1.0, and its CRC-32.
python3 - "$TEMP/version.pcap" <<'PYTHON'
import struct, sys, zlib
version = bytes([0x00, 0xf0, 0xf1, 0xf1])
pldm = bytes([0x01, 0x00, 0x00, 0x03, 0x00]) + struct.pack("<IB", 0, 5)
pldm += version + struct.pack("<I", zlib.crc32(version))
packet = struct.pack(">HHIHBB8s", 0x00fa, 0, 1, 290, 0, 0, b"")
packet += bytes([0x01, 0x08, 0x09, 0xc0]) + pldm
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 276))
    file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
PYTHON

"$TEMP/tshark" -r "$TEMP/version.pcap" -T fields -e pldm.base.pldmTypeVersion \
  2>/dev/null >"$TEMP/out"
same "version" "Wireshark) 4.4.19." \
  "$("$TEMP/tshark" --version 2>/dev/null | grep -o 'Wireshark) [0-9.]*')"
same "the version 1.1.0, in hex" "30302e302e31f10a" \
  "$(od -An -v -tx1 "$TEMP/out" | tr -d ' \n')"
same "a strict decoder of UTF-8" "refuses it" \
  "$(python3 -c "open('$TEMP/out', encoding='utf-8').read()" 2>/dev/null && echo "takes it" || echo "refuses it")"
