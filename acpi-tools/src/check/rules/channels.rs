//! What many rules look at: the PCCT, and its channels one by one.

use crate::check::rule::Sink;
use crate::platform::Facts;
use crate::table::{Channel, Pcct, Table};

/// The PCCT, if there is one.
pub fn pcct<'f>(facts: &'f Facts) -> Option<(&'f Table, &'f Pcct<'f>)> {
    facts.pcct.as_ref().map(|(table, pcct)| (*table, pcct))
}

/// Calls `look` for every channel of which all fields are there.
pub fn each(facts: &Facts, mut look: impl FnMut(&Table, &Pcct, &Channel)) {
    if let Some((table, pcct)) = pcct(facts) {
        for channel in pcct.channels.iter().filter(|c| c.whole()) {
            look(table, pcct, channel);
        }
    }
}

/// One finding for each channel that collides with one before it, however
/// many those are: `wrong` says where in the second, and what is wrong.
pub fn pairs(
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
pub fn overlap(a: u64, a_length: u64, b: u64, b_length: u64) -> bool {
    let last = |base: u64, length: u64| base.saturating_add(length - 1);
    a_length > 0
        && b_length > 0
        && a <= last(b, b_length)
        && b <= last(a, a_length)
}
