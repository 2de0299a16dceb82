//! How long judging and comparing 256 subspaces takes: `cargo bench`.
//!
//! Prints the median, and fails when not even the fastest of the runs keeps
//! the promised 10 ms: a busy machine makes them slow, not all of them.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use acpi_tools::platform::{Facts, Platform};
use acpi_tools::table::{layout, seal};
use acpi_tools::{check, diff, report};

const PROMISE: Duration = Duration::from_millis(10);

/// 256 subspaces of types 3 and 4 in turn, each with a window of its own.
fn pcct(latency: u32) -> Vec<u8> {
    let mut table = vec![0; layout::SUBSPACES];
    table[..4].copy_from_slice(b"PCCT");
    table[8] = 2;
    table[36] = 1;
    for id in 0..256u32 {
        let kind = 3 + (id % 2) as u8;
        let mut entry = vec![0; 164];
        let mut put = |at: usize, bytes: &[u8]| {
            entry[at..at + bytes.len()].copy_from_slice(bytes);
        };
        let window = 0x0a01_0000 + 0x1_0000 * u64::from(id);
        put(0, &[kind, 164]);
        put(2, &(112 + id).to_le_bytes());
        put(6, &[2]);
        put(8, &(window + 0x1000).to_le_bytes());
        put(16, &0x1000u32.to_le_bytes());
        for (at, offset) in [(20, 0), (60, 8), (96, 16), (116, 16), (144, 20)] {
            put(at, &[0, 32, 0, 3]);
            put(at + 4, &(window + offset).to_le_bytes());
        }
        for (at, mask) in [(40, 1), (108, 1), (136, u64::from(kind == 4))] {
            put(at, &u64::to_le_bytes(mask));
        }
        put(156, &1u64.to_le_bytes());
        if kind == 3 {
            put(48, &latency.to_le_bytes());
        }
        table.extend(entry);
    }
    seal(&mut table);
    table
}

fn platform(latency: u32) -> Platform {
    let mut platform = Platform::default();
    let mut add = |name: &str, bytes: &[u8]| {
        assert!(platform.add(name, name, bytes.to_vec()).unwrap());
    };
    add("pcct", &pcct(latency));
    add("ssdt", include_bytes!("../tests/data/clients.dat"));
    add("tree", include_bytes!("../tests/data/virt.dtb"));
    platform
}

/// The fastest of 21 runs, and the median.
fn time(mut run: impl FnMut()) -> (Duration, Duration) {
    run();
    let mut times: Vec<_> = (0..21)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    (times[0], times[times.len() / 2])
}

fn main() {
    let (old, new) = (platform(1000), platform(2000));
    let validate = time(|| {
        let findings = check::check(&old);
        assert!(findings.len() > 100);
    });
    let compare = time(|| {
        let changes = diff::diff(&Facts::of(&old), &Facts::of(&new), false);
        assert_eq!(changes.len(), 128);
    });
    let show = time(|| {
        let sources = report::show::sources(&Facts::of(&old), false);
        let text = report::show::text(&sources, Default::default());
        assert!(text.len() > 100_000);
    });
    println!("256 subspaces, 21 runs:");
    for (what, (fastest, median)) in
        [("validate", validate), ("diff", compare), ("show", show)]
    {
        println!("  {what:<8} {fastest:>8.1?}, median {median:.1?}");
    }
    let slowest = validate.0.max(compare.0);
    assert!(slowest <= PROMISE, "{slowest:?}; promised are {PROMISE:?}");
}
