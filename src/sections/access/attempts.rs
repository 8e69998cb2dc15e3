//! Every thing that may be refused, tried through the held directory of the target.
//! What the walk has read already is not read again.

use std::ffi::{CStr, CString};

use nix::errno::Errno;

use super::attempted::Attempted;
use super::system::SystemContext;
use crate::model::access::What;
use crate::model::gap::{Reason, Refusal};
use crate::rights::ptrace_access::{AccessCheck, Credentials, refusal_below};
use crate::scan::Scan;
use crate::scan::plain_files::PLAIN_FILES;
use crate::scan::process_files::CallerCredentials;
use crate::scan::snapshot::ProcessSnapshot;
use crate::scan::target::TargetHandle;
use crate::sys::ProcessDir;

/// All attempts, those first that most viewers may make. What a zombie or a kernel
/// thread has not is not tried.
pub(super) fn all(
    scan: &Scan,
    held: &TargetHandle,
    target: &Credentials,
    system: &SystemContext,
    buffer: &mut Vec<u8>,
) -> Vec<Attempted> {
    let mut tries = Tries {
        main: &held.main,
        viewer: &scan.reader.viewer,
        target,
        base: format!("{}/{}", system.proc_path, held.main.pid()),
        buffer,
        found: Vec::new(),
    };
    tries.found.push(system.process_list(scan));
    let Some(facts) = scan.main_process() else {
        return tries.found;
    };
    tries.open_to_all(facts);
    if facts.stat.state != b'Z' && !facts.stat.is_kernel_thread() {
        tries.guarded(facts, held);
    }
    tries.found
}

struct Tries<'a> {
    main: &'a ProcessDir,
    viewer: &'a CallerCredentials,
    target: &'a Credentials,
    base: String,
    buffer: &'a mut Vec<u8>,
    found: Vec<Attempted>,
}

/// Enough to see that a read is let through.
const A_LITTLE: usize = 4096;

impl Tries<'_> {
    fn open_to_all(&mut self, facts: &ProcessSnapshot) {
        self.known(
            What::Status,
            AccessCheck::Open,
            "status",
            facts.status.as_ref(),
        );
        self.known(
            What::Arguments,
            AccessCheck::Open,
            "cmdline",
            facts.args.as_ref(),
        );
        self.read(What::Mounts, AccessCheck::Open, c"mountinfo");
        self.known(
            What::Limits,
            AccessCheck::Open,
            "limits",
            facts.limits.as_ref(),
        );
        self.read(What::CgroupMembership, AccessCheck::Open, c"cgroup");
        self.read(What::Sockets, AccessCheck::Open, c"net/tcp");
        self.plain(facts, |check| check == AccessCheck::Open);
    }

    /// Those files that sections have read as they are.
    fn plain(&mut self, facts: &ProcessSnapshot, wanted: fn(AccessCheck) -> bool) {
        for file in PLAIN_FILES.iter().filter(|file| wanted(file.check)) {
            let attempt = facts.file(file.flag);
            self.known(file.what, file.check, &file.name.to_string_lossy(), attempt);
        }
    }

    fn guarded(&mut self, facts: &ProcessSnapshot, held: &TargetHandle) {
        self.plain(facts, |check| check != AccessCheck::Open);
        self.files(held);
        self.known(
            What::Program,
            AccessCheck::Ptrace,
            "exe",
            facts.exe.as_ref(),
        );
        let cwd = facts.cwd.as_ref();
        self.known(What::WorkingDirectory, AccessCheck::Ptrace, "cwd", cwd);
        let listing = facts.fd_count.as_ref();
        self.known(What::Descriptors, AccessCheck::Owner, "fd", listing);
        self.descriptor_links(matches!(listing, Some(Ok(Some(0)))));
        // Both say no when they are opened; reading them costs the kernel a walk of the memory.
        self.open(What::MemoryMap, AccessCheck::Ptrace, c"maps");
        self.open(What::MemoryRollup, AccessCheck::Ptrace, c"smaps_rollup");
        // Opens for its owner, and says no only when it is read.
        self.read(What::Io, AccessCheck::OwnerAndPtrace, c"io");
        let link = self.main.read_link(c"ns/mnt").map(drop);
        self.errno(What::Namespaces, AccessCheck::Ptrace, "ns/mnt", link);
    }

    /// The root must open, and let itself be searched.
    fn files(&mut self, held: &TargetHandle) {
        let root = match held.root(self.viewer) {
            Ok(root) => root,
            Err(refusal) => {
                let denied = Err(refusal.clone());
                self.push(What::Files, AccessCheck::Ptrace, "root", denied.clone());
                return self.push(What::CgroupFiles, AccessCheck::Ptrace, CGROUP, denied);
            }
        };
        let searched = root.locate(b"/.").map(drop);
        self.errno(What::Files, AccessCheck::Open, "root", searched);
        let path = CGROUP.strip_prefix("root").unwrap_or(CGROUP);
        let cgroup = root.locate(path.as_bytes()).map(drop);
        self.errno(What::CgroupFiles, AccessCheck::Open, CGROUP, cgroup);
    }

    fn descriptor_links(&mut self, none: bool) {
        if none {
            return;
        }
        // Any will do; 0 is nearly always there and saves listing them.
        let mut link = self.main.read_link(c"fd/0").map(drop);
        let mut path = "fd/0".to_owned();
        if link == Err(Errno::ENOENT) {
            for number in self.main.numbers_in(c"fd").unwrap_or_default() {
                path = format!("fd/{number}");
                let Ok(name) = CString::new(path.as_str()) else {
                    continue;
                };
                link = self.main.read_link(&name).map(drop);
                if link != Err(Errno::ENOENT) {
                    break;
                }
            }
        }
        self.errno(What::SocketOwners, AccessCheck::OwnerAndPtrace, &path, link);
    }

    fn read(&mut self, what: What, check: AccessCheck, name: &CStr) {
        let result = self.main.read(name, A_LITTLE, self.buffer).map(drop);
        self.errno(what, check, &name.to_string_lossy(), result);
    }

    fn open(&mut self, what: What, check: AccessCheck, name: &CStr) {
        let result = self.main.try_open(name);
        self.errno(what, check, &name.to_string_lossy(), result);
    }

    /// What the walk has tried; nothing where it was not asked to.
    fn known<T>(
        &mut self,
        what: What,
        check: AccessCheck,
        name: &str,
        attempt: Option<&Result<T, Refusal>>,
    ) {
        if let Some(attempt) = attempt {
            let result = match attempt {
                // It could be read; what is in it is not what was asked for.
                Err(refusal) if refusal.reason == Reason::Overwritten => Ok(()),
                attempt => attempt.as_ref().map(drop).map_err(Clone::clone),
            };
            self.push(what, check, name, result);
        }
    }

    fn errno(&mut self, what: What, check: AccessCheck, name: &str, result: Result<(), Errno>) {
        let result = result.map_err(|errno| {
            refusal_below(self.main, errno, check, self.viewer, || self.target.clone())
        });
        self.push(what, check, name, result);
    }

    fn push(&mut self, what: What, check: AccessCheck, name: &str, result: Result<(), Refusal>) {
        self.found.push(Attempted {
            what,
            check,
            path: format!("{}/{name}", self.base),
            result,
            partly: false,
        });
    }
}

const CGROUP: &str = "root/sys/fs/cgroup";
