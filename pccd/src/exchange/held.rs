//! Messages that wait for a program: everything needed to go on once it has
//! answered.

use super::{Action, Message, Platform};
use crate::handlers::exec::Question;
use crate::handlers::request::{Answers, Request};
use crate::mailbox::Channels;
use crate::record::Time;
use crate::wire::mctp::Header;

/// A complete message that a program has to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What the program is asked.
    pub question: Question,
    header: Header,
    pcc_flags: u32,
    pcc_length: u32,
    subspace: u8,
    serial: u32,
    message: Vec<u8>,
    packets: usize,
    answers: Answers,
}

impl Held {
    pub(super) fn new(message: &Message<'_>, question: Question) -> Self {
        let request = &message.request;
        Self {
            question,
            header: *request.header,
            pcc_flags: request.pcc_flags,
            pcc_length: request.pcc_length,
            subspace: request.subspace,
            serial: request.serial,
            message: request.message.to_vec(),
            packets: message.packets,
            answers: message.answers.clone(),
        }
    }
}

impl Held {
    /// The message, type byte first.
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}

impl Platform {
    /// Decides about a message anew, with what its program said, or why it
    /// said nothing.
    pub fn go_on(
        &self,
        channels: &Channels,
        held: Held,
        said: Result<String, String>,
        time: Time,
    ) -> Action {
        let Some(channel) = channels.get(held.subspace) else {
            return Action::ignore("its channel is gone".to_owned());
        };
        let mut answers = held.answers;
        answers.insert(held.question.handler, said);
        self.act(&Message {
            channels,
            channel,
            request: Request {
                header: &held.header,
                pcc_flags: held.pcc_flags,
                pcc_length: held.pcc_length,
                subspace: held.subspace,
                serial: held.serial,
                message: &held.message,
            },
            packets: held.packets,
            time,
            answers: &answers,
        })
    }
}
