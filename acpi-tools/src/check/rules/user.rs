//! Devices whose drivers are known, and the channels they can use.

use std::collections::{HashMap, HashSet};

use super::channels::pcct;
use crate::aml::{Device, Reference, Use};
use crate::check::rule::{Effect, KERNELS, Rule, Severity, Sink, Target};
use crate::platform::Facts;
use crate::table::{Pcct, Table};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "PCCT-077",
        severity: Severity::Info,
        effect: Effect::None,
        kernels: KERNELS,
        title: "an MCTP device's resources can be read",
        source: "ACPI 6.5 §6.2.2",
        explanation: "Its _CRS is a method that computes what it returns, or \
            returns one thing or another: which subspaces it names is known \
            only when it runs.",
        fix: "none needed; a Name, or a method that returns one buffer, can \
            be checked",
        check: computed,
    },
    Rule {
        id: "PCCT-078",
        severity: Severity::Warning,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "a known driver gets a subspace it can use",
        source: "Linux: xgene-hwmon, i2c-xgene-slimpro, kunpeng_hccs, \
            hisi_uncore_freq",
        explanation: "Each driver takes some types only, and some of them \
            need interrupts or must not have them.",
        fix: "give the device another subspace, or change its type",
        check: driver,
    },
    Rule {
        id: "PCCT-079",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an MCTP device names two subspaces",
        source: "DSP0292; Linux, drivers/net/mctp/mctp-pcc.c",
        explanation: "Its _CRS has two address descriptors: outbox, inbox.",
        fix: "name both subspaces",
        check: two,
    },
    Rule {
        id: "PCCT-089",
        severity: Severity::Linux,
        effect: Effect::Channel,
        kernels: &[Target::Linux7],
        title: "the memory of HCCS has exactly 64 bytes",
        source: "Linux 7, drivers/soc/hisilicon/kunpeng_hccs.c",
        explanation: "The driver of HISI04B1 and HISI04B2 refuses any other \
            size. That of Linux 6.12 takes what is there.",
        fix: "make the region 64 bytes long",
        check: hccs,
    },
    Rule {
        id: "PCCT-095",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "the memory of MCTP holds its smallest packet",
        source: "DSP0292; Linux, drivers/net/mctp/mctp-pcc.c",
        explanation: "16 bytes of header and a packet of 68: less than 84 \
            bytes cannot carry what every MCTP endpoint must take.",
        fix: "make both regions at least 84 bytes long",
        check: packet,
    },
    Rule {
        id: "PCCT-083",
        severity: Severity::Error,
        effect: Effect::Channel,
        kernels: KERNELS,
        title: "an MCTP device has an outbox and an inbox of its own",
        source: "DSP0292; Linux, drivers/net/mctp/mctp-pcc.c",
        explanation: "The first descriptor is the outbox (type 3), the \
            second the inbox (type 4), and no other device uses either: a \
            channel has one driver.",
        fix: "name a type 3 subspace first, then a type 4 one",
        check: pair,
    },
];

/// Bytes of payload and header that MCTP needs at least: its smallest
/// packet of 68 bytes behind the header of 16 (DSP0292).
const MCTP_LEAST: u64 = 84;

/// Hardware id, types, and whether the interrupt flag must be set.
const DRIVERS: &[(&str, &[u8], Option<bool>)] = &[
    ("APMC0D29", &[1, 2], Some(true)),
    ("APMC0D8A", &[1, 2], Some(true)),
    ("APMC0D40", &[1, 2], Some(true)),
    ("APMC0D8B", &[1, 2], Some(true)),
    ("HISI04B1", &[0, 1, 2], Some(false)),
    ("HISI04B2", &[3], Some(true)),
    ("HISI04F1", &[0, 1, 2], None),
];

/// All that may name a subspace was read.
pub(super) fn all_known(facts: &Facts) -> bool {
    let known = |hid: &str| DRIVERS.iter().any(|(known, ..)| *known == hid);
    facts.aml.iter().all(|(_, aml)| {
        let computed = aml.devices.iter().filter(|d| d.computed_crs);
        let mut hids = computed.filter_map(|device| device.hid.as_deref());
        aml.read_whole() && !hids.any(|hid| hid == "DMT0001" || known(hid))
    })
}

/// Subspaces that nothing names, as a driver has their id built in: amd-hfi
/// walks the PCCT itself, and takes its first subspace.
pub(super) fn built_in(facts: &Facts) -> Option<u64> {
    let (_, pcct) = pcct(facts)?;
    let responder = pcct.channel(0).is_some_and(|c| c.kind == 4);
    let mut users = devices(facts, "AMDI0104");
    (responder && users.next().is_some()).then_some(0)
}

