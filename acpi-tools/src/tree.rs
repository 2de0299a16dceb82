//! A flattened device tree (Devicetree Specification 0.4 §5), as far as PCC
//! needs it: nodes, `compatible`, `reg`, `interrupts`, memory.

use crate::bytes;
use crate::field::gsiv;

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Path from the root.
    pub path: String,
    /// Strings of `compatible`.
    pub compatible: Vec<String>,
    /// Windows of `reg`: address, length.
    pub reg: Vec<(u64, u64)>,
    /// Shared peripheral interrupts of `interrupts`: SPI, flags.
    pub spis: Vec<(u32, u32)>,
    /// `device_type` is "memory".
    pub memory: bool,
    /// The node lies below `/reserved-memory`.
    pub reserved: bool,
    /// Numbers of single-cell properties that are of interest.
    pub subspace_id: Option<u32>,
    /// Type of the subspace, where the node says it.
    pub subspace_type: Option<u32>,
}

impl Node {
    /// Its interrupts in words, the trigger by the GIC's binding.
    pub fn interrupts(&self) -> Vec<String> {
        let text = |(spi, flags): &(u32, u32)| {
            let number = gsiv(u64::from(spi.saturating_add(32)));
            match flags {
                1 => format!("{number} edge"),
                2 => format!("{number} falling edge"),
                4 => format!("{number} level"),
                8 => format!("{number} low level"),
                other => format!("{number} flags {other:#x}"),
            }
        };
        self.spis.iter().map(text).collect()
    }
}

/// All nodes in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// What is wrong with a blob, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Offset in the blob.
    pub at: usize,
    /// What is wrong.
    pub text: &'static str,
}

const MAGIC: u32 = 0xd00d_feed;
const DEPTH: usize = 64;

/// A blob begins like a device tree.
pub fn is_tree(blob: &[u8]) -> bool {
    bytes::be32(blob, 0) == Some(MAGIC)
}

/// A node being read.
struct Open {
    index: usize,
    address_cells: usize,
    size_cells: usize,
    reg: Vec<u8>,
}

/// Reads a blob.
///
/// # Errors
/// When it is not a device tree or contradicts itself; the text has no
/// offset, [`Damage::at`] does.
pub fn read(blob: &[u8]) -> Result<Tree, Damage> {
    let fail = |at, text| Err(Damage { at, text });
    if !is_tree(blob) {
        return fail(0, "no device tree: it does not begin with d00dfeed");
    }
    let head = |at: usize| bytes::be32(blob, at).unwrap_or(0) as usize;
    let (structure, strings) = (head(8), head(12));
    let size = head(36);
    let end = structure.saturating_add(size).min(blob.len());
    let mut tree = Tree::default();
    let mut open: Vec<Open> = Vec::new();
    let mut at = structure;
    while at < end {
        let token = bytes::be32(blob, at);
        at += 4;
        match token {
            Some(1) => {
                let rest = blob.get(at..end).unwrap_or_default();
                let Some(length) = rest.iter().position(|b| *b == 0) else {
                    return fail(at, "a node's name has no end");
                };
                if open.len() >= DEPTH {
                    return fail(at, "nodes nested deeper than 64");
                }
                let name = bytes::ascii(&rest[..length.min(64)]);
                let above = open.last().map(|open| &tree.nodes[open.index]);
                let path = match above {
                    None => "/".to_owned(),
                    // Paths are for people; long ones are cut.
                    Some(above) if above.path.len() > 250 => above.path.clone(),
                    Some(above) if above.path == "/" => format!("/{name}"),
                    Some(above) => format!("{}/{name}", above.path),
                };
                let reserved = path.starts_with("/reserved-memory/");
                let index = tree.nodes.len();
                tree.nodes.push(Node { path, reserved, ..Node::default() });
                // Defaults of the specification, §2.3.5.
                let (address_cells, size_cells) = (2, 1);
                let reg = Vec::new();
                open.push(Open { index, address_cells, size_cells, reg });
                at += (length + 4) & !3;
            }
            Some(2) => {
                let Some(done) = open.pop() else {
                    return fail(at, "a node ends that never began");
                };
                // A node's reg counts in the cells of the node above.
                let (address, size) = open
                    .last()
                    .map_or((2, 1), |up| (up.address_cells, up.size_cells));
                tree.nodes[done.index].reg = windows(&done.reg, address, size);
            }
            Some(3) => {
                let length = bytes::be32(blob, at).unwrap_or(0) as usize;
                let name = bytes::be32(blob, at + 4).unwrap_or(0) as usize;
                let name = text(blob, strings.saturating_add(name));
                let value = at
                    .checked_add(8 + length)
                    .filter(|stop| *stop <= end)
                    .and_then(|stop| blob.get(at + 8..stop));
                let (Some(value), Some(open)) = (value, open.last_mut()) else {
                    return fail(at, "a property leads out of the tree");
                };
                let node = &mut tree.nodes[open.index];
                property(node, open, name, value);
                at += 8 + length.div_ceil(4) * 4;
            }
            Some(4) => {}
            Some(9) => return Ok(tree),
            _ => return fail(at - 4, "no token of a device tree"),
        }
    }
    fail(end, "the tree has no end")
}

