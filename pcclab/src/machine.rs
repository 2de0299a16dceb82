//! One or several platforms in one machine: which channel gets which id, what
//! QEMU, pccd and the guest are given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pccd::conduct;
use serde_json::{Map, Value};

use crate::aml::{self, Table};
use crate::claim::{Claim, Claims};
use crate::config::{Config, escaped};
use crate::kernel::Kernel;
use crate::lab;
use crate::latency::{Limit, Promise};
use crate::platform::{Channel, Mode, On, Platform};
use crate::run::Contract;
use crate::search::{self, Search};
use crate::verdict::Verdict;
use crate::{content, meant, usage};

/// What `platform.json` calls a channel, and QEMU one of each subspace type.
pub(crate) const CHANNEL: &str = "pcc-channel";
const SUBSPACE: &str = "pcc-type";

/// What one or several platforms amount to in one machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The names of the platforms.
    pub names: Vec<String>,
    /// The mode all of them are in.
    pub mode: Mode,
    /// QEMU's `-machine`.
    pub machine: String,
    /// QEMU's `-device`, in this order.
    pub devices: Vec<String>,
    /// What the memory of some of them begins with, by their places in that
    /// list.
    pub contents: BTreeMap<usize, Vec<u8>>,
    /// The SSDTs.
    pub tables: Vec<Table>,
    /// Handler folders for pccd.
    pub messages: Vec<PathBuf>,
    /// Which of pccd's channels plays a subspace.
    pub plays: Map<String, Value>,
    /// Drivers the guest loads, by name.
    pub modules: Vec<String>,
    /// Modules of the kernel that the guest loads, where they are modules.
    pub drivers: Vec<String>,
    /// Words for the kernel's command line.
    pub append: String,
    /// What the guest's kernel must have, a line each for `/pcclab/needs`.
    pub needs: Vec<String>,
    /// Files the guest finds, under `platforms/`.
    pub files: Vec<(String, PathBuf)>,
    /// Variables for the guest's command.
    pub variables: Vec<(String, String)>,
    /// What each platform must have been asked.
    pub asked: Vec<Claims>,
    /// How fast their channels must be.
    pub latency: Vec<Limit>,
    /// Parts that the kernel has no driver for, each with the option that it
    /// lacks.
    pub left_out: Vec<(String, String)>,
    /// What each platform's driver can be made to do, where it says so.
    pub search: Vec<(String, Search)>,
    cold: bool,
    on: Vec<(String, On)>,
    /// Accepted breaks of conduct: platform, beginning of the kernel's release
    /// (none: all), rules and reasons.
    accepts: Vec<(String, String, BTreeMap<String, String>)>,
    /// Words that its drivers' lines in the kernel's log begin with.
    reporters: Vec<String>,
}

impl Machine {
    /// A machine of these platforms, in `mode` or in the first mode that all
    /// of them have.
    ///
    /// # Errors
    /// When a platform cannot be loaded, two of them claim the same, or there
    /// is no such mode.
    pub fn of(names: &[String], mode: Option<Mode>) -> Result<Machine> {
        Machine::on_kernel(names, mode, None)
    }

    /// [`Machine::of`], with those parts of platforms made of others that this
    /// kernel has a driver for, as far as that is known.
    ///
    /// # Errors
    /// As [`Machine::of`].
    pub fn on_kernel(
        names: &[String],
        mode: Option<Mode>,
        kernel: Option<&Kernel>,
    ) -> Result<Machine> {
        let mut left_out = Vec::new();
        let mut platforms = Vec::new();
        let mut common = vec![Mode::Irq, Mode::Poll];
        for name in names {
            let platform = Platform::load(name)?;
            common.retain(|mode| platform.modes().contains(mode));
            if platform.file.of.is_empty() {
                platforms.push(platform);
            } else {
                for part in &platform.file.of {
                    let part = Platform::load(part)?;
                    match kernel.and_then(|kernel| part.lacks(kernel)) {
                        Some(option) => left_out.push((part.name, option)),
                        None => platforms.push(part),
                    }
                }
            }
        }
        for platform in &platforms {
            common.retain(|mode| platform.modes().contains(mode));
        }
        let names = names.join(", ");
        let mode = match mode {
            Some(mode) if !common.contains(&mode) => {
                return Err(usage(format!(
                    "{names}: there is no mode {}, but {}",
                    mode.name(),
                    match common.as_slice() {
                        [] => "none in common",
                        [Mode::Irq, ..] => "irq",
                        [Mode::Poll, ..] => "poll",
                    }
                )));
            }
            Some(mode) => mode,
            None => *common
                .first()
                .with_context(|| format!("{names} have no mode in common"))?,
        };
        if platforms.is_empty() {
            bail!("{names}: this kernel has a driver for none of it");
        }
        let mut machine = Machine::new(mode);
        machine.left_out = left_out;
        for platform in &platforms {
            machine
                .add(platform)
                .with_context(|| format!("platform {}", platform.name))?;
        }
        Ok(machine)
    }

