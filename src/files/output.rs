//! From the reader process to stdout and stderr: messages in their order, few of them on the way.

use std::fmt::Display;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::escape::escaped;
use crate::sys::reader_process::{self, NoAnswer};
use crate::sys::time_box;

use super::error::FilesUnavailable;
use super::target_files::{FilesOptions, TargetFiles};

/// Bytes that are handed over at a time.
const PIECE_BYTES: usize = 64 << 10;
/// Messages that may be on their way.
const QUEUE: usize = 16;
/// How much longer than twice its time-out a reader that says nothing is waited for.
const GRACE: Duration = Duration::from_secs(10);
/// A reader that goes on until it is stopped is asked so often whether something reads its output.
const IDLE: Duration = Duration::from_millis(200);
/// As good as for ever.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// What a command says, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// For stdout.
    Out(Vec<u8>),
    /// A file that was not shown, or not all of it: a line for stderr.
    Complaint(String),
    /// A line for stderr that may be left out with `--quiet`.
    Note(String),
    /// Nothing; it asks whether the output is still read.
    Idle,
}

/// The output is not read any more: what is left need not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// How a command ended that could begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilesEnd {
    /// It has shown what could be shown.
    Done,
    /// A search found nothing.
    NothingFound,
    /// A search found something, and asked for no more than that.
    Found,
}

/// The end of a command, and what it says about all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FilesVerdict {
    pub(crate) end: FilesEnd,
    /// Whether something was missing, unreadable or held back.
    pub(crate) complained: bool,
    /// Whether it was about spyhole's own container, which was not asked for.
    pub(crate) is_wrong_place: bool,
}

/// Why a command did not come to its end.
#[derive(Debug)]
pub(crate) enum NotRun {
    /// The output is not read any more.
    Stopped,
    Unavailable(FilesUnavailable),
    NoAnswer(NoAnswer),
}

/// Where a command writes.
pub(crate) struct Output {
    sender: SyncSender<Item>,
    buffer: Vec<u8>,
    complained: bool,
}

enum Item {
    Said(Message),
    Ended(Result<Result<Result<FilesVerdict, Stopped>, FilesUnavailable>, NoAnswer>),
}

impl Output {
    fn new(sender: SyncSender<Item>) -> Self {
        Self {
            sender,
            buffer: Vec::with_capacity(PIECE_BYTES),
            complained: false,
        }
    }

    /// Writes to stdout.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        if self.buffer.len() + bytes.len() > PIECE_BYTES {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands over what was written.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) fn flush(&mut self) -> Result<(), Stopped> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(PIECE_BYTES);
        let piece = std::mem::replace(&mut self.buffer, next);
        self.send(Message::Out(piece))
    }

    /// Says on stderr what is missing, unreadable or held back; the exit code will say so too.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) fn complain(&mut self, words: impl Display) -> Result<(), Stopped> {
        self.complained = true;
        self.flush()?;
        self.send(Message::Complaint(line(&words)))
    }

    /// Marks the exit code without a word, where one was said already or is not wanted.
    pub(crate) fn note_missing(&mut self) {
        self.complained = true;
    }

    /// Says something on stderr.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) fn note(&mut self, words: impl Display) -> Result<(), Stopped> {
        self.flush()?;
        self.send(Message::Note(line(&words)))
    }

    /// Whether something reads the output.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) fn ask(&mut self) -> Result<(), Stopped> {
        self.flush()?;
        self.send(Message::Idle)
    }

    fn send(&self, message: Message) -> Result<(), Stopped> {
        match self.sender.try_send(Item::Said(message)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(_)) => Err(Stopped),
            Err(TrySendError::Full(item)) => {
                // A slow reader of the output takes none of the target's time.
                let before = Instant::now();
                let sent = self.sender.send(item);
                time_box::extend(before.elapsed());
                sent.map_err(|_| Stopped)
            }
        }
    }
}

/// One line, whatever bytes it names.
fn line(words: &impl Display) -> String {
    escaped(words.to_string().as_bytes()).into_owned()
}

/// Does work on the target's files in a reader process; what it says is handed to `each` on this
/// thread.
///
/// # Errors
/// Why it did not come to its end.
pub(crate) fn run_in_reader(
    options: FilesOptions,
    work: impl FnOnce(&TargetFiles, &mut Output) -> Result<FilesEnd, Stopped> + Send + 'static,
    mut each: impl FnMut(Message) -> Result<(), Stopped>,
) -> Result<FilesVerdict, NotRun> {
    let follow = options.follow;
    let patience = options.scan.timeout.saturating_mul(2).saturating_add(GRACE);
    let (sender, receiver) = sync_channel(QUEUE);
    let last = sender.clone();
    let run = move || {
        let called = reader_process::call(FOREVER, move || {
            let mut output = Output::new(sender);
            begin(options, work, &mut output)
        });
        // It is not waited for where the output is not read any more.
        let _ = last.send(Item::Ended(called));
    };
    let spawned = thread::Builder::new().name("reader".to_owned()).spawn(run);
    if spawned.is_err() {
        let why = "no thread can be started".to_owned();
        return Err(NotRun::NoAnswer(NoAnswer::Lost(why)));
    }
    receive(&receiver, follow, patience, &mut each)
}

fn begin(
    options: FilesOptions,
    work: impl FnOnce(&TargetFiles, &mut Output) -> Result<FilesEnd, Stopped>,
    output: &mut Output,
) -> Result<Result<FilesVerdict, Stopped>, FilesUnavailable> {
    let files = TargetFiles::open(options)?;
    let work = || {
        if let Some(refusal) = files.mounts_refused() {
            output.note(format!(
                "the target's mounts are unknown ({}): Secret volumes are known by their paths alone",
                refusal.reason.describe()
            ))?;
        }
        let end = work(&files, output)?;
        output.flush()?;
        if let Some(words) = files.alone() {
            for line in words.lines() {
                output.send(Message::Complaint(line.to_owned()))?;
            }
        }
        Ok(FilesVerdict {
            end,
            complained: output.complained,
            is_wrong_place: files.alone().is_some(),
        })
    };
    Ok(work())
}

fn receive(
    receiver: &Receiver<Item>,
    follow: bool,
    patience: Duration,
    each: &mut impl FnMut(Message) -> Result<(), Stopped>,
) -> Result<FilesVerdict, NotRun> {
    let at_most = if follow { IDLE } else { patience };
    loop {
        let message = match receiver.recv_timeout(at_most) {
            Ok(Item::Said(message)) => message,
            Ok(Item::Ended(ended)) => {
                return match ended {
                    Err(none) => Err(NotRun::NoAnswer(none)),
                    Ok(Err(unavailable)) => Err(NotRun::Unavailable(unavailable)),
                    Ok(Ok(Err(Stopped))) => Err(NotRun::Stopped),
                    Ok(Ok(Ok(verdict))) => Ok(verdict),
                };
            }
            Err(RecvTimeoutError::Timeout) if follow => Message::Idle,
            Err(RecvTimeoutError::Timeout) => return Err(NotRun::NoAnswer(NoAnswer::Late)),
            Err(RecvTimeoutError::Disconnected) => {
                let why = "killed".to_owned();
                return Err(NotRun::NoAnswer(NoAnswer::Lost(why)));
            }
        };
        each(message).map_err(|Stopped| NotRun::Stopped)?;
    }
}
