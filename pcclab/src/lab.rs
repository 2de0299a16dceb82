//! Where the things lie that a run needs: what the build scripts entered into
//! `target/lab.env`, overruled by environment variables of the same names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::kernel::Kernel;
use crate::{meant, usage};

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
    "PCC_CLIENT_DEBIAN",
    "PCC_CLIENT_DEBIAN_6_12",
    "PCC_CLIENT_DEBUG",
    "PCC_CLIENT_AML",
    "MPAM_FB",
    "MPAM_FB_6_12",
    "MPAM_FB_DEBIAN",
    "MPAM_FB_DEBIAN_6_12",
    "MPAM_FB_DEBUG",
    "BROKEN",
    "INITRD",
    "FIRMWARE",
    "COVERAGE",
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

/// This folder of the build scripts' cache.
///
/// # Errors
/// When the environment names none.
pub fn cache(part: &str) -> Result<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = match (var("PCCD_CACHE"), var("XDG_CACHE_HOME"), var("HOME")) {
        (Some(cache), ..) => PathBuf::from(cache),
        (None, Some(cache), _) => Path::new(&cache).join("pccd"),
        (None, None, Some(home)) => Path::new(&home).join(".cache/pccd"),
        _ => bail!("neither PCCD_CACHE nor HOME is set"),
    };
    Ok(folder.join(part))
}

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

/// Paths by name, as a shell takes them.
///
/// # Errors
/// When there is none: a shell would go on with empty names.
pub fn listing(paths: &BTreeMap<String, PathBuf>) -> Result<String> {
    if paths.is_empty() {
        bail!("nothing is built yet: run `make lab` in the pccd repository");
    }
    let line = |(name, path): (&String, &PathBuf)| {
        format!("{name}={}\n", path.display())
    };
    Ok(paths.iter().map(line).collect())
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
    /// What the user should know of it.
    pub notes: Vec<String>,
}

/// The drivers of `guest-scripts/`, each with the variable that names it.
const DRIVERS: &[(&str, &str)] = &[
    ("mctp-pcc", "MODULE"),
    ("pcc-client", "PCC_CLIENT"),
    ("mpam-fb", "MPAM_FB"),
];

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
    /// They are built for the lab's own kernels and would not load into
    /// another. There mctp-pcc is left out, as the kernel may have a driver
    /// built in; pcc-client no kernel has.
    ///
    /// # Errors
    /// When a path is unknown or names nothing, or a driver is not built for
    /// this kernel; the text says what to do.
    pub fn with_drivers(
        kernel: Option<&Path>,
        modules: &[PathBuf],
        drivers: &[&str],
    ) -> Result<Lab> {
        let built = built();
        let paths = paths();
        let kernel = path(kernel)?;
        let suffix = suffix(&kernel, &built);
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
        let kernel = Kernel::at(&kernel)?;
        let mut found = modules.to_vec();
        let mut notes = Vec::new();
        for driver in drivers {
            let variable = variable(driver)?;
            // A module that was given may be another driver for MCTP.
            let own = |path: &PathBuf| stem(path) == *driver;
            let is_replaced = *driver == "mctp-pcc" && !modules.is_empty();
            if is_replaced || found.iter().any(own) {
                continue;
            }
            match own_module(variable, suffix, &built) {
                Some(path) => found.push(path),
                // The kernel may have a driver of its own.
                None if *driver == "mctp-pcc" => notes.push(
                    "mctp-pcc is not loaded: it is built for the lab's own \
                     kernels only. The kernel's own driver is used, or that \
                     of --module"
                        .to_owned(),
                ),
                None => bail!("{}", not_built(driver, &kernel)),
            }
        }
        let modules = found;
        for module in &modules {
            check_module(module)?;
        }
        Ok(Lab {
            qemu: get("QEMU")?,
            kernel,
            initrd: get("INITRD")?,
            firmware: get("FIRMWARE")?,
            pccd: get("PCCD")?,
            modules,
            notes,
        })
    }
}

