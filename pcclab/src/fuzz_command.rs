//! `pcclab fuzz`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use pcclab::conduct;
use pcclab::config::Config;
use pcclab::fuzz::command::{self, Options};
use pcclab::fuzz::guest::Setup;
use pcclab::fuzz::hunt::Settings;
use pcclab::lab::{self, Lab};
use pcclab::machine::Machine;
use pcclab::sign::Watched;
use pcclab::verdict::exit;
use pcclab::{catch_interrupts, say, search, usage};

use crate::cli;

/// A guest lives as long as its search wants it.
const LIMIT: Duration = Duration::from_secs(365 * 86_400);
/// Guests a processor: most of the time they wait for time-outs.
const EACH: usize = 3;
/// Linux waits so many times as long as a channel's nominal latency: cppc,
/// xgene-hwmon and kunpeng_hccs do, hisi_uncore_freq twice as long.
const PATIENCE: u64 = 500;
/// What QEMU's channels have if nothing else is said, in microseconds.
const LATENCY_US: u64 = 1000;

/// Searches for bugs of a platform's driver.
pub fn run(options: &cli::Fuzz) -> Result<u8> {
    let own = Driver {
        kernel: options.kernel.as_deref(),
        modules: &options.modules,
        append: &options.append,
    };
    let other = Driver::against(own, &options.against)?;
    let setup = own.setup(options)?;
    let other = match other {
        Some(other) => {
            let setup = Setup { plugin: None, ..other.setup(options)? };
            Some((setup, other.arguments(options)))
        }
        None => None,
    };
    let output = match &options.output {
        Some(output) => output.clone(),
        None => PathBuf::from("search").join(setup.platform.replace(' ', "+")),
    };
    let part = options.partition.map_or((0, 1), |it| {
        let (number, of) = it.place();
        (number as usize - 1, of as usize)
    });
    catch_interrupts()?;
    let result = command::run(&Options {
        setup,
        machine: own.arguments(options),
        other,
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

/// What makes a driver: its kernel, its modules, and which of the kernel's own
/// stay out.
#[derive(Clone, Copy)]
struct Driver<'a> {
    kernel: Option<&'a Path>,
    modules: &'a [OsString],
    append: &'a str,
}

impl<'a> Driver<'a> {
    /// The one that is compared with.
    fn against(own: Driver<'a>, named: &'a [OsString]) -> Result<Option<Self>> {
        let is_module = |it: &OsString| {
            Path::new(it).extension().is_some_and(|e| e == "ko")
        };
        Ok(match named {
            [] => None,
            modules if modules.iter().all(is_module) => {
                Some(Driver { modules, ..own })
            }
            [kernel] => Some(Driver {
                kernel: Some(Path::new(kernel)),
                modules: &[],
                append: "",
            }),
            _ => {
                return Err(usage(
                    "--against: either modules (*.ko), or one kernel".into(),
                ));
            }
        })
    }

    /// How a guest with it is started.
    fn setup(self, options: &cli::Fuzz) -> Result<Setup> {
        let kernel = lab::kernel(self.kernel)?;
        let machine = Machine::on_kernel(
            &options.platforms,
            options.mode,
            Some(&kernel),
        )?;
        for (name, option) in &machine.left_out {
            say(format_args!("without {name}: no CONFIG_{option}"));
        }
        if let Some(unfit) = machine.unfit(&kernel) {
            bail!("{}", unfit.text);
        }
        if machine.search.is_empty() {
            return Err(usage(format!(
                "{} says nothing of what its driver can be made to do: add \
                 \"search\" to its platform.json, as docs/platforms.md says",
                options.platforms.join(", ")
            )));
        }
        let modules: Vec<_> = self.modules.iter().map(crate::module).collect();
        let paths: Vec<_> =
            modules.iter().map(|(path, _)| path.clone()).collect();
        let drivers: Vec<_> =
            machine.modules.iter().map(String::as_str).collect();
        let lab = Lab::with_drivers(self.kernel, &paths, &drivers)?;
        for note in &lab.notes {
            say(note);
        }
        let mut config = Config {
            parameters: modules,
            append: self.append.to_owned(),
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
        let all = machine.search.iter().map(|(_, search)| search);
        let modules = all.clone().flat_map(|it| &it.modules);
        let functions = all.flat_map(|it| &it.functions);
        let watched = Watched::new(
            &modules.map(String::as_str).collect::<Vec<_>>(),
            &functions.map(String::as_str).collect::<Vec<_>>(),
        )?;
        let platform = machine.names.join(" ");
        let actions = search::names(&machine.search);
        let contract = machine
            .enter(&mut config, &search::agent(!options.against.is_empty()))?;
        let limits = conduct::limits(&config.qemu_args);
        let plugin = lab::paths().remove("COVERAGE");
        Ok(Setup {
            config,
            platform,
            actions,
            watched,
            plugin: plugin.filter(|_| !options.no_coverage),
            asked: contract.asked,
            limits,
            timeout_ms,
        })
    }

    /// What `pcclab run` is given for the same machine.
    fn arguments(self, options: &cli::Fuzz) -> String {
        let mut words = Vec::new();
        let mut add = |name: &str, value: &str| {
            let is_plain =
                |c: char| c.is_alphanumeric() || "/._-=+".contains(c);
            let value = match !value.is_empty() && value.chars().all(is_plain) {
                true => value.to_owned(),
                false => format!("'{}'", value.replace('\'', r"'\''")),
            };
            words.push(format!("{name} {value}"));
        };
        if let Some(kernel) = self.kernel {
            add("--kernel", &kernel.to_string_lossy());
        }
        for platform in &options.platforms {
            add("--platform", platform);
        }
        if let Some(mode) = options.mode {
            add("--mode", mode.name());
        }
        for module in self.modules {
            add("--module", &module.to_string_lossy());
        }
        if !self.append.is_empty() {
            add("--append", self.append);
        }
        words.join(" ")
    }
}