    pub(crate) fn new(mode: Mode) -> Machine {
        Machine {
            names: Vec::new(),
            mode,
            machine: format!("virt,pcc=bare,pcc-mode={}", mode.name()),
            devices: Vec::new(),
            contents: BTreeMap::new(),
            tables: Vec::new(),
            messages: Vec::new(),
            plays: Map::new(),
            modules: Vec::new(),
            drivers: Vec::new(),
            append: String::new(),
            needs: vec!["ACPI".to_owned(), "PCC".to_owned()],
            files: Vec::new(),
            variables: vec![("MODE".to_owned(), mode.name().to_owned())],
            asked: Vec::new(),
            latency: Vec::new(),
            left_out: Vec::new(),
            search: Vec::new(),
            cold: false,
            on: Vec::new(),
            accepts: Vec::new(),
            reporters: ["PCCT", "PCC", "ACPI PCC"].map(str::to_owned).into(),
        }
    }

    fn add(&mut self, platform: &Platform) -> Result<()> {
        if self.names.contains(&platform.name) {
            let name = &platform.name;
            return Err(usage(format!("two platforms are called {name}")));
        }
        self.names.push(platform.name.clone());
        let file = &platform.file;
        self.cold |= file.cold;
        let search = file.search.clone();
        self.search.extend(search.map(|it| (platform.name.clone(), it)));
        let mut subspaces = Vec::new();
        let mut defines = vec![self.mode.define()];
        for channel in &file.channels {
            if channel.is_in(self.mode) {
                let id = self.channel(channel)?;
                subspaces.extend(
                    (id..self.ids()).filter_map(|id| u8::try_from(id).ok()),
                );
                defines.push((channel.variable(), id.to_string()));
                let id = u8::try_from(id).unwrap_or(u8::MAX);
                self.promised(&file.latency, channel, id)?;
            }
        }
        self.variables.extend(
            defines
                .iter()
                .filter(|(name, _)| name.starts_with("CHANNEL_"))
                .cloned(),
        );
        for asl in &file.asl {
            self.tables.push(Table {
                asl: platform.folder.join(asl),
                defines: defines.clone(),
            });
        }
        let here = vec![PathBuf::from(".")];
        for messages in file.messages.as_ref().unwrap_or(&here) {
            let folder = platform.folder.join(messages);
            if !self.messages.contains(&folder) {
                self.messages.push(folder);
            }
        }
        for module in &file.modules {
            if !self.modules.contains(module) {
                self.modules.push(module.clone());
            }
        }
        self.drivers.extend_from_slice(&file.drivers);
        let here =
            |on: &On| on.modes.is_empty() || on.modes.contains(&self.mode);
        let on = file.on.iter().filter(|(_, on)| here(on));
        let of = |release: &str, accepts: &BTreeMap<String, String>| {
            (platform.name.clone(), release.to_owned(), accepts.clone())
        };
        let accepts: Vec<_> = std::iter::once(of("", &file.accepts))
            .chain(on.map(|(release, on)| of(release, &on.accepts)))
            .collect();
        for rule in accepts.iter().flat_map(|(.., rules)| rules.keys()) {
            if conduct::named(rule).is_none() {
                let rules = conduct::RULES.iter().map(|rule| rule.id);
                let meant = meant(rule, rules.clone());
                bail!(
                    "\"accepts\" names {rule}, which is no rule of conduct: \
                     there are {}{meant}",
                    rules.collect::<Vec<_>>().join(", ")
                );
            }
        }
        self.accepts.extend(accepts);
        let named =
            platform.driver.split(',').map(|name| name.trim().to_owned());
        self.reporters.extend(named);
        self.reporters
            .extend(file.drivers.iter().chain(&file.modules).cloned());
        if !file.append.is_empty() {
            self.append.push_str(&file.append);
            self.append.push(' ');
        }
        for (option, path) in &file.needs {
            self.needs.push(format!("{option} {path}").trim_end().to_owned());
        }
        if let Some(test) = &file.test {
            let name = &platform.name;
            let from = platform.folder.join(test);
            self.files.push((format!("{name}/test.sh"), from));
        }
        self.on.extend(
            file.on
                .iter()
                .filter(|(_, on)| {
                    on.modes.is_empty() || on.modes.contains(&self.mode)
                })
                .map(|(release, on)| (release.clone(), on.clone())),
        );
        let asked = file.asked.iter().map(|text| {
            Claim::parse(text).with_context(|| format!("\"asked\" {text:?}"))
        });
        self.asked.push(Claims {
            platform: platform.name.clone(),
            subspaces,
            claims: asked.collect::<Result<_>>()?,
            since: None,
            accepts: BTreeMap::new(),
        });
        Ok(())
    }

