//! The addresses in a reply: an alias is followed, as far as the reply tells of it.

use std::net::IpAddr;

use super::message::{Data, Rcode, Record, Reply};
use super::name::Name;

/// What a reply says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has these addresses.
    Addresses(Vec<IpAddr>),
    /// It exists and has none of this family (NODATA).
    NoData,
    /// It does not exist (NXDOMAIN).
    NoSuchName,
}

/// Why a reply answers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UselessReply {
    /// The server failed, with this code.
    #[error("{0}")]
    Failed(Rcode),
    /// The aliases do not end.
    #[error("more than {MAX_ALIASES} aliases (CNAME) in a row")]
    TooManyAliases,
}

/// A chain of more aliases is a mistake; most resolvers stop at this or earlier.
const MAX_ALIASES: usize = 16;

/// Reads the addresses of a name from a reply.
///
/// # Errors
/// How the server failed, or what it says that cannot be so.
pub(super) fn answer(reply: &Reply, name: &Name) -> Result<Answer, UselessReply> {
    match reply.rcode {
        Rcode::NO_ERROR => {}
        Rcode::NO_SUCH_NAME => return Ok(Answer::NoSuchName),
        other => return Err(UselessReply::Failed(other)),
    }
    let mut owner = name.as_str();
    for _ in 0..=MAX_ALIASES {
        let addresses = addresses(reply, owner);
        if !addresses.is_empty() {
            return Ok(Answer::Addresses(addresses));
        }
        match of(reply, owner).find_map(alias) {
            Some(target) => owner = target,
            None => return Ok(Answer::NoData),
        }
    }
    Err(UselessReply::TooManyAliases)
}

fn addresses(reply: &Reply, owner: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for record in of(reply, owner) {
        if let Data::Address(ip) = record.data
            && !found.contains(&ip)
        {
            found.push(ip);
        }
    }
    found
}

fn alias(record: &Record) -> Option<&str> {
    match &record.data {
        Data::Alias(target) => Some(target),
        Data::Address(_) | Data::Other(_) => None,
    }
}

fn of<'a>(reply: &'a Reply, owner: &'a str) -> impl Iterator<Item = &'a Record> {
    reply
        .records
        .iter()
        .filter(move |record| record.owner.eq_ignore_ascii_case(owner))
}
