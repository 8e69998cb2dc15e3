//! Where an application looks for the authorities that it trusts.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;

/// The authorities that the target's main program trusts by the rules of its runtime; what the
/// program's own code adds or skips is not visible.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrustStore {
    /// The runtime.
    pub runtime: Runtime,
    /// How the runtime was recognised, as a sentence part (`/app/server was made by go1.22.3`).
    pub evidence: String,
    /// The places that it searches, in its order.
    pub places: Vec<TrustPlace>,
    /// How many authorities it finds in total, each counted once; `null` where a place could not be
    /// read, absent where it has built-in authorities, which are not counted, or where its places
    /// are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Seen<u64>>,
    /// How many of those have expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_roots: Option<Seen<u64>>,
    /// A summary, as a sentence.
    pub consequence: String,
    /// The error that this runtime prints if its trust store is empty; absent otherwise, or if that
    /// is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_text: Option<String>,
}

/// A runtime with its own trust store rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// Go's crypto/x509.
    Go,
    /// OpenSSL or a fork of it, in any language.
    Openssl,
    /// `GnuTLS`.
    Gnutls,
    /// A Java virtual machine.
    Java,
    /// Node.js, which has built-in authorities.
    Node,
    /// Python's ssl and libraries based on it.
    Python,
    /// .NET.
    Dotnet,
    /// Rust with rustls.
    Rust,
    /// Not recognised: the usual paths of all of them are listed.
    Unknown,
}

impl Runtime {
    /// What people call it.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Openssl => "OpenSSL",
            Self::Gnutls => "GnuTLS",
            Self::Java => "Java",
            Self::Node => "Node.js",
            Self::Python => "Python",
            Self::Dotnet => ".NET",
            Self::Rust => "Rust",
            Self::Unknown => "unknown",
        }
    }

    /// What it prints when a server's chain leads to no authority that it trusts, while it trusts
    /// others; `None` where the runtime is not known.
    #[must_use]
    pub fn unknown_issuer_text(self) -> Option<&'static str> {
        Some(match self {
            Self::Go => "x509: certificate signed by unknown authority",
            Self::Openssl | Self::Node => "unable to get local issuer certificate",
            Self::Gnutls => "The certificate is NOT trusted. The certificate issuer is unknown.",
            Self::Java => {
                "PKIX path building failed: \
                 sun.security.provider.certpath.SunCertPathBuilderException: \
                 unable to find valid certification path to requested target"
            }
            Self::Python => {
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: \
                 unable to get local issuer certificate"
            }
            Self::Dotnet => {
                "The remote certificate is invalid because of errors in the certificate chain: \
                 PartialChain"
            }
            Self::Rust => "invalid peer certificate: UnknownIssuer",
            Self::Unknown => return None,
        })
    }
}

/// One place that a runtime searches.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrustPlace {
    /// The path, as the target sees it; absent for what is built into the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ByteString>,
    /// A file or a directory of files.
    pub kind: PlaceKind,
    /// The variable or the property that names it (`SSL_CERT_FILE`, `javax.net.ssl.trustStore`);
    /// absent for the runtime's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// The library that searches here, where it is not the runtime itself (`requests`); not counted
    /// in the totals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_for: Option<String>,
    /// The state of the place.
    pub state: Seen<PlaceState>,
    /// Whether the runtime reads it: it exists, and no earlier place ended the search; absent where
    /// that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Seen<bool>>,
    /// Authorities in it that this runtime would accept, each counted once; absent where it does
    /// not exist, and for built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Seen<u64>>,
    /// How many of those have expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_roots: Option<Seen<u64>>,
    /// A peculiarity, as a sentence part (`12 files, none has a hash for its name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

/// The kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// One file with all authorities.
    File,
    /// A directory with a file for each.
    Directory,
    /// Built into the program.
    BuiltIn,
}

/// The state of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// It does not exist.
    Missing,
    /// It contains no certificate that this runtime would accept.
    Empty,
    /// It contains certificates.
    Present,
    /// The target's own user may not read it.
    Unreadable,
}

impl PlaceState {
    /// The word for it in a table.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Present => "present",
            Self::Unreadable => "not readable",
        }
    }
}
