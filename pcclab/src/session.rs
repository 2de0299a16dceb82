//! One guest and the daemon beside it: started, watched, ended.
//!
//! Knows processes and the console; what the lines mean between `begin` and
//! `exit` is for its caller.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use command_fds::{CommandFdExt as _, FdMapping};
use pccd::record::Time;

use crate::config::mailbox;
pub use crate::config::{Config, ENOUGH};
use crate::console::Reader;
use crate::input::Input;
pub use crate::outcome::{End, ModuleFailure, Outcome};
use crate::process::{Running, interrupted, log_file, signal, tail, words};
use crate::programs::{self, Start};
use crate::qmp::{Monitor, shutdown_reason};
use crate::tell;
use crate::warm::{Found, Inputs, Saved, Store};

mod hang;
mod saved;
mod saving;
mod transcript;
use saved::Plan;
use transcript::{Said, Transcript};

/// What a guest takes while it would boot; it reads fw_cfg at 5 MB a second,
/// and an initramfs much faster.
const LARGEST: usize = 4 << 20;

/// A running guest.
pub struct Session {
    config: Config,
    qemu: Running,
    stdin: Option<ChildStdin>,
    monitor: Monitor,
    pccd: Option<Running>,
    /// Where the machine is saved when the guest asks what to run.
    plan: Option<Plan>,
    is_warm: bool,
    has_asked: bool,
    input: Receiver<Input>,
    /// What came while nobody had time for it.
    later: VecDeque<Input>,
    sender: Sender<Input>,
    typed: Vec<u8>,
    typed_all: bool,
    transcript: Transcript,
    start: Instant,
    boot: Option<Duration>,
    /// Why the guest left, by QEMU's monitor.
    left: Option<String>,
}

/// What [`Session::next`] brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line the command printed.
    Line(String),
    /// What the command printed, if [`Config::bytes`] asks for it.
    Bytes(Vec<u8>),
    /// The guest reached user space and runs the command now.
    Begin,
    /// The run is over.
    End(End),
    /// Nothing within the time given.
    Quiet,
}

impl Session {
    /// Starts pccd (if wanted) and QEMU.
    ///
    /// Neither waits for the other: messages wait in the mailbox. With
    /// [`Config::warm`] from a saved machine, if there is one of this kind
    /// that can be used; if not, one is saved on the way.
    ///
    /// # Errors
    /// When a program cannot be started or a file cannot be written.
    pub fn start(config: Config) -> Result<Session> {
        let start = Instant::now();
        std::fs::create_dir_all(&config.folder)
            .with_context(|| format!("making {}", config.folder.display()))?;
        let overlay = programs::overlay(&config)?;
        let is_small = overlay.len() <= LARGEST;
        let Some(folder) = config.warm.as_ref().filter(|_| is_small) else {
            return Session::launch(config, start, &overlay, None);
        };
        let plan = Store::open(folder).and_then(|store| {
            let inputs = Inputs::of(&config)?;
            let found = store.find(&inputs, |why| {
                tell(format_args!("a saved start is thrown away: {why}"));
            })?;
            Ok((Plan { store, inputs }, found))
        });
        match plan {
            Ok((_, Found::Never(why))) => {
                tell(format_args!("a cold start: {why}"));
                Session::launch(config, start, &overlay, None)
            }
            Ok((plan, Found::Nothing)) => {
                Session::launch(config, start, &overlay, Some(plan))
            }
            Ok((plan, Found::Saved(saved))) => {
                match Session::warm(config.clone(), start, &overlay, &saved) {
                    Ok(session) => Ok(session),
                    Err(error) => {
                        if !interrupted() {
                            tell(format_args!(
                                "a saved start is thrown away: {error:#}"
                            ));
                            saved.remove();
                        }
                        saved::clear(&config.folder);
                        Session::launch(config, start, &overlay, Some(plan))
                    }
                }
            }
            Err(error) => {
                tell(format_args!("a cold start: {error:#}"));
                Session::launch(config, start, &overlay, None)
            }
        }
    }

