#!/usr/bin/env bash
# cper 0.0.4 (PyPI), OpenBMC's libcper for Python, which reads a Common Platform Error Record.
#
# The type of an Arm processor's error is a bit: 02h is a cache, 04h a TLB, 08h a bus, 10h the
# micro-architecture (UEFI 2.10 §N.2.4.4.1; Linux, drivers/firmware/efi/cper-arm.c). With a
# memory error can come the SMBIOS handles of the card and the module, if bits 16 and 17 of
# what is valid are set, whatever the others are (§N.2.5; Linux, cper.c). Addresses have 64
# bits; those of Linux itself start with FFFFh on Arm.
#
# Guess before running it: records of an Arm processor and of memory say what Linux prints.
# Seen: the types are those of UEFI 2.9, numbers from 0: an error of a cache is one of a bus,
# and one of a TLB or a bus is reserved, without what is said of it. A number of 64 bits whose
# highest is set is 7FFFFFFFFFFFFFFFh, so each virtual address of the kernel, and the mask of an
# address. The handles are missing where the extended row bits, bit 18, are. Severity, place
# and time of both are right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
mkdir -p "$TEMP/root/usr/bin"
install bookworm libjson-c-dev=0.16-2 none # it has no program

mkdir "$TEMP/json"
cp -a "$TEMP"/root/usr/lib/*/libjson-c.so* "$TEMP"/root/usr/include/json-c "$TEMP/json"
printf '%s\n' "Name: json-c" "Description: JSON" "Version: 0.16" "Libs: -L$TEMP/json -ljson-c" \
  "Cflags: -I$TEMP/json/json-c -I$TEMP/json" >"$TEMP/json/json-c.pc"
printf '%s\n' meson==1.12.1 meson-python==0.18.0 pyproject-metadata==0.9.1 packaging==25.0 >"$TEMP/constraints"
export PKG_CONFIG_PATH=$TEMP/json LD_LIBRARY_PATH=$TEMP/json PIP_CONSTRAINT=$TEMP/constraints
CFLAGS=-I$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')
export CFLAGS
pypi cper==0.0.4

cat >"$TEMP/read.py" <<'PYTHON'
import struct, sys, uuid
import cper

def record(kind, section):
    """One section, corrected, of 13:45:30 on 29 November 2026"""
    kind = uuid.UUID(kind).bytes_le
    time = bytes.fromhex("3045130129112620")
    size = 128 + 72 + len(section)
    header = struct.pack("<4sHIHIII8s", b"CPER", 0x100, 0xFFFFFFFF, 1, 2, 2, size, time)
    descriptor = struct.pack("<IIHBxI16s16xI20x", 200, len(section), 0x300, 0, 1, kind, 2)
    return header.ljust(128, b"\0") + descriptor + section

def arm(kind, address):
    # A generic read of data at level 2, corrected; a virtual address
    about = 0x17 | 1 << 16 | 1 << 18 | 2 << 22 | 1 << 26
    error = struct.pack("<BBHBHBQQQ", 0, 32, 0xC, kind, 0, 0, about, address, 0)
    section = struct.pack("<IHHI4xQQII", 1, 1, 0, 72, 0x81000100, 0x410FD4F1, 1, 0) + error
    read = cper.parse(record("e19e3d16-bc11-11e4-9caa-c2051d5d46b0", section))
    (error,) = read["sections"][0]["ArmProcessor"]["errorInfo"]
    about = error.get("errorInformation", {})
    return error["errorType"]["name"], *about, hex(error["virtualFaultAddress"])

def memory(valid):
    # A single-bit error in the module of handle 1100h
    section = struct.pack("<QQQQHHHHHHHHQQQBBHHH", valid, 0x400, 0x8800001000, 0xFFFFFFFFFFFFF000,
                          0, 0, 1, 0, 0, 0x1234, 5, 6, 0, 0, 0, 2, 0, 0, 0x1000, 0x1100)
    read = cper.parse(record("a5bc1114-6f64-4ede-b863-3e83ed7c83b1", section))
    memory = read["sections"][0]["Memory"]
    return (read["header"]["severity"]["name"], read["header"]["timestamp"], memory["physicalAddressHex"],
            hex(memory["physicalAddressMask"]), memory["memoryErrorType"]["name"], memory.get("moduleSmbiosHandle"))

print(*eval(sys.argv[1]))
PYTHON
# read_record EXPRESSION: what cper reads of it
read_record() { python3 "$TEMP/read.py" "$1"; }
same "02h, a cache" "Bus Error busError 0x400000" "$(read_record "arm(0x02, 0x400000)")"
same "04h, a TLB" "Unknown (Reserved) 0x400000" "$(read_record "arm(0x04, 0x400000)")"
same "08h, a bus" "Unknown (Reserved) 0x400000" "$(read_record "arm(0x08, 0x400000)")"
same "FFFF800012345678h" "Bus Error busError 0x7fffffffffffffff" "$(read_record "arm(0x02, 0xffff800012345678)")"
seen="Corrected 2026-11-29T13:45:30+00:00 0x0000008800001000 0x7fffffffffffffff Single-bit ECC"
same "memory, module 1100h" "$seen None" "$(read_record "memory(1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 17)")"
same "memory, module 1100h, extended row bits" "$seen 4352" \
  "$(read_record "memory(1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 17 | 1 << 18)")"
