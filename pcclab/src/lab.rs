//! Where the things lie that a run needs: what the build scripts entered into
//! `target/lab.env`, overruled by environment variables of the same names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::kernel::Kernel;

/// Names of the paths that `pcclab env` prints, in its order.
pub const NAMES: &[&str] = &[
    "QEMU",
    "QEMU_BASE",
    "KERNEL",
    "KERNEL_BUILD",
    "KERNEL_6_12",
    "KERNEL_6_12_BUILD",
    "KERNEL_DEBIAN",
    "KERNEL_DEBIAN_6_12",
    "KERNEL_DEBUG",
    "MODULE",
    "MODULE_6_12",
    "MODULE_DEBUG",
    "PCC_CLIENT",
    "PCC_CLIENT_6_12",
    "PCC_CLIENT_DEBUG",
    "PCC_CLIENT_AML",
    "BROKEN",
    "INITRD",
    "FIRMWARE",
    "PCCD",
    "PCCLAB",
    "ACPI_TOOLS",
    "IASL",
];

/// The kernels that `--kernel` and `pcclab matrix` know by name, each with the
/// end of the names of its paths.
pub const KERNELS: &[(&str, &str)] = &[
    ("7.x", ""),
    ("6.12", "_6_12"),
    ("debian", "_DEBIAN"),
    ("debian-6.12", "_DEBIAN_6_12"),
    ("debug", "_DEBUG"),
];

/// The list the build scripts keep for this clone.
pub fn env_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab.env")
}

/// What was built, by name; only what exists.
pub fn built() -> BTreeMap<String, PathBuf> {
    let text = std::fs::read_to_string(env_file()).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path)))
        .filter(|(_, path)| path.exists())
        .collect()
}

/// What a run would use: [`built`], overruled by the environment.
pub fn paths() -> BTreeMap<String, PathBuf> {
    let mut paths = built();
    for name in NAMES {
        if let Some(path) = std::env::var_os(name).filter(|v| !v.is_empty()) {
            paths.insert((*name).to_owned(), PathBuf::from(path));
        }
    }
    paths
}

/// The files one run is made of.
#[derive(Clone, Debug)]
pub struct Lab {
    /// The patched `qemu-system-aarch64`.
    pub qemu: PathBuf,
    /// An arm64 kernel.
    pub kernel: Kernel,
    /// The base initramfs; the command comes in a second archive.
    pub initrd: PathBuf,
    /// edk2 for the `virt` machine.
    pub firmware: PathBuf,
    /// The daemon.
    pub pccd: PathBuf,
    /// Kernel modules, loaded in this order.
    pub modules: Vec<PathBuf>,
}

impl Lab {
    /// Takes everything from [`paths`], `kernel` and `modules` overruling.
    ///
    /// # Errors
    /// When a path is unknown or names nothing; the text says what to do.
    pub fn find(kernel: Option<&Path>, modules: &[PathBuf]) -> Result<Lab> {
        Lab::with_drivers(kernel, modules, &["mctp-pcc"])
    }

    /// [`Lab::find`] with drivers of `guest-scripts/`, by name, where
    /// `modules` are none.
    ///
    /// They are built for the lab's own kernels, and left out when another is
    /// used: they would not load.
    ///
    /// # Errors
    /// When a path is unknown or names nothing; the text says what to do.
    pub fn with_drivers(
        kernel: Option<&Path>,
        modules: &[PathBuf],
        drivers: &[&str],
    ) -> Result<Lab> {
        let built = built();
        let paths = paths();
        let kernel = path(kernel)?;
        let suffix = KERNELS
            .iter()
            .map(|(_, suffix)| suffix)
            .find(|s| same(&kernel, built.get(&format!("KERNEL{s}"))));
        let get = |name: &str| -> Result<PathBuf> {
            let path = paths.get(name).with_context(|| {
                format!(
                    "{name} is not built yet: run `make lab` in the pccd \
                     repository, or set {name}=path"
                )
            })?;
            if !path.is_file() {
                bail!("{name}={} is not a file", path.display());
            }
            Ok(path.clone())
        };
        let mut found = modules.to_vec();
        for driver in drivers.iter().filter(|_| modules.is_empty()) {
            let name = variable(driver);
            let from_env = std::env::var_os(&name).filter(|m| !m.is_empty());
            found.extend(match (from_env, suffix) {
                (Some(module), _) => Some(PathBuf::from(module)),
                (None, Some(suffix)) => {
                    built.get(&format!("{name}{suffix}")).cloned()
                }
                (None, None) => None,
            });
        }
        let modules = found;
        if let Some(missing) = modules.iter().find(|m| !m.is_file()) {
            bail!("the module {} is not a file", missing.display());
        }
        Ok(Lab {
            qemu: get("QEMU")?,
            kernel: Kernel::at(&kernel)?,
            initrd: get("INITRD")?,
            firmware: get("FIRMWARE")?,
            pccd: get("PCCD")?,
            modules,
        })
    }
}

/// The variable that names a driver of `guest-scripts/`.
fn variable(driver: &str) -> String {
    match driver {
        "mctp-pcc" => "MODULE".to_owned(),
        driver => driver.to_uppercase().replace('-', "_"),
    }
}

/// What `--kernel` names, the lab's own without it.
fn path(kernel: Option<&Path>) -> Result<PathBuf> {
    match kernel {
        Some(kernel) => Ok(named(kernel).unwrap_or_else(|| kernel.to_owned())),
        None => paths().remove("KERNEL").context(
            "KERNEL is not built yet: run `make lab` in the pccd repository, \
             or give --kernel",
        ),
    }
}

/// What `--kernel` names, the lab's own without it.
///
/// # Errors
/// When there is none there that a guest can boot.
pub fn kernel(kernel: Option<&Path>) -> Result<Kernel> {
    Kernel::at(&path(kernel)?)
}

/// The lab's kernel of this name, where no file is called so.
fn named(kernel: &Path) -> Option<PathBuf> {
    let (_, suffix) = KERNELS
        .iter()
        .find(|(name, _)| Path::new(name) == kernel && !kernel.exists())?;
    paths().remove(&format!("KERNEL{suffix}"))
}

fn same(a: &Path, b: Option<&PathBuf>) -> bool {
    let real = |p: &Path| p.canonicalize().ok();
    b.is_some_and(|b| real(a).is_some() && real(a) == real(b))
}

/// Quotes a word for a POSIX shell.
pub fn shell_quote(word: &OsString) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_a_shell() {
        for word in ["a", "it's", "$HOME `x` \\", "", "two words\nand a line"] {
            let out = std::process::Command::new("sh")
                .arg("-c")
                .arg(format!("printf %s {}", shell_quote(&word.into())))
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stdout), word);
        }
    }

    #[test]
    fn a_missing_kernel_is_named() {
        let error = Lab::find(Some(Path::new("/nonexistent/Image")), &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nonexistent/Image") || error.contains("make lab"),
            "{error}"
        );
    }
}
