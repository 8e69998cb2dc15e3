//! Certificates and private keys as they were found, on disk or on the wire.
//!
//! What a certificate says of itself stands here. Whether it is to be believed is a verdict,
//! and stands in [`verdict`](super::verdict): an expiry is reported whatever else fails.

use std::sync::Arc;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::seen::Seen;
use super::time::Timestamp;
use super::trust_store::TrustStore;
use super::verdict::{Problem, Verdict};

/// The section `certificates`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Certificates {
    /// Files of the target that hold certificates or private keys, by path.
    pub files: Seen<Vec<CertificateFile>>,
    /// How many files were left out because they hold nothing but authorities of the trust
    /// store: `--roots` lists them.
    pub files_left_out: u64,
    /// Paths that are referenced but do not exist.
    pub missing: Vec<MissingFile>,
    /// The trust store of the application.
    pub trust_store: Seen<TrustStore>,
    /// What the target's TCP listeners serve; present with `--served` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<Vec<ServedListener>>,
}

/// One X.509 certificate, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Certificate {
    /// Its subject in RFC 4514 form (`CN=api,O=Example`); empty if it has none.
    pub subject: Seen<String>,
    /// Its issuer in RFC 4514 form.
    pub issuer: Seen<String>,
    /// The names and addresses it is for (subjectAltName), as `DNS:api.example`, `IP:10.0.0.1`,
    /// `URI:…`, `email:…`, in its own order.
    pub subject_alternative_names: Vec<String>,
    /// Its serial number in lower-case hex, with a minus sign where the issuer made it negative.
    pub serial: Seen<String>,
    /// 1, 2 or 3.
    pub version: Seen<u32>,
    /// Begin of its validity.
    pub not_before: Seen<Timestamp>,
    /// End of its validity.
    pub not_after: Seen<Timestamp>,
    /// Seconds from `taken_at` to `not_after`; below zero once it has expired.
    pub seconds_left: Seen<i64>,
    /// The key that it certifies.
    pub public_key: Seen<PublicKey>,
    /// The signature algorithm, such as `sha256WithRSAEncryption`, or the object identifier.
    pub signature_algorithm: String,
    /// Whether it may issue certificates (basicConstraints).
    pub is_ca: Seen<bool>,
    /// How many CA certificates may follow below it, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u32>,
    /// What the key may be used for (`digitalSignature`, `keyCertSign`); absent: not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_usages: Option<Seen<Vec<String>>>,
    /// extendedKeyUsage (`serverAuth`, or the object identifier); absent: not limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_key_usages: Option<Seen<Vec<String>>>,
    /// SHA-256 over the whole certificate, in lower-case hex.
    pub fingerprint_sha256: String,
    /// Whether subject and issuer are the same name and its key identifiers do not contradict
    /// that: it claims to have issued itself. The signature is not checked here.
    pub self_signed: bool,
    /// Place in the chain that was built from the file or the handshake: 0 for the one that issued
    /// no other, 1 for its issuer, and so on; absent for what belongs to no chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_position: Option<u32>,
    /// The malformed parts, as sentence parts. Their fields are missing above; the other fields are
    /// valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The certificate itself, for `-o pem`: no part of the document.
    #[serde(skip)]
    pub der: CertificateDer,
}

/// A certificate in DER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateDer(pub Arc<[u8]>);

impl Certificate {
    /// As a block of PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
        let base64 = BASE64.encode(&self.der.0);
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(PEM_LINE));
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        text.push_str("-----END CERTIFICATE-----\n");
        text
    }

    /// What to call it in one word: its common name, else its first alternative name, else
    /// whom it names.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let first = self.subject_alternative_names.first();
        let first = first.map(|name| name.split_once(':').map_or(name.as_str(), |(_, name)| name));
        let subject = self.subject.value().map_or("", String::as_str);
        common_name(subject).or(first).unwrap_or(subject)
    }

    /// Whether it certainly is an authority.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.is_ca.value() == Some(&true)
    }

    /// Whether its validity had not begun when `seconds_left` was counted.
    #[must_use]
    pub fn is_not_yet_valid(&self) -> bool {
        let (Some(begin), Some(end), Some(left)) = (
            self.not_before.value(),
            self.not_after.value(),
            self.remaining(),
        ) else {
            return false;
        };
        match end.0.duration_since(begin.0) {
            Ok(whole) => u64::try_from(left).is_ok_and(|left| left > whole.as_secs()),
            // It ends before it begins.
            Err(_) => left >= 0,
        }
    }

    /// Seconds until it ends, where that is known.
    #[must_use]
    pub fn remaining(&self) -> Option<i64> {
        self.seconds_left.value().copied()
    }
}

