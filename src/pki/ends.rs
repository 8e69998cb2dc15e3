//! Finds why a path leads to no trusted authority, and signatures that do not match.

use super::algorithms::{SignatureCheck, check};
use super::finding::{ChainFinding, Evidence, IssuerLocation, TrustedSet};
use super::member::Member;
use super::path_builder::{CertPath, PathEnd, SameSubject};
use super::{Case, finding, terms};

/// The findings about the end of a path.
pub(super) fn end(case: &Case, path: &CertPath) -> Vec<ChainFinding> {
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
            let title = head.title();
            vec![finding(head.place, Evidence::SearchStopped { title })]
        }
        PathEnd::Nowhere(namesakes) => vec![nowhere(case, head, namesakes)],
    }
}

/// Signatures on the path that cannot be checked.
pub(super) fn unchecked(case: &Case, path: &CertPath) -> Vec<ChainFinding> {
    let signatures = path.indices.iter().zip(&path.signatures);
    let unknown = signatures.filter_map(|(at, signature)| {
        let (parsed, SignatureCheck::Unknown(why)) = (case.chain.get(*at)?, signature) else {
            return None;
        };
        let evidence = Evidence::UncheckedSignature {
            title: parsed.title(),
            algorithm: terms::clip(&parsed.certificate.signature_algorithm),
            why: *why,
        };
        Some(finding(parsed.place, evidence))
    });
    unknown.collect()
}

/// Trusted, though another authority issued it: OpenSSL wants the path to its end.
fn partial(trusted: &Member) -> Option<ChainFinding> {
    if trusted.self_issued() {
        return None;
    }
    let title = trusted.title();
    Some(finding(trusted.place, Evidence::PartialChain { title }))
}

fn nowhere(case: &Case, head: &Member, namesakes: &[SameSubject]) -> ChainFinding {
    if let Some(namesake) = namesakes.first() {
        return wrong_key(case, head, *namesake);
    }
    finding(head.place, unknown_issuer(case, head))
}

/// No certificate has the name of the issuer.
fn unknown_issuer(case: &Case, head: &Member) -> Evidence {
    let trusted = TrustedSet {
        authorities: case.question.authorities,
        count: case.question.roots.len(),
    };
    let title = head.title();
    if head.self_issued() && head.place == Some(0) {
        return match check(&head.signed, head.spki) {
            SignatureCheck::Wrong => Evidence::WrongSelfSignature { title },
            _ => Evidence::SelfSigned { title, trusted },
        };
    }
    if head.self_issued() {
        return Evidence::UntrustedRoot { title, trusted };
    }
    let issuer = terms::clip(&head.certificate.issuer);
    if has_other_encoding(case, head) {
        return Evidence::IssuerEncodedDifferently { title, issuer };
    }
    // A leaf whose issuer is nowhere may as well be issued by a root that is not trusted. Public
    // authorities, which never do that, say where the issuer's certificate can be had.
    match head.issuer_url() {
        Some(url) if head.place == Some(0) => Evidence::MissingIntermediate {
            title,
            issuer,
            trusted,
            source: case.question.source,
            url,
        },
        url => Evidence::UnknownIssuer {
            title,
            issuer,
            trusted,
            url,
        },
    }
}

/// The name of the issuer is there, with another key.
fn wrong_key(case: &Case, head: &Member, namesake: SameSubject) -> ChainFinding {
    let opened;
    let (location, other) = match namesake {
        SameSubject::Served(at) => (IssuerLocation::Chain, case.chain.get(at)),
        SameSubject::Trusted(anchor) => {
            opened = anchor
                .certificate
                .and_then(|certificate| Member::of(certificate, None));
            (IssuerLocation::TrustStore, opened.as_ref())
        }
    };
    let issuer = match namesake {
        SameSubject::Trusted(anchor) => anchor.title(),
        SameSubject::Served(_) => other.map(Member::title).unwrap_or_default(),
    };
    let title = head.title();
    let ids = (head.issuer_key_id(), other.and_then(Member::key_id));
    let evidence = if matches!(ids, (Some(wanted), Some(own)) if wanted != own) {
        Evidence::OtherIssuerKey {
            title,
            issuer,
            location,
        }
    } else {
        Evidence::WrongSignature {
            title,
            issuer,
            location,
        }
    };
    finding(head.place, evidence)
}

/// Whether the issuer is there, under a name that is encoded in another way.
fn has_other_encoding(case: &Case, head: &Member) -> bool {
    let wanted = head.certificate.issuer.as_str();
    let served = case
        .chain
        .iter()
        .any(|parsed| parsed.place != head.place && parsed.certificate.subject == wanted);
    served
        || case
            .question
            .roots
            .iter()
            .any(|anchor| anchor.certificate.is_some_and(|one| one.subject == wanted))
}
