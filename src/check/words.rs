//! The sentence of each reason.

use std::fmt;
use std::time::Duration;

use super::reason::{
    CertificateFinding, CertificateSeen, CheckNote, CheckOutcome, CheckReason, Matched, NotRead,
    Unmet,
};
use super::sight::Partial;
use crate::model::gap::Refusal;
use crate::model::truth_value::TruthValue;
use crate::sys::remote_fs;

impl fmt::Display for CheckOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        for note in &self.notes {
            write!(f, " ({note})")?;
        }
        Ok(())
    }
}

impl fmt::Display for CheckNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherNetwork => "from spyhole's network namespace, not the target's",
            Self::NetworkNotCompared => {
                "from spyhole's network namespace; whether it is the target's is unknown"
            }
            Self::OwnNames => {
                "by spyhole's own hosts and resolv.conf; the target's are not readable"
            }
            Self::OwnRoot => "in spyhole's own file system; the target's is not readable",
        })
    }
}

impl fmt::Display for CheckReason {
    #[expect(clippy::too_many_lines, reason = "a table: one arm for each reason")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemCallStuck => {
                f.write_str("timed out: a system call on a file of the target does not return")
            }
            Self::PreviousRunStuck => f.write_str("the previous run has not ended"),
            Self::NoTarget(why) => why.fmt(f),
            Self::TargetHidden(partial) => write!(
                f,
                "no target: {partial} (use --self to check spyhole's own container)"
            ),
            Self::RootUnreadable(refusal) => write!(
                f,
                "the target's files cannot be read: {} (see spyhole access)",
                refusal.reason.describe()
            ),
            Self::ConnectDisabled => f.write_str("connections are disabled by --no-connect"),
            Self::DnsDisabled => f.write_str("DNS queries are disabled by --no-connect"),
            Self::AddressOfOtherNetwork(endpoint) => write!(
                f,
                "{endpoint} means the network namespace that it is used in, and spyhole is not in \
                 the target's"
            ),
            Self::ResolverOfOtherNetwork { name, server } => write!(
                f,
                "{name}: the target's name server {server} is in its network namespace, which \
                 spyhole is not in"
            ),
            Self::OtherNames {
                name,
                file,
                refusal,
            } => write!(
                f,
                "{name}: the target's {file} cannot be read ({}), and spyhole's own is a different \
                 file",
                refusal.reason.describe()
            ),
            Self::OtherRoot { path, refusal } => write!(
                f,
                "{path}: the target's file system cannot be read ({}), and in spyhole's own the \
                 path leads elsewhere",
                refusal.reason.describe()
            ),
            Self::NoTimeLeft {
                dialled,
                before,
                timeout,
            } => write!(
                f,
                "{dialled}: no answer, but only {} of {} were left to connect (use a longer \
                 timeout)",
                milliseconds(timeout.saturating_sub(*before)),
                milliseconds(*timeout)
            ),
            Self::Unresolved { name, failure } => write!(f, "{name}: {}", failure.says),
            Self::Resolved { name, addresses } => {
                write!(f, "{name} is")?;
                addresses.iter().try_for_each(|one| write!(f, " {one}"))
            }
            Self::NotConnected(none) => write!(f, "{}: {none}", none.dialled()),
            Self::NoSocket { path, errno } => write!(
                f,
                "unix:{path}: {} (in the target's file system)",
                errno.desc()
            ),
            Self::Accepted { dialled, after } => write!(
                f,
                "{dialled} accepted a connection after {:.1} ms",
                after.as_secs_f64() * 1e3
            ),
            Self::HttpFailed { dialled, error } => write!(f, "{dialled}: {error}"),
            Self::HttpStatus {
                dialled,
                status,
                expected: (from, to),
            } => write!(f, "{dialled} responded {status} ({from} to {to} expected)"),
            Self::HttpBody { dialled, status } => write!(
                f,
                "{dialled} responded {status}, but the body does not contain the text"
            ),
            Self::HttpAnswered { dialled, status } => write!(f, "{dialled} responded {status}"),
            Self::GrpcFailed {
                dialled,
                service,
                error,
            } => write!(f, "{dialled}: {}{error}", of_service(service)),
            Self::GrpcStatus {
                dialled,
                service,
                status,
            } => write!(f, "{dialled}: {}{status}", of_service(service)),
            Self::TlsNotSeen(None) => f.write_str("it was not contacted, or could not be read"),
            Self::TlsNotSeen(Some(refusal)) => write!(f, "not contacted: {}", because(refusal)),
            Self::TlsFailed(failure) => f.write_str(&failure.says),
            Self::NoCertificateSent => f.write_str("it sent no certificate"),
            Self::Certificate(seen) => seen.fmt(f),
            Self::Listening(port) => write!(f, "port {port} is listening"),
            Self::NotListening(port) => write!(f, "nothing is listening on port {port}"),
            Self::SocketsUnread { port, refusal } => {
                write!(f, "sockets not readable; port {port} not found")?;
                let Some(refusal) = refusal else {
                    return Ok(());
                };
                write!(f, " ({})", because(refusal))
            }
            Self::NoProcess(pid) => write!(f, "process {pid} not found"),
            Self::Matched(matched) => matched.fmt(f),
            Self::Descriptors {
                pid,
                percent,
                unseen,
            } => {
                write!(f, "process {pid} has {percent:.1}% of its descriptors open")?;
                match unseen {
                    0 => Ok(()),
                    1 => f.write_str("; at least 1 other process not readable"),
                    many => write!(f, "; at least {many} other processes not readable"),
                }
            }
            Self::DescriptorsUnread => f.write_str("file descriptors not readable"),
            Self::FileThere(path) => write!(f, "{path} exists"),
            Self::FileMissing(path) => write!(f, "{path} does not exist"),
            Self::FileUnread { path, errno } => match remote_fs::refusal(*errno) {
                Some(refusal) => write!(f, "{path}: {}", refusal.reason.describe()),
                None => write!(f, "{path}: {}", errno.desc()),
            },
            Self::FileTooSmall { path, size, least } => {
                write!(f, "{path} has {size} bytes (at least {least} required)")
            }
            Self::FileTooOld { path, age, most } => write!(
                f,
                "{path} was modified {} s ago (at most {} allowed)",
                age.as_secs(),
                humantime::format_duration(*most)
            ),
            Self::NotAFile(path) => write!(f, "{path} is not a regular file"),
            Self::FileTooLarge(path) => write!(f, "{path} is too large to read"),
            Self::CertificatesNotRead { path, why } => write!(f, "{path}: {why}"),
            Self::MemoryUnread(refusal) => {
                let needs = refusal.needs.as_deref().unwrap_or("see spyhole access");
                let why = refusal.reason.describe();
                write!(f, "memory cgroup of the target: {why} ({needs})")
            }
            Self::NoMemoryLimit => f.write_str("the target's cgroup has no memory limit"),
            Self::MemoryShare {
                percent,
                limit_bytes,
            } => write!(f, "{percent:.1}% of {} MiB used", limit_bytes >> 20),
            Self::All(parts) => write!(f, "all {parts} passed"),
            Self::NoneOf(parts, first) => write!(f, "none of {parts} passed; {first}"),
        }
    }
}

