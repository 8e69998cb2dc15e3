//! Files of the target, never anyone else's.
//!
//! A plain open of `/proc/PID/root/etc/link`, where `link` is absolute, reads the
//! caller's file. So every path is resolved inside a held root directory: by
//! openat2(2) where the kernel has it (Linux 5.6) and seccomp lets it through,
//! otherwise component by component. What is opened is a regular file or nothing:
//! a FIFO, a device or a socket of the target is never touched.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::bounded::{Truncation, Until, read_bounded};
use super::errno::from_io;
use super::proc_dir::ProcessDir;

/// As many links as the kernel follows in one path.
const LINKS: usize = 40;
/// As deep as a path may lead: each step down holds a descriptor.
const DEPTH: usize = 256;
const PATH_ONLY: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// The root directory of a target, held.
#[derive(Debug)]
pub(crate) struct InRoot {
    root: OwnedFd,
    /// Set once openat2 was missing or refused, so that it is asked only once.
    by_component: AtomicBool,
}

impl InRoot {
    /// The root that a process sees: `/proc/PID/root`.
    ///
    /// # Errors
    /// EACCES where the ptrace check refuses, or another errno of open(2).
    pub(crate) fn of(process: &ProcessDir) -> Result<Self, Errno> {
        Ok(Self {
            root: process.open_root()?,
            by_component: AtomicBool::new(false),
        })
    }

