//! Which channel of the one table is which of the other.

use crate::table::Channel;

/// Pairs of indexes, and what is left on either side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Index in the first, index in the second.
    pub both: Vec<(usize, usize)>,
    /// Only in the first.
    pub old: Vec<usize>,
    /// Only in the second.
    pub new: Vec<usize>,
}

/// What makes a channel itself, from the surest to the weakest.
const TESTS: &[fn(&Channel, &Channel) -> bool] = &[
    |a, b| same_kind(a, b) && same_bell(a, b) && same_memory(a, b),
    |a, b| same_kind(a, b) && same_bell(a, b),
    |a, b| same_kind(a, b) && same_memory(a, b),
    |a, b| same_bell(a, b) && same_memory(a, b),
    |a, b| same_kind(a, b) && a.id == b.id,
    |a, b| a.id == b.id && (same_bell(a, b) || same_memory(a, b)),
];

fn same_kind(a: &Channel, b: &Channel) -> bool {
    a.kind == b.kind
}

fn same_bell(a: &Channel, b: &Channel) -> bool {
    match (a.doorbell, b.doorbell) {
        (Some(a), Some(b)) => {
            let place = |write: crate::table::pcct::Write| {
                let gas = write.register.gas;
                (gas.space, gas.address, write.set)
            };
            a.register.gas.address != 0 && place(a) == place(b)
        }
        _ => false,
    }
}

fn same_memory(a: &Channel, b: &Channel) -> bool {
    a.base != 0 && a.base == b.base
}

/// Matches channels.
pub fn pair(old: &[Channel], new: &[Channel]) -> Pairs {
    let mut of_old = vec![None; old.len()];
    let mut taken = vec![false; new.len()];
    for test in TESTS {
        for (n, a) in old.iter().enumerate() {
            if of_old[n].is_some() {
                continue;
            }
            let free = |m: &usize| !taken[*m] && test(a, &new[*m]);
            // The one at the same place first, if it is as good as others.
            let m = Some(n)
                .filter(|m| *m < new.len() && free(m))
                .or_else(|| (0..new.len()).find(free));
            if let Some(m) = m {
                of_old[n] = Some(m);
                taken[m] = true;
            }
        }
    }
    let mut pairs = Pairs::default();
    for (n, m) in of_old.iter().enumerate() {
        match m {
            Some(m) => pairs.both.push((n, *m)),
            None => pairs.old.push(n),
        }
    }
    pairs.new = (0..new.len()).filter(|m| !taken[*m]).collect();
    pairs
}
