//! The endpoint of a handler file, made into the endpoint's configuration.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::schema;
use super::value::{uuid, value_of};
use crate::endpoint::{Config, VendorId};
use crate::script::check::Checker;
use crate::script::locate::Place;
use crate::script::number::Number;
use crate::script::problem::Wrong;
use crate::wire::control::BASE_SPECIFICATION;
use crate::wire::layout::Value;
use crate::wire::mctp::{BASELINE_UNIT, Eid};
use crate::wire::message;

/// The endpoint.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointFile {
    /// For people; not used.
    pub description: Option<String>,
    /// UUID in the 8-4-4-4-12 form.
    pub uuid: Option<String>,
    /// EID at the start; 0 for none.
    pub eid: Option<Number>,
    /// EID that "reset" goes back to.
    pub static_eid: Option<Number>,
    /// Payload bytes of packets we send, 64 without.
    pub transmission_unit: Option<Number>,
    /// Message types reported beyond those that handlers match.
    #[schemars(schema_with = "schema::message_types")]
    pub message_types: Vec<Json>,
    /// Versions by message type; `base` is the base specification.
    pub versions: BTreeMap<String, Vec<String>>,
    /// Vendors reported.
    pub vendor_ids: Vec<VendorFile>,
    /// Whether the discovery commands exist.
    pub discovery: bool,
    /// The network's UUID; without, Get Network ID is not supported.
    pub network_id: Option<String>,
    /// Whether Query Hop, which bridges answer, is supported.
    pub query_hop: bool,
}

/// A vendor.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VendorFile {
    /// By PCI vendor id.
    Pci(VendorEntry),
    /// By IANA enterprise number.
    Iana(VendorEntry),
}

/// A vendor's id and command set.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorEntry {
    /// The id.
    pub id: Number,
    /// Vendor's command set, 0 without.
    #[serde(default)]
    pub command_set: Number,
}

/// The endpoint's configuration, or faults.
pub(crate) fn endpoint(
    check: &mut Checker<'_>,
    source: &EndpointFile,
) -> Config {
    let at = Place::FILE.key("endpoint");
    let mut config = Config {
        uuid: bytes(check, &at.key("uuid"), source.uuid.as_ref()),
        network_id: bytes(
            check,
            &at.key("network_id"),
            source.network_id.as_ref(),
        ),
        query_hop: source.query_hop,
        ..Config::default()
    };
    if let Some(number) = source.eid {
        config.eid = eid(check, &at.key("eid"), number, true);
    }
    config.static_eid = source
        .static_eid
        .map(|number| eid(check, &at.key("static_eid"), number, false));
    if let Some(Number(unit)) = source.transmission_unit {
        match usize::try_from(unit) {
            Ok(unit) if (BASELINE_UNIT..=65535).contains(&unit) => {
                config.transmission_unit = unit;
            }
            _ => check.wrong(
                &at.key("transmission_unit"),
                Wrong::new(
                    format!("a transmission unit of {unit} bytes"),
                    "a number from 64 to 65535",
                ),
            ),
        }
    }
    let typed = message::items("mctp.type");
    for (index, json) in source.message_types.iter().enumerate() {
        let types = at.key("message_types");
        let place = types.index(index);
        match value_of("mctp.type", &typed, json) {
            Ok(Value::Number(number)) => {
                config.message_types.extend(u8::try_from(number).ok())
            }
            Ok(Value::Bytes(_)) => {}
            Err(wrong) => check.wrong(&place, wrong),
        }
    }
    for (name, texts) in &source.versions {
        let all = at.key("versions");
        let place = all.key(name);
        let json = Json::String(name.clone());
        let kind = match name.as_str() {
            "base" => Some(BASE_SPECIFICATION),
            _ => match value_of("mctp.type", &typed, &json) {
                Ok(Value::Number(number)) => u8::try_from(number).ok(),
                Ok(Value::Bytes(_)) => None,
                Err(wrong) => {
                    check.wrong_key(&place, wrong);
                    None
                }
            },
        };
        let mut versions = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match text.parse() {
                Ok(version) => versions.push(version),
                Err(error) => check.wrong(
                    &place.index(index),
                    Wrong::new(
                        format!("`{text}` is not a version"),
                        format!("{error}"),
                    ),
                ),
            }
        }
        config.versions.extend(kind.map(|kind| (kind, versions)));
    }
    for (index, vendor) in source.vendor_ids.iter().enumerate() {
        let all = at.key("vendor_ids");
        let place = all.index(index);
        let (entry, id) = match vendor {
            VendorFile::Pci(entry) => {
                (entry, u16::try_from(entry.id.0).map(VendorId::Pci))
            }
            VendorFile::Iana(entry) => {
                (entry, u32::try_from(entry.id.0).map(VendorId::Iana))
            }
        };
        match (id, u16::try_from(entry.command_set.0)) {
            (Ok(id), Ok(set)) => config.vendors.push((id, set)),
            _ => check.wrong(
                &place,
                Wrong::new(
                    "a vendor's numbers are too large",
                    "a PCI id of 16 bits or an IANA number of 32, and a \
                     command set of 16",
                ),
            ),
        }
    }
    config.discovery = source.discovery;
    config
}

fn bytes(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    text: Option<&String>,
) -> Option<[u8; 16]> {
    let text = text?;
    let bytes = uuid(text).and_then(|bytes| bytes.try_into().ok());
    if bytes.is_none() {
        let wrong = Wrong::new(
            format!("`{text}` is not a UUID"),
            "the form 01234567-89ab-cdef-0123-456789abcdef",
        );
        check.wrong(at, wrong);
    }
    bytes
}

fn eid(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    number: Number,
    none: bool,
) -> Eid {
    match u8::try_from(number.0).map(Eid) {
        Ok(eid) if eid.is_assignable() => eid,
        Ok(Eid::NULL) if none => Eid::NULL,
        _ => {
            let wrong = Wrong::new(
                format!("{} is no EID of an endpoint", number.0),
                match none {
                    true => "8 to 254, or 0 for none",
                    false => "8 to 254",
                },
            );
            check.wrong(at, wrong);
            Eid::NULL
        }
    }
}
