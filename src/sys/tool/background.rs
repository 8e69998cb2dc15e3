//! A program that runs beside this one, which goes on meanwhile.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::listen::end;
use super::{ToolError, end_with_this_process, refused};

/// How much of its last words on stderr is kept.
const KEPT: usize = 64 << 10;

/// A program that runs beside this one; it is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    program: OsString,
    child: Child,
    /// Open as long as this lives.
    _stdin: Option<ChildStdin>,
    words: Arc<Words>,
}

#[derive(Debug, Default)]
struct Words {
    kept: Mutex<Vec<u8>>,
    shown: AtomicBool,
}

impl Background {
    /// Starts it, and writes this line to its stdin, where others do not read it.
    ///
    /// # Errors
    /// [`ToolError`], where it does not run.
    pub(crate) fn start(
        program: &OsStr,
        words: &[OsString],
        line: &str,
    ) -> Result<Self, ToolError> {
        let refused = |source| refused(program, source);
        let mut command = Command::new(program);
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        end_with_this_process(&mut command);
        let mut child = command.spawn().map_err(refused)?;
        let mut stdin = child.stdin.take();
        let said = Arc::new(Words::default());
        let stderr = child.stderr.take();
        let heard = Arc::clone(&said);
        if let Some(stdin) = &mut stdin {
            // One that has ended already says why on stderr.
            let _ = writeln!(stdin, "{line}");
        }
        let started = Self {
            program: program.to_owned(),
            child,
            _stdin: stdin,
            words: said,
        };
        let listener = thread::Builder::new().spawn(move || stderr.map(|from| hear(from, &heard)));
        listener.map_err(refused)?;
        Ok(started)
    }

    /// What it said on stderr until now, the last of it.
    pub(crate) fn said(&self) -> Vec<u8> {
        let kept = self.words.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows what it says on stderr from now on.
    pub(crate) fn show(&self) {
        self.words.shown.store(true, Ordering::Relaxed);
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// Those of wait(2).
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, ToolError> {
        self.child
            .try_wait()
            .map_err(|source| refused(&self.program, source))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        end(&mut self.child);
        let _ = self.child.wait();
    }
}

fn hear(mut stderr: impl Read, words: &Words) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut some) {
        let said = some.get(..count).unwrap_or_default();
        if words.shown.load(Ordering::Relaxed) {
            let _ = io::stderr().write_all(said);
        }
        let mut kept = words.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(said);
        let more = kept.len().saturating_sub(KEPT);
        kept.drain(..more);
    }
}
