//! What a saved guest leaves in a folder, and what a run takes from it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::config::{Config, mailbox};
use crate::programs;
use crate::warm::{INBOX, Inputs, LOGS, STATE, Saved, Store};

/// Where a guest is to be saved.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) store: Store,
    pub(super) inputs: Inputs,
}

/// Puts what the run wrote down that saved a machine into a run's folder.
pub(super) fn lay_out(saved: &Saved, config: &Config) -> Result<()> {
    for name in LOGS {
        let to = config.folder.join(name);
        std::fs::copy(saved.folder.join(name), &to)
            .with_context(|| format!("writing {}", to.display()))?;
    }
    if saved.spoken {
        let mut private = DirBuilder::new();
        private.mode(0o700);
        let mailbox = mailbox(&config.folder);
        private.create(&mailbox).context("making the mailbox")?;
        for name in [STATE, INBOX] {
            copy(&saved.folder.join(name), &mailbox.join(name))?;
        }
    }
    Ok(())
}

/// Takes away what a start left that came to nothing.
pub(super) fn clear(folder: &Path) {
    for name in LOGS {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let _ = std::fs::remove_dir_all(mailbox(folder));
}

/// Copies a folder of files.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut private = DirBuilder::new();
    private.mode(0o700);
    private.create(to).with_context(|| format!("making {}", to.display()))?;
    for entry in std::fs::read_dir(from)
        .with_context(|| format!("listing {}", from.display()))?
    {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))
                .with_context(|| format!("copying to {}", to.display()))?;
        }
    }
    Ok(())
}

/// QEMU as a run with this plan starts it.
pub(super) fn first(
    config: &Config,
    overlay: &[u8],
) -> Result<std::process::Command> {
    let later = crate::initramfs::later()?;
    let initrd = programs::initrd(config, &later)?;
    let run = programs::write(config, programs::RUN, overlay)?;
    Ok(programs::qemu(config, &programs::Start::Later(&initrd, &run)))
}
