//! Where a guest stands that hangs: what its kernel answers to SysRq
//! (Linux `Documentation/admin-guide/sysrq.rst`), or, if it does not, QEMU's
//! registers. Reads text; does no I/O.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the guest is asked: to print everything, where the processors are,
/// where the tasks are.
pub(crate) const LETTERS: &[u8] = b"9lt";

/// How many frames of each trace are shown, and how many tasks.
const FRAMES: usize = 6;
const TASKS: usize = 3;

/// How many traces, and frames of each, are kept: a guest may print anything.
const MOST: usize = 1000;
const DEEPEST: usize = 64;

/// Addresses of functions, and their names.
pub(crate) type Symbols = BTreeMap<u64, String>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    /// A processor, and the task on it.
    Processor(String, String),
    /// A task, and its state.
    Task(String, String),
    /// One of the kernel's own tasks.
    Kernel,
}

#[derive(Clone, Debug)]
struct Trace {
    who: Who,
    frames: Vec<String>,
    begun: bool,
}

/// Reads it line by line.
#[derive(Default)]
pub(crate) struct Backtrace {
    traces: Vec<Trace>,
    heard: bool,
    loglevel: bool,
    /// Program counter and link register of each processor.
    registers: Vec<(u64, u64)>,
}

/// The word behind `key`, which may have blanks between.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key)?.1.split_whitespace().next()
}

/// A frame: `name+0x10/0x20 [module]`.
fn frame(text: &str) -> Option<&str> {
    let text = text.trim();
    let (name, rest) = text.split_once("+0x")?;
    let is_name = !name.is_empty() && !name.contains(' ');
    (is_name && rest.contains("/0x")).then_some(text)
}

impl Backtrace {
    /// Takes a line of the kernel's log, time stamp and all.
    pub(crate) fn line(&mut self, line: &str) {
        let text = line.split_once("] ").map_or("", |(_, text)| text);
        self.heard |= text.contains("sysrq: ");
        self.loglevel |= text.contains("Loglevel set to");
        if let Some(who) = who(text) {
            if self.traces.len() < MOST {
                self.traces.push(Trace {
                    who,
                    frames: Vec::new(),
                    begun: false,
                });
            }
            return;
        }
        let Some(trace) = self.traces.last_mut() else { return };
        if text.trim_end().ends_with("Call trace:") {
            trace.begun = true;
        } else if let Some(pc) = text.trim_start().strip_prefix("pc : ") {
            trace.frames.extend(frame(pc).map(str::to_owned));
        } else if trace.begun
            && trace.frames.len() < DEEPEST
            && let Some(frame) = frame(text)
            && trace
                .frames
                .last()
                .is_none_or(|last| !frame.starts_with(last.as_str()))
        {
            trace.frames.push(frame.to_owned());
        }
    }

    /// Whether this letter's answer is known to be complete.
    pub(crate) fn is_done(&self, letter: u8) -> bool {
        letter == b'9' && self.loglevel
    }

    /// Whether the guest said nothing.
    pub(crate) fn is_empty(&self) -> bool {
        !self.heard
    }

    /// Takes what the monitor says of the registers, if that is it.
    pub(crate) fn registers(&mut self, said: &Value) -> bool {
        let Some(text) = said["return"].as_str() else { return false };
        let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
        for cpu in text.split("CPU#").skip(1).take(MOST) {
            // QEMU's dump: " PC=ffff..." and "X30=ffff...".
            let pc = value(cpu, "PC=").and_then(number);
            let lr = value(cpu, "X30=").and_then(number);
            if let Some(pc) = pc {
                self.registers.push((pc, lr.unwrap_or(0)));
            }
        }
        !self.registers.is_empty()
    }

