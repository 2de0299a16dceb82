//! `pcclab fuzz`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use pcclab::conduct;
use pcclab::config::Config;
use pcclab::fuzz::command::{self, Options};
use pcclab::fuzz::guest::Setup;
use pcclab::fuzz::hunt::Settings;
use pcclab::fuzz::sign::Watched;
use pcclab::lab::{self, Lab};
use pcclab::machine::Machine;
use pcclab::verdict::exit;
use pcclab::{catch_interrupts, say, search, usage};

use crate::cli;

/// A guest lives as long as its search wants it.
const LIMIT: Duration = Duration::from_secs(365 * 86_400);
/// Guests a processor: most of the time they wait for time-outs.
const EACH: usize = 3;
/// Linux waits so many times as long as a channel's nominal latency: cppc,
/// xgene-hwmon, kunpeng_hccs and hisi_uncore_freq all do.
const PATIENCE: u64 = 500;
/// What QEMU's channels have if nothing else is said, in microseconds.
const LATENCY_US: u64 = 1000;

/// Searches for bugs of a platform's driver.
pub fn run(options: &cli::Fuzz) -> Result<u8> {
    let kernel = lab::kernel(options.kernel.as_deref())?;
    let machine =
        Machine::on_kernel(&options.platforms, options.mode, Some(&kernel))?;
    for (name, option) in &machine.left_out {
        say(format_args!("without {name}: no CONFIG_{option}"));
    }
    if let Some(unfit) = machine.unfit(&kernel) {
        bail!("{}", unfit.text);
    }
    if machine.search.is_empty() {
        return Err(usage(format!(
            "{} says nothing of what its driver can be made to do: add \
             \"search\" to its platform.json, as docs/search.md says",
            options.platforms.join(", ")
        )));
    }
    let modules: Vec<_> = options.modules.iter().map(crate::module).collect();
    let paths: Vec<_> = modules.iter().map(|(path, _)| path.clone()).collect();
    let drivers: Vec<_> = machine.modules.iter().map(String::as_str).collect();
    let lab = Lab::with_drivers(options.kernel.as_deref(), &paths, &drivers)?;
    for note in &lab.notes {
        say(note);
    }
    let mut config = Config {
        parameters: modules,
        append: options.append.clone(),
        warm: Some(lab::cache("warm")?),
        limit: LIMIT,
        ..Config::new(lab, &PathBuf::new(), &[])
    };
    for line in machine.fit(&mut config) {
        say(line);
    }
    let latency = machine.devices.iter().map(|device| {
        conduct::number(device, "latency-us").unwrap_or(LATENCY_US)
    });
    let timeout_ms = latency.max().unwrap_or(LATENCY_US) * PATIENCE / 1000;
    let names = machine.names.clone();
    let actions = search::names(&machine.search);
    let all = machine.search.iter().map(|(_, search)| search);
    let modules = all.clone().flat_map(|it| &it.modules);
    let functions = all.flat_map(|it| &it.functions);
    let watched = Watched::new(
        &modules.map(String::as_str).collect::<Vec<_>>(),
        &functions.map(String::as_str).collect::<Vec<_>>(),
    )?;
    let contract =
        machine.enter(&mut config, &search::AGENT.map(Into::into))?;
    let output = match &options.output {
        Some(output) => output.clone(),
        None => PathBuf::from("search").join(names.join("+")),
    };
    let part = options.partition.map_or((0, 1), |it| {
        let (number, of) = it.place();
        (number as usize - 1, of as usize)
    });
    catch_interrupts()?;
    let limits = conduct::limits(&config.qemu_args);
    let plugin = lab::paths().remove("COVERAGE");
    let plugin = plugin.filter(|_| !options.no_coverage);
    let result = command::run(&Options {
        setup: Setup {
            config,
            platform: names.join(" "),
            actions,
            watched,
            plugin,
            asked: contract.asked,
            limits,
            timeout_ms,
        },
        machine: arguments(options),
        output,
        seed: options.seed,
        time: options.time,
        jobs: options.jobs.count(EACH),
        part,
        is_blind: options.random_bytes,
        settings: Settings::default(),
    });
    match result {
        Err(_) if pcclab::interrupted() => Ok(exit::INTERRUPTED),
        result => result,
    }
}

/// What `pcclab run` is given for the same machine.
fn arguments(options: &cli::Fuzz) -> String {
    let mut words = Vec::new();
    let mut add = |name: &str, value: &str| {
        let is_plain = |c: char| c.is_alphanumeric() || "/._-=+".contains(c);
        let value = match !value.is_empty() && value.chars().all(is_plain) {
            true => value.to_owned(),
            false => format!("'{}'", value.replace('\'', r"'\''")),
        };
        words.push(format!("{name} {value}"));
    };
    if let Some(kernel) = &options.kernel {
        add("--kernel", &kernel.to_string_lossy());
    }
    for platform in &options.platforms {
        add("--platform", platform);
    }
    if let Some(mode) = options.mode {
        add("--mode", mode.name());
    }
    for module in &options.modules {
        add("--module", &module.to_string_lossy());
    }
    if !options.append.is_empty() {
        add("--append", &options.append);
    }
    words.join(" ")
}
