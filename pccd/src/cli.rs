//! The command line: clap's structs, and what they come to once checked.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::daemon;
use crate::log::Format;

/// Default mailbox, for people. Tools use folders of their own.
const MAILBOX: &str = "/tmp/pcc";
/// Folder of handler files that is used if it is there.
const MESSAGES: &str = "./messages";

/// Plays the platform for ACPI PCC drivers: answers the messages a guest
/// sends, from JSON files.
#[derive(Debug, Parser)]
#[command(
    name = "pccd",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Example: pccd run --mailbox /tmp/pcc --messages \
                  ./messages\n\nWithout a command it is `pccd \
                  run`.\n\nExit status: 0 done, 1 a check failed or \
                  an expectation was not met, 2 wrong usage or our own \
                  trouble."
)]
pub struct Cli {
    /// What to do; without, `run`.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Arguments of `run`.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer the messages in a mailbox until told to end.
    #[command(after_help = "Example: pccd run --mailbox /tmp/pcc --format \
                            json 2>pccd.log\n\nExit status: 0 done, 1 an \
                            expectation of a handler was not met, 2 wrong \
                            usage or our own trouble.")]
    Run(RunArgs),
    /// Play the platform's side of a capture, and name where the guest asks
    /// otherwise.
    #[command(after_help = "Example: pccd replay logs/capture.pcapng \
                            --mailbox /tmp/pcc\n\nExit status: 0 the guest \
                            asked all that the capture has, and nothing \
                            else; 1 it departed from it; 2 wrong usage or \
                            our own trouble.")]
    Replay(ReplayArgs),
    /// Write handler files that answer as a capture does, to be edited.
    #[command(after_help = "Example: pccd import logs/capture.pcapng \
                            --output messages/board && pccd run --messages \
                            messages/board\n\nExit status: 0 done, 1 \
                            something in them is otherwise than in the \
                            capture, which is said, 2 wrong usage or our own \
                            trouble.")]
    Import(ImportArgs),
    /// Show how a mailbox stands: daemon, guest, channels, what waits.
    #[command(after_help = "Example: pccd status --mailbox /tmp/pcc")]
    Status(StatusArgs),
    /// Show what the platform remembers: EID, variables, counts, delays.
    #[command(after_help = "Example: pccd state --format json")]
    State(StatusArgs),
    /// Show what the daemon has done since it started: counters, latencies.
    ///
    /// Counted are events, replies by handler, and by kind: errors, requests
    /// without an answer, rejected files, faults that were played, broken
    /// rules of conduct, notes. In reasons `N` stands for any number.
    #[command(after_help = "Example: pccd stats --mailbox /tmp/pcc")]
    Stats(StatusArgs),
    /// Write the man pages.
    #[command(after_help = "Example: pccd man /usr/local/share/man/man1")]
    Man(ManArgs),
    /// Print what a shell needs to complete pccd's arguments.
    #[command(after_help = "Example: pccd completions bash > \
                            /etc/bash_completion.d/pccd")]
    Completions(CompletionsArgs),
    /// Have the daemon read its handler files again.
    #[command(after_help = "Example: pccd reload --mailbox /tmp/pcc")]
    Reload(ReloadArgs),
    /// Check handler files.
    #[command(after_help = "Example: pccd check --messages ./messages")]
    Check(CheckArgs),
    /// Print the JSON Schema of handler files, or of scenarios.
    #[command(after_help = "Example: pccd schema > messages/schema.json")]
    Schema(SchemaArgs),
    /// Send the guest a message it did not ask for.
    #[command(after_help = "Example: pccd send --type vendor-PCI 1a f4 01 \
                            02\n         pccd send --type PLDM --source 9 \
                            --destination 8 80 00 02\n         pccd \
                            send '{\"hex\": \"7e 1a f4 01\"}'")]
    Send(SendArgs),
    /// Print a message decoded, or pccd's own log in JSON as text.
    #[command(after_help = "Example: pccd decode 00 80 02\n         pccd \
                            decode /tmp/pcc/rejected/FILE.pcc\n         \
                            pccd decode pccd.log")]
    Decode(DecodeArgs),
    /// Make the bytes of a message from JSON: what `decode --format json`
    /// printed, or a message as handler files have it.
    #[command(after_help = "Example: pccd decode --format json 00 80 02 | \
                            pccd encode -\n         pccd encode '{\"fields\": \
                            {\"mctp.type\": \"control\", \"control.rq\": 1, \
                            \"control.instance_id\": 0, \
                            \"control.command\": \"Get Endpoint ID\"}}'")]
    Encode(EncodeArgs),
    /// Show running mailboxes to Wireshark, which calls this (extcap).
    #[command(after_help = "Example: cp pccd/wireshark/pccd-extcap \
                            ~/.local/lib/wireshark/extcap/")]
    Extcap(ExtcapArgs),
}

