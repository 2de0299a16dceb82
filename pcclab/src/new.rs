//! A small platform that works, to begin with: its files say what to change
//! next. pcc-client is the driver until there is another.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pccd::made::Made;

use crate::lab::shell_quote;
use crate::platform;

/// The two kinds of channels there are for a platform to answer on.
struct Example {
    platform: &'static str,
    handlers: &'static str,
    test: &'static str,
}

/// Types 0 to 3: the guest asks.
const ASKED: Example = Example {
    platform: r#"{
  "$schema": "@PLATFORM_SCHEMA@",
  "description": "say here which hardware this is",
  "driver": "pcc-client, until yours is there",
  "modes": [@MODES@],
  "channels": [
    { "name": "adder", "plays": "@NAME@", "device": { "subspace-type": @TYPE@, "size": 64, "latency-us": 2000 } }
  ],
  "asl": "@FILE@.asl",
  "modules": ["pcc-client"],
  "needs": { "MODULES": "/sys/kernel/debug/pcc-client/0" },
  "test": "test.sh",@ON@
  "defects": [
    { "file": "@FILE@.json", "from": "request.left + request.right", "to": "request.left + 1" }
  ]
}
"#,
    handlers: r#"{
  "$schema": "@HANDLER_SCHEMA@",
  "channels": [
    {
      "name": "@NAME@",
      "description": "Put the registers and commands of your hardware here: messages/README.md, Channels of registers. Offsets count from the byte behind the header.",
      "registers": {
        "left": { "offset": 0, "width": 8 },
        "right": { "offset": 1, "width": 8 },
        "sum": { "offset": 2, "width": 8, "access": "ro" }
      },
      "commands": [
        {
          "name": "add", "code": 1,
          "description": "The first command whose code and `when` fit answers; all others end with error status.",
          @LENGTH@"set": { "sum": "{{ request.left + request.right }}" }
        },
        {
          "name": "again", "code": 2,
          "description": "What was asked before is still in the registers.",
          "take": false, @LENGTH@"set": { "sum": "{{ state.left + state.right }}" }
        }
      ]
    }
  ]
}
"#,
    test: r#"plan 2
pcc_control "$CHANNEL_ADDER" bind

# A test each, from `step` to `result`. `asked` claims what the platform was
# asked and what it answered; the runner looks for it in pccd's log.
step 'the platform adds'
asked add left=2 right=3 'sum->5'
holds "$(pcc "$CHANNEL_ADDER" 0x01 0203)" result=ok data=020305
result $?

step 'the platform remembers'
asked again 'sum->5'
holds "$(pcc "$CHANNEL_ADDER" 0x02)" result=ok data=020305
result $?

end
"#,
};

/// Type 4: the platform speaks.
const UNASKED: Example = Example {
    platform: r#"{
  "$schema": "@PLATFORM_SCHEMA@",
  "description": "say here which hardware this is",
  "driver": "pcc-client, until yours is there",
  "modes": [@MODES@],
  "channels": [
    { "name": "inbox", "plays": "@NAME@", "device": { "subspace-type": @TYPE@, "size": 64 } }
  ],
  "asl": "@FILE@.asl",
  "modules": ["pcc-client"],
  "needs": { "MODULES": "/sys/kernel/debug/pcc-client/0" },
  "test": "test.sh",
  "defects": [
    { "file": "@FILE@.json", "from": "beef01", "to": "beef02" }
  ]
}
"#,
    handlers: r#"{
  "$schema": "@HANDLER_SCHEMA@",
  "channels": [
    {
      "name": "@NAME@",
      "description": "Put what your hardware says unasked here: messages/README.md, Channels of registers. Offsets count from the byte behind the header.",
      "registers": {
        "data": { "offset": 0, "bytes": 3, "access": "ro" }
      },
      "commands": [],
      "notifications": [
        {
          "name": "hello", "after": 1,
          "description": "Milliseconds after the guest starts; it waits until a driver is there.",
          "header": { "command": 119 }, "set": { "data": "beef01" }
        }
      ]
    }
  ]
}
"#,
    test: r#"plan 1
pcc_control "$CHANNEL_INBOX" bind
# Linux 7.x tells the platform that it may send, 6.12 leaves it to the driver.
[ -z "$linux_6" ] || pcc_control "$CHANNEL_INBOX" ring

