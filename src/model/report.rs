//! The document: what was asked for, and every gap in it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::capabilities::{CapabilitySet, SecurityContext};
use super::certificate::Certificates;
use super::container::Container;
use super::environment::Environment;
use super::gap::Gap;
use super::mount::Mount;
use super::network::Network;
use super::open_files::OpenFiles;
use super::process::Process;
use super::program::Program;
use super::resources::Resources;
use super::seen::Seen;
use super::socket::{Socket, SocketSources, SocketSum};
use super::target::Target;
use super::time::Timestamp;
use super::tls::TlsLook;

/// The name of this document's form; it changes when a reader would break.
pub const SCHEMA: &str = "spyhole/v1";

/// One document. Only the sections that were asked for are present.
///
/// A `null` means *not readable* and is explained in `gaps`; an absent key does not apply
/// or was not asked for; `""` and `[]` are what was seen and is empty.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// `spyhole/v1`.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: Cow<'static, str>,
    /// The version of spyhole that wrote it.
    pub version: Cow<'static, str>,
    /// When the walk began.
    pub taken_at: Timestamp,
    /// Names the key of the fingerprints of secrets: fingerprints of two documents can be compared
    /// where it is the same. Absent where no section may hold a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_key_id: Option<String>,
    /// The target; absent if all visible processes were included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The visible containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containers: Option<Vec<Container>>,
    /// The processes of the target, or all visible ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<Process>>,
    /// The sockets of the target's network namespace, or of all visible ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<Vec<Socket>>,
    /// Instead of `sockets`: how many there are, by protocol and state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_sums: Option<Vec<SocketSum>>,
    /// Where the sockets were read, for each network namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_sources: Option<Vec<SocketSources>>,
    /// The environment of the main process, or of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<Environment>>,
    /// The mounts that the main process sees, in the kernel's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounts: Option<Seen<Vec<Mount>>>,
    /// Which data of the target is readable, which is not, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Capabilities and the rest of the security context of the main process, or of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<SecurityContext>>,
    /// The capabilities of a given mask: `capabilities --decode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoded: Option<CapabilitySet>,
    /// Certificates on disk, in the trust store, and as served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
    /// The session and certificates of a TLS server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsLook>,
    /// Use and limits of memory, CPU, processes and I/O.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Interfaces, addresses, routes, DNS configuration and counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// How the main program was built, and the libraries it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// Open files: descriptors, what they lead to, and what removed files take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<OpenFiles>,
    /// How the kernel runs the main process.
    #[cfg(feature = "sample-section")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personality: Option<super::personality::Personality>,
    /// Data that could not be read. Empty: nothing is missing.
    pub gaps: Vec<Gap>,
}

impl Report {
    /// A report without any section yet.
    #[must_use]
    pub fn begin(taken_at: Timestamp) -> Self {
        Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            taken_at,
            fingerprint_key_id: None,
            target: None,
            containers: None,
            processes: None,
            sockets: None,
            socket_sums: None,
            socket_sources: None,
            environment: None,
            mounts: None,
            access: None,
            capabilities: None,
            decoded: None,
            certificates: None,
            tls: None,
            resources: None,
            network: None,
            program: None,
            open_files: None,
            #[cfg(feature = "sample-section")]
            personality: None,
            gaps: Vec::new(),
        }
    }
}
