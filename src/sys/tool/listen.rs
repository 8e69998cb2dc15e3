//! A program whose output is read as it comes.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Said, ToolError, end_with_this_process, refused};

/// How much of a program's stderr is kept.
const KEPT: usize = 64 << 10;
/// How long a program may take to end once nothing of it is read any more.
const ENDING: Duration = Duration::from_secs(5);

/// Runs a program to its end while `take` reads what it says on stdout. Where that gives up before
/// the end, the program is asked to end, and then made to. Its stdout is not in the answer.
///
/// # Errors
/// [`ToolError`], where it does not run.
pub(crate) fn read_from<T, E>(
    program: &OsStr,
    words: &[OsString],
    take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
) -> Result<(Result<T, E>, Said), ToolError> {
    let refused = |source| refused(program, source);
    let mut command = Command::new(program);
    command.args(words);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    end_with_this_process(&mut command);
    let mut child = command.spawn().map_err(refused)?;
    let stderr = child.stderr.take();
    let keeper = thread::Builder::new().spawn(move || stderr.map(keep).unwrap_or_default());
    let taken = match child.stdout.take() {
        Some(mut stdout) => take(&mut stdout),
        None => take(&mut io::empty()),
    };
    if taken.is_err() {
        end(&mut child);
    }
    let status = child.wait().map_err(refused)?;
    let stderr = keeper.ok().and_then(|keeper| keeper.join().ok());
    let said = Said {
        status,
        stdout: Vec::new(),
        stderr: stderr.unwrap_or_default(),
    };
    Ok((taken, said))
}

/// All that it says is read, so that it never waits; the first of it is kept.
fn keep(mut stderr: impl Read) -> Vec<u8> {
    let (mut kept, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stderr.read(&mut some) {
        let room = KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(some.get(..room).unwrap_or_default());
    }
    kept
}

/// Asks it to end, and makes it where it does not.
pub(super) fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else { return };
    // It is not waited for yet, so that its number is its own.
    let _ = kill_process(pid, Signal::TERM);
    let begun = Instant::now();
    while begun.elapsed() < ENDING {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
}
