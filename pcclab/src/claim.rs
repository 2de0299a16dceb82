//! What a guest's test, or a platform's description, says that the platform
//! was asked, held against what pccd logged.
//!
//! Reads text and records; does no I/O.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::{Result, bail};
use pccd::record::{Event, Field, FieldValue, Record, Time};

/// `COMMAND [NAME=VALUE]...`: pccd got this command, with these values in the
/// request, and answered with these (`NAME->VALUE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    command: String,
    asked: Vec<(String, String)>,
    answered: Vec<(String, String)>,
}

impl Claim {
    /// Reads one.
    ///
    /// # Errors
    /// When a word has no `=` or `->`.
    pub fn parse(text: &str) -> Result<Claim> {
        let mut words = text.split_whitespace();
        let Some(command) = words.next() else {
            bail!("no command");
        };
        let mut claim = Claim {
            command: command.to_owned(),
            asked: Vec::new(),
            answered: Vec::new(),
        };
        for word in words {
            let own = |(name, value): (&str, &str)| {
                (name.to_owned(), value.to_owned())
            };
            if let Some(pair) = word.split_once("->") {
                claim.answered.push(own(pair));
            } else if let Some(pair) = word.split_once('=') {
                claim.asked.push(own(pair));
            } else {
                bail!("{word:?} is neither NAME=VALUE nor NAME->VALUE");
            }
        }
        Ok(claim)
    }

    /// Which command.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The names of the values in the request, or in the answer.
    pub fn names(&self, is_request: bool) -> impl Iterator<Item = &str> {
        let pairs = if is_request { &self.asked } else { &self.answered };
        pairs.iter().map(|(name, _)| name.as_str())
    }

    /// The claim in a line of the guest: `# asked COMMAND [NAME=VALUE]...`.
    pub fn in_line(line: &str) -> Option<Result<Claim>> {
        Some(Claim::parse(line.trim().strip_prefix("# asked ")?))
    }

    /// Whether this is what was asked and answered.
    fn fits(&self, request: &Record, reply: &Record) -> bool {
        let has = |record: &Record, (name, value): &(String, String)| {
            record.decoded.as_ref().is_some_and(|decoded| {
                decoded
                    .fields
                    .iter()
                    .any(|field| is_called(field, name) && is(field, value))
            })
        };
        let handler = reply.handler.as_deref();
        handler.is_some_and(|handler| is_of(handler, &self.command))
            && self.asked.iter().all(|pair| has(request, pair))
            && self.answered.iter().all(|pair| has(reply, pair))
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.command)?;
        for (name, value) in &self.asked {
            write!(f, " {name}={value}")?;
        }
        for (name, value) in &self.answered {
            write!(f, " {name}->{value}")?;
        }
        Ok(())
    }
}

/// Whether a handler of this name is what the log may call so, too: by its
/// last word alone.
pub(crate) fn is_of(handler: &str, command: &str) -> bool {
    handler == command || handler.rsplit('/').next() == Some(command)
}

fn is_called(field: &Field, name: &str) -> bool {
    field.name == name || format!("{}.{}", field.layer, field.name) == name
}

/// The value, as a number in any base, as text, or by its name.
fn is(field: &Field, value: &str) -> bool {
    let number = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    };
    let named = field.meaning.as_deref() == Some(value);
    named
        || match &field.value {
            FieldValue::Number(is) => Some(*is) == number,
            FieldValue::Text(is) => is == value,
            FieldValue::Negative(is) => value.parse() == Ok(*is),
        }
}

/// What one platform, or whoever the guest's command speaks of, must have been
/// asked, and what its driver may do.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The platform; empty if there is none.
    pub platform: String,
    /// Its subspaces; all of them if there are none.
    pub subspaces: Vec<u8>,
    /// What must be in the log, in this order.
    pub claims: Vec<Claim>,
    /// From when on; before it drivers spoke while they were probed.
    pub since: Option<Time>,
    /// Rules of conduct whose breaks on these subspaces are accepted, and why.
    pub accepts: BTreeMap<String, String>,
}

/// A claim that no exchange in the log bears out, and what there is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The claim.
    pub claim: Claim,
    /// What came instead, when, and after which claim.
    pub instead: String,
}

struct Exchange<'a> {
    request: &'a Record,
    reply: &'a Record,
}

/// All exchanges of a log, in the order of the requests: an answer may be late.
fn exchanges(records: &[Record]) -> Vec<Exchange<'_>> {
    let mut received = HashMap::new();
    let mut list = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let name = match record.event {
            Event::Received => {
                if let Some(name) = record.name.as_deref() {
                    received.insert(name, at);
                }
                continue;
            }
            Event::Replied => record.request.as_deref(),
            // Taken, never to be answered
            Event::Ignored => record.name.as_deref(),
            // Taken, and to be answered when nobody is there any more
            Event::Note if record.handler.is_some() => record.name.as_deref(),
            _ => continue,
        };
        if let Some(&at) = name.and_then(|name| received.get(name)) {
            list.push((at, record));
        }
    }
    list.sort_by_key(|(at, _)| *at);
    let exchange =
        |(at, reply): (usize, _)| Exchange { request: &records[at], reply };
    list.into_iter().map(exchange).collect()
}

