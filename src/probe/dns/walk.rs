//! From a name to its records: which names are asked for, in which order, and where it ends, by the
//! rules of one resolver.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use super::address::Address;
use super::exchange;
use super::log::Log;
use super::message::{Record, RecordType};
use super::name::Name;
use super::servers::{Known, Server, Servers, missing};
use crate::parse::resolv_conf::ResolvConf;
use crate::sys::random;

/// Where name servers listen; resolv.conf(5) has no word for another port.
pub(crate) const PORT: u16 = 53;

/// What kind of failure it is that a name has no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It is no name that can be asked for.
    NotAName,
    /// The zone of the address is no interface.
    NoSuchZone,
    /// It does not exist: NXDOMAIN.
    NoSuchName,
    /// It exists and has no address: NODATA.
    NoAddress,
    /// Servers answered, with errors only.
    ServersFailed,
    /// No server could be reached.
    ServersUnreachable,
    /// No server answered in time.
    Timeout,
}

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ResolverRules {
    /// spyhole's own: those of glibc, but it ends where no server answers, and knows `localhost`.
    #[default]
    Own,
    /// glibc: the search list goes on after NXDOMAIN, NODATA and SERVFAIL.
    Glibc,
    /// musl: no search list for a name with `ndots` dots, all servers at once, and only NXDOMAIN
    /// leads to the next name.
    Musl,
    /// Go: the search list goes on after every failure; no query for `.onion`.
    Go,
}

/// One question with its terms.
#[derive(Debug, Clone)]
pub(crate) struct DnsQuestion {
    /// The name.
    pub name: Name,
    /// The types of records, which are asked for together.
    pub types: Vec<RecordType>,
    /// The rules.
    pub rules: ResolverRules,
    /// These servers in place of those of resolv.conf.
    pub servers: Option<Vec<SocketAddr>>,
}

/// The records of a name.
pub(super) struct Walked {
    pub(super) records: Vec<Record>,
    /// The name that has them.
    pub(super) full_name: Name,
    pub(super) server: String,
}

impl DnsQuestion {
    /// The names to ask for, in this order.
    #[must_use]
    pub(crate) fn candidates(&self, conf: &ResolvConf) -> Vec<Name> {
        let name = &self.name;
        // res_search of musl is its res_query.
        let of_musl = || {
            let for_address = self.types.iter().all(|one| one.is_address());
            name.has_dots(conf.ndots) || !for_address
        };
        match self.rules {
            ResolverRules::Musl if of_musl() => vec![name.clone()],
            ResolverRules::Go => {
                let mut names = name.candidates(&conf.search, conf.ndots);
                names.retain(|name| !is_onion(name));
                names
            }
            _ => name.candidates(&conf.search, conf.ndots),
        }
    }

    /// Asks for each name until one has records.
    ///
    /// # Errors
    /// What kind of failure, and its head.
    pub(super) fn walk(
        &self,
        conf: &ResolvConf,
        port: u16,
        deadline: Instant,
        log: &mut Log,
    ) -> Result<Walked, (FailureKind, String)> {
        let name = &self.name;
        let mut servers = self.servers(conf, port, log);
        let (mut no_data, mut useless, mut silent) = (false, false, None);
        for candidate in self.candidates(conf) {
            if exchange::left(deadline).is_none() {
                log.note(format!("timed out before {candidate} was queried"));
                let head = format!("resolving {name} timed out");
                return Err((FailureKind::Timeout, head));
            }
            let known = servers.ask(&candidate, &self.types, deadline, log);
            let ends = self.ends_with(&known, &candidate);
            match known {
                Known::Records(records, server) => {
                    return Ok(Walked {
                        records,
                        full_name: candidate,
                        server,
                    });
                }
                Known::NoData => no_data = true,
                Known::NoSuchName => {}
                Known::Useless => useless = true,
                Known::Silence => silent = Some(FailureKind::Timeout),
                Known::Unreachable => {
                    silent = silent.or(Some(FailureKind::ServersUnreachable));
                }
            }
            if ends {
                break;
            }
        }
        Err(match (silent, no_data, useless) {
            (Some(FailureKind::Timeout), ..) => (
                FailureKind::Timeout,
                format!("no name server answered for {name}"),
            ),
            (Some(kind), ..) => (kind, format!("no name server can be reached for {name}")),
            (None, true, _) => (
                FailureKind::NoAddress,
                format!("{name} exists but has {}", missing(&self.types)),
            ),
            (None, false, true) => (
                FailureKind::ServersFailed,
                format!("no name server could resolve {name}"),
            ),
            (None, false, false) => (FailureKind::NoSuchName, format!("{name} does not exist")),
        })
    }

