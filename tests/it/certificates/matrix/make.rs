//! Certificates for the tests: by rcgen, and by the openssl command what rcgen cannot make.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64_MIME;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use tempfile::TempDir;
use time::OffsetDateTime;

/// 2030-01-01, when everything is judged that names no other moment.
pub(super) fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(525_960)
}

/// A moment this many days from then.
pub(super) fn day(offset: i64) -> OffsetDateTime {
    OffsetDateTime::from(noon()) + time::Duration::days(offset)
}

/// An authority that rcgen made.
pub(super) struct Ca {
    pub(super) params: CertificateParams,
    pub(super) key: KeyPair,
    pub(super) der: Vec<u8>,
}

impl Ca {
    pub(super) fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    pub(super) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = ca_params(name);
        change(&mut params);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key, der }
    }

    pub(super) fn sub(&self, name: &str) -> Self {
        self.sub_with(name, |_| {})
    }

    pub(super) fn sub_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = ca_params(name);
        change(&mut params);
        let der = params
            .signed_by(&key, &self.issuer())
            .unwrap()
            .der()
            .to_vec();
        Self { params, key, der }
    }

    /// Another certificate for the holder of this one's key.
    pub(super) fn cross_sign(&self, other: &Ca) -> Vec<u8> {
        let signed = other.params.signed_by(&other.key, &self.issuer());
        signed.unwrap().der().to_vec()
    }

    /// A server certificate for these names and addresses.
    pub(super) fn leaf(&self, names: &[&str]) -> Vec<u8> {
        self.leaf_with(names, |_| {})
    }

    pub(super) fn leaf_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Vec<u8> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let params = leaf_params(names, change);
        let signed = params.signed_by(&key, &self.issuer());
        signed.unwrap().der().to_vec()
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

/// A server certificate that issued itself.
pub(super) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = leaf_params(names, change);
    params.self_signed(&key).unwrap().der().to_vec()
}

fn leaf_params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = named("the server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (day(-10), day(10));
    change(&mut params);
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (day(-100), day(100));
    params
}

pub(super) fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

pub(super) fn pem(der: &[u8]) -> String {
    let text = BASE64_MIME.encode(der).replace("\r\n", "\n");
    let text = text.trim_end();
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// The openssl command in a directory of its own.
pub(super) struct Openssl(TempDir);

/// What a certificate says, in openssl's words.
pub(super) const CA: &str = "basicConstraints=critical,CA:TRUE";
pub(super) const SERVER: &str = "subjectAltName=DNS:api.example";

impl Openssl {
    pub(super) fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        // The system's own configuration adds extensions that nobody asked for.
        made.write("empty.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
        made
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs it; its exit code and all it said.
    pub(super) fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .expect("openssl is not there: scripts/prepare installs it");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    pub(super) fn must(&self, arguments: &[&str]) {
        let (ok, said) = self.run(arguments);
        assert!(ok, "openssl {arguments:?}: {said}");
    }

    /// A key by the words of `openssl genpkey`, separated by spaces.
    pub(super) fn key(&self, name: &str, kind: &str) {
        let file = format!("{name}.key");
        let mut arguments = vec!["genpkey", "-out", &file];
        arguments.extend(kind.split(' '));
        self.must(&arguments);
    }

    /// A certificate for that key, valid on the day: `more` are further words, such as `-sha1`.
    pub(super) fn certificate(
        &self,
        name: &str,
        issuer: Option<&str>,
        extensions: &[&str],
        more: &[&str],
    ) -> Vec<u8> {
        let (key, out, subject) = (
            format!("{name}.key"),
            format!("{name}.pem"),
            format!("/CN={name}"),
        );
        let mut arguments = vec!["req", "-x509", "-config", "empty.cnf", "-key", &key];
        arguments.extend(["-out", &out, "-days", "7300"]);
        if !more.contains(&"-subj") {
            arguments.extend(["-subj", &subject]);
        }
        let (issuer_pem, issuer_key);
        if let Some(issuer) = issuer {
            issuer_pem = format!("{issuer}.pem");
            issuer_key = format!("{issuer}.key");
            arguments.extend(["-CA", &issuer_pem, "-CAkey", &issuer_key]);
        }
        for extension in extensions {
            arguments.extend(["-addext", extension]);
        }
        arguments.extend(more);
        self.must(&arguments);
        self.der(name)
    }

    /// A certificate of version 1.
    pub(super) fn version_1(&self, name: &str, issuer: Option<&str>) -> Vec<u8> {
        let (key, request, out) = (
            format!("{name}.key"),
            format!("{name}.csr"),
            format!("{name}.pem"),
        );
        let subject = format!("/CN={name}");
        let request_words = ["req", "-new", "-config", "empty.cnf", "-key", &key];
        let request_words = [&request_words[..], &["-subj", &subject]].concat();
        let signed_by = issuer.map(|issuer| [format!("{issuer}.pem"), format!("{issuer}.key")]);
        let signed_by = match &signed_by {
            Some([pem, key]) => vec!["-CA", pem, "-CAkey", key, "-set_serial", "7"],
            None => vec![],
        };
        let dated = ["-days", "7300", "-out", &out];
        // Of its own accord OpenSSL 3.5 makes none of that version, and 3.0 has no word for it.
        if self.run(&["req", "-help"]).1.contains("-x509v1") {
            let words = [
                &request_words[..],
                &["-x509", "-x509v1"],
                &signed_by,
                &dated,
            ];
            self.must(&words.concat());
        } else {
            self.must(&[&request_words[..], &["-out", &request]].concat());
            let mut words = vec!["x509", "-req", "-in", &request];
            if signed_by.is_empty() {
                words.extend(["-signkey", &key]);
            }
            self.must(&[&words[..], &signed_by, &dated].concat());
        }
        let der = self.der(name);
        let version = spyhole::api::pki::ParsedCertificate::read(&der)
            .unwrap()
            .version;
        assert_eq!(version, 1, "{name}");
        der
    }

    fn der(&self, name: &str) -> Vec<u8> {
        let (from, to) = (format!("{name}.pem"), format!("{name}.der"));
        self.must(&["x509", "-in", &from, "-outform", "DER", "-out", &to]);
        fs::read(self.path(&to)).unwrap()
    }
}
