//! Results for people and for tools.

pub mod check;
pub mod diff;
pub mod map;
pub mod reference;
pub mod show;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For tools.
    Json,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Colours are wanted.
    pub colour: bool,
    /// Columns of the terminal; without one, lines are as long as they are.
    pub width: Option<usize>,
}

impl Style {
    fn wrap(self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// Breaks the lines that are wider than the terminal.
    pub fn fit(self, text: &str) -> String {
        let Some(width) = self.width else { return text.to_owned() };
        let mut all = String::new();
        for line in text.lines() {
            let indent = line.len() - line.trim_start_matches(' ').len();
            let indent = " ".repeat((indent + 4).min(width / 2));
            let rest = at_blanks(width).subsequent_indent(&indent);
            all += &textwrap::fill(line, rest);
            all.push('\n');
        }
        all
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Less important.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Bad.
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// Suspicious.
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }
}

/// "1 error", "2 errors".
pub(crate) fn plural(n: usize, word: &str) -> String {
    match n {
        1 => format!("1 {word}"),
        _ => format!("{n} {word}s"),
    }
}

/// Breaks a text into lines of at most that many characters.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = at_blanks(width + indent.len())
        .initial_indent(indent)
        .subsequent_indent(indent);
    textwrap::fill(text, options)
}

/// Names, numbers and addresses stay whole.
pub(crate) fn at_blanks(width: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(width)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Target, Verdict};
    use crate::platform::Facts;
    use crate::testing::pcct;

    #[test]
    fn colours_change_nothing_else() {
        let case = pcct(&[3, 5]).set(0, "nominal_latency", 0);
        let platform = case.set(0, "interrupt_flags", 6).build();
        let facts = Facts::of(&platform);
        let sources = show::sources(&facts, true);
        let open = crate::check::check_facts(&facts);
        let target = Target::Spec;
        let verdict = Verdict::of(open.iter(), target, false);
        let unused = Vec::new();
        let judged = check::Report {
            open: &open,
            accepted: &[],
            unused,
            target,
            verdict,
        };
        let old = pcct(&[3, 5]).build();
        let changes = crate::diff::diff(&Facts::of(&old), &facts, false);
        let all = |colour| {
            let style = Style { colour, width: None };
            show::text(&sources, style)
                + &judged.text(style)
                + &diff::text(&changes, style)
        };
        let mut coloured = all(true);
        for code in ["0", "1", "2", "31", "33"] {
            let code = format!("\x1b[{code}m");
            assert!(coloured.contains(&code), "{code:?}");
            coloured = coloured.replace(&code, "");
        }
        assert_eq!(coloured, all(false));
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("a bb ccc dddd", 6, "- "), "- a bb\n- ccc\n- dddd");
        assert_eq!(wrap("", 6, "- "), "");
        let style = Style { colour: true, width: Some(12) };
        let line = format!("  {} one-by-one 0x1234", style.bold("bold"));
        assert_eq!(
            style.fit(&format!("{line}\nshort\n")),
            "  \x1b[1mbold\x1b[0m\n      one-by-one\n      0x1234\nshort\n"
        );
        assert_eq!(plural(1, "error") + &plural(0, "error"), "1 error0 errors");
    }
}
