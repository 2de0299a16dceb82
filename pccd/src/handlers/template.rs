//! Text with `{{ … }}` in it: checked when it is loaded, filled in when a
//! request comes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use minijinja::{Environment, ErrorKind, Value as Filling};
use serde_json::{Map, Value as Json, json};

use super::Request;
use super::error::nearest;
use super::memory::{Declared, Memory};
use super::value::{Wrong, hex_bytes};
use crate::record::{Time, compact, iso};
use crate::script::budget::{self, add_filter};
use crate::wire::checksum::Checksum;
use crate::wire::layout::{Found, Value};
use crate::wire::message;

/// Names directly under `request`.
const PLAIN: [&str; 5] = ["hex", "source", "destination", "tag", "subspace"];
/// Other names that are always there.
const ALWAYS: [&str; 6] = [
    "count",
    "random",
    "time.iso",
    "time.compact",
    "time.unix",
    "time.unix_ms",
];

/// Whether a text is a template at all.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// A number as hex bytes: two digits, or as many as asked for.
fn hex_filter(number: u64, digits: Option<usize>) -> String {
    let digits = digits.unwrap_or(2).min(16);
    format!("{number:0digits$x}")
}

/// A number as hex bytes, least significant first: so many, or four.
fn le_filter(number: u64, bytes: Option<usize>) -> String {
    let all = number.to_le_bytes();
    hex::encode(all.get(..bytes.unwrap_or(4).min(8)).unwrap_or(&all))
}

/// The checksum of bytes in hex, as a number.
fn checksum(kind: Checksum, text: &str) -> Result<u64, minijinja::Error> {
    let bytes = hex_bytes(text).map_err(|wrong| {
        minijinja::Error::new(ErrorKind::InvalidOperation, wrong.message)
    })?;
    Ok(kind.of(&bytes))
}

/// The environment all templates are filled in with.
pub fn environment() -> Environment<'static> {
    let mut environment = budget::environment();
    let mut add = |name, filter| add_filter(&mut environment, name, filter);
    add("hex", Filling::from_function(hex_filter));
    add("le", Filling::from_function(le_filter));
    for (name, kind) in [
        ("crc8", Checksum::Crc8),
        ("crc32", Checksum::Crc32),
        ("crc32c", Checksum::Crc32c),
    ] {
        let filter = move |hex: &str| checksum(kind, hex);
        add(name, Filling::from_function(filter));
    }
    environment
}

/// Names of the request's fields in templates.
static REQUEST_NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    message::all_items()
        .iter()
        .map(|(layer, item)| format!("request.{layer}.{}", item.name))
        .chain(PLAIN.iter().map(|name| format!("request.{name}")))
        .collect()
});

/// What a template asks for that does not come from the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// How often its handler answered.
    pub count: bool,
    /// The time.
    pub time: bool,
}

/// Checks the syntax of a template and the names it uses.
pub fn check(
    environment: &Environment<'_>,
    source: &str,
    declared: &Declared,
    has_request: bool,
) -> Result<Uses, Wrong> {
    let names = budget::names(environment, source).map_err(|error| {
        Wrong::new(
            format!("template: {error:#}"),
            "a template, as in \"{{ request.vendor.data }}\"",
        )
    })?;
    let mut uses = Uses::default();
    for used in names {
        let first = used.split('.').next().unwrap_or(&used);
        uses.count |= first == "count";
        uses.time |= first == "time";
        let state = used.strip_prefix("state.");
        let prefix = format!("{used}.");
        let is_known = match first {
            "request" if !has_request => false,
            "request" => {
                REQUEST_NAMES.contains(&used)
                    || REQUEST_NAMES
                        .range(prefix.clone()..)
                        .next()
                        .is_some_and(|name| name.starts_with(&prefix))
            }
            "state" => state.is_none_or(|name| declared.0.contains_key(name)),
            _ => {
                ALWAYS.contains(&used.as_str())
                    || used == "time"
                    || environment.globals().any(|(name, _)| name == used)
            }
        };
        if is_known {
            continue;
        }
        let states = declared.0.keys().map(|name| format!("state.{name}"));
        let known: Vec<String> = REQUEST_NAMES
            .iter()
            .filter(|_| has_request)
            .cloned()
            .chain(states)
            .chain(ALWAYS.iter().map(|name| (*name).to_owned()))
            .collect();
        let meant = nearest(&used, known.iter().map(String::as_str));
        return Err(Wrong {
            message: format!("template: unknown name `{used}`"),
            expected: Some(match has_request {
                true => "`request.hex`, `request.source`, … or a field, as \
                         in `request.vendor.data`; `state.NAME`, `count`, \
                         `time.unix`, `random(1, 6)`"
                    .to_owned(),
                false => "`state.NAME`, `count`, `time.unix`, \
                          `random(1, 6)`; there is no request here"
                    .to_owned(),
            }),
            suggestion: meant.map(str::to_owned),
        });
    }
    try_out(environment, source, declared)?;
    Ok(uses)
}

