//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use pcclab::parts::Partition;
use pcclab::platform::Mode;

/// A year: longer than anybody waits, short enough for every clock.
const MOST_SECONDS: u64 = 365 * 86_400;

/// Boot a kernel in QEMU beside pccd, run a test in it, tell the verdict.
#[derive(Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "Examples:\n  \
        pcclab run --kernel ~/linux --platform cppc\n  \
        pcclab run --file my-test.sh -- sh my-test.sh\n\n\
        `pcclab run --help` says what the exit status means."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Boot a guest, run COMMAND in it, exit with the verdict
    ///
    /// Exit status: 0 pass, 1 fail, 3 panic, oops, lockdep or KASAN report,
    /// 4 hang, 125 own trouble (such as a missing kernel option), which `git
    /// bisect run` skips, 129 wrong usage, at which it stops, 130 interrupted.
    #[command(after_help = "Examples, from a kernel tree:\n  \
        pcclab run --kernel arch/arm64/boot/Image --platform cppc\n  \
        pcclab run --kernel arch/arm64/boot/Image --module mctp-pcc.ko \\\n    \
        -- sh /tests/demo.sh")]
    Run(Box<Run>),
    /// Run kernels × platforms, several guests at a time; print a table
    ///
    /// A platform whose driver a kernel lacks is no failure. Exit status: 0 all
    /// passed, else that of the worst.
    #[command(after_help = "Examples:\n  \
        pcclab matrix --kernel 7.x --kernel ~/linux --platform cppc\n  \
        pcclab matrix --format markdown\n  \
        pcclab matrix --partition 2/3 --results results")]
    Matrix(Matrix),
    /// Search for bugs of a platform's driver: what the platform says is varied
    ///
    /// Findings lie in the folder of the search, each with the scenario that
    /// shows it. Exit status: 0 nothing was found, 1 something was, 125 own
    /// trouble, 129 wrong usage, 130 interrupted before anything was found.
    #[command(after_help = "Examples:\n  \
        pcclab fuzz --platform xgene-hwmon --for 10m\n  \
        pcclab fuzz --platform cppc --kernel debug --seed 1")]
    Fuzz(Fuzz),
    /// Make one table of what the parts of a matrix wrote
    ///
    /// Exit status: that of the whole matrix; 2 when a run has no result and
    /// none failed, 125 when results cannot be read, 129 when they are of
    /// different matrices.
    #[command(after_help = "Example:\n  \
        pcclab merge results --junit matrix.xml")]
    Merge(Merge),
    /// Tell which bugs that Linux had a kernel has
    ///
    /// Runs the platforms whose tests show them. Exit status: 0 it has none, 1
    /// it has some, 125 a test was not done.
    #[command(after_help = "Examples:\n  \
        pcclab regressions\n  \
        pcclab regressions --kernel arch/arm64/boot/Image")]
    Regressions(Regressions),
    /// Print where everything that was built lies, NAME=path a line
    #[command(after_help = "Example:\n  eval \"$(pcclab env)\" && \
        $QEMU -machine virt,pcc=on,help")]
    Env,
    /// List the platforms that `pcclab run --platform` knows
    Platforms,
    /// Print what a run left in its folder, merged by time: the guest's console,
    /// the device's trace, pccd's log
    #[command(
        after_help = "Examples:\n  pcclab log DIR --subspace 0 | less\n  \
        pcclab log DIR --follow"
    )]
    Log(Log),
    /// Tell where the way of a message broke that nothing came of: table,
    /// kernel, doorbell, outbox, pccd, handler, answer, interrupt; exit status
    /// 1 if it did
    #[command(after_help = "Example:\n  pcclab doctor DIR")]
    Doctor {
        /// The folder, as `pcclab run` named it
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Show how long each channel's messages took, from step to step
    #[command(after_help = "Example:\n  pcclab latency DIR")]
    Latency {
        /// The folder, as `pcclab run` named it
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Write a run's report, one page of HTML, from the logs in its folder
    #[command(after_help = "Example:\n  pcclab report DIR")]
    Report {
        /// The folder, as `pcclab run` named it
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// File to write; without it DIR/report.html
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Remove the logs that runs have left; they keep the last 20 that failed
    #[command(after_help = "Example:\n  pcclab clean --list")]
    Clean(Clean),
    /// Write the man pages
    #[command(after_help = "Example:\n  \
        pcclab man /usr/local/share/man/man1")]
    Man(Man),
    /// Print what a shell needs to complete pcclab's arguments
    #[command(after_help = "Example:\n  pcclab completions bash \
        >/etc/bash_completion.d/pcclab")]
    Completions(Completions),
    /// Judge platforms without a boot, every mistake at once
    ///
    /// Exit status: 0 all right, 1 mistakes, 125 own trouble.
    #[command(after_help = "Examples:\n  \
        pcclab check ./my-board\n  \
        pcclab check cppc --kernel ~/linux --format json")]
    Check(Check),
    /// Make a small platform that works, to be changed into one's own
    #[command(after_help = "Example:\n  \
        pcclab new my-board && pcclab run --platform ./my-board")]
    New(New),
    /// Run a platform's test with each of its `defects`, which it must notice
    ///
    /// Exit status: 0 all were noticed, 1 one was not; that of the test if it
    /// does not pass without a defect; 125 own trouble.
    #[command(after_help = "Example:\n  pcclab defects ./my-board")]
    Defects(Defects),
    /// Print a JSON Schema
    Schema {
        /// Of what
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Compile the platforms' tables into the cache
    #[command(hide = true)]
    Tables,
    /// Write the base initramfs
    #[command(hide = true)]
    Initrd(Initrd),
}

/// Options of `pcclab run`.
#[derive(Args)]
pub struct Run {
    /// What to boot: an arm64 Image, a kernel tree where it was built, a
    /// folder of /lib/modules with its vmlinuz, or one of the lab's kernels
    /// (7.x, 6.12, debian, debian-6.12, debug); without it 7.x
    #[arg(long, value_name = "KERNEL")]
    pub kernel: Option<PathBuf>,
    /// Platform to be, a folder of messages/ or a path with a slash; given
    /// several times, all of them in one machine. COMMAND is then the
    /// platform's own test
    #[arg(long = "platform", value_name = "NAME")]
    pub platforms: Vec<String>,
    /// How the platform's channels tell that they are done; without it the
    /// first mode that all platforms have
    #[arg(long, value_enum, requires = "platforms")]
    pub mode: Option<Mode>,
    /// Kernel module to load before COMMAND, with its parameters behind it as
    /// for insmod ("a.ko debug=1"), can be given several times; without it what
    /// the platform needs, built for the lab's own kernels
    #[arg(long = "module", value_name = "FILE")]
    pub modules: Vec<OsString>,
    /// File that COMMAND finds in its working folder, can be given several
    /// times
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Folder of handlers for pccd instead of the platform's (without a
    /// platform: instead of messages/ here, or those built in); can be given
    /// several times
    #[arg(long, value_name = "DIR")]
    pub messages: Vec<PathBuf>,
    /// Capture whose platform pccd plays, such as the capture.pcapng of a run;
    /// the run fails where the guest departs from it, and is cold
    #[arg(long, value_name = "CAPTURE")]
    pub replay: Option<PathBuf>,
    /// Answer each request as the capture has it, wherever it stands there;
    /// without, in its order
    #[arg(long, requires = "replay")]
    pub by_request: bool,
    /// Scenario that says what becomes of which answer, such as that of a
    /// finding; with actions the guest does those and the driver has to work
    /// then, without the run is cold and varied from the boot on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "shell"])]
    pub vary: Option<PathBuf>,
    /// Folder for the logs and the mailbox; without it a new one, which is
    /// removed after a pass
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,
    /// Leave out what takes the platform's test long
    #[arg(long, requires = "platforms")]
    pub quick: bool,
    /// Seconds until the run counts as hung; without it 120, for --shell and
    /// --debug as long as somebody types
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    pub timeout: Option<u64>,
    /// Initramfs instead of the lab's; COMMAND, modules and files are added
    #[arg(long, value_name = "FILE")]
    pub initrd: Option<PathBuf>,
    /// A prompt in the guest instead of COMMAND; ends with its input
    #[arg(long, conflicts_with_all = ["exchanges", "junit", "json", "ktap",
          "count", "command"])]
    pub shell: bool,
    /// Start with the processors stopped and QEMU's gdb stub open; the line to
    /// type is printed
    #[arg(long)]
    pub debug: bool,
    /// Boot the machine, also where a run before saved it at the moment it
    /// asks for COMMAND. Runs with --initrd, --qemu-arg, --shell or --debug are
    /// cold anyway
    #[arg(long)]
    pub cold: bool,
    /// Run so many times, until one does not pass
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Print the verdict only
    #[arg(long, short, conflicts_with_all = ["verbose", "exchanges"])]
    pub quiet: bool,
    /// Print how QEMU and pccd are started, too
    #[arg(long, short)]
    pub verbose: bool,
    /// File for the results, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// File for the result as JSON; `pcclab schema result` describes it
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// File for COMMAND's output
    #[arg(long, value_name = "FILE")]
    pub ktap: Option<PathBuf>,
    /// Show each message as both sides saw it, instead of COMMAND's output
    #[arg(long)]
    pub exchanges: bool,
    /// Processors of the guest; without it 2, or 1 where a known bug of the
    /// kernel would spoil the run
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=8))]
    pub smp: Option<u32>,
    /// Words for the kernel's command line
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "WORDS"
    )]
    pub append: String,
    /// QEMU's -machine; the mailbox in the logs' folder has the id "pcc"
    #[arg(
        long,
        default_value = "virt,pcc=on,pcc-mailbox=pcc",
        value_name = "WORDS",
        conflicts_with = "platforms"
    )]
    pub machine: String,
    /// Argument for QEMU, one word each, as in --qemu-arg=-smbios
    /// --qemu-arg=type=0; can be given several times
    #[arg(long = "qemu-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub qemu_args: Vec<OsString>,
    /// What the guest runs, the platform's test or sh /tests/demo.sh if
    /// nothing else is said; /tests holds what guest-scripts/tests brings, a
    /// script of one's own comes with --file
    #[arg(last = true)]
    pub command: Vec<OsString>,
}

