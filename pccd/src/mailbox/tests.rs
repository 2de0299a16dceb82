//! The mailbox as a whole, in a folder of its own.

use std::os::unix::fs::MetadataExt;

use super::rejected::MOST_ASIDE;
use super::*;

fn request(seq: u32) -> RequestName {
    RequestName {
        epoch: "20261121T044142.123456789Z".parse().unwrap(),
        seq,
        subspace: 0,
    }
}

#[test]
fn requests_are_listed_in_order_and_others_apart() {
    let dir = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open_daemon(&dir.path().join("m"), None).unwrap();
    for seq in [10, 9, 100] {
        let name = request(seq).to_string();
        std::fs::write(mailbox.outbox_path().join(name), "").unwrap();
    }
    std::fs::write(mailbox.outbox_path().join("hello"), "").unwrap();
    let (requests, others) = mailbox.list().unwrap();
    assert_eq!(requests, [request(9), request(10), request(100)]);
    assert_eq!(others.len(), 1);
}

#[test]
fn what_lies_on_another_file_system_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    let open = |path: &Path| Folder::open(path).unwrap();
    let base = open(dir.path());
    assert!(open(&dir.path().join("outbox")).is_beside(&base));
    assert!(!open(other.path()).is_beside(&base));
}

#[test]
fn a_gap_is_noticed() {
    let list =
        |seqs: &[u32]| seqs.iter().map(|n| request(*n)).collect::<Vec<_>>();
    let gap = |last: Option<u32>, seqs: &[u32]| {
        is_gap(last.map(request).as_ref(), &list(seqs))
    };
    assert!(!gap(None, &[]));
    assert!(!gap(None, &[1, 2]));
    assert!(!gap(Some(2), &[1, 3, 4]), "some are left of before");
    assert!(!gap(Some(2), &[]));
    assert!(gap(None, &[2]));
    assert!(gap(Some(2), &[4]));
    assert!(gap(Some(2), &[3, 5]));
    let epoch = "20261122T044142.123456789Z".parse().unwrap();
    let first = RequestName { epoch, ..request(1) };
    assert!(!is_gap(Some(&request(7)), std::slice::from_ref(&first)));
    assert!(is_gap(Some(&request(7)), &[RequestName { seq: 2, ..first }]));
}

/// While more come than one pass over the folder reads at once.
#[test]
fn no_request_is_listed_before_one_that_was_sent_before() {
    const MOST: u32 = 4000;
    let dir = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open_daemon(&dir.path().join("m"), None).unwrap();
    let (staged, outbox) = (dir.path().join("new"), mailbox.outbox_path());
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for seq in 1..=MOST {
                std::fs::write(&staged, "").unwrap();
                let name = outbox.join(request(seq).to_string());
                std::fs::rename(&staged, name).unwrap();
            }
        });
        loop {
            let is_last = sender.is_finished();
            let (requests, _) = mailbox.list().unwrap();
            let seqs = requests.iter().map(|name| name.seq);
            assert!(seqs.eq(1..=requests.len().try_into().unwrap()));
            if is_last {
                assert_eq!(requests.len(), MOST as usize);
                break;
            }
        }
    });
}

#[test]
fn unasked_names_count_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m");
    let missing = Mailbox::open_sender(&path).unwrap_err().to_string();
    assert!(missing.contains("there is no mailbox at"), "{missing}");
    assert!(!path.exists(), "nor is one made");
    drop(Mailbox::open_daemon(&path, None).unwrap());
    let mut mailbox = Mailbox::open_sender(&path).unwrap();
    let name = UnaskedName {
        time: "20261121T044142.123456789Z".parse().unwrap(),
        number: 1,
        subspace: 1,
    };
    let mut publish = |content: &[u8]| {
        mailbox.publish_unasked(name.clone(), content).unwrap().number
    };
    assert_eq!(publish(b"a"), 1);
    assert_eq!(publish(b"a"), 1, "the same again");
    assert_eq!(publish(b"b"), 2);
    let left = std::fs::read_dir(dir.path().join("m/tmp")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn what_is_set_aside_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open_daemon(&dir.path().join("m"), None).unwrap();
    let count = |name: &str| {
        std::fs::read_dir(dir.path().join("m").join(name)).unwrap().count()
    };
    let total = u32::try_from(MOST_ASIDE).unwrap() + 3;
    let mut gone = Vec::new();
    for seq in 0..total {
        let name = request(seq).to_string();
        std::fs::write(mailbox.outbox_path().join(&name), "").unwrap();
        let reason = Aside::Rejected("because");
        let moved = mailbox.set_aside(OsStr::new(&name), reason).unwrap();
        gone.extend(moved.removed);
    }
    assert_eq!(count("rejected"), 2 * MOST_ASIDE);
    let expected: Vec<OsString> =
        (0..3).map(|seq| request(seq).to_string().into()).collect();
    assert_eq!(gone, expected);
    let last = format!("m/rejected/{}.reason", request(total - 1));
    let text = std::fs::read_to_string(dir.path().join(last)).unwrap();
    assert_eq!(text, "because\n");
}

