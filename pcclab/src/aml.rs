//! ASL to AML, with `iasl`. What was compiled once is kept in the cache:
//! a run compiles only what is new. What `iasl` refuses is said with the
//! user's own file and line.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use pccd::script::problem::nearest;
use regex::Regex;

use crate::lab;

/// An ASL source with the words it is compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The source.
    pub asl: PathBuf,
    /// Preprocessor symbols and their values.
    pub defines: Vec<(String, String)>,
}

/// One error of `iasl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AslError {
    /// The file, as the platform names it.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub text: String,
    /// A channel that this line names and that the mode does not have.
    pub channel: Option<String>,
}

/// A source that `iasl` does not take.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The source.
    pub asl: PathBuf,
    /// The errors, the first one first.
    pub errors: Vec<AslError>,
    /// The mode it was compiled for.
    pub mode: Option<String>,
    /// The channels there are, with their ids.
    pub channels: Vec<(String, String)>,
    /// The version of an `iasl` that is older than those that know all tables
    /// of ours: a date without dashes.
    pub old: Option<String>,
    /// All that `iasl` said.
    pub output: String,
}

impl Refused {
    /// The channel that was probably meant.
    pub fn meant(&self, channel: &str) -> Option<&str> {
        nearest(channel, self.channels.iter().map(|(name, _)| name.as_str()))
    }

    /// The channels there are, for people.
    pub fn known(&self) -> String {
        let known: Vec<_> = self
            .channels
            .iter()
            .map(|(name, id)| format!("{name} = {id}"))
            .collect();
        match known.is_empty() {
            true => "none".to_owned(),
            false => known.join(", "),
        }
    }

    /// What to do about an old `iasl`.
    pub fn advice(&self) -> Option<String> {
        self.old.as_ref().map(|version| {
            format!(
                "this iasl is {version}; one of 2024 or later knows more \
                 tables: `make lab` brings one, IASL=path takes another"
            )
        })
    }

