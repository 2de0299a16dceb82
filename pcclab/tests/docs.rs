//! What the documents say of the words that a guest's test may use.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// Functions that a script defines: `name() {` at the beginning of a line.
fn functions(script: &str) -> impl Iterator<Item = &str> {
    script.lines().filter_map(|line| line.strip_suffix("() {"))
}

#[test]
fn every_word_of_the_guests_tests_is_in_the_table() {
    let scripts = ["lib", "platform"]
        .map(|it| read(&format!("guest-scripts/tests/{it}.sh")));
    let defined: BTreeSet<_> =
        scripts.iter().flat_map(|it| functions(it)).collect();
    assert!(defined.len() > 20, "{defined:?}");

    let page = read("docs/platforms.md");
    let table = page.split("| word | what |\n").nth(1).unwrap();
    let rows = table.split("\n\n").next().unwrap().lines().skip(1);
    let first = |row: &str| row.split('`').nth(1).unwrap().to_owned();
    let entries: Vec<_> = rows.map(first).collect();
    let word = |entry: &String| entry.split(' ').next().unwrap().to_owned();
    let (variables, words): (BTreeSet<_>, BTreeSet<_>) =
        entries.iter().map(word).partition(|word| word.starts_with('$'));

    let words: BTreeSet<_> = words.iter().map(String::as_str).collect();
    assert_eq!(words, defined, "left the table, right the scripts");
    let sources = scripts.concat() + &read("pcclab/src/machine.rs");
    for variable in ["$MODE", "$QUICK", "$CHANNEL_NAME", "$linux_6", "$iface"] {
        assert!(variables.contains(variable), "{variable}");
    }
    for variable in &variables {
        let name = variable.trim_start_matches('$').trim_end_matches("NAME");
        assert!(sources.contains(name), "{variable} is set nowhere");
    }
    // The arguments, too, are those that stand above the function.
    for entry in entries.iter().filter(|it| !it.starts_with('$')) {
        let comment = format!("\n# {}: ", entry.replace('…', "..."));
        let usage = |it: &str| {
            it.contains(&comment) || it.contains(&comment[..comment.len() - 2])
        };
        let known = scripts.iter().any(|it| usage(it));
        assert!(known || entry.starts_with("asked "), "{entry}");
    }
}

#[test]
fn every_rule_of_conduct_is_on_the_page() {
    let page = read("docs/platforms.md");
    let text = page.split("## How the driver behaves").nth(1).unwrap();
    let text = text.split("\n    ").next().unwrap();
    let named: BTreeSet<_> = text.split('`').skip(1).step_by(2).collect();
    let rules = pccd::conduct::RULES.iter().map(|rule| rule.id);
    assert_eq!(named, rules.collect());
}
