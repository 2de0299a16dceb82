//! Boots a kernel in the patched QEMU beside pccd and tells the verdict.
//!
//! | module | does |
//! |---|---|
//! | [`lab`] | finds what was built |
//! | [`kernel`] | what `--kernel` names, and its modules |
//! | [`platform`] | reads what a platform is |
//! | [`check`] | judges a platform without a boot |
//! | [`new`] | makes a small platform to begin with |
//! | [`defects`] | makes the mistakes that a platform's test must notice |
//! | [`machine`] | makes one machine of several platforms |
//! | [`aml`] | compiles a platform's tables |
//! | [`initramfs`] | packs what the guest finds in its file system |
//! | [`config`], [`outcome`] | what a run is made of; what it was |
//! | [`session`] | starts, watches and ends one guest and its daemon |
//! | `console`, `qmp` | the guest's console; QEMU's monitor |
//! | [`sign`] | what the guest's kernel reports, and which bug that is |
//! | `backtrace` | where a guest stands that hangs |
//! | `warm` | saved machines to start from |
//! | [`shell`] | a prompt in the guest |
//! | [`search`] | what a platform's driver can be made to do |
//! | [`coverage`] | which code of the guest's kernel ran |
//! | [`ktap`] | reads the guest's results |
//! | [`exchange`] | puts the guest's messages beside pccd's |
//! | [`claim`] | holds what was to be asked against what pccd logged |
//! | [`conduct`] | what the driver did that it must not |
//! | [`commands`] | follows each command of the guest, step by step |
//! | [`latency`] | how long the steps took, and what is promised of it |
//! | [`moment`] | what pccd knows of the moment a test failed |
//! | [`programs`] | starts QEMU and pccd |
//! | [`logs`] | the folder of a run |
//! | [`verdict`] | what a run amounts to |
//! | [`report`] | a run as one page of HTML |
//! | [`result`] | results for programs: JUnit's XML, JSON |
//! | [`matrix`] | kernels × platforms, several guests at a time |
//! | [`parts`] | a matrix in parts, and one result of them |
//! | [`table`] | tables that fit the terminal |
//! | [`scenario`] | what a guest does while answers are varied |
//! | [`fuzz`] | a search for bugs of a driver |
//! | [`run`] | all of it, as `pcclab run` does it |
//!
//! ```no_run
//! use pcclab::{lab::Lab, session::{Config, Session}};
//! # fn main() -> anyhow::Result<()> {
//! let folder = std::env::temp_dir().join("my-run");
//! let lab = Lab::find(None, &[])?;
//! let guest = Session::start(Config::new(lab, &folder, &["uname", "-a"]))?;
//! let outcome = guest.finish(|line| println!("{line}"))?;
//! println!("{:?} after {:?}", outcome.end, outcome.total);
//! # Ok(()) }
//! ```

pub mod aml;
mod backtrace;
pub mod check;
pub mod claim;
pub mod commands;
pub mod conduct;
pub mod config;
mod console;
mod content;
pub mod coverage;
pub mod defects;
pub mod doctor;
pub mod exchange;
pub mod fuzz;
pub mod initramfs;
mod input;
mod json;
pub mod judge;
pub mod kernel;
pub mod ktap;
pub mod lab;
pub mod latency;
pub mod log;
pub mod logs;
pub mod machine;
pub mod matrix;
pub mod moment;
pub mod new;
pub mod outcome;
pub mod parts;
pub mod platform;
mod process;
pub mod programs;
mod qmp;
pub mod regressions;
pub mod report;
pub mod result;
pub mod run;
pub mod scenario;
pub mod search;
pub mod session;
pub mod shell;
pub mod sign;
pub mod table;
pub mod verdict;
mod warm;

pub(crate) use process::interrupt;
pub use process::{catch_interrupts, interrupted};

/// Prints a line to standard error, as [`say`] does.
pub fn tell(line: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line. That nobody reads any more ends no run: its verdict is in
/// the exit status.
pub fn say(line: impl std::fmt::Display) {
    print(format!("{line}\n").as_bytes());
}

/// Whether somebody may want more: false once there is a reader no more.
/// [`unwritten`] knows what else came in between.
pub fn print(bytes: &[u8]) -> bool {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    let Err(error) = written else { return true };
    if error.kind() != ErrorKind::BrokenPipe {
        let _ = UNWRITTEN.set(error.to_string());
    }
    false
}

static UNWRITTEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Why not all was printed, if so; that nobody reads it is no reason.
pub fn unwritten() -> Option<&'static str> {
    UNWRITTEN.get().map(String::as_str)
}

/// Wrong usage: nothing that another revision of the kernel would mend.
#[derive(Debug)]
pub struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// What to say behind a wrong word when one of these names was meant.
fn meant<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let name = pccd::script::problem::nearest(word, names);
    name.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// An error that is one of usage.
pub fn usage(text: String) -> anyhow::Error {
    Usage(text).into()
}
