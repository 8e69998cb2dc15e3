//! Why a path leads to no trusted authority, and signatures that do not fit.

use super::algorithms::{SignatureCheck, check};
use super::member::Member;
use super::path_builder::{CertPath, PathEnd, SameSubject};
use super::{Case, Finding, finding, words};
use crate::model::verdict::{Authorities, Problem};

/// The findings about the end of a path.
pub(super) fn end(case: &Case, path: &CertPath) -> Vec<Finding> {
    let Some(head) = path.indices.last().and_then(|at| case.chain.get(*at)) else {
        return Vec::new();
    };
    match &path.end {
        PathEnd::Leaf => Vec::from_iter(partial(head)),
        PathEnd::Authority(anchor) => {
            let opened = anchor
                .certificate
                .and_then(|certificate| Member::of(certificate, None));
            Vec::from_iter(opened.and_then(|parsed| partial(&parsed)))
        }
        PathEnd::GivenUp => {
            let says = format!(
                "the search for the issuer of {} was stopped: too many candidates",
                head.title()
            );
            vec![finding(Problem::Unsupported, head.place, says)]
        }
        PathEnd::Nowhere(namesakes) => vec![nowhere(case, head, namesakes)],
    }
}

/// Signatures on the path that cannot be checked.
pub(super) fn unchecked(case: &Case, path: &CertPath) -> Vec<Finding> {
    let signatures = path.indices.iter().zip(&path.signatures);
    let unknown = signatures.filter_map(|(at, signature)| {
        let (parsed, SignatureCheck::Unknown(why)) = (case.chain.get(*at)?, signature) else {
            return None;
        };
        let says = format!(
            "the signature of {} ({}) could not be checked: {why}",
            parsed.title(),
            words::clip(&parsed.certificate.signature_algorithm)
        );
        Some(finding(Problem::Unsupported, parsed.place, says))
    });
    unknown.collect()
}

/// Trusted, though another authority issued it: OpenSSL wants the path to its end.
fn partial(trusted: &Member) -> Option<Finding> {
    if trusted.self_issued() {
        return None;
    }
    let says = format!(
        "{} is trusted but not self-signed; OpenSSL accepts it as a trust anchor only with \
         X509_V_FLAG_PARTIAL_CHAIN",
        trusted.title()
    );
    Some(Finding {
        fatal: false,
        ..finding(Problem::UnknownIssuer, trusted.place, says)
    })
}

fn nowhere(case: &Case, head: &Member, namesakes: &[SameSubject]) -> Finding {
    if let Some(namesake) = namesakes.first() {
        return wrong_key(case, head, *namesake);
    }
    let trusted = trusted(case);
    let title = head.title();
    if head.self_issued() && head.place == Some(0) {
        let fits = check(&head.signed, head.spki);
        if fits == SignatureCheck::Wrong {
            let says = format!(
                "{title} names itself as issuer, but its signature does not match its own \
                    key"
            );
            return finding(Problem::BadSignature, head.place, says);
        }
        let says = format!("{title} is self-signed and is not {trusted}");
        return finding(Problem::SelfSigned, head.place, says);
    }
    if head.self_issued() {
        let says = format!("the chain ends at {title}, which is not {trusted}");
        return finding(Problem::UnknownIssuer, head.place, says);
    }
    let issuer = words::clip(&head.certificate.issuer);
    if let Some(says) = other_spelling(case, head, &issuer) {
        return finding(Problem::UnknownIssuer, head.place, says);
    }
    // A leaf whose issuer is nowhere may as well be issued by a root that is not trusted. Public
    // authorities, which never do that, say where the issuer's certificate can be had.
    match head.issuer_url() {
        Some(url) if head.place == Some(0) => {
            let lacks = case.question.source.lacks();
            let says = format!(
                "{lacks} {issuer}, which issued {title}: it is not {trusted} and \
                 not in the chain; it is available at {url} (not fetched)"
            );
            finding(Problem::MissingIntermediate, head.place, says)
        }
        url => {
            let url = url.map_or_else(String::new, |url| {
                format!("; its certificate is available at {url} (not fetched)")
            });
            let says = format!(
                "{title} was issued by {issuer}, which is not {trusted} and not in the chain{url}"
            );
            finding(Problem::UnknownIssuer, head.place, says)
        }
    }
}

/// The name of the issuer is there, with another key.
fn wrong_key(case: &Case, head: &Member, namesake: SameSubject) -> Finding {
    let opened;
    let (whose, other) = match namesake {
        SameSubject::Served(at) => ("in the chain", case.chain.get(at)),
        SameSubject::Trusted(anchor) => {
            opened = anchor
                .certificate
                .and_then(|certificate| Member::of(certificate, None));
            ("trusted", opened.as_ref())
        }
    };
    let issuer = match namesake {
        SameSubject::Trusted(anchor) => anchor.title(),
        SameSubject::Served(_) => other.map(Member::title).unwrap_or_default(),
    };
    let ids = (head.issuer_key_id(), other.and_then(Member::key_id));
    if matches!(ids, (Some(wanted), Some(own)) if wanted != own) {
        let says = format!(
            "{} was issued by a different {issuer} than the one that is {whose}: the key \
             identifiers differ; the authority was probably re-created under the same name",
            head.title()
        );
        return finding(Problem::UnknownIssuer, head.place, says);
    }
    let says = format!(
        "the signature of {} does not match the key of {issuer}, which is {whose}: the \
         certificate was altered, or the authority was re-created under the same name",
        head.title()
    );
    finding(Problem::BadSignature, head.place, says)
}

/// An issuer that is there, but whose name is encoded in another way.
fn other_spelling(case: &Case, head: &Member, issuer: &str) -> Option<String> {
    let wanted = head.certificate.issuer.as_str();
    let served = case
        .chain
        .iter()
        .any(|parsed| parsed.place != head.place && parsed.certificate.subject == wanted);
    let known = served
        || case
            .question
            .roots
            .iter()
            .any(|anchor| anchor.certificate.is_some_and(|one| one.subject == wanted));
    known.then(|| {
        format!(
            "{} was issued by {issuer}, but the certificate of that name encodes it differently; \
             Go and rustls treat this as a different name, OpenSSL does not",
            head.title()
        )
    })
}

/// The trusted ones, as the end of "is not …".
fn trusted(case: &Case) -> String {
    let whose = match case.question.authorities {
        Authorities::Target => "that the target trusts",
        Authorities::Mozilla => "of Mozilla",
        Authorities::Given => "of --ca",
    };
    match (case.question.roots.len(), case.question.authorities) {
        (0, Authorities::Target) => "trusted (the target's trust store is empty)".to_owned(),
        (0, _) => "trusted (--ca contains no authority)".to_owned(),
        (1, _) => format!("the only authority {whose}"),
        (count, _) => format!("one of the {count} authorities {whose}"),
    }
}
