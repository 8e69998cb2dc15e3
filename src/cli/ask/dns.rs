//! `spyhole dns`: a name as the target would resolve it.

use clap::{ArgMatches, Args, Command, ValueEnum};

use super::super::exit::Exit;
use super::super::global::Global;
use super::super::{Failure, given};
use super::{AskCommand, in_reader, print};
use crate::ask::dns::{DnsRequest, reverse_name, server};
use crate::model::escape::escaped;
use crate::probe::dns::{Name, RecordType, ResolverRules};
use crate::probe::endpoint::Host;
use crate::scan::needs::Files;

pub(super) const DNS: AskCommand = AskCommand {
    name: "dns",
    aliases: &["nslookup", "dig"],
    command,
    run,
};

/// What it takes.
#[derive(Debug, Args)]
struct DnsArgs {
    /// The name, or an address whose name to look up.
    #[arg(value_name = "NAME")]
    name: String,
    /// Record types: A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT (default: A and AAAA).
    #[arg(value_name = "TYPE", value_parser = record_type)]
    types: Vec<RecordType>,
    /// Ask this server instead of those of the target's resolv.conf, with its search list.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = server)]
    server: Option<(Host, u16)>,
    /// Resolve as go, glibc or musl does (default: as the target's resolver).
    #[arg(
        long = "as",
        value_name = "RESOLVER",
        value_enum,
        hide_possible_values = true
    )]
    resolver: Option<AsResolver>,
    /// Print only the data of the records.
    #[arg(long)]
    short: bool,
}

/// `--as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AsResolver {
    Go,
    Glibc,
    Musl,
}

fn record_type(text: &str) -> Result<RecordType, String> {
    RecordType::named(text)
        .ok_or_else(|| "expected A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT".to_owned())
}

fn command() -> Command {
    DnsArgs::augment_args(Command::new(DNS.name))
        .about("Resolve a name as the target would, and show each query")
        .long_about(None)
        .after_help(
            "Exit codes: 0 found, 1 no such name or record, 4 unknown.\n\n\
             Examples:\n  spyhole dns api.default\n  spyhole dns example.com MX\n  \
             spyhole dns db --as musl",
        )
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let asked: DnsArgs = given(own)?;
    let (name, types) = match reverse_name(&asked.name) {
        Some(name) if asked.types.is_empty() => (name, vec![RecordType::Ptr]),
        Some(name) if asked.types == [RecordType::Ptr] => (name, asked.types),
        Some(_) => {
            return Err(Failure::usage(format!(
                "{} is an address: only its name can be looked up (PTR)",
                asked.name
            )));
        }
        None => (asked.name, asked.types),
    };
    let name = Name::parse(&name).map_err(|why| {
        let shown = escaped(name.as_bytes());
        Failure::usage(format!("{shown:.300} is not a valid host name: {why}"))
    })?;
    let request = DnsRequest {
        name,
        types,
        server: asked.server,
        rules: asked.resolver.map(|resolver| match resolver {
            AsResolver::Go => ResolverRules::Go,
            AsResolver::Glibc => ResolverRules::Glibc,
            AsResolver::Musl => ResolverRules::Musl,
        }),
        short: asked.short,
    };
    let answered = in_reader(global, Files::NET_NAMESPACE, move |context| {
        request.ask(context)
    })?;
    print(DNS.name, &answered, asked.short, global)
}
