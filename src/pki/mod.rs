//! Whether a chain is to be believed, with the evidence.
//!
//! `path_builder` finds the paths from the leaf to trusted authorities by names and signatures; for
//! each, everything that speaks against it is collected, and against the best one webpki is asked
//! last (`webpki_check`). A chain is verified if nothing fatal is left; what only cannot be checked
//! is neither verified nor refused.
//!
//! Fatal is what the runtimes of today refuse: also RSA below 2048 bits (OpenSSL at the security
//! level of the distributions, rustls), SHA-1 and MD5 (all of them). Where they differ, the
//! finding says who takes what.

mod algorithms;
mod chain_hygiene;
mod elliptic;
mod ends;
mod finding;
mod further_algorithms;
mod idn;
mod issuing;
mod member;
mod modular;
mod name_constraints;
mod names;
mod ocsp_staple;
mod path_builder;
mod report;
mod roots;
mod runtimes;
mod strength;
mod terms;
mod validity;
mod webpki_check;
mod words;

use std::sync::Arc;
use std::time::SystemTime;

use self::finding::{ChainFinding, Evidence};
use self::member::Member;
use self::path_builder::{CertPath, PathEnd};
use crate::model::tls::OcspStaple;
use crate::model::verdict::{Authorities, Judgement, Problem, Verdict};

pub use crate::parse::certificate_file::{Contents, FileForm, contents};
pub use crate::parse::x509::{KeyAlgorithm, ParsedCertificate};
pub use ocsp_staple::staple;
pub(crate) use report::{Place, reported, revocation_list, seconds_between};
pub use roots::Roots;
pub(crate) use runtimes::judge_for;
pub use runtimes::{AskedRuntime, BundleEnd, RuntimeAnswer, RuntimeBundle, StorePlace};

/// Certificates of a chain that are opened; servers send a handful.
const OPENED: usize = 1_000;

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The certificates as the server showed them, the leaf first.
    pub chain: &'a [Arc<ParsedCertificate>],
    /// Who is trusted.
    pub roots: &'a Roots,
    /// Whose authorities these are.
    pub authorities: Authorities,
    /// What follows the chain and is no certificate: nothing behind it was read.
    pub unreadable: Option<&'a [u8]>,
    /// The name or address that was asked for; `None`: names are not compared.
    pub server_name: Option<&'a str>,
    /// The moment to judge at.
    pub now: SystemTime,
    /// What the server stapled.
    pub staple: Option<&'a OcspStaple>,
    /// Where the chain comes from.
    pub source: ChainSource,
    /// What the leaf is used for.
    pub purpose: Purpose,
}

/// Where a chain comes from: a finding names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainSource {
    /// A server sent it.
    Server,
    /// It is in one file.
    File,
}

/// What a leaf is used for: its extendedKeyUsage and those of its issuers must allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To authenticate a TLS server.
    Server,
    /// To authenticate a TLS client.
    Client,
}

impl Purpose {
    /// The only purpose that a certificate allows of the two; `Server` where it allows both.
    #[must_use]
    pub fn of(leaf: &ParsedCertificate) -> Self {
        let usages = leaf.extended_key_usages.as_deref().unwrap_or_default();
        let allows = |usage: &str| usages.iter().any(|one| one == usage);
        if allows(Self::Client.usage()) && !allows(Self::Server.usage()) {
            Self::Client
        } else {
            Self::Server
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Server => "serverAuth",
            Self::Client => "clientAuth",
        }
    }
}

/// Judges a chain.
#[must_use]
pub fn judge(question: &Question) -> Verdict {
    let chain: Vec<Member> = question
        .chain
        .iter()
        .zip(0..)
        .take(OPENED)
        .filter_map(|(certificate, place)| Member::of(certificate, Some(place)))
        .collect();
    let Some(leaf) = chain.first().filter(|parsed| parsed.place == Some(0)) else {
        return unreadable(question);
    };
    let case = Case {
        question,
        chain: &chain,
    };
    let mut best: Option<(CertPath, Vec<ChainFinding>)> = None;
    for path in path_builder::paths(case.chain, question.roots) {
        let findings = against(&case, &path);
        let better = best
            .as_ref()
            .is_none_or(|(other, others)| rank(&path, &findings) < rank(other, others));
        if better {
            best = Some((path, findings));
        }
    }
    let (path, mut findings) = best.unwrap_or_else(|| {
        let alone = CertPath {
            indices: vec![0],
            signatures: Vec::new(),
            end: PathEnd::GivenUp,
        };
        let findings = against(&case, &alone);
        (alone, findings)
    });
    findings.extend(
        question
            .server_name
            .and_then(|asked| names::mismatch(leaf, asked)),
    );
    findings.extend(
        question
            .staple
            .and_then(|staple| ocsp_staple::finding(leaf, staple, question.now)),
    );
    findings.extend(chain_hygiene::of(&case, &path));
    findings.sort_by_key(|finding| (!finding.is_fatal(), finding.problem(), finding.place));
    Verdict {
        authorities: question.authorities,
        judgement: judgement(&findings),
        path: subjects(&case, &path),
        findings: findings.iter().map(ChainFinding::reported).collect(),
        runtime: None,
    }
}

