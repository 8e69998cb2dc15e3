//! A child process with a deadline, whose output is always drained and never
//! lost when a test fails.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::patience::{PATIENCE, eventually};

/// What a program left behind; `code` is `None` where a signal ended it.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Output {
    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout_text(),
            self.stderr_text()
        )
    }
}

/// A running child; dropping it kills and reaps it.
pub(crate) struct Process {
    child: Child,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Behind a lock, so that threads can share what holds a process.
    lines: Mutex<Receiver<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    /// What ends it together with what it started.
    end: Signal,
}

impl Process {
    pub(crate) fn start(command: &mut Command, end: Signal) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| panic!("start {}: {why}", command.get_program().display()));
        let (stdout, stderr) = <(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Vec<u8>>>)>::default();
        let (line, lines) = channel();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut err = child.stderr.take().unwrap();
        let (to_out, to_err) = (Arc::clone(&stdout), Arc::clone(&stderr));
        let readers = vec![
            thread::spawn(move || {
                let mut read = Vec::new();
                while matches!(out.read_until(b'\n', &mut read), Ok(1..)) {
                    to_out.lock().unwrap().extend_from_slice(&read);
                    drop(line.send(std::mem::take(&mut read)));
                }
            }),
            thread::spawn(move || {
                let mut some = [0; 4096];
                while let Ok(read @ 1..) = err.read(&mut some) {
                    to_err.lock().unwrap().extend_from_slice(&some[..read]);
                }
            }),
        ];
        Self {
            child,
            stdout,
            stderr,
            lines: Mutex::new(lines),
            readers,
            end,
        }
    }

    /// The first line that starts so; panics with all output at the deadline.
    pub(crate) fn wait_for_line(&mut self, start: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .get_mut()
                .unwrap()
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.starts_with(start.as_bytes()) => {
                    return String::from_utf8_lossy(&line).trim_end().to_owned();
                }
                Ok(_) => {}
                Err(why) => {
                    let ended = why == RecvTimeoutError::Disconnected;
                    let said = self.stop();
                    let how = if ended { "it ended" } else { "in time" };
                    panic!("no line `{start}…` before {how}: {said}")
                }
            }
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.runs() {
            kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        }
    }

    /// Until it ends by itself; panics at the deadline.
    pub(crate) fn wait(mut self) -> Output {
        if let Some(status) = self.wait_within(PATIENCE) {
            return self.output(status);
        }
        let said = self.stop();
        panic!("did not end in {PATIENCE:?}: {said}")
    }

    /// What it has written to stderr so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    /// The first whole line on stderr that starts so, without the start, once it is there.
    pub(crate) fn wait_for_word(&mut self, start: &str) -> String {
        eventually(format!("a line {start:?} on stderr"), || {
            let runs = self.runs();
            let said = self.said();
            let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let line = whole.lines().find_map(|line| line.strip_prefix(start));
            assert!(runs || line.is_some(), "it ended: {}", self.stop());
            line.map(str::to_owned).ok_or(said)
        })
    }

    pub(crate) fn wait_within(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it by force.
    pub(crate) fn stop(&mut self) -> Output {
        self.signal(self.end);
        let status = self.wait_within(PATIENCE).unwrap_or_else(|| {
            drop(self.child.kill());
            self.child.wait().unwrap()
        });
        self.output(status)
    }

    fn output(&mut self, status: ExitStatus) -> Output {
        for reader in self.readers.drain(..) {
            drop(reader.join());
        }
        Output {
            code: status.code(),
            stdout: std::mem::take(&mut self.stdout.lock().unwrap()),
            stderr: std::mem::take(&mut self.stderr.lock().unwrap()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.runs() {
            drop(self.stop());
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(program: &OsStr, change: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(program);
    change(&mut command);
    Process::start(&mut command, Signal::SIGKILL).wait()
}
