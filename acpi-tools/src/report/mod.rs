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

/// Colours, if the output is a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Colours are wanted.
    pub colour: bool,
}

impl Style {
    fn wrap(self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
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
    let mut all = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            all.push('\n');
            column = 0;
        }
        match column {
            0 => all.push_str(indent),
            _ => all.push(' '),
        }
        column += length + usize::from(column > 0);
        all.push_str(word);
    }
    all
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
            let style = Style { colour };
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
        assert_eq!(plural(1, "error") + &plural(0, "error"), "1 error0 errors");
    }
}
