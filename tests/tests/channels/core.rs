//! The rules of Linux's mailbox core, as `guest-scripts/tests/mailbox-core.sh`
//! states them.

use pccd_tests::Logs;
use pcclab::session::Session;

use crate::lab::{guest, kernels, pass, platform};

fn rules(mode: &str, devices: &[&str]) {
    let devices: Vec<_> = devices.iter().map(|d| (*d).to_owned()).collect();
    let script = format!("exec sh /tests/mailbox-core.sh {mode}");
    for &kernel in kernels() {
        let logs = Logs::new();
        let machine = format!("pcc=bare,pcc-mode={mode}");
        let mut config = guest(&logs, kernel, &machine, &devices, &script);
        if mode == "irq" {
            let pair = "pcc-mctp,mailbox=pcc";
            config.qemu_args.extend(["-device".into(), pair.into()]);
        }
        config.lab.modules.push(kernel.built("MODULE"));
        let session = Session::start(config).unwrap();
        let peer = platform(&session.mailbox());
        let lines = pass(&format!("{kernel:?}, {mode}"), session);
        peer.stop().unwrap();
        assert!(lines.iter().any(|l| l.starts_with("1..")), "{lines:#?}");
    }
}

#[test]
fn rules_with_interrupts() {
    rules(
        "irq",
        &["pcc-type2", "pcc-type3", "pcc-type2,pcct-latency-us=0", "pcc-type4"],
    );
}

#[test]
fn rules_without_interrupts() {
    rules("poll", &["pcc-type2", "pcc-type3"]);
}
