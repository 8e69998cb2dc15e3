//! The commands that are no sections.

use std::io::{self, Write};

use super::exit::Exit;
use super::{Failure, written};
use crate::model::schema;
use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

/// Show all sections in one document.
pub(super) const DUMP: &str = "dump";

pub(super) const SCHEMA: &str = "schema";
pub(super) const COMPLETIONS: &str = "completions";
pub(super) const MAN: &str = "man";

/// Their subcommands.
pub(super) fn commands() -> [Command; 4] {
    [
        Command::new(DUMP)
            .about("Show all sections in one document")
            .after_help("Example:\n  spyhole dump -o json > failure.json"),
        Command::new(SCHEMA)
            .about("Print the JSON Schema of the document")
            .after_help("Example:\n  spyhole schema > spyhole-v1.schema.json"),
        Command::new(COMPLETIONS)
            .about("Print completions for bash, zsh or fish")
            .after_help("Example:\n  spyhole completions bash > /etc/bash_completion.d/spyhole")
            .arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(value_parser!(Shell)),
            ),
        Command::new(MAN)
            .about("Print the manual page of spyhole or of one command")
            .after_help("Example:\n  spyhole man processes > spyhole-processes.1")
            .arg(Arg::new("command").value_name("COMMAND")),
    ]
}

/// Prints the JSON Schema.
pub(super) fn schema() -> Result<Exit, Failure> {
    let schema = schema::text().map_err(|error| Failure::internal(error.to_string()))?;
    print(schema.as_bytes())
}

/// Prints the completions for a shell.
pub(super) fn completions(own: &ArgMatches) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    if let Some(shell) = own.get_one::<Shell>("shell") {
        clap_complete::generate(*shell, &mut super::command(), "spyhole", &mut text);
    }
    print(&text)
}

/// Prints a manual page.
pub(super) fn man(own: &ArgMatches) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    page(own.get_one::<String>("command"), &mut text)?;
    print(&text)
}

fn print(text: &[u8]) -> Result<Exit, Failure> {
    match io::stdout().write_all(text) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => written(&error),
    }
}

fn page(command: Option<&String>, text: &mut Vec<u8>) -> Result<(), Failure> {
    let mut whole = super::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failure::usage(format!("unknown command {name:?}")))?,
    };
    let rendered = clap_mangen::Man::new(page).render(text);
    rendered.map_err(|error| Failure::internal(error.to_string()))
}
