//! Names → addresses, by the target's own files and without libc.
//!
//! As glibc, musl and Go do it with `hosts: files dns`, and where they differ as said here:
//!
//! - An address needs no look-up. The file `hosts` comes first, `localhost` is known without
//!   it (RFC 6761), then the name servers of `resolv.conf` are asked.
//! - Without `resolv.conf`, or where it names no server, 127.0.0.1 and `::1` are asked, as by Go;
//!   glibc
//!   and musl ask the first only. No domain is derived from the name of the host.
//! - The search list is tried in the order of resolv.conf(5) and goes on after NXDOMAIN, NODATA and
//!   SERVFAIL, as in glibc; musl and Go stop earlier. Where no server answers, it ends.
//! - A and AAAA are asked for together, by UDP with EDNS. What is too long comes by TCP.
//! - SERVFAIL, REFUSED, nonsense and silence lead to the next server; that a name does not exist,
//!   or
//!   has no address, is believed to the first that says so.
//! - No time-out is longer than the deadline leaves: `timeout` and `attempts` are upper bounds.

mod address;
mod answer;
mod exchange;
mod log;
mod message;
mod name;
mod servers;
mod walk;

use std::time::Instant;

pub(crate) use address::Address;
pub use exchange::{Manner, ask};
pub(crate) use log::DnsQuery;
pub use message::{Rcode, RecordType};
pub use name::Name;
pub use walk::FailureKind;
pub(crate) use walk::{DnsQuestion, PORT, ResolverRules};

use log::Log;
pub(crate) use message::{Data, Record};

use crate::model::tls::{FailureReason, FilesOf, Resolution, ResolvedBy};
use crate::parse::hosts;
use crate::parse::ip_literal::IpLiteral;
use crate::parse::resolv_conf::{MAX_BYTES, MAX_SEARCH, MAX_SERVERS, ResolvConf};

/// The files that know names; `None`: there is no such file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files<'a> {
    /// The bytes of `/etc/resolv.conf`.
    pub resolv_conf: Option<&'a [u8]>,
    /// The bytes of `/etc/hosts`.
    pub hosts: Option<&'a [u8]>,
}

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The addresses in the order in which they are to be dialled; at least one.
    pub addresses: Vec<Address>,
    /// What knew them; `None` where an address was asked for, so that nothing was looked up.
    pub by: Option<ResolvedBy>,
    /// The name that was found, where the search list completed what was asked for.
    pub full_name: Option<String>,
    /// The server that answered.
    pub server: Option<String>,
    /// What was tried and failed on the way, a sentence each.
    pub failed: Vec<String>,
}

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The whole story.
    pub says: String,
    /// What was tried and failed, a sentence each; all of it is in the story.
    pub failed: Vec<String>,
}

/// Finds the addresses of a name until the deadline.
///
/// # Errors
/// Why there are none, with what each server said.
pub fn resolve(name: &str, files: &Files<'_>, deadline: Instant) -> Result<Found, Failure> {
    resolve_at_port(PORT, name, files, deadline)
}

/// As [`resolve`], with name servers that listen on another port.
///
/// # Errors
/// As for [`resolve`].
pub fn resolve_at_port(
    port: u16,
    name: &str,
    files: &Files<'_>,
    deadline: Instant,
) -> Result<Found, Failure> {
    if let Some(literal) = IpLiteral::parse(name.as_bytes()) {
        let address = Address::from_literal(&literal).map_err(|why| {
            failure(
                FailureKind::NoSuchZone,
                &format!("{name}: {why}"),
                Vec::new(),
            )
        })?;
        return Ok(found(vec![address], None));
    }
    let name = Name::parse(name).map_err(|why| {
        let shown = crate::model::escape::escaped(name.as_bytes());
        failure(
            FailureKind::NotAName,
            &format!("{shown:.300} is not a valid host name: {why}"),
            Vec::new(),
        )
    })?;
    let mut log = Log::default();
    let addresses = in_hosts(files.hosts.unwrap_or_default(), &name, &mut log);
    if !addresses.is_empty() {
        return Ok(Found {
            failed: log.sentences(),
            ..found(addresses, Some(ResolvedBy::Hosts))
        });
    }
    if name.is_localhost() {
        return Ok(Found {
            failed: log.sentences(),
            ..found(address::loopback(), Some(ResolvedBy::Localhost))
        });
    }
    in_dns(port, &name, files.resolv_conf, deadline, log)
}

