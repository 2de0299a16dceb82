//! Exchanges written down beside the tests: for each file of `messages/` one
//! of the same name under `pccd/tests/exchanges/`, asked in the order of
//! their names, of one platform.
//!
//! Lines with `>` are requests, with `<` what must come back; indented ones go
//! on, `#` begins a remark. `none` is no answer.

use std::fs;
use std::path::{Path, PathBuf};

/// The exchanges of one file.
pub struct Exchanges {
    /// Path without its end, from `messages/` on.
    pub name: String,
    /// Requests and answers.
    pub pairs: Vec<(String, Option<String>)>,
}

/// All files with this end, under a folder, as paths from there.
pub fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, &mut found);
    found.retain(|path| path.extension().is_some_and(|e| e == end));
    let strip = |path: PathBuf| path.strip_prefix(folder).unwrap().to_owned();
    let mut found: Vec<PathBuf> = found.into_iter().map(strip).collect();
    found.sort();
    found
}

/// All exchanges there are.
pub fn exchanges(root: &Path) -> Vec<Exchanges> {
    let folder = root.join("pccd/tests/exchanges");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(folder.join(&path)).unwrap();
        let mut said: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match line.split_at_checked(1) {
                None | Some(("#", _)) => {}
                Some((sign @ (">" | "<"), rest)) => {
                    said.push((sign.to_owned(), rest.trim().to_owned()));
                }
                Some((" ", rest)) => {
                    let (_, last) = said.last_mut().unwrap();
                    last.push(' ');
                    last.push_str(rest.trim());
                }
                Some(_) => panic!("{}: {line}", path.display()),
            }
        }
        let pairs = said.chunks(2).map(|pair| {
            let [(ask, request), (answer, text)] = pair else {
                panic!("{}: no answer", path.display());
            };
            assert_eq!((&**ask, &**answer), (">", "<"), "{request}");
            (request.clone(), (text != "none").then(|| text.clone()))
        });
        Exchanges {
            name: path.with_extension("").to_str().unwrap().to_owned(),
            pairs: pairs.collect(),
        }
    };
    files(&folder, "txt").into_iter().map(read).collect()
}
