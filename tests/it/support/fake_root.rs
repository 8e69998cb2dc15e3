//! A directory as a container's root or a part of it has it: files that every user can read, and
//! programs that every user can run. The checkout may lie below a home that only its owner enters.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::host::copy_program;

pub(crate) struct FakeRoot(TempDir);

impl FakeRoot {
    pub(crate) fn new() -> Self {
        let root = Self(TempDir::new().unwrap());
        root.mode("", 0o755);
        root
    }

    pub(crate) fn top(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.top().join(name)
    }

    /// Writes a file that everyone may read, and the directories above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        self.mode(name, 0o644);
        path
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    /// A copy of a program, under its own name.
    pub(crate) fn copy(&self, program: &Path) -> PathBuf {
        let copy = self.top().join(program.file_name().unwrap());
        copy_program(program, &copy);
        copy
    }

    /// A file that is run, with this content and mode.
    pub(crate) fn program(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let draft = self.write(&format!("{name}.draft"), content);
        let path = self.path(name);
        copy_program(&draft, &path);
        self.mode(name, mode);
        path
    }
}
