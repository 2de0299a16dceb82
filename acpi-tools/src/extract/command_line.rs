//! Makes a QEMU command line one that starts nothing.

use std::ffi::{OsStr, OsString};

use anyhow::{Result, bail};

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// QEMU.
    pub program: OsString,
    /// What is left of the arguments.
    pub arguments: Vec<OsString>,
}

/// Options that go with their value: what runs is none of the tables'
/// business, and the accelerator will be qtest.
const DROPPED: &[&str] = &[
    "accel", "append", "gdb", "incoming", "initrd", "kernel", "pidfile", "shim",
];
/// Options without a value that go.
const DROPPED_ALONE: &[&str] = &["daemonize", "enable-kvm", "s", "S"];
/// What comes in front: PCI devices need no ROM, as nothing will run it, and
/// a QEMU that was built but not installed has none.
const ADDED: &[&str] = &["-global", "pci-device.romfile="];

/// Takes out what would run a guest or need an accelerator.
///
/// ```
/// use acpi_tools::extract::command_line::prepare;
/// let words = ["qemu", "-M", "virt,accel=kvm", "-cpu", "host", "-S"];
/// let line = prepare(&words.map(Into::into)).unwrap();
/// assert!(line.arguments.ends_with(&["-M", "virt", "-cpu", "max"].map(Into::into)));
/// ```
///
/// # Errors
/// When there is no program, or qtest is in use already.
pub fn prepare(words: &[OsString]) -> Result<CommandLine> {
    let Some((program, rest)) = words.split_first() else {
        bail!(
            "no QEMU command line: give it after --, as in \
             -- qemu-system-aarch64 -machine virt,pcc=on"
        );
    };
    let mut arguments: Vec<_> = ADDED.iter().map(OsString::from).collect();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        let option = word.to_str().and_then(|word| {
            // QEMU takes one dash or two.
            word.strip_prefix("--").or(word.strip_prefix('-'))
        });
        match option {
            Some(option) if DROPPED.contains(&option) => {
                rest.next();
            }
            Some(option) if DROPPED_ALONE.contains(&option) => {}
            Some(option) if option.starts_with("qtest") => bail!(
                "the command line has {}: acpi-tools needs qtest for itself; \
                 leave it out",
                word.display()
            ),
            Some("machine" | "M") => {
                arguments.push(word.clone());
                arguments.extend(rest.next().map(|value| machine(value)));
            }
            Some("cpu") => {
                arguments.push(word.clone());
                arguments.extend(rest.next().map(|value| cpu(value)));
            }
            _ => arguments.push(word.clone()),
        }
    }
    Ok(CommandLine { program: program.clone(), arguments })
}

/// Without the accelerator. A doubled comma belongs to a value.
fn machine(value: &OsStr) -> OsString {
    let Some(text) = value.to_str() else { return value.to_owned() };
    let mark = "\u{0}";
    let joined = text.replace(",,", mark);
    let kept = joined.split(',').filter(|part| !part.starts_with("accel="));
    kept.collect::<Vec<_>>().join(",").replace(mark, ",,").into()
}

/// The host's processor is there under KVM only; tables do not differ.
fn cpu(value: &OsStr) -> OsString {
    match value.to_str() {
        Some(text) if text == "host" || text.starts_with("host,") => {
            "max".into()
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<CommandLine> {
        let words = text.split_whitespace().map(OsString::from);
        prepare(&words.collect::<Vec<_>>())
    }

    #[test]
    fn what_runs_is_taken_out_and_the_rest_stays() {
        let all = line(
            "/q/qemu --enable-kvm -accel kvm -machine virt,accel=tcg,pcc=on \
             -kernel Image -append quiet -m 1G -device pcc-channel,x=a,,b \
             -daemonize -s -gdb tcp::1 -cpu host,sve=off",
        )
        .unwrap();
        assert_eq!(all.program, "/q/qemu");
        let left = all.arguments[ADDED.len()..].join(OsStr::new(" "));
        assert_eq!(
            left,
            "-machine virt,pcc=on -m 1G -device pcc-channel,x=a,,b -cpu max"
        );
        let path = machine(OsStr::new("virt,x=/a,,accel=b,accel=hvf"));
        assert_eq!(path, "virt,x=/a,,accel=b");
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert!(line("").unwrap_err().to_string().contains("after --"));
        let error = line("qemu -qtest unix:x").unwrap_err().to_string();
        assert!(error.contains("leave it out"), "{error}");
    }
}
