//! Platforms as data: what the folders of `messages/` with a `platform.json`
//! describe. Knows nothing of any one of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kernel::Kernel;

/// How the platform's channels tell that they are done: the PCCT's global
/// flag (ACPI 6.5 §14.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By interrupt.
    Irq,
    /// The guest has to look.
    Poll,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Irq => "irq",
            Mode::Poll => "poll",
        }
    }
}

/// `platform.json`; `messages/README.md` says what each key means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) description: String,
    pub(crate) driver: String,
    #[serde(default)]
    pub(crate) of: Vec<String>,
    #[serde(default)]
    pub(crate) modes: Vec<Mode>,
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
    pub(crate) asl: Option<PathBuf>,
    pub(crate) messages: Option<Vec<PathBuf>>,
    #[serde(default)]
    pub(crate) modules: Vec<String>,
    #[serde(default)]
    pub(crate) drivers: Vec<String>,
    #[serde(default)]
    pub(crate) append: String,
    #[serde(default)]
    pub(crate) needs: BTreeMap<String, String>,
    pub(crate) test: Option<PathBuf>,
    #[serde(default)]
    pub(crate) asked: Vec<String>,
    #[serde(default)]
    pub(crate) on: BTreeMap<String, On>,
    #[serde(default)]
    pub(crate) defects: Vec<Defect>,
    #[serde(default)]
    pub(crate) accepts: BTreeMap<String, String>,
}

/// What is different on a kernel, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// In these modes; in all if there are none.
    #[serde(default)]
    pub modes: Vec<Mode>,
    /// No more processors than this.
    pub smp: Option<u32>,
    /// An option that this kernel does not have.
    pub lacks: Option<String>,
    /// Rules of conduct whose breaks are accepted there, and why.
    #[serde(default)]
    pub accepts: BTreeMap<String, String>,
    /// Why.
    pub because: String,
}

/// A mistake of the platform that its test must notice: a word in one of its
/// files that is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// The file.
    pub file: PathBuf,
    /// What stands there, once.
    pub from: String,
    /// What shall.
    pub to: String,
    /// In which mode it shows; without it, the usual one.
    pub mode: Option<Mode>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) modes: Vec<Mode>,
    pub(crate) plays: Option<String>,
    pub(crate) device: Map<String, Value>,
}

/// One platform.
#[derive(Clone, Debug)]
pub struct Platform {
    /// Name of its folder.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Whom it tests, for people.
    pub driver: String,
    pub(crate) folder: PathBuf,
    pub(crate) file: File,
}

/// The folder of the platforms that come with pccd.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../messages")
}

impl Platform {
    /// The platform of this name, or in this folder.
    ///
    /// # Errors
    /// When there is none, or its `platform.json` is not as it should be.
    pub fn load(name: &str) -> Result<Platform> {
        let folder = if name.contains('/') || name == "." {
            std::path::absolute(name)?
        } else {
            self::folder().join(name)
        };
        let path = folder.join("platform.json");
        if !path.is_file() {
            bail!(
                "there is no platform {name}: {} is not a file; there are {}",
                path.display(),
                names()?.join(", ")
            );
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let file: File = serde_json::from_str(&text)
            .with_context(|| path.display().to_string())?;
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("{} has no name", folder.display()))?
            .to_owned();
        Ok(Platform {
            name,
            description: file.description.clone(),
            driver: file.driver.clone(),
            folder,
            file,
        })
    }

    /// Mistakes that its test must notice.
    pub fn defects(&self) -> &[Defect] {
        &self.file.defects
    }

    /// An option that this kernel lacks, if that is known.
    pub fn lacks(&self, kernel: &Kernel) -> Option<String> {
        let known = self.file.on.iter().find_map(|(prefix, on)| {
            let here = kernel.release()?.starts_with(prefix);
            on.lacks.clone().filter(|_| here)
        });
        let missing = |option: &&String| kernel.has(option) == Some(false);
        known.or_else(|| self.file.needs.keys().find(missing).cloned())
    }

    /// The modes it can be in.
    pub fn modes(&self) -> &[Mode] {
        const BOTH: &[Mode] = &[Mode::Irq, Mode::Poll];
        if self.file.modes.is_empty() { BOTH } else { &self.file.modes }
    }
}

/// The names of all platforms that come with pccd.
///
/// # Errors
/// When their folder cannot be read.
pub fn names() -> Result<Vec<String>> {
    let folder = folder();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)
        .with_context(|| format!("listing {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().join("platform.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