impl Found {
    /// As the document has it; `None` where nothing was looked up.
    #[must_use]
    pub fn resolution(&self, files_of: FilesOf) -> Option<Resolution> {
        Some(Resolution {
            by: self.by?,
            full_name: self.full_name.clone(),
            server: self.server.clone(),
            files_of,
            addresses: self.addresses.iter().map(Address::to_string).collect(),
            failed: self.failed.clone(),
        })
    }
}

impl Failure {
    /// As the document has it.
    #[must_use]
    pub fn resolution(&self, files_of: FilesOf) -> Resolution {
        Resolution {
            by: ResolvedBy::Nobody,
            full_name: None,
            server: None,
            files_of,
            addresses: Vec::new(),
            failed: self.failed.clone(),
        }
    }

    /// The word for it in the document.
    #[must_use]
    pub fn reason(&self) -> FailureReason {
        match self.kind {
            FailureKind::NotAName | FailureKind::NoSuchName | FailureKind::NoAddress => {
                FailureReason::UnknownName
            }
            FailureKind::NoSuchZone => FailureReason::Unreachable,
            FailureKind::ServersFailed | FailureKind::ServersUnreachable => {
                FailureReason::NoResolver
            }
            FailureKind::Timeout => FailureReason::Timeout,
        }
    }
}

fn found(addresses: Vec<Address>, by: Option<ResolvedBy>) -> Found {
    Found {
        addresses: address::in_dial_order(addresses),
        by,
        full_name: None,
        server: None,
        failed: Vec::new(),
    }
}

fn failure(kind: FailureKind, head: &str, failed: Vec<String>) -> Failure {
    let says = if failed.is_empty() {
        head.to_owned()
    } else {
        format!("{head}: {}", failed.join("; "))
    };
    Failure { kind, says, failed }
}

fn in_hosts(bytes: &[u8], name: &Name, log: &mut Log) -> Vec<Address> {
    let literals = hosts::addresses(bytes, name.as_str());
    if literals.len() == hosts::MAX_ADDRESSES {
        log.note(format!(
            "the hosts file: only {} addresses of {name} were read",
            hosts::MAX_ADDRESSES
        ));
    }
    let mut addresses = Vec::with_capacity(literals.len());
    for literal in &literals {
        match Address::from_literal(literal) {
            Ok(address) => addresses.push(address),
            Err(why) => log.note(format!("the hosts file: {} of {name}: {why}", literal.ip)),
        }
    }
    addresses
}

fn in_dns(
    port: u16,
    name: &Name,
    file: Option<&[u8]>,
    deadline: Instant,
    mut log: Log,
) -> Result<Found, Failure> {
    let conf = ResolvConf::parse(file.unwrap_or_default());
    note_oddities(&conf, file.is_some(), &mut log);
    let types = if conf.no_aaaa {
        &ADDRESS_TYPES[..1]
    } else {
        &ADDRESS_TYPES[..]
    };
    let question = DnsQuestion {
        name: name.clone(),
        types: types.to_vec(),
        rules: ResolverRules::Own,
        servers: None,
    };
    match question.walk(&conf, port, deadline, &mut log) {
        Ok(walked) => Ok(Found {
            full_name: (walked.full_name != *name).then(|| walked.full_name.to_string()),
            server: Some(walked.server),
            failed: log.sentences(),
            ..found(addresses(&walked.records), Some(ResolvedBy::Dns))
        }),
        Err((kind, head)) => Err(failure(kind, &head, log.sentences())),
    }
}

/// The addresses among records, each once.
fn addresses(records: &[Record]) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for record in records {
        if let Data::Address(ip) = record.data
            && !found.contains(&ip.into())
        {
            found.push(ip.into());
        }
    }
    found
}

