//! MCTP over several pairs at once, and what a message costs in accesses that
//! leave the guest.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use pccd_tests::Logs;
use pccd_tests::peer::{Peer, Request, Serving, extended};
use pcclab::session::{Config, Session};

use crate::lab::{Kernel, kernels, pass};

/// "MCTP", the command of every packet (DSP0292).
pub const MCTP: u32 = 0x5054_434d;

/// An endpoint at the other end of every pair of this mailbox: to a body of
/// two bytes it answers with `tag` and as many bytes as they say.
fn endpoint(mailbox: &Path, tag: u8) -> Serving {
    let mut pairs = Vec::new();
    Peer::open(mailbox).unwrap().serve(move |peer, request| {
        if pairs.is_empty() {
            pairs = peer.channels(std::time::Duration::from_secs(5))?;
        }
        let inbox = pairs
            .iter()
            .find(|c| c.subspace == request.subspace)
            .and_then(|c| c.paired)
            .context("an outbox without inbox")?;
        let packet = answer(request, tag)?;
        peer.reply(request, 1, None, &extended(inbox, MCTP, &packet))
    })
}

/// Header: version, destination, source, flags and tag (DSP0236 §8.1).
fn answer(request: &Request, tag: u8) -> Result<Vec<u8>> {
    let (command, packet) = request.parts(true);
    let [version, to, from, flags, kind, high, low] = *packet else {
        anyhow::bail!("{packet:02x?} is no packet of ours");
    };
    anyhow::ensure!(command == MCTP, "command {command:#x}");
    let mut reply = vec![version, from, to, flags & !0x08, kind, tag];
    reply.resize(6 + usize::from(u16::from_be_bytes([high, low])), 0x5a);
    Ok(reply)
}

fn config(logs: &Logs, kernel: Kernel, script: &str) -> Config {
    let lab = kernel.lab("MODULE");
    let mut config = Config::new(lab, logs.path(), &["sh", "-c", script]);
    config.pccd = false;
    if kernel == Kernel::Old {
        // It may lose an interrupt of another processor: see channels.sh.
        config.qemu_args = vec!["-smp".into(), "1".into()];
    }
    config
}

#[test]
#[ignore = "Linux 6.12: make test-long"]
fn the_demo_passes_on_linux_6_12() {
    let logs = Logs::new();
    let mut config = config(&logs, Kernel::Old, "exec sh /tests/demo.sh");
    config.pccd = true;
    let lines = pass("demo", Session::start(config).unwrap());
    assert!(lines.iter().any(|l| l == "1..11"), "{lines:#?}");
}

#[test]
fn two_pairs_have_a_mailbox_each() {
    let script = "
        set -e
        # INTERFACE OURS THEIRS TAG
        pair() {
            mctp link $1 up
            mctp address add $2 dev $1
            mctp route add $3 dev $1
        }
        pair mctppcc1 8 9
        pair mctppcc3 18 19
        for _ in 1 2 3; do
            mctp request --eid 9 --type 0x7e --expect 015a5a 0002
            mctp request --eid 19 --type 0x7e --expect 025a5a 0002
        done
        ls -d1 /sys/bus/platform/devices/DMT0001:0*";
    for &kernel in kernels() {
        let logs = Logs::new();
        let mut config = config(&logs, kernel, script);
        let second = logs.path().join("second");
        config.qemu_args.extend([
            "-object".into(),
            format!("pcc-mailbox-dir,id=second,path={}", second.display())
                .into(),
            "-device".into(),
            "pcc-mctp,mailbox=second".into(),
        ]);
        let session = Session::start(config).unwrap();
        let peers = [endpoint(&session.mailbox(), 1), endpoint(&second, 2)];
        let lines = pass(&format!("{kernel:?}"), session);
        for peer in peers {
            peer.stop().unwrap();
        }
        for device in ["DMT0001:00", "DMT0001:01"] {
            assert!(lines.iter().any(|l| l.ends_with(device)), "{lines:#?}");
        }
    }
}

/// Body sizes of answers; the last fills the region of 8 KiB.
const SIZES: [usize; 5] = [1, 60, 1000, 4000, 8170];

/// Accesses to registers and memory that left the guest, request by request:
/// from behind one doorbell to the next one, which is in.
fn accesses(qemu_log: &str) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut count = 0;
    for line in qemu_log.lines() {
        if line.contains("pcc_outbox_command") {
            counts.push(count);
            count = 0;
        } else if [
            "pcc_channel_read ",
            "pcc_channel_write ",
            "pcc_channel_mem_",
        ]
        .iter()
        .any(|event| line.contains(event))
        {
            count += 1;
        }
    }
    // What came before the first request is the binding of the channels.
    counts.drain(..counts.len().min(1));
    counts
}

