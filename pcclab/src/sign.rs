//! What a guest's kernel says when something is wrong, and which bug that is:
//! the kind, the first function of the driver in the report, and which member
//! of a structure was looked for where there is none. Reads lines; does no I/O.

use std::fmt;

use anyhow::Result;
use regex::Regex;

use crate::console::kernel_line;
use crate::search::expression;

/// How many lines of a report are kept.
const LINES: usize = 160;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The kernel panicked, and nothing said why before.
    Panic,
    /// An access that there is no page for, a bad instruction.
    Oops,
    /// A report of KASAN.
    Kasan,
    /// A report of UBSAN.
    Ubsan,
    /// A report of lockdep or RCU's checks.
    Lockdep,
    /// Another line that begins with BUG.
    Bug,
    /// A task that waits for too long.
    HungTask,
    /// A processor that comes to no end.
    Stall,
    /// WARN_ON and its like.
    Warning,
    /// The guest does not come to an end with its actions.
    Hang,
    /// The driver does not work any more with a platform that does.
    Dead,
    /// A rule of conduct that the driver breaks.
    Conduct,
    /// An action gives what it does not give with the driver that is compared
    /// with.
    Differs,
    /// The guest reset itself or switched itself off.
    Left,
    /// QEMU ended.
    Qemu,
    /// pccd ended.
    Pccd,
}

impl Kind {
    /// As it stands in a key.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Panic => "panic",
            Kind::Oops => "oops",
            Kind::Kasan => "kasan",
            Kind::Ubsan => "ubsan",
            Kind::Lockdep => "lockdep",
            Kind::Bug => "bug",
            Kind::HungTask => "hung-task",
            Kind::Stall => "stall",
            Kind::Warning => "warning",
            Kind::Hang => "hang",
            Kind::Dead => "dead",
            Kind::Conduct => "conduct",
            Kind::Differs => "differs",
            Kind::Left => "left",
            Kind::Qemu => "qemu",
            Kind::Pccd => "pccd",
        }
    }

    /// Whether it may come of memory that somebody uses who should not: where
    /// and how that shows is chance.
    pub fn is_crash(self) -> bool {
        matches!(
            self,
            Kind::Panic | Kind::Oops | Kind::Kasan | Kind::Bug | Kind::Warning
        )
    }

    /// Whether the guest goes on as if nothing had been.
    pub fn goes_on(self) -> bool {
        matches!(self, Kind::Conduct | Kind::Differs)
    }
}

/// A bug's sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// What went wrong.
    pub kind: Kind,
    /// Where: a function, a rule of conduct, an action.
    pub place: String,
    /// In one line.
    pub title: String,
    /// The report.
    pub lines: Vec<String>,
}

impl Sign {
    /// One that has no report.
    pub fn new(kind: Kind, place: &str, title: String) -> Sign {
        Sign { kind, place: place.to_owned(), title, lines: Vec::new() }
    }

    /// What tells it from others, fit for the name of a folder.
    pub fn key(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let place = self.place.chars().take(80);
        let place: String =
            place.map(|c| if is_plain(c) { c } else { '-' }).collect();
        match place.as_str() {
            "" => self.kind.name().to_owned(),
            place => format!("{}-{place}", self.kind.name()),
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key(), self.title)
    }
}

/// What reports begin with; the first that fits counts.
const HEADS: &[(&str, Kind)] = &[
    ("BUG: KASAN: ", Kind::Kasan),
    ("BUG: KFENCE: ", Kind::Kasan),
    ("UBSAN: ", Kind::Ubsan),
    ("possible circular locking", Kind::Lockdep),
    ("possible recursive locking", Kind::Lockdep),
    ("inconsistent lock state", Kind::Lockdep),
    ("lock order inversion", Kind::Lockdep),
    ("bad unlock balance", Kind::Lockdep),
    ("suspicious RCU usage", Kind::Lockdep),
    ("held lock freed", Kind::Lockdep),
    ("Invalid wait context", Kind::Lockdep),
    ("blocked for more than", Kind::HungTask),
    ("self-detected stall", Kind::Stall),
    ("detected stalls on", Kind::Stall),
    ("detected expedited stalls", Kind::Stall),
    ("soft lockup", Kind::Stall),
    ("Unable to handle kernel", Kind::Oops),
    ("Internal error: ", Kind::Oops),
    ("Oops", Kind::Oops),
    ("Kernel panic - not syncing", Kind::Panic),
    ("WARNING: ", Kind::Warning),
    ("BUG: ", Kind::Bug),
];

