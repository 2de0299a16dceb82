//! Decide, commit, publish, remove: the steps after a decision, in the
//! order that the promise of docs/mailbox.md §7 rests on.

use std::io::Write;
use std::time::Instant;

use super::{Opened, Station, Trouble, later};
use crate::daemon::micros_since;
use crate::exchange::{Action, Sending};
use crate::log::Log;
use crate::mailbox::{
    Answer, Epoch, Mailbox, Outgoing, RequestName, UnaskedName,
};
use crate::record::{Event, compact};

impl Station<'_> {
    pub(super) fn act<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        requests: Vec<RequestName>,
        action: Action,
        start: Instant,
    ) -> Result<(), Trouble> {
        for name in &requests {
            self.waiting.remove(name);
        }
        let Some(last) = requests.last().cloned() else {
            return Ok(());
        };
        let before = self.platform.state();
        let (handler, reply, unasked, state) = match action {
            Action::Ignore { reason, handler, unasked, state } => {
                let mut record = self.record(Event::Ignored).named(&last);
                record.handler = handler.clone();
                log.write(&record.because(reason));
                (handler.unwrap_or_default(), None, unasked, state)
            }
            Action::Answer { handler, reply, unasked, state } => {
                (handler, Some(reply), unasked, state)
            }
        };
        let (message, replies) = match reply {
            Some(Sending { message, contents, .. }) => {
                let files = (1..).zip(contents).map(|(k, content)| Outgoing {
                    name: last.reply(k),
                    content,
                });
                (message, files.collect())
            }
            None => (Vec::new(), Vec::new()),
        };
        let answer = Answer {
            requests: requests.iter().map(ToString::to_string).collect(),
            handler,
            reply: message,
            replies,
            unasked: self.name_unasked(unasked),
        };
        // What changes nothing may be decided anew; all else is written
        // down before anybody can see it.
        let plain = state == before
            && answer.unasked.is_empty()
            && answer.replies.len() <= 1
            && answer.requests.len() == 1;
        self.ledger.answers.push(answer);
        self.ledger.endpoint = state;
        if !plain && let Err(error) = opened.state.store(&self.ledger) {
            // Nothing is decided; the requests are read again.
            self.ledger.answers.pop();
            self.ledger.endpoint = before;
            return Err(Trouble::Later("write the ledger", error));
        }
        self.platform.set_state(state);
        self.finish(opened, log, Some(start))
    }

    /// Names messages nobody asked for. Names sort in the order of sending,
    /// also when the clock steps back.
    fn name_unasked(&mut self, unasked: Vec<Sending>) -> Vec<Outgoing> {
        let Ok(now) = compact((self.clock)()).parse::<Epoch>() else {
            // A year beyond 9999: there is no name for that.
            return Vec::new();
        };
        let mut files = Vec::new();
        for Sending { contents, subspace, .. } in unasked {
            for content in contents {
                let (time, number) = match self.last_unasked.take() {
                    Some((last, number)) if last >= now => (last, number + 1),
                    _ => (now.clone(), 1),
                };
                self.last_unasked = Some((time.clone(), number));
                let name = UnaskedName { time, number, subspace };
                files.push(Outgoing { name: name.to_string(), content });
            }
        }
        files
    }

    /// Publishes what is decided and removes its requests. Interrupted
    /// anywhere, it may be done again.
    pub(super) fn finish<W: Write>(
        &mut self,
        opened: &mut Opened,
        log: &mut Log<W>,
        start: Option<Instant>,
    ) -> Result<(), Trouble> {
        while let Some(answer) = self.ledger.answers.first().cloned() {
            let mailbox = &mut opened.mailbox;
            // When all its requests are gone, everything was published.
            if answer.requests.iter().any(|name| mailbox.holds(name)) {
                self.publish(mailbox, log, &answer, start)?;
                for name in &answer.requests {
                    mailbox.unlink(name).map_err(later("remove a request"))?;
                }
            }
            self.ledger.answers.remove(0);
        }
        Ok(())
    }

    fn publish<W: Write>(
        &self,
        mailbox: &mut Mailbox,
        log: &mut Log<W>,
        answer: &Answer,
        start: Option<Instant>,
    ) -> Result<(), Trouble> {
        let request = answer.requests.last();
        let handler = (!answer.handler.is_empty()).then_some(&answer.handler);
        let sent = |event, name: &str, content: &[u8]| {
            let mut record =
                self.record(event).named(name).with_content(content);
            record.request = request.cloned();
            record.handler = handler.cloned();
            record.latency_us = start.map(micros_since);
            match start {
                Some(_) => record,
                None => record.because("committed before an interruption"),
            }
        };
        let last = answer.replies.len();
        for (k, reply) in (1..).zip(&answer.replies) {
            mailbox.publish_reply(reply).map_err(later("publish a reply"))?;
            let mut record = sent(Event::Replied, &reply.name, &reply.content);
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
            ));
        }
        Ok(())
    }
}
