//! What was read of a file → the model.

use crate::model::gap::{Refusal, SectionGaps};
use crate::model::open_files::{
    LockType, OpenAccess, OpenFile, OpenFileDetail, OpenFileLock, OpenFileType, OpenTimer, OpenedAs,
};
use crate::model::seen::Seen;
use crate::parse::fd_link::FdLink;
use crate::parse::fdinfo::{FdDetail, FdInfo, LockKind, LockRow, TimerInfo};
use crate::parse::signals;
use crate::scan::open_files::{EntryKind, FileStatusResult, OpenEntry};
use crate::sys::open_files::FileStatus;

/// What a link leads to, as far as it says so itself; `None` for a path.
pub(super) fn type_of_link(link: FdLink<'_>) -> Option<OpenFileType> {
    Some(match link {
        FdLink::Path(_) => return None,
        FdLink::Socket(_) => OpenFileType::Socket,
        FdLink::Pipe(_) => OpenFileType::Pipe,
        FdLink::Numbered(b"pidfd", _) => OpenFileType::Pidfd,
        FdLink::Numbered(..) => OpenFileType::Namespace,
        FdLink::Other(_) => OpenFileType::Anonymous,
        FdLink::Anonymous(word) => match word {
            b"eventfd" => OpenFileType::Eventfd,
            b"eventpoll" => OpenFileType::Epoll,
            b"timerfd" => OpenFileType::Timerfd,
            b"signalfd" => OpenFileType::Signalfd,
            b"inotify" => OpenFileType::Inotify,
            b"fanotify" => OpenFileType::Fanotify,
            b"pidfd" => OpenFileType::Pidfd,
            b"io_uring" => OpenFileType::IoUring,
            b"userfaultfd" => OpenFileType::Userfaultfd,
            b"perf_event" => OpenFileType::PerfEvent,
            word if word.starts_with(b"bpf") => OpenFileType::Bpf,
            _ => OpenFileType::Anonymous,
        },
    })
}

/// What an inode is.
pub(super) fn type_of_status(status: &FileStatus, link: &[u8], in_memory: bool) -> OpenFileType {
    match status.mode & libc::S_IFMT {
        libc::S_IFDIR => OpenFileType::Directory,
        libc::S_IFCHR => OpenFileType::CharacterDevice,
        libc::S_IFBLK => OpenFileType::BlockDevice,
        libc::S_IFIFO => OpenFileType::Fifo,
        libc::S_IFLNK => OpenFileType::SymbolicLink,
        libc::S_IFSOCK => OpenFileType::SocketFile,
        _ if in_memory && status.links == 0 && link.starts_with(b"/memfd:") => OpenFileType::Memfd,
        _ => OpenFileType::File,
    }
}

/// What a descriptor leads to; `None` where that could not be seen.
pub(super) fn type_of(
    entry: &OpenEntry,
    status: Option<&FileStatusResult>,
) -> Option<OpenFileType> {
    let by_link = type_of_link(FdLink::of(&entry.link));
    by_link.or_else(|| {
        let status = status?.as_deref().ok()?;
        Some(type_of_status(status, &entry.link, entry.in_memory))
    })
}

