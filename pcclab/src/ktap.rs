//! A reader of KTAP (Linux `Documentation/dev-tools/ktap.rst`): counts
//! results and remembers what failed. Knows nothing of consoles.

/// The state of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// `ok`
    Passed,
    /// `not ok`
    Failed,
    /// `ok … # SKIP`, with the reason
    Skipped(String),
    /// `not ok … # TODO`: fails as expected, with the reason
    Known(String),
    /// `ok … # TODO`: passes, though it was expected to fail
    Unexpected(String),
}

/// One result line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Depth of nesting, 0 at the top.
    pub depth: usize,
    /// Number within its level.
    pub number: u32,
    /// Name, may be empty.
    pub name: String,
    /// Outcome.
    pub status: Status,
}

/// What a stream of KTAP has said so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// `KTAP version 1` or `TAP version` was seen.
    pub started: bool,
    /// N of the outermost `1..N`.
    pub planned: Option<u32>,
    /// Every result, in order.
    pub tests: Vec<Test>,
    /// `Bail out!`, with its text.
    pub bail_out: Option<String>,
}

impl Report {
    /// Takes one line; tells the result it held, if it held one.
    pub fn line(&mut self, line: &str) -> Option<&Test> {
        let line = without_time(line);
        let text = line.trim_start_matches(' ');
        let depth = (line.len() - text.len()) / 2;
        let text = text.trim_end();
        if text.starts_with("KTAP version") || text.starts_with("TAP version") {
            self.started = true;
            return None;
        }
        if !self.started {
            return None;
        }
        if let Some(reason) = text.strip_prefix("Bail out!") {
            self.bail_out = Some(reason.trim().to_owned());
            return None;
        }
        if let Some(count) = text.strip_prefix("1..") {
            if depth == 0 && self.planned.is_none() {
                self.planned =
                    count.split(' ').next().and_then(|n| n.parse().ok());
            }
            return None;
        }
        let (passed, rest) = if let Some(rest) = text.strip_prefix("ok ") {
            (true, rest)
        } else {
            (false, text.strip_prefix("not ok ")?)
        };
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let number = number.parse().ok()?;
        let rest = rest.strip_prefix("- ").unwrap_or(rest);
        let (name, directive) = match rest.split_once('#') {
            Some((name, directive)) => (name.trim(), directive.trim()),
            None => (rest.trim(), ""),
        };
        let status = match directive.get(..4) {
            Some(word) if word.eq_ignore_ascii_case("skip") => {
                Status::Skipped(directive[4..].trim().to_owned())
            }
            Some(word) if word.eq_ignore_ascii_case("todo") => {
                let reason = directive[4..].trim().to_owned();
                match passed {
                    true => Status::Unexpected(reason),
                    false => Status::Known(reason),
                }
            }
            _ if passed => Status::Passed,
            _ => Status::Failed,
        };
        self.tests.push(Test { depth, number, name: name.to_owned(), status });
        self.tests.last()
    }

    /// How many outermost tests have this status (a skip counts whatever its
    /// reason).
    pub fn count(&self, status: &Status) -> usize {
        let kind = std::mem::discriminant(status);
        self.tests
            .iter()
            .filter(|t| t.depth == 0)
            .filter(|t| std::mem::discriminant(&t.status) == kind)
            .count()
    }

    /// Why the stream is no success, if it is none.
    pub fn complaint(&self) -> Option<String> {
        if let Some(reason) = &self.bail_out {
            return Some(format!("the test bailed out: {reason}"));
        }
        let failed: Vec<_> = self
            .tests
            .iter()
            .filter(|t| t.status == Status::Failed)
            .map(|t| t.name.as_str())
            .collect();
        if !failed.is_empty() {
            return Some(format!("failed: {}", failed.join(", ")));
        }
        let fixed = self.tests.iter().find_map(|t| match &t.status {
            Status::Unexpected(reason) => Some((&t.name, reason)),
            _ => None,
        });
        if let Some((name, reason)) = fixed {
            return Some(format!(
                "passes, though it was known to fail ({reason}): {name}"
            ));
        }
        let results = self.tests.iter().filter(|t| t.depth == 0).count();
        match self.planned {
            Some(planned) if results != planned as usize => {
                Some(format!("{planned} tests planned, {results} seen"))
            }
            None if self.started => Some("no plan (1..N) was seen".to_owned()),
            _ => None,
        }
    }
}

/// Strips the `[   12.345678] ` (and `<6>`) that the kernel's console puts
/// before KUnit's lines.
fn without_time(line: &str) -> &str {
    let Some(rest) = line.strip_prefix('[') else { return line };
    match rest.split_once("] ") {
        Some((time, text))
            if !time.is_empty()
                && time.chars().all(|c| " .0123456789".contains(c)) =>
        {
            text
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Report {
        let mut report = Report::default();
        for line in text.lines() {
            report.line(line);
        }
        report
    }

    #[test]
    fn counts_and_complains() {
        let good = "KTAP version 1\n1..2\nok 1 a\nok 2 - b # SKIP no luck\n";
        let cases: &[(&str, Option<&str>)] = &[
            (good, None),
            ("no ktap at all\nok 1 but looks like it\n", None),
            ("KTAP version 1\n1..2\nok 1 a\n", Some("2 tests planned, 1 seen")),
            ("KTAP version 1\nok 1 a\n", Some("no plan (1..N) was seen")),
            ("KTAP version 1\n1..1\nnot ok 1 a\n", Some("failed: a")),
            ("KTAP version 1\n1..1\nnot ok 1 a # TODO bug\n", None),
            (
                "KTAP version 1\n1..1\nok 1 a # TODO bug\n",
                Some("passes, though it was known to fail (bug): a"),
            ),
            (
                "KTAP version 1\n1..1\nBail out! no device\n",
                Some("the test bailed out: no device"),
            ),
            (
                "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  \
                 not ok 1 inner\nok 1 outer\n",
                Some("failed: inner"),
            ),
            ("[    0.5] KTAP version 1\n[    0.5] 1..1\n[ 0.6] ok 1 k\n", None),
        ];
        for (text, complaint) in cases {
            assert_eq!(read(text).complaint().as_deref(), *complaint, "{text}");
        }
        let report = read(good);
        assert_eq!(report.count(&Status::Passed), 1);
        assert_eq!(report.count(&Status::Skipped(String::new())), 1);
        assert_eq!(report.tests[1].status, Status::Skipped("no luck".into()));
    }

    #[test]
    fn any_cut_line_is_harmless() {
        let line = "not ok 12 - name # SKIP why";
        for end in 0..=line.len() {
            let mut report = Report { started: true, ..Report::default() };
            report.line(&line[..end]);
        }
    }
}
