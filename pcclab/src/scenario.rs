//! A scenario that is played once: what the guest is told to do while pccd
//! varies what the platform says, and whether the driver works then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pccd::record::{Event, Record};
use pccd::vary::ScenarioFile;

use crate::platform::short;
use crate::result::save;
use crate::usage;

/// The scenario that varies nothing.
const PLAIN: &str = "{ \"answers\": [] }\n";

/// A scenario with actions.
#[derive(Clone, Debug)]
pub struct Scenario {
    text: String,
    /// Where pccd looks for it. It is there from the moment on at which the
    /// guest listens: no answer is varied before.
    place: PathBuf,
    actions: Vec<String>,
    /// What came of the look whether the driver works.
    alive: Option<String>,
}

/// What a file says that `pcclab run --vary` was given.
///
/// # Errors
/// When it cannot be read, or what is wrong with it.
pub fn read(path: &Path) -> Result<(ScenarioFile, String)> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        usage(format!("--vary: {} cannot be read: {error}", path.display()))
    })?;
    let name = path.display().to_string();
    let read = ScenarioFile::parse(&name, &text)
        .and_then(|file| file.compile(&name, &text).map(|_| file));
    match read {
        Ok(file) => Ok((file, text)),
        Err(wrong) => {
            let shown = wrong.0.iter().map(|one| format!("\n{one}"));
            let line = wrong.line();
            Err(usage(format!("--vary: {line}{}", shown.collect::<String>())))
        }
    }
}

/// Refuses a scenario that was found on other platforms than these, or than
/// the `parts` that they are made of.
///
/// # Errors
/// What its `platform` says, if it says anything.
pub fn is_for(
    file: &ScenarioFile,
    platforms: &[String],
    parts: &[String],
) -> Result<()> {
    let Some(wanted) = &file.platform else { return Ok(()) };
    // A folder may be named in many ways.
    let wanted: Vec<_> = wanted.split_whitespace().map(short).collect();
    let is_it = |given: &[String]| {
        given.iter().map(|it| short(it)).eq(wanted.iter().copied())
    };
    if is_it(platforms) || is_it(parts) || wanted.is_empty() {
        return Ok(());
    }
    let all: Vec<_> =
        wanted.iter().map(|it| format!("--platform {it}")).collect();
    Err(usage(format!(
        "--vary: the scenario is for {}; take `platform` out of it if it is to \
         be tried elsewhere",
        all.join(" ")
    )))
}

/// What pccd's records tell of a scenario's entries for these answers: whether
/// one of them changed something, and what was not done.
pub(crate) fn varied(
    answers: &[u64],
    records: &[Record],
) -> (bool, Vec<String>) {
    let notes = records.iter().filter(|one| one.event == Event::Note);
    let notes: Vec<_> = notes.filter_map(|it| it.reason.as_deref()).collect();
    let (mut is_varied, mut not) = (false, Vec::new());
    for answer in answers.iter().collect::<BTreeSet<_>>() {
        let find = |done: &str| {
            let words = format!("answer {answer} {done}: ");
            notes.iter().find(|note| note.starts_with(&words))
        };
        let (done, failed) = (find("varied"), find("not varied"));
        is_varied |= done.is_some();
        not.extend(failed.map(|note| (*note).to_owned()));
        if done.or(failed).is_none() {
            not.push(format!(
                "answer {answer} not varied: there was none (the first is 0)"
            ));
        }
    }
    (is_varied, not)
}

impl Scenario {
    /// The scenario of a text, with the actions that it names; `known` are
    /// those that the platforms have, `folder` is the one of the run.
    ///
    /// # Errors
    /// An action that the platforms do not have.
    pub fn new(
        file: &ScenarioFile,
        text: String,
        known: &[String],
        folder: &Path,
    ) -> Result<Scenario> {
        let unknown = |one: &&String| !known.contains(one);
        if let Some(name) = file.actions.iter().find(unknown) {
            return Err(usage(match known {
                [] => format!(
                    "--vary: the scenario has actions, and no platform here \
                     says in the `search` of its platform.json what `{name}` \
                     is: give its --platform{}",
                    file.platform
                        .as_ref()
                        .map_or(String::new(), |name| format!(" {name}"))
                ),
                known => format!(
                    "--vary: there is no action `{name}` here, but {}",
                    known.join(", ")
                ),
            }));
        }
        let place = folder.join("scenario.json");
        let actions = file.actions.clone();
        Ok(Scenario { text, place, actions, alive: None })
    }

    /// Where pccd is to look for it.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// What to type after a line of the guest.
    ///
    /// # Errors
    /// When the scenario cannot be handed to pccd; a word that the guest does
    /// not know.
    pub fn answer(&mut self, line: &str) -> Result<Option<String>> {
        let Some(word) = line.strip_prefix("pcclab: ") else {
            return Ok(None);
        };
        let typed = match word {
            "listening" => {
                save(&self.place, &self.text)?;
                format!("go 1 {}\n", self.actions.join(" "))
            }
            "went 1" => {
                // It has to work with a platform that is as it should be.
                save(&self.place, PLAIN)?;
                "alive 2\n".to_owned()
            }
            _ => match word.split_once(' ') {
                Some(("alive", said)) => {
                    let status = said.strip_prefix("2 ").unwrap_or(said);
                    self.alive = Some(status.trim().to_owned());
                    "end\n".to_owned()
                }
                Some(("unknown", word)) => {
                    bail!("the guest's fuzz.sh does not know {word:?}")
                }
                _ => return Ok(None),
            },
        };
        Ok(Some(typed))
    }

