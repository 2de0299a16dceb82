//! What a platform's driver can be made to do while bugs are searched: the
//! `search` of `platform.json`, and what the guest's `tests/fuzz.sh` makes of
//! it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;

/// The guest's command while a scenario or a search tells it what to do;
/// `says_why`: what cannot be read tells the error, which takes longer.
pub fn agent(says_why: bool) -> Vec<OsString> {
    let why = says_why.then_some("why");
    ["sh", "/tests/fuzz.sh"].into_iter().chain(why).map(Into::into).collect()
}

/// Where the guest finds [`script`].
pub const PLACE: &str = "search.sh";

/// What `pcclab fuzz` has the guest do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// What the guest can do, by names: texts for sh. Best they only read and
    /// write files by the shell itself (`show FILE`, `echo on >FILE`), as a
    /// process takes ten milliseconds to start. They may fail; they must not
    /// `exit`. What they print, errors too, `pcclab fuzz --against` compares.
    pub actions: BTreeMap<String, String>,
    /// A text for sh that fails when the driver does not work any more with a
    /// platform that does. `guest-scripts/tests/fuzz.sh` has words for it:
    /// `soon`, `within`, `brings`, `bound`.
    pub alive: String,
    /// Modules whose code is watched, by their names in /proc/modules.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Functions of the kernel that are watched, by patterns with `*` and `?`:
    /// those of a driver that is built in.
    #[serde(default)]
    pub functions: Vec<String>,
}

/// A pattern of [`Search::functions`] as a regular expression, one that grep
/// and [`regex`] take alike.
pub fn expression(pattern: &str) -> String {
    let mut text = String::new();
    for c in pattern.chars() {
        match c {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '.' | '$' => {
                text.push('[');
                text.push(c);
                text.push(']');
            }
            c => text.push(c),
        }
    }
    text
}

/// Whether a pattern of [`Search::functions`] is one.
pub fn is_pattern(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_.$*?".contains(c);
    // One without a letter would take the kernel.
    text.chars().all(is_known)
        && text.contains(|c: char| c.is_ascii_alphanumeric())
}

/// Whether an action may be called so.
pub fn is_name(text: &str) -> bool {
    let is_known =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(is_known)
}

/// The names of the actions of a machine of these platforms: with several, the
/// platform's and a slash stand before its own.
pub fn names(searches: &[(String, Search)]) -> Vec<String> {
    let each = searches.iter().flat_map(|(platform, search)| {
        let names = search.actions.keys();
        names.map(move |name| called(searches, platform, name))
    });
    each.collect()
}

fn called(
    searches: &[(String, Search)],
    platform: &str,
    action: &str,
) -> String {
    match searches.len() {
        1 => action.to_owned(),
        _ => format!("{platform}/{action}"),
    }
}

/// The script for a machine of these platforms, each with its name.
pub fn script(searches: &[(String, Search)]) -> String {
    let mut text = String::from("act() {\ncase $1 in\n");
    // Writing to a String cannot fail.
    for (platform, search) in searches {
        for (name, action) in &search.actions {
            let name = called(searches, platform, name);
            let _ = writeln!(text, "'{name}')\n{action}\n;;");
        }
    }
    text.push_str("*) return 127 ;;\nesac\n}\nalive() {\n");
    for (_, search) in searches {
        let _ = writeln!(text, "(\n{}\n) || return", search.alive);
    }
    text.push_str("}\n");
    let modules: Vec<&str> = searches
        .iter()
        .flat_map(|(_, search)| search.modules.iter().map(String::as_str))
        .collect();
    let functions = searches.iter().flat_map(|(_, search)| &search.functions);
    let functions: Vec<_> = functions.map(|one| expression(one)).collect();
    let _ = writeln!(text, "watched_modules='{}'", modules.join(" "));
    let expression = match functions.is_empty() {
        true => String::new(),
        false => format!("({})", functions.join("|")),
    };
    let _ = writeln!(text, "watched_functions='{expression}'");
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn search(actions: &[(&str, &str)], alive: &str) -> Search {
        let each =
            actions.iter().map(|(n, a)| ((*n).to_owned(), (*a).to_owned()));
        Search {
            actions: each.collect(),
            alive: alive.to_owned(),
            modules: vec!["fan".to_owned()],
            functions: vec!["fan_*".to_owned(), "a?b.c".to_owned()],
        }
    }

    fn said(searches: &[(String, Search)], rest: &str) -> String {
        let text = format!("{}{rest}", script(searches));
        let out = Command::new("sh").arg("-c").arg(&text).output().unwrap();
        assert!(out.stderr.is_empty(), "{out:?}\n{text}");
        String::from_utf8(out.stdout).unwrap()
    }

    #[test]
    fn the_script_does_what_is_named() {
        let fan = search(
            &[("on", "x=1 # not off\necho on $x"), ("o-f", "echo off")],
            "exit $dead",
        );
        let one = [("fan".to_owned(), fan.clone())];
        assert_eq!(names(&one), ["o-f", "on"]);
        assert_eq!(
            said(&one, "act on; act o-f; act x; echo $?"),
            "on 1\noff\n127\n"
        );
        let rest = "dead=0; alive; echo $?; dead=3; alive; echo $?";
        assert_eq!(said(&one, rest), "0\n3\n");
        let rest = "echo \"$watched_modules $watched_functions\"";
        assert_eq!(said(&one, rest), "fan (fan_.*|a.b[.]c)\n");

        let dead = search(&[("on", "echo pump")], "false");
        let two = [one[0].clone(), ("pump".to_owned(), dead)];
        assert_eq!(names(&two), ["fan/o-f", "fan/on", "pump/on"]);
        assert_eq!(said(&two, "act pump/on; act fan/o-f"), "pump\noff\n");
        assert_eq!(said(&two, "dead=0; alive; echo $?"), "1\n");
    }

    #[test]
    fn what_would_be_code_is_no_name() {
        for (text, name, pattern) in [
            ("on", true, true),
            ("bind-2", true, false),
            ("acpi_ec*", false, true),
            ("read.isra.0", false, true),
            ("*", false, false),
            ("", false, false),
            ("a'b", false, false),
            ("a b", false, false),
            ("a|b", false, false),
        ] {
            assert_eq!(
                (is_name(text), is_pattern(text)),
                (name, pattern),
                "{text}"
            );
        }
    }
}
