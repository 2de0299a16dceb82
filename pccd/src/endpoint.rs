//! The MCTP endpoint this platform is: its identity, its state, and the
//! control answers every endpoint owes (DSP0236 1.3.1 §8 and §12).
//!
//! It knows no files, no time and no handlers; [`State`] is small and
//! copied, so that a caller can commit the new one before it answers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::wire::checksum::Checksum;
use crate::wire::control::{
    BASE_SPECIFICATION, Command, CompletionCode, Message, TYPE_NOT_SUPPORTED,
};
use crate::wire::mctp::{BASELINE_UNIT, Eid, Header, INTEGRITY_LEN, MsgType};
use crate::wire::version::Version;

/// A vendor whose messages the endpoint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorId {
    Pci(u16),
    Iana(u32),
}

/// What never changes while the endpoint lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// UUID; without one Get Endpoint UUID is not supported.
    pub uuid: Option<[u8; 16]>,
    /// EID at the start of each life of the guest.
    pub eid: Eid,
    /// The EID that Set Endpoint ID's "reset" goes back to, if any.
    pub static_eid: Option<Eid>,
    /// Payload bytes of the packets we send.
    pub transmission_unit: usize,
    /// Message types reported, without control.
    pub message_types: BTreeSet<u8>,
    /// Versions by message type; 0xFF is the base specification.
    pub versions: BTreeMap<u8, Vec<Version>>,
    /// Vendors reported, with their command set.
    pub vendors: Vec<(VendorId, u16)>,
    /// Whether the discovery commands and flag exist.
    pub discovery: bool,
    /// UUID of the network; without one Get Network ID is not supported.
    pub network_id: Option<[u8; 16]>,
    /// Whether Query Hop, which bridges answer, is supported.
    pub query_hop: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            uuid: None,
            eid: Eid::NULL,
            static_eid: None,
            transmission_unit: BASELINE_UNIT,
            message_types: BTreeSet::new(),
            versions: BTreeMap::new(),
            vendors: Vec::new(),
            discovery: false,
            network_id: None,
            query_hop: false,
        }
    }
}

/// What control messages change. It lasts for one life of the guest.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct State {
    /// EID in force, 0 for none.
    pub eid: u8,
    /// The Discovered flag, where discovery is used.
    pub discovered: bool,
    /// Whom we sent a message of our own with each tag, and wait for.
    #[serde(default)]
    pub asked: [Option<u8>; 8],
    /// The instance id of the control message among them.
    #[serde(default)]
    pub instances: [Option<u8>; 8],
    /// The EID that such a message gives whom it asks, who may answer from
    /// there.
    #[serde(default)]
    pub renamed: [Option<u8>; 8],
}

impl State {
    /// A message of ours goes out; the answer may come with its tag.
    pub fn ask(&mut self, destination: Eid, tag: u8, message: &[u8]) {
        if let Some(asked) = self.asked.get_mut(usize::from(tag)) {
            *asked = Some(destination.0);
        }
        if let Some(instance) = self.instances.get_mut(usize::from(tag)) {
            *instance = instance_of(message);
        }
        if let Some(renamed) = self.renamed.get_mut(usize::from(tag)) {
            *renamed = assigned(message);
        }
    }

    /// The instance id that the answer with this tag must have, if it is
    /// one to a control message.
    pub fn instance(&self, tag: u8) -> Option<u8> {
        self.instances.get(usize::from(tag)).copied().flatten()
    }

    /// Whether we wait for a message from there with that tag.
    pub fn awaits(&self, source: Eid, tag: u8) -> bool {
        let at = usize::from(tag);
        let asked = self.asked.get(at).copied().flatten();
        let renamed = self.renamed.get(at).copied().flatten();
        asked.is_some_and(|eid| {
            let eid = Eid(eid);
            eid == source
                || eid == Eid::NULL
                || eid == Eid::BROADCAST
                || renamed == Some(source.0)
        })
    }

