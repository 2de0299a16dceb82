//! Parts of the JSON Schema that both kinds of files share.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use super::number::Number;

/// A condition in place of a value.
pub(crate) struct Condition;

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let condition = generator.subschema_for::<Self>();
        let number = generator.subschema_for::<Number>();
        let one = json!({
            "anyOf": [
                {"type": ["integer", "string", "boolean", "array"]},
                condition
            ]
        });
        let many = json!({"type": "array", "items": one, "minItems": 1});
        let end = json!({"type": ["integer", "string"]});
        let only = |key: &str, inner: Json| {
            json!({
                "type": "object",
                "properties": {key: inner},
                "required": [key],
                "additionalProperties": false
            })
        };
        json_schema!({
            "description": "A condition in place of a value.",
            "oneOf": [
                only("mask", json!({
                    "description": "These bits have this value.",
                    "type": "object",
                    "properties": {"bits": number, "value": number},
                    "required": ["bits", "value"],
                    "additionalProperties": false
                })),
                only("range", json!({
                    "description": "A number between both, ends included.",
                    "type": "object",
                    "properties": {"from": end, "to": end},
                    "minProperties": 1,
                    "additionalProperties": false
                })),
                only("regex", json!({
                    "description": "Bytes, or a number's name, like this.",
                    "type": "string"
                })),
                only("any", many.clone()),
                only("all", many),
                only("not", one)
            ]
        })
    }
}

/// Scenarios and variables, and what they must be.
pub(crate) fn when(generator: &mut SchemaGenerator) -> Schema {
    let condition = generator.subschema_for::<Condition>();
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string"},
                condition
            ]
        }
    })
}

/// Scenarios and variables, and their values.
pub(crate) fn variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]
        }
    })
}
