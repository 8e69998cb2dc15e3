//! A bundle of authorities in PEM as one runtime takes it.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{AskedBy, AskedRuntime, Rules};
use crate::parse::certificate_file::{PemBundle, PemReader, read_bundle};
use crate::parse::x509::ParsedCertificate;
use crate::parse::x509::raw::{RawCertificate, RawTime, UTC_TIME};

/// Where a runtime finds a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorePlace {
    /// A file that is named.
    File,
    /// One of the files of a directory.
    Directory,
    /// A file that adds to the authorities that are built in (`NODE_EXTRA_CA_CERTS`).
    Extra,
}

/// What a runtime takes of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeBundle {
    /// The certificates that it takes, in the file's order.
    pub certificates: Vec<Arc<ParsedCertificate>>,
    /// Certificates that it passes over.
    pub skipped: usize,
    /// Why it passes over the first of them, or why it stops.
    pub why: Option<String>,
    /// Whether it reads all of it.
    pub end: BundleEnd,
}

/// How a runtime comes to the end of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleEnd {
    /// It reads all of it.
    Whole,
    /// It stops at what it cannot read, and keeps what came before.
    Stopped,
    /// It takes nothing of a file with one that it cannot read.
    Rejected,
}

impl AskedRuntime {
    /// What it takes of a bundle; `None` where it reads no PEM, or where it may take a
    /// certificate that cannot be read here.
    #[must_use]
    pub fn bundle(&self, bytes: &[u8], place: StorePlace) -> Option<RuntimeBundle> {
        let found = self.blocks(bytes, place)?;
        let is_whole = match self.rules {
            Rules::Go(_) | Rules::Rustls(_) => false,
            Rules::Openssl(rules) => place == StorePlace::File && rules.asked_by != AskedBy::Dotnet,
            Rules::Gnutls | Rules::Java => true,
        };
        let goes_on = matches!(self.rules, Rules::Go(_) | Rules::Rustls(_));
        let mut bundle = RuntimeBundle {
            certificates: Vec::new(),
            skipped: 0,
            why: None,
            end: BundleEnd::Whole,
        };
        let mut is_broken = found.is_broken;
        for der in &found.certificates {
            let taken = match self.read(der) {
                Some(certificate) => self.takes(&certificate).map(|()| certificate),
                None if !goes_on && der.starts_with(&[0x30, 0x80]) => return None,
                None => Err("a certificate is malformed".to_owned()),
            };
            match taken {
                Ok(certificate) => bundle.certificates.push(Arc::new(certificate)),
                Err(why) => {
                    bundle.skipped += 1;
                    bundle.why.get_or_insert(why);
                    is_broken |= !goes_on;
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        if is_broken {
            let why = || "a block of it is malformed".to_owned();
            bundle.why.get_or_insert_with(why);
            bundle.end = if is_whole {
                bundle.certificates.clear();
                BundleEnd::Rejected
            } else {
                BundleEnd::Stopped
            };
        }
        Some(bundle)
    }

    /// OpenSSL takes no notice of what follows the certificate in its block, such as what
    /// `TRUSTED CERTIFICATE` adds.
    fn read(&self, der: &[u8]) -> Option<ParsedCertificate> {
        let certificate = ParsedCertificate::read(der).ok()?;
        let Rules::Openssl(rules) = self.rules else {
            return Some(certificate);
        };
        // OpenSSL 3.5, which Node.js 24 brings along, reads no UTCTime without seconds.
        if matches!(rules.asked_by, AskedBy::Node { major: 24.. }) {
            let raw = RawCertificate::of(&certificate)?;
            let is_short = |time: RawTime| time.tag == UTC_TIME && time.text.len() < 13;
            if is_short(raw.not_before) || is_short(raw.not_after) {
                return None;
            }
        }
        ParsedCertificate::read(certificate.der()).ok()
    }

    fn blocks(&self, bytes: &[u8], place: StorePlace) -> Option<PemBundle> {
        let reader = match (self.rules, place) {
            (Rules::Go(_), _) => PemReader::Go,
            (Rules::Gnutls, _) => PemReader::Gnutls,
            (Rules::Openssl(_), StorePlace::Extra) => PemReader::OpensslPlain,
            (Rules::Openssl(rules), _) if rules.asked_by == AskedBy::Dotnet => {
                PemReader::OpensslTrusted
            }
            (Rules::Openssl(_), StorePlace::Directory) => PemReader::OpensslTrusted,
            (Rules::Openssl(_), StorePlace::File) => PemReader::OpensslFile,
            (Rules::Java, _) => return None,
            (Rules::Rustls(_), _) => {
                let blocks = CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok);
                return Some(PemBundle {
                    certificates: blocks.map(|der| der.to_vec()).collect(),
                    is_broken: false,
                });
            }
        };
        Some(read_bundle(bytes, reader))
    }
}