/// Options of `pcclab check`.
#[derive(Args)]
pub struct Check {
    /// Platform, a folder of messages/ or a path with a slash
    #[arg(required = true, value_name = "DIR_OR_NAME")]
    pub platforms: Vec<String>,
    /// Kernel, as for `run`, in which options and drivers are looked up
    #[arg(long, value_name = "KERNEL")]
    pub kernel: Option<PathBuf>,
    /// What to print; `pcclab schema check` describes the JSON
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

/// How `pcclab check` and `pcclab log` print.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Options of `pcclab new`.
#[derive(Args)]
pub struct New {
    /// The platform's name, or the path of the folder to make
    #[arg(value_name = "NAME_OR_PATH")]
    pub path: PathBuf,
    /// Type of its PCC subspace
    #[arg(long = "type", value_name = "0-4", default_value_t = 2,
          value_parser = clap::value_parser!(u8).range(0..=4))]
    pub kind: u8,
}

/// Options of `pcclab defects`.
#[derive(Args)]
pub struct Defects {
    /// Platform, a folder of messages/ or a path with a slash
    #[arg(value_name = "DIR_OR_NAME")]
    pub platform: String,
    /// Kernel, as for `run`; without it 7.x
    #[arg(long, value_name = "KERNEL")]
    pub kernel: Option<PathBuf>,
    /// Kernel module to load, as for `run`
    #[arg(long = "module", value_name = "FILE")]
    pub modules: Vec<OsString>,
    /// Seconds until a run counts as hung
    #[arg(long, default_value_t = 180)]
    pub timeout: u64,
    /// Folder for the logs of what went wrong; without it a new one
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,
}

