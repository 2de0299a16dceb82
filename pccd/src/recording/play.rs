//! How far a guest has come in a recording, and what it gets next.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::request::Request;
use super::side::{Exchange, Side, Unasked};
use crate::wire::region::SubspaceType;

/// So many requests a guest's processors may ask otherwise than in turn.
const NEAR: usize = 8;

/// How a request that is not the next of its channel is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As the one that was to come: it has the same command.
    InPlace,
    /// As a later one of the channel, which it is equal to; so many before
    /// it were not asked yet.
    Early(usize),
    /// As one before, which it is equal to.
    Again,
    /// It is not in the recording.
    Not,
}

/// A guest asked otherwise than the recording has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departed {
    /// Place of the request that was to come; none after the channel's last.
    pub wanted: Option<usize>,
    /// What is done about it.
    pub how: How,
}

/// What a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Place of the exchange that answers it.
    pub place: Option<usize>,
    /// Whether it departs from the recording.
    pub departed: Option<Departed>,
}

/// What is asked, on which subspace.
type Key = (Option<u8>, Request);

/// Where a channel is.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    /// All before this, in the channel's list, were played.
    next: usize,
    /// What was played last out of turn.
    early: Option<usize>,
}

/// A recording that is played for one mailbox.
#[derive(Debug)]
pub struct Replay {
    side: Arc<Side>,
    /// Whether a request is looked up by what it is, wherever it stands.
    by_request: bool,
    /// By what is asked, the places where it is.
    index: HashMap<Key, Vec<usize>>,
    /// By subspace, where its channel is.
    turns: BTreeMap<Option<u8>, Turn>,
    /// Which exchanges were played.
    played: Vec<bool>,
    /// By subspace, how many packets made no message.
    broken: BTreeMap<u8, usize>,
    life: usize,
    departures: u64,
}

impl Replay {
    /// Begins at the beginning.
    pub fn new(side: Arc<Side>, by_request: bool) -> Self {
        let mut index: HashMap<Key, Vec<usize>> = HashMap::new();
        for (place, one) in side.exchanges.iter().enumerate() {
            let key = (one.subspace, key(&side, &one.asked));
            index.entry(key).or_default().push(place);
        }
        let played = vec![false; side.exchanges.len()];
        Self {
            side,
            by_request,
            index,
            turns: BTreeMap::new(),
            played,
            broken: BTreeMap::new(),
            life: 0,
            departures: 0,
        }
    }

    /// What is played.
    pub fn side(&self) -> &Side {
        &self.side
    }

    /// An exchange by its place.
    pub fn exchange(&self, place: usize) -> Option<&Exchange> {
        self.side.exchanges.get(place)
    }

    /// How often the guest departed so far.
    pub fn departures(&self) -> u64 {
        self.departures
    }

    /// What is sent in this life of the guest before it asks anything.
    pub fn openings(&self) -> &[Unasked] {
        self.side.openings.get(&self.life).map_or(&[], Vec::as_slice)
    }

    /// The life of the guest that is played, from 0.
    pub fn life(&self) -> usize {
        self.life
    }

    /// Takes a request; says what it gets.
    pub fn take(
        &mut self,
        subspace: u8,
        kind: Option<SubspaceType>,
        asked: &Request,
    ) -> Taken {
        let channels = &self.side.channels;
        let is_message = matches!(asked, Request::Message(_));
        // What other tools captured is of no subspace.
        let channel = match channels.contains_key(&Some(subspace)) {
            false if is_message && channels.contains_key(&None) => None,
            _ => Some(subspace),
        };
        let key = (channel, key(&self.side, asked));
        let taken = match self.by_request {
            true => self.look_up(&key),
            false => self.next(&key, kind, asked),
        };
        if let Some(place) = taken.place {
            if let Some(played) = self.played.get_mut(place) {
                *played = true;
            }
            // A guest may go on where the recorded one began anew; what is
            // out of turn tells nothing of that.
            if taken.departed.is_none() && !self.by_request {
                let is_of = self.exchange(place).map(|one| one.life);
                self.life = is_of.map_or(self.life, |it| it.max(self.life));
            }
        }
        self.departures += u64::from(taken.departed.is_some());
        taken
    }

    /// Packets came that make no message; returns how many the recording has
    /// of them on this subspace, if these are more.
    pub fn lose(&mut self, subspace: u8, count: usize) -> Option<usize> {
        let known = self.side.broken.get(&subspace).copied();
        let known = known.unwrap_or_default();
        let broken = self.broken.entry(subspace).or_default();
        *broken += count;
        let is_more = *broken > known;
        self.departures += u64::from(is_more);
        is_more.then_some(known)
    }