    /// A directory taken as a root, such as an unpacked image.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn at(directory: &Path) -> Result<Self, Errno> {
        let root = open(directory, PATH_ONLY | OFlag::O_DIRECTORY, Mode::empty())?;
        Ok(Self {
            root,
            by_component: AtomicBool::new(false),
        })
    }

    /// The same root, never asking for openat2.
    #[cfg(test)]
    pub(crate) fn by_component(self) -> Self {
        self.by_component.store(true, Ordering::Relaxed);
        self
    }

    /// Reads a regular file, at most `limit` bytes.
    ///
    /// # Errors
    /// The errno of resolving, opening or reading; EINVAL for what is not a regular file.
    pub(crate) fn read(
        &self,
        path: &[u8],
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Truncation, Errno> {
        read_bounded(self.open_file(path)?, limit, Until::Empty, buffer)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// The errno of resolving or opening; EINVAL for what is not a regular file.
    pub(crate) fn open_file(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        open_held(&self.locate(path)?)
    }

    /// Finds a path without opening what is there: an `O_PATH` descriptor, links followed.
    ///
    /// # Errors
    /// The errno of resolving it; ELOOP for links in a circle.
    pub(crate) fn locate(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        if !self.by_component.load(Ordering::Relaxed) {
            let how = OpenHow::new()
                .flags(PATH_ONLY)
                .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
            match openat2(&self.root, OsStr::from_bytes(path), how) {
                // EPERM is what an old seccomp profile says to a call it does not know.
                Err(Errno::ENOSYS | Errno::EPERM) => {
                    self.by_component.store(true, Ordering::Relaxed);
                }
                // A `..` raced with a rename; the kernel asks to try again.
                Err(Errno::EAGAIN) => {}
                other => return other,
            }
        }
        self.walk(path)
    }

    /// Resolves component by component: links are read, never followed by the
    /// kernel, and `..` goes back along the descriptors that led here.
    fn walk(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let mut pending = components(path);
        let mut links = 0;
        let mut way: Vec<OwnedFd> = Vec::new();
        while let Some(name) = pending.pop() {
            if name == b".." {
                way.pop();
                continue;
            }
            let parent = way.last().unwrap_or(&self.root);
            let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
            let entry = openat(
                parent,
                name.as_c_str(),
                PATH_ONLY | OFlag::O_NOFOLLOW,
                Mode::empty(),
            )?;
            let kind = SFlag::from_bits_truncate(fstat(&entry)?.st_mode) & SFlag::S_IFMT;
            if kind == SFlag::S_IFLNK {
                links += 1;
                if links > LINKS {
                    return Err(Errno::ELOOP);
                }
                let goal = readlinkat(&entry, c"")?.into_vec();
                if goal.starts_with(b"/") {
                    way.clear();
                }
                pending.extend(components(&goal));
            } else if kind != SFlag::S_IFDIR && !pending.is_empty() {
                return Err(Errno::ENOTDIR);
            } else {
                way.push(entry);
            }
            if way.len() + pending.len() > DEPTH {
                return Err(Errno::ENAMETOOLONG);
            }
        }
        match way.pop() {
            Some(found) => Ok(found),
            None => {
                let root = self.root.as_fd().try_clone_to_owned();
                root.map_err(|error| from_io(&error))
            }
        }
    }
}

/// Opens what an `O_PATH` descriptor holds for reading; EINVAL for what is not a regular file.
/// Opening the held descriptor anew leaves the target no moment in which to put a device in the
/// file's place.
pub(super) fn open_held(held: &OwnedFd) -> Result<OwnedFd, Errno> {
    if SFlag::from_bits_truncate(fstat(held)?.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err(Errno::EINVAL);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    open(link_of(held).as_str(), flags, Mode::empty())
}

/// The magic link to what a descriptor of spyhole holds, for calls that take only a path.
#[must_use]
pub(crate) fn link_of(held: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", held.as_raw_fd())
}

/// The names of a path, last first, so that the next one is popped.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let named = |name: &&[u8]| !name.is_empty() && *name != b".";
    path.split(|byte| *byte == b'/')
        .filter(named)
        .rev()
        .map(<[u8]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;

    use super::*;

    /// A root with a secret outside of it, and every link that might lead there.
    fn house() -> (tempfile::TempDir, [InRoot; 2]) {
        let house = tempfile::tempdir().unwrap();
        let root = house.path().join("root");
        fs::create_dir_all(root.join("etc/deep")).unwrap();
        fs::write(house.path().join("secret"), "outside").unwrap();
        fs::write(root.join("secret"), "inside").unwrap();
        fs::write(root.join("etc/passwd"), "app:x:1000").unwrap();
        symlink("/secret", root.join("etc/absolute")).unwrap();
        symlink("../../../secret", root.join("etc/climbing")).unwrap();
        symlink("absolute", root.join("etc/twice")).unwrap();
        symlink("/etc", root.join("etc/deep/up")).unwrap();
        symlink("loop", root.join("etc/loop")).unwrap();
        nix::unistd::mkfifo(&root.join("etc/fifo"), Mode::S_IRWXU).unwrap();
        let roots = [
            InRoot::at(&root).unwrap(),
            InRoot::at(&root).unwrap().by_component(),
        ];
        (house, roots)
    }

    fn text(root: &InRoot, path: &str) -> Result<String, Errno> {
        let mut buffer = Vec::new();
        root.read(path.as_bytes(), 1024, &mut buffer)?;
        Ok(String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn links_never_lead_out() {
        let (_house, roots) = house();
        for root in &roots {
            for path in [
                "/etc/absolute",
                "etc/climbing",
                "/etc/twice",
                "/../../secret",
                "/etc/deep/up/../secret",
            ] {
                assert_eq!(text(root, path).as_deref(), Ok("inside"), "{path} {root:?}");
            }
            assert_eq!(
                text(root, "/etc/deep/up/passwd").as_deref(),
                Ok("app:x:1000")
            );
        }
    }

    #[test]
    fn both_ways_refuse_alike() {
        let (_house, roots) = house();
        for root in &roots {
            assert_eq!(text(root, "/etc/loop"), Err(Errno::ELOOP));
            assert_eq!(text(root, "/etc/none"), Err(Errno::ENOENT));
            assert_eq!(text(root, "/etc/passwd/x"), Err(Errno::ENOTDIR));
            assert_eq!(
                text(root, "/etc/fifo"),
                Err(Errno::EINVAL),
                "must not block"
            );
            assert_eq!(text(root, "/etc"), Err(Errno::EINVAL));
        }
    }

    #[test]
    fn magic_links_are_not_followed() {
        let proc = InRoot::at(Path::new("/proc")).unwrap();
        assert_eq!(proc.locate(b"self/root").map(drop), Err(Errno::ELOOP));
        // The walker reads the link's text, which stays inside the given root.
        let proc = proc.by_component();
        let found = fstat(proc.locate(b"self/root").unwrap()).unwrap();
        let inside = fstat(&proc.root).unwrap();
        assert_eq!((found.st_dev, found.st_ino), (inside.st_dev, inside.st_ino));
    }
}
