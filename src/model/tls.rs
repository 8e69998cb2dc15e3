//! What a TLS server showed to one who asked.

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::certificate::Certificate;
use super::seen::Seen;
use super::time::Timestamp;
use super::trust_store::TrustStore;
use super::verdict::Verdict;

/// The section `tls`: one server, asked once.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TlsLook {
    /// What was asked for, `HOST:PORT` or `unix:PATH`.
    pub endpoint: String,
    /// The name or address that the certificate must contain; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The name that was asked for in the handshake (SNI); absent where none was, as for an
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// The protocol that was spoken before TLS began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls: Option<StartTls>,
    /// Whether it was dialled from the target's own network namespace; `null` where nothing
    /// tells.
    pub from_target_network: Seen<bool>,
    /// How the name became addresses; absent where an address or a path was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// The address that was dialled; absent where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<String>,
    /// How long each step took.
    pub took: Took,
    /// What the two sides agreed on, where the handshake was completed on this side. In TLS 1.3
    /// a server may refuse after that: then there is a failure too.
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
    /// The chain as judged by each set of authorities; empty where no chain was shown. The first
    /// one decides: that of `--ca`, else of the target, else Mozilla's.
    pub verdicts: Vec<Verdict>,
    /// How the time that is left compares with `--min-days`; absent where that was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_days: Option<MinDays>,
}

/// What `--min-days` asked for, and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MinDays {
    /// Days that were asked for.
    pub wanted: u32,
    /// Whole days left of the certificate that ends first; below zero once it has expired.
    pub left: i64,
    /// Whether they suffice.
    pub enough: bool,
}

/// A protocol that begins in the clear and changes to TLS on request.
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

/// How a name became addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Resolution {
    /// What answered.
    pub by: ResolvedBy,
    /// The name that was found, where the search list completed what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// The server that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whose `resolv.conf` and `hosts` were asked.
    pub files_of: FilesOf,
    /// The addresses, in the order in which they are dialled.
    pub addresses: Vec<String>,
    /// What was tried and failed on the way, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

/// What knows a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResolvedBy {
    /// The file `/etc/hosts`.
    Hosts,
    /// A name server.
    Dns,
    /// `localhost`, which is known everywhere (RFC 6761).
    Localhost,
    /// Nothing.
    Nobody,
}

/// Whose files were asked for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FilesOf {
    /// The target's.
    Target,
    /// Those of spyhole's own container, as the target's could not be read.
    Viewer,
}

/// Seconds that each step took; absent: it was not reached or not needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Took {
    /// To find the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve_seconds: Option<f64>,
    /// To connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_seconds: Option<f64>,
    /// To agree on beginning with TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls_seconds: Option<f64>,
    /// To complete the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake_seconds: Option<f64>,
}

/// What the two sides agreed on.
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
    /// Whether the server's proof was checked that it holds the key of its certificate; false
    /// where it signed with what spyhole cannot check. A proof that does not fit is a failure.
    pub signature_checked: bool,
}

/// Why no handshake was completed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// Which step failed.
    pub step: Step,
    /// What kind of failure.
    pub reason: FailureReason,
    /// The whole story, as a sentence part.
    pub says: String,
    /// The alert that the server sent, by its name in RFC 8446 (`handshake_failure`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The first bytes that the server sent in place of TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_said: Option<ByteString>,
}

/// A step on the way to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Finding the address.
    Resolve,
    /// Connecting.
    Connect,
    /// Agreeing on beginning with TLS.
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
    /// Name servers did not answer, or with an error.
    NoResolver,
    /// Nothing listens there.
    ConnectionRefused,
    /// No way leads there.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The server closed the connection.
    Closed,
    /// What came is not TLS.
    NotTls,
    /// The server speaks only versions before TLS 1.2.
    OldProtocol,
    /// The server refused and named an alert.
    Alert,
    /// The server wants a client certificate, and none, or not the right one, was shown.
    ClientCertificate,
    /// The two sides have nothing in common, or the server breaks the protocol.
    Incompatible,
    /// The server offers no TLS on request.
    NoStarttls,
    /// Another error of the system.
    Io,
}

/// Whether the server asked for a client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    /// It did not.
    NotAsked,
    /// It asked, and went on without one.
    Optional,
    /// It asked, and one was shown.
    Shown,
    /// It asked, and would not go on without one.
    Required,
    /// The handshake did not come so far.
    Unknown,
}

/// A stapled OCSP response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OcspStaple {
    /// What it says of the leaf.
    pub status: OcspStatus,
    /// When that was so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_update: Option<Timestamp>,
    /// When a newer one is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    /// When the leaf was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why, as RFC 5280 names it (`keyCompromise`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_reason: Option<String>,
    /// Whether the issuer of the leaf signed it; absent where that could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by_issuer: Option<bool>,
}

/// What an OCSP response says.
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
