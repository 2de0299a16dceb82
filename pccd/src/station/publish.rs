//! Decide, commit, publish, remove: the steps after a decision, in the
//! order that the promise of docs/mailbox.md §7 rests on.

use std::io::Write;
use std::time::{Duration, Instant};

use super::request::Receipt;
use super::{Opened, Station, Trouble, later};
use crate::daemon::micros_since;
use crate::exchange::{Action, Changes, Sending};
use crate::handlers::Wait;
use crate::log::Log;
use crate::mailbox::{
    Answer, Due, Epoch, Mailbox, Outgoing, RequestName, UnaskedName,
};
use crate::record::{Event, compact, later_by};
use crate::stats::NEVER;
use crate::wire::pcc::split_envelope;

impl Station {
    /// When something that waits so long is published.
    pub(super) fn due(&self, wait: Wait) -> (Due, Option<Instant>) {
        match wait {
            Wait::Ms(0) => (Due::Now, None),
            Wait::Ms(ms) => {
                let wait = Duration::from_millis(ms);
                let deadline = Instant::now().checked_add(wait);
                match later_by((self.clock)(), ms) {
                    Some(at) => (Due::At(at), deadline),
                    None => (Due::Never, None),
                }
            }
            Wait::Never => (Due::Never, None),
        }
    }

