//! The command `pcclab`: see [`pcclab`].

mod cli;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use pcclab::initramfs;
use pcclab::lab::{self, Lab};
use pcclab::run::{exit, folder, run};
use pcclab::session::Config;

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
        cli::Command::Run(options) => run_command(options),
        cli::Command::Env => {
            for (name, path) in lab::paths() {
                println!("{name}={}", path.display());
            }
            Ok(exit::PASS)
        }
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
    let lab = Lab::find(options.kernel.as_deref(), &options.modules)?;
    let logs = folder(options.logs.as_deref())?;
    let verdict = run(
        Config {
            messages: options.messages,
            command: options.command,
            files: options.files,
            machine: options.machine,
            qemu_args: options.qemu_args,
            append: options.append,
            limit: Duration::from_secs(options.timeout),
            ..Config::new(lab, &logs, &[])
        },
        options.exchanges,
    )?;
    if options.logs.is_none() && verdict.code == exit::PASS {
        let _ = std::fs::remove_dir_all(&logs);
    } else {
        println!(
            "logs in {}: console.log, pccd.log, qemu.log, and the messages \
             in mailbox/",
            logs.display()
        );
    }
    println!("{}", verdict.text);
    Ok(verdict.code)
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
