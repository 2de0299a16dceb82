//! `pcclab run` itself: bad kernels, guests that go wrong, Ctrl-C, and its
//! exit status in `git bisect run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use pccd_tests::{Logs, built, wait};
use pcclab::exchange::Script;
use pcclab::judge::judge;
use pcclab::kernel::seems_to_lack;
use pcclab::lab::Lab;
use pcclab::report;
use pcclab::run::exit;
use pcclab::session::{Config, End, Session};

fn pcclab(words: &[&str]) -> Output {
    Command::new(built("PCCLAB")).args(words).output().unwrap()
}

fn code(output: &Output) -> Option<u8> {
    output.status.code().and_then(|code| u8::try_from(code).ok())
}

#[test]
fn kernels_that_cannot_be_booted_are_told_before_they_are() {
    let logs = Logs::new();
    let at = |name: &str, bytes: &[u8]| {
        let path = logs.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut x86 = vec![0; 128];
    x86[..2].copy_from_slice(b"MZ");
    x86[60] = 64;
    x86[64..70].copy_from_slice(b"PE\0\0\x64\x86");
    let mut stubless = vec![0; 64];
    stubless[56..60].copy_from_slice(b"ARM\x64");
    let cases = [
        ("/nonexistent/Image".to_owned(), "No such file"),
        (at("garbage", b"hello"), "no arm64 Image"),
        (at("empty", b""), "is empty"),
        (at("x86", &x86), "x86-64"),
        (at("stubless", &stubless), "CONFIG_EFI_STUB"),
        (at("gz", b"\x1f\x8b"), "compressed"),
        (logs.path().to_str().unwrap().to_owned(), "kernel tree"),
    ];
    for (kernel, word) in cases {
        for more in [&[][..], &["--platform", "cppc"]] {
            let output =
                pcclab(&[&["run", "--kernel", &kernel], more].concat());
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(code(&output), Some(exit::TROUBLE), "{output:?}");
            assert!(text.contains(word), "{kernel}: {text}");
        }
    }
}

#[test]
fn an_option_that_is_missing_is_named_without_a_boot() {
    let logs = Logs::new();
    let tree = logs.path().join("tree");
    let boot = tree.join("arch/arm64/boot");
    fs::create_dir_all(&boot).unwrap();
    let image = Lab::find(None, &[]).unwrap().kernel.image;
    std::os::unix::fs::symlink(image, boot.join("Image")).unwrap();
    let has = |config: &str| {
        fs::write(tree.join(".config"), config).unwrap();
        let tree = tree.to_str().unwrap();
        pcclab(&["run", "--kernel", tree, "--platform", "mctp"])
    };
    let output = has("CONFIG_ACPI=y\n# CONFIG_PCC is not set\n");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(code(&output), Some(exit::TROUBLE), "{output:?}");
    assert!(text.contains("lacks CONFIG_PCC, CONFIG_MCTP"), "{text}");

    let silent = logs.path().join("silent");
    fs::write(&silent, b"MZ ... ACPI: ... ttyAMA ... ").unwrap();
    assert_eq!(seems_to_lack(&silent), ["PCC", "BLK_DEV_INITRD"]);
    let whole = Lab::find(None, &[]).unwrap().kernel.image;
    assert!(seems_to_lack(&whole).is_empty());
}

fn outcome(script: &str, change: impl Fn(&mut Config)) -> (u8, String, End) {
    let logs = Logs::new();
    let lab = Lab::find(None, &[]).unwrap();
    let mut config = Config::new(lab, logs.path(), &["sh", "-c", script]);
    change(&mut config);
    let limit = config.limit;
    let mut lines = Script::default();
    let session = Session::start(config).unwrap();
    let outcome = session
        .finish(|line| {
            lines.line(line, Duration::ZERO);
        })
        .unwrap();
    let verdict = judge(&outcome, &lines, limit);
    (verdict.code, verdict.text, outcome.end)
}

#[test]
fn a_kernel_that_panics_before_init() {
    let (code, text, _) = outcome("true", |config| {
        config.append = "rdinit=/none init=/none".to_owned();
    });
    assert_eq!(code, exit::PANIC, "{text}");
}

#[test]
fn a_guest_that_prints_garbage() {
    let script = "head -c 200000 /dev/urandom; echo; true";
    let (code, text, end) = outcome(script, |_| ());
    // Whatever it prints, even words of the runner: it comes to an end.
    assert!(code == exit::PASS || code == exit::FAIL, "{text}: {end:?}");
}

#[test]
fn a_guest_that_never_stops_printing() {
    let (code, text, end) =
        outcome("yes 'one line of many'", |config| config.enough = 1 << 20);
    assert_eq!(end, End::Flood, "{text}");
    assert_eq!(code, exit::FAIL, "{text}");
}

/// Where files cannot grow, as on a full disk: no verdict about the kernel.
#[test]
fn a_disk_that_is_full() {
    // Not even the initramfs; not all of pccd's log (29 MB for 10 000).
    let script = ". /tests/lib.sh; link_up 8 && mctp route add 9 dev $iface &&
        mctp echo --eid 9 --type 0x7e --count 3000 1af4 &&
        echo '# asked late'";
    let full: [(u32, &[&str], _); 2] = [
        (100, &["true"], "initrd.img"),
        (8192, &["sh", "-c", script], "is the disk full?"),
    ];
    for (blocks, command, word) in full {
        let logs = Logs::new();
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &limit, "sh"])
            .arg(built("PCCLAB"))
            .args(["run", "--cold", "--platform", "mctp", "--logs"])
            .arg(logs.path())
            .arg("--")
            .args(command)
            .output()
            .unwrap();
        let text = [output.stdout.clone(), output.stderr.clone()].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(code(&output), Some(exit::TROUBLE), "{text}");
        assert!(text.contains(word), "{text}");
        // Of a run that had a guest there is a report, which says it, too.
        let page = fs::read_to_string(logs.path().join(report::FILE));
        let cut = "pccd.log ends in the middle of a line";
        let is_cut = page.is_ok_and(|page| page.contains(cut));
        assert_eq!(is_cut, command != ["true"], "{text}");
        let left = processes(logs.path().to_str().unwrap());
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Processes with this text on their command line.
fn processes(text: &str) -> Vec<PathBuf> {
    let named = |path: &PathBuf| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(named)
        .collect()
}

#[test]
fn an_interrupt_leaves_no_process_behind() {
    let logs = Logs::new();
    let folder = logs.path().to_str().unwrap();
    let mut child = Command::new(built("PCCLAB"))
        .args(["run", "--platform", "opregion", "--logs", folder])
        .args(["--", "sh", "-c", "echo here; sleep 100"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let console = logs.path().join("console.log");
    let until = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&console).is_ok_and(|text| text.contains("here"))
    {
        assert!(Instant::now() < until, "the guest did not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(processes(folder).len() >= 3, "pcclab, QEMU, pccd");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = wait(&mut child, Duration::from_secs(30));
    assert_eq!(code, Some(i32::from(exit::INTERRUPTED)));
    assert!(processes(folder).is_empty(), "{:?}", processes(folder));
}

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn git_bisect_finds_the_commit_that_broke_it() {
    let logs = Logs::new();
    let repository = logs.path();
    let platform = repository.join("i2c");
    let from = pcclab::platform::folder().join("xgene-slimpro-i2c");
    fs::create_dir(&platform).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, platform.join(path.file_name().unwrap())).unwrap();
    }
    git(repository, &["init", "-q"]);
    let mut commits = Vec::new();
    for number in 1..=4 {
        if number == 3 {
            let path = platform.join("i2c.json");
            let text = fs::read_to_string(&path).unwrap();
            let broken = text.replace("\"value\": 1045", "\"value\": 1046");
            assert_ne!(text, broken);
            fs::write(path, broken).unwrap();
        }
        fs::write(repository.join("number"), number.to_string()).unwrap();
        git(repository, &["add", "-A"]);
        git(repository, &["commit", "-q", "-m", &format!("number {number}")]);
        commits.push(git(repository, &["rev-parse", "HEAD"]));
    }
    let first = commits[0].trim();
    git(repository, &["bisect", "start", "HEAD", first]);
    let tool = built("PCCLAB");
    let said = git(
        repository,
        &[
            "bisect",
            "run",
            tool.to_str().unwrap(),
            "run",
            "--platform",
            "./i2c",
            "--quick",
        ],
    );
    let wanted = format!("{} is the first bad commit", commits[2].trim());
    assert!(said.contains(&wanted), "{said}");
}
