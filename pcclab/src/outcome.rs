//! What a run was.

use std::process::ExitStatus;
use std::time::Duration;

use pccd::record::Time;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The command ended with this status.
    Exit(i32),
    /// The kernel panicked, with the line that said so.
    Panic(String),
    /// Nothing ended it within the limit.
    Hang,
    /// The kernel lacks these options.
    Missing(Vec<String>),
    /// A module did not load; [`Outcome::modules`] says which.
    Unloaded,
    /// The guest reset or switched itself off before the command had ended;
    /// the text says which.
    Left(String),
    /// QEMU ended before the guest did; the text tells its last words.
    Qemu(String),
    /// pccd ended by itself; the text tells its last words.
    Pccd(String),
    /// The console brought more than anybody wants to keep.
    Flood,
    /// The console's log could not be written.
    Log(String),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// A module that did not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFailure {
    /// Its file's name in the guest.
    pub name: String,
    /// What insmod said.
    pub why: String,
    /// What the kernel's log has of it.
    pub log: Vec<String>,
}

/// What a run was, when it is over.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Whether it started from a saved machine.
    pub warm: bool,
    /// Lines of the kernel's log that nobody wants to see: oopses, lockdep
    /// and KASAN reports, warnings.
    pub splats: Vec<String>,
    /// Errors in the kernel's log from before the command began, in order.
    pub errors: Vec<String>,
    /// Modules that did not load.
    pub modules: Vec<ModuleFailure>,
    /// The module that was being loaded when the run ended.
    pub loading: Option<String>,
    /// From start to the command's first line.
    pub boot: Option<Duration>,
    /// When the command began.
    pub began: Option<Time>,
    /// From start to end.
    pub total: Duration,
    /// The last line on the console.
    pub last: String,
    /// Of a hang, where the processors and the guest's programs are.
    pub backtrace: Vec<String>,
    /// How pccd ended when it was asked to; none if there was none, or it had
    /// to be killed.
    pub pccd: Option<ExitStatus>,
    /// Why nothing more can be written into the run's folder, if that is so.
    pub full: Option<String>,
}
