//! Files of the target, where the server was started with `--allow-files`: what is in a directory, and
//! the content of a file, streamed as it is read. Nothing of it is cached.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, HeaderName, HeaderValue, RANGE,
};
use hyper::{Method, Request, StatusCode};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::Server;
use super::body::Body;
use super::problem::Problem;
use super::query::Query;
use super::reply::{Reply, reply};
use crate::files::error::FilesUnavailable;
use crate::files::output::NotRun;
use crate::files::{
    Content, FileError, FileErrorKind, FilesEnd, FilesOptions, Message, Output, Stopped,
    TargetFiles, run_in_reader,
};
use crate::model::escape::escaped;
use crate::model::file::FileEntry;
use crate::model::time::Timestamp;
use crate::sys::reader_process::NoAnswer;

/// Files that are sent at once.
pub(super) const STREAMS: usize = 4;
/// Names that are listed of one directory.
const NAMES: usize = 10_000;
/// Pieces of a file on their way from its reader to the worker that sends them.
const PIECES: usize = 2;
/// How many secrets were replaced.
const REDACTED: HeaderName = HeaderName::from_static("spyhole-redacted");
const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// What a query asks for.
struct AskedFile {
    path: Vec<u8>,
    options: FilesOptions,
}

impl AskedFile {
    /// # Errors
    /// That files, or secrets, are not served here, or what is wrong with a parameter.
    fn of(server: &Server, query: &Query) -> Result<Self, Problem> {
        if !server.options.allow_files {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "files are not served; start the server with --allow-files",
            ));
        }
        let scan = query.options(&server.options, &server.look)?;
        if query.reveals() || query.format.is_some() || query.no_headers {
            return Err(Problem::bad(
                "output, no_headers, reveal and reveal_all are not for files; reveal_file=PATH \
                 shows a secret file",
            ));
        }
        let (mut path, mut reveal_files) = (None, Vec::new());
        for (name, value) in query.rest() {
            match name.as_str() {
                "path" if path.is_some() => {
                    return Err(Problem::bad("path: may be given only once"));
                }
                "path" => path = Some(value.clone().into_bytes()),
                "reveal_file" => reveal_files.push(value.clone().into_bytes()),
                _ => return Err(Problem::bad(format!("{name}: unknown parameter"))),
            }
        }
        if !reveal_files.is_empty() && !server.options.allow_reveal {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "showing secrets is disabled; start the server with --allow-reveal",
            ));
        }
        let path = path.filter(|path| path.starts_with(b"/") && !path.contains(&0));
        Ok(Self {
            path: path.ok_or_else(|| Problem::bad("path: expected an absolute path"))?,
            options: FilesOptions {
                scan,
                reveal_files,
                reveal_all: false,
                follow: false,
            },
        })
    }
}

/// A directory with what is in it, or a file, as JSON.
#[derive(Debug, Serialize)]
struct Listing {
    schema: &'static str,
    version: &'static str,
    taken_at: String,
    /// What the path leads to; a link is not followed.
    entry: FileEntry,
    /// What is in it, where it is a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<FileEntry>>,
    /// Why some of it is missing.
    missing: Vec<String>,
}

/// What the work in the reader process says first.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    status: u16,
    /// Where nothing else follows.
    detail: String,
    /// Of what may be shown of the whole file.
    total: u64,
    /// Of what follows.
    start: u64,
    length: u64,
    redactions: u64,
}

/// Answers `/v1/files`.
pub(super) async fn list(server: &Server, query: &Query) -> Result<Reply, Problem> {
    let AskedFile { path, options } = AskedFile::of(server, query)?;
    let slot = slot(server).await?;
    let most = u64::from(server.options.max_response) << 20;
    let (head, pieces) = start(options, move |files, output| {
        send_listing(files, output, &path, most)
    })?;
    let head = begun(head).await?;
    let work = move |out: &mut dyn Write| send_on(&pieces, out);
    let body = Body::stream(head.length, slot, work).map_err(|_| Problem::no_thread())?;
    Ok(reply(StatusCode::OK, JSON, body))
}

