//! Tables, field by field.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Style, at_blanks};
use crate::bytes;
use crate::field::{Field, Kind, REGISTER};
use crate::platform::Facts;
use crate::table::header::FIELDS;
use crate::table::layout::TABLE;
use crate::table::{Channel, Form, Pcct, Table, users};

/// A field with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The field's name.
    pub name: &'static str,
    /// Offset in the table.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// The bytes as a number; none for texts, registers and long fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    /// The value in words.
    pub text: String,
    /// What the field is for.
    pub meaning: &'static str,
    /// Which other fields name the same register.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same_register: Vec<String>,
    /// The parts of a register.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Value>,
}

/// Fields that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What they are.
    pub title: String,
    /// The fields.
    pub fields: Vec<Value>,
    /// What was said but is no field of a fixed layout.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One table or other source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Signature, or "device tree".
    pub table: String,
    /// Where it came from.
    pub origin: String,
    /// Its parts.
    pub sections: Vec<Section>,
}

fn value(field: &Field, structure: &[u8], base: usize) -> Option<Value> {
    let raw = field.bytes(structure)?;
    let number = !matches!(field.kind, Kind::Text(_) | Kind::Register);
    let parts = match field.kind {
        Kind::Register => REGISTER
            .iter()
            .filter_map(|part| value(part, raw, base + field.offset))
            .collect(),
        _ => Vec::new(),
    };
    Some(Value {
        name: field.name,
        offset: base + field.offset,
        length: raw.len(),
        value: (number && raw.len() <= 8).then(|| bytes::number(raw)),
        text: field.text(structure)?,
        meaning: field.meaning,
        same_register: Vec::new(),
        parts,
    })
}

fn values(fields: &[Field], structure: &[u8], base: usize) -> Vec<Value> {
    fields.iter().filter_map(|field| value(field, structure, base)).collect()
}

/// Everything about PCC: the PCCT, AML, the device tree. `others` adds the
/// headers of all other tables.
pub fn sources(facts: &Facts, others: bool) -> Vec<Source> {
    let mut all = Vec::new();
    if let Some((table, pcct)) = &facts.pcct {
        all.push(show_pcct(table, pcct));
    }
    let behind = |table: &&Table| {
        users::parts(table).is_some() && !users::subspaces(table).is_empty()
    };
    let tables = &facts.platform.tables;
    all.extend(tables.iter().filter(behind).filter_map(show_parts));
    for (table, aml) in &facts.aml {
        let notes = show_aml(facts, aml);
        if !notes.is_empty() {
            all.push(noted(table, "what names a subspace", notes));
        }
    }
    if let Some((blob, Ok(tree))) = &facts.tree {
        let mut source = noted(blob, "nodes of PCC", show_tree(tree));
        source.table = "device tree".to_owned();
        if !source.sections[0].notes.is_empty() {
            all.push(source);
        }
    }
    if others {
        let shown = |t: &&Table| t.bytes.starts_with(b"PCCT") || behind(t);
        for table in tables.iter().filter(|t| !shown(t)) {
            let title = match table.form() {
                Form::Common => "header",
                Form::Facs | Form::Rsdp => "fields",
            };
            let title = title.to_owned();
            let fields = values(table.form().fields(), table.body(), 0);
            let section = Section { title, fields, notes: Vec::new() };
            all.push(Source {
                table: table.signature(),
                origin: table.origin.clone(),
                sections: vec![section],
            });
        }
    }
    all
}

fn noted(table: &Table, title: &str, notes: Vec<String>) -> Source {
    let title = title.to_owned();
    Source {
        table: table.signature(),
        origin: table.origin.clone(),
        sections: vec![Section { title, fields: Vec::new(), notes }],
    }
}

fn show_pcct(table: &Table, pcct: &Pcct) -> Source {
    let mut header = values(FIELDS, pcct.bytes, 0);
    header.extend(values(TABLE, pcct.bytes, 0));
    let mut sections = vec![Section {
        title: format!("header, {} bytes", table.bytes.len()),
        fields: header,
        notes: Vec::new(),
    }];
    let users = register_users(pcct);
    for channel in &pcct.channels {
        sections.push(show_channel(channel, &users));
    }
    if pcct.more > 0 {
        sections.push(Section {
            title: format!("{} more subspaces, which have no id", pcct.more),
            fields: Vec::new(),
            notes: Vec::new(),
        });
    }
    if let Some(stop) = pcct.stop {
        sections.push(Section {
            title: "the walk stopped here".to_owned(),
            fields: Vec::new(),
            notes: vec![stop.to_string()],
        });
    }
    Source { table: table.signature(), origin: table.origin.clone(), sections }
}

