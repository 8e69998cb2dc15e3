//! Messages of DNS (RFC 1035, EDNS of RFC 6891), by the crate `simple-dns`.
//!
//! The crate refuses hostile messages without a panic and without endless loops, but believes the
//! counts of the header when it reserves memory, keeps all labels of all names, and refuses a
//! message for what is wrong in sections that nothing here needs. So the header is read and
//! set right first: counts that the message cannot hold are refused, at most [`MAX_RECORDS`]
//! answers are read, and of the other sections none.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use simple_dns::rdata::{OPT, RData, TXT};
use simple_dns::{CLASS, Label, Packet, PacketFlag, QTYPE, Question, ResourceRecord, TYPE};

use super::name::Name;

/// As many answers of a message are read; what follows is counted.
pub(crate) const MAX_RECORDS: u16 = 1024;

/// What fits through every network without fragments (DNS flag day 2020).
const EDNS_PAYLOAD_BYTES: u16 = 1232;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The target of an alias (CNAME).
    Cname,
    /// Mail servers.
    Mx,
    /// The name servers of a zone.
    Ns,
    /// The name of an address.
    Ptr,
    /// The beginning of a zone.
    Soa,
    /// Servers of a service, with their ports.
    Srv,
    /// Text.
    Txt,
}

const TYPES: [(RecordType, &str, TYPE); 9] = [
    (RecordType::A, "A", TYPE::A),
    (RecordType::Aaaa, "AAAA", TYPE::AAAA),
    (RecordType::Cname, "CNAME", TYPE::CNAME),
    (RecordType::Mx, "MX", TYPE::MX),
    (RecordType::Ns, "NS", TYPE::NS),
    (RecordType::Ptr, "PTR", TYPE::PTR),
    (RecordType::Soa, "SOA", TYPE::SOA),
    (RecordType::Srv, "SRV", TYPE::SRV),
    (RecordType::Txt, "TXT", TYPE::TXT),
];

impl RecordType {
    /// The type of this name, in any case.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut types = TYPES.iter();
        let found = types.find(|(_, known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(record_type, ..)| *record_type)
    }

    /// Whether it is asked for to connect to what it holds.
    #[must_use]
    pub(crate) fn is_address(self) -> bool {
        matches!(self, Self::A | Self::Aaaa)
    }

    fn entry(self) -> Option<&'static (Self, &'static str, TYPE)> {
        TYPES.iter().find(|(known, ..)| *known == self)
    }

    fn on_the_wire(self) -> TYPE {
        self.entry().map_or(TYPE::A, |(.., number)| *number)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().map_or("A", |(_, name, _)| *name))
    }
}

/// How a server answered, the lower four bits of the RCODE.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rcode(u8);

impl Rcode {
    /// No error; without records that is NODATA.
    pub const NO_ERROR: Self = Self(0);
    /// The server does not understand the question.
    pub const FORMAT_ERROR: Self = Self(1);
    /// The server could not find out.
    pub const SERVER_FAILURE: Self = Self(2);
    /// There is no such name, NXDOMAIN.
    pub const NO_SUCH_NAME: Self = Self(3);
    /// The server knows no such kind of question.
    pub const NOT_IMPLEMENTED: Self = Self(4);
    /// The server does not answer such a question, or not from here.
    pub const REFUSED: Self = Self(5);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            other => return write!(f, "RCODE {other}"),
        };
        f.write_str(name)
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the header, or says how it came"
)]
pub struct Reply {
    /// How it answered.
    pub rcode: Rcode,
    /// Whether it answers for the zone itself.
    pub authoritative: bool,
    /// Whether it asks others on behalf of who asks it.
    pub recursion_available: bool,
    /// Whether more was to be said than fits: to be asked again by TCP.
    pub truncated: bool,
    /// The records of the answer, those of the class IN.
    pub records: Vec<Record>,
    /// How many records follow that were not read, see [`MAX_RECORDS`].
    pub records_left_out: u16,
    /// Whether it came over TCP.
    pub over_tcp: bool,
    /// How long it took, both ways together where UDP was not enough.
    pub took: Duration,
}

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The owner name, in the notation of zone files (`\046` is a dot that parts nothing),
    /// without a dot at its end.
    pub owner: String,
    /// How long it may be kept.
    pub ttl_seconds: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An address.
    Address(IpAddr),
    /// The target of an alias (CNAME).
    Alias(String),
    /// A record of this type, in the notation of zone files.
    Shown(RecordType, String),
    /// Something else, by the number of its type.
    Other(u16),
}

