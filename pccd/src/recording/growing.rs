//! A mailbox of a recording as it grows, within bounds.

use super::request::Request;
use super::side::{Exchange, Said, Side, Unasked};
use crate::capture::ReadError;
use crate::record::Time;
use crate::script::delay::Wait;

/// Most requests of a recording, and most bytes of what it says.
const MOST_EXCHANGES: usize = 1_000_000;
const MOST_BYTES: usize = 256 << 20;
/// Longest time that anything waits, in milliseconds: two days.
const LONGEST: u64 = 2 * 86_400_000;

/// A moment of a recording.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub time: Option<Time>,
    /// Byte of the file.
    pub offset: u64,
}

/// One mailbox.
#[derive(Debug, Default)]
pub struct Growing {
    pub side: Side,
    /// Life of the guest, and when each began.
    life: usize,
    began: Vec<Option<Time>>,
    bytes: usize,
    /// How often a time lay before one that counts from it, and where first.
    pub backwards: Option<(usize, u64)>,
}

impl Growing {
    pub fn new(name: String) -> Self {
        let side = Side { name, is_nameless: true, ..Side::default() };
        Self { side, ..Self::default() }
    }

    /// Something happens.
    pub fn now(&mut self, at: Moment) {
        if self.began.is_empty() {
            self.began.push(at.time);
        }
    }

    /// A life of the guest begins.
    pub fn begin_life(&mut self, at: Moment) {
        let has = |side: &Side, life| {
            side.exchanges.last().is_some_and(|one| one.life == life)
                || side.openings.contains_key(&life)
        };
        if has(&self.side, self.life) {
            self.life += 1;
        }
        self.began.truncate(self.life);
        self.began.push(at.time);
    }

    /// Adds a request; returns its place.
    pub fn ask(
        &mut self,
        subspace: Option<u8>,
        asked: Request,
        at: Moment,
    ) -> Result<usize, ReadError> {
        let place = self.side.exchanges.len();
        if place >= MOST_EXCHANGES {
            let reason = format!("more than {MOST_EXCHANGES} requests");
            return Err(ReadError::at(at.offset, reason));
        }
        match &asked {
            Request::Content(content) => self.grow(content.len(), at)?,
            Request::Message(message) => {
                self.grow(message.bytes.len(), at)?;
                self.side.is_nameless &= message.is_nameless();
            }
        }
        self.side.channels.entry(subspace).or_default().push(place);
        self.side.exchanges.push(Exchange {
            number: place + 1,
            life: self.life,
            subspace,
            time: at.time,
            name: String::new(),
            asked,
            rejected: None,
            ignored: None,
            reply: None,
            wait: Wait::Never,
            in_order: true,
            unasked: Vec::new(),
            handler: String::new(),
        });
        Ok(place)
    }

    /// The exchange at a place.
    pub fn at(&mut self, place: usize) -> Option<&mut Exchange> {
        self.side.exchanges.get_mut(place)
    }

    /// Milliseconds from one time to a moment; none where that runs
    /// backwards.
    fn since(
        &mut self,
        from: Option<Time>,
        at: Moment,
    ) -> Result<u64, ReadError> {
        let (Some(from), Some(to)) = (from, at.time) else { return Ok(0) };
        let passed = (to - from).num_milliseconds();
        let Ok(passed) = u64::try_from(passed) else {
            let (count, first) = self.backwards.unwrap_or((0, at.offset));
            self.backwards = Some((count + 1, first));
            return Ok(0);
        };
        if passed > LONGEST {
            let hours = passed / 3_600_000;
            let reason = format!(
                "this comes {hours} hours after what it follows; nothing is \
                 played that waits for more than {} hours",
                LONGEST / 3_600_000
            );
            return Err(ReadError::at(at.offset, reason));
        }
        Ok(passed)
    }

    /// Adds to the reply of a request.
    pub fn reply(
        &mut self,
        place: usize,
        said: Said,
        at: Moment,
    ) -> Result<(), ReadError> {
        self.grow(length(&said), at)?;
        let Some(exchange) = self.side.exchanges.get(place) else {
            return Ok(());
        };
        let (from, subspace) = (exchange.time, exchange.subspace);
        let last = self.side.channels.get(&subspace);
        let is_last = last.and_then(|all| all.last()) == Some(&place);
        if exchange.reply.is_none() {
            let ms = self.since(from, at)?;
            if let Some(exchange) = self.at(place) {
                exchange.wait = Wait::Ms(ms);
                exchange.in_order = is_last;
                exchange.reply = Some(said);
            }
            return Ok(());
        }
        // Later packets of the same answer.
        if let Some(Exchange {
            reply: Some(Said::Contents { contents, .. }),
            ..
        }) = self.at(place)
            && let Said::Contents { contents: more, .. } = said
        {
            contents.extend(more);
        }
        Ok(())
    }

    /// Adds what nobody asked for: after a request, or the last one, or
    /// where a life begins.
    pub fn unasked(
        &mut self,
        place: Option<usize>,
        said: Said,
        at: Moment,
    ) -> Result<(), ReadError> {
        self.grow(length(&said), at)?;
        let life = self.life;
        let last = self.side.exchanges.last();
        let last = last.filter(|one| one.life == life);
        let place = place.or(last.map(|one| one.number - 1));
        let from = match place.and_then(|at| self.side.exchanges.get(at)) {
            Some(exchange) => exchange.time,
            None => self.began.last().copied().flatten(),
        };
        let unasked = Unasked { after: self.since(from, at)?, said };
        match place.and_then(|place| self.at(place)) {
            Some(exchange) => exchange.unasked.push(unasked),
            None => {
                self.side.openings.entry(life).or_default().push(unasked);
            }
        }
        Ok(())
    }

    /// The mailbox, now that it is whole. What was sent after a request that
    /// gets no answer in the log or in the channel counts from one before.
    pub fn finish(self) -> Side {
        let Self { mut side, began, .. } = self;
        let mut last: Option<usize> = None;
        for place in 0..side.exchanges.len() {
            let Some(one) = side.exchanges.get_mut(place) else { break };
            let (time, life) = (one.time, one.life);
            if one.rejected.is_none() && one.wait != Wait::Never {
                last = Some(place);
                continue;
            }
            let unasked = std::mem::take(&mut one.unasked);
            let to = last.and_then(|at| side.exchanges.get_mut(at));
            let to = to.filter(|to| to.life == life);
            let from = match &to {
                Some(to) => to.time,
                None => began.get(life).copied().flatten(),
            };
            let passed = time.zip(from).map_or(0, |(to, from)| {
                u64::try_from((to - from).num_milliseconds()).unwrap_or(0)
            });
            let moved = unasked.into_iter().map(|one| Unasked {
                after: one.after.saturating_add(passed),
                ..one
            });
            match to {
                Some(to) => to.unasked.extend(moved),
                None if moved.len() == 0 => {}
                None => side.openings.entry(life).or_default().extend(moved),
            }
        }
        // They are sent one after the other.
        for openings in side.openings.values_mut() {
            openings.sort_by_key(|one| one.after);
        }
        side
    }

    fn grow(&mut self, bytes: usize, at: Moment) -> Result<(), ReadError> {
        self.bytes += bytes;
        if self.bytes > MOST_BYTES {
            let reason = format!(
                "more than {MOST_BYTES} bytes of messages before this one"
            );
            return Err(ReadError::at(at.offset, reason));
        }
        Ok(())
    }
}

fn length(said: &Said) -> usize {
    match said {
        Said::Contents { contents, .. } => contents.iter().map(Vec::len).sum(),
        Said::Message(message) => message.bytes.len(),
    }
}