/// A table of parts, some of them behind PCC.
fn show_parts(table: &Table) -> Option<Source> {
    let (parts, stop) = users::parts(table)?;
    let mut sections = vec![Section {
        title: format!("header, {} bytes", table.bytes.len()),
        fields: values(FIELDS, table.body(), 0),
        notes: Vec::new(),
    }];
    sections.extend(parts.into_iter().map(|part| Section {
        fields: values(part.fields, part.bytes, part.at),
        title: part.title,
        notes: Vec::new(),
    }));
    sections.extend(stop.map(|stop| Section {
        title: "the walk stopped here".to_owned(),
        fields: Vec::new(),
        notes: vec![stop.text],
    }));
    let origin = table.origin.clone();
    Some(Source { table: table.signature(), origin, sections })
}

type Users = std::collections::HashMap<(u8, u64), Vec<(usize, &'static str)>>;

/// Who uses which register, by address space and address.
fn register_users(pcct: &Pcct) -> Users {
    let mut users = Users::new();
    for channel in &pcct.channels {
        for register in channel.registers() {
            let place = (register.gas.space, register.gas.address);
            users.entry(place).or_default().push((channel.id, register.name));
        }
    }
    users
}

/// So many users of one register are named, the rest is counted.
const SHARED: usize = 8;

fn show_channel(channel: &Channel, users: &Users) -> Section {
    let name = channel.layout.map_or("reserved type", |layout| layout.name);
    let fields = channel.layout.map_or(&[][..], |layout| layout.fields);
    let mut fields = values(fields, channel.bytes, channel.at);
    for register in channel.registers() {
        let place = (register.gas.space, register.gas.address);
        let others = users.get(&place).into_iter().flatten();
        let mut others =
            others.filter(|user| **user != (channel.id, register.name));
        // A hostile table may use one register in all places.
        let few = others.by_ref().take(SHARED);
        let text = |(id, name): &(usize, &str)| match *id == channel.id {
            true => (*name).to_owned(),
            false => format!("{name} of subspace {id}"),
        };
        let mut few: Vec<_> = few.map(text).collect();
        match others.count() {
            0 => {}
            more => few.push(format!("{more} more")),
        }
        let others = few;
        let field = fields.iter_mut().find(|f| f.name == register.name);
        if let Some(field) = field {
            field.same_register = others;
        }
    }
    let known = channel.layout.map_or(0, |layout| layout.length);
    let mut notes = Vec::new();
    if channel.bytes.len() > known && known > 0 {
        let rest = hex::encode(&channel.bytes[known..]);
        notes.push(format!("{:#06x}  vendor: {rest}", channel.at + known));
    }
    Section {
        title: format!(
            "subspace {}: type {}, {name}, {} bytes at {:#x}",
            channel.id,
            channel.kind,
            channel.bytes.len(),
            channel.at
        ),
        fields,
        notes,
    }
}

fn show_aml(facts: &Facts, aml: &crate::aml::Aml) -> Vec<String> {
    let pcct = facts.pcct.as_ref().map(|(_, pcct)| pcct);
    let mut notes = Vec::new();
    for reference in &aml.references {
        let channel = reference.subspace.map(|id| {
            let channel = usize::try_from(id).ok();
            let channel = channel.and_then(|id| pcct?.channel(id));
            match channel {
                Some(channel) => channel.title(),
                None => format!("subspace {id}, which does not exist"),
            }
        });
        let channel = channel.unwrap_or("a computed subspace".to_owned());
        let hid = aml.device_of(reference).and_then(|d| d.hid.as_deref());
        let hid = hid.map_or(String::new(), |hid| format!(" ({hid})"));
        notes.push(format!(
            "{:#06x}  {}{hid}: {}: {channel}",
            reference.at,
            reference.path,
            reference.usage.text()
        ));
    }
    notes
}

fn show_tree(tree: &crate::tree::Tree) -> Vec<String> {
    let mut notes = Vec::new();
    for node in tree.controller().into_iter().chain(tree.channels()) {
        let mut note = format!("{}  compatible", node.path);
        for word in &node.compatible {
            let _ = write!(note, " {word}");
        }
        for (base, length) in &node.reg {
            let last = base.saturating_add(length.max(&1) - 1);
            let _ = write!(note, ", window {base:#x}..{last:#x}");
        }
        for interrupt in node.interrupts() {
            let _ = write!(note, ", interrupt {interrupt}");
        }
        if let (Some(id), Some(kind)) = (node.subspace_id, node.subspace_type) {
            let _ = write!(note, ", subspace {id} of type {kind}");
        }
        notes.push(note);
    }
    notes
}

/// As columns: offset, name, value, what it is for.
pub fn text(sources: &[Source], style: Style) -> String {
    let mut out = String::new();
    for source in sources {
        let title = format!("{} ({})", source.table, source.origin);
        let _ = writeln!(out, "{}", style.bold(&title));
        for section in &source.sections {
            let _ = writeln!(out, "\n  {}", style.bold(&section.title));
            for field in &section.fields {
                let note = match field.same_register.is_empty() {
                    true => field.meaning.to_owned(),
                    false => {
                        format!("same as {}", field.same_register.join(", "))
                    }
                };
                out += &columns(field, &note, style);
            }
            for note in &section.notes {
                let _ = writeln!(out, "  {note}");
            }
        }
        out.push('\n');
    }
    out
}

/// A field; what is too long for its column goes on below.
fn columns(field: &Value, note: &str, style: Style) -> String {
    const FIRST: usize = 29;
    let width = style.width.unwrap_or(usize::MAX).max(FIRST + 31);
    let value = 44.min((width - FIRST) / 2);
    let meaning = width - FIRST - value - 1;
    let longest = if style.width.is_some() { value } else { usize::MAX };
    let mut left = textwrap::wrap(&field.text, at_blanks(longest)).into_iter();
    let mut right = textwrap::wrap(note, at_blanks(meaning)).into_iter();
    let mut out = format!("  {:#06x}  {:<18} ", field.offset, field.name);
    let mut indent = 0;
    loop {
        let (l, r) = (left.next(), right.next());
        if indent > 0 && l.is_none() && r.is_none() {
            return out;
        }
        let (l, r) = (l.unwrap_or_default(), r.unwrap_or_default());
        let r = style.dim(&r);
        let _ = writeln!(out, "{:indent$}{l:<value$} {r}", "");
        indent = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{mctp, pcct};

    #[test]
    fn every_byte_of_a_sound_table_is_shown_once() {
        let platform = pcct(&[0, 1, 2, 3, 4, 5]).build();
        let facts = Facts::of(&platform);
        let sources = sources(&facts, false);
        let mut next = 0;
        for field in sources[0].sections.iter().flat_map(|s| &s.fields) {
            assert_eq!(field.offset, next, "{}", field.name);
            let parts: usize = field.parts.iter().map(|p| p.length).sum();
            assert!(parts == 0 || parts == field.length);
            next += field.length;
        }
        assert_eq!(next, platform.tables[0].bytes.len());
    }

    #[test]
    fn where_the_walk_stopped_is_said() {
        for (entry, wanted) in [
            (&[3, 0][..], "at 0x30 has length 0"),
            (&[3, 9], "length 9, but 2 bytes are left"),
            (&[3], "left over at 0x30"),
        ] {
            let mut platform = pcct(&[]).build();
            platform.tables[0].bytes.extend(entry);
            crate::table::seal(&mut platform.tables[0].bytes);
            let sources = sources(&Facts::of(&platform), false);
            let text = text(&sources, Style::default());
            assert!(text.contains(wanted), "{text}");
        }
    }

    #[test]
    fn people_read_spis_units_and_common_registers() {
        let ssdt = mctp(b"MP00", 0, 7);
        let platform = pcct(&[3, 4]).ssdt(&ssdt).build();
        let text =
            text(&sources(&Facts::of(&platform), true), Style::default());
        for wanted in [
            "112 (SPI 80)",
            "1000 us (1 ms)",
            "same as update_register",
            "\\MP00._CRS (DMT0001): PCC address descriptor in _CRS: \
             subspace 0 (type 3)",
            "subspace 7, which does not exist",
            "\"SSDT\"",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn many_users_of_a_register_are_counted() {
        let mut case = pcct(&[0; 12]);
        for id in 0..12 {
            let gas = crate::testing::gas(0x1000);
            case = case.register(id, "doorbell_register", gas);
        }
        let platform = case.build();
        let facts = Facts::of(&platform);
        let text = text(&sources(&facts, false), Style::default());
        let wanted = "doorbell_register of subspace 8, 3 more";
        assert!(text.contains(wanted), "{text}");
    }

    #[test]
    fn columns_fit_the_terminal() {
        let platform = pcct(&[0, 1, 2, 3, 4, 5]).build();
        let sources = sources(&Facts::of(&platform), false);
        let widest = |width| {
            let style = Style { colour: false, width };
            let text = style.fit(&text(&sources, style));
            assert!(text.contains("dword"));
            text.lines().map(|line| line.chars().count()).max().unwrap()
        };
        assert!(widest(None) > 100);
        for width in [60, 80, 100] {
            assert!(widest(Some(width)) <= width, "{width}");
        }
    }
}