/// What is asked for to connect to a name.
pub(crate) const ADDRESS_TYPES: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];

/// A look-up with all that was asked on the way.
#[derive(Debug)]
pub(crate) struct DnsLookup {
    /// Every query, in its order.
    pub queries: Vec<DnsQuery>,
    /// The records; of the hosts file without a time to live.
    pub records: Vec<Record>,
    /// What knew them.
    pub by: ResolvedBy,
    /// The name that has them, where the search list completed what was asked for.
    pub full_name: Option<String>,
    /// What is odd about the files.
    pub notes: Vec<String>,
    /// Why there are none.
    pub failure: Option<(FailureKind, String)>,
}

/// Answers a question, and says what was asked to answer it.
#[must_use]
pub(crate) fn look_up(question: &DnsQuestion, files: &Files<'_>, deadline: Instant) -> DnsLookup {
    let name = &question.name;
    let mut log = Log::default();
    let mut lookup = DnsLookup {
        queries: Vec::new(),
        records: Vec::new(),
        by: ResolvedBy::Nobody,
        full_name: None,
        notes: Vec::new(),
        failure: None,
    };
    let for_address = question.types.iter().all(|one| one.is_address());
    if for_address && question.servers.is_none() {
        let known = in_hosts(files.hosts.unwrap_or_default(), name, &mut log);
        lookup.records = as_records(name, &known, &question.types);
        if lookup.records.is_empty() && question.rules == ResolverRules::Own && name.is_localhost()
        {
            lookup.by = ResolvedBy::Localhost;
            lookup.records = as_records(name, &address::loopback(), &question.types);
        } else if !lookup.records.is_empty() {
            lookup.by = ResolvedBy::Hosts;
        }
    }
    if lookup.records.is_empty() {
        let conf = ResolvConf::parse(files.resolv_conf.unwrap_or_default());
        if question.servers.is_none() {
            note_oddities(&conf, files.resolv_conf.is_some(), &mut log);
        }
        lookup.notes = log.sentences();
        log.queries = Some(Vec::new());
        match question.walk(&conf, PORT, deadline, &mut log) {
            Ok(walked) => {
                lookup.by = ResolvedBy::Dns;
                let is_other = walked.full_name != *name;
                lookup.full_name = is_other.then(|| walked.full_name.to_string());
                lookup.records = walked.records;
            }
            Err(failure) => lookup.failure = Some(failure),
        }
        lookup.queries = log.queries.unwrap_or_default();
    } else {
        lookup.notes = log.sentences();
    }
    lookup
}

fn as_records(name: &Name, addresses: &[Address], types: &[RecordType]) -> Vec<Record> {
    let of_type = |address: &&Address| {
        let record_type = if address.ip.is_ipv4() {
            RecordType::A
        } else {
            RecordType::Aaaa
        };
        types.contains(&record_type)
    };
    let record = |address: &Address| Record {
        owner: name.to_string(),
        ttl_seconds: 0,
        data: Data::Address(address.ip),
    };
    addresses.iter().filter(of_type).map(record).collect()
}

fn note_oddities(conf: &ResolvConf, is_there: bool, log: &mut Log) {
    if !is_there {
        log.note("no resolv.conf: queries go to localhost".to_owned());
    } else if conf.servers.is_empty() {
        log.note("resolv.conf names no server: queries go to localhost".to_owned());
    }
    for line in &conf.bad_lines {
        log.note(format!("resolv.conf: line {line} is not recognised"));
    }
    if conf.servers_left_out > 0 {
        let named = conf.servers.len() + conf.servers_left_out;
        log.note(format!(
            "resolv.conf names {named} servers: only the first {MAX_SERVERS} are used"
        ));
    }
    if conf.search_left_out > 0 {
        let named = conf.search.len() + conf.search_left_out;
        log.note(format!(
            "resolv.conf searches {named} domains: only the first {MAX_SEARCH} are tried"
        ));
    }
    if conf.cut {
        log.note(format!(
            "resolv.conf is longer than {MAX_BYTES} bytes: its end was not read"
        ));
    }
}
