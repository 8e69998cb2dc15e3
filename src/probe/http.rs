//! One GET of HTTP/1.1, for probes: the status, and as much of the body as is asked for.
//!
//! The stream keeps the deadline; here everything is bounded. The request asks for the
//! connection to be closed, so that a body without a length ends.

use std::io::{self, Read, Write};

/// Headers of an answer.
const HEADERS: usize = 64;
/// Bytes of the status line and all headers.
const HEAD_BYTES: usize = 16 << 10;
/// Bytes of a body that are looked at.
const BODY_BYTES: usize = 256 << 10;

/// What a request goes over.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub status: u16,
    /// The beginning of the body, put together where it came in chunks.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Reading or writing failed, or took too long.
    #[error("{}", told(.0))]
    Io(#[from] io::Error),
    /// It closed the connection before an answer was complete.
    #[error("the server closed the connection without a response")]
    Closed,
    /// What came is not HTTP/1.
    #[error("the server does not speak HTTP/1")]
    NotHttp,
    /// The head of the answer does not end.
    #[error("the response headers exceed {} KiB", HEAD_BYTES >> 10)]
    TooLong,
    /// The host or the path holds what cannot be sent.
    #[error("the URL contains a space or a control character")]
    BadUrl,
}

pub(super) fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timed out".to_owned(),
        _ => error.to_string(),
    }
}

/// Asks for a path. `with_body`: whether the body is read at all.
///
/// # Errors
/// [`HttpError`], where no answer comes.
pub(crate) fn get(
    stream: &mut dyn Stream,
    host: &str,
    path: &str,
    with_body: bool,
) -> Result<Answer, HttpError> {
    let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !clean(host) || !clean(path) {
        return Err(HttpError::BadUrl);
    }
    let version = env!("CARGO_PKG_VERSION");
    // In one piece: some servers answer the first segment, and close.
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: spyhole/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut received = Vec::new();
    let head = read_head(stream, &mut received)?;
    let mut sent = received.split_off(head.length);
    let status = head.status;
    if with_body {
        read_body(stream, head.framing, &mut sent)?;
    }
    let body = match head.framing {
        Framing::Chunked => chunks(&sent).0,
        Framing::Length(_) | Framing::Close => sent,
    };
    Ok(Answer { status, body })
}

/// How the end of a body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// By its length in bytes.
    Length(usize),
    /// By a chunk of no length.
    Chunked,
    /// By the end of the connection.
    Close,
}

struct Head {
    status: u16,
    length: usize,
    framing: Framing,
}

