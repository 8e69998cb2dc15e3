//! Why a check came out as it did: what was seen, as data. `words` makes the sentences.

use core::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::sight::Partial;
use crate::model::gap::Refusal;
use crate::model::tls::Failure;
use crate::model::truth_value::TruthValue;
use crate::parse::certificate_file::{Fault, OtherContent};
use crate::probe::connect::NotConnected;
use crate::probe::grpc::{GrpcError, ServingStatus};
use crate::probe::http::HttpError;
use crate::scan::no_target::NoTarget;

/// An answer with its reason.
#[derive(Debug, Clone)]
pub(crate) struct CheckOutcome {
    /// Whether what is checked holds.
    pub answer: TruthValue,
    /// What was seen.
    pub reason: CheckReason,
    /// What has to be known to judge it by.
    pub notes: Vec<CheckNote>,
}

impl CheckOutcome {
    pub(super) fn new(answer: impl Into<TruthValue>, reason: CheckReason) -> Self {
        Self {
            answer: answer.into(),
            reason,
            notes: Vec::new(),
        }
    }

    pub(crate) fn unknown(reason: CheckReason) -> Self {
        Self::new(TruthValue::Unknown, reason)
    }

    pub(super) fn with_notes(mut self, notes: impl IntoIterator<Item = CheckNote>) -> Self {
        for note in notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        self
    }
}

/// What a check stands on, where it is not all that was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckNote {
    /// The connection came from another network namespace than the target's.
    OtherNetwork,
    /// Whether spyhole is in the target's network namespace could not be seen.
    NetworkNotCompared,
    /// The target's `hosts` and `resolv.conf` could not be read, and spyhole's own are not known
    /// to be others.
    OwnNames,
    /// The target's root could not be entered, and the path in spyhole's own is not known to lead
    /// elsewhere.
    OwnRoot,
}

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) enum CheckReason {
    /// A system call on a file of the target does not return.
    SystemCallStuck,
    /// The run of the same probe before this one has not ended.
    PreviousRunStuck,
    /// There is no target.
    NoTarget(Arc<NoTarget>),
    /// No target was named, and those that there may be are hidden.
    TargetHidden(Partial),
    /// The root of the target cannot be entered.
    RootUnreadable(Refusal),

    /// Connections are forbidden.
    ConnectDisabled,
    /// Name servers may not be asked.
    DnsDisabled,
    /// An address that means another machine in spyhole's network namespace than in the target's.
    AddressOfOtherNetwork(String),
    /// The name servers of the target are asked at such an address.
    ResolverOfOtherNetwork { name: String, server: IpAddr },
    /// The target's file cannot be read, and spyhole's own is known to be another.
    OtherNames {
        name: String,
        file: &'static str,
        refusal: Refusal,
    },
    /// The target's root cannot be entered, and the path leads elsewhere in spyhole's own.
    OtherRoot { path: String, refusal: Refusal },
    /// Most of the time had passed before the connection was begun.
    NoTimeLeft {
        dialled: String,
        before: Duration,
        timeout: Duration,
    },
    /// A name has no address, or no answer came.
    Unresolved { name: String, failure: Box<Failure> },
    /// A name has addresses.
    Resolved {
        name: String,
        addresses: Vec<IpAddr>,
    },
    /// No connection was made.
    NotConnected(NotConnected),
    /// The socket cannot be found in the target's root.
    NoSocket { path: String, errno: Errno },
    /// The connection was accepted.
    Accepted { dialled: String, after: Duration },

    /// There was no HTTP response.
    HttpFailed {
        dialled: String,
        error: Arc<HttpError>,
    },
    /// The server responded with this status.
    HttpStatus {
        dialled: String,
        status: u16,
        expected: (u16, u16),
    },
    /// The status is as expected, the body is not.
    HttpBody { dialled: String, status: u16 },
    /// The response is as expected.
    HttpAnswered { dialled: String, status: u16 },

    /// There was no answer to a call of gRPC, or another one.
    GrpcFailed {
        dialled: String,
        service: String,
        error: Arc<GrpcError>,
    },
    /// What the server says of itself or of the service.
    GrpcStatus {
        dialled: String,
        service: String,
        status: ServingStatus,
    },

    /// The server was not asked, or what it showed could not be read.
    TlsNotSeen(Option<Refusal>),
    /// There was no handshake.
    TlsFailed(Box<Failure>),
    /// The server sent no certificate.
    NoCertificateSent,
    /// The days that a certificate is valid for.
    Certificate(Box<CertificateSeen>),

    /// Something listens on the port.
    Listening(u16),
    /// Nothing does.
    NotListening(u16),
    /// Nothing does as far as could be read.
    SocketsUnread { port: u16, refusal: Option<Refusal> },

    /// How many processes match.
    Matched(Matched),
    /// The process of that number does not exist.
    NoProcess(i32),
    /// The process that is nearest to its limit of descriptors.
    Descriptors { pid: i32, percent: f64, unseen: u64 },
    /// No limit of descriptors could be read.
    DescriptorsUnread,

    /// The file exists, and is as it should be.
    FileThere(String),
    /// The file does not exist.
    FileMissing(String),
    /// The file cannot be found or read.
    FileUnread { path: String, errno: Errno },
    /// The file is smaller than it should be, in bytes.
    FileTooSmall { path: String, size: u64, least: u64 },
    /// The file was modified longer ago than it should be.
    FileTooOld {
        path: String,
        age: Duration,
        most: Duration,
    },
    /// The path is not a regular file.
    NotAFile(String),
    /// The file is longer than what is read.
    FileTooLarge(String),
    /// The file holds no certificate that can be read.
    CertificatesNotRead { path: String, why: NotRead },

    /// The memory cgroup of the target could not be read.
    MemoryUnread(Refusal),
    /// The cgroup has no limit.
    NoMemoryLimit,
    /// The share of the limit that is used.
    MemoryShare { percent: f64, limit_bytes: u64 },

    /// All parts hold.
    All(usize),
    /// None of the parts holds; the reason of the first.
    NoneOf(usize, Box<CheckReason>),
}

