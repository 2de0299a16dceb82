//! What is wrong with handler files, said so that it can be put right:
//! file, line, column, field, what was expected, and the nearest name.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::locate::{Place, Side, Step, doubled, locate, path_text};

/// The nearest of some names, if one is near enough to be meant.
pub fn nearest<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    names
        .into_iter()
        .map(|name| {
            let other = name.to_lowercase();
            let score = strsim::jaro_winkler(&lower, &other);
            let edits = strsim::damerau_levenshtein(&lower, &other);
            (name, score, edits)
        })
        .filter(|(_, score, edits)| *edits <= 2 || *score > 0.85)
        .max_by(|a, b| {
            b.2.cmp(&a.2).then(a.1.total_cmp(&b.1)).then(b.0.cmp(a.0))
        })
        .map(|(name, _, _)| name)
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Wrong {
    /// Without a suggestion.
    pub fn new(
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            expected: Some(expected.into()),
            suggestion: None,
        }
    }

    /// Where nothing else would have been right.
    pub fn plain(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { message, expected: None, suggestion: None }
    }

    /// A name that is none of those there are.
    pub fn unknown<'n>(
        message: String,
        expected: impl Into<String>,
        name: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let suggestion = nearest(name, names).map(str::to_owned);
        Self { suggestion, ..Self::new(message, expected) }
    }
}

/// No object of a JSON text has a key twice: a map keeps the last of them, and
/// says nothing.
///
/// # Errors
/// For the first that has.
pub(crate) fn once(text: &str) -> Result<(), Wrong> {
    let Some((path, _)) = doubled(text).into_iter().next() else {
        return Ok(());
    };
    let message =
        format!("the field `{}` stands there twice", path_text(&path));
    Err(Wrong::new(message, "each key once"))
}

/// As a sentence, where there is no file to show it in.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(meant) = &self.suggestion {
            write!(f, "; did you mean `{meant}`?")?;
        }
        Ok(())
    }
}

impl std::error::Error for Wrong {}

/// Something wrong at a place of a file.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub path: Vec<Step>,
    /// The key or the value there.
    pub side: Side,
    pub wrong: Wrong,
}

impl Mistake {
    pub fn new(place: &Place<'_>, side: Side, wrong: Wrong) -> Self {
        Self { path: place.steps(), side, wrong }
    }
}

/// The end of the character that an offset lies in.
fn boundary(text: &str, offset: usize) -> usize {
    (offset..text.len())
        .find(|offset| text.is_char_boundary(*offset))
        .unwrap_or(text.len())
}

/// One thing that is wrong in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// File name as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Path in the file, empty for the whole of it.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was probably meant.
    pub suggestion: Option<String>,
    #[serde(skip)]
    picture: String,
    /// Of the file as a whole, whatever line and column say.
    #[serde(skip)]
    is_whole: bool,
}

