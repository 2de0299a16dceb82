//! What runs scenarios: a guest, or in tests something that behaves like one.

use std::time::Duration;

use anyhow::Result;

use super::scenario::Scenario;
use crate::sign::Sign;

/// What came of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What is wrong.
    pub signs: Vec<Sign>,
    /// What each action gave: its exit status, and what it printed.
    pub gave: Vec<String>,
    /// How many requests the platform decided about.
    pub requests: u64,
    /// How long it took.
    pub took: Duration,
    /// Whether the guest is of no use any more.
    pub is_over: bool,
}

/// Runs scenarios, one after the other.
pub trait Target {
    /// Begins anew, with a guest in which nothing has happened yet.
    ///
    /// # Errors
    /// When there can be none.
    fn renew(&mut self) -> Result<()>;

    /// Runs a scenario. `hits` gets how often each edge of the driver's code
    /// was taken.
    ///
    /// # Errors
    /// Our own trouble; what goes wrong in the guest is in [`Observed`].
    fn run(&mut self, scenario: &Scenario, hits: &mut [u8])
    -> Result<Observed>;

    /// Looks whether the driver works with a platform that varies nothing,
    /// after these actions.
    ///
    /// # Errors
    /// As [`Target::run`].
    fn alive(&mut self, after: &[String]) -> Result<Observed>;

    /// What the guest left that a finding keeps: the console, pccd's log.
    ///
    /// # Errors
    /// When it cannot be copied.
    fn keep(&mut self, folder: &std::path::Path) -> Result<()>;
}
