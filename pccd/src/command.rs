//! What the subcommands do, each a function of its arguments.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use crate::capture::{self, Capture};
use crate::cli::{
    BytesArg, CheckArgs, Cli, Command, DecodeArgs, EncodeArgs, ImportArgs,
    LayerArg, RunArgs, SendArgs, StatusArgs, messages,
};
use crate::clock;
use crate::daemon;
use crate::extcap;
use crate::handlers::message_from;
use crate::import;
use crate::log::{Format, Log};
use crate::made::Made;
use crate::mailbox::{Channel, Channels, Mailbox, UnaskedName};
use crate::manual;
use crate::messages;
use crate::platform::pack;
use crate::record::{
    Decoded, Record, compact, describe, describe_message, describe_packet, now,
    plain,
};
use crate::recording;
use crate::registers::{decode, rebuild};
use crate::script::number::parse_number;
use crate::script::problem::{Problems, Wrong};
use crate::stats::Stats;
use crate::status::{self, Status};
use crate::vary;
use crate::wake::Waker;
use crate::wire::mctp::{BASELINE_UNIT, Eid, Header, MsgType};
use crate::wire::pcc;
use crate::wire::region::SubspaceType;
use crate::wire::text::spaced_hex;

/// A stream whose reader may have seen enough (`| head -1`): that is no error,
/// and the exit status says the rest.
struct Unread<W>(W);

impl<W: Write> Write for Unread<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(bytes.len())
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

fn stdout() -> Unread<io::StdoutLock<'static>> {
    Unread(io::stdout().lock())
}