    /// The answer came; a broadcast may have many.
    pub fn answered(&mut self, tag: u8) {
        if let Some(asked) = self.asked.get_mut(usize::from(tag))
            && *asked != Some(Eid::BROADCAST.0)
        {
            *asked = None;
        }
    }
}

/// The EID that a message assigns, if it is Set Endpoint ID (DSP0236 §12.3).
fn assigned(message: &[u8]) -> Option<u8> {
    let request = Message::decode(message).ok()?;
    match (request.rq, request.command, request.data) {
        (true, Command::SetEndpointId, [operation, eid])
            if operation & 3 < 2 =>
        {
            Some(*eid)
        }
        _ => None,
    }
}

/// The instance id of a message, if it is a control message (DSP0236 §11).
pub fn instance_of(message: &[u8]) -> Option<u8> {
    let (kind, second) = (message.first()?, message.get(1)?);
    (MsgType::from(kind & 0x7f) == MsgType::Control).then_some(second & 0x1f)
}

/// What comes of a control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This message goes back.
    Reply(Vec<u8>),
    /// Nothing goes back, for this reason.
    Silent(String),
}

/// Why a packet or a message is not acted on, in the words of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(String);

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

/// The endpoint: what it is and how it stands.
#[derive(Debug, Clone)]
pub struct Endpoint {
    config: Config,
    state: State,
}

impl Endpoint {
    /// An endpoint at the start of a life of the guest.
    pub fn new(config: Config) -> Self {
        let state = Self::initial(&config);
        Self { config, state }
    }

    fn initial(config: &Config) -> State {
        State { eid: config.eid.0, ..State::default() }
    }

