//! The endpoint of a handler file, made into the endpoint's configuration.

use serde_json::Value as Json;

use super::compile::{Compiler, join, key};
use super::file::{EndpointFile, Number, VendorFile};
use super::locate::{Side, Step};
use super::value::{Wrong, field_items, uuid, value_of};
use crate::endpoint::{Config, VendorId};
use crate::wire::control::BASE_SPECIFICATION;
use crate::wire::layout::Value;
use crate::wire::mctp::{BASELINE_UNIT, Eid};

impl Compiler<'_> {
    /// The endpoint's configuration, or faults.
    pub fn endpoint(&mut self, source: &EndpointFile) -> Config {
        let root = [key("endpoint")];
        let at = |name: &str| join(&root, [key(name)]);
        let mut config = Config {
            uuid: self.uuid(&at("uuid"), source.uuid.as_ref()),
            network_id: self
                .uuid(&at("network_id"), source.network_id.as_ref()),
            query_hop: source.query_hop,
            ..Config::default()
        };
        if let Some(number) = source.eid {
            config.eid = self.eid(&at("eid"), number, true);
        }
        config.static_eid = source
            .static_eid
            .map(|number| self.eid(&at("static_eid"), number, false));
        if let Some(Number(unit)) = source.transmission_unit {
            match usize::try_from(unit) {
                Ok(unit) if (BASELINE_UNIT..=65535).contains(&unit) => {
                    config.transmission_unit = unit;
                }
                _ => self.fault(
                    at("transmission_unit"),
                    Side::Value,
                    Wrong::new(
                        format!("a transmission unit of {unit} bytes"),
                        "a number from 64 to 65535",
                    ),
                ),
            }
        }
        let typed = field_items("mctp.type").unwrap_or_default();
        for (index, json) in source.message_types.iter().enumerate() {
            let place = join(&at("message_types"), [Step::Index(index)]);
            match value_of("mctp.type", &typed, json) {
                Ok(Value::Number(number)) => {
                    config.message_types.extend(u8::try_from(number).ok())
                }
                Ok(Value::Bytes(_)) => {}
                Err(wrong) => self.fault(place, Side::Value, wrong),
            }
        }
        for (name, texts) in &source.versions {
            let place = join(&at("versions"), [key(name)]);
            let json = Json::String(name.clone());
            let kind = match name.as_str() {
                "base" => Some(BASE_SPECIFICATION),
                _ => match value_of("mctp.type", &typed, &json) {
                    Ok(Value::Number(number)) => u8::try_from(number).ok(),
                    Ok(Value::Bytes(_)) => None,
                    Err(wrong) => {
                        self.fault(place.clone(), Side::Key, wrong);
                        None
                    }
                },
            };
            let mut versions = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                match text.parse() {
                    Ok(version) => versions.push(version),
                    Err(error) => self.fault(
                        join(&place, [Step::Index(index)]),
                        Side::Value,
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
            let place = join(&at("vendor_ids"), [Step::Index(index)]);
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
                _ => self.fault(
                    place,
                    Side::Value,
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

    fn uuid(
        &mut self,
        path: &[Step],
        text: Option<&String>,
    ) -> Option<[u8; 16]> {
        let text = text?;
        let bytes = uuid(text).and_then(|bytes| bytes.try_into().ok());
        if bytes.is_none() {
            let wrong = Wrong::new(
                format!("`{text}` is not a UUID"),
                "the form 01234567-89ab-cdef-0123-456789abcdef",
            );
            self.fault(path.to_vec(), Side::Value, wrong);
        }
        bytes
    }

    fn eid(&mut self, path: &[Step], number: Number, none: bool) -> Eid {
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
                self.fault(path.to_vec(), Side::Value, wrong);
                Eid::NULL
            }
        }
    }
}