/// A chain that was opened.
#[derive(Debug, Clone, Copy)]
struct Case<'c, 'a> {
    question: &'c Question<'a>,
    chain: &'c [Member<'a>],
}

/// Everything that speaks against one path, whatever the name that was asked for.
fn against(case: &Case, path: &CertPath) -> Vec<ChainFinding> {
    let authority = match &path.end {
        PathEnd::Authority(anchor) => anchor
            .certificate
            .and_then(|certificate| Member::of(certificate, None)),
        _ => None,
    };
    let served: Vec<&Member> = path
        .indices
        .iter()
        .filter_map(|at| case.chain.get(*at))
        .collect();
    let mut members = served.clone();
    members.extend(&authority);

    let mut findings = ends::end(case, path);
    findings.extend(ends::unchecked(case, path));
    findings.extend(validity::times(&members, case.question.now));
    findings.extend(issuing::issuers(&members));
    findings.extend(issuing::purposes(&members, case.question.purpose));
    findings.extend(issuing::extensions(&members));
    findings.extend(name_constraints::names(&members));
    findings.extend(strength::keys(&members));
    // A trusted certificate needs no signature.
    if !matches!(path.end, PathEnd::Leaf) {
        findings.extend(strength::signatures(&served));
    }
    if !findings.iter().any(ChainFinding::is_fatal) {
        findings.extend(webpki_check::objection(case, path));
    }
    findings
}

/// The better of two paths is smaller: it ends at an authority, it is not refused, little speaks
/// against it, it is short; of those that lead nowhere the longest tells most.
fn rank(path: &CertPath, findings: &[ChainFinding]) -> (bool, bool, usize, usize) {
    let nowhere = matches!(path.end, PathEnd::Nowhere(_) | PathEnd::GivenUp);
    let fatal = findings.iter().filter(|finding| finding.is_fatal());
    let refused = judgement(findings) == Judgement::Refused;
    let length = path.indices.len();
    if nowhere {
        (true, false, usize::MAX - length, fatal.count())
    } else {
        (false, refused, fatal.count(), length)
    }
}

fn judgement(findings: &[ChainFinding]) -> Judgement {
    let mut fatal = findings
        .iter()
        .filter(|finding| finding.is_fatal())
        .peekable();
    if fatal.peek().is_none() {
        Judgement::Verified
    } else if fatal.all(|finding| finding.problem() == Problem::Unsupported) {
        Judgement::CannotVerify
    } else {
        Judgement::Refused
    }
}

/// The subjects, where the path leads to an authority.
fn subjects(case: &Case, path: &CertPath) -> Vec<String> {
    let authority = match &path.end {
        PathEnd::Authority(anchor) => Some(anchor.name()),
        PathEnd::Leaf => None,
        PathEnd::Nowhere(_) | PathEnd::GivenUp => return Vec::new(),
    };
    let chain = path.indices.iter().filter_map(|at| case.chain.get(*at));
    let subjects = chain.map(|parsed| parsed.certificate.subject.clone());
    subjects.chain(authority).collect()
}

/// A chain without a leaf that can be opened.
fn unreadable(question: &Question) -> Verdict {
    let leaf = question.chain.first();
    let evidence = match leaf {
        None if question.unreadable.is_some() => Evidence::NotX509 {
            title: "the server's certificate".to_owned(),
        },
        None => Evidence::NoCertificate(question.source),
        Some(leaf) => Evidence::NotX509 {
            title: terms::title(leaf),
        },
    };
    let found = finding(leaf.map(|_| 0), evidence);
    Verdict {
        authorities: question.authorities,
        judgement: Judgement::Refused,
        path: Vec::new(),
        findings: vec![found.reported()],
        runtime: None,
    }
}

fn finding(place: Option<u32>, evidence: Evidence) -> ChainFinding {
    ChainFinding { evidence, place }
}