/// Subspace of a request, from its file's name.
fn subspace(request: &Record) -> Option<u8> {
    let digits = request.name.as_deref()?.split('-').nth(2)?.get(..3)?;
    digits.parse().ok()
}

impl Exchange<'_> {
    fn time(&self) -> String {
        self.request.time.format("%H:%M:%S%.3f").to_string()
    }

    fn command(&self) -> &str {
        let handler = self.reply.handler.as_deref().unwrap_or("nobody");
        handler.rsplit('/').next().unwrap_or(handler)
    }

    /// What it was, with the values that `claim` speaks of.
    fn text(&self, claim: &Claim) -> String {
        let mut text = self.command().to_owned();
        let mut add = |record: &Record, name: &str, sign: &str| {
            let decoded = record.decoded.as_ref();
            let field = decoded
                .and_then(|d| d.fields.iter().find(|f| is_called(f, name)));
            let _ = match field {
                Some(field) => write!(text, " {name}{sign}{}", field.value),
                None => write!(text, " without {name}"),
            };
        };
        for (name, _) in &claim.asked {
            add(self.request, name, "=");
        }
        for (name, _) in &claim.answered {
            add(self.reply, name, "->");
        }
        text
    }
}

/// The claims that no exchange in the log bears out. They are found in their
/// order, each after the one before; one that is missing does not take those
/// behind it along.
pub fn unmet(asked: &Claims, records: &[Record]) -> Vec<Unmet> {
    let all = exchanges(records);
    let (own, early): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|exchange| {
            asked.subspaces.is_empty()
                || subspace(exchange.request)
                    .is_some_and(|id| asked.subspaces.contains(&id))
        })
        .partition(|exchange| {
            asked.since.is_none_or(|since| exchange.request.time >= since)
        });
    let places = align(&asked.claims, &own);
    let mut from = 0;
    let mut last: Option<&Claim> = None;
    let mut list = Vec::new();
    for (claim, place) in asked.claims.iter().zip(places) {
        let fits = |one: &Exchange<'_>| claim.fits(one.request, one.reply);
        if let Some(at) = place {
            from = at + 1;
            last = Some(claim);
            continue;
        }
        let mut instead = String::new();
        if let (Some(before), Some(one)) = (last, own[..from].last()) {
            let _ = write!(instead, "after {before} ({}) ", one.time());
        }
        let is_same = |one: &&Exchange<'_>| one.command() == claim.command;
        let rest = &own[from..];
        let nearest =
            rest.iter().find(|one| is_same(one) && !fits(one)).or(rest.first());
        let _ = match nearest {
            Some(one) => {
                write!(instead, "came {}: {}", one.time(), one.text(claim))
            }
            None => write!(instead, "nothing came"),
        };
        if let Some(one) = own[..from].iter().rfind(|one| fits(one)) {
            let _ = write!(instead, "; it came earlier, {}", one.time());
        } else if let Some(one) = rest.iter().find(|one| fits(one)) {
            let _ = write!(instead, "; it came later, {}", one.time());
        } else if let Some(one) = early.iter().rfind(|one| fits(one)) {
            let _ = write!(
                instead,
                "; it came {}, before the command began",
                one.time()
            );
        }
        list.push(Unmet { claim: claim.clone(), instead });
    }
    list
}

/// The most claims times exchanges for which the best order is looked for.
const MOST: usize = 16 << 20;

