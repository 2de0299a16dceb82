#!/usr/bin/env bash
# fdt 0.3.3 (PyPI), reading the source of a device tree.
#
# A source may name a node again, by its label or its path, to add properties to
# it (Devicetree Specification 0.4 §6); nearly every board's file switches devices
# on in this way.
#
# Guess before running it: "&uart { ... };" and a second "/ { ... };" are merged
# into the tree, as dtc does.
# Seen: what stands in them is not there, without an error or a warning: the
# device stays disabled. A "//" within a string is a comment, too, so that the
# property is mixed with the next one, and a source on a single line is a tree of
# 0 bytes.
. "$(dirname "$0")/lib/pypi"
pypi fdt==0.3.3

cat >"$TEMP/read.py" <<'PYTHON'
import fdt, sys
tree = fdt.parse_dts(sys.stdin.read())
print(len(tree.to_dtb(version=17)), *(item.to_dts().strip() for _, _, items in tree.walk() for item in items))
PYTHON
cat >"$TEMP/board.dts" <<'DTS'
/dts-v1/;
/ {
    uart: uart@1000 {
        status = "disabled";
        source = "http://example";
        label = "console";
    };
};
&uart {
    status = "okay";
};
/ {
    uart@1000 {
        reg = <0x1000>;
    };
};
DTS
same "bytes, properties" "190 status = \"disabled\"; source = \"http: label = console\"; phandle = <0x1>;" "$(python3 "$TEMP/read.py" <"$TEMP/board.dts")"
same "bytes of it on a single line" "0" "$(tr '\n' ' ' <"$TEMP/board.dts" |
  python3 -c 'import fdt, sys; print(len(fdt.parse_dts(sys.stdin.read()).to_dtb(version=17)))')"
