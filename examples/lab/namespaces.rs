//! The namespaces of a container: made new, or another process's.
#![allow(
    unsafe_code,
    reason = "bringing loopback up is an ioctl, which nix wraps only through unsafe"
)]

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{getegid, geteuid, sethostname};

use crate::args::{Inside, Net, Pid};
use crate::{Done, Step};

const MAY_NOT: &str = "run lab as root, or let this user make namespaces: \
    kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, \
    kernel.apparmor_restrict_unprivileged_userns=0";

/// When the user namespace of the container comes about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Userns {
    /// The caller's own.
    None,
    /// Already made, before any other namespace: it owns them.
    Made,
    /// Already joined, with the namespaces that it owns.
    Joined,
    /// Made last, beside namespaces that were joined and belong to another.
    Last,
}

/// What must happen before the fork: the PID namespace is that of the next
/// child, and the user namespace must own it.
pub(crate) fn before_fork(inside: &Inside) -> Done<Userns> {
    let joined = match (inside.pid, inside.net) {
        (Pid::Join(pid), _) | (_, Net::Join(pid)) => Some(pid),
        _ => None,
    };
    let mut userns = Userns::None;
    match joined {
        Some(pid) => {
            if !same(pid, "user")? {
                join(pid, "user", CloneFlags::CLONE_NEWUSER)?;
                userns = Userns::Joined;
            }
            if inside.userns {
                userns = Userns::Last;
            }
        }
        None if inside.userns || !geteuid().is_root() => {
            new_userns(inside)?;
            userns = Userns::Made;
        }
        None => {}
    }
    match inside.pid {
        Pid::New => unshare(CloneFlags::CLONE_NEWPID).step_or("make a PID namespace", MAY_NOT)?,
        Pid::Join(pid) => join(pid, "pid", CloneFlags::CLONE_NEWPID)?,
    }
    Ok(userns)
}

/// The rest, in the child. A joined network brings its UTS and IPC, as in a pod.
pub(crate) fn in_child(inside: &Inside) -> Done<()> {
    let own = match inside.net {
        Net::Join(pid) => {
            join(pid, "net", CloneFlags::CLONE_NEWNET)?;
            join(pid, "uts", CloneFlags::CLONE_NEWUTS)?;
            join(pid, "ipc", CloneFlags::CLONE_NEWIPC)?;
            CloneFlags::empty()
        }
        Net::New => CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC,
        Net::Host => CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC,
    };
    unshare(own | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)
        .step_or("make namespaces", MAY_NOT)?;
    if inside.net == Net::New {
        loopback_up().step("bring loopback up")?;
    }
    match (&inside.hostname, inside.net) {
        (Some(_), Net::Join(_)) => Err(
            "--hostname would rename the pod: with --net join it comes from the other process"
                .to_owned(),
        ),
        (Some(name), _) => sethostname(name).step("set the hostname"),
        (None, _) => Ok(()),
    }
}

/// A user namespace in which the caller is --uid and --gid, and nobody else is anyone.
pub(crate) fn new_userns(inside: &Inside) -> Done<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).step_or("make a user namespace", MAY_NOT)?;
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{} {uid} 1\n", inside.uid)),
        ("gid_map", format!("{} {gid} 1\n", inside.gid())),
    ] {
        let path = format!("/proc/self/{file}");
        fs::write(&path, text).step_or(&format!("write {path}"), MAY_NOT)?;
    }
    Ok(())
}

fn same(pid: i32, which: &str) -> Done<bool> {
    let inode = |of: &str| {
        let path = format!("/proc/{of}/ns/{which}");
        fs::metadata(&path)
            .step_or(
                &format!("look at {path}"),
                "is that process still there, and may this user look into it?",
            )
            .map(|found| (found.dev(), found.ino()))
    };
    Ok(inode("self")? == inode(&pid.to_string())?)
}

fn join(pid: i32, which: &str, kind: CloneFlags) -> Done<()> {
    let path = format!("/proc/{pid}/ns/{which}");
    let file = File::open(&path).step_or(
        &format!("open {path}"),
        "is that process still there, and may this user look into it?",
    )?;
    setns(file, kind).step_or(&format!("join {path}"), MAY_NOT)
}

fn loopback_up() -> nix::Result<()> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: all zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    let up = libc::IFF_UP | libc::IFF_RUNNING;
    request.ifr_ifru.ifru_flags = i16::try_from(up).map_err(|_| Errno::EINVAL)?;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which outlives the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    Errno::result(done).map(drop)
}
