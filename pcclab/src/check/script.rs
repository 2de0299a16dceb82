//! What can be said of a guest's test without running it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use pccd::script::problem::Problem;
use regex::Regex;

/// What a test may use: the functions of a script, and those of them that
/// are a test each.
#[derive(Debug, Default)]
pub struct Words {
    all: BTreeSet<String>,
    tests: BTreeSet<String>,
}

impl Words {
    /// The words of `/tests/platform.sh` and of what it sources.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of_platforms() -> Result<Words> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../guest-scripts/tests");
        let mut words = Words::default();
        for name in ["lib.sh", "platform.sh"] {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("reading {}", path.display()))?;
            words.read(&text);
        }
        Ok(words)
    }

    fn read(&mut self, script: &str) {
        let mut inside = None;
        for line in script.lines() {
            if let Some((name, _)) = line.split_once("() {") {
                self.all.insert(name.to_owned());
                inside = Some(name);
                if matches!(name, "result" | "skipped") {
                    self.tests.insert(name.to_owned());
                }
            } else if line == "}" {
                inside = None;
            } else if let Some(name) = inside
                && matches!(first_word(line), "result" | "skipped")
            {
                self.tests.insert(name.to_owned());
            }
        }
    }
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

static SOURCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^\s*\.\s+"?/tests/"#).expect("a right pattern")
});
static OTHER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*(exec\s+)?sh\s+/tests/").expect("a right pattern")
});
static PLAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^(?:[^#\n]*[ \t;&|{])?plan\s+(\S+)")
        .expect("a right pattern")
});
static ASKED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*asked\s+([A-Za-z0-9_./-]+)(?:\s|$)")
        .expect("a right pattern")
});
/// What may make a test run more or less often than it stands there.
static BRANCHES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?m)^\s*(if|for|while|until|case|else|exec|bail_out|end\s+\S)\b|\(\)\s*\{|<<|\\$",
    )
    .expect("a right pattern")
});

/// The commands that a test claims to have been asked, where, and with which
/// values, as far as they are plain words.
pub fn asked(text: &str) -> Vec<(Range<usize>, &str, String)> {
    let found = ASKED.captures_iter(text).filter_map(|found| found.get(1));
    found
        .map(|word| {
            let rest = text.get(word.end()..).unwrap_or_default();
            let line = rest.lines().next().unwrap_or_default();
            let values = line.split_whitespace().map_while(value);
            let values: Vec<&str> = values.collect();
            (word.range(), word.as_str(), values.join(" "))
        })
        .collect()
}

/// A word that the shell leaves as it is but for quotes around it.
fn value(word: &str) -> Option<&str> {
    let inner = |quote| word.strip_prefix(quote)?.strip_suffix(quote);
    let bare = inner('\'').or_else(|| inner('"'));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-=>[]".contains(c);
    let is_whole = bare.is_some() || !word.contains(['>', '[']);
    let word = bare.unwrap_or(word);
    (is_whole && word.chars().all(is_plain)).then_some(word)
}

fn at(
    file: &str,
    text: &str,
    range: Range<usize>,
    message: String,
    expected: &str,
) -> Problem {
    let expected = Some(expected.to_owned());
    Problem::at(file, text, range, String::new(), message, expected, None)
}

/// What `sh -n` says.
///
/// # Errors
/// When there is no `sh`.
pub fn syntax(path: &Path, file: &str, text: &str) -> Result<Option<Problem>> {
    let output = Command::new("sh")
        .arg("-n")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .context("starting sh")?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("sh does not take it");
    // Both `t.sh: 5: …` and `t.sh: line 5: …`.
    let rest = first.strip_prefix(&path.display().to_string());
    let rest = rest.unwrap_or(first).trim_start_matches([':', ' ']);
    let rest = rest.strip_prefix("line ").unwrap_or(rest);
    let (line, what) = match rest.split_once(": ") {
        Some((line, what)) => (line.parse().unwrap_or(1), what),
        None => (1, rest),
    };
    let expected = "sh, as `sh -n` takes it";
    let range = line_range(text, line);
    Ok(Some(at(file, text, range, what.to_owned(), expected)))
}

/// What `sh -n` says of a text that is no file.
///
/// # Errors
/// When there is no `sh`.
pub fn refused(text: &str) -> Result<Option<String>> {
    let mut sh = Command::new("sh");
    sh.args(["-n", "-c", text]).stdin(Stdio::null());
    let output = sh.output().context("starting sh")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("sh does not take it");
    let what = first.rsplit_once(": ").map_or(first, |(_, what)| what);
    Ok((!output.status.success()).then(|| what.to_owned()))
}

/// The bytes of a line, from 1, without blanks before it.
pub fn line_range(text: &str, line: usize) -> Range<usize> {
    let mut start = 0;
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let words = whole.trim_end();
            let blanks = words.len() - words.trim_start().len();
            return start + blanks..start + words.len();
        }
        start += whole.len();
    }
    let end = text.trim_end().len();
    end..text.len().min(end + 1)
}

