//! A program whose words are taken as they come.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Said, ToolError, refused};
use crate::model::escape::escaped;

/// Runs a program to its end and keeps what it says, but not for ever and not without end. What
/// it says on stderr while it keeps one waiting is shown, for it may wait for the person: a login.
///
/// # Errors
/// [`ToolError`], where it does not run, takes longer or says more.
pub(crate) fn ask_within(
    program: &OsStr,
    words: &[OsString],
    bytes: usize,
    time: Duration,
) -> Result<Said, ToolError> {
    feed_within(program, words, None, bytes, time)
}

/// The same, where the program reads `input` on stdin. One that ends without having read all of it
/// says by its exit code whether that is an error.
///
/// # Errors
/// As for [`ask_within`].
pub(crate) fn feed_within(
    program: &OsStr,
    words: &[OsString],
    input: Option<Vec<u8>>,
    bytes: usize,
    time: Duration,
) -> Result<Said, ToolError> {
    let mut stdout = Vec::new();
    let (status, stderr) = converse(program, words, input, Some(time), &mut |piece| {
        stdout.extend_from_slice(piece);
        if stdout.len() > bytes {
            let program = program.to_string_lossy().into_owned();
            return Err(ToolError::TooLong { program, bytes });
        }
        Ok(())
    })?;
    Ok(Said {
        status,
        stdout,
        stderr,
    })
}

/// Runs a program to its end and hands on what it says on stdout, piece by piece; what it says
/// on stderr is kept.
///
/// # Errors
/// [`ToolError`], where it does not run, or its output is not read: then it is ended.
pub(crate) fn stream(
    program: &OsStr,
    words: &[OsString],
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Said, ToolError> {
    let (status, stderr) = converse(program, words, None, None, &mut |piece| {
        sink(piece).map_err(ToolError::Output)
    })?;
    Ok(Said {
        status,
        stdout: Vec::new(),
        stderr,
    })
}

/// How much of a program's stderr is kept.
const KEPT: usize = 64 << 10;
/// How long a program may be silent before its words are shown.
const PATIENCE: Duration = Duration::from_secs(4);

enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// Both of its streams until they end, then how the program ended.
fn converse(
    program: &OsStr,
    words: &[OsString],
    input: Option<Vec<u8>>,
    time: Option<Duration>,
    stdout: &mut dyn FnMut(&[u8]) -> Result<(), ToolError>,
) -> Result<(ExitStatus, Vec<u8>), ToolError> {
    let child = Command::new(program)
        .args(words)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| refused(program, source))?;
    let mut child = Ending(child);
    let begun = Instant::now();
    // Bounded: who reads slowly slows the program, and not the memory.
    let (pieces, said) = sync_channel(4);
    let started = write_beside(child.0.stdin.take(), input)
        .and_then(|()| forward(child.0.stdout.take(), &pieces, Piece::Out))
        .and_then(|()| forward(child.0.stderr.take(), &pieces, Piece::Err));
    started.map_err(|source| refused(program, source))?;
    drop(pieces);
    let (mut stderr, mut shown) = (Vec::new(), 0);
    loop {
        if time.is_some_and(|time| begun.elapsed() > time) {
            return Err(late(program, time));
        }
        match said.recv_timeout(POLL) {
            Ok(Piece::Out(piece)) => stdout(&piece)?,
            Ok(Piece::Err(piece)) => {
                let room = KEPT.saturating_sub(stderr.len());
                stderr.extend(piece.into_iter().take(room));
            }
            Err(RecvTimeoutError::Timeout) if time.is_some() && begun.elapsed() > PATIENCE => {
                show(stderr.get(shown..).unwrap_or_default());
                shown = stderr.len();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    loop {
        let ended = child.0.try_wait();
        if let Some(status) = ended.map_err(|source| refused(program, source))? {
            return Ok((status, stderr));
        }
        if time.is_some_and(|time| begun.elapsed() > time) {
            return Err(late(program, time));
        }
        thread::sleep(POLL / 10);
    }
}

const POLL: Duration = Duration::from_millis(100);

/// A child that does not outlive what asked it.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // One that has ended is not signalled: its number is kept until it is waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes all of the input while the output is read, so that neither waits for the other.
fn write_beside(stdin: Option<ChildStdin>, input: Option<Vec<u8>>) -> io::Result<()> {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        // A program that reads no more ends by itself, and says why.
        thread::Builder::new().spawn(move || stdin.write_all(&input))?;
    }
    Ok(())
}

fn forward(
    stream: Option<impl Read + Send + 'static>,
    pieces: &SyncSender<Piece>,
    as_piece: fn(Vec<u8>) -> Piece,
) -> io::Result<()> {
    let Some(mut stream) = stream else {
        return Ok(());
    };
    let pieces = pieces.clone();
    thread::Builder::new().spawn(move || {
        let mut buffer = vec![0; 32 << 10];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let piece = buffer.get(..count).unwrap_or_default().to_vec();
            if pieces.send(as_piece(piece)).is_err() {
                break;
            }
        }
    })?;
    Ok(())
}

fn show(words: &[u8]) {
    for line in words.split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            let _ = writeln!(io::stderr(), "{}", escaped(line));
        }
    }
}

fn late(program: &OsStr, time: Option<Duration>) -> ToolError {
    ToolError::TimedOut {
        program: program.to_string_lossy().into_owned(),
        time: time.unwrap_or_default(),
    }
}
