//! Handlers: which messages of MCTP are answered, and with what.
//!
//! They are asked in the order of their priority, then of their file's path,
//! then of their place in it; the first that matches answers, or passes on to
//! the next. No file is opened here, and nothing is known of registers.

pub(crate) mod ask;
pub(crate) mod compile;
pub(crate) mod endpoint;
pub(crate) mod exec;
mod expect;
pub(crate) mod fault;
mod index;
mod make;
mod matcher;
mod matching;
mod overlap;
pub(crate) mod request;
pub(crate) mod rule;
mod schema;
mod step;
mod value;

use minijinja::Environment;

use self::compile::Handler;
use self::index::Index;
pub use self::make::message_from;
pub(crate) use self::step::{Timed, timed};
use crate::script::memory::Declared;

/// All handlers, in the order they are asked.
#[derive(Debug)]
pub struct Handlers {
    handlers: Vec<Handler>,
    index: Index,
    timed: Vec<Timed>,
    order: Vec<String>,
    declared: Declared,
    environment: Environment<'static>,
}

impl Handlers {
    /// Handlers in the order of their files; `order` are names of those that
    /// must answer for the first time in it.
    pub fn new(
        mut handlers: Vec<Handler>,
        timed: Vec<Timed>,
        order: Vec<String>,
        declared: Declared,
        environment: Environment<'static>,
    ) -> Self {
        for handler in &mut handlers {
            handler.counts |= order.contains(&handler.name);
        }
        handlers.sort_by_key(|handler| std::cmp::Reverse(handler.priority));
        let mut index = Index::default();
        for (number, handler) in handlers.iter().enumerate() {
            index.add(number, &handler.matcher);
        }
        Self { handlers, index, timed, order, declared, environment }
    }

    /// Message types they answer, as far as they say so.
    pub fn types(&self) -> impl Iterator<Item = u8> {
        self.handlers.iter().flat_map(|handler| handler.matcher.types())
    }

    /// The names of all, messages by the clock included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let handlers = self.handlers.iter().map(|one| one.name.as_str());
        handlers.chain(self.timed.iter().map(|one| one.name.as_str()))
    }

    /// How many there are, messages by the clock included.
    pub fn len(&self) -> usize {
        self.handlers.len() + self.timed.len()
    }
}

#[cfg(test)]
mod tests;
