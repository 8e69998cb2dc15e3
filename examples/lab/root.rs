//! The root of a container: a tmpfs or a directory, with /proc, a minimal
//! /dev and /tmp, and nothing of the host but what was asked for.

use std::env;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, chroot, pivot_root};

use crate::args::{Inside, Pair};
use crate::{Done, Step};

const NONE: Option<&str> = None;

/// Where the root is put together; a directory of our own goes away again.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    own: bool,
}

impl Place {
    pub(crate) fn new(asked: Option<&Path>) -> Done<Self> {
        if let Some(path) = asked {
            let path = path.canonicalize().step_or(
                &format!("find --root {}", path.display()),
                "make the directory first",
            )?;
            return Ok(Self { path, own: false });
        }
        let path = env::temp_dir().join(format!("lab-root-{}", std::process::id()));
        fs::create_dir(&path).step_or(
            &format!("make {}", path.display()),
            "give a directory with --root",
        )?;
        Ok(Self { path, own: true })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.own {
            // The tmpfs lay in the container's mount namespace: here it is empty.
            drop(fs::remove_dir(&self.path));
        }
    }
}

/// Puts the root together and moves into it; runs in the container's own
/// mount and PID namespaces.
pub(crate) fn enter(place: &Path, inside: &Inside) -> Done<()> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .step("make mounts private")?;
    let empty = fs::read_dir(place)
        .step(&format!("look into --root {}", place.display()))?
        .next()
        .is_none();
    if empty {
        mount(
            Some("tmpfs"),
            place,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=755"),
        )
        .step("mount a tmpfs as the root")?;
    } else {
        mount(
            Some(place),
            place,
            NONE,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            NONE,
        )
        .step("bind-mount the root")?;
    }
    for pair in &inside.copies {
        copy(&pair.source, &place.join(&pair.target))
            .step(&format!("copy {}", pair.source.display()))?;
    }
    let tmp = place.join("tmp");
    fs::create_dir_all(&tmp)
        .and_then(|()| fs::set_permissions(&tmp, Permissions::from_mode(0o1777)))
        .step("make /tmp")?;
    proc(place, inside.proc_options.as_deref())?;
    dev(&place.join("dev"))?;
    for pair in &inside.binds {
        bind(pair, &place.join(&pair.target))?;
    }
    if inside.read_only {
        remount_read_only(place).step("make the root read-only")?;
    }
    pivot(place)
}

fn proc(place: &Path, options: Option<&str>) -> Done<()> {
    let path = place.join("proc");
    fs::create_dir_all(&path).step("make /proc")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), &path, Some("proc"), flags, options).step_or(
        "mount /proc",
        "in a user namespace the kernel refuses it where the caller's own /proc is partly covered \
         (as in most containers): run lab as root there",
    )
}

/// The devices that every engine gives.
fn dev(path: &Path) -> Done<()> {
    const DEVICES: [(&str, u64, u64); 6] = [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    ];
    fs::create_dir_all(path).step("make /dev")?;
    mount(
        Some("tmpfs"),
        path,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        Some("mode=755,size=65536k"),
    )
    .step("mount /dev")?;
    for (name, major, minor) in DEVICES {
        let node = path.join(name);
        let mode = Mode::from_bits_truncate(0o666);
        let outcome = mknod(&node, SFlag::S_IFCHR, mode, makedev(major, minor)).and_then(|()| {
            nix::sys::stat::fchmodat(
                nix::fcntl::AT_FDCWD,
                &node,
                mode,
                nix::sys::stat::FchmodatFlags::FollowSymlink,
            )
        });
        match outcome {
            Ok(()) => {}
            // A user namespace makes no devices, but may show those of the host.
            Err(Errno::EPERM) => bind(
                &Pair {
                    source: Path::new("/dev").join(name),
                    target: PathBuf::new(),
                    read_only: false,
                },
                &node,
            )?,
            Err(why) => return Err(why).step(&format!("make /dev/{name}")),
        }
    }
    for (name, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, path.join(name)).step(&format!("link /dev/{name}"))?;
    }
    Ok(())
}

fn bind(pair: &Pair, target: &Path) -> Done<()> {
    let what = format!("bind {}", pair.source.display());
    let found = fs::metadata(&pair.source).step(&what)?;
    if found.is_dir() {
        fs::create_dir_all(target).step(&what)?;
    } else if !target.exists() {
        make_parent(target)
            .and_then(|()| fs::write(target, []))
            .step(&what)?;
    }
    mount(
        Some(&pair.source),
        target,
        NONE,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        NONE,
    )
    .step(&what)?;
    if pair.read_only {
        remount_read_only(target).step(&what)?;
    }
    Ok(())
}

/// Keeps the flags that are there: in a user namespace they are locked.
fn remount_read_only(path: &Path) -> nix::Result<()> {
    let now = statvfs(path)?.flags();
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    for (is, keep) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        flags.set(keep, now.contains(is));
    }
    mount(NONE, path, NONE, flags, NONE)
}

fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(source)?;
    make_parent(target)?;
    if found.is_dir() {
        fs::create_dir_all(target)?;
        fs::set_permissions(target, found.permissions())?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            copy(&entry.path(), &target.join(entry.file_name()))?;
        }
        Ok(())
    } else if found.is_symlink() {
        symlink(fs::read_link(source)?, target)
    } else {
        fs::copy(source, target).map(drop)
    }
}

fn make_parent(target: &Path) -> io::Result<()> {
    target.parent().map_or(Ok(()), fs::create_dir_all)
}

fn pivot(place: &Path) -> Done<()> {
    chdir(place).step("enter the root")?;
    match pivot_root(".", ".") {
        Ok(()) => umount2(".", MntFlags::MNT_DETACH).step("leave the old root")?,
        // An initramfs cannot be pivoted away from, only covered.
        Err(Errno::EINVAL) => {
            mount(Some("."), "/", NONE, MsFlags::MS_MOVE, NONE)
                .and_then(|()| chroot("."))
                .step("move the root over an initramfs")?;
        }
        Err(why) => return Err(why).step("pivot into the root"),
    }
    chdir("/").step("enter the root")
}
