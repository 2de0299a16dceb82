//! The command `pcclab`: see [`pcclab`].

mod cli;
mod fuzz_command;
mod matrix_command;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use pccd::manual;
use pcclab::commands::{self, Step};
use pcclab::config::Config;
use pcclab::doctor::{self, Link};
use pcclab::lab::{self, Lab};
use pcclab::latency::Latencies;
use pcclab::log;
use pcclab::logs::{self, Logs};
use pcclab::machine::Machine;
use pcclab::matrix::{self, Column};
use pcclab::platform::{self, Platform};
use pcclab::report;
use pcclab::result::{Files, RunResult};
use pcclab::run::{Contract, Output, run};
use pcclab::scenario::{self, Scenario};
use pcclab::shell::{PATIENCE, shell};
use pcclab::table::{self, terminal_width};
use pcclab::verdict::{Verdict, exit};
use pcclab::{
    Usage, aml, catch_interrupts, check, defects, initramfs, new, print, say,
    search, tell,
};

fn main() -> ExitCode {
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        std::process::exit(if error.use_stderr() {
            i32::from(exit::USAGE)
        } else {
            0
        });
    });
    let result = match cli.command {
        cli::Command::Run(options) => run_command(*options),
        cli::Command::Matrix(options) => matrix_command::run(options),
        cli::Command::Fuzz(options) => fuzz_command::run(&options),
        cli::Command::Merge(options) => matrix_command::merge(&options),
        cli::Command::Regressions(options) => {
            matrix_command::regressions(options)
        }
        cli::Command::Env => env(),
        cli::Command::Platforms => platforms(),
        cli::Command::Log(options) => log_command(options),
        cli::Command::Doctor { folder } => doctor_command(&folder),
        cli::Command::Latency { folder } => latency_command(&folder),
        cli::Command::Report { folder, output } => {
            let path = report::write(&folder, output.as_deref());
            path.map(|path| {
                say(format_args!("wrote {}", path.display()));
                exit::PASS
            })
        }
        cli::Command::Clean(options) => clean(&options),
        cli::Command::Man(options) => man(&options),
        cli::Command::Completions(options) => completions(&options),
        cli::Command::Check(options) => check_command(&options),
        cli::Command::New(options) => new_command(&options),
        cli::Command::Defects(options) => defects_command(options),
        cli::Command::Schema { of } => {
            let text = match of {
                cli::SchemaOf::Platform => platform::schema(),
                cli::SchemaOf::Check => check::schema(),
                cli::SchemaOf::Result => RunResult::schema(),
            };
            say(text.trim_end());
            Ok(exit::PASS)
        }
        cli::Command::Tables => tables(),
        cli::Command::Initrd(options) => initrd(&options),
    };
    match (result, pcclab::unwritten()) {
        (Ok(exit::PASS), Some(why)) => {
            tell(format_args!("pcclab: not all could be printed: {why}"));
            ExitCode::from(exit::TROUBLE)
        }
        (Ok(code), _) => ExitCode::from(code),
        (Err(error), _) => {
            tell(format_args!("pcclab: {error:#}"));
            ExitCode::from(code_of(&error))
        }
    }
}

/// The exit status for an error.
fn code_of(error: &anyhow::Error) -> u8 {
    match error.is::<Usage>() {
        true => exit::USAGE,
        false => exit::TROUBLE,
    }
}

fn run_command(options: cli::Run) -> Result<u8> {
    let files = Files {
        name: name(&options),
        junit: options.junit.clone(),
        json: options.json.clone(),
    };
    files.begin()?;
    catch_interrupts()?;
    for number in 1..=options.count {
        if options.count > 1 {
            say(format_args!("run {number} of {}", options.count));
        }
        let verdict = run_once(&options).inspect_err(|error| {
            let text = format!("{error:#}");
            // That it cannot be written is nothing more to tell.
            let _ = files.write(&Verdict::new(code_of(error), text));
        })?;
        files.write(&verdict)?;
        for one in verdict.conduct.iter().filter(|c| c.accepted.is_some()) {
            say(format_args!("conduct: {one}"));
        }
        if let Some(logs) = &verdict.logs {
            say(format_args!(
                "logs in {0}: report.html to look at, console.log, pccd.log, \
                 qemu.log, capture.pcapng, and the messages in mailbox/; \
                 pcclab log {0} merges them",
                logs.display()
            ));
            if verdict.code != exit::PASS
                && let Some(link) = &verdict.broken
            {
                say(format_args!(
                    "the link that broke: {link}; pcclab doctor {} says more",
                    logs.display()
                ));
            }
        }
        if let Some(first) = &verdict.first {
            say(format_args!("first that went wrong: {first}"));
        }
        say(&verdict.text);
        for reason in &verdict.reasons {
            say(format_args!("  {reason}"));
        }
        if verdict.code != exit::PASS {
            return Ok(verdict.code);
        }
    }
    Ok(exit::PASS)
}

