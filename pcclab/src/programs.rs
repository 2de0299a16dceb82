//! QEMU and pccd as a run starts them, and what the guest boots from.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::config::{Config, mailbox};
use crate::initramfs;
use crate::process::{Running, child, log_file};
use crate::tell;

/// QEMU's id of the console.
pub(crate) const CONSOLE: &str = "console";
/// The descriptor on which QEMU finds its monitor.
pub(crate) const MONITOR_FD: i32 = 3;

/// The initramfs of this run, written into its folder.
pub(crate) fn initrd(config: &Config) -> Result<PathBuf> {
    let mut initrd = std::fs::read(&config.lab.initrd)
        .with_context(|| format!("{}", config.lab.initrd.display()))?;
    initrd.extend(initramfs::overlay(
        &config.lab.modules,
        &config.parameters,
        &config.files,
        &config.extra,
        &config.command,
    )?);
    let path = config.folder.join("initrd.img");
    std::fs::write(&path, initrd)
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// QEMU with the console on its standard output.
pub(crate) fn qemu(config: &Config, initrd: &Path) -> Command {
    let mut command = child(&config.lab.qemu);
    command
        .arg("-machine")
        .arg(&config.machine)
        .arg("-object")
        .arg(format!(
            "pcc-mailbox-dir,id=pcc,path={}",
            comma_doubled(&mailbox(&config.folder))
        ))
        .args(["-cpu", "max", "-smp"])
        .arg(config.smp.to_string())
        .args(["-m", "512M"])
        .args(["-nodefaults", "-display", "none", "-no-reboot"])
        .args(["-chardev", &format!("stdio,id={CONSOLE},signal=off")])
        .args(["-serial", &format!("chardev:{CONSOLE}"), "-monitor", "none"])
        .arg("-chardev")
        .arg(format!("socket,id=qmp,fd={MONITOR_FD}"))
        .args(["-mon", "chardev=qmp,mode=control"])
        .args(["-trace", "pcc_*", "-d", "guest_errors"])
        .args(["-msg", "timestamp=on"])
        .arg("-bios")
        .arg(&config.lab.firmware)
        .arg("-kernel")
        .arg(&config.lab.kernel.image)
        .arg("-initrd")
        .arg(initrd)
        .arg("-append")
        .arg(format!(
            "console=ttyAMA0 panic=-1 loglevel=4 sysrq_always_enabled {}",
            config.append
        ))
        .args(&config.qemu_args);
    command
}

fn comma_doubled(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

pub(crate) fn spawn_pccd(config: &Config) -> Result<Running> {
    let log = log_file(&config.folder, "pccd.log")?;
    let mut command = child(&config.lab.pccd);
    command
        .args(["run", "--format", "json", "--mailbox"])
        .arg(mailbox(&config.folder));
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
