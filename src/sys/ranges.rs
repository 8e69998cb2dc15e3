//! Parts of a file by their place in it: of an executable of hundreds of MiB only what is asked
//! for is read.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use rustix::buffer::spare_capacity;

use super::errno::from_rustix;
use super::in_root::{InRoot, open_held};
use super::proc_dir::ProcessDir;
use super::target_file::HeldFile;

/// A regular file, open for reading.
#[derive(Debug)]
pub(crate) struct Ranges {
    file: HeldFile,
}

impl Ranges {
    /// The program that a process runs: the inode itself, whatever its path leads to by now.
    ///
    /// # Errors
    /// EACCES where the ptrace check or the file's mode refuses, ENOENT for what runs no program,
    /// EINVAL for what is no regular file, or another errno.
    pub(crate) fn of_program(process: &ProcessDir, root: &InRoot) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let found = process.open_entry(c"exe", flags)?;
        Ok(Self {
            file: open_held(&root.hold(found))?,
        })
    }

    /// A regular file of the target.
    ///
    /// # Errors
    /// As [`InRoot::open_file`].
    pub(crate) fn in_root(root: &InRoot, path: &[u8]) -> Result<Self, Errno> {
        Ok(Self {
            file: root.open_file(path)?,
        })
    }

    /// At most `length` bytes from `offset` on; fewer where the file ends before.
    ///
    /// # Errors
    /// The errno of pread(2). EINTR is repeated.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        self.file.on(move |file| read_at(file, offset, length))?
    }
}

fn read_at(file: &OwnedFd, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = offset.saturating_add(bytes.len() as u64);
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(from_rustix(errno)),
        }
    }
    // The allocator may have given more room than was asked for.
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sys::ProcDir;

    #[test]
    fn parts_of_this_very_test() {
        let proc = ProcDir::open(Path::new("/proc")).unwrap();
        let process = proc.process(proc.own_pid().unwrap()).unwrap();
        let program = Ranges::of_program(&process, &InRoot::at(Path::new("/")).unwrap()).unwrap();
        let whole = std::fs::read("/proc/self/exe").unwrap();
        assert_eq!(program.read(1, 3).unwrap(), b"ELF");
        assert_eq!(program.read(4096, 100_000).unwrap(), &whole[4096..104_096]);
        let near_end = whole.len() as u64 - 5;
        assert_eq!(
            program.read(near_end, 9).unwrap(),
            &whole[whole.len() - 5..]
        );
        assert_eq!(program.read(near_end + 99, 9), Ok(Vec::new()));
    }
}