impl Data {
    /// Whether it is what was asked for; of addresses either family.
    pub(super) fn answers(&self, record_type: RecordType) -> bool {
        match self {
            Self::Address(_) => record_type.is_address(),
            Self::Alias(_) => record_type == RecordType::Cname,
            Self::Shown(shown, _) => record_type == *shown,
            Self::Other(_) => false,
        }
    }

    /// The name of its type.
    #[must_use]
    pub(crate) fn type_name(&self) -> String {
        match self {
            Self::Address(IpAddr::V4(_)) => RecordType::A.to_string(),
            Self::Address(IpAddr::V6(_)) => RecordType::Aaaa.to_string(),
            Self::Alias(_) => RecordType::Cname.to_string(),
            Self::Shown(shown, _) => shown.to_string(),
            Self::Other(number) => format!("TYPE{number}"),
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::Alias(target) => f.write_str(target),
            Self::Shown(_, text) => f.write_str(text),
            Self::Other(_) => f.write_str("-"),
        }
    }
}

/// A question, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) id: u16,
    pub(super) bytes: Vec<u8>,
    name: Name,
    record_type: RecordType,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arrived {
    /// An answer to the question.
    Reply(Reply),
    /// Not an answer to the question: of someone else, or forged.
    Stray,
    /// An answer to the question that makes no sense, and how so.
    Malformed(&'static str),
}

impl Query {
    /// Writes a question; `None` where the crate refuses to, which no valid name makes it do.
    pub(super) fn new(id: u16, name: &Name, record_type: RecordType, edns: bool) -> Option<Self> {
        let labels: Vec<Label<'_>> = name
            .as_str()
            .split('.')
            .map(|label| Label::new_unchecked(label.as_bytes()))
            .collect();
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let asked = QTYPE::TYPE(record_type.on_the_wire());
        packet.questions.push(Question::new(
            simple_dns::Name::new_with_labels(&labels),
            asked,
            CLASS::IN.into(),
            false,
        ));
        if edns {
            *packet.opt_mut() = Some(OPT {
                opt_codes: Vec::new(),
                udp_packet_size: EDNS_PAYLOAD_BYTES,
                version: 0,
            });
        }
        let bytes = packet.build_bytes_vec().ok()?;
        Some(Self {
            id,
            bytes,
            name: name.clone(),
            record_type,
        })
    }

    /// Reads what arrived in answer to this question.
    pub(super) fn read(&self, message: &[u8]) -> Arrived {
        let Some(header) = Header::read(message) else {
            return Arrived::Stray;
        };
        if !header.has(RESPONSE) || header.id != self.id {
            return Arrived::Stray;
        }
        // A server that understands nothing sends nothing back but its refusal.
        if header.questions == 0
            && header.rcode() != Rcode::NO_ERROR
            && header.rcode() != Rcode::NO_SUCH_NAME
        {
            return Arrived::Reply(header.reply(Vec::new()));
        }
        if header.questions != 1 {
            return Arrived::Stray;
        }
        if !header.counts_fit(message) {
            return Arrived::Malformed("its header counts more records than the message can hold");
        }
        // What is cut off may end anywhere, and is asked again anyway.
        let answers = if header.has(TRUNCATED) {
            0
        } else {
            header.answers.min(MAX_RECORDS)
        };
        let kept = header.with_answers_only(answers, message);
        let Ok(packet) = Packet::parse(&kept) else {
            return Arrived::Malformed("it is not a valid DNS message");
        };
        if !packet
            .questions
            .first()
            .is_some_and(|question| self.is(question))
        {
            return Arrived::Stray;
        }
        Arrived::Reply(header.reply(packet.answers.iter().filter_map(record).collect()))
    }

    fn is(&self, question: &Question<'_>) -> bool {
        question.qtype == QTYPE::TYPE(self.record_type.on_the_wire())
            && question.qclass == CLASS::IN.into()
            && presentation(&question.qname).eq_ignore_ascii_case(self.name.as_str())
    }
}

/// The first twelve bytes.
struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
    authorities: u16,
    additional: u16,
}

const RESPONSE: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_AVAILABLE: u16 = 0x0080;

const HEADER_BYTES: usize = 12;
/// Root as its name, a type, a class.
const LEAST_QUESTION_BYTES: usize = 5;
/// Root as its name, a type, a class, a time to live, a length.
const LEAST_RECORD_BYTES: usize = 11;

