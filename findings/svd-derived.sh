#!/usr/bin/env bash
# cmsis-svd 0.6 (PyPI), which reads the descriptions of a processor's registers (CMSIS-SVD).
#
# A field, a register or a list of values can be derived from another, also from one elsewhere
# by PERIPHERAL.REGISTER.FIELD; it has what it does not say itself, and needs no description.
# A value of a list can be binary, as 0b01; a range of what may be written has two numbers.
# size, access and the like hold for all within, as in a cluster (schema 1.3.11, which
# cmsis-svd has with it, and which says that a schema's version is a decimal number, 1.3).
#
# Guess before running it: what is derived, binary values and what a register has from a
# cluster are read as the schema has them; the crate svd-parser 0.14.10 reads the same.
# Seen: a register derived without a description has no fields, a field no values; a derived
# list of values is empty. From a field elsewhere it is an IndexError, and nothing is read.
# Binary values are None, and so is the end of a range. A register of 16 bits in a cluster that
# says so has 32. svd-parser has it all. To the check by a schema, a file of 1.3 is none:
# "Invalid detected schema version".
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/crates"
pypi cmsis-svd==0.6 lxml==6.0.2 six==1.17.0
crates svd-parser=0.14.10,expand <<'RUST'
use svd_parser::{expand, expand_properties, parse, svd::WriteConstraint};

fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let mut device = parse(&text).unwrap();
    expand_properties(&mut device);
    let device = expand(&device).unwrap();
    for peripheral in &device.peripherals {
        for register in peripheral.all_registers() {
            print!("{} {}", register.name, register.properties.size.unwrap());
            for field in register.fields() {
                print!(" {}:", field.name);
                for value in field.enumerated_values.iter().flat_map(|list| &list.values) {
                    print!("{},", value.value.unwrap());
                }
                if let Some(WriteConstraint::Range(range)) = field.write_constraint {
                    print!("{}-{}", range.min, range.max);
                }
            }
            println!();
        }
    }
}
RUST

cat >"$TEMP/read.py" <<'PYTHON'
import sys
from cmsis_svd.parser import SVDParser

def check(path):
    return SVDParser.validate_xml_file(path)[0]

def check_by_1_3_11(path):
    return SVDParser.validate_xml_file(path, schema_version="1.3.11", schema_version_detection=False)[0]

def read(path):
    (peripheral,) = SVDParser.for_xml_file(path).get_device().peripherals
    return "; ".join(text(part) for group in peripheral.registers for part in getattr(group, "registers", [group]))

def text(register):
    words = [f"{register.name} {register.size}"]
    for field in register.fields:
        values = [value.value for group in field.enumerated_values or [] for value in group.enumerated_values]
        words.append(f"{field.name}:" + "".join(f"{value}," for value in values))
        if field.write_constraint:
            words[-1] += f"{field.write_constraint.range.minimum}-{field.write_constraint.range.maximum}"
    return " ".join(words)

try:
    print(globals()[sys.argv[1]](sys.argv[2]))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
PYTHON
# cmsis ACTION NAME: what cmsis-svd says of it
cmsis() { python3 "$TEMP/read.py" "$1" "$TEMP/$2.svd"; }
# others NAME: what svd-parser reads
others() { "$TEMP/program" "$TEMP/$1.svd" | paste -sd';' | sed 's/;/; /g'; }
# device VALUE NAME [FIELD]: its description; VALUE starts binary numbers
device() {
  cat >"$TEMP/$2.svd" <<XML
<device schemaVersion="1.3">
  <name>EXAMPLE</name><version>1.0</version><description>Example</description>
  <addressUnitBits>8</addressUnitBits><width>32</width><size>32</size><resetValue>0</resetValue>
  <peripherals>
    <peripheral>
      <name>TIMER</name><baseAddress>0x40000000</baseAddress>
      <addressBlock><offset>0</offset><size>0x400</size><usage>registers</usage></addressBlock>
      <registers>
        <register><name>FIRST</name><addressOffset>0</addressOffset>
          <fields>
            <field><name>MODE</name><bitRange>[1:0]</bitRange>
              <writeConstraint><range><minimum>0</minimum><maximum>2</maximum></range></writeConstraint>
              <enumeratedValues><name>MODES</name>
                <enumeratedValue><name>OFF</name><value>${1}00</value></enumeratedValue>
                <enumeratedValue><name>ONCE</name><value>${1}01</value></enumeratedValue>
              </enumeratedValues>
            </field>
            <field><name>LIST</name><bitRange>[3:2]</bitRange><enumeratedValues derivedFrom="MODES"/></field>
            <field derivedFrom="MODE"><name>BARE</name><bitRange>[5:4]</bitRange></field>
            <field derivedFrom="MODE"><name>TOLD</name><description>Told</description><bitRange>[7:6]</bitRange></field>
            ${3-}
          </fields>
        </register>
        <register derivedFrom="FIRST"><name>BARE</name><addressOffset>4</addressOffset></register>
        <cluster><name>CHANNEL</name><description>Channel</description><addressOffset>16</addressOffset><size>16</size>
          <register><name>COUNT</name><addressOffset>0</addressOffset></register>
        </cluster>
      </registers>
    </peripheral>
  </peripherals>
</device>
XML
}
device '#' plain
device 0b binary
device '#' elsewhere \
  '<field derivedFrom="TIMER.FIRST.MODE"><name>PATH</name><bitRange>[9:8]</bitRange></field>'
for name in plain binary elsewhere; do
  same "$name, by 1.3.11" True "$(cmsis check_by_1_3_11 "$name")"
  same "$name, by what it says" 'SVDParserValidationError: Invalid detected schema version "1.3"' \
    "$(cmsis check "$name")"
done
same "plain" "FIRST 32 MODE:0,1,False-None LIST: BARE: TOLD:0,1,False-None; BARE 32; CHANNEL_COUNT 32" \
  "$(cmsis read plain)"
same "binary" "FIRST 32 MODE:None,None,False-None LIST: BARE: TOLD:None,None,False-None; BARE 32; CHANNEL_COUNT 32" \
  "$(cmsis read binary)"
same "elsewhere" "IndexError: list index out of range" "$(cmsis read elsewhere)"
fields="MODE:0,1,0-2 LIST:0,1, BARE:0,1,0-2 TOLD:0,1,0-2"
for name in plain binary; do
  same "$name, svd-parser" "FIRST 32 $fields; BARE 32 $fields; CHANNEL_COUNT 16" "$(others "$name")"
done
fields+=" PATH:0,1,0-2"
same "elsewhere, svd-parser" "FIRST 32 $fields; BARE 32 $fields; CHANNEL_COUNT 16" "$(others elsewhere)"
