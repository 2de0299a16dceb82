//! Random numbers that are the same again.

use std::sync::{Arc, Mutex};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// Random numbers that are the same for the same seed, request and handler.
#[derive(Debug, Clone)]
pub struct Dice(Arc<Mutex<Pcg64Mcg>>);

impl Dice {
    /// Dice for a request (or the n-th message by the clock) and a handler.
    pub fn new(seed: u64, serial: u64, handler: &str) -> Self {
        let name = handler.bytes().fold(0_u128, |sum, byte| {
            sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(byte.into())
        });
        let start = (u128::from(seed) << 64 | u128::from(serial))
            .wrapping_add(name.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            // Neighbouring starts must not give neighbouring numbers.
            .wrapping_mul(0xda94_2042_e4dd_58b5_9e37_79b9_7f4a_7c15);
        let mut dice = Pcg64Mcg::new(start | 1);
        for _ in 0..8 {
            dice.random::<u64>();
        }
        Self(Arc::new(Mutex::new(dice)))
    }

    /// A number between two, both included.
    pub fn roll(&self, from: u64, to: u64) -> u64 {
        let (low, high) = (from.min(to), from.max(to));
        match self.0.lock() {
            Ok(mut dice) => dice.random_range(low..=high),
            Err(_) => low,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_the_same_for_the_same_seed_and_spread_out() {
        let rolls = |seed, serial, handler| {
            let dice = Dice::new(seed, serial, handler);
            (0..20).map(|_| dice.roll(1, 6)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1, 2, "a"), rolls(1, 2, "a"));
        assert!(rolls(1, 2, "a").iter().all(|n| (1..=6).contains(n)));
        for other in [rolls(2, 2, "a"), rolls(1, 3, "a"), rolls(1, 2, "b")] {
            assert_ne!(rolls(1, 2, "a"), other);
        }
        let mut seen = [0; 7];
        for serial in 0..6000 {
            let roll = Dice::new(0, serial, "a").roll(1, 6);
            seen[usize::try_from(roll).unwrap()] += 1;
        }
        assert!(seen[1..].iter().all(|n| (800..1200).contains(n)), "{seen:?}");
        assert_eq!(
            Dice::new(0, 0, "").roll(9, 3),
            Dice::new(0, 0, "").roll(3, 9)
        );
    }
}