/// Does what the command line asks for.
///
/// # Errors
///
/// Wrong usage or our own trouble; exit status 2.
pub fn execute(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        None => run(&cli.run, &daemon::Config::try_from(&cli.run)?),
        Some(Command::Run(args)) => run(args, &daemon::Config::try_from(args)?),
        Some(Command::Replay(args)) => {
            run(&args.run, &daemon::Config::try_from(args)?)
        }
        Some(Command::Import(args)) => import(args),
        Some(Command::Status(args)) => {
            let status = Status::of(&args.mailbox, &args.state())?;
            let shown = show(args.format, &status, Status::text)?;
            match status.unread.as_slice() {
                [] => Ok(shown),
                unread => Err(anyhow!("{}", unread.join("; "))),
            }
        }
        Some(Command::State(args)) => show_state(args),
        Some(Command::Stats(args)) => {
            let stats = status::stats(&args.mailbox, &args.state())?;
            show(args.format, &stats, Stats::text)
        }
        Some(Command::Man(args)) => {
            let folder = args.folder.as_deref();
            manual::pages::<Cli>(folder, &mut stdout())
                .context("cannot write the man pages")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Completions(args)) => {
            manual::completions::<Cli>(args.shell, &mut stdout())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Reload(args)) => {
            let pid = status::reload(&args.mailbox)?;
            let text = "reads its handler files again; its log says the rest";
            writeln!(stdout(), "process {pid} {text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Check(args)) => check(args),
        Some(Command::Schema(args)) => {
            let text = match args.scenario {
                true => vary::schema(),
                false => messages::schema(),
            };
            write!(stdout(), "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Send(args)) => send(args),
        Some(Command::Decode(args)) => decode(args),
        Some(Command::Encode(args)) => encode(args),
        Some(Command::Extcap(args)) => {
            extcap::answer(args, &mut stdout())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run(args: &RunArgs, config: &daemon::Config) -> Result<ExitCode> {
    // Before signals are caught: a FIFO is waited for.
    let capture = args.capture.as_deref().map(|path| {
        Capture::create(path).with_context(|| {
            let hint = "choose another file, or leave out --capture";
            format!("cannot write the capture {}; {hint}", path.display())
        })
    });
    let capture = capture.transpose()?;
    let (waker, woken) = Waker::new().context("cannot make a socket")?;
    waker.obey_signals().context("cannot catch signals")?;
    let log = Log::to_stderr(args.format).captured(capture);
    match daemon::run(config, clock::system, log, &waker, woken)? {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

/// Writes handler files for each mailbox of a capture.
fn import(args: &ImportArgs) -> Result<ExitCode> {
    let ImportArgs { recorded, output } = args;
    let read = recording::read(recorded);
    let recording =
        read.with_context(|| format!("the capture {}", recorded.display()))?;
    let mut out = stdout();
    let mut is_whole = true;
    for note in &recording.notes {
        writeln!(out, "note: {}", plain(note))?;
    }
    // What is written is told when all of it is: it stays only then.
    let (mut made, mut told) = (Made::default(), String::new());
    for (number, side) in (1..).zip(&recording.sides) {
        let folder = match recording.sides.len() {
            1 => output.clone(),
            _ => output.join(format!("mailbox-{number}")),
        };
        let imported = import::import(side);
        made.folders(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        for (name, text) in &imported.files {
            let path = folder.join(name);
            made.file(&path, text.as_bytes()).with_context(|| {
                let hint = "choose another folder with --output";
                format!("cannot write {}; {hint}", path.display())
            })?;
            told.push_str(&format!("{}\n", path.display()));
        }
        for note in &imported.notes {
            told.push_str(&format!("note: {note}\n"));
        }
        is_whole &= imported.notes.is_empty();
        let (folder, said) = (folder.display(), side.summary());
        told.push_str(&format!(
            "{said} in {folder}: pccd run --messages {folder}\n"
        ));
    }
    made.keep();
    out.write_all(told.as_bytes())?;
    match is_whole {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

/// Prints something, as text or as a line of JSON.
fn show<T: Serialize>(
    format: Format,
    what: &T,
    text: impl Fn(&T) -> String,
) -> Result<ExitCode> {
    match format {
        Format::Text => write!(stdout(), "{}", text(what))?,
        Format::Json => {
            writeln!(stdout(), "{}", serde_json::to_string(what)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_state(args: &StatusArgs) -> Result<ExitCode> {
    let ledger = status::ledger(&args.state())?.with_context(|| {
        format!(
            "there is no ledger in {}: nothing has happened yet, or it lies \
             elsewhere (--state)",
            args.state().display()
        )
    })?;
    show(args.format, &ledger, status::ledger_text)
}

fn check(args: &CheckArgs) -> Result<ExitCode> {
    let folders = messages(&args.messages);
    let loaded = daemon::load(&folders).and_then(|handlers| {
        // Where nothing is looked at, nothing is right.
        match handlers.bare() {
            bare if bare.is_empty() => Ok(handlers),
            bare => Err(Problems(bare).into()),
        }
    });
    match loaded {
        Ok(handlers) => {
            let mut out = stdout();
            if let Format::Json = args.format {
                writeln!(out, "[]")?;
                return Ok(ExitCode::SUCCESS);
            }
            let (overlaps, all) = handlers.handlers().overlaps();
            for line in overlaps.into_iter().chain(handlers.unversioned()) {
                writeln!(out, "note: {line}")?;
            }
            if !all {
                let text = "too many handlers to compare each with each";
                writeln!(out, "note: {text}; some overlaps are not shown")?;
            }
            let channels = match handlers.registers().channels().len() {
                0 => String::new(),
                count => format!(" and {count} channels"),
            };
            writeln!(
                out,
                "{} handlers{channels} in {} files of {}: all right",
                handlers.handlers().len(),
                handlers.files,
                handlers.source
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let problems = error.downcast::<Problems>()?;
            match args.format {
                Format::Text => writeln!(Unread(io::stderr()), "{problems}")?,
                Format::Json => {
                    let text = serde_json::to_string(&problems)?;
                    writeln!(stdout(), "{text}")?;
                }
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Hex of the command line, blanks and `0x` allowed.
fn bytes_of(words: &[String]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in words.iter().flat_map(|word| word.split_whitespace()) {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        let decoded = hex::decode(digits)
            .map_err(|_| anyhow!("`{word}` is not pairs of hex digits"))?;
        bytes.extend(decoded);
    }
    Ok(bytes)
}

fn type_of(text: &str) -> Result<u8> {
    let named =
        MsgType::NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    named
        .map(|(number, _)| *number)
        .or_else(|| parse_number(text))
        .and_then(|number| u8::try_from(number).ok())
        .filter(|number| *number < 0x80)
        .ok_or_else(|| {
            let names: Vec<&str> =
                MsgType::NAMES.iter().map(|(_, name)| *name).collect();
            anyhow!(
                "`{text}` is no message type: give a number up to 0x7f, or \
                 one of {}",
                names.join(", ")
            )
        })
}

/// The channel that a message which nobody asked for goes to.
fn towards_guest(
    channels: &Channels,
    subspace: Option<u8>,
) -> Result<&Channel> {
    let all = channels.channels.iter();
    let ids: Vec<String> = all
        .filter(|channel| channel.kind == SubspaceType::Responder)
        .map(|channel| channel.subspace.to_string())
        .collect();
    let choose = match ids.as_slice() {
        [] => "it has none".to_owned(),
        ids => format!("choose one with --subspace: {}", ids.join(", ")),
    };
    let channel = match subspace {
        Some(subspace) => channels.get(subspace),
        None => channels.inbox(),
    };
    let channel = channel.with_context(|| {
        format!("the mailbox has no such channel towards the guest: {choose}")
    })?;
    let subspace_is_given = subspace.is_some();
    let (subspace, kind) = (channel.subspace, channel.kind);
    match kind {
        SubspaceType::Responder
            if subspace_is_given || channel.paired.is_some() =>
        {
            Ok(channel)
        }
        SubspaceType::Responder => Err(anyhow!(
            "subspace {subspace} of type {kind} belongs to no pair: it does \
             not speak MCTP, as far as can be told. If it does, name it with \
             --subspace {subspace}; a content for its registers goes with \
             --raw"
        )),
        _ if !kind.takes_unasked() => Err(anyhow!(
            "nothing unasked goes to subspace {subspace} of type {kind}; \
             channels towards the guest: {choose}"
        )),
        _ => Err(anyhow!(
            "nothing unasked but a notification goes to subspace {subspace} \
             of type {kind} (--raw, with an envelope); channels towards the \
             guest: {choose}"
        )),
    }
}

fn send(args: &SendArgs) -> Result<ExitCode> {
    let mut mailbox = Mailbox::open_sender(&args.mailbox)?;
    let channels = mailbox.channels()?.unwrap_or_default();
    let mut body = match args.hex.as_slice() {
        [one] if one.trim_start().starts_with('{') => message_from(one)?,
        words => bytes_of(words)?,
    };
    let contents = if args.raw {
        vec![body]
    } else {
        if let Some(kind) = &args.kind {
            body.insert(0, type_of(kind)?);
        }
        let channel = towards_guest(&channels, args.subspace)?;
        let route = Header {
            destination: Eid(args.destination),
            source: Eid(args.source),
            som: true,
            eom: true,
            sequence: 0,
            to: true,
            tag: args.tag,
        };
        pack(body, &route, channel, BASELINE_UNIT)?.contents
    };
    let subspace = match (args.subspace, channels.inbox()) {
        (Some(subspace), _) => subspace,
        (None, Some(channel)) => channel.subspace,
        (None, None) => 1,
    };
    let time = compact(now()).parse()?;
    let mut name = UnaskedName { time, number: 1, subspace };
    for content in contents {
        name = mailbox.publish_unasked(name, &content)?;
        writeln!(stdout(), "{name}: {}", describe(&content).summary)?;
        name.number += 1;
    }
    if status::device(&args.mailbox).is_none() {
        writeln!(
            Unread(io::stderr()),
            "pccd: nobody is there to take it: no QEMU has {}; it waits \
             until one comes",
            args.mailbox.display()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be decoded.
enum Input {
    Bytes(Vec<u8>),
    /// Lines of pccd's own log.
    Log(String),
}

/// A line of pccd's log in JSON.
fn logged(line: &str) -> Option<Record> {
    let line = line.trim();
    line.starts_with('{').then(|| serde_json::from_str(line).ok())?
}

fn is_log(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    // The first one may be cut, as `tail -c` does it.
    lines.by_ref().take(2).any(|line| logged(line).is_some())
}

/// What to decode: a file, standard input, or hex.
fn input(args: &DecodeArgs) -> Result<Input> {
    let raw = match args.input.as_slice() {
        [one] if one == "-" => {
            let mut raw = Vec::new();
            io::stdin().read_to_end(&mut raw)?;
            raw
        }
        [one] if Path::new(one).is_file() => {
            std::fs::read(one).with_context(|| format!("cannot read {one}"))?
        }
        words if words.iter().any(|word| word.trim().starts_with('{')) => {
            let text = words.join(" ");
            if is_log(&text) {
                return Ok(Input::Log(text));
            }
            return Err(anyhow!(
                "this is JSON, but no line of pccd's log (pccd run --format \
                 json); `pccd encode` makes bytes of a message in JSON"
            ));
        }
        words => {
            return bytes_of(words).map(Input::Bytes).map_err(|error| {
                let path = words.join(" ");
                match Path::new(&path) {
                    it if it.is_dir() => anyhow!(
                        "{path} is a folder: give a file in it, such as a \
                         message of a mailbox"
                    ),
                    it if it.exists() => anyhow!(
                        "{path} is no regular file: give `-` and its content \
                         on standard input"
                    ),
                    _ => anyhow!("{error}; and there is no such file"),
                }
            });
        }
    };
    // A file may hold bytes, their hex, or a log.
    let text = std::str::from_utf8(&raw).ok();
    if let Some(text) = text.filter(|text| is_log(text)) {
        return Ok(Input::Log(text.to_owned()));
    }
    let decoded = text
        .filter(|text| !text.trim().is_empty())
        .and_then(|text| bytes_of(&[text.to_owned()]).ok());
    if let Some(bytes) = decoded {
        return Ok(Input::Bytes(bytes));
    }
    // Whoever says what the bytes are is believed.
    match not_a_message(&raw) {
        Some(other) if args.layer == LayerArg::Auto => Err(other),
        _ => Ok(Input::Bytes(raw)),
    }
}

/// What a file is that other programs read, and which.
fn not_a_message(raw: &[u8]) -> Option<anyhow::Error> {
    if capture::is_capture(raw) {
        return Some(anyhow!(
            "this is a capture, not a message: `pccd replay` plays it, \
             Wireshark shows it (docs/capture.md)"
        ));
    }
    let is_text = |text: &&str| {
        let mut all = text.chars();
        !all.any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    };
    let text = std::str::from_utf8(raw).ok().filter(is_text)?;
    // The first line may be cut, as `tail -c` does it.
    if text.lines().take(2).any(is_text_log) {
        return Some(anyhow!(
            "this is pccd's log in text, which can be read as it is; only \
             one in JSON is shown (pccd run --format json)"
        ));
    }
    text.trim_start().starts_with('{').then(|| {
        anyhow!(
            "this is JSON, but no line of pccd's log (pccd run --format \
             json): `pccd check --messages FOLDER` judges handler files, \
             `pccd encode` makes bytes of a message in JSON"
        )
    })
}

/// A line of pccd's log in text begins with the time of day.
fn is_text_log(line: &str) -> bool {
    const TIME: &str = "00:00:00.000000  ";
    let like = |(is, wanted): (u8, u8)| match wanted {
        b'0' => is.is_ascii_digit(),
        _ => is == wanted,
    };
    line.len() >= TIME.len() && line.bytes().zip(TIME.bytes()).all(like)
}

/// Shows pccd's own log, message by message.
fn show_log(text: &str, format: Format) -> Result<ExitCode> {
    let mut out = stdout();
    if let Format::Text = format {
        writeln!(out, "This is pccd's log, message by message:")?;
    }
    let mut strange = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match (logged(line), format) {
            (Some(record), Format::Text) => {
                writeln!(out, "{}", record.to_text())?;
            }
            (Some(record), Format::Json) => {
                writeln!(out, "{}", record.to_json())?;
            }
            (None, _) if line.trim().is_empty() => {}
            (None, _) => strange.push(number),
        }
    }
    if let Some(first) = strange.first() {
        writeln!(
            Unread(io::stderr()),
            "pccd: left out {} lines that are not of pccd's log, the first \
             is line {first}",
            strange.len()
        )?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn is_content(bytes: &[u8]) -> bool {
    bytes.starts_with(&pcc::ENVELOPE_MAGIC) || pcc::signature(bytes).is_ok()
}

/// Decodes a content of a channel that does not speak MCTP.
fn decode_channel(args: &DecodeArgs, bytes: &[u8]) -> Result<Option<Decoded>> {
    let kind = args.subspace_type.map(SubspaceType::try_from).transpose();
    let (kind, reply) = (kind.map_err(|wrong| anyhow!(wrong))?, args.reply);
    let describe =
        |channel| decode::describe_alone(bytes, kind, reply, channel);
    let decoded = match &args.channel {
        None => describe(None),
        Some(name) => {
            let handlers = daemon::load(&messages(&args.messages))?;
            describe(Some(handlers.registers().named(name)?))
        }
    };
    if decoded.is_some() && kind.is_none() {
        writeln!(
            Unread(io::stderr()),
            "pccd: taken for {}; --subspace-type says what it is",
            decode::guessed(bytes)
        )?;
    }
    Ok(decoded)
}

fn decode(args: &DecodeArgs) -> Result<ExitCode> {
    let bytes = match input(args)? {
        Input::Bytes(bytes) => bytes,
        Input::Log(text) => return show_log(&text, args.format),
    };
    let known = match args.layer {
        LayerArg::Auto | LayerArg::Content => decode_channel(args, &bytes)?,
        LayerArg::Packet | LayerArg::Message => None,
    };
    let decoded = known.unwrap_or_else(|| match args.layer {
        LayerArg::Content => describe(&bytes),
        LayerArg::Packet => describe_packet(&bytes),
        LayerArg::Message => describe_message(&bytes),
        LayerArg::Auto if is_content(&bytes) => describe(&bytes),
        LayerArg::Auto => describe_message(&bytes),
    });
    show(args.format, &decoded, lines)
}

/// The JSON to encode: given, of a file, or of standard input.
fn json_of(input: &str) -> Result<String> {
    match input {
        "-" => Ok(io::read_to_string(io::stdin())?),
        text if text.trim_start().starts_with('{') => Ok(text.to_owned()),
        path => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {path}")),
    }
}

/// Makes the bytes of what was decoded, and says which fields counted before
/// others.
fn encode_decoded(
    args: &EncodeArgs,
    decoded: &Decoded,
) -> Result<Result<Vec<u8>, Wrong>> {
    let wanted = rebuild::channel_of(decoded);
    let load = |_| daemon::load(&messages(&args.messages));
    let handlers = wanted.map(load).transpose()?;
    let channel = match wanted.zip(handlers.as_ref()) {
        None => None,
        Some((name, handlers)) => match handlers.registers().named(name) {
            Ok(channel) => Some(channel),
            Err(wrong) => {
                let expected = "the folder of its file with --messages, or \
                                its fields taken out: `pcc.data` has the bytes";
                let expected = Some(expected.to_owned());
                return Ok(Err(Wrong { expected, ..wrong }));
            }
        },
    };
    let Some(made) = rebuild::encode(decoded, channel) else {
        return Ok(decoded.encode().map_err(Wrong::plain));
    };
    for note in made.iter().flat_map(|made| &made.notes) {
        writeln!(Unread(io::stderr()), "pccd: {note}")?;
    }
    Ok(made.map(|made| made.content))
}

fn encode(args: &EncodeArgs) -> Result<ExitCode> {
    let text = json_of(&args.input)?;
    let json: serde_json::Value = serde_json::from_str(&text)
        .context("this is no JSON object; give it in quotes, or a file")?;
    let bytes = if json.get("fields").is_some_and(serde_json::Value::is_array) {
        let decoded: Decoded = serde_json::from_str(&text)
            .context("this is not what `pccd decode --format json` prints")?;
        encode_decoded(args, &decoded)?
    } else {
        message_from(&text)
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(wrong) => {
            writeln!(Unread(io::stderr()), "pccd: {wrong}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut out = stdout();
    match args.format {
        BytesArg::Hex => writeln!(out, "{}", spaced_hex(&bytes))?,
        BytesArg::Raw => out.write_all(&bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(decoded: &Decoded) -> String {
    let mut text = format!("{}\n", decoded.summary);
    for field in &decoded.fields {
        let name = format!("{}.{}", field.layer, field.name);
        text.push_str(&format!("  {name:<32} {}", field.value));
        if let Some(meaning) = &field.meaning {
            text.push_str(&format!("  ({meaning})"));
        }
        text.push('\n');
    }
    text
}
