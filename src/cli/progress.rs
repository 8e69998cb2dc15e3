//! Says on stderr what a command that takes longer than a second is doing.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::global::Global;
use crate::model::units::bytes_short;

/// How often the line is renewed; none is there before the first time.
const EVERY: Duration = Duration::from_secs(1);
const STACK_BYTES: usize = 64 << 10;

/// While it exists: after a second a line on stderr, if that is a terminal and --quiet was not given. It is
/// removed at the end.
pub(super) struct Progress {
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// `what`: such as "reading the target".
    pub(super) fn start(what: &'static str, global: &Global) -> Self {
        if !is_shown(global) {
            return Self { thread: None };
        }
        let (running, ended) = sync_channel::<()>(0);
        let thread = thread::Builder::new()
            .name("progress".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let mut line = ProgressLine::new(what);
                while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    line.renew(None);
                }
            });
        Self {
            // Without a thread the command goes on in silence.
            thread: thread.ok().map(|thread| (running, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((running, thread)) = self.thread.take() {
            drop(running);
            let _ = thread.join();
        }
    }
}

/// The same for a command that passes bytes on, and says itself how many.
pub(super) struct ByteProgress {
    line: Option<ProgressLine>,
    bytes: u64,
}

impl ByteProgress {
    pub(super) fn start(what: Option<&'static str>, global: &Global) -> Self {
        Self {
            line: what.filter(|_| is_shown(global)).map(ProgressLine::new),
            bytes: 0,
        }
    }

    /// Counts bytes that are passed on; 0 renews the line while nothing comes.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if let Some(line) = &mut self.line
            && line.is_due()
        {
            line.renew(Some(self.bytes));
        }
    }

    /// Makes room for another line on stderr.
    pub(super) fn make_room(&mut self) {
        if let Some(line) = &mut self.line {
            line.remove();
        }
    }
}

/// A terminal without a size has no reader yet: a client attaches to it later.
fn is_shown(global: &Global) -> bool {
    !global.quiet && columns().is_some()
}

/// How wide stderr is, if it is a terminal.
fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stderr())?;
    Some(width.0.into())
}

struct ProgressLine {
    what: &'static str,
    begun: Instant,
    renewed: Instant,
    /// Columns that it takes now.
    width: usize,
}

impl ProgressLine {
    fn new(what: &'static str) -> Self {
        let now = Instant::now();
        Self {
            what,
            begun: now,
            renewed: now,
            width: 0,
        }
    }

    fn is_due(&self) -> bool {
        self.renewed.elapsed() >= EVERY
    }

    fn renew(&mut self, bytes: Option<u64>) {
        let seconds = self.begun.elapsed().as_secs();
        let passed = bytes.map(|bytes| format!("{}, ", bytes_short(bytes)));
        let passed = passed.unwrap_or_default();
        let mut text = format!("spyhole: {}: {passed}{seconds} s", self.what);
        // A line that is wrapped would not be removed.
        text.truncate(columns().unwrap_or_default().saturating_sub(1));
        let width = self.width;
        self.width = text.len();
        self.renewed = Instant::now();
        let _ = write!(io::stderr(), "\r{text:width$}");
    }

    fn remove(&mut self) {
        let width = std::mem::take(&mut self.width);
        if width > 0 {
            let _ = write!(io::stderr(), "\r{:width$}\r", "");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.remove();
    }
}
