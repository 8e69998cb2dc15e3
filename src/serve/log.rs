//! Words on stderr. Written by a thread of its own: a pipe that nobody reads keeps no request
//! waiting.

use std::io::{self, Write};
use std::iter;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::options::AccessLog;
use crate::model::escape::escaped;
use crate::model::time::Timestamp;

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
    /// The last one: whoever waits is told that it was reached.
    End(SyncSender<()>),
}

/// One request as it was answered. The query is left out: it may hold names of secrets.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    pub(super) time: Timestamp,
    pub(super) peer: String,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) seconds: f64,
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
            .spawn(move || write(&waiting))?;
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

    /// A line about a request.
    pub(super) fn request(&self, entry: &Entry) {
        let entry = Entry {
            path: shortened(entry.path),
            peer: entry.peer.clone(),
            ..*entry
        };
        let line = match self.form {
            AccessLog::Off => return,
            AccessLog::Json => serde_json::to_string(&entry).unwrap_or_default(),
            AccessLog::Text => format!(
                "{} {} {} {} {} {}B {:.1}ms",
                entry.time.rfc3339(),
                entry.peer,
                entry.method,
                escaped(entry.path.as_bytes()),
                entry.status,
                entry.bytes,
                entry.seconds * 1e3
            ),
        };
        let _ = self.lines.try_send(Line::Text(line));
    }
}

/// Writes what is said, many lines at once where many come, until nobody can say more.
fn write(waiting: &Receiver<Line>) {
    while let Ok(first) = waiting.recv() {
        thread::sleep(GATHERED);
        let (mut text, mut ends) = (String::new(), None);
        for line in iter::once(first).chain(waiting.try_iter().take(WAITING)) {
            match line {
                Line::Text(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Line::End(told) => ends = Some(told),
            }
        }
        let _ = io::stderr().write_all(text.as_bytes());
        if let Some(told) = ends {
            let _ = told.send(());
        }
    }
}

fn shortened(path: &str) -> &str {
    path.get(..path.floor_char_boundary(PATH)).unwrap_or(path)
}
