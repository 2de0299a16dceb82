//! A platform's ASL, and the names of channels in it and in scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use memchr::memmem;
use pccd::script::locate::Step;
use pccd::script::problem::{Problem, nearest};

use super::{Check, is_plain, key, script};
use crate::aml::{self, Refused, Table};
use crate::lab;
use crate::machine::Machine;
use crate::platform::Channel;

/// What pcc-client needs.
const DEVICE: &str = "a device with _HID \"PCCD0001\", as in guest-scripts/pcc-client/pcc-client.asl";

impl Check<'_> {
    /// The ASL, in each mode, and what pcc-client needs in it.
    pub(super) fn tables(&mut self) {
        let client = self.read.modules.iter().position(|m| m == "pcc-client");
        let sources = self.read.asl.clone();
        if sources.is_empty() {
            if let Some(index) = client {
                let path = [key("modules"), Step::Index(index)];
                let message = "pcc-client has no device to bind to: there is \
                               no `asl`";
                self.wrong(
                    &path,
                    message.to_owned(),
                    Some(DEVICE.into()),
                    None,
                );
            }
            return;
        }
        let mut bound = BTreeMap::new();
        for asl in &sources {
            let path = self.folder.join(asl);
            let Ok(source) = std::fs::read_to_string(&path) else {
                let message = format!("{} cannot be read", path.display());
                let expected = "a source relative to the platform's folder";
                let expected = Some(expected.to_owned());
                self.wrong(&[key("asl")], message, expected, None);
                return;
            };
            let mut said = BTreeSet::new();
            if !self.compiled(&path, &mut bound, &mut said) {
                return;
            }
            self.names_in(&path.display().to_string(), &source, &said, false);
        }
        let path = self.folder.join(&sources[0]);
        let modules = client.map(|index| [key("modules"), Step::Index(index)]);
        match modules {
            Some(at) if bound.values().any(|bound| !bound) => {
                let message = format!(
                    "pcc-client has no device to bind to: {} has no PCCD0001",
                    path.display()
                );
                self.wrong(&at, message, Some(DEVICE.to_owned()), None);
            }
            None if bound.values().any(|bound| *bound) => self.note(
                "the ASL has the device of pcc-client, which is not among \
                 `modules`"
                    .to_owned(),
            ),
            _ => {}
        }
    }

    /// One source, compiled in each mode: whether pcc-client's device is in
    /// it. False if it could not be tried.
    fn compiled(
        &mut self,
        path: &Path,
        bound: &mut BTreeMap<&'static str, bool>,
        said: &mut BTreeSet<(PathBuf, usize)>,
    ) -> bool {
        for mode in self.modes() {
            let mut defines = vec![mode.define()];
            let channels = self.read.channels.clone();
            let mut machine = Machine::new(mode);
            for channel in channels.iter().filter(|it| it.is_in(mode)) {
                // What is wrong with it is said elsewhere.
                let Ok(id) = machine.channel(channel) else { continue };
                let name = channel.variable();
                let again = defines.iter().any(|(other, _)| *other == name);
                if !again && !name.contains(|c| !is_plain(c)) {
                    defines.push((name, id.to_string()));
                }
            }
            let table = Table { asl: path.to_owned(), defines };
            let compiled = lab::cache("aml")
                .and_then(|cache| aml::compile(&table, &cache));
            match compiled {
                Ok(aml) => {
                    let aml = std::fs::read(aml).unwrap_or_default();
                    let has = memmem::find(&aml, b"PCCD0001").is_some();
                    *bound.entry(mode.name()).or_default() |= has;
                }
                Err(error) => match error.downcast::<Refused>() {
                    Ok(refused) => self.refused(&refused, said),
                    Err(error) => {
                        self.unseen(format!("the ASL: {error:#}"));
                        return false;
                    }
                },
            }
        }
        true
    }

    /// The errors of a table, except those that another mode has shown.
    fn refused(
        &mut self,
        refused: &Refused,
        said: &mut BTreeSet<(PathBuf, usize)>,
    ) {
        // Perhaps it is no mistake at all.
        if let Some(advice) = refused.advice()
            && !self.report.notes.contains(&advice)
        {
            self.note(advice);
        }
        if refused.errors.is_empty() {
            let asl = refused.asl.display().to_string();
            // The advice is said once, above.
            let bare = Refused { old: None, ..refused.clone() };
            self.put(Problem::whole(&asl, bare.to_string()));
        }
        for error in &refused.errors {
            if !said.insert((error.file.clone(), error.line)) {
                continue;
            }
            let text = std::fs::read_to_string(&error.file);
            let text = text.unwrap_or_default();
            let mut line = script::line_range(&text, error.line);
            let (mut message, mut expected) = (error.text.clone(), None);
            let mut meant = None;
            if let Some(channel) = &error.channel {
                let words = text.get(line.clone()).unwrap_or_default();
                let at = line.start + words.find(channel).unwrap_or_default();
                line = at..at + channel.len();
                message = format!("there is no {channel}{}", refused.in_mode());
                expected = Some(refused.known());
                meant = refused.meant(channel).map(str::to_owned);
            }
            self.put(Problem::at(
                &error.file.display().to_string(),
                &text,
                line,
                String::new(),
                message,
                expected,
                meant,
            ));
        }
    }

    /// Names of channels that stand in a file, and that no mode has.
    pub(super) fn names_in(
        &mut self,
        file: &str,
        text: &str,
        said: &BTreeSet<(PathBuf, usize)>,
        shell: bool,
    ) {
        let channels = &self.read.channels;
        let known: BTreeSet<String> =
            channels.iter().map(Channel::variable).collect();
        let code = without_comments(text, shell);
        let mut problems = Vec::new();
        for (at, name) in aml::channels_in(&code) {
            // In a script only what is read is meant.
            let before = code.get(..at).unwrap_or_default();
            let read = before.ends_with('$') || before.ends_with("${");
            if known.contains(name) || (shell && !read) {
                continue;
            }
            let line = before.matches('\n').count() + 1;
            if said.contains(&(PathBuf::from(file), line)) {
                continue;
            }
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let meant = nearest(name, known.iter().copied());
            problems.push(Problem::at(
                file,
                text,
                at..at + name.len(),
                String::new(),
                format!("no channel of platform.json makes {name}"),
                Some(match known.is_empty() {
                    true => "a channel in platform.json".to_owned(),
                    false => format!("one of {}", known.join(", ")),
                }),
                meant.map(str::to_owned),
            ));
        }
        problems.into_iter().for_each(|problem| self.put(problem));
    }
}

