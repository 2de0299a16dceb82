//! What QEMU says of a platform's devices: it makes them, in a machine that
//! never starts.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pccd::script::problem::nearest;

use crate::config::{CPU, escaped, mailbox};
use crate::logs::Scratch;
use crate::process::{Running, child};

/// QEMU makes a machine in a tenth of a second.
const LONGEST: Duration = Duration::from_secs(30);

/// A device that QEMU does not take.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which of those given.
    pub device: usize,
    /// The property that is wrong, if it is one.
    pub property: Option<String>,
    /// What is wrong with it.
    pub text: String,
    /// If there is no such property: that it may be.
    pub known: Option<Vec<String>>,
}

/// The properties of a device that can be set.
fn properties(qemu: &Path, driver: &str) -> Result<Vec<String>> {
    let output = Command::new(qemu)
        .args(["-machine", "none", "-device", &format!("{driver},help")])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", qemu.display()))?;
    Ok(names(&String::from_utf8_lossy(&output.stdout)))
}

fn names(help: &str) -> Vec<String> {
    help.lines()
        .filter(|line| !line.contains("State, not to be set"))
        .filter_map(|line| line.trim().split_once("=<"))
        .filter(|(_, rest)| !rest.starts_with("child"))
        .map(|(name, _)| name.to_owned())
        // These are pcclab's to give.
        .filter(|name| !["mailbox", "subspace"].contains(&name.as_str()))
        .collect()
}

/// What QEMU does not take of these devices.
///
/// # Errors
/// When it does not say so of one of them.
pub fn wrong(
    qemu: &Path,
    machine: &str,
    devices: &[String],
) -> Result<Vec<Wrong>> {
    let folder = Scratch::new()?;
    let mut found: Vec<Wrong> = Vec::new();
    let mut left: Vec<(usize, String)> =
        devices.iter().cloned().enumerate().collect();
    while let Some(said) = refusal(
        qemu,
        machine,
        left.iter().map(|(_, device)| device),
        folder.path(),
    )? {
        // QEMU stops at the first.
        let first = left.iter().enumerate().find_map(|(at, (_, device))| {
            let rest = said.split_once("-device ")?.1;
            let text = rest.strip_prefix(device.as_str())?;
            Some((at, text.strip_prefix(": ")?))
        });
        let Some((at, text)) = first else {
            bail!("{} says: {said}", qemu.display());
        };
        let (device, words) = left.remove(at);
        let property = property(text);
        let mut known = None;
        if let Some(property) = &property
            && let Some((driver, _)) = words.split_once(',')
        {
            let names = properties(qemu, driver)?;
            let mended = mended(&words, property, &names);
            known = (!names.contains(property)).then_some(names);
            // What is wrong with the rest of it.
            let again = found.iter().any(|it| {
                it.device == device && it.property.as_ref() == Some(property)
            });
            if !again && let Some(mended) = mended {
                left.insert(at, (device, mended));
            }
        }
        let text = text.to_owned();
        found.push(Wrong { device, property, text, known });
    }
    Ok(found)
}

/// A device with the property that was probably meant, or without it.
fn mended(device: &str, property: &str, names: &[String]) -> Option<String> {
    let start = format!(",{property}=");
    let at = device.find(&start)?;
    let (before, rest) = device.split_at(at);
    let rest = rest.strip_prefix(&start)?;
    if !names.iter().any(|name| name == property)
        && let Some(meant) = nearest(property, names.iter().map(|n| &**n))
    {
        return Some(format!("{before},{meant}={rest}"));
    }
    // A comma in a value stands there twice.
    let mut end = 0;
    while let Some(comma) = rest.get(end..).and_then(|it| it.find(',')) {
        end += comma;
        if !rest.get(end..).is_some_and(|it| it.starts_with(",,")) {
            return Some(format!("{before}{}", rest.get(end..)?));
        }
        end += 2;
    }
    Some(before.to_owned())
}

/// The property in QEMU's words: `'size'`, `'pcc-type2.size'`.
fn property(text: &str) -> Option<String> {
    let start = text.to_lowercase();
    if !start.starts_with("property '") {
        return None;
    }
    let name = text.split('\'').nth(1)?;
    Some(name.rsplit('.').next().unwrap_or(name).to_owned())
}