/// Reads until the head is complete.
fn read_head(stream: &mut dyn Stream, received: &mut Vec<u8>) -> Result<Head, HttpError> {
    loop {
        if read_some(stream, received)? == 0 {
            return Err(HttpError::Closed);
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        match answer.parse(received) {
            Ok(httparse::Status::Complete(length)) => {
                return Ok(Head {
                    status: answer.code.ok_or(HttpError::NotHttp)?,
                    length,
                    framing: framing(answer.headers),
                });
            }
            Ok(httparse::Status::Partial) if received.len() > HEAD_BYTES => {
                return Err(HttpError::TooLong);
            }
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Err(HttpError::NotHttp),
        }
    }
}

fn framing(headers: &[httparse::Header]) -> Framing {
    let value = |name: &str| {
        let header = headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    // Where both are given the chunks count (RFC 9112, 6.3).
    let coding = value("transfer-encoding").unwrap_or_default().trim_end();
    let last = coding.rsplit(',').next().unwrap_or_default();
    if last.trim().eq_ignore_ascii_case("chunked") {
        return Framing::Chunked;
    }
    let length = value("content-length").and_then(|length| length.trim().parse().ok());
    length.map_or(Framing::Close, Framing::Length)
}

/// Reads on until the body has ended, or is longer than what is looked at.
fn read_body(
    stream: &mut dyn Stream,
    framing: Framing,
    sent: &mut Vec<u8>,
) -> Result<(), HttpError> {
    while sent.len() < BODY_BYTES {
        let complete = match framing {
            Framing::Length(length) => sent.len() >= length,
            Framing::Chunked => chunks(sent).1,
            Framing::Close => false,
        };
        if complete {
            return Ok(());
        }
        match read_some(stream, sent) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Servers that close without a farewell are many; what came counts.
            Err(_) if !sent.is_empty() => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Appends what comes next, and says how much that is; nothing where the stream has ended.
fn read_some(stream: &mut dyn Stream, received: &mut Vec<u8>) -> Result<usize, HttpError> {
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(count) => {
                received.extend(chunk.iter().take(count));
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the chunks hold that are complete, and of the one that is not what is there; and whether
/// the last one was among them. What is no chunk ends it.
fn chunks(mut sent: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(sent) else {
            return (body, false);
        };
        if size == 0 {
            return (body, true);
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let rest = sent.get(start..).unwrap_or_default();
        body.extend_from_slice(rest.get(..size).unwrap_or(rest));
        // Behind the data stands an end of line.
        let Some(next) = size.checked_add(2).and_then(|next| rest.get(next..)) else {
            return (body, false);
        };
        sent = next;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// Answers with what it holds and keeps what it is sent.
    struct Server {
        answer: Cursor<Vec<u8>>,
        asked: Vec<u8>,
    }

    impl Server {
        fn new(answer: &[u8]) -> Self {
            Self {
                answer: Cursor::new(answer.to_vec()),
                asked: Vec::new(),
            }
        }
    }

    impl Read for Server {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answer.read(buffer)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.asked.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn status_and_body_are_read() {
        let mut server = Server::new(b"HTTP/1.1 503 Busy\r\nX: y\r\n\r\nlater");
        let answer = get(&mut server, "app:80", "/health", true).unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (503, &b"later"[..])
        );
        let asked = String::from_utf8(server.asked).unwrap();
        assert!(
            asked.starts_with("GET /health HTTP/1.1\r\nHost: app:80\r\n"),
            "{asked}"
        );
    }

    fn body(answer: &[u8]) -> String {
        let answer = get(&mut Server::new(answer), "a", "/", true).unwrap();
        String::from_utf8(answer.body).unwrap()
    }

    #[test]
    fn a_body_in_chunks_is_put_together() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = format!("{head}5\r\nall w\r\n3;x=y\r\nell\r\n0\r\n\r\nHTTP/1.1 200 OK");
        assert_eq!(body(whole.as_bytes()), "all well");
        assert_eq!(body(format!("{head}5\r\nall").as_bytes()), "all");
        assert_eq!(body(format!("{head}no size").as_bytes()), "");
    }

    #[test]
    fn a_body_ends_with_its_length_though_the_connection_stays_open() {
        struct Open(Server);
        impl Read for Open {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => panic!("read on, behind the end of the answer"),
                    count => Ok(count),
                }
            }
        }
        impl Write for Open {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n",
        ] {
            let mut server = Open(Server::new(answer.as_bytes()));
            assert_eq!(get(&mut server, "a", "/", true).unwrap().body, b"well");
        }
    }

    #[test]
    fn what_is_no_answer_is_told() {
        let ask = |answer: &[u8]| get(&mut Server::new(answer), "a", "/", false).unwrap_err();
        assert!(matches!(ask(b""), HttpError::Closed));
        assert!(matches!(ask(b"HTTP/1.1 200 OK\r\n"), HttpError::Closed));
        assert!(matches!(
            ask(b"SSH-2.0-OpenSSH_9.2\r\n"),
            HttpError::NotHttp
        ));
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'a'; 64 << 10]].concat();
        assert!(matches!(ask(&endless), HttpError::TooLong));
    }

    #[test]
    fn nothing_is_smuggled_into_the_request() {
        for (host, path) in [("a", "/x y"), ("a\r\nX: y", "/"), ("a", "/\u{7f}")] {
            let refused = get(&mut Server::new(b""), host, path, false);
            assert!(
                matches!(refused, Err(HttpError::BadUrl)),
                "{host:?} {path:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = get(&mut Server::new(&bytes), "a", "/", true);
            let valid = [b"HTTP/1.1 200 OK\r\n".as_slice(), &bytes].concat();
            let _ = get(&mut Server::new(&valid), "a", "/", true);
        }
    }
}
