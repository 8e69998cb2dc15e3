use std::time::{Duration, SystemTime};

use webpki::Error;

use super::super::finding::{
    ChainFinding, Constraint, Evidence, IssuerLocation, KeyKind, NameHint, TrustedSet, Unchecked,
    WeakHash,
};
use super::super::{ChainSource, Purpose};
use crate::model::time::Timestamp;
use crate::model::tls::OcspStatus;
use crate::model::verdict::Authorities;

/// One of each finding, with what changes its sentence.
#[expect(clippy::too_many_lines, reason = "a table")]
fn samples() -> Vec<Evidence> {
    let title = || "CN=api".to_owned();
    let issuer = || "CN=ca".to_owned();
    let at = |hour: u64| SystemTime::UNIX_EPOCH + Duration::from_hours(hour);
    let now = at(500_000);
    let trusted = |authorities, count| TrustedSet { authorities, count };
    let mismatch = |offered: &[&str], hint| Evidence::NameMismatch {
        title: title(),
        requested: "bücher.de".to_owned(),
        ascii: "xn--bcher-kva.de".to_owned(),
        offered: offered.iter().map(|name| (*name).to_owned()).collect(),
        hint,
    };
    let unchecked = |why| Evidence::UncheckedSignature {
        title: title(),
        algorithm: "id-Ed448".to_owned(),
        why,
    };
    let weak_key = |kind, bits| Evidence::WeakKey {
        title: title(),
        kind,
        bits,
    };
    let self_signed = |trusted| Evidence::SelfSigned {
        title: title(),
        trusted,
    };
    let (source, file) = (ChainSource::Server, ChainSource::File);
    let missing = |source| Evidence::MissingIntermediate {
        title: title(),
        issuer: issuer(),
        trusted: trusted(Authorities::Mozilla, 140),
        source,
        url: "http://ca/ca.crt".to_owned(),
    };
    let unknown = |url: Option<&str>| Evidence::UnknownIssuer {
        title: title(),
        issuer: issuer(),
        trusted: trusted(Authorities::Target, 140),
        url: url.map(str::to_owned),
    };
    let revoked = |at, reason: Option<&str>, is_signed| Evidence::Revoked {
        title: title(),
        at,
        reason: reason.map(str::to_owned),
        is_signed,
        now,
    };
    let usage = |of_leaf, purpose, allowed| Evidence::ExtendedKeyUsage {
        title: title(),
        of_leaf,
        purpose,
        allowed,
    };
    let forbidden = |constraint| Evidence::ForbiddenName {
        title: title(),
        issuer: issuer(),
        name: "api.test".to_owned(),
        constraint,
    };
    vec![
        Evidence::NoCertificate(source),
        Evidence::NoCertificate(file),
        Evidence::NotX509 { title: title() },
        Evidence::Expired {
            title: title(),
            end: Timestamp(at(499_000)),
            now,
        },
        Evidence::NotYetValid {
            title: title(),
            begin: Timestamp(at(500_001)),
            now,
        },
        Evidence::NotYetValid {
            title: title(),
            begin: Timestamp(at(501_000)),
            now,
        },
        Evidence::IssuerIsNoCa {
            title: issuer(),
            subject: title(),
        },
        Evidence::IssuerMayNotSign {
            title: issuer(),
            subject: title(),
        },
        Evidence::PathTooLong {
            title: issuer(),
            allowed: 0,
            below: 1,
        },
        usage(true, Purpose::Server, vec!["clientAuth".to_owned()]),
        usage(false, Purpose::Client, Vec::new()),
        Evidence::KeyUsage {
            title: title(),
            purpose: Purpose::Server,
            allowed: vec!["cRLSign".to_owned()],
        },
        Evidence::CriticalExtensions {
            title: title(),
            oids: vec!["1.2.3".to_owned()],
        },
        forbidden(Constraint::Excluded("test".to_owned())),
        forbidden(Constraint::NotPermitted(vec!["example".to_owned()])),
        Evidence::TooManyConstraints {
            title: title(),
            issuer: issuer(),
        },
        weak_key(KeyKind::Rsa, 512),
        weak_key(KeyKind::Rsa, 1_024),
        weak_key(KeyKind::Ec, 192),
        Evidence::WeakSignature {
            title: title(),
            algorithm: "md5WithRSAEncryption".to_owned(),
            hash: WeakHash::Md2OrMd5,
        },
        Evidence::WeakSignature {
            title: title(),
            algorithm: "sha1WithRSAEncryption".to_owned(),
            hash: WeakHash::Sha1,
        },
        unchecked(Unchecked::KeyMalformed),
        unchecked(Unchecked::AlgorithmUnsupported),
        unchecked(Unchecked::CompressedPoint),
        unchecked(Unchecked::RsaKeyTooShort),
        unchecked(Unchecked::RsaKeyTooLong),
        unchecked(Unchecked::RsaExponentTooLarge),
        unchecked(Unchecked::TooManyCandidates),
        Evidence::SearchStopped { title: title() },
        Evidence::PartialChain { title: title() },
        Evidence::WrongSelfSignature { title: title() },
        self_signed(trusted(Authorities::Target, 0)),
        self_signed(trusted(Authorities::Given, 0)),
        self_signed(trusted(Authorities::Given, 1)),
        Evidence::UntrustedRoot {
            title: issuer(),
            trusted: trusted(Authorities::Mozilla, 140),
        },
        Evidence::IssuerEncodedDifferently {
            title: title(),
            issuer: issuer(),
        },
        missing(source),
        missing(file),
        unknown(None),
        unknown(Some("http://ca/ca.crt")),
        Evidence::OtherIssuerKey {
            title: title(),
            issuer: issuer(),
            location: IssuerLocation::Chain,
        },
        Evidence::WrongSignature {
            title: title(),
            issuer: issuer(),
            location: IssuerLocation::TrustStore,
        },
        Evidence::NameNotConverted {
            requested: "☃.test".to_owned(),
        },
        Evidence::NameInvalid {
            requested: "a b".to_owned(),
        },
        Evidence::NamesUnreadable {
            title: title(),
            error: Error::BadDer,
        },
        mismatch(&[], Some(NameHint::OnlyCommonName)),
        mismatch(&["DNS:a.test", "DNS:b.test"], None),
        mismatch(&["DNS:::1"], Some(NameHint::AddressAsDnsName)),
        mismatch(
            &["DNS:b*"],
            Some(NameHint::PartialWildcard("b*".to_owned())),
        ),
        mismatch(
            &["DNS:*.de"],
            Some(NameHint::OneLabelWildcard("*.de".to_owned())),
        ),
        Evidence::StapleUnusable { title: title() },
        Evidence::StapleNotSigned {
            title: title(),
            status: OcspStatus::Good,
        },
        revoked(Some(Timestamp(at(499_000))), Some("keyCompromise"), true),
        revoked(None, None, false),
        Evidence::StapleOutOfDate {
            title: title(),
            due: Timestamp(at(499_000)),
            now,
        },
        Evidence::CaAsLeaf { title: title() },
        Evidence::RejectedByWebpki(Error::UnsupportedCertVersion),
        Evidence::RejectedByWebpki(Error::NameConstraintViolation),
        Evidence::RejectedByWebpki(Error::UnsupportedCriticalExtension),
        Evidence::RejectedByWebpki(Error::MaximumPathBuildCallsExceeded),
        Evidence::RejectedByWebpki(Error::InvalidSignatureForPublicKey),
        Evidence::RejectedByWebpki(Error::EndEntityUsedAsCa),
        Evidence::RejectedByWebpki(Error::EmptyEkuExtension),
        Evidence::RejectedByWebpki(Error::SignatureAlgorithmMismatch),
        Evidence::NotReadByWebpki(Error::BadDer),
        Evidence::NotReadByWebpki(Error::BadDerTime),
        Evidence::NotReadByWebpki(Error::MalformedExtensions),
        Evidence::RootsIncluded {
            source,
            titles: vec![issuer()],
        },
        Evidence::UnusedCertificates {
            source: file,
            titles: vec![issuer(), title()],
        },
        Evidence::FirstLeadsNowhere {
            source,
            title: issuer(),
        },
        Evidence::OutOfOrder(source),
        Evidence::OutOfOrder(file),
    ]
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the golden file of this repository"
)]
fn each_finding_has_this_problem_weight_and_sentence() {
    let lines = samples().into_iter().map(|evidence| {
        let finding = ChainFinding {
            evidence,
            place: None,
        }
        .reported();
        let weight = if finding.fatal { "fatal" } else { "warning" };
        format!("{:?}, {weight}: {}\n", finding.problem, finding.says)
    });
    let written: String = lines.collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pki-findings.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written, kept,
        "the findings have changed; if that is meant: BLESS=1 cargo test --lib pki"
    );
}
