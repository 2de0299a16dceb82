//! The walk over declarations.

use super::data::{self, Constant};
use super::resource::{self, Descriptor};
use super::{Aml, Device, Reference, Trouble, Use};
use crate::bytes;
use crate::table::Table;
use crate::table::header::LENGTH;

/// Deeper scopes are not walked: no firmware nests so deep.
const DEPTH: usize = 64;
/// Enough to know that a table is damaged.
const TROUBLES: usize = 16;
/// Elements of nested packages looked at in one object.
const ELEMENTS: usize = 65_536;

/// Scans the AML of a DSDT or SSDT.
///
/// ```
/// use acpi_tools::{aml, table::Table};
/// let table = Table { origin: "x".into(), bytes: vec![0x5b; 100] };
/// assert!(aml::scan(&table).references.is_empty());
/// ```
pub fn scan(table: &Table) -> Aml {
    let aml = table.body();
    let mut walk = Walk { aml, found: Aml::default() };
    walk.run();
    walk.found
}

/// A piece still to be walked.
struct Piece {
    at: usize,
    end: usize,
    scope: String,
    depth: usize,
    /// The device whose own objects are declared here.
    device: Option<usize>,
    /// The device this lies in, however deep.
    owner: Option<usize>,
}

struct Walk<'a> {
    aml: &'a [u8],
    found: Aml,
}