/// What is wrong with how it tells its results, and what is only remarkable.
pub fn results(
    file: &str,
    text: &str,
    words: &Words,
) -> (Option<Problem>, Option<String>) {
    if OTHER.is_match(text) && !PLAN.is_match(text) {
        // It hands over to a test of /tests.
        return (None, None);
    }
    if !SOURCED.is_match(text) {
        let own = format!("{}()", first_word(text));
        let used = (1..).zip(text.lines()).find(|(_, line)| {
            let word = first_word(line);
            words.all.contains(word)
                && !text.contains(&format!("{word}()"))
                && own != word
        });
        let Some((number, line)) = used else {
            let note = format!(
                "{file} does not source /tests/platform.sh: it prints KTAP \
                 of its own"
            );
            return (None, Some(note));
        };
        let message = format!(
            "`{}` is a word of /tests/platform.sh, which this test does not \
             source",
            first_word(line)
        );
        let range = line_range(text, number);
        let expected = "the line `. /tests/platform.sh` before it";
        return (Some(at(file, text, range, message, expected)), None);
    }
    let mut plans = PLAN.captures_iter(text);
    let Some(plan) = plans.next() else {
        let message = "there is no plan: a test that ends early would pass";
        let expected = "`plan N`, N being how many tests follow";
        let problem = at(file, text, 0..0, message.to_owned(), expected);
        return (Some(problem), None);
    };
    let number = plan.get(1).map_or(0..0, |word| word.range());
    // A line of which it is a part may be one that is not reached.
    let alone = plan[0].trim_start().starts_with("plan");
    let planned: Option<usize> = plan[1].parse().ok();
    let (Some(planned), None, false) =
        (planned, plans.next(), !alone || BRANCHES.is_match(text))
    else {
        return (None, None);
    };
    let count = text
        .lines()
        .filter(|line| words.tests.contains(first_word(line)))
        .count();
    if count == planned {
        return (None, None);
    }
    let message = format!("the plan is {planned}, but {count} tests follow");
    let expected = format!("`plan {count}`");
    (Some(at(file, text, number, message, &expected)), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let words = Words::of_platforms().unwrap();
        let (problem, note) = results("t.sh", text, &words);
        match problem {
            Some(problem) => format!("{}: {}", problem.line, problem.message),
            None => note.unwrap_or_default(),
        }
    }

    #[test]
    fn the_words_are_those_of_the_scripts() {
        let words = Words::of_platforms().unwrap();
        for word in ["is", "wrote", "result", "skipped", "becomes", "logged"] {
            assert!(words.tests.contains(word), "{word}");
        }
        for word in ["asked", "step", "pcc", "plan", "end", "holds"] {
            assert!(words.all.contains(word), "{word}");
            assert!(!words.tests.contains(word), "{word}");
        }
    }

    #[test]
    fn plans_are_counted() {
        let right = "#!/bin/sh\n. /tests/platform.sh\nplan 2\n\
            asked get\nis 'a' /sys/a 1\nstep 'b'\ntrue\nresult $?\nend\n";
        let cases = [
            (right.to_owned(), ""),
            (right.replace("plan 2", "plan 3"), "3: the plan is 3, but 2"),
            (right.replace("plan 2\n", ""), "1: there is no plan"),
            (right.replace(". /tests/platform.sh\n", ""), "2: `plan` is a"),
            // What cannot be counted is not.
            (right.replace("plan 2", "plan $n"), ""),
            (right.replace("plan 2", "[ \"$a\" ] && plan 3 || plan 2"), ""),
            (right.replace("plan 2", "plan 7\nif a; then\nfi"), ""),
            ("exec sh /tests/mailbox-core.sh \"$MODE\"\n".to_owned(), ""),
            ("echo 1..1\necho ok 1\n".to_owned(), "t.sh does not source"),
        ];
        for (text, expected) in cases {
            let said = said(&text);
            match expected {
                "" => assert_eq!(said, "", "{text}"),
                _ => assert!(said.starts_with(expected), "{said}\n{text}"),
            }
        }
    }

    #[test]
    fn syntax_errors_have_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sh");
        for (text, line) in
            [("echo a\n", None), ("echo a\n)\necho b\n", Some(2))]
        {
            std::fs::write(&path, text).unwrap();
            let found = syntax(&path, "t.sh", text).unwrap();
            assert_eq!(found.map(|problem| problem.line), line);
        }
    }

    #[test]
    fn claims_are_found() {
        let text = "asked get a=1\n# asked nothing\n\tasked b/set\nasked $x\n";
        let found = asked(text);
        let words: Vec<_> = found.iter().map(|(_, word, _)| *word).collect();
        assert_eq!(words, ["get", "b/set"]);
        assert_eq!(line_range(text, 3), 31..42);
    }
}