/// What a report is about that begins with this text of the kernel's: a run
/// that has one has failed, whatever the test said.
pub(crate) fn report(text: &str) -> Option<Kind> {
    let found = HEADS.iter().find(|(word, _)| text.contains(word));
    found.map(|(_, kind)| *kind)
}

/// Functions that stand in every report and tell nothing.
const COMMON: &[&str] = &[
    "dump_backtrace",
    "show_stack",
    "dump_stack",
    "print_",
    "kasan_",
    "__kasan_",
    "__asan_",
    "__hwasan_",
    "kfence_",
    "check_region_inline",
    "__ubsan_",
    "ubsan_",
    "memcpy",
    "__memcpy",
    "__pi_memcpy",
    "memset",
    "__memset",
    "__pi_memset",
    "memmove",
    "__memmove",
    "str",
    "__pi_str",
    "__warn",
    "report_bug",
    "bug_",
    "refcount_",
    "panic",
    "vpanic",
    "die",
    "oops_",
    "el0",
    "el1",
    "do_mem_abort",
    "__do_kernel_fault",
    "do_translation_fault",
    "do_page_fault",
    "__switch_to",
    "__schedule",
    "schedule",
    "wait_for_completion",
    "__wait_for_common",
    "mutex_lock",
    "__mutex_lock",
    "_raw_",
    "queued_spin_",
    "lock_",
    "__lock_",
    "check_noncircular",
    "check_prev",
    "validate_chain",
    "mark_lock",
    "__might_sleep",
    "__might_resched",
    "rcu_",
    "sched_",
    "watchdog",
    "kfree",
    "__kmalloc",
    "kmem_cache_",
    "slab_",
    "__slab_",
];

/// What belongs to the driver.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Its modules, with `_` for `-`.
    modules: Vec<String>,
    /// What fits its functions.
    functions: Option<Regex>,
}

impl Watched {
    /// Modules by their names, functions by patterns of
    /// [`crate::search::Search::functions`].
    ///
    /// # Errors
    /// When one is no pattern.
    pub fn new(modules: &[&str], functions: &[&str]) -> Result<Watched> {
        let all: Vec<_> = functions.iter().map(|it| expression(it)).collect();
        let functions = match all.is_empty() {
            true => None,
            false => Some(Regex::new(&format!("^({})$", all.join("|")))?),
        };
        let modules = modules.iter().map(|it| it.replace('-', "_")).collect();
        Ok(Watched { modules, functions })
    }

    fn has(&self, name: &str, module: Option<&str>) -> bool {
        match module {
            Some(module) => self.modules.contains(&module.replace('-', "_")),
            None => self.functions.as_ref().is_some_and(|it| it.is_match(name)),
        }
    }
}

/// A function in a line, `name+0x10/0x20 [module]`, without what the compiler
/// puts behind its name.
fn function(text: &str) -> Option<(&str, Option<&str>)> {
    let mut words = text.split_whitespace();
    let word = words.find(|word| {
        word.split_once("+0x").is_some_and(|(_, rest)| rest.contains("/0x"))
    })?;
    let (name, _) = word.split_once("+0x")?;
    let name = name.split('.').next().unwrap_or(name);
    let module = words.next().and_then(|word| {
        // A build's id may stand behind the module's name.
        word.strip_prefix('[').map(|it| it.trim_end_matches([']', ',']))
    });
    (!name.is_empty()).then_some((name, module))
}

/// The place that a report is about.
fn place<'a>(
    lines: impl Iterator<Item = &'a str> + Clone,
    watched: &Watched,
) -> Option<String> {
    let functions = lines.filter_map(function);
    let own =
        functions.clone().find(|(name, module)| watched.has(name, *module));
    let is_telling = |(name, _): &(&str, Option<&str>)| {
        !COMMON.iter().any(|common| name.starts_with(common))
    };
    let place = own.or_else(|| functions.clone().find(is_telling));
    place.map(|(name, _)| name.to_owned())
}

