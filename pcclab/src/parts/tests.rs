use std::fs;
use std::path::{Path, PathBuf};

use super::merge::{Merged, merge};
use super::*;
use crate::conduct::Break;
use crate::platform::Mode;
use crate::verdict::{TestResult, TestStatus, Verdict};

fn wanted() -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for platform in ["fan", "pump"] {
        for mode in [Mode::Irq, Mode::Poll] {
            for kernel in ["7.x", "../linux"] {
                wanted.push(Wanted {
                    kernel: kernel.to_owned(),
                    driver: format!("acme-{platform}"),
                    platform: platform.to_owned(),
                    mode,
                });
            }
        }
    }
    wanted
}

fn plan() -> Plan {
    let digest = |name: &str| (name.to_owned(), "00".to_owned());
    Plan {
        pcclab: "1".to_owned(),
        kernels: ["7.x", "../linux"].map(digest).into(),
        platforms: ["fan", "pump"].map(digest).into(),
        quick: true,
        append: String::new(),
        wanted: wanted(),
    }
}

fn part(text: &str) -> Partition {
    text.parse().unwrap()
}

/// One that has much to tell.
fn failed() -> Verdict {
    let mut verdict = Verdict::new(exit::FAIL, "FAIL\nlines".to_owned());
    verdict.tests.push(TestResult {
        name: "a".to_owned(),
        depth: 1,
        status: TestStatus::Failed,
        reason: String::new(),
        remarks: vec!["\u{1b}[2J".to_owned()],
        time_ms: 3,
    });
    verdict.conduct.push(Break {
        rule: "rate".into(),
        paragraph: "ACPI 6.5 §14.1.4".into(),
        subspace: 3,
        count: 2,
        first: "too soon".to_owned(),
        accepted: None,
    });
    verdict.total = std::time::Duration::from_millis(1250);
    verdict
}

fn passed() -> Verdict {
    Verdict::new(exit::PASS, "PASS".to_owned())
}

/// Does a part, all of it passing.
fn run(folder: &Path, text: &str) {
    let mut mine = wanted();
    mine.retain(|it| part(text).has(&it.name()));
    let results =
        Results::open(folder, plan(), Some(part(text)), &mine).unwrap();
    for wanted in &mine {
        results.keep(&Cell::of(wanted, passed())).unwrap();
    }
}

fn all(folder: &Path) -> Result<Merged> {
    merge(&[folder.to_owned()])
}

fn error(folder: &Path) -> String {
    format!("{:#}", all(folder).unwrap_err())
}

fn file(folder: &Path) -> PathBuf {
    files(folder).unwrap().remove(0)
}

#[test]
fn each_run_is_in_one_part_whatever_else_there_is() {
    let names: Vec<_> = (0..200).map(|it| format!("7.x p{it} irq")).collect();
    for of in 1..=7 {
        let parts: Vec<_> =
            (1..=of).map(|k| part(&format!("{k}/{of}"))).collect();
        let mut counts = vec![0; parts.len()];
        for name in &names {
            let having: Vec<_> =
                (0..parts.len()).filter(|&k| parts[k].has(name)).collect();
            assert_eq!(having.len(), 1, "{name}");
            counts[having[0]] += 1;
        }
        // None has nothing, none has nearly all.
        let fair = names.len() / parts.len();
        assert!(
            counts.iter().all(|n| (fair / 2..=2 * fair).contains(n)),
            "{counts:?}"
        );
    }
    // For ever: results of yesterday's parts go with those of today.
    assert_eq!(Partition::having("7.x cppc irq", 3).to_string(), "1/3");
    assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    for wrong in ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/99999", "1/3/3"] {
        assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
    }
}

#[test]
fn parts_become_the_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["3/3", "1/3", "2/3"] {
        run(folder.path(), text);
    }
    let merged = all(folder.path()).unwrap();
    let names: Vec<_> = merged.cells.iter().map(Cell::name).collect();
    let wanted: Vec<_> = wanted().iter().map(Wanted::name).collect();
    assert_eq!(names, wanted);
    assert!(merged.again.is_empty() && merged.notes.is_empty());
    assert_eq!(crate::matrix::code(&merged.cells), exit::PASS);
}

#[test]
fn what_a_run_had_to_tell_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = &wanted()[1];
    let cell = Cell::of(wanted, failed());
    let results = Results::open(folder.path(), plan(), None, &[]).unwrap();
    results.keep(&cell).unwrap();
    let name = file(folder.path());
    assert_eq!(name.parent(), Some(folder.path()), "{name:?}");
    let merged = all(folder.path()).unwrap();
    assert_eq!(merged.cells[1], cell);
    // One failed: that says more than that the others are missing.
    assert_eq!(crate::matrix::code(&merged.cells), exit::FAIL);
    assert!(crate::matrix::text(&merged.cells, None).contains("no result"));
    // A later run of it begins without.
    Results::open(folder.path(), plan(), None, std::slice::from_ref(wanted))
        .unwrap();
    assert!(error(folder.path()).contains("there are no results"));
}

