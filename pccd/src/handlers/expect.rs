//! Expectations: how often handlers must answer, and in which order.

use super::error::{Problem, nearest};
use super::file::File;
use super::load::problem_at;
use super::locate::{Side, Step};
use super::memory::{Count, Memory};
use super::value::Wrong;
use super::{Handlers, Names, Source};

/// The names of `expect_order`, all files together.
pub(super) fn order(
    parsed: &[(Source, File)],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let known = || {
        names.0.keys().filter(|(kind, _)| *kind == "handler").map(|(_, n)| n)
    };
    let mut order = Vec::new();
    for (Source { name: file, text }, parsed) in parsed {
        for (index, name) in parsed.expect_order.iter().enumerate() {
            if known().any(|known| known == name) {
                order.push(name.clone());
                continue;
            }
            let path =
                [Step::Key("expect_order".to_owned()), Step::Index(index)];
            let wrong = Wrong {
                message: format!("there is no handler `{name}`"),
                expected: Some("the name of a handler".to_owned()),
                suggestion: nearest(name, known().map(String::as_str))
                    .map(str::to_owned),
            };
            problems.push(problem_at(file, text, &path, Side::Value, wrong));
        }
    }
    order
}

impl Handlers {
    /// Whether anything is expected.
    pub fn expects(&self) -> bool {
        !self.order.is_empty()
            || self.handlers.iter().any(|handler| handler.bounds.is_some())
    }

    /// Expectations that are not met.
    pub fn unmet(&self, memory: &Memory) -> Vec<String> {
        let mut unmet: Vec<String> =
            self.exceeded(memory).into_iter().map(|(_, text)| text).collect();
        for handler in &self.handlers {
            let times = memory.times(&handler.name);
            if let Some(bounds) = handler.bounds
                && times < bounds.least
            {
                unmet.push(format!(
                    "`{}` ({}) answered {}, expected at least {}",
                    handler.name,
                    handler.file,
                    often(times),
                    bounds.least
                ));
            }
        }
        let mut before: Option<(&String, Count)> = None;
        for name in &self.order {
            let Some(count) = memory.counts.get(name) else {
                unmet.push(format!(
                    "`{name}` never answered, expected in `expect_order`"
                ));
                continue;
            };
            if let Some((earlier, first)) = before
                && first.first > count.first
            {
                unmet.push(format!(
                    "`{name}` answered before `{earlier}`, expected after it"
                ));
            }
            before = Some((name, *count));
        }
        unmet
    }

    /// Expectations that nothing can meet any more: handler, and what.
    pub fn exceeded(&self, memory: &Memory) -> Vec<(String, String)> {
        let handlers = self.handlers.iter().filter_map(|handler| {
            let times = memory.times(&handler.name);
            let most = handler.bounds?.most;
            (times > most).then(|| {
                let text = format!(
                    "`{}` ({}) answered {}, expected at most {most}",
                    handler.name,
                    handler.file,
                    often(times),
                );
                (handler.name.clone(), text)
            })
        });
        handlers.collect()
    }
}

fn often(times: u64) -> String {
    match times {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    }
}