    /// Whether no other name is asked for after such an answer.
    fn ends_with(&self, known: &Known, candidate: &Name) -> bool {
        let no_server = matches!(known, Known::Silence | Known::Unreachable);
        match self.rules {
            ResolverRules::Own => no_server,
            // What was asked for as it is, before the search list, never ends it.
            ResolverRules::Glibc => no_server && *candidate != self.name,
            ResolverRules::Musl => !matches!(known, Known::NoSuchName),
            ResolverRules::Go => false,
        }
    }

    fn servers(&self, conf: &ResolvConf, port: u16, log: &mut Log) -> Servers {
        let rules = self.rules;
        let is_musl = rules == ResolverRules::Musl;
        Servers {
            list: match &self.servers {
                Some(named) => named.iter().map(|at| named_server(*at)).collect(),
                None => listed_servers(conf, port, rules, log),
            },
            timeout: conf.timeout,
            attempts: conf.attempts,
            tcp_only: conf.tcp_only && !is_musl,
            edns: match rules {
                ResolverRules::Own | ResolverRules::Go => true,
                ResolverRules::Glibc => conf.edns,
                ResolverRules::Musl => false,
            },
            one_by_one: conf.one_by_one && !is_musl,
            all_at_once: is_musl,
        }
    }
}

fn is_onion(name: &Name) -> bool {
    let last = name.as_str().rsplit('.').next();
    last.is_some_and(|last| last.eq_ignore_ascii_case("onion"))
}

fn named_server(at: SocketAddr) -> Server {
    let text = if at.port() == PORT {
        at.ip().to_string()
    } else {
        at.to_string()
    };
    Server {
        at,
        text,
        silent: false,
    }
}

fn listed_servers(
    conf: &ResolvConf,
    port: u16,
    rules: ResolverRules,
    log: &mut Log,
) -> Vec<Server> {
    let mut addresses: Vec<Address> = Vec::new();
    for server in &conf.servers {
        match Address::in_zone(server.ip, server.zone.as_deref()) {
            Ok(address) => addresses.push(address),
            Err(why) => log.note(format!("{}: {why}", server.ip)),
        }
    }
    if conf.servers.is_empty() {
        addresses.push(IpAddr::from(Ipv4Addr::LOCALHOST).into());
        if matches!(rules, ResolverRules::Own | ResolverRules::Go) {
            addresses.push(IpAddr::from(Ipv6Addr::LOCALHOST).into());
        }
    }
    if conf.rotate && rules != ResolverRules::Musl && !addresses.is_empty() {
        let first = random::numbers().map_or(0, |[number, ..]| usize::from(number));
        let by = first % addresses.len();
        addresses.rotate_left(by);
    }
    let server = |address: Address| Server {
        at: address.at(port),
        text: address.to_string(),
        silent: false,
    };
    addresses.into_iter().map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str, types: &[RecordType], rules: ResolverRules) -> Vec<String> {
        let conf = ResolvConf::parse(b"search one.test two.test\noptions ndots:2\n");
        let question = DnsQuestion {
            name: Name::parse(name).unwrap(),
            types: types.to_vec(),
            rules,
            servers: None,
        };
        let names = question.candidates(&conf);
        names.iter().map(Name::to_string).collect()
    }

    #[test]
    fn each_resolver_walks_the_search_list_by_its_own_rules() {
        use ResolverRules::{Glibc, Go, Musl, Own};
        const A: &[RecordType] = &[RecordType::A, RecordType::Aaaa];
        for rules in [Own, Glibc, Go, Musl] {
            let expected = ["a.b.one.test", "a.b.two.test", "a.b"];
            assert_eq!(names("a.b", A, rules), expected, "{rules:?}");
            assert_eq!(names("a.b.", A, rules), ["a.b"], "{rules:?}");
        }
        let as_it_is_first = ["a.b.c", "a.b.c.one.test", "a.b.c.two.test"];
        for rules in [Own, Glibc, Go] {
            assert_eq!(names("a.b.c", A, rules), as_it_is_first, "{rules:?}");
        }
        assert_eq!(names("a.b.c", A, Musl), ["a.b.c"]);
        assert_eq!(names("a", &[RecordType::Mx], Musl), ["a"]);
        assert_eq!(
            names("x.onion", A, Go),
            ["x.onion.one.test", "x.onion.two.test"]
        );
    }
}
