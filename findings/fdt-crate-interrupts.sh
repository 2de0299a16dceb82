#!/usr/bin/env bash
# The crate fdt 0.1.5, which reads the device tree for kernels written in Rust.
#
# An interrupt of Arm's GIC has three cells, <0 1 4> (Linux, interrupt-controller/
# arm,gic.yaml); its controller is the interrupt-parent of the node, or of the nearest
# node above that names one (Devicetree Specification 0.4 §2.4.1.1). What stands behind a
# colon in stdout-path are the console's settings (§3.6). There may be several memory nodes
# (§3.4), as QEMU's virt machine has one for each NUMA node.
#
# Guess before running it: interrupts() has the three cells of a UART below a bus whose
# root names the GIC; stdout() is the UART of "serial0:115200n8", memory() 1 GB and 2 GB.
# Seen: interrupts() is None where the node itself names no controller, so nearly
# everywhere; where it does, it is a list of no interrupts, as cells are one or two. With
# settings there is no stdout(). memory() is the first node's. interrupt_parent() does not
# look above either. A tree whose GIC has one cell works, if the node names it.
. "$(dirname "$0")/lib/crates"
crates fdt=0.1.5 vm-fdt=0.3.0 <<'RUST'
use vm_fdt::{Error, FdtWriter};

/// An interrupt controller, and a UART below a bus
fn tree(interrupt: &[u32], own: bool, stdout: &str) -> Result<Vec<u8>, Error> {
    let mut tree = FdtWriter::new()?;
    let root = tree.begin_node("")?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    tree.property_u32("interrupt-parent", 1)?;
    let node = tree.begin_node("interrupt-controller@8000000")?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#interrupt-cells", interrupt.len() as u32)?;
    tree.property_phandle(1)?;
    tree.end_node(node)?;
    let bus = tree.begin_node("soc")?;
    let node = tree.begin_node("serial@9000000")?;
    tree.property_array_u32("interrupts", interrupt)?;
    if own {
        tree.property_u32("interrupt-parent", 1)?;
    }
    tree.end_node(node)?;
    tree.end_node(bus)?;
    for (name, start, size) in [("memory@40000000", 1 << 30, 1 << 30), ("memory@80000000", 2 << 30, 2 << 30)] {
        let node = tree.begin_node(name)?;
        tree.property_string("device_type", "memory")?;
        tree.property_array_u64("reg", &[start, size])?;
        tree.end_node(node)?;
    }
    let node = tree.begin_node("aliases")?;
    tree.property_string("serial0", "/soc/serial@9000000")?;
    tree.end_node(node)?;
    let node = tree.begin_node("chosen")?;
    tree.property_string("stdout-path", stdout)?;
    tree.end_node(node)?;
    tree.end_node(root)?;
    tree.finish()
}

fn main() {
    for (interrupt, own, stdout) in
        [(&[0, 1, 4][..], false, "serial0"), (&[0, 1, 4], true, "serial0:115200n8"), (&[33], true, "serial0")]
    {
        let blob = tree(interrupt, own, stdout).unwrap();
        let tree = fdt::Fdt::new(&blob).unwrap();
        let uart = tree.find_node("/soc/serial@9000000").unwrap();
        println!(
            "interrupts {:?}, parent {:?}, stdout {:?}, memory {:?}",
            uart.interrupts().map(|interrupts| interrupts.collect::<Vec<_>>()),
            uart.interrupt_parent().map(|node| node.name),
            tree.chosen().stdout().map(|node| node.name),
            tree.memory().regions().map(|region| region.size.unwrap() >> 30).collect::<Vec<_>>(),
        );
    }
}
RUST
"$TEMP/program" >"$TEMP/out"
gic='Some("interrupt-controller@8000000")'
uart='Some("serial@9000000")'
same "<0 1 4>, the root names the GIC" "interrupts None, parent None, stdout $uart, memory [1]" \
  "$(sed -n 1p "$TEMP/out")"
same "<0 1 4>, the UART names it, serial0:115200n8" "interrupts Some([]), parent $gic, stdout None, memory [1]" \
  "$(sed -n 2p "$TEMP/out")"
same "<33>, the UART names it" "interrupts Some([33]), parent $gic, stdout $uart, memory [1]" \
  "$(sed -n 3p "$TEMP/out")"