impl Walk<'_> {
    fn run(&mut self) {
        let mut pieces = vec![Piece {
            at: LENGTH,
            end: self.aml.len(),
            scope: "\\".to_owned(),
            depth: 0,
            device: None,
            owner: None,
        }];
        // Depth first, in the table's order: a piece pushes itself back
        // before the package it contains.
        while let Some(mut piece) = pieces.pop() {
            while piece.at < piece.end {
                let inner = match self.term(&mut piece) {
                    Some(inner) => inner,
                    None => {
                        self.lost(&piece);
                        break;
                    }
                };
                if let Some(inner) = inner {
                    if inner.depth > DEPTH {
                        self.trouble(inner.at, true, "nested too deep");
                        continue;
                    }
                    pieces.push(piece);
                    pieces.push(inner);
                    break;
                }
            }
        }
        self.found.references.sort_by_key(|reference| reference.at);
    }

    fn trouble(&mut self, at: usize, damaged: bool, text: &str) {
        if self.found.troubles.len() < TROUBLES {
            let text = text.to_owned();
            self.found.troubles.push(Trouble { at, text, damaged });
        }
    }

    /// A term the walk does not know: regions are searched for in the rest.
    fn lost(&mut self, piece: &Piece) {
        let known = "not a declaration; the rest of this scope is only \
            searched for PCC regions";
        self.trouble(piece.at, false, known);
        self.search(piece.at, piece.end, &piece.scope, piece.owner);
    }

    /// One term; moves `piece.at` behind it. `None`: unknown or damaged.
    fn term(&mut self, piece: &mut Piece) -> Option<Option<Piece>> {
        let (aml, at) = (self.aml, piece.at);
        match bytes::u8(aml, at)? {
            // NameOp NameString DataRefObject.
            0x08 => {
                let (name, next) = data::name(aml, at + 1)?;
                let (value, end) = data::constant(aml, next)?;
                self.inside(end, piece)?;
                piece.at = end;
                self.named(&name, &value, at, piece);
                Some(None)
            }
            // AliasOp NameString NameString.
            0x06 => {
                let (_, next) = data::name(aml, at + 1)?;
                piece.at = data::name(aml, next)?.1;
                Some(None)
            }
            // ScopeOp PkgLength NameString TermList.
            0x10 => self.scope(piece, at + 1, 0, false),
            // MethodOp PkgLength NameString flags TermList.
            0x14 => {
                let (end, content) = self.package(at + 1, piece)?;
                let (name, body) = data::name(aml, content)?;
                let path = name.within(&piece.scope);
                if name.last() == "_CRS"
                    && let Some(device) = piece.device
                {
                    self.found.devices[device].computed_crs = true;
                }
                self.search(body, end, &path, piece.owner);
                piece.at = end;
                Some(None)
            }
            // IfOp, ElseOp, WhileOp at declaration level.
            0xa0..=0xa2 => {
                let (end, content) = self.package(at + 1, piece)?;
                // iasl wraps External in If (Zero): never run.
                if aml[at] == 0xa0 && bytes::u8(aml, content) == Some(0) {
                    piece.at = end;
                    return Some(None);
                }
                let why = "declarations under a condition are only searched \
                    for PCC regions";
                self.trouble(at, false, why);
                self.search(content, end, &piece.scope, piece.owner);
                piece.at = end;
                Some(None)
            }
            // ExternalOp NameString type arguments.
            0x15 => {
                piece.at = data::name(aml, at + 1)?.1 + 2;
                Some(None)
            }
            // CreateXField source index name, CreateField with a width.
            0x8a..=0x8d | 0x8f => {
                let next = self.argument(at + 1)?;
                let next = self.argument(next)?;
                piece.at = data::name(aml, next)?.1;
                Some(None)
            }
            0x5b => self.extended(piece),
            _ => None,
        }
    }

    fn extended(&mut self, piece: &mut Piece) -> Option<Option<Piece>> {
        let (aml, at) = (self.aml, piece.at);
        match bytes::u8(aml, at + 1)? {
            // Device, Processor (id, address, length), PowerResource (level,
            // order), ThermalZone: PkgLength NameString … TermList.
            0x82 => self.scope(piece, at + 2, 0, true),
            0x83 => self.scope(piece, at + 2, 6, true),
            0x84 => self.scope(piece, at + 2, 3, false),
            0x85 => self.scope(piece, at + 2, 0, false),
            // OpRegionOp NameString space offset length.
            0x80 => {
                let (end, reference) = self.region(at, &piece.scope)?;
                let owner = piece.owner;
                self.found.references.extend(
                    reference.map(|r| Reference { device: owner, ..r }),
                );
                piece.at = end;
                Some(None)
            }
            // Field, IndexField, BankField: nothing of interest inside.
            0x81 | 0x86 | 0x87 => {
                piece.at = self.package(at + 2, piece)?.0;
                Some(None)
            }
            // Mutex NameString flags; Event NameString.
            0x01 => {
                piece.at = data::name(aml, at + 2)?.1 + 1;
                Some(None)
            }
            0x02 => {
                piece.at = data::name(aml, at + 2)?.1;
                Some(None)
            }
            // DataRegion NameString and three strings.
            0x88 => {
                let mut next = data::name(aml, at + 2)?.1;
                for _ in 0..3 {
                    next = self.argument(next)?;
                }
                piece.at = next;
                Some(None)
            }
            _ => None,
        }
    }

    /// A constant or a name where a `TermArg` stands.
    fn argument(&self, at: usize) -> Option<usize> {
        data::constant(self.aml, at).map(|(_, end)| end)
    }

    fn inside(&self, end: usize, piece: &Piece) -> Option<()> {
        (end <= piece.end).then_some(())
    }

    fn package(&mut self, at: usize, piece: &Piece) -> Option<(usize, usize)> {
        let (end, content) = data::package(self.aml, at)?;
        if end > piece.end || content > end {
            let text = format!(
                "a package ends at {end:#x}, what holds it at {:#x}",
                piece.end
            );
            self.trouble(at, true, &text);
            return None;
        }
        Some((end, content))
    }

    fn scope(
        &mut self,
        piece: &mut Piece,
        at: usize,
        skip: usize,
        device: bool,
    ) -> Option<Option<Piece>> {
        let (end, content) = self.package(at, piece)?;
        let (name, body) = data::name(self.aml, content)?;
        let scope = name.within(&piece.scope);
        let mut inner = Piece {
            at: body + skip,
            end,
            scope,
            depth: piece.depth + 1,
            device: None,
            owner: piece.owner,
        };
        if device {
            inner.device = Some(self.found.devices.len());
            inner.owner = inner.device;
            self.found.devices.push(Device {
                path: inner.scope.clone(),
                at: piece.at,
                ..Device::default()
            });
        }
        piece.at = end;
        Some(Some(inner))
    }

    /// `OperationRegion (NAME, space, offset, length)` at `at`.
    fn region(
        &self,
        at: usize,
        scope: &str,
    ) -> Option<(usize, Option<Reference>)> {
        let (name, next) = data::name(self.aml, at + 2)?;
        let space = bytes::u8(self.aml, next)?;
        // A constant, or the name of one: no string, whose end would have to
        // be looked for.
        let number = |at| match data::integer(self.aml, at) {
            Some((n, end)) => Some((Some(n), end)),
            None => data::name(self.aml, at).map(|(_, end)| (None, end)),
        };
        let (offset, next) = number(next + 1)?;
        let (length, end) = number(next)?;
        let reference = (space == 0x0a).then(|| Reference {
            path: name.within(scope),
            at,
            subspace: offset,
            usage: Use::Region { length },
            device: None,
        });
        Some((end, reference))
    }

    /// Searches code for PCC regions, byte by byte.
    fn search(
        &mut self,
        from: usize,
        to: usize,
        scope: &str,
        owner: Option<usize>,
    ) {
        for at in from..to.min(self.aml.len()) {
            if self.aml[at] == 0x5b
                && bytes::u8(self.aml, at + 1) == Some(0x80)
                && let Some((_, Some(reference))) = self.region(at, scope)
            {
                let reference = Reference { device: owner, ..reference };
                self.found.references.push(reference);
            }
        }
    }

    fn named(
        &mut self,
        name: &data::Name,
        value: &Constant,
        at: usize,
        piece: &Piece,
    ) {
        let path = name.within(&piece.scope);
        match (name.last(), value) {
            ("_HID", value) => {
                if let Some(device) = piece.device {
                    self.found.devices[device].hid = data::hid(value);
                }
            }
            ("_CRS", Constant::Buffer(from, to)) => {
                self.template(*from, *to, &path, piece.owner);
            }
            ("_CPC", Constant::Package(from, to)) => {
                for buffer in self.elements(*from, *to, at) {
                    if let Constant::Buffer(from, to) = buffer {
                        self.cpc(from, to, &path, piece.owner);
                    }
                }
            }
            ("_DSD", Constant::Package(from, to)) => {
                self.properties((*from, *to), at, &path, piece.owner);
            }
            _ => {}
        }
    }

    fn template(
        &mut self,
        from: usize,
        to: usize,
        path: &str,
        device: Option<usize>,
    ) {
        let bytes = self.aml.get(from..to).unwrap_or_default();
        let (found, damage) = resource::descriptors(bytes);
        for (offset, descriptor) in found {
            let (subspace, usage) = match descriptor {
                Descriptor::Register { subspace, .. } => {
                    (u64::from(subspace), Use::Register)
                }
                Descriptor::Channel { subspace } => (subspace, Use::Descriptor),
                Descriptor::Interrupt { gsiv } => {
                    if let Some(device) = device {
                        let place = (gsiv, from + offset);
                        self.found.devices[device].interrupts.push(place);
                    }
                    continue;
                }
            };
            let (path, at) = (path.to_owned(), from + offset);
            let subspace = Some(subspace);
            self.found.references.push(Reference {
                path,
                at,
                subspace,
                usage,
                device,
            });
        }
        if let Some(offset) = damage {
            let text = "a descriptor leads out of its template";
            self.trouble(from + offset, true, text);
        }
    }

    fn cpc(
        &mut self,
        from: usize,
        to: usize,
        path: &str,
        device: Option<usize>,
    ) {
        let bytes = self.aml.get(from..to).unwrap_or_default();
        for (offset, descriptor) in resource::descriptors(bytes).0 {
            if let Descriptor::Register {
                subspace,
                width,
                bit_offset,
                address,
            } = descriptor
            {
                self.found.references.push(Reference {
                    path: path.to_owned(),
                    at: from + offset,
                    subspace: Some(u64::from(subspace)),
                    usage: Use::Cpc { address, width, bit_offset },
                    device,
                });
            }
        }
    }

    /// All constants of a package and the packages in it, in order.
    fn elements(&mut self, from: usize, to: usize, at: usize) -> Vec<Constant> {
        let mut ends = vec![to];
        let mut next = from;
        let mut all = Vec::new();
        while let Some(end) = ends.last().copied() {
            if next >= end || all.len() >= ELEMENTS {
                ends.pop();
                continue;
            }
            let Some((value, after)) = data::constant(self.aml, next) else {
                self.trouble(next, false, "not a constant in a package");
                return all;
            };
            if after > end || ends.len() > DEPTH {
                self.trouble(at, true, "an element leads out of its package");
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
        range: (usize, usize),
        at: usize,
        path: &str,
        device: Option<usize>,
    ) {
        let all = self.elements(range.0, range.1, at);
        for pair in all.windows(2) {
            if let [Constant::Text(name), Constant::Integer(id)] = pair
                && name == "pcc-channel"
            {
                self.found.references.push(Reference {
                    path: path.to_owned(),
                    at,
                    subspace: Some(*id),
                    usage: Use::Property,
                    device,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
