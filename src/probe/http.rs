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

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The beginning of the body, as it was sent: a chunked one with its sizes in between.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Reading or writing failed, or took too long.
    #[error("{}", told(.0))]
    Io(#[from] io::Error),
    /// It closed the connection before an answer was complete.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// What came is not HTTP/1.
    #[error("the server does not speak HTTP/1")]
    NotHttp,
    /// The head of the answer does not end.
    #[error("the head of the answer has more than {} KiB", HEAD_BYTES >> 10)]
    TooLong,
    /// The host or the path holds what cannot be sent.
    #[error("the URL holds a space or a control character")]
    BadUrl,
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
        _ => error.to_string(),
    }
}

/// Asks for a path. `with_body`: whether the body is read at all.
///
/// # Errors
/// [`HttpError`], where no answer comes.
pub fn get(
    stream: &mut (impl Read + Write),
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
    let (status, head) = read_head(stream, &mut received)?;
    let mut body = received.split_off(head);
    if with_body {
        let rest = BODY_BYTES.saturating_sub(body.len());
        let read = stream.take(rest as u64).read_to_end(&mut body);
        // Servers that close without a farewell are many; what came counts.
        if let Err(error) = read
            && body.is_empty()
        {
            return Err(error.into());
        }
    }
    Ok(Answer { status, body })
}

/// Reads until the head is complete: its status, and how long it is.
fn read_head(stream: &mut impl Read, received: &mut Vec<u8>) -> Result<(u16, usize), HttpError> {
    let mut chunk = [0; 4096];
    loop {
        let count = match stream.read(&mut chunk) {
            Ok(0) => return Err(HttpError::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        received.extend(chunk.iter().take(count));
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        match answer.parse(received) {
            Ok(httparse::Status::Complete(length)) => {
                return Ok((answer.code.ok_or(HttpError::NotHttp)?, length));
            }
            Ok(httparse::Status::Partial) if received.len() > HEAD_BYTES => {
                return Err(HttpError::TooLong);
            }
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Err(HttpError::NotHttp),
        }
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
