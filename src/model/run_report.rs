//! How an application that spyhole started has ended: what `spyhole run --report` writes.

use serde::Serialize;

use super::byte_string::ByteString;
use super::gap::Gap;
use super::report::Report;
use super::secret::Argument;
use super::seen::Seen;
use super::time::Timestamp;

/// The name of this document's form; it changes when a reader would break.
pub const SCHEMA: &str = "spyhole-run/v1";

/// One run that failed. A `null` means *not readable* and is explained in `gaps`; an absent key
/// does
/// not apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// `spyhole-run/v1`.
    pub schema: &'static str,
    /// The version of spyhole that wrote it.
    pub version: &'static str,
    /// The program as it was named.
    pub program: ByteString,
    /// Where in PATH it was found; absent where it was named with a path, or was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ByteString>,
    /// Its arguments, without its own name; secrets are replaced.
    pub arguments: Vec<Argument>,
    /// The id of its process; absent where none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// When it was started, or was to be.
    pub started_at: Timestamp,
    /// When its end was seen.
    pub ended_at: Timestamp,
    /// What lies between, by a monotonic clock.
    pub seconds: f64,
    /// What spyhole exits with.
    pub exit_code: u8,
    /// How it ended.
    pub end: End,
    /// What may be behind it, as far as something was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What it has used; absent where it was not started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Seen<Used>>,
    /// The memory of the cgroup that spyhole and the application are in; absent where it was
    /// not started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The signals that were passed on to it, by rising number.
    pub passed_on: Vec<PassedOn>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What stood in the container once the application had ended and before it was gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump: Option<Report>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum End {
    /// By itself.
    Exited {
        /// Its exit code.
        code: u8,
    },
    /// By a signal.
    Signaled {
        /// Its number.
        signal: u8,
        /// Its name, such as `SIGSEGV`.
        name: String,
        /// Whether the kernel wrote a core dump, or handed it to a program.
        core_dumped: bool,
    },
    /// It did not even begin.
    NotStarted {
        /// The error of the system by its name, such as `ENOENT`.
        errno: String,
        /// Where it was looked for: the directories of PATH, for a name without a slash.
        #[serde(skip_serializing_if = "Option::is_none")]
        searched: Option<Vec<ByteString>>,
    },
}

/// The cause, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// A word for it.
    pub kind: CauseKind,
    /// The sentence part, such as `its ELF interpreter /lib64/ld-linux-x86-64.so.2 is not there`.
    pub says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A word for each cause that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// There is no such file.
    NotThere,
    /// A shell is required, but not found.
    NoShell,
    /// It is a directory.
    IsDirectory,
    /// It is a FIFO, a device or a socket.
    NotAFile,
    /// Not executable, or not by this user.
    NoExecBit,
    /// A directory on the way may not be entered.
    DirectoryClosed,
    /// It lies on a mount that is noexec.
    NoexecMount,
    /// It was built for other processors.
    WrongArchitecture,
    /// The program that loads it is missing or may not be run.
    ElfInterpreter,
    /// The interpreter of the script is missing or may not be run.
    ScriptInterpreter,
    /// The first line of the script ends as in Windows.
    CarriageReturn,
    /// A text without a `#!` line.
    TextWithoutInterpreter,
    /// It has no content.
    EmptyFile,
    /// It is no program that this kernel knows, or a damaged one.
    NotAProgram,
    /// Arguments and environment together are too long.
    TooLong,
    /// The capabilities of its file are more than the container may have.
    FileCapabilities,
    /// The kernel refused, and what was looked at does not explain it.
    Refused,
    /// Libraries that it needs were not found.
    MissingLibraries,
    /// The kernel killed it, or another process beside it, for want of memory.
    OutOfMemory,
    /// A signal, by what it usually means.
    Signal,
}

/// What it and the children that it waited for have used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Used {
    /// Processor time in their own code.
    pub cpu_user_seconds: f64,
    /// Processor time in the kernel.
    pub cpu_system_seconds: f64,
    /// The most memory that one of them had in RAM; at least what spyhole had when it started it.
    pub max_rss_bytes: u64,
    /// Page faults that waited for a disk.
    pub major_faults: u64,
    /// Page faults that did not.
    pub minor_faults: u64,
}

/// What its memory cgroup tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// How often the OOM killer has ended a process of the cgroup, before the start.
    pub oom_kills_before: Seen<u64>,
    /// The same after the end.
    pub oom_kills_after: Seen<u64>,
    /// The limit of the cgroup; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<Seen<u64>>,
}

/// A signal that was passed on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassedOn {
    /// Its number.
    pub signal: u8,
    /// Its name, such as `SIGTERM`.
    pub name: String,
    /// How many times.
    pub count: u64,
    /// How long before the end the last one came.
    pub last_seconds_before_end: f64,
}