#[test]
fn what_is_missing_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let lost = Partition::having(&wanted()[0].name(), 3);
    for k in (1..=3).filter(|&k| k != lost.number) {
        run(folder.path(), &format!("{k}/3"));
    }
    // One of them was interrupted; it is not stored.
    let results =
        Results::open(folder.path(), plan(), Some(lost), &[]).unwrap();
    let verdict = Verdict::new(exit::INTERRUPTED, "interrupted".to_owned());
    results.keep(&Cell::of(&wanted()[0], verdict)).unwrap();
    // Another was killed while it wrote.
    fs::write(folder.path().join(".tmp1"), "{").unwrap();
    let merged = all(folder.path()).unwrap();
    assert_eq!(crate::matrix::code(&merged.cells), exit::NO_RESULT);
    assert_eq!(merged.again.len(), 1, "{merged:?}");
    let end = format!(" --partition {lost}");
    assert!(merged.again[0].ends_with(&end), "{merged:?}");
    run(folder.path(), &lost.to_string());
    assert!(all(folder.path()).unwrap().again.is_empty());
}

#[test]
fn the_newest_of_two_results_counts() {
    let folder = tempfile::tempdir().unwrap();
    let keep = |name: &str, verdict: Verdict| {
        let folder = folder.path().join(name);
        let results = Results::open(&folder, plan(), None, &[]).unwrap();
        results.keep(&Cell::of(&wanted()[0], verdict)).unwrap();
        file(&folder)
    };
    let old = keep("b", failed());
    keep("a", passed());
    let age = |ended_ms: u64| {
        let mut record = Record::read(&old).unwrap().unwrap();
        record.ended_ms = ended_ms;
        fs::write(&old, serde_json::to_string(&record).unwrap()).unwrap();
        let merged = all(folder.path()).unwrap();
        assert_eq!(merged.notes.len(), 1, "{merged:?}");
        merged.cells[0].verdict.code
    };
    assert_eq!(age(1), exit::PASS);
    assert_eq!(age(u64::MAX), exit::FAIL);
}

#[test]
fn results_of_another_matrix_are_refused() {
    let other = |change: fn(&mut Plan)| {
        let folder = tempfile::tempdir().unwrap();
        run(&folder.path().join("a"), "1/1");
        let mut plan = plan();
        change(&mut plan);
        let place = folder.path().join("b");
        let results = Results::open(&place, plan.clone(), None, &[]).unwrap();
        results.keep(&Cell::of(&wanted()[0], passed())).unwrap();
        // Nor are they mixed in the first place.
        let mixed = Results::open(&folder.path().join("a"), plan, None, &[]);
        assert!(mixed.unwrap_err().is::<Usage>());
        assert!(all(folder.path()).unwrap_err().is::<Usage>());
        error(folder.path())
    };
    let text = other(|plan| plan.pcclab = "2".to_owned());
    assert!(text.contains("pcclab 1 and 2"), "{text}");
    let text = other(|plan| drop(plan.kernels.remove("7.x")));
    assert!(text.contains("kernel 7.x"), "{text}");
    let text = other(|plan| {
        plan.platforms.insert("fan".to_owned(), "01".to_owned());
    });
    assert!(text.contains("platform fan"), "{text}");
    assert!(other(|plan| plan.quick = false).contains("--quick"));
    assert!(other(|plan| plan.append.push('x')).contains("--append"));
    assert!(other(|plan| plan.wanted.reverse()).contains("other runs"));
}

#[test]
fn what_is_no_result_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "1/1");
    let path = file(folder.path());
    let text = fs::read_to_string(&path).unwrap();
    let of = |text: &str| {
        fs::write(&path, text).unwrap();
        let said = error(folder.path());
        assert!(said.contains(path.to_str().unwrap()), "{said}");
        said
    };
    for half in ["", "[]", "{}", &text[..text.len() / 2]] {
        assert!(of(half).contains("no whole result"), "{half}");
    }
    assert!(of(&format!("{text}x")).contains("no whole result"));
    let said = of(&text.replacen("\"version\": 1", "\"version\": 9", 1));
    assert!(said.contains("version 9"), "{said}");
    let said = of(&text.replacen("\"cell\"", "\"sell\"", 1));
    assert!(said.contains("unknown field `sell`"), "{said}");
    let said = of(&text.replacen("\"code\": 0", "\"code\": 999", 1));
    assert!(said.contains("cell.verdict.code"), "{said}");
    // The plan comes first: this is the cell's own.
    let at = text.rfind("\"platform\": \"fan\"").unwrap();
    let (head, tail) = text.split_at(at);
    let said = of(&format!("{head}{}", tail.replacen("fan", "tap", 1)));
    assert!(said.contains("does not want"), "{said}");
    fs::File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
    assert!(error(folder.path()).contains("longer"));
    fs::remove_file(&path).unwrap();
    let said = merge(std::slice::from_ref(&path)).unwrap_err().to_string();
    assert!(said.contains("there is no file"), "{said}");
}