impl Problem {
    /// A problem at a range of a file's text.
    pub fn at(
        file: &str,
        text: &str,
        range: Range<usize>,
        field: String,
        message: String,
        expected: Option<String>,
        suggestion: Option<String>,
    ) -> Self {
        let start = boundary(text, range.start);
        let end = boundary(text, range.end).max(start);
        let before = text.get(..start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column =
            before.rsplit('\n').next().map_or(0, |tail| tail.chars().count())
                + 1;
        let label = match (&suggestion, field.is_empty()) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, false) => format!("in {field}"),
            (None, true) => String::new(),
        };
        // Show the first line of a value that spans several.
        let end = text
            .get(start..end)
            .and_then(|value| value.find('\n'))
            .map_or(end, |length| start + length);
        let annotation = AnnotationKind::Primary.span(start..end);
        let snippet = Snippet::source(text)
            .path(file)
            .annotation(annotation.label(label.as_str()));
        let mut group = Level::ERROR.primary_title(&message).element(snippet);
        if !field.is_empty() {
            let note = format!("field: {field}");
            group = group.element(Level::NOTE.message(note));
        }
        if let Some(expected) = &expected {
            let help = format!("expected {expected}");
            group = group.element(Level::HELP.message(help));
        }
        let picture = Renderer::plain().render(&[group]).to_string();
        Self {
            file: file.to_owned(),
            line,
            column,
            field,
            message,
            expected,
            suggestion,
            picture,
            is_whole: false,
        }
    }

    /// A mistake in a file's text.
    pub(crate) fn mistake(file: &str, text: &str, mistake: Mistake) -> Self {
        let Mistake { path, side, wrong } = mistake;
        let range = locate(text, &path, side).unwrap_or(0..0);
        let Wrong { message, expected, suggestion } = wrong;
        let field = path_text(&path);
        Self::at(file, text, range, field, message, expected, suggestion)
    }

    /// What is wrong with a JSON text whose objects have a key twice.
    pub fn doubled(file: &str, text: &str) -> Vec<Self> {
        const MOST: usize = 50;
        let problem = |(path, range): (Vec<Step>, Range<usize>)| {
            let key = match path.last() {
                Some(Step::Key(key)) => key.as_str(),
                _ => "",
            };
            let message = format!("the field `{key}` stands here twice");
            let expected = Some("each key once".to_owned());
            let field = path_text(&path);
            Self::at(file, text, range, field, message, expected, None)
        };
        doubled(text).into_iter().take(MOST).map(problem).collect()
    }

    /// A problem with a file as a whole.
    pub fn whole(file: &str, message: String) -> Self {
        let picture = format!("error: {message}\n --> {file}");
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
            field: String::new(),
            message,
            expected: None,
            suggestion: None,
            picture,
            is_whole: true,
        }
    }

    /// Its file, and where in it.
    fn place(&self) -> String {
        let Self { file, line, column, .. } = self;
        match self.is_whole {
            true => file.clone(),
            false => format!("{file}:{line}:{column}"),
        }
    }

    /// On a line, with what was meant, or else what would have been right.
    pub(crate) fn sentence(&self) -> String {
        let place = self.place();
        let message = &self.message;
        match (&self.suggestion, &self.expected) {
            (Some(meant), _) => {
                format!("{place}: {message}; did you mean `{meant}`?")
            }
            (None, Some(expected)) => {
                format!("{place}: {message}; expected {expected}")
            }
            (None, None) => format!("{place}: {message}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.picture)
    }
}

/// Everything that is wrong in some handler files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The first one on a line, and how many more there are.
    pub fn line(&self) -> String {
        let Some(first) = self.0.first() else {
            return "nothing is wrong".to_owned();
        };
        let said = format!("{}: {}", first.place(), first.message);
        match self.0.len() {
            1 => said,
            count => format!("{said} ({} more below)", count - 1),
        }
    }

    /// All on one line, for logs: a sentence each, but for those of a large
    /// number.
    pub fn sentences(&self) -> String {
        const MOST: usize = 16;
        let shown = self.0.iter().take(MOST).map(Problem::sentence);
        let shown: Vec<String> = match self.0.len() {
            0 | 1 => shown.collect(),
            _ => {
                let numbered = (1..).zip(shown);
                numbered.map(|(n, one)| format!("({n}) {one}")).collect()
            }
        };
        let more = match self.0.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let count = match self.0.len() {
            0 | 1 => String::new(),
            count => format!("{count} errors: "),
        };
        format!("{count}{}{more}", shown.join(" "))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        match self.0.len() {
            1 => f.write_str("1 error in the handler files"),
            count => write!(f, "{count} errors in the handler files"),
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["name", "match", "reply", "then"];
        assert_eq!(nearest("mtach", names), Some("match"));
        assert_eq!(nearest("replay", names), Some("reply"));
        assert_eq!(nearest("Match", names), Some("match"));
        assert_eq!(nearest("zzzzzz", names), None);
    }

    #[test]
    fn a_log_has_them_on_one_line() {
        let whole = Problem::whole("b", "cannot be read".to_owned());
        let at = |expected: &str, meant: Option<&str>| {
            let (text, message) = ("{\n 5", "this is 5".to_owned());
            let (expected, meant) =
                (Some(expected.to_owned()), meant.map(str::to_owned));
            let field = "handlers".to_owned();
            Problem::at("a.json", text, 3..4, field, message, expected, meant)
        };
        let said = |problems: &[Problem]| {
            let problems = Problems(problems.to_vec());
            assert!(!problems.sentences().contains('\n'));
            problems.sentences()
        };
        assert_eq!(said(std::slice::from_ref(&whole)), "b: cannot be read");
        assert_eq!(Problems(vec![whole.clone()]).line(), "b: cannot be read");
        let list = at("a list", None);
        assert_eq!(
            said(&[list.clone(), at("6", Some("six")), whole]),
            "3 errors: (1) a.json:2:2: this is 5; expected a list \
             (2) a.json:2:2: this is 5; did you mean `six`? \
             (3) b: cannot be read"
        );
        let many = said(&vec![list; 100]);
        assert!(many.starts_with("100 errors: (1) a.json"), "{many}");
        assert!(many.ends_with("a list and 84 more"), "{many}");
    }

    #[test]
    fn the_picture_names_the_place() {
        let text = "{\n  \"handlres\": []\n}\n";
        let problem = Problem::at(
            "a.json",
            text,
            4..14,
            "handlres".into(),
            "unknown field `handlres`".into(),
            Some("`endpoint` or `handlers`".into()),
            Some("handlers".into()),
        );
        assert_eq!((problem.line, problem.column), (2, 3));
        let picture = problem.to_string();
        for part in [
            "a.json:2:3",
            "\"handlres\": []",
            "did you mean `handlers`?",
            "expected `endpoint` or",
        ] {
            assert!(picture.contains(part), "{part} in\n{picture}");
        }
    }
}
