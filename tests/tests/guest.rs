//! Guests that boot: the real kernel, the real QEMU, the real daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pccd_tests::{Logs, built};
use pcclab::exchange::Script;
use pcclab::judge::judge;
use pcclab::lab::Lab;
use pcclab::run::{Verdict, exit};
use pcclab::session::{Config, End, Session};

/// Brings the link up and defines `request`, as a user's script would.
const LINK: &str = r#"
set -e
link=$(mctp link wait)
mctp link "$link" up
mctp address add 8 dev "$link"
mctp route add 9 dev "$link"
"#;

/// Get Endpoint ID, and the answer of an endpoint nobody has set yet.
const GET_EID: &str = "mctp request --eid 9 --type 0 --timeout-ms 5500 8002";

fn config(logs: &Logs, script: &str) -> Config {
    let lab = Lab::find(None, &[]).unwrap();
    Config::new(lab, logs.path(), &["sh", "-c", script])
}

fn demo(logs: &Logs) -> Config {
    let lab = Lab::find(None, &[]).unwrap();
    Config::new(lab, logs.path(), &["sh", "/tests/demo.sh"])
}

fn finish(session: Session) -> (Verdict, Vec<String>, Script) {
    let mut script = Script::default();
    let mut lines = Vec::new();
    let outcome = session
        .finish(|line| {
            script.line(line, Duration::ZERO);
            lines.push(line.to_owned());
        })
        .unwrap();
    let verdict = judge(&outcome, &script, Duration::from_secs(60));
    (verdict, lines, script)
}

fn run(config: Config) -> (Verdict, Vec<String>, Script) {
    finish(Session::start(config).unwrap())
}

fn names(folder: PathBuf) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits until `ready` gives something.
fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < limit, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn got(lines: &[String]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix("# mctp < "))
        .map(|rest| rest.split(' ').nth(1).unwrap())
        .collect()
}

#[test]
fn the_demo_passes_with_both_interrupt_controllers() {
    for gic in ["2", "3"] {
        let logs = Logs::new();
        let mut config = demo(&logs);
        config.qemu_args =
            vec!["-machine".into(), format!("gic-version={gic}").into()];
        let (verdict, lines, script) = run(config);
        assert_eq!(verdict.code, exit::PASS, "{verdict:?}\n{lines:#?}");
        assert!(script.report().tests.len() >= 9, "{lines:#?}");
        let mailbox = logs.path().join("mailbox");
        for folder in ["outbox", "inbox", "tmp", "rejected", "stale"] {
            let left = names(mailbox.join(folder));
            assert!(left.is_empty(), "{folder} holds {left:?}");
        }
    }
}

#[test]
fn messages_wait_for_a_daemon_that_comes_late() {
    let logs = Logs::new();
    let mut config = config(&logs, &format!("{LINK}{GET_EID}"));
    config.pccd = false;
    let mut session = Session::start(config).unwrap();
    session.wait_for("# mctp >").unwrap();
    let outbox = session.mailbox().join("outbox");
    until("the request", || (names(outbox.clone()).len() == 1).then_some(()));
    session.start_pccd().unwrap();
    let (verdict, lines, _) = finish(session);
    assert_eq!(verdict.code, exit::PASS, "{verdict:?}\n{lines:#?}");
    assert_eq!(got(&lines), ["msg=00000200090000"]);
    assert!(names(outbox).is_empty());
}

#[test]
fn a_guest_without_daemon_boots_and_ends() {
    let logs = Logs::new();
    let mut config = config(&logs, "true");
    config.pccd = false;
    let (verdict, lines, _) = run(config);
    assert_eq!(verdict.code, exit::PASS, "{verdict:?}\n{lines:#?}");
}