/// What a run is called: its platforms.
fn name(options: &cli::Run) -> String {
    match options.platforms.as_slice() {
        [] => "pcclab".to_owned(),
        names => names.join(" "),
    }
}

/// What the command line names has to be there, or a bisection had better
/// stop; but for kernel and modules, of which a commit may have none.
fn are_there(options: &cli::Run) -> Result<()> {
    for (option, paths) in [
        ("--messages", options.messages.as_slice()),
        ("--file", options.files.as_slice()),
        ("--initrd", options.initrd.as_slice()),
    ] {
        for path in paths {
            if let Err(error) = path.metadata() {
                let path = path.display();
                let text = format!("{option}: {path}: {error}");
                return Err(pcclab::usage(text));
            }
        }
    }
    Ok(())
}

fn run_once(options: &cli::Run) -> Result<Verdict> {
    are_there(options)?;
    let kernel = options.kernel.as_deref();
    let machine = match options.platforms.as_slice() {
        [] => None,
        names => {
            let kernel = lab::kernel(kernel)?;
            let machine =
                Machine::on_kernel(names, options.mode, Some(&kernel))?;
            for (name, option) in &machine.left_out {
                say(format_args!("without {name}: no CONFIG_{option}"));
            }
            if let Some(unfit) = machine.unfit(&kernel) {
                return Ok(unfit);
            }
            Some(machine)
        }
    };
    let vary = options.vary.as_deref().map(scenario::read).transpose()?;
    let acts = vary.as_ref().is_some_and(|(file, _)| !file.actions.is_empty());
    if acts && !options.command.is_empty() {
        return Err(pcclab::usage(
            "--vary: the scenario has actions, which the guest does instead of \
             a command: leave the command out, or the actions"
                .to_owned(),
        ));
    }
    let varies = match &vary {
        Some((file, _)) => {
            let parts = machine.as_ref().map(|it| it.names.as_slice());
            scenario::is_for(file, &options.platforms, parts.unwrap_or(&[]))?;
            file.answers.iter().map(|entry| entry.answer).collect()
        }
        None => Vec::new(),
    };
    if let Some(capture) = &options.replay
        && let Err(error) = std::fs::File::open(capture)
    {
        let capture = capture.display();
        return Err(pcclab::usage(format!("--replay: {capture}: {error}")));
    }
    let modules: Vec<_> = options.modules.iter().map(module).collect();
    let paths: Vec<_> = modules.iter().map(|(path, _)| path.clone()).collect();
    let drivers: Vec<_> = match &machine {
        None => vec!["mctp-pcc"],
        Some(machine) => machine.modules.iter().map(String::as_str).collect(),
    };
    let mut lab = Lab::with_drivers(kernel, &paths, &drivers)?;
    if let Some(initrd) = &options.initrd {
        lab.initrd.clone_from(initrd);
    }
    for note in &lab.notes {
        say(note);
    }
    let given = options.timeout.map(Duration::from_secs);
    let patience = match options.shell || options.debug {
        true => PATIENCE,
        false => Duration::from_secs(120),
    };
    let logs = Logs::open(options.logs.as_deref())?;
    let mut config = Config {
        files: options.files.clone(),
        parameters: modules,
        machine: options.machine.clone(),
        qemu_args: options.qemu_args.clone(),
        append: options.append.clone(),
        quick: options.quick,
        replay: options.replay.clone(),
        by_request: options.by_request,
        verbose: options.verbose,
        // What is varied while it boots is in no machine that is saved.
        warm: saved(is_cold(options) || vary.is_some() && !acts)?,
        vary: options.vary.clone(),
        limit: given.unwrap_or(patience),
        ..Config::new(lab, logs.path(), &["sh", "/tests/demo.sh"])
    };
    let mut contract = Contract::default();
    let known = machine.as_ref().map(|one| search::names(&one.search));
    let (played, command) = match vary {
        Some((file, text)) if acts => {
            let known = known.unwrap_or_default();
            let one = Scenario::new(&file, text, &known, logs.path())?;
            config.vary = Some(one.place().to_owned());
            (Some(one), search::agent(true))
        }
        _ => (None, options.command.clone()),
    };
    match machine {
        Some(machine) => {
            if options.smp.is_none() {
                for line in machine.fit(&mut config) {
                    say(line);
                }
            }
            contract = machine.enter(&mut config, &command)?;
        }
        None => contract.drivers = vec!["mctp-pcc".to_owned()],
    }
    if played.is_some() {
        // That is what the platform's own test sees to.
        contract.asked.iter_mut().for_each(|one| one.claims.clear());
        contract.latency.clear();
    }
    contract.scenario = played;
    contract.varies = varies;
    contract.drivers.extend(paths.iter().filter_map(|path| {
        Some(path.file_stem()?.to_string_lossy().into_owned())
    }));
    if let Some(smp) = options.smp {
        config.smp = smp;
    }
    if !options.messages.is_empty() {
        config.messages.clone_from(&options.messages);
    }
    if !options.command.is_empty() && config.extra.is_empty() {
        config.command.clone_from(&options.command);
    }
    if options.debug {
        let socket = logs.path().join("gdb.sock");
        config.qemu_args.extend(["-S".into(), "-gdb".into()]);
        config.qemu_args.push(
            format!("unix:{},server=on,wait=off", socket.display()).into(),
        );
        say(format_args!(
            "the processors wait for: gdb-multiarch vmlinux -ex 'target \
             remote {}' -ex continue",
            socket.display()
        ));
    }
    let output = Output {
        exchanges: options.exchanges,
        quiet: options.quiet,
        ktap: options.ktap.clone(),
    };
    let result = match options.shell {
        true => shell(config),
        false => run(config, &output, &contract),
    };
    let failed = !matches!(&result, Ok(v) if v.code == exit::PASS);
    let mut broken = None;
    if logs.stays(failed) {
        let mut told = match &result {
            Ok(verdict) => verdict.clone(),
            Err(error) => Verdict::new(code_of(error), format!("{error:#}")),
        };
        told.logs = Some(logs.path().to_owned());
        broken = report::leave(logs.path(), &name(options), &told);
    }
    let kept = logs.close(failed);
    let mut verdict = result.map_err(|error| match &kept {
        Some(kept) => error.context(format!("logs in {}", kept.display())),
        None => error,
    })?;
    // Those of a pass lie where somebody asked for them.
    verdict.logs = kept;
    let is_told = |link: &Link| match verdict.code {
        // It is no driver's fault.
        exit::TROUBLE | exit::INTERRUPTED => false,
        // Not each command has a driver ask.
        _ => options.command.is_empty() || *link != Link::Step(Step::Doorbell),
    };
    verdict.broken = broken.filter(is_told).map(|link| link.to_string());
    Ok(verdict)
}

