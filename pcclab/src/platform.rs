//! Platforms as data: what the folders of `messages/` with a `platform.json`
//! describe. Knows nothing of any one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow};
use pccd::script::locate::{Side, Step, locate, path_text};
use pccd::script::problem::{Problem, Problems};
use pccd::wire::region::SubspaceType;
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json;
use crate::kernel::Kernel;
use crate::latency::Promise;
use crate::search::Search;
use crate::{content, meant, usage};

/// How the platform's channels tell that they are done: the PCCT's global
/// flag (ACPI 6.5 §14.1.1).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
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

    /// The symbol that the preprocessor of ASL knows it by.
    pub(crate) fn define(self) -> (String, String) {
        let name = self.name().to_uppercase();
        (format!("MODE_{name}"), "1".to_owned())
    }
}

/// A machine for `pcclab run --platform`; docs/platforms.md has an example.
//
// What stands at the fields is what editors show.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Where this schema is, for editors.
    #[serde(rename = "$schema", default)]
    #[allow(dead_code)]
    pub(crate) schema: Option<String>,
    /// For people: which hardware.
    pub(crate) description: String,
    /// For people: which driver, the first column of tables.
    pub(crate) driver: String,
    /// Instead of all that follows: names of platforms that this one is made
    /// of.
    #[serde(default)]
    pub(crate) of: Vec<String>,
    /// What it can do, the first being the usual one; without it both.
    #[serde(default)]
    pub(crate) modes: Vec<Mode>,
    /// The channels of the machine; ids are given out in this order.
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
    /// Source of an SSDT, or of another table as iasl has it; or a list of
    /// such. `CHANNEL_NAME` in it is the subspace id of the channel `name`;
    /// `MODE_IRQ` or `MODE_POLL` is defined.
    #[serde(default, deserialize_with = "sources")]
    #[schemars(schema_with = "sources_schema")]
    pub(crate) asl: Vec<PathBuf>,
    /// Folders of handlers, relative to the platform's; without it its own.
    pub(crate) messages: Option<Vec<PathBuf>>,
    /// Each run boots the machine: the test is about what its driver does
    /// while it is probed.
    #[serde(default)]
    pub(crate) cold: bool,
    /// Drivers of guest-scripts/ to load: `mctp-pcc`, `pcc-client`,
    /// `mpam-fb`.
    #[serde(default)]
    pub(crate) modules: Vec<String>,
    /// Modules of the kernel, loaded in this order with what they depend on,
    /// where the kernel has them as modules.
    #[serde(default)]
    pub(crate) drivers: Vec<String>,
    /// Words for the kernel's command line.
    #[serde(default)]
    pub(crate) append: String,
    /// Kernel options, without CONFIG_, each with a path that is there when
    /// the guest has it, or with nothing.
    #[serde(default)]
    pub(crate) needs: BTreeMap<String, String>,
    /// The script that the guest runs.
    pub(crate) test: Option<PathBuf>,
    /// What pccd must have been asked, in this order: COMMAND, NAME=VALUE of
    /// the request, NAME->VALUE of the answer.
    #[serde(default)]
    pub(crate) asked: Vec<String>,
    /// How fast the channels must be, when the test has passed.
    #[serde(default)]
    pub(crate) latency: Vec<Promise>,
    /// What is different, by the beginning of a kernel's release.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": RELEASE }))]
    pub(crate) on: BTreeMap<String, On>,
    /// Mistakes that the test must notice.
    #[serde(default)]
    pub(crate) defects: Vec<Defect>,
    /// Rules of conduct that the driver may break, by their ids, each with
    /// the reason why that fails no run.
    #[serde(default)]
    pub accepts: BTreeMap<String, String>,
    /// What the driver can be made to do while bugs are searched.
    pub(crate) search: Option<Search>,
}

/// How a kernel's release may begin.
const RELEASE: &str = r"^[0-9]+(\.[0-9]+)*\.?([-+~_][A-Za-z0-9.+~_-]*)?$";

static BEGINNING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(RELEASE).expect("a right pattern"));

/// The version in a text that is no beginning of a release.
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9]+(\.[0-9]+)*\.?").expect("a right pattern")
});

