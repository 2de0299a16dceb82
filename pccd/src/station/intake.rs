//! Requests in the outbox that are known already, and why nothing is to be
//! done about them now.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;

use crate::mailbox::RequestName;

/// What is known of names in the outbox.
#[derive(Default)]
pub struct Intake {
    /// Their message is not complete yet.
    incomplete: BTreeSet<RequestName>,
    /// They get no answer and could not be removed yet.
    given_up: BTreeSet<RequestName>,
    /// The log has them, for as long as they may be read again.
    logged: HashSet<String>,
    /// They could not be moved aside yet.
    stuck: HashSet<OsString>,
}

impl Intake {
    /// Another life of the guest.
    pub fn begin(&mut self) {
        *self =
            Self { stuck: std::mem::take(&mut self.stuck), ..Self::default() };
    }

    /// The folder went away: all that comes is looked at again.
    pub fn forget(&mut self) {
        *self = Self {
            logged: std::mem::take(&mut self.logged),
            ..Self::default()
        };
    }

    /// Whether a request need not be read now.
    pub fn holds(&self, name: &RequestName) -> bool {
        self.incomplete.contains(name) || self.given_up.contains(name)
    }

    /// More packets are needed.
    pub fn wait(&mut self, name: RequestName) {
        self.incomplete.insert(name);
    }

    /// Their message is complete, and decided about or not: if not, they are
    /// read again.
    pub fn complete(&mut self, names: &[RequestName]) {
        for name in names {
            self.incomplete.remove(name);
        }
    }

    /// They get no answer. One that cannot be removed at once is part of no
    /// later message all the same.
    pub fn give_up(&mut self, names: Vec<RequestName>) {
        self.complete(&names);
        self.given_up.extend(names);
    }

    /// Removes what gets no answer, as far as that can be done.
    ///
    /// # Errors
    ///
    /// The first that could not be removed.
    pub fn remove(
        &mut self,
        unlink: impl Fn(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = Ok(());
        let logged = &mut self.logged;
        self.given_up.retain(|name| {
            let name = name.to_string();
            let removed = unlink(&name);
            let stays = removed.is_err();
            if !stays {
                logged.remove(&name);
            }
            done = std::mem::replace(&mut done, Ok(())).and(removed);
            stays
        });
        done
    }

    /// Whether the log is to be told of a request; once.
    pub fn log(&mut self, name: &str) -> bool {
        self.logged.insert(name.to_owned())
    }

    /// It is gone from the outbox.
    pub fn gone(&mut self, name: &str) {
        self.logged.remove(name);
        self.stuck.remove(OsStr::new(name));
    }

    /// It could not be moved aside. True the first time.
    pub fn stick(&mut self, name: &OsStr) -> bool {
        self.stuck.insert(name.to_owned())
    }

    pub fn is_stuck(&self, name: &OsStr) -> bool {
        self.stuck.contains(name)
    }

    pub fn any_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_removed_is_given_up_all_the_same() {
        let name = |seq| RequestName {
            epoch: "20261121T044142.123456789Z".parse().unwrap(),
            seq,
            subspace: 0,
        };
        let mut intake = Intake::default();
        intake.wait(name(1));
        intake.wait(name(2));
        assert!(intake.log(&name(1).to_string()));
        intake.give_up(vec![name(1), name(3)]);
        let first = name(1).to_string();
        let unlink = |asked: &str| match asked == first {
            true => Err(io::Error::other("no")),
            false => Ok(()),
        };
        assert!(intake.remove(unlink).is_err());
        let held = [1, 2, 3].map(|seq| intake.holds(&name(seq)));
        assert_eq!(held, [true, true, false]);
        assert!(!intake.log(&first), "it is in the log");
        assert!(intake.remove(|_| Ok(())).is_ok());
        assert!(!intake.holds(&name(1)));
        assert!(intake.log(&first), "another of its name is another one");
        intake.forget();
        assert!(!intake.holds(&name(2)));
    }
}