    pub(super) fn act<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        requests: Vec<RequestName>,
        mut action: Action,
        start: Instant,
        mut receipt: Option<Receipt>,
    ) -> Result<(), Trouble> {
        if action.wait == Wait::Never && action.reason.is_none() {
            action.reason = Some(NEVER.to_owned());
        }
        for name in &requests {
            self.waiting.remove(name);
        }
        if action.held.is_some()
            || action.reason.is_some()
            || !action.notes.is_empty()
            || !self.ledger.answers.is_empty()
        {
            // There is something to say or to do after it.
            self.write_receipt(log, &mut receipt);
        }
        if let Some(held) = action.held {
            self.hold(requests, held, start);
            return Ok(());
        }
        let Some(last) = requests.last().cloned() else {
            return Ok(());
        };
        if let Some(reason) = action.reason {
            let mut record = self.record(Event::Ignored).named(&last);
            record.handler = action.handler.clone();
            log.write(&record.because(reason));
        }
        for note in action.notes {
            let mut record = self.record(Event::Note).named(&last);
            record.handler = action.handler.clone();
            log.write(&record.because(note));
        }
        let handler = action.handler.unwrap_or_default();
        let (message, replies) = match action.reply {
            Some(Sending { message, contents, .. }) => {
                let files = (1..).zip(contents).map(|(k, content)| Outgoing {
                    name: last.reply(k),
                    content,
                });
                (message, files.collect())
            }
            None => (Vec::new(), Vec::new()),
        };
        let (at_once, after): (Vec<_>, Vec<_>) =
            action.unasked.into_iter().partition(|(_, after)| *after == 0);
        let (due, deadline) = self.due(action.wait);
        let sendings = at_once.into_iter().map(|(sending, _)| sending);
        let answer = Answer {
            requests: requests.iter().map(ToString::to_string).collect(),
            handler: handler.clone(),
            reply: message,
            replies,
            unasked: self.name_unasked(sendings.collect(), due),
            due,
            in_order: action.in_order,
            deadline,
        };
        let mut answers = vec![answer];
        for (sending, after) in after {
            let wait = match action.wait {
                Wait::Ms(ms) => Wait::Ms(ms.saturating_add(after)),
                Wait::Never => Wait::Never,
            };
            answers.push(self.lone(handler.clone(), sending, wait));
        }
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
        if !plain || self.platform.handlers().expects() {
            self.write_receipt(log, &mut receipt);
        }
        self.commit(opened, answers, action.changes, plain)?;
        self.exceeded(log);
        self.finish(opened, log, Some(start), receipt)
    }

    /// A message nobody asked for that is sent at a time of its own.
    pub(super) fn lone(
        &mut self,
        handler: String,
        sending: Sending,
        wait: Wait,
    ) -> Answer {
        let (due, deadline) = self.due(wait);
        Answer {
            requests: Vec::new(),
            handler,
            reply: Vec::new(),
            replies: Vec::new(),
            unasked: self.name_unasked(vec![sending], due),
            due,
            in_order: false,
            deadline,
        }
    }

    /// Writes down what is decided, and takes it over; or neither.
    pub(super) fn commit(
        &mut self,
        opened: &Opened,
        answers: Vec<Answer>,
        changes: Option<Changes>,
        plain: bool,
    ) -> Result<(), Trouble> {
        let count = answers.len();
        self.ledger.answers.extend(answers);
        let before = changes.map(|Changes { endpoint, memory }| {
            let memory = std::mem::replace(&mut self.ledger.memory, memory);
            (std::mem::replace(&mut self.ledger.endpoint, endpoint), memory)
        });
        if !plain && let Err(error) = opened.state.store(&self.ledger) {
            // Nothing is decided; the requests are read again.
            let left = self.ledger.answers.len().saturating_sub(count);
            self.ledger.answers.truncate(left);
            if let Some((endpoint, memory)) = before {
                self.ledger.endpoint = endpoint;
                self.ledger.memory = memory;
            }
            return Err(Trouble::Later("write the ledger", error));
        }
        if before.is_some() {
            let Changes { endpoint, memory } = self.changes();
            self.platform.set(endpoint, memory);
        }
        Ok(())
    }

    fn changes(&self) -> Changes {
        Changes {
            endpoint: self.ledger.endpoint,
            memory: self.ledger.memory.clone(),
        }
    }

    /// Names messages nobody asked for. Names sort in the order of sending,
    /// also when the clock steps back.
    fn name_unasked(
        &mut self,
        unasked: Vec<Sending>,
        due: Due,
    ) -> Vec<Outgoing> {
        let at = match due {
            Due::At(at) => at,
            Due::Now | Due::Never => (self.clock)(),
        };
        let Ok(at) = compact(at).parse::<Epoch>() else {
            // A year beyond 9999: there is no name for that.
            return Vec::new();
        };
        let mut files = Vec::new();
        let mut last = match due {
            Due::Now => self.last_unasked.take(),
            // Others are sent before it.
            Due::At(_) | Due::Never => None,
        };
        for Sending { contents, subspace, .. } in unasked {
            for content in contents {
                let (time, number) = match last.take() {
                    Some((last, number)) if last >= at => (last, number + 1),
                    _ => (at.clone(), 1),
                };
                last = Some((time.clone(), number));
                // One name for both, or the device takes it for malformed.
                let told = split_envelope(&content).0;
                let subspace = told.unwrap_or(subspace);
                let name = UnaskedName { time, number, subspace };
                files.push(Outgoing { name: name.to_string(), content });
            }
        }
        if due == Due::Now {
            self.last_unasked = last;
        }
        files
    }

    /// Publishes what is decided and due, and removes its requests.
    /// Interrupted anywhere, it may be done again.
    pub(super) fn finish<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        start: Option<Instant>,
        mut receipt: Option<Receipt>,
    ) -> Result<(), Trouble> {
        let now = Instant::now();
        let mut next = 0;
        let mut lone = false;
        while let Some(answer) = self.ledger.answers.get(next).cloned() {
            if !answer.is_due(now) {
                next += 1;
                continue;
            }
            let mailbox = &mut opened.mailbox;
            // When all its requests are gone, everything was published; not
            // so if they were read just now.
            if receipt.is_some()
                || answer.requests.is_empty()
                || answer.requests.iter().any(|name| mailbox.holds(name))
            {
                let published =
                    self.publish(mailbox, log, &answer, start, &mut receipt);
                self.write_receipt(log, &mut receipt);
                published?;
                for name in &answer.requests {
                    mailbox.unlink(name).map_err(later("remove a request"))?;
                }
            }
            self.ledger.answers.remove(next);
            lone |= answer.requests.is_empty();
        }
        self.write_receipt(log, &mut receipt);
        if lone {
            // No request tells a later life that these are out.
            let stored = opened.state.store(&self.ledger);
            stored.map_err(later("write the ledger"))?;
        }
        Ok(())
    }

    fn publish<W: Write>(
        &self,
        mailbox: &mut Mailbox,
        log: &mut Log<W>,
        answer: &Answer,
        start: Option<Instant>,
        receipt: &mut Option<Receipt>,
    ) -> Result<(), Trouble> {
        let request = answer.requests.last();
        let handler = (!answer.handler.is_empty()).then_some(&answer.handler);
        let sent = |event, name: &str, content: &[u8], latency| {
            let mut record = self.seen(event, name, content);
            record.request = request.cloned();
            record.handler = handler.cloned();
            record.latency_us = latency;
            match (start, answer.deadline) {
                (Some(_), _) | (None, Some(_)) => record,
                (None, None) => {
                    record.because("committed before an interruption")
                }
            }
        };
        let last = answer.replies.len();
        for (k, reply) in (1..).zip(&answer.replies) {
            mailbox.publish_reply(reply).map_err(later("publish a reply"))?;
            let latency = start.map(micros_since);
            self.write_receipt(log, receipt);
            let (name, content) = (&reply.name, &reply.content);
            let mut record = sent(Event::Replied, name, content, latency);
            if k == last {
                record = record.with_message(&answer.reply, last);
            }
            log.write(&record);
        }
        for unasked in &answer.unasked {
            let Ok(name) = unasked.name.parse::<UnaskedName>() else {
                continue;
            };
            let name = mailbox
                .publish_unasked(name, &unasked.content)
                .map_err(later("publish an unasked message"))?;
            log.write(&sent(
                Event::Unasked,
                &name.to_string(),
                &unasked.content,
                start.map(micros_since),
            ));
        }
        Ok(())
    }
}
