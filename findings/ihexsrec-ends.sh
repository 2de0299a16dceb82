#!/usr/bin/env bash
# ihexsrec 0.1.9 (PyPI), which reads and writes flash images as Intel HEX and S-records.
#
# Records S1, S2 and S3, by the size of their addresses, end with S9, S8 and S7, which has the address to
# start at. S5 counts records with 16 bits, S6 with 24 (M68000 Family Programmer's Reference Manual,
# appendix C; srec_motorola(5)). Record 03 of Intel HEX says where an 8086 starts, by segment and offset;
# a file without 03 and 05 says nothing (Hexadecimal Object File Format, 1988).
#
# Guess before running it: the end fits the records, and their number is right.
# Seen: an image at 8000000h ends with S9, as does each that starts nowhere or below 10000h. Of 65537
# records S5 counts 1. The start of an 8086 is gone in S-records, and an image without one starts at 0 when
# it is Intel HEX again. Bytes inserted in front of that start do not move it, those behind it do. Data,
# gaps and checksums of both are right, and so is a start of 32 bits.
. "$(dirname "$0")/lib/pypi"
pypi ihexsrec==0.1.9

cat >"$TEMP/run.py" <<'PYTHON'
import sys
from ihexsrec import IHEXSREC

def image(at, size=4, start=None):
    made = IHEXSREC()
    made.write(at, bytes(size))
    made.set_entry_linear(start)
    return made

def moved(at):
    """Where an 8086 starts, at 10100h, with two bytes inserted there"""
    made = image(0x10000, 512)
    made.set_entry_segmented(0x1000, 0x100)
    made.insert(at, b"\1\2", shift_entry=True)
    segment, offset = made.image.entry.segmented
    return f"{segment * 16 + offset:X}h"

hexadecimal = [":0400000001020304F2", ":0400000310000100E8", ":00000001FF"]
seen = eval(sys.argv[1])
print(*([seen] if isinstance(seen, str) else seen))
PYTHON
run() { python3 "$TEMP/run.py" "$1"; }
same "at 0" "S107000000000000F8 S9030000FC" "$(run 'image(0).to_srec()[1:]')"
same "at 8000000h, starts at 8000101h" "S3090800000000000000EE S70508000101F0" \
  "$(run 'image(0x8000000, start=0x8000101).to_srec()[1:]')"
same "at 8000000h, starts nowhere" "S3090800000000000000EE S9030000FC" "$(run 'image(0x8000000).to_srec()[1:]')"
same "at 10000h, starts at 100h" "S20801000000000000F6 S9030100FB" "$(run 'image(0x10000, start=0x100).to_srec()[1:]')"
same "65535 records" "S503FFFFFE" "$(run 'image(0, 65535).to_srec(record_size=1, include_s5=True)[-2]')"
same "65537 records" "S5030001FB" "$(run 'image(0, 65537).to_srec(record_size=1, include_s5=True)[-2]')"
same "an 8086 starts at 1000h:0100h, as Intel HEX" ":0400000001020304F2 :0400000310000100E8 :00000001FF" \
  "$(run 'IHEXSREC.convert(hexadecimal, "hex")')"
same "as S-records" "S107000001020304EE S9030000FC" "$(run 'IHEXSREC.convert(hexadecimal, "srec")[1:]')"
same "starts nowhere, as S-records and Intel HEX again" ":0400000000000000FC :0400000500000000F7 :00000001FF" \
  "$(run 'IHEXSREC.convert(image(0).to_srec(), "hex")')"
same "bytes in front of 10100h" "10100h" "$(run 'moved(0x10000)')"
same "bytes behind it" "10102h" "$(run 'moved(0x10180)')"
