//! The section `open_files`: what processes have open, and what removed files take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::byte_string::ByteString;
use super::process::LimitPair;
use super::seen::Seen;
use super::socket::Socket;

/// Open files of the target, or of all visible processes.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenFiles {
    /// The processes.
    pub processes: Vec<OpenFilesProcess>,
    /// What removed files take that are still open or mapped, each counted once; in a summary only
    /// those with a descriptor.
    pub deleted: DeletedFiles,
    /// How many inotify instances a user may have (`fs.inotify.max_user_instances`); absent where no
    /// process here has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inotify_instance_limit: Option<Seen<u64>>,
    /// The files, as far as they were asked for; absent in a summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<OpenFile>>,
}

/// The descriptors of a process.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenFilesProcess {
    /// Its id.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// Its effective uid.
    pub uid: u32,
    /// What the target calls that uid; absent if it has no name, or is not the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Seen<ByteString>>,
    /// Descriptors that are open; absent for zombies and kernel threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd_count: Option<Seen<u64>>,
    /// `RLIMIT_NOFILE`; absent for zombies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd_limit: Option<Seen<LimitPair>>,
    /// The soft limit in percent; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<f64>,
    /// Descriptors by type, as `type` of `files` has it; those whose type is not known are left
    /// out. In a summary, files, directories and devices are one: `path`. Absent like `fd_count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd_types: Option<Seen<BTreeMap<String, u64>>>,
    /// What removed files take that this process has open or mapped.
    pub deleted: DeletedFiles,
}

/// What removed files take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DeletedFiles {
    /// How many files; one that several descriptors or processes have counts once.
    pub files: u64,
    /// What they take on disks; the last close gives it back.
    pub disk_bytes: u64,
    /// What they take in memory: on tmpfs, memfd, shared memory.
    pub memory_bytes: u64,
}

/// A file that a process has open.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenFile {
    /// The process.
    pub pid: i32,
    /// The thread, for a descriptor that only it has, in a table of its own; several threads may
    /// share such a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<i32>,
    /// How it has the file open.
    pub opened_as: OpenedAs,
    /// The number of the descriptor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Seen<OpenFileType>,
    /// Its path, as the target sees it; absent for what has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<ByteString>,
    /// What the kernel calls a file without a path, where `type` does not say it all:
    /// `net:[4026531840]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ByteString>,
    /// Whether that path was removed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// What may be done through the descriptor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Seen<OpenAccess>>,
    /// Its other flags, by their names in open(2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<Seen<Vec<String>>>,
    /// Where the next read or write begins; below zero for some devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Seen<i64>>,
    /// The mount that it is on, by its number in `/proc/PID/mountinfo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_id: Option<u32>,
    /// The device number of its file system (`8:1`); of a device file that of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Seen<String>>,
    /// Its inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<Seen<u64>>,
    /// How many names it has; 0 once the last one was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Seen<u64>>,
    /// Its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<Seen<u64>>,
    /// The space that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<Seen<u64>>,
    /// Whether it is memory and takes no disk.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_memory: bool,
    /// The socket, as `sockets` has it, without owners; absent for one that no table of the
    /// network namespaces in question lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<Seen<Box<Socket>>>,
    /// Of pipes and connected unix sockets: who has the other end, the first 16. Absent where only
    /// some processes are asked for and not `--ends`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_ends: Option<Seen<Vec<OtherEnd>>>,
    /// What only some kinds of files have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<OpenFileDetail>>,
}

/// What only some kinds of files have.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenFileDetail {
    /// The counter of an eventfd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eventfd_count: Option<u64>,
    /// A timerfd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<OpenTimer>,
    /// The signals that a signalfd takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<Vec<String>>,
    /// What an inotify or fanotify instance watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watches: Option<u64>,
    /// Descriptors that an epoll instance waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoll_targets: Option<u64>,
    /// The process that a pidfd stands for; -1 once it has ended, 0 in another PID namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pidfd_pid: Option<i64>,
    /// Locks that are held through the descriptor, the first 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locks: Option<Vec<OpenFileLock>>,
    /// How many locks there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_count: Option<u64>,
    /// The protocol of a socket that no table lists: it is neither bound nor connected, has been
    /// made since, or is in another network namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_protocol: Option<String>,
}

