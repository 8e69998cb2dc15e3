//! `gnutls_x509_trust_list_verify_crt2` (`lib/x509/verify-high.c`, `verify.c`) with the words of
//! `gnutls_certificate_verification_status_print`. The sources are those of `GnuTLS` 3.7.

mod certificate;
mod names;

use super::{RuntimeAnswer, RuntimeQuestion, Unreadable, clock, lacking_signature, signature};
use crate::parse::x509::{KeyAlgorithm, ParsedCertificate};
use crate::pki::Purpose;
use crate::pki::algorithms::SignatureCheck;
use certificate::{Authority, CERTIFICATE_ERROR, GnutlsCertificate};

/// `DEFAULT_MAX_VERIFY_DEPTH`.
const DEPTH_MAX: u64 = 16;
/// The curves that certificates may be signed with.
const CURVES: &[&str] = &["P-192", "P-224", "P-256", "P-384", "P-521"];

/// What speaks against a chain, in the order in which it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    SignerNotFound,
    SignerNotCa,
    InsecureAlgorithm,
    ConstraintsFailure,
    NotActivated,
    Expired,
    SignatureFailure,
    UnexpectedOwner,
    PurposeMismatch,
    OcspMissing,
    UnknownCritical,
    /// It has no words.
    Invalid,
}

impl Status {
    fn says(self) -> &'static str {
        match self {
            Self::SignerNotFound => "The certificate issuer is unknown.",
            Self::SignerNotCa => "The certificate issuer is not a CA.",
            Self::InsecureAlgorithm => "The certificate chain uses insecure algorithm.",
            Self::ConstraintsFailure => "The certificate chain violates the signer's constraints.",
            Self::NotActivated => "The certificate chain uses not yet valid certificate.",
            Self::Expired => "The certificate chain uses expired certificate.",
            Self::SignatureFailure => "The signature in the certificate is invalid.",
            Self::UnexpectedOwner => "The name in the certificate does not match the expected.",
            Self::PurposeMismatch => "The certificate chain does not match the intended purpose.",
            Self::OcspMissing => {
                "The certificate requires the server to include an OCSP status in its response, \
                 but the OCSP status is missing."
            }
            Self::UnknownCritical => "The certificate contains an unknown critical extension.",
            Self::Invalid => "",
        }
    }
}

/// The verdict of `GnuTLS`.
pub(super) fn ask(question: &RuntimeQuestion) -> RuntimeAnswer {
    let fatal = |why: &str| RuntimeAnswer::Refused(format!("Fatal error: {why}"));
    let mut chain = Vec::new();
    for (at, parsed) in question.chain.iter().enumerate() {
        match GnutlsCertificate::of(parsed) {
            Ok(certificate) => chain.push(certificate),
            Err(why) if at == 0 => return fatal(why),
            Err(_) => return fatal(CERTIFICATE_ERROR),
        }
    }
    match question.unreadable {
        Some(Unreadable::TooShort | Unreadable::Indefinite) if chain.is_empty() => {
            return fatal("ASN1 parser: Error in DER parsing.");
        }
        Some(_) => return fatal(CERTIFICATE_ERROR),
        None => {}
    }
    let untrusted =
        |why: &str| RuntimeAnswer::Refused(format!("Error setting the x509 trust file: {why}"));
    let mut roots = Vec::new();
    for parsed in question.roots {
        match GnutlsCertificate::of(parsed) {
            Ok(certificate) => roots.push(certificate),
            Err(why) => return untrusted(why),
        }
    }
    if roots.is_empty() {
        return untrusted("No certificate was found.");
    }
    let Some(leaf) = chain.first() else {
        return fatal("No certificate was found.");
    };
    // As it is needed for the handshake, before anything is verified.
    if matches!(leaf.usage, Ok(Some(bits)) if bits != 0 && bits & 0x8000 == 0) {
        return fatal("Key usage violation in certificate has been detected.");
    }
    let mut verifier = Verifier {
        roots: &roots,
        now: clock::seconds(question.now),
        found: Vec::new(),
        lacks: None,
    };
    let sorted = sorted(&chain);
    verifier.verify(sorted, question);
    verifier.answer()
}

/// Whether it takes a certificate out of a bundle.
///
/// # Errors
/// Its own sentence.
pub(super) fn takes(certificate: &ParsedCertificate) -> Result<(), &'static str> {
    GnutlsCertificate::of(certificate).map(|_| ())
}

