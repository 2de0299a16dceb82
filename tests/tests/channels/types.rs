//! Each type of channel: the good path and every way to go wrong, 64 at once,
//! lines that are shared, a platform that comes late.

use std::time::{Duration, Instant};

use pccd_tests::Logs;
use pcclab::session::Session;

use crate::lab::{KERNELS, guest, pass, platform};

/// `channels.sh` on these channels: properties of the device, and what
/// follows the id for the script.
fn channels(machine: &str, steps: &str, channels: &[(String, String)]) {
    let mode = if machine.contains("poll") { "poll" } else { "irq" };
    let (devices, policies): (Vec<_>, Vec<_>) =
        channels.iter().cloned().unzip();
    let words: Vec<_> = policies
        .iter()
        .enumerate()
        .map(|(id, policy)| format!("{id}:{policy}"))
        .collect();
    // The kernel's own words on the table come first.
    let script = format!(
        "dmesg | grep -q 'Detected {} PCC Subspaces' || exit 9
         dmesg | grep -q 'Registering PCC driver as Mailbox controller' ||
             exit 9
         exec sh /tests/channels.sh {mode} {steps} {}",
        words.len(),
        words.join(" ")
    );
    for kernel in KERNELS {
        let logs = Logs::new();
        let config = guest(&logs, kernel, machine, &devices, &script);
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox());
        let lines = pass(&format!("{kernel:?}, {machine}"), session);
        peer.stop().unwrap();
        assert!(lines.iter().any(|l| l.starts_with("1..")), "{lines:#?}");
    }
}

fn channel(device: &str, policy: &str) -> (String, String) {
    (device.to_owned(), policy.to_owned())
}

fn one_of_each() -> Vec<(String, String)> {
    let mut list = Vec::new();
    for kind in 0..=3 {
        list.push(channel(&format!("subspace-type={kind}"), "answered"));
    }
    for kind in 0..=3 {
        let device = format!("subspace-type={kind},completion=posted");
        list.push(channel(&device, "posted"));
    }
    list
}

#[test]
fn every_type_by_interrupt() {
    let mut list = one_of_each();
    list.push(channel("subspace-type=4", "inbox"));
    list.push(channel("subspace-type=4,load-when=start", "inbox"));
    channels("pcc=bare", "all", &list);
}

#[test]
fn every_type_by_polling() {
    channels("pcc=bare,pcc-mode=poll", "all", &one_of_each());
}

/// Types 2 to 4 on one line, with neighbours on another.
#[test]
fn a_level_line_is_shared() {
    let mut list = Vec::new();
    for line in [90, 91] {
        for kind in [2, 3, 3, 2] {
            let device =
                format!("subspace-type={kind},trigger=level,irq={line}");
            list.push(channel(&device, "answered:shared"));
        }
        let device = format!("subspace-type=4,trigger=level,irq={line}");
        list.push(channel(&device, "inbox:shared"));
    }
    channels("pcc=bare", "all", &list);
}

#[test]
fn sixty_four_channels_by_interrupt() {
    let list: Vec<_> = (0..64)
        .map(|id| match id % 7 {
            4 => channel("subspace-type=4", "inbox"),
            5 => channel("subspace-type=3,completion=posted", "posted"),
            6 => channel("subspace-type=2,trigger=level", "answered"),
            kind => channel(&format!("subspace-type={kind}"), "answered"),
        })
        .collect();
    channels("pcc=bare,gic-version=3", "quick", &list);
}

#[test]
fn sixty_four_channels_by_polling() {
    let list: Vec<_> = (0..64)
        .map(|id| channel(&format!("subspace-type={}", id % 4), "answered"))
        .collect();
    channels("pcc=bare,pcc-mode=poll", "quick", &list);
}

/// A missing daemon is slow firmware: one command a channel waits in the
/// outbox and is answered when the daemon comes.
#[test]
fn a_platform_that_comes_late_answers() {
    let kinds = [0, 1, 2, 3];
    let devices: Vec<_> =
        kinds.iter().map(|kind| format!("subspace-type={kind}")).collect();
    let script = "
        . /tests/lib.sh
        plan 4
        for id in 0 1 2 3; do
            pcc_control $id bind
            # Linux's own time-out does not lose the answer.
            pcc $id timeout=20000 0x01 c0ffee >/tmp/$id &
        done
        wait
        for id in 0 1 2 3; do
            step \"type $id\"
            cat /tmp/$id
            grep -q '^result=ok .* data=3f0011' /tmp/$id
            result $?
        done
        end";
    for kernel in KERNELS {
        let logs = Logs::new();
        let config = guest(&logs, kernel, "pcc=bare", &devices, script);
        let session = Session::start(config).unwrap();
        let outbox = session.mailbox().join("outbox");
        let limit = Instant::now() + Duration::from_secs(30);
        while std::fs::read_dir(&outbox).map_or(0, Iterator::count)
            < kinds.len()
        {
            assert!(Instant::now() < limit, "the outbox does not fill");
            std::thread::sleep(Duration::from_millis(5));
        }
        let peer = platform(&session.mailbox());
        pass(&format!("{kernel:?}"), session);
        peer.stop().unwrap();
    }
}
