//! Messages that wait for a program.

use std::io::Write;
use std::time::Instant;

use super::{Opened, Station, Trouble};
use crate::exchange::Held;
use crate::log::Log;
use crate::mailbox::RequestName;
use crate::record::Event;

/// A message whose program has been asked.
pub struct Waiting {
    ticket: u64,
    requests: Vec<RequestName>,
    held: Box<Held>,
    start: Instant,
}

impl Station {
    /// Asks a program about a message.
    pub(super) fn hold(
        &mut self,
        requests: Vec<RequestName>,
        held: Box<Held>,
        start: Instant,
    ) {
        let ticket = self.programs.ask(held.question.clone());
        self.held.push(Waiting { ticket, requests, held, start });
    }

    /// Nothing that waits counts any more.
    pub(super) fn forget_held(&mut self) {
        self.held.clear();
        self.programs.forget();
    }

    /// Whether a request waits for a program, or comes after one of its
    /// channel that does.
    pub(super) fn waits(&self, name: &RequestName) -> bool {
        self.held.iter().any(|waiting| {
            waiting.requests.contains(name)
                || waiting.requests.last().is_some_and(|last| {
                    last.subspace == name.subspace && last.epoch == name.epoch
                })
        })
    }

    /// Goes on with the messages whose programs have answered.
    pub(super) fn go_on<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
    ) -> Result<(), Trouble> {
        let (answers, said) = self.programs.work(Instant::now());
        for text in said {
            log.write(&self.record(Event::Note).because(text));
        }
        let mut done = Ok(());
        for (ticket, answer) in answers {
            let of = |waiting: &Waiting| waiting.ticket == ticket;
            let Some(at) = self.held.iter().position(of) else { continue };
            let Waiting { requests, held, start, .. } = self.held.remove(at);
            let now = (self.clock)();
            let message = held.message().to_vec();
            let mut action =
                self.platform.go_on(&self.channels, *held, answer, now);
            self.stop_echo(&message, &mut action);
            // One that cannot be written down is read and asked again.
            let acted = self.act(opened, log, requests, action, start, None);
            done = done.and(acted);
        }
        done
    }
}