/// The leaf, and of what was sent always the first that issued the one before
/// (`_gnutls_sort_clist`).
fn sorted<'c, 'a>(chain: &'c [GnutlsCertificate<'a>]) -> Vec<&'c GnutlsCertificate<'a>> {
    let mut path: Vec<&GnutlsCertificate> = chain.first().into_iter().collect();
    while let Some(head) = path.last().copied() {
        let next = chain.iter().find(|one| {
            one.has_issued(head)
                && !path
                    .iter()
                    .any(|other| other.parsed.der() == one.parsed.der())
        });
        match next {
            Some(next) if !head.is_self_issued() => path.push(next),
            _ => break,
        }
    }
    path
}

struct Verifier<'v, 'a> {
    roots: &'v [GnutlsCertificate<'a>],
    /// Seconds since 1970.
    now: i64,
    found: Vec<Status>,
    lacks: Option<String>,
}

/// What is carried from the authority down to the leaf.
struct Below<'v, 'a> {
    /// Certificates that may follow.
    allowed: u64,
    constraining: Vec<&'v GnutlsCertificate<'a>>,
}

impl<'v, 'a> Verifier<'v, 'a> {
    fn answer(mut self) -> RuntimeAnswer {
        if self.found.is_empty() {
            return match self.lacks {
                Some(rule) => RuntimeAnswer::Lacks(rule),
                None => RuntimeAnswer::Accepted,
            };
        }
        self.found.sort_unstable();
        self.found.dedup();
        let mut says = "The certificate is NOT trusted.".to_owned();
        for words in self.found.iter().map(|one| one.says()) {
            if !words.is_empty() {
                says.push(' ');
                says.push_str(words);
            }
        }
        RuntimeAnswer::Refused(says)
    }

    fn verify(&mut self, mut path: Vec<&'v GnutlsCertificate<'a>>, question: &RuntimeQuestion) {
        let Some(leaf) = path.first().copied() else {
            return;
        };
        self.path(&mut path);
        if self.found.is_empty() && self.lacks.is_none() {
            self.purposes(&path, question);
        }
        if self.found.is_empty()
            && let Some(host) = question.server_name
            && !names::host_matches(leaf, host)
        {
            self.found.push(Status::UnexpectedOwner);
        }
        if self.found.is_empty() && leaf.must_staple && !question.has_staple {
            self.found.push(Status::OcspMissing);
        }
    }

    /// The signatures, from the authority down (`_gnutls_verify_crt_status`).
    fn path(&mut self, path: &mut Vec<&'v GnutlsCertificate<'a>>) {
        if path.len() > 1 && path.last().is_some_and(|last| last.is_self_issued()) {
            path.pop();
        }
        let known = path.iter().enumerate().find_map(|(at, one)| {
            let trusted = self.roots.iter().find(|root| root.has_key_of(one))?;
            Some((at, trusted))
        });
        let mut from_chain: Vec<&GnutlsCertificate> = Vec::new();
        if let Some((at, trusted)) = known {
            self.times(trusted);
            if at == 0 || !self.found.is_empty() {
                return;
            }
            path.truncate(at);
            from_chain.push(trusted);
        }
        let mut below = Below {
            allowed: DEPTH_MAX,
            constraining: Vec::new(),
        };
        let roots: Vec<&GnutlsCertificate> = self.roots.iter().collect();
        let mut issuers = roots;
        for at in (0..path.len()).rev() {
            let Some(one) = path.get(at).copied() else {
                return;
            };
            self.one(one, &issuers, at + 1 == path.len(), at == 0, &mut below);
            if !self.found.is_empty() {
                return;
            }
            issuers = vec![one];
        }
    }

    /// One certificate against its issuer (`verify_crt`).
    fn one(
        &mut self,
        one: &'v GnutlsCertificate<'a>,
        issuers: &[&'v GnutlsCertificate<'a>],
        is_trusted: bool,
        is_leaf: bool,
        below: &mut Below<'v, 'a>,
    ) {
        if below.allowed == 0 {
            self.found.push(Status::ConstraintsFailure);
            return;
        }
        below.allowed -= 1;
        let mut named = issuers.iter().filter(|issuer| issuer.has_issued(one));
        let fits = |issuer: &&&GnutlsCertificate| {
            signature(one.parsed, issuer.parsed) == SignatureCheck::Right
                && (issuer.not_before..=issuer.not_after).contains(&self.now)
        };
        let best = named.clone().find(fits).or_else(|| named.next());
        let Some(issuer) = best.copied() else {
            self.found.push(Status::SignerNotFound);
            return;
        };
        self.constraints(one, issuer, is_leaf, below);
        if one.has_unknown || issuer.has_unknown {
            self.found.push(Status::UnknownCritical);
        }
        self.authority(issuer, is_trusted, below);
        self.signed(one, issuer);
        self.times(issuer);
        self.times(one);
    }