/// Whether a run boots its machine: where files of its own go in, or the boot
/// is looked at.
fn is_cold(options: &cli::Run) -> bool {
    let has_files = !options.qemu_args.is_empty() || options.initrd.is_some();
    let is_replayed = options.replay.is_some();
    options.cold || options.shell || options.debug || has_files || is_replayed
}

/// The folder of saved machines, for a run that is not cold.
fn saved(is_cold: bool) -> Result<Option<PathBuf>> {
    (!is_cold).then(|| lab::cache("warm")).transpose()
}

/// A module's file and its parameters, of `a.ko debug=1`.
fn module(words: &OsString) -> (PathBuf, String) {
    let path = PathBuf::from(words);
    let split = words
        .to_str()
        .filter(|_| !path.exists())
        .and_then(|words| words.split_once(".ko "));
    match split {
        Some((path, parameters)) => {
            (PathBuf::from(format!("{path}.ko")), parameters.to_owned())
        }
        None => (path, String::new()),
    }
}

/// Prints the paths of what was built, for a shell.
fn env() -> Result<u8> {
    print(lab::listing(&lab::paths())?.as_bytes());
    Ok(exit::PASS)
}

fn log_command(options: cli::Log) -> Result<u8> {
    if options.follow {
        catch_interrupts()?;
    }
    let settings = log::Options {
        subspaces: options.subspaces,
        all: options.all,
        relative: options.relative,
        json: options.format == cli::CheckFormat::Json,
        follow: options.follow,
    };
    log::merge(&options.folder, &settings, |line| {
        print(format!("{line}\n").as_bytes())
    })?;
    Ok(exit::PASS)
}