impl Header {
    fn read(message: &[u8]) -> Option<Self> {
        let (header, _) = message.split_first_chunk::<HEADER_BYTES>()?;
        let (words, _) = header.as_chunks::<2>();
        let mut words = words.iter().map(|word| u16::from_be_bytes(*word));
        Some(Self {
            id: words.next()?,
            flags: words.next()?,
            questions: words.next()?,
            answers: words.next()?,
            authorities: words.next()?,
            additional: words.next()?,
        })
    }

    fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn rcode(&self) -> Rcode {
        Rcode((self.flags & 0x000f) as u8)
    }

    fn counts_fit(&self, message: &[u8]) -> bool {
        let records = [self.answers, self.authorities, self.additional];
        let records: usize = records.into_iter().map(usize::from).sum();
        let least = HEADER_BYTES
            + usize::from(self.questions) * LEAST_QUESTION_BYTES
            + records * LEAST_RECORD_BYTES;
        self.has(TRUNCATED) || message.len() >= least
    }

    /// The message with the counts of what shall be read. The flags go, too: the crate refuses a
    /// message for a reserved bit that resolvers pass over.
    fn with_answers_only(&self, answers: u16, message: &[u8]) -> Vec<u8> {
        let [i, d] = self.id.to_be_bytes();
        let [a, n] = answers.to_be_bytes();
        let body = message.get(HEADER_BYTES..).unwrap_or_default();
        [&[i, d, 0x80, 0, 0, 1, a, n, 0, 0, 0, 0][..], body].concat()
    }

    fn reply(&self, records: Vec<Record>) -> Reply {
        Reply {
            rcode: self.rcode(),
            authoritative: self.has(AUTHORITATIVE),
            recursion_available: self.has(RECURSION_AVAILABLE),
            truncated: self.has(TRUNCATED),
            records,
            records_left_out: self.answers.saturating_sub(MAX_RECORDS),
            over_tcp: false,
            took: Duration::ZERO,
        }
    }
}

fn record(record: &ResourceRecord<'_>) -> Option<Record> {
    let data = match &record.rdata {
        RData::A(a) => Data::Address(IpAddr::V4(Ipv4Addr::from(a.address))),
        RData::AAAA(aaaa) => Data::Address(IpAddr::V6(Ipv6Addr::from(aaaa.address))),
        RData::CNAME(alias) => Data::Alias(presentation(&alias.0)),
        RData::NS(ns) => Data::Shown(RecordType::Ns, presentation(&ns.0)),
        RData::PTR(ptr) => Data::Shown(RecordType::Ptr, presentation(&ptr.0)),
        RData::MX(mx) => {
            let text = format!("{} {}", mx.preference, presentation(&mx.exchange));
            Data::Shown(RecordType::Mx, text)
        }
        RData::SRV(srv) => {
            let target = presentation(&srv.target);
            let text = format!("{} {} {} {target}", srv.priority, srv.weight, srv.port);
            Data::Shown(RecordType::Srv, text)
        }
        RData::SOA(soa) => {
            let (server, mailbox) = (presentation(&soa.mname), presentation(&soa.rname));
            let text = format!(
                "{server} {mailbox} {} {} {} {} {}",
                soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum
            );
            Data::Shown(RecordType::Soa, text)
        }
        RData::TXT(txt) => Data::Shown(RecordType::Txt, quoted(txt)),
        other => Data::Other(other.type_code().into()),
    };
    (record.class == CLASS::IN).then(|| Record {
        owner: presentation(&record.name),
        ttl_seconds: record.ttl,
        data,
    })
}

/// The strings of a TXT record, each between quotes.
fn quoted(record: &TXT<'_>) -> String {
    let mut text = String::new();
    for (key, value) in record.iter_raw() {
        text.push_str(if text.is_empty() { "\"" } else { " \"" });
        let value = value
            .map(|value| [b"=", value].concat())
            .unwrap_or_default();
        for byte in key.iter().chain(&value) {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
                b' '..=b'~' => text.push(char::from(*byte)),
                other => {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "\\{other:03}");
                }
            }
        }
        text.push('"');
    }
    text
}

/// A name from the wire in the notation of zone files, in which no byte does harm.
fn presentation(name: &simple_dns::Name<'_>) -> String {
    let mut text = String::new();
    for label in name.as_bytes() {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            match byte {
                b'-' | b'_' | b'*' => text.push(char::from(*byte)),
                usual if usual.is_ascii_alphanumeric() => text.push(char::from(*usual)),
                other => {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "\\{other:03}");
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
