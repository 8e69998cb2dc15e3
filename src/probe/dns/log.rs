//! What was tried and failed on the way, in few sentences.

use std::fmt::Write as _;
use std::time::Duration;

use super::message::RecordType;

/// Failures in their order, those of one kind together.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
    /// Every query, where they are asked for.
    pub(super) queries: Option<Vec<DnsQuery>>,
}

/// One question to one server, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DnsQuery {
    /// The name that was asked for.
    pub name: String,
    /// The type of the records.
    pub record_type: RecordType,
    /// The server's address.
    pub server: String,
    /// Whether the answer came over TCP.
    pub over_tcp: bool,
    /// What came: a number of records, NXDOMAIN, NODATA, a code, or why nothing did.
    pub result: String,
    /// How long it took; `None` where the connection failed at once.
    pub took: Option<Duration>,
}

#[derive(Debug)]
struct Entry {
    who: String,
    what: String,
    names: Vec<String>,
    more: usize,
}

/// The number of names that are listed for one kind of failure; the others are counted.
const MAX_NAMES: usize = 8;

impl Log {
    /// Something that is so before any question.
    pub(super) fn note(&mut self, what: String) {
        self.entries.push(Entry {
            who: String::new(),
            what,
            names: Vec::new(),
            more: 0,
        });
    }

    /// A server that failed so on a name.
    pub(super) fn failed(&mut self, who: &str, what: &str, name: &str) {
        let same = self
            .entries
            .iter_mut()
            .find(|entry| entry.who == who && entry.what == what);
        let Some(entry) = same else {
            let names = vec![name.to_owned()];
            self.entries.push(Entry {
                who: who.to_owned(),
                what: what.to_owned(),
                names,
                more: 0,
            });
            return;
        };
        if entry.names.iter().any(|known| known == name) {
            return;
        }
        if entry.names.len() < MAX_NAMES {
            entry.names.push(name.to_owned());
        } else {
            entry.more += 1;
        }
    }

    /// A sentence for each kind of failure.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.entries.iter().map(Entry::sentence).collect()
    }
}

impl Entry {
    fn sentence(&self) -> String {
        if self.who.is_empty() {
            return self.what.clone();
        }
        let mut sentence = format!("{}: {} for {}", self.who, self.what, self.names.join(", "));
        if self.more > 0 {
            // Writing into a String cannot fail.
            let _ = write!(sentence, " and {} others", self.more);
        }
        sentence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_of_failure_is_one_sentence() {
        let mut log = Log::default();
        log.note("no resolv.conf: queries go to localhost".to_owned());
        for name in ["a.b", "a", "a.b"] {
            log.failed("10.96.0.10", "NXDOMAIN", name);
            log.failed("10.96.0.11", "SERVFAIL", name);
        }
        let expected = [
            "no resolv.conf: queries go to localhost",
            "10.96.0.10: NXDOMAIN for a.b, a",
            "10.96.0.11: SERVFAIL for a.b, a",
        ];
        assert_eq!(log.sentences(), expected);
    }

    #[test]
    fn many_names_are_counted() {
        let mut log = Log::default();
        for number in 0..30 {
            log.failed("s", "NXDOMAIN", &number.to_string());
        }
        assert_eq!(
            log.sentences(),
            ["s: NXDOMAIN for 0, 1, 2, 3, 4, 5, 6, 7 and 22 others"]
        );
    }
}
