//! Every platform of `messages/`, in each of its modes, on each kernel; and
//! that its test notices the mistakes that its `platform.json` names.

use std::path::Path;

use pccd_tests::{Logs, built};
use pcclab::lab::Lab;
use pcclab::machine::Machine;
use pcclab::platform::{Defect, Mode, Platform, names};
use pcclab::run::{Output, Verdict, exit, run};
use pcclab::session::Config;

/// Runs a platform's own test. `name` is a name or a folder.
fn verdict(name: &str, mode: Mode, kernel: &str) -> Verdict {
    let machine = Machine::of(&[name.to_owned()], Some(mode)).unwrap();
    let drivers: Vec<_> = machine.modules.iter().map(String::as_str).collect();
    let lab = Lab::with_drivers(Some(&built(kernel)), &[], &drivers).unwrap();
    let logs = Logs::new();
    let mut config = Config::new(lab, logs.path(), &[]);
    machine.fit(&mut config);
    let asked = machine.enter(&mut config, &[]).unwrap();
    run(config, &Output::default(), asked).unwrap()
}

fn every_platform(kernel: &str) {
    let image = built(kernel);
    let booted = Lab::find(Some(&image), &[]).unwrap().kernel;
    let mut wrong = Vec::new();
    for name in names().unwrap() {
        for &mode in Platform::load(&name).unwrap().modes() {
            let what = format!("{kernel} {name} {}", mode.name());
            println!("== {what}");
            let verdict = verdict(&name, mode, kernel);
            println!("== {what}: {}", verdict.text);
            let machine =
                Machine::of(std::slice::from_ref(&name), Some(mode)).unwrap();
            let lacks =
                machine.on(booted.release()).find_map(|on| on.lacks.clone());
            // What a kernel cannot do is written down; so is nothing else.
            let right = match lacks {
                None => verdict.code == exit::PASS,
                Some(option) => {
                    verdict.code == exit::TROUBLE
                        && verdict.text.contains(&format!("CONFIG_{option}"))
                }
            };
            if !right {
                wrong.push(format!("{what}: {}", verdict.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_platform_on_linux_7() {
    every_platform("KERNEL");
}

#[test]
fn every_platform_on_linux_6_12() {
    every_platform("KERNEL_6_12");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// The platform with this mistake in it, in a folder of its own beside the
/// folders that it may refer to.
fn spoil(name: &str, defect: &Defect, root: &Path) -> String {
    let messages = pcclab::platform::folder().canonicalize().unwrap();
    let scripts = messages.join("../guest-scripts");
    std::os::unix::fs::symlink(scripts, root.join("guest-scripts")).unwrap();
    let root = root.join("messages");
    std::fs::create_dir(&root).unwrap();
    for beside in std::fs::read_dir(messages).unwrap() {
        let beside = beside.unwrap().path();
        if beside.is_dir() {
            copy(&beside, &root.join(beside.file_name().unwrap()));
        }
    }
    let folder = root.join(name);
    let path = folder.join(&defect.file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(&defect.from).count(), 1, "{name}: {defect:?}");
    std::fs::write(path, text.replace(&defect.from, &defect.to)).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn mistakes_of_a_platform_are_noticed() {
    let mut missed = Vec::new();
    for name in names().unwrap() {
        let platform = Platform::load(&name).unwrap();
        for defect in platform.defects() {
            let root = tempfile::tempdir().unwrap();
            let folder = spoil(&name, defect, root.path());
            let mode = defect.mode.unwrap_or(platform.modes()[0]);
            let verdict = verdict(&folder, mode, "KERNEL");
            println!("== {name} {defect:?}: {}", verdict.text);
            if verdict.code != exit::FAIL {
                missed.push(format!("{name} {defect:?}: {}", verdict.text));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
