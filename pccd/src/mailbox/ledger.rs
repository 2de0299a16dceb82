//! What must outlive the daemon within a life of the guest: the endpoint's
//! state, and answers that are decided but perhaps not yet published. One
//! file, replaced by rename, so that both change together.

use serde::{Deserialize, Serialize};

use crate::endpoint::State;

/// Version of the file.
const VERSION: u32 = 1;

/// A file that belongs into the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its name there.
    pub name: String,
    /// Its content.
    #[serde(with = "hex::serde")]
    pub content: Vec<u8>,
}

/// An answer, decided and not to be decided again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// File names of the requests it answers, in order.
    pub requests: Vec<String>,
    /// Name of the handler, or `endpoint`.
    pub handler: String,
    /// The reply as a message, for the log.
    #[serde(with = "hex::serde")]
    pub reply: Vec<u8>,
    /// Replies, in order.
    pub replies: Vec<Outgoing>,
    /// Messages nobody asked for, sent after the replies.
    pub unasked: Vec<Outgoing>,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// Life of the guest all this belongs to; empty before the first.
    pub epoch: String,
    /// State of the endpoint.
    pub endpoint: State,
    /// Answers decided and perhaps not yet published.
    pub answers: Vec<Answer>,
}

impl Ledger {
    /// A ledger for an epoch.
    pub fn new(epoch: String, endpoint: State) -> Self {
        Self { version: VERSION, epoch, endpoint, answers: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is not a ledger of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let ledger: Self =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if ledger.version != VERSION {
            return Err(format!(
                "version {}, this pccd writes {VERSION}",
                ledger.version
            ));
        }
        Ok(ledger)
    }

    /// Writes the file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Plain values under text keys: nothing here can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_goes_there_and_back() {
        let state = State { eid: 9, discovered: false };
        let mut ledger = Ledger::new("e".to_owned(), state);
        ledger.answers.push(Answer {
            requests: vec!["a".to_owned()],
            handler: "endpoint".to_owned(),
            reply: vec![0, 1],
            replies: vec![Outgoing {
                name: "a.r1".to_owned(),
                content: vec![1, 0xff],
            }],
            unasked: Vec::new(),
        });
        let bytes = ledger.encode();
        assert_eq!(Ledger::decode(&bytes), Ok(ledger));
        for end in 0..bytes.len() {
            assert!(Ledger::decode(&bytes[..end]).is_err());
        }
        let other = br#"{"version":2,"epoch":"",
            "endpoint":{"eid":9,"discovered":false},"answers":[]}"#;
        assert!(Ledger::decode(other).unwrap_err().contains("version 2"));
    }
}
