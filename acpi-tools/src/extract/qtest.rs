//! A client of QEMU's qtest protocol (QEMU `docs/devel/testing/qtest.rst`):
//! reads and writes guest memory without a guest.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// No answer takes as long.
const LIMIT: Duration = Duration::from_secs(20);
/// Stands for the last words of a QEMU that had none.
pub(super) const SILENT: &str = "it said nothing";
/// Longer lines no answer has: 64 MiB in hexadecimal.
const LONGEST: u64 = 128 << 20;

/// A QEMU under `-accel qtest -S`: no processor runs.
pub struct Qtest {
    qemu: Child,
    stream: BufReader<UnixStream>,
    errors: File,
    _folder: tempfile::TempDir,
}

impl Qtest {
    /// Starts `qemu` with these arguments and no default devices.
    ///
    /// # Errors
    /// As [`Qtest::run`].
    pub fn start<S: AsRef<OsStr>>(qemu: &Path, args: &[S]) -> Result<Qtest> {
        let mut words = vec![OsString::from("-nodefaults")];
        words.extend(args.iter().map(|word| word.as_ref().to_owned()));
        Qtest::run(qemu.as_os_str(), &words)
    }

    /// Starts a QEMU with exactly these arguments, but without a processor
    /// that runs, a display, or input.
    ///
    /// # Errors
    /// When it does not start or does not connect; with what it said.
    pub fn run(qemu: &OsStr, args: &[OsString]) -> Result<Qtest> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("qtest");
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        // A file, not a pipe: a full pipe would stop QEMU for ever.
        let errors = File::create_new(folder.path().join("stderr"))?;
        let mut connection = OsString::from("unix:");
        connection.push(&path);
        let mut child = Command::new(qemu)
            .args(args)
            .args(["-accel", "qtest", "-S", "-display", "none"])
            .args(["-qtest-log", "/dev/null", "-qtest"])
            .arg(connection)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .with_context(|| {
                format!("starting {}: is it in the PATH?", qemu.display())
            })?;
        let mut errors = File::open(folder.path().join("stderr"))?;
        let stream = match connect(&listener, &mut child, &mut errors) {
            Ok(stream) => stream,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let stream = BufReader::new(stream);
        Ok(Qtest { qemu: child, stream, errors, _folder: folder })
    }

    /// Sends one line; the answer's words after `OK`.
    ///
    /// # Errors
    /// When the answer is anything else, or QEMU ends.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        let stream = self.stream.get_mut();
        let sent = stream.write_all(format!("{line}\n").as_bytes());
        loop {
            let mut answer = String::new();
            let mut limited = (&mut self.stream).take(LONGEST);
            let read = limited.read_line(&mut answer);
            match (&sent, read) {
                (_, Err(error)) if error.kind() == ErrorKind::WouldBlock => {
                    bail!("{line:?}: no answer in {} s", LIMIT.as_secs());
                }
                (Ok(()), Ok(1..)) => {}
                _ => {
                    let status = self.end();
                    bail!(
                        "QEMU ended ({status}): {}",
                        last_words(&mut self.errors)
                    );
                }
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

    /// Waits a little for QEMU to end by itself, so that it can say why.
    fn end(&mut self) -> String {
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            if let Ok(Some(status)) = self.qemu.try_wait() {
                return status.to_string();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        "or hung up".to_owned()
    }

    /// Reads guest memory.
    ///
    /// # Errors
    /// As [`Qtest::ask`].
    pub fn read(&mut self, address: u64, size: usize) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("read {address:#x} {size:#x}"))?;
        let text = answer.strip_prefix("0x").context("read without 0x")?;
        let bytes = hex::decode(text)?;
        if bytes.len() != size {
            bail!("read of {size} bytes gave {}", bytes.len());
        }
        Ok(bytes)
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

fn connect(
    listener: &UnixListener,
    qemu: &mut Child,
    errors: &mut File,
) -> Result<UnixStream> {
    let until = Instant::now() + LIMIT;
    loop {
        if let Ok((stream, _)) = listener.accept() {
            return Ok(stream);
        }
        if let Some(status) = qemu.try_wait()? {
            bail!("QEMU ended at once ({status}): {}", last_words(errors));
        }
        if Instant::now() > until {
            bail!(
                "QEMU did not connect within {} s; does a -chardev of its \
                 command line wait for somebody? {}",
                LIMIT.as_secs(),
                last_words(errors)
            );
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What QEMU said, the end of it.
fn last_words(errors: &mut File) -> String {
    const MOST: u64 = 2000;
    let length = errors.metadata().map_or(0, |data| data.len());
    let _ = errors.seek(std::io::SeekFrom::Start(length.saturating_sub(MOST)));
    let mut text = Vec::new();
    let _ = errors.take(MOST).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() { SILENT.to_owned() } else { text }
}

impl Drop for Qtest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Qtest {
        /// A QEMU that answers each line as the function says, until nothing.
        pub fn played(
            mut answer: impl FnMut(&str) -> Option<String> + Send + 'static,
        ) -> Qtest {
            let (ours, theirs) = UnixStream::pair().unwrap();
            std::thread::spawn(move || {
                let mut writer = theirs.try_clone().unwrap();
                let lines = BufReader::new(theirs).lines();
                for line in lines.map_while(Result::ok) {
                    let Some(answer) = answer(&line) else { break };
                    if writeln!(writer, "{answer}").is_err() {
                        break;
                    }
                }
            });
            let folder = tempfile::tempdir().unwrap();
            let errors = File::create_new(folder.path().join("stderr"));
            Qtest {
                qemu: Command::new("true").spawn().unwrap(),
                stream: BufReader::new(ours),
                errors: errors.unwrap(),
                _folder: folder,
            }
        }
    }

    #[test]
    fn answers_that_are_none_are_errors() {
        let read = |answer: &'static str| {
            let mut qtest = Qtest::played(move |_| Some(answer.to_owned()));
            qtest.read(0x1000, 2).map_err(|error| error.to_string())
        };
        assert_eq!(read("IRQ raise 3\nOK 0x1234"), Ok(vec![0x12, 0x34]));
        for (answer, wanted) in [
            ("OK 0x123456", "read of 2 bytes gave 3"),
            ("OK 0x123", "Odd number"),
            ("OK 1234", "without 0x"),
            ("FAIL no", "FAIL no"),
            ("", "read 0x1000"),
        ] {
            let error = read(answer).unwrap_err();
            assert!(error.contains(wanted), "{answer}: {error}");
        }
        let mut gone = Qtest::played(|_| None);
        let error = gone.ask("clock_step").unwrap_err().to_string();
        assert!(error.contains("QEMU ended"), "{error}");
    }

    #[test]
    fn a_program_that_is_no_qemu_is_named() {
        let run = |program: &str, args: &[&str]| {
            let args: Vec<_> = args.iter().map(OsString::from).collect();
            match Qtest::run(OsStr::new(program), &args) {
                Ok(_) => panic!("{program} started"),
                Err(error) => format!("{error:#}"),
            }
        };
        assert!(run("/nonexistent/qemu", &[]).contains("in the PATH"));
        assert!(run("false", &[]).contains("it said nothing"));
        let script = "echo no such machine >&2; exit 1";
        assert!(run("sh", &["-c", script]).contains("no such machine"));
    }
}
