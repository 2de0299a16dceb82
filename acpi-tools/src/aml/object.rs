//! Objects that name subspaces: `_CPC`, `_CRS`, `_DSD` and regions, read when
//! the names of all tables are known.

use super::data::{self, Constant, Name};
use super::found::{Aml, Cpc, Element, Reference, Unread, Use, WrongLength};
use super::names::Names;
use super::resolve::{Resolver, Source, Value, Values};
use super::resource::{self, Descriptor};

/// Elements of a `_CPC`: its number of entries is a byte in practice.
const ENTRIES: usize = 256;
/// Elements of nested packages looked at in one object.
const ELEMENTS: usize = 65_536;
/// Elements read through names, in all: 2600 processors that share one
/// package. Without it a short hostile table would mean much.
const SHARED: usize = 1 << 16;

/// An operand of a region.
#[derive(Debug, Clone)]
pub enum Number {
    /// A constant.
    Known(u64),
    /// The name of something.
    Named(Name),
    /// Another expression.
    Computed,
}

impl Number {
    /// A constant or a name, and where it ends.
    pub fn constant(aml: &[u8], at: usize) -> Option<(Number, usize)> {
        match data::integer(aml, at) {
            Some((n, end)) => Some((Number::Known(n), end)),
            None => {
                let (name, end) = data::name(aml, at)?;
                Some((Number::Named(name), end))
            }
        }
    }

    /// What stands between two offsets.
    pub fn at(aml: &[u8], from: usize, to: usize) -> Number {
        match Number::constant(aml, from) {
            Some((number, end)) if end == to => number,
            _ => Number::Computed,
        }
    }
}

/// What an object is.
#[derive(Debug, Clone)]
pub enum What {
    /// `_CPC`.
    Cpc(Source),
    /// `_CRS`.
    Crs(Source),
    /// `_DSD`.
    Dsd(Source),
    /// A region in PCC space: subspace and length.
    Region(Number, Number),
}

/// An object to be read.
#[derive(Debug, Clone)]
pub struct Object {
    /// What it is.
    pub what: What,
    /// Its path.
    pub path: String,
    /// Where names in it start from.
    pub scope: String,
    /// Offset in its table.
    pub at: usize,
    /// The device it is in.
    pub owner: Option<usize>,
}

/// Reads the objects of all tables.
pub fn read_all(
    bodies: &[&[u8]],
    names: &Names,
    walked: Vec<(Aml, Vec<Object>)>,
) -> Vec<Aml> {
    let resolver = Resolver::new(bodies, names);
    let (left, found) = (SHARED, Aml::default());
    let seen = Vec::new();
    let mut read = Reader { bodies, resolver, table: 0, left, seen, found };
    let mut all = Vec::with_capacity(walked.len());
    for (table, (found, objects)) in walked.into_iter().enumerate() {
        read.table = table;
        read.found = found;
        for object in &objects {
            read.object(object);
        }
        let mut found = std::mem::take(&mut read.found);
        found.references.sort_by_key(|reference| reference.at);
        all.push(found);
    }
    forget_harmless(bodies, read.seen, &mut all);
    all
}

/// A `_CRS` that needs running matters only if some PCC descriptor stands
/// where nothing was read.
fn forget_harmless(
    bodies: &[&[u8]],
    mut seen: Vec<(usize, usize)>,
    all: &mut [Aml],
) {
    seen.sort_unstable();
    let strays = bodies.iter().enumerate().any(|(table, body)| {
        let known = |at: &usize| seen.binary_search(&(table, *at)).is_ok();
        resource::places(body).any(|at| !known(&at))
    });
    if !strays {
        for aml in all {
            aml.unread.retain(|unread| !unread.path.ends_with("_CRS"));
        }
    }
}

struct Reader<'a> {
    bodies: &'a [&'a [u8]],
    resolver: Resolver<'a>,
    /// The table whose objects are read.
    table: usize,
    /// Elements that may still be read through names.
    left: usize,
    /// Tables and offsets of the PCC descriptors that were read.
    seen: Vec<(usize, usize)>,
    found: Aml,
}

