//! What 64 channels that nobody uses cost at boot.
//!
//! Compared is the processor time QEMU has used when the guest reaches user
//! space, which a busy host disturbs less than the clock on the wall: firmware,
//! tables, kernel, and the device's own start are in it. Still, a single pair
//! of runs differs by up to a quarter in either direction on a busy host, so
//! the runs are interleaved and the median of the ratios counts. Even the
//! median of 21 was once seen at 1.067 with six busy processes a core, where 41
//! runs at another time gave 1.022: the limit of 5 % is for `make test-long` on
//! a host that does nothing else, the quick test notices what is gross.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use pccd_tests::Logs;
use pcclab::session::{Config, Event, Session};

use crate::lab::Kernel;

/// Issue 4: not measurable, at most this much.
const STRICT: f64 = 1.05;
/// What the quick test can tell from noise.
const GROSS: f64 = 1.25;

/// The processor time of one boot, in seconds.
fn boot(channels: usize) -> f64 {
    let logs = Logs::new();
    // Not the lab's init: that one looks for PCC at length where there is none.
    let init = logs.path().join("init");
    std::fs::write(
        &init,
        "#!/bin/busybox sh\necho 'pcclab: begin'\nexec busybox sleep 1000\n",
    )
    .unwrap();
    std::fs::set_permissions(&init, PermissionsExt::from_mode(0o755)).unwrap();
    let lab = Kernel::New.lab("MODULE");
    let mut config = Config::new(lab, logs.path(), &[]);
    config.pccd = false;
    config.append = "rdinit=/work/init".to_owned();
    config.files = vec![init];
    config.machine =
        if channels == 0 { "virt" } else { "virt,pcc=bare" }.to_owned();
    for id in 0..channels {
        let device =
            format!("pcc-channel,mailbox=pcc,subspace-type={}", id % 5);
        config.qemu_args.extend(["-device".into(), device.into()]);
    }
    let mut session = Session::start(config).unwrap();
    let event = session.next(Duration::from_secs(60)).unwrap();
    assert_eq!(event, Event::Begin, "{channels} channels");
    session.cpu_time().unwrap().as_secs_f64()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    (sorted[(sorted.len() - 1) / 2] + sorted[middle]) / 2.0
}

/// Compares as many pairs of runs.
fn compare(pairs: usize, limit: f64) {
    let (mut without, mut with, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..pairs {
        without.push(boot(0));
        with.push(boot(64));
        ratios.push(with[with.len() - 1] / without[without.len() - 1]);
    }
    let ratio = median(&ratios);
    println!(
        "boot: {:.2} s without pcc=, {:.2} s with 64 idle channels (medians \
         of {pairs} runs each, processor time); ratio {ratio:.3}",
        median(&without),
        median(&with),
    );
    assert!(
        ratio <= limit,
        "64 idle channels cost too much: {ratio:.3}, of {ratios:.3?}; a busy \
         host makes this uncertain"
    );
}

#[test]
fn idle_channels_cost_little_at_boot() {
    compare(5, GROSS);
}

#[test]
#[ignore = "takes minutes: make test-long"]
fn idle_channels_cost_nothing_measurable_at_boot() {
    compare(41, STRICT);
}
