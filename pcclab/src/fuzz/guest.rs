//! A guest that runs scenarios: started from a saved machine, told over its
//! console what to do, watched by its console, by pccd's log and by the trace
//! of the device.

mod learn;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pccd::record::{Event as Happened, Record};
use pccd::vary::AnswerFile;

use super::scenario::Scenario;
use super::target::{Observed, Target};
use crate::claim::Claims;
use crate::conduct::{Conduct, Limits};
use crate::config::Config;
use crate::coverage::{EDGES, Map, range};
use crate::result::save;
use crate::session::{End, Event, Session};
use crate::sign::{Console, Kind, Sign, Watched};

/// How long a guest may take to start and to listen.
const START: Duration = Duration::from_secs(120);
/// A driver with a bug may die at its probe, by chance, when the host is slow:
/// so many guests in a row must before it counts for one that cannot be searched.
const STARTS: usize = 3;
/// How long the shortest scenario may take.
const SHORTEST: Duration = Duration::from_secs(10);
/// How long `alive` may take: it may wait for a driver that recovers.
const ALIVE: Duration = Duration::from_secs(45);
/// Rules about words that the platform has written last: what it says wrong
/// there stays until the driver's next command, which many leave as it is.
const PLATFORMS_OWN: [&str; 3] = ["signature", "reserved-status", "error-kept"];
/// Rules about words that it may have written, with those that tell.
const WRITTEN: [(&str, &str); 5] = [
    ("reserved-flags", "pcc.flags"),
    ("reserved-command", "pcc.command"),
    ("length-minimum", "pcc.length"),
    ("length-region", "pcc.length"),
    ("length-header", "pcc.length"),
];
/// When a report counts as complete.
const SILENCE: Duration = Duration::from_millis(400);

/// What guests of one search have in common.
#[derive(Clone)]
pub struct Setup {
    /// How a guest is started; the folder is another for each.
    pub config: Config,
    /// The platforms, with blanks between.
    pub platform: String,
    /// Names of the guest's actions.
    pub actions: Vec<String>,
    /// What belongs to the driver.
    pub watched: Watched,
    /// QEMU's plugin that tells which code ran, if there is one.
    pub plugin: Option<PathBuf>,
    /// What breaks of conduct the platforms accept.
    pub asked: Vec<Claims>,
    /// What the channels allow.
    pub limits: BTreeMap<u8, Limits>,
    /// How long drivers wait for an answer, in milliseconds.
    pub timeout_ms: u64,
}

/// A file that grows, line by line.
#[derive(Default)]
struct Follow {
    path: PathBuf,
    read: u64,
    rest: Vec<u8>,
}

impl Follow {
    fn new(path: PathBuf) -> Follow {
        Follow { path, ..Follow::default() }
    }

    /// The lines that came since.
    fn lines(&mut self, mut each: impl FnMut(&str)) -> Result<()> {
        let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
        file.seek(SeekFrom::Start(self.read))?;
        let got = file.read_to_end(&mut self.rest)?;
        self.read += got as u64;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n');
        let Some(end) = end else { return Ok(()) };
        let rest = self.rest.split_off(end + 1);
        String::from_utf8_lossy(&self.rest).lines().for_each(&mut each);
        self.rest = rest;
        Ok(())
    }
}

/// One guest after the other, in folders of their own.
pub struct Guest {
    setup: Setup,
    folder: PathBuf,
    /// How many there were.
    count: u64,
    session: Option<Session>,
    map: Option<Map>,
    log: Follow,
    trace: Follow,
    conduct: Conduct,
    broken: BTreeSet<String>,
    console: Console,
    /// Where the console's log was when this scenario began.
    console_length: u64,
    /// The driver's code. All guests of a search start from one saved machine,
    /// so it lies at the same place in each, and to look for it takes seconds.
    ranges: Vec<Range<u64>>,
    number: u64,
    /// The number of this guest's first scenario.
    first: u64,
    /// Requests since the last scenario was taken.
    requests: u64,
    /// What the actions of the last scenario gave.
    gave: Vec<String>,
    /// pccd's records of the last scenario.
    records: Vec<Record>,
    /// That one.
    scenario: Scenario,
}

impl Guest {
    /// One that lives in this folder; [`Target::renew`] starts it.
    pub fn new(setup: Setup, folder: &Path) -> Guest {
        Guest {
            setup,
            folder: folder.to_owned(),
            count: 0,
            session: None,
            map: None,
            log: Follow::default(),
            trace: Follow::default(),
            conduct: Conduct::default(),
            broken: BTreeSet::new(),
            console: Console::default(),
            console_length: 0,
            ranges: Vec::new(),
            number: 0,
            first: 1,
            requests: 0,
            gave: Vec::new(),
            records: Vec::new(),
            scenario: Scenario::default(),
        }
    }

