//! What becomes of a message once it is decided about: written down, then
//! published, then its requests are removed (docs/mailbox.md §7).

use std::io::Write;
use std::time::Instant;

use super::super::intake::{Receipt, Said};
use super::super::ledger::file::{Answer, Due, Progress};
use super::super::opened::Opened;
use super::{Service, Trouble, later};
use crate::log::Log;
use crate::mailbox::{Mailbox, RequestName};
use crate::platform::{Action, Changes};
use crate::record::{Event, Record};
use crate::script::delay::Wait;
use crate::stats::NEVER;
use crate::vary::DROPPED;

impl Service {
    /// Writes down what is decided about a message, and does what is due.
    pub(super) fn act<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        requests: Vec<RequestName>,
        mut action: Action,
        start: Instant,
        mut receipt: Option<Receipt>,
    ) -> Result<(), Trouble> {
        let mut released = Vec::new();
        if let (Some(varied), Some(last), None) =
            (&mut self.varied, requests.last(), &action.held)
        {
            released = varied.vary(&self.site, last, &mut action);
        }
        if action.wait == Wait::Never && action.reason.is_none() {
            action.reason = Some(NEVER.to_owned());
        }
        self.intake.complete(&requests);
        if action.held.is_some()
            || action.reason.is_some()
            || !action.notes.is_empty()
            || !self.journal.ledger.answers.is_empty()
        {
            // There is something to say or to do after it.
            self.intake.write_receipt(&self.site, log, &mut receipt);
        }
        if let Some(held) = action.held {
            self.held.ask(requests, held, start);
            return Ok(());
        }
        let Some(last) = requests.last() else {
            return Ok(());
        };
        let remarks = {
            let mut reason = self.site.record(Event::Ignored).named(last);
            reason.handler = action.handler.clone();
            let note = Record { event: Event::Note, ..reason.clone() };
            let reasons = action.reason.map(|text| reason.because(text));
            let notes = action.notes.into_iter();
            let notes = notes.map(move |text| note.clone().because(text));
            // Once, however often it is tried to write it down.
            let all: Vec<Record> = reasons.into_iter().chain(notes).collect();
            let name = last.to_string();
            let says = all.is_empty() || self.intake.log(Said::Decided, &name);
            if says { all } else { Vec::new() }
        };
        let now = (self.site.clock)();
        let handler = action.handler.unwrap_or_default();
        let is_later = action.later.is_some();
        let is_dropped = action.later == Some(DROPPED);
        let (at_once, after): (Vec<_>, Vec<_>) = action
            .unasked
            .into_iter()
            .partition(|(_, after)| !is_dropped && (*after == 0 || is_later));
        let at_once = at_once.into_iter().map(|(sending, _)| sending).collect();
        let reply = action.reply;
        let wait = if is_later { Wait::Never } else { action.wait };
        let by = handler.clone();
        let mut answer =
            self.journal.answer(&requests, by, reply, at_once, wait, now);
        answer.in_order = action.in_order && !is_later;
        answer.progress.start = answer.progress.start.map(|_| start);
        let after_it = self.journal.take(&released);
        let mut answers = vec![answer];
        for (sending, after) in after {
            let wait = match action.wait {
                Wait::Ms(ms) => Wait::Ms(ms.saturating_add(after)),
                Wait::Never => Wait::Never,
            };
            let (by, one) = (handler.clone(), vec![sending]);
            answers.push(self.journal.answer(&[], by, None, one, wait, now));
        }
        // They come right after this one.
        let follow = answers.first().map(|first| match first.due {
            Due::Never => (Due::Now, None),
            due => (due, first.progress.deadline),
        });
        answers.extend(after_it.iter().map(|one| {
            let mut one = one.clone();
            (one.due, one.progress.deadline) = follow.unwrap_or_default();
            one
        }));
        // What changes nothing may be decided anew; all else is written
        // down before anybody can see it.
        let plain = action.changes.is_none()
            && !action.timely
            && answers.len() == 1
            && answers.iter().all(|answer| {
                answer.unasked.is_empty()
                    && answer.replies.len() <= 1
                    && answer.requests.len() == 1
                    && answer.due == Due::Now
            });
        if !plain || self.site.platform.handlers().expects() {
            self.intake.write_receipt(&self.site, log, &mut receipt);
        }
        for remark in remarks {
            log.write(&remark);
        }
        let committed = self.commit(opened, answers, action.changes, plain);
        if let Err(trouble) = committed {
            self.journal.ledger.answers.extend(after_it);
            return Err(trouble);
        }
        if let (Some(varied), Some(last)) = (&mut self.varied, requests.last())
        {
            varied.committed(last, action.later, &released);
        }
        let platform = &self.site.platform;
        let exceeded = match self.varied {
            None => {
                self.verdict.exceeded(platform.handlers(), platform.memory())
            }
            Some(_) => Vec::new(),
        };
        for text in exceeded {
            log.write(&self.site.record(Event::Failed).because(text));
        }
        self.finish(opened, log, &mut receipt)
    }

    pub(super) fn commit(
        &mut self,
        opened: &Opened,
        answers: Vec<Answer>,
        changes: Option<Changes>,
        plain: bool,
    ) -> Result<(), Trouble> {
        let state = &opened.state;
        let taken = self.journal.commit(state, answers, changes, plain);
        let taken = taken.map_err(later("write the ledger"))?;
        if let Some(Changes { endpoint, memory }) = taken {
            self.site.platform.set(endpoint, memory);
        }
        Ok(())
    }

    /// Publishes what is decided and due, and removes its requests.
    /// Interrupted anywhere, it may be done again.
    pub(super) fn finish<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        receipt: &mut Option<Receipt>,
    ) -> Result<(), Trouble> {
        let now = (self.site.clock)();
        let mut from = 0;
        let mut lone = false;
        while let Some((at, answer)) = self.journal.due(from, now) {
            from = at;
            let mailbox = &mut opened.mailbox;
            // When all its requests are gone, everything was published; not
            // so if they were read just now.
            if receipt.is_some()
                || answer.requests.is_empty()
                || answer.requests.iter().any(|name| mailbox.holds(name))
            {
                let mut done = answer.progress.published;
                let published =
                    self.publish(mailbox, log, &answer, &mut done, receipt);
                self.intake.write_receipt(&self.site, log, receipt);
                self.journal.published(at, done);
                published?;
                for name in &answer.requests {
                    mailbox.unlink(name).map_err(later("remove a request"))?;
                    self.intake.gone(name);
                }
            }
            self.journal.ledger.answers.remove(at);
            lone |= answer.requests.is_empty();
        }
        self.intake.write_receipt(&self.site, log, receipt);
        if lone {
            // No request tells a later life that these are out.
            let stored = self.journal.store(&opened.state);
            stored.map_err(later("write the ledger"))?;
        }
        Ok(())
    }

    /// Publishes the files of an answer but for the first `done`, and counts
    /// those on.
    fn publish<W: Write>(
        &mut self,
        mailbox: &mut Mailbox,
        log: &mut Log<W>,
        answer: &Answer,
        done: &mut usize,
        receipt: &mut Option<Receipt>,
    ) -> Result<(), Trouble> {
        let Progress { start, inherited, .. } = answer.progress;
        let last = answer.replies.len();
        let replies = answer.replies.iter().map(|file| (file, true));
        let unasked = answer.unasked.iter().map(|file| (file, false));
        for (k, (file, is_reply)) in
            (1..).zip(replies.chain(unasked)).skip(*done)
        {
            let content = &file.content;
            let mut name = file.name.clone();
            if is_reply {
                let published = mailbox.publish_reply(&name, content);
                published.map_err(later("publish a reply"))?;
            } else if let Ok(wanted) = name.parse() {
                let published = mailbox.publish_unasked(wanted, content);
                let taken =
                    published.map_err(later("publish an unasked message"))?;
                name = taken.to_string();
            } else {
                continue;
            }
            *done = k;
            let latency_us =
                start.map(|start| (self.site.clock)().micros_since(start));
            self.intake.write_receipt(&self.site, log, receipt);
            let event = if is_reply { Event::Replied } else { Event::Unasked };
            let mut record = self.site.seen(event, &name, content);
            record.request = answer.requests.last().cloned();
            record.handler =
                Some(answer.handler.clone()).filter(|name| !name.is_empty());
            record.latency_us = latency_us;
            if inherited && answer.due == Due::Now {
                record = record.because("committed before an interruption");
            }
            if k == last {
                record = record.with_message(&answer.reply, last);
            }
            log.write(&record);
        }
        Ok(())
    }
}
