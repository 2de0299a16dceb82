//! What a guest's test, or a platform's description, says that the platform
//! was asked, held against what pccd logged.
//!
//! Reads text and records; does no I/O.

use anyhow::{Result, bail};
use pccd::record::{Event, Field, FieldValue, Record};

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
        reply.handler.as_deref().is_some_and(|handler| {
            handler == self.command
                || handler.rsplit('/').next() == Some(&self.command)
        }) && self.asked.iter().all(|pair| has(request, pair))
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

/// The claims that no exchange in the log bears out. Those of a guest are
/// found in its order: each after the one before.
pub fn unproven<'a>(claims: &'a [Claim], records: &[Record]) -> Vec<&'a Claim> {
    let exchanges: Vec<_> = records
        .iter()
        .filter_map(|reply| {
            let name = match reply.event {
                Event::Replied => reply.request.as_deref()?,
                // Taken, never to be answered
                Event::Ignored => reply.name.as_deref()?,
                _ => return None,
            };
            let request = records.iter().find(|record| {
                record.event == Event::Received
                    && record.name.as_deref() == Some(name)
            })?;
            Some((request, reply))
        })
        .collect();
    let mut from = 0;
    claims
        .iter()
        .filter(|claim| {
            let found = exchanges[from..]
                .iter()
                .position(|(request, reply)| claim.fits(request, reply));
            match found {
                Some(at) => from += at + 1,
                None => return true,
            }
            false
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
                "name":"{number}{}","request":"{number}","handler":"{handler}",
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
            // In another order, or oftener than it happened
            (&["stop", "start"], 1),
            (&["start", "start"], 1),
        ];
        for (texts, missing) in cases {
            let claims: Vec<_> =
                texts.iter().map(|text| Claim::parse(text).unwrap()).collect();
            let left = unproven(&claims, &records);
            assert_eq!(left.len(), *missing, "{texts:?}: {left:?}");
        }
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
