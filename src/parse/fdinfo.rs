//! `/proc/PID/fdinfo/N`: position, flags, mount, and what only some kinds of files have.
//!
//! `procfs-core` reads locks from `/proc/locks` only, which does not say through which descriptor a
//! lock is held; the `lock:` lines here do.

use super::{Malformed, text};

/// Locks that are kept of one descriptor; further ones are only counted.
pub(crate) const LOCKS: usize = 64;

/// The content of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FdInfo {
    /// `pos`: below zero for some devices.
    pub position: Option<i64>,
    /// `flags`: those of open(2).
    pub flags: Option<u32>,
    /// `mnt_id`, as in mountinfo.
    pub mount_id: Option<u32>,
    /// What only some kinds of files have.
    pub detail: Option<Box<FdDetail>>,
}

/// What only some kinds of files have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FdDetail {
    /// `eventfd-count`.
    pub eventfd_count: Option<u64>,
    /// Of a timerfd.
    pub timer: Option<TimerInfo>,
    /// `sigmask` of a signalfd.
    pub signals: Option<u64>,
    /// Lines `inotify wd:`, or `fanotify` with an inode or a mount.
    pub watches: u64,
    /// Lines `tfd:` of an epoll instance.
    pub epoll_targets: u64,
    /// `Pid` of a pidfd: -1 once it was reaped, 0 in another PID namespace.
    pub pid: Option<i64>,
    /// `lock:` lines, the first [`LOCKS`].
    pub locks: Vec<LockRow>,
    /// How many there are.
    pub lock_count: u64,
}

/// A timerfd.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TimerInfo {
    /// `clockid`.
    pub clock: i64,
    /// `ticks`: expirations that were not read.
    pub ticks: Option<u64>,
    /// `it_value`: until it expires, in seconds and nanoseconds; zero while it is not armed.
    pub value: Option<(u64, u64)>,
    /// `it_interval`.
    pub interval: Option<(u64, u64)>,
}

/// A lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockRow {
    /// How it was made.
    pub kind: LockKind,
    /// Whether it is for writing; `None` for one that is being given back.
    pub write: Option<bool>,
    /// Whether it binds all and not only those who ask.
    pub mandatory: bool,
    /// Who made it; -1 for locks of an open file description.
    pub pid: i64,
    /// The first byte.
    pub start: u64,
    /// The last byte; `None` to the end.
    pub end: Option<u64>,
}

/// How a lock was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockKind {
    /// flock(2).
    Flock,
    /// fcntl(2), of a process.
    Posix,
    /// fcntl(2), of an open file description.
    OpenFileDescription,
    /// A lease of fcntl(2) or a delegation of NFS.
    Lease,
}