/// What the answer of a gRPC server is about; nothing where it is the server as a whole.
fn of_service(service: &str) -> String {
    match service {
        "" => String::new(),
        service => format!("service {service:?}: "),
    }
}

/// Why, and what would help.
fn because(refusal: &Refusal) -> String {
    let why = refusal.reason.describe();
    match &refusal.needs {
        Some(needs) => format!("{why}; needs {needs}"),
        None => why.to_owned(),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

impl fmt::Display for CertificateSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            of,
            days,
            wanted,
            finding,
        } = self;
        if *days < 0 {
            return write!(f, "{of} has expired");
        }
        write!(f, "{of}: {days} days left")?;
        match finding {
            CertificateFinding::None => Ok(()),
            CertificateFinding::NotYetValid => f.write_str(", but not valid yet"),
            CertificateFinding::TooSoon => write!(f, " (at least {wanted} required)"),
            CertificateFinding::Verdict(says) => write!(f, "; {says}"),
            CertificateFinding::NoTrustStore(why) => {
                f.write_str("; the target's trust store is unknown")?;
                if let Some(why) = why {
                    write!(f, ": {why}")?;
                }
                f.write_str(" (verify=mozilla uses Mozilla's roots)")
            }
            CertificateFinding::NoLeaf => f.write_str(
                "; it contains only authorities: there is no leaf certificate to verify",
            ),
            CertificateFinding::NotWhole(why) => {
                write!(f, ", but the file was not wholly read: {why}")
            }
        }
    }
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherContent(other) => other.fmt(f),
            Self::NeedsPassword => {
                f.write_str("it needs a password (certificates --password-file)")
            }
            Self::Fault(fault) => match fault.line {
                Some(line) => write!(f, "line {line}: {}", fault.says()),
                None => f.write_str(&fault.says()),
            },
            Self::KeyOnly => f.write_str("it contains a private key and no certificate"),
            Self::Date => f.write_str("the notAfter of a certificate is malformed"),
            Self::NoCertificate => f.write_str("it contains no certificate"),
        }
    }
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            word,
            found,
            unmet,
            partial,
        } = self;
        match unmet {
            Some(Unmet::Uptime { youngest, least }) => write!(
                f,
                "one has been running for only {} (at least {} required)",
                seconds(*youngest),
                seconds(*least)
            )?,
            Some(Unmet::Restarts { replaced, most }) => write!(
                f,
                "{replaced} of them were replaced (at most {most} allowed)"
            )?,
            _ => {
                let matching = if *found == 1 {
                    "process matches"
                } else {
                    "processes match"
                };
                write!(f, "{found} {matching} {word:?}")?;
            }
        }
        match (partial, unmet) {
            (Some(partial), _) => write!(f, "; {partial}"),
            (None, Some(Unmet::Min(min))) => write!(f, " (at least {min} required)"),
            (None, Some(Unmet::Max(max))) => write!(f, " (at most {max} allowed)"),
            _ => Ok(()),
        }
    }
}

fn seconds(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hidden => f.write_str("processes may be hidden (/proc is mounted with hidepid)"),
            Self::CommandLines => f.write_str("some command lines are not readable"),
            Self::Unread { count: 1, reason } => {
                write!(f, "1 process is not readable: {}", reason.describe())
            }
            Self::Unread { count, reason } => {
                write!(
                    f,
                    "{count} processes are not readable: {}",
                    reason.describe()
                )
            }
        }
    }
}

/// The word that begins the line of a check.
pub(crate) fn word(answer: TruthValue) -> &'static str {
    match answer {
        TruthValue::True => "passes",
        TruthValue::Unknown => "unknown",
        TruthValue::False => "fails",
    }
}