    /// The lines to show; `loading` is the module whose insmod hangs.
    pub(crate) fn text(
        &self,
        loading: Option<&str>,
        symbols: &Symbols,
    ) -> Vec<String> {
        if self.is_empty() {
            return self.registers_text(symbols);
        }
        let mut out = Vec::new();
        let mut show = |head: String, frames: &[String]| {
            out.push(head);
            out.extend(frames.iter().take(FRAMES).map(|f| format!("  {f}")));
        };
        let mut running = Vec::new();
        for trace in &self.traces {
            let Who::Processor(number, task) = &trace.who else { continue };
            if task.starts_with("swapper/") {
                show(format!("processor {number} is idle"), &[]);
                continue;
            }
            running.push(task.as_str());
            let frames = interrupted(&trace.frames);
            show(format!("processor {number} runs {task}:"), frames);
        }
        let mut tasks: Vec<_> = self
            .traces
            .iter()
            .filter_map(|trace| match &trace.who {
                // PID 1 waits for the others.
                Who::Task(name, _) if name == "init" => None,
                Who::Task(name, state)
                    if !running.contains(&name.as_str())
                        && !waits_for_child(trace) =>
                {
                    Some((name, state, trace))
                }
                _ => None,
            })
            .collect();
        if loading.is_some() {
            tasks.retain(|(name, ..)| *name == "insmod");
        }
        // Who cannot be woken first.
        tasks.sort_by_key(|(name, state, _)| {
            (!(loading.is_some() && *name == "insmod"), !state.starts_with('D'))
        });
        for (name, state, trace) in tasks.into_iter().take(TASKS) {
            let state = match state.as_str() {
                "D" => "cannot be interrupted",
                "S" => "sleeps",
                other => other,
            };
            let frames = asleep(&trace.frames);
            show(format!("{name} {state}:"), frames);
        }
        out
    }

    fn registers_text(&self, symbols: &Symbols) -> Vec<String> {
        let name = |address: u64| {
            let (start, name) = symbols.range(..=address).next_back()?;
            // What lies far behind the last symbol is not in it.
            let offset = address - start;
            (offset < 1 << 20).then(|| format!("{name}+{offset:#x}"))
        };
        let place = |address: u64| match name(address) {
            Some(name) => name,
            None if address >> 63 == 0 => {
                format!("{address:#x}, in a program or firmware")
            }
            None => format!("{address:#x}, in the kernel or a module"),
        };
        self.registers
            .iter()
            .enumerate()
            .map(|(number, (pc, lr))| {
                format!(
                    "processor {number} is at {} (called from {})",
                    place(*pc),
                    place(*lr)
                )
            })
            .collect()
    }
}

/// The task or processor that a line is about.
fn who(text: &str) -> Option<Who> {
    if let Some(rest) = text.strip_prefix("task:") {
        let name = rest.split_whitespace().next()?;
        let state = value(text, "state:")?;
        // Children of kthreadd are the kernel's own.
        let is_kernel = value(text, " pid:") == Some("2")
            || value(text, " ppid:") == Some("2");
        return Some(match is_kernel {
            true => Who::Kernel,
            false => Who::Task(name.into(), state.into()),
        });
    }
    if text.starts_with("CPU: ") {
        let number = value(text, "CPU: ")?;
        let task = value(text, "Comm: ")?;
        return Some(Who::Processor(number.into(), task.into()));
    }
    None
}

/// What was interrupted to print the trace.
fn interrupted(frames: &[String]) -> &[String] {
    let at = frames.iter().rposition(|f| {
        f.starts_with("el1h_64_irq+") || f.starts_with("el1_interrupt+")
    });
    at.map_or(frames, |at| &frames[at + 1..])
}

/// Who called the scheduler.
fn asleep(frames: &[String]) -> &[String] {
    let is_scheduler = |f: &String| {
        ["__switch_to+", "__schedule+", "schedule+"]
            .iter()
            .any(|name| f.starts_with(name))
    };
    let at = frames.iter().position(|f| !is_scheduler(f));
    at.map_or(&[], |at| &frames[at..])
}

