//! Reads `stat` of a process whose first thread may have ended while others live.
//!
//! The kernel then shows the process itself as a zombie: no memory, no open files, no namespaces
//! (ps marks it `Zl`). All of that is still there, in the directories of the living threads.

use std::ffi::CString;

use nix::errno::Errno;

use super::process_files::TASKS_LIMIT;
use crate::parse::Malformed;
use crate::parse::stat::Stat;
use crate::sys::{ProcessDir, file_limits};

/// Why `stat` is not known.
#[derive(Clone, Copy)]
pub(super) enum StatError {
    /// It could not be read.
    Read(Errno),
    /// It is not in the form that the kernel documents.
    Malformed,
}

impl From<Malformed> for StatError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// `stat` of a process. Where its first thread has ended, state, flags and memory are those of a
/// living one, and further files of the process are read through that thread.
pub(super) fn read_stat(process: &ProcessDir, buffer: &mut Vec<u8>) -> Result<Stat, StatError> {
    process
        .read(c"stat", file_limits::SMALL, buffer)
        .map_err(StatError::Read)?;
    let stat = Stat::parse(buffer)?;
    process.read_through_first_thread();
    // A true zombie counts itself only.
    if stat.num_threads < 2 || !stat.is_bodiless() || stat.is_kernel_thread() {
        return Ok(stat);
    }
    Ok(match living_thread(process, stat.pid, buffer) {
        Some(thread) => Stat {
            state: thread.state,
            flags: thread.flags,
            vsize_bytes: thread.vsize_bytes,
            rss_pages: thread.rss_pages,
            areas: thread.areas,
            ..stat
        },
        None => stat,
    })
}

/// The longest-lived thread, which is the least likely to end meanwhile.
fn living_thread(process: &ProcessDir, first: i32, buffer: &mut Vec<u8>) -> Option<Stat> {
    let mut oldest: Option<Stat> = None;
    let tids = process.numbers_in(c"task").ok()?;
    for tid in tids.into_iter().take(TASKS_LIMIT) {
        let Ok(name) = CString::new(format!("task/{tid}/stat")) else {
            continue;
        };
        if tid == first || process.read(&name, file_limits::SMALL, buffer).is_err() {
            continue;
        }
        if let Ok(thread) = Stat::parse(buffer)
            && !thread.is_bodiless()
            && oldest
                .as_ref()
                .is_none_or(|known| thread.starttime_ticks < known.starttime_ticks)
        {
            oldest = Some(thread);
        }
    }
    let thread = oldest?;
    process.read_through(thread.pid).ok()?;
    Some(thread)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::channel;
    use std::thread;

    use nix::unistd::gettid;

    use super::*;
    use crate::sys::ProcDir;

    #[test]
    fn a_thread_that_ends_while_it_is_read_is_no_lack_of_the_kernel() {
        let (send_tid, tid) = channel();
        let (end, ending) = channel::<()>();
        let living = thread::spawn(move || {
            send_tid.send(gettid().as_raw()).unwrap();
            ending.recv().ok();
        });
        let tid = tid.recv().unwrap();
        let proc = ProcDir::open(Path::new("/proc")).unwrap();
        let process = proc.process(std::process::id().cast_signed()).unwrap();
        process.read_through(tid).unwrap();
        assert!(!process.has_ended());

        drop(end);
        living.join().unwrap();
        // The kernel wakes the joining thread shortly before it takes the other from the table.
        let entry = CString::new(format!("task/{tid}/stat")).unwrap();
        while process.try_open(&entry).is_ok() {
            thread::yield_now();
        }
        let mut buffer = Vec::new();
        let read = process.read(c"oom_score", file_limits::SMALL, &mut buffer);
        assert_eq!(read.map(drop), Err(Errno::ENOENT));
        assert!(process.has_ended());

        assert!(read_stat(&process, &mut buffer).is_ok());
        assert!(!process.has_ended());
        let read = process.read(c"oom_score", file_limits::SMALL, &mut buffer);
        assert!(read.is_ok());
    }
}
