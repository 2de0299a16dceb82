//! The JSON Schema of fields, made from their tables, so that editors know
//! them.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use crate::script::schema::Condition;
use crate::wire::layout::{Item, Kind};
use crate::wire::message;

/// Fields by full name, each with its table entries.
fn fields() -> BTreeMap<String, Vec<Item>> {
    let mut fields: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for (layer, item) in message::all_items() {
        let name = format!("{layer}.{}", item.name);
        fields.entry(name).or_default().push(*item);
    }
    fields
}

/// What may stand as the value of a field.
fn value(items: &[Item]) -> Json {
    let numbers = || items.iter().filter(|item| item.is_number());
    let width = numbers().map(Item::width).max();
    let mut names: Vec<&str> = items
        .iter()
        .flat_map(|item| item.names.iter().map(|(_, name)| *name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut any = Vec::new();
    if let Some(width) = width {
        let most = (1_u64 << width) - 1;
        let below = numbers().any(|item| item.kind.is_signed());
        let least = if below { -(1_i64 << (width - 1)) } else { 0 };
        any.push(json!({"type": "integer", "minimum": least, "maximum": most}));
        if numbers().any(|item| item.kind == Kind::F32Le) {
            any.push(json!({"type": "number"}));
        }
        any.push(json!({"type": "boolean"}));
        if !names.is_empty() {
            any.push(json!({"enum": names}));
        }
        any.push(json!({
            "type": "string",
            "pattern": r"^\s*(0[xX][0-9a-fA-F]+|[0-9]+)\s*$|\{\{|\{%",
        }));
    }
    if items.iter().any(|item| !item.is_number()) {
        any.push(json!({"type": "string"}));
        let mut of =
            vec![json!({"type": "integer"}), json!({"type": "string"})];
        if !names.is_empty() {
            of.insert(0, json!({"enum": names}));
        }
        any.push(json!({"type": "array", "items": {"anyOf": of}}));
    }
    json!({"anyOf": any})
}

/// Puts the definitions of all fields into the schema; returns their names.
fn define(generator: &mut SchemaGenerator) -> Vec<(String, String)> {
    let definitions = generator.definitions_mut();
    let names = fields().into_iter().map(|(field, items)| {
        let definition = format!("field:{field}");
        if !definitions.contains_key(&definition) {
            definitions.insert(definition.clone(), value(&items));
        }
        (field, format!("#/$defs/{definition}"))
    });
    names.collect()
}

/// An object of fields, defined once under a name. Fields of lists have
/// their place behind the name.
fn object(
    generator: &mut SchemaGenerator,
    name: &str,
    value: &dyn Fn(String) -> Json,
) -> Schema {
    if !generator.definitions().contains_key(name) {
        let mut properties = Map::new();
        let mut patterns = Map::new();
        for (field, at) in define(generator) {
            if message::in_list(&field) {
                let plain = field.replace('.', "\\.");
                let pattern = format!("^{plain}(\\[[0-9]+\\]){{1,2}}$");
                patterns.insert(pattern, value(at.clone()));
            }
            properties.insert(field, value(at));
        }
        let object = json!({
            "type": "object",
            "properties": properties,
            "patternProperties": patterns,
            "additionalProperties": false
        });
        generator.definitions_mut().insert(name.to_owned(), object);
    }
    json_schema!({"$ref": format!("#/$defs/{name}")})
}

/// Fields and their values.
pub(super) fn settings(generator: &mut SchemaGenerator) -> Schema {
    object(generator, "Fields", &|at| json!({"$ref": at}))
}

/// Fields and what they must be.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let condition = generator.subschema_for::<Condition>();
    object(
        generator,
        "Conditions",
        &|at| json!({"anyOf": [{"$ref": at}, condition]}),
    )
}

/// Message types, by number or name.
pub(super) fn message_types(generator: &mut SchemaGenerator) -> Schema {
    define(generator);
    json_schema!({
        "type": "array",
        "items": {"$ref": "#/$defs/field:mctp.type"}
    })
}
