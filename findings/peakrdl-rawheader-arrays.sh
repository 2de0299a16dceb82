#!/usr/bin/env bash
# peakrdl-rawheader 0.2.9 (PyPI), which makes headers for C and for the linker from SystemRDL.
#
# An array has as many elements as its dimensions multiplied, each with an index of its own, and
# what is in one element is in all (SystemRDL 2.0 §5.1.2). A macro of C is replaced as text, so
# arguments stand in parentheses.
#
# Guess before running it: all registers that systemrdl-compiler has (`peakrdl dump`) can be
# reached by either header, at their addresses.
# Seen: of two dimensions there is the last one: a grid of 2 by 3 has 3 registers and one index.
# For the linker, registers within an array are those of its first element. ONE(1 + 1) is 5 bytes
# from the start, not 8. Arrays of one dimension, with a plain number, are right.
. "$(dirname "$0")/lib/pypi"
pypi peakrdl-rawheader==0.2.9 peakrdl-cli==1.5.0 systemrdl-compiler==1.32.2 typing_extensions==4.16.0 \
  antlr4-python3-runtime==4.13.2 colorama==0.4.6 mako==1.4.3 markdown==3.11.3 markupsafe==3.0.4

cat >"$TEMP/a.rdl" <<'RDL'
addrmap top {
  reg { field { sw=rw; } f[31:0]; } one[4] @0x0;
  reg { field { sw=rw; } f[31:0]; } grid[2][3] @0x100 += 0x8;
  regfile { reg { field { sw=rw; } x[7:0]; } state[2]; } channel[2] @0x200 += 0x40;
};
RDL
peakrdl raw-header "$TEMP/a.rdl" -o "$TEMP/a.h"
peakrdl raw-header "$TEMP/a.rdl" --format ldh -o "$TEMP/a.ld"
peakrdl dump --unroll "$TEMP/a.rdl" >"$TEMP/dump"

# registers NAME: the addresses that systemrdl-compiler has for it
registers() { sed -n "s/^0x\([^-]*\)-.*top\.$1\[.*/\1/p" "$TEMP/dump" | paste -sd' '; }
# defined NAME: what the header says of it
defined() { sed -n "s/^#define TOP_$1 *//p" "$TEMP/a.h"; }
# symbols NAME: the addresses that the linker gets for it
symbols() { sed -n "s/.*__top_$1_[0-9]_base_addr__ = 0x00000*\(...\)).*/\1/p" "$TEMP/a.ld" | tr A-F a-f | paste -sd' '; }
# address NAME INDEX ARGUMENT: what a macro is with this argument
address() {
  local text
  text=$(defined "$1_BASE_ADDR($2)")
  printf '0x%x\n' "$((${text//$2/$3}))"
}
same "one" "000 004 008 00c" "$(registers one)"
same "one, for the linker" "000 004 008 00c" "$(symbols one)"
same "ONE(2)" "0x8" "$(address ONE one_idx 2)"
same "ONE(1 + 1)" "0x5" "$(address ONE one_idx "1 + 1")"
same "grid" "100 108 110 118 120 128" "$(registers grid)"
same "grid, how many" "0x00000003" "$(defined GRID_NUM)"
same "grid, its macro" "(0x00000100 + (grid_idx * 0x00000008))" "$(defined 'GRID_BASE_ADDR(grid_idx)')"
same "grid, for the linker" "100 108 110" "$(symbols grid)"
same "state" "200 204 240 244" "$(registers 'channel\[.\].state')"
same "state, for the linker" "200 204" "$(symbols channel_state)"
