//! The files that the user named, of spyhole's own file system.

use std::path::Path;
use std::sync::Arc;

use crate::pki::{self, ParsedCertificate};
use crate::probe::tls::ClientKey;
use crate::sys::file_limits;
use crate::sys::own_file;

/// What they hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    /// The authorities of `--ca`.
    pub(super) authorities: Option<Vec<Arc<ParsedCertificate>>>,
    /// The certificate of `--cert` with the key of `--key`.
    pub(super) client: Option<ClientKey>,
}

/// Reads them.
pub(super) fn read(
    ca: Option<&Path>,
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<Given, String> {
    let authorities = ca.map(authorities).transpose()?;
    let client = match (cert, key) {
        (Some(cert), Some(key)) => Some(client(cert, key)?),
        _ => None,
    };
    Ok(Given {
        authorities,
        client,
    })
}

fn authorities(path: &Path) -> Result<Vec<Arc<ParsedCertificate>>, String> {
    let bytes = contents("--ca", path)?;
    let found = pki::contents(&bytes, None)
        .map(|contents| contents.certificates)
        .unwrap_or_default();
    if !found.is_empty() {
        return Ok(found);
    }
    match ParsedCertificate::read(&bytes) {
        Ok(certificate) => Ok(vec![Arc::new(certificate)]),
        Err(_) => Err(format!(
            "--ca {}: contains no certificate in PEM or DER",
            path.display()
        )),
    }
}

fn client(cert: &Path, key: &Path) -> Result<ClientKey, String> {
    let certificates = contents("--cert", cert)?;
    let secret = contents("--key", key)?;
    ClientKey::from_files(&certificates, &secret).map_err(|fault| {
        let (flag, path) = if fault.is_of_certificate() {
            ("--cert", cert)
        } else {
            ("--key", key)
        };
        format!("{flag} {}: {fault}", path.display())
    })
}

fn contents(flag: &str, path: &Path) -> Result<Vec<u8>, String> {
    own_file::contents(path, file_limits::CERTIFICATES as u64)
        .map_err(|error| format!("{flag} {}: {error}", path.display()))
}
