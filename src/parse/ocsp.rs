//! Parses OCSP responses (RFC 6960), as servers staple them.

use std::time::{Duration, SystemTime};

use x509_parser::asn1_rs::{FromDer, GeneralizedTime};

use super::Malformed;
use super::ber::{
    Element, Elements, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, context, context_primitive,
    dotted,
};
use super::signed::Signed;

/// `id-pkix-ocsp-basic`.
const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
const ENUMERATED: u8 = 0x0a;
const GENERALIZED_TIME: u8 = 0x18;
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
    let mut outer = Elements::of(der).enter(SEQUENCE)?;
    if outer.take(ENUMERATED)?.content != [0] {
        return None;
    }
    let mut bytes = outer.enter(context(0))?.enter(SEQUENCE)?;
    let kind = dotted(bytes.take(OBJECT_IDENTIFIER)?.content);
    let basic = bytes.take(OCTET_STRING)?;
    if kind != BASIC {
        return None;
    }
    let signed = Signed::read(basic.content).ok()?;
    Some(Response {
        answers: answers(signed.data)?,
        responders: responders(signed.rest),
        signed,
    })
}

/// The answers within a `ResponseData`.
fn answers(data: &[u8]) -> Option<Vec<Answer<'_>>> {
    let mut data = Elements::of(data).enter(SEQUENCE)?;
    let _version = data.take(context(0));
    let _responder = data.take(context(1)).or_else(|| data.take(context(2)))?;
    let _produced_at = data.take(GENERALIZED_TIME)?;
    let mut list = data.enter(SEQUENCE)?;
    let answers = std::iter::from_fn(|| list.next_element()).take(ANSWERS);
    answers.map(|single| answer(&single)).collect()
}

fn answer<'a>(single: &Element<'a>) -> Option<Answer<'a>> {
    let mut fields = single.inside_of(SEQUENCE)?;
    let mut id = fields.enter(SEQUENCE)?;
    let algorithm = id.enter(SEQUENCE)?.take(OBJECT_IDENTIFIER)?;
    let status = certificate_status(&fields.next_element()?)?;
    let this_update = time(&fields.next_element()?)?;
    let next_update = match fields.enter(context(0)) {
        Some(mut inside) => Some(time(&inside.next_element()?)?),
        None => None,
    };
    Some(Answer {
        hash_algorithm: dotted(algorithm.content),
        issuer_name_hash: id.next_element()?.content,
        issuer_key_hash: id.next_element()?.content,
        serial: id.next_element()?.content,
        status,
        this_update,
        next_update,
    })
}

fn certificate_status(status: &Element) -> Option<Status> {
    const GOOD: u8 = context_primitive(0);
    const REVOKED: u8 = context(1);
    const UNKNOWN: u8 = context_primitive(2);
    match status.tag {
        GOOD => Some(Status::Good),
        REVOKED => {
            let mut revoked = status.inside();
            let at = time(&revoked.next_element()?)?;
            let reason = revoked.enter(context(0)).and_then(|mut inside| {
                let number = inside.take(ENUMERATED)?;
                number.content.first().copied()
            });
            Some(Status::Revoked(at, reason))
        }
        UNKNOWN => Some(Status::Unknown),
        _ => None,
    }
}

fn responders(rest: &[u8]) -> Vec<&[u8]> {
    let list = Elements::of(rest).enter(context(0));
    let Some(mut list) = list.and_then(|mut inside| inside.enter(SEQUENCE)) else {
        return Vec::new();
    };
    let certificates = std::iter::from_fn(|| list.next_element());
    certificates
        .take(RESPONDERS)
        .map(|certificate| certificate.whole)
        .collect()
}

fn time(element: &Element) -> Option<SystemTime> {
    let (_, time) = GeneralizedTime::from_der(element.whole).ok()?;
    let seconds = u64::try_from(time.utc_datetime().ok()?.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
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
