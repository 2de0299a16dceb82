#!/usr/bin/env bash
# pymctp 0.4.0 (PyPI), whose analyze-tcpdump lists a capture's MCTP packets and, with
# --triage, what is wrong with them.
#
# A message is told from others by its source, its tag, and who owns the tag (DSP0236
# §8.9): while EID 8 sends a long question in two packets with a tag of its own, it may
# answer EID 9, whose tag is the same number, between them. The times of a capture are
# those since 1970, in UTC.
#
# Guess before running it: nothing is wrong; the first packet is of midnight; a capture
# of pcapng is read.
# Seen: the owner does not count, so that the long question is "abandoned" and its end
# has no start, two errors. The times are those of this machine's zone, taken for US
# Central's and then written as UTC: six hours late, or five in summer. They are right
# with --timezone, if that is the machine's zone. A capture is one whose name ends with
# .pcap or .dump, pcapng as well; any other is read as text, and a UnicodeDecodeError.
. "$(dirname "$0")/lib/pypi"
pypi pymctp==0.4.0 scapy==2.8.0 crcmod-plus==2.3.6 crc8==0.2.1 mashumaro==3.23 click==8.5.1 \
  pytz==2026.6 tzlocal==5.4.5 typing_extensions==4.16.0

# Linux cooked mode 2, MCTP, from midnight on; EID 8 asks, 9 asks, 8 answers, 8 goes on
python3 - "$TEMP/capture.pcap" <<'PYTHON'
import struct, sys

def packet(to, source, start, end, sequence, owner, data):
    flags = start << 7 | end << 6 | sequence << 4 | owner << 3 | 1
    return struct.pack(">HHIHBB8s", 0xFA, 0, 1, 290, 0, 0, b"") + bytes([1, to, source, flags]) + data

packets = (
    packet(9, 8, 1, 0, 0, 1, b"\x7e\x1a\xf4" + bytes(61)),
    packet(8, 9, 1, 1, 0, 1, b"\x00\x80\x02"),
    packet(9, 8, 1, 1, 0, 0, b"\x00\x00\x02\x00\x08\x00\x00"),
    packet(9, 8, 0, 1, 1, 1, bytes(10)),
    packet(8, 9, 1, 1, 0, 0, b"\x7e\x1a\xf4ok"),
)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 276))
    for number, data in enumerate(packets):
        file.write(struct.pack("<IIII", 1767225600, 1000 * number, len(data), len(data)) + data)
PYTHON
cp "$TEMP/capture.pcap" "$TEMP/capture.pcapng"
# first ARGUMENT...: when the first packet was
first() { pymctp analyze-tcpdump "$TEMP/capture.pcap" "$@" | sed -n 's/: .*MCTP 0:1 (09<-08) (S T).*//p'; }
export TZ=UTC
pymctp analyze-tcpdump --triage "$TEMP/capture.pcap" >"$TEMP/out"
same "the packets in order" "pkt#3: Incomplete fragmented message abandoned (started pkt#1, last seq=0)" \
  "$(sed -n 's/^\[E\] MCTP-FRAG-001 //p' "$TEMP/out" | sed -n 1p)"
same "the second part" "pkt#4: EOM with no preceding SOM for key 1:8:9" \
  "$(sed -n 's/^\[E\] MCTP-FRAG-001 //p' "$TEMP/out" | sed -n 2p)"
same "midnight" "2026-01-01T06:00:00+00:00" "$(first)"
same "midnight, --timezone UTC" "2026-01-01T00:00:00+00:00" "$(first --timezone UTC)"
same "the same on a machine in Berlin" "2026-01-01T01:00:00+00:00" "$(TZ=Europe/Berlin first --timezone UTC)"
same "of another name" "UnicodeDecodeError" \
  "$(pymctp analyze-tcpdump "$TEMP/capture.pcapng" 2>&1 | grep -o UnicodeDecodeError)"
