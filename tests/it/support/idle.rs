//! Processes of this machine that do nothing; dropping one kills and reaps it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::patience::eventually;

pub(crate) struct Idle(Child);

impl Idle {
    /// Any program that does nothing by itself.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|why| panic!("{command:?}: {why}")))
    }

    pub(crate) fn sleep() -> Self {
        Self::start(Command::new("sleep").arg("3600")).named("sleep")
    }

    /// A shell that waits for a line that never comes.
    pub(crate) fn shell(change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "read never"]).stdin(Stdio::piped());
        change(&mut command);
        Self::start(&mut command).named("sh")
    }

    /// `sleep` by another name, that of a link in this directory; not waited for.
    pub(crate) fn called(directory: &Path, name: &str) -> Self {
        let link = directory.join(name);
        symlink("/bin/sleep", &link).unwrap();
        Self::start(Command::new(&link).arg("3600"))
    }

    /// Waits until it is what it shall be: before exec it is still this program.
    pub(crate) fn named(self, name: &str) -> Self {
        let comm = format!("/proc/{}/comm", self.id());
        eventually(format!("{name} has started"), || {
            fs::read(&comm).unwrap() == format!("{name}\n").as_bytes()
        });
        self
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The same as system calls take it.
    pub(crate) fn pid(&self) -> i32 {
        self.id().try_into().unwrap()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
