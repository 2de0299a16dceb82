#!/usr/bin/env bash
# The crate device_tree 1.1.0, reading the blob of a device tree.
#
# A blob may have NOP tokens anywhere between the others (Devicetree Specification
# 0.4 §5.4.1): libfdt's fdt_nop_property() and fdt_nop_node() put them over what they
# take away, and QEMU does so with the memory nodes of a tree it was given by -dtb.
# The list of reserved memory ends with an entry of zeros, which is none (§5.3.2).
#
# Guess before running it: NOPs are skipped, one range is reserved.
# Seen: a property or a node that was taken away is a ParseError, and the whole tree
# is lost. Each tree has one reserved range more, (0, 0). dtc 1.7.2 and the crate
# flat_device_tree 3.1.1 read the tree without what was taken away.
. "$(dirname "$0")/lib/debian"
. "$(dirname "$0")/lib/crates"
install trixie device-tree-compiler=1.7.2-2+b1 dtc
crates device_tree=1.1.0 flat_device_tree=3.1.1 <<'RUST'
fn main() {
    let blob = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let theirs = flat_device_tree::Fdt::new(&blob).unwrap();
    let names: Vec<_> = theirs.find_node("/").unwrap().children().map(|node| node.name).collect();
    println!("{}, reserved {}", names.join(" "), theirs.memory_reservations().count());
    match device_tree::DeviceTree::load(&blob) {
        Ok(tree) => {
            let names: Vec<_> = tree.root.children.into_iter().map(|node| node.name).collect();
            println!("{}, reserved {:?}", names.join(" "), tree.reserved)
        }
        Err(error) => println!("{error:?}"),
    }
}
RUST

"$TEMP/dtc" -q -O dtb -o "$TEMP/whole.dtb" - <<'DTS'
/dts-v1/;
/memreserve/ 0x80000000 0x1000;
/ {
    compatible = "example,board";
    memory@80000000 { device_type = "memory"; };
    uart@1000 { status = "okay"; };
};
DTS
# As fdt_nop_node() does with the memory, and fdt_nop_property() with the status
python3 - "$TEMP" <<'PYTHON'
import sys

def without(blob, start, length):
    assert start > 0 and not length % 4
    return blob[:start] + b"\0\0\0\4" * (length // 4) + blob[start + length:]

with open(f"{sys.argv[1]}/whole.dtb", "rb") as file:
    whole = file.read()
memory = whole.index(b"\0\0\0\1memory@80000000\0")
status = whole.index(b"okay\0") - 12
for name, start, end in ("node", memory, whole.index(b"\0\0\0\1uart")), ("property", status, status + 20):
    with open(f"{sys.argv[1]}/{name}.dtb", "wb") as file:
        file.write(without(whole, start, end - start))
PYTHON
# read_by TREE LINE: of flat_device_tree (1) or of device_tree (2)
read_by() { "$TEMP/program" "$TEMP/$1.dtb" | sed -n "$2p"; }
same "the whole tree" \
  "memory@80000000 uart@1000, reserved [(2147483648, 4096), (0, 0)]" "$(read_by whole 2)"
same "without the memory, flat_device_tree" "uart@1000, reserved 1" "$(read_by node 1)"
same "the same, dtc's nodes" "uart@1000" \
  "$("$TEMP/dtc" -q -I dtb "$TEMP/node.dtb" | sed -n 's/^\t\([^ ]*\) {/\1/p')"
same "the same, device_tree" "ParseError(108)" "$(read_by node 2)"
same "without the status, flat_device_tree" "memory@80000000 uart@1000, reserved 1" "$(read_by property 1)"
same "the same, device_tree" "ParseError(168)" "$(read_by property 2)"
