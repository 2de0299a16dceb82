#!/usr/bin/env bash
# pymctp-exerciser-serial 0.2.6 (PyPI), MCTP on a serial line for pymctp.
#
# A frame (DSP0253 §7) is 7Eh, the revision, the packet's number of bytes, the packet, a
# CRC-16 and 7Eh. In the packet 7Eh ("~") is written 7Dh 5Eh and 7Dh ("}") is 7Dh 5Dh;
# number and CRC are those of the packet before that.
#
# Guess before running it: a packet that comes in a sound frame is received; one whose
# CRC is wrong is not.
# Seen: a byte written as two counts only where it lies within as many bytes behind the
# start as the packet had before. Of a packet with two such bytes at its end the frame's
# last byte stays behind; with three, as at the end of JSON, or four, the packet is lost,
# and "failed to parse packet" is printed. The CRC is not looked at. What is sent is
# right.
. "$(dirname "$0")/lib/pypi"
pypi pymctp-exerciser-serial==0.2.6 pymctp==0.4.0 scapy==2.8.0 pyserial==3.5 crcmod-plus==2.3.6 crc8==0.2.1 \
  mashumaro==3.23 click==8.5.1 pytz==2026.6 tzlocal==5.4.5 typing_extensions==4.16.0

cat >"$TEMP/line.py" <<'PYTHON'
import os, pty, select, tty
import crcmod.predefined
from pymctp.layers.mctp.transport import TransportHdrPacket, UartTransport
from pymctp_exerciser_serial import TTYSerialSocket

ours, theirs = pty.openpty()
tty.setraw(ours)
tty.setraw(theirs)
crc16 = crcmod.predefined.mkCrcFun("crc-16-mcrf4xx")

def frame(packet, wrong=0):
    crc = crc16(bytes([1, len(packet)]) + packet) ^ wrong
    written = b"".join(bytes([0x7D, byte ^ 0x20]) if byte in b"\x7d\x7e" else bytes([byte]) for byte in packet)
    return bytes([0x7E, 1, len(packet)]) + written + crc.to_bytes(2, "big") + b"\x7e"

def received(text, wrong=0):
    # from EID 9 to 8, a vendor's message
    packet = bytes([1, 8, 9, 0xC8]) + b"\x7e\x1a\xf4" + text
    socket = TTYSerialSocket(os.ttyname(theirs), dump_hex=False)
    os.write(ours, frame(packet, wrong))
    select.select([theirs], [], [], 5)
    got = socket.recv()
    result = "lost"
    if got is not None and bytes(got.load) == packet:
        socket.send(UartTransport(load=TransportHdrPacket(packet)))
        sent = os.read(ours, 100)
        result = "whole, sent again " + (
            "as it came" if sent == frame(packet, wrong) else "with the right one" if sent == frame(packet) else "wrong"
        )
    print(f"RESULT {text.decode()}: {result}, left {bytes(socket._rx_buffer).hex() or 'nothing'}")
    socket.close()

received(b"ok")
received(b'{"a":{}}')
received(b'{"a":{"b":{}}}')
received(b"~~~~")
received(b"ok", wrong=1)
PYTHON
timeout 60 python3 "$TEMP/line.py" 2>/dev/null | sed -n 's/^RESULT //p' >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "a message" "ok: whole, sent again as it came, left nothing" "$(line 1)"
same "two at the end" '{"a":{}}: whole, sent again as it came, left 7e' "$(line 2)"
same "three at the end" '{"a":{"b":{}}}: lost, left 617e' "$(line 3)"
same "four at the end" "~~~~: lost, left 177e" "$(line 4)"
same "a wrong CRC" "ok: whole, sent again with the right one, left nothing" "$(line 5)"
