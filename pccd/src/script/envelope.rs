//! What the device is told beside a message (docs/mailbox.md §6.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::problem::Wrong;
use crate::wire::pcc::{Envelope, SIGNATURE, split_envelope};
use crate::wire::region::SubspaceType::{self, *};
use crate::wire::text::number_le;

/// Longest delay of an interrupt, in milliseconds.
pub(crate) const LONGEST: u64 = 60_000;

/// What the device is told (docs/mailbox.md §6.1).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeFile {
    /// Flags.
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// Delay of the interrupt in milliseconds.
    #[serde(default)]
    pub delay_ms: Number,
    /// Subspace the message is for, whatever its signature says.
    #[serde(default)]
    pub subspace: Option<Number>,
}

/// A flag of the envelope.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// The channel's error status is set.
    Error,
    /// Platform notification instead of a completion.
    Notification,
    /// The interrupt is not raised.
    NoInterrupt,
    /// The interrupt is raised twice.
    DoubleInterrupt,
    /// The interrupt is raised before the data is there.
    EarlyInterrupt,
    /// The command complete bit stays as it is.
    LeaveCompletion,
    /// It is written even if its request is over.
    Force,
}

/// The flags in the order of their bits, and the types each has a meaning for.
const FLAGS: [(&str, Flag, &[SubspaceType]); 7] = [
    (
        "error",
        Flag::Error,
        &[Generic, HwReduced, HwReducedAck, Initiator, HwRegisters],
    ),
    ("notification", Flag::Notification, &[Generic, HwReduced, HwReducedAck]),
    ("no-interrupt", Flag::NoInterrupt, INTERRUPT),
    ("double-interrupt", Flag::DoubleInterrupt, INTERRUPT),
    ("early-interrupt", Flag::EarlyInterrupt, INTERRUPT),
    ("leave-completion", Flag::LeaveCompletion, &SubspaceType::ALL),
    ("force", Flag::Force, &SubspaceType::ALL),
];

/// Types with an interrupt.
const INTERRUPT: &[SubspaceType] =
    &[HwReduced, HwReducedAck, Initiator, Responder];

impl Flag {
    pub(crate) fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Names of the flags that are set.
    pub fn names(flags: u64) -> impl Iterator<Item = &'static str> {
        FLAGS
            .iter()
            .filter(move |(_, flag, _)| flags & u64::from(flag.bit()) != 0)
            .map(|(name, ..)| *name)
    }
}

/// An envelope but for the channel it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnvelopeOptions {
    pub flags: u32,
    pub delay_ms: u32,
    /// Subspace, if another than the one the message is for.
    pub subspace: Option<u8>,
}

impl EnvelopeOptions {
    /// From a file; its numbers are known to fit.
    pub fn new(file: &EnvelopeFile) -> Self {
        Self {
            flags: file.flags.iter().fold(0, |bits, flag| bits | flag.bit()),
            delay_ms: u32::try_from(file.delay_ms.0).unwrap_or(u32::MAX),
            subspace: file
                .subspace
                .and_then(|number| u8::try_from(number.0).ok()),
        }
    }

    /// The envelope before a content, if there is one, and what follows it.
    pub fn split(content: &[u8]) -> (Option<Self>, &[u8]) {
        let (Some(subspace), rest) = split_envelope(content) else {
            return (None, content);
        };
        let word = |at: usize| {
            let raw = content.get(at..at + 4).unwrap_or(&[]);
            u32::try_from(number_le(raw)).unwrap_or(0)
        };
        let (flags, delay_ms) = (word(8), word(12));
        (Some(Self { flags, delay_ms, subspace: Some(subspace) }), rest)
    }

    /// The same without what means nothing for a channel's type, and the names
    /// of what that was.
    pub fn meaningful(self, kind: SubspaceType) -> (Self, Vec<&'static str>) {
        let has = |flag: &Flag| self.flags & flag.bit() != 0;
        let means = |kinds: &[SubspaceType]| kinds.contains(&kind);
        let (mut flags, mut lost) = (0, Vec::new());
        for (name, flag, kinds) in FLAGS.iter().filter(|one| has(&one.1)) {
            match means(kinds) {
                true => flags |= flag.bit(),
                false => lost.push(*name),
            }
        }
        let is_late = self.delay_ms != 0 && !means(INTERRUPT);
        if is_late {
            lost.push("delay_ms");
        }
        let most = u32::try_from(LONGEST).unwrap_or(u32::MAX);
        let delay_ms = if is_late { 0 } else { self.delay_ms.min(most) };
        (Self { flags, delay_ms, ..self }, lost)
    }

