//! The MPAM table (Arm DEN0065): memory system components (MSCs) and their
//! resources, field by field, in a walk that always ends.

use super::header::LENGTH;
use super::layout::reserved;
use super::part::{Part, Stop};
use crate::bytes;
use crate::field::{Field, Impact, Kind, field};

const fn part(
    name: &'static str,
    offset: usize,
    kind: Kind,
    meaning: &'static str,
) -> Field {
    let why = "another component is driven, or in another way";
    field(name, offset, kind, meaning, Impact::Breaks, why)
}

const INTERFACES: &[(u64, &str)] = &[(0, "MMIO"), (0x0a, "PCC")];

const LOCATORS: &[(u64, &str)] = &[
    (0, "processor cache"),
    (1, "memory"),
    (2, "SMMU"),
    (3, "memory-side cache"),
    (4, "ACPI device"),
    (5, "interconnect"),
    (0xff, "unknown"),
];

/// An MSC node.
const NODE: &[Field] = &[
    part("length", 0, Kind::Size(2), "bytes of this node and its resources"),
    part(
        "interface_type",
        2,
        Kind::Code(1, INTERFACES),
        "way to its registers",
    ),
    reserved(3, 1),
    part("identifier", 4, Kind::Number(4), "names the MSC, also in MPAM-Fb"),
    part(
        "base_address",
        8,
        Kind::Address,
        "of its registers; for PCC the subspace",
    ),
    part("mmio_size", 16, Kind::Size(4), "bytes of its registers; 0 for PCC"),
    part("overflow_gsiv", 20, Kind::Gsiv, "a monitor has overflown"),
    part("overflow_flags", 24, Kind::Hex(4), "trigger, type, affinity"),
    reserved(28, 4),
    part("overflow_affinity", 32, Kind::Hex(4), "processor or container"),
    part("error_gsiv", 36, Kind::Gsiv, "software has made a mistake"),
    part("error_flags", 40, Kind::Hex(4), "trigger, type, affinity"),
    reserved(44, 4),
    part("error_affinity", 48, Kind::Hex(4), "processor or container"),
    part(
        "max_nrdy",
        52,
        Kind::Micros(4),
        "longest time until a count is ready",
    ),
    part("linked_hid", 56, Kind::Text(8), "_HID of the device it belongs to"),
    part("linked_uid", 64, Kind::Number(4), "_UID of that device"),
    part("resources", 68, Kind::Number(4), "resource nodes that follow"),
];
const NODE_LENGTH: usize = 72;

/// A resource node.
const RESOURCE: &[Field] = &[
    part("identifier", 0, Kind::Number(4), "names the resource"),
    part("ris_index", 4, Kind::Number(1), "resource instance of the MSC"),
    reserved(5, 2),
    part("locator_type", 7, Kind::Code(1, LOCATORS), "what it partitions"),
    part("locator", 8, Kind::Hex(8), "which of these, see the type"),
    part("locator_more", 16, Kind::Hex(4), "more of that"),
    part("dependencies", 20, Kind::Number(4), "functional dependencies"),
];
const RESOURCE_LENGTH: usize = 24;

/// A functional dependency.
const DEPENDENCY: &[Field] = &[
    part("producer", 0, Kind::Number(4), "resource it depends on"),
    reserved(4, 4),
];
const DEPENDENCY_LENGTH: usize = 8;

/// All parts of a table's body, in the order of their bytes, as far as their
/// lengths fit.
pub fn walk(body: &[u8]) -> (Vec<Part<'_>>, Option<Stop>) {
    let mut parts = Vec::new();
    let mut at = LENGTH;
    while at < body.len() {
        let left = body.len() - at;
        let length = bytes::u16(body, at).map_or(0, usize::from);
        if length < NODE_LENGTH || length > left {
            let text = format!(
                "the node at {at:#x} has length {length}, {NODE_LENGTH} are \
                 the least, {left} are left"
            );
            return (parts, Some(Stop { at, text }));
        }
        let Some(node) = body.get(at..at + length) else { break };
        if let Some(stop) = inside(node, at, &mut parts) {
            return (parts, Some(stop));
        }
        at += length;
    }
    (parts, None)
}

