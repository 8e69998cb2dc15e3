//! OCSP responses (RFC 6960), as servers staple them.
//!
//! Written here on the DER reader that is there for certificates: the crates for OCSP bring
//! another one along.

use std::time::{Duration, SystemTime};

use x509_parser::asn1_rs::{Any, Class, FromDer, GeneralizedTime, Tag};

use super::Malformed;
use super::signed::Signed;

/// `id-pkix-ocsp-basic`.
const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
/// A staple answers about one certificate, or a few; more answers are not read.
const ANSWERS: usize = 64;
/// Nor more certificates of responders.
const RESPONDERS: usize = 8;

/// A successful response, before anyone checked its signature.
#[derive(Debug, Clone)]
pub(crate) struct Response<'a> {
    /// What is signed, by what.
    pub signed: Signed<'a>,
    /// What it says, a certificate each.
    pub answers: Vec<Answer<'a>>,
    /// The certificates that came along, in DER: that of a delegated responder.
    pub responders: Vec<&'a [u8]>,
}

/// What a response says of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The object identifier of the hash of the next two.
    pub hash_algorithm: String,
    /// The hash over the name of the issuer.
    pub issuer_name_hash: &'a [u8],
    /// The hash over the key of the issuer.
    pub issuer_key_hash: &'a [u8],
    /// The serial number, as DER writes it.
    pub serial: &'a [u8],
    /// What is said.
    pub status: Status,
    /// When that was so.
    pub this_update: SystemTime,
    /// When a newer one is due, where it says so.
    pub next_update: Option<SystemTime>,
}

/// The state of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Not revoked.
    Good,
    /// Revoked at a time, for a reason by its number in RFC 5280 5.3.1.
    Revoked(SystemTime, Option<u8>),
    /// The responder does not know it.
    Unknown,
}

/// The name of a reason in RFC 5280 5.3.1.
#[must_use]
pub(crate) fn reason(number: u8) -> Option<&'static str> {
    let name = match number {
        0 => "unspecified",
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        8 => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => return None,
    };
    Some(name)
}

/// Reads an `OCSPResponse` in DER.
///
/// # Errors
/// [`Malformed`], if it is no OCSP response, or one with an error status.
pub(crate) fn response(der: &[u8]) -> Result<Response<'_>, Malformed> {
    read(der).ok_or(Malformed {
        what: "an OCSP response",
        expected: "a successful BasicOCSPResponse in DER",
    })
}

fn read(der: &[u8]) -> Option<Response<'_>> {
    let mut outer = Elements(sequence(der)?);
    let status = outer.next()?;
    if status.tag() != Tag::Enumerated || status.data != [0] {
        return None;
    }
    let mut bytes = Elements(sequence(outer.tagged(0)?.data)?);
    let kind = bytes.next()?.as_oid().ok()?.to_id_string();
    let basic = bytes.next()?;
    if kind != BASIC || basic.tag() != Tag::OctetString {
        return None;
    }
    let signed = Signed::read(basic.data).ok()?;
    Some(Response {
        answers: answers(signed.data)?,
        responders: responders(signed.rest),
        signed,
    })
}

/// The answers within a `ResponseData`.
fn answers(data: &[u8]) -> Option<Vec<Answer<'_>>> {
    let mut data = Elements(sequence(data)?);
    let _version = data.tagged(0);
    let responder = data.next()?;
    let produced_at = data.next()?;
    if responder.class() != Class::ContextSpecific || produced_at.tag() != Tag::GeneralizedTime {
        return None;
    }
    let list = data.next()?;
    let answers = Elements(list.data).take(ANSWERS);
    answers.map(|any| answer(any.data)).collect()
}

fn answer(single: &[u8]) -> Option<Answer<'_>> {
    let mut fields = Elements(single);
    let mut id = Elements(fields.next()?.data);
    let algorithm = Elements(id.next()?.data).next()?;
    let status = fields.next()?;
    let this_update = time(&fields.next()?)?;
    let next_update = match fields.tagged(0) {
        Some(any) => Some(time_in(any.data)?),
        None => None,
    };
    Some(Answer {
        hash_algorithm: algorithm.as_oid().ok()?.to_id_string(),
        issuer_name_hash: id.next()?.data,
        issuer_key_hash: id.next()?.data,
        serial: id.next()?.data,
        status: certificate_status(&status)?,
        this_update,
        next_update,
    })
}

fn certificate_status(status: &Any) -> Option<Status> {
    if status.class() != Class::ContextSpecific {
        return None;
    }
    match status.tag().0 {
        0 => Some(Status::Good),
        1 => {
            let mut revoked = Elements(status.data);
            let at = time(&revoked.next()?)?;
            let number = revoked.tagged(0).and_then(|any| {
                let (_, number) = Any::from_der(any.data).ok()?;
                number.data.first().copied()
            });
            Some(Status::Revoked(at, number))
        }
        2 => Some(Status::Unknown),
        _ => None,
    }
}

