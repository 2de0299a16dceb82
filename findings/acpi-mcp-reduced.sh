#!/usr/bin/env bash
# acpi-mcp 0.1.0 (PyPI), which explains ACPI tables to whoever writes a system.
#
# A machine with hardware-reduced ACPI has no PM1 registers; it is switched off by
# its sleep control register, SLP_TYP << 2 and SLP_EN, bit 5 (ACPI 6.5 §4.8.3.7,
# §5.2.9: offset 244 of FADT). A processor of Arm is a GICC, type 0Bh of the MADT
# (§5.2.12.14). The base in an MCFG is that of bus 0, whichever bus is the first, as
# Linux and FreeBSD take it.
#
# Guess before running it: to switch off, 34h is written to the sleep control
# register; both processors are there; bus B is at base + (B << 20).
# Seen: "outw(0x0, 0x3400)", a write to port 0, although it says itself that such a
# machine has no PM1. Two processors of Arm are "0 usable CPU(s)", not an MADT that it
# does not know. Where an MCFG starts at bus 32, each bus is looked for 32 MB too low.
. "$(dirname "$0")/lib/pypi"
pypi acpi-mcp==0.1.0 gdbstub-mcp==0.1.0

cat >"$TEMP/explain.py" <<'PYTHON'
import struct, sys
from pathlib import Path
from acpi_mcp import explain
from acpi_mcp.source import from_directory

def write(signature, revision, body):
    table = bytearray(struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), revision, 0,
                                  b"EXAMPL", b"EXAMPLE ", 1, b"EXAM", 1) + body)
    table[9] = -sum(table) & 0xFF
    (Path(sys.argv[1]) / signature.decode()).write_bytes(table)

# Hardware-reduced, with sleep control and status registers of a byte, in memory
fadt = bytearray(276 - 36)
struct.pack_into("<I", fadt, 112 - 36, 1 << 20)
for offset, address in (244, 0xFEA00000), (256, 0xFEA00001):
    struct.pack_into("<BBBBQ", fadt, offset - 36, 0, 8, 0, 1, address)
write(b"FACP", 6, bytes(fadt))
# Name (_S5, Package () { 5, 0, 0, 0 })
write(b"DSDT", 2, b"\x08_S5_\x12\x07\x04\x0a\x05\x00\x00\x00")
gic = struct.pack("<BBHIQIB3x", 12, 24, 0, 0, 0x8000000, 0, 2)
for number in range(2):
    gic += struct.pack("<BBHIIIIIQQQQIQQBBH", 11, 80, 0, number, number, 1, 0, 23, 0, 0, 0, 0, 0, 0, number, 0, 0, 0)
write(b"APIC", 4, bytes(8) + gic)
write(b"MCFG", 1, bytes(8) + struct.pack("<QHBBI", 0xE0000000, 0, 32, 63, 0))
tables = from_directory(sys.argv[1])
for question in "power off", "cpus", "ecam":
    print(explain.find(tables, question))
print(explain.explain_table(tables, tables.find("FADT")))
PYTHON
mkdir "$TEMP/tables"
python3 "$TEMP/explain.py" "$TEMP/tables" >"$TEMP/out"
same "what the FADT says" "HW_REDUCED_ACPI: no fixed hardware (no PM1/PM timer/SCI legacy)" \
  "$(grep -o 'HW_REDUCED_ACPI: .*legacy)' "$TEMP/out")"
same "to switch it off" "outw(0x0, 0x3400)" "$(grep -o 'outw([^)]*)' "$TEMP/out")"
same "two processors" "0 usable CPU(s)" "$(grep -o '[0-9]* usable CPU(s)' "$TEMP/out")"
same "bus B" "0xe0000000 + ((B - 32) << 20" "$(grep -o '0xe0000000 + ((B[^|]*20' "$TEMP/out")"
