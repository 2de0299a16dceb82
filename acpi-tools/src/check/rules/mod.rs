//! The rules, by what they look at.

mod aml;
mod cpc;
mod interrupt;
mod linux;
mod live;
mod mask;
mod memory;
mod mixed;
mod platform;
mod reference;
mod register;
mod table;
mod timing;
mod user;
mod users;

use super::{Effect, KERNELS, Rule, Severity, Sink, Target};
use crate::field::gsiv;
use crate::platform::Facts;
use crate::table::{Channel, Pcct, Table};

pub(super) const ALL: &[&[Rule]] = &[
    aml::RULES,
    cpc::RULES,
    interrupt::RULES,
    linux::RULES,
    live::RULES,
    mask::RULES,
    memory::RULES,
    mixed::RULES,
    platform::RULES,
    reference::RULES,
    register::RULES,
    table::RULES,
    timing::RULES,
    user::RULES,
    users::RULES,
];

/// The PCCT, if there is one.
fn pcct<'f>(facts: &'f Facts) -> Option<(&'f Table, &'f Pcct<'f>)> {
    facts.pcct.as_ref().map(|(table, pcct)| (*table, pcct))
}

/// Calls `look` for every channel of which all fields are there.
fn each(facts: &Facts, mut look: impl FnMut(&Table, &Pcct, &Channel)) {
    if let Some((table, pcct)) = pcct(facts) {
        for channel in pcct.channels.iter().filter(|c| c.whole()) {
            look(table, pcct, channel);
        }
    }
}

/// One finding for each channel that collides with one before it, however
/// many those are: `wrong` says where in the second, and what is wrong.
fn pairs(
    facts: &Facts,
    sink: &mut Sink,
    wrong: impl Fn(&Pcct, &Channel, &Channel) -> Option<(usize, String)>,
) {
    let Some((table, pcct)) = pcct(facts) else { return };
    let whole: Vec<_> = pcct.channels.iter().filter(|c| c.whole()).collect();
    for (n, two) in whole.iter().enumerate() {
        let mut all = whole[..n].iter().filter_map(|one| wrong(pcct, one, two));
        if let Some((at, mut text)) = all.next() {
            match all.count() {
                0 => {}
                1 => text += ", and the same with one more subspace",
                more => {
                    text +=
                        &format!(", and the same with {more} more subspaces");
                }
            }
            sink.channel(table, two, at, text);
        }
    }
}

/// Two ranges of bytes share at least one.
fn overlap(a: u64, a_length: u64, b: u64, b_length: u64) -> bool {
    let last = |base: u64, length: u64| base.saturating_add(length - 1);
    a_length > 0
        && b_length > 0
        && a <= last(b, b_length)
        && b <= last(a, a_length)
}
