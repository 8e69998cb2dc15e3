//! The program of a process → what its file grants when it is run.

use nix::errno::Errno;

use super::fill::{Filler, capability_set};
use crate::model::capabilities::{Executable, ExecutableFile, FileCapabilitySets};
use crate::model::gap::{Reason, Refusal};
use crate::model::seen::Seen;
use crate::parse::file_capabilities::FileCapabilities;
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::program::Program;
use crate::sys::remote_fs;

impl Filler<'_> {
    pub(super) fn executable(
        &mut self,
        facts: &ProcessSnapshot,
        program: &Result<Option<Program>, Refusal>,
    ) -> Option<Executable> {
        let path = match facts.exe.as_ref()? {
            Ok(None) => return None,
            Ok(Some(path)) => Seen::Value((*self.scan.redactor.text(path)).into()),
            Err(refusal) => Seen::Unseen(self.gap("executable.path", facts.pid, refusal)),
        };
        let file = match program {
            Ok(None) => return None,
            Ok(Some(program)) => Seen::Value(self.file(facts.pid, program)),
            Err(refusal) => Seen::Unseen(self.gap("executable.file", facts.pid, refusal)),
        };
        Some(Executable { path, file })
    }

    fn file(&mut self, pid: i32, program: &Program) -> ExecutableFile {
        let known = self.around.known_capabilities;
        let sets = |bytes: &Vec<u8>| {
            let found = FileCapabilities::parse(bytes)
                .map_err(|error| Refusal::of(Reason::Malformed).needing(&error.to_string()))?;
            Ok(FileCapabilitySets {
                text: found.text(known),
                permitted: capability_set(found.permitted),
                inheritable: capability_set(found.inheritable),
                effective: found.effective,
                revision: found.revision,
                root_uid: found.root_uid,
            })
        };
        let attempt = match &program.capability {
            Ok(None) => None,
            Ok(Some(bytes)) => Some(sets(bytes)),
            Err(errno) => Some(Err(attribute_refusal(*errno))),
        };
        ExecutableFile {
            owner_uid: program.uid,
            owner_gid: program.gid,
            mode: format!("{:04o}", program.mode & 0o7777),
            setuid: program.mode & libc::S_ISUID != 0,
            setgid: program.mode & libc::S_ISGID != 0,
            capabilities: attempt
                .map(|attempt| self.gaps.seen("executable.file.capabilities", pid, attempt)),
            nosuid: program.nosuid,
        }
    }
}

fn attribute_refusal(errno: Errno) -> Refusal {
    if let Some(refusal) = remote_fs::refusal(errno) {
        return refusal;
    }
    let reason = match errno {
        // Its root uid has no number in the viewer's user namespace.
        Errno::EOVERFLOW => Reason::UserNamespace,
        Errno::EACCES | Errno::EPERM => Reason::Denied,
        Errno::ENOSYS => Reason::Unsupported,
        Errno::ERANGE | Errno::EINVAL => Reason::Malformed,
        _ => Reason::Io,
    };
    Refusal {
        errno: Some(format!("{errno:?}")),
        ..Refusal::of(reason)
    }
}
