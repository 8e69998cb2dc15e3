//! `dns`: a name as the target would resolve it, with every query on the way.

use core::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::connect::milliseconds;
use super::{Answered, seconds, set};
use crate::check::dial::{local_server, name_files, shares_network};
use crate::check::{CheckContext, CheckNote, CheckOutcome, CheckReason};
use crate::model::network::Resolver;
use crate::model::tls::{FilesOf, ResolvedBy};
use crate::model::truth_value::TruthValue;
use crate::parse::ip_literal::IpLiteral;
use crate::parse::resolv_conf::ResolvConf;
use crate::probe::dns::{
    ADDRESS_TYPES, DnsLookup, DnsQuery, DnsQuestion, FailureKind, Name, Record, RecordType,
    ResolverRules, look_up,
};
use crate::probe::endpoint::{Endpoint, Host, is_of_namespace};
use crate::render::tables::table::{Cell, Heading, Table};
use crate::sections::network::dns::resolver;
use crate::sections::tls::names::NameFiles;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct DnsRequest {
    /// The name, or the address whose name is asked for.
    pub name: Name,
    /// The types of records; none: addresses.
    pub types: Vec<RecordType>,
    /// The server to ask, with its port, in place of the configured ones.
    pub server: Option<(Host, u16)>,
    /// Whose rules; `None`: those of the target's resolver.
    pub rules: Option<ResolverRules>,
    /// Print the data of the records alone.
    pub short: bool,
}

/// The name under which DNS keeps the name of an address.
#[must_use]
pub(crate) fn reverse_name(address: &str) -> Option<String> {
    Some(match IpLiteral::parse(address.as_bytes())?.ip {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(six) => {
            let octets = six.octets();
            let nibbles = octets.iter().rev();
            let nibbles = nibbles.map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            format!("{}ip6.arpa.", nibbles.collect::<String>())
        }
    })
}

impl DnsRequest {
    /// Asks.
    #[must_use]
    pub(crate) fn ask(&self, context: &mut CheckContext) -> Answered {
        match self.asked(context) {
            Ok(answered) => answered,
            Err(outcome) => Answered::failed(&outcome),
        }
    }

    fn asked(&self, context: &mut CheckContext) -> Result<Answered, CheckOutcome> {
        if !context.may_dial() {
            return Err(CheckOutcome::unknown(CheckReason::DnsDisabled));
        }
        let name = self.name.to_string();
        let (files, mut notes) = name_files(&name, context)?;
        let shares = shares_network(context);
        let servers = self.named_servers(&files, context)?;
        let local = match &servers {
            Some(named) => named
                .iter()
                .map(SocketAddr::ip)
                .find(|ip| is_of_namespace(*ip)),
            None => local_server(&files),
        };
        match (shares, local) {
            (Some(false), Some(server)) => {
                let other = CheckReason::ResolverOfOtherNetwork { name, server };
                return Err(CheckOutcome {
                    notes,
                    ..CheckOutcome::unknown(other)
                });
            }
            (Some(false), None) => notes.push(CheckNote::OtherNetwork),
            _ => {}
        }
        let (rules, of_target) = self.rules(context);
        let conf = ResolvConf::parse(files.files().resolv_conf.unwrap_or_default());
        let types = match self.types.as_slice() {
            [] if conf.no_aaaa && rules != ResolverRules::Musl && rules != ResolverRules::Go => {
                vec![RecordType::A]
            }
            [] => ADDRESS_TYPES.to_vec(),
            types => types.to_vec(),
        };
        let question = DnsQuestion {
            name: self.name.clone(),
            types,
            rules,
            servers,
        };
        let lookup = look_up(&question, &files.files(), context.deadline());
        let answer = answer(&lookup, shares == Some(false));
        let mut tables = Vec::new();
        if self.short {
            tables.extend(data(&lookup.records));
        } else {
            tables.push(configuration(&question, &conf, &files, of_target));
            tables.extend(queries(&lookup.queries));
            tables.extend(records(&lookup));
        }
        let notes = notes.iter().map(ToString::to_string);
        let mut seen = seen(&lookup);
        let by = (question.rules, of_target);
        set(
            &mut seen,
            "resolution",
            Some(settings(&question, &conf, &files, by)),
        );
        Ok(Answered {
            seen,
            tables,
            notes: notes.chain(lookup.notes).collect(),
            failure: lookup.failure.map(|(_, says)| says),
            answer,
        })
    }

