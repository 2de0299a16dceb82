//! The real binary in a folder of its own, and a device's side of the
//! mailbox made by hand. Waits have a limit and poll a condition.
#![allow(dead_code)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pccd::{Event, Record};
use tempfile::TempDir;

pub const EPOCH: &str = "20261121T044142.123456789Z";
pub const LIMIT: Duration = Duration::from_secs(20);

pub fn pccd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pccd"));
    command.stdin(Stdio::null());
    command
}

/// Folders for a test: mailbox, messages, log.
pub struct Bench {
    pub dir: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn mailbox(&self) -> PathBuf {
        self.dir.path().join("m")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.mailbox().join(name)
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// The built-in messages, whatever the current folder holds.
    pub fn command(&self) -> Command {
        self.daemon("run")
    }

    /// A daemon of the mailbox: `run` or `replay`.
    pub fn daemon(&self, what: &str) -> Command {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let mut command = pccd();
        command
            .current_dir(self.dir.path())
            .args([what, "--format", "json", "--mailbox"])
            .arg(self.mailbox())
            .stderr(log);
        command
    }

    /// Starts a daemon and waits until it is ready.
    pub fn start(&self) -> Daemon {
        self.spawn(&mut self.command())
    }

    /// The same of one with arguments of its own.
    pub fn spawn(&self, command: &mut Command) -> Daemon {
        let before = self.count(Event::Started);
        let daemon = Daemon(command.spawn().unwrap());
        self.wait("a daemon", || self.count(Event::Started) > before);
        daemon
    }

    /// The log. Only the last line of a daemon may be torn, by a kill.
    pub fn records(&self) -> Vec<Record> {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let mut records: Vec<Record> = Vec::new();
        let mut torn = None;
        for line in text.lines() {
            match (serde_json::from_str(line), torn) {
                (Ok(record), None) => records.push(record),
                (Ok(record @ Record { event: Event::Started, .. }), _) => {
                    records.push(record);
                    torn = None;
                }
                (Err(_), None) => torn = Some(line),
                (_, Some(torn)) => panic!("no record: {torn}"),
            }
        }
        records
    }

    pub fn count(&self, event: Event) -> usize {
        self.records().iter().filter(|r| r.event == event).count()
    }

    /// A device's folders, made before any daemon comes.
    pub fn make_folders(&self) {
        use std::os::unix::fs::DirBuilderExt;
        let make = |path: PathBuf| {
            fs::DirBuilder::new().mode(0o700).create(path).unwrap();
        };
        make(self.mailbox());
        for name in ["outbox", "inbox", "tmp", "rejected", "stale"] {
            make(self.path(name));
        }
    }

    /// Publishes `channels.json`.
    pub fn channels(&self, epoch: &str, channels: &str) {
        let text = format!(
            r#"{{"version": 1, "epoch": "{epoch}", "channels": [{channels}]}}"#
        );
        let tmp = self.path("tmp").join("q-channels");
        fs::write(&tmp, text).unwrap();
        fs::rename(tmp, self.path("channels.json")).unwrap();
    }

    /// Publishes a file into the outbox.
    pub fn put(&self, name: &str, content: &[u8]) {
        let tmp = self.path("tmp").join(format!("q-{name}"));
        fs::write(&tmp, content).unwrap();
        fs::rename(tmp, self.path("outbox").join(name)).unwrap();
    }

    /// Publishes an MCTP packet as a request; returns its stem.
    pub fn request(&self, seq: u32, packet: &[u8]) -> String {
        self.request_on(0, seq, packet)
    }

    /// The same on a subspace.
    pub fn request_on(&self, id: u8, seq: u32, packet: &[u8]) -> String {
        let stem = format!("{EPOCH}-{seq:08}-{id:03}");
        let mut content = content(packet);
        content[0] = id;
        self.put(&format!("{stem}.pcc"), &content);
        stem
    }

    /// Writes a program that is a shell script with [`ASK`].
    pub fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.dir.path().join("messages").join(name);
        write(&path, &format!("#!/bin/sh\n{ASK}\n{text}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn list(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(
                start.elapsed() < LIMIT,
                "no {what}; the log:\n{}",
                fs::read_to_string(self.log()).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the outbox is empty: everything is answered.
    pub fn wait_answered(&self) {
        self.wait("empty outbox", || self.list("outbox").is_empty());
    }

    /// The packet in a reply, PCC header checked and cut off.
    pub fn packet(&self, name: &str) -> Vec<u8> {
        let content = fs::read(self.path("inbox").join(name)).unwrap();
        assert_eq!(&content[..8], b"\x01CCP\0\0\0\0", "{name}");
        let length = u32::from_le_bytes(content[8..12].try_into().unwrap());
        assert_eq!(length as usize, content.len() - 12, "{name}");
        assert_eq!(&content[12..16], b"MCTP", "{name}");
        content[16..].to_vec()
    }

    /// Sends a packet and returns the packet of its one reply.
    pub fn exchange(&self, seq: u32, packet: &[u8]) -> Vec<u8> {
        let stem = self.request(seq, packet);
        self.wait_answered();
        self.packet(&format!("{stem}.r1.pcc"))
    }
}

/// Reads a question, and where its answer begins: with its id.
const ASK: &str = r#"ask() {
  read -r line || return 1
  id=${line#*:} id=${id%%,*}
  start="{\"id\": $id, \"reply\": "
}"#;

/// The entries of `channels.json` of a posted pair, this subspace and the next.
pub fn pair(id: u8, size: u32) -> String {
    let other = id + 1;
    format!(
        r#"{{"subspace": {id}, "type": 3, "size": {size},
            "completion": "posted", "paired": {other}}},
           {{"subspace": {other}, "type": 4, "size": {size},
            "completion": "posted", "paired": {id}}}"#
    )
}

pub fn stem(seq: u32) -> String {
    format!("{EPOCH}-{seq:08}-000")
}

pub fn content(packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len() + 4).unwrap();
    let mut content = b"\0CCP\x01\0\0\0".to_vec();
    content.extend(length.to_le_bytes());
    content.extend(b"MCTP");
    content.extend(packet);
    content
}

/// A packet from EID 8 to EID 9 that is a whole message.
pub fn single(tag: u8, message: &[u8]) -> Vec<u8> {
    let mut packet = vec![1, 9, 8, 0xc8 | tag];
    packet.extend(message);
    packet
}

/// A running daemon; killed when dropped.
pub struct Daemon(pub Child);

impl Daemon {
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and the exit status.
    pub fn terminate(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.0);
        let signal = rustix::process::Signal::TERM;
        rustix::process::kill_process(pid, signal).unwrap();
        wait_child(&mut self.0)
    }
}

pub fn wait_child(child: &mut Child) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        assert!(start.elapsed() < LIMIT, "the daemon does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a program that must end by itself within the limit.
pub fn finish(command: &mut Command) -> (i32, String) {
    let mut child =
        command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let code = wait_child(&mut child);
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (code, text)
}

pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
