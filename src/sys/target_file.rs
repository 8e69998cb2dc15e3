//! A held file of the target, and whether the file system that it is on may keep its reader
//! waiting for ever.
//!
//! That is decided by the type of the mount alone, which mountinfo tells. fstatfs(2) would ask the
//! very file system that may not answer.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::read;

use super::bounded::{Until, read_bounded};
use super::proc_dir::ProcessDir;
use super::{file_limits, remote_fs};

/// A file or directory of the target, found and not opened.
#[derive(Debug, Clone)]
pub(crate) struct HeldFile {
    file: Arc<OwnedFd>,
    /// The mount that it is on, where that is not a local one.
    remote: Option<u32>,
}

impl HeldFile {
    pub(super) fn local(file: OwnedFd) -> Self {
        Self {
            file: Arc::new(file),
            remote: None,
        }
    }

    pub(super) fn on_mount(file: OwnedFd, remote: Option<u32>) -> Self {
        Self {
            file: Arc::new(file),
            remote,
        }
    }

    /// Does work that the file system has a part in: in place where it is local, otherwise where it
    /// can be left behind.
    ///
    /// # Errors
    /// [`remote_fs::NOT_TRIED`] or [`remote_fs::NO_ANSWER`].
    pub(super) fn on<R: Send + 'static>(
        &self,
        work: impl FnOnce(&OwnedFd) -> R + Send + 'static,
    ) -> Result<R, Errno> {
        let Some(mount_id) = self.remote else {
            return Ok(work(&self.file));
        };
        let file = Arc::clone(&self.file);
        remote_fs::attempt(mount_id, move || work(&file))
    }

    /// The mount that it is on, where that is not a local one.
    pub(super) fn remote(&self) -> Option<u32> {
        self.remote
    }
}

impl AsFd for HeldFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The mounts of a target by their ids.
#[derive(Debug)]
pub(super) struct MountTypes {
    /// Whose mountinfo is read; `None`: spyhole's own.
    process: Option<ProcessDir>,
    /// Read once it is needed.
    known: Mutex<Option<Vec<(u32, bool)>>>,
}

impl MountTypes {
    pub(super) fn of(process: Option<ProcessDir>) -> Self {
        Self {
            process,
            known: Mutex::new(None),
        }
    }

    /// The id of the mount that a held file is on, where that is not a local one.
    pub(super) fn remote(&self, file: impl AsFd) -> Option<u32> {
        // Where the kernel or sandbox does not tell the mount, there is nothing to tell it by.
        let mount_id = mount_id(file.as_fd())?;
        (!self.is_local(mount_id)).then_some(mount_id)
    }

    fn is_local(&self, mount_id: u32) -> bool {
        if own_root() == Some(mount_id) {
            return true;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |mounts: &[(u32, bool)]| {
            let found = mounts.iter().find(|(id, _)| *id == mount_id);
            found.map(|(_, is_local)| *is_local)
        };
        if let Some(is_local) = known.as_deref().and_then(find) {
            return is_local;
        }
        // Not read yet, or mounted since.
        let mounts = known.insert(self.read());
        find(mounts).unwrap_or_else(|| {
            // A process below a chroot is not told the mount that its root is on.
            find(&own_mounts()).unwrap_or(false)
        })
    }

    fn read(&self) -> Vec<(u32, bool)> {
        let Some(process) = &self.process else {
            return own_mounts();
        };
        let mut text = Vec::new();
        let read = process.read_records(c"mountinfo", file_limits::MOUNTINFO, &mut text);
        read.map(|_| types(&text)).unwrap_or_default()
    }
}

fn own_mounts() -> Vec<(u32, bool)> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let mut text = Vec::new();
    let read = open("/proc/self/mountinfo", flags, Mode::empty())
        .and_then(|file| read_bounded(&file, file_limits::MOUNTINFO, Until::Empty, &mut text));
    read.map(|_| types(&text)).unwrap_or_default()
}

/// The mount that spyhole itself was started from: where that did not answer, nothing here would
/// run.
fn own_root() -> Option<u32> {
    static OWN_ROOT: OnceLock<Option<u32>> = OnceLock::new();
    *OWN_ROOT.get_or_init(|| {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        mount_id(open("/", flags, Mode::empty()).ok()?.as_fd())
    })
}

/// Id, and whether its type is local, of each line of mountinfo.
fn types(mountinfo: &[u8]) -> Vec<(u32, bool)> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ');
            let id: u32 = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
            let fstype = fields.skip_while(|field| *field != b"-").nth(1)?;
            Some((id, remote_fs::is_local(fstype)))
        })
        .collect()
}

/// `mnt_id` of `/proc/self/fdinfo/N` (since Linux 3.15): the same ids as in mountinfo, whatever
/// the mount namespace. The file system is not asked for it.
pub(super) fn mount_id(file: BorrowedFd<'_>) -> Option<u32> {
    let path = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let info = open(path.as_str(), flags, Mode::empty()).ok()?;
    // It is the third line, behind two numbers.
    let mut text = [0; 256];
    let length = read(&info, &mut text).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_told_from_its_line() {
        let text = b"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            4000000001 21 0:44 / /mnt/a\\040b rw - fuse.sshfs host:/ rw\n\
            4000000002 21 0:45 / /n rw master:2 propagate_from:1 - nfs4 host:/ rw\n\
            4000000003 21 0:46 / /auto rw - autofs systemd-1 rw\n\
            4000000004 21 0:47 / /new rw - somefs none rw\n\
            4000000005 21 0:48 / /t rw - tmpfs none rw\n\
            broken\n";
        let remote: Vec<u32> = types(text)
            .into_iter()
            .filter(|(_, is_local)| !is_local)
            .map(|(id, _)| id)
            .collect();
        assert_eq!(
            remote,
            [4_000_000_001, 4_000_000_002, 4_000_000_003, 4_000_000_004]
        );
    }
}