/// Reads a platform.json.
///
/// # Errors
/// Everything that is wrong in it.
pub(crate) fn read(file: &str, text: &str) -> Result<File, Problems> {
    let read: File = json::read(file, text)?;
    let releases = read.on.keys();
    let releases = releases.filter(|text| !BEGINNING.is_match(text));
    let wrong = |release: &String| {
        let path = [Step::Key("on".to_owned()), Step::Key(release.to_owned())];
        let place = locate(text, &path, Side::Key).unwrap_or(0..0);
        Problem::at(
            file,
            text,
            place,
            path_text(&path),
            format!("no kernel's release begins with {release:?}"),
            Some("digits and dots, as in `7.` or `6.12`".to_owned()),
            VERSION.find(release).map(|found| found.as_str().to_owned()),
        )
    };
    let problems: Vec<Problem> = releases.map(wrong).collect();
    if problems.is_empty() { Ok(read) } else { Err(Problems(problems)) }
}

/// What the platform of this name, or in this folder, is called.
pub(crate) fn short(name: &str) -> &str {
    name.trim_end_matches('/').rsplit('/').next().unwrap_or(name)
}

/// What is different on a kernel, and why.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct On {
    /// In these modes; in all if there are none.
    #[serde(default)]
    pub modes: Vec<Mode>,
    /// No more processors than this.
    #[schemars(range(min = 1))]
    pub smp: Option<u32>,
    /// An option that this kernel does not have.
    pub lacks: Option<String>,
    /// Something that it does not have and no option tells: nothing is run
    /// there.
    pub without: Option<String>,
    /// Rules of conduct that the driver may break there, by their ids, each
    /// with the reason.
    #[serde(default)]
    pub accepts: BTreeMap<String, String>,
    /// Why.
    pub because: String,
}

/// A mistake of the platform that its test must notice: a word in one of its
/// files that is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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

/// One channel of the machine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Channel {
    /// What table and test call it: CHANNEL_NAME, in capitals, `-` as `_`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub(crate) name: String,
    /// In which modes it is there; in all if there are none.
    #[serde(default)]
    pub(crate) modes: Vec<Mode>,
    /// Name of the channel of registers that answers.
    pub(crate) plays: Option<String>,
    /// Properties of QEMU's `pcc-type<N>`, where N is the `subspace-type`, or
    /// with `"driver": "pcc-mctp"` of a pair for MCTP. `qemu-system-aarch64
    /// -machine none -device pcc-type3,help` lists them.
    #[schemars(schema_with = "properties")]
    pub(crate) device: Map<String, Value>,
    /// What its memory holds behind the header when a life of the guest
    /// begins, before any command: lines of hexadecimal, blanks as one likes.
    #[serde(default)]
    pub(crate) content: Vec<String>,
}

/// The `size` that QEMU takes where none is given.
const SIZE: u64 = 4096;

impl Channel {
    /// What the preprocessor of ASL and the test's environment call it.
    pub(crate) fn variable(&self) -> String {
        let name = self.name.to_uppercase().replace('-', "_");
        format!("CHANNEL_{name}")
    }

    /// What its memory begins with as subspace `id`, the header included, if
    /// the platform says so.
    ///
    /// # Errors
    /// When that cannot be.
    pub(crate) fn begins(&self, id: u8) -> Result<Option<Vec<u8>>> {
        if self.content.is_empty() {
            return Ok(None);
        }
        let kind = self.device.get("subspace-type").and_then(Value::as_u64);
        let kind = kind
            .and_then(|kind| u8::try_from(kind).ok())
            .and_then(|kind| SubspaceType::try_from(kind).ok())
            .context("only a channel with a `subspace-type` has a content")?;
        let size = self.size().unwrap_or(SIZE);
        content::bytes(&self.content, kind, id, size).map(Some)
    }

    /// How large its memory is, if that can be told.
    pub(crate) fn size(&self) -> Option<u64> {
        match self.device.get("size") {
            Some(size) => size.as_u64(),
            None => Some(SIZE),
        }
    }

    /// Its nominal latency in microseconds, where it says one.
    pub(crate) fn nominal_us(&self) -> Option<u64> {
        self.device.get("latency-us")?.as_u64()
    }

    /// Whether it brings messages to the guest.
    pub(crate) fn is_inbox(&self) -> bool {
        self.device.get("subspace-type").is_some_and(|kind| kind == 4)
    }

    /// Whether it is there in this mode.
    pub(crate) fn is_in(&self, mode: Mode) -> bool {
        self.modes.is_empty() || self.modes.contains(&mode)
    }
}

/// One path, or a list of them.
fn sources<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PathBuf>, D::Error> {
    struct Sources;

    impl<'de> Visitor<'de> for Sources {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a path, or a list of paths")
        }

        fn visit_str<E: Error>(self, path: &str) -> Result<Vec<PathBuf>, E> {
            Ok(vec![PathBuf::from(path)])
        }

        fn visit_seq<A: SeqAccess<'de>>(
            self,
            list: A,
        ) -> Result<Vec<PathBuf>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(Sources)
}