/// A request that has every field.
static SAMPLE: LazyLock<Json> = LazyLock::new(|| {
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
    Json::Object(request)
});

/// Names of filters and functions come to light only when a template runs:
/// run it once on a request that has every field.
fn try_out(
    environment: &Environment<'_>,
    source: &str,
    declared: &Declared,
) -> Result<(), Wrong> {
    static REQUEST: LazyLock<Filling> =
        LazyLock::new(|| Filling::from_serialize(&*SAMPLE));
    let random = Filling::from_function(|from: u64, _: u64| from);
    let state = declared.json(&Memory::default());
    let filling: Filling = [
        ("request", REQUEST.clone()),
        ("state", Filling::from_serialize(state)),
        ("count", Filling::from(1)),
        ("time", Filling::from_serialize(time(Time::UNIX_EPOCH))),
        ("random", random),
    ]
    .into_iter()
    .collect();
    known_names(
        environment,
        source,
        filling,
        "a filter of minijinja, or `hex`, `le`, `crc8`, `crc32`, `crc32c`",
    )
}

/// Whether a template knows all filters, tests and functions that it names,
/// and ends; what else goes wrong may be right with other values. `expected`
/// says which filters there are.
pub fn known_names(
    environment: &Environment<'_>,
    source: &str,
    filling: Filling,
    expected: &str,
) -> Result<(), Wrong> {
    let Err(error) = budget::render(environment, source, &filling) else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::OutOfFuel => Err(Wrong::new(
            format!("template: {error:#}"),
            "a template that comes to an end soon",
        )),
        ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod => {
            Err(Wrong::new(format!("template: {error:#}"), expected))
        }
        _ => Ok(()),
    }
}

/// What templates see of the time.
pub fn time(now: Time) -> Json {
    json!({
        "iso": iso(now),
        "compact": compact(now),
        "unix": now.timestamp(),
        "unix_ms": now.timestamp_millis(),
    })
}

/// What templates see of a request.
pub fn request(request: &Request<'_>, fields: &[Found]) -> Json {
    let header = request.header;
    let mut seen = Map::new();
    seen.insert("hex".into(), hex::encode(request.message).into());
    seen.insert("source".into(), header.source.0.into());
    seen.insert("destination".into(), header.destination.0.into());
    seen.insert("tag".into(), header.tag.into());
    seen.insert("subspace".into(), request.subspace.into());
    let mut put = |layer: &str, name: &str, indexes: &[u16], value: Json| {
        let layer = seen
            .entry(layer.to_owned())
            .or_insert_with(|| Json::Object(Map::new()));
        let Json::Object(layer) = layer else { return };
        let mut place = layer.entry(name.to_owned()).or_insert(Json::Null);
        // Fields in lists are lists here as well.
        for index in indexes {
            if !place.is_array() {
                *place = Json::Array(Vec::new());
            }
            let Json::Array(list) = place else { return };
            let index = usize::from(*index);
            if list.len() <= index {
                list.resize(index + 1, Json::Null);
            }
            let Some(element) = list.get_mut(index) else { return };
            place = element;
        }
        *place = value;
    };
    for (field, value) in request.headers() {
        if let Value::Number(number) = value {
            let (layer, name) = field.split_once('.').unwrap_or((field, ""));
            put(layer, name, &[], number.into());
        }
    }
    for found in fields {
        let value = match &found.value {
            Value::Number(number) => (*number).into(),
            Value::Bytes(_) => found.text.clone().into(),
        };
        put(found.layer, found.name, found.place.indexes(), value);
    }
    Json::Object(seen)
}

