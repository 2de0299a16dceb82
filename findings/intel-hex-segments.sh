#!/usr/bin/env bash
# hexformat 0.4.0 and ihexsrec 0.1.9 (PyPI), which read and write Intel HEX.
#
# Behind a record of type 02 the address of a byte is SBA + ((DRLO + DRI) MOD 64K): a record goes on
# at the start of its segment, not behind its end. Behind type 04 it does not (Intel, Hexadecimal
# Object File Format Specification, revision A of 1988, extended segment and linear address).
#
# Guess before running it: both read such a record around the end of its segment, and what hexformat
# writes as I16HEX is what it reads again.
# Seen: hexformat writes records over the end of a segment, and reads them around it: of 128 KiB
# from 20004h on, the bytes of 30000h are at 20000h, and those of 40000h at 30000h. ihexsrec reads
# such records behind the end. I32HEX of both and checksums are right.
. "$(dirname "$0")/lib/pypi"
pypi hexformat==0.4.0 ihexsrec==0.1.9

cat >"$TEMP/segments.py" <<'PYTHON'
import io, sys
from hexformat.intelhex import IntelHex

start = int(sys.argv[2], 16)  # each four bytes are their own address
written, file = IntelHex(), io.StringIO()
written.set(start, bytearray(b"".join(word.to_bytes(4, "big") for word in range(start, start + 0x20000, 4))))
written.toihexfh(file, variant=int(sys.argv[1]))
file.seek(0)
for first, data in IntelHex.fromihexfh(file)._parts:
    print(f"{first:X}-{first + len(data) - 1:X}", end="")
    for seen in range(0, len(data), 4):
        if first + seen != int.from_bytes(data[seen:seen + 4], "big"):
            print(f", at {first + seen:X} {data[seen:seen + 4].hex()}", end="")
PYTHON
# again VARIANT ADDRESS: where the bytes are that hexformat read again, and those that are elsewhere
again() { python3 "$TEMP/segments.py" "$@"; }
same "I32HEX from 20004h" "20004-40003" "$(again 32 20004)"
same "I16HEX from 20000h" "20000-3FFFF" "$(again 16 20000)"
same "I16HEX from 20004h, 20004-40003" "20000-3FFFF, at 20000 00030000, at 30000 00040000" "$(again 16 20004)"

# ihexsrec's ranges of two records: an address of this type, and 4 bytes at FFFEh
ranges() {
  python3 - "$1" <<'PYTHON'
import sys
from ihexsrec import IHEXSREC

records = [bytes([2, 0, 0, int(sys.argv[1]), 0x10, 0]), bytes([4, 0xFF, 0xFE, 0, 1, 2, 3, 4]), bytes([0, 0, 0, 1])]
lines = [":" + (record + bytes([-sum(record) & 255])).hex() for record in records]
print(*(f"{start:X}-{end:X}" for start, end in IHEXSREC.load(lines).occupied_ranges()))
PYTHON
}
same "type 04" "1000FFFE-10010001" "$(ranges 4)"
same "type 02, 10000-10001 1FFFE-1FFFF" "1FFFE-20001" "$(ranges 2)"