    fn constraints(
        &mut self,
        one: &'v GnutlsCertificate<'a>,
        issuer: &'v GnutlsCertificate<'a>,
        is_leaf: bool,
        below: &mut Below<'v, 'a>,
    ) {
        if issuer.constraints.is_err() {
            self.found.push(Status::ConstraintsFailure);
            return;
        }
        below.constraining.push(issuer);
        if is_leaf {
            let mut own = below.constraining.iter();
            if own.any(|issuer| names::are_forbidden(one, issuer)) {
                self.found.push(Status::ConstraintsFailure);
            }
        }
    }

    /// Whether the issuer may issue (`check_if_ca`).
    fn authority(
        &mut self,
        issuer: &GnutlsCertificate,
        is_trusted: bool,
        below: &mut Below<'v, 'a>,
    ) {
        if issuer.raw.version == Some(0) && is_trusted {
            return;
        }
        match issuer.authority {
            Authority::Yes(length) => {
                below.allowed = length.map_or(below.allowed, |length| below.allowed.min(length));
            }
            Authority::Unsaid if is_trusted && issuer.is_self_issued() => {}
            Authority::Unsaid | Authority::No => self.found.push(Status::SignerNotCa),
        }
        match issuer.usage {
            Ok(Some(bits)) if bits & 0x0400 == 0 => self.found.push(Status::ConstraintsFailure),
            Err(()) => self.found.push(Status::Invalid),
            Ok(_) => {}
        }
    }

    fn signed(&mut self, one: &GnutlsCertificate, issuer: &GnutlsCertificate) {
        let algorithm = one.parsed.signature_algorithm.to_ascii_lowercase();
        let key = issuer.parsed.public_key.as_ref();
        let is_curve = key.is_some_and(|key| key.algorithm == KeyAlgorithm::Ecdsa);
        let curve = key.and_then(|key| key.curve.as_deref());
        let curve_is_weak = is_curve && !curve.is_some_and(|curve| CURVES.contains(&curve));
        let hash_is_weak = ["sha1", "md5", "md2"]
            .iter()
            .any(|hash| algorithm.contains(hash));
        if algorithm.starts_with("rsassapss") && hash_is_weak {
            self.found.push(Status::Invalid);
            return;
        }
        if (hash_is_weak && !one.is_self_issued()) || curve_is_weak {
            self.found.push(Status::InsecureAlgorithm);
            return;
        }
        match signature(one.parsed, issuer.parsed) {
            SignatureCheck::Right => {}
            SignatureCheck::Wrong => self.found.push(Status::SignatureFailure),
            SignatureCheck::Unknown(_) => {
                let lacking = lacking_signature(one.parsed, issuer.parsed);
                self.lacks.get_or_insert(lacking);
            }
        }
    }

    fn times(&mut self, one: &GnutlsCertificate) {
        if self.now < one.not_before {
            self.found.push(Status::NotActivated);
        } else if self.now > one.not_after {
            self.found.push(Status::Expired);
        }
    }

    /// The extendedKeyUsage of all but the authority; any purpose is one in the leaf alone.
    fn purposes(&mut self, path: &[&GnutlsCertificate], question: &RuntimeQuestion) {
        const ANY: &[u8] = &[0x55, 0x1d, 37, 0];
        const NETSCAPE: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 4, 1];
        let wanted = question.usage();
        for (at, one) in path.iter().enumerate() {
            let allows = match &one.usages {
                Err(()) => false,
                Ok(None) => true,
                Ok(Some(usages)) => {
                    let gated = question.purpose == Purpose::Server && usages.contains(&NETSCAPE);
                    let any = at == 0 && usages.contains(&ANY);
                    usages.is_empty() || usages.contains(&wanted) || any || (at > 0 && gated)
                }
            };
            if !allows {
                self.found.push(Status::PurposeMismatch);
            }
        }
    }
}
