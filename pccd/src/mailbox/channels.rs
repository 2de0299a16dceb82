//! `channels.json` (docs/mailbox.md §4): what the bytes of a message do not
//! say about the channel they came through.

use std::fmt;

use serde::Deserialize;

use super::name::Epoch;
use crate::wire::region::{DOORBELL_LEN, SubspaceType};

/// When a command is complete for the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// Once the message is in the outbox.
    Posted,
    /// Once the reply has been copied back.
    Answered,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// Subspace id.
    pub subspace: u8,
    /// PCCT subspace type.
    #[serde(rename = "type")]
    pub kind: SubspaceType,
    /// Bytes of shared memory, header included.
    pub size: usize,
    /// When a command is complete.
    pub completion: Completion,
    /// Subspace id of the other direction.
    #[serde(default)]
    pub paired: Option<u8>,
}

impl Channel {
    /// Most bytes a request of this channel has: its memory and, for type
    /// 5, the doorbell's value (docs/mailbox.md §6).
    pub fn most_content(&self) -> usize {
        match self.kind {
            SubspaceType::HwRegisters => self.size.saturating_add(DOORBELL_LEN),
            _ => self.size,
        }
    }
}

/// All channels of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// The current life of the guest, if the device has said.
    pub epoch: Option<Epoch>,
    /// The channels.
    pub channels: Vec<Channel>,
}

/// Why a `channels.json` is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelsError {
    /// Another version: this program is too old to go on.
    Version(u64),
    /// Not what the contract says.
    Malformed(String),
    /// The system refuses for now.
    Unread(String),
}

impl fmt::Display for ChannelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "channels.json has version {version}, this pccd knows 1; \
                 update pccd"
            ),
            Self::Malformed(reason) | Self::Unread(reason) => {
                write!(f, "channels.json cannot be read: {reason}")
            }
        }
    }
}

impl std::error::Error for ChannelsError {}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

#[derive(Deserialize)]
struct File {
    epoch: String,
    channels: Vec<Channel>,
}

impl Default for Channels {
    /// The pair that is there when nothing else is said.
    fn default() -> Self {
        let channel = |subspace, kind, paired| Channel {
            subspace,
            kind,
            size: 8192,
            completion: Completion::Posted,
            paired: Some(paired),
        };
        let guest = channel(0, SubspaceType::Initiator, 1);
        let platform = channel(1, SubspaceType::Responder, 0);
        Self { epoch: None, channels: vec![guest, platform] }
    }
}

impl Channels {
    /// Reads the file's bytes.
    ///
    /// # Errors
    ///
    /// Another version, or not what the contract says.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChannelsError> {
        let malformed = |error: serde_json::Error| {
            ChannelsError::Malformed(error.to_string())
        };
        let VersionOnly { version } =
            serde_json::from_slice(bytes).map_err(malformed)?;
        if version != 1 {
            return Err(ChannelsError::Version(version));
        }
        let file: File = serde_json::from_slice(bytes).map_err(malformed)?;
        let epoch = file.epoch.parse().map_err(|_| {
            let reason = format!("`{}` is not an epoch", file.epoch);
            ChannelsError::Malformed(reason)
        })?;
        Ok(Self { epoch: Some(epoch), channels: file.channels })
    }

    /// A channel by its subspace id.
    pub fn get(&self, subspace: u8) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.subspace == subspace)
    }

    /// The first channel towards the guest that belongs to a pair, as MCTP
    /// has it, or else the first.
    pub fn inbox(&self) -> Option<&Channel> {
        let all = self.channels.iter();
        let mut all = all.filter(|it| it.kind == SubspaceType::Responder);
        let paired = all.clone().find(|channel| channel.paired.is_some());
        paired.or_else(|| all.next())
    }

    /// Where replies to a channel's requests go.
    pub fn towards_guest<'a>(
        &'a self,
        from: &'a Channel,
    ) -> Option<&'a Channel> {
        match from.paired {
            Some(paired) => self.get(paired),
            None => Some(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
      "version": 1,
      "epoch": "20261121T044142.123456789Z",
      "unknown": [],
      "channels": [
        { "subspace": 0, "type": 3, "size": 8192,
          "completion": "posted", "paired": 1, "unknown": 1 },
        { "subspace": 1, "type": 4, "size": 4096,
          "completion": "posted", "paired": 0 },
        { "subspace": 2, "type": 2, "size": 64,
          "completion": "answered" }
      ] }"#;

    #[test]
    fn the_example_is_read() {
        let channels = Channels::decode(TEXT.as_bytes()).unwrap();
        let first = channels.get(0).unwrap();
        assert_eq!(channels.towards_guest(first).unwrap().size, 4096);
        let third = channels.get(2).unwrap();
        assert_eq!(third.completion, Completion::Answered);
        assert_eq!(channels.towards_guest(third), Some(third));
        assert_eq!(channels.inbox().unwrap().subspace, 1);
        assert_eq!(channels.get(3), None);
        let single = r#""channels": [
            { "subspace": 7, "type": 4, "size": 64, "completion": "posted" },"#;
        let more = TEXT.replace("\"channels\": [", single);
        let mut more = Channels::decode(more.as_bytes()).unwrap();
        assert_eq!(more.inbox().unwrap().subspace, 1, "of a pair");
        more.channels.truncate(1);
        assert_eq!(more.inbox().unwrap().subspace, 7);
        let pair = Channels::default();
        assert_eq!(pair.channels.len(), 2);
    }

    #[test]
    fn wrong_files_are_refused() {
        for end in 0..TEXT.len() {
            assert!(Channels::decode(&TEXT.as_bytes()[..end]).is_err());
        }
        let two = TEXT.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(
            Channels::decode(two.as_bytes()),
            Err(ChannelsError::Version(2))
        );
        for (from, to) in [
            ("2026112", "2026992"),
            ("\"subspace\": 0", "\"subspace\": 256"),
            ("\"type\": 2", "\"type\": 6"),
            ("posted", "soon"),
        ] {
            let text = TEXT.replace(from, to);
            assert!(Channels::decode(text.as_bytes()).is_err(), "{to}");
        }
    }
}
