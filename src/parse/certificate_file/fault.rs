//! What can be wrong with a file of certificates and keys. The words for it are in [`fmt::Display`]
//! alone.

use std::fmt;

use super::password::Closed;

/// A part of a file that could not be read, or that others cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line on which it begins, from 1, where the file has lines.
    pub line: Option<u64>,
    /// What is wrong.
    pub(crate) kind: FaultKind,
}

impl Fault {
    /// What is wrong, as a sentence part.
    #[must_use]
    pub fn says(&self) -> String {
        self.kind.to_string()
    }
}

/// What is wrong with a part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The whole file.
    Utf16,
    EncodedTwice,
    /// With the bytes that are there, and the bytes that its header announces.
    Truncated {
        bytes: usize,
        whole: Option<usize>,
    },
    /// Behind the certificates in DER.
    TrailingBytes(usize),
    /// Likewise, where they begin as another structure does.
    TrailingStructure(usize),
    /// Of blocks in PEM.
    NoFinalDashes,
    ByteOrderMark {
        first_line: bool,
    },
    BlanksBeforeBegin,
    BareReturns,
    EndWithoutBegin,
    LabelsDiffer,
    /// The next block begins on the line on which this one ends.
    Glued,
    NoEnd,
    ForeignHeaders,
    EmptyBlock,
    NotBase64,
    MalformedCertificate,
    NotX509,
    MalformedRevocationList,
    MalformedKey,
    MalformedEncryptedKey,
    ClosedKey(Closed),
    MalformedPkcs7,
    /// By the object identifier of its kind.
    Pkcs7WithoutCertificates(String),
    TruncatedPkcs7,
    MalformedPkcs12,
    SignedPkcs12,
    MalformedPkcs12Check,
    ClosedPkcs12(Closed),
    /// By the object identifier of its kind.
    Pkcs12ForKey(String),
    NestedBags,
    MalformedBag,
    TruncatedKeystore,
    UnknownKeystore,
    SecretKeyEntry,
    UnknownEntry,
    KeystoreTail,
    /// So many others, which are not listed.
    More(u64),
}

impl FaultKind {
    /// Whether something of the file was lost by it: it may have been a certificate.
    pub(crate) fn hides(&self) -> bool {
        match self {
            // Read all the same, and an oddity for other programs.
            Self::ByteOrderMark { .. }
            | Self::BlanksBeforeBegin
            | Self::BareReturns
            | Self::ForeignHeaders
            | Self::TrailingBytes(_)
            | Self::KeystoreTail
            | Self::MalformedPkcs12Check
            | Self::MalformedRevocationList
            // A key that is locked is no key that is broken.
            | Self::ClosedKey(_) => false,
            _ => true,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Utf16 => "it is encoded in UTF-16, which is not valid PEM",
            Self::EncodedTwice => "it is base64-encoded PEM, encoded once too often",
            Self::Truncated {
                bytes,
                whole: Some(whole),
            } => return write!(out, "it is truncated: {bytes} of {whole} bytes"),
            Self::Truncated { whole: None, .. } => "it is truncated",
            Self::TrailingBytes(bytes) | Self::TrailingStructure(bytes) => {
                return write!(out, "{bytes} trailing bytes that are not a certificate");
            }
            Self::NoFinalDashes => "a BEGIN line without its final dashes",
            // OpenSSL looks past one at the start of the file, and nowhere else.
            Self::ByteOrderMark { first_line: true } => {
                "a byte order mark before the BEGIN line: Go ignores this block"
            }
            Self::ByteOrderMark { first_line: false } => {
                "a byte order mark before the BEGIN line: OpenSSL and Go ignore this block"
            }
            Self::BlanksBeforeBegin => {
                "spaces before the BEGIN line: OpenSSL and Go ignore this block"
            }
            Self::BareReturns => {
                "lines ending in a bare carriage return: OpenSSL and Go cannot read them"
            }
            Self::EndWithoutBegin => "an END line without a BEGIN line",
            Self::LabelsDiffer => "a block whose END label differs from its BEGIN label",
            Self::Glued => {
                "a block whose END line also begins the next block: a line break is missing"
            }
            Self::NoEnd => "a truncated block: its END line is missing",
            Self::ForeignHeaders => "headers within a block: OpenSSL and Go ignore it",
            Self::EmptyBlock => "an empty block",
            Self::NotBase64 => "a block that is not base64",
            Self::MalformedCertificate => "a certificate that is malformed",
            Self::NotX509 => "a certificate that is not X.509",
            Self::MalformedRevocationList => "a revocation list that is malformed",
            Self::MalformedKey => "a private key that is malformed",
            Self::MalformedEncryptedKey => "an encrypted private key that is malformed",
            Self::ClosedKey(why) => return write!(out, "a private key {why}"),
            Self::MalformedPkcs7 => "PKCS#7 that is malformed",
            Self::Pkcs7WithoutCertificates(kind) => {
                return write!(out, "PKCS#7 without certificates in clear ({kind})");
            }
            Self::TruncatedPkcs7 => "PKCS#7 with truncated certificates",
            Self::MalformedPkcs12 => "PKCS#12 that is malformed",
            Self::SignedPkcs12 => "PKCS#12 that is signed instead of password-protected",
            Self::MalformedPkcs12Check => "PKCS#12 whose password check is malformed",
            Self::ClosedPkcs12(why) => return write!(out, "PKCS#12 {why}"),
            Self::Pkcs12ForKey(kind) => {
                return write!(out, "PKCS#12 that is encrypted for a key ({kind})");
            }
            Self::NestedBags => "bags that are nested too deeply",
            Self::MalformedBag => "a bag of a certificate that is malformed",
            Self::TruncatedKeystore => "the keystore is truncated",
            Self::UnknownKeystore => "a keystore of an unknown version",
            Self::SecretKeyEntry => "a secret key in the keystore: entries after it are not read",
            Self::UnknownEntry => "an entry of unknown type: entries after it are not read",
            Self::KeystoreTail => "trailing bytes after the keystore",
            Self::More(count) => return write!(out, "{count} more faults like these"),
        })
    }
}
