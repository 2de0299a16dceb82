//! What is decided, from the decision until it is published: written down
//! before anybody can see it, so that a later process does not decide anew.

mod commit;
mod delayed;
pub mod file;

use std::io;
use std::time::Instant;

use anyhow::{Result, anyhow};

use self::file::{Answer, Due, FILE, Ledger, Outgoing};
use crate::clock::Now;
use crate::endpoint::State;
use crate::mailbox::{Epoch, RequestName, StateFolder, UnaskedName};
use crate::platform::{Changes, Sending};
use crate::record::compact;
use crate::script::delay::Wait;
use crate::wire::pcc::split_envelope;

/// The ledger, and what this process knows beside it.
pub struct Journal {
    pub ledger: Ledger,
    /// Time and number of the last message nobody asked for.
    last: Option<(Epoch, u32)>,
}

impl Journal {
    /// Takes up what an earlier process left.
    pub fn open(
        state: &StateFolder,
        endpoint: State,
        now: Now,
    ) -> Result<Self> {
        let found = Ledger::read(state).map_err(|reason| {
            let path = state.path().join(FILE);
            anyhow!(
                "{0} cannot be used: {reason:#}; look at what it is, and at \
                 who else writes there; to start with the endpoint's initial \
                 state, move it away or name another folder with --state",
                path.display()
            )
        })?;
        let new = || Ledger::new(String::new(), now.time, endpoint);
        let mut ledger = found.unwrap_or_else(new);
        for answer in &mut ledger.answers {
            answer.progress.inherited = true;
            delayed::inherit(answer, now);
        }
        Ok(Self { ledger, last: None })
    }

    /// A life of the guest begins: what belongs to the one before is over.
    ///
    /// # Errors
    ///
    /// The system's; it has not begun then.
    pub fn begin(
        &mut self,
        state: &StateFolder,
        epoch: &Epoch,
        endpoint: State,
        now: Now,
    ) -> io::Result<()> {
        let ledger = Ledger::new(epoch.to_string(), now.time, endpoint);
        ledger.store(state)?;
        self.ledger = ledger;
        Ok(())
    }

    pub fn store(&self, state: &StateFolder) -> io::Result<()> {
        self.ledger.store(state)
    }

    /// The platform begins anew within a life of the guest. What waits is not
    /// waited for: it goes out where a command needs it to end, which
    /// `is_needed` tells of a request, and is given up otherwise.
    ///
    /// # Errors
    ///
    /// The system's; nothing has changed then.
    pub fn restart(
        &mut self,
        state: &StateFolder,
        endpoint: State,
        now: Now,
        is_needed: impl Fn(&RequestName) -> bool,
    ) -> io::Result<()> {
        let epoch = self.ledger.epoch.clone();
        let mut ledger = Ledger::new(epoch, now.time, endpoint);
        for answer in &self.ledger.answers {
            let mut answer = answer.clone();
            let last = answer.requests.last().and_then(|one| one.parse().ok());
            match (answer.due, last) {
                (Due::Now, _) => {}
                (_, None) => continue,
                (_, Some(last)) => {
                    answer.due = Due::Now;
                    answer.unasked.clear();
                    if !is_needed(&last) {
                        answer.replies.clear();
                    }
                }
            }
            ledger.answers.push(answer);
        }
        ledger.store(state)?;
        self.ledger = ledger;
        Ok(())
    }

    /// Whether an answer to a request waits.
    pub fn waits(&self) -> bool {
        delayed::waits(&self.ledger.answers)
    }

    /// Has the answers go out now that are needed, by their last requests.
    pub fn hasten(&mut self, is_needed: impl Fn(&RequestName) -> bool) {
        delayed::hasten(&mut self.ledger.answers, is_needed);
    }

    /// The next answer from this one on that may be published.
    pub fn due(&self, from: usize, now: Now) -> Option<(usize, Answer)> {
        delayed::due(&self.ledger.answers, from, now)
    }

    /// When the next answer is due.
    pub fn next(&self) -> Option<Instant> {
        delayed::next(&self.ledger.answers)
    }

    /// Takes out the answers whose last requests these are.
    pub fn take(&mut self, names: &[String]) -> Vec<Answer> {
        let is_one = |answer: &mut Answer| {
            answer.requests.last().is_some_and(|last| names.contains(last))
        };
        self.ledger.answers.extract_if(.., is_one).collect()
    }

    /// The state in force.
    pub fn changes(&self) -> Changes {
        let Ledger { endpoint, memory, .. } = &self.ledger;
        Changes { endpoint: *endpoint, memory: memory.clone() }
    }