    /// Puts the envelope before a content.
    pub fn put_before(
        self,
        mut content: Vec<u8>,
        subspace: u8,
        kind: SubspaceType,
    ) -> Result<Vec<u8>, Wrong> {
        let is_set = |flag: &Flag| self.flags & flag.bit() != 0;
        let mut wrong = FLAGS
            .iter()
            .filter(|(_, flag, kinds)| is_set(flag) && !kinds.contains(&kind))
            .map(|(name, ..)| format!("flag `{name}`"));
        let is_late = self.delay_ms != 0 && !INTERRUPT.contains(&kind);
        let late = || is_late.then(|| "delay".to_owned());
        if let Some(what) = wrong.next().or_else(late) {
            return Err(Wrong::plain(format!(
                "the envelope's {what} means nothing for subspace \
                 {subspace}, which has type {kind}"
            )));
        }
        let envelope = Envelope {
            flags: self.flags,
            delay_ms: self.delay_ms,
            subspace: self.subspace.unwrap_or(subspace),
        };
        content.splice(..0, envelope.encode());
        Ok(content)
    }

    /// The same, if the content needs one: its signature says who it is for.
    pub fn put_if_needed(
        self,
        content: Vec<u8>,
        subspace: u8,
        kind: SubspaceType,
    ) -> Result<Vec<u8>, Wrong> {
        let own = (SIGNATURE | u32::from(subspace)).to_le_bytes();
        match self == Self::default() && content.starts_with(&own) {
            true => Ok(content),
            false => self.put_before(content, subspace, kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_must_mean_something() {
        let put = |flags, kind| {
            let options =
                EnvelopeOptions { flags, delay_ms: 0, subspace: None };
            options.put_before(vec![1], 0, kind)
        };
        assert_eq!(put(4, Responder).unwrap().len(), 33);
        assert!(put(1, Responder).is_err());
        assert!(put(2, Initiator).is_err());
        assert!(put(3, HwReducedAck).is_ok());
        assert!(put(4, Generic).unwrap_err().message.contains("no-interrupt"));
        assert!(put(0x60, HwRegisters).is_ok());
        let late = EnvelopeOptions { delay_ms: 7, ..Default::default() };
        assert!(late.put_before(vec![1], 0, Responder).is_ok());
        assert!(late.put_before(vec![1], 0, HwRegisters).is_err());
    }

    #[test]
    fn what_means_nothing_is_left_out() {
        let all = EnvelopeOptions {
            flags: 0xffff_ffff,
            delay_ms: 90_000,
            subspace: Some(3),
        };
        for kind in SubspaceType::ALL {
            let (left, _) = all.meaningful(kind);
            let told = left.put_before(vec![1], 0, kind).unwrap();
            let (found, rest) = EnvelopeOptions::split(&told);
            assert_eq!((found, rest), (Some(left), &[1][..]), "{kind}");
        }
        let (left, lost) = all.meaningful(HwRegisters);
        assert_eq!((left.flags, left.delay_ms), (0x61, 0));
        let lost = lost.join(" ");
        assert_eq!(
            lost,
            "notification no-interrupt double-interrupt early-interrupt \
             delay_ms"
        );
        assert_eq!(EnvelopeOptions::split(b"\x03CCP").0, None);
    }

    #[test]
    fn what_needs_no_envelope_has_none() {
        let put = |content: &[u8]| {
            let plain = EnvelopeOptions::default();
            plain.put_if_needed(content.to_vec(), 3, HwReducedAck).unwrap()
        };
        assert_eq!(put(b"\x03CCPab").len(), 6);
        assert_eq!(put(b"\x04CCPab").len(), 38);
    }
}
