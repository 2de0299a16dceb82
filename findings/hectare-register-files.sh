#!/usr/bin/env bash
# hectare 0.2.4 (PyPI), which makes VHDL and a header for C from SystemRDL.
#
# What is in a register file is at its address plus the register's own. An array has as many
# elements as its dimensions multiplied (SystemRDL 2.0 §5.1.2, §12). A name is declared once in a
# region (IEEE 1076-2008 §12.3).
#
# Guess before running it: all registers that systemrdl-compiler has (`peakrdl dump`) are there, at
# their addresses, or hectare says that it has no register files or arrays.
# Seen: registers of a register file are where they are in it, so that they lie on others. Elements
# of an array have one name, in VHDL, which no compiler takes, and in C. Exit status is 0, without a
# warning. Plain registers are right.
. "$(dirname "$0")/lib/pypi"
pypi hectare==0.2.4 peakrdl-cli==1.5.0 systemrdl-compiler==1.32.2 typing_extensions==4.16.0 \
  antlr4-python3-runtime==4.13.2 colorama==0.4.6 markdown==3.11.3

cat >"$TEMP/a.rdl" <<'RDL'
addrmap top {
  reg { field { sw=rw; hw=r; } x[31:0]; } control @0x0;
  reg { field { sw=rw; hw=r; } x[31:0]; } lane[3] @0x10;
  regfile { reg { field { sw=rw; hw=r; } x[31:0]; } state @0x0; } port @0x40;
  reg { field { sw=rw; hw=r; } x[31:0]; } last @0x80;
};
RDL
status=0
hectare "$TEMP/a.rdl" --axi-vhdl "$TEMP/a.vhd" --c-header "$TEMP/a.h" >"$TEMP/log" 2>&1 || status=$?
peakrdl dump --unroll "$TEMP/a.rdl" >"$TEMP/dump"

# dumped NAME, header NAME, vhdl NAME: its addresses, in decimal; VHDL counts words
dumped() { sed -n "s/^\(0x[^-]*\)-.*top\.$1$/\1/p" "$TEMP/dump" | xargs printf '%d\n' | paste -sd' '; }
header() { sed -n "s/^#define TOP_ADDR_$1 (\(.*\))/\1/p" "$TEMP/a.h" | paste -sd' '; }
vhdl() { sed -n "s/.*constant C_ADDR_$1 : integer := \(.*\);/\1/p" "$TEMP/a.vhd" | paste -sd' '; }
same "exit status" 0 "$status"
same "control" "0" "$(dumped control)"
same "control, for C" "0" "$(header CONTROL)"
same "last" "128" "$(dumped last)"
same "last, for C" "128" "$(header LAST)"
same "last, in VHDL" "32" "$(vhdl LAST)"
same "state" "64" "$(dumped 'port\.state')"
same "state, for C" "0" "$(header STATE)"
same "state, in VHDL" "0" "$(vhdl STATE)"
same "lanes" "16 20 24" "$(dumped 'lane\[.\]')"
same "LANE, for C" "16 20 24" "$(header LANE)"
same "LANE, in VHDL" "4 5 6" "$(vhdl LANE)"
