//! Text with `{{ request.… }}` in it: checked when it is loaded, filled in
//! when a request comes.

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value as Json};

use super::error::nearest;
use super::value::Wrong;
use crate::wire::layout::{Found, Value};
use crate::wire::mctp::Header;
use crate::wire::message;

/// Names directly under `request`.
const PLAIN: [&str; 5] = ["hex", "source", "destination", "tag", "subspace"];

/// Whether a text is a template at all.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// A number as hex bytes: two digits, or as many as asked for.
fn hex_filter(number: u64, digits: Option<usize>) -> String {
    let digits = digits.unwrap_or(2).min(16);
    format!("{number:0digits$x}")
}

/// The environment all templates are filled in with. Unknown names are
/// errors, and a template may not run for ever.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(32);
    environment.add_filter("hex", hex_filter);
    environment
}

/// Checks the syntax of a template and the names it uses.
pub fn check(environment: &Environment<'_>, source: &str) -> Result<(), Wrong> {
    let template = environment.template_from_str(source).map_err(|error| {
        Wrong::new(
            format!("template: {error:#}"),
            "a template, as in \"{{ request.vendor.data }}\"",
        )
    })?;
    let mut known: Vec<String> = message::all_items()
        .iter()
        .map(|(layer, item)| format!("request.{layer}.{}", item.name))
        .chain(PLAIN.iter().map(|name| format!("request.{name}")))
        .collect();
    known.sort();
    known.dedup();
    for used in template.undeclared_variables(true) {
        let is_known = known
            .iter()
            .any(|name| name == &used || name.starts_with(&format!("{used}.")));
        let is_function = !used.contains('.')
            && used != "request"
            && environment.globals().any(|(name, _)| name == used);
        if !is_known && !is_function {
            let meant = nearest(&used, known.iter().map(String::as_str));
            return Err(Wrong {
                message: format!("template: unknown name `{used}`"),
                expected: Some(
                    "`request.hex`, `request.source`, … or a field, as in \
                     `request.vendor.data`"
                        .to_owned(),
                ),
                suggestion: meant.map(str::to_owned),
            });
        }
    }
    try_out(environment, source)
}

/// Names of filters and functions come to light only when a template runs:
/// run it once on a request that has every field.
fn try_out(environment: &Environment<'_>, source: &str) -> Result<(), Wrong> {
    let mut request = Map::new();
    for name in PLAIN {
        request.insert(name.to_owned(), 0.into());
    }
    request.insert("hex".to_owned(), "00".into());
    for (layer, item) in message::all_items() {
        let sample: Json = match item.is_number() {
            true => 0.into(),
            false => "00".into(),
        };
        let layer =
            request.entry(*layer).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(layer) = layer {
            layer.insert(item.name.to_owned(), sample);
        }
    }
    let mut context = Map::new();
    context.insert("request".to_owned(), request.into());
    let tried = environment.render_str(source, Json::Object(context));
    let Err(error) = tried else { return Ok(()) };
    match error.kind() {
        ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod => Err(Wrong::new(
            format!("template: {error:#}"),
            "a filter of minijinja, or `hex`",
        )),
        _ => Ok(()),
    }
}

/// What templates see of a request.
pub fn context(
    header: &Header,
    subspace: u8,
    raw: &[u8],
    fields: &[Found],
) -> Json {
    let mut request = Map::new();
    request.insert("hex".into(), hex::encode(raw).into());
    request.insert("source".into(), header.source.0.into());
    request.insert("destination".into(), header.destination.0.into());
    request.insert("tag".into(), header.tag.into());
    request.insert("subspace".into(), subspace.into());
    for found in fields {
        let layer = request
            .entry(found.layer)
            .or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(layer) = layer {
            layer.insert(
                found.name.into(),
                match &found.value {
                    Value::Number(number) => (*number).into(),
                    Value::Bytes(_) => found.text.clone().into(),
                },
            );
        }
    }
    let mut context = Map::new();
    context.insert("request".into(), request.into());
    Json::Object(context)
}

/// Fills a template in.
///
/// # Errors
///
/// What the template says cannot be done with this request.
pub fn render(
    environment: &Environment<'_>,
    source: &str,
    context: &Json,
) -> Result<String, String> {
    environment
        .render_str(source, context)
        .map_err(|error| format!("template: {error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mctp::Eid;

    const HEADER: Header = Header {
        destination: Eid(9),
        source: Eid(8),
        som: true,
        eom: true,
        sequence: 0,
        to: true,
        tag: 3,
    };

    fn filled(source: &str) -> Result<String, String> {
        let raw = [0x7e, 0x1a, 0xf4, 1, 2];
        let fields = message::describe(&raw).fields;
        let context = context(&HEADER, 0, &raw, &fields);
        render(&environment(), source, &context)
    }

    #[test]
    fn templates_see_the_request() {
        let cases = [
            ("{{ request.vendor.data }}", "0102"),
            ("{{ request.source }} {{ request.tag }}", "8 3"),
            ("{{ request.vendor.vendor_id | hex(4) }}", "1af4"),
            ("{{ request.destination | hex }}", "09"),
            ("{{ request.hex[2:6] }}", "1af4"),
        ];
        for (source, text) in cases {
            assert_eq!(filled(source).as_deref(), Ok(text), "{source}");
            assert_eq!(check(&environment(), source), Ok(()), "{source}");
        }
        assert!(filled("{{ request.pldm.tid }}").is_err(), "undefined");
    }

    #[test]
    fn wrong_templates_are_refused_when_loaded() {
        let cases = [
            ("{{ request.vendor.dta }}", Some("request.vendor.data")),
            ("{{ reqest.tag }}", Some("request.tag")),
            ("{{ request.tag ", None),
            ("{{ request.tag | hxe }}", None),
        ];
        for (source, suggestion) in cases {
            match check(&environment(), source) {
                Err(wrong) => {
                    assert_eq!(wrong.suggestion.as_deref(), suggestion);
                }
                Ok(()) => panic!("{source} was taken"),
            }
        }
    }
}
