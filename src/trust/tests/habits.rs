//! What each runtime makes of the same root.

use super::*;
use crate::model::gap::{Reason, Refusal};
use crate::pki;
use crate::sys::Truncation;
use crate::trust::contents::PlaceContents;
use crate::trust::places::plan;
use crate::trust::reading::StoreFile;

const GO: RuntimeTrustRules = RuntimeTrustRules::Go { fallback: false };

fn openssl() -> RuntimeTrustRules {
    RuntimeTrustRules::Openssl {
        openssl: Some(b"/usr/lib/ssl".to_vec()),
    }
}

#[test]
fn in_an_empty_root_go_trusts_nobody_and_says_so() {
    let trust = Target::new().trust(GO);
    let store = &trust.store;
    assert_eq!(
        store.consequence,
        "none of the 8 paths that Go searches exists: its trust store is empty, so every TLS \
         connection will fail"
    );
    assert_eq!(
        store.error_text.as_deref(),
        Some("x509: certificate signed by unknown authority")
    );
    assert_eq!(total(store), (0, 0));
    assert_eq!(trust.roots, Some(Vec::new()));
    assert_eq!(
        told(store, DEBIAN),
        (PlaceState::Missing, Some(false), None)
    );
}

#[test]
fn the_first_file_ends_the_search_among_files_and_directories_are_read_too() {
    let mut target = Target::new()
        .with(DEBIAN, bundle(5))
        .with("/etc/ssl/cert.pem", authority("Late"))
        .with("/etc/ssl/certs/own.crt", authority("Own"))
        .link("/etc/ssl/certs/deadbeef.0", "own.crt");
    let trust = target.trust(GO);
    let store = &trust.store;
    assert_eq!(
        told(store, DEBIAN),
        (PlaceState::Present, Some(true), Some(5))
    );
    assert_eq!(
        told(store, "/etc/ssl/cert.pem"),
        (PlaceState::Present, Some(false), Some(1))
    );
    assert_eq!(
        told(store, "/etc/ssl/certs"),
        (PlaceState::Present, Some(true), Some(6))
    );
    assert_eq!(total(store), (6, 1));
    assert_eq!(store.error_text, None);
    assert_eq!(
        store.consequence,
        "Go trusts 6 authorities found in /etc/ssl/certs/ca-certificates.crt and /etc/ssl/certs"
    );
    let subjects: Vec<String> = trust
        .roots
        .unwrap()
        .into_iter()
        .map(|root| root.subject.clone())
        .collect();
    assert!(subjects.contains(&"CN=Own".to_owned()), "{subjects:?}");
    assert!(!subjects.contains(&"CN=Late".to_owned()), "{subjects:?}");
}

#[test]
fn a_variable_that_names_nothing_is_told_and_replaces_the_files_only() {
    let mut target = Target::new()
        .with(DEBIAN, bundle(3))
        .env("SSL_CERT_FILE=/nowhere.pem");
    let store = target.trust(GO).store;
    // Go still reads every file of the directory, and the bundle is in it.
    assert_eq!(total(&store), (3, 1));
    assert_eq!(
        store.consequence,
        "Go trusts 3 authorities found in /etc/ssl/certs; \
         SSL_CERT_FILE points to /nowhere.pem, which does not exist"
    );
    let both = target.env("SSL_CERT_DIR=/none:/other").trust(GO).store;
    let paths: Vec<String> = both
        .places
        .iter()
        .map(|place| place.path.as_ref().unwrap().to_text().into_owned())
        .collect();
    assert_eq!(paths, ["/nowhere.pem", "/none", "/other"]);
    assert!(
        both.consequence
            .starts_with("none of the 3 paths that Go searches exists")
    );
}

#[test]
fn a_bundle_that_is_not_for_the_target_is_unreadable_and_not_missing() {
    let mut target = Target::new().with(DEBIAN, bundle(2)).mode(DEBIAN, 0o600);
    if !nix::unistd::geteuid().is_root() {
        // Its owner is this user then, and so must be somebody else's target.
        target.uid = nix::unistd::geteuid().as_raw() + 1;
    }
    let store = target.trust(GO).store;
    assert_eq!(
        told(&store, DEBIAN),
        (PlaceState::Unreadable, Some(false), None)
    );
    assert_eq!(total(&store), (0, 0));
    assert_eq!(
        store.error_text.as_deref(),
        Some(
            "x509: failed to load system roots and no roots provided; \
             open /etc/ssl/certs/ca-certificates.crt: permission denied"
        )
    );
    assert_eq!(
        place(&store, "/etc/ssl/certs").says.as_deref(),
        Some("1 of its files is not readable by the target's user")
    );
}

