//! A guest that is saved where it asks what to run, and one that starts from
//! there.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pccd::ledger::{self, Due, Ledger};
use pccd::mailbox::Channels;
use pccd::record::{Event, Time, now};
use serde_json::{Value, json};

use super::Session;
use super::saved::{Plan, clear, copy};
use crate::config::mailbox;
use crate::console::replay;
use crate::exchange::records;
use crate::input::Input;
use crate::process::{interrupted, tail};
use crate::warm::{INBOX, LOGS, MACHINE, STATE, Saved};
use crate::{programs, tell};

/// How long QEMU may take to write or read a machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long until what takes no time is looked at again.
const SOON: Duration = Duration::from_millis(1);
/// How often somebody who waits looks whether he shall.
const TICK: Duration = Duration::from_millis(100);
/// How long the platform may take to have answered all.
const ANSWERS: Duration = Duration::from_secs(1);

/// Asks again and again, until there is what is waited for.
fn wait<T>(
    patience: Duration,
    step: Duration,
    too_long: &str,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let until = Instant::now() + patience;
    loop {
        if let Some(it) = ask()? {
            return Ok(it);
        }
        if interrupted() {
            bail!("interrupted");
        }
        if Instant::now() > until {
            bail!("{too_long}");
        }
        std::thread::sleep(step);
    }
}

/// Whether guest and platform have spoken, by pccd's log.
fn spoken(folder: &Path) -> Result<bool> {
    let log = std::fs::read(folder.join("pccd.log"))?;
    let records = records(&String::from_utf8_lossy(&log));
    Ok(records.iter().any(|record| {
        !matches!(record.event, Event::Started | Event::Note | Event::Error)
    }))
}

/// The life of the guest that the device is in.
fn epoch(folder: &Path) -> Option<String> {
    let text = std::fs::read(mailbox(folder).join("channels.json")).ok()?;
    Some(Channels::decode(&text).ok()?.epoch?.to_string())
}

impl Session {
    /// The guest asks what to run.
    pub(super) fn asked(&mut self) -> Result<()> {
        if let Some(plan) = self.plan.clone()
            && !std::mem::replace(&mut self.has_asked, true)
        {
            let before = epoch(&self.config.folder);
            let mut moved = false;
            if let Err(error) = self.save(&plan, &mut moved) {
                tell(format_args!("this start is not saved: {error:#}"));
            }
            let is_gone = |input: &Input| matches!(input, Input::Closed);
            if interrupted() || self.later.iter().any(is_gone) {
                // Whoever looks next sees that.
                return Ok(());
            }
            self.run_on()?;
            match self.pccd {
                None if self.config.pccd && moved => {
                    self.resume_pccd(before.as_deref(), now())?;
                }
                None if self.config.pccd => self.start_pccd()?,
                _ => {}
            }
        }
        self.go_on();
        Ok(())
    }

    /// Lets the guest run, once QEMU has tidied up.
    fn run_on(&mut self) -> Result<()> {
        let late = "QEMU does not come to an end with the migration";
        wait(PATIENCE, SOON, late, || {
            let said = self.ask("query-status", &json!({}))?;
            let is_over = said["return"]["status"] != "finish-migrate";
            Ok(is_over.then_some(()))
        })?;
        self.ask("cont", &json!({})).map(drop)
    }

    /// Tells the guest that what it is to run is there.
    fn go_on(&mut self) {
        // A guest that is gone says so by itself.
        let _ = self.write(format!("{}\n", now().timestamp()).as_bytes());
    }

    /// Saves the machine, and what the platform knows; both stand still then.
    /// Once it has `moved` the device begins a new epoch when it goes on.
    fn save(&mut self, plan: &Plan, moved: &mut bool) -> Result<()> {
        if let Some(splat) = self.transcript.splats.first() {
            // It would be in each run's log. A busy host brings about some.
            bail!("the kernel's log already has {:?}", splat.trim());
        }
        self.await_answers()?;
        self.ask("stop", &json!({}))?;
        let folder = self.config.folder.clone();
        let spoken = spoken(&folder)?;
        if spoken {
            // At once, as its log and its state are of this moment then.
            self.kill_pccd();
        }
        let new = plan.store.begin()?;
        self.migrate("migrate", &new.path().join(MACHINE))?;
        *moved = true;
        for name in LOGS {
            std::fs::copy(folder.join(name), new.path().join(name))
                .with_context(|| format!("copying {name}"))?;
        }
        if spoken {
            let state = mailbox(&folder).join(STATE);
            let ledger = read_ledger(&state)?;
            let waits = |due| matches!(due, Due::At(time) if time > now());
            if ledger.answers.iter().any(|answer| waits(answer.due)) {
                bail!("a message of the platform waits for its time");
            }
            for name in [STATE, INBOX] {
                copy(&mailbox(&folder).join(name), &new.path().join(name))?;
            }
        }
        plan.store.keep(new, &plan.inputs, spoken, now())
    }

