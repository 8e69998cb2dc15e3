//! `certificates`: the trust store of a target, in containers of the lab and against this
//! machine's Python.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::support::fake_root::FakeRoot;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::Value;

use crate::lab::process::run;
use crate::lab::{Container, Lab, Output, Setup, spyhole};

const DEBIAN: &str = "/etc/ssl/certs/ca-certificates.crt";

/// So many authorities as PEM, the first of which has expired.
fn bundle(count: usize) -> Vec<String> {
    let one = |index: usize| {
        let mut params = CertificateParams::default();
        let name = format!("Root {index}");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        if index == 0 {
            params.not_after = (SystemTime::now() - Duration::from_hours(24)).into();
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    (0..count).map(one).collect()
}

/// A file to copy into a container.
fn file(folder: &FakeRoot, name: &str, content: &str, mode: u32) -> std::path::PathBuf {
    let path = folder.write(name, content);
    folder.mode(name, mode);
    path
}

/// The trust store as the document has it, with the gaps that are about it.
fn trust_store(output: &Output) -> (Value, Vec<Value>) {
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output}"));
    let about = |gap: &&Value| {
        gap["field"]
            .as_str()
            .is_some_and(|field| field.starts_with("trust_store"))
    };
    let gaps = document["gaps"].as_array().unwrap();
    let gaps = gaps.iter().filter(about).cloned().collect();
    (document["certificates"]["trust_store"].clone(), gaps)
}

/// What root with `CAP_SYS_PTRACE` sees of it.
fn seen(web: &Container) -> Value {
    let output = web
        .spyhole()
        .caps("+sys_ptrace,+dac_read_search")
        .args(["certificates", "-o", "json"])
        .run();
    let (store, gaps) = trust_store(&output);
    assert!(gaps.is_empty(), "{gaps:#?}");
    store
}

fn webapp() -> Setup {
    Lab::webapp().uid(1000)
}

fn place<'a>(store: &'a Value, path: &str) -> &'a Value {
    let places = store["places"].as_array().unwrap();
    let found = places.iter().find(|place| place["path"] == path);
    found.unwrap_or_else(|| panic!("no {path} in {store:#}"))
}

/// The sample application is made by rustc and has no TLS: that is said, and the places of
/// rustls-native-certs are listed.
#[needs(root)]
fn a_scratch_image_without_bundle_has_only_missing_places() {
    let store = seen(&webapp().start());
    assert_eq!(store["runtime"], "rust", "{store:#}");
    let evidence = store["evidence"].as_str().unwrap();
    assert!(
        evidence.starts_with("/webapp was built by rustc version 1."),
        "{evidence}"
    );
    let places = store["places"].as_array().unwrap();
    assert_eq!(places.len(), 9, "{store:#}");
    assert!(places.iter().all(|place| place["state"] == "missing"));
    assert!(store.get("roots").is_none(), "{store:#}");
}

#[needs(root)]
fn a_bundle_is_counted_with_its_expired_ones() {
    let folder = FakeRoot::new();
    let bundle = file(&folder, "ca.crt", &bundle(5).concat(), 0o644);
    let store = seen(&webapp().copy(&bundle, DEBIAN).start());
    let place = place(&store, DEBIAN);
    assert_eq!(place["state"], "present");
    assert_eq!(
        (&place["roots"], &place["expired_roots"]),
        (&5.into(), &1.into())
    );
    let consequence = store["consequence"].as_str().unwrap();
    assert!(consequence.contains(DEBIAN), "{consequence}");
}

#[needs(root)]
fn a_variable_that_leads_nowhere_is_named() {
    let folder = FakeRoot::new();
    let bundle = file(&folder, "ca.crt", &bundle(2).concat(), 0o644);
    let web = webapp()
        .copy(&bundle, DEBIAN)
        .env("SSL_CERT_FILE", "/etc/nowhere.pem");
    let store = seen(&web.start());
    let named = place(&store, "/etc/nowhere.pem");
    assert_eq!(named["state"], "missing");
    assert_eq!(named["variable"], "SSL_CERT_FILE");
    let consequence = store["consequence"].as_str().unwrap();
    assert!(
        consequence.contains("SSL_CERT_FILE points to /etc/nowhere.pem, which does not exist"),
        "{consequence}"
    );
}

