//! An independent MCTP stack as the requester: what it takes we must take,
//! what we cut it must put together.

use std::sync::Arc;

use mctp::{Eid, MsgIC, MsgType, Tag, TagValue};
use mctp_estack::Stack;
use mctp_estack::fragment::SendOutput;
use pccd::mailbox::{Channels, RequestName};
use pccd::messages::Messages;
use pccd::platform::{Decision, Platform};
use pccd::wire::assembly::{Assembled, Assembler};
use pccd::wire::mctp::Packet;
use pccd::wire::pcc::{COMMAND_MCTP, Frame, HEADER_LEN};

/// Largest message mctp-estack was built to receive.
const MOST: usize = 1000;

/// Fragments a body the other stack's way.
fn packets(
    stack: &mut Stack,
    kind: u8,
    tag: Option<Tag>,
    body: &[u8],
) -> Vec<Vec<u8>> {
    let mut fragmenter = stack
        .start_send(Eid(9), MsgType(kind), tag, true, MsgIC(false), None, None)
        .unwrap();
    let mut packets = Vec::new();
    let mut out = [0; 255];
    loop {
        match fragmenter.fragment(body, &mut out) {
            SendOutput::Packet(packet) => packets.push(packet.to_vec()),
            SendOutput::Complete { .. } => return packets,
            SendOutput::Error { err, .. } => panic!("{err:?}"),
        }
    }
}

#[test]
fn its_packets_are_put_together() {
    for size in (0..=300).chain([511, 512, 513, 2000]) {
        let mut stack = Stack::new(Eid(8), 68, 0);
        let body: Vec<u8> = (0..size)
            .map(|at: usize| u8::try_from(at % 251).unwrap())
            .collect();
        let mut assembler = Assembler::default();
        let mut done = None;
        for packet in packets(&mut stack, 0x7e, None, &body) {
            let packet = Packet::decode(&packet).unwrap();
            if let Assembled::Complete { message, .. } =
                assembler.push(0, &packet, ())
            {
                done = Some(message);
            }
        }
        let message = done.unwrap();
        assert_eq!(message[0], 0x7e);
        assert_eq!(message[1..], body, "{size} bytes");
    }
}

#[test]
fn it_puts_our_answers_together() {
    let handlers = Messages::builtin().unwrap();
    let mut platform = Platform::new(Arc::new(handlers), 0);
    let channels = Channels::default();
    for size in (0..=200).chain([255, 256, 257, MOST]) {
        let mut stack = Stack::new(Eid(8), 68, 0);
        let mut body = vec![0x1a, 0xf4];
        body.extend((0..size).map(|at| u8::try_from(at % 251).unwrap()));
        let mut answer = None;
        for (seq, packet) in (1..).zip(packets(&mut stack, 0x7e, None, &body)) {
            let name = RequestName {
                epoch: "20261121T044142.123456789Z".parse().unwrap(),
                seq,
                subspace: 0,
            };
            let content = Frame {
                subspace: 0,
                flags: 1,
                command: COMMAND_MCTP,
                payload: &packet,
            }
            .encode();
            let time = pccd::record::Time::UNIX_EPOCH;
            let decision = platform.receive(&channels, &name, &content, time);
            if let Decision::Complete { action, .. } = decision {
                answer = action.reply;
            }
        }
        let mut echoed = None;
        for content in answer.unwrap().contents {
            let packet = &content[HEADER_LEN..];
            if let Some((message, handle)) = stack.receive(packet).unwrap() {
                assert_eq!(message.source, Eid(9));
                assert!(matches!(message.tag, Tag::Unowned(TagValue(_))));
                echoed = Some(message.payload.to_vec());
                stack.finished_receive(handle);
            }
        }
        assert_eq!(echoed.unwrap(), body, "{size} bytes");
    }
}