/// The variable that names a driver of `guest-scripts/`.
fn variable(driver: &str) -> Result<&'static str> {
    let found = DRIVERS.iter().find(|(name, _)| *name == driver);
    found.map(|(_, variable)| *variable).with_context(|| {
        let names = || DRIVERS.iter().map(|(name, _)| *name);
        let meant = meant(driver, names());
        format!(
            "\"modules\" names {driver}, which is no driver of guest-scripts/: \
             there are {}{meant}",
            names().collect::<Vec<_>>().join(", ")
        )
    })
}

/// The end of the names of what was built for this kernel, if it is one of
/// the lab's.
fn suffix(
    kernel: &Path,
    built: &BTreeMap<String, PathBuf>,
) -> Option<&'static str> {
    let mut all = KERNELS.iter().map(|(_, suffix)| *suffix);
    all.find(|s| same(kernel, built.get(&format!("KERNEL{s}"))))
}

/// A driver of `guest-scripts/` for a kernel of the lab, or the one that the
/// environment names.
fn own_module(
    variable: &str,
    suffix: Option<&str>,
    built: &BTreeMap<String, PathBuf>,
) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|m| !m.is_empty());
    named
        .map(PathBuf::from)
        .or_else(|| built.get(&format!("{variable}{}", suffix?)).cloned())
}

/// Which of these drivers of `guest-scripts/` are not built for what
/// `--kernel` names. Not mctp-pcc: the kernel may have its own.
///
/// # Errors
/// When there is no such kernel, or no such driver.
pub fn unbuilt(
    kernel: Option<&Path>,
    drivers: &[String],
) -> Result<Vec<String>> {
    let (built, kernel) = (built(), path(kernel)?);
    let suffix = suffix(&kernel, &built);
    let mut missing = Vec::new();
    for driver in drivers.iter().filter(|driver| *driver != "mctp-pcc") {
        if own_module(variable(driver)?, suffix, &built).is_none() {
            missing.push(driver.clone());
        }
    }
    Ok(missing)
}

/// The name of a module's file, without its end.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn not_built(driver: &str, kernel: &Kernel) -> String {
    let scripts =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-scripts");
    let scripts = scripts.canonicalize().unwrap_or(scripts);
    let tree = kernel.tree().unwrap_or(Path::new("YOUR-KERNEL-TREE"));
    format!(
        "{driver} is not built for this kernel. To build it:\n  \
         cp -r {0}/{driver} /tmp && make -C {1} M=/tmp/{driver} ARCH=arm64 \
         CROSS_COMPILE=aarch64-linux-gnu- modules\nthen add --module \
         /tmp/{driver}/{driver}.ko",
        scripts.display(),
        tree.display()
    )
}