#[test]
fn a_directory_that_may_not_be_entered_hides_what_is_in_it() {
    let mut target = Target::new()
        .with("/private/ca.pem", authority("Own"))
        .mode("/private", 0o700)
        .env("SSL_CERT_FILE=/private/ca.pem");
    target.uid = 4242;
    let store = target.trust(GO).store;
    assert_eq!(told(&store, "/private/ca.pem").0, PlaceState::Unreadable);
    assert!(
        store.consequence.ends_with(
            "SSL_CERT_FILE points to /private/ca.pem, which the target's user cannot read"
        ),
        "{}",
        store.consequence
    );
}

#[test]
fn without_the_environment_nothing_is_said_to_be_used() {
    let mut target = Target::new().with(DEBIAN, bundle(2));
    target.environ = Err(Refusal::of(Reason::Uid).needing("run as uid 1000"));
    let trust = target.trust(GO);
    let used = &place(&trust.store, DEBIAN).used;
    assert!(used.as_ref().unwrap().value().is_none());
    assert_eq!(trust.store.roots.as_ref().unwrap().value(), None);
    assert_eq!(trust.roots, None);
    assert_eq!(trust.store.error_text, None);
    // What is there is told all the same.
    let there = place(&trust.store, DEBIAN).roots.as_ref().unwrap();
    assert_eq!(there.value(), Some(&2));
}

#[test]
fn authorities_linked_into_a_go_program_serve_where_the_system_has_none() {
    let rules = || RuntimeTrustRules::Go { fallback: true };
    let trust = Target::new().trust(rules());
    assert_eq!((trust.roots, trust.store.roots), (None, None));
    assert_eq!(
        trust.store.consequence,
        "Go trusts the authorities built into the program"
    );
    let store = Target::new().with(DEBIAN, bundle(2)).trust(rules()).store;
    assert_eq!(total(&store), (2, 1));
}

#[test]
fn openssl_looks_only_at_files_with_a_hash_for_their_name() {
    let mut target = Target::new()
        .with("/certs/one.pem", authority("One"))
        .with("/certs/two.pem", authority("Two"))
        .env("SSL_CERT_DIR=/certs");
    let store = target.trust(openssl()).store;
    assert_eq!(
        told(&store, "/certs"),
        (PlaceState::Empty, Some(true), Some(0))
    );
    assert_eq!(
        place(&store, "/certs").says.as_deref(),
        Some("2 files, none named by its hash (openssl rehash), so OpenSSL ignores them")
    );
    assert_eq!(
        store.error_text.as_deref(),
        Some("unable to get local issuer certificate")
    );
    let mut target = target.link("/certs/01234567.0", "one.pem");
    let store = target.trust(openssl()).store;
    assert_eq!(
        told(&store, "/certs"),
        (PlaceState::Present, Some(true), Some(1))
    );
    assert_eq!(told(&store, "/usr/lib/ssl/cert.pem").0, PlaceState::Missing);
}

#[test]
fn a_variable_of_openssl_counts_even_where_it_is_empty() {
    let mut target = Target::new()
        .with("/usr/lib/ssl/cert.pem", bundle(2))
        .env("SSL_CERT_FILE=");
    let store = target.trust(openssl()).store;
    assert_eq!(total(&store), (0, 0));
    assert!(
        store
            .consequence
            .ends_with("SSL_CERT_FILE is set and empty")
    );
    // To Go that is as if it were not set.
    let store = target.with(DEBIAN, bundle(2)).trust(GO).store;
    assert_eq!(total(&store), (2, 1));
}

