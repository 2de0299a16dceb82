//! QEMU and pccd as a run starts them, and what the guest boots from.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::config::{CPU, Config, escaped, mailbox};
use crate::initramfs;
use crate::process::{Running, child, log_file};
use crate::tell;

/// QEMU's id of the console.
pub(crate) const CONSOLE: &str = "console";
/// Files of a run that are of no use when it is over.
pub(crate) const INITRD: &str = "initrd.img";
pub(crate) const RUN: &str = "run.cpio";
/// The descriptor on which QEMU finds its monitor.
pub(crate) const MONITOR_FD: i32 = 3;

/// What QEMU begins with.
pub(crate) enum Start<'a> {
    /// The kernel, and this initramfs, which has all that the guest runs.
    Cold(&'a Path),
    /// The kernel, and this initramfs, which asks for the rest: the second
    /// file.
    Later(&'a Path, &'a Path),
    /// A saved machine, which asks for the rest, too.
    Saved(&'a Path),
}

/// What this run adds to the guest's file system.
pub(crate) fn overlay(config: &Config) -> Result<Vec<u8>> {
    initramfs::overlay(
        &config.lab.modules,
        &config.parameters,
        &config.files,
        &config.extra,
        &config.command,
    )
}

/// The initramfs: the lab's and this behind it, written into the run's folder.
pub(crate) fn initrd(config: &Config, overlay: &[u8]) -> Result<PathBuf> {
    let mut initrd = std::fs::read(&config.lab.initrd)
        .with_context(|| format!("{}", config.lab.initrd.display()))?;
    initrd.extend(overlay);
    write(config, INITRD, &initrd)
}

/// Writes a file for QEMU into the run's folder.
pub(crate) fn write(
    config: &Config,
    name: &str,
    content: &[u8],
) -> Result<PathBuf> {
    let path = config.folder.join(name);
    std::fs::write(&path, content)
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// QEMU's arguments that make the machine: the same for all runs that may
/// start from one saved machine.
pub(crate) fn machine(config: &Config) -> Vec<OsString> {
    let smp = config.smp.to_string();
    ["-machine", &config.machine, "-cpu", CPU, "-smp", &smp, "-m", "512M"]
        .into_iter()
        .chain(["-nodefaults", "-display", "none", "-no-reboot", "-bios"])
        .map(OsString::from)
        .chain([config.lab.firmware.clone().into()])
        .chain(config.qemu_args.iter().cloned())
        .collect()
}

/// The kernel's command line. Its lines on the console are known by their time
/// stamps, which a kernel without `CONFIG_PRINTK_TIME` has only if it is told.
pub(crate) fn kernel_arguments(config: &Config) -> String {
    format!(
        "console=ttyAMA0 panic=-1 loglevel=4 printk.time=1 \
         sysrq_always_enabled {}",
        config.append
    )
}

/// QEMU with the console on its standard output.
pub(crate) fn qemu(config: &Config, start: &Start<'_>) -> Command {
    let mut command = child(&config.lab.qemu);
    command
        .arg("-object")
        .arg(format!(
            "pcc-mailbox-dir,id=pcc,path={}",
            escaped(&mailbox(&config.folder).to_string_lossy())
        ))
        .args(["-chardev", &format!("stdio,id={CONSOLE},signal=off")])
        .args(["-serial", &format!("chardev:{CONSOLE}"), "-monitor", "none"])
        .arg("-chardev")
        .arg(format!("socket,id=qmp,fd={MONITOR_FD}"))
        .args(["-mon", "chardev=qmp,mode=control"])
        .args(["-trace", "pcc_*", "-d", "guest_errors"])
        .args(["-msg", "timestamp=on"]);
    match start {
        Start::Cold(initrd) | Start::Later(initrd, _) => command
            .arg("-kernel")
            .arg(&config.lab.kernel.image)
            .arg("-initrd")
            .arg(initrd)
            .arg("-append")
            .arg(kernel_arguments(config)),
        // All of that is in its memory.
        Start::Saved(_) => command.args(["-incoming", "defer"]),
    };
    if let Start::Later(_, run) | Start::Saved(run) = start {
        command.arg("-fw_cfg").arg(format!(
            "name=opt/pcclab.run,file={}",
            escaped(&run.to_string_lossy())
        ));
    }
    if let Some(plugin) = &config.plugin {
        command.arg("-plugin").arg(plugin);
    }
    command.args(machine(config));
    command
}

/// What pccd is to do.
fn task(replay: Option<&Path>, by_request: bool) -> Vec<OsString> {
    let Some(capture) = replay else { return vec!["run".into()] };
    let mut words = vec!["replay".into(), capture.into()];
    words.extend(by_request.then(|| "--by-request".into()));
    words
}

pub(crate) fn spawn_pccd(config: &Config) -> Result<Running> {
    let log = log_file(&config.folder, "pccd.log")?;
    let mut command = child(&config.lab.pccd);
    command
        .args(task(config.replay.as_deref(), config.by_request))
        .args(["--format", "json", "--mailbox"])
        .arg(mailbox(&config.folder));
    if let Some(scenario) = &config.vary {
        command.arg("--vary").arg(scenario);
    }
    for folder in &config.messages {
        command.arg("--messages").arg(folder);
    }
    if !config.plays.is_empty() {
        let folder = config.folder.join("subspaces");
        std::fs::create_dir_all(&folder)?;
        let map = serde_json::json!({ "subspaces": config.plays });
        std::fs::write(folder.join("subspaces.json"), map.to_string())?;
        command.arg("--messages").arg(folder);
    }
    if config.verbose {
        tell(format_args!("{command:?}"));
    }
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map(Running)
        .with_context(|| format!("starting {}", config.lab.pccd.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use pccd::cli::{Cli, Command};

    use super::*;

    #[test]
    fn pccd_understands_its_task() {
        let told = |replay: Option<&str>, by_request| {
            let words = task(replay.map(Path::new), by_request);
            let cli = ["pccd".into()].into_iter().chain(words);
            match Cli::try_parse_from(cli).unwrap().command {
                Some(Command::Replay(args)) => {
                    Some((args.recorded, args.by_request))
                }
                _ => None,
            }
        };
        assert_eq!(told(None, true), None);
        let capture = || "a b.pcapng".into();
        assert_eq!(told(Some("a b.pcapng"), false), Some((capture(), false)));
        assert_eq!(told(Some("a b.pcapng"), true), Some((capture(), true)));
    }
}
