//! The JSON Schema of handler files, made from the types that read them.

use schemars::generate::SchemaSettings;

use super::file::File;

/// The schema, as `messages/schema.json` holds it.
pub fn text() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<File>();
    schema.insert("title".into(), "pccd handler file".into());
    // Maps with text keys and plain values: nothing here can fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
