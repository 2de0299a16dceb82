#!/usr/bin/env bash
# pydevicetree 0.0.13 (PyPI), which reads and writes the source of device trees.
#
# Numbers and expressions are C's (Devicetree Specification 0.4 §6.3): 0755
# is octal, 7 / 2 is 3, a comparison is 1 or 0. What "&label { ... };" says of a
# property replaces what was there.
#
# Guess before running it: get_field() has the values that dtc writes into the
# blob, and to_dts() can be compiled.
# Seen: 0755 is 755, 7 / 2 is 3.5, 1 == 1 is True, and to_dts() writes them so; dtc
# refuses 3.5, but takes 755. After "&uart { status = "okay"; };" get_field() says
# "disabled"; to_dts() has both, so that a compiled tree has the right one.
. "$(dirname "$0")/lib/pypi"
pypi pydevicetree==0.0.13 pyparsing==3.3.3

cat >"$TEMP/read.py" <<'PYTHON'
import sys
from pydevicetree import Devicetree

tree = Devicetree.from_dts("""/dts-v1/;
/ { uart: uart@1000 { status = "disabled"; mode = <0755>; half = <(7 / 2)>; on = <(1 == 1)>; }; };
&uart { status = "okay"; };
""")
uart = tree.get_by_path("/uart@1000")
print(*(uart.get_field(name) for name in ("mode", "half", "on", "status")))
print(*(line.strip() for line in tree.to_dts().splitlines() if "mode" in line or "half" in line))
PYTHON
python3 "$TEMP/read.py" >"$TEMP/out"
same "0755, 7 / 2, 1 == 1, status" "755 3.5 True disabled" "$(head -n 1 "$TEMP/out")"
same "written again" "mode = <755>; half = <3.5>;" "$(tail -n 1 "$TEMP/out")"
