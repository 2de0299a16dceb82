//! What can be said of a platform's `search` without a guest.

use std::sync::LazyLock;

use anyhow::Result;
use pccd::script::locate::Step;
use regex::Regex;

use super::{Check, key, script};
use crate::search::{is_name, is_pattern};

static EXIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(^|[;&|{]|\b(then|do|else))\s*(exit|exec)\b(\s+[^<>0-9\s]|\s*[0-9]*\s*($|[;&|})]))")
        .expect("a right pattern")
});

impl Check<'_> {
    /// Names, texts that sh takes, patterns that are some.
    pub(super) fn search(&mut self) -> Result<()> {
        let Some(search) = self.read.search.clone() else { return Ok(()) };
        let at = |rest: &[Step]| [&[key("search")], rest].concat();
        if search.actions.is_empty() {
            let message = "there is no action: nothing would happen";
            let expected = "`actions`, each a name and a text for sh";
            let path = at(&[key("actions")]);
            self.mistaken(&path, message, expected);
        }
        for (name, text) in &search.actions {
            let path = at(&[key("actions"), key(name)]);
            if !is_name(name) {
                let message = format!("an action cannot be called {name:?}");
                let expected = "small letters, digits and `-`";
                self.mistaken(&path, &message, expected);
            }
            self.text(&path, text)?;
            if EXIT.is_match(text) {
                let message = "this would end the script that does all actions";
                self.mistaken(&path, message, "`return`, or ( ) around it");
            }
        }
        self.text(&at(&[key("alive")]), &search.alive)?;
        for (index, module) in search.modules.iter().enumerate() {
            let path = at(&[key("modules"), Step::Index(index)]);
            if !is_pattern(module) || module.contains(['*', '?', '.', '$']) {
                let message = format!("no module is called {module:?}");
                let expected = "a name as in /proc/modules, with `_` for `-`";
                self.mistaken(&path, &message, expected);
            }
        }
        for (index, function) in search.functions.iter().enumerate() {
            let path = at(&[key("functions"), Step::Index(index)]);
            if !is_pattern(function) {
                let message = format!("{function:?} fits no function's name");
                let expected = "letters, digits, `_`, `.`, `$`, `*` and `?`";
                self.mistaken(&path, &message, expected);
            }
        }
        if search.modules.is_empty() && search.functions.is_empty() {
            self.note(
                "`search` names neither modules nor functions: it goes \
                 without coverage"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// A text for sh.
    fn text(&mut self, path: &[Step], text: &str) -> Result<()> {
        const EXPECTED: &str = "commands, as `sh -n` takes them";
        if text.trim().is_empty() {
            self.mistaken(path, "the text is empty", EXPECTED);
        } else if let Some(why) = script::refused(text)? {
            self.mistaken(path, &why, EXPECTED);
        }
        Ok(())
    }

    fn mistaken(&mut self, path: &[Step], message: &str, expected: &str) {
        let expected = Some(expected.to_owned());
        self.wrong(path, message.to_owned(), expected, None);
    }
}
