//! Messages that come back as they were sent, cause themselves again, and so
//! would go round for ever: noticed, and stopped.

use std::time::{Duration, Instant};

use crate::platform::Action;

/// How often a message may cause itself before it is stopped.
const MOST: u32 = 16;
/// What comes back later than this does no harm.
const SOON: Duration = Duration::from_secs(1);
/// How many sent messages are remembered.
const KEPT: usize = 64;

struct Sent {
    message: Vec<u8>,
    /// How many messages before it were sent because of each other.
    depth: u32,
    at: Instant,
}

/// What was sent unasked of late.
#[derive(Default)]
pub struct Echoes(Vec<Sent>);

impl Echoes {
    /// A message came that makes us send these. False if that would go on
    /// for ever.
    fn may_send<'a>(
        &mut self,
        cause: &[u8],
        messages: impl Iterator<Item = &'a [u8]>,
        now: Instant,
    ) -> bool {
        self.0.retain(|sent| now.duration_since(sent.at) < SOON);
        let found = self.0.iter().position(|sent| sent.message == cause);
        let depth = found.map_or(0, |at| self.0.remove(at).depth + 1);
        if depth >= MOST {
            return false;
        }
        for message in messages {
            if self.0.len() >= KEPT {
                self.0.remove(0);
            }
            self.0.push(Sent { message: message.to_vec(), depth, at: now });
        }
        true
    }

    /// Sends nothing unasked that would come back and be sent again for
    /// ever.
    pub fn stop(&mut self, message: &[u8], action: &mut Action, now: Instant) {
        let sent = action.unasked.iter().map(|(sent, _)| &*sent.message);
        if action.unasked.is_empty() || self.may_send(message, sent, now) {
            return;
        }
        action.unasked.clear();
        let text = "what it sends unasked comes back and makes it send \
                    again: stopped here";
        action.notes.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_causes_itself_is_stopped_and_nothing_else() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let send = |echoes: &mut Echoes, cause: &[u8], ms| {
            let all = [&b"a"[..], b"b"];
            echoes.may_send(cause, all.into_iter(), at(ms))
        };
        let mut echoes = Echoes::default();
        let turns = (0..100).take_while(|ms| send(&mut echoes, b"a", *ms));
        assert_eq!(turns.count(), 16);
        // Then it may begin anew, and others may all the time.
        assert!(send(&mut echoes, b"a", 20));
        let mut echoes = Echoes::default();
        assert!((0..100).all(|ms| send(&mut echoes, b"c", ms)));
        let mut echoes = Echoes::default();
        assert!((0..100).all(|turn| send(&mut echoes, b"a", turn * 1000)));
        assert!(echoes.0.len() <= KEPT);
    }
}
