//! A container that Podman runs, and a pod that it made of a manifest.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::PodmanLab;
use crate::lab::process::{Output, run};
use crate::patience::eventually;

/// A running container; dropping it removes it.
pub(crate) struct PodmanContainer {
    pub(crate) id: String,
    /// Its first process, as the host numbers it.
    pub(crate) host_pid: i32,
    /// The pod that it is a member of.
    pub(crate) pod: Option<String>,
    podman: &'static PodmanLab,
}

impl PodmanContainer {
    /// Waits until what runs in it says these words, as the sample application its `ready `.
    pub(super) fn stand(
        podman: &'static PodmanLab,
        id: String,
        pod: Option<String>,
        words: &str,
    ) -> Self {
        let mut container = Self {
            id,
            host_pid: 0,
            pod,
            podman,
        };
        eventually("the container is ready", || {
            let logs = container.podman.podman(&["logs", &container.id]);
            let ready = logs.stdout_text().contains(words) || logs.stderr_text().contains(words);
            ready.then_some(()).ok_or(logs)
        });
        container.host_pid = container.inspect("{{.State.Pid}}").parse().unwrap();
        container
    }

    /// A command inside of it, as a probe by exec runs it.
    pub(crate) fn exec(&self, words: &[&str]) -> Output {
        self.podman.podman(&[&["exec", &self.id], words].concat())
    }

    /// A program of this machine in its network namespace, and in no other of its own.
    pub(crate) fn in_its_network(&self, words: &[&str]) -> Output {
        let pid = self.host_pid.to_string();
        run(OsStr::new("nsenter"), |command| {
            command.args(["--target", &pid, "--net"]).args(words);
        })
    }

    /// One value by `podman inspect --format`.
    pub(crate) fn inspect(&self, format: &str) -> String {
        let output = self
            .podman
            .must(&["container", "inspect", "--format", format, &self.id]);
        output.stdout_text().trim().to_owned()
    }

    /// A file of its /proc entry, as the host sees it.
    pub(crate) fn host_proc(&self, file: &str) -> Vec<u8> {
        let path = self.host_proc_path(file);
        fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    }

    pub(crate) fn host_proc_path(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.host_pid).into()
    }
}

impl Drop for PodmanContainer {
    fn drop(&mut self) {
        // A member goes with its pod.
        if self.pod.is_none() {
            drop(
                self.podman
                    .podman(&["rm", "--force", "--time", "0", &self.id]),
            );
        }
    }
}

/// A pod of `podman kube play`; dropping it removes it with its members.
pub(crate) struct KubePod {
    pub(crate) name: String,
    podman: &'static PodmanLab,
    /// Two plays of one manifest would claim one name.
    _turn: MutexGuard<'static, ()>,
}

impl KubePod {
    pub(super) fn play(podman: &'static PodmanLab, manifest: &Path) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let path = manifest.to_str().unwrap();
        podman.must(&["kube", "play", "--network", "none", path]);
        let listed = podman.must(&["pod", "ps", "--format", "{{.Name}}"]);
        let listed = listed.stdout_text();
        assert_eq!(listed.lines().count(), 1, "one pod at a time: {listed}");
        Self {
            name: listed.trim().to_owned(),
            podman,
            _turn: turn,
        }
    }

    /// A member by its name in the manifest; waits until the sample application in it stands.
    pub(crate) fn container(&self, name: &str) -> PodmanContainer {
        self.container_that_says(name, "ready ")
    }

    /// The same for any program, which says these words once it stands.
    pub(crate) fn container_that_says(&self, name: &str, words: &str) -> PodmanContainer {
        let full = format!("{}-{name}", self.name);
        let found = self
            .podman
            .must(&["container", "inspect", "--format", "{{.Id}}", &full]);
        let id = found.stdout_text().trim().to_owned();
        PodmanContainer::stand(self.podman, id, Some(self.name.clone()), words)
    }
}

impl Drop for KubePod {
    fn drop(&mut self) {
        drop(
            self.podman
                .podman(&["pod", "rm", "--force", "--time", "0", &self.name]),
        );
    }
}
