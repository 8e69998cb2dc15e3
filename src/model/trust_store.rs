//! Where an application looks for the authorities that it trusts.

use schemars::JsonSchema;
use serde::Serialize;

use super::byte_string::ByteString;
use super::seen::Seen;

/// The authorities that the target's main program trusts, as far as its runtime's habits tell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrustStore {
    /// Whose habits apply.
    pub runtime: Runtime,
    /// What tells the runtime, as a sentence part (`/app/server has a Go build id`).
    pub evidence: String,
    /// Where it looks, in its order, and what is there.
    pub places: Vec<TrustPlace>,
    /// How many authorities it trusts in the end; `null` where a place could not be read.
    pub roots: Seen<u64>,
    /// How many of those have expired.
    pub expired_roots: Seen<u64>,
    /// What happens with these places, as a sentence.
    pub consequence: String,
    /// The error that this runtime prints where it trusts nobody; absent where it trusts somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_text: Option<String>,
}

/// A runtime with its own habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// Go's crypto/x509.
    Go,
    /// OpenSSL or a fork of it, in whichever language.
    Openssl,
    /// A Java virtual machine.
    Java,
    /// Node.js, which brings authorities along.
    Node,
    /// Python's ssl and what builds on it.
    Python,
    /// .NET.
    Dotnet,
    /// Rust with rustls.
    Rust,
    /// Nothing told it: the usual places of all of them are listed.
    Unknown,
}

/// One place where a runtime looks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrustPlace {
    /// The path, as the target sees it; absent for what is built into the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ByteString>,
    /// A file or a directory of files.
    pub kind: PlaceKind,
    /// The variable that names it; absent for the runtime's own habit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// What is there.
    pub state: Seen<PlaceState>,
    /// Whether the runtime takes authorities from here: it exists, and no earlier place ended the
    /// search.
    pub used: Seen<bool>,
    /// Authorities in it, each counted once; absent where nothing is there, and for what is built
    /// in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Seen<u64>>,
    /// How many of those have expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_roots: Option<Seen<u64>>,
}

/// What kind of place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// One file with all of them.
    File,
    /// A directory with a file for each.
    Directory,
    /// Built into the program.
    BuiltIn,
}

/// What is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// Nothing.
    Missing,
    /// Something that holds no certificate.
    Empty,
    /// Certificates.
    Present,
    /// Something that the target's own user may not read.
    Unreadable,
}