/// Answers `/v1/files/content`.
pub(super) async fn content(
    server: &Server,
    query: &Query,
    request: &Request<Incoming>,
) -> Result<Reply, Problem> {
    let AskedFile { path, mut options } = AskedFile::of(server, query)?;
    // How long it takes is up to the client; one that does not read is cut off.
    options.follow = true;
    let slot = slot(server).await?;
    let range = request.headers().get(RANGE);
    let range = range.and_then(|range| AskedRange::parse(range.to_str().ok()?));
    let most = u64::from(server.options.max_response) << 20;
    let is_head = *request.method() == Method::HEAD;
    let (head, pieces) = start(options, move |files, output| {
        send_content(files, output, &path, range, most, is_head)
    })?;
    let head = begun(head).await?;
    let body = if is_head {
        Body::announced(head.length)
    } else {
        let work = move |out: &mut dyn Write| send_on(&pieces, out);
        Body::stream(head.length, slot, work).map_err(|_| Problem::no_thread())?
    };
    let is_part = head.status == StatusCode::PARTIAL_CONTENT.as_u16();
    let status = if is_part {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut reply = reply(status, BYTES, body);
    let headers = reply.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A browser shows nothing that a target wrote.
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(CONTENT_DISPOSITION, attachment);
    if is_part {
        let last = (head.start + head.length).saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", head.start, head.total);
        if let Ok(range) = HeaderValue::try_from(range) {
            headers.insert(CONTENT_RANGE, range);
        }
    }
    if head.redactions > 0 {
        headers.insert(REDACTED, head.redactions.into());
    }
    Ok(reply)
}

async fn slot(server: &Server) -> Result<OwnedSemaphorePermit, Problem> {
    let slot = tokio::time::timeout(server.look.timeout, server.files.slot()).await;
    slot.ok().flatten().ok_or_else(Problem::unread)
}

/// The head of an answer, once it is there, and the pieces of its body.
type Started = (
    oneshot::Receiver<Result<Vec<u8>, Problem>>,
    Receiver<Vec<u8>>,
);

/// Does work on the target's files in a reader process that a thread of its own waits for: the first
/// that it says is its [`Head`], what follows are the pieces of a body.
fn start(
    options: FilesOptions,
    work: impl FnOnce(&TargetFiles, &mut Output) -> Result<FilesEnd, Stopped> + Send + 'static,
) -> Result<Started, Problem> {
    let (tell, told) = oneshot::channel();
    let (send, pieces) = sync_channel(PIECES);
    let run = move || {
        let mut tell = Some(tell);
        let ran = run_in_reader(options, work, |message| match message {
            Message::Out(piece) => match tell.take() {
                Some(tell) => tell.send(Ok(piece)).map_err(|_| Stopped),
                None => send.send(piece).map_err(|_| Stopped),
            },
            // A client that is gone no longer waits for the head.
            _ if tell.as_ref().is_some_and(oneshot::Sender::is_closed) => Err(Stopped),
            _ => Ok(()),
        });
        if let (Some(tell), Err(not_run)) = (tell, ran) {
            let _ = tell.send(Err(problem(not_run)));
        }
    };
    let thread = thread::Builder::new().name("file".to_owned());
    thread.spawn(run).map_err(|_| Problem::no_thread())?;
    Ok((told, pieces))
}

async fn begun(head: oneshot::Receiver<Result<Vec<u8>, Problem>>) -> Result<Head, Problem> {
    let head = head.await.map_err(|_| Problem::lost())??;
    let head: Head = serde_json::from_slice(&head).map_err(|_| Problem::lost())?;
    match StatusCode::from_u16(head.status) {
        Ok(status) if status.is_success() => Ok(head),
        Ok(status) => Err(Problem::new(status, head.detail)),
        Err(_) => Err(Problem::lost()),
    }
}

fn send_on(pieces: &Receiver<Vec<u8>>, out: &mut dyn Write) -> io::Result<()> {
    while let Ok(piece) = pieces.recv() {
        out.write_all(&piece)?;
    }
    Ok(())
}

fn problem(not_run: NotRun) -> Problem {
    match not_run {
        NotRun::Unavailable(FilesUnavailable::NoTarget(none)) => Problem::no_target(&none),
        NotRun::Unavailable(unavailable) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, unavailable.to_string())
        }
        NotRun::NoAnswer(NoAnswer::Late) => Problem::too_slow(),
        NotRun::NoAnswer(NoAnswer::Stuck) => Problem::stuck(),
        NotRun::Stopped | NotRun::NoAnswer(NoAnswer::Lost(_)) => Problem::lost(),
    }
}

