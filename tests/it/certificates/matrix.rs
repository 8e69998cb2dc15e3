//! Chains of every kind, judged by spyhole and by `openssl verify` at the same moment.
//!
//! openssl runs at the security level that Debian builds in for TLS, 2; on its own `verify` looks
//! at no strength at all.

mod by_openssl;
mod by_rcgen;
mod files;
mod hostile;
mod make;
mod staples;

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use spyhole::api::pki::{ChainSource, ParsedCertificate, Purpose, Question, Roots, judge};
use spyhole::model::verdict::{Authorities, Judgement, Problem, Verdict};

use self::make::{Openssl, noon, pem};

/// Where spyhole and `openssl verify` differ, and why that is right.
const DISAGREEMENTS: &[(&str, &str)] = &[
    (
        "cross-signed, the useful one last",
        "openssl takes the first certificate that the issuer's name fits and never goes back; Go \
         and rustls try the next",
    ),
    (
        "trusted leaf of another",
        "openssl wants the way to a self-signed root; Go, rustls and X509_V_FLAG_PARTIAL_CHAIN do \
         not, and a warning says so",
    ),
    (
        "intermediate trusted",
        "as above: an authority that another one issued",
    ),
    (
        "partial wildcard",
        "browsers, Go and rustls take an asterisk for a whole label only",
    ),
    (
        "name in the subject alone",
        "openssl still looks into the CN where there is no other name; Go, browsers and rustls do \
         not",
    ),
    (
        "dot at the end",
        "openssl compares it; Go and rustls take it for the root of the DNS",
    ),
    (
        "IDN as U-label",
        "openssl compares bytes; spyhole turns what was asked into its xn-- form",
    ),
    ("P-521 root", "ring has no P-521: neither valid nor invalid"),
    (
        "brainpool root",
        "ring has no such curve: neither valid nor invalid",
    ),
    ("Ed448 root", "ring has no Ed448: neither valid nor invalid"),
    (
        "RSA-PSS key",
        "its longest salt is one that ring does not take: neither valid nor invalid",
    ),
    ("SHA-224", "ring has no SHA-224: neither valid nor invalid"),
    (
        "P-256 with SHA-512",
        "ring has not this pair: neither valid nor invalid",
    ),
    (
        "critical policies",
        "webpki refuses critical extensions that it does not process: neither valid nor invalid",
    ),
    (
        "directory names limited",
        "webpki does not compare directory names: neither valid nor invalid",
    ),
    (
        "name in another encoding",
        "Go and rustls compare names by their bytes; openssl makes them alike before",
    ),
];

/// One chain with what is expected of the judge.
struct Chain {
    name: &'static str,
    served: Vec<Vec<u8>>,
    roots: Vec<Vec<u8>>,
    asked: Option<&'static str>,
    now: SystemTime,
    expected: Judgement,
    /// The fatal findings, the gravest first.
    problems: &'static [Problem],
    /// A part of what the gravest says.
    says: &'static str,
}

impl Chain {
    /// One that verifies for `api.example` on the day.
    fn good(name: &'static str, served: &[&[u8]], roots: &[&[u8]]) -> Self {
        let owned = |list: &[&[u8]]| list.iter().map(|der| der.to_vec()).collect();
        Self {
            name,
            served: owned(served),
            roots: owned(roots),
            asked: Some("api.example"),
            now: noon(),
            expected: Judgement::Verified,
            problems: &[],
            says: "",
        }
    }

    fn asked(self, name: &'static str) -> Self {
        Self {
            asked: Some(name),
            ..self
        }
    }

    fn refused(self, problems: &'static [Problem], says: &'static str) -> Self {
        Self {
            expected: Judgement::Refused,
            problems,
            says,
            ..self
        }
    }

    fn cannot(self, says: &'static str) -> Self {
        Self {
            expected: Judgement::CannotVerify,
            problems: &[Problem::Unsupported],
            says,
            ..self
        }
    }