    /// Back to the start of a life of the guest.
    pub fn reset(&mut self) {
        self.state = Self::initial(&self.config);
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Takes over a state, from a ledger or a committed answer.
    pub fn set_state(&mut self, state: State) {
        self.state = state;
    }

    pub fn eid(&self) -> Eid {
        Eid(self.state.eid)
    }

    /// Whether a packet is for us; the drop rules of DSP0236 §8.10 that
    /// come before assembly.
    pub fn accepts(&self, header: &Header) -> Result<(), Refusal> {
        let Header { source, destination, .. } = *header;
        if (1..=7).contains(&source.0) || source == Eid::BROADCAST {
            let reason = format!("source EID {source} is not allowed");
            return Err(reason.into());
        }
        let ours = destination == Eid::NULL
            || destination == Eid::BROADCAST
            || destination == self.eid();
        if !ours {
            let reason = format!(
                "destination EID {destination} is not ours, which is {}",
                self.eid()
            );
            return Err(reason.into());
        }
        if !header.to && !self.state.awaits(source, header.tag) {
            return Err("a response (TO clear) that nobody waits for".into());
        }
        Ok(())
    }

    /// The source of an answer to a packet: the EID it was sent to, or our
    /// own for the null EID and broadcasts.
    pub fn answers_from(&self, header: &Header) -> Eid {
        match header.destination {
            Eid::NULL | Eid::BROADCAST => self.eid(),
            other => other,
        }
    }

    /// Whether a message is intact, as far as its type says how to know.
    /// Control (DSP0236 §11.3), PLDM (DSP0241), SPDM (DSP0275) and secured
    /// messages (DSP0276) have no integrity check, NVMe-MI always has a
    /// CRC-32C; of other types with one only the room for it is known.
    pub fn judge_integrity(message: &[u8]) -> Result<(), Refusal> {
        let Some((first, rest)) = message.split_first() else {
            return Err("a message without its type byte".into());
        };
        let kind = MsgType::from(first & 0x7f);
        let checked = first & 0x80 != 0;
        match kind {
            MsgType::Control
            | MsgType::Pldm
            | MsgType::Spdm
            | MsgType::Secured
                if checked =>
            {
                Err(format!("a {kind} message with the IC bit set").into())
            }
            MsgType::NvmeMi if !checked => {
                Err("an NVMe-MI message with the IC bit clear".into())
            }
            _ if checked && rest.len() < INTEGRITY_LEN => {
                Err("a message too short for its integrity check".into())
            }
            MsgType::NvmeMi => {
                let end = message.len().saturating_sub(INTEGRITY_LEN);
                let (body, check) = message.split_at(end);
                let right = Checksum::Crc32c.of(body).to_le_bytes();
                match right.starts_with(check) {
                    true => Ok(()),
                    false => Err("a wrong integrity check".into()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether a message may be acted on as a control message at all.
    /// Requests come with the tag owner bit, responses without.
    pub fn judge_control<'a>(
        message: &'a [u8],
        packets: usize,
        to: bool,
    ) -> Result<Message<'a>, Refusal> {
        let request = Message::decode(message)
            .map_err(|error| Refusal(error.to_string()))?;
        if packets > 1 {
            return Err("a control message in several packets".into());
        }
        if request.ic {
            return Err("a control message with the IC bit set".into());
        }
        match (to, request.rq) {
            (true, false) => {
                Err("a control response with the TO bit set".into())
            }
            (false, true) => {
                Err("a control request with the TO bit clear".into())
            }
            _ => Ok(request),
        }
    }

    /// Acts on a control message and answers it.
    pub fn handle(&mut self, message: &[u8]) -> Outcome {
        let request = match Self::judge_control(message, 1, true) {
            Ok(request) => request,
            Err(reason) => return Outcome::Silent(reason.into()),
        };
        match self.execute(&request) {
            Some(_) if request.datagram => {
                Outcome::Silent("a datagram wants no answer".into())
            }
            Some((code, data)) => Outcome::Reply(request.respond(code, &data)),
            None => Outcome::Silent("the endpoint is discovered".into()),
        }
    }

    /// Code and data of the answer; none where the command wants silence.
    fn execute(
        &mut self,
        request: &Message<'_>,
    ) -> Option<(CompletionCode, Vec<u8>)> {
        use CompletionCode::{InvalidLength, Success, UnsupportedCmd};
        let discovery = self.config.discovery;
        let uuid = self.config.uuid;
        let refuse = |code| Some((code, Vec::new()));
        let supported = match request.command {
            Command::SetEndpointId
            | Command::GetEndpointId
            | Command::GetVersionSupport
            | Command::GetMessageTypeSupport
            | Command::GetVendorSupport => true,
            Command::GetEndpointUuid => uuid.is_some(),
            Command::PrepareForDiscovery | Command::EndpointDiscovery => {
                discovery
            }
            Command::GetNetworkId => self.config.network_id.is_some(),
            Command::QueryHop => self.config.query_hop,
            // For bridges and bus owners (DSP0236 table 12), transport
            // specific, or optional and not here.
            _ => false,
        };
        if !supported {
            return refuse(UnsupportedCmd);
        }
        let answer = match (request.command, request.data) {
            (Command::SetEndpointId, [operation, eid]) => {
                self.set_eid(operation & 3, Eid(*eid))
            }
            (Command::GetEndpointId, []) => {
                let kind = match self.config.static_eid {
                    None => 0,
                    Some(fixed) if fixed == self.eid() => 2,
                    Some(_) => 3,
                };
                (Success, vec![self.state.eid, kind, 0])
            }
            (Command::GetEndpointUuid, []) => {
                (Success, uuid.unwrap_or_default().to_vec())
            }
            (Command::GetVersionSupport, [kind]) => self.versions(*kind),
            (Command::GetMessageTypeSupport, []) => {
                let types = &self.config.message_types;
                let count = u8::try_from(types.len()).unwrap_or(u8::MAX);
                let listed = types.iter().copied().take(count.into());
                (Success, std::iter::once(count).chain(listed).collect())
            }
            (Command::GetVendorSupport, [selector]) => self.vendor(*selector),
            (Command::GetNetworkId, []) => {
                let id = self.config.network_id.unwrap_or_default();
                (Success, id.to_vec())
            }
            (Command::QueryHop, [eid, kind]) => {
                self.query_hop(Eid(*eid), *kind)
            }
            (Command::PrepareForDiscovery, []) => {
                self.state.discovered = false;
                (Success, Vec::new())
            }
            (Command::EndpointDiscovery, []) => {
                if self.state.discovered {
                    return None;
                }
                (Success, Vec::new())
            }
            _ => (InvalidLength, Vec::new()),
        };
        Some(answer)
    }

    /// DSP0236 §12.3. There is one bus, so set and force are the same, and
    /// who sets the EID has discovered the endpoint.
    fn set_eid(
        &mut self,
        operation: u8,
        eid: Eid,
    ) -> (CompletionCode, Vec<u8>) {
        let refused = (CompletionCode::InvalidData, Vec::new());
        match operation {
            0 | 1 if eid.is_assignable() => {
                self.state.eid = eid.0;
                self.state.discovered |= self.config.discovery;
            }
            2 => match self.config.static_eid {
                Some(fixed) => self.state.eid = fixed.0,
                None => return refused,
            },
            3 if self.config.discovery => self.state.discovered = true,
            _ => return refused,
        }
        (CompletionCode::Success, vec![0, self.state.eid, 0])
    }

    /// DSP0236 §12.6: oldest first.
    fn versions(&self, kind: u8) -> (CompletionCode, Vec<u8>) {
        let listed = self.config.versions.get(&kind).or_else(|| {
            // The control protocol is part of the base specification.
            (kind == u8::from(MsgType::Control))
                .then(|| self.config.versions.get(&BASE_SPECIFICATION))?
        });
        let Some(listed) = listed.filter(|listed| !listed.is_empty()) else {
            return (TYPE_NOT_SUPPORTED, Vec::new());
        };
        let count = u8::try_from(listed.len()).unwrap_or(u8::MAX);
        let bytes = listed.iter().take(count.into()).flat_map(|v| v.0);
        (CompletionCode::Success, std::iter::once(count).chain(bytes).collect())
    }

    /// DSP0236 §12.17. Nothing lies behind us: only we ourselves are local,
    /// and there is no way to anybody else.
    fn query_hop(&self, eid: Eid, kind: u8) -> (CompletionCode, Vec<u8>) {
        if !eid.is_assignable() || eid != self.eid() {
            return (CompletionCode::InvalidData, Vec::new());
        }
        let known = kind == u8::from(MsgType::Control)
            || self.config.message_types.contains(&kind);
        // Units of 16 bytes above the baseline.
        let above = self.config.transmission_unit.saturating_sub(BASELINE_UNIT);
        let unit = u16::try_from(above / 16).unwrap_or(u16::MAX).to_be_bytes();
        let mut data = vec![0, if known { kind } else { 0xff }];
        data.extend(unit);
        data.extend(unit);
        (CompletionCode::Success, data)
    }

    /// DSP0236 §12.8.
    fn vendor(&self, selector: u8) -> (CompletionCode, Vec<u8>) {
        let vendors = &self.config.vendors;
        let Some((id, command_set)) = vendors.get(usize::from(selector)) else {
            return (CompletionCode::InvalidData, Vec::new());
        };
        let next = match usize::from(selector) + 1 {
            next if next < vendors.len() => selector.saturating_add(1),
            _ => u8::MAX,
        };
        let mut data = vec![next];
        match id {
            VendorId::Pci(id) => {
                data.push(0);
                data.extend(id.to_be_bytes());
            }
            VendorId::Iana(id) => {
                data.push(1);
                data.extend(id.to_be_bytes());
            }
        }
        data.extend(command_set.to_be_bytes());
        (CompletionCode::Success, data)
    }
}

#[cfg(test)]
mod tests;
