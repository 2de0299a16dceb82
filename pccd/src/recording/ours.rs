//! Recordings of our own: the events of a mailbox.

use std::collections::HashMap;

use super::growing::{Growing, Moment};
use super::request::{Request, Sorter, Took};
use super::side::Said;
use crate::capture::{Entry, Kind, ReadError};
use crate::mailbox::RequestName;
use crate::script::delay::Wait;
use crate::stats::{ANEW, NEVER};
use crate::wire::region::SubspaceType;

/// What takes less, in microseconds, and was not delayed on purpose, is the
/// time of pccd and its host: a replay takes its own.
const OWN_US: u32 = 10_000;

/// A request by its epoch and number.
type Number = (Option<u64>, u32);

/// A mailbox whose events are read.
#[derive(Debug)]
pub struct Ours {
    pub growing: Growing,
    sorter: Sorter<Number>,
    /// Where a request stands that is part of an exchange.
    places: HashMap<Number, usize>,
    /// Events that the capture lacks, as it says itself.
    pub lost: Option<String>,
    /// Replies to requests that it lacks.
    pub strays: usize,
}

impl Ours {
    pub fn new(name: String) -> Self {
        Self {
            growing: Growing::new(name),
            sorter: Sorter::default(),
            places: HashMap::new(),
            lost: None,
            strays: 0,
        }
    }

    pub fn add(&mut self, entry: Entry, at: Moment) -> Result<(), ReadError> {
        self.growing.now(at);
        if let (Some(subspace), Some(kind)) =
            (entry.subspace, entry.subspace_type)
            && let Ok(kind) = SubspaceType::try_from(kind)
        {
            self.growing.side.kinds.insert(subspace, kind);
        }
        let number = entry.sequence.map(|seq| (entry.epoch, seq));
        let place = number.and_then(|number| self.places.get(&number));
        let place = place.copied();
        match entry.kind {
            Kind::Request => self.request(entry, at)?,
            Kind::Rejected => self.rejected(entry, at)?,
            Kind::Reply => {
                let Some(place) = place else {
                    self.strays += 1;
                    return Ok(());
                };
                let subspace = entry.subspace.unwrap_or_default();
                let contents = vec![entry.content];
                let said = Said::Contents { subspace, contents };
                self.growing.reply(place, said, at)?;
                if let Some(exchange) = self.growing.at(place) {
                    exchange.handler = entry.handler;
                    let is_own = entry.latency_us.is_some_and(|us| us < OWN_US);
                    if is_own && exchange.wait != Wait::Never {
                        exchange.wait = Wait::Ms(0);
                    }
                }
            }
            Kind::Unasked => {
                let subspace = entry.subspace.unwrap_or_default();
                let contents = vec![entry.content];
                let said = Said::Contents { subspace, contents };
                self.growing.unasked(place, said, at)?;
            }
            Kind::Ignored => {
                if let Some(place) = place
                    && let Some(exchange) = self.growing.at(place)
                {
                    let is_never = entry.note == NEVER;
                    exchange.wait =
                        if is_never { Wait::Never } else { Wait::Ms(0) };
                    exchange.ignored = (!is_never).then_some(entry.note);
                    exchange.handler = entry.handler;
                }
            }
            Kind::Note if entry.note.starts_with(ANEW) => {
                self.growing.begin_life(at);
                self.sorter.clear();
            }
            Kind::Lost => self.lost = Some(entry.note),
            _ => {}
        }
        Ok(())
    }

    fn request(&mut self, entry: Entry, at: Moment) -> Result<(), ReadError> {
        let Ok(name) = entry.name.parse::<RequestName>() else {
            return Ok(());
        };
        let number = (entry.epoch, name.seq);
        let (content, subspace) = (&entry.content, name.subspace);
        let took = self.sorter.push(subspace, content, number);
        let (asked, lost) = match took {
            Took::Waiting(lost) => (None, lost),
            Took::Dropped(parts, reason) => (None, Some((parts, reason))),
            Took::Request(asked, parts, lost) => (Some((asked, parts)), lost),
        };
        if let Some((parts, _)) = lost {
            let broken = &mut self.growing.side.broken;
            *broken.entry(subspace).or_default() += parts.len();
        }
        let Some((asked, parts)) = asked else { return Ok(()) };
        let place = self.growing.ask(Some(subspace), asked, at)?;
        self.places.extend(parts.into_iter().map(|part| (part, place)));
        if let Some(exchange) = self.growing.at(place) {
            exchange.name = entry.name;
        }
        Ok(())
    }

    /// A request that was malformed. What was no request is nobody's.
    fn rejected(&mut self, entry: Entry, at: Moment) -> Result<(), ReadError> {
        let Ok(name) = entry.name.parse::<RequestName>() else {
            return Ok(());
        };
        if entry.content.is_empty() {
            return Ok(());
        }
        let asked = Request::Content(entry.content);
        let place = self.growing.ask(Some(name.subspace), asked, at)?;
        if let Some(exchange) = self.growing.at(place) {
            exchange.name = entry.name;
            exchange.rejected = Some(entry.note);
        }
        Ok(())
    }
}
