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
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlink, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::bounded::{Truncation, Until, read_bounded};
use super::errno::from_io;
use super::proc_dir::ProcessDir;
use super::remote_fs;
use super::target_file::{HeldFile, MountTypes};

/// As many links as the kernel follows in one path.
const LINKS: usize = 40;
/// As deep as a path may lead: each step down holds a descriptor.
const DEPTH: usize = 256;
const PATH_ONLY: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);
const IN_ROOT: ResolveFlag = ResolveFlag::RESOLVE_IN_ROOT.union(ResolveFlag::RESOLVE_NO_MAGICLINKS);

/// The root directory of a target, held.
#[derive(Debug)]
pub(crate) struct InRoot {
    held: Arc<Root>,
    mounts: MountTypes,
    /// The mount that the root is on, where that is not a local one.
    remote: OnceLock<Option<u32>>,
    /// Where the root is, in the mount namespace that it was found in.
    path: OnceLock<Option<Vec<u8>>>,
    beyond: Mutex<Option<Beyond>>,
}

/// The directory beyond a mount point that a path led to last: a cgroup has tens of files.
#[derive(Debug)]
struct Beyond {
    path: Vec<u8>,
    directory: OwnedFd,
    at: Instant,
}

/// Later another directory may be there.
const MOMENT: Duration = Duration::from_millis(100);

/// What resolving takes.
#[derive(Debug)]
struct Root {
    root: OwnedFd,
    /// Set once openat2 was missing or refused, so that it is asked only once.
    by_component: AtomicBool,
}

/// Where a path leads.
enum Place {
    /// To a file on a local mount, by local mounts alone.
    Local(OwnedFd),
    /// To a mount that is not local, or beyond it.
    Remote(u32),
}

impl InRoot {
    /// The root that a process sees: `/proc/PID/root`.
    ///
    /// # Errors
    /// EACCES where the ptrace check refuses, or another errno of open(2).
    pub(crate) fn of(process: &ProcessDir) -> Result<Self, Errno> {
        let root = process.open_root()?;
        // What is in a copy is on mounts of this machine.
        let process = process.is_live().then(|| process.try_clone()).transpose()?;
        Ok(Self::new(root, MountTypes::of(process)))
    }

    /// A directory taken as a root, such as an unpacked image.
    ///
    /// # Errors
    /// The errno of open(2).
    pub(crate) fn at(directory: &Path) -> Result<Self, Errno> {
        let root = open(directory, PATH_ONLY | OFlag::O_DIRECTORY, Mode::empty())?;
        Ok(Self::new(root, MountTypes::of(None)))
    }

    fn new(root: OwnedFd, mounts: MountTypes) -> Self {
        Self {
            held: Arc::new(Root {
                root,
                by_component: AtomicBool::new(false),
            }),
            mounts,
            remote: OnceLock::new(),
            path: OnceLock::new(),
            beyond: Mutex::new(None),
        }
    }

    /// The same root, never asking for openat2.
    #[cfg(test)]
    pub(crate) fn by_component(self) -> Self {
        self.held.by_component.store(true, Ordering::Relaxed);
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
        read_held(&self.locate(path)?, limit, buffer)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// The errno of resolving or opening; EINVAL for what is not a regular file.
    pub(crate) fn open_file(&self, path: &[u8]) -> Result<HeldFile, Errno> {
        open_held(&self.locate(path)?)
    }

    /// Finds a path without opening what is there: an `O_PATH` descriptor, links followed.
    ///
    /// # Errors
    /// The errno of resolving it; ELOOP for links in a circle; those of [`remote_fs`].
    pub(crate) fn locate(&self, path: &[u8]) -> Result<HeldFile, Errno> {
        match self.place(path)? {
            Place::Local(file) => Ok(HeldFile::local(file)),
            Place::Remote(mount_id) => {
                let (held, path) = (Arc::clone(&self.held), path.to_vec());
                let found = remote_fs::attempt(mount_id, move || held.resolve(&path))??;
                Ok(HeldFile::on_mount(found, Some(mount_id)))
            }
        }
    }

    /// An entry of a held directory, a link not followed; whether it is known to be on the mount of
    /// that directory. `None`: only its own mount tells.
    ///
    /// # Errors
    /// The errno of openat2(2); EINVAL for what is no name; those of [`remote_fs`].
    pub(super) fn child(
        &self,
        parent: &HeldFile,
        name: &[u8],
    ) -> Result<(HeldFile, Option<bool>), Errno> {
        if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') {
            return Err(Errno::EINVAL);
        }
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        if !self.held.by_component.load(Ordering::Relaxed) {
            let found = if parent.remote().is_none() {
                child_on_mount(parent, &name)
            } else {
                let name = name.clone();
                parent.on(move |directory| child_on_mount(directory, &name))?
            };
            match found {
                // EAGAIN: a rename raced with it.
                Err(Errno::EXDEV | Errno::EAGAIN) => {}
                Err(Errno::ENOSYS | Errno::EPERM) => {
                    self.held.by_component.store(true, Ordering::Relaxed);
                }
                found => {
                    return Ok((HeldFile::on_mount(found?, parent.remote()), Some(true)));
                }
            }
        }
        let flags = PATH_ONLY | OFlag::O_NOFOLLOW;
        let open =
            move |directory: &OwnedFd| openat(directory, name.as_c_str(), flags, Mode::empty());
        Ok((self.hold(parent.on(open)??), None))
    }

