//! A request as handlers see it, and as their templates do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use minijinja::Value as Filling;
use serde_json::{Map, Value as Json};

use crate::record::Time;
use crate::script::memory::Memory;
use crate::script::problem::Wrong;
use crate::script::template::Scope;
use crate::wire::layout::{Found, Value};
use crate::wire::mctp::Header;
use crate::wire::message;
use crate::wire::pcc;

/// A request as handlers see it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Transport header of its last packet.
    pub header: &'a Header,
    /// Flags of that packet's PCC header.
    pub pcc_flags: u32,
    /// Length in that packet's PCC header.
    pub pcc_length: u32,
    pub subspace: u8,
    /// Number of the request in its life of the guest.
    pub serial: u32,
    /// The message, type byte first.
    pub message: &'a [u8],
}

impl Request<'_> {
    /// Fields of the headers of its last packet, but for `mctp.ic` and
    /// `mctp.type`, which are the message's.
    pub fn headers(&self) -> Vec<(&'static str, Value)> {
        let Header { destination, source, som, eom, sequence, to, tag } =
            *self.header;
        let number = Value::Number;
        let command = u32::from_le_bytes(pcc::COMMAND_MCTP);
        let signature = pcc::SIGNATURE | u32::from(self.subspace);
        vec![
            ("pcc.signature", number(signature.into())),
            ("pcc.flags", number(self.pcc_flags.into())),
            ("pcc.length", number(self.pcc_length.into())),
            ("pcc.command", number(command.into())),
            ("mctp.header_version", number(1)),
            ("mctp.destination", number(destination.0.into())),
            ("mctp.source", number(source.0.into())),
            ("mctp.som", number(som.into())),
            ("mctp.eom", number(eom.into())),
            ("mctp.sequence", number(sequence.into())),
            ("mctp.to", number(to.into())),
            ("mctp.tag", number(tag.into())),
        ]
    }
}

/// Everything an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The request; none for messages by the clock.
    pub request: Option<Request<'a>>,
    pub memory: &'a Memory,
    pub time: Time,
    pub seed: u64,
    pub answers: &'a Answers,
}

/// What programs said so far, by handler; or why they said nothing.
pub type Answers = BTreeMap<String, Result<String, Wrong>>;

pub static NO_ANSWERS: Answers = Answers::new();

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replied {
    /// This message, type byte first.
    Message(Vec<u8>),
    Silence,
    /// What the endpoint answers, if it does.
    Pass,
}

/// Names directly under `request`.
const PLAIN: [&str; 5] = ["hex", "source", "destination", "tag", "subspace"];

/// Names of the request's fields in templates.
static REQUEST_NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    message::all_items()
        .iter()
        .map(|(layer, item)| format!("request.{layer}.{}", item.name))
        .chain(PLAIN.iter().map(|name| format!("request.{name}")))
        .collect()
});

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

/// What templates of handlers may speak of.
pub(super) fn scope(has_request: bool) -> Scope<'static> {
    static NONE: BTreeSet<String> = BTreeSet::new();
    static REQUEST: LazyLock<Filling> =
        LazyLock::new(|| Filling::from_serialize(&*SAMPLE));
    Scope {
        names: &NONE,
        request: has_request.then_some(&*REQUEST_NAMES),
        sample: &|| vec![("request", REQUEST.clone())],
        state: &Map::new,
        example: "a template, as in \"{{ request.vendor.data }}\"",
        expected: match has_request {
            true => {
                "`request.hex`, `request.source`, … or a field, as in \
                 `request.vendor.data`; `state.NAME`, `count`, `time.unix`, \
                 `random(1, 6)`"
            }
            false => {
                "`state.NAME`, `count`, `time.unix`, `random(1, 6)`; there \
                 is no request here"
            }
        },
    }
}

/// What templates see of a request.
pub(super) fn json(request: &Request<'_>, fields: &[Found]) -> Json {
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::script::check::Checker;
    use crate::script::memory::Declared;
    use crate::script::template;
    use crate::wire::mctp::Eid;

    pub(crate) const HEADER: Header = Header {
        destination: Eid(9),
        source: Eid(8),
        som: true,
        eom: true,
        sequence: 0,
        to: true,
        tag: 3,
    };

    fn filled(source: &str) -> Result<String, Wrong> {
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
            ("request", Filling::from_serialize(json(&seen, &fields))),
            ("time", Filling::from_serialize(template::time(Time::UNIX_EPOCH))),
        ]
        .into_iter()
        .collect();
        template::render(&template::environment(), source, &filling)
    }

    fn checked(source: &str) -> Result<(), Wrong> {
        let (environment, declared) =
            (template::environment(), Declared::default());
        let mut check = Checker::new(&environment, &declared, "".into());
        scope(true).check(&mut check, source)
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
            assert_eq!(filled(source).unwrap(), text, "{source}");
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
        let seen = json(&seen, &fields);
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
