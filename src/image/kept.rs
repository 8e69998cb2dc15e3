//! The files of an image whose content is kept, in the form in which it is needed.

use std::time::SystemTime;

use super::software::{Package, apk_packages, dpkg_packages};
use crate::model::time::Timestamp;
use crate::parse::certificate_file::{PemReader, read_bundle};
use crate::parse::x509::ParsedCertificate;
use crate::sys::file_limits;

/// Databases of packages: that of a desktop has 5 MiB.
const PACKAGES_BYTES: usize = 8 << 20;

/// A file that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptFile {
    /// passwd, group, os-release, the release of a JDK.
    Text,
    Dpkg,
    Apk,
    Authorities,
}

/// What is kept of it.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Text(Box<[u8]>),
    Packages(Vec<Package>),
    Authorities(Authorities),
    /// It is longer than any real one.
    TooLong,
}

/// A bundle of certificate authorities.
#[derive(Debug, Clone, Default)]
pub(super) struct Authorities {
    pub(super) certificates: usize,
    /// Those that have expired.
    pub(super) expired: usize,
    /// When the newest of them was issued.
    pub(super) newest: Option<Timestamp>,
}

/// Where bundles of authorities are, as Debian, Alpine, distroless, Fedora, SUSE and OpenSSL have them.
pub(super) const BUNDLES: &[&[u8]] = &[
    b"etc/ssl/certs/ca-certificates.crt",
    b"etc/ssl/cert.pem",
    b"etc/ssl/ca-bundle.pem",
    b"etc/pki/tls/certs/ca-bundle.crt",
    b"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    b"var/lib/ca-certificates/ca-bundle.pem",
];

/// Whether the file of this path is kept, and as what.
pub(super) fn what(path: &[u8]) -> Option<KeptFile> {
    match path {
        b"etc/passwd" | b"etc/group" | b"etc/os-release" | b"usr/lib/os-release" => {
            Some(KeptFile::Text)
        }
        b"var/lib/dpkg/status" => Some(KeptFile::Dpkg),
        b"lib/apk/db/installed" | b"usr/lib/apk/db/installed" => Some(KeptFile::Apk),
        path if BUNDLES.contains(&path) => Some(KeptFile::Authorities),
        path if path.starts_with(b"var/lib/dpkg/status.d/") && !path.ends_with(b".md5sums") => {
            Some(KeptFile::Dpkg)
        }
        // Of a JDK.
        path if path.ends_with(b"/release") => Some(KeptFile::Text),
        _ => None,
    }
}

impl KeptFile {
    pub(super) fn limit_bytes(self) -> usize {
        match self {
            Self::Text => file_limits::ACCOUNTS,
            Self::Dpkg | Self::Apk => PACKAGES_BYTES,
            Self::Authorities => file_limits::AUTHORITIES,
        }
    }

    /// Something of it, or nothing where it is not what its name says.
    pub(super) fn keep(self, bytes: &[u8]) -> Kept {
        match self {
            Self::Text => Kept::Text(bytes.into()),
            Self::Dpkg => dpkg_packages(bytes).map_or(Kept::TooLong, Kept::Packages),
            Self::Apk => apk_packages(bytes).map_or(Kept::TooLong, Kept::Packages),
            Self::Authorities => Kept::Authorities(authorities(bytes)),
        }
    }

    /// Bytes that it takes, more or less.
    pub(super) fn held_bytes(kept: &Kept) -> usize {
        match kept {
            Kept::Text(text) => text.len(),
            Kept::Packages(packages) => packages
                .iter()
                .map(|one| one.name.len() + one.version.len() + 48)
                .sum(),
            Kept::Authorities(_) | Kept::TooLong => 64,
        }
    }
}

fn authorities(bytes: &[u8]) -> Authorities {
    let now = SystemTime::now();
    let mut found = Authorities::default();
    for der in read_bundle(bytes, PemReader::Go).certificates {
        found.certificates += 1;
        let Ok(certificate) = ParsedCertificate::read(&der) else {
            continue;
        };
        found.expired += usize::from(certificate.not_after.is_some_and(|end| end < now));
        let issued = certificate.not_before.map(Timestamp);
        found.newest = found.newest.max(issued);
    }
    found
}
