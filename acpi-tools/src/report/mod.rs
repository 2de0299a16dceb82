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

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("a bb ccc dddd", 6, "- "), "- a bb\n- ccc\n- dddd");
        assert_eq!(wrap("", 6, "- "), "");
        assert_eq!(plural(1, "error") + &plural(0, "error"), "1 error0 errors");
    }
}
