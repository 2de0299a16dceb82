//! Anything a guest or the author of a handler file may write: nothing may
//! panic, grow without bound or go on for ever. The first byte chooses.
//! `scripts/fuzz.sh` builds and runs it.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pccd::platform::{Decision, Platform};
use pccd::{message_from, messages::Messages};
use pccd::mailbox::{Channels, RequestName};
use pccd::record::{Decoded, Time, describe, describe_packet};

thread_local! {
    static PLATFORM: RefCell<Platform> = RefCell::new(Platform::new(
        Arc::new(Messages::builtin().expect("they are tested")),
        0,
    ));
}

/// What decodes must come back, byte for byte.
fn both_ways(bytes: &[u8], decoded: &Decoded) {
    let again = decoded.encode().expect("what was decoded");
    assert_eq!(again, bytes, "{}", decoded.summary);
}

/// A request of the guest, and all it changes.
fn ask(content: &[u8]) {
    PLATFORM.with_borrow_mut(|platform| {
        let name = RequestName {
            epoch: "20261121T044142.123456789Z".parse().expect("an epoch"),
            seq: 1,
            subspace: 0,
        };
        let channels = Channels::default();
        let decision =
            platform.receive(&channels, &name, content, Time::UNIX_EPOCH);
        if let Decision::Complete { action, .. } = decision
            && let Some(changes) = action.changes
        {
            platform.set(changes.endpoint, changes.memory);
        }
    });
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    match first % 5 {
        0 => both_ways(rest, &describe(rest)),
        1 => both_ways(rest, &describe_packet(rest)),
        2 => both_ways(rest, &pccd::describe_message(rest)),
        3 => {
            let length = u32::try_from(rest.len() + 4).expect("short");
            let mut content = b"\0CCP\x01\0\0\0".to_vec();
            content.extend(length.to_le_bytes());
            content.extend(b"MCTP");
            content.extend(rest);
            ask(&content);
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(rest) {
                let _ = Messages::from_texts(&[("fuzz.json", text)]);
                let _ = message_from(text);
            }
        }
    }
});
