//! QEMU's monitor (QMP): what it tells of the guest, and what it is asked for
//! when a guest hangs. By hand: the crates for it bundle a generated schema.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::input::Input;

/// The longest answer; QEMU is ours, its guest's registers are not endless.
const LONGEST: usize = 1 << 20;

/// One connection.
pub(crate) struct Monitor {
    stream: UnixStream,
    asked: u64,
}

impl Monitor {
    /// A connection, and QEMU's end of it.
    pub(crate) fn pair() -> Result<(Monitor, OwnedFd)> {
        let (stream, theirs) = UnixStream::pair().context("QEMU's monitor")?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        Ok((Monitor { stream, asked: 0 }, theirs.into()))
    }

    /// Begins to listen: what QEMU says goes to `input`.
    pub(crate) fn listen(&mut self, input: Sender<Input>) -> Result<()> {
        let stream = self.stream.try_clone()?;
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = String::new();
            loop {
                line.clear();
                let mut part = std::io::Read::take(&mut lines, LONGEST as u64);
                if !matches!(part.read_line(&mut line), Ok(n) if n > 0) {
                    break;
                }
                if let Ok(said) = serde_json::from_str(&line)
                    && input.send(Input::Monitor(said)).is_err()
                {
                    break;
                }
            }
        });
        self.ask("qmp_capabilities", &json!({})).map(drop)
    }

    /// Asks; the answer comes as any other input, with this id.
    pub(crate) fn ask(&mut self, what: &str, arguments: &Value) -> Result<u64> {
        self.asked += 1;
        let line = json!({
            "execute": what, "arguments": arguments, "id": self.asked
        });
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .context("asking QEMU's monitor")?;
        Ok(self.asked)
    }
}

/// Why the guest ended, in an event of QEMU.
pub(crate) fn shutdown_reason(said: &Value) -> Option<&str> {
    (said["event"] == "SHUTDOWN")
        .then(|| said["data"]["reason"].as_str().unwrap_or("an unknown reason"))
}