fn doctor_command(folder: &Path) -> Result<u8> {
    let found = doctor::examine(folder)?;
    found.text.lines().map(log::shown).for_each(say);
    Ok(match found.broken {
        Some(_) => exit::FAIL,
        None => exit::PASS,
    })
}

fn latency_command(folder: &Path) -> Result<u8> {
    let latencies = Latencies::read(folder)?;
    if latencies.channels().is_empty() {
        return Err(pcclab::usage(format!(
            "{} has no doorbell and no message: give the folder that pcclab \
             run names (--logs); pcclab doctor says why there is none",
            folder.display()
        )));
    }
    print(latencies.text().as_bytes());
    if latencies.is_cut() {
        tell(format_args!("only the first {} commands", commands::MOST));
    }
    Ok(exit::PASS)
}

fn clean(options: &cli::Clean) -> Result<u8> {
    let (paths, word) = match options.list {
        true => (logs::kept()?, "kept"),
        false => (logs::clean()?, "removed"),
    };
    for path in &paths {
        say(path.display());
    }
    say(format_args!("{} folders of logs {word}", paths.len()));
    Ok(exit::PASS)
}

fn man(options: &cli::Man) -> Result<u8> {
    let mut page = Vec::new();
    let folder = options.folder.as_deref();
    manual::pages::<cli::Cli>(folder, &mut page)
        .context("writing the man pages")?;
    print(&page);
    Ok(exit::PASS)
}

fn completions(options: &cli::Completions) -> Result<u8> {
    let mut script = Vec::new();
    manual::completions::<cli::Cli>(options.shell, &mut script)?;
    print(&script);
    Ok(exit::PASS)
}

fn check_command(options: &cli::Check) -> Result<u8> {
    let kernel = options.kernel.as_deref();
    let settings = check::Options {
        qemu: check::qemu(),
        kernel: kernel.map(|it| lab::kernel(Some(it))).transpose()?,
    };
    let reports = options
        .platforms
        .iter()
        .map(|name| check::check(name, &settings))
        .collect::<Result<Vec<_>>>()?;
    match options.format {
        cli::CheckFormat::Text => {
            for report in &reports {
                say(check::text(report).trim_end());
            }
        }
        cli::CheckFormat::Json => say(check::json(&reports)?),
    }
    Ok(match reports.iter().all(|report| report.mistakes.is_empty()) {
        true => exit::PASS,
        false => exit::FAIL,
    })
}

fn new_command(options: &cli::New) -> Result<u8> {
    say(new::make(&options.path, options.kind)?);
    Ok(exit::PASS)
}

fn defects_command(options: cli::Defects) -> Result<u8> {
    let kernel = options.kernel.unwrap_or_else(|| PathBuf::from("7.x"));
    let column = Column::of(&kernel)?;
    let logs = Logs::open(options.logs.as_deref())?;
    let settings = matrix::Options {
        quick: true,
        limit: Duration::from_secs(options.timeout),
        jobs: 1,
        append: String::new(),
        modules: options.modules.iter().map(module).collect(),
        warm: saved(false)?,
        logs: logs.path().to_owned(),
    };
    catch_interrupts()?;
    let code =
        defects::run(&options.platform, &column, &settings, |line| say(line))?;
    logs.close(code != exit::PASS);
    Ok(code)
}

fn tables() -> Result<u8> {
    let cache = lab::cache("aml")?;
    for name in platform::names()? {
        for &mode in Platform::load(&name)?.modes() {
            let machine = Machine::of(std::slice::from_ref(&name), Some(mode))?;
            for table in &machine.tables {
                aml::compile(table, &cache)?;
            }
        }
    }
    Ok(exit::PASS)
}

fn platforms() -> Result<u8> {
    let mut rows = Vec::new();
    for name in platform::names()? {
        let platform = Platform::load(&name)?;
        let modes: Vec<_> = platform.modes().iter().map(|m| m.name()).collect();
        let modes = modes.join(" ");
        rows.push(vec![name, modes, platform.driver, platform.description]);
    }
    say(table::lines(&rows, terminal_width()).trim_end());
    Ok(exit::PASS)
}

fn initrd(options: &cli::Initrd) -> Result<u8> {
    let bytes = initramfs::base(
        &options.busybox,
        &options.programs,
        &options.guest_scripts,
        options.module.as_deref(),
    )?;
    std::fs::write(&options.output, bytes)
        .with_context(|| format!("writing {}", options.output.display()))?;
    Ok(exit::PASS)
}
