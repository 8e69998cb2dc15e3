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

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

pub(crate) use address::Address;
pub use exchange::{Manner, ask};
pub use message::{Rcode, RecordType};
pub use name::Name;

use log::Log;
use servers::{Known, Server, Servers};

use crate::model::tls::{FailureReason, FilesOf, Resolution, ResolvedBy};
use crate::parse::hosts;
use crate::parse::ip_literal::IpLiteral;
use crate::parse::resolv_conf::{MAX_BYTES, MAX_SEARCH, MAX_SERVERS, ResolvConf};
use crate::sys::random;

/// Where name servers listen; resolv.conf(5) has no word for another port.
pub(crate) const PORT: u16 = 53;

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
    let mut servers = servers(&conf, port, &mut log);
    let (mut no_address, mut useless) = (false, false);
    for candidate in name.candidates(&conf.search, conf.ndots) {
        if exchange::left(deadline).is_none() {
            log.note(format!("timed out before {candidate} was queried"));
            return Err(failure(
                FailureKind::Timeout,
                &format!("resolving {name} timed out"),
                log.sentences(),
            ));
        }
        match servers.ask(&candidate, deadline, &mut log) {
            Known::Addresses(addresses, server) => {
                return Ok(Found {
                    full_name: (candidate != *name).then(|| candidate.to_string()),
                    server: Some(server),
                    failed: log.sentences(),
                    ..found(addresses, Some(ResolvedBy::Dns))
                });
            }
            Known::NoAddress => no_address = true,
            Known::NoSuchName => {}
            Known::Useless => useless = true,
            Known::Silence => {
                let head = format!("no name server answered for {name}");
                return Err(failure(FailureKind::Timeout, &head, log.sentences()));
            }
            Known::Unreachable => {
                let head = format!("no name server can be reached for {name}");
                return Err(failure(
                    FailureKind::ServersUnreachable,
                    &head,
                    log.sentences(),
                ));
            }
        }
    }
    let (kind, head) = match (no_address, useless) {
        (true, _) => (
            FailureKind::NoAddress,
            format!("{name} exists but has no address"),
        ),
        (false, true) => (
            FailureKind::ServersFailed,
            format!("no name server could resolve {name}"),
        ),
        (false, false) => (FailureKind::NoSuchName, format!("{name} does not exist")),
    };
    Err(failure(kind, &head, log.sentences()))
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

fn servers(conf: &ResolvConf, port: u16, log: &mut Log) -> Servers {
    let mut addresses: Vec<Address> = Vec::new();
    for server in &conf.servers {
        match Address::in_zone(server.ip, server.zone.as_deref()) {
            Ok(address) => addresses.push(address),
            Err(why) => log.note(format!("{}: {why}", server.ip)),
        }
    }
    if conf.servers.is_empty() {
        let local = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ];
        addresses.extend(local.map(Address::from));
    }
    if conf.rotate && !addresses.is_empty() {
        let first = random::numbers().map_or(0, |[number, ..]| usize::from(number));
        let by = first % addresses.len();
        addresses.rotate_left(by);
    }
    let server = |address: Address| Server {
        at: address.at(port),
        text: address.to_string(),
        silent: false,
    };
    Servers {
        list: addresses.into_iter().map(server).collect(),
        timeout: conf.timeout,
        attempts: conf.attempts,
        tcp_only: conf.tcp_only,
        no_aaaa: conf.no_aaaa,
    }
}