# A test each, from `step` to `result`.
step 'the platform says hello'
pcc_wait "$CHANNEL_INBOX" messages 1 &&
	holds "$(cat "$pcc_clients/$CHANNEL_INBOX/messages")" data=beef01
result $?

end
"#,
};

const HEAD: &str = r#"#!/bin/sh
# shellcheck disable=SC1091,SC2154 # /tests is the guest's
# The test of this platform; it runs in the guest. Add tests of your driver:
# what they may use stands in guest-scripts/tests/platform.sh and lib.sh, and
# `plan` says how many there are. $MODE is irq or poll, $CHANNEL_NAME the
# subspace of the channel `name` in platform.json.

. /tests/platform.sh

"#;

const ASL: &str = r#"// The SSDT of this platform. CHANNEL_@CHANNEL@ is the subspace id of the channel
// in platform.json, MODE_IRQ or MODE_POLL is defined for #ifdef.
DefinitionBlock ("", "SSDT", 2, "PCCD", "@TABLE@", 1)
{
  Scope (\_SB)
  {
    // What pcc-client.ko binds to; it offers every subspace there is. For a
    // driver of your own: its _HID, and what it finds its channel by, as in
    //   Name (_CRS, ResourceTemplate () { Register (PCC, 8, 0, 0, CHANNEL_@CHANNEL@) })
    // Then take pcc-client out of `modules` in platform.json, and give your
    // driver with pcclab run --module, or name it in `drivers`.
    Device (PCCL)
    {
      Name (_HID, "PCCD0001")
      Name (_UID, CHANNEL_@CHANNEL@)
    }
  }
}
"#;

/// Linux 6.12 loses some of type 3's interrupts.
const ON: &str = r#"
  "on": {
    "6.12": {
      "modes": ["irq"], "smp": 1,
      "because": "Linux 6.12 marks a type 3 channel as in use only after it rang the doorbell; an interrupt that another processor takes in between is lost (fixed in 7.x)"
    }
  },"#;

/// Makes a platform with a channel of this type in a new folder; returns what
/// to say of it.
///
/// # Errors
/// When the folder is there, its name is not one for a platform, or it cannot
/// be written.
pub fn make(path: &Path, kind: u8) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let Some(name) =
        name.filter(|it| it.chars().all(plain) && !it.starts_with(['-', '.']))
    else {
        bail!(
            "a platform cannot be called {:?}: letters, digits, `-`, `_` and \
             `.` are possible",
            path.display()
        );
    };
    let absolute = std::path::absolute(path)?;
    let files = files(name, kind, &absolute)?;
    let mut made = Made::default();
    if let Some(parent) = absolute.parent() {
        made.folders(parent)
            .with_context(|| format!("making {}", parent.display()))?;
    }
    match made.folder(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is there already: give a name that is not there yet",
            path.display()
        ),
        other => other.with_context(|| format!("making {}", path.display()))?,
    }
    for (file, text) in files {
        let path = path.join(file);
        made.file(&path, text.as_bytes())
            .with_context(|| format!("writing {}", path.display()))?;
    }
    made.keep();
    // Without a slash it would be a folder of messages/.
    let shown = match path.is_absolute() || path.starts_with("..") {
        true => path.to_owned(),
        false => Path::new(".").join(path.strip_prefix(".").unwrap_or(path)),
    };
    let word = shown.to_string_lossy();
    let word = match word.chars().all(|c| plain(c) || c == '/') {
        true => word.into_owned(),
        false => shell_quote(&shown.clone().into_os_string()),
    };
    Ok(format!(
        "{} has a platform with a channel of type {kind}. Next:\n  \
         pcclab run --platform {word}        # it passes\n  \
         pcclab check {word}                 # after each change\n  \
         pcclab defects {word}               # does its test notice mistakes?\n\
         platform.json, {name}.json, {name}.asl and test.sh say what to change",
        shown.display()
    ))
}