    fn look_up(&self, key: &Key) -> Taken {
        let places = self.index.get(key).map_or(&[][..], Vec::as_slice);
        // They are used up in order.
        let is_over = |place: &usize| self.played.get(*place) == Some(&true);
        let next = places.partition_point(is_over);
        let place = places.get(next).or(places.last()).copied();
        let departed = Departed { wanted: None, how: How::Not };
        Taken { place, departed: place.is_none().then_some(departed) }
    }

    fn next(
        &mut self,
        key_of_it: &Key,
        kind: Option<SubspaceType>,
        asked: &Request,
    ) -> Taken {
        let all = self.side.channels.get(&key_of_it.0);
        let all = all.map_or(&[][..], Vec::as_slice);
        let turn = self.turns.entry(key_of_it.0).or_default();
        let is_new = |place: &usize| self.played.get(*place) == Some(&false);
        let from = |at: usize| all.get(at..).unwrap_or_default();
        while from(turn.next).first().is_some_and(|place| !is_new(place)) {
            turn.next += 1;
        }
        let left = || from(turn.next).iter().copied().filter(is_new);
        let asks = |place: usize| {
            let one = self.side.exchanges.get(place);
            one.is_some_and(|one| key(&self.side, &one.asked) == key_of_it.1)
        };
        let wanted = left().next();
        // What follows one that was early is in its turn.
        let early = turn.early.and_then(|early| {
            let after = all.partition_point(|at| *at <= early);
            from(after).iter().copied().find(is_new)
        });
        let in_turn = wanted.into_iter().chain(early).find(|at| asks(*at));
        if let Some(place) = in_turn {
            if wanted != in_turn {
                turn.early = in_turn;
            }
            return Taken { place: Some(place), departed: None };
        }
        let near = left().take(NEAR).find(|at| asks(*at));
        let like = wanted.filter(|at| {
            let one = self.side.exchanges.get(*at);
            one.is_some_and(|one| one.asked.is_like(asked, kind))
        });
        let places = self.index.get(key_of_it).map_or(&[][..], Vec::as_slice);
        let later = || places.iter().copied().find(is_new);
        let is_early = near.is_some() || like.is_none();
        let place = near.or(like).or_else(later);
        let how = match place {
            Some(place) if is_early => {
                turn.early = Some(place);
                How::Early(left().take_while(|at| *at < place).count())
            }
            Some(_) => How::InPlace,
            None if places.is_empty() => How::Not,
            None => How::Again,
        };
        let place = place.or(places.last().copied());
        Taken { place, departed: Some(Departed { wanted, how }) }
    }

    /// The first exchange of the life played that was not, and how many.
    fn left_in(&self, is_in: impl Fn(&Exchange) -> bool) -> (usize, usize) {
        let left = self.side.exchanges.iter().zip(&self.played);
        let mut left = left
            .filter(|(one, played)| is_in(one) && !**played)
            .map(|(one, _)| one.number - 1);
        let first = left.next();
        (first.unwrap_or_default(), usize::from(first.is_some()) + left.count())
    }

    /// The first exchange that was not played, and how many were not.
    pub fn left(&self) -> Option<(usize, usize)> {
        let (first, count) = self.left_in(|_| true);
        (count > 0).then_some((first, count))
    }

    /// A life of the guest begins: the recording's next one is played, or,
    /// after the last, all of it again. Returns what of the life that ends
    /// was not asked: the first, and how many.
    pub fn begin_life(&mut self) -> Option<(usize, usize)> {
        if !self.played.contains(&true) {
            return None;
        }
        let ends = self.life;
        let (first, count) = self.left_in(|one| one.life <= ends);
        let all = &self.side.exchanges;
        match all.iter().map(|one| one.life).find(|life| *life > ends) {
            Some(next) => {
                self.life = next;
                // What was asked of it too early may be asked again.
                for (one, played) in all.iter().zip(&mut self.played) {
                    *played = one.life < next;
                }
            }
            None => {
                self.life = 0;
                self.played.fill(false);
                self.broken.clear();
            }
        }
        self.turns.clear();
        self.departures += u64::from(count > 0);
        (count > 0).then_some((first, count))
    }
}

/// What has to be equal, as far as a recording knows it.
fn key(side: &Side, asked: &Request) -> Request {
    match side.is_nameless {
        true => asked.key().nameless(),
        false => asked.key(),
    }
}
