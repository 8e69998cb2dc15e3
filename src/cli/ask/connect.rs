//! `spyhole connect`: whether a server accepts connections, address by address.

use clap::{ArgMatches, Args, Command};

use super::super::exit::Exit;
use super::super::global::Global;
use super::super::{Failure, given};
use super::{AskCommand, in_reader, print};
use crate::ask::connect::{ConnectQuestion, Families};
use crate::probe::endpoint::Endpoint;
use crate::scan::needs::Files;

pub(super) const CONNECT: AskCommand = AskCommand {
    name: "connect",
    aliases: &["nc"],
    command,
    run,
};

/// What it takes.
#[derive(Debug, Args)]
struct ConnectArgs {
    #[arg(
        value_name = "HOST:PORT|unix:PATH",
        help = "The server: HOST:PORT, [ADDRESS]:PORT or unix:PATH (a path of the target, or @NAME)"
    )]
    endpoint: String,
    /// The port, if the server was given without one.
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Connect only to IPv4 addresses.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Connect only to IPv6 addresses.
    #[arg(short = '6', long)]
    ipv6: bool,
}

fn command() -> Command {
    ConnectArgs::augment_args(Command::new(CONNECT.name))
        .about("Connect to every address of a server, or to a Unix socket of the target")
        .long_about(None)
        .after_help(
            "No data is sent. Exit codes: 0 an address accepted, 1 none did, 4 unknown.\n\n\
             Examples:\n  spyhole connect db.internal:5432\n  spyhole connect unix:/run/app.sock",
        )
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let asked: ConnectArgs = given(own)?;
    let text = match asked.port {
        // An IPv6 address contains colons.
        Some(port) if asked.endpoint.contains(':') && !asked.endpoint.starts_with('[') => {
            format!("[{}]:{port}", asked.endpoint)
        }
        Some(port) => format!("{}:{port}", asked.endpoint),
        None => asked.endpoint,
    };
    let question = ConnectQuestion {
        endpoint: Endpoint::parse_host_port(&text).map_err(Failure::usage)?,
        families: match (asked.ipv4, asked.ipv6) {
            (true, _) => Families::Four,
            (_, true) => Families::Six,
            _ => Families::Both,
        },
    };
    let answered = in_reader(global, Files::NET_NAMESPACE, move |context| {
        question.ask(context)
    })?;
    print(CONNECT.name, &answered, false, global)
}
