//! What a TLS server showed to one who asked.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::certificate::Certificate;
use super::seen::Seen;
use super::time::Timestamp;
use super::trust_store::TrustStore;
use super::verdict::Verdict;

/// The section `tls`: one connection to one server.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TlsLook {
    /// The given endpoint, `HOST:PORT` or `unix:PATH`.
    pub endpoint: String,
    /// The name or address that the certificate must contain; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The name sent in the handshake (SNI); absent where none was sent, as for an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// The protocol that was spoken before TLS began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls: Option<StartTls>,
    /// Whether it was dialled from the target's own network namespace; `null` where that is
    /// unknown.
    pub from_target_network: Seen<bool>,
    /// How the name was resolved; absent where an address or a path was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// The address that was dialled; absent where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<String>,
    /// Duration of each step.
    pub took: Took,
    /// The negotiated session, where the handshake was completed on this side. In TLS 1.3 a server
    /// may refuse after that: then there is a failure, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Why the handshake was not completed; a chain may have been shown before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Whether the server asked for a client certificate.
    pub client_certificate: ClientCertificate,
    /// The certificates that the server showed, in its order.
    pub chain: Vec<Certificate>,
    /// The OCSP response that the server stapled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp_staple: Option<OcspStaple>,
    /// The authorities that the target trusts; absent where there was no chain to judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_store: Option<Seen<TrustStore>>,
    /// The verdict of each set of authorities; empty where no chain was sent. The first one
    /// decides: that of `--ca`, else of the target, else Mozilla's.
    pub verdicts: Vec<Verdict>,
    /// The days left compared with `--min-days`; absent without that option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_days: Option<MinDays>,
}

/// Days required by `--min-days`, and days left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MinDays {
    /// Days required.
    pub wanted: u32,
    /// Whole days left of the certificate that ends first; below zero once it has expired.
    pub left: i64,
    /// Whether enough days are left.
    pub enough: bool,
}

/// A protocol that begins in plain text and is upgraded to TLS on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StartTls {
    /// SMTP (RFC 3207).
    Smtp,
    /// IMAP (RFC 9051).
    Imap,
    /// POP3 (RFC 2595).
    Pop3,
    /// FTP (RFC 4217).
    Ftp,
    /// LDAP (RFC 4511).
    Ldap,
    /// `PostgreSQL` (`SSLRequest`).
    Postgres,
    /// `MySQL` and `MariaDB`.
    Mysql,
    /// XMPP, client to server (RFC 6120).
    Xmpp,
}

/// How a name was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Resolution {
    /// The source of the answer.
    pub by: ResolvedBy,
    /// The name that was found, where the search list completed the given one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// The server that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whose `resolv.conf` and `hosts` were used.
    pub files_of: FilesOf,
    /// The addresses, in the order in which they are dialled.
    pub addresses: Vec<String>,
    /// Attempts that failed, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

/// A source of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResolvedBy {
    /// The file `/etc/hosts`.
    Hosts,
    /// A name server.
    Dns,
    /// `localhost` (RFC 6761).
    Localhost,
    /// No source knows it.
    Nobody,
}

/// Whose `hosts` and `resolv.conf` were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FilesOf {
    /// Those of the target.
    Target,
    /// Those of spyhole's own container, as the target's could not be read.
    Viewer,
}

/// Seconds that each step took; absent: it was not reached or not needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Took {
    /// To resolve the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve_seconds: Option<f64>,
    /// To connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_seconds: Option<f64>,
    /// To request the upgrade to TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls_seconds: Option<f64>,
    /// To complete the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake_seconds: Option<f64>,
}

/// The negotiated session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Session {
    /// `TLSv1.2` or `TLSv1.3`.
    pub protocol: String,
    /// The cipher suite by its IANA name.
    pub cipher_suite: String,
    /// The group of the key exchange, such as `X25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_exchange_group: Option<String>,
    /// The protocol that ALPN chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// Whether the handshake signature, which proves that the server holds the key of its
    /// certificate, was checked; false where spyhole does not support the algorithm. A wrong
    /// signature is a failure.
    pub signature_checked: bool,
}

/// Why no handshake was completed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// What kind of failure.
    pub reason: FailureReason,
    /// The failure with its evidence, as a sentence part.
    pub says: String,
    /// The alert that the server sent, by its name in RFC 8446 (`handshake_failure`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The first bytes that the server sent in place of TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_said: Option<ByteString>,
}

/// A step of establishing a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Resolving the name.
    Resolve,
    /// Connecting.
    Connect,
    /// Requesting the upgrade to TLS.
    Starttls,
    /// The handshake.
    Handshake,
}

/// What kind of failure ended a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The name does not exist.
    UnknownName,
    /// Name servers did not answer, or answered with an error.
    NoResolver,
    /// Connection refused: nothing is listening there.
    ConnectionRefused,
    /// Network or host unreachable.
    Unreachable,
    /// Timed out.
    Timeout,
    /// The server closed the connection.
    Closed,
    /// The answer is not TLS.
    NotTls,
    /// The server speaks only versions before TLS 1.2.
    OldProtocol,
    /// The server refused and named an alert.
    Alert,
    /// The server wants a client certificate, and none, or not the right one, was shown.
    ClientCertificate,
    /// No common version, cipher suite or group, or the server violates the protocol.
    Incompatible,
    /// The server offers no TLS on request.
    NoStarttls,
    /// Another system error.
    Io,
}

/// Whether the server asked for a client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// No.
    NotAsked,
    /// It requested one and accepted the connection without.
    Optional,
    /// It requested one and got it.
    Shown,
    /// It requested one and rejected the connection without.
    Required,
    /// Unknown: the handshake ended before.
    Unknown,
}

/// A stapled OCSP response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OcspStaple {
    /// The status of the leaf.
    pub status: OcspStatus,
    /// When the status was known (thisUpdate).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_update: Option<Timestamp>,
    /// When the next update is due (nextUpdate).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    /// When the leaf was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The reason, as RFC 5280 names it (`keyCompromise`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_reason: Option<String>,
    /// Whether the issuer of the leaf signed it; absent where that could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by_issuer: Option<bool>,
}

/// The status in an OCSP response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
    /// It contains no response for this certificate, or is no OCSP response.
    Unusable,
}