    /// Waits until no request and no reply is on its way: they belong to an
    /// epoch. What nobody asked for may wait for a driver that is not there.
    fn await_answers(&self) -> Result<()> {
        let mailbox = mailbox(&self.config.folder);
        let has = |folder, part: &str| {
            let names = std::fs::read_dir(mailbox.join(folder));
            let names = names.into_iter().flatten().flatten();
            let mut names = names.map(|entry| entry.file_name());
            names.any(|name| name.to_string_lossy().contains(part))
        };
        let late = "messages of guest and platform are on their way";
        wait(ANSWERS, Duration::from_millis(5), late, || {
            let is_quiet = !has("outbox", ".pcc") && !has(INBOX, ".r");
            Ok(is_quiet.then_some(()))
        })
    }

    /// Makes the machine that was saved the guest's, and lets it run.
    pub(super) fn restore(&mut self, saved: &Saved) -> Result<()> {
        for (line, time) in replay(&self.config.folder)? {
            self.line(line, time)?;
        }
        self.migrate("migrate-incoming", &saved.folder.join(MACHINE))?;
        self.run_on()?;
        if saved.spoken && self.config.pccd {
            self.resume_pccd(None, saved.time)?;
        }
        self.go_on();
        Ok(())
    }

    /// Starts pccd for the guest that goes on in a life of its own: what it
    /// knew is of this life now, and what was due by the clock is due later.
    fn resume_pccd(&mut self, before: Option<&str>, saved: Time) -> Result<()> {
        let late = "the device does not begin a new epoch";
        let is_new = |epoch: &String| before != Some(epoch.as_str());
        let epoch = wait(PATIENCE, SOON, late, || {
            Ok(epoch(&self.config.folder).filter(is_new))
        });
        if interrupted() {
            // Whoever looks next sees that.
            return Ok(());
        }
        let epoch = epoch?;
        let state = mailbox(&self.config.folder).join(STATE);
        let mut ledger = read_ledger(&state)?;
        let stood = now() - saved;
        ledger.epoch = epoch;
        // All of them are delivered, but nothing was written since.
        ledger.answers.clear();
        ledger.began += stood;
        for due in ledger.timers.values_mut() {
            *due += stood;
        }
        let path = state.join(ledger::FILE);
        std::fs::write(&path, ledger.encode())
            .with_context(|| format!("writing {}", path.display()))?;
        self.start_pccd()
    }

    /// Has QEMU write the machine into a file, or read it.
    fn migrate(&mut self, what: &str, file: &Path) -> Result<()> {
        let events = json!({
            "capabilities": [{ "capability": "events", "state": true }]
        });
        self.ask("migrate-set-capabilities", &events)?;
        let parameters = json!({ "max-bandwidth": 0 });
        self.ask("migrate-set-parameters", &parameters)?;
        let uri = format!("file:{}", file.display());
        let id = self.monitor.ask(what, &json!({ "uri": uri }))?;
        let said = self.monitor_says(id, |said| {
            let status = said["data"]["status"].as_str();
            said["event"] == "MIGRATION"
                && matches!(status, Some("completed" | "failed"))
        })?;
        match said["data"]["status"] == "completed" {
            true => Ok(()),
            false => bail!("{}", self.why_failed()),
        }
    }

    fn why_failed(&mut self) -> String {
        let status = self.ask("query-migrate", &json!({}));
        let why = status.ok().and_then(|said| {
            Some(said["return"]["error-desc"].as_str()?.to_owned())
        });
        why.unwrap_or_else(|| "QEMU refuses it".to_owned())
    }

    /// Asks QEMU, and waits for its answer.
    fn ask(&mut self, what: &str, arguments: &Value) -> Result<Value> {
        let id = self.monitor.ask(what, arguments)?;
        self.monitor_says(id, |said| {
            said["id"] == id && said.get("return").is_some()
        })
    }

    /// Waits for a word of the monitor, or that it refuses what was asked
    /// with this id; what else comes is for later.
    fn monitor_says(
        &mut self,
        id: u64,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            if interrupted() {
                bail!("interrupted");
            }
            if Instant::now() > until {
                bail!("QEMU does not answer");
            }
            let Ok(input) = self.input.recv_timeout(TICK) else { continue };
            match input {
                Input::Monitor(said) if is_it(&said) => return Ok(said),
                Input::Monitor(said)
                    if said["id"] == id && said.get("error").is_some() =>
                {
                    bail!("QEMU: {}", said["error"]["desc"])
                }
                Input::Closed => {
                    self.later.push_back(Input::Closed);
                    let log = tail(&self.config.folder.join("qemu.log"));
                    bail!("QEMU ended\n{}", log.trim_end());
                }
                input => self.later.push_back(input),
            }
        }
    }

    /// Forgets a guest that cannot take what it is to run; the next is
    /// started cold.
    pub(super) fn start_over(&mut self, why: &str) -> Result<()> {
        tell(format_args!("starting again, cold: {why}"));
        if let Some(plan) = &self.plan {
            // That it has to be found out again is all.
            let _ = plan.store.never(&plan.inputs, why, now());
        }
        let _ = self.qemu.0.kill();
        self.qemu.0.wait()?;
        self.kill_pccd();
        clear(&self.config.folder);
        let config = self.config.clone();
        let overlay = programs::overlay(&config)?;
        let again = Session::launch(config, self.start, &overlay, None)?;
        *self = again;
        Ok(())
    }
}

fn read_ledger(state: &Path) -> Result<Ledger> {
    let path = state.join(ledger::FILE);
    let bytes = std::fs::read(&path)
        .with_context(|| format!("reading {}", path.display()))?;
    Ledger::decode(&bytes)
        .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}
