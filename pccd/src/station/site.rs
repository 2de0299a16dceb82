//! The platform and the channels of one mailbox, and how the log speaks of its
//! files.

use std::io::Write;
use std::path::PathBuf;

use crate::clock::Clock;
use crate::conduct::{self, Breach};
use crate::log::Log;
use crate::mailbox::{Channels, RequestName};
use crate::platform::Platform;
use crate::record::{Event, Record, Time};

pub struct Site {
    pub path: PathBuf,
    pub clock: Clock,
    pub platform: Platform,
    pub channels: Channels,
}

impl Site {
    pub fn record(&self, event: Event) -> Record {
        let mut record = Record::new((self.clock)().time, event);
        record.mailbox = Some(self.path.display().to_string());
        record
    }

    /// A record of a file of the mailbox, decoded as its channel wants it.
    pub fn seen(&self, event: Event, name: &str, content: &[u8]) -> Record {
        let number = name.split('-').nth(2).and_then(|rest| rest.get(..3));
        let subspace = number.and_then(|digits| digits.parse().ok());
        let is_request = !matches!(event, Event::Replied | Event::Unasked);
        let decoded = self.platform.describe(
            &self.channels,
            subspace.unwrap_or(0),
            content,
            is_request,
            event == Event::Unasked,
        );
        let record = self.record(event).named(name);
        let mut record = record.with_decoded(content, decoded);
        // What a guest wrote there may be anything.
        if is_request || record.subspace.is_none() {
            record.subspace = subspace.or(record.subspace);
        }
        let channel = record.subspace.and_then(|id| self.channels.get(id));
        record.subspace_type = channel.map(|channel| channel.kind as u8);
        record
    }

    pub fn note<W: Write>(&self, log: &mut Log<W>, text: &str) {
        log.write(&self.record(Event::Note).because(text));
    }

    /// Writes which rules a request breaks: those its frame shows, and these.
    pub fn write_breaches<W: Write>(
        &self,
        log: &mut Log<W>,
        name: &str,
        content: &[u8],
        time: Time,
        others: Vec<Breach>,
    ) {
        let Ok(request) = name.parse::<RequestName>() else { return };
        let subspace = request.subspace;
        let Some(channel) = self.channels.get(subspace) else { return };
        let frame =
            conduct::frame(channel.kind, subspace, channel.size, content);
        for Breach { rule, reason } in frame.into_iter().chain(others) {
            let mut record = self.record(Event::Conduct).named(name);
            record.time = time;
            record.subspace = Some(subspace);
            record.subspace_type = Some(channel.kind as u8);
            record.rule = Some(rule.to_owned());
            log.write(&record.because(reason));
        }
    }
}
