//! The mistakes that a platform's test must notice: each is made in a copy
//! of the platform, and the test is run on it.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::logs::Scratch;
use crate::matrix::{Cell, Column, Options, cell};
use crate::platform::{Defect, Mode, Platform};
use crate::verdict::exit;

/// Folders above the platform's whose content a copy sees, too.
const ABOVE: usize = 3;
/// Folders within a platform's are not nested deeper.
const DEEPEST: usize = 16;

/// A platform with a mistake in it, in `root`; returns its folder. What lies
/// around the platform is there as links, so that its relative paths lead
/// where they led.
///
/// # Errors
/// When the mistake cannot be made, or the platform not be copied.
pub fn spoil(
    platform: &Platform,
    defect: &Defect,
    root: &Path,
) -> Result<PathBuf> {
    let real = platform.folder.canonicalize().with_context(|| {
        format!("looking for {}", platform.folder.display())
    })?;
    // Elsewhere lie the originals.
    let inside = |part| matches!(part, Component::Normal(_));
    if !defect.file.components().all(inside) {
        bail!(
            "{} does not lie in the platform's folder: a defect has to",
            defect.file.display()
        );
    }
    let above = real.ancestors().take(ABOVE + 1).collect::<Vec<_>>();
    let mut folder = root.to_owned();
    for pair in above.windows(2).rev() {
        let &[inner, outer] = pair else { continue };
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("making {}", folder.display()))?;
        for beside in std::fs::read_dir(outer)
            .with_context(|| format!("listing {}", outer.display()))?
        {
            let beside = beside?;
            if beside.path() != inner {
                let link = folder.join(beside.file_name());
                std::os::unix::fs::symlink(beside.path(), &link)
                    .with_context(|| format!("making {}", link.display()))?;
            }
        }
        folder.push(inner.file_name().unwrap_or_default());
    }
    copy(&real, &folder, 0)?;

    let path = folder.join(&defect.file);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("reading {}", real.join(&defect.file).display())
    })?;
    let count = text.matches(&defect.from).count();
    if count != 1 {
        bail!(
            "{:?} stands in {} {count} times: it has to stand there once",
            defect.from,
            defect.file.display()
        );
    }
    std::fs::write(&path, text.replace(&defect.from, &defect.to))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        bail!("{}: folders nested too deeply", from.display());
    }
    std::fs::create_dir_all(to)
        .with_context(|| format!("making {}", to.display()))?;
    for entry in std::fs::read_dir(from)
        .with_context(|| format!("listing {}", from.display()))?
    {
        let path = entry?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &to, depth + 1)?;
        } else if path.is_file() {
            std::fs::copy(&path, &to)
                .with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

/// How a test took a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// It failed, first at this.
    At(String),
    /// The guest went down or hung.
    Down(String),
    /// It passed.
    Not,
    /// Nobody knows: the run had trouble of another kind.
    Unknown(String),
}

impl Noticed {
    /// What the run with the mistake in it says.
    pub fn of(cell: &Cell) -> Noticed {
        let verdict = &cell.verdict;
        let text = verdict.text.lines().next().unwrap_or_default().to_owned();
        match verdict.code {
            exit::PASS => Noticed::Not,
            exit::FAIL => {
                let first = verdict.first.iter().chain(&verdict.reasons).next();
                Noticed::At(first.cloned().unwrap_or(text))
            }
            exit::PANIC | exit::HANG => Noticed::Down(text),
            _ => Noticed::Unknown(text),
        }
    }
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Noticed::At(first) => write!(f, "caught at: {first}"),
            Noticed::Down(text) => {
                write!(f, "caught, though not by a test: {text}")
            }
            Noticed::Not => f.write_str("NOT NOTICED"),
            Noticed::Unknown(text) => write!(f, "trouble: {text}"),
        }
    }
}

/// A mistake, for people.
fn named(defect: &Defect, mode: Mode) -> String {
    let short = |text: &str| {
        let line = text.lines().next().unwrap_or_default();
        let mut short: String = line.chars().take(40).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    };
    format!(
        "{} ({}): {} → {}",
        defect.file.display(),
        mode.name(),
        short(&defect.from),
        short(&defect.to)
    )
}