/// The files, by name.
fn files(name: &str, kind: u8, folder: &Path) -> Result<Vec<(String, String)>> {
    let (example, channel) = match kind {
        0..=3 => (ASKED, "ADDER"),
        4 => (UNASKED, "INBOX"),
        _ => bail!("there is no example of type {kind}: 0 to 4"),
    };
    let modes = match kind {
        // ACPI 6.5 §14.1.3: no interrupt at all.
        0 => "\"poll\"",
        // An inbox cannot be polled.
        4 => "\"irq\"",
        _ => "\"irq\", \"poll\"",
    };
    let (on, length) = match kind {
        // Three bytes behind the command, which is counted, too.
        3 => (ON, "\"header\": { \"length\": 7 }, "),
        _ => ("", ""),
    };
    // An OEM table id has eight characters.
    let table: String = name
        .to_uppercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    let fill = |text: &str| {
        text.replace("@PLATFORM_SCHEMA@", &schema("platform.schema", folder))
            .replace("@HANDLER_SCHEMA@", &schema("schema", folder))
            .replace("@MODES@", modes)
            .replace("@TYPE@", &kind.to_string())
            .replace("@ON@", on)
            .replace("@LENGTH@", length)
            .replace("@CHANNEL@", channel)
            .replace("@TABLE@", &table)
            .replace("@FILE@", name)
            .replace("@NAME@", name)
    };
    let test = format!("{HEAD}{}", example.test);
    Ok(vec![
        ("platform.json".to_owned(), fill(example.platform)),
        (format!("{name}.json"), fill(example.handlers)),
        (format!("{name}.asl"), fill(ASL)),
        ("test.sh".to_owned(), fill(&test)),
    ])
}

/// Where an editor finds a schema of messages/.
fn schema(name: &str, folder: &Path) -> String {
    let messages = platform::folder();
    let messages = messages.canonicalize().unwrap_or(messages);
    let beside = folder.parent().and_then(|it| it.canonicalize().ok());
    match beside.as_ref() == Some(&messages) {
        true => format!("../{name}.json"),
        false => {
            let path = messages.join(format!("{name}.json"));
            format!("file://{}", path.display().to_string().replace(' ', "%20"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Options, check};
    use crate::defects::spoil;
    use crate::platform::Platform;

    #[test]
    fn what_is_made_has_no_mistakes() {
        let place = tempfile::tempdir().unwrap();
        for kind in 0..=4 {
            let path = place.path().join(format!("board-{kind}"));
            let said = make(&path, kind).unwrap();
            let name = path.display().to_string();
            let run = format!("pcclab run --platform {name} ");
            assert!(said.contains(&run), "{said}");
            let options = Options { qemu: crate::check::qemu(), kernel: None };
            let report = check(&name, &options).unwrap();
            assert!(report.mistakes.is_empty(), "{report:#?}");
            assert!(report.notes.is_empty(), "{report:#?}");
            assert!(
                options.qemu.is_none() || report.unseen.is_empty(),
                "{report:#?}"
            );
            // Its defects can be made.
            let platform = Platform::load(&name).unwrap();
            for defect in platform.defects() {
                let root = tempfile::tempdir().unwrap();
                spoil(&platform, defect, root.path()).unwrap();
            }
            assert!(!platform.defects().is_empty());
            // Nothing is left to be filled in.
            for entry in std::fs::read_dir(&path).unwrap() {
                let text =
                    std::fs::read_to_string(entry.unwrap().path()).unwrap();
                assert!(!text.contains('@'), "{text}");
            }
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/board");
        make(&path, 2).unwrap();
        std::fs::write(path.join("test.sh"), "mine").unwrap();
        let error = format!("{:#}", make(&path, 2).unwrap_err());
        assert!(error.contains("not there yet"), "{error}");
        let left = std::fs::read_to_string(path.join("test.sh")).unwrap();
        assert_eq!(left, "mine");
        for wrong in ["my board", "..", "-x", ".hidden", "a$b"] {
            let path = place.path().join("b").join(wrong);
            assert!(make(&path, 2).is_err(), "{wrong}");
        }
        assert!(make(&place.path().join("c"), 5).is_err());
        for left in ["b", "c"] {
            assert!(!place.path().join(left).exists(), "{left}");
        }
        // What is in the way is not the name.
        let path = Path::new("/proc/board");
        let error = format!("{:#}", make(path, 2).unwrap_err());
        assert!(error.starts_with("making /proc/board: "), "{error}");
    }

    #[test]
    fn schemas_are_found() {
        let own = schema("schema", &platform::folder().join("fan"));
        assert_eq!(own, "../schema.json");
        let place = tempfile::tempdir().unwrap();
        let other = schema("schema", &place.path().join("fan"));
        let path = other.strip_prefix("file://").unwrap();
        assert!(Path::new(&path.replace("%20", " ")).is_file(), "{other}");
    }
}
