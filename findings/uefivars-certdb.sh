#!/usr/bin/env bash
# uefivars 1.2 (PyPI), Amazon's, which turns stores of UEFI variables into each other.
#
# Who may change a variable with time-based authentication, EDK2 keeps in the variable certdb:
# a length, and for each a GUID, the entry's length, that of the name in characters without an
# end, that of the digest, the name and the digest. It takes no entry whose length is not 28,
# the digest and two bytes for each character (SecurityPkg/Library/AuthVariableLib,
# AuthService.c, FindCertsFromDb). QEMU's virt wants 64 MiB of flash (hw/arm/virt.c), and the
# store, 768 KiB with EDK2's firmware for it, is at the start.
#
# Guess before running it: what is read of EDK2's store and written again is the same, a
# variable with a signer, too.
# Seen: the variables are, the signers are not. The name has an end, which counts, and the
# entry's length counts each character once: EDK2 refuses such an entry, so that its signer can
# change the variable no more. It is the same from JSON. Of a file of 64 MiB 768 KiB are left.
. "$(dirname "$0")/lib/pypi"
pypi uefivars==1.2 google-crc32c==1.9.0

cat >"$TEMP/store.py" <<'PYTHON'
import struct, sys, uuid

GLOBAL, EXAMPLE, CERTDB, NVFS, STORE = (uuid.UUID(text).bytes_le for text in (
    "8be4df61-93ca-11d2-aa0d-00e098032b8c", "8a9b1c2d-0123-4567-89ab-cdef01234567",
    "d9bee56e-75dc-49d9-b4d7-b534210f637a", "fff12b8d-7696-4c8b-a985-2747075b4f50",
    "aaf32c78-947b-439a-a180-2e144ec37792"))

def text(name):
    return name.encode("utf-16-le")

def variable(name, guid, attributes, data, time=bytes(16)):
    name = text(name + "\0")
    head = struct.pack("<HBBIQ16sIII16s", 0x55AA, 0x3F, 0, attributes, 0, time, 0, len(name), len(data), guid)
    whole = head + name + data
    return whole + b"\xFF" * (-len(whole) % 4)

def write(path, length, block, size):
    """A store of this length, with two variables that have a signer, in a file of this size"""
    signers = b"".join(struct.pack("<16sIII", EXAMPLE, 28 + 2 * len(name) + 32, len(name), 32) +
                       text(name) + bytes([number]) * 32 for name, number in (("Policy", 1), ("Limits", 2)))
    time = bytes.fromhex("ea070b1d0d2d1e000000000000000000")
    variables = [variable("certdb", CERTDB, 7, struct.pack("<I", 4 + len(signers)) + signers),
                 variable("Timeout", GLOBAL, 7, b"\3\0"),
                 variable("Policy", EXAMPLE, 0x27, b"strict", time), variable("Limits", EXAMPLE, 0x27, b"9", time)]
    head = bytearray(struct.pack("<16x16sQ4sIHHHBBIIII", NVFS, length, b"_FVH", 0x4FEFF, 72, 0, 0, 0, 2,
                                 length // block, block, 0, 0))
    head[50:52] = struct.pack("<H", -sum(struct.unpack("<36H", head)) & 0xFFFF)
    whole = bytes(head) + struct.pack("<16sIBBHI", STORE, 0x3FFB8, 0x5A, 0xFE, 0, 0) + b"".join(variables)
    with open(path, "wb") as file:
        file.write(whole.ljust(length, b"\xFF").ljust(size, b"\0"))

def read(path):
    """The variables, and the signers as EDK2 has them"""
    data = open(path, "rb").read()
    at = 100
    while data[at:at + 2] == b"\xAA\x55":
        names, size = struct.unpack_from("<II", data, at + 36)
        name = data[at + 60:at + 60 + names - 2].decode("utf-16-le")
        value = data[at + 60 + names:at + 60 + names + size]
        at += 60 + names + size
        at += -at % 4
        if name != "certdb":
            print(f"{name}={value.hex()}")
            continue
        entry = 4
        while entry < len(value) and value[entry:entry + 16] == EXAMPLE:
            length, names, digest = struct.unpack_from("<III", value, entry + 16)
            own = value[entry + 28:entry + 28 + 2 * names].decode("utf-16-le")
            right = length == 28 + 2 * names + digest
            print(f"signer of {len(own)} characters in {length} bytes:", "right" if right else "refused")
            entry += 28 + 2 * names + digest # where the next one is, not where EDK2 looks

if sys.argv[1] == "write":
    write(sys.argv[2], *(int(word, 0) for word in sys.argv[3:]))
else:
    read(sys.argv[2])
PYTHON
store() { python3 "$TEMP/store.py" "$@"; }
# convert FROM TO FILE NEW: what uefivars makes of it
convert() { uefivars -i "$1" -o "$2" -I "$TEMP/$3" -O "$TEMP/$4" 2>/dev/null; }
store write "$TEMP/ovmf" 0x84000 0x1000 0x84000
store write "$TEMP/aavmf" 0xC0000 0x40000 0x4000000
convert edk2 edk2 ovmf again
convert edk2 json ovmf json
convert json edk2 json from-json
convert edk2 edk2 aavmf virt

variables="Timeout=0300 Policy=737472696374 Limits=39"
all() { store read "$TEMP/$1" | paste -sd' '; }
same "what is read" "signer of 6 characters in 72 bytes: right signer of 6 characters in 72 bytes: right $variables" \
  "$(all ovmf)"
refused="signer of 7 characters in 67 bytes: refused signer of 7 characters in 67 bytes: refused $variables"
same "what is written, 72 bytes" "$refused" "$(all again)"
same "from JSON" "$refused" "$(all from-json)"
same "for virt" "$refused" "$(all virt)"
same "64 MiB, 67108864" "786432" "$(stat -c %s "$TEMP/virt")"