/// The SSDT of MCTP devices, each on an outbox and the inbox behind it (facts
/// of `pcc-mctp`'s own one: two DWord descriptors of resource type 0x0A, ACPI
/// 6.5 §6.4.3.5.2).
pub fn mctp_table(folder: &Path, outboxes: &[u16]) -> String {
    let mut devices = String::new();
    for outbox in outboxes {
        let mut crs = String::new();
        for id in [*outbox, outbox + 1] {
            let _ = write!(
                crs,
                "0x87,0x17,0,0x0A,0x0D,0, 0,0,0,0, {id},0,0,0, {id},0,0,0, \
                 0,0,0,0, 1,0,0,0, "
            );
        }
        let _ = write!(
            devices,
            "Device (\\_SB.MC{outbox:02X}) {{
               Name (_HID, \"DMT0001\") Name (_UID, {outbox})
               Name (_CRS, Buffer () {{ {crs} 0x79, 0 }}) }}\n"
        );
    }
    let asl = folder.join("mctp.asl");
    let text = format!(
        "DefinitionBlock (\"\", \"SSDT\", 2, \"PCCD\", \"PCCMCTP\", 1) {{
           {devices} }}"
    );
    std::fs::write(&asl, text).unwrap();
    let output = Command::new("iasl")
        .arg("-p")
        .arg(folder.join("mctp"))
        .arg(&asl)
        .output()
        .expect("iasl, from acpica-tools");
    assert!(output.status.success(), "{output:?}");
    folder.join("mctp.aml").display().to_string()
}

/// One request for each of [`SIZES`]; the accesses of each.
fn measure(trapped: bool) -> Vec<usize> {
    let logs = Logs::new();
    let mut script = String::from(
        "set -e
         link=$(mctp link wait)
         mctp link $link mtu 8176
         mctp link $link up
         mctp address add 8 dev $link
         mctp route add 9 dev $link mtu 8176
         ask() { mctp request --eid 9 --type 0x7e \"$1\" | wc -c; }
        ",
    );
    // The first, too, is counted to the doorbell of the one that follows.
    for size in SIZES.iter().chain(&[1]) {
        let _ = writeln!(script, "ask {size:04x}");
    }
    let mut config = config(&logs, Kernel::New, &script);
    if trapped {
        let table = mctp_table(logs.path(), &[0]);
        config.machine = "virt,pcc=bare".to_owned();
        for words in [
            "-device",
            "pcc-type3,id=out,completion=posted,size=8192,\
             mailbox=pcc,shmem=trapped",
            "-device",
            "pcc-type4,paired=out,size=8192,mailbox=pcc,\
             shmem=trapped",
            "-acpitable",
            &format!("file={table}"),
        ] {
            config.qemu_args.push(words.into());
        }
    }
    let session = Session::start(config).unwrap();
    let peer = endpoint(&session.mailbox(), 1);
    let lines = pass(&format!("trapped: {trapped}"), session);
    peer.stop().unwrap();
    for (line, size) in lines.iter().zip(SIZES) {
        let printed: usize = line.trim().parse().unwrap();
        assert!(printed > 2 * size, "{size}: {lines:#?}");
    }
    let log = std::fs::read_to_string(logs.path().join("qemu.log")).unwrap();
    accesses(&log)
}

#[test]
fn a_request_and_its_answer_cost_four_accesses() {
    let ram = measure(false);
    let trapped = measure(true);
    println!("trapped accesses of an MCTP request and its answer:");
    for ((size, ram), trapped) in SIZES.iter().zip(&ram).zip(&trapped) {
        println!("{size} bytes: {ram} with shmem=ram, {trapped} with trapped");
    }
    assert_eq!(ram.len(), SIZES.len(), "{ram:?}");
    assert_eq!(trapped.len(), SIZES.len(), "{trapped:?}");
    for (size, (ram, trapped)) in SIZES.iter().zip(ram.iter().zip(&trapped)) {
        assert!(*ram <= 4, "{size} bytes: {ram} accesses");
        // Or nothing was counted at all.
        assert!(*ram >= 2, "{size} bytes: {ram} accesses");
        assert!(*trapped > size / 8, "{size} bytes: {trapped} accesses");
    }
}