/// The devices with that id: table, device, its references.
fn devices<'f>(
    facts: &'f Facts,
    wanted: &'f str,
) -> impl Iterator<Item = (&'f Table, &'f Device, Vec<&'f Reference>)> {
    facts.aml.iter().flat_map(move |(table, aml)| {
        let mut by_device: HashMap<usize, Vec<&Reference>> = HashMap::new();
        for reference in &aml.references {
            if let Some(device) = reference.device {
                by_device.entry(device).or_default().push(reference);
            }
        }
        let matching = aml.devices.iter().enumerate();
        matching
            .filter(move |(_, device)| device.hid.as_deref() == Some(wanted))
            .map(move |(n, device)| {
                let references = by_device.remove(&n).unwrap_or_default();
                (*table, device, references)
            })
    })
}

fn computed(facts: &Facts, sink: &mut Sink) {
    for (table, device, _) in devices(facts, "DMT0001") {
        if device.computed_crs {
            sink.object(
                table,
                &device.path,
                device.at,
                "_CRS is a method that computes what it returns",
            );
        }
    }
}

fn driver(facts: &Facts, sink: &mut Sink) {
    let Some((_, pcct)) = pcct(facts) else { return };
    for (hid, types, flag) in DRIVERS {
        for (table, device, references) in devices(facts, hid) {
            for reference in references {
                let Some(channel) = target(pcct, reference) else { continue };
                let path = &device.path;
                if !types.contains(&channel.kind) {
                    let text = format!(
                        "the driver of {hid} takes types {types:?}, {} is of \
                         type {}",
                        channel.id, channel.kind
                    );
                    sink.object(table, path, reference.at, text);
                } else if flag.is_some_and(|flag| flag != pcct.interrupts()) {
                    let wish = if *flag == Some(true) { "" } else { "no " };
                    let text =
                        format!("the driver of {hid} wants {wish}interrupts");
                    sink.object(table, path, reference.at, text);
                }
            }
        }
    }
}

fn hccs(facts: &Facts, sink: &mut Sink) {
    let Some((_, pcct)) = pcct(facts) else { return };
    for hid in ["HISI04B1", "HISI04B2"] {
        for (table, device, references) in devices(facts, hid) {
            for reference in references {
                if let Some(channel) = target(pcct, reference)
                    && channel.size != 64
                {
                    let text = format!(
                        "the memory of {} has {} bytes",
                        channel.title(),
                        channel.size
                    );
                    sink.object(table, &device.path, reference.at, text);
                }
            }
        }
    }
}

fn packet(facts: &Facts, sink: &mut Sink) {
    let Some((_, pcct)) = pcct(facts) else { return };
    for (table, device, references) in devices(facts, "DMT0001") {
        for reference in references.iter().filter(is_descriptor) {
            // Less than the header has a rule of its own.
            if let Some(channel) = target(pcct, reference)
                && (17..MCTP_LEAST).contains(&channel.size)
            {
                let text = format!(
                    "the memory of {} has {} bytes",
                    channel.title(),
                    channel.size
                );
                sink.object(table, &device.path, reference.at, text);
            }
        }
    }
}

fn target<'p>(
    pcct: &'p Pcct,
    reference: &Reference,
) -> Option<&'p crate::table::Channel<'p>> {
    pcct.channel(usize::try_from(reference.subspace?).ok()?)
}

fn is_descriptor(reference: &&&Reference) -> bool {
    matches!(reference.usage, Use::Descriptor)
}

fn two(facts: &Facts, sink: &mut Sink) {
    for (table, device, references) in devices(facts, "DMT0001") {
        let count = references.iter().filter(is_descriptor).count();
        if count != 2 && !device.computed_crs {
            let text = format!("_CRS has {count} PCC descriptors");
            sink.object(table, &device.path, device.at, text);
        }
    }
}

fn pair(facts: &Facts, sink: &mut Sink) {
    let Some((_, pcct)) = pcct(facts) else { return };
    // A method may name a subspace in each branch: one user all the same.
    let mut seen = HashSet::new();
    let mut users: HashMap<u64, usize> = HashMap::new();
    for (_, _, reference) in facts.references() {
        let id = reference.subspace.unwrap_or(u64::MAX);
        if seen.insert((id, &reference.path)) {
            *users.entry(id).or_default() += 1;
        }
    }
    for (table, device, references) in devices(facts, "DMT0001") {
        let named = references.iter().filter(is_descriptor).take(2);
        for (n, reference) in named.enumerate() {
            let Some(channel) = target(pcct, reference) else { continue };
            let (role, wanted) = [("outbox", 3), ("inbox", 4)][n];
            if channel.kind != wanted {
                let text = format!(
                    "the {role} is {}, type {wanted} wanted",
                    channel.title()
                );
                sink.object(table, &device.path, reference.at, text);
            } else if users.get(&(channel.id as u64)).is_some_and(|n| *n > 1) {
                let text = format!(
                    "{} is used by something else too",
                    channel.title()
                );
                sink.object(table, &device.path, reference.at, text);
            }
        }
    }
}