/// How far from a null pointer an access was: two pointers that are not set are
/// two bugs, in one function, too.
fn null(report: &[String]) -> Option<u64> {
    const OOPS: &str = "NULL pointer dereference at virtual address ";
    const KASAN: &str = "BUG: KASAN: null-ptr-deref";
    let title = report.first()?;
    let (_, at) = match title.contains(KASAN) {
        true => report.iter().find_map(|line| line.split_once(" at addr "))?,
        false => title.split_once(OOPS)?,
    };
    let digits = at.split_whitespace().next()?.trim_start_matches("0x");
    u64::from_str_radix(digits, 16).ok()
}

/// The text of one of the kernel's lines.
fn text(line: &str) -> Option<&str> {
    let (_, line) = kernel_line(line)?;
    line.split_once("] ").map(|(_, text)| text)
}

/// Reads a console line by line.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// What the kernel said, before the report and in it.
    lines: Vec<String>,
    head: Option<(Kind, usize)>,
}

impl Console {
    /// Takes a line; tells whether a report begins with it.
    pub fn line(&mut self, line: &str) -> bool {
        let Some(text) = text(line) else { return false };
        if self.lines.len() >= LINES {
            if self.head.is_some() {
                return false;
            }
            self.lines.drain(..LINES / 2);
        }
        self.lines.push(text.to_owned());
        let Some(kind) = report(text) else { return false };
        if self.head.is_none() {
            self.head = Some((kind, self.lines.len() - 1));
            return true;
        }
        false
    }

    /// Whether a report has begun.
    pub fn has_begun(&self) -> bool {
        self.head.is_some()
    }

    /// What the kernel said, without time stamps.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The bug, if there is one.
    pub fn sign(&self, watched: &Watched) -> Option<Sign> {
        let (kind, at) = self.head?;
        let report = &self.lines[at..];
        let title = report.first().cloned().unwrap_or_default();
        let place = place(report.iter().map(String::as_str), watched);
        // Where UBSAN tells a line of source, and no function.
        let mut place = place.unwrap_or_default();
        if let Some(offset) = null(report) {
            place += &format!("-null-{offset:x}");
        }
        let lines = self.lines[at.saturating_sub(3)..].to_vec();
        Some(Sign { kind, place, title, lines })
    }

