//! A mailbox full of what does not belong there, while the guest works: all
//! of it is put aside with a reason, and no channel notices.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use pccd_tests::Logs;
use pccd_tests::peer::{Envelope, extended, flag, generic};
use pcclab::session::Session;

use crate::lab::{Kernel, guest, pass, platform};

const ROUNDS: u32 = 5;

/// Names with what they hold, published by renaming as any file; `round`
/// keeps them apart. The channels are 0: type 2, 1: type 3, 2: type 4.
fn files(round: u32) -> Vec<(String, Vec<u8>)> {
    let at = |nano: u32, ss: u32| {
        format!("20261121T120000.{:09}Z-1-{ss:03}.pcc", round * 100 + nano)
    };
    let wrapped = |flags, subspace, content: &[u8]| {
        let mut bytes = Envelope { flags, delay_ms: 0, subspace }.encode();
        bytes.extend(content);
        bytes
    };
    let version_2 = || {
        let mut bytes = wrapped(0, 2, &extended(2, 1, b"x"));
        bytes[4] = 2;
        bytes
    };
    let reserved = || {
        let mut bytes = wrapped(0, 2, &extended(2, 1, b"x"));
        bytes[31] = 1;
        bytes
    };
    let message = extended(2, 1, b"x");
    vec![
        (format!("no name of ours {round}"), message.clone()),
        (format!("{}.tmp", at(1, 2)), message.clone()),
        (at(2, 2), message[..3].to_vec()),
        (at(3, 99), extended(99, 1, b"x")),
        (at(4, 0), message.clone()),
        (at(5, 2), extended(2, 1, &[0; 5000])),
        // In the wrong direction, and not said to be a notification
        (at(6, 1), extended(1, 1, b"x")),
        (at(7, 0), generic(0, 1, b"x")),
        (at(8, 2), version_2()),
        (at(9, 2), reserved()),
        (at(10, 2), wrapped(1 << 7, 2, &message)),
        (at(11, 2), wrapped(flag::ERROR, 2, &message)),
        (at(12, 2), wrapped(flag::NOTIFICATION, 2, &message)),
        (at(13, 1), wrapped(flag::NOTIFICATION, 1, &extended(1, 1, b"x"))),
        (at(14, 2), Vec::new()),
    ]
}

/// All of a round; how many files that was.
fn litter(mailbox: &Path, round: u32) -> usize {
    let (tmp, inbox) = (mailbox.join("tmp"), mailbox.join("inbox"));
    let files = files(round);
    for (name, bytes) in &files {
        let path = tmp.join(format!("s-{name}"));
        fs::write(&path, bytes).unwrap();
        fs::rename(path, inbox.join(name)).unwrap();
    }
    let nano =
        |n: u32| format!("20261121T120001.{:09}Z-1-002.pcc", round * 100 + n);
    symlink("/etc/passwd", inbox.join(nano(1))).unwrap();
    symlink("/nonexistent", inbox.join(nano(2))).unwrap();
    fs::create_dir(inbox.join(nano(3))).unwrap();
    let fifo = std::process::Command::new("mkfifo")
        .arg(inbox.join(nano(4)))
        .status()
        .unwrap();
    assert!(fifo.success());
    files.len() + 4
}

#[test]
fn a_mailbox_full_of_garbage_stops_nothing() {
    let devices = [2, 3, 4].map(|kind| format!("pcc-type{kind}"));
    let script = "
        echo ready
        exec sh /tests/channels.sh irq all 0:answered 1:answered 2:inbox";
    let logs = Logs::new();
    let config = guest(&logs, Kernel::New, "pcc=bare", &devices, script);
    let mut session = Session::start(config).unwrap();
    let mailbox = session.mailbox();
    let peer = platform(&mailbox);
    session.wait_for("ready").unwrap();
    let mut count = 0;
    for round in 0..ROUNDS {
        count += litter(&mailbox, round);
    }
    pass("garbage", session);
    peer.stop().unwrap();

    let names = |folder: &str| -> Vec<String> {
        fs::read_dir(mailbox.join(folder))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names("inbox"), Vec::<String>::new());
    let rejected = names("rejected");
    let (reasons, files): (Vec<_>, Vec<_>) =
        rejected.iter().partition(|name| name.ends_with(".reason"));
    assert_eq!(files.len(), count, "{rejected:#?}");
    for name in files {
        let path = mailbox.join("rejected").join(format!("{name}.reason"));
        let reason = fs::read_to_string(&path).unwrap();
        println!("{name}: {}", reason.trim_end());
        assert!(reason.len() > 1 && reason.ends_with('\n'), "{name}: {reason}");
    }
    assert_eq!(reasons.len(), count);
}

/// Requests made while there is no folder are answered when it is back.
#[test]
fn a_mailbox_that_vanishes_comes_back() {
    let devices = [0, 1, 2, 3].map(|kind| format!("pcc-type{kind}"));
    let script = "
        . /tests/lib.sh
        plan 4
        for id in 0 1 2 3; do pcc_control $id bind; done
        echo ready
        # Until the host has removed the folder
        sleep 2
        for id in 0 1 2 3; do
            pcc $id timeout=20000 0x01 c0ffee >/tmp/$id &
        done
        sleep 1
        echo sent
        wait
        for id in 0 1 2 3; do
            step \"type $id\"
            holds \"$(cat /tmp/$id)\" result=ok data=3f0011
            result $?
        done
        end";
    let logs = Logs::new();
    let config = guest(&logs, Kernel::New, "pcc=bare", &devices, script);
    let mut session = Session::start(config).unwrap();
    let mailbox = session.mailbox();
    session.wait_for("ready").unwrap();
    fs::remove_dir_all(&mailbox).unwrap();
    session.wait_for("sent").unwrap();
    assert!(!mailbox.exists(), "only the daemon makes it again");
    let peer = platform(&mailbox);
    pass("vanished", session);
    peer.stop().unwrap();
}
