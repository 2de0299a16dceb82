//! What the subcommands do.

use std::fs::Permissions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::check::{Verdict, accepted, check_facts, rule};
use crate::cli::{
    Cli, Command, Diff, DiffFormat, Explain, ExplainFormat, Extract, Man, Show,
    Source, Validate,
};
use crate::platform::{Facts, Platform};
use crate::report::{self, Format, Style};
use crate::{diff, extract, manual};

/// Exit status: different, or not valid.
pub const DIFFERENT: u8 = 1;
/// Exit status: could not tell.
pub const TROUBLE: u8 = 2;

/// Does what the command line says.
///
/// # Errors
/// When the input cannot be had; what is wrong with tables is no error.
pub fn execute(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        Command::Extract(options) => extract_command(options),
        Command::Show(options) => show(options),
        Command::Validate(options) => validate(options),
        Command::Diff(options) => diff_command(options),
        Command::Explain(options) => explain(options),
        Command::Man(options) => man(options),
        Command::Completions(options) => {
            let mut script = Vec::new();
            manual::completions(options.shell, &mut script)?;
            print(&script)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints, and is content when nobody reads to the end.
fn print(text: impl AsRef<[u8]>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

fn print_lines(text: &str) -> Result<()> {
    print(style().fit(text))
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

fn style() -> Style {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let out = std::io::stdout();
    let width = terminal_size::terminal_size_of(&out);
    Style {
        colour: !plain && out.is_terminal(),
        width: width.map(|(width, _)| width.0.into()),
    }
}

fn load(source: &Source) -> Result<Platform> {
    let mut platform = Platform::default();
    let mut any = false;
    for path in &source.paths {
        platform.merge(Platform::load(path)?);
        any = true;
    }
    if source.linux {
        platform.merge(extract::linux(Path::new("/"))?);
        any = true;
    }
    if !source.qemu.is_empty() {
        platform.merge(extract::qemu(&source.qemu)?);
        any = true;
    }
    if !any {
        bail!(
            "nothing to read: give a file or folder, --linux, or a QEMU \
             command line after --"
        );
    }
    tell(&platform);
    Ok(platform)
}

/// Says what was left out.
fn tell(platform: &Platform) {
    for note in &platform.notes {
        let _ = writeln!(std::io::stderr(), "acpi-tools: {note}");
    }
}

fn extract_command(options: &Extract) -> Result<ExitCode> {
    let platform = load(&options.source)?;
    let folder = &options.output;
    let is_new = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let new: Vec<&Path> = folder.ancestors().take_while(is_new).collect();
    let text = write_tables(&platform, folder, options.force);
    if text.is_err() {
        // One that somebody else has put something into stays.
        for path in new {
            let _ = std::fs::remove_dir(path);
        }
    }
    print(&text?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the tables into a folder, which is made if need be; all or none.
/// What stands there, for people.
fn write_tables(
    platform: &Platform,
    folder: &Path,
    force: bool,
) -> Result<String> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    let there: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "dat"))
        .collect();
    let (old, foreign): (Vec<_>, Vec<_>) =
        there.into_iter().partition(|path| extract::is_extracted(path));
    if let Some(path) = foreign.first() {
        bail!(
            "{} is no table that extract has written: give an --output of \
             its own",
            path.display()
        );
    }
    if !old.is_empty() && !force {
        bail!(
            "{} has tables already ({}): give another --output, or --force \
             to replace all of them",
            folder.display(),
            old[0].display()
        );
    }
    let mut text = String::new();
    let mut new = Vec::new();
    for (name, content) in extract::files(platform) {
        let path = folder.join(name);
        // The old ones stay as long as there may be no room for these.
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .and_then(|mut file| file.write_all(&content).map(|()| file))
            .with_context(|| format!("writing {}", path.display()))?;
        text += &format!("{:>8}  {}\n", content.len(), path.display());
        new.push((file, path));
    }
    for path in old {
        std::fs::remove_file(&path)
            .with_context(|| format!("removing {}", path.display()))?;
    }
    for (file, path) in new {
        file.persist(&path)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(text)
}

fn show(options: &Show) -> Result<ExitCode> {
    if options.map && options.format == Format::Json {
        bail!(
            "--map draws for people: leave out --format json, or --map; the \
             tables in JSON have all that the map shows"
        );
    }
    let platform = load(&options.source)?;
    let facts = Facts::of(&platform);
    if options.map {
        let picture = report::map::draw(&facts);
        if picture.is_empty() {
            bail!("there is no PCCT to draw");
        }
        print_lines(&picture)?;
        return Ok(ExitCode::SUCCESS);
    }
    let sources = report::show::sources(&facts, options.all);
    if sources.is_empty() {
        eprintln!("acpi-tools: nothing about PCC; --all shows the headers");
    }
    match options.format {
        Format::Text => print_lines(&report::show::text(&sources, style()))?,
        Format::Json => print_json(&sources)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn validate(options: &Validate) -> Result<ExitCode> {
    let list = match &options.accept {
        None => Vec::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?;
            accepted::parse(&text)
                .map_err(anyhow::Error::msg)
                .with_context(|| path.display().to_string())?
        }
    };
    let platform = load(&options.source)?;
    // Of nothing there is no verdict, neither for people nor for tools.
    if platform.tables.is_empty() {
        bail!("there was no table to judge");
    }
    let findings = check_facts(&Facts::of(&platform));
    let (open, accepted, unused) = accepted::split(findings, &list);
    let verdict = Verdict::of(open.iter(), options.target, options.strict);
    let valid = verdict.fatal == 0;
    let report = report::check::Report {
        open: &open,
        accepted: &accepted,
        unused: unused.iter().map(|entry| entry.rule.as_str()).collect(),
        target: options.target,
        verdict,
    };
    match options.format {
        Format::Text => print_lines(&report.text(style()))?,
        Format::Json => print_json(&report.json())?,
    }
    Ok(ExitCode::from(if valid { 0 } else { DIFFERENT }))
}

fn diff_command(options: &Diff) -> Result<ExitCode> {
    let old = Platform::load(&options.old)?;
    let new = match &options.new {
        Some(path) => Platform::load(path)?,
        None => extract::qemu(&options.qemu)?,
    };
    tell(&old);
    tell(&new);
    let changes = diff::diff(&Facts::of(&old), &Facts::of(&new), options.all);
    match options.format {
        DiffFormat::Text => {
            print_lines(&report::diff::text(&changes, style()))?
        }
        DiffFormat::Json => print_json(&report::diff::json(&changes))?,
        DiffFormat::Markdown => print(report::diff::markdown(&changes))?,
    }
    Ok(ExitCode::from(if changes.is_empty() { 0 } else { DIFFERENT }))
}

fn explain(options: &Explain) -> Result<ExitCode> {
    use report::reference;
    if let (Some(name), ExplainFormat::Markdown) =
        (&options.name, options.format)
    {
        bail!(
            "--format markdown prints the whole reference: leave out {name}, \
             or the format"
        );
    }
    let text = match (&options.name, options.format) {
        (None, ExplainFormat::Markdown) => reference::markdown(),
        (None, ExplainFormat::Text) => reference::rule_list(),
        (Some(name), _) => match rule(name) {
            Some(rule) => reference::rule(rule),
            None => {
                reference::field(&name.to_lowercase()).with_context(|| {
                    format!(
                        "there is no rule or field {name}; acpi-tools explain \
                     lists the rules"
                    )
                })?
            }
        },
    };
    match options.format {
        ExplainFormat::Text => print_lines(&text)?,
        ExplainFormat::Markdown => print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn man(options: &Man) -> Result<ExitCode> {
    let mut page = Vec::new();
    let folder = options.folder.as_deref();
    manual::pages(folder, &mut page).context("writing the man pages")?;
    print(&page)?;
    Ok(ExitCode::SUCCESS)
}
