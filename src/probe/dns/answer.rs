//! The records in a reply that answer the question: an alias is followed, as far as the reply tells of it.

use super::message::{Data, Rcode, Record, RecordType, Reply};
use super::name::Name;

/// What a reply says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The aliases that lead there, and what was asked for.
    Records(Vec<Record>),
    /// It exists and has nothing of this type (NODATA).
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

/// Reads the records of a name from a reply.
///
/// # Errors
/// How the server failed, or what it says that cannot be so.
pub(super) fn answer(
    reply: &Reply,
    name: &Name,
    record_type: RecordType,
) -> Result<Answer, UselessReply> {
    match reply.rcode {
        Rcode::NO_ERROR => {}
        Rcode::NO_SUCH_NAME => return Ok(Answer::NoSuchName),
        other => return Err(UselessReply::Failed(other)),
    }
    let mut owner = name.as_str();
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..=MAX_ALIASES {
        let found = records.len();
        for record in of(reply, owner).filter(|record| record.data.answers(record_type)) {
            if !records.contains(record) {
                records.push(record.clone());
            }
        }
        if records.len() > found {
            return Ok(Answer::Records(records));
        }
        match of(reply, owner).find_map(alias) {
            Some((record, target)) => {
                records.push(record.clone());
                owner = target;
            }
            None => return Ok(Answer::NoData),
        }
    }
    Err(UselessReply::TooManyAliases)
}

fn alias(record: &Record) -> Option<(&Record, &str)> {
    match &record.data {
        Data::Alias(target) => Some((record, target)),
        _ => None,
    }
}

fn of<'a>(reply: &'a Reply, owner: &'a str) -> impl Iterator<Item = &'a Record> {
    reply
        .records
        .iter()
        .filter(move |record| record.owner.eq_ignore_ascii_case(owner))
}
