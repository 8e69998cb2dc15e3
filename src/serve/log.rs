//! Words on stderr. Written by a thread of its own: a pipe that nobody reads keeps no request
//! waiting.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::options::AccessLog;
use crate::model::escape::escaped;
use crate::model::time::Timestamp;

/// Lines that may wait to be written; further ones are lost.
const WAITING: usize = 1_024;
/// Lines about what clients do wrong, in a second.
const RARELY: u32 = 5;

/// Where words go.
pub(super) struct Log {
    form: AccessLog,
    lines: Option<SyncSender<String>>,
    second: Mutex<(Instant, u32)>,
}

/// One request as it was answered. The query is left out: it may hold names of secrets.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    pub(super) time: Timestamp,
    pub(super) peer: String,
    pub(super) method: &'a str,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) seconds: f64,
}

impl Log {
    pub(super) fn of(form: AccessLog) -> Self {
        let (lines, waiting) = sync_channel::<String>(WAITING);
        let writer = std::thread::Builder::new()
            .name("log".into())
            .stack_size(64 << 10)
            .spawn(move || {
                for line in waiting {
                    let _ = writeln!(io::stderr(), "{line}");
                }
            });
        Self {
            form,
            lines: writer.is_ok().then_some(lines),
            second: Mutex::new((Instant::now(), 0)),
        }
    }

    /// A line about the server itself.
    pub(super) fn say(&self, text: &str) {
        let line = format!("spyhole: {}", escaped(text.as_bytes()));
        if let Some(lines) = &self.lines
            && let Err(TrySendError::Disconnected(line)) = lines.try_send(line)
        {
            let _ = writeln!(io::stderr(), "{line}");
        }
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
        let line = match self.form {
            AccessLog::Off => return,
            AccessLog::Json => serde_json::to_string(entry).unwrap_or_default(),
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
        if let Some(lines) = &self.lines {
            let _ = lines.try_send(line);
        }
    }
}