impl Reader<'_> {
    fn object(&mut self, object: &Object) {
        match &object.what {
            What::Region(subspace, length) => {
                self.region(object, subspace, length);
            }
            What::Cpc(source) => {
                let values = self.values(source, object);
                let mut open = values.open;
                for value in &values.all {
                    match value.constant {
                        Constant::Package(from, to) => {
                            self.cpc(object, value, (from, to), &mut open);
                        }
                        _ => open = Some("it returns no package"),
                    }
                }
                self.unread(object, open);
            }
            What::Crs(source) => self.crs(object, source),
            What::Dsd(source) => {
                for value in self.values(source, object).all {
                    if let Constant::Package(from, to) = value.constant {
                        self.properties(object, &value, (from, to));
                    }
                }
            }
        }
    }

    fn crs(&mut self, object: &Object, source: &Source) {
        let values = self.values(source, object);
        let mut open = values.open;
        for value in &values.all {
            match value.constant {
                Constant::Buffer(from, to) => {
                    self.template(object, value, (from, to), false);
                }
                _ => open = Some("it returns no buffer"),
            }
        }
        if open.is_none()
            && values.all.len() == 1
            && let Some(device) = object.owner
        {
            self.found.devices[device].computed_crs = false;
        }
        self.unread(object, open);
    }

    fn unread(&mut self, object: &Object, why: Option<&'static str>) {
        if let Some(why) = why {
            let (path, at) = (object.path.clone(), object.at);
            self.found.unread.push(Unread { path, at, why });
        }
    }

    fn values(&mut self, source: &Source, object: &Object) -> Values {
        self.resolver.values(source, self.table, &object.scope)
    }

    /// What is shared is paid for.
    fn pay(&mut self, shared: bool, elements: usize) -> bool {
        let enough = !shared || self.left >= elements;
        if shared && enough {
            self.left -= elements;
        }
        enough
    }

    fn number(&mut self, number: &Number, object: &Object) -> Option<u64> {
        match number {
            Number::Known(n) => Some(*n),
            Number::Computed => None,
            Number::Named(name) => {
                let source = Source::Value(Constant::Name(name.clone()));
                match self.values(&source, object).one()?.constant {
                    Constant::Integer(n) => Some(n),
                    _ => None,
                }
            }
        }
    }

    fn region(&mut self, object: &Object, subspace: &Number, length: &Number) {
        let subspace = self.number(subspace, object);
        let length = self.number(length, object);
        if subspace.is_none() {
            self.unread(object, Some("its subspace is computed"));
        }
        let place = (object.at, self.table);
        self.refer(object, place, subspace, Use::Region { length });
    }

    /// An offset in the object's table: its own, if the thing stands in
    /// another one.
    fn place(&self, object: &Object, at: usize, table: usize) -> usize {
        if table == self.table { at } else { object.at }
    }

    fn refer(
        &mut self,
        object: &Object,
        (at, table): (usize, usize),
        subspace: Option<u64>,
        usage: Use,
    ) {
        let at = self.place(object, at, table);
        let (path, device) = (object.path.clone(), object.owner);
        let found = Reference { path, at, subspace, usage, device };
        self.found.references.push(found);
    }

    /// The descriptors of a template.
    fn template(
        &mut self,
        object: &Object,
        value: &Value,
        (from, to): (usize, usize),
        in_cpc: bool,
    ) {
        let bytes = self.bodies[value.table].get(from..to).unwrap_or_default();
        // The one register of a _CPC entry is paid for as an element.
        let more = bytes.len().saturating_sub(20) / 8;
        if !self.pay(value.shared, more) {
            return self.unread(object, Some("too much of it is shared"));
        }
        let (found, damage) = resource::descriptors(bytes);
        for (offset, descriptor) in found {
            let at = from + offset;
            self.descriptor(object, (at, value.table), descriptor, in_cpc);
        }
        if let Some(offset) = damage.filter(|_| !in_cpc) {
            let text = "a descriptor leads out of its template";
            let at = self.place(object, from + offset, value.table);
            self.found.trouble(at, true, text);
        }
    }

    fn descriptor(
        &mut self,
        object: &Object,
        place: (usize, usize),
        descriptor: Descriptor,
        in_cpc: bool,
    ) {
        let (at, table) = place;
        if matches!(
            descriptor,
            Descriptor::Register { .. } | Descriptor::Channel { .. }
        ) {
            self.seen.push((table, at));
        }
        match descriptor {
            Descriptor::Register { subspace, width, bit_offset, address } => {
                let usage = match in_cpc {
                    true => Use::Cpc { address, width, bit_offset },
                    false => Use::Register,
                };
                self.refer(object, place, Some(u64::from(subspace)), usage);
            }
            Descriptor::Channel { subspace } => {
                self.refer(object, place, Some(subspace), Use::Descriptor);
            }
            Descriptor::Length { length, pcc } => {
                let at = self.place(object, place.0, place.1);
                let path = object.path.clone();
                let wrong = WrongLength { path, at, length, in_cpc, pcc };
                self.found.lengths.push(wrong);
            }
            Descriptor::Interrupt { gsiv } => {
                let at = self.place(object, place.0, place.1);
                if let Some(device) = object.owner {
                    let device = &mut self.found.devices[device];
                    device.interrupts.push((gsiv, at));
                }
            }
        }
    }

    fn cpc(
        &mut self,
        object: &Object,
        value: &Value,
        (from, to): (usize, usize),
        open: &mut Option<&'static str>,
    ) {
        let aml = self.bodies[value.table];
        let mut elements = Vec::new();
        let mut at = from;
        while at < to && elements.len() < ENTRIES {
            let Some((constant, end)) = data::constant(aml, at) else {
                let text = "not a constant in a package";
                let at = self.place(object, at, value.table);
                self.found.trouble(at, false, text);
                self.found.hidden = true;
                return;
            };
            if end > to {
                let text = "an element leads out of its package";
                let at = self.place(object, at, value.table);
                self.found.trouble(at, true, text);
                return;
            }
            if !self.pay(value.shared, 1) {
                *open = Some("too much of it is shared");
                return;
            }
            let element = (&constant, at);
            elements.push(self.element(object, value, element, open));
            at = end;
        }
        let (path, at) = (object.path.clone(), object.at);
        self.found.cpcs.push(Cpc { path, at, elements });
    }

    /// One element of a `_CPC`; ACPICA puts what a name stands for in its
    /// place.
    fn element(
        &mut self,
        object: &Object,
        package: &Value,
        (constant, at): (&Constant, usize),
        open: &mut Option<&'static str>,
    ) -> Element {
        let (table, shared) = (package.table, package.shared);
        let place = (constant, table, shared);
        let values = self.resolver.value(place, &package.scope);
        let why = values.open;
        let Some(value) = values.one() else {
            *open = why.or(Some("it needs running"));
            return Element::Unknown;
        };
        match value.constant {
            Constant::Integer(n) => Element::Integer(n),
            Constant::Buffer(from, to) => {
                self.template(object, &value, (from, to), true);
                let aml = self.bodies[value.table];
                let bytes = aml.get(from..to).unwrap_or_default();
                match resource::register(bytes) {
                    Some(gas) => {
                        let own = value.table == self.table;
                        Element::Register(if own { from } else { at }, gas)
                    }
                    None => Element::Other("a buffer without a register"),
                }
            }
            Constant::Package(from, to) => {
                self.inside(object, &value, (from, to));
                Element::Package
            }
            Constant::Text(_) => Element::Other("a string"),
            Constant::Name(_) | Constant::Computed => Element::Unknown,
        }
    }

    /// Registers in a package in a `_CPC`.
    fn inside(
        &mut self,
        object: &Object,
        value: &Value,
        range: (usize, usize),
    ) {
        for constant in self.elements(value.table, range, object.at) {
            if let Constant::Buffer(from, to) = constant {
                self.template(object, value, (from, to), true);
            }
        }
    }

    /// All constants of a package and the packages in it, in order.
    fn elements(
        &mut self,
        table: usize,
        (from, to): (usize, usize),
        at: usize,
    ) -> Vec<Constant> {
        const NESTED: usize = 64;
        let mut ends = vec![to];
        let mut next = from;
        let mut all = Vec::new();
        while let Some(end) = ends.last().copied() {
            if next >= end || all.len() >= ELEMENTS {
                ends.pop();
                continue;
            }
            let constant = data::constant(self.bodies[table], next);
            let Some((value, after)) = constant else {
                let text = "not a constant in a package";
                self.found.trouble(at, false, text);
                return all;
            };
            if after > end || ends.len() > NESTED {
                let text = "an element leads out of its package";
                self.found.trouble(at, true, text);
                return all;
            }
            next = after;
            if let Constant::Package(from, to) = value {
                next = from;
                ends.push(to);
            }
            all.push(value);
        }
        all
    }

    fn properties(
        &mut self,
        object: &Object,
        value: &Value,
        range: (usize, usize),
    ) {
        if !self.pay(value.shared, range.1 - range.0) {
            return self.unread(object, Some("too much of it is shared"));
        }
        let all = self.elements(value.table, range, object.at);
        for pair in all.windows(2) {
            let [Constant::Text(name), id] = pair else { continue };
            if name != "pcc-channel" {
                continue;
            }
            let id = match id {
                Constant::Integer(n) => Number::Known(*n),
                Constant::Name(name) => Number::Named(name.clone()),
                _ => continue,
            };
            let id = self.number(&id, object);
            if id.is_none() {
                self.unread(object, Some("its subspace is computed"));
            }
            let place = (object.at, self.table);
            self.refer(object, place, id, Use::Property);
        }
    }
}
