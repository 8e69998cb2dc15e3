//! An automounter that takes a request and never mounts: every look-up below its mount waits.

use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::has_gap;
use crate::host::spyhole;
use crate::lab::process::Process;

/// A target in a mount namespace of its own, with an autofs that nobody serves.
struct Target {
    process: Process,
    mount_point: String,
    _directory: TempDir,
}

impl Target {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().display();
        // The pipe is never read; the process group is none that looks anything up.
        let script = format!(
            "cd {path} && mkdir auto && mkfifo pipe && exec 5<>pipe && \
             mount -t autofs -o fd=5,pgrp=$$,minproto=5,maxproto=5,indirect auto {path}/auto && \
             echo mounted && exec sleep 3600"
        );
        let mut command = Command::new("setsid");
        command.args(["--wait", "unshare", "--mount", "sh", "-c", &script]);
        let mut process = Process::start(&mut command, Signal::SIGKILL);
        process.wait_for_line("mounted");
        Self {
            process,
            mount_point: format!("{path}/auto"),
            _directory: directory,
        }
    }

    fn pid(&self) -> String {
        self.process.id().to_string()
    }
}

#[needs(root, autofs)]
fn an_automounter_that_hangs_keeps_no_command_from_ending() {
    let target = Target::start();
    let (pid, below) = (target.pid(), format!("{}/key/tls.crt", target.mount_point));
    let look = |words: &str| {
        let all = ["--pid", &pid, "--timeout", "3s"];
        spyhole(all.into_iter().chain(words.split(' ')))
    };
    let seen = look(&format!("certs --file {below} -o json")).ended_with(4);
    assert!(has_gap(&seen.json(), "timeout"), "{seen}");
    look(&format!("check file:{below}")).ended_with(4);
    look(&format!("check cert:{below}")).ended_with(4);
    look(&format!("check tcp:unix:{below}")).ended_with(4);
    // The mount itself answers.
    look("mounts -o json").ended_with(0);
    look(&format!("certs --dir {}", target.mount_point)).ended_with(0);
    look("dump -o json").ended_with(0);
}
