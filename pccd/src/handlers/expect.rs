//! Expectations: how often handlers must answer, and in which order.

use super::Handlers;
use crate::script::memory::{Count, Memory};

impl Handlers {
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
