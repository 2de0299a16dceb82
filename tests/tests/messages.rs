//! Everything in `messages/`, asked by a real guest: what is written down in
//! `pccd/tests/exchanges/` goes out, its answers come back, and no handler
//! and no command is left that nobody asked. Folders with a `platform.json`
//! bring a test of their own.

#[path = "../../pccd/tests/common/exchanges.rs"]
mod written;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pccd::record::Event;
use pccd_tests::Logs;
use pcclab::exchange::{Script, records};
use pcclab::judge::judge;
use pcclab::lab::Lab;
use pcclab::run::exit;
use pcclab::session::{Config, Session};
use serde_json::Value;
use written::{Exchanges, exchanges, files};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names in the log of all that a file describes.
fn described(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let list = |json: &Value, key: &str| {
        json[key].as_array().cloned().unwrap_or_default()
    };
    let name = |json: &Value| json["name"].as_str().unwrap().to_owned();
    let mut names = BTreeSet::new();
    for key in ["handlers", "unasked"] {
        names.extend(list(&file, key).iter().map(name));
    }
    for channel in list(&file, "channels") {
        let mut add = |command: &str| {
            names.insert(format!("{}/{command}", name(&channel)));
        };
        for key in ["commands", "notifications"] {
            list(&channel, key).iter().for_each(|one| add(&name(one)));
        }
        if channel.get("otherwise").is_some() {
            add("otherwise");
        }
    }
    if file.get("endpoint").is_some() {
        names.insert("endpoint".to_owned());
    }
    names
}

/// The files of `messages/` that have no test of their own.
fn message_files() -> Vec<PathBuf> {
    let folder = root().join("messages");
    let mut paths = files(&folder, "json");
    paths.retain(|path| {
        let beside = folder.join(path).with_file_name("platform.json");
        let is_schema = path.to_string_lossy().ends_with("schema.json");
        !is_schema && !beside.exists()
    });
    paths
}

