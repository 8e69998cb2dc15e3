//! All servers, asked for one name after the other until one knows.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Answer, answer};
use super::exchange::{Manner, NoReply, ask_all, left};
use super::log::{DnsQuery, Log};
use super::message::{MAX_RECORDS, Record, RecordType, Reply};
use super::name::Name;

/// The servers to ask, and for how long.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a habit that a resolver has or not"
)]
pub(super) struct Servers {
    pub(super) list: Vec<Server>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) tcp_only: bool,
    /// Whether queries have EDNS, at least the first time.
    pub(super) edns: bool,
    /// Whether one type is asked for after the other (`single-request`).
    pub(super) one_by_one: bool,
    /// Whether all servers are asked at once, and the first useful answer counts.
    pub(super) all_at_once: bool,
}

/// A server, and whether it was silent when it was asked last.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) at: SocketAddr,
    pub(super) text: String,
    pub(super) silent: bool,
}

/// What all servers together know of a name.
#[derive(Debug)]
pub(super) enum Known {
    /// Its records, and the server that answered.
    Records(Vec<Record>, String),
    /// It exists and has no record of the types.
    NoData,
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
    pub(super) fn ask(
        &mut self,
        name: &Name,
        types: &[RecordType],
        deadline: Instant,
        log: &mut Log,
    ) -> Known {
        let (mut useless, mut silence) = (false, false);
        for attempt in 0..self.attempts {
            if self.all_at_once {
                match self.ask_at_once(name, types, deadline, log) {
                    Ok(known) => return known,
                    Err(Failed::Useless) => useless = true,
                    Err(Failed::Silent) => silence = true,
                    Err(Failed::Unreachable) => {}
                }
                continue;
            }
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
                    edns: self.edns && attempt == 0,
                };
                let until = until.min(deadline);
                let replies = if self.one_by_one {
                    let each = types.chunks(1);
                    each.flat_map(|one| ask_all(server.at, name, one, manner, until))
                        .collect()
                } else {
                    ask_all(server.at, name, types, manner, until)
                };
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

    /// One round in which all servers are asked at the same time, as musl does.
    fn ask_at_once(
        &mut self,
        name: &Name,
        types: &[RecordType],
        deadline: Instant,
        log: &mut Log,
    ) -> Result<Known, Failed> {
        let time = left(deadline).ok_or(Failed::Silent)?;
        let until = Instant::now() + (self.timeout / self.attempts.max(1)).min(time);
        let manner = Manner {
            tcp_only: false,
            edns: self.edns,
        };
        let (tell, told) = mpsc::channel();
        for (position, server) in self.list.iter().enumerate() {
            let (tell, at, name, types) = (tell.clone(), server.at, name.clone(), types.to_vec());
            // It ends with its time-out; where the system gives no thread it is as one that is silent.
            let _ = thread::Builder::new().spawn(move || {
                let replies = ask_all(at, &name, &types, manner, until);
                let _ = tell.send((position, replies));
            });
        }
        drop(tell);
        let mut worst = Failed::Unreachable;
        while let Ok((position, replies)) = told.recv() {
            let Some(server) = self.list.get_mut(position) else {
                continue;
            };
            match server.told(&replies, types, name, log) {
                Ok(known) => return Ok(known),
                Err(failed) => worst = worst.max(failed),
            }
        }
        Err(worst)
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
        let mut records: Vec<Record> = Vec::new();
        let mut failures = Vec::new();
        let (mut no_data, mut no_such_name) = (false, false);
        for (reply, record_type) in replies.iter().zip(types) {
            self.note_left_out(reply, name, log);
            let judged = judged(reply, name, *record_type);
            if let Some(queries) = &mut log.queries {
                queries.push(self.query(reply, &judged, name, *record_type));
            }
            match judged {
                Ok(Answer::Records(found)) => {
                    let new = found.into_iter().filter(|record| !records.contains(record));
                    let new: Vec<Record> = new.collect();
                    records.extend(new);
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
        if !records.is_empty() {
            return Ok(Known::Records(records, self.text.clone()));
        }
        // That a name does not exist holds for all types (RFC 8020).
        if no_such_name {
            log.failed(&self.text, "NXDOMAIN", name.as_str());
            return Ok(Known::NoSuchName);
        }
        if no_data && failures.is_empty() {
            let what = format!("{} (NODATA)", missing(types));
            log.failed(&self.text, &what, name.as_str());
            return Ok(Known::NoData);
        }
        let worst = failures.iter().map(|(failed, ..)| *failed).max();
        Err(worst.unwrap_or(Failed::Useless))
    }

    /// One question and its answer, for who wants to see them.
    fn query(
        &self,
        reply: &Result<Reply, NoReply>,
        judged: &Result<Answer, (Failed, String)>,
        name: &Name,
        record_type: RecordType,
    ) -> DnsQuery {
        let took = match reply {
            Ok(reply) => Some(reply.took),
            Err(NoReply::Timeout { waited, .. }) => Some(*waited),
            Err(_) => None,
        };
        let result = match judged {
            Ok(Answer::Records(records)) if records.len() == 1 => "1 record".to_owned(),
            Ok(Answer::Records(records)) => format!("{} records", records.len()),
            Ok(Answer::NoData) => "NODATA".to_owned(),
            Ok(Answer::NoSuchName) => "NXDOMAIN".to_owned(),
            Err((_, why)) => why.clone(),
        };
        DnsQuery {
            name: name.to_string(),
            record_type,
            server: self.text.clone(),
            over_tcp: reply.as_ref().is_ok_and(|reply| reply.over_tcp),
            result,
            took,
        }
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

/// What there is none of, in words.
pub(super) fn missing(types: &[RecordType]) -> String {
    match types {
        [one] if !one.is_address() => format!("no {one} record"),
        _ => "no address".to_owned(),
    }
}

fn judged(
    reply: &Result<Reply, NoReply>,
    name: &Name,
    record_type: RecordType,
) -> Result<Answer, (Failed, String)> {
    match reply {
        Ok(reply) => {
            let answer = answer(reply, name, record_type);
            answer.map_err(|why| (Failed::Useless, why.to_string()))
        }
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
