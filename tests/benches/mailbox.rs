//! What pccd costs: the way from outbox to inbox against a bare inotify
//! ping-pong of the same file operations, with a capture against without, and
//! that capture played against handlers, interleaved in one run; memory and
//! wake-ups when idle; many handlers, loaded and looked up. Prints ratios; nothing here is a timed test.

use std::ffi::OsString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pccd::mailbox::Channels;
use pccd::messages::Messages;
use pccd::platform::{Decision, Platform};
use pccd::record::Time;
use pccd_tests::built;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

/// Set for the process that plays the bare peer: its mailbox.
const PEER: &str = "PCCD_BENCH_PEER";
const EPOCH: &str = "20261121T044142.123456789Z";
const WARM_UP: u32 = 200;
const ROUNDS: u32 = 4000;
const ASKED: u32 = 4000;
const IDLE: Duration = Duration::from_secs(5);

/// MCTP Get Endpoint ID from EID 8 to EID 9: answered without state.
const REQUEST: &[u8] = b"\0CCP\0\0\0\0\x0b\0\0\0MCTP\x01\x09\x08\xc8\0\x80\x02";

fn main() -> Result<()> {
    if let Some(mailbox) = std::env::var_os(PEER) {
        return bare_peer(Path::new(&mailbox));
    }
    let folder = tempfile::tempdir()?;
    let mut pccd = Side::new(folder.path().join("pccd"))?;
    let mut captured = Side::new(folder.path().join("captured"))?;
    let mut bare = Side::new(folder.path().join("bare"))?;
    let start = |mailbox: &Path, more: &[&str]| -> Result<Peer> {
        let mut command = Command::new(built("PCCD"));
        command.args(["run", "--mailbox"]).arg(mailbox).args(more);
        command.current_dir(folder.path()).stderr(Stdio::null());
        Ok(Peer(command.spawn().context("pccd does not start")?))
    };
    let daemon = start(&pccd.mailbox, &[])?;
    let kept_by = start(&captured.mailbox, &["--capture", "a.pcapng"])?;
    let _peer = Peer(
        Command::new(std::env::current_exe()?)
            .env(PEER, &bare.mailbox)
            .spawn()?,
    );
    pccd.await_first()?;
    captured.await_first()?;
    bare.await_first()?;

    let [mut ours, mut kept, mut theirs] =
        interleaved([&mut pccd, &mut captured, &mut bare])?;
    println!("outbox to inbox, {ROUNDS} exchanges each, interleaved");
    println!("            median       p99");
    let ours = percentiles("pccd", &mut ours);
    let kept = percentiles("kept", &mut kept);
    let theirs = percentiles("bare", &mut theirs);
    println!(
        "  pccd / bare {:>9.2} {:>9.2}",
        ours.0 / theirs.0,
        ours.1 / theirs.1
    );
    println!("  kept / pccd {:>9.2} {:>9.2}", kept.0 / ours.0, kept.1 / ours.1);
    drop(kept_by);
    let mut played = Side::new(folder.path().join("played"))?;
    let mut command = Command::new(built("PCCD"));
    command.args(["replay", "a.pcapng", "--mailbox"]).arg(&played.mailbox);
    command.current_dir(folder.path()).stderr(Stdio::null());
    let _player = Peer(command.spawn().context("pccd does not start")?);
    played.await_first()?;
    let [mut ours, mut theirs] = interleaved([&mut pccd, &mut played])?;
    println!("the same of what was kept, played again");
    let ours = percentiles("pccd", &mut ours);
    let theirs = percentiles("played", &mut theirs);
    println!(
        "  played / pccd {:>7.2} {:>9.2}",
        theirs.0 / ours.0,
        theirs.1 / ours.1
    );
    idle(&daemon)?;
    handlers()
}

/// The times of exchanges, each side first in its turn.
fn interleaved<const N: usize>(
    sides: [&mut Side; N],
) -> Result<[Vec<Duration>; N]> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..N {
            let at = (round as usize + turn) % N;
            let time = sides[at].exchange()?;
            if round >= WARM_UP {
                times[at].push(time);
            }
        }
    }
    Ok(times)
}

/// Loads many handlers, and asks for one of few and one of many: for all in
/// turn, most of which the processor has not seen lately, and for ten.
fn handlers() -> Result<()> {
    println!("exact matches, {ASKED} asked of each number, interleaved");
    let mut sets = Vec::new();
    for count in [10_u32, 100, 1000, 10_000] {
        let one = |n: u32| {
            format!(
                r#"{{"name": "h{n}", "match": {{"hex": "7f 0000019c {n:08x}"}},
                "reply": {{"hex": "7f 0000019c"}}}}"#
            )
        };
        let list: Vec<String> = (0..count).map(one).collect();
        let text = format!(r#"{{"handlers": [{}]}}"#, list.join(","));
        let start = Instant::now();
        let loaded = Messages::from_texts(&[("bench.json", &text)])?;
        let load = start.elapsed();
        let platform = Platform::new(Arc::new(loaded), 0);
        sets.push((count, load, platform, [Vec::new(), Vec::new()]));
    }
    let channels = Channels::default();
    for round in 0..2 * ASKED {
        for (count, _, platform, [all, ten]) in &mut sets {
            let mixed = round.wrapping_mul(7919);
            let (number, times) = match round < ASKED {
                true => (mixed % *count, all),
                false => (mixed % 10 * (*count / 10), ten),
            };
            let mut content = REQUEST[..20].to_vec();
            content[8] = 4 + 4 + 9;
            content.extend([0x7f, 0, 0, 1, 0x9c]);
            content.extend(number.to_be_bytes());
            let name = format!("{EPOCH}-{:08}-000.pcc", round + 1).parse();
            let name = name.ok().context("a name")?;
            let time = Time::UNIX_EPOCH;
            let start = Instant::now();
            let decision = platform.receive(&channels, &name, &content, time);
            times.push(start.elapsed());
            ensure!(
                matches!(decision, Decision::Complete { action, .. }
                    if action.reply.is_some()),
                "handler {number} of {count} does not answer"
            );
        }
    }
    let mut few = None;
    for (count, load, _, times) in &mut sets {
        let [all, ten] = times.each_mut().map(|times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e6
        });
        let (few_all, few_ten) = *few.get_or_insert((all, ten));
        println!(
            "  {count:>6} handlers: loaded in {:.3} s; median of all in turn \
             {all:.1} us, ratio {:.2}; of ten of them {ten:.1} us, ratio {:.2}",
            load.as_secs_f64(),
            all / few_all,
            ten / few_ten
        );
    }
    Ok(())
}