/// Runs a script in a guest; everything in it must have passed. Returns the
/// names of all handlers that answered.
fn run(logs: &Logs, config: Config) -> BTreeSet<String> {
    let session = Session::start(config).unwrap();
    let (mut script, mut lines) = (Script::default(), Vec::new());
    let outcome = session.finish(|line| {
        script.line(line, Duration::ZERO);
        lines.push(line.to_owned());
    });
    let verdict = judge(&outcome.unwrap(), &script, Duration::from_secs(120));
    let text = lines.join("\n");
    assert_eq!(verdict.code, exit::PASS, "{}\n{text}", verdict.text);
    let log = fs::read_to_string(logs.path().join("pccd.log")).unwrap();
    let names = records(&log).into_iter().filter_map(|r| r.handler);
    let names: BTreeSet<String> = names
        .flat_map(|n| n.split(" > ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    println!("{} steps", script.report().tests.len());
    names
}

fn check(tables: &[&Exchanges], asked: &BTreeSet<String>) {
    let mut missed = Vec::new();
    for table in tables {
        let path = root().join("messages").join(&table.name);
        let names = described(&path.with_extension("json"));
        let names = names.difference(asked);
        missed.extend(names.map(|name| format!("{}: {name}", table.name)));
    }
    assert!(missed.is_empty(), "nobody asked {missed:#?}");
}

/// Examples are not loaded with the rest; host tests ask them.
fn is_apart(table: &Exchanges) -> bool {
    table.name.starts_with("examples/")
}

#[test]
fn every_file_has_its_exchanges() {
    let written = exchanges(&root());
    for path in message_files() {
        let name = path.with_extension("");
        let mut tables = written.iter();
        let found = tables.any(|table| Path::new(&table.name) == name);
        assert!(found, "write pccd/tests/exchanges/{}.txt", name.display());
    }
}

/// Waits until a second packet came after `before` of them. An answer that
/// comes late would be taken for that to a later request, of the same tag.
const AWAIT_MORE: &str = r#"await_more() {
    for _ in $(seq 100); do
        [ "$(counter rx_packets)" -ge $((before + 2)) ] && return
        sleep 0.05
    done
    return 1
}
"#;

/// Whether it is an NVMe-MI response whose status is More Processing Required:
/// another comes.
fn is_more_to_come(answer: &str) -> bool {
    let bytes = hex::decode(answer).unwrap_or_default();
    matches!(bytes[..], [0x84, header, _, _, 1, ..] if header & 0x80 != 0)
}

#[test]
fn every_handler_answers_a_guest() {
    let written = exchanges(&root());
    let tables: Vec<&Exchanges> =
        written.iter().filter(|t| !is_apart(t)).collect();
    let count: usize = tables.iter().map(|table| table.pairs.len()).sum();
    let mut script =
        format!(". /tests/lib.sh\n{AWAIT_MORE}link_up 8\nplan {count}\n");
    for table in &tables {
        for (request, answer) in &table.pairs {
            let request = request.replace(' ', "");
            let (kind, body) = request.split_at(2);
            let ask =
                format!("mctp request --eid 0 --iface $iface --type 0x{kind}");
            writeln!(script, "step '{}: {request}'", table.name).unwrap();
            match answer {
                Some(answer) => {
                    // The type byte is its own, with the same IC bit.
                    let answer = answer.replace(' ', "");
                    let rest = answer.strip_prefix(kind).unwrap();
                    let asked = format!("{ask} --expect '{rest}' {body}");
                    match is_more_to_come(&answer) {
                        true => writeln!(
                            script,
                            "before=$(counter rx_packets); {asked} && \
                             await_more; result $?"
                        ),
                        false => writeln!(script, "{asked}; result $?"),
                    }
                }
                None => writeln!(
                    script,
                    "{ask} --timeout-ms 200 {body}; [ $? -eq 1 ]; result $?"
                ),
            }
            .unwrap();
        }
    }
    script.push_str("end\n");
    let logs = Logs::new();
    let file = logs.path().join("ask.sh");
    fs::write(&file, script).unwrap();
    let lab = Lab::find(None, &[]).unwrap();
    let mut config = Config::new(lab, logs.path(), &["sh", "/work/ask.sh"]);
    config.files = vec![file];
    config.messages = vec![root().join("messages")];
    config.limit = Duration::from_secs(120);
    check(&tables, &run(&logs, config));
}

/// What messages/README.md tells a new user to do, while the guest runs:
/// the file is written and saved, and its message answered.
#[test]
fn a_new_message_in_five_lines() {
    let readme = fs::read_to_string(root().join("messages/README.md")).unwrap();
    let section = readme.split("## A new message in five lines").nth(1);
    let example = section.unwrap().split("```json\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    assert_eq!(example.trim().lines().count(), 5, "{example}");
    let file = &section.unwrap().split('`').nth(1).unwrap();
    let file = file.strip_prefix("messages/").unwrap();

    let logs = Logs::new();
    let script = ". /tests/lib.sh\nlink_up 8\n\
        ask() { mctp request --eid 0 --iface $iface --type 0x7f \
        --timeout-ms 100 --expect '0000019c 70 6f 6e 67' \
        0000019c 70 69 6e 67; }\n\
        ask && exit 1\necho asked\n\
        tries=300; while [ $((tries -= 1)) -gt 0 ]; do ask && exit; done\n\
        exit 1";
    let lab = Lab::find(None, &[]).unwrap();
    let mut config = Config::new(lab, logs.path(), &["sh", "-c", script]);
    let folder = logs.path().join("messages");
    fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
    config.messages = vec![folder.clone()];
    let mut session = Session::start(config).unwrap();
    session.wait_for("asked").unwrap();
    let start = Instant::now();
    fs::write(folder.join(file), example).unwrap();
    let mut answered = None;
    let outcome = session
        .finish(|line| {
            if line.contains("msg=7f0000019c706f6e67") {
                answered.get_or_insert(start.elapsed());
            }
        })
        .unwrap();
    let verdict = judge(&outcome, &Script::default(), Duration::from_secs(60));
    assert_eq!(verdict.code, exit::PASS, "{}", verdict.text);
    println!(
        "saved to answered in the running guest: {} ms",
        answered.unwrap().as_millis()
    );
    let log = fs::read_to_string(logs.path().join("pccd.log")).unwrap();
    assert!(records(&log).iter().any(|record| {
        record.event == Event::Replied
            && record.handler.as_deref() == Some("ping")
    }));
}
