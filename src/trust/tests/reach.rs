//! What is read of a trust store where only some of it matters.

use super::*;
use crate::model::Seen;

const RULES: [fn() -> RuntimeTrustRules; 4] = [
    || RuntimeTrustRules::Go { fallback: false },
    || RuntimeTrustRules::Openssl {
        openssl: Some(b"/usr/lib/ssl".to_vec()),
    },
    || RuntimeTrustRules::Gnutls { bundle: None },
    || RuntimeTrustRules::Unknown,
];

/// Whether there is no authority, and whether all have expired.
fn answers(store: &TrustStore) -> (bool, bool) {
    let number = |seen: &Option<Seen<u64>>| seen.as_ref().and_then(Seen::value).copied();
    let (roots, expired) = (number(&store.roots), number(&store.expired_roots));
    let all_expired = roots.is_some_and(|roots| roots > 0 && expired == Some(roots));
    (roots == Some(0), all_expired)
}

#[test]
fn whether_there_is_a_valid_authority_is_known_without_the_rest() {
    let targets: [fn() -> Target; 5] = [
        Target::new,
        || Target::new().with(DEBIAN, expired("Old")),
        || {
            Target::new()
                .with(DEBIAN, bundle(3))
                .with("/etc/ssl/certs/own.crt", authority("Own"))
        },
        // Of the files only the first counts.
        || {
            Target::new()
                .with(DEBIAN, expired("Old"))
                .with("/etc/ssl/cert.pem", authority("Late"))
        },
        || {
            Target::new()
                .with("/usr/lib/ssl/cert.pem", expired("Old"))
                .with("/usr/lib/ssl/certs/deadbeef.0", authority("Own"))
        },
    ];
    for target in targets {
        for rules in RULES {
            let whole = target().trust(rules());
            for reach in [TrustReach::Verdicts, TrustReach::AnyAuthority] {
                let mut target = target();
                target.reach = reach;
                let read = target.trust(rules());
                assert_eq!(answers(&read.store), answers(&whole.store), "{whole:#?}");
                if reach == TrustReach::Verdicts {
                    let count = |trust: &Trust| trust.roots.as_ref().map(Vec::len);
                    assert_eq!(count(&read), count(&whole));
                }
            }
        }
    }
}

#[test]
fn what_makes_no_difference_is_not_read() {
    let mut target = Target::new()
        .with(DEBIAN, bundle(3))
        .with("/etc/ssl/certs/own.crt", authority("Own"));
    target.reach = TrustReach::AnyAuthority;
    let store = target.trust(RULES[0]()).store;
    assert_eq!((store.places.len(), total(&store)), (1, (3, 1)));
    let unknown = target.trust(RuntimeTrustRules::Unknown).store;
    assert!(unknown.places.is_empty(), "{unknown:#?}");
}
