//! Answers that wait for their time: when each is due, and which is next.

use std::time::{Duration, Instant};

use super::file::{Answer, Due, LONGEST, Progress};
use crate::clock::Now;
use crate::mailbox::RequestName;
use crate::record::later_by;
use crate::script::delay::Wait;

/// When what waits so long from now on is due, and its delay in milliseconds.
pub(super) fn by(wait: Wait, now: Now) -> (Due, Option<u64>, Progress) {
    let mut progress = Progress::default();
    let mut delay_ms = None;
    let due = match wait {
        Wait::Ms(0) => {
            progress.start = Some(now.instant);
            Due::Now
        }
        Wait::Ms(ms) => {
            delay_ms = Some(ms);
            let wait = Duration::from_millis(ms);
            progress.deadline = now.instant.checked_add(wait);
            later_by(now.time, ms).map_or(Due::Never, Due::At)
        }
        Wait::Never => Due::Never,
    };
    (due, delay_ms, progress)
}

/// An answer of an earlier process waits for what is left of its time, and,
/// whatever was done to the clock meanwhile, no longer than its delay.
pub(super) fn inherit(answer: &mut Answer, now: Now) {
    if let Due::At(at) = answer.due {
        let delay = answer.delay_ms.map(Duration::from_millis);
        let most = delay.unwrap_or(LONGEST).min(LONGEST);
        answer.progress.deadline = Some(now.deadline(at, most));
    }
}

/// Whether one of these, which answers a request, waits.
pub(super) fn waits(answers: &[Answer]) -> bool {
    answers.iter().any(|it| it.due != Due::Now && !it.requests.is_empty())
}

/// Has those go out now that are needed, by their last requests.
pub(super) fn hasten(
    answers: &mut [Answer],
    is_needed: impl Fn(&RequestName) -> bool,
) {
    for answer in answers {
        let last = answer.requests.last().and_then(|it| it.parse().ok());
        if last.is_some_and(|last| is_needed(&last)) {
            answer.due = Due::Now;
        }
    }
}

/// The next from this one on that may be published.
pub(super) fn due(
    answers: &[Answer],
    from: usize,
    now: Now,
) -> Option<(usize, Answer)> {
    let answers = answers.iter().enumerate().skip(from);
    let mut due = answers.filter(|(_, answer)| answer.is_due(now.instant));
    due.next().map(|(at, answer)| (at, answer.clone()))
}

/// When the next is due.
pub(super) fn next(answers: &[Answer]) -> Option<Instant> {
    let waiting = answers.iter().filter(|one| matches!(one.due, Due::At(_)));
    waiting.filter_map(|answer| answer.progress.deadline).min()
}
