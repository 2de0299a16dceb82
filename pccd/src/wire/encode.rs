//! Fields to bytes: the other way over the tables of [`super::layout`].
//!
//! Counts, lengths, padding and checksums that are not given are computed;
//! those that are given stay as they are, right or wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::error::EncodeError;
use super::layout::{Item, Kind, MOST_ELEMENTS, Place, Section, Value, chosen};
use super::text::number_be;

pub use super::overwrite::overwrite;

/// Fields given for an answer, by full name (`layer.name`, and the element
/// in brackets for fields in lists).
pub type Given = BTreeMap<String, Value>;

/// A number that is known later.
#[derive(Debug)]
struct Open {
    field: String,
    at: usize,
    size: usize,
    plus: usize,
    is_length: bool,
}

/// Writes fields into bytes.
#[derive(Debug)]
pub struct Encoder<'a> {
    given: &'a Given,
    /// Full name of the field at which to stop.
    stop: Option<&'a str>,
    stopped: bool,
    out: Vec<u8>,
    bits: u64,
    place: Place,
    /// Where the innermost scope starts.
    start: usize,
    /// Where scopes and fields start, by name.
    starts: Vec<(String, usize)>,
    open: Vec<Open>,
    /// Numbers written, by their name without a place.
    numbers: Vec<(String, u64)>,
    used: BTreeSet<String>,
    known: Vec<String>,
}

impl<'a> Encoder<'a> {
    pub fn new(given: &'a Given) -> Self {
        Self {
            given,
            stop: None,
            stopped: false,
            out: Vec::new(),
            bits: 0,
            place: Place::default(),
            start: 0,
            starts: Vec::new(),
            open: Vec::new(),
            numbers: Vec::new(),
            used: BTreeSet::new(),
            known: Vec::new(),
        }
    }

    /// Stops at a field, or after what is given of it: where the bytes of
    /// a broken message end.
    pub fn until(given: &'a Given, stop: Option<&'a str>) -> Self {
        Self { stop, ..Self::new(given) }
    }

    /// Writes one section after what was written.
    pub fn section(&mut self, section: &Section) -> Result<(), EncodeError> {
        self.items(section.layer, section.items)
    }

    /// Bytes as they are.
    pub fn append(&mut self, bytes: &[u8]) {
        self.out.extend(bytes);
    }

    /// What was written, lengths filled in.
    pub fn finish(&mut self) -> Vec<u8> {
        self.close(0);
        std::mem::take(&mut self.out)
    }

    /// How many numbers are known later.
    pub fn opened(&self) -> usize {
        self.open.len()
    }

    /// The names of all fields that had their turn.
    pub fn known(&self) -> Vec<String> {
        self.known.clone()
    }

