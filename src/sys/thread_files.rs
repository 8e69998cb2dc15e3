//! Threads of a process that have a table of descriptors of their own, as unshare(2) with
//! `CLONE_FILES` makes it.

use std::ffi::{CStr, CString};

use nix::errno::Errno;

use super::fd_links::links_in;
use super::proc_dir::{ProcDir, ProcessDir};
use super::time_box;

/// Threads of one process that are looked at.
const THREADS: usize = 65_536;
/// Tables of one process.
const TABLES: usize = 64;
/// Links that are compared of one process, where the kernel does not compare.
const LINKS: usize = 20_000;
/// How often a table is read that changes meanwhile.
const ATTEMPTS: usize = 3;

/// The tables of a process beside the one that its first thread has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnTables {
    /// Of each table the first thread that has it.
    pub(crate) threads: Vec<i32>,
    /// Whether there may be more of them.
    pub(crate) unclear: bool,
}

/// Finds them: by kcmp(2), or where that is refused by comparing what is open.
///
/// # Errors
/// The errno of reading `task`.
pub(crate) fn own_tables(process: &ProcessDir, proc: &ProcDir) -> Result<OwnTables, Errno> {
    let mut threads = process.numbers_in(c"task")?;
    threads.sort_unstable();
    let is_cut = threads.len() > THREADS;
    threads.truncate(THREADS);
    // The first thread, which may have ended and then has no table.
    let of_process = process.read_thread();
    threads.retain(|tid| *tid != of_process && *tid != process.pid());
    // kcmp(2) takes numbers of the caller's own PID namespace.
    let own_numbers = proc
        .caller_pid()
        .is_ok_and(|pid| pid == std::process::id().cast_signed());
    let by_kernel = own_numbers.then(|| by_kernel(of_process, &threads));
    let found = by_kernel.and_then(Result::ok);
    let mut found = found.unwrap_or_else(|| by_links(process, &threads));
    found.unclear |= is_cut;
    Ok(found)
}

/// # Errors
/// The errno of kcmp(2): EPERM without the right to trace, or where seccomp refuses; ENOSYS.
fn by_kernel(of_process: i32, threads: &[i32]) -> Result<OwnTables, Errno> {
    let mut own = OwnTables::default();
    for tid in threads {
        let mut is_known = shares(of_process, *tid)?;
        for known in &own.threads {
            is_known = is_known || shares(*known, *tid)?;
        }
        if is_known {
            continue;
        }
        if own.threads.len() == TABLES || time_box::is_over() {
            own.unclear = true;
            break;
        }
        own.threads.push(*tid);
    }
    Ok(own)
}

/// Whether two threads have the same table; so it is said of one that has ended.
#[allow(unsafe_code, reason = "nix has no kcmp")]
fn shares(one: i32, other: i32) -> Result<bool, Errno> {
    const KCMP_FILES: i32 = 2;
    // SAFETY: it takes numbers only, and writes nothing.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) };
    match Errno::result(order) {
        Ok(order) => Ok(order == 0),
        Err(Errno::ESRCH) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// A table: number and goal of each descriptor.
type Links = Vec<(i32, Box<[u8]>)>;

/// Tables with the same content are taken for one: what is shown of them is the same.
fn by_links(process: &ProcessDir, threads: &[i32]) -> OwnTables {
    let mut own = OwnTables::default();
    let mut known: Vec<Links> = Vec::new();
    let mut left = LINKS;
    for tid in threads {
        if left == 0 || own.threads.len() == TABLES || time_box::is_over() {
            own.unclear = true;
            break;
        }
        if let Some(links) = differing(process, *tid, &mut left)
            && !known.contains(&links)
        {
            own.threads.push(*tid);
            known.push(links);
        }
    }
    own.unclear |= left == 0;
    own
}

/// The table of a thread, where it is not that of the process; both may change meanwhile.
fn differing(process: &ProcessDir, tid: i32, left: &mut usize) -> Option<Links> {
    let of_thread = CString::new(format!("task/{tid}/fd")).ok()?;
    for _ in 0..ATTEMPTS {
        let before = read(process, c"fd", left)?;
        let own = read(process, &of_thread, left)?;
        if own == before {
            return None;
        }
        let after = read(process, c"fd", left)?;
        if own == after {
            return None;
        }
        if before == after {
            return Some(own);
        }
    }
    None
}

/// `None` where it cannot be read, or not within what is left.
fn read(process: &ProcessDir, name: &CStr, left: &mut usize) -> Option<Links> {
    let mut links = Links::new();
    let table = links_in(process, name, |fd, goal| {
        if links.len() < *left {
            links.push((fd, goal.into()));
        }
    });
    let is_whole = table.is_ok_and(|table| table.refused.is_none());
    let is_within = links.len() < *left;
    *left -= links.len();
    links.sort_unstable();
    (is_whole && is_within).then_some(links)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::channel;
    use std::thread;

    use nix::sched::{CloneFlags, unshare};
    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn a_thread_with_its_own_table_is_found_both_ways() {
        let (send, received) = channel();
        let (end, ending) = channel::<()>();
        let apart = thread::spawn(move || {
            unshare(CloneFlags::CLONE_FILES).unwrap();
            let file = tempfile::tempfile().unwrap();
            send.send(gettid().as_raw()).unwrap();
            ending.recv().ok();
            drop(file);
        });
        let tid = received.recv().unwrap();
        let proc = ProcDir::open(Path::new("/proc")).unwrap();
        let process = proc.process(std::process::id().cast_signed()).unwrap();
        let found = own_tables(&process, &proc).unwrap();
        assert!(found.threads.contains(&tid), "{found:?}");
        let found = by_links(&process, &[tid]);
        assert_eq!((found.threads, found.unclear), (vec![tid], false));
        let mut few = 2;
        assert_eq!(differing(&process, tid, &mut few), None);
        drop(end);
        apart.join().unwrap();
    }
}