    /// What is promised of the channel with this id.
    fn promised(
        &mut self,
        promises: &[Promise],
        channel: &Channel,
        id: u8,
    ) -> Result<()> {
        let name = &channel.name;
        for promise in promises.iter().filter(|it| it.channel == *name) {
            let (nominal, inbox) = (channel.nominal_us(), channel.is_inbox());
            let limit = promise.of(id, nominal, inbox);
            let limit = limit.with_context(|| format!("\"latency\" of {name}"));
            self.latency.push(limit?);
        }
        Ok(())
    }

    /// Adds a channel's device; tells its subspace id.
    pub(crate) fn channel(&mut self, channel: &Channel) -> Result<usize> {
        let mut properties = channel.device.clone();
        // QEMU has a device for each subspace type.
        let driver = match properties.shift_remove("driver") {
            Some(Value::String(driver)) if driver != CHANNEL => driver,
            None | Some(Value::String(_)) => {
                match properties.shift_remove("subspace-type") {
                    Some(kind) => format!("{SUBSPACE}{kind}"),
                    None => bail!("\"subspace-type\" is missing"),
                }
            }
            Some(other) => bail!("\"driver\" is no text: {other}"),
        };
        // A pair for MCTP takes two ids, which it chooses itself.
        let id = self.ids();
        let mut device = format!("{driver},mailbox=pcc");
        if driver.starts_with(SUBSPACE) {
            device.push_str(&format!(",subspace={id}"));
        }
        for (name, value) in &properties {
            let value = match value {
                Value::String(text) => escaped(text),
                Value::Number(number) => number.to_string(),
                other => bail!("{name}: {other} is neither number nor text"),
            };
            device.push_str(&format!(",{name}={value}"));
        }
        let number = u8::try_from(id).unwrap_or(u8::MAX);
        if let Some(content) = channel.begins(number).context("`content`")? {
            self.contents.insert(self.devices.len(), content);
        }
        self.devices.push(device);
        if let Some(plays) = &channel.plays {
            self.plays.insert(id.to_string(), plays.clone().into());
        }
        Ok(id)
    }

    fn ids(&self) -> usize {
        self.devices
            .iter()
            .map(|d| if d.starts_with("pcc-mctp,") { 2 } else { 1 })
            .sum()
    }

    /// What is different on the kernel of this release.
    pub fn on(&self, release: Option<&str>) -> impl Iterator<Item = &On> {
        self.on
            .iter()
            .filter(move |(prefix, _)| {
                release.is_some_and(|release| release.starts_with(prefix))
            })
            .map(|(_, on)| on)
    }