/// Fills a template in.
///
/// # Errors
///
/// What the template says cannot be done with this request.
pub fn render(
    environment: &Environment<'_>,
    source: &str,
    filling: &Filling,
) -> Result<String, String> {
    budget::render(environment, source, filling)
        .map_err(|error| format!("template: {error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mctp::{Eid, Header};

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
        let message = &[0x7e, 0x1a, 0xf4, 1, 2];
        let fields = message::describe(message).fields;
        let seen = Request {
            header: &HEADER,
            pcc_flags: 1,
            pcc_length: 13,
            subspace: 0,
            serial: 1,
            message,
        };
        let filling: Filling = [
            ("request", Filling::from_serialize(request(&seen, &fields))),
            ("time", Filling::from_serialize(time(Time::UNIX_EPOCH))),
        ]
        .into_iter()
        .collect();
        render(&environment(), source, &filling)
    }

    fn checked(source: &str) -> Result<Uses, Wrong> {
        check(&environment(), source, &Declared::default(), true)
    }

    #[test]
    fn templates_see_the_request() {
        let cases = [
            ("{{ request.vendor.data }}", "0102"),
            ("{{ request.source }} {{ request.tag }}", "8 3"),
            ("{{ request.vendor.vendor_id | hex(4) }}", "1af4"),
            ("{{ request.destination | hex }}", "09"),
            ("{{ request.hex[2:6] }}", "1af4"),
            ("{{ '313233343536373839' | crc32 | hex(8) }}", "cbf43926"),
            ("{{ '31 3233343536373839' | crc32 | le }}", "2639f4cb"),
            ("{{ '313233343536373839' | crc32c | le(4) }}", "839206e3"),
            ("{{ '313233343536373839' | crc8 | le(1) }}", "f4"),
            ("{{ request.pcc.flags }}", "1"),
            ("{{ time.unix }} {{ time.iso }}", "0 1970-01-01T00:00:00.000Z"),
        ];
        for (source, text) in cases {
            assert_eq!(filled(source).as_deref(), Ok(text), "{source}");
            assert!(checked(source).is_ok(), "{source}");
        }
        assert!(filled("{{ request.pldm.tid }}").is_err(), "undefined");
    }

    #[test]
    fn fields_in_lists_are_lists() {
        let message =
            &hex::decode("01000221000200010101040201 02".replace(' ', ""))
                .unwrap();
        let fields = message::describe(message).fields;
        let seen = Request {
            header: &HEADER,
            pcc_flags: 1,
            pcc_length: 19,
            subspace: 0,
            serial: 1,
            message,
        };
        let seen = request(&seen, &fields);
        let states = &seen["pldm"]["present_state"];
        assert_eq!(states, &serde_json::json!([1, 2]));
        assert!(checked("{{ request.pldm.present_state[1] }}").is_ok());
    }

    #[test]
    fn wrong_templates_are_refused_when_loaded() {
        let cases = [
            ("{{ request.vendor.dta }}", Some("request.vendor.data")),
            ("{{ reqest.tag }}", Some("request.tag")),
            ("{{ request.tag ", None),
            ("{{ request.tag | hxe }}", None),
            ("{{ state.link }}", None),
            ("{{ cuont }}", Some("count")),
            ("{{ time.unx }}", Some("time.unix")),
        ];
        for (source, suggestion) in cases {
            let wrong = checked(source).unwrap_err();
            assert_eq!(wrong.suggestion.as_deref(), suggestion, "{source}");
        }
    }
}