    /// A field that was given and never had its turn.
    pub fn unused(&self) -> Option<&'a String> {
        self.given.keys().find(|field| !self.used.contains(*field))
    }

    /// A number written, the latest of its name, or else one given.
    pub fn number(&self, layer: &str, name: &str) -> Option<u64> {
        let field = format!("{layer}.{name}");
        let written = self.numbers.iter().rev().find(|(of, _)| *of == field);
        match (written, self.given.get(&field)) {
            (Some((_, number)), _) => Some(*number),
            (None, Some(Value::Number(number))) => Some(*number),
            _ => None,
        }
    }

    fn items(
        &mut self,
        layer: &str,
        items: &'static [Item],
    ) -> Result<(), EncodeError> {
        for item in items {
            if self.stopped {
                return Ok(());
            }
            match item.kind {
                Kind::Repeat(inner) => self.repeat(layer, item, inner)?,
                Kind::Scope(inner) => self.scope(layer, item, inner)?,
                Kind::Optional(inner) => {
                    if self.wants(layer, inner, self.place) {
                        self.items(layer, inner)?;
                    }
                }
                Kind::Switch { on, cases, other } => {
                    let value = self.number(layer, on);
                    self.items(layer, chosen(cases, other, value))?;
                }
                _ => self.field(layer, item)?,
            }
        }
        Ok(())
    }

    /// Whether one of these fields, or of those within them, is given or
    /// is the one to stop at.
    fn wants(&self, layer: &str, items: &[Item], place: Place) -> bool {
        items.iter().any(|item| {
            let full = format!("{layer}.{}{place}", item.name);
            let inner = format!("{full}[");
            let means = |name: &str| name == full || name.starts_with(&inner);
            let mut from_here = self.given.range(full.clone()..);
            let named = !item.name.is_empty()
                && (self.stop.is_some_and(means)
                    || from_here.next().is_some_and(|(name, _)| means(name))
                    || from_here
                        .take_while(|(name, _)| name.starts_with(&full))
                        .any(|(name, _)| means(name)));
            let mut parts = item.parts().into_iter();
            named || parts.any(|items| self.wants(layer, items, place))
        })
    }

    fn repeat(
        &mut self,
        layer: &str,
        item: &Item,
        inner: &'static [Item],
    ) -> Result<(), EncodeError> {
        let around = self.place;
        let mut count = 0;
        for index in 0..MOST_ELEMENTS {
            let place = around.element(index);
            if self.stopped || !self.wants(layer, inner, place) {
                break;
            }
            self.place = place;
            let done = self.items(layer, inner);
            self.place = around;
            done?;
            count += 1;
        }
        if count == 0 {
            self.learn(layer, inner);
        }
        if count == usize::from(MOST_ELEMENTS)
            && self.wants(layer, inner, around.element(MOST_ELEMENTS))
        {
            self.stopped = true;
        }
        self.count(layer, item, count)
    }

    /// Names of fields that could have been given.
    fn learn(&mut self, layer: &str, items: &[Item]) {
        for item in items {
            if !item.kind.is_composed() {
                let place = self.place.element(0);
                self.known.push(format!("{layer}.{}{place}", item.name));
            }
        }
    }

    fn scope(
        &mut self,
        layer: &str,
        item: &Item,
        inner: &'static [Item],
    ) -> Result<(), EncodeError> {
        let field = format!("{layer}.{}{}", item.name, self.place);
        let (outer, opened) = (self.start, self.open.len());
        self.start = self.out.len();
        self.starts.push((item.name.to_owned(), self.start));
        // The bytes as they are will do as well.
        let raw = self.given.get(&field);
        let none = raw.is_some() || item.counted.is_some();
        if !none || self.wants(layer, inner, self.place) {
            self.items(layer, inner)?;
        }
        self.known.push(field.clone());
        match raw {
            Some(Value::Bytes(bytes)) => {
                self.used.insert(field);
                self.out.extend(bytes);
            }
            Some(Value::Number(_)) => return Err(bytes_wanted(field)),
            None => {}
        }
        self.close(opened);
        let size = self.out.len().saturating_sub(self.start);
        self.start = outer;
        self.stopped |= self.is_stop(layer, item);
        self.count(layer, item, size)
    }

    /// Fills in the lengths that were opened after so many, as what they
    /// count ends here.
    pub fn close(&mut self, opened: usize) {
        let mut index = opened;
        while let Some(open) = self.open.get(index) {
            if !open.is_length {
                index += 1;
                continue;
            }
            let open = self.open.remove(index);
            let after = self.out.len().saturating_sub(open.at + open.size);
            // What its bytes cannot hold wraps: nothing longer comes from a
            // message of at most 64 KiB.
            self.fill(&open, after + open.plus);
        }
    }

    fn fill(&mut self, open: &Open, number: usize) {
        let bytes = (number as u64).to_le_bytes();
        let places = self.out.iter_mut().skip(open.at).take(open.size);
        for (place, byte) in places.zip(bytes) {
            *place = byte;
        }
    }

    /// Says how much there is of a field to the one that counts it.
    fn count(
        &mut self,
        layer: &str,
        item: &Item,
        count: usize,
    ) -> Result<(), EncodeError> {
        let Some(by) = item.counted else {
            return Ok(());
        };
        let prefix = format!("{layer}.{by}");
        let open = self.open.iter().rposition(|open| {
            !open.is_length
                && super::layout::without_place(&open.field) == prefix
        });
        let Some(open) = open.map(|index| self.open.remove(index)) else {
            return Ok(());
        };
        let most = 1_u64.checked_shl(8 * u32::try_from(open.size).unwrap_or(8));
        if most.is_some_and(|most| count as u64 >= most) {
            let room = format!("a count of {}", most.unwrap_or(0) - 1);
            return Err(EncodeError::TooLarge { field: open.field, room });
        }
        self.fill(&open, count);
        Ok(())
    }

    /// Whether the bytes end at this field.
    fn is_stop(&self, layer: &str, item: &Item) -> bool {
        let field = format!("{layer}.{}{}", item.name, self.place);
        self.stop == Some(field.as_str())
    }

    fn field(&mut self, layer: &str, item: &Item) -> Result<(), EncodeError> {
        let field = format!("{layer}.{}{}", item.name, self.place);
        if self.is_stop(layer, item) {
            self.stopped = true;
            if !self.given.contains_key(&field) {
                return Ok(());
            }
        }
        self.known.push(field.clone());
        if self.given.contains_key(&field) {
            self.used.insert(field.clone());
        }
        self.starts.push((item.name.to_owned(), self.out.len()));
        if item.is_number() {
            let number = self.number_of(&field, item)?;
            self.numbers.push((format!("{layer}.{}", item.name), number));
            return self.put(field, item, number);
        }
        let bytes = match self.given.get(&field) {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            Some(Value::Number(_)) => return Err(bytes_wanted(field)),
            None => self.bytes_of(&field, item)?,
        };
        if let Some(count) = item.kind.fixed()
            && bytes.len() != count
        {
            let room = format!("exactly {count} bytes");
            return Err(EncodeError::TooLarge { field, room });
        }
        self.out.extend(&bytes);
        self.count(layer, item, bytes.len() / item.unit())
    }

    /// The value of a field of bytes that was not given.
    fn bytes_of(
        &self,
        field: &str,
        item: &Item,
    ) -> Result<Vec<u8>, EncodeError> {
        let missing = || EncodeError::Missing { field: field.to_owned() };
        let zeros = |count: usize| vec![0; count];
        match item.kind {
            Kind::Pad(to) => {
                let size = self.out.len().saturating_sub(self.start);
                Ok(zeros(size.next_multiple_of(to.max(1)) - size))
            }
            Kind::Bytes(count) | Kind::BitSet(count)
                if item.default == Some(0) =>
            {
                Ok(zeros(count))
            }
            Kind::Rest => Ok(Vec::new()),
            _ => Err(missing()),
        }
    }

    /// The value of a field that is a number.
    fn number_of(
        &mut self,
        field: &str,
        item: &Item,
    ) -> Result<u64, EncodeError> {
        match self.given.get(field) {
            Some(Value::Number(number)) => return Ok(*number),
            Some(Value::Bytes(bytes)) => return Ok(number_be(bytes)),
            None => {
                let at = self.out.len();
                let size = item.kind.size();
                let mut open = |is_length, plus| {
                    let field = field.to_owned();
                    let open = Open { field, at, size, plus, is_length };
                    self.open.push(open);
                    Ok(0)
                };
                match item.kind {
                    Kind::Count(_) if item.default.is_none() => {
                        return open(false, 0);
                    }
                    Kind::Length { plus, .. } => return open(true, plus),
                    Kind::Sum(checksum, from) => {
                        let named = |(name, _): &&(String, usize)| name == from;
                        let first = self.starts.iter().rev().find(named);
                        let first = first.map_or(at, |(_, first)| *first);
                        let bytes = self.out.get(first..).unwrap_or(&[]);
                        return Ok(checksum.of(bytes));
                    }
                    _ => {}
                }
            }
        }
        match item.default {
            Some(default) => Ok(default),
            None => Err(EncodeError::Missing { field: field.to_owned() }),
        }
    }

    fn put(
        &mut self,
        field: String,
        item: &Item,
        number: u64,
    ) -> Result<(), EncodeError> {
        if !item.kind.fits(number) {
            let room = format!("{} bits", item.width());
            return Err(EncodeError::TooLarge { field, room });
        }
        if let Kind::Bits { shift, .. } = item.kind {
            self.bits |= number << shift;
            if shift == 0 {
                self.out.extend(self.bits.to_le_bytes().first());
                self.bits = 0;
            }
            return Ok(());
        }
        let bytes = number.to_le_bytes();
        let low = bytes.iter().take(item.kind.size()).copied();
        match item.kind.is_big_endian() {
            true => self.out.extend(low.rev()),
            false => self.out.extend(low),
        }
        Ok(())
    }
}