/// Runs a platform's test in each mode that its defects need, then with each
/// of the defects; `say` gets a line each. Returns the exit code.
///
/// # Errors
/// When there is no such platform, or a mistake cannot be made.
pub fn run(
    name: &str,
    column: &Column,
    options: &Options,
    say: impl Fn(&str),
) -> Result<u8> {
    let platform = Platform::load(name)?;
    let usual = platform.modes().first().copied().unwrap_or(Mode::Irq);
    let mode = |defect: &Defect| defect.mode.unwrap_or(usual);
    let defects = platform.defects();
    if defects.is_empty() {
        bail!(
            "{name} has no `defects` in its platform.json: name some mistakes \
             that its test must notice (docs/platforms.md)"
        );
    }
    let mut right: Vec<Mode> = Vec::new();
    for mode in defects.iter().map(mode) {
        if right.contains(&mode) {
            continue;
        }
        let cell = cell(name, mode, column, options);
        let text = cell.verdict.text.lines().next().unwrap_or_default();
        say(&format!("without a defect ({}): {text}", mode.name()));
        if cell.verdict.code != exit::PASS {
            if let Some(first) = &cell.verdict.first {
                say(&format!("first that went wrong: {first}"));
            }
            if let Some(logs) = &cell.logs {
                say(&format!("logs in {}", logs.display()));
            }
            return Ok(cell.verdict.code);
        }
        right.push(mode);
    }
    let mut code = exit::PASS;
    for (number, defect) in (1..).zip(defects) {
        let root = Scratch::new()?;
        let folder = spoil(&platform, defect, root.path())?;
        let folder = folder
            .to_str()
            .with_context(|| format!("{} is no text", folder.display()))?;
        let mode = mode(defect);
        let logs = options.logs.join(format!("defect-{number}"));
        let own = Options { logs: logs.clone(), ..options.clone() };
        let cell = cell(folder, mode, column, &own);
        if crate::interrupted() {
            return Ok(exit::INTERRUPTED);
        }
        let noticed = Noticed::of(&cell);
        say(&format!("{}: {noticed}", named(defect, mode)));
        match noticed {
            Noticed::Unknown(_) => {
                say(&format!("logs in {}", logs.display()));
                code = exit::TROUBLE;
                continue;
            }
            Noticed::Not if code == exit::PASS => code = exit::FAIL,
            _ => {}
        }
        // They would only say what was wanted.
        let _ = std::fs::remove_dir_all(&logs);
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_copy_sees_what_lies_around_it() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["top/beside", "top/messages/fan/deep", "top/messages/x"]
        {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::fs::write(at("top/beside/a"), "a").unwrap();
        std::fs::write(at("top/messages/x/b"), "b").unwrap();
        std::fs::write(at("top/messages/fan/deep/c"), "c").unwrap();
        let json = r#"{ "description": "", "driver": "",
            "defects": [ { "file": "fan.json", "from": "900", "to": "901" } ] }"#;
        std::fs::write(at("top/messages/fan/platform.json"), json).unwrap();
        std::fs::write(at("top/messages/fan/fan.json"), "rpm 900").unwrap();
        let name = at("top/messages/fan").display().to_string();
        let platform = Platform::load(&name).unwrap();
        let root = tempfile::tempdir().unwrap();
        let folder =
            spoil(&platform, &platform.defects()[0], root.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.join(name));
        assert_eq!(read("fan.json").unwrap(), "rpm 901");
        assert_eq!(read("deep/c").unwrap(), "c");
        assert_eq!(read("../x/b").unwrap(), "b");
        assert_eq!(read("../../beside/a").unwrap(), "a");
        // The original is as it was.
        let old = std::fs::read_to_string(at("top/messages/fan/fan.json"));
        assert_eq!(old.unwrap(), "rpm 900");
        let short = Platform::load(folder.to_str().unwrap()).unwrap();
        assert_eq!(short.name, "fan");
    }

    #[test]
    fn what_cannot_be_spoiled_is_said() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("fan");
        std::fs::create_dir(&folder).unwrap();
        let json = r#"{ "description": "", "driver": "" }"#;
        std::fs::write(folder.join("platform.json"), json).unwrap();
        std::fs::write(folder.join("a"), "xx").unwrap();
        std::fs::write(place.path().join("b"), "x").unwrap();
        let platform = Platform::load(folder.to_str().unwrap()).unwrap();
        for (file, from, word) in [
            ("a", "x", "2 times"),
            ("a", "y", "0 times"),
            ("c", "x", "reading"),
            ("../b", "x", "platform's folder"),
            ("/etc/passwd", "root", "platform's folder"),
        ] {
            let defect = Defect {
                file: PathBuf::from(file),
                from: from.to_owned(),
                to: "z".to_owned(),
                mode: None,
            };
            let root = tempfile::tempdir().unwrap();
            let error = spoil(&platform, &defect, root.path()).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn verdicts_say_what_was_noticed() {
        let of = |code, first: Option<&str>| {
            let mut verdict = Verdict::new(code, "text\nmore".to_owned());
            verdict.first = first.map(str::to_owned);
            Noticed::of(&Cell {
                kernel: String::new(),
                driver: String::new(),
                platform: String::new(),
                mode: Mode::Irq,
                verdict,
                left_out: Vec::new(),
                logs: None,
            })
            .to_string()
        };
        assert_eq!(of(exit::PASS, None), "NOT NOTICED");
        assert_eq!(of(exit::FAIL, Some("a test")), "caught at: a test");
        assert_eq!(of(exit::FAIL, None), "caught at: text");
        assert!(of(exit::HANG, None).starts_with("caught, though"));
        assert_eq!(of(exit::TROUBLE, None), "trouble: text");
    }
}
