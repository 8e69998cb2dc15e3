//! A table of /proc, line by line through one buffer: a table of a hundred thousand
//! sockets is never in memory as a whole.

use std::ffi::CStr;
use std::ops::ControlFlow;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::bounded::Truncation;
use super::proc_dir::ProcessDir;
use super::{attempts, time_box};

/// More than any line of a table has; one that is longer is handed over in pieces.
const BUFFER: usize = 64 << 10;

/// Hands over each line without its newline until `each` breaks.
/// Where the time is over in which this thread has to end, what is left is not read any more.
///
/// [`Truncation::AtLimit`] where the file ended in the middle of a line, which is then kept back.
///
/// # Errors
/// The errno of open(2) or read(2); [`attempts::NO_ANSWER`] where the time is over.
pub(crate) fn lines(
    process: &ProcessDir,
    name: &CStr,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Truncation, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = process.open_entry(name, flags)?;
    buffer.resize(BUFFER, 0);
    let mut filled = 0;
    loop {
        if time_box::is_over() {
            return Err(attempts::NO_ANSWER);
        }
        let got = match nix::unistd::read(&file, buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) if filled == 0 => return Ok(Truncation::Whole),
            Ok(0) => return Ok(Truncation::AtLimit),
            Ok(got) => got,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        filled += got;
        let mut rest = buffer.get(..filled).unwrap_or_default();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            if each(line).is_break() {
                return Ok(Truncation::Whole);
            }
            rest = after.get(1..).unwrap_or_default();
        }
        if rest.len() == buffer.len() {
            if each(rest).is_break() {
                return Ok(Truncation::Whole);
            }
            rest = &[];
        }
        let kept = rest.len();
        buffer.copy_within(filled - kept..filled, 0);
        filled = kept;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sys::ProcDir;

    #[test]
    fn a_table_without_end_ends_with_the_time() {
        let house = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(house.path().join("7/net")).unwrap();
        let table = std::fs::File::create(house.path().join("7/net/tcp")).unwrap();
        table.set_len(1 << 40).unwrap();
        let proc = ProcDir::open(house.path()).unwrap();
        let process = proc.process(7).unwrap();
        time_box::end_by(Instant::now() + Duration::from_millis(50));
        let mut seen = 0_u64;
        let read = lines(&process, c"net/tcp", &mut Vec::new(), |_| {
            seen += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(read, Err(attempts::NO_ANSWER));
        assert!(seen > 0);
    }
}