    /// Where it was compiled for, as words to put behind others.
    pub fn in_mode(&self) -> String {
        match &self.mode {
            Some(mode) => format!(" in mode {mode}"),
            None => String::new(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asl = self.asl.display();
        write!(f, "iasl refuses {asl}{}:", self.in_mode())?;
        if self.errors.is_empty() {
            write!(f, "\n{}", self.output.trim())?;
        }
        for error in &self.errors {
            let AslError { file, line, text, channel } = error;
            write!(f, "\n{}:{line}: {text}", file.display())?;
            let Some(channel) = channel else { continue };
            write!(f, "; there is no {channel}")?;
            if let Some(meant) = self.meant(channel) {
                write!(f, ", did you mean {meant}?")?;
            }
        }
        if self.errors.iter().any(|error| error.channel.is_some()) {
            let known = self.known();
            write!(f, "\nthe channels{}: {known}", self.in_mode())?;
        }
        if let Some(advice) = self.advice() {
            write!(f, "\n{advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// The table compiled, in `cache`.
///
/// # Errors
/// When there is no `iasl` and it would be needed, or it refuses the source,
/// which is a [`Refused`].
pub fn compile(table: &Table, cache: &Path) -> Result<PathBuf> {
    let source = std::fs::read_to_string(&table.asl)
        .with_context(|| format!("reading {}", table.asl.display()))?;
    // `-D` of iasl gives a symbol no value.
    let mut text: String = table
        .defines
        .iter()
        .map(|(name, value)| format!("#define {name} {}\n", hex(value)))
        .collect();
    text.push_str(&source);
    let stem = table.asl.file_stem().unwrap_or_default().to_string_lossy();
    let place = |content: &[u8]| {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        cache.join(format!("{stem}-{:016x}.aml", hasher.finish()))
    };
    // What it includes may have changed.
    let alone = !source.to_lowercase().contains("include");
    let aml = place(text.as_bytes());
    if alone && aml.is_file() {
        return Ok(aml);
    }

    std::fs::create_dir_all(cache)
        .with_context(|| format!("making {}", cache.display()))?;
    let folder = tempfile::tempdir_in(cache)?;
    std::fs::write(folder.path().join("table.asl"), &text)?;
    // Where the files beside the source are found; iasl's messages cut a
    // name with a blank.
    let beside = table.asl.parent().unwrap_or(Path::new("."));
    std::os::unix::fs::symlink(
        std::path::absolute(beside)?,
        folder.path().join(BESIDE),
    )?;
    let iasl = lab::paths().remove("IASL");
    let iasl = iasl.unwrap_or_else(|| PathBuf::from("iasl"));
    let output = Command::new(&iasl)
        .args(["-vs", "-vi", "-ve", "-I", BESIDE, "-p", "table", "table.asl"])
        .current_dir(folder.path())
        .output()
        .with_context(|| {
            format!(
                "starting {} (Debian has it in acpica-tools)",
                iasl.display()
            )
        })?;
    // It ends with 0 where the source is no ASL at all.
    let made = std::fs::read(folder.path().join("table.aml"));
    let (true, Ok(made)) = (output.status.success(), made) else {
        let output = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let said = Command::new(&iasl).arg("-v").output();
        let said = said.map(|it| it.stdout).unwrap_or_default();
        let old = version(&String::from_utf8_lossy(&said));
        let old = old.filter(|version| version.as_str() < OLD);
        return Err(Refused { old, ..refused(table, &source, output) }.into());
    };
    let aml = if alone { aml } else { place(&made) };
    std::fs::rename(folder.path().join("table.aml"), &aml)
        .with_context(|| format!("writing {}", aml.display()))?;
    Ok(aml)
}

/// A decimal number as both ASL and tables of data read it: to the latter all
/// numbers are hexadecimal.
fn hex(value: &str) -> String {
    let number = value.parse::<u64>();
    number.map_or_else(|_| value.to_owned(), |number| format!("{number:#x}"))
}

/// An `iasl` from before this day is old: Debian 12's of 2020 knows neither
/// MPAM nor a PCCT subspace of type 5.
const OLD: &str = "20240101";

/// The day that an `iasl` calls itself by in this text.
fn version(said: &str) -> Option<String> {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bversion (\d{8})\b").expect("a right pattern")
    });
    Some(VERSION.captures(said)?[1].to_owned())
}

/// The link to the source's folder.
const BESIDE: &str = "source";

/// The words of a text that name channels.
pub(crate) fn channels_in(text: &str) -> impl Iterator<Item = (usize, &str)> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bCHANNEL_[A-Za-z0-9_]*").expect("a right pattern")
    });
    NAME.find_iter(text).map(|found| (found.start(), found.as_str()))
}

/// Finds the user's files and lines in iasl's output.
fn refused(table: &Table, source: &str, output: String) -> Refused {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^(.*)\((\d+)\) : +error +\d+ -\s*(.*)$")
            .expect("a right pattern")
    });
    let mut channels = Vec::new();
    let mut mode = None;
    for (name, value) in &table.defines {
        match name.strip_prefix("MODE_") {
            Some(name) => mode = Some(name.to_lowercase()),
            None => channels.push((name.clone(), value.clone())),
        }
    }
    let beside = table.asl.parent().unwrap_or(Path::new("."));
    let mut errors: Vec<AslError> = Vec::new();
    for found in LINE.captures_iter(&output) {
        let (name, text) = (&found[1], found[3].trim());
        let Ok(mut line) = found[2].parse::<usize>() else { continue };
        // The preprocessor has counted the end of the line already.
        let text = match text.strip_suffix("(Preprocessor)") {
            Some(text) => {
                line = line.saturating_sub(1);
                text.trim_end()
            }
            None => text,
        };
        let own = name == "table.asl";
        let (file, whole) = match name.strip_prefix("source/") {
            _ if own => {
                line = line.saturating_sub(table.defines.len());
                (table.asl.clone(), source.to_owned())
            }
            Some(name) => {
                let file = beside.join(name);
                let text = std::fs::read_to_string(&file);
                (file, text.unwrap_or_default())
            }
            None => (PathBuf::from(name), String::new()),
        };
        // The source may be cut, and the error be behind its last line.
        let line = line.clamp(1, whole.lines().count().max(1));
        let words = whole.lines().nth(line - 1).unwrap_or_default();
        let unknown = channels_in(words)
            .map(|(_, name)| name)
            .find(|name| channels.iter().all(|(known, _)| known != name));
        let error = AslError {
            file,
            line,
            text: text.to_owned(),
            channel: unknown.map(str::to_owned),
        };
        // iasl 20250404 says what stops it twice.
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    let asl = table.asl.clone();
    Refused { asl, errors, mode, channels, old: None, output }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASL: &str = "DefinitionBlock (\"\", \"SSDT\", 2, \"PCCD\", \"T\", 1)
{
#ifdef MODE_POLL
  Name (POLL, CHANNEL_X)
#endif
  Name (ANY, 1)
}
";

    fn table(asl: &Path, mode: &str) -> Table {
        Table {
            asl: asl.to_owned(),
            defines: vec![
                (mode.to_owned(), "1".to_owned()),
                ("CHANNEL_X".to_owned(), "0x77".to_owned()),
            ],
        }
    }

    #[test]
    fn a_table_is_compiled_once_a_setting() {
        let folder = tempfile::tempdir().unwrap();
        let asl = folder.path().join("t.asl");
        std::fs::write(&asl, ASL).unwrap();
        let table = |mode: &str| table(&asl, mode);
        let cache = folder.path().join("cache");
        let irq = compile(&table("MODE_IRQ"), &cache).unwrap();
        let poll = compile(&table("MODE_POLL"), &cache).unwrap();
        let bytes = std::fs::read(&poll).unwrap();
        assert!(bytes.windows(4).any(|w| w == b"POLL"));
        assert!(bytes.contains(&0x77));
        let bytes = std::fs::read(&irq).unwrap();
        assert!(!bytes.windows(4).any(|w| w == b"POLL"));
        // From the cache: what lies there is taken as it is.
        std::fs::write(&irq, "mine").unwrap();
        assert_eq!(compile(&table("MODE_IRQ"), &cache).unwrap(), irq);
        assert_eq!(std::fs::read(&irq).unwrap(), b"mine");
        // Nothing else is left behind.
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 2);

        std::fs::write(&asl, "DefinitionBlock (nonsense").unwrap();
        let error = compile(&table("MODE_IRQ"), &cache).unwrap_err();
        assert!(error.to_string().contains("t.asl"), "{error}");
        assert!(error.to_string().contains("rror"), "{error}");
    }

    #[test]
    fn what_an_old_iasl_refuses_comes_with_advice() {
        let name = "ASL+ Optimizing Compiler/Disassembler version";
        let old = version(&format!("\nACPI\n{name} 20200925\n"));
        assert_eq!(old.as_deref(), Some("20200925"));
        assert_eq!(version("iasl: not found"), None);
        let asl = Path::new("t.asl");
        let refused = refused(&table(asl, "MODE_IRQ"), "", String::new());
        assert_eq!(refused.advice(), None);
        let refused = Refused { old, ..refused };
        let said = refused.to_string();
        assert!(said.contains("20200925") && said.contains("make lab"));
    }

    /// A table that no iasl knows, with a channel at byte 36.
    #[test]
    fn ids_are_decimal_in_tables_of_data_too() {
        let fields = [
            ("0004", "Signature", "\"OEM1\""),
            ("0004", "Table Length", "00000000"),
            ("0001", "Revision", "01"),
            ("0001", "Checksum", "00"),
            ("0006", "Oem ID", "\"PCCD\""),
            ("0008", "Oem Table ID", "\"CHANNELS\""),
            ("0004", "Oem Revision", "00000001"),
            ("0004", "Asl Compiler ID", "\"INTL\""),
            ("0004", "Asl Compiler Revision", "00000000"),
            ("0001", "UINT8", "CHANNEL_X"),
        ];
        let lines = fields
            .map(|(size, name, value)| format!("[{size}] {name} : {value}\n"));
        let folder = tempfile::tempdir().unwrap();
        let asl = folder.path().join("oem1.asl");
        std::fs::write(&asl, lines.concat()).unwrap();
        let defines = vec![("CHANNEL_X".to_owned(), "10".to_owned())];
        let made = compile(&Table { asl, defines }, folder.path()).unwrap();
        let bytes = std::fs::read(made).unwrap();
        assert_eq!((bytes.len(), bytes[36]), (37, 10));
    }

    #[test]
    fn errors_name_the_users_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("my board");
        std::fs::create_dir_all(folder.join("inc")).unwrap();
        let asl = folder.join("t.asl");
        let text = "DefinitionBlock (\"\", \"SSDT\", 2, \"PCCD\", \"T\", 1)
{
#include \"inc/a.asl\"
  Include (\"inc/b.asl\")
  Name (ANY, CHANNEL_XX)
#include \"inc/missing.asl\"
  Method (FOO) { Local0 = NONE }
}
";
        std::fs::write(&asl, text).unwrap();
        std::fs::write(folder.join("inc/a.asl"), "Name (AAAA, BAD)\n").unwrap();
        let b = "Name (BBBB, 1)\nName (CCCC, CHANNEL_Y)\n";
        std::fs::write(folder.join("inc/b.asl"), b).unwrap();
        let cache = folder.join("cache");
        let error = compile(&table(&asl, "MODE_IRQ"), &cache).unwrap_err();
        let text = error.to_string();
        let refused: Refused = error.downcast().unwrap();
        let places: Vec<_> = refused
            .errors
            .iter()
            .map(|error| {
                let file = error.file.strip_prefix(&folder).unwrap();
                (file.to_str().unwrap(), error.line, error.channel.as_deref())
            })
            .collect();
        for expected in [
            ("inc/a.asl", 1, None),
            ("inc/b.asl", 2, Some("CHANNEL_Y")),
            ("t.asl", 5, Some("CHANNEL_XX")),
            ("t.asl", 6, None),
            ("t.asl", 7, None),
        ] {
            assert!(places.contains(&expected), "{places:?}\n{text}");
        }
        assert_eq!(places.len(), 5, "{places:?}");
        for expected in [
            "my board/t.asl in mode irq:",
            "my board/t.asl:5: syntax error; there is no CHANNEL_XX, did you \
             mean CHANNEL_X?",
            "the channels in mode irq: CHANNEL_X = 0x77",
            "t.asl:6: Could not open include file",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        // Neither warnings nor remarks.
        assert!(!text.contains("warning"), "{text}");
    }

    #[test]
    fn what_is_included_is_not_taken_from_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let asl = folder.path().join("t.asl");
        let text = ASL.replace("Name (ANY, 1)", "Include (\"a.asl\")");
        std::fs::write(&asl, text).unwrap();
        let cache = folder.path().join("cache");
        let mut made = Vec::new();
        for value in ["0x11", "0x22"] {
            let text = format!("Name (AAAA, {value})\n");
            std::fs::write(folder.path().join("a.asl"), text).unwrap();
            let aml = compile(&table(&asl, "MODE_IRQ"), &cache).unwrap();
            made.push(std::fs::read(aml).unwrap());
        }
        assert!(made[0].contains(&0x11) && made[1].contains(&0x22));
    }

    #[test]
    fn what_is_no_asl_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let asl = folder.path().join("t.asl");
        for text in ["", "hello(", "{\n"] {
            std::fs::write(&asl, text).unwrap();
            let table = Table { asl: asl.clone(), defines: Vec::new() };
            let error = compile(&table, folder.path()).unwrap_err();
            assert!(error.to_string().contains("t.asl"), "{error}");
        }
    }
}
