//! Roots that someone made to do harm.

use super::*;
use crate::model::gap::Reason;

const GO: RuntimeTrustRules = RuntimeTrustRules::Go { fallback: false };

#[test]
fn what_is_no_file_is_never_opened() {
    let target = Target::new()
        .with("/etc/ssl/certs/ca.crt", authority("Own"))
        .link("/etc/ssl/cert.pem", "cert.pem")
        .link("/etc/pki/tls/cacert.pem", "/etc/passwd/x");
    target.root.fifo(DEBIAN);
    target.root.fifo("/etc/ssl/certs/trap.crt");
    target.root.directory("/etc/ssl/ca-bundle.pem");
    let mut target = target;
    let store = target.trust(GO).store;
    assert_eq!(
        place(&store, DEBIAN).says.as_deref(),
        Some("it is not a regular file")
    );
    assert_eq!(told(&store, "/etc/ssl/cert.pem").0, PlaceState::Missing);
    assert_eq!(told(&store, "/etc/ssl/ca-bundle.pem").0, PlaceState::Empty);
    assert_eq!(told(&store, "/etc/ssl/certs").2, Some(1));
}

#[test]
fn a_link_leads_nowhere_outside() {
    let outside = Target::new().with("/secret.pem", authority("Outside"));
    let goal = outside.root.path("/secret.pem");
    let mut target = Target::new().link(DEBIAN, goal.to_str().unwrap());
    let store = target.trust(GO).store;
    assert_eq!(told(&store, DEBIAN).0, PlaceState::Missing);
}

#[test]
fn what_the_bounds_cut_is_a_gap_and_no_number() {
    let mut target = Target::new().with("/etc/ssl/certs/a.crt", authority("Own"));
    for index in 0..5_001 {
        target
            .root
            .write(&format!("/etc/ssl/certs/{index}.txt"), "");
    }
    let trust = target.trust(GO);
    let certs = place(&trust.store, "/etc/ssl/certs");
    assert!(certs.roots.as_ref().unwrap().value().is_none());
    assert!(trust.store.roots.as_ref().unwrap().value().is_none());
    assert_eq!(trust.roots, None);
    let cut = |gap: &&crate::model::Gap| gap.reason == Reason::Limit;
    assert!(target.gaps.as_slice().iter().any(|gap| cut(&gap)));

    let huge = bundle(2) + &"# padding ".repeat(1 << 20);
    let trust = Target::new().with(DEBIAN, huge).trust(GO);
    let file = place(&trust.store, DEBIAN);
    assert_eq!(file.state.value(), Some(&PlaceState::Present));
    assert!(file.roots.as_ref().unwrap().value().is_none());
}

#[test]
fn garbage_is_empty() {
    let mut target = Target::new().with(DEBIAN, b"\0\xff-----BEGIN CERTIFICATE-----\nAAAA\n");
    let store = target.trust(GO).store;
    assert_eq!(
        told(&store, DEBIAN),
        (PlaceState::Empty, Some(true), Some(0))
    );
    assert!(
        store.consequence.contains("its trust store is empty"),
        "{}",
        store.consequence
    );
}