/// Junk by the thousand: a look at the outbox lists what was moved aside
/// once, not for each file.
#[test]
fn a_look_lists_what_was_set_aside_once() {
    let dir = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open_daemon(&dir.path().join("m"), None).unwrap();
    let aside = |name: &str| {
        std::fs::write(mailbox.outbox_path().join(name), "").unwrap();
        let reason = Aside::Rejected("because");
        mailbox.set_aside(OsStr::new(name), reason).unwrap().removed
    };
    let none: [OsString; 0] = [];
    assert_eq!(aside("a"), none);
    let rejected = dir.path().join("m/rejected");
    for number in 1..MOST_ASIDE {
        std::fs::write(rejected.join(format!("b{number}")), "").unwrap();
    }
    assert_eq!(aside("c"), none);
    mailbox.list().unwrap();
    assert_eq!(aside("d"), ["a", "b1"], "the next look sees all");
    assert_eq!(aside("e"), ["b10"]);
}

#[test]
fn a_name_rejected_twice_is_kept_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open_daemon(&dir.path().join("m"), None).unwrap();
    let long = "x".repeat(255);
    for _ in 0..2 {
        std::fs::write(mailbox.outbox_path().join("bad"), "").unwrap();
        let reason = Aside::Rejected("why");
        mailbox.set_aside(OsStr::new("bad"), reason).unwrap();
    }
    std::fs::write(mailbox.outbox_path().join(&long), "").unwrap();
    mailbox.set_aside(OsStr::new(&long), Aside::Rejected("long")).unwrap();
    let path = dir.path().join("m/rejected");
    for name in ["bad", "bad.reason", "bad~2", "bad~2.reason", &long] {
        assert!(path.join(name).exists(), "{name}");
    }
}

#[test]
fn a_reply_is_published_in_the_file_made_for_it_or_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m");
    let mut mailbox = Mailbox::open_daemon(&path, None).unwrap();
    let spare = |mailbox: &mut Mailbox| {
        mailbox.prepare();
        let names = mailbox.tmp.list().unwrap();
        assert_eq!(names.len(), 1, "{names:?}");
        path.join("tmp").join(&names[0])
    };
    let publish = |mailbox: &mut Mailbox, name: &str, content: &[u8]| {
        mailbox.publish_reply(name, content).unwrap();
        assert!(mailbox.tmp.list().unwrap().is_empty());
    };
    let made = std::fs::metadata(spare(&mut mailbox)).unwrap();
    publish(&mut mailbox, "a", b"one");
    let there = std::fs::metadata(path.join("inbox/a")).unwrap();
    assert_eq!(there.ino(), made.ino());
    std::fs::remove_file(spare(&mut mailbox)).unwrap();
    publish(&mut mailbox, "b", b"two");
    assert_eq!(std::fs::read(path.join("inbox/a")).unwrap(), b"one");
    assert_eq!(std::fs::read(path.join("inbox/b")).unwrap(), b"two");
    spare(&mut mailbox);
    drop(mailbox);
    assert_eq!(std::fs::read_dir(path.join("tmp")).unwrap().count(), 0);
}

#[test]
fn only_our_own_leftovers_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m");
    drop(Mailbox::open_daemon(&path, None).unwrap());
    for name in ["d-1-1", "q-1", "s-1"] {
        std::fs::write(path.join("tmp").join(name), "").unwrap();
    }
    let mailbox = Mailbox::open_daemon(&path, None).unwrap();
    let mut left = mailbox.tmp.list().unwrap();
    left.sort();
    assert_eq!(left, ["q-1", "s-1"]);
    assert!(mailbox.is_current());
    std::fs::rename(&path, dir.path().join("away")).unwrap();
    assert!(!mailbox.is_current());
}

/// Who holds a mailbox keeps it when somebody takes a folder away.
#[test]
fn the_lock_is_kept_as_long_as_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m");
    let mailbox = Mailbox::open_daemon(&path, None).unwrap();
    std::fs::remove_dir(path.join("stale")).unwrap();
    assert!(!mailbox.is_current());
    let lock = mailbox.lock().unwrap();
    drop(mailbox);
    let error = Mailbox::open_daemon(&path, None).unwrap_err().to_string();
    let pid = std::process::id().to_string();
    assert!(error.contains(&pid), "{error}");
    let mailbox = Mailbox::open_daemon(&path, Some(&lock)).unwrap();
    drop(lock);
    assert!(mailbox.is_current());
    Mailbox::open_daemon(&path, None).unwrap_err();
    // Without the file, or the mailbox, there is nothing to keep.
    std::fs::remove_file(path.join("daemon.lock")).unwrap();
    assert!(mailbox.lock().is_none());
    drop(mailbox);
    let mailbox = Mailbox::open_daemon(&path, None).unwrap();
    std::fs::rename(&path, dir.path().join("away")).unwrap();
    assert!(mailbox.lock().is_none());
}
