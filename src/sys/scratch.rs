//! For the tests of the layers above, which open no files themselves: a directory to put things
//! into, and the files of this machine to compare with.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::InRoot;

/// A directory that is taken as a root, and goes away with this.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(root)
    }

    pub(crate) fn in_root(&self) -> InRoot {
        InRoot::at(self.0.path()).unwrap()
    }

    /// Where a path of this root is on the machine.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.with_parent(path), content).unwrap();
    }

    pub(crate) fn link(&self, path: &str, goal: &str) {
        symlink(goal, self.with_parent(path)).unwrap();
    }

    pub(crate) fn directory(&self, path: &str) {
        fs::create_dir_all(self.path(path)).unwrap();
    }

    pub(crate) fn fifo(&self, path: &str) {
        nix::unistd::mkfifo(&self.with_parent(path), Mode::S_IRWXU).unwrap();
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn with_parent(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

/// A file of this machine.
pub(crate) fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Where a path of this machine leads, all links followed.
pub(crate) fn real(path: &str) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// A program of this machine, to compare with; its environment is empty but for `PATH`.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command.env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    command
}
