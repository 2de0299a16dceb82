//! From a file's shape to handlers that work: every name looked up, every
//! value converted, every answer tried out, so that what is wrong is found
//! at the start and not when a message comes.

use super::matcher::Matcher;
use super::matching::{expected_request, matcher};
use super::request::scope;
use super::rule::HandlerFile;
use super::step::{self, Step};
use crate::script::check::{Checker, Uses};
use crate::script::condition::Condition;
use crate::script::locate::Place;
use crate::script::problem::Wrong;
use crate::script::template::is_template;

/// How often a handler must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub least: u64,
    pub most: u64,
}

#[derive(Debug, Clone)]
pub struct Handler {
    pub name: String,
    /// The file it stands in.
    pub file: String,
    pub priority: i32,
    pub matcher: Matcher,
    /// Whether it is asked about messages of a wrong length.
    pub any_length: bool,
    /// Scenarios and variables it needs.
    pub when: Vec<(String, Condition)>,
    /// A template that must give `true`.
    pub only_if: Option<String>,
    /// What it does, step by step; at least one.
    pub steps: Vec<Step>,
    /// Whether the steps begin anew.
    pub repeat: bool,
    /// How often it must answer.
    pub bounds: Option<Bounds>,
    /// Whether its answers are counted.
    pub counts: bool,
    /// Whether its answers depend on the time.
    pub timely: bool,
}

impl Handler {
    /// What it does the n-th time, from 1.
    pub fn step(&self, time: u64) -> Option<&Step> {
        let total: u64 = self
            .steps
            .iter()
            .fold(0, |sum, step| sum.saturating_add(step.times));
        let mut left = time.saturating_sub(1);
        if self.repeat {
            left = left.checked_rem(total).unwrap_or(0);
        }
        for step in &self.steps {
            if left < step.times {
                return Some(step);
            }
            left -= step.times;
        }
        self.steps.last()
    }
}

/// A handler, or mistakes.
pub(crate) fn handler(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    file: &str,
    source: &HandlerFile,
) -> Option<Handler> {
    let before = check.mistakes.len();
    check.uses = Uses::default();
    check.name(at, &source.name);
    let matcher = matcher(check, &at.key("match"), &source.matching);
    let when = check.when(&at.key("when"), &source.when);
    if let Some(source) = &source.only_if {
        let found = match is_template(source) {
            true => scope(true).check(check, source),
            false => Err(Wrong::new(
                format!("`{source}` is no template"),
                "as in \"{{ request.tag > 3 }}\"",
            )),
        };
        check.take(&at.key("if"), found);
    }
    let start = matcher.as_ref().map(expected_request).unwrap_or_default();
    let steps = step::steps(check, at, source, &start);
    let bounds = bounds(check, &at.key("expect"), source);
    if check.mistakes.len() > before {
        return None;
    }
    let matcher = matcher?;
    // A program is told the count, and may go by the time.
    let is_exec = steps.iter().any(Step::is_exec);
    let is_sequence = steps.len() > 1;
    Some(Handler {
        name: source.name.clone(),
        file: file.to_owned(),
        priority: source.priority,
        any_length: source.any_length || matcher.says_length(),
        matcher,
        when,
        only_if: source.only_if.clone(),
        counts: check.uses.count || is_sequence || is_exec || bounds.is_some(),
        timely: check.uses.time || is_exec,
        steps,
        repeat: source.repeat,
        bounds,
    })
}

fn bounds(
    check: &mut Checker<'_>,
    at: &Place<'_>,
    source: &HandlerFile,
) -> Option<Bounds> {
    let expect = source.expect.as_ref()?;
    let least = expect.at_least.map_or(0, |number| number.0);
    let most = expect.at_most.map_or(u64::MAX, |number| number.0);
    if expect.at_least.is_none() && expect.at_most.is_none() {
        let wrong = Wrong::new(
            "an expectation of nothing",
            "`at_least`, `at_most` or both",
        );
        check.wrong(at, wrong);
    } else if least > most {
        let wrong = Wrong::new(
            format!("at least {least} and at most {most}"),
            "an `at_least` that is not more than `at_most`",
        );
        check.wrong(at, wrong);
    }
    Some(Bounds { least, most })
}