#[needs(root)]
fn a_directory_counts_only_files_with_a_hash_for_their_name() {
    let folder = FakeRoot::new();
    for (index, root) in bundle(3).iter().enumerate() {
        file(&folder, &format!("{index}.pem"), root, 0o644);
    }
    let start = || {
        webapp()
            .copy(folder.top(), "/certs")
            .env("SSL_CERT_DIR", "/certs")
            .start()
    };
    let store = seen(&start());
    let plain = place(&store, "/certs");
    assert_eq!(
        (&plain["state"], &plain["roots"]),
        (&"empty".into(), &0.into())
    );
    let says = plain["says"].as_str().unwrap();
    assert!(
        says.starts_with("3 files, none named by its hash"),
        "{says}"
    );

    symlink("1.pem", folder.top().join("0a1b2c3d.0")).unwrap();
    let store = seen(&start());
    let hashed = place(&store, "/certs");
    assert_eq!(
        (&hashed["state"], &hashed["roots"]),
        (&"present".into(), &1.into())
    );
}

#[needs(root)]
fn a_bundle_for_root_alone_is_unreadable_for_the_target() {
    let folder = FakeRoot::new();
    let bundle = file(&folder, "ca.crt", &bundle(2).concat(), 0o600);
    let store = seen(&webapp().copy(&bundle, DEBIAN).start());
    let place = place(&store, DEBIAN);
    assert_eq!(place["state"], "unreadable", "{store:#}");
    assert!(place.get("roots").is_none(), "{store:#}");
}

#[needs(root)]
fn the_trust_store_of_another_user_is_a_gap_and_not_empty() {
    let web = webapp().start();
    let output = web
        .spyhole()
        .uid(65_532)
        .caps("none")
        .args(["certificates", "-o", "json"])
        .run();
    let (store, gaps) = trust_store(&output);
    assert!(store.is_null(), "{store:#}");
    let [gap] = gaps.as_slice() else {
        panic!("{gaps:#?}")
    };
    assert_eq!(
        (&gap["field"], &gap["reason"]),
        (&"trust_store".into(), &"uid".into())
    );
}

/// What a Python says that it trusts of the bundle that `SSL_CERT_FILE` names, and what spyhole
/// says of it.
fn python(bundle: &Path) -> (u64, Value, Vec<Value>) {
    let mut python = Command::new("/usr/bin/python3")
        .env_clear()
        .env("SSL_CERT_FILE", bundle)
        .env("SSL_CERT_DIR", "/nonexistent")
        .arg("-c")
        .arg(
            "import ssl, sys; \
             print(ssl.create_default_context().cert_store_stats()['x509_ca'], flush=True); \
             sys.stdin.read()",
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which scripts/prepare installs");
    let mut told = String::new();
    let mut out = BufReader::new(python.stdout.take().unwrap());
    out.read_line(&mut told).unwrap();
    let output = run(spyhole().as_os_str(), |command| {
        command.args(["--pid", &python.id().to_string()]);
        command.args(["certificates", "-o", "json"]);
    });
    drop(python.stdin.take());
    python.wait().unwrap();
    let (store, gaps) = trust_store(&output);
    (told.trim().parse().unwrap(), store, gaps)
}

#[test]
fn python_is_told_and_counted_as_it_counts_itself() {
    let folder = FakeRoot::new();
    let bundle = file(&folder, "ca.crt", &bundle(6).concat(), 0o644);
    let (told, store, gaps) = python(&bundle);
    assert!(gaps.is_empty(), "{gaps:#?}");
    assert_eq!(store["runtime"], "python", "{store:#}");
    assert_eq!((&store["roots"], told), (&6.into(), 6), "{store:#}");
    assert_eq!(store["expired_roots"], 1);
    assert_eq!(
        place(&store, bundle.to_str().unwrap())["variable"],
        "SSL_CERT_FILE"
    );
}

/// OpenSSL takes nothing of a file because of one certificate that is broken.
#[test]
fn a_bundle_with_a_broken_block_counts_for_nothing_as_python_says_itself() {
    let folder = FakeRoot::new();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let text = bundle(2).concat() + broken;
    let bundle = file(&folder, "ca.crt", &text, 0o644);
    let (told, store, gaps) = python(&bundle);
    assert!(gaps.is_empty(), "{gaps:#?}");
    assert_eq!((&store["roots"], told), (&0.into(), 0), "{store:#}");
    let place = place(&store, bundle.to_str().unwrap());
    let says = place["says"].as_str().unwrap();
    assert!(
        says.contains("rejects the whole file: a certificate is malformed"),
        "{says}"
    );
}
