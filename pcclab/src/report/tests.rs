use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::*;

const NAME: &str = "20261121T044142.000000000Z-00000001-000";
const HOSTILE: &str = "</script><script>alert(1)</script><img src=x \
                       onerror=alert(1)>\"'&\u{202e}\u{1b}[31m";

/// A run's folder with these logs; a line of the console each hundred
/// microseconds.
fn folder(console: &str, pccd: &str, qemu: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let times = 0..console.lines().count();
    let times: String =
        times.map(|n| format!("1795236102.{:06}\n", n * 100)).collect();
    for (name, text) in [
        ("console.log", console),
        ("console.times", &times),
        ("pccd.log", pccd),
        ("qemu.log", qemu),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The report of a run, and the data in it.
fn report(folder: &TempDir) -> (String, Value) {
    let path = write(folder.path(), None).unwrap();
    let page = fs::read_to_string(path).unwrap();
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data = serde_json::from_str(data).unwrap();
    (page, data)
}

/// Kind and text of each row, in order.
fn rows(data: &Value) -> Vec<(String, String)> {
    let list = |name: &str| data["rows"][name].as_array().unwrap().clone();
    let of = |name: &str, place: &Value| {
        let place = usize::try_from(place.as_u64().unwrap()).unwrap();
        data[name][place].as_str().unwrap().to_owned()
    };
    let both = list("kind").into_iter().zip(list("text"));
    both.map(|(kind, text)| (of("kinds", &kind), of("texts", &text))).collect()
}

#[test]
fn nothing_that_a_guest_says_is_markup() {
    let said = serde_json::to_string(HOSTILE).unwrap();
    let record = |event: &str, more: &str| {
        format!(
            "{{\"time\":\"2026-11-21T04:41:42.5Z\",\"event\":\"{event}\",\
             \"name\":\"{NAME}.pcc\",\"content\":\"00\",\"handler\":{said},\
             \"reason\":{said},\"decoded\":{{\"summary\":{said},\"fields\":[\
             {{\"layer\":\"a\",\"name\":{said},\"value\":{said},\
             \"meaning\":{said}}}]}}{more}}}\n"
        )
    };
    let pccd = record("received", "") + &record("replied", "");
    let folder = folder(
        &format!("1..1\n{HOSTILE}\nnot ok 1 {HOSTILE}\n"),
        &pccd,
        &format!("pcc: subspace 0: {HOSTILE}\n"),
    );
    let mut verdict = Verdict::new(exit::FAIL, HOSTILE.to_owned());
    verdict.first = Some(HOSTILE.to_owned());
    verdict.reasons = vec![HOSTILE.to_owned(); 40];
    leave(folder.path(), HOSTILE, &verdict);
    let page = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "{page}");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains('\u{1b}'));
    let (_, data) = report(&folder);
    let cleaned = shown(HOSTILE);
    let rows = rows(&data);
    assert!(rows.contains(&("console".to_owned(), cleaned.clone())));
    assert!(rows.contains(&("request".to_owned(), cleaned)), "{rows:?}");
    for name in [RESULT, "capture.pcapng"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
}

#[test]
fn numbers_that_javascript_has_not_are_texts() {
    let field = |value: &str| {
        format!("{{\"layer\":\"a\",\"name\":\"b\",\"value\":{value}}}")
    };
    let pccd = format!(
        "{{\"time\":\"2026-11-21T04:41:42.5Z\",\"event\":\"received\",\
         \"name\":\"{NAME}.pcc\",\"content\":\"00\",\"decoded\":{{\
         \"summary\":\"x\",\"fields\":[{},{}]}}}}\n",
        field("18446744073709551615"),
        field("9007199254740992")
    );
    let (_, data) = report(&folder("", &pccd, ""));
    let texts = data["texts"].as_array().unwrap();
    let wanted = r#"["18446744073709551615",9007199254740992]"#;
    assert!(texts.iter().any(|text| text == wanted), "{texts:?}");
}

#[test]
fn the_kernels_log_is_where_its_times_belong() {
    let console = "pcclab: begin\n\
        [    3.000100] fan: late\n\
        not ok 1 it turns\n\
        pcclab: dmesg\n\
        <6>[    2.999950] fan: hello\n\
        <3>[    3.000100] fan: late\n\
        <6>[    3.000150] fan: bye\n\
        <3>[    3.000600] fan: worse\n\
        pcclab: end\n";
    let (_, data) = report(&folder(console, "", ""));
    let rows = rows(&data);
    let rows: Vec<_> =
        rows.iter().map(|(kind, text)| (kind.as_str(), &**text)).collect();
    assert_eq!(
        rows,
        [
            ("kernel", "[    2.999950] fan: hello"),
            ("console", "pcclab: begin"),
            ("kernel error", "[    3.000100] fan: late"),
            ("kernel", "[    3.000150] fan: bye"),
            ("not ok", "not ok 1 it turns"),
            ("kernel error", "[    3.000600] fan: worse"),
            ("console", "pcclab: end"),
        ]
    );
}

#[test]
fn a_console_without_times_is_shown() {
    let folder = folder("one\ntwo\n", "", "");
    fs::remove_file(folder.path().join("console.times")).unwrap();
    let (page, data) = report(&folder);
    assert_eq!(rows(&data).len(), 2);
    assert!(page.contains("qemu.log is empty"), "{page}");
}

#[test]
fn logs_that_are_cut_are_told_with_the_place() {
    let record =
        "{\"time\":\"2026-11-21T04:41:42.5Z\",\"event\":\"started\"}\n";
    let whole = record.repeat(3);
    for end in 0..whole.len() {
        let folder = folder("x\n", &whole[..end], "");
        let (page, data) = report(&folder);
        let told =
            format!("pccd.log ends in the middle of a line, at byte {end}:");
        let is_whole = end % record.len() == 0;
        assert_eq!(page.contains(&told), !is_whole, "{end}");
        // A line without its end may be whole all the same.
        let count = rows(&data).iter().filter(|(k, _)| k == "started").count();
        assert_eq!(count, (end + 1) / record.len(), "{end}");
    }
}

#[test]
fn lines_that_are_no_records_are_told_with_the_place() {
    let record =
        "{\"time\":\"2026-11-21T04:41:42.5Z\",\"event\":\"started\"}\n";
    let warning = "thread 'main' says something\n";
    let text = |broken: &str| {
        let pccd = [record, warning, broken, record].concat();
        let (page, data) = report(&folder("x\n", &pccd, "x\n"));
        let count = rows(&data).iter().filter(|(k, _)| k == "started").count();
        (page, count)
    };
    let (page, count) = text("");
    assert!(!page.contains("no whole records"), "{page}");
    assert_eq!(count, 2);
    // The disk was full, and then it was not: two records are on one line.
    let joined = record[..20].to_owned() + record;
    let (page, count) = text(&joined);
    let told = "pccd.log has 1 lines that are no whole records, the first at \
                byte ";
    let at = record.len() + warning.len();
    assert!(page.contains(&format!("{told}{at}: ")), "{page}");
    assert_eq!(count, 2);
    // One of more than a line that is read whole.
    let long = record.replace("started", &"s".repeat(2 << 20));
    let (page, _) = text(&long);
    let at = at + (2 << 20);
    assert!(page.contains(&format!("{told}{at}: ")), "{page}");
}

#[test]
fn a_result_that_is_none_is_told() {
    let folder = folder("x\n", "", "");
    fs::write(folder.path().join(RESULT), "{\"version\": 1").unwrap();
    let (page, _) = report(&folder);
    assert!(page.contains("result.json: EOF while parsing"), "{page}");
    assert!(page.contains("no verdict"), "{page}");
}

#[test]
fn a_folder_without_logs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = write(folder.path(), None).unwrap_err().to_string();
    assert!(error.contains("no console.log"), "{error}");
    leave(folder.path(), "x", &Verdict::new(exit::FAIL, String::new()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