/// How long a certificate is valid, and what authorities say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateSeen {
    /// The file or the server.
    pub of: String,
    /// Days until the first of them expires; negative where one has.
    pub days: i64,
    /// Days that it must be valid for.
    pub wanted: u32,
    /// What else was found.
    pub finding: CertificateFinding,
}

/// What was found of a certificate beside its dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CertificateFinding {
    /// Nothing: it verifies, or was not to be verified.
    None,
    /// It expires too soon.
    TooSoon,
    /// Its validity has not begun.
    NotYetValid,
    /// What the authorities say, in the words of the verdict.
    Verdict(String),
    /// The trust store of the target is unknown, in the words of the store where it has some.
    NoTrustStore(Option<String>),
    /// There are only authorities in the file.
    NoLeaf,
    /// It is valid as far as the file could be read.
    NotWhole(NotRead),
}

/// Why a file of certificates has none to judge, or not all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It is another kind of file.
    OtherContent(OtherContent),
    /// It needs a password.
    NeedsPassword,
    /// A part of it is malformed.
    Fault(Fault),
    /// It holds a private key and no certificate.
    KeyOnly,
    /// The notAfter of a certificate is malformed.
    Date,
    /// It holds none.
    NoCertificate,
}

/// How many processes match a word, and what that falls short of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matched {
    /// The word.
    pub word: String,
    /// How many match.
    pub found: u32,
    /// The first condition that does not hold.
    pub unmet: Option<Unmet>,
    /// Why there may be others.
    pub partial: Option<Partial>,
}

/// A condition of `process:` that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// At least this many.
    Min(u32),
    /// At most this many.
    Max(u32),
    /// The youngest has not been running for so long.
    Uptime { youngest: Duration, least: Duration },
    /// More were replaced than that.
    Restarts { replaced: u32, most: u32 },
}
