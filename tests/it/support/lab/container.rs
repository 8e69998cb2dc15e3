//! A container that stands, and a pod of several.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::process::{Output, Process};
use super::setup::Setup;
use super::{Lab, example, spyhole};
use crate::patience::eventually;

/// A running container; dropping it kills and reaps it with all that is in it.
pub(crate) struct Container {
    /// Its first process, as the host numbers it.
    pub(crate) host_pid: i32,
    /// The line that said that it stands; empty where none was waited for.
    pub(crate) ready: String,
    process: Process,
}

impl Container {
    pub(super) fn stand(mut process: Process, pidfile: &Path, ready: Option<&str>) -> Self {
        let ready = ready.map_or_else(String::new, |line| process.wait_for_line(line));
        // Written as soon as the program runs, which may be after its first word.
        let host_pid = eventually("the pid of the container", || {
            let runs = process.runs();
            let text = fs::read_to_string(pidfile);
            let hope = runs || text.is_ok();
            assert!(hope, "the container did not start: {}", process.stop());
            text
        });
        let host_pid = host_pid.trim().parse().unwrap();
        Self {
            host_pid,
            ready,
            process,
        }
    }

    /// spyhole beside it, in the shape of an ephemeral container with a target:
    /// PID and network shared, its own root that holds nothing but `/spyhole`.
    pub(crate) fn spyhole(&self) -> Setup {
        self.beside(&spyhole())
    }

    /// Another static program in the same place.
    pub(crate) fn beside(&self, program: &Path) -> Setup {
        Lab::program(program).beside(self.host_pid)
    }

    /// A file of its /proc entry, as the host sees it.
    pub(crate) fn host_proc(&self, file: &str) -> Vec<u8> {
        let path = self.host_proc_path(file);
        fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    }

    pub(crate) fn host_proc_path(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.host_pid).into()
    }

    /// Through lab to its first process.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.process.runs()
    }

    /// The first line on stderr that starts so, without the start, once it is there.
    pub(crate) fn wait_for_word(&mut self, start: &str) -> String {
        self.process.wait_for_word(start)
    }

    /// Until it ends by itself.
    pub(crate) fn wait(self) -> Output {
        self.process.wait()
    }

    /// Ends it by force and gives what it said.
    pub(crate) fn stop(mut self) -> Output {
        self.process.stop()
    }
}

/// A pod whose containers share a PID namespace with `/pause` as its PID 1.
pub(crate) struct Pod {
    pub(crate) pause: Container,
}

impl Pod {
    pub(super) fn new() -> Self {
        let notes = TempDir::new().unwrap();
        let pidfile = notes.path().join("pid");
        let mut command = Command::new(example("lab"));
        command.arg("pause").arg("--pidfile").arg(&pidfile);
        command.args(["--hostname", "pod"]);
        let process = Process::start(&mut command, Signal::SIGQUIT);
        Self {
            pause: Container::stand(process, &pidfile, None),
        }
    }

    /// The sample application as a member; a second one needs another `--listen`.
    pub(crate) fn webapp(&self) -> Setup {
        self.pause.beside(&example("webapp")).ready("ready ")
    }

    /// spyhole as a member.
    pub(crate) fn spyhole(&self) -> Setup {
        self.pause.spyhole()
    }

    /// Any other static program as a member.
    pub(crate) fn program(&self, path: &Path) -> Setup {
        self.pause.beside(path)
    }
}