impl FdInfo {
    /// Reads the content of one file.
    ///
    /// # Errors
    /// If a line that is known is not as the kernel writes it, or the last one is cut.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut info = Self::default();
        for line in text::lines(bytes, "/proc/PID/fdinfo")? {
            if let Some((name, value)) = text::split_once(line, b':') {
                info.take(name, value.trim_ascii()).ok_or(LINE)?;
            }
        }
        Ok(info)
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        match name {
            b"pos" => self.position = Some(text::signed(value)?),
            b"flags" => self.flags = Some(text::octal(value)?),
            b"mnt_id" => self.mount_id = Some(text::decimal(value)?),
            b"eventfd-count" => self.detail().eventfd_count = Some(text::hexadecimal(value)?),
            b"sigmask" => self.detail().signals = Some(text::hexadecimal(value)?),
            b"inotify wd" | b"fanotify ino" | b"fanotify mnt_id" | b"fanotify sdev" => {
                self.detail().watches += 1;
            }
            b"tfd" => self.detail().epoll_targets += 1,
            b"Pid" => self.detail().pid = Some(text::signed(value)?),
            b"clockid" => self.timer().clock = text::signed(value)?,
            b"ticks" => self.timer().ticks = Some(text::decimal(value)?),
            b"it_value" => self.timer().value = Some(time(value)?),
            b"it_interval" => self.timer().interval = Some(time(value)?),
            b"lock" => {
                let lock = lock(value)?;
                let detail = self.detail();
                detail.lock_count += 1;
                if detail.locks.len() < LOCKS {
                    detail.locks.push(lock);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn detail(&mut self) -> &mut FdDetail {
        self.detail.get_or_insert_default()
    }

    fn timer(&mut self) -> &mut TimerInfo {
        self.detail().timer.get_or_insert_default()
    }
}

/// `(4, 999993171)`
fn time(value: &[u8]) -> Option<(u64, u64)> {
    let inner = value.strip_prefix(b"(")?.strip_suffix(b")")?;
    let (seconds, nanoseconds) = text::split_once(inner, b',')?;
    Some((
        text::decimal(seconds)?,
        text::decimal(nanoseconds.trim_ascii())?,
    ))
}

/// `1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF`
fn lock(value: &[u8]) -> Option<LockRow> {
    let mut words = text::words(value);
    words.next()?.strip_suffix(b":")?;
    let kind = match words.next()? {
        b"FLOCK" => LockKind::Flock,
        b"POSIX" | b"ACCESS" => LockKind::Posix,
        b"OFDLCK" => LockKind::OpenFileDescription,
        b"LEASE" | b"DELEG" => LockKind::Lease,
        _ => return None,
    };
    let mandatory = words.next()? == b"MANDATORY";
    let write = match words.next()? {
        b"WRITE" | b"RW" => Some(true),
        b"READ" => Some(false),
        b"UNLCK" | b"NONE" => None,
        _ => return None,
    };
    let pid = text::signed(words.next()?)?;
    let _inode = words.next()?;
    let start = text::decimal(words.next()?)?;
    let end = match words.next()? {
        b"EOF" => None,
        last => Some(text::decimal(last)?),
    };
    Some(LockRow {
        kind,
        write,
        mandatory,
        pid,
        start,
        end,
    })
}

const LINE: Malformed = Malformed {
    what: "a line of /proc/PID/fdinfo",
    expected: "a name and a value as proc_pid_fdinfo(5) has them",
};

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use nix::fcntl::{Flock, FlockArg};
    use proptest::prelude::*;

    use super::*;
    use crate::parse::mutate;
    use crate::sys::scratch;

    const TIMER: &[u8] = b"pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t1057\nclockid: 1\n\
        ticks: 2\nsettime flags: 01\nit_value: (4, 999993171)\nit_interval: (5, 0)\n";
    const LOCKED: &[u8] = b"pos:\t12\nflags:\t0100002\nmnt_id:\t29\nino:\t11691\n\
        lock:\t1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF\n\
        lock:\t2: POSIX  ADVISORY  READ  359 00:13:11691 10 19\n\
        lock:\t3: OFDLCK ADVISORY  WRITE -1 00:13:11691 20 20\n\
        lock:\t4: LEASE  ACTIVE    READ 359 00:13:11691 0 EOF\n";

    #[test]
    fn what_each_kind_has() {
        let timer = FdInfo::parse(TIMER).unwrap();
        assert_eq!((timer.flags, timer.mount_id), (Some(0o2_000_002), Some(16)));
        let timer = timer.detail.unwrap().timer.unwrap();
        assert_eq!((timer.clock, timer.ticks), (1, Some(2)));
        assert_eq!(timer.value, Some((4, 999_993_171)));
        assert_eq!(timer.interval, Some((5, 0)));
        let watching = b"pos:\t0\nflags:\t00\nmnt_id:\t16\n\
            inotify wd:2 ino:7ef82a sdev:800001 mask:800afff ignored_mask:0 fhandle-bytes:8\n\
            inotify wd:1 ino:192627 sdev:800001 mask:800afff ignored_mask:0 fhandle-bytes:8\n";
        assert_eq!(FdInfo::parse(watching).unwrap().detail.unwrap().watches, 2);
        let counter = FdInfo::parse(b"pos:\t0\neventfd-count:               2a\n").unwrap();
        assert_eq!(counter.detail.unwrap().eventfd_count, Some(42));
        let pidfd = FdInfo::parse(b"pos:\t0\nPid:\t-1\nNSpid:\t-1\n").unwrap();
        assert_eq!(pidfd.detail.unwrap().pid, Some(-1));
    }

    #[test]
    fn locks_of_every_kind() {
        use LockKind::{Flock, Lease, OpenFileDescription, Posix};

        let info = FdInfo::parse(LOCKED).unwrap().detail.unwrap();
        let kinds: Vec<_> = info.locks.iter().map(|lock| lock.kind).collect();
        assert_eq!(kinds, [Flock, Posix, OpenFileDescription, Lease]);
        assert_eq!((info.locks[1].start, info.locks[1].end), (10, Some(19)));
        assert_eq!((info.locks[0].end, info.locks[2].pid), (None, -1));
        let many = LOCKED.repeat(100);
        let info = FdInfo::parse(&many).unwrap().detail.unwrap();
        assert_eq!((info.locks.len(), info.lock_count), (LOCKS, 400));
    }

    #[test]
    fn of_this_very_test() {
        let file = tempfile::tempfile().unwrap();
        let locked = Flock::lock(file, FlockArg::LockExclusive).unwrap();
        let path = format!("/proc/self/fdinfo/{}", locked.as_raw_fd());
        let info = FdInfo::parse(&scratch::read(path)).unwrap();
        let lock = info.detail.unwrap().locks[0];
        assert_eq!((lock.kind, lock.write), (LockKind::Flock, Some(true)));
        assert_eq!(lock.pid, i64::from(std::process::id()));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = FdInfo::parse(&bytes);
        }
    }

    #[test]
    fn damage_is_no_panic() {
        for sample in [TIMER, LOCKED] {
            mutate::survives(sample, |bytes| {
                let _ = FdInfo::parse(bytes);
            });
        }
    }
}
