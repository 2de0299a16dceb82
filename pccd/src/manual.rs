//! Man pages and shell completions, made from the description of a command
//! line: this program's, or `pcclab`'s.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

/// Writes the completions of a shell.
///
/// # Errors
///
/// They cannot be written.
pub fn completions<C: CommandFactory>(
    shell: Shell,
    out: &mut impl Write,
) -> io::Result<()> {
    // `generate` panics when it cannot write; into memory it always can.
    let mut script = Vec::new();
    let mut command = C::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    out.write_all(&script)
}

/// Writes the program's page, and one for each subcommand, into a folder, which
/// is made if need be; without one, the first.
///
/// # Errors
///
/// They cannot be written.
pub fn pages<C: CommandFactory>(
    folder: Option<&Path>,
    out: &mut impl Write,
) -> io::Result<()> {
    let command = C::command();
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(command, folder)
        }
        None => clap_mangen::Man::new(command).render(out),
    }
}
