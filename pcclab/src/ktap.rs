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

/// A level of nesting that has begun and not ended.
#[derive(Clone, Debug, Default)]
struct Level {
    depth: usize,
    planned: Option<u32>,
    seen: u32,
    /// What is wrong with it beside that, first of all.
    wrong: Option<String>,
    /// A version or a plan was seen: results without one may be anybody's.
    announced: bool,
}

/// What a stream of KTAP, or of TAP, has said so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every result, in order.
    pub tests: Vec<Test>,
    /// `Bail out!`, with its text.
    pub bail_out: Option<String>,
    /// `1..0`: nothing can be tested here, with the reason if there is one.
    pub skipped: Option<String>,
    announced: bool,
    /// Successes from before there was a version or a plan.
    early: Vec<Test>,
    open: Vec<Level>,
    broken: Vec<String>,
}

impl Report {
    /// Takes one line; tells the result it held, if it held one.
    ///
    /// TAP need not say its version: a plan begins it, too. A result without
    /// either is TAP if it is a failure; a line that only looks like a success
    /// proves nothing until a plan follows.
    pub fn line(&mut self, line: &str) -> Option<&Test> {
        let line = without_time(line);
        let text = line.trim_start_matches(' ');
        let depth = (line.len() - text.len()) / 2;
        let text = text.trim_end();
        if text.starts_with("KTAP version") || text.starts_with("TAP version") {
            self.announced = true;
            // Another test begins, whose plan is its own.
            self.close(depth);
            self.level(depth).announced = true;
            return None;
        }
        if let Some(reason) = text.strip_prefix("Bail out!") {
            self.announced = true;
            self.bail_out = Some(reason.trim().to_owned());
            return None;
        }
        if let Some((count, rest)) = plan(text) {
            if depth == 0 && !self.announced {
                let early = std::mem::take(&mut self.early);
                let count = u32::try_from(early.len()).unwrap_or(u32::MAX);
                self.level(0).seen += count;
                self.tests.splice(0..0, early);
            }
            let level = self.level(depth);
            level.announced = true;
            // Only the first counts: a second is no way out of it.
            if let Some(first) = level.planned.replace(count) {
                level.planned = Some(first);
                level.wrong.get_or_insert_with(|| {
                    format!("two plans were seen, 1..{first} and 1..{count}")
                });
            }
            self.announced = true;
            if count == 0 && depth == 0 {
                let why = directive(rest).map_or("", |(.., why)| why);
                self.skipped = Some(why.to_owned());
            }
            return None;
        }
        let (passed, rest) = match text.strip_prefix("not ok") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("ok")?),
        };
        if !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        let rest = rest.trim_start();
        let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        // TAP may leave the numbers out; then only what announced itself can
        // be told from chatter.
        let (number, rest) = match first.parse() {
            Ok(number) => (Some(number), behind),
            Err(_) if self.announced => (None, rest),
            Err(_) => return None,
        };
        let proves = !passed || self.announced || !self.tests.is_empty();
        let rest = rest.strip_prefix("- ").unwrap_or(rest);
        let (name, status) = match directive(rest) {
            Some((name, Word::Skip, why)) => {
                (name, Status::Skipped(why.to_owned()))
            }
            Some((name, Word::Todo, why)) if passed => {
                (name, Status::Unexpected(why.to_owned()))
            }
            Some((name, Word::Todo, why)) => {
                (name, Status::Known(why.to_owned()))
            }
            None if passed => (rest.trim(), Status::Passed),
            None => (rest.trim(), Status::Failed),
        };
        let name = name.to_owned();
        if !proves {
            if depth == 0 {
                let number = number.unwrap_or(0);
                self.early.push(Test { depth, number, name, status });
            }
            return None;
        }
        self.close(depth + 1);
        let before = u32::try_from(self.early.len()).unwrap_or(u32::MAX);
        let before = if depth == 0 { before } else { 0 };
        let level = self.level(depth);
        level.seen += 1;
        let next = level.seen.saturating_add(before);
        let number = number.unwrap_or(next);
        if number != next {
            level.wrong.get_or_insert_with(|| {
                format!("test {number} came where test {next} was to come")
            });
        }
        self.tests.push(Test { depth, number, name, status });
        self.tests.last()
    }

    /// The level of this depth, which begins now if it has not.
    fn level(&mut self, depth: usize) -> &mut Level {
        let at = self.open.iter().position(|level| level.depth == depth);
        let at = at.unwrap_or_else(|| {
            self.open.push(Level { depth, ..Level::default() });
            self.open.len() - 1
        });
        &mut self.open[at]
    }

    /// Ends all levels from this depth on.
    fn close(&mut self, depth: usize) {
        for level in self.open.extract_if(.., |level| level.depth >= depth) {
            self.broken.extend(level.complaint());
        }
    }

    /// Whether there is any KTAP or TAP in it.
    pub fn started(&self) -> bool {
        self.announced || !self.tests.is_empty()
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

    /// Whether everything was skipped, with the first reason.
    pub fn all_skipped(&self) -> Option<&str> {
        let mut reasons = self.tests.iter().map(|test| match &test.status {
            Status::Skipped(why) => Some(why.as_str()),
            _ => None,
        });
        match (self.skipped.as_deref(), reasons.next()) {
            (why, None) => why,
            (_, Some(first)) => {
                let first = first?;
                reasons.all(|why| why.is_some()).then_some(first)
            }
        }
    }

    /// Why the stream, which has ended, is no success, if it is none.
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
        let open = self.open.iter().filter_map(Level::complaint);
        self.broken.iter().cloned().chain(open).next()
    }
}