/// The file but for its path, its socket and who has the other end.
pub(super) fn file(
    pid: i32,
    entry: &OpenEntry,
    status: Option<&FileStatusResult>,
    gaps: &mut SectionGaps<'_>,
) -> OpenFile {
    let link = FdLink::of(&entry.link);
    let (opened_as, fd) = match entry.kind {
        EntryKind::Cwd => (OpenedAs::WorkingDirectory, None),
        EntryKind::Root => (OpenedAs::RootDirectory, None),
        EntryKind::Exe => (OpenedAs::Program, None),
        EntryKind::Mapped => (OpenedAs::Mapped, None),
        EntryKind::Descriptor(fd) => (OpenedAs::Descriptor, Some(fd)),
    };
    let known = match (type_of_link(link), opened_as, status) {
        (Some(kind), ..) => Ok(kind),
        (None, _, Some(Ok(status))) => Ok(type_of_status(status, &entry.link, entry.in_memory)),
        (None, OpenedAs::WorkingDirectory | OpenedAs::RootDirectory, _) => {
            Ok(OpenFileType::Directory)
        }
        (None, OpenedAs::Program | OpenedAs::Mapped, _) => Ok(OpenFileType::File),
        (None, OpenedAs::Descriptor, Some(Err(refusal))) => Err(refusal.clone()),
        (None, OpenedAs::Descriptor, None) => Ok(OpenFileType::Anonymous),
    };
    let kind = gaps.seen("files.type", pid, known);
    let mut file = OpenFile {
        pid,
        tid: entry.thread,
        opened_as,
        fd,
        kind,
        path: None,
        name: name(link),
        deleted: false,
        access: None,
        flags: None,
        position: None,
        mount_id: None,
        device: None,
        inode: inode_of_link(link).map(Seen::Value),
        links: None,
        size_bytes: None,
        allocated_bytes: None,
        in_memory: entry.in_memory,
        socket: None,
        other_ends: None,
        detail: None,
    };
    if let Some(info) = &entry.info {
        with_info(&mut file, info, gaps);
    }
    match (status, entry.mapped) {
        (Some(Ok(status)), _) => with_status(&mut file, status),
        (Some(Err(refusal)), None) => with_unseen_status(&mut file, refusal, gaps),
        (status, Some((major, minor, inode))) => {
            file.device = Some(Seen::Value(format!("{major}:{minor}")));
            file.inode = Some(Seen::Value(inode));
            if let Some(Err(refusal)) = status {
                let unseen = gaps.record("files.allocated_bytes", pid, refusal);
                file.allocated_bytes = Some(Seen::Unseen(unseen));
            }
        }
        (None, None) => {}
    }
    file
}

fn name(link: FdLink<'_>) -> Option<crate::model::ByteString> {
    match link {
        FdLink::Numbered(word, inode) if word != b"pidfd" => {
            let number = format!(":[{inode}]");
            Some([word, number.as_bytes()].concat().into())
        }
        FdLink::Anonymous(word)
            if matches!(
                type_of_link(link),
                Some(OpenFileType::Anonymous | OpenFileType::Bpf)
            ) =>
        {
            Some(word.into())
        }
        FdLink::Other(word) => Some(word.into()),
        _ => None,
    }
}

fn inode_of_link(link: FdLink<'_>) -> Option<u64> {
    match link {
        FdLink::Socket(inode) | FdLink::Pipe(inode) | FdLink::Numbered(_, inode) => Some(inode),
        _ => None,
    }
}

fn with_info(file: &mut OpenFile, info: &Result<FdInfo, Refusal>, gaps: &mut SectionGaps<'_>) {
    match info {
        Err(refusal) => {
            let mut unseen = |field: &str| gaps.record(field, file.pid, refusal);
            file.access = Some(Seen::Unseen(unseen("files.access")));
            file.flags = Some(Seen::Unseen(unseen("files.flags")));
            file.position = Some(Seen::Unseen(unseen("files.position")));
        }
        Ok(info) => {
            file.access = info.flags.map(|flags| Seen::Value(access(flags)));
            file.flags = info.flags.map(|flags| Seen::Value(flag_names(flags)));
            file.position = info.position.map(Seen::Value);
            file.mount_id = info.mount_id;
            file.detail = info.detail.as_deref().map(|it| Box::new(detail(it)));
        }
    }
}

fn with_status(file: &mut OpenFile, status: &FileStatus) {
    let special = matches!(
        file.kind,
        Seen::Value(OpenFileType::CharacterDevice | OpenFileType::BlockDevice)
    );
    let (major, minor) = if special {
        status.special
    } else {
        status.device
    };
    file.device = Some(Seen::Value(format!("{major}:{minor}")));
    file.inode = Some(Seen::Value(status.inode));
    file.links = Some(Seen::Value(status.links));
    if !special {
        file.size_bytes = Some(Seen::Value(status.size_bytes));
        file.allocated_bytes = Some(Seen::Value(status.allocated_bytes));
    }
}

fn with_unseen_status(file: &mut OpenFile, refusal: &Refusal, gaps: &mut SectionGaps<'_>) {
    let mut unseen = |field: &str| gaps.record(field, file.pid, refusal);
    file.device = Some(Seen::Unseen(unseen("files.device")));
    file.inode = Some(Seen::Unseen(unseen("files.inode")));
    file.links = Some(Seen::Unseen(unseen("files.links")));
    file.size_bytes = Some(Seen::Unseen(unseen("files.size_bytes")));
    file.allocated_bytes = Some(Seen::Unseen(unseen("files.allocated_bytes")));
}