    /// One that watches the same code, in another folder.
    pub fn another(&self, folder: &Path) -> Guest {
        let mut other = Guest::new(self.setup.clone(), folder);
        other.ranges.clone_from(&self.ranges);
        other
    }

    /// How many ranges of the driver's code are watched; 0 where nobody knows
    /// which code runs.
    pub fn watches(&self) -> usize {
        self.ranges.len()
    }

    /// Where the guest that runs now leaves what it leaves.
    fn place(&self) -> PathBuf {
        self.folder.join(format!("guest-{}", self.count))
    }

    fn session(&mut self) -> Result<&mut Session> {
        self.session.as_mut().context("there is no guest")
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        // A guest that is gone says so by itself.
        let _ = self.session()?.write(format!("{line}\n").as_bytes());
        Ok(())
    }

    /// Has pccd vary what this scenario says from the next request on.
    fn vary(&self, scenario: &Scenario) -> Result<()> {
        save(&self.place().join("scenario.json"), &scenario.to_json())
    }

    /// Waits for a line of the agent that begins so; gives what follows.
    fn wait_for(
        &mut self,
        word: &str,
        limit: impl Fn(&Self) -> Duration,
    ) -> Result<Waited> {
        const LOOK: Duration = Duration::from_secs(1);
        let start = Instant::now();
        loop {
            match self.session()?.next(LOOK)? {
                Event::Line(line) => {
                    self.console.line(&line);
                    let said = line.split_once("pcclab: ").map(|(_, it)| it);
                    if let Some(rest) =
                        said.and_then(|said| said.strip_prefix(word))
                    {
                        return Ok(Waited::Said(rest.trim().to_owned()));
                    }
                    self.gave.extend(gave(said.unwrap_or_default()));
                }
                Event::End(End::Interrupted) => bail!("interrupted"),
                Event::End(end) => return Ok(Waited::Ended(end)),
                Event::Quiet => self.read_logs()?,
                Event::Begin | Event::Bytes(_) => {}
            }
            if start.elapsed() > limit(self) {
                return Ok(Waited::Nothing);
            }
        }
    }

    /// Takes what is printed until nothing comes.
    fn drain(&mut self) -> Result<()> {
        const LINES: usize = 2000;
        for _ in 0..LINES {
            match self.session()?.next(SILENCE)? {
                Event::Line(line) => drop(self.console.line(&line)),
                Event::End(End::Panic(line)) => drop(self.console.line(&line)),
                Event::End(_) | Event::Quiet => break,
                Event::Begin | Event::Bytes(_) => {}
            }
        }
        Ok(())
    }

    /// Reads what pccd and QEMU logged.
    fn read_logs(&mut self) -> Result<()> {
        let (records, conduct) = (&mut self.records, &mut self.conduct);
        let requests = &mut self.requests;
        self.log.lines(|line| {
            if let Ok(record) = serde_json::from_str::<Record>(line) {
                conduct.record(&record);
                *requests += u64::from(record.event == Happened::Received);
                records.push(record);
            }
        })?;
        self.trace.lines(|line| conduct.trace(line))
    }

    /// Rules of conduct that were broken, and had not been before.
    fn newly_broken(&mut self) -> Vec<Sign> {
        let mut breaks = self.conduct.so_far(&self.setup.asked);
        let is_own = |rule: &str| {
            let mut written = WRITTEN.iter().filter(|(of, _)| *of == rule);
            PLATFORMS_OWN.contains(&rule)
                || written.any(|(_, field)| self.scenario.says(field))
        };
        breaks.retain(|one| one.accepted.is_none() && !is_own(&one.rule));
        breaks.retain(|one| self.broken.insert(one.rule.to_string()));
        let breaks = breaks.iter();
        breaks
            .map(|one| Sign::new(Kind::Conduct, &one.rule, one.to_string()))
            .collect()
    }