    /// The addresses of `--server`.
    fn named_servers(
        &self,
        files: &NameFiles,
        context: &CheckContext,
    ) -> Result<Option<Vec<SocketAddr>>, CheckOutcome> {
        let Some((host, port)) = &self.server else {
            return Ok(None);
        };
        if let Host::Address(address) = host {
            return Ok(Some(vec![SocketAddr::new(*address, *port)]));
        }
        let name = host.to_string();
        match files.resolve(&name, *port, context.deadline()).1 {
            Ok(addresses) => Ok(Some(addresses)),
            Err(failure) => Err(CheckOutcome::unknown(CheckReason::Unresolved {
                name,
                failure: Box::new(failure),
            })),
        }
    }

    /// The rules, and whether they are those of the target's own resolver.
    fn rules(&self, context: &mut CheckContext) -> (ResolverRules, bool) {
        if let Some(rules) = self.rules {
            return (rules, false);
        }
        let Ok((scan, _)) = context.scan() else {
            return (ResolverRules::Own, false);
        };
        let of_target = scan.target.as_ref().map(|target| resolver(target, scan));
        match of_target {
            Some(Ok(Resolver::Glibc)) => (ResolverRules::Glibc, true),
            Some(Ok(Resolver::Musl)) => (ResolverRules::Musl, true),
            Some(Ok(Resolver::Go)) => (ResolverRules::Go, true),
            _ => (ResolverRules::Own, false),
        }
    }
}

/// A name without records is a no. A failure of the servers is a no only where the target asks the same
/// ones.
fn answer(lookup: &DnsLookup, elsewhere: bool) -> TruthValue {
    match &lookup.failure {
        None => TruthValue::True,
        Some((FailureKind::NoSuchName | FailureKind::NoAddress, _)) => TruthValue::False,
        Some(_) => TruthValue::False.unless_partial(elsewhere),
    }
}

/// The queries, the records, and what knew them.
fn seen(lookup: &DnsLookup) -> Value {
    let query = |query: &DnsQuery| {
        let mut data = json!({
            "name": query.name,
            "type": query.record_type.to_string(),
            "server": query.server,
            "transport": if query.over_tcp { "tcp" } else { "udp" },
            "result": query.result,
        });
        set(&mut data, "took_seconds", query.took.map(seconds));
        data
    };
    let record = |record: &Record| {
        let mut data = json!({
            "name": record.owner,
            "type": record.data.type_name(),
            "data": record.data.to_string(),
        });
        let ttl = (lookup.by == ResolvedBy::Dns).then_some(record.ttl_seconds);
        set(&mut data, "ttl_seconds", ttl);
        data
    };
    let mut seen = json!({
        "queries": lookup.queries.iter().map(query).collect::<Vec<_>>(),
        "records": lookup.records.iter().map(record).collect::<Vec<_>>(),
    });
    let by = (lookup.by != ResolvedBy::Nobody).then(|| json!(lookup.by));
    set(&mut seen, "by", by);
    set(&mut seen, "matched_name", lookup.full_name.clone());
    seen
}

/// By which rules and files it was resolved; the options as those files have them.
fn settings(
    question: &DnsQuestion,
    conf: &ResolvConf,
    files: &NameFiles,
    (rules, of_target): (ResolverRules, bool),
) -> Value {
    let mut settings = json!({
        "name": question.name.to_string(),
        "resolver": match rules {
            ResolverRules::Own => "unknown",
            ResolverRules::Glibc => "glibc",
            ResolverRules::Musl => "musl",
            ResolverRules::Go => "go",
        },
        "is_resolver_of_target": of_target,
        "files_of": files.files_of,
        "servers": server_names(question, conf),
        "ndots": conf.ndots,
        "timeout_seconds": conf.timeout.as_secs(),
        "attempts": conf.attempts,
        "options": set_options(conf).collect::<Vec<_>>(),
    });
    let search = (!question.name.is_absolute()).then(|| json!(conf.search));
    set(&mut settings, "search", search);
    settings
}

/// The servers that are asked.
fn server_names(question: &DnsQuestion, conf: &ResolvConf) -> Vec<String> {
    if let Some(named) = &question.servers {
        return named.iter().map(ToString::to_string).collect();
    }
    let servers = conf.servers.iter();
    servers.map(|server| server.ip.to_string()).collect()
}

/// The options without a number that are set.
fn set_options(conf: &ResolvConf) -> impl Iterator<Item = &'static str> {
    let options = [
        ("rotate", conf.rotate),
        ("use-vc", conf.tcp_only),
        ("single-request", conf.one_by_one),
        ("edns0", conf.edns),
        ("no-aaaa", conf.no_aaaa),
    ];
    options
        .into_iter()
        .filter_map(|(word, is_set)| is_set.then_some(word))
}

