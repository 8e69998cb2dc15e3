//! Stapled OCSP responses, made by `openssl ocsp`.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use spyhole::api::pki::{ChainSource, ParsedCertificate, Purpose, Question, Roots, judge, staple};
use spyhole::model::tls::{OcspStaple, OcspStatus};
use spyhole::model::verdict::{Authorities, Finding, Judgement, Problem, Verdict};

use super::certificates;
use super::make::{CA, Openssl, SERVER};

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const OCSP: &str = "extendedKeyUsage=OCSPSigning";

/// An authority with a leaf, and what it takes to answer for it.
struct Responder {
    openssl: Openssl,
    chain: Vec<Arc<ParsedCertificate>>,
}

impl Responder {
    fn new() -> Self {
        let openssl = Openssl::new();
        for name in ["ca", "leaf", "delegate", "stranger", "usurper"] {
            openssl.key(name, P256);
        }
        let ca = openssl.certificate("ca", None, &[CA], &[]);
        let leaf = openssl.certificate("leaf", Some("ca"), &[SERVER], &["-set_serial", "77"]);
        openssl.certificate("delegate", Some("ca"), &[OCSP], &[]);
        // Of the same issuer, but without the right to answer; and with the right from nobody.
        let usage = "extendedKeyUsage=serverAuth,clientAuth";
        openssl.certificate("stranger", Some("ca"), &[SERVER, usage], &[]);
        openssl.certificate("usurper", None, &[OCSP], &["-subj", "/CN=ca"]);
        Self {
            openssl,
            chain: certificates(&[leaf, ca]),
        }
    }

    /// The answer of this signer, where the leaf is good or was revoked.
    fn answer(&self, signer: &str, revoked: bool, more: &[&str]) -> Vec<u8> {
        let state = if revoked {
            "R\t400101000000Z\t260101000000Z,keyCompromise\t4D\tunknown\t/CN=leaf\n"
        } else {
            "V\t400101000000Z\t\t4D\tunknown\t/CN=leaf\n"
        };
        self.openssl.write("index.txt", state);
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        // A hash is for the certificates named after it.
        let mut arguments = vec!["ocsp"];
        arguments.extend(more);
        arguments.extend(["-index", "index.txt", "-CA", "ca.pem", "-issuer", "ca.pem"]);
        arguments.extend(["-cert", "leaf.pem", "-rsigner", &certificate, "-rkey", &key]);
        arguments.extend(["-respout", "answer.der", "-noverify"]);
        self.openssl.must(&arguments);
        fs::read(self.openssl.path("answer.der")).unwrap()
    }

    fn staple(&self, answer: &[u8]) -> OcspStaple {
        staple(answer, &self.chain, SystemTime::now())
    }

    fn verdict(&self, staple: &OcspStaple, now: SystemTime) -> Verdict {
        judge(&Question {
            chain: &self.chain,
            roots: &Roots::of(self.chain[1..].to_vec()),
            authorities: Authorities::Given,
            server_name: Some("api.example"),
            now,
            staple: Some(staple),
            source: ChainSource::Server,
            purpose: Purpose::Server,
            unreadable: None,
        })
    }

    fn finding(&self, staple: &OcspStaple, problem: Problem) -> (Judgement, Finding) {
        let verdict = self.verdict(staple, SystemTime::now());
        let found = verdict.findings.iter().find(|one| one.problem == problem);
        let found = found.unwrap_or_else(|| panic!("{verdict:#?}"));
        (verdict.judgement, found.clone())
    }
}

#[test]
fn a_good_answer_of_the_issuer_or_its_delegate_is_taken() {
    let responder = Responder::new();
    for (signer, hash) in [("ca", "-sha1"), ("ca", "-sha256"), ("delegate", "-sha512")] {
        let told = responder.staple(&responder.answer(signer, false, &[hash, "-ndays", "7"]));
        assert_eq!(told.status, OcspStatus::Good, "{signer}");
        assert_eq!(told.signed_by_issuer, Some(true), "{signer}");
        let (begin, due) = (told.this_update.unwrap(), told.next_update.unwrap());
        assert_eq!(begin.until(due), Duration::from_hours(7 * 24));
        let now = SystemTime::now();
        let verdict = responder.verdict(&told, now);
        assert_eq!(verdict.judgement, Judgement::Verified);
        assert!(!verdict.findings.iter().any(|one| one.fatal));
        let late = responder.verdict(&told, now + Duration::from_hours(8 * 24));
        assert_eq!(late.judgement, Judgement::Verified);
        let says: Vec<&str> = late.findings.iter().map(|one| one.says.as_str()).collect();
        assert!(
            says.iter().any(|says| says.contains("out of date")),
            "{says:?}"
        );
    }
}

