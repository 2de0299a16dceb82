//! What the cases share: a guest with channels from the command line, and the
//! platform that `guest-scripts/tests/channels.sh` expects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use pccd_tests::peer::{
    Channel, Envelope, Peer, Request, Serving, extended, flag, generic,
};
use pccd_tests::{Logs, built};
use pcclab::exchange::Script;
use pcclab::judge::judge;
use pcclab::lab::Lab;
use pcclab::run::{Verdict, exit};
use pcclab::session::{Config, Session};

/// The kernels under test: Linux 7.x, and in `make test-long`, which sets
/// `PCCD_LONG`, Linux 6.12.
pub fn kernels() -> &'static [Kernel] {
    match std::env::var_os("PCCD_LONG") {
        None => &[Kernel::New],
        Some(_) => &[Kernel::New, Kernel::Old],
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    New,
    Old,
    /// Linux 7.x with what looks over drivers' shoulders.
    Debug,
}

impl Kernel {
    /// What was built for it, by its name for the first.
    pub fn built(self, name: &str) -> PathBuf {
        built(&match self {
            Kernel::New => name.to_owned(),
            Kernel::Old => format!("{name}_6_12"),
            Kernel::Debug => format!("{name}_DEBUG"),
        })
    }

    /// What a run with this kernel and the lab's driver `module` is made of.
    pub fn lab(self, module: &str) -> Lab {
        Lab::find(Some(&self.built("KERNEL")), &[self.built(module)]).unwrap()
    }
}

/// A guest of channels given as `-device pcc-type…`, with the
/// pcc-client loaded; nobody plays the platform yet.
pub fn guest(
    logs: &Logs,
    kernel: Kernel,
    machine: &str,
    channels: &[String],
    script: &str,
) -> Config {
    let mut config = Config::new(
        kernel.lab("PCC_CLIENT"),
        logs.path(),
        &["sh", "-c", script],
    );
    config.pccd = false;
    config.machine = format!("virt,{machine}");
    for channel in channels {
        let mut device = format!("{channel},mailbox=pcc");
        // Linux's clients wait 500 times as long; this host may be busy. What
        // only receives has no latency.
        if !channel.starts_with("pcc-type4") && !channel.contains("latency") {
            device.push_str(",latency-us=4000");
        }
        config.qemu_args.extend(["-device".into(), device.into()]);
    }
    let table = format!("file={}", built("PCC_CLIENT_AML").display());
    config.qemu_args.extend(["-acpitable".into(), table.into()]);
    config
}

/// Runs to the end; all the guest printed, and what it amounts to.
pub fn finish(session: Session) -> (Verdict, Vec<String>) {
    let mut script = Script::default();
    let mut lines = Vec::new();
    let outcome = session
        .finish(|line| {
            script.line(line, std::time::Duration::ZERO);
            lines.push(line.to_owned());
        })
        .unwrap();
    (judge(&outcome, &script, Duration::from_secs(60)), lines)
}

/// Runs to the end; everything must have passed.
pub fn pass(what: &str, session: Session) -> Vec<String> {
    let (verdict, lines) = finish(session);
    assert_eq!(
        verdict.code,
        exit::PASS,
        "{what}: {}\n{}",
        verdict.text,
        lines.join("\n")
    );
    lines
}

/// The platform of `channels.sh`, at work in this mailbox.
pub fn platform(mailbox: &Path) -> Serving {
    let mut channels = BTreeMap::new();
    let mut lives = 0;
    Peer::open(mailbox).unwrap().serve(move |peer, request| {
        if channels.is_empty() {
            let list = peer.channels(Duration::from_secs(5))?;
            channels.extend(list.into_iter().map(|c| (c.subspace, c)));
        }
        let channel = channels
            .get(&request.subspace)
            .with_context(|| format!("{request:?} of no channel"))?;
        if request.parts(channel.kind >= 3).0 & 0xff == 0x0c {
            lives += 1;
        }
        act(peer, channel, request, lives)
    })
}

/// Does what the command's code says.
fn act(
    peer: &mut Peer,
    channel: &Channel,
    request: &Request,
    lives: u8,
) -> Result<()> {
    let id = request.subspace;
    let (code, data) = request.parts(channel.kind >= 3);
    // Types 0 to 2 hold the whole region; bit 15 asks for an interrupt.
    let code = if channel.kind >= 3 { code } else { code & 0x7fff };
    let used = data.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1);
    let data = if channel.kind >= 3 { data } else { &data[..used] };
    let complement: Vec<u8> = data.iter().map(|b| !b).collect();
    let answer = |id: u16, data: &[u8]| match channel.kind {
        3.. => extended(id, code, data),
        _ => generic(id, code.try_into().unwrap_or_default(), data),
    };
    let envelope =
        |flags, delay_ms| Some(Envelope { flags, delay_ms, subspace: id });
    let envelope = match code {
        _ if channel.completion == "posted" => return Ok(()),
        0x0b => return Ok(()),
        0x0c => {
            peer.reply(request, 1, None, &answer(id, &[lives]))?;
            return Ok(());
        }
        0x02 => envelope(flag::ERROR, 0),
        0x03 => {
            std::thread::sleep(Duration::from_millis(50));
            None
        }
        0x04 => envelope(flag::NO_INTERRUPT, 0),
        0x05 => envelope(flag::DOUBLE_INTERRUPT, 0),
        0x06 => envelope(flag::EARLY_INTERRUPT, 30),
        0x08 => envelope(0, 0),
        0x09 => envelope(0, 50),
        0x0a => {
            for number in 1..=data[1] {
                let mut data = data[2..].to_vec();
                data.push(number);
                let inbox = u16::from(request.parts(channel.kind >= 3).1[0]);
                peer.send(inbox, None, &extended(inbox, 0x77, &data))?;
            }
            None
        }
        _ => None,
    };
    let signature = if code == 0x08 { id + 1 } else { id };
    peer.reply(request, 1, envelope, &answer(signature, &complement))?;
    if code == 0x07 {
        let notification = generic(id, 0, data);
        let flags = flag::NOTIFICATION;
        let envelope = Envelope { flags, delay_ms: 0, subspace: id };
        peer.send(id, Some(envelope), &notification)?;
    }
    Ok(())
}
