//! Each type of channel: the good path and every way to go wrong, 64 at once,
//! lines that are shared, a platform that comes late.

use std::time::{Duration, Instant};

use pccd_tests::Logs;
use pcclab::session::Session;

use crate::lab::{guest, kernels, pass, platform};

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
    for &kernel in kernels() {
        let logs = Logs::new();
        let config = guest(&logs, kernel, machine, &devices, &script);
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox());
        let lines = pass(&format!("{kernel:?}, {machine}"), session);
        peer.stop().unwrap();
        assert!(lines.iter().any(|l| l.starts_with("1..")), "{lines:#?}");
        quiet(&logs);
    }
}

/// Nothing is left over, and the device found nothing to complain of.
fn quiet(logs: &Logs) {
    let log = std::fs::read_to_string(logs.path().join("qemu.log")).unwrap();
    let errors: Vec<_> =
        log.lines().filter(|line| line.starts_with("pcc: ")).collect();
    assert!(errors.is_empty(), "guest errors: {errors:#?}");
    for folder in ["outbox", "inbox", "tmp", "rejected", "stale"] {
        let path = logs.path().join("mailbox").join(folder);
        let left: Vec<_> = std::fs::read_dir(path).unwrap().collect();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
}

fn channel(device: &str, policy: &str) -> (String, String) {
    (device.to_owned(), policy.to_owned())
}

fn one_of_each() -> Vec<(String, String)> {
    let mut list = Vec::new();
    for kind in 0..=3 {
        list.push(channel(&format!("pcc-type{kind}"), "answered"));
    }
    for kind in 0..=3 {
        let device = format!("pcc-type{kind},completion=posted");
        list.push(channel(&device, "posted"));
    }
    list
}

#[test]
fn every_type_by_interrupt() {
    let mut list = one_of_each();
    list.push(channel("pcc-type4", "inbox"));
    list.push(channel("pcc-type4,load-when=start", "inbox"));
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
            let device = format!("pcc-type{kind},trigger=level,irq={line}");
            list.push(channel(&device, "answered:shared"));
        }
        let device = format!("pcc-type4,trigger=level,irq={line}");
        list.push(channel(&device, "inbox:shared"));
    }
    channels("pcc=bare,gic-version=3", "all", &list);
}

#[test]
fn sixty_four_channels_by_interrupt() {
    let list: Vec<_> = (0..64)
        .map(|id| match id % 7 {
            4 => channel("pcc-type4", "inbox"),
            5 => channel("pcc-type3,completion=posted", "posted"),
            6 => channel("pcc-type2,trigger=level", "answered"),
            kind => channel(&format!("pcc-type{kind}"), "answered"),
        })
        .collect();
    channels("pcc=bare,gic-version=3", "quick", &list);
}

#[test]
fn sixty_four_channels_by_polling() {
    let list: Vec<_> = (0..64)
        .map(|id| channel(&format!("pcc-type{}", id % 4), "answered"))
        .collect();
    channels("pcc=bare,pcc-mode=poll", "quick", &list);
}

/// A missing daemon is slow firmware: one command a channel waits in the
/// outbox and is answered when the daemon comes.
#[test]
fn a_platform_that_comes_late_answers() {
    let kinds = [0, 1, 2, 3];
    let devices: Vec<_> =
        kinds.iter().map(|kind| format!("pcc-type{kind}")).collect();
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
    for &kernel in kernels() {
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

/// What short scripts begin with: `ok WHAT LINE WORD...` is a KTAP result.
const OK: &str = r#"
    . /tests/lib.sh
    ok() {
        step "$1"
        shift
        holds "$@"
        result $?
    }
"#;

/// Runs a script of [`OK`]s with the platform on each kernel.
fn script(machine: &str, devices: &[&str], script: &str) {
    let devices: Vec<_> = devices.iter().map(|d| (*d).to_owned()).collect();
    // 6.12 may lose the interrupt of another processor: see channels.sh.
    let script = format!("taskset -p 1 $$ >/dev/null\n{OK}\n{script}\nend");
    for &kernel in kernels() {
        let logs = Logs::new();
        let config = guest(&logs, kernel, machine, &devices, &script);
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox());
        pass(&format!("{kernel:?}"), session);
        peer.stop().unwrap();
    }
}

/// Whose word counts on interrupts and time: the device's properties.
#[test]
fn policies_of_the_device() {
    script(
        "pcc=bare",
        &[
            "pcc-type2,interrupt=always",
            "pcc-type3,interrupt=always",
            "pcc-type2,interrupt=never",
            "pcc-type3,interrupt=never",
            "pcc-type0,answer-timeout-ms=100",
            "pcc-type2,answer-timeout-ms=100",
            "pcc-type3,answer-timeout-ms=100",
        ],
        r#"
        plan 14
        for id in 0 1 2 3 4 5 6; do pcc_control $id bind; done
        for id in 0 1; do
            line=$(pcc $id wait=irq notify=0 0x01 55)
            ok "an interrupt nobody asked for, $id" "$line" result=ok                 interrupts=1 data=aa
        done
        for id in 2 3; do
            line=$(pcc $id timeout=300 0x01 55)
            ok "no interrupt, $id" "$line" result=timeout complete=1                 interrupts=0
            pcc_control $id tick
            line=$(pcc $id wait=poll 0x01 55)
            ok "polled, $id" "$line" result=ok interrupts=0 data=aa
        done
        for id in 4 5 6; do
            line=$(pcc $id wait=poll notify=0 timeout=5000 0x0b 55)
            ok "no answer in time, $id" "$line" result=error complete=1
            ok "100 ms, $id" "late=$(($(field us "$line") > 99000))" late=1
        done
        ok "and again" "$(pcc 5 0x01 55)" result=ok data=aa
        ok "and again" "$(pcc 6 0x01 55)" result=ok data=aa
        "#,
    );
}

/// Trapped or not, a guest sees no difference.
#[test]
fn trapped_memory_works_as_ram_does() {
    let mut list: Vec<_> = one_of_each();
    list.push(channel("pcc-type4", "inbox"));
    for (device, _) in &mut list {
        device.push_str(",shmem=trapped,size=64");
    }
    channels("pcc=bare", "quick", &list);
}

/// A guest that starts again with commands under way finds its channels as
/// after power-on; what was answered too late is not for it.
#[test]
fn channels_survive_a_reboot() {
    let devices: Vec<_> =
        (0..=3).map(|kind| format!("pcc-type{kind}")).collect();
    let script = format!(
        r#"{OK}
        for id in 0 1 2 3; do pcc_control $id bind; done
        line=$(pcc 0 0x0c 00)
        case $line in
        *data=01)
            for id in 0 1 2 3; do pcc $id wait=no 0x03 0102; done
            sync
            reboot -f
            ;;
        esac
        plan 5
        ok 'second life' "$line" result=ok data=02
        for id in 0 1 2 3; do
            ok "type $id" "$(pcc $id timeout=5000 0x01 55)" \
                result=ok data=aa
        done
        end"#
    );
    for &kernel in kernels() {
        let logs = Logs::new();
        let mut config = guest(&logs, kernel, "pcc=bare", &devices, &script);
        config.qemu_args.extend(["-action".into(), "reboot=reset".into()]);
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox());
        pass(&format!("{kernel:?}"), session);
        peer.stop().unwrap();
        for folder in ["outbox", "inbox", "rejected"] {
            let path = logs.path().join("mailbox").join(folder);
            let left: Vec<_> = std::fs::read_dir(path).unwrap().collect();
            assert!(left.is_empty(), "{kernel:?}, {folder}: {left:?}");
        }
    }
}