    fn judged(&self) -> Verdict {
        let served = certificates(&self.served);
        judge(&Question {
            chain: &served,
            roots: &Roots::of(certificates(&self.roots)),
            authorities: Authorities::Given,
            server_name: self.asked,
            now: self.now,
            staple: None,
            source: ChainSource::Server,
            purpose: Purpose::Server,
            unreadable: None,
        })
    }

    /// Whether openssl verifies it, and what it says.
    fn by_openssl(&self) -> (bool, String) {
        let openssl = Openssl::new();
        let bundle = |list: &[Vec<u8>]| list.iter().map(|der| pem(der)).collect::<String>();
        fs::write(openssl.path("leaf.pem"), bundle(&self.served[..1])).unwrap();
        fs::write(openssl.path("rest.pem"), bundle(&self.served[1..])).unwrap();
        fs::write(openssl.path("roots.pem"), bundle(&self.roots)).unwrap();
        let since = self.now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let moment = since.as_secs().to_string();
        let mut arguments = vec!["verify", "-purpose", "sslserver", "-auth_level", "2"];
        arguments.extend(["-no-CApath", "-no-CAstore", "-attime", &moment]);
        if self.roots.is_empty() {
            arguments.push("-no-CAfile");
        } else {
            arguments.extend(["-CAfile", "roots.pem"]);
        }
        if self.served.len() > 1 {
            arguments.extend(["-untrusted", "rest.pem"]);
        }
        if let Some(asked) = self.asked {
            let kind = if asked.parse::<IpAddr>().is_ok() {
                "-verify_ip"
            } else {
                "-verify_hostname"
            };
            arguments.extend([kind, asked]);
        }
        arguments.push("leaf.pem");
        openssl.run(&arguments)
    }
}

fn certificates(ders: &[Vec<u8>]) -> Vec<Arc<ParsedCertificate>> {
    ders.iter()
        .map(|der| Arc::new(ParsedCertificate::read(der).unwrap()))
        .collect()
}

/// Judges them all; what is wrong with any of them is told at once.
fn compare(chains: &[Chain], here: &str) {
    let mut wrong = Vec::new();
    let mut met = Vec::new();
    for chain in chains {
        let verdict = chain.judged();
        let fatal: Vec<_> = verdict.findings.iter().filter(|one| one.fatal).collect();
        let problems: Vec<Problem> = fatal.iter().map(|one| one.problem).collect();
        let says = fatal.first().map_or("", |one| one.says.as_str());
        if verdict.judgement != chain.expected
            || problems != chain.problems
            || !says.contains(chain.says)
        {
            wrong.push(format!(
                "{}: expected {:?} {:?}: {}",
                chain.name,
                chain.expected,
                chain.problems,
                told(&verdict)
            ));
        }
        let (verifies, said) = chain.by_openssl();
        let listed = DISAGREEMENTS.iter().any(|(name, _)| *name == chain.name);
        let agrees = verifies == (verdict.judgement == Judgement::Verified);
        if agrees == listed {
            wrong.push(format!(
                "{}: {} openssl, which says: {said}{}",
                chain.name,
                if agrees {
                    "no longer disagrees with"
                } else {
                    "disagrees with"
                },
                told(&verdict)
            ));
        }
        met.push(chain.name);
    }
    assert!(wrong.is_empty(), "{here}\n{}", wrong.join("\n"));
    let mut names = met.clone();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), met.len(), "a name is there twice");
}

/// A verdict in a few lines.
fn told(verdict: &Verdict) -> String {
    let findings = verdict.findings.iter().map(|one| {
        let weight = if one.fatal { "fatal" } else { "warning" };
        format!("\n  {weight} {:?}: {}", one.problem, one.says)
    });
    let findings: String = findings.collect();
    format!("{:?} by {:?}{findings}", verdict.judgement, verdict.path)
}

#[test]
fn every_disagreement_is_about_a_chain_that_is_tried() {
    let tried: Vec<&str> = by_rcgen::chains()
        .iter()
        .chain(&by_openssl::chains())
        .map(|chain| chain.name)
        .collect();
    for (name, reason) in DISAGREEMENTS {
        assert!(tried.contains(name), "{name}: {reason}");
    }
}