    /// The directory that holds this one: `..`, which the caller has to compare with what it
    /// expects.
    ///
    /// # Errors
    /// The errno of openat(2); those of [`remote_fs`].
    pub(super) fn above(&self, directory: &HeldFile) -> Result<HeldFile, Errno> {
        let flags = PATH_ONLY | OFlag::O_DIRECTORY;
        let above = directory.on(move |held| openat(held, c"..", flags, Mode::empty()))??;
        Ok(self.hold(above))
    }

    /// A file that was found without a path, such as the program of a process.
    pub(super) fn hold(&self, file: OwnedFd) -> HeldFile {
        let remote = self.mounts.remote(&file);
        HeldFile::on_mount(file, remote)
    }

    /// Where the root itself is; `None` where the kernel does not tell.
    pub(super) fn path(&self) -> Option<&[u8]> {
        let path = || {
            let link = link_of(&self.held.root);
            readlink(link.as_str()).ok().map(OsStringExt::into_vec)
        };
        self.path.get_or_init(path).as_deref()
    }

    /// Where a path leads. No file system that is not local is asked.
    fn place(&self, path: &[u8]) -> Result<Place, Errno> {
        let own = || self.mounts.remote(&self.held.root);
        if let Some(mount_id) = *self.remote.get_or_init(own) {
            return Ok(Place::Remote(mount_id));
        }
        if !self.held.by_component.load(Ordering::Relaxed) {
            match self.held.openat2(path, ResolveFlag::RESOLVE_NO_XDEV) {
                Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN | Errno::EXDEV) => {}
                other => return other.map(Place::Local),
            }
        }
        if let Some(found) = self.beside_last(path) {
            return Ok(Place::Local(found));
        }
        let mut parent = None;
        let remote = |entry: &OwnedFd| self.mounts.remote(entry);
        let crossed = self.held.walk(path, remote, &mut parent)?;
        if let (Place::Local(_), Some(parent), Some((above, _))) = (&crossed, parent, split(path)) {
            *self.beyond() = Some(Beyond {
                path: above.to_vec(),
                directory: parent,
                at: Instant::now(),
            });
        }
        if matches!(crossed, Place::Remote(_)) || self.held.by_component.load(Ordering::Relaxed) {
            return Ok(crossed);
        }
        self.held.resolve(path).map(Place::Local)
    }

    fn beyond(&self) -> MutexGuard<'_, Option<Beyond>> {
        self.beyond.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the directory of the path before, on the same mount and no link.
    fn beside_last(&self, path: &[u8]) -> Option<OwnedFd> {
        if self.held.by_component.load(Ordering::Relaxed) {
            return None;
        }
        let (above, name) = split(path)?;
        let beyond = self.beyond();
        let is_now = |known: &&Beyond| known.path == above && known.at.elapsed() < MOMENT;
        let known = beyond.as_ref().filter(is_now)?;
        let found = child_on_mount(&known.directory, &CString::new(name).ok()?).ok()?;
        let kind = SFlag::from_bits_truncate(fstat(&found).ok()?.st_mode) & SFlag::S_IFMT;
        (kind != SFlag::S_IFLNK).then_some(found)
    }
}

/// A path apart: the directory, and a name in it.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let (above, name) = (path.get(..slash)?, path.get(slash + 1..)?);
    (!matches!(name, b"" | b"." | b"..")).then_some((above, name))
}

impl Root {
    /// Resolves a path by the kernel where that can, otherwise by component.
    fn resolve(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        if !self.by_component.load(Ordering::Relaxed) {
            match self.openat2(path, ResolveFlag::empty()) {
                Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => {}
                other => return other,
            }
        }
        match self.walk(path, |_| None, &mut None)? {
            Place::Local(file) => Ok(file),
            Place::Remote(_) => Err(remote_fs::NOT_TRIED),
        }
    }