fn too_large(most: u64) -> String {
    format!(
        "the response exceeds the {} MiB of --max-response; copy the file with kubectl spyhole POD \
         cp",
        most >> 20
    )
}

// What follows runs in the reader process.

fn say(output: &mut Output, head: &Head) -> Result<(), Stopped> {
    let text = serde_json::to_vec(head).unwrap_or_default();
    output.write(&text)?;
    output.flush()
}

fn refuse(output: &mut Output, status: StatusCode, detail: String) -> Result<FilesEnd, Stopped> {
    let head = Head {
        status: status.as_u16(),
        detail,
        total: 0,
        start: 0,
        length: 0,
        redactions: 0,
    };
    say(output, &head).map(|()| FilesEnd::Done)
}

fn refuse_for(output: &mut Output, error: &FileError) -> Result<FilesEnd, Stopped> {
    let (status, detail) = match &error.kind {
        FileErrorKind::Errno(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {
            (StatusCode::NOT_FOUND, error.to_string())
        }
        FileErrorKind::IsDirectory => {
            let words = format!("{error}; /v1/files lists it");
            (StatusCode::BAD_REQUEST, words)
        }
        FileErrorKind::HeldBack(why) => {
            let path = escaped(&error.path);
            let words = format!(
                "{path} is held back: {why}; a server with --allow-reveal shows it for \
                 reveal_file={path}"
            );
            (StatusCode::FORBIDDEN, words)
        }
        FileErrorKind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, error.to_string()),
        _ => (StatusCode::FORBIDDEN, error.to_string()),
    };
    refuse(output, status, detail)
}

fn send_listing(
    files: &TargetFiles,
    output: &mut Output,
    path: &[u8],
    most: u64,
) -> Result<FilesEnd, Stopped> {
    let entry = match files.entry_no_follow(path) {
        Ok(entry) => entry,
        Err(error) => return refuse_for(output, &error),
    };
    let described = files.describe(path, &entry);
    let (mut entries, mut missing) = (None, Vec::new());
    if described.kind == crate::model::file::FileEntryKind::Directory {
        let listed = entry.names(NAMES);
        let (names, cut) = match listed {
            Ok(listed) => listed,
            Err(errno) => return refuse_for(output, &FileError::errno(path, errno)),
        };
        if cut == crate::sys::Truncation::AtLimit {
            missing.push(format!("only {NAMES} names are listed"));
        }
        let mut found = Vec::with_capacity(names.len());
        for (name, _) in names {
            let slash: &[u8] = if path.ends_with(b"/") { b"" } else { b"/" };
            let below = [path, slash, &name[..]].concat();
            match entry.child(files.root(), &name) {
                Ok(child) => found.push(files.describe(&below, &child)),
                // It was removed since its name was read.
                Err(Errno::ENOENT) => {}
                Err(errno) => missing.push(FileError::errno(&below, errno).to_string()),
            }
            if files.is_over() {
                let over = FileError::of(path, FileErrorKind::TimedOut);
                return refuse_for(output, &over);
            }
        }
        entries = Some(found);
    }
    let listing = Listing {
        schema: "spyhole/files/v1",
        version: env!("CARGO_PKG_VERSION"),
        taken_at: Timestamp::now().rfc3339(),
        entry: described,
        entries,
        missing,
    };
    let mut text = serde_json::to_vec(&listing).unwrap_or_default();
    text.push(b'\n');
    if text.len() as u64 > most {
        return refuse(output, StatusCode::INSUFFICIENT_STORAGE, too_large(most));
    }
    let head = Head {
        status: StatusCode::OK.as_u16(),
        detail: String::new(),
        total: text.len() as u64,
        start: 0,
        length: text.len() as u64,
        redactions: 0,
    };
    say(output, &head)?;
    output.write(&text)?;
    Ok(FilesEnd::Done)
}