    /// Takes away processors that the kernel of this run must not have; says
    /// why.
    pub fn fit(&self, config: &mut Config) -> Vec<String> {
        let mut said = Vec::new();
        for on in self.on(config.lab.kernel.release()) {
            let smp = on.smp.filter(|smp| *smp < config.smp);
            if let Some(smp) = smp {
                said.push(format!("{smp} processor(s): {}", on.because));
                config.smp = smp;
            }
        }
        said
    }

    /// The options that this kernel lacks, as far as that is known before it
    /// is booted.
    pub fn lacks(&self, kernel: &Kernel) -> Vec<String> {
        self.needs
            .iter()
            .map(|need| need.split(' ').next().unwrap_or(need).to_owned())
            .filter(|option| kernel.has(option) == Some(false))
            .collect()
    }

    /// What comes of a run on this kernel, if it need not be booted to know.
    pub fn unfit(&self, kernel: &Kernel) -> Option<Verdict> {
        let lacks = self.lacks(kernel);
        let without = self.without(kernel);
        match () {
            () if !lacks.is_empty() => Some(Verdict::missing(&lacks)),
            () if !without.is_empty() => Some(Verdict::without(&without)),
            () => None,
        }
    }

    /// What this kernel is without although no option tells, each with the
    /// reason why that is known.
    pub fn without(&self, kernel: &Kernel) -> Vec<(String, String)> {
        let on = self.on(kernel.release());
        on.filter_map(|on| Some((on.without.clone()?, on.because.clone())))
            .collect()
    }

    /// Makes a run of it; returns what the platforms must have been asked.
    /// Without a `command` the guest runs their own tests.
    ///
    /// # Errors
    /// When a table cannot be compiled, or there is nothing to run.
    pub fn enter(
        self,
        config: &mut Config,
        command: &[OsString],
    ) -> Result<Contract> {
        // What takes each of several long is for a machine of its own.
        let quick = config.quick || self.names.len() > 1;
        let variables =
            self.variables.iter().map(|(n, v)| format!("{n}={v}").into());
        config.command = std::iter::once("env".into())
            .chain(variables)
            .chain(quick.then(|| "QUICK=1".into()))
            .chain(match command {
                [] => self.command()?,
                command => command.to_vec(),
            })
            .collect();
        for (index, device) in self.devices.iter().enumerate() {
            let mut device = device.clone();
            if let Some(bytes) = self.contents.get(&index) {
                let file = content::file(bytes, &lab::cache("content")?)?;
                let file = escaped(&file.to_string_lossy());
                device.push_str(&format!(",content={file}"));
            }
            config.qemu_args.extend(["-device".into(), device.into()]);
        }
        let cache = lab::cache("aml")?;
        for table in &self.tables {
            let aml = aml::compile(table, &cache)?;
            let file = escaped(&aml.to_string_lossy());
            config
                .qemu_args
                .extend(["-acpitable".into(), format!("file={file}").into()]);
        }
        for (at, path) in &self.files {
            let content = std::fs::read(path)
                .with_context(|| format!("reading {}", path.display()))?;
            config.extra.push((format!("platforms/{at}"), content));
        }
        let given: Vec<_> =
            config.lab.modules.iter().map(|m| stem(m)).collect();
        let drivers = config.lab.kernel.modules(&self.drivers)?;
        let drivers = drivers.iter().filter(|m| !given.contains(&m.name));
        for (index, module) in drivers.enumerate() {
            // Loaded before the others: '-' sorts before their digits.
            let at = format!("pcclab/modules/-{index:02}-{}.ko", module.name);
            config.extra.push((at, module.bytes.clone()));
        }
        if !self.search.is_empty() {
            let script = search::script(&self.search);
            config.extra.push((search::PLACE.to_owned(), script.into()));
        }
        let needs = self.needs.join("\n") + "\n";
        config.extra.push(("pcclab/needs".to_owned(), needs.into()));
        let asked = self.accepting(config.lab.kernel.release());
        // What the user says comes last, and so has the last word.
        config.append.insert_str(0, &self.append);
        if self.cold {
            config.warm = None;
        }
        config.machine = self.machine;
        config.messages = self.messages;
        config.plays = self.plays;
        let drivers = self.reporters;
        let is_test = command.is_empty();
        // A command of the user's need not send what has to be fast.
        let latency = if is_test { self.latency } else { Vec::new() };
        Ok(Contract { asked, drivers, latency, is_test, ..Contract::default() })
    }