    /// Boots the machine; with a plan it is saved on the way.
    fn launch(
        config: Config,
        start: Instant,
        overlay: &[u8],
        plan: Option<Plan>,
    ) -> Result<Session> {
        let pccd = config.pccd.then(|| programs::spawn_pccd(&config));
        let pccd = pccd.transpose()?;
        let qemu = match &plan {
            Some(_) => saved::first(&config, overlay)?,
            None => {
                let initrd = programs::initrd(&config, overlay)?;
                programs::qemu(&config, &Start::Cold(&initrd))
            }
        };
        let mut session = Session::spawn(config, start, qemu)?;
        session.pccd = pccd;
        session.plan = plan;
        Ok(session)
    }

    /// Starts from a saved machine.
    fn warm(
        config: Config,
        start: Instant,
        overlay: &[u8],
        saved: &Saved,
    ) -> Result<Session> {
        saved::lay_out(saved, &config)?;
        // One that has spoken is told first which life of the guest it is.
        let pccd = (config.pccd && !saved.spoken)
            .then(|| programs::spawn_pccd(&config));
        let pccd = pccd.transpose()?;
        let run = programs::write(&config, programs::RUN, overlay)?;
        let qemu = programs::qemu(&config, &Start::Saved(&run));
        let mut session = Session::spawn(config, start, qemu)?;
        session.pccd = pccd;
        session.is_warm = true;
        session.restore(saved)?;
        Ok(session)
    }

    fn spawn(
        config: Config,
        start: Instant,
        mut command: Command,
    ) -> Result<Session> {
        let folder = &config.folder;
        let log = log_file(folder, "qemu.log")?;
        let (mut monitor, theirs) = Monitor::pair()?;
        command
            .fd_mappings(vec![FdMapping {
                parent_fd: theirs,
                child_fd: programs::MONITOR_FD,
            }])
            .context("QEMU's monitor")?;
        if config.verbose {
            tell(format_args!("{command:?}"));
        }
        let mut qemu = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map(Running)
            .with_context(|| {
                format!("starting {}", config.lab.qemu.display())
            })?;
        drop(command);
        let stdin = qemu.0.stdin.take();
        let console = qemu.0.stdout.take().context("QEMU's console")?;
        let (sender, input) = channel();
        let reader =
            Reader::new(folder, sender.clone(), config.enough, config.bytes)?;
        std::thread::spawn(move || reader.run(console));
        // A QEMU that ends at once says so on its console.
        let _ = monitor.listen(sender.clone());
        Ok(Session {
            config,
            qemu,
            stdin,
            monitor,
            pccd: None,
            plan: None,
            is_warm: false,
            has_asked: false,
            input,
            later: VecDeque::new(),
            sender,
            typed: Vec::new(),
            typed_all: false,
            transcript: Transcript::default(),
            start,
            boot: None,
            left: None,
        })
    }

    /// The folder through which guest and platform speak.
    pub fn mailbox(&self) -> PathBuf {
        mailbox(&self.config.folder)
    }