#[test]
fn where_the_directory_of_openssl_does_not_show_nothing_is_claimed() {
    let rules = RuntimeTrustRules::Openssl { openssl: None };
    let trust = Target::new()
        .with("/etc/ssl/cert.pem", bundle(2))
        .trust(rules);
    assert_eq!((trust.store.roots, trust.roots), (None, None));
    assert!(
        trust.store.consequence.starts_with(
            "trust store unknown: the OPENSSLDIR of its OpenSSL was not found; authorities found in \
             /etc/ssl/cert.pem"
        ),
        "{}",
        trust.store.consequence
    );
}

#[test]
fn java_takes_the_store_of_its_property_else_jssecacerts_else_cacerts() {
    let rules = || RuntimeTrustRules::Java {
        home: b"/opt/java".to_vec(),
    };
    let store = Target::new().trust(rules()).store;
    assert_eq!(
        store.error_text.as_deref(),
        Some(
            "java.security.InvalidAlgorithmParameterException: \
             the trustAnchors parameter must be non-empty"
        )
    );
    assert_eq!(
        store.consequence,
        "none of the 2 paths that Java searches exists: its trust store is empty, so every TLS \
         connection will fail"
    );
    let mut target = Target::new()
        .with("/opt/java/lib/security/cacerts", bundle(1))
        .with("/own.jks", "")
        .arg("-Djavax.net.ssl.trustStore=own.jks")
        .arg("Main");
    let store = target.trust(rules()).store;
    assert_eq!(
        place(&store, "/own.jks").variable.as_deref(),
        Some("javax.net.ssl.trustStore")
    );
    assert_eq!(
        told(&store, "/own.jks"),
        (PlaceState::Empty, Some(true), Some(0))
    );
    let cacerts = place(&store, "/opt/java/lib/security/cacerts");
    assert_eq!(
        cacerts.says.as_deref(),
        Some("its format is PEM, but only JKS or PKCS#12 is read")
    );
    assert_eq!(cacerts.used.as_ref().unwrap().value(), Some(&false));
}

#[test]
fn node_brings_authorities_along_and_takes_more() {
    let rules = || RuntimeTrustRules::Node {
        openssl: Some(b"/etc/ssl".to_vec()),
        shared: false,
    };
    let root = || Target::new().with("/etc/ssl/cert.pem", bundle(2));
    let store = root().trust(rules()).store;
    assert_eq!(store.places.len(), 1);
    assert_eq!(store.roots, None);
    let extra = root()
        .with("/extra.pem", authority("Own"))
        .env("NODE_EXTRA_CA_CERTS=/extra.pem")
        .trust(rules());
    assert_eq!(extra.roots, None);
    assert_eq!(
        extra.store.consequence,
        "Node.js trusts the authorities built into the program, and those found in \
         /extra.pem"
    );
    let store = root().arg("--use-openssl-ca").trust(rules()).store;
    assert_eq!(total(&store), (2, 1));
    let store = root().env("NODE_USE_SYSTEM_CA=1").trust(rules()).store;
    assert_eq!(store.places.len(), 3);
    assert_eq!(store.roots, None);
    let store = root()
        .env("NODE_TLS_REJECT_UNAUTHORIZED=0")
        .trust(rules())
        .store;
    assert!(store.consequence.contains("NODE_TLS_REJECT_UNAUTHORIZED=0"));
}

#[test]
fn a_node_with_the_system_s_openssl_may_use_its_authorities() {
    let rules = RuntimeTrustRules::Node {
        openssl: Some(b"/usr/lib/ssl".to_vec()),
        shared: true,
    };
    let store = Target::new().trust(rules).store;
    assert!(store.places.iter().all(|place| place.used.is_none()));
    assert!(store.consequence.starts_with("trust store unknown"));
}

#[test]
fn requests_looks_elsewhere_than_python() {
    let rules = || RuntimeTrustRules::Python {
        openssl: Some(b"/usr/lib/ssl".to_vec()),
        certifi: Some(b"/venv/certifi/cacert.pem".to_vec()),
    };
    let root = || Target::new().with("/venv/certifi/cacert.pem", bundle(4));
    let store = root().trust(rules()).store;
    assert_eq!(total(&store), (0, 0), "{}", store.consequence);
    let certifi = place(&store, "/venv/certifi/cacert.pem");
    assert_eq!(certifi.only_for.as_deref(), Some("requests"));
    assert_eq!(told(&store, "/venv/certifi/cacert.pem").1, Some(true));
    assert!(
        store
            .consequence
            .contains("requests uses /venv/certifi/cacert.pem"),
        "{}",
        store.consequence
    );
    let store = root()
        .env("CURL_CA_BUNDLE=/curl.pem")
        .env("REQUESTS_CA_BUNDLE=/own.pem")
        .trust(rules())
        .store;
    let named = place(&store, "/own.pem");
    assert_eq!(named.variable.as_deref(), Some("REQUESTS_CA_BUNDLE"));
}

