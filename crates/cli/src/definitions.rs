//! What the definitions of the verbs and flags are good for beside parsing: completions for shells and manual pages
//! leave, of the companion and of the service, whose binary needs nothing for it.

/// The service's own definition of its command line.
#[path = "../../../src/config/arguments.rs"]
#[allow(dead_code, reason = "only its definition is of use here, no value of it")]
mod service;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use slirec_core::files::{self, FileError};

use crate::output;

/// Print a shell's completions of these verbs and flags, or of the service's
#[derive(Debug, clap::Args)]
#[command(after_help = "For example: slirec completions bash > /etc/bash_completion.d/slirec")]
pub(crate) struct CompletionArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
    /// Of which program
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Program::Slirec)]
    program: Program,
}

/// A program of this repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    /// The companion
    Slirec,
    /// The service
    SlirecServer,
}

/// Write manual pages, one for every verb and one of the service
#[derive(Debug, clap::Args)]
#[command(after_help = "For example: slirec man /usr/local/share/man/man1")]
pub(crate) struct ManArguments {
    /// Where to write slirec.1, slirec-train.1, slirec-server.1 and the others; pages that are there already are replaced
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

pub(crate) fn completions(arguments: &CompletionArguments, command: Command) -> Result<()> {
    let mut command = match arguments.program {
        Program::Slirec => command,
        Program::SlirecServer => service::Arguments::command(),
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

pub(crate) fn manual(arguments: &ManArguments, command: Command) -> Result<()> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory).map_err(FileError::io("create", directory))?;
    let mut pages = Vec::new();
    // Building gives every verb its full name.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    collect(&command, &mut pages)?;
    collect(&service::Arguments::command(), &mut pages)?;
    for (name, page) in &pages {
        files::write_aside(&directory.join(name), page)?;
    }
    output::print(format!("{}: {} pages", directory.display(), pages.len()))
}

/// The pages of a command and its verbs.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    command.get_subcommands().try_for_each(|verb| collect(verb, pages))
}

#[cfg(test)]
mod tests;
