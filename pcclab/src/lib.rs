//! Boots a kernel in the patched QEMU beside pccd and tells the verdict.
//!
//! | module | does |
//! |---|---|
//! | [`lab`] | finds what was built |
//! | [`kernel`] | what `--kernel` names, and its modules |
//! | [`platform`] | reads what a platform is |
//! | [`machine`] | makes one machine of several platforms |
//! | [`aml`] | compiles a platform's tables |
//! | [`initramfs`] | packs what the guest finds in its file system |
//! | [`session`] | starts, watches and ends one guest and its daemon |
//! | [`ktap`] | reads the guest's results |
//! | [`exchange`] | puts the guest's messages beside pccd's |
//! | [`claim`] | holds what was to be asked against what pccd logged |
//! | [`programs`] | starts QEMU and pccd |
//! | [`junit`] | writes results for a continuous integration's eyes |
//! | [`matrix`] | kernels × platforms, several guests at a time |
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
pub mod claim;
pub mod exchange;
pub mod initramfs;
pub mod junit;
pub mod kernel;
pub mod ktap;
pub mod lab;
pub mod machine;
pub mod matrix;
pub mod platform;
mod process;
pub mod programs;
pub mod run;
pub mod session;

pub use process::{catch_interrupts, interrupted};

/// Prints a line. That nobody reads any more ends no run: its verdict is in
/// the exit status.
pub fn say(line: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}
