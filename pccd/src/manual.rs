//! Man pages and shell completions, made from the command line's own
//! description.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Writes the completions of a shell.
///
/// # Errors
///
/// They cannot be written.
pub fn completions(shell: Shell, out: &mut impl Write) -> io::Result<()> {
    // `generate` panics when it cannot write; into memory it always can.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pccd", &mut script);
    out.write_all(&script)
}

/// Writes `pccd.1`, and a page for each subcommand, into a folder, which is
/// made if need be; without one, the first.
///
/// # Errors
///
/// They cannot be written.
pub fn pages(folder: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    let command = Cli::command();
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(command, folder)
        }
        None => clap_mangen::Man::new(command).render(out),
    }
}