    /// The platforms' demands, with the breaks that they accept on a kernel of
    /// this release.
    fn accepting(&self, release: Option<&str>) -> Vec<Claims> {
        let mut asked = self.asked.clone();
        for part in &mut asked {
            for (platform, prefix, accepts) in &self.accepts {
                let is_here = release.is_some_and(|r| r.starts_with(prefix));
                if *platform == part.platform && (prefix.is_empty() || is_here)
                {
                    part.accepts.extend(accepts.clone());
                }
            }
        }
        asked
    }

    /// The command that runs the platforms' own tests.
    ///
    /// # Errors
    /// When there is none.
    pub fn command(&self) -> Result<Vec<OsString>> {
        let script = |name: &str| format!("/platforms/{name}/test.sh");
        let tests: Vec<_> = self
            .files
            .iter()
            .filter_map(|(at, _)| at.split('/').next())
            .collect();
        Ok(match tests.as_slice() {
            [] => bail!("{}: no test; give a command", self.names.join(", ")),
            [test] => vec!["sh".into(), script(test).into()],
            several => ["sh", "/tests/platforms.sh"]
                .iter()
                .chain(several)
                .map(OsString::from)
                .collect(),
        })
    }
}

/// A module's name, from its file's.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use serde_json::json;

    use super::*;
    use crate::platform::names;

    fn write(folder: &Path, name: &str, json: &str) -> String {
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("platform.json"), json).unwrap();
        folder.to_str().unwrap().to_owned()
    }

    const FAN: &str = r#"{ "description": "a fan", "driver": "acme-fan",
        "channels": [
          { "name": "by-irq", "modes": ["irq"], "plays": "fan",
            "device": { "subspace-type": 1, "size": 64 } },
          { "name": "by-poll", "modes": ["poll"], "plays": "fan",
            "device": { "subspace-type": 0 } } ],
        "asl": "fan.asl", "needs": { "FAN": "/sys/fan" },
        "test": "fan.sh", "asked": ["start speed=2"] }"#;

    const PAIR: &str = r#"{ "description": "two", "driver": "acme-pair", "modes": ["irq"],
        "channels": [ { "name": "mctp", "device": { "driver": "pcc-mctp" } } ],
        "messages": ["../fan"], "test": "t.sh" }"#;

    #[test]
    fn platforms_share_a_machine() {
        let folder = tempfile::tempdir().unwrap();
        let fan = write(folder.path(), "fan", FAN);
        let pair = write(folder.path(), "pair", PAIR);
        let machine = Machine::of(&[pair.clone(), fan.clone()], None).unwrap();
        assert_eq!(machine.machine, "virt,pcc=bare,pcc-mode=irq");
        assert_eq!(
            machine.devices,
            [
                "pcc-mctp,mailbox=pcc",
                "pcc-type1,mailbox=pcc,subspace=2,size=64"
            ]
        );
        assert_eq!(json!(machine.plays), json!({ "2": "fan" }));
        assert_eq!(machine.needs, ["ACPI", "PCC", "FAN /sys/fan"]);
        assert_eq!(
            machine.tables[0].defines,
            [
                ("MODE_IRQ".to_owned(), "1".to_owned()),
                ("CHANNEL_BY_IRQ".to_owned(), "2".to_owned())
            ]
        );
        assert_eq!(
            machine.command().unwrap(),
            ["sh", "/tests/platforms.sh", "pair", "fan"]
        );
        let poll =
            Machine::of(std::slice::from_ref(&fan), Some(Mode::Poll)).unwrap();
        assert_eq!(poll.devices.len(), 1);
        assert!(poll.devices[0].starts_with("pcc-type0,"));
        assert!(poll.devices[0].contains("subspace=0"));
        assert_eq!(poll.command().unwrap(), ["sh", "/platforms/fan/test.sh"]);
        for (names, mode) in [
            (vec![pair.clone()], Some(Mode::Poll)),
            (vec![fan.clone(), fan.clone()], None),
            (vec!["no-such".to_owned()], None),
        ] {
            assert!(Machine::of(&names, mode).is_err(), "{names:?}");
        }
    }

    #[test]
    fn a_platform_may_have_several_tables() {
        let folder = tempfile::tempdir().unwrap();
        let json = FAN.replace("\"fan.asl\"", "[\"fan.asl\", \"hest.asl\"]");
        let fan = write(folder.path(), "fan", &json);
        let machine = Machine::of(&[fan], None).unwrap();
        let files: Vec<_> =
            machine.tables.iter().map(|it| it.asl.file_name()).collect();
        let wanted = ["fan.asl", "hest.asl"].map(|it| Some(OsStr::new(it)));
        assert_eq!(files, wanted);
        assert_eq!(machine.tables[0].defines, machine.tables[1].defines);
    }

    #[test]
    fn mistakes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("e", FAN.replace("\"fan.asl\"", "7"), "a list of paths"),
            ("f", FAN.replace("\"fan.asl\"", "[7]"), "asl"),
            ("a", FAN.replace("needs", "neds"), "neds"),
            ("b", FAN.replace("\"irq\"", "\"irk\""), "irk"),
            ("c", FAN.replace("64", "[64]"), "size"),
            ("d", FAN.replace("speed=2", "speed"), "speed"),
        ];
        for (name, json, word) in cases {
            let platform = write(folder.path(), name, &json);
            let error = Machine::of(&[platform], None).unwrap_err();
            let text = format!("{error:#}");
            assert!(text.contains(word), "{text}");
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn every_platform_here_is_right() {
        for name in names().unwrap() {
            let platform = Platform::load(&name).unwrap();
            for &mode in platform.modes() {
                let machine =
                    Machine::of(std::slice::from_ref(&name), Some(mode));
                let machine = machine.unwrap();
                for (_, file) in &machine.files {
                    assert!(file.is_file(), "{}", file.display());
                }
                for defect in platform.defects() {
                    let path = platform.folder.join(&defect.file);
                    let text = std::fs::read_to_string(path).unwrap();
                    let count = text.matches(&defect.from).count();
                    assert_eq!(count, 1, "{name}: {defect:?}");
                }
                for table in &machine.tables {
                    assert!(table.asl.is_file(), "{}", table.asl.display());
                }
                for folder in &machine.messages {
                    assert!(folder.is_dir(), "{}", folder.display());
                }
            }
        }
    }

    #[test]
    fn what_no_option_tells_goes_by_the_release() {
        let folder = tempfile::tempdir().unwrap();
        let on = r#""on": { "7.3": { "without": "blades",
            "because": "they came later" } }, "needs""#;
        let fan = FAN.replace("\"needs\"", on);
        let fan = write(folder.path(), "fan", &fan);
        let image = folder.path().join("Image");
        for (release, said) in [("7.3.4+deb13-arm64", 1), ("7.4.0", 0)] {
            // An arm64 PE header, as crate::kernel wants it, and the banner.
            let mut bytes = vec![0; 128];
            bytes[..2].copy_from_slice(b"MZ");
            bytes[60] = 64;
            bytes[64..70].copy_from_slice(&[b'P', b'E', 0, 0, 0x64, 0xaa]);
            bytes.extend(format!("Linux version {release} (x)").bytes());
            std::fs::write(&image, bytes).unwrap();
            let kernel = Kernel::at(&image).unwrap();
            let machine = Machine::of(std::slice::from_ref(&fan), None);
            let without = machine.unwrap().without(&kernel);
            assert_eq!(without.len(), said, "{release}");
            let platform = Platform::load(&fan).unwrap();
            assert_eq!(platform.lacks(&kernel).is_some(), said == 1);
            let text = Verdict::without(&without).text;
            let wanted = "this kernel has no blades: they came later";
            assert_eq!(text == wanted, said == 1, "{text}");
        }
    }
}