#[test]
fn a_killed_daemon_answers_exactly_once() {
    let logs = Logs::new();
    let script = format!(
        "{LINK}{GET_EID}\nsleep 1\n\
         echo packets $(cat /sys/class/net/$link/statistics/rx_packets)"
    );
    let mut session = Session::start(config(&logs, &script)).unwrap();
    // Frozen once it has its lock, so that the request is surely waiting
    // when it is killed.
    let lock = session.mailbox().join("daemon.lock");
    until("pccd's lock", || {
        fs::read_to_string(&lock).ok().filter(|pid| pid.ends_with('\n'))
    });
    session.freeze_pccd().unwrap();
    session.wait_for("# mctp >").unwrap();
    let outbox = session.mailbox().join("outbox");
    until("the request", || (names(outbox.clone()).len() == 1).then_some(()));
    session.kill_pccd();
    session.start_pccd().unwrap();
    let (verdict, lines, _) = finish(session);
    assert_eq!(verdict.code, exit::PASS, "{verdict:?}\n{lines:#?}");
    assert_eq!(got(&lines), ["msg=00000200090000"]);
    assert!(lines.iter().any(|l| l == "packets 1"), "{lines:#?}");
}

#[test]
fn a_shell_script_sends_a_message_and_prints_the_reply() {
    let output = Command::new(built("PCCLAB"))
        .args(["run", "--", "sh", "/tests/send-message.sh"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("00 00 02 00 09 00 00"), "{text}");
}

#[test]
fn a_wrong_uuid_is_caught_and_named() {
    let logs = Logs::new();
    let messages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../messages");
    let wrong = logs.path().join("wrong");
    let status = Command::new("cp")
        .arg("-r")
        .args([&messages, &wrong])
        .status()
        .unwrap();
    assert!(status.success());
    let endpoint = wrong.join("mctp/endpoint.json");
    let text = fs::read_to_string(&endpoint).unwrap();
    let at = text.find("\"uuid\"").unwrap() + "\"uuid\"".len();
    let (head, tail) = text.split_at(at);
    let digit = tail.find(|c: char| c.is_ascii_hexdigit()).unwrap();
    let other = if &tail[digit..=digit] == "0" { "1" } else { "0" };
    let text = format!("{head}{}{other}{}", &tail[..digit], &tail[digit + 1..]);
    fs::write(&endpoint, text).unwrap();

    let mut config = demo(&logs);
    config.messages = vec![wrong];
    let (verdict, lines, _) = run(config);
    assert_eq!(verdict.code, exit::FAIL, "{verdict:?}\n{lines:#?}");
    assert!(
        verdict.text.ends_with("failed: Get Endpoint UUID"),
        "{verdict:?}\n{lines:#?}"
    );
}

/// `poll()` fails once, as it does when a signal comes, though nothing is
/// there to be received.
const POLL: &str = "
#include <errno.h>
#include <poll.h>
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int calls;
    if (calls++)
        return __real_poll(fds, count, timeout);
    errno = EINTR;
    return -1;
}
";

#[test]
fn a_failed_poll_is_no_message() {
    let logs = Logs::new();
    let wrap = logs.path().join("poll.c");
    fs::write(&wrap, POLL).unwrap();
    let program = logs.path().join("mctp-poll");
    let sources =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-scripts/mctp");
    let cross = cfg!(not(target_arch = "aarch64"));
    let output =
        Command::new(if cross { "aarch64-linux-gnu-gcc" } else { "gcc" })
            .args(["-static", "-Wl,--wrap=poll", "-o"])
            .arg(&program)
            .arg(&wrap)
            .args(["mctp.c", "link.c", "message.c"].map(|c| sources.join(c)))
            .output()
            .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut config = config(
        &logs,
        "timeout 10 /work/mctp-poll listen --type 0x7e --timeout-ms 100
         [ $? -eq 1 ]",
    );
    config.files = vec![program];
    let (verdict, lines, _) = run(config);
    assert_eq!(verdict.code, exit::PASS, "{verdict:?}\n{lines:#?}");
    let timeout = "# mctp ! eid=any timeout after 100 ms";
    assert!(lines.iter().any(|l| l == timeout), "{lines:#?}");
}

