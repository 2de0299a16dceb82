#!/usr/bin/env bash
# The crate bsdl 0.1.1, which reads a chip's description for JTAG's boundary scan.
#
# The cell of a pin that is only watched is an observe_only, an output that is switched off can
# be kept as it was, KEEPER, several ports can share a declaration, also vectors, and capitals
# say nothing (IEEE 1149.1-2001, Annex B).
#
# Guess before running it: ports, pins and cells are those that bsdl-parser 0.1.1 (PyPI) reads.
# Seen: an observe_only is of a function that is not known, so that its port has no input. A
# port with a small letter has no cell, as its name is made large and the cell's is not. Two
# vectors in one declaration, or KEEPER, which the crate has a name for, and nothing is read.
. "$(dirname "$0")/lib/crates"
. "$(dirname "$0")/lib/pypi"
crates bsdl=0.1.1 <<'RUST'
fn main() {
    let entity = match bsdl::Entity::parse(std::path::Path::new(&std::env::args().nth(1).unwrap()), None) {
        Ok(entity) => entity,
        Err(error) => return println!("{error:?}"),
    };
    for (number, cell) in entity.boundary_register().iter().enumerate() {
        let port = cell.port.map_or("*", |port| &entity.ports()[port].name);
        print!("{number} {port} {} {}, ", cell.function, cell.disresult);
    }
    let reset = entity.port_from_portname("RESET_N").unwrap();
    let clock = entity.port_from_portname("CLOCK").unwrap();
    println!("inputs {:?} {:?}", reset.cell_i, clock.cell_i);
}
RUST
pypi bsdl-parser==0.1.1 grako==3.99.9
cat >"$TEMP/read.py" <<'PYTHON'
import collections, collections.abc, sys
for name in ("Iterable", "Mapping", "MutableMapping"): # grako is older than Python 3.10
    setattr(collections, name, getattr(collections.abc, name))
from bsdl_parser import bsdl
from bsdl_parser.bsdl2json import BsdlSemantics

with open(sys.argv[1]) as file:
    chip = bsdl.bsdlParser().parse(file.read(), "bsdl_description", semantics=BsdlSemantics()).asjson()

def cells(entries):
    for entry in entries:
        if isinstance(entry, list):
            yield from cells(entry)
        elif entry:
            yield entry["cell_number"], entry["cell_info"]["cell_spec"], entry["cell_info"]["input_or_disable_spec"]

register = chip["boundary_scan_register_description"]["fixed_boundary_stmts"]["boundary_register"]
for number, cell, disable in cells(register):
    result = disable["disable_result"] if disable else None
    print(number, "".join(cell["port_id"]), cell["function"], result, end=", ")
print()
PYTHON

# chip NAME PORTS RESULT: a description with these ports, and what becomes of output 2
chip() {
  cat >"$TEMP/$1" <<BSDL
entity EXAMPLE is
  generic (PHYSICAL_PIN_MAP : string := "QFP");
  port (
    TDI, TMS, TCK, RESET_N, CLOCK : in bit; TDO, Led, BUZZER : out bit;
    $2
  );
  use STD_1149_1_2001.all;
  attribute COMPONENT_CONFORMANCE of EXAMPLE : entity is "STD_1149_1_2001";
  attribute PIN_MAP of EXAMPLE : entity is PHYSICAL_PIN_MAP;
  constant QFP : PIN_MAP_STRING :=
    "TDI : 1, TMS : 2, TCK : 3, TDO : 4, RESET_N : 5, CLOCK : 6, Led : 7, BUZZER : 8, " &
    "A : (9, 10), B : (11, 12)";
  attribute TAP_SCAN_IN of TDI : signal is true;
  attribute TAP_SCAN_MODE of TMS : signal is true;
  attribute TAP_SCAN_OUT of TDO : signal is true;
  attribute TAP_SCAN_CLOCK of TCK : signal is (10.0e6, BOTH);
  attribute INSTRUCTION_LENGTH of EXAMPLE : entity is 4;
  attribute INSTRUCTION_OPCODE of EXAMPLE : entity is
    "BYPASS (1111), EXTEST (0000), SAMPLE (0001), PRELOAD (0001)";
  attribute INSTRUCTION_CAPTURE of EXAMPLE : entity is "0001";
  attribute BOUNDARY_LENGTH of EXAMPLE : entity is 8;
  attribute BOUNDARY_REGISTER of EXAMPLE : entity is
    "0 (BC_4, RESET_N, observe_only, X), " &
    "1 (BC_1, *, control, 1), " &
    "2 (BC_1, BUZZER, output3, X, 1, 1, $3), " &
    "3 (BC_1, Led, output2, X), " &
    "4 (BC_4, A(0), input, X), 5 (BC_4, A(1), input, X), " &
    "6 (BC_4, B(0), input, X), 7 (BC_4, CLOCK, clock, X)";
end EXAMPLE;
BSDL
}
chip plain "A : in bit_vector(0 to 1); B : in bit_vector(0 to 1)" Z
chip vectors "A, B : in bit_vector(0 to 1)" Z
chip keeper "A : in bit_vector(0 to 1); B : in bit_vector(0 to 1)" KEEPER
# other NAME: what bsdl-parser reads
other() { python3 "$TEMP/read.py" "$TEMP/$1" | sed 's/, $//'; }
# cells RESULT: the same as they are in the description
cells() {
  echo "0 RESET_N OBSERVE_ONLY None, 1 * CONTROL None, 2 BUZZER OUTPUT3 $1, 3 Led OUTPUT2 None," \
    "4 A(0) INPUT None, 5 A(1) INPUT None, 6 B(0) INPUT None, 7 CLOCK CLOCK None"
}
same "plain, bsdl-parser" "$(cells Z)" "$(other plain)"
same "vectors, bsdl-parser" "$(cells Z)" "$(other vectors)"
same "keeper, bsdl-parser" "$(cells KEEPER)" "$(other keeper)"
same "plain" "0 RESET_N Unknown(\"observe_only\") None, 1 * Control None, 2 BUZZER Output3 Z, 3 * Output2 None, \
4 A(0) Input None, 5 A(1) Input None, 6 B(0) Input None, 7 CLOCK Clock None, inputs None Some(7)" \
  "$("$TEMP/program" "$TEMP/plain")"
# error NAME: what the crate says instead
error() { "$TEMP/program" "$TEMP/$1" | sed 's/.* \(line .*\)/\1/'; }
same "vectors" 'line 10 VecRangeError")' "$(error vectors)"
same "keeper" 'line 22 ParseError(\"DisableResult cannot be created from keeper\")")' "$(error keeper)"