fn sources_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}}
        ]
    })
}

fn properties(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {"driver": {"enum": ["pcc-channel", "pcc-mctp"]}},
        "additionalProperties": {"type": ["integer", "string"]}
    })
}

/// The JSON Schema of `platform.json`, as `messages/platform.schema.json`
/// holds it.
pub fn schema() -> String {
    crate::json::schema::<File>("pcclab platform")
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

/// The folder of the platform of this name, or this folder.
///
/// # Errors
/// When there is no `platform.json` in it.
pub(crate) fn place(name: &str) -> Result<PathBuf> {
    let folder = if name.contains('/') || name == "." {
        std::path::absolute(name)?
    } else {
        self::folder().join(name)
    };
    let path = folder.join("platform.json");
    if !path.is_file() {
        let names = names()?;
        let meant = meant(name, names.iter().map(String::as_str));
        return Err(usage(format!(
            "there is no platform {name}: {} is not a file; there are \
             {}{meant}",
            path.display(),
            names.join(", ")
        )));
    }
    Ok(folder)
}

impl Platform {
    /// The platform of this name, or in this folder.
    ///
    /// # Errors
    /// When there is none, or its `platform.json` is not as it should be.
    pub fn load(name: &str) -> Result<Platform> {
        let folder = place(name)?;
        let path = folder.join("platform.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let file = read(&path.display().to_string(), &text).map_err(
            |Problems(problems)| {
                let all: Vec<_> =
                    problems.iter().map(|it| format!("{it}\n")).collect();
                anyhow!("{} is wrong:\n{}", path.display(), all.join("\n"))
            },
        )?;
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

    /// Drivers of `guest-scripts/` that it loads.
    pub fn modules(&self) -> &[String] {
        &self.file.modules
    }

    /// The platforms that this one is made of; none if it is one of its own.
    pub fn parts(&self) -> &[String] {
        &self.file.of
    }

    /// Mistakes that its test must notice.
    pub fn defects(&self) -> &[Defect] {
        &self.file.defects
    }

    /// The folders that its files lie in: its own, those of the handlers, and
    /// those of the platforms that it is made of.
    ///
    /// # Errors
    /// When there is no platform of a name in `of`.
    pub(crate) fn folders(&self) -> Result<Vec<PathBuf>> {
        let mut all = vec![self.clone()];
        for name in &self.file.of {
            all.push(Platform::load(name)?);
        }
        let mut folders = Vec::new();
        for one in all {
            let messages = one.file.messages.iter().flatten();
            folders.extend(messages.map(|path| one.folder.join(path)));
            folders.push(one.folder);
        }
        Ok(folders)
    }

    /// An option that this kernel lacks, or something else that it is
    /// without, if that is known.
    pub fn lacks(&self, kernel: &Kernel) -> Option<String> {
        let known = self.file.on.iter().find_map(|(prefix, on)| {
            let here = kernel.release()?.starts_with(prefix);
            on.lacks.clone().or(on.without.clone()).filter(|_| here)
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
    with(&folder(), "platform.json")
}

/// The names of the folders in this one that have such a file.
///
/// # Errors
/// When it cannot be read.
pub fn with(folder: &Path, file: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)
        .with_context(|| format!("listing {}", folder.display()))?
    {
        let entry = entry?;
        if entry.path().join(file).is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_is_the_beginning_of_a_release() {
        for (release, meant) in [
            ("7", None),
            ("7.", None),
            ("6.12", None),
            ("6.12.57+deb13-arm64", None),
            ("6.12-rc", None),
            ("7.1.0-rc3", None),
            ("", Some(None)),
            ("7.x", Some(Some("7."))),
            ("v6.12", Some(Some("6.12"))),
            ("6.12*", Some(Some("6.12"))),
            ("6..1", Some(Some("6."))),
            ("next", Some(None)),
            (".6", Some(Some("6"))),
            (" 6.12", Some(Some("6.12"))),
            ("6.12 ", Some(Some("6.12"))),
        ] {
            let text = format!(
                "{{\"description\": \"\", \"driver\": \"\",\n\
                 \"on\": {{\"6.1\": {{\"smp\": 1, \"because\": \"a\"}},\n\
                 {release:?}: {{\"smp\": 1, \"because\": \"a\"}}}}}}"
            );
            let said = read("p.json", &text).err().map(|Problems(problems)| {
                let [problem] = &problems[..] else { panic!("{problems:?}") };
                assert_eq!((problem.line, problem.column), (3, 1));
                problem.suggestion.clone()
            });
            let expected = meant.map(|it| it.map(str::to_owned));
            assert_eq!(said, expected, "{release:?}");
        }
    }
}
