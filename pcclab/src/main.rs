//! The command `pcclab`: see [`pcclab`].

mod cli;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use pcclab::lab::{self, Lab};
use pcclab::machine::Machine;
use pcclab::matrix::{self, Column};
use pcclab::platform::{self, Platform};
use pcclab::programs::shell;
use pcclab::run::{Output, Verdict, exit, folder, run};
use pcclab::session::Config;
use pcclab::{aml, catch_interrupts, initramfs, say};

fn main() -> ExitCode {
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        std::process::exit(if error.use_stderr() {
            i32::from(exit::TROUBLE)
        } else {
            0
        });
    });
    let result = match cli.command {
        cli::Command::Run(options) => run_command(*options),
        cli::Command::Matrix(options) => matrix_command(options),
        cli::Command::Env => {
            for (name, path) in lab::paths() {
                say(format_args!("{name}={}", path.display()));
            }
            Ok(exit::PASS)
        }
        cli::Command::Platforms => platforms(),
        cli::Command::Tables => tables(),
        cli::Command::Initrd(options) => initrd(&options),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("pcclab: {error:#}");
            ExitCode::from(exit::TROUBLE)
        }
    }
}

fn run_command(options: cli::Run) -> Result<u8> {
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
            let lacks = machine.lacks(&kernel);
            if !lacks.is_empty() {
                let verdict = Verdict::missing(&lacks);
                say(&verdict.text);
                return Ok(verdict.code);
            }
            Some(machine)
        }
    };
    let mut lab = match &machine {
        None => Lab::find(kernel, &options.modules)?,
        Some(machine) => {
            let drivers: Vec<_> =
                machine.modules.iter().map(String::as_str).collect();
            Lab::with_drivers(kernel, &options.modules, &drivers)?
        }
    };
    if let Some(initrd) = options.initrd {
        lab.initrd = initrd;
    }
    let logs = folder(options.logs.as_deref())?;
    let mut config = Config {
        files: options.files,
        machine: options.machine,
        qemu_args: options.qemu_args,
        append: options.append,
        quick: options.quick,
        limit: Duration::from_secs(options.timeout),
        ..Config::new(lab, &logs, &["sh", "/tests/demo.sh"])
    };
    let asked = match machine {
        Some(machine) => {
            if options.smp.is_none() {
                for line in machine.fit(&mut config) {
                    say(line);
                }
            }
            machine.enter(&mut config, &options.command)?
        }
        None => Vec::new(),
    };
    if let Some(smp) = options.smp {
        config.smp = smp;
    }
    if !options.messages.is_empty() {
        config.messages = options.messages;
    }
    if !options.command.is_empty() && config.extra.is_empty() {
        config.command = options.command;
    }
    if options.shell {
        shell(config)?;
        let _ = options.logs.is_none().then(|| std::fs::remove_dir_all(&logs));
        return Ok(exit::PASS);
    }
    let suite = match options.platforms.as_slice() {
        [] => "pcclab".to_owned(),
        names => names.join(" "),
    };
    let output = Output {
        exchanges: options.exchanges,
        quiet: false,
        junit: options.junit.map(|path| (path, suite)),
        ktap: options.ktap,
    };
    catch_interrupts()?;
    let verdict = run(config, &output, asked)?;
    if options.logs.is_none() && verdict.code == exit::PASS {
        let _ = std::fs::remove_dir_all(&logs);
    } else {
        say(format_args!(
            "logs in {}: console.log, pccd.log, qemu.log, and the messages \
             in mailbox/",
            logs.display()
        ));
    }
    if let Some(first) = &verdict.first {
        say(format_args!("first that went wrong: {first}"));
    }
    say(&verdict.text);
    Ok(verdict.code)
}

fn matrix_command(options: cli::Matrix) -> Result<u8> {
    let start = Instant::now();
    let kernels = match options.kernels.is_empty() {
        true => matrix::kernels(),
        false => options.kernels,
    };
    if kernels.is_empty() {
        bail!("no kernel is built yet: run `make lab`, or give --kernel");
    }
    let columns: Vec<_> = kernels
        .iter()
        .map(|kernel| Column::of(kernel))
        .collect::<Result<_>>()?;
    let platforms = match options.platforms.is_empty() {
        true => platform::names()?,
        false => options.platforms,
    };
    let processors =
        std::thread::available_parallelism().map_or(1, usize::from);
    let keep = options.logs.is_some();
    let settings = matrix::Options {
        quick: options.quick,
        limit: Duration::from_secs(options.timeout),
        jobs: options.jobs.map_or(processors, usize::from),
        append: options.append,
        logs: folder(options.logs.as_deref())?,
    };
    catch_interrupts()?;
    let cells = matrix::run_all(&columns, &platforms, &settings, |cell| {
        let mode = cell.mode.name();
        let text = cell.verdict.text.lines().next().unwrap_or_default();
        eprintln!("{} {} {mode}: {text}", cell.kernel, cell.platform);
        if let Some(first) = &cell.verdict.first {
            eprintln!("  first that went wrong: {first}");
        }
        if let Some(logs) = &cell.logs {
            eprintln!("  logs in {}", logs.display());
        }
    })?;
    match options.format {
        cli::Format::Text => say(matrix::text(&cells).trim_end()),
        cli::Format::Markdown => say(matrix::markdown(&cells).trim_end()),
        cli::Format::Json => {
            say(serde_json::to_string_pretty(&matrix::json(&cells))?);
        }
    }
    eprintln!(
        "{} of {} without failure, {} guests at a time, {:.0} s",
        cells.iter().filter(|cell| cell.fine()).count(),
        cells.len(),
        settings.jobs,
        start.elapsed().as_secs_f32()
    );
    if !keep && cells.iter().all(|cell| cell.logs.is_none()) {
        let _ = std::fs::remove_dir_all(&settings.logs);
    }
    Ok(match pcclab::interrupted() {
        true => exit::INTERRUPTED,
        false => matrix::code(&cells),
    })
}

fn tables() -> Result<u8> {
    let cache = aml::cache()?;
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
    for name in platform::names()? {
        let platform = Platform::load(&name)?;
        let modes: Vec<_> = platform.modes().iter().map(|m| m.name()).collect();
        say(format_args!(
            "{name:<20} {:<9} {:<24} {}",
            modes.join(" "),
            platform.driver,
            platform.description
        ));
    }
    Ok(exit::PASS)
}

fn initrd(options: &cli::Initrd) -> Result<u8> {
    let bytes = initramfs::base(
        &options.busybox,
        &options.mctp,
        &options.guest_scripts,
        options.module.as_deref(),
    )?;
    std::fs::write(&options.output, bytes)
        .with_context(|| format!("writing {}", options.output.display()))?;
    Ok(exit::PASS)
}