impl Level {
    fn complaint(&self) -> Option<String> {
        let inner = match self.depth {
            0 => "",
            _ => " in a subtest",
        };
        if let Some(wrong) = &self.wrong {
            return Some(format!("{wrong}{inner}"));
        }
        match self.planned {
            Some(planned) if self.seen != planned => Some(format!(
                "{planned} tests planned{inner}, {} seen",
                self.seen
            )),
            None if self.announced && self.depth == 0 => {
                Some("no plan (1..N) was seen".to_owned())
            }
            _ => None,
        }
    }
}

/// N of a plan `1..N`, and what follows it.
fn plan(text: &str) -> Option<(u32, &str)> {
    let text = text.strip_prefix("1..")?;
    let (count, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some((count.parse().ok()?, rest))
}

/// A directive.
#[derive(Clone, Copy)]
pub(crate) enum Word {
    Skip,
    Todo,
}

/// Name, directive and reason of a result with `# SKIP why` or `# TODO why`; a
/// `#` before anything else, or behind a backslash, is part of the name.
pub(crate) fn directive(text: &str) -> Option<(&str, Word, &str)> {
    text.match_indices('#').find_map(|(at, _)| {
        let rest = text[at + 1..].trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, why) = rest.split_at(end.unwrap_or(rest.len()));
        let word = match word.to_ascii_lowercase().as_str() {
            // "SKIPPED" and "SKIP:" are written, too.
            "skip" | "skipped" => Word::Skip,
            "todo" => Word::Todo,
            _ => return None,
        };
        let name = &text[..at];
        let why = why.trim_start_matches(':').trim();
        (!name.ends_with('\\')).then_some((name.trim(), word, why))
    })
}

