//! All servers, asked for one name after the other until one knows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::address::Address;
use super::answer::{Answer, answer};
use super::exchange::{Manner, NoReply, ask_all, left};
use super::log::Log;
use super::message::{MAX_RECORDS, RecordType, Reply};
use super::name::Name;

/// The servers to ask, and for how long.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) list: Vec<Server>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) tcp_only: bool,
    pub(super) no_aaaa: bool,
}

/// A server, and whether it was silent when it was asked last.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    pub(super) text: String,
    pub(super) silent: bool,
}

/// What all servers together know of a name.
#[derive(Debug)]
pub(super) enum Known {
    /// Its addresses, and the server that answered.
    Addresses(Vec<Address>, String),
    /// It exists and has no address.
    NoAddress,
    /// It does not exist.
    NoSuchName,
    /// Servers answered, none of them usefully.
    Useless,
    /// No server answered.
    Silence,
    /// No server could be reached at all.
    Unreachable,
}

/// Less is not waited for a server that others follow, as far as the deadline allows.
const LEAST_WAIT: Duration = Duration::from_secs(1);

impl Servers {
    /// Asks each server as often as the file says until one knows, and writes down what failed.
    ///
    /// A server that does not answer must not use up the time of the others: each waits for
    /// its share of what is left, and who was silent before is asked last.
    pub(super) fn ask(&mut self, name: &Name, deadline: Instant, log: &mut Log) -> Known {
        let (mut useless, mut silence) = (false, false);
        for attempt in 0..self.attempts {
            self.list.sort_by_key(|server| server.silent);
            let count = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
            for (position, server) in (0_u32..).zip(&mut self.list) {
                let Some(time) = left(deadline) else {
                    break;
                };
                let in_this_round = count.saturating_sub(position);
                let rounds_to_come = self.attempts.saturating_sub(attempt).saturating_sub(1);
                let tries = in_this_round.saturating_add(rounds_to_come.saturating_mul(count));
                let share = (time / tries.max(1)).max(LEAST_WAIT.min(time / in_this_round.max(1)));
                let until = Instant::now() + share.min(self.timeout);
                // Some networks drop what has EDNS; the second time goes without.
                let manner = Manner {
                    tcp_only: self.tcp_only,
                    edns: attempt == 0,
                };
                let types: &[RecordType] = if self.no_aaaa {
                    &[RecordType::A]
                } else {
                    &[RecordType::A, RecordType::Aaaa]
                };
                let replies = ask_all(server.at, name, types, manner, until.min(deadline));
                match server.told(&replies, types, name, log) {
                    Ok(known) => return known,
                    Err(Failed::Useless) => useless = true,
                    Err(Failed::Silent) => silence = true,
                    Err(Failed::Unreachable) => {}
                }
            }
        }
        match (useless, silence) {
            (true, _) => Known::Useless,
            (false, true) => Known::Silence,
            (false, false) => Known::Unreachable,
        }
    }
}

/// How a server failed to know; the last means most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failed {
    Unreachable,
    Silent,
    Useless,
}

impl Server {
    /// The answer of one server, both address families together.
    fn told(
        &mut self,
        replies: &[Result<Reply, NoReply>],
        types: &[RecordType],
        name: &Name,
        log: &mut Log,
    ) -> Result<Known, Failed> {
        let mut addresses: Vec<Address> = Vec::new();
        let mut failures = Vec::new();
        let (mut no_data, mut no_such_name) = (false, false);
        for (reply, record_type) in replies.iter().zip(types) {
            self.note_left_out(reply, name, log);
            match judged(reply, name) {
                Ok(Answer::Addresses(found)) => {
                    addresses.extend(found.into_iter().map(Address::from));
                }
                Ok(Answer::NoData) => no_data = true,
                Ok(Answer::NoSuchName) => no_such_name = true,
                Err((failed, what)) => failures.push((failed, what, *record_type)),
            }
        }
        self.silent = failures.len() == types.len()
            && failures
                .iter()
                .all(|(failed, ..)| *failed == Failed::Silent);
        self.note(&failures, types.len(), name, log);
        if !addresses.is_empty() {
            return Ok(Known::Addresses(addresses, self.text.clone()));
        }
        // That a name does not exist holds for all types (RFC 8020).
        if no_such_name {
            log.failed(&self.text, "NXDOMAIN", name.as_str());
            return Ok(Known::NoSuchName);
        }
        if no_data && failures.is_empty() {
            log.failed(&self.text, "no address (NODATA)", name.as_str());
            return Ok(Known::NoAddress);
        }
        let worst = failures.iter().map(|(failed, ..)| *failed).max();
        Err(worst.unwrap_or(Failed::Useless))
    }

    /// A failure of all questions is a failure of the name; otherwise it names the type.
    fn note(
        &self,
        failures: &[(Failed, String, RecordType)],
        asked: usize,
        name: &Name,
        log: &mut Log,
    ) {
        let first = failures.first().map(|(_, what, _)| what);
        let alike = failures.iter().all(|(_, what, _)| Some(what) == first);
        for (_, what, record_type) in failures {
            if alike && failures.len() == asked {
                log.failed(&self.text, what, name.as_str());
            } else {
                log.failed(
                    &self.text,
                    &format!("{what} (type {record_type})"),
                    name.as_str(),
                );
            }
        }
    }

    fn note_left_out(&self, reply: &Result<Reply, NoReply>, name: &Name, log: &mut Log) {
        let left_out = reply.as_ref().map_or(0, |reply| reply.records_left_out);
        if left_out > 0 {
            let total = u32::from(MAX_RECORDS) + u32::from(left_out);
            let what = format!("only {MAX_RECORDS} of {total} records were read");
            log.failed(&self.text, &what, name.as_str());
        }
    }
}

fn judged(reply: &Result<Reply, NoReply>, name: &Name) -> Result<Answer, (Failed, String)> {
    match reply {
        Ok(reply) => answer(reply, name).map_err(|why| (Failed::Useless, why.to_string())),
        Err(why) => {
            let failed = match why {
                NoReply::Timeout { .. } | NoReply::Flood(_) => Failed::Silent,
                NoReply::Malformed(_) | NoReply::NotByTcp(_) | NoReply::Closed => Failed::Useless,
                NoReply::ConnectionRefused | NoReply::Unreachable(_) | NoReply::System(_) => {
                    Failed::Unreachable
                }
            };
            Err((failed, why.to_string()))
        }
    }
}