fn bytes_wanted(field: String) -> EncodeError {
    EncodeError::TooLarge { field, room: "bytes in hex".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_must_fit() {
        const ITEMS: &[Item] = &[
            Item::bits("b", 3, 0),
            Item::new("n", Kind::Count(1)),
            Item::new("list", Kind::Rest).counted("n"),
        ];
        let section = Section { layer: "t", items: ITEMS };
        let tried = |field: &str, value: Value| {
            let mut given = Given::from([("t.b".to_owned(), Value::Number(1))]);
            given.insert(field.to_owned(), value);
            Encoder::new(&given).section(&section).map_err(|e| e.to_string())
        };
        assert_eq!(
            tried("t.b", Value::Number(16)).unwrap_err(),
            "field `t.b` has room for 4 bits"
        );
        assert_eq!(
            tried("t.list", Value::Bytes(vec![0; 256])).unwrap_err(),
            "field `t.n` has room for a count of 255"
        );
        assert_eq!(
            tried("t.list", Value::Number(1)).unwrap_err(),
            "field `t.list` has room for bytes in hex"
        );
        assert_eq!(tried("t.list", Value::Bytes(vec![0; 255])), Ok(()));
        let error = Encoder::new(&Given::new()).section(&section).unwrap_err();
        assert_eq!(error.to_string(), "field `t.b` has no value");
    }

    #[test]
    fn what_is_given_stays_wrong() {
        const ITEMS: &[Item] = &[
            Item::new("n", Kind::Count(1)),
            Item::new("list", Kind::Rest).counted("n"),
        ];
        let given = Given::from([
            ("t.n".to_owned(), Value::Number(7)),
            ("t.list".to_owned(), Value::Bytes(vec![1])),
            ("t.other".to_owned(), Value::Number(1)),
        ]);
        let mut encoder = Encoder::new(&given);
        encoder.section(&Section { layer: "t", items: ITEMS }).unwrap();
        assert_eq!(encoder.unused().unwrap(), "t.other");
        assert_eq!(encoder.known(), ["t.n", "t.list"]);
        assert_eq!(encoder.finish(), [7, 1]);
    }
}
