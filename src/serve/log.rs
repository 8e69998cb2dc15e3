//! Words on stderr. Written by a thread of its own: a pipe that is not read keeps no request
//! waiting.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::iter;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hyper::Method;
use serde::Serialize;

use super::options::AccessLog;
use crate::model::escape::escaped;
use crate::model::time::Timestamp;
use crate::redact;
use crate::render::escape as json_escape;

/// Lines that may wait to be written; further ones are lost.
const WAITING: usize = 1_024;
/// Bytes of a path that a line has room for: the client chooses the path.
const PATH: usize = 256;
/// How long lines are gathered: to wake a thread and to write costs more than many an answer.
const GATHERED: Duration = Duration::from_millis(2);
/// Bytes of lines that the writer has room for all the time.
const KEPT: usize = 64 << 10;
/// How long the last lines may take to be written.
const LAST: Duration = Duration::from_millis(200);
/// In the place of an address over a Unix socket.
const UNIX: &str = "unix";
/// Lines about what clients do wrong, in a second.
const RARELY: u32 = 5;

/// Where words go.
pub(super) struct Log {
    form: AccessLog,
    lines: SyncSender<Line>,
    second: Mutex<(Instant, u32)>,
}

/// What the writing thread is given.
enum Line {
    Text(String),
    /// Laid out by the thread that writes: the other one answers meanwhile.
    Request(Entry),
    /// The last message: the sender is notified that it was written.
    End(SyncSender<()>),
}

/// One request as it was answered. The query is left out: it may hold names of secrets.
pub(super) struct Entry {
    pub(super) time: Timestamp,
    /// `None` over a Unix socket.
    pub(super) peer: Option<SocketAddr>,
    pub(super) method: Method,
    pub(super) path: Box<str>,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) seconds: f64,
}

/// The same as an object of JSON.
#[derive(Serialize)]
struct Object<'a> {
    time: Timestamp,
    peer: String,
    method: &'a str,
    path: &'a str,
    status: u16,
    bytes: u64,
    seconds: f64,
}

impl Log {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// That the system gives none.
    pub(super) fn of(form: AccessLog) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        thread::Builder::new()
            .name("log".into())
            .stack_size(64 << 10)
            .spawn(move || write(&waiting, form))?;
        Ok(Self {
            form,
            lines,
            second: Mutex::new((Instant::now(), 0)),
        })
    }

    /// Waits a moment until what was said is written.
    pub(super) fn end(&self) {
        let (tell, told) = sync_channel(1);
        if self.lines.try_send(Line::End(tell)).is_ok() {
            let _ = told.recv_timeout(LAST);
        }
    }

    /// A line about the server itself.
    pub(super) fn say(&self, text: &str) {
        let line = format!("spyhole: {}", escaped(text.as_bytes()));
        let _ = self.lines.try_send(Line::Text(line));
    }

    /// The same, a few times a second at most: a client that can cause it could fill the log.
    pub(super) fn rarely(&self, text: &str) {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, count) = &mut *second;
        if began.elapsed() >= Duration::from_secs(1) {
            (*began, *count) = (Instant::now(), 0);
        }
        *count += 1;
        let said = *count <= RARELY;
        drop(second);
        if said {
            self.say(text);
        }
    }

    /// A line about a request, made only where it is wanted.
    pub(super) fn request(&self, entry: impl FnOnce() -> Entry) {
        if self.form != AccessLog::Off {
            let _ = self.lines.try_send(Line::Request(entry()));
        }
    }
}

impl Entry {
    fn lay_out(&self, form: AccessLog, text: &mut String) {
        let path = redact::sentence(&self.path);
        if form == AccessLog::Json {
            let peer = self.peer.map(|peer| peer.to_string());
            let object = Object {
                time: self.time,
                peer: peer.unwrap_or_else(|| UNIX.to_owned()),
                method: self.method.as_str(),
                path: &path,
                status: self.status,
                bytes: self.bytes,
                seconds: self.seconds,
            };
            let line = serde_json::to_string(&object).unwrap_or_default();
            text.push_str(&json_escape::json(line));
            return;
        }
        // Whole numbers throughout: a float costs as much as all the rest.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some tenths of a millisecond"
        )]
        let tenths = (self.seconds * 1e4).round() as u64;
        text.push_str(&self.time.rfc3339());
        let _ = match self.peer {
            Some(peer) => write!(text, " {peer}"),
            None => write!(text, " {UNIX}"),
        };
        let _ = write!(
            text,
            " {} {} {} {}B {}.{}ms",
            self.method,
            escaped(path.as_bytes()),
            self.status,
            self.bytes,
            tenths / 10,
            tenths % 10
        );
    }
}

/// Writes the queued lines, many at once where many wait, until every sender is gone.
fn write(waiting: &Receiver<Line>, form: AccessLog) {
    let mut text = String::new();
    while let Ok(first) = waiting.recv() {
        thread::sleep(GATHERED);
        text.clear();
        let mut ends = None;
        for line in iter::once(first).chain(waiting.try_iter().take(WAITING)) {
            match line {
                Line::Text(line) => text.push_str(&line),
                Line::Request(entry) => entry.lay_out(form, &mut text),
                Line::End(told) => {
                    ends = Some(told);
                    continue;
                }
            }
            text.push('\n');
        }
        let _ = io::stderr().write_all(text.as_bytes());
        text.shrink_to(KEPT);
        if let Some(told) = ends {
            let _ = told.send(());
        }
    }
}

/// As much of a path as a line has room for.
pub(super) fn shortened(path: &str) -> &str {
    path.get(..path.floor_char_boundary(PATH)).unwrap_or(path)
}
