//! A capture as exchanges: what a guest asked, what the platform said to it,
//! and when. How far a guest that runs has come in it is in `play`.
//!
//! Ours have all of it (docs/capture.md); those of other tools have the MCTP
//! messages.

mod build;
mod foreign;
mod growing;
mod link;
mod ours;
mod play;
mod request;
mod side;

pub use self::build::read;
pub use self::play::{Departed, How, Replay, Taken};
pub use self::request::{
    Message, Request, Sorter, Took, instance, set_instance,
};
pub use self::side::{Exchange, Recording, Said, Side, Unasked};

#[cfg(test)]
mod tests;