    /// What a wait amounts to, when what was waited for did not come.
    fn judge(&mut self, waited: Waited, what: &str) -> Result<Option<Sign>> {
        let sign = match waited {
            Waited::Said(_) => None,
            Waited::Nothing => {
                let session = self.session.take().context("no guest")?;
                let outcome = session.end(End::Hang)?;
                let mut all = Follow::new(self.place().join("console.log"));
                all.read = self.console_length;
                let console = &mut self.console;
                all.lines(|line| {
                    console.line(line);
                })?;
                let title = format!("{what} does not come to an end");
                let mut sign = self.console.hang(&self.setup.watched, title);
                sign.lines.extend(outcome.backtrace);
                Some(sign)
            }
            Waited::Ended(end) => {
                if let End::Panic(line) = &end {
                    self.console.line(line);
                }
                self.drain()?;
                let (kind, title) = match end {
                    End::Panic(line) => (Kind::Panic, line),
                    End::Qemu(text) => (Kind::Qemu, text),
                    End::Pccd(text) => (Kind::Pccd, text),
                    End::Left(how) => (Kind::Left, format!("{how}, in {what}")),
                    End::Log(why) => bail!("{why}"),
                    End::Flood => (
                        Kind::Left,
                        "the console brought more than anybody reads".into(),
                    ),
                    other => (Kind::Left, format!("{other:?}, in {what}")),
                };
                Some(Sign::new(kind, "", title))
            }
        };
        // What the kernel says of it tells more.
        if self.console.has_begun() {
            if self.session.is_some() {
                self.drain()?;
            }
            return Ok(self.console.sign(&self.setup.watched));
        }
        Ok(sign)
    }

    /// The end of a run: what is wrong.
    fn seen(&mut self, start: Instant, sign: Option<Sign>) -> Result<Observed> {
        self.read_logs()?;
        let is_over = sign.is_some() || self.session.is_none();
        let mut signs: Vec<_> = sign.into_iter().collect();
        signs.extend(self.newly_broken());
        Ok(Observed {
            signs,
            gave: std::mem::take(&mut self.gave),
            requests: self.requests,
            took: start.elapsed(),
            is_over,
        })
    }

    /// Runs a scenario's actions; gives what is wrong.
    fn go(&mut self, scenario: &Scenario) -> Result<Option<Sign>> {
        self.begin()?;
        self.number += 1;
        let number = self.number;
        let names = scenario.actions.join(" ");
        self.tell(&format!("go {number} {names}"))?;
        let timeout = Duration::from_millis(self.setup.timeout_ms);
        let own = scenario.answers.iter().map(waits).sum::<Duration>();
        let actions = u32::try_from(scenario.actions.len()).unwrap_or(1);
        let word = format!("went {number}");
        let waited = self.wait_for(&word, |guest| {
            // A driver waits for each of its requests once, and for what it
            // waits again the platform has its share of the time.
            let requests = u32::try_from(guest.requests).unwrap_or(u32::MAX);
            let each = timeout.saturating_mul(2);
            let each = each.saturating_mul(requests.saturating_add(actions));
            SHORTEST.saturating_add(own).saturating_add(each)
        })?;
        self.judge(waited, &format!("\"{names}\""))
    }

    /// Asks the guest where the driver's code is.
    fn ask_ranges(&mut self) -> Result<Vec<Range<u64>>> {
        self.tell("ranges")?;
        let mut ranges = Vec::new();
        while let Waited::Said(text) = self.wait_for("range", |_| START)? {
            match range(&format!("pcclab: range {text}")) {
                Some((range, _)) => ranges.push(range),
                None => break,
            }
        }
        Ok(ranges)
    }

    /// Forgets what came before.
    fn begin(&mut self) -> Result<()> {
        self.read_logs()?;
        self.records.clear();
        self.gave.clear();
        self.requests = 0;
        self.console = Console::default();
        let log = self.place().join("console.log");
        self.console_length = std::fs::metadata(log).map_or(0, |is| is.len());
        Ok(())
    }

    /// A fresh guest, up to where it listens for what to do; what came instead.
    fn start(&mut self) -> Result<Option<String>> {
        self.session = None;
        let _ = std::fs::remove_dir_all(self.place());
        self.count += 1;
        self.first = self.number + 1;
        let place = self.place();
        std::fs::create_dir_all(&place)
            .with_context(|| format!("making {}", place.display()))?;
        self.log = Follow::new(place.join("pccd.log"));
        self.trace = Follow::new(place.join("qemu.log"));
        self.conduct = Conduct::new(self.setup.limits.clone());
        self.broken.clear();
        self.records.clear();
        self.console = Console::default();
        let mut config = self.setup.config.clone();
        config.folder.clone_from(&place);
        config.vary = Some(place.join("scenario.json"));
        self.map = None;
        if let Some(plugin) = &self.setup.plugin {
            let map = Map::create(&place.join("coverage"))?;
            config.plugin = Some(map.argument(plugin));
            self.map = Some(map);
        }
        self.session = Some(Session::start(config)?);
        let listens = self.wait_for("listening", |_| START)?;
        let how = match listens {
            Waited::Said(_) => return Ok(None),
            Waited::Ended(End::Missing(lacks)) if !lacks.is_empty() => bail!(
                "the kernel {} lacks {}, which the platform needs",
                self.setup.config.lab.kernel.image.display(),
                lacks.join(", ")
            ),
            Waited::Ended(end) => format!("{end:?}"),
            _ => "it says nothing".to_owned(),
        };
        Ok(Some(format!("{how}\n{}", self.console.lines().join("\n"))))
    }
}