/// What `pcclab schema` describes.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaOf {
    /// A platform.json.
    Platform,
    /// What `pcclab check --format json` prints.
    Check,
    /// What `pcclab run --json` writes.
    Result,
}

/// Which kernels, and how their guests are run.
#[derive(Args)]
pub struct Guests {
    /// Kernel, as for `run`, can be given several times; without it all that
    /// were built, but for the debug kernel
    #[arg(long = "kernel", value_name = "KERNEL")]
    pub kernels: Vec<PathBuf>,
    /// Boot every machine, as `run --cold` does
    #[arg(long)]
    pub cold: bool,
    #[command(flatten)]
    pub jobs: Jobs,
    /// Seconds until a run counts as hung
    #[arg(long, default_value_t = 180, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    pub timeout: u64,
    /// Words for the kernels' command lines
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "WORDS"
    )]
    pub append: String,
    /// Folder for the logs, a folder each; without it a new one, where those
    /// of what passed are removed
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,
}

/// Options of `pcclab matrix`.
#[derive(Args)]
pub struct Matrix {
    #[command(flatten)]
    pub guests: Guests,
    /// Platform, can be given several times; without it all there are
    #[arg(long = "platform", value_name = "NAME")]
    pub platforms: Vec<String>,
    /// Leave out what takes the platforms' tests long
    #[arg(long)]
    pub quick: bool,
    /// Only the K-th of N parts: a run is always in the same, whatever else
    /// there is
    #[arg(long, value_name = "K/N")]
    pub partition: Option<Partition>,
    /// Folder for the results, a file a run, for `pcclab merge`
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
    /// File for the results, as JUnit's XML, a suite a run
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What to print: a table with times, one for a document, or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `pcclab regressions`.
#[derive(Args)]
pub struct Regressions {
    #[command(flatten)]
    pub guests: Guests,
    /// Names of bugs; without them all
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `pcclab fuzz`.
#[derive(Args)]
pub struct Fuzz {
    /// Platform, a folder of messages/ or a path with a slash, whose
    /// platform.json has "search"; given several times, all of them in one
    /// machine
    #[arg(long = "platform", value_name = "NAME", required = true)]
    pub platforms: Vec<String>,
    /// Kernel, as for `run`; without it 7.x
    #[arg(long, value_name = "KERNEL")]
    pub kernel: Option<PathBuf>,
    /// How the platform's channels tell that they are done; without it the
    /// first mode that all platforms have
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Kernel module to load, as for `run`
    #[arg(long = "module", value_name = "FILE")]
    pub modules: Vec<OsString>,
    /// Compare: what the driver gives that another one does not give with the
    /// same answers is a finding. Either a module (FILE.ko) in place of those
    /// of --module, or a kernel, as for --kernel, with the driver that it has
    #[arg(long, value_name = "DRIVER")]
    pub against: Vec<OsString>,
    /// How long, as 90s, 10m or 2h; without it until Ctrl-C
    #[arg(long = "for", value_name = "TIME",
          value_parser = humantime::parse_duration)]
    pub time: Option<Duration>,
    /// What chance begins with; without it as the search in the folder did, or
    /// another number each time
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub jobs: Jobs,
    /// Folder of the search, which goes on where it stopped; without it
    /// search/NAME here
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// This is the K-th of N machines that search with one seed; their folders
    /// can be copied together
    #[arg(long, value_name = "K/N")]
    pub partition: Option<Partition>,
    /// Random bytes, to compare with: nothing is known of the platform's fields
    #[arg(long)]
    pub random_bytes: bool,
    /// Do not look which code of the driver runs
    #[arg(long)]
    pub no_coverage: bool,
    /// Words for the kernel's command line
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "WORDS"
    )]
    pub append: String,
}

