//! What pccd knows of the moment at which a test of the guest failed: read
//! from its log while it is being written.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pccd::record::{Event, Record};

/// How many lines are said of one moment.
const LINES: usize = 2;

/// How much of the log since the last result is looked at, from its end.
const ENOUGH: u64 = 4 << 20;

/// pccd's log, read from result to result.
pub struct Log {
    path: PathBuf,
    from: u64,
}

impl Log {
    /// The log at this path.
    pub fn at(path: &Path) -> Log {
        Log { path: path.to_owned(), from: 0 }
    }

    /// A test has passed: what follows belongs to the next.
    pub fn skip(&mut self) {
        let length = std::fs::metadata(&self.path).map_or(0, |m| m.len());
        self.from = self.from.max(length);
    }

    /// A test has failed: what happened since the result before.
    pub fn since(&mut self) -> Vec<Record> {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.path) {
            let length = file.metadata().map_or(0, |m| m.len());
            let from = self.from.max(length.saturating_sub(ENOUGH));
            if file.seek(SeekFrom::Start(from)).is_ok() {
                let _ = file.take(ENOUGH).read_to_end(&mut bytes);
                self.from = from + bytes.len() as u64;
            }
        }
        String::from_utf8_lossy(&bytes)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// What is worth saying of these records, in at most two lines.
pub fn lines(records: &[Record]) -> Vec<String> {
    let mut telling: Vec<String> = Vec::new();
    for record in records {
        let Some(text) = telling_text(record) else { continue };
        if !telling.iter().any(|other| other.ends_with(&text)) {
            telling.push(format!("{}: {text}", time(record)));
        }
    }
    if !telling.is_empty() {
        let from = telling.len().saturating_sub(LINES);
        return telling.split_off(from);
    }
    let last = records.iter().rfind(|r| r.event == Event::Received);
    let Some(request) = last else {
        return vec!["no request has come from the guest meanwhile".to_owned()];
    };
    let reply = records
        .iter()
        .find(|r| r.event == Event::Replied && r.request == request.name);
    let summary = |record: &Record| {
        record.decoded.as_ref().map(|d| d.summary.clone()).unwrap_or_default()
    };
    let mut lines = vec![format!("{}: {}", time(request), summary(request))];
    lines.push(match reply {
        Some(reply) => format!(
            "{}: {} by {}",
            time(reply),
            summary(reply),
            reply.handler.as_deref().unwrap_or("nobody")
        ),
        None => "it is not answered yet".to_owned(),
    });
    lines
}

fn time(record: &Record) -> String {
    record.time.format("%H:%M:%S%.3f").to_string()
}

/// What a record says that explains a failure, if it does.
fn telling_text(record: &Record) -> Option<String> {
    let reason = record.reason.as_deref().unwrap_or_default();
    let by = match &record.handler {
        Some(handler) => format!(" (by {handler})"),
        None => String::new(),
    };
    match record.event {
        Event::Conduct => {
            let rule = record.rule.as_deref().unwrap_or("a rule");
            Some(format!("the driver breaks {rule}: {reason}"))
        }
        Event::Error | Event::Failed => Some(format!("{reason}{by}")),
        Event::Rejected => Some(format!("rejected: {reason}")),
        Event::Ignored => Some(format!("no answer{by}: {reason}")),
        Event::Note if record.name.is_some() => Some(format!("{reason}{by}")),
        Event::Replied => {
            let summary = &record.decoded.as_ref()?.summary;
            summary
                .split(", ")
                .any(|word| word == "error")
                .then(|| format!("{summary}{by}"))
        }
        _ => None,
    }
}
