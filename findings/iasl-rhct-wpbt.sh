#!/usr/bin/env bash
# ACPICA's iasl 20250404 (acpica-tools of Debian trixie), on RHCT and WPBT.
#
# "iasl -d" makes a listing of a data table, "iasl -T" a template; iasl compiles
# both. RHCT (ACPI 6.6) has each RISC-V machine with ACPI, WPBT
# (Microsoft's table of that name) many a PC.
#
# Guess before running it: the listing, compiled, has the bytes of the table but
# for the compiler's id and the checksum, and a template is compiled as it is.
# Seen: no RHCT can be compiled, neither the listing of a sound one nor iasl's own
# template: "Internal compiler error (Invalid table opcode)". In the listing of a
# WPBT the command line's arguments are the first bytes of the table's header; it
# compiles, with status 0, to a table that has the hexadecimal digits of these as
# its command line, in UTF-16. The raw data at the end of the listings are right.
# 20260408 has RHCT right and WPBT not.
. "$(dirname "$0")/lib/debian"
install trixie acpica-tools=20250404-1 iasl

python3 - "$TEMP" <<'PYTHON'
import struct, sys

def write(name, body):
    table = bytearray(struct.pack("<4sIBB6s8sI4sI", name.encode(), 36 + len(body), 1, 0,
                                  b"EXAMPL", b"EXAMPLE ", 1, b"EXAM", 1) + body)
    table[9] = -sum(table) & 0xFF
    with open(f"{sys.argv[1]}/{name}.dat", "wb") as file:
        file.write(table)

# One hart and the string of its instruction set.
isa = b"rv64imafdc\0"
node = struct.pack("<HHHH", 0, 8 + len(isa) + 1, 1, len(isa)) + isa + b"\0"
hart = struct.pack("<HHHHII", 0xFFFF, 16, 1, 1, 0, 56)
write("RHCT", struct.pack("<IQII", 0, 10000000, 2, 56) + node + hart)
# A program of 4 KiB and its arguments.
arguments = "a -b\0".encode("utf-16-le")
write("WPBT", struct.pack("<IQBBH", 0x1000, 0x80000000, 1, 1, len(arguments)) + arguments)
PYTHON

cd "$TEMP"
# compiled NAME: the status and the first error of compiling NAME
compiled() {
  local status=0
  ./iasl -p compiled "$1" >out 2>&1 || status=$?
  printf '%s %s' "$status" "$(grep -om1 'Internal compiler error\|Compilation successful' out)"
}
for table in RHCT WPBT; do ./iasl -d "$table.dat" >/dev/null 2>&1; done
./iasl -T RHCT >/dev/null 2>&1
same "RHCT's listing" "255 Internal compiler error" "$(compiled RHCT.dsl)"
same "RHCT's template" "255 Internal compiler error" "$(compiled rhct.asl)"
same "WPBT's arguments, a -b" "57 50 42 54 3E 00 00 00 01 B8" \
  "$(sed -n 's/.*Command-line Arguments : \(.*[0-9A-F]\) *\/\*.*/\1/p' WPBT.dsl)"
same "WPBT's listing" "0 Compilation successful" "$(compiled WPBT.dsl)"
same "its arguments, compiled" "57 50 42 54 3E 00 00 00 01 B8" \
  "$(tail -c +53 compiled.aml | iconv -f utf-16le -t ascii | tr -d '\0')"