fn waits_for_child(trace: &Trace) -> bool {
    trace
        .frames
        .iter()
        .any(|f| f.starts_with("do_wait+") || f.contains("_wait4+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Backtrace {
        let mut backtrace = Backtrace::default();
        for line in text.lines() {
            backtrace.line(&format!("[   12.345678] {line}"));
        }
        backtrace
    }

    #[test]
    fn a_module_that_spins_is_where_its_processor_is() {
        let backtrace = read(
            "sysrq: Show backtrace of all active CPUs\n\
             CPU: 0 UID: 0 PID: 0 Comm: swapper/0 Not tainted 7.3\n\
             pc : default_idle+0x4/0x10\n\
             CPU: 1 UID: 0 PID: 60 Comm: insmod Tainted: G O 7.3\n\
             pc : spin_init+0x10/0x20 [spin]\n\
             lr : do_one_initcall+0x5c/0x1d0\n\
             Call trace:\n \
             spin_init+0x10/0x20 [spin] (P)\n \
             do_one_initcall+0x5c/0x1d0\n\
             sysrq: Show State\n\
             task:insmod state:R running task stack:0 pid:60 tgid:60 ppid:1\n\
             Call trace:\n \
             do_one_initcall+0x5c/0x1d0",
        );
        let text = backtrace.text(Some("spin.ko"), &Symbols::new());
        assert_eq!(text[0], "processor 0 is idle");
        assert_eq!(text[1], "processor 1 runs insmod:");
        assert_eq!(text[2], "  spin_init+0x10/0x20 [spin]");
        assert!(!text.iter().any(|line| line.contains("insmod R")), "{text:?}");
    }

    #[test]
    fn a_task_that_waits_is_named_with_what_it_waits_for() {
        let backtrace = read(
            "sysrq: Show State\n\
             task:init state:S stack:0 pid:1 tgid:1 ppid:0\n\
             Call trace:\n __switch_to+0xe0/0x120\n do_wait+0x60/0x100\n\
             task:kworker/0:1 state:D stack:0 pid:12 tgid:12 ppid:2\n\
             Call trace:\n worker_thread+0x60/0x100\n\
             task:cat state:S stack:0 pid:70 tgid:70 ppid:1\n\
             Call trace:\n pipe_read+0x1/0x2\n\
             task:insmod state:D stack:0 pid:60 tgid:60 ppid:1\n\
             Call trace:\n __switch_to+0xe0/0x120\n __schedule+0x1/0x2\n \
             schedule+0x3c/0x100\n wait_for_completion+0x88/0x160\n \
             wait_init+0x1c/0x30 [wait]",
        );
        let text = backtrace.text(Some("wait.ko"), &Symbols::new());
        assert_eq!(text[0], "insmod cannot be interrupted:");
        assert_eq!(text[1], "  wait_for_completion+0x88/0x160");
        assert_eq!(text.len(), 3, "{text:?}");
        let text = backtrace.text(None, &Symbols::new());
        assert_eq!(text[3], "cat sleeps:");
        assert_eq!(text.len(), 5, "{text:?}");
    }

    #[test]
    fn registers_speak_for_a_kernel_that_does_not() {
        let mut backtrace = Backtrace::default();
        let said = serde_json::json!({ "return":
            "\r\nCPU#0\r\n PC=ffff800080010010 X00=0000000000000000\r\n\
             X28=0000000000000000 X29=0 X30=ffff800080020000\r\n\r\n\
             CPU#1\r\n PC=0000000040000000 X30=ffff8000a0000000" });
        assert!(backtrace.registers(&said));
        assert!(!backtrace.registers(&serde_json::json!({ "event": "STOP" })));
        let symbols = Symbols::from([
            (0xffff_8000_8001_0000, "spin".to_owned()),
            (0xffff_8000_8001_f000, "call".to_owned()),
        ]);
        let text = backtrace.text(None, &symbols);
        assert_eq!(
            text,
            [
                "processor 0 is at spin+0x10 (called from call+0x1000)",
                "processor 1 is at 0x40000000, in a program or firmware \
                 (called from 0xffff8000a0000000, in the kernel or a module)",
            ]
        );
    }
}
