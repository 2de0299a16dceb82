//! Messages that wait for a program.

use std::time::Instant;

use crate::clock::Now;
use crate::mailbox::RequestName;
use crate::platform;
use crate::programs::Programs;
use crate::script::problem::Wrong;
use crate::wake::Waker;

/// A message whose program has been asked.
pub struct Waiting {
    id: u64,
    pub requests: Vec<RequestName>,
    pub held: Box<platform::Held>,
    /// When its last request was read.
    pub start: Instant,
}

/// What became of a message: what its program said, or why it said nothing.
pub type Answered = (Waiting, Result<String, Wrong>);

/// All of them, and their programs.
pub struct Held {
    programs: Programs,
    waiting: Vec<Waiting>,
}

impl Held {
    pub fn new(waker: Waker) -> Self {
        Self { programs: Programs::new(waker), waiting: Vec::new() }
    }

    /// Asks a program about a message.
    pub fn ask(
        &mut self,
        requests: Vec<RequestName>,
        held: Box<platform::Held>,
        start: Instant,
    ) {
        let id = self.programs.ask(held.question.clone());
        self.waiting.push(Waiting { id, requests, held, start });
    }

    /// Nothing that waits counts any more.
    pub fn forget(&mut self) {
        self.waiting.clear();
        self.programs.forget();
    }

    /// The handlers are other ones.
    pub fn restart(&mut self) {
        self.programs.restart();
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn next(&self) -> Option<Instant> {
        self.programs.deadline()
    }

    /// Whether a request waits for a program, or comes after one of its
    /// channel that does.
    pub fn holds(&self, name: &RequestName) -> bool {
        self.waiting.iter().any(|waiting| {
            waiting.requests.contains(name)
                || waiting.requests.last().is_some_and(|last| {
                    last.subspace == name.subspace && last.epoch == name.epoch
                })
        })
    }

    /// The messages whose programs have answered, and what else is to be
    /// logged of programs.
    pub fn work(&mut self, now: Now) -> (Vec<Answered>, Vec<String>) {
        let (answers, notes) = self.programs.work(now.instant);
        let answered = answers.into_iter().filter_map(|(id, answer)| {
            let at = self.waiting.iter().position(|one| one.id == id)?;
            Some((self.waiting.remove(at), answer))
        });
        (answered.collect(), notes)
    }
}