fn configuration(
    question: &DnsQuestion,
    conf: &ResolvConf,
    files: &NameFiles,
    of_target: bool,
) -> Table {
    let rules = match question.rules {
        ResolverRules::Own => "as glibc, until no server answers (resolver of the target unknown)",
        ResolverRules::Glibc => "glibc",
        ResolverRules::Musl => {
            "musl: all servers at once, no search list for names with ndots dots"
        }
        ResolverRules::Go => "Go",
    };
    let whose = if of_target { ", the target's" } else { "" };
    let owner = match files.files_of {
        FilesOf::Target => "the target's",
        FilesOf::Viewer => "spyhole's own",
    };
    let mut rows = vec![
        vec!["resolver".into(), format!("{rules}{whose}").into()],
        vec![
            "files".into(),
            format!("{owner} /etc/hosts and /etc/resolv.conf").into(),
        ],
    ];
    let servers = server_names(question, conf);
    rows.push(vec!["servers".into(), listed(&servers)]);
    if !question.name.is_absolute() {
        rows.push(vec!["search".into(), listed(&conf.search)]);
    }
    let mut options = vec![
        format!("ndots:{}", conf.ndots),
        format!("timeout:{}", conf.timeout.as_secs()),
        format!("attempts:{}", conf.attempts),
    ];
    options.extend(set_options(conf).map(str::to_owned));
    rows.push(vec!["options".into(), options.join(" ").into()]);
    Table {
        headings: vec![Heading::left(""), Heading::left("")],
        rows,
        ..Table::default()
    }
}

fn listed(words: &[String]) -> Cell {
    if words.is_empty() {
        return Cell::Absent;
    }
    Cell::Outside(words.join(" ").as_bytes().into())
}

/// Nothing where no server was asked.
fn queries(queries: &[DnsQuery]) -> Option<Table> {
    let row = |query: &DnsQuery| {
        vec![
            query.name.clone().into(),
            query.record_type.to_string().into(),
            query.server.clone().into(),
            Cell::from(if query.over_tcp { "tcp" } else { "udp" }),
            query
                .took
                .map_or(Cell::Absent, |took| milliseconds(took).into()),
            query.result.clone().into(),
        ]
    };
    (!queries.is_empty()).then(|| Table {
        headings: vec![
            Heading::left("QUERY"),
            Heading::left("TYPE"),
            Heading::left("SERVER"),
            Heading::left("OVER"),
            Heading::right("TIME"),
            Heading::left("RESULT"),
        ],
        rows: queries.iter().map(row).collect(),
        uncut: true,
        ..Table::default()
    })
}

/// Nothing where there are none.
fn records(lookup: &DnsLookup) -> Option<Table> {
    let row = |record: &Record| {
        let ttl = match lookup.by {
            ResolvedBy::Dns => Cell::number(record.ttl_seconds),
            _ => Cell::Absent,
        };
        vec![
            record.owner.clone().into(),
            ttl,
            record.data.type_name().into(),
            record.data.to_string().into(),
        ]
    };
    let source = match lookup.by {
        ResolvedBy::Hosts => Some("answered by the hosts file".to_owned()),
        ResolvedBy::Localhost => Some("localhost needs no server (RFC 6761)".to_owned()),
        _ => None,
    };
    let matched = lookup
        .full_name
        .as_ref()
        .map(|full| format!("matched as {full}, completed by the search list"));
    (!lookup.records.is_empty()).then(|| Table {
        headings: vec![
            Heading::left("NAME"),
            Heading::right("TTL"),
            Heading::left("TYPE"),
            Heading::left("DATA"),
        ],
        rows: lookup.records.iter().map(row).collect(),
        uncut: true,
        notes: source.into_iter().chain(matched).collect(),
        ..Table::default()
    })
}

/// The data alone, as `dig +short` prints it.
fn data(records: &[Record]) -> Option<Table> {
    let row = |record: &Record| vec![record.data.to_string().into()];
    (!records.is_empty()).then(|| Table {
        headings: vec![Heading::left("")],
        rows: records.iter().map(row).collect(),
        ..Table::default()
    })
}

/// `ADDRESS`, `ADDRESS:PORT` or `NAME`.
///
/// # Errors
/// What was expected.
pub(crate) fn server(text: &str) -> Result<(Host, u16), String> {
    match Endpoint::parse_authority(text, Some(53))? {
        Endpoint::Tcp(host, port) => Ok((host, port)),
        Endpoint::Unix(_) => Err("expected an address or a name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_of_its_own() {
        assert_eq!(
            reverse_name("10.9.0.1").as_deref(),
            Some("1.0.9.10.in-addr.arpa.")
        );
        let six = reverse_name("2001:db8::567:89ab").unwrap();
        let expected = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.";
        assert_eq!(six, expected);
        assert_eq!(reverse_name("web"), None);
    }
}
