//! What `pcclab fuzz` stands on: the guest's agent, the actions of every
//! platform, and the coverage of the guest's kernel.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pccd_tests::broken::driver;
use pccd_tests::{JOBS, Logs, built, each_of};
use pcclab::coverage::{self, EDGES, Map};
use pcclab::lab::{self, Lab};
use pcclab::machine::Machine;
use pcclab::outcome::End;
use pcclab::platform::{Mode, Platform, names};
use pcclab::search;
use pcclab::session::{Config, Event, Session};

/// A guest that waits for what it shall do.
struct Guest {
    session: Session,
    names: Vec<String>,
    logs: Logs,
    number: u32,
}

impl Guest {
    /// One of this platform; `change` has the last word on what it is.
    fn start(
        platform: &str,
        change: impl FnOnce(&mut Machine, &mut Config),
    ) -> Guest {
        Guest::in_mode(platform, None, change)
    }

    fn in_mode(
        platform: &str,
        mode: Option<Mode>,
        change: impl FnOnce(&mut Machine, &mut Config),
    ) -> Guest {
        let mut machine = Machine::of(&[platform.to_owned()], mode).unwrap();
        let drivers: Vec<_> =
            machine.modules.iter().map(String::as_str).collect();
        let lab = Lab::with_drivers(None, &[], &drivers).unwrap();
        let logs = Logs::new();
        let mut config = Config::new(lab, logs.path(), &[]);
        config.limit = Duration::from_secs(180);
        config.warm = pcclab::lab::cache("warm").ok();
        change(&mut machine, &mut config);
        let names = search::names(&machine.search);
        let command = ["sh", "/tests/fuzz.sh"].map(Into::into);
        machine.enter(&mut config, &command).unwrap();
        let mut session = Session::start(config).unwrap();
        session.wait_for("pcclab: listening").unwrap();
        Guest { session, names, logs, number: 0 }
    }

    /// One whose code can be watched, but for functions of these patterns none
    /// of its own.
    fn watched(platform: &str, functions: &[&str]) -> (Guest, Map) {
        let mut map = None;
        let guest = Guest::start(platform, |machine, config| {
            let own = functions.iter().map(|it| (*it).to_owned());
            machine.search[0].1.functions = own.collect();
            let path = config.folder.join("coverage");
            let new = Map::create(&path).unwrap();
            config.plugin = Some(new.argument(&built("COVERAGE")));
            map = Some(new);
        });
        (guest, map.unwrap())
    }