fn text(blob: &[u8], at: usize) -> &[u8] {
    let rest = blob.get(at..).unwrap_or_default();
    // Names of properties have at most 31 characters.
    let rest = &rest[..rest.len().min(32)];
    rest.split(|b| *b == 0).next().unwrap_or_default()
}

fn property(node: &mut Node, open: &mut Open, name: &[u8], value: &[u8]) {
    let cell = || bytes::be32(value, 0);
    let cells = || cell().map_or(0, |n| n.min(4) as usize);
    match name {
        b"#address-cells" => open.address_cells = cells(),
        b"#size-cells" => open.size_cells = cells(),
        b"reg" => open.reg = value.to_vec(),
        b"compatible" => {
            let parts = value.split(|b| *b == 0).filter(|s| !s.is_empty());
            node.compatible = parts.map(bytes::ascii).collect();
        }
        b"device_type" => node.memory = value == b"memory\0",
        // GIC binding: type (0 is SPI), number, flags.
        b"interrupts" => {
            let triple = |n: usize| {
                let cell = |k: usize| bytes::be32(value, 12 * n + 4 * k);
                Some((cell(0)?, cell(1)?, cell(2)?))
            };
            node.spis = (0..value.len() / 12)
                .filter_map(triple)
                .filter(|(kind, ..)| *kind == 0)
                .map(|(_, spi, flags)| (spi, flags))
                .collect();
        }
        b"qemu,subspace-id" => node.subspace_id = cell(),
        b"qemu,subspace-type" => node.subspace_type = cell(),
        _ => {}
    }
}

fn windows(reg: &[u8], address: usize, size: usize) -> Vec<(u64, u64)> {
    let width = 4 * (address + size);
    if width == 0 {
        return Vec::new();
    }
    let number = |bytes: &[u8]| {
        bytes.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte))
    };
    reg.chunks_exact(width)
        .map(|pair| {
            (number(&pair[..4 * address]), number(&pair[4 * address..]))
        })
        .collect()
}

impl Tree {
    /// The node of QEMU's PCC controller.
    pub fn controller(&self) -> Option<&Node> {
        let is_pcc =
            |node: &&Node| node.compatible.contains(&"qemu,pcc".into());
        self.nodes.iter().find(is_pcc)
    }