#[test]
fn a_revocation_that_is_properly_signed_decides() {
    let responder = Responder::new();
    for signer in ["ca", "delegate"] {
        let told = responder.staple(&responder.answer(signer, true, &[]));
        assert_eq!(told.status, OcspStatus::Revoked, "{signer}");
        assert_eq!(told.revocation_reason.as_deref(), Some("keyCompromise"));
        let at = told.revoked_at.unwrap().rfc3339();
        assert_eq!(at, "2026-01-01T00:00:00.000Z");
        let (judgement, finding) = responder.finding(&told, Problem::Revoked);
        assert_eq!((judgement, finding.fatal), (Judgement::Refused, true));
        assert!(
            finding.says.contains("at 2026-01-01T00:00:00Z"),
            "{}",
            finding.says
        );
        assert!(finding.says.contains("(keyCompromise)"), "{}", finding.says);
    }
}

#[test]
fn a_revocation_by_a_stranger_counts_for_nothing() {
    let responder = Responder::new();
    for signer in ["stranger", "usurper", "leaf"] {
        let told = responder.staple(&responder.answer(signer, true, &[]));
        assert_eq!(told.status, OcspStatus::Revoked, "{signer}");
        assert_eq!(told.signed_by_issuer, Some(false), "{signer}");
        let (judgement, finding) = responder.finding(&told, Problem::BadSignature);
        assert_eq!((judgement, finding.fatal), (Judgement::Verified, false));
        assert!(finding.says.contains(": ignored"), "{}", finding.says);
    }
    let mut changed = responder.answer("ca", true, &["-resp_no_certs"]);
    *changed.last_mut().unwrap() ^= 1;
    let told = responder.staple(&changed);
    assert_eq!(told.signed_by_issuer, Some(false));
}

#[test]
fn without_the_issuer_in_the_chain_nobody_knows_who_signed() {
    let mut responder = Responder::new();
    let roots = responder.chain.split_off(1);
    let told = responder.staple(&responder.answer("ca", true, &[]));
    assert_eq!(
        (told.status, told.signed_by_issuer),
        (OcspStatus::Revoked, None)
    );
    let verdict = judge(&Question {
        chain: &responder.chain,
        roots: &Roots::of(roots),
        authorities: Authorities::Given,
        server_name: None,
        now: SystemTime::now(),
        staple: Some(&told),
        source: ChainSource::Server,
        purpose: Purpose::Server,
        unreadable: None,
    });
    assert_eq!(verdict.judgement, Judgement::Verified);
    let says = &verdict.findings[0].says;
    assert!(says.contains("could not be checked"), "{says}");
}

#[test]
fn an_answer_about_another_certificate_is_of_no_use() {
    let responder = Responder::new();
    let other = Responder::new();
    let answer = responder.answer("ca", false, &[]);
    assert_eq!(other.staple(&answer).status, OcspStatus::Unusable);
    let (judgement, finding) = other.finding(&other.staple(&answer), Problem::Malformed);
    assert_eq!((judgement, finding.fatal), (Judgement::Verified, false));
    // "tryLater", as a responder without an answer says.
    let none = responder.staple(&[0x30, 3, 0x0a, 1, 3]);
    assert_eq!(none.status, OcspStatus::Unusable);
}

#[test]
fn a_damaged_answer_never_panics_and_is_never_taken_for_signed() {
    let responder = Responder::new();
    let answer = responder.answer("delegate", false, &[]);
    for at in 0..answer.len() {
        responder.staple(&answer[..at]);
        responder.staple(&answer[at..]);
        for with in [0, 0x30, 0x80, 0xff] {
            let mut damaged = answer.clone();
            if damaged[at] == with {
                continue;
            }
            damaged[at] = with;
            let told = responder.staple(&damaged);
            // What is said may only be believed if it is what was signed.
            assert!(
                told.signed_by_issuer != Some(true) || told.status == OcspStatus::Good,
                "{at}: {told:?}"
            );
        }
    }
}