    /// Where a guest that hangs stands: its traces are among these lines.
    pub fn hang(&self, watched: &Watched, title: String) -> Sign {
        let lines = self.lines.clone();
        let all = lines.iter().map(String::as_str);
        let own = all.filter_map(function);
        let own = own.filter(|(name, module)| watched.has(name, *module));
        let place = own.map(|(name, _)| name.to_owned()).next();
        let place = place.unwrap_or_default();
        Sign { kind: Kind::Hang, place, title, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> Watched {
        Watched::new(&["fan"], &["acpi_fan_*"]).unwrap()
    }

    fn sign(report: &str, caller: &str) -> Sign {
        let mut console = Console::default();
        for (number, line) in report.lines().enumerate() {
            let line = line.trim();
            console.line(&format!("[{number:5}.{number:06}]{caller} {line}"));
        }
        console.sign(&watched()).unwrap()
    }

    #[test]
    fn the_key_is_kind_and_function() {
        for (report, key) in [
            (
                "fan fan.0: speed 4000000000
                 BUG: KASAN: slab-out-of-bounds in __asan_memcpy+0x40/0x60
                 Write of size 400 at addr ffff0000 by task sh/60
                 Call trace:
                  show_stack+0x20/0x38 (C)
                  dump_stack_lvl+0x78/0x90
                  print_report+0x118/0x608
                  kasan_report+0xb0/0xf8
                  __asan_memcpy+0x40/0x60
                  fan_read+0x88/0x120 [fan]
                  dev_attr_show+0x48/0x90",
                "kasan-fan_read",
            ),
            (
                "BUG: KASAN: null-ptr-deref in fan_irq+0xa0/0x224 [fan]
                 Read of size 8 at addr 0000000000000010 by task swapper/0/0",
                "kasan-fan_irq-null-10",
            ),
            (
                "WARNING: CPU: 1 PID: 60 at drivers/hwmon/x.c:9 acpi_fan_set.isra.0+0x5c/0x80
                 Modules linked in: fan
                 pc : acpi_fan_set.isra.0+0x5c/0x80
                 lr : fan_tell+0x10/0x20 [fan]",
                "warning-acpi_fan_set",
            ),
            (
                "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010
                 Internal error: Oops: 0000000096000004 [#1] SMP
                 pc : __pi_memcpy_generic+0x38/0x22c
                 lr : pcc_mbox_irq+0x20/0x40
                 Call trace:
                  __pi_memcpy_generic+0x38/0x22c (P)
                  pcc_mbox_irq+0x20/0x40
                 Kernel panic - not syncing: Oops: Fatal exception",
                "oops-pcc_mbox_irq-null-10",
            ),
            (
                "Unable to handle kernel paging request at virtual address ffff800080010000
                 pc : fan_irq+0x20/0x40 [fan]",
                "oops-fan_irq",
            ),
            (
                "INFO: task sh:60 blocked for more than 20 seconds.
                 Call trace:
                  __switch_to+0xf0/0x170 (T)
                  __schedule+0x34c/0xf10
                  wait_for_completion+0x88/0x170
                  fan_wait+0x10/0x20 [fan]",
                "hung-task-fan_wait",
            ),
            (
                "UBSAN: array-index-out-of-bounds in drivers/a.c:1:2",
                "ubsan",
            ),
            ("Kernel panic - not syncing: whatever", "panic"),
            (
                "WARNING: possible circular locking dependency detected
                 sh/60 is trying to acquire lock:
                 ffff (&a){+.+.}-{4:4}, at: fan_lock+0x20/0x30 [fan 1234]",
                "lockdep-fan_lock",
            ),
        ] {
            for caller in ["", "[   T60]"] {
                assert_eq!(sign(report, caller).key(), key, "{report}");
            }
        }
    }

    #[test]
    fn what_tells_nothing_is_no_bug() {
        let mut console = Console::default();
        for line in [
            "[    1.000000] fan fan.0: no answer",
            "WARNING: not the kernel's",
            "pcclab: went 3",
        ] {
            assert!(!console.line(line), "{line}");
        }
        assert_eq!(console.sign(&watched()), None);
        assert_eq!(console.lines(), ["fan fan.0: no answer"]);
        // However much comes before, the report is kept.
        for number in 0..1000 {
            console.line(&format!("[    1.000000] fan: {number}"));
        }
        assert!(console.line("[    1.000000] BUG: sleeping function called"));
        assert!(!console.line("[    1.000000] WARNING: and another"));
        assert_eq!(console.sign(&watched()).unwrap().key(), "bug");
        assert!(console.lines().len() <= LINES);
    }

    #[test]
    fn a_hang_is_where_the_driver_stands() {
        let mut console = Console::default();
        for text in [
            "sysrq: Show State",
            "task:sh state:D",
            " __schedule+0x34c/0xf10",
            " fan_wait+0x10/0x20 [fan]",
        ] {
            console.line(&format!("[    1.000000] {text}"));
        }
        let sign = console.hang(&watched(), "no end".to_owned());
        assert_eq!(sign.key(), "hang-fan_wait");
    }

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, is) in [
            ("acpi_fan_*", "acpi_fan_", true),
            ("a*c*", "abcabc", true),
            ("a*c", "abcab", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            let watched = Watched::new(&[], &[pattern]).unwrap();
            assert_eq!(watched.has(name, None), is, "{pattern} {name}");
        }
    }

    #[test]
    fn a_key_is_the_name_of_a_folder() {
        let sign = Sign::new(Kind::Conduct, "a/../b c", String::new());
        assert_eq!(sign.key(), "conduct-a-..-b-c");
        let long = Sign::new(Kind::Dead, &"x".repeat(500), String::new());
        assert!(long.key().len() < 100);
    }
}