/// What became of a wait.
enum Waited {
    /// The agent said it; what followed.
    Said(String),
    /// The run ended.
    Ended(End),
    /// Nothing, for too long.
    Nothing,
}

/// What an action gave, by the agent's word for it: without its name, and
/// without times, which `mctp` and pcc-client print as `us=`.
fn gave(said: &str) -> Option<String> {
    let (_, given) = said.strip_prefix("gave ")?.split_once(' ')?;
    let words = given.split_whitespace().filter(|it| !it.starts_with("us="));
    Some(words.collect::<Vec<_>>().join(" "))
}

/// How long an entry has somebody wait.
fn waits(entry: &AnswerFile) -> Duration {
    let device = entry.envelope.as_ref().and_then(|it| it.delay_ms);
    let copies = entry.repeat.unwrap_or(0).saturating_add(1);
    let own = entry.delay_ms.unwrap_or(0);
    Duration::from_millis(
        own.saturating_add(device.unwrap_or(0).saturating_mul(copies)),
    )
}

impl Target for Guest {
    fn renew(&mut self) -> Result<()> {
        let mut starts = 0;
        while let Some(how) = self.start()? {
            starts += 1;
            if starts == STARTS {
                bail!(
                    "{starts} guests, one after the other, did not come to \
                     listen for what to do; the last: {how}"
                );
            }
        }
        if self.map.is_some() && self.ranges.is_empty() {
            self.ranges = self.ask_ranges()?;
        }
        if let Some(map) = &mut self.map {
            map.watch(&self.ranges)?;
        }
        // What was printed while it started belongs to no scenario.
        self.begin()
    }

    fn run(
        &mut self,
        scenario: &Scenario,
        hits: &mut [u8],
    ) -> Result<Observed> {
        let start = Instant::now();
        self.vary(scenario)?;
        self.scenario.clone_from(scenario);
        if let Some(map) = &self.map {
            map.clear()?;
        }
        let sign = self.go(scenario)?;
        if let Some(map) = &self.map
            && let Ok(hits) = <&mut [u8; EDGES]>::try_from(hits)
        {
            map.read(hits)?;
            if hits.iter().all(|hits| *hits == 0) && self.number == self.first {
                // It lies elsewhere: the next guest is asked.
                self.ranges.clear();
            }
        }
        self.seen(start, sign)
    }

    fn alive(&mut self, after: &[String]) -> Result<Observed> {
        let start = Instant::now();
        self.vary(&Scenario::default())?;
        self.begin()?;
        self.number += 1;
        let number = self.number;
        self.tell(&format!("alive {number}"))?;
        let word = format!("alive {number}");
        let waited = self.wait_for(&word, |_| ALIVE)?;
        let is_dead = matches!(&waited, Waited::Said(status) if status != "0");
        let mut sign = self.judge(waited, "the look whether it is alive")?;
        if is_dead && sign.is_none() {
            let place = after.last().map_or("", String::as_str);
            let title = "the driver does not work any more with a platform \
                         that varies nothing";
            let mut dead = Sign::new(Kind::Dead, place, title.to_owned());
            dead.lines = self.console.lines().to_vec();
            sign = Some(dead);
        }
        self.seen(start, sign)
    }

    fn keep(&mut self, folder: &Path) -> Result<()> {
        // pccd's last words, by its own end.
        if let Some(session) = self.session.take() {
            session.end(End::Interrupted)?;
        }
        for name in ["console.log", "pccd.log", "qemu.log"] {
            let (from, to) = (self.place().join(name), folder.join(name));
            std::fs::copy(&from, &to)
                .with_context(|| format!("copying {}", from.display()))?;
        }
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.session = None;
        let _ = std::fs::remove_dir_all(self.place());
    }
}
