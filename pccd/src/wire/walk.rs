//! Bytes to fields, for display and for matching. The walk never fails: it
//! takes what there is and marks where it stopped.

use super::checksum::Checksum;
use super::layout::{
    Found, Item, Kind, MOST_ELEMENTS, Place, Section, Stop, Value, chosen,
};
use super::text::show;

/// What the meaning of a computed field begins with that has another value.
pub const WRONG: &str = "wrong";

pub(super) fn byte(number: Option<u64>) -> Option<u8> {
    number.and_then(|number| u8::try_from(number).ok())
}

/// A walk over bytes.
#[derive(Debug)]
pub struct Walk<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// Where the innermost scope ends.
    end: usize,
    /// Where the innermost scope starts.
    start: usize,
    place: Place,
    /// Scopes walked over: name, first byte.
    scopes: Vec<(&'static str, usize)>,
    /// What was found so far.
    pub fields: Vec<Found>,
    /// Set when bytes ran out.
    pub stop: Option<Stop>,
}

impl<'a> Walk<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            offset: 0,
            end: bytes.len(),
            start: 0,
            place: Place::default(),
            scopes: Vec::new(),
            fields: Vec::new(),
            stop: None,
        }
    }

    /// What was not walked over.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..self.end).unwrap_or(&[])
    }

    /// Keeps so many bytes at the end back, if there are as many.
    pub fn keep_back(&mut self, count: usize) {
        if self.rest().len() >= count {
            self.end -= count;
        }
    }

    /// Gives everything back that was kept back, and what lies before it.
    pub fn give_back(&mut self) {
        self.end = self.bytes.len();
    }

    /// The number in a field found earlier: in a list, that of the same or
    /// the latest element.
    pub fn number(&self, layer: &str, name: &str) -> Option<u64> {
        self.fields.iter().rev().find_map(|found| match found.value {
            Value::Number(number)
                if found.layer == layer && found.name == name =>
            {
                Some(number)
            }
            _ => None,
        })
    }

    /// Walks over a section; does nothing after a stop.
    pub fn section(&mut self, section: &Section) {
        self.items(section.layer, section.items);
    }

    fn items(&mut self, layer: &'static str, items: &'static [Item]) {
        for item in items {
            if self.stop.is_some() {
                return;
            }
            match item.kind {
                Kind::Repeat(inner) => self.repeat(layer, item, inner),
                Kind::Scope(inner) => self.scope(layer, item, inner),
                Kind::Optional(inner) => {
                    if !self.rest().is_empty() {
                        self.items(layer, inner);
                    }
                }
                Kind::Switch { on, cases, other } => {
                    let value = self.number(layer, on);
                    self.items(layer, chosen(cases, other, value));
                }
                _ => self.field(layer, item),
            }
        }
    }

    /// How much there is of a field, if another one counts it.
    fn counted(&self, layer: &str, item: &Item) -> Option<usize> {
        let count = self.number(layer, item.counted?)?;
        usize::try_from(count).ok()?.checked_mul(item.unit())
    }

    fn repeat(
        &mut self,
        layer: &'static str,
        item: &Item,
        inner: &'static [Item],
    ) {
        let count = self.counted(layer, item);
        let around = self.place;
        for index in 0_u16.. {
            let done = match count {
                Some(count) => usize::from(index) >= count,
                None => self.rest().len() <= item.leave,
            };
            if done || self.stop.is_some() {
                break;
            }
            if index == MOST_ELEMENTS {
                // Their number says nothing about the bytes there are.
                let name = inner.first().map_or("", |first| first.name);
                self.halt(format!("{layer}.{name}[{index}]"), 0);
                break;
            }
            let before = self.offset;
            self.place = around.element(index);
            self.items(layer, inner);
            self.place = around;
            if self.offset == before {
                break;
            }
        }
    }

    fn scope(
        &mut self,
        layer: &'static str,
        item: &Item,
        inner: &'static [Item],
    ) {
        let left = self.rest().len();
        let wanted = self
            .counted(layer, item)
            .unwrap_or_else(|| left.saturating_sub(item.leave));
        let outer = (self.start, self.end);
        let first = self.offset;
        self.start = first;
        self.end = first.saturating_add(wanted.min(left)).min(self.end);
        self.scopes.push((item.name, first));
        // Nothing at all is no broken record.
        if !self.rest().is_empty() {
            self.items(layer, inner);
        }
        let rest = self.rest();
        if self.stop.is_none() && !rest.is_empty() {
            let at = self.offset;
            self.fields.push(show(layer, item, self.place, at, rest));
            self.offset = self.end;
        }
        (self.start, self.end) = outer;
        if self.stop.is_none() && wanted > left {
            let missing = wanted - left;
            self.halt(format!("{layer}.{}", item.name), missing);
        }
    }

    fn halt(&mut self, field: String, needed: usize) {
        let left = self.rest().len();
        self.stop = Some(Stop { field, offset: self.offset, needed, left });
    }

    fn field(&mut self, layer: &'static str, item: &Item) {
        let left = self.rest().len();
        let all_but = |leave: usize| left.saturating_sub(leave);
        let size = self.offset - self.start;
        let aligned = match item.kind {
            Kind::Pad(to) => size.is_multiple_of(to),
            _ => false,
        };
        let (mut needed, counted) = match self.counted(layer, item) {
            Some(count) => (count, true),
            None => match item.kind {
                Kind::Codes | Kind::Rest => (all_but(item.leave), false),
                Kind::AllBut(leave) | Kind::Versions { leave, .. } => {
                    (all_but(leave), false)
                }
                Kind::Pad(to) => {
                    let pad = size.next_multiple_of(to.max(1)) - size;
                    (pad.min(left), false)
                }
                kind => (kind.fixed().unwrap_or(kind.size()), false),
            },
        };
        let wanted = needed;
        if counted {
            needed = needed.min(left);
        }
        let name = || format!("{layer}.{}{}", item.name, self.place);
        let Some(raw) = self.rest().get(..needed) else {
            self.halt(name(), wanted);
            return;
        };
        let name = name();
        let mut found = show(layer, item, self.place, self.offset, raw);
        if let Kind::Sum(checksum, from) = item.kind {
            found.meaning = Some(self.judge(checksum, layer, from, raw));
        }
        if !matches!(item.kind, Kind::Bits { shift, .. } if shift > 0) {
            self.offset += needed;
        }
        if let (Kind::Length { plus, .. }, Value::Number(says)) =
            (item.kind, &found.value)
        {
            let right = self.rest().len() + plus;
            if *says != right as u64 {
                found.meaning = Some(format!("{WRONG}: it is {right}"));
            }
        }
        // Padding that need not be there says nothing.
        if !(matches!(item.kind, Kind::Pad(_)) && aligned) {
            self.fields.push(found);
        }
        if wanted > needed {
            self.halt(name, wanted);
            if let Some(stop) = &mut self.stop {
                (stop.offset, stop.left) = (stop.offset - needed, needed);
            }
        }
    }

    /// What a checksum means.
    fn judge(
        &self,
        checksum: Checksum,
        layer: &str,
        from: &str,
        raw: &[u8],
    ) -> String {
        let scope = self.scopes.iter().rev().find(|(name, _)| *name == from);
        let first = scope.map(|(_, first)| *first).or_else(|| {
            let mut fields = self.fields.iter().rev();
            fields
                .find(|found| found.layer == layer && found.name == from)
                .map(|found| found.offset)
        });
        let bytes = first.and_then(|first| self.bytes.get(first..self.offset));
        let right = checksum.of(bytes.unwrap_or(&[]));
        let right_bytes = right.to_le_bytes();
        if right_bytes.get(..raw.len()) == Some(raw) {
            "right".to_owned()
        } else {
            let digits = 2 + 2 * checksum.size();
            format!("{WRONG}: the bytes give {right:#0digits$x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::{Encoder, Given};

    const ELEMENT: &[Item] = &[
        Item::new("kind", Kind::U8),
        Item::switch(
            "kind",
            &[(1, &[Item::new("short", Kind::U8)])],
            &[Item::new("long", Kind::U16Le)],
        ),
        Item::new("size", Kind::Count(1)),
        Item::new("text", Kind::Rest).counted("size"),
    ];
    const SECTION: Section = Section {
        layer: "t",
        items: &[
            Item::bits("high", 7, 6),
            Item::bits("low", 5, 0),
            Item::new("be", Kind::U16Be),
            Item::new("total", Kind::Length { size: 2, plus: 0 }),
            Item::new("bytes", Kind::Count(1)),
            Item::new(
                "record",
                Kind::Scope(&[
                    Item::new("count", Kind::Count(1)),
                    Item::repeat(ELEMENT).counted("count"),
                ]),
            )
            .counted("bytes"),
            Item::new("crc8", Kind::Sum(Checksum::Crc8, "record")),
            Item::optional(&[Item::new("more", Kind::U8)]),
        ],
    };
    const BYTES: &[u8] = &[
        0x85, // high 2, low 5
        0x1a, 0xf4, // be
        13, 0,  // total: bytes after it
        11, // bytes of the record
        2,  // count
        1, 7, 1, b'x', // element 0: kind, short, size, text
        2, 1, 2, 1, b'y', // element 1: kind, long, size, text
        0xff, // what the elements leave of the record
        0x6b, // its CRC-8
    ];

    fn given(walk: &Walk<'_>) -> Given {
        let fields = walk.fields.iter();
        fields.map(|f| (f.full_name(), f.value.clone())).collect()
    }

    #[test]
    fn fields_and_bytes_agree() {
        let mut walk = Walk::new(BYTES);
        walk.section(&SECTION);
        assert_eq!(walk.stop, None);
        assert!(walk.rest().is_empty());
        let names: Vec<String> =
            walk.fields.iter().map(|found| found.full_name()).collect();
        assert_eq!(
            names,
            [
                "t.high",
                "t.low",
                "t.be",
                "t.total",
                "t.bytes",
                "t.count",
                "t.kind[0]",
                "t.short[0]",
                "t.size[0]",
                "t.text[0]",
                "t.kind[1]",
                "t.long[1]",
                "t.size[1]",
                "t.text[1]",
                "t.record",
                "t.crc8",
            ]
        );
        let crc = walk.fields.last().unwrap();
        assert_eq!(crc.meaning.as_deref(), Some("right"));
        let mut all = given(&walk);
        for computed in [false, true] {
            if computed {
                let counts = ["total", "bytes", "count", "size[0]", "size[1]"];
                for name in counts.iter().chain(&["crc8"]) {
                    all.remove(&format!("t.{name}")).unwrap();
                }
            }
            let mut encoder = Encoder::new(&all);
            encoder.section(&SECTION).unwrap();
            assert_eq!(encoder.finish(), BYTES, "computed: {computed}");
        }
    }

    #[test]
    fn every_length_stops_in_the_right_field() {
        let stops = [
            "high", "be", "be", "total", "total", "bytes", "record", "kind[0]",
            "short[0]", "size[0]", "text[0]", "kind[1]", "long[1]", "long[1]",
            "size[1]", "text[1]", "record", "crc8",
        ];
        for (length, field) in stops.iter().enumerate() {
            let mut walk = Walk::new(BYTES.get(..length).unwrap());
            walk.section(&SECTION);
            let stop = walk.stop.as_ref().unwrap();
            assert_eq!(stop.field, format!("t.{field}"), "length {length}");
            let taken = BYTES.len().min(length) - walk.rest().len();
            let all = given(&walk);
            let mut encoder = Encoder::until(&all, Some(&stop.field));
            // What was found is what was walked over.
            encoder.section(&SECTION).unwrap();
            let bytes = encoder.finish();
            assert_eq!(bytes, BYTES.get(..taken).unwrap(), "length {length}");
        }
    }

    #[test]
    fn wrong_sums_say_what_is_right() {
        let mut bytes = BYTES.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let mut walk = Walk::new(&bytes);
        walk.section(&SECTION);
        let meaning = walk.fields.last().unwrap().meaning.clone().unwrap();
        assert_eq!(meaning, "wrong: the bytes give 0x6b");
    }

    #[test]
    fn lists_are_bounded() {
        const LIST: Section = Section {
            layer: "t",
            items: &[Item::repeat(&[Item::new("n", Kind::U8)])],
        };
        let bytes = vec![0; 70_000];
        let mut walk = Walk::new(&bytes);
        walk.section(&LIST);
        assert_eq!(walk.fields.len(), usize::from(MOST_ELEMENTS));
        assert_eq!(walk.stop.unwrap().field, "t.n[256]");
    }
}
