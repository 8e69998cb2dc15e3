//! Reads stapled OCSP responses and judges whether they are properly signed.

use std::sync::Arc;
use std::time::SystemTime;

use ring::digest;

use super::algorithms::{SignatureCheck, check};
use super::finding::{ChainFinding, Evidence};
use super::member::Member;
use crate::model::time::Timestamp;
use crate::model::tls::{OcspStaple, OcspStatus};
use crate::parse::ocsp::{self, Answer, Response, Status};
use crate::parse::signed::key_parts;
use crate::parse::x509::ParsedCertificate;

/// Certificates of the chain among which the issuer of the leaf is looked for.
const ISSUERS: usize = 32;

/// Reads a stapled OCSP response about the leaf of a chain.
#[must_use]
pub fn staple(response: &[u8], chain: &[Arc<ParsedCertificate>], now: SystemTime) -> OcspStaple {
    let unusable = OcspStaple {
        status: OcspStatus::Unusable,
        this_update: None,
        next_update: None,
        revoked_at: None,
        revocation_reason: None,
        signed_by_issuer: None,
    };
    let (Ok(response), Some(leaf)) = (
        ocsp::response(response),
        chain.first().and_then(|leaf| Member::of(leaf, Some(0))),
    ) else {
        return unusable;
    };
    let issuer = chain
        .iter()
        .skip(1)
        .take(ISSUERS)
        .filter_map(|certificate| Member::of(certificate, None))
        .find(|parsed| {
            parsed.subject == leaf.issuer
                && check(&leaf.signed, parsed.spki) == SignatureCheck::Right
        });
    let answers = response.answers.iter();
    let mut fitting = answers.filter(|answer| is_about(answer, &leaf, issuer.as_ref()));
    let Some(answer) = fitting.next() else {
        return unusable;
    };
    let (status, revoked_at, reason) = match answer.status {
        Status::Good => (OcspStatus::Good, None, None),
        Status::Unknown => (OcspStatus::Unknown, None, None),
        Status::Revoked(at, reason) => (OcspStatus::Revoked, Some(Timestamp(at)), reason),
    };
    OcspStaple {
        status,
        this_update: Some(Timestamp(answer.this_update)),
        next_update: answer.next_update.map(Timestamp),
        revoked_at,
        revocation_reason: reason.and_then(ocsp::reason).map(str::to_owned),
        signed_by_issuer: issuer.and_then(|issuer| is_signed(&response, &issuer, now)),
    }
}

/// What a staple means for a verdict. Only one that is properly signed decides.
pub(super) fn finding(leaf: &Member, staple: &OcspStaple, now: SystemTime) -> Option<ChainFinding> {
    let title = leaf.title();
    let evidence = match staple.status {
        OcspStatus::Unusable => Evidence::StapleUnusable { title },
        status if staple.signed_by_issuer == Some(false) => {
            Evidence::StapleNotSigned { title, status }
        }
        OcspStatus::Revoked => Evidence::Revoked {
            title,
            at: staple.revoked_at,
            reason: staple.revocation_reason.clone(),
            is_signed: staple.signed_by_issuer == Some(true),
            now,
        },
        OcspStatus::Good | OcspStatus::Unknown => {
            let due = staple.next_update.filter(|due| due.0 < now)?;
            Evidence::StapleOutOfDate { title, due, now }
        }
    };
    Some(super::finding(leaf.place, evidence))
}

/// Whether an answer names the leaf: by the hashes of its issuer's name and key, and its number.
fn is_about(answer: &Answer, leaf: &Member, issuer: Option<&Member>) -> bool {
    let algorithm = match answer.hash_algorithm.as_str() {
        "1.3.14.3.2.26" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "2.16.840.1.101.3.4.2.1" => &digest::SHA256,
        "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        _ => return false,
    };
    let is_hash = |hash: &[u8], of: &[u8]| digest::digest(algorithm, of).as_ref() == hash;
    let key_fits = issuer
        .and_then(|issuer| key_parts(issuer.spki))
        .is_none_or(|(_, key)| is_hash(answer.issuer_key_hash, key));
    answer.serial == leaf.certificate.serial_der()
        && is_hash(answer.issuer_name_hash, leaf.certificate.issuer_element())
        && key_fits
}

/// Whether the issuer signed, or one to whom it gave that right (RFC 6960 4.2.2.2); `None` where
/// that cannot be checked.
fn is_signed(response: &Response, issuer: &Member, now: SystemTime) -> Option<bool> {
    let mut unknown = false;
    let mut right = |result: SignatureCheck| {
        unknown |= matches!(result, SignatureCheck::Unknown(_));
        result == SignatureCheck::Right
    };
    if right(check(&response.signed, issuer.spki)) {
        return Some(true);
    }
    for der in &response.responders {
        let Ok(certificate) = ParsedCertificate::read(der) else {
            continue;
        };
        let Some(responder) = Member::of(&certificate, None) else {
            continue;
        };
        let usages = certificate.extended_key_usages.as_deref();
        let may = usages.is_some_and(|usages| usages.iter().any(|one| one == "OCSPSigning"))
            && responder.issuer == issuer.subject
            && certificate.not_before.is_some_and(|begin| begin <= now)
            && certificate.not_after.is_some_and(|end| now <= end);
        if may
            && right(check(&responder.signed, issuer.spki))
            && right(check(&response.signed, responder.spki))
        {
            return Some(true);
        }
    }
    if unknown { None } else { Some(false) }
}