/// The envelope of docs/mailbox.md 6.1 with these flags.
fn envelope(flags: u32) -> Vec<u8> {
    let mut bytes = b"PCCE".to_vec();
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(32u16.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.resize(32, 0);
    bytes
}

/// The answer to Get Endpoint ID as the platform would put it into the inbox.
fn eid_reply(request: &[u8]) -> Vec<u8> {
    let mut bytes = 0x5043_4301u32.to_le_bytes().to_vec();
    bytes.extend(0u32.to_le_bytes());
    bytes.extend((4u32 + 4 + 7).to_le_bytes());
    bytes.extend(b"MCTP");
    let tag = request[19] & 7;
    let instance = request[21] & 0x1f;
    bytes.extend([1, 8, 9, 0xc0 | tag]);
    bytes.extend([0, instance, 2, 0, 9, 0, 0]);
    bytes
}

/// Plays the platform for one request; `flags` as in the envelope.
fn answer(session: &mut Session, flags: u32) {
    session.wait_for("# mctp >").unwrap();
    let mailbox = session.mailbox();
    let request =
        until("the request", || names(mailbox.join("outbox")).first().cloned());
    let bytes = fs::read(mailbox.join("outbox").join(&request)).unwrap();
    let mut content = envelope(flags);
    content.extend(eid_reply(&bytes));
    let reply = request.replace(".pcc", ".r1.pcc");
    let draft = mailbox.join("tmp").join(format!("d-{reply}"));
    fs::write(&draft, content).unwrap();
    fs::rename(draft, mailbox.join("inbox").join(reply)).unwrap();
    fs::remove_file(mailbox.join("outbox").join(request)).unwrap();
}

#[test]
fn an_interrupt_that_is_not_raised_is_caught() {
    const NO_INTERRUPT: u32 = 1 << 2;
    let script =
        format!("{LINK}mctp request --eid 9 --type 0 --timeout-ms 1500 8002");
    for (flags, code) in [(0, exit::PASS), (NO_INTERRUPT, exit::FAIL)] {
        let logs = Logs::new();
        let mut config = config(&logs, &script);
        config.pccd = false;
        let mut session = Session::start(config).unwrap();
        answer(&mut session, flags);
        let (verdict, lines, _) = finish(session);
        assert_eq!(verdict.code, code, "{verdict:?}\n{lines:#?}");
    }
}

#[test]
fn a_hang_and_a_panic_have_exit_codes_of_their_own() {
    let logs = Logs::new();
    let mut hang = config(&logs, "sleep 100");
    hang.limit = Duration::from_secs(6);
    let outcome = Session::start(hang).unwrap().finish(|_| ()).unwrap();
    assert_eq!(outcome.end, End::Hang);

    let logs = Logs::new();
    let panic = config(&logs, "echo c >/proc/sysrq-trigger");
    let (verdict, lines, _) = run(panic);
    assert_eq!(verdict.code, exit::PANIC, "{verdict:?}\n{lines:#?}");
}

#[test]
fn a_second_qemu_on_a_mailbox_is_refused() {
    let logs = Logs::new();
    let other = Logs::new();
    let mut first = config(&logs, "echo here; sleep 30");
    first.pccd = false;
    let mut session = Session::start(first).unwrap();
    session.wait_for("here").unwrap();
    let pid = fs::read_to_string(session.mailbox().join("qemu.lock")).unwrap();

    let mut second = config(&other, "true");
    second.pccd = false;
    std::os::unix::fs::symlink(session.mailbox(), other.path().join("mailbox"))
        .unwrap();
    let linked = Session::start(second.clone()).unwrap();
    let outcome = linked.finish(|_| ()).unwrap();
    let End::Qemu(text) = outcome.end else { panic!("{outcome:?}") };
    assert!(text.contains("symbolic link"), "{text}");

    second.folder = logs.path().to_owned();
    let outcome = Session::start(second).unwrap().finish(|_| ()).unwrap();
    let End::Qemu(text) = outcome.end else { panic!("{outcome:?}") };
    assert!(text.contains(pid.trim()), "{pid}: {text}");
}
