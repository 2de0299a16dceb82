//! The RAS2 table (ACPI 6.5 §5.2.21): features of reliability, availability
//! and serviceability, and behind which subspace each lies.

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
    let why = "another feature is driven, or through another channel";
    field(name, offset, kind, meaning, Impact::Breaks, why)
}

/// What follows the table's header; offsets are those in the part.
const HEAD: &[Field] = &[
    reserved(0, 2),
    part("descriptors", 2, Kind::Number(2), "descriptors that follow"),
];
const HEAD_LENGTH: usize = 4;

/// A descriptor of a channel.
const DESCRIPTOR: &[Field] = &[
    part("channel", 0, Kind::Number(1), "subspace of the feature"),
    reserved(1, 2),
    part("feature_type", 3, Kind::Code(1, FEATURES), "what it is about"),
    part("instance", 4, Kind::Number(4), "which; of memory the domain"),
];
const DESCRIPTOR_LENGTH: usize = 8;

/// 0x80 and above are the vendor's.
const FEATURES: &[(u64, &str)] = &[(0, "memory")];

/// Bytes of a channel's memory that every feature has: the header, and all
/// before the first parameter block.
pub const LEAST: u64 = 48;

/// All parts of a table's body, in the order of their bytes, as far as they
/// are there.
pub fn walk(body: &[u8]) -> (Vec<Part<'_>>, Option<Stop>) {
    let mut at = LENGTH + HEAD_LENGTH;
    let Some(head) = body.get(LENGTH..at) else {
        let text = format!("{} bytes, {at} are the least", body.len());
        return (Vec::new(), Some(Stop { at: LENGTH, text }));
    };
    let title = "what there is".to_owned();
    let mut parts = vec![Part { title, fields: HEAD, at: LENGTH, bytes: head }];
    let count = bytes::u16(head, 2).map_or(0, usize::from);
    for number in 0..count {
        let Some(bytes) = body.get(at..at + DESCRIPTOR_LENGTH) else {
            let text = format!(
                "there are {count} descriptors, the table ends in number \
                 {number}"
            );
            return (parts, Some(Stop { at, text }));
        };
        let title = format!("descriptor {number}");
        parts.push(Part { title, fields: DESCRIPTOR, at, bytes });
        at += DESCRIPTOR_LENGTH;
    }
    let left = body.len() - at;
    let stop = (left > 0).then(|| Stop {
        at,
        text: format!("{left} bytes lie behind {count} descriptors"),
    });
    (parts, stop)
}

#[cfg(test)]
mod tests {
    use super::super::part::testing::covered;
    use super::*;

    fn body(count: u16, descriptors: &[u8]) -> Vec<u8> {
        let head = [&[0; LENGTH + 2][..], &count.to_le_bytes()].concat();
        [head, descriptors.to_vec()].concat()
    }

    #[test]
    fn every_byte_belongs_to_a_part() {
        let body =
            body(2, &[7, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0x80, 2, 0, 0, 0]);
        let (parts, stop) = walk(&body);
        assert_eq!(stop, None);
        assert_eq!(covered(&parts), LENGTH..body.len());
        assert_eq!(parts[2].title, "descriptor 1");
        assert_eq!(DESCRIPTOR[0].number(parts[2].bytes), Some(8));
    }

    #[test]
    fn lies_end_the_walk() {
        for (body, parts, wanted) in [
            (vec![0; LENGTH + 3], 0, "40 are the least"),
            (body(2, &[0; 15]), 2, "the table ends in number 1"),
            (body(0xffff, &[0; 8]), 2, "there are 65535 descriptors"),
            (body(1, &[0; 9]), 2, "1 bytes lie behind 1 descriptors"),
        ] {
            let (found, stop) = walk(&body);
            assert_eq!(found.len(), parts, "{wanted}");
            let text = stop.unwrap().text;
            assert!(text.contains(wanted), "{text}");
        }
    }
}
