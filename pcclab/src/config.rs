//! What a run is made of.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lab::Lab;

/// What to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The programs and images.
    pub lab: Lab,
    /// Folder for logs, the mailbox and the second initramfs.
    pub folder: PathBuf,
    /// Handlers for pccd; its built-in ones when empty.
    pub messages: Vec<PathBuf>,
    /// Which of their channels plays a subspace.
    pub plays: serde_json::Map<String, serde_json::Value>,
    /// A capture that pccd plays; handlers only name registers then.
    pub replay: Option<PathBuf>,
    /// Whether a request is looked up there, wherever it stands.
    pub by_request: bool,
    /// A scenario by which pccd varies what the platform says; looked at for
    /// each request.
    pub vary: Option<PathBuf>,
    /// Start pccd before the guest.
    pub pccd: bool,
    /// What the guest runs.
    pub command: Vec<OsString>,
    /// Host files that the guest finds in `/work`.
    pub files: Vec<PathBuf>,
    /// Parameters for modules of [`Lab::modules`].
    pub parameters: Vec<(PathBuf, String)>,
    /// More files for the guest: where, and what.
    pub extra: Vec<(String, Vec<u8>)>,
    /// Leave out what takes the platforms' tests long.
    pub quick: bool,
    /// Processors of the guest.
    pub smp: u32,
    /// QEMU's `-machine`; `pcc` is the id of the mailbox in [`Config::folder`].
    pub machine: String,
    /// More arguments for QEMU.
    pub qemu_args: Vec<OsString>,
    /// QEMU's `-plugin`. The machine is the same with it or without: both
    /// start from one that was saved.
    pub plugin: Option<OsString>,
    /// More words for the kernel's command line.
    pub append: String,
    /// How long the whole run may take.
    pub limit: Duration,
    /// How many bytes the console may bring.
    pub enough: u64,
    /// Folder of saved machines to start from one, or to save one for later
    /// runs; without it the machine is started cold.
    pub warm: Option<PathBuf>,
    /// Print how QEMU and pccd are started.
    pub verbose: bool,
    /// Whether what the command prints is wanted as bytes, too, as it comes.
    pub bytes: bool,
}

impl Config {
    /// A run of `command` with everything else as usual.
    pub fn new(lab: Lab, folder: &Path, command: &[&str]) -> Config {
        Config {
            lab,
            folder: folder.to_owned(),
            messages: Vec::new(),
            plays: serde_json::Map::new(),
            replay: None,
            by_request: false,
            vary: None,
            pccd: true,
            command: command.iter().map(OsString::from).collect(),
            files: Vec::new(),
            parameters: Vec::new(),
            extra: Vec::new(),
            quick: false,
            smp: 2,
            machine: "virt,pcc=on,pcc-mailbox=pcc".to_owned(),
            qemu_args: Vec::new(),
            plugin: None,
            append: String::new(),
            limit: Duration::from_secs(60),
            enough: ENOUGH,
            warm: None,
            verbose: false,
            bytes: false,
        }
    }
}

/// The guest's processor: that of servers whose firmware has PCC (Ampere Altra).
/// Of QEMU's it is among the fastest without KVM: a boot takes a fifth less
/// processor time than with `max`.
pub const CPU: &str = "neoverse-n1";
/// How many bytes a console may bring; a log that is longer helps nobody.
pub const ENOUGH: u64 = 64 << 20;

/// A value as QEMU's options take it: commas part them.
pub(crate) fn escaped(value: &str) -> String {
    value.replace(',', ",,")
}

/// The folder through which guest and platform of a run speak.
pub(crate) fn mailbox(folder: &Path) -> PathBuf {
    folder.join("mailbox")
}
