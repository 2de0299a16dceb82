//! `conduct.json` (docs/mailbox.md §9): what the device saw a guest do that
//! it should not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often each rule was broken on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaches {
    /// Subspace id.
    pub subspace: u8,
    /// By the rule's id.
    #[serde(flatten)]
    pub counts: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "version")]
    _version: Version,
    epoch: String,
    channels: Vec<Breaches>,
}

#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct Version;

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, String> {
        match version {
            1 => Ok(Self),
            _ => Err(format!("it has version {version}, this pccd knows 1")),
        }
    }
}

impl Breaches {
    /// Reads the file's bytes; empty where they speak of another life of
    /// the guest than `epoch`.
    ///
    /// # Errors
    ///
    /// Another version, or not what the contract says.
    pub fn decode(bytes: &[u8], epoch: &str) -> serde_json::Result<Vec<Self>> {
        let file: File = serde_json::from_slice(bytes)?;
        Ok(match file.epoch == epoch {
            true => file.channels,
            false => Vec::new(),
        })
    }
}