    /// Whether a request is answered already, only not yet.
    pub fn answers(&self, name: &RequestName) -> bool {
        if self.ledger.answers.is_empty() {
            return false;
        }
        let text = name.to_string();
        let mut all = self.ledger.answers.iter();
        all.any(|answer| answer.requests.contains(&text))
    }

    /// Whether a request is answered already, only not yet, or comes after
    /// one whose answer it must not overtake.
    pub fn holds(&self, name: &RequestName) -> bool {
        // What is due is held as well, until it is published.
        if self.ledger.answers.is_empty() {
            return false;
        }
        let text = name.to_string();
        self.ledger.answers.iter().any(|answer| {
            let last = answer.requests.last();
            let last = last.and_then(|last| last.parse::<RequestName>().ok());
            let before = last.is_some_and(|last| {
                last.subspace == name.subspace && last.epoch == name.epoch
            });
            answer.requests.contains(&text) || (answer.in_order && before)
        })
    }

    /// How many of an answer's files are published.
    pub fn published(&mut self, at: usize, count: usize) {
        if let Some(answer) = self.ledger.answers.get_mut(at) {
            answer.progress.published = count;
        }
    }

    /// What was published may be gone.
    pub fn unpublish(&mut self) {
        for answer in &mut self.ledger.answers {
            answer.progress.published = 0;
        }
    }

    /// An answer to requests, or, without any, what is sent at a time of its
    /// own.
    pub fn answer(
        &mut self,
        requests: &[RequestName],
        handler: String,
        reply: Option<Sending>,
        unasked: Vec<Sending>,
        wait: Wait,
        now: Now,
    ) -> Answer {
        let (due, delay_ms, progress) = delayed::by(wait, now);
        let (mut message, mut replies) = (Vec::new(), Vec::new());
        if let (Some(sending), Some(last)) = (reply, requests.last()) {
            message = sending.message;
            let numbered = (1..).zip(sending.contents);
            replies.extend(
                numbered.map(|(k, content)| Outgoing {
                    name: last.reply(k),
                    content,
                }),
            );
        }
        Answer {
            requests: requests.iter().map(ToString::to_string).collect(),
            handler,
            reply: message,
            replies,
            unasked: self.name_unasked(unasked, due, now),
            due,
            in_order: false,
            delay_ms,
            progress,
        }
    }

    /// Names messages nobody asked for. Names sort in the order of sending,
    /// also when the clock steps back.
    fn name_unasked(
        &mut self,
        unasked: Vec<Sending>,
        due: Due,
        now: Now,
    ) -> Vec<Outgoing> {
        let at = match due {
            Due::At(at) => at,
            Due::Now | Due::Never => now.time,
        };
        let Ok(at) = compact(at).parse::<Epoch>() else {
            // A year beyond 9999: there is no name for that.
            return Vec::new();
        };
        let mut files = Vec::new();
        // Others are sent before one that is not due at once.
        let mut last = self.last.take_if(|_| due == Due::Now);
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
            self.last = last;
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::script::memory::Memory;

    fn sending(byte: u8) -> Sending {
        let contents = vec![vec![byte; 4]];
        Sending { message: vec![byte], contents, subspace: 1 }
    }

    fn request() -> RequestName {
        "20261121T044142.123456789Z-00000017-000.pcc".parse().unwrap()
    }

    #[test]
    fn what_is_written_down_is_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(&dir.path().join("s")).unwrap();
        let now = clock::system();
        let endpoint = State { eid: 9, ..State::default() };
        let mut journal = Journal::open(&state, endpoint, now).unwrap();
        let epoch = "20261121T044142.123456789Z".parse().unwrap();
        journal.begin(&state, &epoch, endpoint, now).unwrap();
        let (wait, none) = (Wait::Ms(3000), Vec::new());
        let reply = Some(sending(1));
        let answer =
            journal.answer(&[request()], "h".into(), reply, none, wait, now);
        let changed = State { eid: 20, ..endpoint };
        let memory = journal.ledger.memory.clone();
        let changes = Some(Changes { endpoint: changed, memory });
        journal.commit(&state, vec![answer], changes, false).unwrap();
        assert!(journal.holds(&request()));
        assert!(journal.due(0, now).is_none());
        // By a later process whose calendar was set back a day.
        let back = now.time - chrono::TimeDelta::days(1);
        let now = Now { time: back, ..now };
        let mut journal = Journal::open(&state, endpoint, now).unwrap();
        assert_eq!(journal.changes().endpoint.eid, 20);
        let later = now.after(Duration::from_millis(3000));
        assert_eq!(journal.next(), Some(later));
        let then = Now { instant: later, ..now };
        let (at, answer) = journal.due(0, then).unwrap();
        assert!(answer.progress.inherited);
        assert_eq!(answer.replies[0].content, [1; 4]);
        journal.published(at, 1);
        assert_eq!(journal.due(0, then).unwrap().1.progress.published, 1);
        journal.unpublish();
        assert_eq!(journal.due(0, then).unwrap().1.progress.published, 0);
        std::fs::write(dir.path().join("s/ledger.json"), "x").unwrap();
        let error = Journal::open(&state, endpoint, now).err().unwrap();
        assert!(error.to_string().contains("cannot be used"), "{error}");
    }

