//! QEMU and pccd as a run starts them, and what the guest boots from.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::initramfs;
use crate::process::{Running, child, log_file};
use crate::session::{Config, mailbox};

/// The initramfs of this run, written into its folder.
pub(crate) fn initrd(config: &Config) -> Result<PathBuf> {
    let mut initrd = std::fs::read(&config.lab.initrd)
        .with_context(|| format!("{}", config.lab.initrd.display()))?;
    initrd.extend(initramfs::overlay(
        &config.lab.modules,
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
        // Ctrl-C is for the guest's shell, or for us, not for QEMU.
        .args(["-chardev", "stdio,id=console,signal=off"])
        .args(["-serial", "chardev:console", "-monitor", "none"])
        .args(["-trace", "pcc_*", "-d", "guest_errors"])
        .arg("-bios")
        .arg(&config.lab.firmware)
        .arg("-kernel")
        .arg(&config.lab.kernel.image)
        .arg("-initrd")
        .arg(initrd)
        .arg("-append")
        .arg(format!("console=ttyAMA0 panic=-1 loglevel=4 {}", config.append))
        .args(&config.qemu_args);
    command
}

/// A prompt in the guest, with the platform at work, on this terminal, until
/// it is left.
///
/// # Errors
/// When a program cannot be started.
pub fn shell(mut config: Config) -> Result<()> {
    const SCRIPT: &str = "setsid cttyhack sh; poweroff -f";
    let from = config.command.iter().position(|word| word == "sh");
    config.command.truncate(from.unwrap_or(0));
    config.command.extend(["sh", "-c", SCRIPT].map(Into::into));
    std::fs::create_dir_all(&config.folder)
        .with_context(|| format!("making {}", config.folder.display()))?;
    let _pccd = spawn_pccd(&config)?;
    let path = initrd(&config)?;
    qemu(&config, &path)
        .stderr(log_file(&config.folder, "qemu.log")?)
        .status()
        .with_context(|| format!("starting {}", config.lab.qemu.display()))?;
    Ok(())
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
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map(Running)
        .with_context(|| format!("starting {}", config.lab.pccd.display()))
}