    /// Why a guest that ended well has not passed, if so.
    pub fn failed(&self) -> Option<String> {
        match self.alive.as_deref() {
            Some("0") => None,
            Some(status) => Some(format!(
                "the driver does not work any more with a platform that \
                 varies nothing: `alive` of platform.json ends with {status}"
            )),
            None => Some(
                "the guest ended before it was asked whether its driver works"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"platform": "fan", "actions": ["speed", "unbind"],
        "answers": [{"answer": 0, "drop": true}]}"#;

    fn scenario(folder: &Path, known: &[&str]) -> Result<Scenario> {
        let file = ScenarioFile::parse("s", TEXT).unwrap();
        let known: Vec<_> = known.iter().map(|&k| k.to_owned()).collect();
        Scenario::new(&file, TEXT.to_owned(), &known, folder)
    }

    #[test]
    fn the_guest_is_told_when_it_listens() {
        let dir = tempfile::tempdir().unwrap();
        let known = ["bind", "speed", "unbind"];
        let mut one = scenario(dir.path(), &known).unwrap();
        assert!(one.failed().unwrap().contains("before it was asked"));
        let there =
            || std::fs::read_to_string(dir.path().join("scenario.json"));
        assert_eq!(one.answer("pcclab: begin").unwrap(), None);
        assert!(there().is_err(), "nothing is varied before");
        let typed = one.answer("pcclab: listening").unwrap();
        assert_eq!(typed.as_deref(), Some("go 1 speed unbind\n"));
        assert_eq!(there().unwrap(), TEXT);
        let typed = one.answer("pcclab: went 1").unwrap();
        assert_eq!(typed.as_deref(), Some("alive 2\n"));
        assert_eq!(there().unwrap(), PLAIN);
        let typed = one.answer("pcclab: alive 2 1").unwrap();
        assert_eq!(typed.as_deref(), Some("end\n"));
        assert!(one.failed().unwrap().ends_with("ends with 1"));
        one.answer("pcclab: alive 2 0").unwrap();
        assert_eq!(one.failed(), None);
        assert!(one.answer("pcclab: unknown go").is_err());
        assert_eq!(one.answer("pcclab: alive").unwrap(), None);
    }

    #[test]
    fn what_changes_nothing_is_known() {
        let note = |text: &str| {
            Record::new(pccd::record::now(), Event::Note).because(text)
        };
        let records = [
            note("answer 0 varied: 20 ms later"),
            note("answer 0 not varied: it has no field fan.x"),
            note("answer 2 not varied: there is no answer"),
        ];
        let (is_varied, not) = varied(&[0, 2, 2, 50], &records);
        assert!(is_varied);
        assert_eq!(
            not,
            [
                "answer 0 not varied: it has no field fan.x",
                "answer 2 not varied: there is no answer",
                "answer 50 not varied: there was none (the first is 0)",
            ]
        );
        assert!(!varied(&[2], &records).0);
        assert_eq!(varied(&[], &records), (false, Vec::new()));
    }

    #[test]
    fn a_scenario_is_for_its_platforms() {
        let of = |platform: Option<&str>| ScenarioFile {
            platform: platform.map(str::to_owned),
            ..ScenarioFile::default()
        };
        let is = |wanted: Option<&str>, given: &[&str], parts: &[&str]| {
            let all = |list: &[&str]| -> Vec<String> {
                list.iter().map(|&name| name.to_owned()).collect()
            };
            is_for(&of(wanted), &all(given), &all(parts)).is_ok()
        };
        assert!(is(None, &["fan"], &[]));
        assert!(is(Some("fan"), &["./boards/fan/"], &[]));
        assert!(is(Some("fan pump"), &["fan", "pump"], &[]));
        assert!(is(Some("fan pump"), &["both"], &["fan", "pump"]));
        assert!(!is(Some("fan"), &["pump"], &["pump"]));
        assert!(!is(Some("fan"), &[], &[]));
    }

    #[test]
    fn actions_must_be_known() {
        let dir = tempfile::tempdir().unwrap();
        let error = |known: &[&str]| {
            let error = scenario(dir.path(), known).unwrap_err();
            error.to_string()
        };
        assert!(error(&["bind", "speed"]).ends_with("but bind, speed"));
        assert!(error(&[]).ends_with("give its --platform fan"));
    }

    #[test]
    fn a_file_that_is_wrong_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.json");
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path).map(|(file, _)| file).map_err(|e| e.to_string())
        };
        assert_eq!(said(TEXT).unwrap().actions.len(), 2);
        let wrong = said(r#"{"answers": [{"answer": 0, "dorp": 1}]}"#);
        assert!(wrong.unwrap_err().contains("did you mean `drop`"));
        let wrong = said(r#"{"answers": [{"answer": 0, "length": 99999}]}"#);
        assert!(wrong.unwrap_err().contains("s.json:1:"));
        std::fs::remove_file(&path).unwrap();
        let none = read(&path).map_err(|e| e.to_string());
        assert!(none.unwrap_err().contains("cannot be read"));
    }
}
