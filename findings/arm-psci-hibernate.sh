#!/usr/bin/env bash
# The crate arm-psci 0.2.0, Arm's, with which firmware reads the PSCI calls of a kernel.
#
# SYSTEM_OFF2, C4000015h, has a type and a cookie; HIBERNATE_OFF is bit 0 of the type (DEN0022
# F.b §5.1.10), and what 0 means, too: Linux gives 0 when it hibernates, and its KVM takes it
# (drivers/firmware/psci/psci.c, arch/arm64/kvm/psci.c).
#
# Guess before running it: each call as Linux makes it is read, and the same registers are
# written again.
# Seen: SYSTEM_OFF2 of type 0 is an UnrecognisedSystemOff2Type, and for the kernel
# INVALID_PARAMETERS (-2), so that a machine which hibernates is told that it cannot. Linux's
# other calls are read and written.
. "$(dirname "$0")/lib/crates"
crates arm-psci=0.2.0 <<'RUST'
use arm_psci::{ErrorCode, Function};

fn main() {
    for call in [
        [0x8400_0000, 0, 0, 0],
        [0x8400_000a, 0xc400_0015, 0, 0],
        [0xc400_0003, 0x1_0000_0100, 0x8020_0000, 0],
        [0xc400_0001, 0x4000_0001, 0x8020_0000, 0],
        [0xc400_000e, 0x8020_0000, 0, 0],
        [0xc400_0012, 0, 0, 0],
        [0xc400_0015, 1, 0, 0],
        [0xc400_0015, 0, 0, 0],
        [0x8400_0015, 0, 0, 0],
    ] {
        match Function::try_from(&call) {
            Ok(function) => {
                let mut again = [0; 4];
                function.copy_to_array(&mut again);
                println!("{:08X}h of {:X}h: {}", call[0], call[1], again == call);
            }
            Err(error) => {
                print!("{:08X}h of {:X}h: {error:?}, ", call[0], call[1]);
                println!("{}", i32::from(ErrorCode::from(error)));
            }
        }
    }
}
RUST
"$TEMP/program" >"$TEMP/out"
same "other calls" "84000000h,8400000Ah,C4000003h,C4000001h,C400000Eh,C4000012h,C4000015h" \
  "$(sed -n 's/ of .*: true$//p' "$TEMP/out" | paste -sd,)"
same "SYSTEM_OFF2 of 1" "true" "$(sed -n 's/^C4000015h of 1h: //p' "$TEMP/out")"
for id in C4000015 84000015; do
  same "SYSTEM_OFF2 of 0" "UnrecognisedSystemOff2Type(0), -2" "$(sed -n "s/^${id}h of 0h: //p" "$TEMP/out")"
done
