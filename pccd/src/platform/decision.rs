//! What a request leads to.

use super::pack::Sending;
use crate::conduct::Breach;
use crate::endpoint::State;
use crate::handlers::exec::Question;
use crate::handlers::request::Answers;
use crate::mailbox::RequestName;
use crate::script::delay::Wait;
use crate::script::memory::Memory;
use crate::wire::mctp::Header;

/// Everything that answers change. It lasts for one life of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// State of the endpoint.
    pub endpoint: State,
    /// What handlers remember.
    pub memory: Memory,
}

/// What to do about a complete message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Handler, or `endpoint`; those that passed on before it.
    pub handler: Option<String>,
    /// Why nothing goes back, if nothing does.
    pub reason: Option<String>,
    /// What goes back.
    pub reply: Option<Sending>,
    /// What is sent after it, each so many milliseconds later.
    pub unasked: Vec<(Sending, u64)>,
    /// The state after it, if it changes.
    pub changes: Option<Changes>,
    /// How long it waits.
    pub wait: Wait,
    /// Whether later requests of the channel wait for it.
    pub in_order: bool,
    /// Whether it would be another one if it were made again.
    pub timely: bool,
    /// It waits, its requests with it, until so many more are decided.
    pub later: Option<u64>,
    /// What should be known about it.
    pub notes: Vec<String>,
    /// A rule of conduct that the request breaks.
    pub breach: Option<Breach>,
    /// A program must be asked first; nothing else counts then.
    pub held: Option<Box<Held>>,
}

impl Action {
    /// Nothing goes back, and nothing changes.
    pub(super) fn ignore(reason: String) -> Self {
        Self {
            handler: None,
            reason: Some(reason),
            reply: None,
            unasked: Vec::new(),
            changes: None,
            wait: Wait::Ms(0),
            in_order: true,
            timely: false,
            later: None,
            notes: Vec::new(),
            breach: None,
            held: None,
        }
    }
}

/// Requests that will never be answered, and why.
pub type Dropped = (Vec<RequestName>, String);

/// What a request's content leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is malformed.
    Rejected(String),
    /// More packets are needed.
    Waiting {
        /// Requests given up for it.
        dropped: Option<Dropped>,
    },
    /// A packet the rules drop, with what it was part of.
    Dropped(Dropped),
    /// A message is complete.
    Complete {
        /// The requests it came in, in order.
        requests: Vec<RequestName>,
        /// The message, type byte first.
        message: Vec<u8>,
        /// What to do about it.
        action: Box<Action>,
        /// Requests given up for it.
        dropped: Option<Dropped>,
    },
    /// It is a command of a channel that does not speak MCTP.
    Command(Box<Action>),
}

/// A complete message that a program has to be asked about: everything needed
/// to go on once it has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What the program is asked.
    pub question: Question,
    /// The message, type byte first.
    pub message: Vec<u8>,
    pub(super) header: Header,
    pub(super) pcc_flags: u32,
    pub(super) pcc_length: u32,
    pub(super) subspace: u8,
    pub(super) serial: u32,
    pub(super) packets: usize,
    pub(super) answers: Answers,
}