/// As long as openssl makes them.
const PEM_LINE: usize = 64;

/// The value of `CN` in a distinguished name as RFC 4514 writes it.
#[must_use]
pub fn common_name(name: &str) -> Option<&str> {
    let mut start = 0;
    let mut escaped = false;
    let ends = name.char_indices().filter(|(_, character)| {
        let end = !escaped && matches!(character, ',' | '+');
        escaped = !escaped && *character == '\\';
        end
    });
    let ends: Vec<usize> = ends.map(|(at, _)| at).chain([name.len()]).collect();
    for end in ends {
        let value = name.get(start..end)?.strip_prefix("CN=");
        if value.is_some_and(|value| !value.is_empty()) {
            return value;
        }
        start = end + 1;
    }
    None
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PublicKey {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// Length in bits, where the kind is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// The curve of an elliptic key (`P-256`), or its object identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
    /// SHA-256 over its `SubjectPublicKeyInfo` in base64, as in RFC 7469: equal for all
    /// certificates of one key.
    pub spki_pin_sha256: String,
}

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyAlgorithm {
    /// RSA.
    Rsa,
    /// RSA for PSS signatures only.
    RsaPss,
    /// Elliptic curve.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// DSA.
    Dsa,
    /// Another algorithm.
    Other,
}

impl KeyAlgorithm {
    /// The word for it in a table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::RsaPss => "rsa-pss",
            Self::Ecdsa => "ecdsa",
            Self::Ed25519 => "ed25519",
            Self::Ed448 => "ed448",
            Self::Dsa => "dsa",
            Self::Other => "other",
        }
    }
}

/// A file that holds certificates or private keys.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CertificateFile {
    /// Its path, as the target sees it and as it was found.
    pub path: ByteString,
    /// The path after all symbolic links, where it differs: the revision of a projected volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_path: Option<ByteString>,
    /// Why it was searched.
    pub found_by: Vec<FoundBy>,
    /// Its form, where it could be read and was recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<FileForm>,
    /// Length in bytes.
    pub size_bytes: u64,
    /// When its content last changed.
    pub modified_at: Timestamp,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Permission bits in octal (`0640`).
    pub mode: String,
    /// Whether the target's own user may read it, by owner, group and mode.
    pub readable_by_target: Seen<bool>,
    /// The certificates in it, in its order.
    pub certificates: Seen<Vec<Certificate>>,
    /// The certificate revocation lists in it, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation_lists: Vec<RevocationList>,
    /// The private keys in it: kind and fit, never the key.
    pub private_keys: Vec<PrivateKey>,
    /// The private key that belongs to its first certificate, in this file or next to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<KeyBeside>,
    /// Blocks that could not be read; the other blocks are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Its leaf certificates, each as judged with the certificates of the file and each set of
    /// authorities; present with `--verify` only, and empty where the file holds no leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Vec<LeafVerdict>>,
}

/// A certificate revocation list. Its signature is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RevocationList {
    /// Its issuer in RFC 4514 form.
    pub issuer: String,
    /// When it was made; absent where that is malformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_update: Option<Timestamp>,
    /// When the next one is due: from then on what requires a list refuses this one. Absent where
    /// it does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    /// Seconds from `taken_at` to `next_update`; below zero once it is overdue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<i64>,
    /// How many certificates it revokes.
    pub entries: u64,
}

/// The verdict on a leaf certificate of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeafVerdict {
    /// The place of the leaf in `certificates`, from 0.
    pub leaf: u32,
    /// The verdict; `certificate` in its findings is a place in `certificates` of the file.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl LeafVerdict {
    /// Whether the leaf itself has expired or is not valid yet: no authority changes that.
    #[must_use]
    pub fn is_out_of_date(&self) -> bool {
        let dates = |problem| matches!(problem, Problem::Expired | Problem::NotYetValid);
        self.verdict
            .findings
            .iter()
            .any(|one| one.fatal && dates(one.problem) && one.certificate == Some(self.leaf))
    }
}

/// A referenced path that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MissingFile {
    /// The path, as it was referenced.
    pub path: ByteString,
    /// Where it is referenced.
    pub found_by: Vec<FoundBy>,
}