/// Arguments of `extcap`, as Wireshark gives them.
#[derive(Debug, Args)]
pub struct ExtcapArgs {
    /// List the interfaces: the mailboxes of each `pccd run --capture FILE`.
    #[arg(long)]
    pub extcap_interfaces: bool,
    /// Wireshark's version.
    #[arg(long, value_name = "VERSION")]
    pub extcap_version: Option<String>,
    /// List the link types of an interface.
    #[arg(long)]
    pub extcap_dlts: bool,
    /// List the options of an interface; there are none.
    #[arg(long)]
    pub extcap_config: bool,
    /// The interface.
    #[arg(long, value_name = "NAME")]
    pub extcap_interface: Option<String>,
    /// A filter; it is left to Wireshark.
    #[arg(long, value_name = "FILTER")]
    pub extcap_capture_filter: Option<String>,
    /// Capture until the reader or the daemon ends.
    #[arg(long)]
    pub capture: bool,
    /// Where to.
    #[arg(long, value_name = "FILE")]
    pub fifo: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Mailbox folder; may be given several times [default: /tmp/pcc].
    #[arg(long, value_name = "DIR")]
    pub mailbox: Vec<PathBuf>,
    /// Folder of handler files; may be given several times [default:
    /// ./messages if it is there, else those built in].
    #[arg(long, value_name = "DIR")]
    pub messages: Vec<PathBuf>,
    /// Folder for what must survive a restart [default: state in the
    /// mailbox].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Channel of the handler files that plays a subspace, as in
    /// 3=xgene-sensors; may be given several times.
    #[arg(long, value_name = "ID=NAME", value_parser = channel)]
    pub channel: Vec<(u8, String)>,
    /// Seed of the random numbers in handlers: the same seed and requests
    /// give the same answers.
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    pub seed: u64,
    /// File for a capture of all that happens, which Wireshark reads; `-` is
    /// standard output.
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// File of a scenario, which says what becomes of which answer; another
    /// one that is renamed over it is taken with the next request.
    #[arg(long, value_name = "FILE")]
    pub vary: Option<PathBuf>,
    /// How the log on standard error is written.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The capture: of `pccd run --capture`, a run of pcclab, `tcpdump -i
    /// mctp…` or another tool with MCTP.
    #[arg(value_name = "CAPTURE")]
    pub recorded: PathBuf,
    /// Answer each request as the capture has it, wherever it stands there;
    /// without, in its order.
    #[arg(long)]
    pub by_request: bool,
    /// Arguments of `run`; handler files only name the registers.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The capture, as for `replay`.
    #[arg(value_name = "CAPTURE")]
    pub recorded: PathBuf,
    /// Folder for the files; those that are there stay as they are.
    #[arg(long, value_name = "DIR", default_value = "imported")]
    pub output: PathBuf,
}

/// Arguments of `status`, `state` and `stats`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Mailbox folder.
    #[arg(long, value_name = "DIR", default_value = MAILBOX)]
    pub mailbox: PathBuf,
    /// The daemon's state folder [default: state in the mailbox].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

impl StatusArgs {
    /// The state folder.
    pub fn state(&self) -> PathBuf {
        let default = || self.mailbox.join("state");
        self.state.clone().unwrap_or_else(default)
    }
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages [default: the first goes to standard output].
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `reload`.
#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// Mailbox folder.
    #[arg(long, value_name = "DIR", default_value = MAILBOX)]
    pub mailbox: PathBuf,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// That of scenarios, the files of `pccd run --vary`.
    #[arg(long)]
    pub scenario: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Folder of handler files; may be given several times [default:
    /// ./messages if it is there, else those built in].
    #[arg(long, value_name = "DIR")]
    pub messages: Vec<PathBuf>,
    /// How to print what is wrong.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Arguments of `send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// Mailbox folder.
    #[arg(long, value_name = "DIR", default_value = MAILBOX)]
    pub mailbox: PathBuf,
    /// Message type, a number or a name; without, HEX starts with it.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Source EID.
    #[arg(long, default_value = "9")]
    pub source: u8,
    /// Destination EID.
    #[arg(long, default_value = "8")]
    pub destination: u8,
    /// Message tag, 0 to 7.
    #[arg(long, default_value = "0", value_parser =
          clap::value_parser!(u8).range(0..8))]
    pub tag: u8,
    /// Subspace it is for [default: the first of type 4 in a pair].
    #[arg(long)]
    pub subspace: Option<u8>,
    /// HEX is the whole content, from the signature (or envelope) on.
    #[arg(long, conflicts_with_all = ["kind", "source", "destination",
          "tag"])]
    pub raw: bool,
    /// The message in hex, or as handler files have it: `{"fields": …}`.
    #[arg(value_name = "HEX|JSON", required = true)]
    pub hex: Vec<String>,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// What the bytes are.
    #[arg(long = "as", value_enum, default_value = "auto")]
    pub layer: LayerArg,
    /// PCCT type of the channel, 0 to 5 [default: what it looks like].
    #[arg(long, value_name = "TYPE", value_parser =
          clap::value_parser!(u8).range(0..6))]
    pub subspace_type: Option<u8>,
    /// Name of the channel in the handler files, to see its registers.
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Folder of handler files with that channel [default: ./messages if it
    /// is there, else those built in].
    #[arg(long, value_name = "DIR")]
    pub messages: Vec<PathBuf>,
    /// It goes to the guest; without an envelope nothing else tells.
    #[arg(long)]
    pub reply: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Hex, the name of a file, or `-` for standard input.
    #[arg(value_name = "HEX|FILE", required = true)]
    pub input: Vec<String>,
}