/// A node and what lies in it.
fn inside<'a>(
    node: &'a [u8],
    at: usize,
    parts: &mut Vec<Part<'a>>,
) -> Option<Stop> {
    let id = bytes::u32(node, 4).unwrap_or(0);
    let interface = bytes::u8(node, 2).map(u64::from);
    let known = INTERFACES.iter().find(|(code, _)| Some(*code) == interface);
    let by = known.map_or("a reserved interface", |(_, name)| name);
    let (head, _) = node.split_at_checked(NODE_LENGTH)?;
    parts.push(Part {
        title: format!("MSC {id}: by {by}, {} bytes at {at:#x}", node.len()),
        fields: NODE,
        at,
        bytes: head,
    });
    let stop = |here: usize, what: &str| {
        let text = format!("{what} at {:#x} goes beyond MSC {id}", at + here);
        Some(Stop { at: at + here, text })
    };
    let mut here = NODE_LENGTH;
    for number in 0..bytes::u32(node, 68).unwrap_or(0) {
        let end = here + RESOURCE_LENGTH;
        let Some(bytes) = node.get(here..end) else {
            return stop(here, "a resource node");
        };
        let title = format!("resource {number} of MSC {id}");
        parts.push(Part { title, fields: RESOURCE, at: at + here, bytes });
        let count = bytes::u32(bytes, 20).unwrap_or(0);
        here = end;
        for _ in 0..count {
            let end = here + DEPENDENCY_LENGTH;
            let Some(bytes) = node.get(here..end) else {
                return stop(here, "a functional dependency");
            };
            let title = format!("dependency of resource {number} of MSC {id}");
            parts.push(Part {
                title,
                fields: DEPENDENCY,
                at: at + here,
                bytes,
            });
            here = end;
        }
    }
    match here == node.len() {
        true => None,
        false => {
            let text = format!(
                "MSC {id} at {at:#x} has length {}, its resources end after \
                 {here}",
                node.len()
            );
            Some(Stop { at, text })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::part::testing::covered;
    use super::*;

    fn node(length: u8, resources: u8) -> Vec<u8> {
        let mut node = vec![0; usize::from(length)];
        (node[0], node[2], node[4], node[68]) = (length, 0x0a, 7, resources);
        node
    }

    fn walked(nodes: &[u8]) -> (Vec<String>, Option<String>) {
        let body = [&[0; LENGTH], nodes].concat();
        let (parts, stop) = walk(&body);
        let titles = parts.into_iter().map(|part| part.title).collect();
        (titles, stop.map(|stop| stop.text))
    }

    #[test]
    fn every_byte_belongs_to_a_part() {
        let mut with = node(72 + 24 + 8 + 24, 2);
        with[72 + 20] = 1;
        let all = [node(72, 0), with].concat();
        let body = [&[0; LENGTH][..], &all].concat();
        let (parts, stop) = walk(&body);
        assert_eq!(stop, None);
        assert_eq!(covered(&parts), LENGTH..body.len());
        assert_eq!(parts[0].title, "MSC 7: by PCC, 72 bytes at 0x24");
        assert_eq!(parts[2].title, "resource 0 of MSC 7");
    }

    #[test]
    fn lies_end_the_walk() {
        for (nodes, wanted) in [
            (vec![0; 4], "has length 0"),
            (node(71, 0), "has length 71"),
            (node(72, 0)[..70].to_vec(), "70 are left"),
            (node(72, 1), "a resource node at 0x6c goes beyond MSC 7"),
            (node(80, 0), "its resources end after 72"),
        ] {
            let (_, stop) = walked(&nodes);
            let stop = stop.unwrap();
            assert!(stop.contains(wanted), "{stop}");
        }
        let mut deep = node(96, 1);
        deep[72 + 20..][..4].fill(0xff);
        let (titles, stop) = walked(&deep);
        assert_eq!(titles.len(), 2);
        assert!(stop.unwrap().contains("a functional dependency"));
    }
}