/// Which exchange bears out which claim, in the order of both, so that as few
/// claims as possible are without one.
fn align(claims: &[Claim], own: &[Exchange<'_>]) -> Vec<Option<usize>> {
    let fits =
        |claim: &Claim, one: &Exchange<'_>| claim.fits(one.request, one.reply);
    // Mostly each is where it should be.
    let mut from = 0;
    let greedy: Vec<_> = claims
        .iter()
        .map(|claim| {
            let at = own[from..].iter().position(|one| fits(claim, one))?;
            from += at + 1;
            Some(from - 1)
        })
        .collect();
    let (rows, columns) = (claims.len() + 1, own.len() + 1);
    if greedy.iter().all(Option::is_some) || rows.saturating_mul(columns) > MOST
    {
        return greedy;
    }
    // The longest common subsequence: how many claims from this one on can be
    // borne out by the exchanges from that one on.
    let mut most = vec![0_u32; rows * columns];
    for claim in (0..claims.len()).rev() {
        for at in (0..own.len()).rev() {
            let below = most[(claim + 1) * columns + at];
            let right = most[claim * columns + at + 1];
            let mut best = below.max(right);
            if fits(&claims[claim], &own[at]) {
                best = best.max(1 + most[(claim + 1) * columns + at + 1]);
            }
            most[claim * columns + at] = best;
        }
    }
    let mut at = 0;
    (0..claims.len())
        .map(|claim| {
            let left = most[claim * columns + at];
            // Of several ways the one that bears out the earlier claim.
            let found = (at..own.len()).find(|&here| {
                fits(&claims[claim], &own[here])
                    && 1 + most[(claim + 1) * columns + here + 1] == left
            })?;
            at = found + 1;
            Some(found)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        let line = |number: u32,
                    event: &str,
                    handler: &str,
                    field: &str,
                    value: u32| {
            format!(
                r#"{{"time":"2026-11-21T04:41:42.123Z","event":"{event}",
                "name":"e-{number}-004{}","request":"e-{number}-004","handler":"{handler}",
                "decoded":{{"summary":"","fields":[{{"layer":"register",
                "name":"{field}","value":{value},"meaning":"m{value}"}}]}}}}"#,
                if event == "replied" { ".r1" } else { "" },
            )
            .replace('\n', "")
        };
        [
            line(1, "received", "", "speed", 2),
            line(1, "replied", "start", "rpm", 900),
            line(2, "received", "", "speed", 255),
            line(2, "replied", "fan/stop", "rpm", 0),
            line(3, "received", "", "speed", 7),
            line(3, "ignored", "fan/sleep", "rpm", 0),
            line(4, "received", "", "speed", 9),
            line(5, "received", "", "speed", 10),
            line(5, "replied", "fan/turn", "rpm", 5),
            line(4, "note", "fan/wait", "", 0),
        ]
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
    }

    #[test]
    fn claims_are_held_against_the_log() {
        let records = records();
        let cases: &[(&[&str], usize)] = &[
            (&[], 0),
            (&["start", "stop"], 0),
            (&["start speed=2 rpm->900"], 0),
            (&["start register.speed=0x2", "stop speed=m255 rpm->0"], 0),
            (&["start speed=3"], 1),
            (&["start rpm->901"], 1),
            (&["start speed->2"], 1),
            (&["start rpm=900"], 1),
            (&["reverse"], 1),
            (&["start", "sleep speed=7"], 0),
            // One that was to be answered later than the run lasted
            (&["sleep", "wait speed=9", "turn"], 0),
            (&["turn", "wait"], 1),
            // In another order, or oftener than it happened
            (&["stop", "start"], 1),
            (&["start", "start"], 1),
        ];
        for (texts, missing) in cases {
            let claims: Vec<_> =
                texts.iter().map(|text| Claim::parse(text).unwrap()).collect();
            let asked = Claims { claims, ..Claims::default() };
            let left = unmet(&asked, &records);
            assert_eq!(left.len(), *missing, "{texts:?}: {left:?}");
        }
    }

    fn left(texts: &[&str], asked: Claims) -> Vec<String> {
        let claims = texts.iter().map(|text| Claim::parse(text).unwrap());
        let asked = Claims { claims: claims.collect(), ..asked };
        let left = unmet(&asked, &records());
        left.into_iter()
            .map(|one| format!("{}: {}", one.claim, one.instead))
            .collect()
    }

    #[test]
    fn what_came_instead_is_told() {
        let all = Claims::default;
        // The second is missing, the third is not.
        assert_eq!(
            left(&["start", "stop speed=3 rpm->0", "sleep"], all()),
            ["stop speed=3 rpm->0: after start (04:41:42.123) came \
              04:41:42.123: stop speed=255 rpm->0"]
        );
        // As few as possible are missing, wherever the others are.
        assert_eq!(
            left(&["sleep", "start", "stop"], all()),
            ["sleep: came 04:41:42.123: start; it came later, 04:41:42.123"]
        );
        assert_eq!(
            left(&["stop", "start", "sleep"], all()),
            ["start: after stop (04:41:42.123) came 04:41:42.123: sleep; it \
              came earlier, 04:41:42.123"]
        );
        assert_eq!(
            left(&["start colour=1"], all()),
            ["start colour=1: came 04:41:42.123: start without colour"]
        );
    }

    #[test]
    fn a_platform_answers_for_its_own_subspaces_and_time() {
        let of = |subspaces: &[u8]| Claims {
            subspaces: subspaces.to_vec(),
            ..Claims::default()
        };
        assert!(left(&["start"], of(&[4])).is_empty());
        assert_eq!(left(&["start"], of(&[5])), ["start: nothing came"]);
        let since = Some("2026-11-21T04:41:43Z".parse().unwrap());
        assert_eq!(
            left(&["start"], Claims { since, ..of(&[4]) }),
            ["start: nothing came; it came 04:41:42.123, before the command \
              began"]
        );
    }

    #[test]
    fn claims_read_back() {
        for text in ["a", "a b=1", "a b=1 c->0x2"] {
            assert_eq!(Claim::parse(text).unwrap().to_string(), text);
            let line = format!("  # asked {text}");
            assert_eq!(
                Claim::in_line(&line).unwrap().unwrap().to_string(),
                text
            );
        }
        assert!(Claim::parse("a b").is_err());
        assert!(Claim::parse(" ").is_err());
        assert!(Claim::in_line("asked a").is_none());
    }
}