#[test]
fn dotnet_takes_self_issued_ones_from_every_file() {
    let rules = || RuntimeTrustRules::Dotnet {
        openssl: Some(b"/usr/lib/ssl".to_vec()),
    };
    let mut target = Target::new()
        .with("/etc/ssl/certs/own.crt", authority("Own"))
        .env("HOME=/home/app");
    let store = target.trust(rules()).store;
    assert_eq!(
        told(&store, "/etc/ssl/certs"),
        (PlaceState::Present, Some(true), Some(1))
    );
    place(
        &store,
        "/home/app/.dotnet/corefx/cryptography/x509stores/root",
    );
    let mut target = target.with("/usr/lib/ssl/certs/x.crt", authority("Other"));
    let store = target.trust(rules()).store;
    assert_eq!(told(&store, "/etc/ssl/certs").1, Some(false));
    let store = Target::new().trust(rules()).store;
    assert!(store.error_text.unwrap().ends_with("PartialChain"));
}

#[test]
fn of_rust_it_is_told_where_nothing_tells() {
    let rust = |native, built_in| RuntimeTrustRules::Rust { native, built_in };
    let root = || Target::new().with(DEBIAN, bundle(3));
    assert_eq!(total(&root().trust(rust(true, false)).store), (3, 1));
    let store = root().trust(rust(false, true)).store;
    assert_eq!((store.places.len(), store.roots), (1, None));
    for unclear in [rust(true, true), rust(false, false)] {
        let trust = root().trust(unclear);
        assert_eq!((trust.store.roots, trust.roots), (None, None));
        assert!(trust.store.consequence.starts_with("trust store unknown"));
    }
    let store = root()
        .env("SSL_CERT_FILE=/nowhere.pem")
        .trust(rust(true, false))
        .store;
    assert_eq!((store.places.len(), total(&store)), (1, (0, 0)));
}

#[test]
fn an_unknown_runtime_has_the_usual_places_and_no_claim() {
    let store = Target::new()
        .with(DEBIAN, bundle(2))
        .trust(RuntimeTrustRules::Unknown)
        .store;
    assert_eq!(told(&store, DEBIAN), (PlaceState::Present, None, Some(2)));
    assert_eq!((store.roots, store.error_text), (None, None));
}

#[test]
fn gnutls_takes_the_bundle_it_was_built_with() {
    let rules = RuntimeTrustRules::Gnutls {
        bundle: Some(DEBIAN),
    };
    let store = Target::new().with(DEBIAN, bundle(2)).trust(rules).store;
    assert_eq!(total(&store), (2, 1));
    assert_eq!(
        store.consequence,
        format!("GnuTLS trusts 2 authorities found in {DEBIAN}")
    );
}

#[test]
fn of_a_file_that_openssl_may_refuse_no_number_is_claimed() {
    let root = authority("Own");
    let contents = pki::contents(root.as_bytes(), None).unwrap();
    let broken = StoreFile {
        form: Some(contents.form.into()),
        certificates: contents.certificates,
        bundle: None,
        needs_password: false,
        faults: 1,
        cut: Truncation::Whole,
    };
    let overrides = Target::new().env("SSL_CERT_FILE=/a.pem").overrides();
    for (rules, claimed) in [(openssl(), false), (GO, true)] {
        let detected = Detected {
            rules,
            evidence: String::new(),
        };
        let places = plan(&detected, &overrides).places;
        let mut contents = PlaceContents::new(&places[0], None);
        contents.put(&broken);
        let reading = contents.reading();
        assert_eq!(reading.state, Ok(PlaceState::Present));
        assert_eq!(reading.roots.is_ok(), claimed);
    }
}
