#!/usr/bin/env bash
# ipxact2systemverilog 1.1.0 (PyPI), whose ipxact2c and ipxact2py make code of registers by IP-XACT.
#
# In an address block, registers stand alone or in register files, either of them "dim" times. A
# range may end in K, M, G or T. A register needs no access, which is then the block's (IEEE
# 1685-2009, address block and register data).
#
# Guess before running it: the header has an offset for each register, base, file and place in an
# array added up, and the Python class reads what is there.
# Seen: what is in a register file is left out, without a word. Of 4 registers in an array there
# is the first. "4K" is a ValueError, and no access an AttributeError. In Python, get() of a
# register reads it and returns None. Bases, offsets, masks and named values are right.
. "$(dirname "$0")/lib/pypi"
pypi ipxact2systemverilog==1.1.0 lxml==6.1.3 mdutils==1.8.1 rstcloth==0.6.0 tabulate==0.9.0 docutils==0.22.4

access="<s:access>read-write</s:access>"
# register NAME OFFSET ACCESS DIM: with a field of 3 bits at bit 8
register() {
  printf '<s:register><s:name>%s</s:name><s:description>d</s:description>%s<s:addressOffset>%s</s:addressOffset>' \
    "$1" "${4-}" "$2"
  printf '<s:size>32</s:size>%s<s:field><s:name>mode</s:name><s:description>d</s:description>' "$3"
  printf '<s:bitOffset>8</s:bitOffset><s:bitWidth>3</s:bitWidth></s:field></s:register>'
}
# block RANGE REGISTERS: what ipxact2c and ipxact2py make of it, at 1000h
block() {
  cat >"$TEMP/a.xml" <<XML
<s:component xmlns:s="http://www.spiritconsortium.org/XMLSchema/SPIRIT/1.5">
<s:vendor>v</s:vendor><s:library>l</s:library><s:name>dev</s:name><s:version>1</s:version>
<s:memoryMaps><s:memoryMap><s:name>map</s:name><s:addressBlock><s:name>dev</s:name>
<s:baseAddress>0x1000</s:baseAddress><s:range>$1</s:range><s:width>32</s:width>$access
$2</s:addressBlock></s:memoryMap></s:memoryMaps></s:component>
XML
  ipxact2c --srcFile "$TEMP/a.xml" --destDir "$TEMP" >"$TEMP/out" 2>&1 || { tail -n 1 "$TEMP/out"; return; }
  ipxact2py --srcFile "$TEMP/a.xml" --destDir "$TEMP" >"$TEMP/out" 2>&1
  sed -n 's/^#define DEV_\(.*\)_OFFSET\t\([^\t]*\).*/\1 \2/p' "$TEMP/dev.h" | paste -sd,
}
file="<s:registerFile><s:name>channel</s:name><s:addressOffset>0x100</s:addressOffset><s:range>0x40</s:range>"
file+="$(register state 4 "$access")</s:registerFile>"
same "two registers" "FIRST 0x1010,SECOND 0x1014" \
  "$(block 4096 "$(register first 0x10 "$access")$(register second 0x14 "$access")")"
same "one, and one in a file" "FIRST 0x1010" "$(block 4096 "$(register first 0x10 "$access")$file")"
same "4 in an array" "FIRST 0x1010" "$(block 4096 "$(register first 0x10 "$access" "<s:dim>4</s:dim>")")"
same "a range of 4K" "ValueError: invalid literal for int() with base 0: '4K'" \
  "$(block 4K "$(register first 0x10 "$access")")"
same "no access" "AttributeError: 'NoneType' object has no attribute 'text'" \
  "$(block 4096 "$(register first 0x10 "")")"
cat >"$TEMP/read.py" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
from dev import AccessLayer, dev_type

class Memory(AccessLayer):
    def read_register(self, addr, offset=0, width=32):
        return 0x12345678 >> offset & (1 << width) - 1

device = dev_type(None, 0, Memory())
print("register", device.first.get(), "field", device.first.mode)
PYTHON
block 4096 "$(register first 0x10 "$access")" >"$TEMP/out"
same "in Python" "register None field 6" "$(python3 "$TEMP/read.py" "$TEMP")"
