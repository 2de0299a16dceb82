//! What comes of commands that are answered in place.

use super::decision::{Action, Changes};
use super::pack::Sending;
use crate::endpoint::State;
use crate::mailbox::{Channel, Completion};
use crate::registers::{Answer, Request, refusal};
use crate::script::delay::Wait;
use crate::script::memory::Memory;

/// A content as it goes to the guest.
pub fn sending(on: &Channel, content: Vec<u8>) -> Sending {
    let (message, contents) = (Vec::new(), vec![content]);
    Sending { message, contents, subspace: on.subspace }
}

/// A command that nobody knows what to do with. Unanswered it would never end.
pub fn unknown(on: &Channel, asked: &Request<'_>) -> Action {
    let mut action = Action::ignore(format!(
        "nothing plays subspace {} (type {}): see `subspaces` in \
         messages/README.md",
        on.subspace, on.kind
    ));
    if on.completion == Completion::Answered {
        action.reply = Some(sending(on, refusal(asked, on.subspace)));
        action.notes.extend(action.reason.take());
    }
    action
}

/// What registers answer, on a channel that takes an answer or not. `memory`
/// is what was remembered before.
pub fn answered(
    on: &Channel,
    answer: Answer,
    endpoint: State,
    memory: &Memory,
) -> Action {
    let is_wanted = on.completion == Completion::Answered || answer.is_forced;
    let unasked = answer.unasked.into_iter();
    let is_changed = answer.memory != *memory;
    Action {
        handler: Some(answer.handler),
        reason: (!is_wanted).then(|| "a posted channel takes no answer".into()),
        reply: is_wanted.then(|| sending(on, answer.content)),
        unasked: unasked
            .map(|sent| (sending(on, sent.content), sent.after))
            .collect(),
        changes: is_changed
            .then_some(Changes { endpoint, memory: answer.memory }),
        wait: if is_wanted { answer.wait } else { Wait::Ms(0) },
        in_order: answer.in_order,
        timely: answer.timely,
        later: None,
        notes: answer.note.into_iter().collect(),
        breach: answer.breach,
        held: None,
    }
}