fn send_content(
    files: &TargetFiles,
    output: &mut Output,
    path: &[u8],
    range: Option<AskedRange>,
    most: u64,
    is_head: bool,
) -> Result<FilesEnd, Stopped> {
    let open = || files.content(path, &files.entry(path)?);
    let mut content = match open() {
        Ok(content) => content,
        Err(error) => return refuse_for(output, &error),
    };
    let (mut total, mut redactions) = (content.size_bytes(), 0);
    let is_seekable = content.is_verbatim() && total > 0;
    if !is_seekable {
        // Its length is known once it was redacted.
        if total > most {
            return refuse(output, StatusCode::INSUFFICIENT_STORAGE, too_large(most));
        }
        match measure(&mut content, output)? {
            Ok(length) => total = length,
            Err(error) => return refuse_for(output, &error),
        }
        redactions = content.redactions();
        content = match open() {
            Ok(content) => content,
            Err(error) => return refuse_for(output, &error),
        };
    }
    let (start, length) = match range.map(|range| range.of(total)) {
        None => (0, total),
        Some(Some(part)) => part,
        Some(None) => {
            let words = format!("the range is not within the {total} bytes of the file");
            return refuse(output, StatusCode::RANGE_NOT_SATISFIABLE, words);
        }
    };
    let status = if range.is_some() {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let head = Head {
        status: status.as_u16(),
        detail: String::new(),
        total,
        start,
        length,
        redactions,
    };
    say(output, &head)?;
    if is_head {
        return Ok(FilesEnd::Done);
    }
    let mut skip = start;
    if is_seekable && start > 0 {
        if content.seek(start).is_err() {
            return Err(Stopped);
        }
        skip = 0;
    }
    let mut left = length;
    // A body that ends early is an error for its reader.
    while left > 0
        && let Ok(Some(piece)) = content.next()
    {
        let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
        skip -= passed as u64;
        let piece = piece.get(passed..).unwrap_or_default();
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        output.write(piece.get(..taken).unwrap_or_default())?;
        left -= taken as u64;
    }
    Ok(FilesEnd::Done)
}

/// How long what may be shown of a file is.
fn measure(
    content: &mut Content<'_>,
    output: &mut Output,
) -> Result<Result<u64, FileError>, Stopped> {
    let mut length = 0;
    loop {
        match content.next() {
            Ok(Some(piece)) => length += piece.len() as u64,
            Ok(None) => return Ok(Ok(length)),
            Err(error) => return Ok(Err(error)),
        }
        output.note("")?;
    }
}

/// A single range of bytes (RFC 9110, 14.1.2); of several none is taken, and the whole is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedRange {
    /// From one byte to another, both included.
    FromTo(u64, u64),
    /// From a byte on.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

impl AskedRange {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| is_number)
        };
        match (first.trim(), last.trim()) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// Its first byte and its length; `None` where it is beyond the end.
    fn of(self, total: u64) -> Option<(u64, u64)> {
        let (start, end) = match self {
            Self::FromTo(first, last) => (first, last.saturating_add(1).min(total)),
            Self::From(first) => (first, total),
            Self::Last(count) => (total.saturating_sub(count), total),
        };
        (start < end).then(|| (start, end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_within_the_file_or_refused() {
        for (text, total, part) in [
            ("bytes=0-0", 10, Some((0, 1))),
            ("bytes=2-5", 10, Some((2, 4))),
            ("bytes=2-500", 10, Some((2, 8))),
            ("bytes=9-", 10, Some((9, 1))),
            ("bytes=10-", 10, None),
            ("bytes=-3", 10, Some((7, 3))),
            ("bytes=-30", 10, Some((0, 10))),
            ("bytes=-0", 10, None),
            ("bytes=0-", 0, None),
            ("bytes=0-18446744073709551615", 10, Some((0, 10))),
        ] {
            let range = AskedRange::parse(text);
            assert_eq!(range.and_then(|range| range.of(total)), part, "{text}");
            assert!(range.is_some(), "{text}");
        }
        for text in [
            "bytes=5-2",
            "bytes=a-b",
            "bytes=1-2,4-5",
            "bytes=+1-2",
            "bytes=",
            "bytes=-",
            "lines=1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(AskedRange::parse(text), None, "{text}");
        }
    }
}