fn responders(rest: &[u8]) -> Vec<&[u8]> {
    let Some(list) = Elements(rest).tagged(0).and_then(|any| sequence(any.data)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut left = list;
    while let (Ok((rest, _)), true) = (Any::from_der(left), found.len() < RESPONDERS) {
        let length = left.len().saturating_sub(rest.len());
        found.extend(left.get(..length));
        left = rest;
    }
    found
}

fn time_in(der: &[u8]) -> Option<SystemTime> {
    time(&Any::from_der(der).ok()?.1)
}

fn time(any: &Any) -> Option<SystemTime> {
    let time = GeneralizedTime::try_from(any).ok()?;
    let seconds = u64::try_from(time.utc_datetime().ok()?.unix_timestamp()).ok()?;
    let moment = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(moment)
}

/// The content of the sequence that the bytes begin with.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let (_, any) = Any::from_der(der).ok()?;
    (any.class() == Class::Universal && any.tag() == Tag::Sequence).then_some(any.data)
}

/// The elements of a sequence, up to the first that is malformed.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, if it has this context-specific tag.
    fn tagged(&mut self, tag: u32) -> Option<Any<'a>> {
        let (rest, any) = Any::from_der(self.0).ok()?;
        if any.class() != Class::ContextSpecific || any.tag().0 != tag {
            return None;
        }
        self.0 = rest;
        Some(any)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Any<'a>;

    fn next(&mut self) -> Option<Any<'a>> {
        let (rest, any) = Any::from_der(self.0).ok()?;
        self.0 = rest;
        Some(any)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mutate::survives;
    use super::*;

    fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        let mut der = match length {
            ..0x80 => vec![tag, length],
            _ => vec![tag, 0x81, length],
        };
        der.extend(content);
        der
    }

    fn oid(content: &[u8]) -> Vec<u8> {
        wrap(6, &[content])
    }

    /// A response with this status of a certificate, as RFC 6960 4.2.1 lays it out.
    fn sample(status: &[u8], next_update: &[u8]) -> Vec<u8> {
        let algorithm = wrap(0x30, &[&oid(&[0x2b, 14, 3, 2, 26]), &[5, 0]]);
        let (name, key) = (wrap(4, &[&[1; 20]]), wrap(4, &[&[2; 20]]));
        let id = wrap(0x30, &[&algorithm, &name, &key, &wrap(2, &[&[0x4d]])]);
        let time = wrap(0x18, &[b"20260102030405Z"]);
        let single = wrap(0x30, &[&id, status, &time, next_update]);
        let responder = wrap(0xa2, &[&wrap(4, &[&[2; 20]])]);
        let data = wrap(0x30, &[&responder, &time, &wrap(0x30, &[&single])]);
        let signature = wrap(3, &[&[0, 9, 9]]);
        let certificates = wrap(0xa0, &[&wrap(0x30, &[&wrap(0x30, &[&[5, 0]])])]);
        let basic = wrap(0x30, &[&data, &algorithm, &signature, &certificates]);
        let kind = oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]);
        let bytes = wrap(0x30, &[&kind, &wrap(4, &[&basic])]);
        wrap(0x30, &[&[0x0a, 1, 0], &wrap(0xa0, &[&bytes])])
    }

    fn revoked() -> Vec<u8> {
        let reason = wrap(0xa0, &[&[0x0a, 1, 1]]);
        wrap(0xa1, &[&wrap(0x18, &[b"20251231235959Z"]), &reason])
    }

    /// Seconds since 1970, as `date -d … +%s` tells them.
    fn moment(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_answer_is_read_in_all_its_parts() {
        let due = wrap(0xa0, &[&wrap(0x18, &[b"20260109030405Z"])]);
        let der = sample(&revoked(), &due);
        let response = response(&der).unwrap();
        let [answer] = response.answers.as_slice() else {
            panic!("{response:?}")
        };
        let Status::Revoked(at, number) = answer.status else {
            panic!("{answer:?}")
        };
        assert_eq!(at, moment(1_767_225_599));
        assert_eq!(number.and_then(reason), Some("keyCompromise"));
        assert_eq!(answer.this_update, moment(1_767_323_045));
        assert_eq!(answer.next_update, Some(moment(1_767_927_845)));
        assert_eq!(
            (answer.issuer_name_hash, answer.serial),
            (&[1; 20][..], &[0x4d][..])
        );
        assert_eq!(answer.hash_algorithm, "1.3.14.3.2.26");
        assert_eq!(response.signed.signature, [9, 9]);
        assert_eq!(response.responders, [&[0x30, 2, 5, 0][..]]);
    }

    #[test]
    fn good_and_unknown_are_told_apart() {
        for (tag, expected) in [(0x80, Status::Good), (0x82, Status::Unknown)] {
            let der = sample(&[tag, 0], &[]);
            let answers = response(&der).unwrap().answers;
            assert_eq!(
                (answers[0].status, answers[0].next_update),
                (expected, None)
            );
        }
        assert!(response(&sample(&[0x83, 0], &[])).is_err());
    }

    #[test]
    fn a_responder_that_tells_an_error_gives_no_answer() {
        for der in [&[0x30, 3, 0x0a, 1, 3][..], &[0x30, 3, 0x0a, 1, 0], &[]] {
            assert!(response(der).is_err(), "{der:?}");
        }
    }

    #[test]
    fn damaged_responses_are_survived() {
        survives(&sample(&revoked(), &[]), |bytes| {
            let _ = response(bytes);
        });
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes: Vec<u8>) {
            let _ = response(&bytes);
        }
    }
}
