//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::check::Target;
use crate::report::Format;

/// Extract, show, judge and compare ACPI's PCC tables.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "Examples:\n  \
        acpi-tools validate --target linux-7 tables\n  \
        acpi-tools diff tables -- qemu-system-aarch64 -machine \
        virt,pcc=on\n\nExit status: 0 valid or the same, 1 not valid or \
        different, 2 could not tell."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write tables into a folder, one file a table, named as acpidump does
    ///
    /// From a QEMU command line (after --; no guest runs and no mailbox is
    /// touched), from this running Linux, or from files.
    #[command(after_help = "Example:\n  acpi-tools extract --output tables \
        -- qemu-system-aarch64 -machine virt,pcc=on")]
    Extract(Extract),
    /// Print the PCCT and what touches PCC, field by field
    #[command(after_help = "Example:\n  acpi-tools show tables/pcct.dat\n  \
        acpi-tools show --map -- qemu-system-aarch64 -machine virt,pcc=on")]
    Show(Show),
    /// Judge the PCCT, and the other tables where they meet it
    ///
    /// Findings are E, against the specification; L, allowed, but the target
    /// cannot work with it; W, a warning; I, worth knowing. E and L make tables
    /// invalid. `acpi-tools explain` has the rules.
    ///
    /// Exit status: 0 valid, 1 not valid for the target, 2 could not tell.
    #[command(after_help = "Example:\n  \
        acpi-tools validate --target linux-7 tables")]
    Validate(Validate),
    /// Compare two files, two folders, or one of them with a QEMU
    ///
    /// Each change is one that breaks the contract (a driver written for one
    /// side does not work on the other), is risky (some drivers, some loads),
    /// or is cosmetic.
    ///
    /// Exit status: 0 the same, 1 different, 2 could not tell.
    #[command(after_help = "Example:\n  acpi-tools diff old new\n  \
        acpi-tools diff --format markdown tables \
        -- qemu-system-aarch64 -machine virt,pcc=on")]
    Diff(Diff),
    /// Explain a rule or a field; without one, list the rules
    #[command(after_help = "Example:\n  acpi-tools explain PCCT-051\n  \
        acpi-tools explain nominal_latency")]
    Explain(Explain),
    /// Write the man pages
    #[command(after_help = "Example:\n  \
        acpi-tools man /usr/local/share/man/man1")]
    Man(Man),
    /// Print what a shell needs to complete acpi-tools' arguments
    #[command(after_help = "Example:\n  acpi-tools completions bash \
        >/etc/bash_completion.d/acpi-tools")]
    Completions(Completions),
}

/// Where tables are read from.
#[derive(Debug, Args)]
pub struct Source {
    /// Table, folder or blob of tables, or a text of tables: of acpidump, iasl
    /// -d, xxd or hexdump -C
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Read the tables of this running Linux, as root
    #[arg(long)]
    pub linux: bool,
    /// A QEMU command line: the tables that its guest would get
    #[arg(last = true, value_name = "QEMU")]
    pub qemu: Vec<OsString>,
}

/// Options of `extract`.
#[derive(Debug, Args)]
pub struct Extract {
    /// Folder to write into
    #[arg(long, short, default_value = "tables", value_name = "DIR")]
    pub output: PathBuf,
    /// Replace tables that are there already
    #[arg(long)]
    pub force: bool,
    /// Where from.
    #[command(flatten)]
    pub source: Source,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Draw channels, interrupts and addresses instead
    #[arg(long, conflicts_with = "all")]
    pub map: bool,
    /// Show the headers of all other tables too
    #[arg(long)]
    pub all: bool,
    /// For people or for tools
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Where from.
    #[command(flatten)]
    pub source: Source,
}

/// Options of `validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// Who is to use the tables
    #[arg(long, value_enum, default_value = "spec")]
    pub target: Target,
    /// File of accepted findings: [{"rule": "PCCT-065", "reason": "why"}]
    #[arg(long, value_name = "FILE")]
    pub accept: Option<PathBuf>,
    /// Let warnings make tables invalid too
    #[arg(long)]
    pub strict: bool,
    /// For people or for tools
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Where from.
    #[command(flatten)]
    pub source: Source,
}

/// How differences are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people.
    Text,
    /// For tools.
    Json,
    /// For pull requests.
    Markdown,
}

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// Compare checksums, creators and OEM revisions too
    #[arg(long)]
    pub all: bool,
    /// For people, tools or pull requests
    #[arg(long, value_enum, default_value = "text")]
    pub format: DiffFormat,
    /// The old tables: file or folder
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The new tables: file or folder, or else a QEMU command line
    #[arg(
        value_name = "NEW",
        conflicts_with = "qemu",
        required_unless_present = "qemu"
    )]
    pub new: Option<PathBuf>,
    /// A QEMU command line: the tables that its guest would get
    #[arg(last = true, value_name = "QEMU")]
    pub qemu: Vec<OsString>,
}

/// How explanations are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people.
    Text,
    /// All rules and fields as a document.
    Markdown,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Id of a rule, or name of a field
    #[arg(value_name = "RULE|FIELD")]
    pub name: Option<String>,
    /// For people, or the whole reference
    #[arg(long, value_enum, default_value = "text")]
    pub format: ExplainFormat,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Folder for the pages; without it the first goes to standard output
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let diff = |words: &[&str]| {
            let all = ["acpi-tools", "diff"].iter().chain(words);
            Cli::try_parse_from(all).is_ok()
        };
        assert!(diff(&["a", "b"]));
        assert!(diff(&["a", "--", "qemu", "-M", "virt"]));
        assert!(!diff(&["a"]));
        assert!(!diff(&["a", "b", "--", "qemu"]));
    }
}
