//! Other platforms, asked the same as ours: mctp-estack answers control
//! messages, nvme-mi-dev NVMe-MI.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

// The locks of mctp-estack.
use critical_section as _;
use mctp::{AsyncReqChannel, AsyncRespChannel, Eid, MsgIC, MsgType};
use mctp_estack::Stack;
use mctp_estack::control::MctpControl;
use mctp_estack::router::{PortId, PortLookup, Router};
use nvme_mi_dev::{
    ManagementEndpoint, PciePort, PortType, Subsystem, SubsystemInfo,
};
use pccd::mailbox::{Channels, RequestName};
use pccd::messages::Messages;
use pccd::platform::{Changes, Decision, Platform};
use pccd::record::Time;
use pccd::wire::checksum::Checksum;
use pccd::wire::pcc::{COMMAND_MCTP, Frame};
use pccd::wire::text::spaced_hex;

use super::Judged;

/// Runs what never waits for anything.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// Where a peer leaves its answer.
struct Answer<'a>(&'a mut Option<Vec<u8>>);

/// Nobody asks back.
struct Never;

impl AsyncReqChannel for Never {
    async fn send_vectored(
        &mut self,
        _: MsgType,
        _: MsgIC,
        _: &[&[u8]],
    ) -> mctp::Result<()> {
        Err(mctp::Error::Unsupported)
    }

    async fn recv<'f>(
        &mut self,
        _: &'f mut [u8],
    ) -> mctp::Result<(MsgType, MsgIC, &'f mut [u8])> {
        Err(mctp::Error::Unsupported)
    }

    fn remote_eid(&self) -> Eid {
        Eid(8)
    }
}

impl AsyncRespChannel for Answer<'_> {
    type ReqChannel<'a>
        = Never
    where
        Self: 'a;

    async fn send_vectored(
        &mut self,
        _: MsgIC,
        parts: &[&[u8]],
    ) -> mctp::Result<()> {
        *self.0 = Some(parts.concat());
        Ok(())
    }

    fn remote_eid(&self) -> Eid {
        Eid(8)
    }

    fn req_channel(&self) -> mctp::Result<Never> {
        Ok(Never)
    }
}

/// Asks our platform; the message that comes back.
fn ask(platform: &mut Platform, message: &[u8]) -> Option<Vec<u8>> {
    let name = RequestName {
        epoch: "20261121T044142.123456789Z".parse().unwrap(),
        seq: 1,
        subspace: 0,
    };
    let mut packet = vec![1, 0, 8, 0xc8];
    packet.extend(message);
    let (subspace, flags, command) = (0, 1, COMMAND_MCTP);
    let frame = Frame { subspace, flags, command, payload: &packet };
    let channels = Channels::default();
    let time = Time::UNIX_EPOCH;
    match platform.receive(&channels, &name, &frame.encode(), time) {
        Decision::Complete { action, .. } => {
            if let Some(Changes { endpoint, memory }) = action.changes {
                platform.set(endpoint, memory);
            }
            Some(action.reply?.message)
        }
        other => panic!("{message:02x?}: {other:?}"),
    }
}

fn ours() -> Platform {
    Platform::new(Arc::new(Messages::builtin().unwrap()), 0)
}

fn said(answer: Option<&[u8]>) -> String {
    answer.map_or("silence".to_owned(), spaced_hex)
}

/// What was asked, our answer, theirs.
type Asked = (String, Option<Vec<u8>>, Option<Vec<u8>>);

/// Compares answers up to so many bytes, each with what it is about.
fn compare(
    answers: &[Asked],
    bytes: usize,
) -> (usize, BTreeMap<String, String>) {
    let mut differs = BTreeMap::new();
    let head = |answer: &Option<Vec<u8>>| {
        answer.as_ref().map(|a| a[..bytes.min(a.len())].to_vec())
    };
    for (about, ours, theirs) in answers {
        if head(ours) != head(theirs) {
            let ours = said(ours.as_deref());
            let theirs = said(theirs.as_deref());
            differs.insert(about.clone(), format!("{ours}, not {theirs}"));
        }
    }
    (answers.len() - differs.len(), differs)
}

/// Nothing is sent anywhere.
struct Nowhere;

impl PortLookup for Nowhere {
    fn by_eid(&mut self, _: Eid, _: Option<PortId>) -> Option<PortId> {
        None
    }
}

pub fn mctp_estack() -> Judged {
    let mut platform = ours();
    let mut lookup = Nowhere;
    let router = Router::new(Stack::new(Eid(9), 68, 0), &[], &mut lookup);
    let mut peer = MctpControl::new(&router);
    let types = [1, 4, 5, 0x20, 0x7e, 0x7f].map(MsgType);
    peer.set_message_types(&types).unwrap();
    let uuid = uuid();
    peer.set_uuid(&uuid);
    let mut answers = Vec::new();
    for (about, request) in [
        ("Get Endpoint ID", &[0x80, 2][..]),
        ("Get Endpoint ID of another instance", &[0x9f, 2]),
        ("Get Endpoint ID, a byte too long", &[0x80, 2, 0]),
        ("Get Endpoint UUID", &[0x80, 3]),
        ("Get Message Type Support", &[0x80, 5]),
        ("Get MCTP Version Support", &[0x80, 4, 0xff]),
        ("Set Endpoint ID", &[0x80, 1, 0, 10]),
        ("Set Endpoint ID, forced", &[0x80, 1, 1, 11]),
        ("Set Endpoint ID, reset", &[0x80, 1, 2, 12]),
        ("Set Endpoint ID to a reserved one", &[0x80, 1, 0, 7]),
        ("Set Endpoint ID to 0xff", &[0x80, 1, 0, 0xff]),
        ("Set Endpoint ID, cut", &[0x80, 1, 0]),
        ("Get Endpoint ID after Set", &[0x80, 2]),
        ("Resolve Endpoint ID", &[0x80, 7, 9]),
        ("Discovery Notify", &[0x80, 0x0d]),
        ("a command nobody knows", &[0x80, 0x7f]),
    ] {
        let mut theirs = None;
        let sent = peer.handle_async(request, Answer(&mut theirs));
        let _ = now(sent);
        let theirs = theirs.map(|body| [&[0], &body[..]].concat());
        let message = [&[0], request].concat();
        let ours = ask(&mut platform, &message);
        answers.push((about.to_owned(), ours, theirs));
    }
    let (agreed, differs) = compare(&answers, usize::MAX);
    Judged {
        name: "mctp-estack",
        version: "0.1.0".to_owned(),
        what: format!("{} control requests, the whole answer", answers.len()),
        agreed,
        differs,
    }
}

