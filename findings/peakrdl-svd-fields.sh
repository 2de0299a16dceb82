#!/usr/bin/env bash
# peakrdl-svd 0.1.0 (PyPI), which reads registers that SVD describes into SystemRDL's compiler.
#
# A register need not have fields. Fields, as registers, may be an array, whose %s is replaced, by
# dimIndex if there is one. A bitWidth may be left out. What a write or a read does is said of a
# register or of a field. readAction may be modifyExternal (CMSIS-SVD 1.3, Registers Level,
# Fields Level, dimElementGroup).
#
# Guess before running it: all of this is read, names and bits are those that SVDConv has.
# Seen: one register without fields, and nothing of the device is read; modifyExternal the same. Of
# an array of fields there is the first one, without its index. A field without a width is left out,
# without a word. Indices are put behind the name, and always count from 0. What is said of writes to
# the whole register is lost. Addresses, clusters, reset values and access are right.
. "$(dirname "$0")/lib/pypi"
pypi peakrdl-svd==0.1.0 peakrdl-cli==1.5.0 systemrdl-compiler==1.32.2 typing_extensions==4.16.0 \
  antlr4-python3-runtime==4.13.2 colorama==0.4.6 markdown==3.11.3

cat >"$TEMP/read.py" <<'PYTHON'
import sys
from peakrdl_svd.importer import SVDImporter
from systemrdl import RDLCompiler
from systemrdl.node import RegNode

compiler = RDLCompiler()
SVDImporter(compiler).import_file(sys.argv[1])
for register in compiler.elaborate().descendants(unroll=True):
    if isinstance(register, RegNode):
        print(f"{register.absolute_address:x} {register.inst_name}:", end="")
        for field in register.fields():
            effect = field.get_property("onwrite")
            print(f" {field.inst_name}[{field.high}:{field.low}]{f' {effect.name}' if effect else ''}", end="")
        print(end="; ")
PYTHON
# map_of REGISTERS: what is read of a peripheral with them, or the last error
map_of() {
  printf '%s' '<device schemaVersion="1.3"><name>D</name><version>1</version><description>d</description>' \
    '<addressUnitBits>8</addressUnitBits><width>32</width><size>32</size><access>read-write</access><peripherals>' \
    '<peripheral><name>P</name><baseAddress>0x1000</baseAddress><addressBlock><offset>0</offset><size>0x400</size>' \
    "<usage>registers</usage></addressBlock><registers>$1</registers></peripheral></peripherals></device>" \
    >"$TEMP/a.svd"
  python3 "$TEMP/read.py" "$TEMP/a.svd" 2>"$TEMP/errors" || sed -n 's/.*error: //p' "$TEMP/errors" | tail -n 1
}
# register NAME FIELDS [MORE]
register() {
  echo "<register>${dim-}<name>$1</name><addressOffset>4</addressOffset>${3-}${2:+<fields>$2</fields>}</register>"
}
# field NAME BITS [MORE]
field() { echo "<field><name>$1</name>$2${3-}</field>"; }
all=$(field F '<bitRange>[31:0]</bitRange>')
clear='<modifiedWriteValues>oneToClear</modifiedWriteValues>'
bytes='<field><dim>4</dim><dimIncrement>8</dimIncrement><name>BYTE%s</name><bitRange>[7:0]</bitRange></field>'

same "a register" "1004 R: F[31:0]; " "$(map_of "$(register R "$all")")"
same "one to clear, of a field" "1004 R: F[31:0] woclr; " \
  "$(map_of "$(register R "$(field F '<bitRange>[31:0]</bitRange>' "$clear")")")"
same "of the register" "1004 R: F[31:0]; " "$(map_of "$(register R "$all" "$clear")")"
same "no fields" "Register 'S' does not contain any fields" \
  "$(map_of "$(register R "$all")$(register S "" | sed 's/>4</>8</')")"
same "modifyExternal" "The 'onread' property is set to 'ruser', but instance 'F' is not external" \
  "$(map_of "$(register R "$(field F '<bitRange>[31:0]</bitRange>' '<readAction>modifyExternal</readAction>')")")"
same "four fields" "1004 R: BYTE[7:0]; " "$(map_of "$(register R "$bytes")")"
same "no width" "1004 R: G[5:4]; " \
  "$(map_of "$(register R "$(field F '<bitOffset>3</bitOffset>')$(field G '<lsb>4</lsb><msb>5</msb>')")")"
same "IN3_CTL and IN4_CTL" "1004 IN_CTL0: F[31:0]; 1008 IN_CTL1: F[31:0]; " \
  "$(dim='<dim>2</dim><dimIncrement>4</dimIncrement><dimIndex>3-4</dimIndex>' && map_of "$(register IN%s_CTL "$all")")"
