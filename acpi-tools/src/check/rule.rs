//! What a rule is, and what it may find.

use crate::platform::Facts;
use crate::table::{Channel, Table};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Suspicious: allowed, but hardly meant.
    Warning,
    /// Allowed by the specification, but Linux cannot work with it.
    Linux,
    /// Against the specification.
    Error,
}

impl Severity {
    /// The letter in output: E, L, W, I.
    pub fn letter(self) -> &'static str {
        match self {
            Severity::Error => "E",
            Severity::Linux => "L",
            Severity::Warning => "W",
            Severity::Info => "I",
        }
    }
}

/// Who is to use the tables.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum,
)]
pub enum Target {
    /// The specification alone.
    Spec,
    /// Linux 6.12.
    #[value(name = "linux-6.12")]
    Linux612,
    /// Linux 7.
    #[value(name = "linux-7")]
    Linux7,
}

impl Target {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Target::Spec => "spec",
            Target::Linux612 => "linux-6.12",
            Target::Linux7 => "linux-7",
        }
    }
}

/// What Linux does with such a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It works all the same.
    None,
    /// That depends on bytes which are not there to be judged.
    Unknown,
    /// That channel or its user does not work.
    Channel,
    /// It refuses the table: no channel works.
    Table,
}

/// The kernels whose source and behaviour is known.
pub const KERNELS: &[Target] = &[Target::Linux612, Target::Linux7];

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable id, as in `PCCT-051`.
    pub id: &'static str,
    /// How bad it is by the specification.
    pub severity: Severity,
    /// What Linux does.
    pub effect: Effect,
    /// Which kernels do so.
    pub kernels: &'static [Target],
    /// One line.
    pub title: &'static str,
    /// Where it is said.
    pub source: &'static str,
    /// Why it matters.
    pub explanation: &'static str,
    /// What to do.
    pub fix: &'static str,
    pub(crate) check: fn(&Facts, &mut Sink),
}

impl Rule {
    /// How bad it is for a target: what stops Linux is at least an L for it.
    pub fn severity_for(&self, target: Target) -> Severity {
        match self.effect {
            Effect::None => self.severity,
            _ if !self.kernels.contains(&target) => self.severity,
            _ => self.severity.max(Severity::Linux),
        }
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.id == other.id
    }
}

/// Something a rule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What Linux does; some findings of a rule may be harmless to it.
    pub effect: Effect,
    /// The table: signature and origin.
    pub table: String,
    /// Where that came from.
    pub origin: String,
    /// Offset in the table.
    pub at: Option<usize>,
    /// What it is about: "subspace 3 (type 4)".
    pub subject: String,
    /// What is wrong, with the values.
    pub text: String,
    /// So many more of the rule were found and are not in the list.
    pub more: usize,
    /// Which kernels it stops: those of the rule, or fewer.
    pub kernels: &'static [Target],
    /// It is one for a single target only.
    pub only: Option<Target>,
}

impl Finding {
    /// How bad it is for a target.
    pub fn severity(&self, target: Target) -> Severity {
        if self.effect == Effect::None || !self.kernels.contains(&target) {
            return self.rule.severity;
        }
        self.rule.severity_for(target)
    }

    /// The finding is one for that target: what only Linux cannot take is
    /// none against the specification.
    pub fn concerns(&self, target: Target) -> bool {
        self.only.is_none_or(|only| only == target)
            && (self.rule.severity != Severity::Linux
                || self.kernels.contains(&target))
    }

    /// How many were found: itself, and those that it stands for.
    pub fn count(&self) -> usize {
        1 + self.more
    }
}

/// So many findings of one rule are listed, the rest is counted: more than
/// any machine has (2048 processors with 21 registers each), and a bound for
/// a hostile table.
pub(super) const MOST: usize = 65_536;

/// Takes the findings of one rule.
pub struct Sink {
    pub(super) rule: &'static Rule,
    pub(super) findings: Vec<Finding>,
}

impl Sink {
    fn push(
        &mut self,
        table: &Table,
        at: Option<usize>,
        subject: String,
        text: String,
    ) -> &mut Finding {
        let full = self.findings.len() >= MOST;
        let dropped = self.findings.pop_if(|_| full);
        let more = dropped.map_or(0, |last| last.count());
        self.findings.push(Finding {
            rule: self.rule,
            effect: self.rule.effect,
            table: match crate::tree::is_tree(&table.bytes) {
                true => "device tree".to_owned(),
                false => table.signature(),
            },
            origin: table.origin.clone(),
            at,
            subject,
            text,
            more,
            kernels: self.rule.kernels,
            only: None,
        });
        self.findings.last_mut().expect("one was pushed just now")
    }

    /// A finding about a table.
    pub(crate) fn table(
        &mut self,
        table: &Table,
        at: usize,
        text: impl Into<String>,
    ) -> &mut Finding {
        self.push(table, Some(at), table.signature(), text.into())
    }

    /// A finding about a channel.
    pub(crate) fn channel(
        &mut self,
        table: &Table,
        channel: &Channel,
        at: usize,
        text: impl Into<String>,
    ) -> &mut Finding {
        self.push(table, Some(at), channel.title(), text.into())
    }

    /// A finding about an object.
    pub(crate) fn object(
        &mut self,
        table: &Table,
        path: &str,
        at: usize,
        text: impl Into<String>,
    ) -> &mut Finding {
        self.push(table, Some(at), path.to_owned(), text.into())
    }

    /// A finding without an offset.
    pub(crate) fn whole(
        &mut self,
        table: &Table,
        text: impl Into<String>,
    ) -> &mut Finding {
        self.push(table, None, table.signature(), text.into())
    }
}