/// Options of `pcclab merge`.
#[derive(Args)]
pub struct Merge {
    /// What `pcclab matrix --results` wrote: folders, or files
    #[arg(value_name = "DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// File for the table as HTML, with links to the reports that are here
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// File for the results, as JUnit's XML, a suite a run
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What to print: a table with times, one for a document, or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How `pcclab matrix` and `merge` print.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For documents.
    Markdown,
    /// For programs.
    Json,
}

/// Options of `pcclab log`.
#[derive(Args)]
pub struct Log {
    /// The folder, as `pcclab run` named it
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Only what is about this channel, and what is about none; can be given
    /// several times
    #[arg(long = "subspace", value_name = "ID")]
    pub subspaces: Vec<u8>,
    /// Register accesses, scans of folders, blank lines and the kernel's whole
    /// log, too
    #[arg(long)]
    pub all: bool,
    /// Seconds since the first event instead of the time of day
    #[arg(long)]
    pub relative: bool,
    /// Go on until the run is over
    #[arg(long)]
    pub follow: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

/// Options of `pcclab clean`.
#[derive(Args)]
pub struct Clean {
    /// List them only
    #[arg(long)]
    pub list: bool,
}

/// Options of `pcclab initrd`.
#[derive(Args)]
pub struct Initrd {
    /// Static arm64 busybox
    #[arg(long)]
    pub busybox: PathBuf,
    /// Static arm64 program, can be given several times
    #[arg(long = "program")]
    pub programs: Vec<PathBuf>,
    /// The folder guest-scripts
    #[arg(long)]
    pub guest_scripts: PathBuf,
    /// Driver to load when there is no command
    #[arg(long)]
    pub module: Option<PathBuf>,
    /// File to write
    pub output: PathBuf,
}

/// How many guests run at a time.
#[derive(Args)]
pub struct Jobs {
    /// Guests at a time; without it as many as keep this machine busy
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
}

impl Jobs {
    /// `--jobs`, or without it so many a processor.
    pub fn count(&self, each: usize) -> usize {
        let processors =
            std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or(each * processors, usize::from)
    }
}

/// Arguments of `pcclab man`.
#[derive(Args)]
pub struct Man {
    /// Folder for the pages; without it the first goes to standard output
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Arguments of `pcclab completions`.
#[derive(Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