    /// Processor time that QEMU has used so far in user mode, in steps of 10 ms.
    ///
    /// # Errors
    /// When QEMU has ended.
    pub fn user_time(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.qemu.0.id());
        let stat = std::fs::read_to_string(&path).context(path)?;
        // proc_pid_stat(5): utime is field 14, in ticks of 10 ms on every
        // architecture Linux shows to programs; the name, 2, may hold spaces.
        let ticks: Option<u64> = stat.rsplit_once(')').and_then(|(_, rest)| {
            rest.split_whitespace().nth(11)?.parse().ok()
        });
        Ok(Duration::from_millis(10 * ticks.context("unreadable stat")?))
    }

    /// Starts pccd, again or late.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_pccd(&mut self) -> Result<()> {
        self.kill_pccd();
        self.pccd = Some(programs::spawn_pccd(&self.config)?);
        Ok(())
    }

    /// Stops pccd where it is, as `kill -STOP` would.
    ///
    /// # Errors
    /// When there is none.
    pub fn freeze_pccd(&mut self) -> Result<()> {
        let pccd = self.pccd.as_ref().context("pccd does not run")?;
        signal(&pccd.0, rustix::process::Signal::STOP);
        Ok(())
    }

    /// Kills pccd as `kill -9` would.
    pub fn kill_pccd(&mut self) {
        self.pccd = None;
    }

    /// The next thing that happens within `patience`.
    ///
    /// # Errors
    /// When a child cannot be waited for.
    pub fn next(&mut self, patience: Duration) -> Result<Event> {
        let until = Instant::now() + patience;
        loop {
            let limit = self.start + self.config.limit;
            let now = Instant::now();
            if interrupted() {
                return Ok(Event::End(End::Interrupted));
            }
            if now >= limit {
                return Ok(Event::End(End::Hang));
            }
            if now >= until {
                return Ok(Event::Quiet);
            }
            // Children are looked at ten times a second: only the console
            // wakes us at once.
            let wait = (until.min(limit) - now).min(Duration::from_millis(100));
            let input = match self.later.pop_front() {
                Some(input) => Ok(input),
                None => self.input.recv_timeout(wait),
            };
            match input {
                Ok(input) => {
                    if let Some(event) = self.take(input)? {
                        return Ok(event);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(end) = self.pccd_ended()? {
                        return Ok(Event::End(end));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Event::End(self.console_closed()?));
                }
            }
        }
    }

    fn take(&mut self, input: Input) -> Result<Option<Event>> {
        Ok(match input {
            Input::Line(line, time) => self.line(line, time)?,
            Input::Bytes(bytes) => Some(Event::Bytes(bytes)),
            Input::Monitor(said) => {
                if let Some(reason) = shutdown_reason(&said) {
                    self.left = Some(reason.to_owned());
                }
                None
            }
            Input::Typed(bytes) => {
                self.typed.extend(bytes);
                self.type_on();
                None
            }
            Input::TypedEnd => {
                self.typed_all = true;
                None
            }
            Input::Leave => Some(Event::End(End::Interrupted)),
            Input::Closed => Some(Event::End(self.console_closed()?)),
            Input::Flood => Some(Event::End(End::Flood)),
            Input::Unwritten(why) => Some(Event::End(End::Log(why))),
        })
    }

    /// Writes to the guest's console.
    ///
    /// # Errors
    /// When it is closed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the console is closed")?;
        stdin.write_all(bytes)?;
        Ok(stdin.flush()?)
    }

    /// Where what is typed for the guest goes.
    pub(crate) fn sender(&self) -> Sender<Input> {
        self.sender.clone()
    }

    /// Whether the guest has got all that will ever be typed.
    pub(crate) fn typed_all(&self) -> bool {
        self.typed_all && self.typed.is_empty()
    }

    /// Hands on what is typed, once there is somebody to read it.
    fn type_on(&mut self) {
        if self.boot.is_some() && !self.typed.is_empty() {
            let typed = std::mem::take(&mut self.typed);
            // A guest that is gone says so by itself.
            let _ = self.write(&typed);
        }
    }

    /// Does what one console line asks for.
    fn line(&mut self, line: String, time: Time) -> Result<Option<Event>> {
        match self.transcript.line(line, time) {
            Said::Nothing => {}
            Said::Line(line) => return Ok(Some(Event::Line(line))),
            // Of a guest that starts from there it was the last word.
            Said::Load if self.is_warm => {}
            Said::Load => self.asked()?,
            Said::LoadFailed(why) => self.start_over(&why)?,
            Said::Ready => {
                // A guest that is gone says so by itself.
                let _ = self.write(b"\n");
            }
            Said::Begin => {
                self.boot = Some(self.start.elapsed());
                self.type_on();
                return Ok(Some(Event::Begin));
            }
            Said::End(end) => return Ok(Some(Event::End(end))),
        }
        Ok(None)
    }

    fn pccd_ended(&mut self) -> Result<Option<End>> {
        let Some(pccd) = &mut self.pccd else { return Ok(None) };
        let Some(status) = pccd.0.try_wait()? else { return Ok(None) };
        let log = words(&self.config.folder.join("pccd.log"));
        self.pccd = None;
        Ok(Some(End::Pccd(format!("pccd ended ({status})\n{log}"))))
    }

    fn console_closed(&mut self) -> Result<End> {
        let status = self.qemu.0.wait()?;
        // The monitor's last words may come after the console's.
        while let Ok(input) =
            self.input.recv_timeout(Duration::from_millis(500))
        {
            if let Input::Monitor(said) = &input
                && let Some(reason) = shutdown_reason(said)
            {
                self.left = Some(reason.to_owned());
            }
        }
        let said = self.transcript.end();
        Ok(match (said, self.left.take()) {
            (Some(exit @ End::Exit(_)), _) if status.success() => exit,
            (Some(missing @ End::Missing(_)), _) => missing,
            (_, Some(reason)) if status.success() => End::Left(reason),
            _ => {
                let how = match status.signal() {
                    Some(signal) => format!("killed by signal {signal}"),
                    None => format!("{status}"),
                };
                let log = tail(&self.config.folder.join("qemu.log"));
                End::Qemu(format!(
                    "QEMU ended before the guest did ({how})\n{log}"
                ))
            }
        })
    }

    /// Waits for a line the command prints.
    ///
    /// # Errors
    /// When the run ends, or the limit passes, before it comes.
    pub fn wait_for(&mut self, text: &str) -> Result<String> {
        loop {
            match self.next(self.config.limit)? {
                Event::Line(line) if line.contains(text) => return Ok(line),
                Event::Line(_) | Event::Bytes(_) | Event::Begin => {}
                Event::End(end) => {
                    bail!("the run ended before {text:?} came: {end:?}")
                }
                Event::Quiet => bail!("{text:?} did not come"),
            }
        }
    }

    /// Runs to the end; `each` sees every line of the command.
    ///
    /// # Errors
    /// When a child cannot be waited for.
    pub fn finish(mut self, mut each: impl FnMut(&str)) -> Result<Outcome> {
        let end = loop {
            match self.next(self.config.limit)? {
                Event::Line(line) => each(&line),
                Event::End(end) => break end,
                Event::Begin | Event::Bytes(_) | Event::Quiet => {}
            }
        };
        self.end(end)
    }

    /// Ends everything that still runs.
    ///
    /// # Errors
    /// When a child cannot be waited for.
    pub fn end(mut self, end: End) -> Result<Outcome> {
        if matches!(end, End::Exit(_) | End::Missing(_) | End::Unloaded) {
            // The guest is powering off; that takes milliseconds.
            let until = Instant::now() + Duration::from_secs(5);
            while self.qemu.0.try_wait()?.is_none() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let backtrace = match end {
            End::Hang => self.look_at_hang(),
            _ => Vec::new(),
        };
        let _ = self.qemu.0.kill();
        self.qemu.0.wait()?;
        let mut status = None;
        if let Some(mut pccd) = self.pccd.take() {
            // By SIGTERM, so that what it was doing is finished and logged.
            signal(&pccd.0, rustix::process::Signal::TERM);
            let until = Instant::now() + Duration::from_secs(5);
            status = loop {
                match pccd.0.try_wait()? {
                    Some(status) => break Some(status),
                    None if Instant::now() >= until => break None,
                    None => std::thread::sleep(Duration::from_millis(2)),
                }
            };
        }
        let said = std::mem::take(&mut self.transcript);
        let folder = &self.config.folder;
        let full = full(folder);
        for name in [programs::INITRD, programs::RUN] {
            let _ = std::fs::remove_file(self.config.folder.join(name));
        }
        Ok(Outcome {
            end,
            warm: self.is_warm,
            splats: said.splats,
            errors: said.errors,
            modules: said.modules,
            loading: said.loading,
            boot: self.boot,
            began: said.began,
            total: self.start.elapsed(),
            last: said.last,
            backtrace,
            pccd: status,
            full,
        })
    }
}

/// Whether this folder's disk is full, as far as a file of 64 KiB tells.
fn full(folder: &Path) -> Option<String> {
    let path = folder.join("room");
    let room = std::fs::write(&path, vec![0; 64 << 10]);
    let _ = std::fs::remove_file(path);
    let error = room.err()?;
    Some(format!("cannot write into {}: {error}", folder.display()))
}
