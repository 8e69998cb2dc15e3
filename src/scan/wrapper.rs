//! Finds the program behind a wrapper: an init such as tini, or a shell, that is the first process
//! of a container and only starts the application.

use std::sync::Arc;

use super::container_key::{Identity, Key};
use super::reader::ProcessReader;
use crate::model::target::{RecognisedBy, Wrapper};
use crate::parse::cmdline;
use crate::parse::stat::Stat;
use crate::sys::{ProcessDir, file_limits};

/// Inits that start one program and wait, by the name of their file. Docker calls tini
/// `docker-init`, Podman catatonit `podman-init`.
const INITS: [&[u8]; 8] = [
    b"tini",
    b"tini-static",
    b"docker-init",
    b"dumb-init",
    b"catatonit",
    b"podman-init",
    b"s6-svscan",
    b"s6-supervise",
];
/// Inits whose file carries the architecture: `tini-amd64`.
const INIT_PREFIXES: [&[u8]; 3] = [b"tini-", b"dumb-init_", b"catatonit."];
const SHELLS: [&[u8]; 7] = [b"sh", b"bash", b"dash", b"ash", b"busybox", b"ksh", b"zsh"];
/// One wrapper may start another: `tini -- sh -c …`.
const WRAPPERS: usize = 8;

/// What is behind the first process of a container.
pub(super) struct Wrapped {
    /// The wrappers, outermost first.
    pub(super) wrappers: Vec<Wrapper>,
    /// The program, held.
    pub(super) main: ProcessDir,
    /// Its start, in ticks after boot.
    pub(super) starttime_ticks: u64,
}

/// The program behind `first`, which has this name and identity; `None` where that is no wrapper, or
/// has not exactly one child.
pub(super) fn find(
    reader: &ProcessReader,
    first: &ProcessDir,
    comm: &[u8],
    identity: &Identity,
    own_pid: Option<i32>,
) -> Option<Wrapped> {
    let mut buffer = Vec::new();
    let mut wrapped = Wrapped {
        wrappers: vec![recognise(first, comm, &mut buffer)?],
        main: first.try_clone().ok()?,
        starttime_ticks: 0,
    };
    let stats = all(reader, &mut buffer);
    loop {
        let parent = wrapped.main.pid();
        let mut children = stats
            .iter()
            .filter(|stat| stat.ppid == parent && Some(stat.pid) != own_pid);
        let (Some(child), None) = (children.next(), children.next()) else {
            // Of several children, or of none, it is not known which is the application.
            return None;
        };
        wrapped.main = reader.reopen(child.pid).ok()?;
        wrapped.starttime_ticks = child.starttime_ticks;
        let found = reader.identities.of(&wrapped.main, child, &mut buffer).0;
        if !same_container(identity, &found) {
            return None;
        }
        if wrapped.wrappers.len() == WRAPPERS {
            return Some(wrapped);
        }
        let one_child = stats.iter().any(|stat| stat.ppid == child.pid);
        match recognise(&wrapped.main, &child.comm, &mut buffer).filter(|_| one_child) {
            Some(further) => wrapped.wrappers.push(further),
            None => return Some(wrapped),
        }
    }
}

fn same_container(first: &Identity, child: &Arc<Identity>) -> bool {
    first.key == child.key || first.key == Key::Unknown || child.key == Key::Unknown
}

/// `stat` of every process that lives.
fn all(reader: &ProcessReader, buffer: &mut Vec<u8>) -> Vec<Stat> {
    let pids = reader.proc.pids().unwrap_or_default();
    let stats = pids.into_iter().filter_map(|pid| {
        let process = reader.proc.process(pid).ok()?;
        process.read(c"stat", file_limits::SMALL, buffer).ok()?;
        let stat = Stat::parse(buffer).ok()?;
        // Of one whose first thread has ended, the others live.
        (!stat.is_bodiless() || stat.num_threads > 1).then_some(stat)
    });
    stats.collect()
}

/// Whether a process with this name is a wrapper: by the file that it runs, or by the name where the
/// kernel does not show the file.
fn recognise(process: &ProcessDir, comm: &[u8], buffer: &mut Vec<u8>) -> Option<Wrapper> {
    let exe = process.read_link(c"exe").ok();
    let file = exe
        .as_deref()
        .map(|exe| exe.strip_suffix(b" (deleted)").unwrap_or(exe));
    // Memory of the process, which may stall, is read where the name does not decide.
    let args = || match process.read(c"cmdline", file_limits::CMDLINE, buffer) {
        Ok(_) => cmdline::parse(buffer),
        Err(_) => Vec::new(),
    };
    if !is_wrapper(file.map_or(comm, base_name), file, args) {
        return None;
    }
    Some(Wrapper {
        pid: process.pid(),
        comm: comm.into(),
        exe: file.map(Into::into),
        recognised_by: if exe.is_some() {
            RecognisedBy::Exe
        } else {
            RecognisedBy::Name
        },
    })
}

fn is_wrapper(name: &[u8], file: Option<&[u8]>, mut args: impl FnMut() -> Vec<Vec<u8>>) -> bool {
    let has = |args: Vec<Vec<u8>>, word: &[u8]| args.iter().skip(1).any(|arg| arg == word);
    if INITS.contains(&name) {
        // As `catatonit -P` it holds a pod's namespaces and starts nothing.
        return !has(args(), b"-P");
    }
    INIT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || file == Some(b"/dev/init")
        || (SHELLS.contains(&name) && is_shell_command(&args()))
        || (name == b"spyhole" && has(args(), b"run"))
}

/// `sh -c COMMAND`, also with other short options: `bash -e -c COMMAND`, `sh -ec COMMAND`.
fn is_shell_command(args: &[Vec<u8>]) -> bool {
    // `busybox sh -c …`
    let applet = args.first().is_some_and(|arg| base_name(arg) == b"busybox");
    args.iter()
        .skip(1 + usize::from(applet))
        .take_while(|arg| arg.len() > 1 && arg.starts_with(b"-") && !arg.starts_with(b"--"))
        .any(|options| options.contains(&b'c'))
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, args: &[&str]) -> bool {
        let args = || args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        is_wrapper(name.as_bytes(), None, args)
    }

    #[test]
    fn inits_and_shells_that_run_one_command() {
        for name in [
            "tini",
            "tini-amd64",
            "docker-init",
            "dumb-init",
            "podman-init",
            "s6-svscan",
        ] {
            assert!(told(name, &["/init", "--", "/app"]), "{name}");
        }
        assert!(told("catatonit", &["catatonit", "--", "/app"]));
        assert!(!told("catatonit", &["/catatonit", "-P"]), "a pause process");
        assert!(told("spyhole", &["spyhole", "run", "--", "/app"]));
        assert!(!told("spyhole", &["spyhole", "serve"]));
        assert!(told("sh", &["/bin/sh", "-c", "app; true"]));
        assert!(told("bash", &["bash", "-e", "-c", "app"]) && told("dash", &["sh", "-ec", "app"]));
        assert!(told("busybox", &["/bin/busybox", "sh", "-c", "app"]));
        for args in [&["sh"][..], &["sh", "/app.sh", "-c"], &["bash", "--login"]] {
            assert!(!told("sh", args), "{args:?}");
        }
        assert!(!told("nginx", &["nginx", "-c", "/etc/nginx.conf"]));
        assert!(is_wrapper(b"init", Some(b"/dev/init"), Vec::new));
    }
}
