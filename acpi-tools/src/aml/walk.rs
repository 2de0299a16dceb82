//! The walk over declarations.

use super::code::Code;
use super::data::{self, Constant};
use super::found::{Aml, Device, Fields};
use super::names::{Body, Entry, Names};
use super::object::{self, Number, Object, What};
use super::resolve::Source;
use crate::bytes;
use crate::table::Table;
use crate::table::header::LENGTH;

/// Deeper scopes are not walked: no firmware nests so deep.
const DEPTH: usize = 64;

/// Scans the AML of a DSDT or SSDT.
///
/// ```
/// use acpi_tools::{aml, table::Table};
/// let table = Table { origin: "x".into(), bytes: vec![0x5b; 100] };
/// assert!(aml::scan(&table).references.is_empty());
/// ```
pub fn scan(table: &Table) -> Aml {
    scan_all(&[table]).pop().unwrap_or_default()
}

/// Scans all tables of a platform: names in one may stand for objects in
/// another.
pub fn scan_all(tables: &[&Table]) -> Vec<Aml> {
    let mut names = Names::default();
    let mut walked = Vec::with_capacity(tables.len());
    for (index, table) in tables.iter().enumerate() {
        let (found, objects) = (Aml::default(), Vec::new());
        let aml = table.body();
        let mut walk = Walk { aml, index, names: &mut names, found, objects };
        walk.run();
        walked.push((walk.found, walk.objects));
    }
    let bodies: Vec<_> = tables.iter().map(|table| table.body()).collect();
    object::read_all(&bodies, &names, walked)
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

struct Walk<'a, 'n> {
    aml: &'a [u8],
    /// Which table this is.
    index: usize,
    names: &'n mut Names,
    found: Aml,
    /// What is read when all names are known.
    objects: Vec<Object>,
}

impl Walk<'_, '_> {
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
    }

    fn trouble(&mut self, at: usize, damaged: bool, text: &str) {
        self.found.trouble(at, damaged, text);
    }

    /// A term the walk does not know: regions are searched for in the rest.
    fn lost(&mut self, piece: &Piece) {
        let known = "not a declaration; the rest of this scope is only \
            searched for PCC regions";
        self.trouble(piece.at, false, known);
        self.hidden(piece.at, piece.end);
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
                self.named(&name, value, at, piece);
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
                self.method(&name, (body, end), at, piece);
                piece.at = end;
                Some(None)
            }
            // IfOp, ElseOp, WhileOp at declaration level.
            0xa0..=0xa2 => self.condition(piece),
            // ExternalOp NameString type arguments.
            0x15 => {
                let (name, end) = data::name(aml, at + 1)?;
                if let Some(count @ 1..=7) = bytes::u8(aml, end + 1) {
                    let path = name.within(&piece.scope);
                    let entry = Entry::External(usize::from(count));
                    self.names.add(path, entry);
                }
                piece.at = end + 2;
                Some(None)
            }
            // CreateXField source index name, CreateField with a width.
            0x8a..=0x8d | 0x8f => {
                piece.at = self.code(piece).create_field(at)?;
                Some(None)
            }
            // Continue, Noop, Break, BreakPoint; Return. What is declared
            // behind them is read all the same.
            0x9f | 0xa3 | 0xa5 | 0xcc => {
                piece.at = at + 1;
                Some(None)
            }
            0xa4 => {
                piece.at = self.skip(at + 1, piece)?;
                Some(None)
            }
            0x5b => self.extended(piece),
            // Code that declares nothing.
            _ => {
                let end = self.skip(at, piece)?;
                self.inside(end, piece)?;
                piece.at = end;
                Some(None)
            }
        }
    }

    /// What stands under a condition is read as if it were true: firmware
    /// decides so about processors that are there or not.
    fn condition(&mut self, piece: &mut Piece) -> Option<Option<Piece>> {
        let (aml, at) = (self.aml, piece.at);
        let (end, content) = self.package(at + 1, piece)?;
        // iasl wraps External in If (Zero): never run.
        if aml[at] == 0xa0 && bytes::u8(aml, content) == Some(0) {
            piece.at = end;
            return Some(None);
        }
        let inside = match aml[at] {
            0xa1 => Some(content),
            _ => self.skip(content, piece).filter(|inside| *inside <= end),
        };
        piece.at = end;
        let Some(inside) = inside else {
            let why = "declarations under a condition that cannot be read \
                are only searched for PCC regions";
            self.trouble(at, false, why);
            self.hidden(content, end);
            self.search(content, end, &piece.scope, piece.owner);
            return Some(None);
        };
        Some(Some(Piece {
            at: inside,
            end,
            scope: piece.scope.clone(),
            depth: piece.depth + 1,
            device: piece.device,
            owner: piece.owner,
        }))
    }

    fn code<'c>(&'c self, piece: &'c Piece) -> Code<'c> {
        let (names, scope) = (&*self.names, &*piece.scope);
        Code { aml: self.aml, names, scope }
    }

    /// Behind an expression.
    fn skip(&self, at: usize, piece: &Piece) -> Option<usize> {
        self.code(piece).skip(at)
    }

    /// Something that was not read may name subspaces.
    fn hidden(&mut self, from: usize, to: usize) {
        const WORDS: [&[u8]; 3] = [b"_CPC", b"_CRS", b"pcc-channel"];
        let rest = self.aml.get(from..to.min(self.aml.len()));
        let rest = rest.unwrap_or_default();
        self.found.hidden |= WORDS
            .iter()
            .any(|word| rest.windows(word.len()).any(|piece| piece == *word));
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
                piece.at = self.declared_region(piece)?;
                Some(None)
            }
            // FieldOp PkgLength NameString flags FieldList.
            0x81 => {
                let (end, content) = self.package(at + 2, piece)?;
                if let Some((name, flags)) = data::name(aml, content)
                    && let Some(begins) = data::fields(aml, flags + 1, end)
                {
                    let region = name.within(&piece.scope);
                    self.found.fields.push(Fields { region, at, begins });
                }
                piece.at = end;
                Some(None)
            }
            // IndexField, BankField: nothing of interest inside.
            0x86 | 0x87 => {
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
                    next = self.skip(next, piece)?;
                }
                piece.at = next;
                Some(None)
            }
            // CreateField.
            0x13 => {
                piece.at = self.code(piece).create_field(at)?;
                Some(None)
            }
            _ => {
                piece.at = self.skip(at, piece)?;
                Some(None)
            }
        }
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

    /// `OperationRegion (NAME, space, offset, length)` where declarations
    /// stand: address and length may be any expression.
    fn declared_region(&mut self, piece: &Piece) -> Option<usize> {
        let at = piece.at;
        let (name, next) = data::name(self.aml, at + 2)?;
        let space = bytes::u8(self.aml, next)?;
        let number = |from: usize| {
            let end = self.skip(from, piece)?;
            Some((Number::at(self.aml, from, end), end))
        };
        let (offset, next) = number(next + 1)?;
        let (length, end) = number(next)?;
        self.inside(end, piece)?;
        if space == 0x0a {
            let path = name.within(&piece.scope);
            let scope = piece.scope.clone();
            self.region(path, scope, at, (offset, length), piece.owner);
        }
        Some(end)
    }

    fn region(
        &mut self,
        path: String,
        scope: String,
        at: usize,
        (offset, length): (Number, Number),
        owner: Option<usize>,
    ) {
        let what = What::Region(offset, length);
        self.objects.push(Object { what, path, scope, at, owner });
    }

    /// Searches code for PCC regions, byte by byte: address and length are
    /// constants or names, no strings, whose end would have to be looked for.
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
                && let Some((name, numbers)) = self.region_in_code(at)
            {
                let path = name.within(scope);
                self.region(path, scope.to_owned(), at, numbers, owner);
            }
        }
    }

    fn region_in_code(
        &self,
        at: usize,
    ) -> Option<(data::Name, (Number, Number))> {
        let (name, next) = data::name(self.aml, at + 2)?;
        if bytes::u8(self.aml, next)? != 0x0a {
            return None;
        }
        let (offset, next) = Number::constant(self.aml, next + 1)?;
        let (length, _) = Number::constant(self.aml, next)?;
        Some((name, (offset, length)))
    }

    /// A method: kept for whoever names it, read later if it is an object
    /// that names subspaces.
    fn method(
        &mut self,
        name: &data::Name,
        (flags, to): (usize, usize),
        at: usize,
        piece: &Piece,
    ) {
        let path = name.within(&piece.scope);
        let arguments = bytes::u8(self.aml, flags).unwrap_or(0) & 7;
        let (table, from) = (self.index, flags + 1);
        let arguments = usize::from(arguments);
        let body = Body { table, from, to, arguments };
        let source = Source::Code(body);
        let what = match name.last() {
            "_CPC" => Some(What::Cpc(source)),
            "_CRS" => Some(What::Crs(source)),
            _ => None,
        };
        if name.last() == "_CRS"
            && let Some(device) = piece.device
        {
            self.found.devices[device].computed_crs = true;
        }
        if let Some(what) = what {
            let (path, owner) = (path.clone(), piece.owner);
            let scope = path.clone();
            self.objects.push(Object { what, path, scope, at, owner });
        }
        self.search(from, to, &path, piece.owner);
        self.names.add(path.clone(), Entry::Method(body, path));
    }

    fn named(
        &mut self,
        name: &data::Name,
        value: Constant,
        at: usize,
        piece: &Piece,
    ) {
        let path = name.within(&piece.scope);
        let scope = piece.scope.clone();
        let source = || Source::Value(value.clone());
        let what = match name.last() {
            "_HID" => {
                if let Some(device) = piece.device {
                    self.found.devices[device].hid = data::hid(&value);
                }
                None
            }
            "_CRS" => Some(What::Crs(source())),
            "_CPC" => Some(What::Cpc(source())),
            "_DSD" => Some(What::Dsd(source())),
            _ => None,
        };
        if let Some(what) = what {
            let (path, scope) = (path.clone(), scope.clone());
            let owner = piece.owner;
            self.objects.push(Object { what, path, scope, at, owner });
        }
        if !matches!(value, Constant::Text(_) | Constant::Computed) {
            self.names.add(path, Entry::Value(self.index, value, scope));
        }
    }
}

#[cfg(test)]
mod tests;