/// How a process has a file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OpenedAs {
    /// By a descriptor.
    Descriptor,
    /// As its working directory.
    WorkingDirectory,
    /// As its root directory.
    RootDirectory,
    /// As its program.
    Program,
    /// Mapped into its memory.
    Mapped,
}

/// What an open file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OpenFileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A symbolic link, opened by path only.
    SymbolicLink,
    /// A FIFO with a name.
    Fifo,
    /// The file of a unix socket, opened by path only.
    SocketFile,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// Memory made by `memfd_create(2)`.
    Memfd,
    /// eventfd(2).
    Eventfd,
    /// epoll(7).
    Epoll,
    /// `timerfd_create(2)`.
    Timerfd,
    /// signalfd(2).
    Signalfd,
    /// inotify(7).
    Inotify,
    /// fanotify(7).
    Fanotify,
    /// `pidfd_open(2)`.
    Pidfd,
    /// `io_uring(7)`.
    IoUring,
    /// A program, map or link of bpf(2).
    Bpf,
    /// userfaultfd(2).
    Userfaultfd,
    /// `perf_event_open(2)`.
    PerfEvent,
    /// A namespace.
    Namespace,
    /// Another file without a path; `name` says which.
    Anonymous,
}

/// What may be done through a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OpenAccess {
    /// Read.
    Read,
    /// Write.
    Write,
    /// Both.
    ReadWrite,
    /// Neither: it was opened with `O_PATH`.
    Path,
}

/// A process at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OtherEnd {
    /// Its id.
    pub pid: i32,
    /// Its name.
    pub comm: ByteString,
    /// The descriptor.
    pub fd: i32,
}

/// A timerfd.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenTimer {
    /// Its clock, as `clock_gettime(2)` names it, or its number.
    pub clock: String,
    /// Expirations that were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    /// When it expires; absent while it is not armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<f64>,
    /// After which it expires again; absent for a timer that expires once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_seconds: Option<f64>,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenFileLock {
    /// How it was made.
    #[serde(rename = "type")]
    pub kind: LockType,
    /// For what; absent for one that is being given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<OpenAccess>,
    /// Whether it binds all and not only those who ask.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mandatory: bool,
    /// The first byte.
    pub start: u64,
    /// The last byte; absent to the end of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
}

/// How a lock was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LockType {
    /// flock(2).
    Flock,
    /// fcntl(2), of a process.
    Posix,
    /// fcntl(2), of an open file description.
    OpenFileDescription,
    /// A lease of fcntl(2).
    Lease,
}

impl OpenFileType {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::CharacterDevice => "character_device",
            Self::BlockDevice => "block_device",
            Self::SymbolicLink => "symbolic_link",
            Self::Fifo => "fifo",
            Self::SocketFile => "socket_file",
            Self::Pipe => "pipe",
            Self::Socket => "socket",
            Self::Memfd => "memfd",
            Self::Eventfd => "eventfd",
            Self::Epoll => "epoll",
            Self::Timerfd => "timerfd",
            Self::Signalfd => "signalfd",
            Self::Inotify => "inotify",
            Self::Fanotify => "fanotify",
            Self::Pidfd => "pidfd",
            Self::IoUring => "io_uring",
            Self::Bpf => "bpf",
            Self::Userfaultfd => "userfaultfd",
            Self::PerfEvent => "perf_event",
            Self::Namespace => "namespace",
            Self::Anonymous => "anonymous",
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_fit() {
        assert!(size_of::<OpenFile>() <= 480, "{}", size_of::<OpenFile>());
    }

    #[test]
    fn the_words_are_those_of_the_document() {
        use OpenFileType::{Epoll, IoUring, SocketFile};
        for kind in [Epoll, IoUring, SocketFile] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