/// Whether a file can be a module for an arm64 kernel at all: a relocatable
/// ELF file with a description of itself (`.modinfo`).
fn check_module(path: &Path) -> Result<()> {
    let wrong = |why: &str| Err(anyhow!("the module {} {why}", path.display()));
    if !path.is_file() {
        return wrong("is not a file");
    }
    let bytes = std::fs::read(path)
        .with_context(|| format!("reading {}", path.display()))?;
    let half = |at: usize| {
        let bytes = bytes.get(at..at + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    };
    const RELOCATABLE: u16 = 1;
    const AARCH64: u16 = 183;
    if bytes.starts_with(&[0xfd, b'7', b'z'])
        || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || bytes.starts_with(&[0x1f, 0x8b])
    {
        return wrong("is compressed: unpack it first (xz, zstd or gzip -d)");
    }
    if !bytes.starts_with(b"\x7fELF") || half(16) != Some(RELOCATABLE) {
        return wrong("is no kernel module (a .ko file that kbuild made)");
    }
    if half(18) != Some(AARCH64) {
        return wrong("is for another architecture, not for arm64");
    }
    const KEY: &[u8] = b"vermagic=";
    if memchr::memmem::find(&bytes, KEY).is_none() {
        return wrong(
            "is an object file, no module: give the .ko that kbuild made",
        );
    }
    Ok(())
}

/// What `--kernel` names, the lab's own without it.
fn path(kernel: Option<&Path>) -> Result<PathBuf> {
    match kernel {
        Some(kernel) => Ok(match named(kernel) {
            Some(path) => path,
            None if is_name(kernel) => {
                let name = kernel.display();
                let words = match name.to_string().as_str() {
                    "7.x" => String::new(),
                    "debian" | "debian-6.12" => " KERNELS=debian".to_owned(),
                    other => format!(" KERNELS={other}"),
                };
                return Err(usage(format!(
                    "the lab's kernel {name} is not there yet: run `make \
                     lab{words}` in the pccd repository"
                )));
            }
            None if !kernel.exists() && kernel.components().count() == 1 => {
                let names = || KERNELS.iter().map(|(name, _)| *name);
                let name = kernel.to_string_lossy();
                return Err(usage(format!(
                    "there is no file {name}, and no kernel of the lab is \
                     called so, but {}{}",
                    names().collect::<Vec<_>>().join(", "),
                    meant(&name, names())
                )));
            }
            None => kernel.to_owned(),
        }),
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

/// Whether this is the name of one of the lab's kernels.
fn is_name(kernel: &Path) -> bool {
    KERNELS.iter().any(|(name, _)| Path::new(name) == kernel)
        && !kernel.exists()
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
    fn a_shell_gets_no_empty_names() {
        let mut paths = BTreeMap::new();
        let error = listing(&paths).unwrap_err();
        assert!(!error.is::<crate::Usage>(), "{error}");
        assert!(error.to_string().contains("make lab"), "{error}");
        paths.insert("QEMU".to_owned(), PathBuf::from("/q"));
        paths.insert("PCCD".to_owned(), PathBuf::from("/p"));
        assert_eq!(listing(&paths).unwrap(), "PCCD=/p\nQEMU=/q\n");
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

    #[test]
    fn a_driver_that_does_not_exist_is_not_guessed() {
        let error = variable("pcc-clinet").unwrap_err().to_string();
        assert!(error.contains("did you mean pcc-client?"), "{error}");
        assert_eq!(variable("mctp-pcc").unwrap(), "MODULE");
    }

    #[test]
    fn a_driver_for_another_kernel_is_missed() {
        let built = BTreeMap::from([
            ("KERNEL".to_owned(), PathBuf::from("/")),
            ("KERNEL_6_12".to_owned(), PathBuf::from("/usr")),
            ("NO_DRIVER_6_12".to_owned(), PathBuf::from("/m.ko")),
        ]);
        let of = |kernel: &str| {
            let suffix = suffix(Path::new(kernel), &built);
            own_module("NO_DRIVER", suffix, &built)
        };
        assert_eq!(of("/usr"), Some(PathBuf::from("/m.ko")));
        assert_eq!(of("/"), None, "not built");
        assert_eq!(of("/etc"), None, "no kernel of the lab");
    }

    #[test]
    fn what_is_no_module_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let elf = |kind: u16, machine: u16, rest: &[u8]| {
            let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
            bytes.extend(kind.to_le_bytes());
            bytes.extend(machine.to_le_bytes());
            bytes.extend(rest);
            bytes
        };
        let cases = [
            (elf(1, 183, b"..vermagic=7.3.4"), None),
            (elf(1, 183, b"nothing"), Some("object file")),
            (elf(1, 62, b"vermagic="), Some("another architecture")),
            (elf(2, 183, b"vermagic="), Some("no kernel module")),
            (b"hello".to_vec(), Some("no kernel module")),
            (Vec::new(), Some("no kernel module")),
            (vec![0xfd, b'7', b'z', b'X'], Some("compressed")),
        ];
        for (bytes, wrong) in cases {
            let path = folder.path().join("a.ko");
            std::fs::write(&path, bytes).unwrap();
            let said = check_module(&path).map_err(|e| e.to_string());
            match (said, wrong) {
                (Ok(()), None) => {}
                (Err(text), Some(word)) => {
                    assert!(text.contains(word), "{text}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
