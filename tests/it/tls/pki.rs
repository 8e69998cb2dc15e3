//! Certificates for the servers of these tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::host::run;

/// An authority, an intermediate below it, and what they issue, in files.
pub(super) struct Pki {
    pub(super) house: tempfile::TempDir,
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Pki {
    pub(super) fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("Test Root"), key()).unwrap();
        let intermediate =
            CertifiedIssuer::signed_by(authority("Test Intermediate"), key(), &root).unwrap();
        let pki = Self {
            house: tempfile::tempdir().unwrap(),
            root,
            intermediate,
        };
        fs::write(pki.path("root.pem"), pki.root.pem()).unwrap();
        fs::write(pki.path("intermediate.pem"), pki.intermediate.pem()).unwrap();
        let key = pki.intermediate.key().serialize_pem();
        fs::write(pki.path("intermediate.key"), key).unwrap();
        pki
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.house.path().join(name)
    }

    /// The path as a word of a command line.
    pub(super) fn word(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A certificate for these names, issued by the intermediate.
    pub(super) fn leaf(&self, file: &str, names: &[&str]) -> Pair {
        self.leaf_with(file, names, |_| {})
    }

    /// The same, changed before it is issued.
    pub(super) fn leaf_with(
        &self,
        file: &str,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = key();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, &names[0]);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let certificate = params.signed_by(&key, &self.intermediate).unwrap();
        let pair = self.pair(file);
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }

    /// A certificate that issued itself, with a key that rcgen cannot make, by openssl.
    pub(super) fn by_openssl(&self, file: &str, key: &[&str], digest: &str) -> Pair {
        let pair = self.pair(file);
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-days", "30", digest]);
        command.args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ]);
        command.args(key).arg("-keyout").arg(&pair.key);
        run(command.arg("-out").arg(&pair.certificate)).ended_with(0);
        pair
    }

    fn pair(&self, file: &str) -> Pair {
        Pair {
            certificate: self.path(&format!("{file}.pem")),
            key: self.path(&format!("{file}.key")),
        }
    }
}

impl Pair {
    /// The words of `openssl s_server` for it.
    pub(super) fn words(&self) -> Vec<&str> {
        vec![
            "-cert",
            self.certificate.to_str().unwrap(),
            "-key",
            self.key.to_str().unwrap(),
        ]
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