/// Strips the `[   12.345678] ` that the kernel's console puts before KUnit's
/// lines, or the `[   12.345678][   T42] ` of CONFIG_PRINTK_CALLER.
fn without_time(line: &str) -> &str {
    let Some(rest) = line.strip_prefix('[') else { return line };
    match rest.split_once("] ") {
        Some((time, text))
            if !time.is_empty()
                && time.chars().all(|c| " .0123456789][TC".contains(c)) =>
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
            ("KTAP version 1\n", Some("no plan (1..N) was seen")),
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
            // TAP without a version, its plan first, last, or never
            ("1..2\nok 1 a\nok 2 b\n", None),
            ("1..2\nok 1 a\nnot ok 2 b\n", Some("failed: b")),
            ("1..2\nok 1 a\n", Some("2 tests planned, 1 seen")),
            ("1..1\nok 1 a\nok 2 b\n", Some("1 tests planned, 2 seen")),
            ("not ok 1 a\nok 2 b\n1..2\n", Some("failed: a")),
            ("ok 1 a\nok 2 b\n1..2\n", None),
            ("ok 1 a\nnot ok 2 b\n1..2\n", Some("failed: b")),
            ("ok 1 a\nok 2 b\n1..3\n", Some("3 tests planned, 2 seen")),
            ("not ok 1 a\n", Some("failed: a")),
            (
                "1..1\nok 1 a\n1..2\n",
                Some("two plans were seen, 1..1 and 1..2"),
            ),
            // Without numbers, or with wrong ones: as TAP::Parser has it
            ("1..1\nok a without number\n", None),
            ("1..1\nok\n", None),
            ("1..2\nok\nnot ok\n", Some("failed: ")),
            ("ok, it is up\nnot ok at all\n", None),
            ("1..1\nokay\n", Some("1 tests planned, 0 seen")),
            (
                "1..2\nok 2 b\nok 1 a\n",
                Some("test 2 came where test 1 was to come"),
            ),
            (
                "1..2\nok 1 a\nok 1 b\n",
                Some("test 1 came where test 2 was to come"),
            ),
            // Two programs, one after the other
            (
                "TAP version 13\n1..1\nok 1 a\nTAP version 13\n1..2\nok 1 b\n\
                 ok 2 c\n",
                None,
            ),
            (
                "TAP version 13\n1..2\nok 1 a\nTAP version 13\n1..1\nok 1 b\n",
                Some("2 tests planned, 1 seen"),
            ),
            ("Bail out! no device\n", Some("the test bailed out: no device")),
            ("1..3 of them\n", Some("3 tests planned, 0 seen")),
            ("1..many\n1..\n", None),
            // Subtests keep their plans
            (
                "KTAP version 1\n1..2\n  KTAP version 1\n  1..3\n  ok 1 x\n\
                 ok 1 outer\nok 2 other\n",
                Some("3 tests planned in a subtest, 1 seen"),
            ),
            (
                "KTAP version 1\n1..2\n  1..1\n  ok 1 x\nok 1 a\n  1..2\n  \
                 ok 1 x\n  ok 2 y\nok 2 b\n",
                None,
            ),
            (
                "KTAP version 1\n1..1\nok 1 a\n  1..1\n",
                Some("1 tests planned in a subtest, 0 seen"),
            ),
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
    fn kunits_lines_lose_the_kernels_time() {
        for stamp in ["[    1.234567] ", "[    1.234567][   T42] "] {
            let lines = ["KTAP version 1", "1..2", "ok 1 a", "not ok 2 b"];
            let report = read(&lines.map(|l| format!("{stamp}{l}\n")).concat());
            assert_eq!(report.tests.len(), 2, "{stamp}");
            assert_eq!(report.tests[1].name, "b");
        }
        assert!(read("1..1\n[ x] ok 1 a\n").tests.is_empty());
    }

    #[test]
    fn only_a_directive_cuts_a_name() {
        let cases = [
            ("port #3 is up", "port #3 is up", Status::Passed),
            ("a # SKIP b # c", "a", Status::Skipped("b # c".into())),
            ("#1 # skip: why", "#1", Status::Skipped("why".into())),
            ("#", "#", Status::Passed),
            ("a #TODO", "a", Status::Unexpected(String::new())),
            ("a # SKIPPED b", "a", Status::Skipped("b".into())),
            ("list of #todos", "list of #todos", Status::Passed),
            ("# skips none", "# skips none", Status::Passed),
            (r"a \# skip b", r"a \# skip b", Status::Passed),
        ];
        for (text, name, status) in cases {
            let report = read(&format!("1..1\nok 1 {text}\n"));
            assert_eq!(report.tests[0].name, name);
            assert_eq!(report.tests[0].status, status, "{text}");
        }
    }

    #[test]
    fn what_was_skipped_altogether_is_known() {
        let cases = [
            ("1..0 # SKIP no device\n", Some("no device")),
            ("1..0\n", Some("")),
            ("1..2\nok 1 a # SKIP x\nok 2 b # SKIP y\n", Some("x")),
            ("1..2\nok 1 a # SKIP x\nok 2 b\n", None),
            ("1..1\nok 1 a\n", None),
            ("", None),
        ];
        for (text, skipped) in cases {
            assert_eq!(read(text).all_skipped(), skipped, "{text}");
        }
    }

    #[test]
    fn any_cut_line_is_harmless() {
        let line = "not ok 12 - name # SKIP why";
        for end in 0..=line.len() {
            let mut report = read("KTAP version 1");
            report.line(&line[..end]);
        }
    }
}