/// What may be done, by the flags of open(2).
fn access(flags: u32) -> OpenAccess {
    if flags & libc::O_PATH.cast_unsigned() != 0 {
        return OpenAccess::Path;
    }
    match (flags & libc::O_ACCMODE.cast_unsigned()).cast_signed() {
        libc::O_RDONLY => OpenAccess::Read,
        libc::O_WRONLY => OpenAccess::Write,
        _ => OpenAccess::ReadWrite,
    }
}

/// The flags beyond the access mode, by name. `O_LARGEFILE` is left out: the kernel sets it for
/// every 64-bit program.
fn flag_names(flags: u32) -> Vec<String> {
    let known = [
        ("O_APPEND", libc::O_APPEND),
        ("O_ASYNC", libc::O_ASYNC),
        ("O_CLOEXEC", libc::O_CLOEXEC),
        ("O_CREAT", libc::O_CREAT),
        ("O_DIRECT", libc::O_DIRECT),
        ("O_DIRECTORY", libc::O_DIRECTORY),
        ("O_EXCL", libc::O_EXCL),
        ("O_NOATIME", libc::O_NOATIME),
        ("O_NOCTTY", libc::O_NOCTTY),
        ("O_NOFOLLOW", libc::O_NOFOLLOW),
        ("O_NONBLOCK", libc::O_NONBLOCK),
        ("O_PATH", libc::O_PATH),
        ("O_SYNC", libc::O_SYNC),
        ("O_TMPFILE", libc::O_TMPFILE),
        ("O_TRUNC", libc::O_TRUNC),
    ];
    let has = |bits: i32| flags & bits.cast_unsigned() == bits.cast_unsigned();
    let mut names: Vec<_> = known
        .iter()
        .filter(|(_, bits)| has(*bits))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if has(libc::O_DSYNC) && !has(libc::O_SYNC) {
        names.push("O_DSYNC".to_owned());
    }
    if has(libc::O_TMPFILE) {
        names.retain(|name| name != "O_DIRECTORY");
    }
    names
}

fn detail(raw: &FdDetail) -> OpenFileDetail {
    OpenFileDetail {
        eventfd_count: raw.eventfd_count,
        timer: raw.timer.as_ref().map(timer),
        signals: raw.signals.map(|mask| {
            let names = signals::names(mask);
            names.map(std::borrow::Cow::into_owned).collect()
        }),
        watches: (raw.watches > 0).then_some(raw.watches),
        epoll_targets: (raw.epoll_targets > 0).then_some(raw.epoll_targets),
        pidfd_pid: raw.pid,
        locks: (raw.lock_count > 0).then(|| raw.locks.iter().map(lock).collect()),
        lock_count: (raw.lock_count > 0).then_some(raw.lock_count),
        socket_protocol: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as seconds are written")]
fn timer(raw: &TimerInfo) -> OpenTimer {
    let seconds = |time: Option<(u64, u64)>| {
        let (seconds, nanoseconds) = time.filter(|time| *time != (0, 0))?;
        Some(seconds as f64 + nanoseconds as f64 / 1e9)
    };
    let clock = match raw.clock {
        0 => "CLOCK_REALTIME".to_owned(),
        1 => "CLOCK_MONOTONIC".to_owned(),
        7 => "CLOCK_BOOTTIME".to_owned(),
        8 => "CLOCK_REALTIME_ALARM".to_owned(),
        9 => "CLOCK_BOOTTIME_ALARM".to_owned(),
        other => other.to_string(),
    };
    OpenTimer {
        clock,
        ticks: raw.ticks,
        expires_in_seconds: seconds(raw.value),
        interval_seconds: seconds(raw.interval),
    }
}

fn lock(row: &LockRow) -> OpenFileLock {
    OpenFileLock {
        kind: match row.kind {
            LockKind::Flock => LockType::Flock,
            LockKind::Posix => LockType::Posix,
            LockKind::OpenFileDescription => LockType::OpenFileDescription,
            LockKind::Lease => LockType::Lease,
        },
        access: row.write.map(|write| {
            if write {
                OpenAccess::Write
            } else {
                OpenAccess::Read
            }
        }),
        mandatory: row.mandatory,
        start: row.start,
        end: row.end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_by_name() {
        assert_eq!(access(0o2_100_002), OpenAccess::ReadWrite);
        assert_eq!(flag_names(0o2_102_001), ["O_APPEND", "O_CLOEXEC"]);
        assert_eq!(flag_names(0o20_300_000), ["O_DIRECTORY", "O_TMPFILE"][1..]);
        assert_eq!(access(0o10_000_000), OpenAccess::Path);
    }
}