/// Arguments of `encode`.
#[derive(Debug, Args)]
pub struct EncodeArgs {
    /// Folder of handler files with the channel whose registers the JSON has
    /// [default: ./messages if it is there, else those built in].
    #[arg(long, value_name = "DIR")]
    pub messages: Vec<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value = "hex")]
    pub format: BytesArg,
    /// JSON, the name of a file, or `-` for standard input.
    #[arg(value_name = "JSON|FILE")]
    pub input: String,
}

/// Ways to print bytes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum BytesArg {
    /// Hex digits.
    Hex,
    /// The bytes themselves, as a mailbox holds them.
    Raw,
}

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayerArg {
    /// A content if it starts with a PCC signature, else a message.
    Auto,
    /// A file of a mailbox.
    Content,
    /// An MCTP packet, transport header first.
    Packet,
    /// An MCTP message, type byte first.
    Message,
}

/// Reads `3=fan`.
fn channel(text: &str) -> Result<(u8, String), String> {
    let parts = text.split_once('=');
    let number = parts.and_then(|(id, name)| Some((id.parse().ok()?, name)));
    match number {
        Some((id, name)) => Ok((id, name.to_owned())),
        None => Err("a subspace id and a channel's name, as in 3=fan".into()),
    }
}

/// Folders of handler files: those given, or the default.
pub fn messages(given: &[PathBuf]) -> Vec<PathBuf> {
    let default = PathBuf::from(MESSAGES);
    match given {
        [] if default.is_dir() => vec![default],
        given => given.to_vec(),
    }
}

impl TryFrom<&RunArgs> for daemon::Config {
    type Error = anyhow::Error;

    fn try_from(args: &RunArgs) -> Result<Self> {
        let mailboxes = match args.mailbox.as_slice() {
            [] => vec![PathBuf::from(MAILBOX)],
            given => given.to_vec(),
        };
        if args.state.is_some() && mailboxes.len() > 1 {
            return Err(anyhow!(
                "--state belongs to one mailbox, and there are {}: leave it \
                 out, and each keeps its state in itself",
                mailboxes.len()
            ));
        }
        let mailboxes = mailboxes
            .into_iter()
            .map(|mailbox| {
                let state = match &args.state {
                    Some(state) => state.clone(),
                    None => mailbox.join("state"),
                };
                (mailbox, state)
            })
            .collect();
        let messages = messages(&args.messages);
        let files = daemon::Files { messages, channels: args.channel.clone() };
        let (seed, vary) = (args.seed, args.vary.clone());
        Ok(Self { mailboxes, files, seed, replay: None, vary })
    }
}

impl TryFrom<&ReplayArgs> for daemon::Config {
    type Error = anyhow::Error;

    fn try_from(args: &ReplayArgs) -> Result<Self> {
        let replay = daemon::Recorded {
            capture: args.recorded.clone(),
            by_request: args.by_request,
        };
        let run = Self::try_from(&args.run)?;
        if run.vary.is_some() {
            return Err(anyhow!(
                "--vary changes what handlers say, and a recording says what \
                 it has: leave one out"
            ));
        }
        Ok(Self { replay: Some(replay), ..run })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_the_default() {
        let cli = Cli::parse_from(["pccd", "--mailbox", "/m"]);
        assert!(cli.command.is_none());
        let config = daemon::Config::try_from(&cli.run).unwrap();
        assert_eq!(
            config.mailboxes,
            [(PathBuf::from("/m"), PathBuf::from("/m/state"))]
        );
        let cli = Cli::parse_from(["pccd"]);
        let config = daemon::Config::try_from(&cli.run).unwrap();
        assert_eq!(config.mailboxes[0].0, PathBuf::from(MAILBOX));
    }

    #[test]
    fn one_state_is_not_for_two_mailboxes() {
        let cli = Cli::parse_from([
            "pccd",
            "--mailbox",
            "/a",
            "--mailbox",
            "/b",
            "--state",
            "/s",
        ]);
        assert!(daemon::Config::try_from(&cli.run).is_err());
    }
}
