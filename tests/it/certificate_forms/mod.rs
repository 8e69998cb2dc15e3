//! Certificates and the files that hold them, read beside openssl and keytool.

mod files;
mod hostile;
mod keys;
mod keystores;
mod leaks;
mod revocation_lists;
mod stores;
pub(crate) mod x509;

use std::path::Path;
use std::process::{Command, Stdio};

use spyhole::api::pki::{Contents, Fault, contents};

/// A directory and what a script of bash left in it.
pub(crate) struct Made(tempfile::TempDir);

impl Made {
    /// Runs the script, each command of which has to succeed.
    pub(crate) fn by(script: &str) -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        made.sh(script);
        made
    }

    /// What a script prints there.
    fn sh(&self, script: &str) -> String {
        let output = Command::new("bash")
            .args(["-e", "-u", "-o", "pipefail", "-c", script])
            .current_dir(&self.0)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{err}");
        String::from_utf8_lossy(out).into_owned()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn contents(&self, name: &str, password: Option<&str>) -> Contents {
        contents(&self.bytes(name), password).unwrap_or_else(|| panic!("{name} is not recognised"))
    }
}

/// The names of the certificates, in order.
fn subjects(contents: &Contents) -> Vec<&str> {
    let certificates = contents.certificates.iter();
    certificates.map(|found| found.subject.as_str()).collect()
}

/// What is wrong, in order.
fn faults(contents: &Contents) -> Vec<String> {
    let faults = contents.faults.iter();
    faults.map(Fault::says).collect()
}
