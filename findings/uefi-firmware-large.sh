#!/usr/bin/env bash
# uefi-firmware 1.16 (PyPI), which lists what is in a firmware volume.
#
# In a volume of the third format a file of 16 MB and more has the attribute 1, a size of 0, and
# its true size in 8 bytes behind its header; its sections of that size have FFFFFFh and 4 bytes.
# A volume with a name has it in an extended header; the first file begins behind that, at a
# multiple of 8 bytes (PI 1.8 volume III §3.2).
#
# Guess before running it: files and names are those of UEFIExtract A62 (Debian bookworm).
# Seen: the list ends at a large file: neither that nor one behind it is there, without a word.
# Of a volume with an extended header behind its own, that is read as a file of FFFFFFh bytes,
# and there is no other. Small files in both formats, a section that is guarded by a checksum,
# and a volume in a volume are right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install bookworm uefitool-cli=0.28.0+A62-1 UEFIExtract
pypi uefi-firmware==1.16

cat >"$TEMP/volume.py" <<'PYTHON'
import struct, sys, uuid, zlib

def guid(text):
    return uuid.UUID(text).bytes_le

def section(kind, data, fields=b""):
    size = 4 + len(fields) + len(data)
    if size >= 0xFFFFFF:
        return b"\xff\xff\xff" + bytes([kind]) + struct.pack("<I", size + 4) + fields + data
    return size.to_bytes(3, "little") + bytes([kind]) + fields + data

def padded(items, start, fill):
    for item in items:
        start += fill * (-len(start) % (4 if fill == b"\0" else 8)) + item
    return start

def file(name, *sections):
    body = padded(sections + (section(0x15, (name + "\0").encode("utf-16-le")),), b"", b"\0")
    large = 24 + len(body) >= 0x1000000
    size = struct.pack("<Q", 32 + len(body)) if large else b""
    header = bytearray(guid("11111111-2222-3333-4444-%012d" % len(name)) + bytes([0, 0, 2, large]))
    header += (0 if large else 24 + len(body)).to_bytes(3, "little") + b"\0" + size
    header[16], header[17] = -sum(header) & 0xFF, 0xAA
    header[23] = 0xF8 # valid, where erased bits are ones
    return bytes(header) + body

def volume(third, named, *files):
    name = guid("99999999-8888-7777-6666-555555555555") + struct.pack("<I", 20)
    body = padded(files, bytes(72) + (name if named else b""), b"\xff")
    size = -(-len(body) // 0x1000) * 0x1000
    system = "5473c07a-3dcb-4dca-bd6f-1e9689e7349a" if third else "8c8ce578-8a3d-4f1c-9935-896185c32dd3"
    header = bytearray(bytes(16) + guid(system) + struct.pack(
        "<Q4sIHHHBBIIII", size, b"_FVH", 0x4FEFF, 72, 0, 72 if named else 0, 0, 2, size // 0x1000, 0x1000, 0, 0))
    struct.pack_into("<H", header, 50, -sum(struct.unpack("<36H", header)) & 0xFFFF)
    return bytes(header) + body[72:].ljust(size - 72, b"\xff")

small, last = file("Small", section(0x19, b"a")), file("Last", section(0x19, b"z"))
guarded = section(0x02, section(0x19, b"b"), guid("fc1bcdb0-7d31-49aa-936a-a4600d9dd083") +
                  struct.pack("<HHI", 28, 2, zlib.crc32(section(0x19, b"b"))))
known = {
    "second": volume(False, False, small, file("Guarded", guarded), last),
    "third": volume(True, False, small, last),
    "large": volume(True, False, small, file("Large", section(0x19, bytes(0x1000000))), last),
    "named": volume(False, True, small, last),
    "inner": volume(False, False, file("Inner", section(0x17, volume(False, False, small))), last),
}
with open(sys.argv[1], "wb") as output:
    output.write(known[sys.argv[2]])
PYTHON
# known NAME: what uefi-firmware lists of this volume
known() {
  python3 "$TEMP/volume.py" "$TEMP/$1" "$1"
  uefi-firmware-parser "$TEMP/$1" >"$TEMP/list"
  sed -n 's/.*Name: //p' "$TEMP/list" | paste -sd' '
}
# other NAME: the same of UEFIExtract
other() {
  "$TEMP/UEFIExtract" "$TEMP/$1" report >/dev/null || : # there is no file for a reset
  sed -n 's/^ File .*| //p' "$TEMP/$1.report.txt" | paste -sd' '
}
same "second format" "Small Guarded Last" "$(known second)"
same "a volume in one" "Small Inner Last" "$(known inner)"
same "third format" "Small Last" "$(known third)"
same "with a large file" "Small" "$(known large)"
same "with a large file, UEFIExtract" "Small Large Last" "$(other large)"
same "with a name" "" "$(known named)"
same "its first file" "size 0xffffff (16777215 bytes), (unknown)" "$(sed -n 's/^ *File 0.*\(size.*\)/\1/p' "$TEMP/list")"
same "with a name, UEFIExtract" "Small Last" "$(other named)"
