//! One container to come: who it is, what it shares, what it runs.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::container::Container;
use super::example;
use super::process::{Output, Process};

/// A builder over the words of `lab run`; each method is one flag.
#[derive(Clone)]
pub(crate) struct Setup {
    program: PathBuf,
    lab: PathBuf,
    run_by: Option<u32>,
    beside: Option<i32>,
    share_pid: bool,
    share_net: bool,
    flags: Vec<OsString>,
    args: Vec<OsString>,
    ready: Option<String>,
}

impl Setup {
    pub(super) fn new(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            lab: example("lab"),
            run_by: None,
            beside: None,
            share_pid: false,
            share_net: false,
            flags: Vec::new(),
            args: Vec::new(),
            ready: None,
        }
    }

    /// The ephemeral-container shape: PID, network, UTS and IPC of the other, own root.
    pub(super) fn beside(mut self, host_pid: i32) -> Self {
        self.beside = Some(host_pid);
        self.share_pid = true;
        self.share_net = true;
        self
    }

    pub(crate) fn share_pid(mut self, share: bool) -> Self {
        self.share_pid = share;
        self
    }

    pub(crate) fn share_net(mut self, share: bool) -> Self {
        self.share_net = share;
        self
    }

    /// The host's network instead of one of its own.
    pub(crate) fn host_net(self) -> Self {
        self.flag("--net", "host")
    }

    pub(crate) fn uid(self, uid: u32) -> Self {
        self.flag("--uid", uid.to_string())
    }

    /// The same as the uid where not given.
    pub(crate) fn gid(self, gid: u32) -> Self {
        self.flag("--gid", gid.to_string())
    }

    /// `none`, `default`, `all`, `+sys_ptrace`, `=exact,list`.
    pub(crate) fn caps(self, caps: &str) -> Self {
        self.flag("--caps", caps)
    }

    pub(crate) fn ambient(self, caps: &str) -> Self {
        self.flag("--ambient", caps)
    }

    pub(crate) fn no_new_privs(self) -> Self {
        self.switch("--no-new-privs")
    }

    /// `none`, `deny-openat2` (EPERM), `no-openat2` (ENOSYS), `default-like`.
    pub(crate) fn seccomp(self, profile: &str) -> Self {
        self.flag("--seccomp", profile)
    }

    pub(crate) fn userns(self) -> Self {
        self.switch("--userns")
    }

    pub(crate) fn hostname(self, name: &str) -> Self {
        self.flag("--hostname", name)
    }

    pub(crate) fn read_only(self) -> Self {
        self.switch("--read-only")
    }

    /// Such as `hidepid=2`.
    pub(crate) fn proc_options(self, options: &str) -> Self {
        self.flag("--proc-options", options)
    }

    pub(crate) fn env(self, key: &str, value: &str) -> Self {
        self.flag("--env", format!("{key}={value}"))
    }

    pub(crate) fn env_bytes(self, key: &str, value: &[u8]) -> Self {
        let mut hex = format!("{key}=");
        for byte in value {
            write!(hex, "{byte:02x}").unwrap();
        }
        self.flag("--env-hex", hex)
    }

    /// A directory of the host as the root, such as an unpacked image.
    pub(crate) fn root(self, directory: &Path) -> Self {
        self.flag("--root", directory)
    }

    pub(crate) fn copy(self, source: &Path, target: &str) -> Self {
        self.flag("--copy", pair(source, target))
    }

    pub(crate) fn bind(self, source: &Path, target: &str) -> Self {
        self.flag("--bind", pair(source, target))
    }

    pub(crate) fn bind_read_only(self, source: &Path, target: &str) -> Self {
        let mut pair = pair(source, target);
        pair.push(":ro");
        self.flag("--bind", pair)
    }

    /// Another program in place of the one this setup was made for.
    pub(crate) fn program(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.program);
        self.ready = None;
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// What the first line starts with that says that the program stands.
    pub(crate) fn ready(mut self, line: &str) -> Self {
        self.ready = Some(line.to_owned());
        self
    }

    /// Another user runs lab itself, from a copy it can reach.
    pub(crate) fn run_by(mut self, uid: u32, lab: &Path) -> Self {
        self.run_by = Some(uid);
        lab.clone_into(&mut self.lab);
        self
    }

    /// Runs the program to its end; that lab itself failed is a failure of the test.
    pub(crate) fn run(self) -> Output {
        let output = self.try_run();
        let stderr = output.stderr_text();
        let failed = stderr.lines().any(|line| line.starts_with("lab: "));
        assert!(!failed, "the lab failed: {output}");
        output
    }

    /// The same, where the failure of lab is what is looked at.
    pub(crate) fn try_run(self) -> Output {
        Process::start(&mut self.command(&[]), Signal::SIGQUIT).wait()
    }

    /// Starts the program and waits until it stands.
    pub(crate) fn start(self) -> Container {
        let notes = TempDir::new().unwrap();
        if let Some(uid) = self.run_by {
            std::os::unix::fs::chown(notes.path(), Some(uid), None).unwrap();
        }
        let pidfile = notes.path().join("pid");
        let mut command = self.command(&["--pidfile".as_ref(), pidfile.as_ref()]);
        let process = Process::start(&mut command, Signal::SIGQUIT);
        Container::stand(process, &pidfile, self.ready.as_deref())
    }

    /// The words of lab, for who starts it another way.
    pub(crate) fn command(&self, more: &[&OsStr]) -> Command {
        let mut inside = OsString::from("/");
        inside.push(self.program.file_name().unwrap());
        let mut command = Command::new(&self.lab);
        if let Some(uid) = self.run_by {
            command.uid(uid).gid(uid);
        }
        command.arg("run").args(more).args(&self.flags);
        command
            .arg("--copy")
            .arg(pair(&self.program, inside.to_str().unwrap()));
        if let Some(pid) = self.beside {
            for (flag, shared) in [("--pid", self.share_pid), ("--net", self.share_net)] {
                if shared {
                    command.arg(flag).arg(format!("join:{pid}"));
                }
            }
        }
        command.arg("--").arg(inside).args(&self.args);
        command
    }

    fn flag(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.flags.push(name.into());
        self.flags.push(value.as_ref().to_owned());
        self
    }

    fn switch(mut self, name: &str) -> Self {
        self.flags.push(name.into());
        self
    }
}

fn pair(source: &Path, target: &str) -> OsString {
    let mut pair = source.as_os_str().to_owned();
    pair.push(":");
    pair.push(target);
    pair
}
