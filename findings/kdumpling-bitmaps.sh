#!/usr/bin/env bash
# kdumpling 0.4.0 (PyPI), which writes crash dumps of Linux.
#
# In a compressed dump, bitmap_blocks is how many blocks both bitmaps take, and the descriptors of
# pages, in the order of page numbers, follow (makedumpfile 1.7, diskdump_mod.h, IMPLEMENTATION).
# An ELF dump has a struct elf_prstatus for each processor (Linux, include/linux/elfcore.h), on
# x86-64 of 336 bytes, as its 8-byte fields pad it.
#
# Guess before running it: drgn 0.3.0, which has libkdumpfile, reads the memory of either dump,
# and eu-readelf 0.188 (Debian bookworm) the registers of the ELF one.
# Seen: bitmap_blocks counts one bitmap of two, so no page of a compressed dump is read. With that
# number doubled it is, but of two segments added from the upper down, each has the other's
# bytes, and one that starts within a page is at the page's start. The status has 332 bytes, and
# no registers are read of it. Memory in the ELF dump is right.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/pypi"
install bookworm elfutils=0.188-2.1 eu-readelf
pypi kdumpling==0.4.0 drgn==0.3.0

cat >"$TEMP/dump.py" <<'PYTHON'
import os, struct, sys
import drgn
from kdumpling import KdumpBuilder
from kdumpling.builder import OutputFormat
from kdumpling.cpu_context import CpuContext, pack_prstatus
from kdumpling.elf import ElfData

os.chdir(sys.argv[1])
information = ("SYMBOL(swapper_pg_dir)=ffffffff82a00000\nSYMBOL(_stext)=ffffffff81000000\n"
               "NUMBER(phys_base)=0\nNUMBER(pgtable_l5_enabled)=0\nKERNELOFFSET=0\n"
               "OSRELEASE=6.1.0\nPAGESIZE=4096\n")

def show(name, addresses, kind=OutputFormat.KDUMP_COMPRESSED, factor=1):
    dump = KdumpBuilder(arch="x86_64").set_vmcoreinfo(information)
    for number, address in enumerate(addresses, 1):
        dump.add_memory_segment(phys_addr=address, data=bytes([number]) * 4096)
    dump.write("dump", format=kind)
    with open("dump", "r+b") as file:
        if factor != 1:  # bitmap_blocks
            file.seek(436)
            blocks, = struct.unpack("<I", file.read(4))
            file.seek(436)
            file.write(struct.pack("<I", blocks * factor))
    program = drgn.Program()
    program.set_core_dump("dump")
    seen = []
    for address in addresses:
        try:
            seen.append("%d" % program.read(address + 4095, 1, physical=True)[0])
        except drgn.FaultError as error:
            seen.append(str(error).split(": ")[1])
    print(name, *seen, sep=": ")

show("ELF", [0x300000, 0x200000], OutputFormat.ELF)
show("compressed, 3 MiB", [0x300000])
show("compressed, 200 MiB", [0xC800000])
show("doubled, 3 MiB", [0x300000], factor=2)
show("doubled, 200 MiB", [0xC800000], factor=2)
show("doubled, from the upper down", [0x300000, 0x200000], factor=2)
show("doubled, within a page", [0x300800], factor=2)
registers = {"RIP": 0xFFFFFFFF81000000}
KdumpBuilder().add_cpu_context(registers=registers, pid=77).write("status")
status = pack_prstatus(CpuContext(registers=registers, pid=77), "x86_64", ElfData.ELFDATA2LSB)
KdumpBuilder().add_custom_note("CORE", 1, status + bytes(4)).write("padded")
PYTHON
python3 "$TEMP/dump.py" "$TEMP" >"$TEMP/out"
line() { sed -n "s/^$1: //p" "$TEMP/out"; }
status() { "$TEMP/eu-readelf" -n "$TEMP/$1" | sed -n -e 's/^  CORE *//p' -e 's/.*\(rip: *[^ ]*\).*/\1/p' | tr -s '\n ' ' '; }
same "memory of ELF" "1: 2" "$(line ELF)"
same "compressed, 3 MiB" "Out-of-bounds PFN" "$(line 'compressed, 3 MiB')"
same "compressed, 200 MiB" "Wrong page size" "$(line 'compressed, 200 MiB')"
same "doubled, 3 MiB" "1" "$(line 'doubled, 3 MiB')"
same "doubled, 200 MiB" "1" "$(line 'doubled, 200 MiB')"
same "doubled, from the upper down" "2: 1" "$(line 'doubled, from the upper down')"
same "doubled, within a page" "Excluded page" "$(line 'doubled, within a page')"
same "its status" "332 PRSTATUS " "$(status status)"
same "with 4 bytes more" "336 PRSTATUS rip: 0xffffffff81000000 " "$(status padded)"
