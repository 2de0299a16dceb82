//! One line about a message, for somebody who never saw MCTP.

use super::control::Command;
use super::layout::{Value, name_of};
use super::mctp::MsgType;
use super::text::spaced_hex;
use super::walk::{Walk, byte};
use super::{nvme_mi, pldm, spdm};

pub(super) fn summary(walk: &Walk<'_>) -> String {
    let Some(kind) = byte(walk.number("mctp", "type")) else {
        return "an empty message".to_owned();
    };
    let kind = MsgType::from(kind);
    match kind {
        MsgType::Control => {
            let code = byte(walk.number("control", "command"));
            let Some(code) = code else {
                return "MCTP control message".to_owned();
            };
            let name = match Command::from(code).name() {
                Some(name) => name.to_owned(),
                None => format!("unknown control command {code:#04x}"),
            };
            exchange(walk, "control", &name)
        }
        MsgType::Pldm => {
            let of_type = byte(walk.number("pldm", "type"));
            let code = byte(walk.number("pldm", "command"));
            let (Some(of_type), Some(code)) = (of_type, code) else {
                return "PLDM message".to_owned();
            };
            let names = pldm::header(Some(of_type))
                .last()
                .map_or(&[][..], |item| item.names);
            let name = match name_of(names, u64::from(code)) {
                Some(name) => name.to_owned(),
                None => format!("command {code:#04x}"),
            };
            let of_type = pldm::PldmType::from(of_type);
            exchange(walk, "pldm", &format!("PLDM {of_type} {name}"))
        }
        MsgType::NvmeMi => nvme(walk),
        MsgType::Spdm => {
            let Some(code) = byte(walk.number("spdm", "request_response_code"))
            else {
                return "SPDM message".to_owned();
            };
            let version = walk.number("spdm", "version").unwrap_or(0);
            let (major, minor) = (version >> 4, version & 15);
            let name = match name_of(spdm::CODES, u64::from(code)) {
                Some(name) => name.to_owned(),
                None => format!("code {code:#04x}"),
            };
            let mut text = format!("SPDM {major}.{minor} {name}");
            let briefs = briefs(walk, "spdm");
            if !briefs.is_empty() {
                text.push_str(&format!(": {}", briefs.join(", ")));
            }
            text
        }
        MsgType::VendorPci | MsgType::VendorIana => {
            let id = walk.number("vendor", "vendor_id");
            let owner = match (kind, id) {
                (_, None) => "no vendor id".to_owned(),
                (MsgType::VendorPci, Some(id)) => format!("PCI {id:#06x}"),
                (_, Some(id)) => format!("IANA {id}"),
            };
            let briefs = briefs(walk, "vendor");
            let briefs = if briefs.is_empty() {
                String::new()
            } else {
                format!(": {}", briefs.join(", "))
            };
            format!("Vendor defined ({owner}) message{briefs}")
        }
        _ => {
            let data = walk.fields.iter().find(|f| f.layer == "message");
            let data = data.map_or(&[][..], |found| match &found.value {
                Value::Bytes(bytes) => bytes,
                Value::Number(_) => &[],
            });
            let shown = data.get(..16).unwrap_or(data);
            let more = if data.len() > 16 { " …" } else { "" };
            let kind = match kind.name() {
                Some(name) => name.to_owned(),
                None => format!("Type {kind}"),
            };
            format!(
                "{kind} message: {} bytes {}{more}",
                data.len(),
                spaced_hex(shown)
            )
        }
    }
}

/// A response of NVMe-MI does not say what it answers.
fn nvme(walk: &Walk<'_>) -> String {
    let number = |name| walk.number("nvme_mi", name);
    let (Some(nmimt), Some(ror)) = (number("nmimt"), number("ror")) else {
        return "NVMe-MI message".to_owned();
    };
    let kind = match name_of(nvme_mi::TYPES, nmimt) {
        Some(name) => name.to_owned(),
        None => format!("NVMe-MI type {nmimt}"),
    };
    let mut parts = Vec::new();
    let opcode = number("opcode");
    parts.extend(opcode.map(|opcode| {
        let name = name_of(nvme_mi::opcodes(nmimt), opcode);
        name.map_or(format!("opcode {opcode:#04x}"), str::to_owned)
    }));
    let status = walk
        .fields
        .iter()
        .find(|found| found.layer == "nvme_mi" && found.name == "status");
    parts.extend(status.map(|status| match &status.meaning {
        Some(name) => name.clone(),
        None => format!("status {}", status.text),
    }));
    if number("csi") == Some(1) {
        parts.push("slot 1".to_owned());
    }
    parts.extend(briefs(walk, "nvme_mi"));
    let what = if ror == 0 { "request" } else { "response" };
    match parts.is_empty() {
        true => format!("{kind} {what}"),
        false => format!("{kind} {what}: {}", parts.join(", ")),
    }
}

/// What the summary mentions of a layer.
fn briefs(walk: &Walk<'_>, layer: &str) -> Vec<String> {
    const LONGEST: usize = 120;
    walk.fields
        .iter()
        .filter(|found| found.layer == layer)
        .filter_map(|found| found.brief.as_deref())
        // Accepting is what everybody expects.
        .filter(|brief| *brief != "accepted")
        .map(|brief| match brief.char_indices().nth(LONGEST) {
            Some((end, _)) => {
                format!("{} …", brief.get(..end).unwrap_or(brief))
            }
            None => brief.to_owned(),
        })
        .collect()
}

/// Summary of a request or a response.
fn exchange(walk: &Walk<'_>, layer: &'static str, name: &str) -> String {
    let rq = walk.number(layer, "rq") == Some(1);
    let datagram = walk.number(layer, "d") == Some(1);
    let mut parts = Vec::new();
    let code = walk
        .fields
        .iter()
        .find(|found| found.layer == layer && found.name == "completion_code");
    if let Some(code) = code {
        parts.push(match (&code.meaning, &code.value) {
            (Some(name), _) => name.clone(),
            (None, Value::Number(code)) => {
                format!("completion code {code:#04x}")
            }
            (None, Value::Bytes(_)) => code.text.clone(),
        });
    }
    parts.extend(briefs(walk, layer));
    let what = match (rq, datagram) {
        (true, true) => "datagram",
        (true, false) => "request",
        (false, _) => "response",
    };
    if parts.is_empty() {
        return format!("{name} {what}");
    }
    format!("{name} {what}: {}", parts.join(", "))
}
