#!/usr/bin/env bash
# The crate nvme-mi-dev 0.1.0, which answers NVMe-MI as a drive does.
#
# The health status poll of a subsystem has a byte of SMART warnings, the critical warning of
# the SMART log with each bit inverted, so that 1 is fine; bit 1 is the temperature (NVMe-MI
# 2.0 §5.6). The log itself and the poll of a controller have them as they are. Serial number,
# model and firmware are ASCII, with spaces behind (NVMe Base 2.1, Identify Controller).
#
# Guess before running it: a drive of 20 degrees has no warning in any of the three, one of 128
# degrees has that of the temperature in all; Identify has spaces behind the names; each answer
# has a right CRC.
# Seen: the poll of the subsystem has the temperature the other way around: the drive of 20
# degrees, as each new one is, warns, the other one does not, while the log and the poll of the
# controller are right. Behind the names are zeros. The CRCs are right.
. "$(dirname "$0")/lib/crates"
crates nvme-mi-dev=0.1.0 mctp=0.2.0 <<'RUST'
use mctp::{AsyncReqChannel, AsyncRespChannel, Eid, MsgIC, MsgType, Result};
use nvme_mi_dev::{ManagementEndpoint, PciePort, PortType, Subsystem, SubsystemInfo, Temperature, TwoWirePort};
use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};

struct Never;

impl AsyncReqChannel for Never {
    async fn send_vectored(&mut self, _: MsgType, _: MsgIC, _: &[&[u8]]) -> Result<()> {
        unreachable!()
    }
    async fn recv<'f>(&mut self, _: &'f mut [u8]) -> Result<(MsgType, MsgIC, &'f mut [u8])> {
        unreachable!()
    }
    fn remote_eid(&self) -> Eid {
        unreachable!()
    }
}

/// Where the answer goes
struct Answer<'a>(&'a mut Vec<u8>);

impl AsyncRespChannel for Answer<'_> {
    type ReqChannel<'a>
        = Never
    where
        Self: 'a;
    async fn send_vectored(&mut self, _: MsgIC, parts: &[&[u8]]) -> Result<()> {
        self.0.extend(parts.concat());
        Ok(())
    }
    fn remote_eid(&self) -> Eid {
        Eid(9)
    }
    fn req_channel(&self) -> Result<Never> {
        unreachable!()
    }
}

/// CRC-32C of a message of MCTP's type 04h with an integrity check
fn crc(message: &[u8]) -> [u8; 4] {
    let mut crc = !0u32;
    for byte in [0x84].iter().chain(message) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82F63B78 } else { 0 };
        }
    }
    (!crc).to_le_bytes()
}

/// What a drive of this temperature answers, without the CRC, which is checked
fn ask(kelvin: u16, request: &[u8]) -> Vec<u8> {
    let mut drive = Subsystem::new(SubsystemInfo::invalid());
    let pcie = drive.add_port(PortType::Pcie(PciePort::new())).unwrap();
    let controller = drive.add_controller(pcie).unwrap();
    let bus = drive.add_port(PortType::TwoWire(TwoWirePort::new())).unwrap();
    drive.controller_mut(controller).set_temperature(Temperature::Kelvin(kelvin));
    let mut answer = Vec::new();
    let request = [request, &crc(request)].concat();
    let mut endpoint = ManagementEndpoint::new(bus);
    {
        let channel = Answer(&mut answer);
        let handled = pin!(endpoint.handle_async(&mut drive, &request, MsgIC(true), channel, async |_| Ok(())));
        assert!(matches!(handled.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_)));
    }
    let (message, sum) = answer.split_at(answer.len() - 4);
    assert_eq!(sum, crc(message), "the CRC");
    assert_eq!(message[3], 0, "the status");
    message.to_vec()
}

/// An admin command for data: opcode, first double word behind the namespace, and length
fn admin(opcode: u8, dw10: u32, length: u32) -> Vec<u8> {
    let mut request = vec![0x10, 0, 0, opcode, 0, 0, 0];
    request.resize(7 + 60, 0);
    request[31..35].copy_from_slice(&length.to_le_bytes());
    request[43..47].copy_from_slice(&dw10.to_le_bytes());
    request
}

fn main() {
    for kelvin in [293, 401] {
        let subsystem = ask(kelvin, &[8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let controller = ask(kelvin, &[8, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0x80, 0, 0, 0, 0]);
        let log = ask(kelvin, &admin(2, 0x7F0002, 512));
        println!("{:02X} {:02X} {:02X}", subsystem[8], controller[15], log[19]);
    }
    let identify = ask(293, &admin(6, 1, 4096));
    println!("{:02X?}", &identify[19 + 4..19 + 12]);
}
RUST
"$TEMP/program" >"$TEMP/out"
same "20 degrees, bits 0 to 5: subsystem 3F, controller 00, log 00" "3D 00 00" "$(sed -n 1p "$TEMP/out")"
same "128 degrees: subsystem 3D, controller 02, log 02" "3F 02 02" "$(sed -n 2p "$TEMP/out")"
same "the serial number 1000" "[31, 30, 30, 30, 00, 00, 00, 00]" "$(sed -n 3p "$TEMP/out")"
