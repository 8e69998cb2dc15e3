//! Certificates made for a test, in a directory of its own.

use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::host::{list, run};
use crate::lab::{Container, Lab, Setup, example};
pub(super) use crate::support::fake_root::FakeRoot as House;

/// A certificate with its key.
pub(super) struct Issued {
    pub(super) pem: String,
    pub(super) key: KeyPair,
    params: CertificateParams,
}

/// When it is valid, in days from now.
#[derive(Clone, Copy)]
pub(super) struct Days(pub(super) i64, pub(super) i64);

/// An authority of that name.
pub(super) fn authority(name: &str) -> Issued {
    let mut params = params(name, &[], Days(-1, 3650));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Issued { pem, key, params }
}

impl Issued {
    /// A certificate for that name.
    pub(super) fn issue(&self, name: &str, days: Days) -> Issued {
        let params = params(name, &[name], days);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let pem = params.signed_by(&key, &issuer).unwrap().pem();
        Issued { pem, key, params }
    }
}

fn params(name: &str, names: &[&str], days: Days) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now + Duration::days(days.0);
    // Not to fall on the edge of a day.
    params.not_after = now + Duration::days(days.1) + Duration::hours(1);
    params.use_authority_key_identifier_extension = true;
    params
}

/// The server as uid 1000, alone in its root.
pub(super) fn server() -> Setup {
    let setup = Lab::program(&example("tlsserver"));
    setup.uid(1000).caps("none").ready("ready")
}

/// The document of a viewer with the target's ids.
pub(super) fn look(container: &Container, words: &[&str]) -> Value {
    let viewer = container.spyhole().uid(1000).caps("none");
    let viewer = viewer.args(["certs", "-o", "json"]).args(words);
    viewer.run().document()
}

/// The files of a document.
pub(super) fn files(document: &Value) -> &Vec<Value> {
    list(&document["certificates"], "files")
}

/// The paths of the files, which are all UTF-8.
pub(super) fn paths(document: &Value) -> Vec<&str> {
    files(document)
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect()
}

/// The file at a path.
pub(super) fn at<'a>(document: &'a Value, path: &str) -> &'a Value {
    crate::host::only(files(document), |file| file["path"] == path)
}

/// The gap of this reason about this path.
pub(super) fn gap_of<'a>(document: &'a Value, reason: &str, path: &str) -> &'a Value {
    let about = |gap: &Value| {
        let subjects = gap["subjects"].as_array().unwrap();
        gap["reason"] == reason && subjects.iter().any(|subject| subject == path)
    };
    let gaps = list(document, "gaps");
    let found = gaps.iter().find(|gap| about(gap));
    found.unwrap_or_else(|| panic!("no gap {reason} of {path} in {gaps:#?}"))
}

/// What openssl says of the certificate in a file.
pub(super) fn openssl_x509(path: &Path, words: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["x509", "-noout", "-in"])
        .arg(path)
        .args(words);
    run(&mut command)
        .ended_with(0)
        .stdout_text()
        .trim()
        .to_owned()
}
