//! PLDM messages over MCTP (DSP0240 base, DSP0241; little-endian).
//!
//! Message byte 0 is the MCTP type (0x01), byte 1 Rq, D and instance id,
//! byte 2 header version and PLDM type, byte 3 the command; a response has
//! its completion code in byte 4.

mod base;
mod codes;
mod fru;
mod pdr;
mod platform;

pub use self::codes::{BaseCommand, CompletionCode, PldmType};
use self::codes::{DATA, codes_of};
use super::layout::{Item, Kind};

macro_rules! header {
    ($names:expr) => {
        &[
            Item::bits("rq", 7, 7),
            Item::bits("d", 6, 6).or(0),
            Item::bits("reserved", 5, 5).or(0),
            Item::bits("instance_id", 4, 0),
            Item::bits("header_version", 7, 6).or(0),
            Item::bits("type", 5, 0).named(PldmType::NAMES),
            Item::new("command", Kind::U8).named($names),
        ]
    };
}

/// The header as fields; the command's names depend on the PLDM type.
pub fn header(pldm_type: Option<u8>) -> &'static [Item] {
    const BASE: &[Item] = header!(BaseCommand::NAMES);
    const PLATFORM: &[Item] = header!(platform::COMMANDS);
    const FRU: &[Item] = header!(fru::COMMANDS);
    const OTHER: &[Item] = header!(&[]);
    match pldm_type.map(PldmType::from) {
        Some(PldmType::Base) => BASE,
        Some(PldmType::Platform) => PLATFORM,
        Some(PldmType::Fru) => FRU,
        _ => OTHER,
    }
}

/// The completion code of a response; names above 0x7f are the command's.
pub fn completion(pldm_type: u8, command: u8) -> &'static [Item] {
    match PldmType::from(pldm_type) {
        PldmType::Base => base::completion(BaseCommand::from(command)),
        PldmType::Platform => platform::completion(command),
        PldmType::Fru => fru::completion(command),
        _ => codes_of!(),
    }
}

/// One number of each PLDM type that has tables of its own, and one that
/// has none.
pub const DESCRIBED: [u8; 4] = [0, 2, 4, 0x3f];

/// Request data of a command; bytes for those without a layout.
pub fn request(pldm_type: u8, command: u8) -> &'static [Item] {
    match PldmType::from(pldm_type) {
        PldmType::Base => base::request(BaseCommand::from(command)),
        PldmType::Platform => platform::request(command),
        PldmType::Fru => fru::request(command),
        _ => DATA,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(pldm_type: u8, command: u8) -> &'static [Item] {
    match PldmType::from(pldm_type) {
        PldmType::Base => base::response(BaseCommand::from(command)),
        PldmType::Platform => platform::response(command),
        PldmType::Fru => fru::response(command),
        _ => DATA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_codes_are_the_same_everywhere() {
        for (kind, command) in [(0, 1), (0, 3), (2, 0x11), (4, 1), (9, 9)] {
            let names = completion(kind, command).first().unwrap().names;
            for (code, name) in CompletionCode::NAMES {
                let found = super::super::layout::name_of(names, *code);
                assert_eq!(found, Some(*name), "{kind} {command}");
            }
        }
    }

    #[test]
    fn command_names_depend_on_the_type() {
        let name = |kind| {
            let items = header(Some(kind));
            let command = items.last().unwrap();
            super::super::layout::name_of(command.names, 2)
        };
        assert_eq!(name(0), Some("GetTID"));
        assert_eq!(name(4), Some("GetFRURecordTable"));
        assert_eq!(name(0x3f), None);
    }
}