    /// Nodes of single channels.
    pub fn channels(&self) -> impl Iterator<Item = &Node> {
        let name = "qemu,pcc-channel".to_owned();
        self.nodes.iter().filter(move |node| node.compatible.contains(&name))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes device trees for tests: tokens and properties.
    #[derive(Default)]
    pub struct Writer {
        body: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Writer {
        /// Begins a node.
        pub fn begin(mut self, name: &str) -> Writer {
            self.body.extend(1u32.to_be_bytes());
            self.body.extend(name.as_bytes());
            self.body.push(0);
            while !self.body.len().is_multiple_of(4) {
                self.body.push(0);
            }
            self
        }

        /// Ends it.
        pub fn end(mut self) -> Writer {
            self.body.extend(2u32.to_be_bytes());
            self
        }

        /// A property.
        pub fn bytes(mut self, name: &str, value: &[u8]) -> Writer {
            self.body.extend(3u32.to_be_bytes());
            self.body.extend((value.len() as u32).to_be_bytes());
            self.body.extend((self.strings.len() as u32).to_be_bytes());
            self.strings.extend(name.as_bytes());
            self.strings.push(0);
            self.body.extend(value);
            while !self.body.len().is_multiple_of(4) {
                self.body.push(0);
            }
            self
        }

        /// A property of cells.
        pub fn cells(self, name: &str, cells: &[u32]) -> Writer {
            let value: Vec<u8> =
                cells.iter().flat_map(|n| n.to_be_bytes()).collect();
            self.bytes(name, &value)
        }

        /// The blob.
        pub fn blob(mut self) -> Vec<u8> {
            self.body.extend(9u32.to_be_bytes());
            let strings = 40 + self.body.len() as u32;
            let total = strings + self.strings.len() as u32;
            let mut blob = Vec::new();
            for word in [MAGIC, total, 40, strings, 0, 17, 16, 0] {
                blob.extend(word.to_be_bytes());
            }
            blob.extend((self.strings.len() as u32).to_be_bytes());
            blob.extend((self.body.len() as u32).to_be_bytes());
            blob.extend(self.body);
            blob.extend(self.strings);
            blob
        }
    }

    fn example() -> Vec<u8> {
        Writer::default()
            .begin("")
            .cells("#address-cells", &[2])
            .cells("#size-cells", &[2])
            .begin("memory@40000000")
            .bytes("device_type", b"memory\0")
            .cells("reg", &[0, 0x4000_0000, 0, 0x800_0000])
            .end()
            .begin("pcc@a008000")
            .bytes("compatible", b"qemu,pcc\0")
            .cells("reg", &[0, 0xa00_8000, 0, 0x8000])
            .cells("interrupts", &[0, 80, 1, 1, 9, 4, 0, 81, 1])
            .end()
            .end()
            .blob()
    }

    #[test]
    fn nodes_windows_and_interrupts() {
        let tree = read(&example()).unwrap();
        assert_eq!(tree.nodes[1].reg, [(0x4000_0000, 0x800_0000)]);
        assert!(tree.nodes[1].memory);
        let pcc = tree.controller().unwrap();
        assert_eq!(pcc.path, "/pcc@a008000");
        assert_eq!(pcc.spis, [(80, 1), (81, 1)]);
        assert_eq!(tree.channels().count(), 0);
    }

    /// As libfdt's `fdt_nop_node()` leaves a blob, and QEMU with it.
    #[test]
    fn what_was_taken_away_is_not_there() {
        let mut blob = example();
        let begins = |name: &[u8]| {
            let same = |part: &[u8]| part == name;
            blob.windows(name.len()).position(same).unwrap() - 4
        };
        let memory = begins(b"memory@40000000")..begins(b"pcc@a008000");
        for token in blob[memory].chunks_exact_mut(4) {
            token.copy_from_slice(&4u32.to_be_bytes());
        }
        let tree = read(&blob).unwrap();
        let paths: Vec<_> = tree.nodes.iter().map(|node| &node.path).collect();
        assert_eq!(paths, ["/", "/pcc@a008000"]);
        assert_eq!(tree.nodes[1].reg, [(0xa00_8000, 0x8000)]);
    }

    #[test]
    fn damage_is_an_error_with_an_offset() {
        let good = example();
        for length in 0..good.len() {
            assert!(read(&good[..length]).is_err() || length > 40);
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            let _ = read(&bad);
        }
        let mut deep = Writer::default();
        for _ in 0..1000 {
            deep = deep.begin("x");
        }
        assert!(read(&deep.blob()).is_err());
    }
}