/// A source with blanks for its comments, each byte in its place.
fn without_comments(text: &str, shell: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(next) = rest.chars().next() {
        let end = match next {
            _ if quoted => None,
            '#' if shell && !out.ends_with(|c: char| !c.is_whitespace()) => {
                Some(rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if !shell && rest.starts_with("//") => {
                Some(rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if !shell && rest.starts_with("/*") => {
                Some(rest.find("*/").map_or(rest.len(), |at| at + 2))
            }
            _ => None,
        };
        if next == '"' && !shell {
            quoted = !quoted;
        }
        let length = end.unwrap_or(next.len_utf8());
        let (part, behind) = rest.split_at(length);
        match end {
            None => out.push_str(part),
            Some(_) => out.extend(
                part.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }),
            ),
        }
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_left_out() {
        let text = "a // CHANNEL_A \"\n/* CHANNEL_B\n */ \"//\" CHANNEL_C";
        let code = without_comments(text, false);
        assert_eq!(code.len(), text.len());
        let names: Vec<_> = aml::channels_in(&code).collect();
        assert_eq!(names, [(text.find("CHANNEL_C").unwrap(), "CHANNEL_C")]);
        let text = "echo a#b $CHANNEL_A # $CHANNEL_B\n# é";
        let code = without_comments(text, true);
        assert_eq!(code.trim_end(), "echo a#b $CHANNEL_A");
        assert_eq!(code.len(), text.len());
    }
}
