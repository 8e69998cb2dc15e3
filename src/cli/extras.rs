//! The commands that are no sections.

use std::io::{self, Write};

use crate::model::schema;
use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

/// Every section, one document.
pub(super) const DUMP: &str = "dump";

/// Their subcommands.
pub(super) fn commands() -> [Command; 4] {
    [
        Command::new(DUMP)
            .about("Every section, one document")
            .after_help("Example:\n  spyhole dump -o json > failure.json"),
        Command::new("schema")
            .about("The JSON Schema of the document")
            .after_help("Example:\n  spyhole schema > spyhole-v1.schema.json"),
        Command::new("completions")
            .about("Completions for a shell: bash, zsh or fish")
            .after_help("Example:\n  spyhole completions bash > /etc/bash_completion.d/spyhole")
            .arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(value_parser!(Shell)),
            ),
        Command::new("man")
            .about("The manual page, of spyhole or of one command")
            .after_help("Example:\n  spyhole man processes > spyhole-processes.1")
            .arg(Arg::new("command").value_name("COMMAND")),
    ]
}

/// Runs one of them that needs no look; `None` where it is another command.
pub(super) fn run(matches: &ArgMatches) -> Option<io::Result<()>> {
    let mut text = Vec::new();
    match matches.subcommand()? {
        ("schema", _) => match schema::text() {
            Ok(schema) => text.extend(schema.into_bytes()),
            Err(error) => return Some(Err(error.into())),
        },
        ("completions", own) => {
            let shell = *own.get_one::<Shell>("shell")?;
            clap_complete::generate(shell, &mut super::command(), "spyhole", &mut text);
        }
        ("man", own) => {
            if let Err(error) = man(own.get_one::<String>("command"), &mut text) {
                return Some(Err(error));
            }
        }
        _ => return None,
    }
    Some(io::stdout().write_all(&text))
}

fn man(command: Option<&String>, text: &mut Vec<u8>) -> io::Result<()> {
    let mut whole = super::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => whole.find_subcommand(name).cloned().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("there is no command {name:?}"),
            )
        })?,
    };
    clap_mangen::Man::new(page).render(text)
}
