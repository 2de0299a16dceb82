//! Decide, commit, publish, remove: the steps after a decision, in the
//! order that the promise of docs/mailbox.md §7 rests on.

use std::io::Write;
use std::time::{Duration, Instant};

use super::request::Receipt;
use super::{Opened, Station, Trouble, later};
use crate::daemon::micros_since;
use crate::exchange::{Action, Changes, Sending};
use crate::log::Log;
use crate::mailbox::{
    Answer, Due, Epoch, Mailbox, Outgoing, Progress, RequestName, UnaskedName,
};
use crate::record::{Event, Record, compact, later_by};
use crate::script::delay::Wait;
use crate::stats::NEVER;
use crate::wire::pcc::split_envelope;

fn delay(wait: Wait) -> Option<u64> {
    match wait {
        Wait::Ms(ms) => Some(ms).filter(|ms| *ms > 0),
        Wait::Never => None,
    }
}

impl Station {
    /// When something that waits so long is published.
    fn due(&self, wait: Wait, start: Instant) -> (Due, Progress) {
        let mut progress = Progress::default();
        let due = match wait {
            Wait::Ms(0) => {
                progress.start = Some(start);
                Due::Now
            }
            Wait::Ms(ms) => {
                let wait = Duration::from_millis(ms);
                progress.deadline = Instant::now().checked_add(wait);
                later_by((self.clock)(), ms).map_or(Due::Never, Due::At)
            }
            Wait::Never => Due::Never,
        };
        (due, progress)
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
        let remarks = {
            let mut reason = self.record(Event::Ignored).named(&last);
            reason.handler = action.handler.clone();
            let note = Record { event: Event::Note, ..reason.clone() };
            let reasons = action.reason.map(|text| reason.because(text));
            let notes = action.notes.into_iter();
            let notes = notes.map(move |text| note.clone().because(text));
            reasons.into_iter().chain(notes)
        };
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
        let (due, progress) = self.due(action.wait, start);
        let sendings = at_once.into_iter().map(|(sending, _)| sending);
        let answer = Answer {
            requests: requests.iter().map(ToString::to_string).collect(),
            handler: handler.clone(),
            reply: message,
            replies,
            unasked: self.name_unasked(sendings.collect(), due),
            due,
            in_order: action.in_order,
            delay_ms: delay(action.wait),
            progress,
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
        // Decided for good: a further try says none of it again.
        for remark in remarks {
            log.write(&remark);
        }
        self.exceeded(log);
        self.finish(opened, log, &mut receipt)
    }

    /// A message nobody asked for that is sent at a time of its own.
    pub(super) fn lone(
        &mut self,
        handler: String,
        sending: Sending,
        wait: Wait,
    ) -> Answer {
        let (due, progress) = self.due(wait, Instant::now());
        Answer {
            requests: Vec::new(),
            handler,
            reply: Vec::new(),
            replies: Vec::new(),
            unasked: self.name_unasked(vec![sending], due),
            due,
            in_order: false,
            delay_ms: delay(wait),
            progress,
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
        receipt: &mut Option<Receipt>,
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
                let mut done = answer.progress.published;
                let published =
                    self.publish(mailbox, log, &answer, &mut done, receipt);
                self.write_receipt(log, receipt);
                if let Some(answer) = self.ledger.answers.get_mut(next) {
                    answer.progress.published = done;
                }
                published?;
                for name in &answer.requests {
                    mailbox.unlink(name).map_err(later("remove a request"))?;
                    self.logged.remove(name);
                }
            }
            self.ledger.answers.remove(next);
            lone |= answer.requests.is_empty();
        }
        self.write_receipt(log, receipt);
        if lone {
            // No request tells a later life that these are out.
            let stored = opened.state.store(&self.ledger);
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
                let published = mailbox.publish_reply(file);
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
            let latency_us = start.map(micros_since);
            self.write_receipt(log, receipt);
            let event = if is_reply { Event::Replied } else { Event::Unasked };
            let mut record = self.seen(event, &name, content);
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
