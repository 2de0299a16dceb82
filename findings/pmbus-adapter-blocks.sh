#!/usr/bin/env bash
# The crate pmbus-adapter 0.1.0, which speaks PMBus by smbus-adapter 0.1.1.
#
# A block is its count and as many bytes (SMBus 3.2 §6.5.7). QUERY and SMBALERT_MASK are asked by
# a block write that is also a block read: count 1 and a command's code, answered by count 1 and a
# byte; COEFFICIENTS has count 2, the code and whether it is for reading. The bits of
# STATUS_FANS_1_2 go by turns: fault of fan 1, of fan 2, warning of 1, of 2, override of 1, of 2
# (PMBus 1.3.1 part II, at these commands).
#
# Guess before running it: blocks, questions and bits are these; numbers are right as well.
# Seen: a block that was read starts with its count, so that MFR_ID of "ABC" is "\x03ABC", and of
# 32 bytes the last is not read. QUERY and SMBALERT_MASK send the code where the count is, and
# take the answer's count for the answer: always 1. COEFFICIENTS has one byte. Fan 2 at fault is
# a warning of fan 1. Numbers of all kinds, a block that is written, and words are right.
. "$(dirname "$0")/lib/crates"
crates pmbus-adapter=0.1.0 smbus-adapter=0.1.1 embedded-hal-async=1.0.0 <<'RUST'
use embedded_hal_async::i2c::{ErrorKind, ErrorType, I2c, Operation};
use pmbus_adapter::{Linear11, PmbusAdaptor};
use smbus_adapter::SmbusAdaptor;
use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};

/// What a device answers; prints what it is sent.
struct Bus(&'static [u8]);

impl ErrorType for Bus {
    type Error = ErrorKind;
}

impl I2c for Bus {
    async fn transaction(&mut self, _: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        let mut answer = self.0.iter().copied();
        for operation in operations {
            match operation {
                Operation::Write(bytes) => bytes.iter().for_each(|byte| print!("{byte:02x} ")),
                Operation::Read(bytes) => bytes.fill_with(|| answer.next().unwrap_or(0xFF)),
            }
        }
        Ok(())
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!(),
    }
}

fn main() {
    let device = |answer| PmbusAdaptor::new(SmbusAdaptor::new(Bus(answer)));
    println!("{:?}", ready(device(b"\x03ABC").get_mfr_id(0x40)).unwrap());
    println!("{}", ready(device(&[32; 33]).get_mfr_id(0x40)).unwrap().len());
    println!("{:#x}", ready(device(&[1, 0xFC]).query(0x40, 0x79)).unwrap());
    println!("{:#x}", ready(device(&[1, 0x20]).get_smbalert_mask(0x40, 0x7A)).unwrap());
    println!("{:?}", ready(device(&[5, 1, 0, 2, 0, 3]).get_coefficients(0x40, 0x88)).unwrap());
    println!("{:?}", ready(device(&[0x40]).get_status_fans_12(0x40)).unwrap());
    println!("{:?}", ready(device(&[]).set_mfr_id(0x40, b"ABC")).unwrap());
    println!("{:#x}", ready(device(&[0x34, 0x12]).read_vin(0x40)).unwrap());
    println!("{}", Linear11::from_raw(0xF7FF).to_f32());
}
RUST
"$TEMP/program" >"$TEMP/out"
line() { sed -n "$1p" "$TEMP/out"; }
same "MFR_ID of ABC" "99 [3, 65, 66, 67]" "$(line 1)"
same "of 32 bytes, with the count" "99 32" "$(line 2)"
same "QUERY of STATUS_WORD, 1a 01 79, answered fc" "1a 79 00 0x1" "$(line 3)"
same "SMBALERT_MASK of STATUS_VOUT, 1b 01 7a, answered 20" "1b 7a 00 0x1" "$(line 4)"
same "COEFFICIENTS of READ_VIN, 30 02 88 01" "30 01 88 DirectCoefficients { m: 1, b: 2, r: 3 }" "$(line 5)"
same "fault of fan 2" "81 StatusFans12(FAN1_WARNING)" "$(line 6)"
same "MFR_ID written" "99 03 41 42 43 ()" "$(line 7)"
same "READ_VIN" "88 0x1234" "$(line 8)"
same "a quarter below 0" "-0.25" "$(line 9)"