/// The UUID of `messages/mctp/endpoint.json`.
fn uuid() -> uuid::Uuid {
    let answer = ask(&mut ours(), &[0, 0x80, 3]).unwrap();
    uuid::Uuid::from_slice(&answer[4..]).unwrap()
}

pub fn nvme_mi_dev() -> Judged {
    let mut platform = ours();
    let mut subsystem = Subsystem::new(SubsystemInfo::invalid());
    let port = subsystem.add_port(PortType::Pcie(PciePort::new())).unwrap();
    let controller = subsystem.add_controller(port).unwrap();
    let port = subsystem
        .add_port(PortType::TwoWire(nvme_mi_dev::TwoWirePort::new()))
        .unwrap();
    let _ = controller;
    let mut peer = ManagementEndpoint::new(port);
    let mi = |opcode: u8, dwords: [u32; 2]| {
        let mut body = vec![8, 0, 0, opcode, 0, 0, 0];
        dwords.iter().for_each(|dword| body.extend(dword.to_le_bytes()));
        body
    };
    // With all of so many bytes of data, and dword 10.
    let admin = |opcode: u8, bytes: u32, dword: u32| {
        let mut body = vec![0x10, 0, 0, opcode, 1];
        body.resize(3 + 64, 0);
        body[31..35].copy_from_slice(&bytes.to_le_bytes());
        body[43..47].copy_from_slice(&dword.to_le_bytes());
        body
    };
    let mut cut = mi(1, [0, 0]);
    cut.truncate(11);
    let mut long = mi(1, [0, 0]);
    long.extend([0; 4]);
    let mut slot = mi(1, [0, 0]);
    slot[0] |= 1;
    let mut answers = Vec::new();
    for (about, body) in [
        ("NVM Subsystem Information", mi(0, [0, 0])),
        ("Port Information", mi(0, [0x0100_0000, 0])),
        ("Controller List", mi(0, [0x0200_0000, 0])),
        ("Health Status Poll", mi(1, [0, 0])),
        ("Health Status Poll of slot 1", slot),
        ("Health Status Poll, a word short", cut),
        ("Health Status Poll, a word long", long),
        ("Controller Information", mi(0, [0x0300_0000, 0])),
        ("a list of optional commands", mi(0, [0x0400_0000, 0])),
        ("Controller Health Status Poll", mi(2, [0, 0])),
        ("Controller Health Status Poll of all", mi(2, [0x81ff_0000, 0])),
        ("Configuration Get", mi(4, [1, 0])),
        ("Configuration Get of health changes", mi(4, [2, 0])),
        ("Configuration Get of the transmission unit", mi(4, [3, 0])),
        ("Configuration Set of health changes", mi(3, [2, 0x1fff])),
        ("VPD Read", mi(5, [0, 8])),
        ("an MI command nobody knows", mi(0x7f, [0, 0])),
        ("Identify Controller", admin(6, 4096, 1)),
        ("Identify of active namespaces", admin(6, 4096, 2)),
        ("Identify of controllers", admin(6, 4096, 0x13)),
        ("Identify of more than 4 KiB", admin(6, 4100, 1)),
        ("Get Log Page, errors", admin(2, 64, 0x000f_0001)),
        ("Get Log Page, SMART", admin(2, 512, 0x007f_0002)),
        ("Get Log Page of no kind", admin(2, 512, 0x007f_00f0)),
        ("Get Features", admin(0x0a, 0, 4)),
        ("an admin command nobody knows", admin(0x7e, 0, 0)),
        ("a control primitive, Pause", vec![0, 0, 0, 0, 0, 0, 0]),
        ("a PCIe command", vec![0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let mut message = [&[0x84], &body[..]].concat();
        let check = Checksum::Crc32c.of(&message).to_le_bytes();
        message.extend(&check[..4]);
        let mut theirs = None;
        now(peer.handle_async(
            &mut subsystem,
            &message[1..],
            MsgIC(true),
            Answer(&mut theirs),
            async |_| Ok(()),
        ));
        let theirs = theirs.map(|body| [&[0x84], &body[..]].concat());
        answers.push((about.to_owned(), ask(&mut platform, &message), theirs));
    }
    // What each device is differs; whether it can be had does not.
    let (agreed, differs) = compare(&answers, 5);
    Judged {
        name: "nvme-mi-dev",
        version: "0.1.0".to_owned(),
        what: format!("{} requests: header and status", answers.len()),
        agreed,
        differs,
    }
}
