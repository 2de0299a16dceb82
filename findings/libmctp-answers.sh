#!/usr/bin/env bash
# The crate libmctp 0.2.0, MCTP over SMBus.
#
# An answer goes to the SMBus address of the requester, to its EID, with the tag
# of the request and the tag owner bit clear (DSP0236, DSP0237).
#
# Guess before running it: a request from address 10h, EIDs 8 to 0, tag 3, is
# answered in this way, and query_hop() sends Query Hop, command 0Fh.
# Seen: addresses and EIDs are one: the answer goes to the SMBus address 8, its
# source is an EID 20h that nobody gave it, the tag is 0, and the tag owner bit is
# set, so that no requester takes it. It works between two endpoints whose EIDs
# are their addresses, with one request at a time, if they do not look at the
# tag. query_hop() sends Get Network ID, 0Eh, with Query Hop's data, and the
# crate's own test wants it so.
. "$(dirname "$0")/lib/crates"
crates libmctp=0.2.0 smbus-pec=1.0.1 bitfield=0.14.0 <<'RUST'
use libmctp::{MCTPSMBusContext, MessageType};
fn show(bytes: &[u8]) {
    println!("{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "));
}
fn main() {
    let endpoint = MCTPSMBusContext::new(0x20, &[0x00], &[]);
    // Get Endpoint ID
    let mut request = vec![0x20 << 1, 0x0f, 8, 0x10 << 1 | 1, 0x01, 0, 8, 0xcb, 0x00, 0x80, 0x02];
    request.push(smbus_pec::pec(&request));
    let mut answer = [0; 64];
    if let Ok((_, Some(length))) = endpoint.process_packet(&request, &mut answer) {
        show(&answer[..length]);
    }
    let mut request = [0; 64];
    if let Ok(length) = endpoint.get_request().query_hop(0x10, 8, MessageType::VendorDefinedPCI, &mut request) {
        show(&request[..length]);
    }
}
RUST
"$TEMP/program" >"$TEMP/out"
# To the address 08h << 1, not 10h << 1; c8h, not 43h.
same "answer" "10 0f 0c 41 01 08 20 c8 00 00 02 00 00 00 00 17" "$(head -n 1 "$TEMP/out")"
same "the command of query_hop" "0e" "$(sed -n 2p "$TEMP/out" | cut -d' ' -f11)"
