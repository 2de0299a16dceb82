//! A client of QEMU's qtest protocol (QEMU `docs/devel/testing/qtest.rst`):
//! reads and writes guest memory without a guest.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A QEMU under `-accel qtest -S`: no processor runs.
pub struct Qtest {
    qemu: Child,
    stream: BufReader<UnixStream>,
    _folder: tempfile::TempDir,
}

impl Qtest {
    /// Starts `qemu` with these arguments after the fixed ones.
    ///
    /// # Errors
    /// When it does not start or does not connect.
    pub fn start(qemu: &Path, args: &[&str]) -> Result<Qtest> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("qtest");
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let mut qemu = Command::new(qemu)
            .args(["-accel", "qtest", "-S", "-display", "none"])
            .args(["-nodefaults", "-qtest-log", "/dev/null", "-qtest"])
            .arg(format!("unix:{}", path.display()))
            .args(args)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("starting {}", qemu.display()))?;
        let until = Instant::now() + Duration::from_secs(20);
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) if Instant::now() < until => {
                    if let Some(status) = qemu.try_wait()? {
                        bail!("QEMU {args:?} ended at once: {status}");
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => {
                    let _ = qemu.kill();
                    return Err(error).context("QEMU did not connect");
                }
            }
        };
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let stream = BufReader::new(stream);
        Ok(Qtest { qemu, stream, _folder: folder })
    }

    /// Sends one line; the answer's words after `OK`.
    ///
    /// # Errors
    /// When the answer is anything else.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes())?;
        loop {
            let mut answer = String::new();
            if self.stream.read_line(&mut answer)? == 0 {
                bail!("QEMU ended at {line:?}");
            }
            let answer = answer.trim_end();
            if answer.starts_with("IRQ ") {
                continue;
            }
            return match answer.strip_prefix("OK") {
                Some(rest) => Ok(rest.trim_start().to_owned()),
                None => bail!("{line:?}: {answer}"),
            };
        }
    }

    /// Reads guest memory.
    ///
    /// # Errors
    /// As [`Qtest::ask`].
    pub fn read(&mut self, address: u64, size: usize) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("read {address:#x} {size:#x}"))?;
        let text = answer.strip_prefix("0x").context("read without 0x")?;
        Ok(hex::decode(text)?)
    }

    /// Writes guest memory.
    ///
    /// # Errors
    /// As [`Qtest::ask`].
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        let line = format!(
            "write {address:#x} {:#x} 0x{}",
            bytes.len(),
            hex::encode(bytes)
        );
        self.ask(&line).map(drop)
    }
}

impl Drop for Qtest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