    fn openat2(&self, path: &[u8], more: ResolveFlag) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new().flags(PATH_ONLY).resolve(IN_ROOT | more);
        let found = openat2(&self.root, OsStr::from_bytes(path), how);
        // EPERM is what an old seccomp profile says to a call it does not know. EAGAIN, where a
        // `..` raced with a rename, is for the next time only.
        if matches!(found, Err(Errno::ENOSYS | Errno::EPERM)) {
            self.by_component.store(true, Ordering::Relaxed);
        }
        found
    }

    /// Resolves component by component: links are read, never followed by the
    /// kernel, and `..` goes back along the descriptors that led here. It ends where `remote` names
    /// a mount, before that mount is asked for anything. `parent` becomes the directory that holds
    /// what was found, where no link led there.
    fn walk(
        &self,
        path: &[u8],
        remote: impl Fn(&OwnedFd) -> Option<u32>,
        parent: &mut Option<OwnedFd>,
    ) -> Result<Place, Errno> {
        let mut pending = components(path);
        let is_straight = !pending.iter().any(|name| name == b"..");
        let mut links = 0;
        let mut way: Vec<OwnedFd> = Vec::new();
        while let Some(name) = pending.pop() {
            if name == b".." {
                way.pop();
                continue;
            }
            let above = way.last().unwrap_or(&self.root);
            let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
            let entry = openat(
                above,
                name.as_c_str(),
                PATH_ONLY | OFlag::O_NOFOLLOW,
                Mode::empty(),
            )?;
            if let Some(mount_id) = remote(&entry) {
                return Ok(Place::Remote(mount_id));
            }
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
        let found = if let Some(found) = way.pop() {
            *parent = way.pop().filter(|_| is_straight && links == 0);
            found
        } else {
            let root = self.root.as_fd().try_clone_to_owned();
            root.map_err(|error| from_io(&error))?
        };
        Ok(Place::Local(found))
    }
}

/// Opens what an `O_PATH` descriptor holds for reading; EINVAL for what is not a regular file.
/// Opening the held descriptor anew leaves the target no moment in which to put a device in the
/// file's place.
pub(super) fn open_held(held: &HeldFile) -> Result<HeldFile, Errno> {
    let opened = held.on(open_regular)??;
    Ok(HeldFile::on_mount(opened, held.remote()))
}

/// Reads what an `O_PATH` descriptor holds, at most `limit` bytes; EINVAL for what is not a regular
/// file.
pub(super) fn read_held(
    held: &HeldFile,
    limit: usize,
    buffer: &mut Vec<u8>,
) -> Result<Truncation, Errno> {
    if held.remote().is_none() {
        return read_bounded(open_regular(held)?, limit, Until::Empty, buffer);
    }
    let read = held.on(move |file| {
        let mut own = Vec::new();
        let read = read_bounded(open_regular(file)?, limit, Until::Empty, &mut own);
        read.map(|cut| (cut, own))
    });
    let (cut, bytes) = read??;
    *buffer = bytes;
    Ok(cut)
}

/// An entry on the mount of its directory; EXDEV for one that something is mounted on.
fn child_on_mount(directory: &impl AsFd, name: &CString) -> Result<OwnedFd, Errno> {
    let flags = PATH_ONLY | OFlag::O_NOFOLLOW;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_NO_XDEV);
    openat2(directory, name.as_c_str(), how)
}

fn open_regular(held: &impl AsFd) -> Result<OwnedFd, Errno> {
    if SFlag::from_bits_truncate(fstat(held)?.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err(Errno::EINVAL);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let link = link_of(held);
    // A look leaves no access time behind, where the kernel lets this user choose.
    match open(link.as_str(), flags | OFlag::O_NOATIME, Mode::empty()) {
        Err(Errno::EPERM) => open(link.as_str(), flags, Mode::empty()),
        opened => opened,
    }
}

/// The magic link to what a descriptor of spyhole holds, for calls that take only a path.
#[must_use]
pub(crate) fn link_of(held: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", held.as_fd().as_raw_fd())
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
    fn beyond_a_mount_point_each_file_is_that_of_its_path() {
        let root = InRoot::at(Path::new("/")).unwrap();
        for name in ["ostype", "osrelease", "none", "../../version", "ostype"] {
            let path = format!("/proc/sys/kernel/{name}");
            let expected = fs::read_to_string(&path).map_err(drop);
            assert_eq!(text(&root, &path).map_err(drop), expected, "{name}");
        }
        let known = root.beyond().as_ref().map(|known| known.path.clone());
        assert_eq!(known.as_deref(), Some(&b"/proc/sys/kernel"[..]));
        // A link there leads where it leads.
        let found = root.locate(b"/proc/self/status").map(drop);
        assert_eq!(found, Ok(()));
        assert_eq!(root.locate(b"/proc/self/root").map(drop), Err(Errno::ELOOP));
    }

    #[test]
    fn magic_links_are_not_followed() {
        let proc = InRoot::at(Path::new("/proc")).unwrap();
        assert_eq!(proc.locate(b"self/root").map(drop), Err(Errno::ELOOP));
        // The walker reads the link's text, which stays inside the given root.
        let proc = proc.by_component();
        let found = fstat(proc.locate(b"self/root").unwrap()).unwrap();
        let inside = fstat(&proc.held.root).unwrap();
        assert_eq!((found.st_dev, found.st_ino), (inside.st_dev, inside.st_ino));
    }
}
