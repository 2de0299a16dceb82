//! Tables: those of every configuration in `tests/golden/` and of every
//! platform, as QEMU has them, and those of real machines.

#[path = "../../../acpi-tools/src/check/tests/machines.rs"]
#[allow(dead_code)] // some are for acpi-tools' own tests
mod machines;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use acpi_tools::extract;
use acpi_tools::platform::Platform;
use pccd_tests::Logs;
use pcclab::lab::Lab;
use pcclab::machine::Machine;
use pcclab::session::Config;

use super::{Judged, built, run};

/// A set of tables, by what it is of.
struct Set {
    name: String,
    platform: Platform,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The tables that the guest of a platform gets.
fn platform(name: &str) -> Set {
    let logs = Logs::new();
    let machine = Machine::of(&[name.to_owned()], None).unwrap();
    let mut config =
        Config::new(Lab::find(None, &[]).unwrap(), logs.path(), &[]);
    machine.enter(&mut config, &[]).unwrap();
    let mut words: Vec<OsString> = vec![built("QEMU").into()];
    words.extend(["-machine", &config.machine].map(Into::into));
    words.extend(["-cpu", "max", "-nodefaults", "-smp", "2"].map(Into::into));
    words.extend(
        ["-object", "pcc-mailbox-dir,id=pcc,path=/tmp/pcc"].map(Into::into),
    );
    words.extend(config.qemu_args);
    let platform = extract::qemu(&words);
    let platform = platform.unwrap_or_else(|e| panic!("{name}: {e:#}"));
    Set { name: name.to_owned(), platform }
}

fn platforms() -> Vec<Set> {
    pcclab::platform::names().unwrap().iter().map(|n| platform(n)).collect()
}

/// Golden ones, one with subspaces of all types, the platforms', and those of
/// machines that were sold.
fn all() -> Vec<Set> {
    let mut sets = platforms();
    for entry in fs::read_dir(root().join("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into();
            let platform = Platform::load(&path).unwrap();
            sets.push(Set { name, platform });
        }
    }
    let types = root().join("acpi-tools/tests/data/all-types.dat");
    let platform = Platform::load(&types).unwrap();
    sets.push(Set { name: "all-types.dat".into(), platform });
    for (name, bytes) in machines::all() {
        let (name, mut platform) = (name.to_owned(), Platform::default());
        assert!(platform.add(&name, &name, bytes).unwrap());
        sets.push(Set { name, platform });
    }
    sets
}

/// What iasl must not say; "0 Errors, 0 Warnings" is that all is well.
fn complaint(text: &str) -> Option<String> {
    let lines = text.lines().filter(|line| !line.contains("0 Errors, 0 Warn"));
    let wrong = ["Error", "Warning", "Invalid", "Unknown", "Reserved"];
    let mut lines = lines.filter(|line| wrong.iter().any(|w| line.contains(w)));
    lines.next().map(|line| line.trim().to_owned())
}

/// Every table is listed without a complaint and with no byte left over.
pub fn iasl(program: &str, name: &'static str) -> Judged {
    let program = built(program);
    let (sets, mut count, mut agreed) = (all(), 0, 0);
    let mut differs = BTreeMap::new();
    let folder = tempfile::tempdir().unwrap();
    for Set { name, platform } in &sets {
        for table in &platform.tables {
            // Its own listing of other tables is not about PCC.
            if !["PCCT", "SSDT", "MPAM", "RAS2"].contains(&&*table.signature())
            {
                continue;
            }
            count += 1;
            let file = folder.path().join("table.dat");
            fs::write(&file, &table.bytes).unwrap();
            let mut command = Command::new(&program);
            let command = command.args(["-p", "listing", "-d", "table.dat"]);
            let (ok, said) = run(command.current_dir(folder.path()));
            match complaint(&said) {
                None if ok => agreed += 1,
                wrong => {
                    let about = wrong.unwrap_or_else(|| "fails".to_owned());
                    differs.entry(about).or_insert_with(|| name.clone());
                }
            }
        }
    }
    let (_, version) = run(Command::new(&program).arg("-v"));
    let version =
        version.lines().find_map(|line| line.split("version ").nth(1));
    Judged {
        name,
        version: version.unwrap().to_owned(),
        what: format!(
            "{count} tables (PCCT, SSDT, MPAM, RAS2) of {} machines",
            sets.len()
        ),
        agreed,
        differs,
    }
}

/// fwts looks at whole machines, with all the tests it has for tables.
pub fn fwts() -> Judged {
    let program = built("FWTS");
    let data = program.parent().unwrap().join("root/usr/share/fwts");
    let (sets, mut results, mut agreed) = (platforms(), 0, 0);
    let mut differs = BTreeMap::new();
    for Set { name, platform } in &sets {
        let folder = tempfile::tempdir().unwrap();
        let tables = folder.path().join("tables");
        fs::create_dir(&tables).unwrap();
        for (name, content) in extract::files(platform) {
            fs::write(tables.join(name), content).unwrap();
        }
        let log = folder.path().join("results.log");
        let mut command = Command::new(&program);
        command.arg("-q").arg("-t").arg(&tables).arg("-J").arg(&data);
        // It looks for its own helpers in the current folder.
        command.arg("-r").arg(&log).arg("--acpitests");
        run(command.current_dir(folder.path()));
        let log = fs::read(&log).unwrap();
        let log = String::from_utf8_lossy(&log).into_owned();
        let whole = log.matches("PASSED: Test").count();
        for said in log.split("FAILED [").skip(1) {
            let (_, said) = said.split_once("] ").unwrap();
            let said = said.split("\n\n").next().unwrap().replace('\n', " ");
            let about = said.split(':').next().unwrap().to_owned();
            differs.entry(about).or_insert(format!("{name}: {said}"));
        }
        assert!(whole > 100, "{name}: fwts ran {whole} tests\n{log}");
        agreed += whole;
        results += whole + log.matches("FAILED [").count();
    }
    let (_, version) = run(Command::new(&program).arg("--version"));
    let version = version.split("Version V").nth(1).unwrap_or_default();
    Judged {
        name: "fwts",
        version: version.split(',').next().unwrap().to_owned(),
        what: format!(
            "all tables of {} platforms: {results} results of its tests",
            sets.len()
        ),
        agreed,
        differs,
    }
}

/// The binding that the series brings, of the patch that has it.
fn binding() -> String {
    const NAME: &str = "+++ b/docs/specs/pcc-binding.yaml";
    let patches = fs::read_dir(root().join("qemu-patches")).unwrap();
    let patches = patches
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    let patch = patches.into_iter().find(|text| text.contains(NAME)).unwrap();
    let lines = patch.lines().skip_while(|line| *line != NAME).skip(2);
    let lines = lines.map_while(|line| line.strip_prefix('+'));
    lines.map(|line| line.to_owned() + "\n").collect()
}

/// Device trees, against the binding.
pub fn dtschema() -> Judged {
    let programs = built("DTSCHEMA");
    let folder = tempfile::tempdir().unwrap();
    let schemas = folder.path().join("schemas");
    fs::create_dir(&schemas).unwrap();
    fs::write(schemas.join("qemu,pcc.yaml"), binding()).unwrap();
    let program = |name: &str| Command::new(programs.join(name));
    let (sound, said) = run(program("dt-doc-validate")
        .arg("-u")
        .arg(&schemas)
        .arg(schemas.join("qemu,pcc.yaml")));
    assert!(sound, "{said}");
    let made = folder.path().join("schema.json");
    let (sound, said) = run(program("dt-mk-schema")
        .args(["-j", "-o"])
        .arg(&made)
        .arg(&schemas));
    assert!(sound, "{said}");

    let tree = folder.path().join("device-tree.dtb");
    let judge = |bytes: &[u8]| {
        fs::write(&tree, bytes).unwrap();
        let (_, said) =
            run(program("dt-validate").arg("-s").arg(&made).arg(&tree));
        // Other nodes are QEMU's own.
        let mut lines = said.lines().filter(|line| line.contains("pcc@"));
        lines.next().map(str::to_owned)
    };
    let (mut count, mut agreed) = (0, 0);
    let mut differs = BTreeMap::new();
    for entry in fs::read_dir(root().join("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs::read(path.join("device-tree.dtb")) else {
            continue;
        };
        count += 1;
        match judge(&bytes) {
            None => agreed += 1,
            Some(said) => {
                differs.insert(said, path.display().to_string());
            }
        }
        // It does look: a property of another name is missed.
        let id = b"qemu,subspace-id";
        let at = bytes.windows(id.len()).position(|words| words == id);
        if let Some(at) = at {
            let mut wrong = bytes.clone();
            wrong[at] = b'Q';
            let said = judge(&wrong).unwrap_or_default();
            assert!(said.contains("emu,subspace-id"), "{path:?}: {said}");
        }
    }
    let (_, version) = run(program("dt-validate").arg("--version"));
    Judged {
        name: "dtschema",
        version: version.trim().to_owned(),
        what: format!("{count} device trees and the binding of the series"),
        agreed,
        differs,
    }
}