fn percentiles(name: &str, times: &mut [Duration]) -> (f64, f64) {
    times.sort_unstable();
    let ms = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e3;
    let (median, p99) = (ms(50), ms(99));
    println!("  {name:<6} {median:>6.3} ms {p99:>6.3} ms");
    (median, p99)
}

fn idle(daemon: &Peer) -> Result<()> {
    let wakes = || -> Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", daemon.0.id()))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            sum += number(&status, "voluntary_ctxt_switches:")?;
        }
        Ok(sum)
    };
    let before = wakes()?;
    std::thread::sleep(IDLE);
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.0.id()))?;
    println!(
        "pccd idle: {} wake-ups in {} s, {:.1} MB resident",
        wakes()? - before,
        IDLE.as_secs(),
        number(&status, "VmRSS:")? as f64 / 1024.0
    );
    Ok(())
}

fn number(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find(|line| line.starts_with(name));
    let word = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(word.with_context(|| format!("no {name} in /proc"))?.parse()?)
}

/// A child that ends with us.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tells of names that are moved into a folder.
struct Watch(OwnedFd);

impl Watch {
    fn new(folder: &Path) -> Result<Watch> {
        let watch =
            inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&watch, folder, WatchFlags::MOVED_TO)?;
        Ok(Watch(watch))
    }

    fn wait(&self, limit: Duration) -> Result<()> {
        let limit = Timespec::try_from(limit)?;
        let ready =
            poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit))?;
        ensure!(ready == 1, "nothing came in {} s", limit.tv_sec);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.0, &mut buffer);
        while reader.next().is_ok() {}
        Ok(())
    }
}

/// A mailbox, seen from the device.
struct Side {
    mailbox: PathBuf,
    watch: Watch,
    seq: u32,
}

impl Side {
    fn new(mailbox: PathBuf) -> Result<Side> {
        let make = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
        make(&mailbox)?;
        for name in ["outbox", "inbox", "tmp", "rejected", "stale"] {
            make(&mailbox.join(name))?;
        }
        let watch = Watch::new(&mailbox.join("inbox"))?;
        Ok(Side { mailbox, watch, seq: 0 })
    }

    /// One exchange without a clock: the other side is there.
    fn await_first(&mut self) -> Result<()> {
        self.exchange()
            .map(drop)
            .with_context(|| format!("no answer in {}", self.mailbox.display()))
    }

    /// Publishes a request and waits for the name of its reply.
    fn exchange(&mut self) -> Result<Duration> {
        self.seq += 1;
        let stem = format!("{EPOCH}-{:08}-000", self.seq);
        let tmp = self.mailbox.join("tmp").join(format!("q-{stem}"));
        fs::write(&tmp, REQUEST)?;
        let name = self.mailbox.join("outbox").join(format!("{stem}.pcc"));
        let reply = self.mailbox.join("inbox").join(format!("{stem}.r1.pcc"));
        let start = Instant::now();
        fs::rename(tmp, name)?;
        while !reply.exists() {
            self.watch.wait(Duration::from_secs(10))?;
        }
        let time = start.elapsed();
        ensure!(
            fs::metadata(&reply)?.len() > 16,
            "{} is short",
            reply.display()
        );
        fs::remove_file(reply)?;
        // The request goes last; the next exchange starts from silence.
        let outbox = self.mailbox.join("outbox");
        let start = Instant::now();
        while fs::read_dir(&outbox)?.next().is_some() {
            let late = start.elapsed() > Duration::from_secs(10);
            ensure!(!late, "{} is not emptied", outbox.display());
        }
        Ok(time)
    }
}

/// Sleeps, lists, reads, writes, renames, unlinks, and nothing else.
fn bare_peer(mailbox: &Path) -> Result<()> {
    let [outbox, inbox, tmp] =
        ["outbox", "inbox", "tmp"].map(|n| mailbox.join(n));
    let watch = Watch::new(&outbox)?;
    loop {
        let names: Vec<OsString> = fs::read_dir(&outbox)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<std::io::Result<_>>()?;
        for name in &names {
            let request = outbox.join(name);
            let bytes = fs::read(&request)?;
            let stem = name.to_str().and_then(|n| n.strip_suffix(".pcc"));
            let reply = format!("{}.r1.pcc", stem.context("an odd name")?);
            let part = tmp.join(format!("d-{reply}"));
            fs::write(&part, bytes)?;
            fs::rename(part, inbox.join(reply))?;
            fs::remove_file(request)?;
        }
        if names.is_empty() {
            watch.wait(Duration::from_secs(3600))?;
        }
    }
}