    fn tell(&mut self, line: &str) {
        self.session.write(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Does these actions.
    fn go(&mut self, names: &str) {
        self.number += 1;
        let number = self.number;
        self.tell(&format!("go {number} {names}"));
        self.session.wait_for(&format!("pcclab: went {number}")).unwrap();
    }

    /// Whether the driver works.
    fn is_alive(&mut self) -> bool {
        self.number += 1;
        let word = format!("pcclab: alive {} ", self.number);
        self.tell(word.trim_start_matches("pcclab: "));
        self.session.wait_for(&word).unwrap().ends_with(" 0")
    }

    /// Where its code is, and the names of the functions that begin there.
    fn ranges(&mut self) -> Vec<(Range<u64>, String)> {
        self.tell("ranges");
        let mut found = Vec::new();
        loop {
            let line = self.session.wait_for("pcclab: range").unwrap();
            match coverage::range(&line) {
                Some((range, name)) => found.push((range, name.to_owned())),
                None => return found,
            }
        }
    }

    fn end(mut self) {
        self.tell("end");
        let outcome = self.session.finish(|_| {}).unwrap();
        assert_eq!(outcome.end, End::Exit(0), "{outcome:?}");
        drop(self.logs);
    }
}

/// How many edges were taken since the last look.
fn edges(map: &Map) -> usize {
    let mut hits = [0; EDGES];
    map.read(&mut hits).unwrap();
    map.clear().unwrap();
    hits.iter().filter(|hits| **hits > 0).count()
}

/// Of those ranges, those of functions whose names begin so.
fn of(ranges: &[(Range<u64>, String)], start: &str) -> Vec<Range<u64>> {
    let mut found: Vec<_> = ranges
        .iter()
        .filter(|(_, name)| name.starts_with(start))
        .map(|(range, _)| range.clone())
        .collect();
    assert!(!found.is_empty(), "{start}: {ranges:x?}");
    found.sort_by_key(|range| range.start);
    let apart = found.windows(2).all(|two| two[0].end <= two[1].start);
    assert!(apart, "{found:x?}");
    found
}

#[test]
fn what_runs_is_seen_where_it_is_watched() {
    // The last is a driver without a device.
    let functions = ["xgene_hwmon_*", "power1_*_show", "hccs_*"];
    let (mut guest, mut map) = Guest::watched("xgene-hwmon", &functions);
    let ranges = guest.ranges();
    let of = |start| of(&ranges, start);
    let (driver, show) = (of("xgene_hwmon_"), of("power1_"));

    // It has run, and been translated, before anybody watches.
    guest.go("cpu-power");
    assert_eq!(edges(&map), 0, "nothing is watched");
    let mut watch = |guest: &mut Guest, ranges: &[Range<u64>]| {
        map.watch(ranges).unwrap();
        // Until it is taken, what was watched before counts.
        guest.go("cpu-power");
        assert!(map.is_taken().unwrap());
        map.clear().unwrap();
        guest.go("cpu-power temperature");
        edges(&map)
    };
    let seen = watch(&mut guest, &driver);
    assert!(seen > 10, "{seen} edges");
    assert_eq!(watch(&mut guest, &of("hccs_")), 0);
    let both = [driver.clone(), show].concat();
    let more = watch(&mut guest, &both);
    assert!(more > seen, "{more} edges, not more than {seen}");
    assert_eq!(watch(&mut guest, &[]), 0);

    // Another action goes another way: a map of it is another.
    map.watch(&driver).unwrap();
    guest.go("cpu-power alarm");
    let sets = ["cpu-power", "alarm"].map(|action| {
        map.clear().unwrap();
        guest.go(action);
        let mut hits = [0; EDGES];
        map.read(&mut hits).unwrap();
        hits.iter().map(|hits| *hits > 0).collect::<Vec<_>>()
    });
    assert_ne!(sets[0], sets[1]);
    guest.end();
}

#[test]
fn a_module_is_watched_wherever_it_lies() {
    let (mut guest, mut map) = Guest::watched("mpam-fb", &[]);
    let ranges = guest.ranges();
    let [(range, name)] = &ranges[..] else { panic!("{ranges:x?}") };
    assert_eq!(name, "mpam_fb");
    map.watch(std::slice::from_ref(range)).unwrap();
    guest.go("version");
    assert!(map.is_taken().unwrap());
    let seen = edges(&map);
    assert!(seen > 10, "{seen} edges");
    guest.end();
}

/// What it costs, on one's own machine: `--nocapture` prints it.
#[test]
fn coverage_costs_little() {
    const COUNT: u32 = 200;
    let (mut guest, mut map) = Guest::watched("mpam-fb", &["pcc_*", "mbox_*"]);
    let ranges: Vec<_> =
        guest.ranges().into_iter().map(|(range, _)| range).collect();
    let mut plain = Guest::start("mpam-fb", |_, _| {});
    let actions = "version ".repeat(10);
    let time = |guest: &mut Guest| {
        guest.go(&actions);
        let start = Instant::now();
        (0..COUNT / 10).for_each(|_| guest.go(&actions));
        start.elapsed() / COUNT
    };
    let without = time(&mut plain);
    plain.end();
    let idle = time(&mut guest);
    map.watch(&ranges).unwrap();
    let with = time(&mut guest);
    assert!(edges(&map) > 10);
    guest.end();
    println!(
        "an exchange takes {without:?} without the plugin, {idle:?} with it, \
         {with:?} while {} ranges are watched",
        ranges.len()
    );
    assert!(with < without * 3, "{with:?}, {without:?}");
}

/// One platform in one mode: what can be done is done, and the driver works
/// after it; with a platform that says nothing it does not.
fn searched((name, mode): &(String, Mode)) -> Result<String, String> {
    let at = format!("{name}, {}", mode.name());
    let mut guest = Guest::in_mode(name, Some(*mode), |_, _| {});
    let wrong = |guest: Guest, what: &str| {
        let end = guest.session.end(End::Interrupted).unwrap();
        let logs = guest.logs.path().to_owned();
        std::mem::forget(guest.logs);
        Err(format!("{at}: {what}: {end:?}, logs in {}", logs.display()))
    };
    let ranges = guest.ranges();
    if ranges.is_empty() || ranges.len() > coverage::MOST {
        return wrong(guest, &format!("{} ranges", ranges.len()));
    }
    if !guest.is_alive() {
        return wrong(guest, "it is dead before anything is done");
    }
    let mut times = Vec::new();
    for action in guest.names.clone() {
        let start = Instant::now();
        guest.go(&action);
        times.push(format!("{action} {} ms", start.elapsed().as_millis()));
    }
    let start = Instant::now();
    if !guest.is_alive() {
        return wrong(guest, "it is dead when all is done");
    }
    times.push(format!("alive {} ms", start.elapsed().as_millis()));
    guest.session.freeze_pccd().unwrap();
    if guest.is_alive() {
        return wrong(guest, "it is alive without a platform");
    }
    let outcome = guest.session.end(End::Interrupted).unwrap();
    if !outcome.splats.is_empty() {
        return Err(format!("{at}: {:?}", outcome.splats));
    }
    Ok(format!("{at}, {} ranges: {}", ranges.len(), times.join(", ")))
}

#[test]
fn every_platform_does_what_its_search_says() {
    let only = std::env::var("PCCD_PLATFORM").ok();
    let mut all = Vec::new();
    let kernel = lab::kernel(None).unwrap();
    for name in names().unwrap() {
        let machine = Machine::of(std::slice::from_ref(&name), None).unwrap();
        let is_meant = only.as_ref().is_none_or(|only| *only == name);
        let has_it = machine.without(&kernel).is_empty();
        let is_meant = is_meant && has_it && machine.names.len() == 1;
        if !machine.search.is_empty() && is_meant {
            let modes = Platform::load(&name).unwrap().modes().to_vec();
            all.extend(modes.into_iter().map(|mode| (name.clone(), mode)));
        }
    }
    assert!(!all.is_empty());
    let mut wrong = Vec::new();
    for result in each_of(JOBS, &all, searched) {
        match result {
            Ok(text) => println!("{text}"),
            Err(text) => wrong.push(text),
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
}

/// What is done wrong ends nothing.
#[test]
fn the_agent_goes_on() {
    let mut guest = Guest::start("xgene-hwmon", |_, _| {});
    guest.go("no-such-action unbind unbind bind bind temperature");
    guest.tell("nonsense");
    guest.session.wait_for("pcclab: unknown nonsense").unwrap();
    assert!(guest.is_alive());
    // Nothing is echoed, and nothing else comes.
    guest.tell("alive 77");
    let event = guest.session.next(Duration::from_secs(20)).unwrap();
    assert_eq!(event, Event::Line("pcclab: alive 77 0".to_owned()));
    guest.end();
}

/// A driver of `tests/broken/list` with a bug that its platform's test does not
/// show: what the guest does, and with which change of a file of the platform
/// it does.
struct Planted {
    name: &'static str,
    action: &'static str,
    /// A file, what stands there, what shall; where there is none the driver
    /// without the bug takes what this one does not.
    change: Option<[&'static str; 3]>,
    /// What the kernel says; if nothing, the driver is dead.
    says: &'static str,
}

const NULL: &str = "NULL pointer dereference";
const HWMON: &str = "/sys/class/hwmon/hwmon0";

const PLANTED: [Planted; 5] = [
    Planted {
        name: "planted-length",
        action: "mctp link mctppcc1 up
            mctp address add 8 dev mctppcc1
            mctp request --iface mctppcc1 --eid 0 --type 0x7e --timeout-ms 500 1af4 6661756c74 01",
        change: Some([
            "faults.json",
            r#""envelope": { "flags": ["double-interrupt"] }"#,
            r#""faults": [{ "overwrite": { "fields": { "pcc.length": 65535 } } }]"#,
        ]),
        says: "Unable to handle kernel paging request",
    },
    Planted {
        name: "planted-late",
        action: "read -r _ <$HWMON/fan1_input; usleep 500000",
        change: Some([
            "fan.json",
            r#""name": "rpm", "#,
            r#""name": "rpm", "delay": 700, "#,
        ]),
        says: NULL,
    },
    Planted {
        name: "planted-twice",
        action: "echo 0 >$HWMON/pwm1; usleep 200000
            echo 200 >$HWMON/pwm1; usleep 400000",
        change: Some([
            "fan.json",
            r#""set": { "celsius": 40, "air": "cool" }"#,
            r#""set": { "celsius": 40 }"#,
        ]),
        says: NULL,
    },
    Planted {
        name: "planted-double",
        action: "i2cget -y 0 0x62 0; usleep 100000",
        change: None,
        says: "refcount_t: decrement hit 0",
    },
    Planted {
        name: "planted-missing",
        action: "cd /sys/kernel/debug/mpam-fb/7; echo 0x20 >offset; read -r _ <value",
        change: None,
        says: "",
    },
];

impl Planted {
    /// A guest with this driver, or with the one without the bug, on the
    /// platform with the change or without it: does what is said of it come?
    fn shows(&self, bug: bool, change: bool) -> bool {
        let driver = driver(self.name);
        let folder = driver.folder().unwrap();
        let copy = Logs::new();
        let mut guest =
            Guest::start(folder.to_str().unwrap(), |machine, config| {
                let action = self.action.replace("$HWMON", HWMON);
                let search = &mut machine.search[0].1;
                search.actions.insert("planted".to_owned(), action);
                // It runs first, and would be what the bug shows by.
                if !self.says.is_empty() {
                    "true".clone_into(&mut search.alive);
                }
                config.warm = None;
                config.limit = Duration::from_secs(60);
                if bug {
                    let module = driver.modules().pop().unwrap();
                    let name = module.file_name();
                    let own = |it: &PathBuf| it.file_name() == name;
                    config.lab.modules.retain(|it| !own(it));
                    config.lab.modules.push(module);
                    config.append = format!("{} ", driver.append());
                }
                if let Some(change) = self.change.filter(|_| change) {
                    let is_own = |it: &&mut PathBuf| {
                        it.canonicalize().ok() == folder.canonicalize().ok()
                    };
                    let own = machine.messages.iter_mut().find(is_own);
                    changed(&folder, copy.path(), change);
                    *own.unwrap() = copy.path().to_owned();
                }
            });
        guest.tell("go 1 planted");
        guest.tell("alive 2");
        let said = guest.session.wait_for("pcclab: alive 2 ");
        let alive = said.is_ok_and(|line| line.ends_with(" 0"));
        guest.session.end(End::Interrupted).unwrap();
        let console = guest.logs.path().join("console.log");
        let console = std::fs::read_to_string(console).unwrap();
        match self.says {
            "" => !alive,
            text => console.contains(text),
        }
    }
}

/// The handler files of a platform, one of them changed.
fn changed(from: &Path, to: &Path, [file, old, new]: [&str; 3]) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let is_handlers = path.extension().is_some_and(|it| it == "json")
            && !path.ends_with("platform.json");
        if is_handlers {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = if path.ends_with(file) {
                assert_eq!(text.matches(old).count(), 1, "{file}: {old}");
                text.replace(old, new)
            } else {
                text
            };
            std::fs::write(to.join(path.file_name().unwrap()), text).unwrap();
        }
    }
}

#[test]
fn planted_bugs_show_with_a_bad_platform_only() {
    let only = std::env::var("PCCD_BROKEN").ok();
    let meant = PLANTED
        .iter()
        .filter(|it| only.as_ref().is_none_or(|only| only == it.name));
    let meant: Vec<_> = meant.collect();
    let wrong = each_of(JOBS, &meant, |planted| {
        let control = match planted.change {
            Some(_) => planted.shows(true, false),
            None => planted.shows(false, false),
        };
        let shown = planted.shows(true, true);
        match (control, shown) {
            (false, true) => None,
            other => Some(format!("{}: {other:?}", planted.name)),
        }
    });
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(!meant.is_empty());
    assert_eq!(wrong, [] as [String; 0]);
}
