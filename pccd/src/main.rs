//! The program: parse, do, and turn what went wrong into words.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use pccd::cli::Cli;

fn main() -> ExitCode {
    // clap ends the program itself for --help (0) and wrong usage (2).
    let cli = Cli::parse();
    match pccd::command::execute(&cli) {
        Ok(code) => code,
        Err(error) => {
            // Whether somebody reads it or not, it was trouble.
            let _ = writeln!(std::io::stderr(), "pccd: {error:#}");
            ExitCode::from(2)
        }
    }
}