/// What QEMU says before it refuses a machine with these devices.
fn refusal<'a>(
    qemu: &Path,
    machine: &str,
    devices: impl Iterator<Item = &'a String>,
    folder: &Path,
) -> Result<Option<String>> {
    let mailbox = mailbox(folder);
    let mailbox = escaped(&mailbox.to_string_lossy());
    let log = folder.join("qemu.log");
    let mut command = child(qemu);
    command
        .args(["-machine", machine, "-object"])
        .arg(format!("pcc-mailbox-dir,id=pcc,path={mailbox}"))
        .args(["-cpu", CPU, "-m", "128M", "-nodefaults", "-S"])
        .args(["-display", "none", "-monitor", "stdio"]);
    for device in devices {
        command.args(["-device", device]);
    }
    let mut running = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log)?)
        .spawn()
        .map(Running)
        .with_context(|| format!("starting {}", qemu.display()))?;
    if let Some(mut monitor) = running.0.stdin.take() {
        // It may have ended by then.
        let _ = monitor.write_all(b"quit\n");
    }
    let start = Instant::now();
    let status = loop {
        if let Some(status) = running.0.try_wait()? {
            break status;
        }
        if start.elapsed() > LONGEST {
            bail!("{} does not end", qemu.display());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    if status.success() {
        return Ok(None);
    }
    let said = std::fs::read(&log)?;
    Ok(Some(String::from_utf8_lossy(&said).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn settable_properties_are_read_from_help() {
        let help = "pcc-type2 options:
  complete=<bool>        - State, not to be set
  mailbox=<link<pcc-mailbox-dir>> - Mailbox of the messages
  pcct-ack=<str>         - Acknowledge register, in the table only
  size=<uint64>          - Bytes of shared memory (default: 4096)
";
        assert_eq!(names(help), ["pcct-ack", "size"]);
    }

    #[test]
    fn a_property_is_mended() {
        let names = ["size".to_owned(), "interrupt".to_owned()];
        for (device, property, expected) in [
            ("a,size=3,b=1", "size", Some("a,b=1")),
            ("a,size=3", "size", Some("a")),
            ("a,size=1,,2,,,b=1", "size", Some("a,b=1")),
            ("a,size=1,,", "size", Some("a")),
            ("a,intrrupt=x,b=1", "intrrupt", Some("a,interrupt=x,b=1")),
            ("a,wholly=x,b=1", "wholly", Some("a,b=1")),
            ("a,b=1", "size", None),
        ] {
            let mended = mended(device, property, &names);
            assert_eq!(mended.as_deref(), expected, "{device}");
        }
    }

    /// A QEMU that says what ours says, one mistake after the other.
    #[test]
    fn every_device_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let qemu = folder.path().join("qemu");
        let script = r#"#!/bin/sh
for word; do
    says=
    case $word in
    a,help) echo ' size=<uint64>'; echo ' interrupt=<str>'; exit ;;
    *intrrupt*) says="Property 'pcc-type2.intrrupt' not found" ;;
    *interrupt=x*) says="property 'interrupt' must be 'always'" ;;
    *size=3*) says="property 'size' must be from 9" ;;
    *kind=4*) says="subspace 0 cannot do without" ;;
    *strange*) echo "out of memory" >&2; exit 1 ;;
    *) continue ;;
    esac
    echo "qemu: -device $word: $says" >&2
    exit 1
done
read -r quit
[ "$quit" = quit ]
"#;
        std::fs::write(&qemu, script).unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&qemu, mode).unwrap();
        let devices = [
            "a,size=64".to_owned(),
            "a,intrrupt=x,size=3".to_owned(),
            "a,kind=4".to_owned(),
        ];
        let found = wrong(&qemu, "virt", &devices).unwrap();
        let places: Vec<_> = found
            .iter()
            .map(|it| (it.device, it.property.as_deref(), it.known.is_some()))
            .collect();
        assert_eq!(
            places,
            [
                (1, Some("intrrupt"), true),
                (1, Some("interrupt"), false),
                (1, Some("size"), false),
                (2, None, false),
            ]
        );
        assert_eq!(found[3].text, "subspace 0 cannot do without");
        let error = wrong(&qemu, "virt", &["strange".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("out of memory"), "{error}");
    }
}
