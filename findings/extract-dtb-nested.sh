#!/usr/bin/env bash
# extract-dtb 1.2.3 (PyPI), which takes apart a kernel with device trees behind it.
#
# A blob says how long it is, in the second word of its header (Devicetree Specification
# 0.4 §5.2), and may hold another in a property, as U-Boot's FIT images do, or a tree with
# its overlays. A 32-bit Arm kernel that takes such trees compares with D0h 0Dh FEh EDh, so
# that these bytes are in its own code (Linux, arch/arm/boot/compressed/head.S).
#
# Guess before running it: behind a kernel are two trees, each as long as it says, and
# named after its model.
# Seen: it splits wherever these four bytes are. Of a tree that holds another both are cut:
# the outer one ends where the inner begins, and the inner has the outer's rest. The kernel
# is cut at its own comparison, and the code behind it is "a dtb". Neither is said. The name
# is the first four characters or more that can be printed, which is the model only where
# no other text stands before it.
. "$(dirname "$0")/lib/pypi"
pypi extract-dtb==1.2.3

cat >"$TEMP/make.py" <<'PYTHON'
import struct, sys

def blob(**properties):
    body, strings = struct.pack(">II", 1, 0), b""
    for name, value in properties.items():
        body += struct.pack(">III", 3, len(value), len(strings)) + value + bytes(-len(value) % 4)
        strings += name.encode() + b"\0"
    body += struct.pack(">II", 2, 9)
    size = 56 + len(body) + len(strings)
    header = struct.pack(">10I", 0xD00DFEED, size, 56, 56 + len(body), 40, 17, 16, 0, len(strings), len(body))
    return header + bytes(16) + body + strings

inner = blob(model=b"Inner board\0")
outer = blob(compatible=b"example,outer\0", model=b"Outer board\0", data=inner, note=b"the end\0")
kernel = bytes(64) + struct.pack("<I", 0xEDFE0DD0) + bytes(60)
open(sys.argv[1] + "/plain", "wb").write(bytes(128) + inner + blob(model=b"Second board\0"))
open(sys.argv[1] + "/outer", "wb").write(bytes(128) + outer)
open(sys.argv[1] + "/zimage", "wb").write(kernel + inner)
PYTHON
# files NAME: how long each is that extract-dtb makes of it, and what it should be
files() {
  extract-dtb -o "$TEMP/$1.d" "$TEMP/$1" >"$TEMP/$1.out"
  python3 - "$TEMP/$1.d" <<'PYTHON'
import pathlib, sys

for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    data = file.read_bytes()
    size = int.from_bytes(data[4:8], "big") if data[:4] == b"\xd0\x0d\xfe\xed" else "-"
    print(f"{file.name} {len(data)}/{size}", end="; ")
PYTHON
}
python3 "$TEMP/make.py" "$TEMP"
same "two trees" "00_kernel 128/-; 01_dtbdump_Inner_board.dtb 102/102; 02_dtbdump_Second_board.dtb 106/106; " \
  "$(files plain)"
same "one that holds another" \
  "00_kernel 128/-; 01_dtbdump_example,outer.dtb 128/287; 02_dtbdump_Inner_board.dtb 159/102; " "$(files outer)"
same "what is said" "Extracted 2 appended dtbs + kernel to" \
  "$(sed -n 's/^\(Extracted .* to\) .*/\1/p' "$TEMP/outer.out")"
same "a 32-bit Arm kernel" "00_kernel 64/-; 01_dtbdump.dtb 64/0; 02_dtbdump_Inner_board.dtb 102/102; " "$(files zimage)"
