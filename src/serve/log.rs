//! Words on stderr. Written by a thread of its own: a pipe that nobody reads keeps no request
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

/// Lines that may wait to be written; further ones are lost.
const WAITING: usize = 1_024;
/// Bytes of a path that a line has room for: whoever asks chooses it.
const PATH: usize = 256;
/// How long lines are gathered: to wake a thread and to write costs more than many an answer.
const GATHERED: Duration = Duration::from_millis(2);
/// How long the last lines may take to be written.
const LAST: Duration = Duration::from_millis(200);
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
    /// The last one: whoever waits is told that it was reached.
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

    /// The same, a few times a second at most: whoever can cause it could fill the log.
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
        let peer = self
            .peer
            .map_or_else(|| "unix".to_owned(), |peer| peer.to_string());
        let path = redact::sentence(&self.path);
        if form == AccessLog::Json {
            let object = Object {
                time: self.time,
                peer,
                method: self.method.as_str(),
                path: &path,
                status: self.status,
                bytes: self.bytes,
                seconds: self.seconds,
            };
            text.push_str(&serde_json::to_string(&object).unwrap_or_default());
            return;
        }
        let _ = write!(
            text,
            "{} {peer} {} {} {} {}B {:.1}ms",
            self.time.rfc3339(),
            self.method,
            escaped(path.as_bytes()),
            self.status,
            self.bytes,
            self.seconds * 1e3
        );
    }
}

/// Writes what is said, many lines at once where many come, until nobody can say more.
fn write(waiting: &Receiver<Line>, form: AccessLog) {
    while let Ok(first) = waiting.recv() {
        thread::sleep(GATHERED);
        let (mut text, mut ends) = (String::new(), None);
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
        if let Some(told) = ends {
            let _ = told.send(());
        }
    }
}

/// As much of a path as a line has room for.
pub(super) fn shortened(path: &str) -> &str {
    path.get(..path.floor_char_boundary(PATH)).unwrap_or(path)
}
