//! What can be malformed in a certificate that could be read otherwise. The words for it are in
//! [`fmt::Display`] alone.

use std::fmt;

/// A part of a certificate that is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CertificateFault {
    /// A field could not be read.
    Field(Field),
    /// A name was read up to this part.
    PartlyRead(Field),
    /// An extension was not read, or not wholly.
    Extension(KnownExtension),
    /// One that is none of those.
    OtherExtension,
    /// There twice: the first one stands.
    Twice(Option<KnownExtension>),
    /// Elements beyond those of the standard.
    MoreElements,
    TrailingBytes(usize),
}

/// A field of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Subject,
    Issuer,
    Serial,
    Version,
    NotBefore,
    NotAfter,
    PublicKey,
    /// `is_ca`.
    BasicConstraints,
    KeyUsage,
    ExtendedKeyUsage,
}

impl Field {
    /// Whether it is in an extension: others decide about that, each in its own way.
    pub(crate) fn is_extension(self) -> bool {
        matches!(
            self,
            Self::BasicConstraints | Self::KeyUsage | Self::ExtendedKeyUsage
        )
    }
}

/// An extension that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownExtension {
    SubjectKeyId,
    KeyUsage,
    AlternativeNames,
    BasicConstraints,
    NameConstraints,
    AuthorityKeyId,
    ExtendedKeyUsage,
    AuthorityInfoAccess,
}

impl KnownExtension {
    fn name(self) -> &'static str {
        match self {
            Self::SubjectKeyId => "its subjectKeyIdentifier",
            Self::KeyUsage => "its keyUsage",
            Self::AlternativeNames => "its subjectAltName",
            Self::BasicConstraints => "its basicConstraints",
            Self::NameConstraints => "its nameConstraints",
            Self::AuthorityKeyId => "its authorityKeyIdentifier",
            Self::ExtendedKeyUsage => "its extendedKeyUsage",
            Self::AuthorityInfoAccess => "its authorityInfoAccess",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Subject => "subject",
            Self::Issuer => "issuer",
            Self::Serial => "serial number",
            Self::Version => "version",
            Self::NotBefore => "notBefore",
            Self::NotAfter => "notAfter",
            Self::PublicKey => "public key",
            Self::BasicConstraints => "basicConstraints",
            Self::KeyUsage => "keyUsage",
            Self::ExtendedKeyUsage => "extendedKeyUsage",
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Field(field) => write!(out, "its {field} is malformed"),
            Self::PartlyRead(field) => write!(out, "its {field} is malformed and not wholly shown"),
            Self::Extension(which) => write!(out, "{} is malformed", which.name()),
            Self::OtherExtension => out.write_str("an extension of it is malformed"),
            Self::Twice(which) => {
                let which = which.map_or("an extension of it", KnownExtension::name);
                write!(out, "{which} occurs twice")
            }
            Self::MoreElements => out.write_str("it contains more than the standard defines"),
            Self::TrailingBytes(bytes) => write!(out, "{bytes} trailing bytes"),
        }
    }
}
