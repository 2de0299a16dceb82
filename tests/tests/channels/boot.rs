//! What 64 channels that nobody uses cost at boot.
//!
//! Compared is the processor time QEMU has used in user mode when the guest
//! reaches user space: firmware, tables, kernel, and the device's own start are
//! in it. A busy host disturbs it less than the clock on the wall; what its
//! kernel does for QEMU is left out, because clearing memory, in pages as small
//! or large as it happens to find, takes 0.05 s in one run and 0.2 s in the
//! next. Still a single pair of runs differs by a tenth in either direction,
//! so the runs are interleaved and the median of the ratios counts.
//!
//! Seen on Linux 7.x were 1.02 to 1.07, medians of 41 pairs each. QEMU itself
//! starts 5 ms later (`-S`); the rest is what Linux's PCC driver executes, which
//! maps each register of each channel. `make test-long` allows for that and for
//! the spread of the medians, the quick test notices what is gross.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use pccd_tests::Logs;
use pcclab::session::{Config, Event, Session};

use crate::lab::Kernel;

/// Wished for are 5 %; a median differs from the next by half of that.
const STRICT: f64 = 1.10;
/// What the quick test can tell from noise.
const GROSS: f64 = 1.25;

/// The processor time of one boot in user mode, in seconds.
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
        let device = format!("pcc-type{},mailbox=pcc", id % 5);
        config.qemu_args.extend(["-device".into(), device.into()]);
    }
    let mut session = Session::start(config).unwrap();
    let event = session.next(Duration::from_secs(60)).unwrap();
    assert_eq!(event, Event::Begin, "{channels} channels");
    session.user_time().unwrap().as_secs_f64()
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
    compare(3, GROSS);
}

#[test]
#[ignore = "takes minutes: make test-long"]
fn idle_channels_cost_hardly_anything_at_boot() {
    compare(41, STRICT);
}