/// Why a file was searched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// `--file` or `--dir` named it.
    Asked,
    /// An argument of the main process holds its path.
    Argument,
    /// A variable of the environment holds its path, or that of its directory.
    Environment(ByteString),
    /// It is in a Secret, `ConfigMap`, projected or CSI volume.
    Volume,
    /// It has a usual name in a directory that was searched.
    UsualPlace,
    /// The main process has it open.
    OpenFile,
}

impl FoundBy {
    /// The words for it in a table.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Asked => "--file or --dir".to_owned(),
            Self::Argument => "an argument".to_owned(),
            Self::Environment(name) => name.to_text().into_owned(),
            Self::Volume => "volume".to_owned(),
            Self::UsualPlace => "usual place".to_owned(),
            Self::OpenFile => "open file".to_owned(),
        }
    }
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileForm {
    /// Blocks between `-----BEGIN` and `-----END` lines.
    Pem,
    /// One certificate or key in DER.
    Der,
    /// PKCS#7, a set of certificates.
    Pkcs7,
    /// PKCS#12 (`.p12`, `.pfx`, newer Java cacerts).
    Pkcs12,
    /// Java's own keystore.
    Jks,
}

/// A part of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fault {
    /// The line on which it begins, from 1; absent where the file has no lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The fault, as a sentence part.
    pub says: String,
}

/// A private key that was found. Nothing of the key itself is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PrivateKey {
    /// Whether a password protects it.
    pub encrypted: bool,
    /// The public half; absent where the password is not known, where the key does not hold it,
    /// and for a kind that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
}

/// The private key of a certificate.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyBeside {
    /// The file that holds it.
    pub path: ByteString,
    /// Whether it belongs to the certificate: the public keys are compared.
    pub matches: Seen<bool>,
    /// Whether the target's own user may read it, by owner, group and mode.
    pub readable_by_target: Seen<bool>,
    /// Whether every user may read it.
    pub readable_by_all: bool,
}

/// A TCP listener of the target, and the certificate that it serves.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServedListener {
    /// Where it listens (`0.0.0.0:8443`, `[::]:8443`).
    pub listens_on: String,
    /// Where it was dialled; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<String>,
    /// The processes of the target that hold the listener.
    pub pids: Seen<Vec<i32>>,
    /// What it serves; `null` where it was not dialled, or timed out.
    pub serves: Seen<Serves>,
}

/// What a listener serves.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Serves {
    /// TLS, with these certificates.
    Tls {
        /// One for each requested name that brought another certificate.
        leaves: Vec<ServedLeaf>,
    },
    /// It answered, but does not speak TLS.
    NotTls {
        /// Its answer, shortened; empty where it sent none.
        says: ByteString,
    },
    /// It speaks TLS and refused the handshake.
    Refused {
        /// Why, as a sentence part.
        says: String,
    },
}

/// A served certificate against the files on disk.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServedLeaf {
    /// The requested name (SNI); absent where none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The certificate.
    pub certificate: Certificate,
    /// How it compares; `null` where the files could not be read.
    pub against_files: Seen<AgainstFiles>,
    /// The file it was compared with: the same one, or the one that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ByteString>,
    /// When the certificate in that file becomes valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_not_before: Option<Timestamp>,
    /// When the certificate in that file expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_not_after: Option<Timestamp>,
}

/// How a served certificate compares with the files, by fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgainstFiles {
    /// A file contains the same certificate.
    Same,
    /// A file contains a later certificate for the same names: the server did not reload it after a
    /// rotation.
    OlderThanFile,
    /// A file contains an earlier certificate for the same names.
    NewerThanFile,
    /// No file that was found contains a certificate for these names.
    NotOnDisk,
}

#[cfg(test)]
mod tests {
    use super::common_name;

    #[test]
    fn the_common_name_is_found_wherever_it_stands() {
        for (name, expected) in [
            ("CN=api,O=Example", Some("api")),
            ("O=Example\\,CN=no,CN=yes", Some("yes")),
            ("O=Example+CN=a\\+b", Some("a\\+b")),
            ("O=Example\\\\,CN=after", Some("after")),
            ("CN=", None),
            ("CN=Acme\\, Inc.,C=DE", Some("Acme\\, Inc.")),
            ("O=CN=x", None),
            ("", None),
        ] {
            assert_eq!(common_name(name), expected, "{name}");
        }
    }
}
