//! Reads the files that the user named, from spyhole's own file system.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::pki::{self, ParsedCertificate};
use crate::probe::tls::{ClientKey, KeyFault};
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

/// Why a file that was named cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {}: {fault}", path.display())]
pub(super) struct GivenError {
    flag: &'static str,
    path: PathBuf,
    fault: GivenFault,
}

#[derive(Debug, thiserror::Error)]
enum GivenFault {
    #[error(transparent)]
    Unreadable(io::Error),
    #[error("contains no certificate in PEM or DER")]
    NoCertificate,
    #[error(transparent)]
    Key(KeyFault),
}

impl GivenError {
    fn of(flag: &'static str, path: &Path, fault: GivenFault) -> Self {
        Self {
            flag,
            path: path.to_owned(),
            fault,
        }
    }
}

/// Reads them.
pub(super) fn read(
    ca: Option<&Path>,
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<Given, GivenError> {
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

/// The authorities in one file.
///
/// # Errors
/// A sentence.
pub(crate) fn given_authorities(path: &Path) -> Result<Vec<Arc<ParsedCertificate>>, String> {
    authorities(path).map_err(|error| error.to_string())
}

fn authorities(path: &Path) -> Result<Vec<Arc<ParsedCertificate>>, GivenError> {
    let bytes = contents("--ca", path)?;
    let found = pki::contents(&bytes, None)
        .map(|contents| contents.certificates)
        .unwrap_or_default();
    if !found.is_empty() {
        return Ok(found);
    }
    match ParsedCertificate::read(&bytes) {
        Ok(certificate) => Ok(vec![Arc::new(certificate)]),
        Err(_) => Err(GivenError::of("--ca", path, GivenFault::NoCertificate)),
    }
}

fn client(cert: &Path, key: &Path) -> Result<ClientKey, GivenError> {
    let certificates = contents("--cert", cert)?;
    let secret = contents("--key", key)?;
    ClientKey::from_files(&certificates, &secret).map_err(|fault| {
        let (flag, path) = if fault.is_of_certificate() {
            ("--cert", cert)
        } else {
            ("--key", key)
        };
        GivenError::of(flag, path, GivenFault::Key(fault))
    })
}

fn contents(flag: &'static str, path: &Path) -> Result<Vec<u8>, GivenError> {
    own_file::contents(path, file_limits::CERTIFICATES as u64)
        .map_err(|error| GivenError::of(flag, path, GivenFault::Unreadable(error)))
}