    #[test]
    fn what_waits_is_over_when_the_platform_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(&dir.path().join("s")).unwrap();
        let now = clock::system();
        let endpoint = State { eid: 9, ..State::default() };
        let mut journal = Journal::open(&state, endpoint, now).unwrap();
        let name = |subspace| RequestName { subspace, ..request() };
        let mut answer = |requests: &[RequestName], wait| {
            let reply = requests.first().map(|_| sending(1));
            let all = vec![sending(2)];
            journal.answer(requests, "h".into(), reply, all, wait, now)
        };
        let answers = vec![
            answer(&[name(0)], Wait::Ms(0)),
            answer(&[], Wait::Ms(9)),
            answer(&[name(2)], Wait::Never),
            answer(&[name(3)], Wait::Ms(9)),
        ];
        let changed = State { eid: 20, ..endpoint };
        let mut memory = journal.ledger.memory.clone();
        memory.count("counted");
        let changes = Some(Changes { endpoint: changed, memory });
        journal.commit(&state, answers, changes, false).unwrap();
        let needed = |name: &RequestName| name.subspace == 2;
        journal.restart(&state, endpoint, now, needed).unwrap();
        let of = |answer: &Answer| {
            let name = answer.requests.concat();
            assert_eq!(answer.due, Due::Now, "{name}");
            (answer.replies.len(), answer.unasked.len())
        };
        let left: Vec<_> = journal.ledger.answers.iter().map(of).collect();
        assert_eq!(left, [(1, 1), (1, 0), (0, 0)]);
        let changes = journal.changes();
        assert_eq!(
            (changes.endpoint.eid, changes.memory),
            (9, Memory::default())
        );
        let names = [name(3).to_string(), "none".to_owned()];
        assert_eq!(journal.take(&names).len(), 1);
        assert_eq!(journal.ledger.answers.len(), 2);
    }

    #[test]
    fn what_cannot_be_written_down_is_not_decided() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(&dir.path().join("s")).unwrap();
        let now = clock::system();
        let endpoint = State { eid: 9, ..State::default() };
        let mut journal = Journal::open(&state, endpoint, now).unwrap();
        let before = journal.ledger.clone();
        // Nothing can be moved over a folder.
        std::fs::create_dir(dir.path().join("s/ledger.json")).unwrap();
        let epoch = "20261121T044142.123456789Z".parse().unwrap();
        assert!(journal.begin(&state, &epoch, endpoint, now).is_err());
        assert_eq!(journal.ledger, before);
        let wait = Wait::Ms(0);
        let all = vec![sending(1)];
        let answer = journal.answer(&[], String::new(), None, all, wait, now);
        let endpoint = State { eid: 20, ..endpoint };
        let memory = before.memory.clone();
        let changes = || Some(Changes { endpoint, memory: memory.clone() });
        let answers = || vec![answer.clone()];
        let refused = journal.commit(&state, answers(), changes(), false);
        assert!(refused.is_err());
        assert_eq!(journal.ledger, before);
        let taken = journal.commit(&state, answers(), changes(), true).unwrap();
        assert_eq!(taken.unwrap().endpoint.eid, 20);
    }

    #[test]
    fn names_sort_in_the_order_of_sending() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateFolder::open(&dir.path().join("s")).unwrap();
        let now = clock::system();
        let mut journal = Journal::open(&state, State::default(), now).unwrap();
        let mut names = Vec::new();
        for back in 0..3 {
            let time = now.time - chrono::TimeDelta::seconds(back);
            let two = vec![sending(1), sending(2)];
            let now = Now { time, ..now };
            names.extend(journal.name_unasked(two, Due::Now, now));
        }
        let names: Vec<UnaskedName> =
            names.iter().map(|file| file.name.parse().unwrap()).collect();
        let numbers: Vec<u32> = names.iter().map(|name| name.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        assert!(names.iter().all(|name| name.time == names[0].time));
    }
}
