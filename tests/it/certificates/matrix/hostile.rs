//! Chains that somebody made to do harm: never a panic, never long.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints,
};
use spyhole::api::pki::{ChainSource, ParsedCertificate, Purpose, Question, Roots, judge};
use spyhole::model::verdict::{Authorities, Judgement, Verdict};

use super::certificates;
use super::make::{Ca, named, noon};

/// Of the processor, in a build without optimisation; it takes some milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

fn within_the_limit(chain: &[Arc<ParsedCertificate>], roots: &Roots, now: SystemTime) -> Verdict {
    // Of this thread: what else runs on the machine does not count.
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = clock();
    let verdict = judge(&Question {
        chain,
        roots,
        authorities: Authorities::Target,
        server_name: Some("api.example"),
        now,
        staple: None,
        source: ChainSource::Server,
        purpose: Purpose::Server,
        unreadable: None,
    });
    let took = clock().saturating_sub(start);
    assert!(took < LIMIT, "took {took:?}: {:?}", verdict.judgement);
    verdict
}

/// A chain of three and its root.
fn sample() -> &'static (Vec<Vec<u8>>, Roots) {
    static SAMPLE: OnceLock<(Vec<Vec<u8>>, Roots)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let root = Ca::root("root");
        let sub = root.sub_with("sub", |params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("example".to_owned())],
                excluded_subtrees: Vec::new(),
            });
        });
        let leaf = sub.leaf(&["api.example", "10.1.2.3"]);
        let roots = Roots::of(certificates(std::slice::from_ref(&root.der)));
        (vec![leaf, sub.der, root.der], roots)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_chain_with_changed_bytes_is_judged_and_never_verified(
        which in 0_usize..2,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (chain, roots) = sample();
        let mut chain = chain.clone();
        for (at, byte) in &changes {
            let at = at.index(chain[which].len());
            chain[which][at] = *byte;
        }
        let same = chain == sample().0;
        // What is no certificate any more is left out, as a reader does.
        let opened: Vec<Arc<ParsedCertificate>> = chain
            .iter()
            .filter_map(|der| ParsedCertificate::read(der).ok().map(Arc::new))
            .collect();
        let verdict = within_the_limit(&opened, roots, noon());
        prop_assert!(same || verdict.judgement != Judgement::Verified, "{verdict:?}");
    }

    #[test]
    fn any_name_and_any_moment_are_judged(name in "\\PC{0,80}", seconds in any::<u32>()) {
        let (chain, roots) = sample();
        let chain = certificates(chain);
        let verdict = judge(&Question {
            chain: &chain,
            roots,
            authorities: Authorities::Target,
            server_name: Some(&name),
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(seconds)),
            staple: None,
            source: ChainSource::Server,
            purpose: Purpose::Server,
            unreadable: None,
        });
        prop_assert!(name == "api.example" || verdict.judgement != Judgement::Verified);
    }
}

/// Each of them can have issued each other one by its name: there are more ways than atoms.
#[test]
fn a_thousand_certificates_of_one_name_end_soon() {
    let ca = |params: &mut CertificateParams| {
        params.distinguished_name = named("hydra");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    ca(&mut params);
    let keys: Vec<KeyPair> = (0..40).map(|_| KeyPair::generate().unwrap()).collect();
    // Forty keys, each of which certified each other one.
    let mut served = Vec::new();
    for issuer in &keys {
        for holder in keys.iter().take(25) {
            let issuer = Issuer::from_params(&params, issuer);
            let signed = params.signed_by(holder, &issuer).unwrap();
            served.push(signed.der().to_vec());
        }
    }
    let mut leaf = CertificateParams::new(vec!["api.example".to_owned()]).unwrap();
    leaf.distinguished_name = named("leaf");
    let leaf = leaf.signed_by(&keys[39], &Issuer::from_params(&params, &keys[0]));
    served.insert(0, leaf.unwrap().der().to_vec());
    let chain = certificates(&served);
    let stranger = Ca::root("root").der;
    let namesake = Ca::root("hydra").der;
    for roots in [vec![], vec![stranger], vec![namesake]] {
        let verdict = within_the_limit(&chain, &Roots::of(certificates(&roots)), noon());
        assert_ne!(verdict.judgement, Judgement::Verified);
        assert!(verdict.findings.len() < 100, "{}", verdict.findings.len());
        for finding in &verdict.findings {
            assert!(finding.says.len() < 4_000, "{}", finding.says.len());
        }
    }
    let all = Roots::of(chain[1..].to_vec());
    within_the_limit(&chain, &all, noon());
}

#[test]
fn a_thousand_names_under_a_thousand_constraints_end_soon() {
    let root = Ca::root("root");
    let sub = root.sub_with("sub", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: (0..1_000)
                .map(|at| GeneralSubtree::DnsName(format!("x{at}.example")))
                .collect(),
        });
    });
    let names: Vec<String> = (0..1_000).map(|at| format!("n{at}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let chain = certificates(&[sub.leaf(&names), sub.der]);
    let roots = Roots::of(certificates(&[root.der]));
    let verdict = within_the_limit(&chain, &roots, noon());
    assert_ne!(verdict.judgement, Judgement::Verified);
}

#[test]
fn an_empty_chain_is_told() {
    let verdict = within_the_limit(&[], &Roots::mozilla(), noon());
    assert_eq!(verdict.findings[0].says, "the server sent no certificate");
}
