//! One call of gRPC over HTTP/2: `grpc.health.v1.Health/Check`, as a kubelet makes it.
//!
//! Of HTTP/2 (RFC 9113) it has what one call takes: a stream, no push, no more to receive than the
//! first window holds. The stream keeps the deadline; everything else is bounded here.

use std::fmt;
use std::io;

use super::http::{Stream, told};
use crate::parse::Malformed;
use crate::parse::hpack::{Header, HeaderDecoder};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame (`SETTINGS_MAX_FRAME_SIZE`, its least value).
const FRAME_BYTES: usize = 16 << 10;
/// Bytes of a header block with its continuations.
const BLOCK_BYTES: usize = 64 << 10;
/// Bytes of an answer; one has seven.
const ANSWER_BYTES: usize = 16 << 10;
/// The stream of the call.
const STREAM: u32 = 1;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// What a server says of itself or of one of its services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServingStatus {
    /// It was not set.
    Unknown,
    /// It serves.
    Serving,
    /// It does not.
    NotServing,
    /// A number that the protocol does not know, or only for `Watch`.
    Other(u64),
}

/// As in the protocol.
impl fmt::Display for ServingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the server responded UNKNOWN (SERVING expected)"),
            Self::Serving => f.write_str("the server responded SERVING"),
            Self::NotServing => f.write_str("the server responded NOT_SERVING"),
            Self::Other(other) => write!(f, "the server responded serving status {other}"),
        }
    }
}

/// Why there is no serving status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrpcError {
    /// Reading or writing failed, or took too long.
    #[error("{}", told(.0))]
    Io(#[from] io::Error),
    /// It closed the connection before the answer was complete.
    #[error("the server closed the connection without a response")]
    Closed,
    /// What came first is no frame of settings.
    #[error("the server does not speak HTTP/2")]
    NotHttp2,
    /// A frame or a block of headers is not as it should be.
    #[error("the HTTP/2 response is malformed: {0}")]
    Malformed(&'static str),
    /// The server ended the stream or the connection, with this code of HTTP/2.
    #[error("the server refused the request with HTTP/2 error code {0}")]
    Refused(u32),
    /// The status of HTTP is not 200.
    #[error("the server responded with HTTP status {0}, not with gRPC")]
    HttpStatus(u16),
    /// There is no status of gRPC in the answer, or no message.
    #[error("the response is not gRPC")]
    NotGrpc,
    /// The call failed with this status of gRPC.
    #[error("{}", failed(*.0))]
    Status(u32),
}

impl From<Malformed> for GrpcError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.expected)
    }
}

/// The names of the statuses, from 0 (grpc.io, `statuscodes.md`).
const STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

fn failed(status: u32) -> String {
    let name = usize::try_from(status)
        .ok()
        .and_then(|at| STATUSES.get(at).copied());
    let name = name.map_or_else(|| status.to_string(), str::to_owned);
    match status {
        5 => format!("the server does not know the service (gRPC status {name})"),
        12 => format!("the server does not implement grpc.health.v1.Health (gRPC status {name})"),
        _ => format!("the health check failed with gRPC status {name}"),
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthQuestion<'a> {
    /// Whether the stream is one of TLS.
    pub is_tls: bool,
    /// Host and port as they were written: the header `:authority`.
    pub authority: &'a str,
    /// The service; empty: the server as a whole.
    pub service: &'a str,
}

/// Asks for the health of a server, over a connection that is there.
///
/// # Errors
/// [`GrpcError`], where none is told.
pub(crate) fn check_health(
    stream: &mut dyn Stream,
    question: HealthQuestion<'_>,
) -> Result<ServingStatus, GrpcError> {
    stream.write_all(&request(question))?;
    stream.flush()?;
    let answer = Answer::read(stream)?;
    if let Some(status) = answer.value(b":status")
        && status != b"200"
    {
        let status = std::str::from_utf8(status).ok();
        let status = status.and_then(|status| status.parse().ok());
        return Err(status.map_or(GrpcError::NotGrpc, GrpcError::HttpStatus));
    }
    let status = answer.value(b"grpc-status").map(str::from_utf8);
    match status.and_then(Result::ok).map(str::parse) {
        Some(Ok(0)) => serving_status(&answer.body).ok_or(GrpcError::NotGrpc),
        Some(Ok(status)) => Err(GrpcError::Status(status)),
        _ => Err(GrpcError::NotGrpc),
    }
}

/// Everything that is sent before the first answer, in one piece.
fn request(question: HealthQuestion<'_>) -> Vec<u8> {
    let mut block = Vec::new();
    let agent = concat!("spyhole/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        (":method", "POST"),
        (":scheme", if question.is_tls { "https" } else { "http" }),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", question.authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", agent),
    ] {
        // Literal, not indexed, not packed.
        block.push(0);
        for text in [name, value] {
            push_integer(&mut block, text.len(), 7);
            block.extend_from_slice(text.as_bytes());
        }
    }
    // HealthCheckRequest { string service = 1; }
    let mut message = Vec::new();
    if !question.service.is_empty() {
        message.push(0x0a);
        push_integer(&mut message, question.service.len(), 8);
        message.extend_from_slice(question.service.as_bytes());
    }
    let mut body = vec![0];
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(&message);

    let mut bytes = PREFACE.to_vec();
    // SETTINGS_ENABLE_PUSH = 0.
    push_frame(&mut bytes, SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0]);
    push_frame(&mut bytes, HEADERS, END_HEADERS, STREAM, &block);
    push_frame(&mut bytes, DATA, END_STREAM, STREAM, &body);
    bytes
}

/// An integer of HPACK behind that many low bits of the first byte; with 8, and below 2^14, also
/// one of protobuf.
fn push_integer(bytes: &mut Vec<u8>, value: usize, prefix: u32) {
    let low = |value: usize| u8::try_from(value & 0x7f).unwrap_or(0);
    let mut rest = value;
    if prefix < 8 {
        let mask = (1 << prefix) - 1;
        if value < mask {
            return bytes.push(low(value));
        }
        bytes.push(low(mask));
        rest -= mask;
    }
    while rest >= 0x80 {
        bytes.push(low(rest) | 0x80);
        rest >>= 7;
    }
    bytes.push(low(rest));
}

fn push_frame(bytes: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes().iter().skip(1));
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

/// One frame that came.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    fn read(stream: &mut dyn Stream) -> Result<Self, GrpcError> {
        let mut head = [0; 9];
        read_exact(stream, &mut head)?;
        let [a, b, c, kind, flags, on_stream @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        if length > FRAME_BYTES {
            return Err(GrpcError::Malformed("a frame is too long"));
        }
        let mut payload = vec![0; length];
        read_exact(stream, &mut payload)?;
        Ok(Self {
            kind,
            flags,
            stream: u32::from_be_bytes(on_stream) & 0x7fff_ffff,
            payload,
        })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload without its padding and its priority.
    fn content(&self) -> Result<&[u8], GrpcError> {
        let content = || {
            let mut content = self.payload.as_slice();
            if self.has(PADDED) {
                let (padding, rest) = content.split_first()?;
                content = rest.get(..rest.len().checked_sub(usize::from(*padding))?)?;
            }
            if self.kind == HEADERS && self.has(PRIORITY) {
                content = content.get(5..)?;
            }
            Some(content)
        };
        content().ok_or(GrpcError::Malformed("a frame is shorter than its padding"))
    }

    /// The number of an error, at this place.
    fn code(&self, at: usize) -> u32 {
        let bytes = self.payload.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }
}

fn read_exact(stream: &mut dyn Stream, bytes: &mut [u8]) -> Result<(), GrpcError> {
    stream
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => GrpcError::Closed,
            _ => error.into(),
        })
}

/// What came on the stream of the call.
#[derive(Default)]
struct Answer {
    /// Those before the message, and those behind it.
    headers: Vec<Header>,
    body: Vec<u8>,
}

impl Answer {
    /// Reads until the stream of the call has ended.
    fn read(stream: &mut dyn Stream) -> Result<Self, GrpcError> {
        let mut answer = Self::default();
        let mut decoder = HeaderDecoder::default();
        let first = Frame::read(stream).map_err(|error| match error {
            GrpcError::Malformed(_) => GrpcError::NotHttp2,
            other => other,
        })?;
        if first.kind != SETTINGS || first.stream != 0 || first.has(ACK) {
            return Err(GrpcError::NotHttp2);
        }
        let mut frame = first;
        loop {
            match frame.kind {
                SETTINGS | PING if !frame.has(ACK) => {
                    let echo: &[u8] = match frame.kind {
                        PING => &frame.payload,
                        _ => &[],
                    };
                    let mut reply = Vec::new();
                    push_frame(&mut reply, frame.kind, ACK, 0, echo);
                    stream.write_all(&reply)?;
                    stream.flush()?;
                }
                HEADERS if frame.stream == STREAM => {
                    answer.take_headers(stream, &mut decoder, &frame)?;
                }
                DATA if frame.stream == STREAM => {
                    answer.body.extend_from_slice(frame.content()?);
                    if answer.body.len() > ANSWER_BYTES {
                        return Err(GrpcError::Malformed("the message is too long"));
                    }
                }
                RST_STREAM if frame.stream == STREAM => {
                    return Err(GrpcError::Refused(frame.code(0)));
                }
                // It names the last stream that is still answered.
                GOAWAY if frame.code(0) < STREAM => {
                    return Err(GrpcError::Refused(frame.code(4)));
                }
                HEADERS | DATA | RST_STREAM | PUSH_PROMISE | CONTINUATION => {
                    return Err(GrpcError::Malformed("a frame of a stream that is not open"));
                }
                _ => {}
            }
            let ends = matches!(frame.kind, HEADERS | DATA) && frame.has(END_STREAM);
            if ends {
                return Ok(answer);
            }
            frame = Frame::read(stream)?;
        }
    }

    /// Those of a frame and of its continuations.
    fn take_headers(
        &mut self,
        stream: &mut dyn Stream,
        decoder: &mut HeaderDecoder,
        frame: &Frame,
    ) -> Result<(), GrpcError> {
        let mut block = frame.content()?.to_vec();
        let mut is_whole = frame.has(END_HEADERS);
        while !is_whole {
            let next = Frame::read(stream)?;
            if next.kind != CONTINUATION || next.stream != STREAM {
                return Err(GrpcError::Malformed("a header block is not continued"));
            }
            is_whole = next.has(END_HEADERS);
            block.extend_from_slice(&next.payload);
            if block.len() > BLOCK_BYTES {
                return Err(GrpcError::Malformed("the headers are too long"));
            }
        }
        let headers = decoder.decode(&block)?;
        let status = headers.iter().find(|(name, _)| name == b":status");
        // 103 Early Hints and the like come before the response.
        if status.is_none_or(|(_, status)| !status.starts_with(b"1")) {
            self.headers.extend(headers);
        }
        Ok(())
    }

    fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_slice())
    }
}

/// `HealthCheckResponse { ServingStatus status = 1; }` behind the length of the message; `None`:
/// it is none, or packed, which was not offered.
fn serving_status(body: &[u8]) -> Option<ServingStatus> {
    let [0, a, b, c, d, rest @ ..] = body else {
        return None;
    };
    let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok()?;
    let mut message = rest.get(..length)?;
    let mut status = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => varint(&mut message)?,
            // Fields that later versions may have.
            1 => skip(&mut message, 8)?,
            2 => {
                let length = varint(&mut message)?;
                skip(&mut message, usize::try_from(length).ok()?)?
            }
            5 => skip(&mut message, 4)?,
            _ => return None,
        };
        if tag == 8 {
            status = value;
        }
    }
    Some(match status {
        0 => ServingStatus::Unknown,
        1 => ServingStatus::Serving,
        2 => ServingStatus::NotServing,
        other => ServingStatus::Other(other),
    })
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn skip(message: &mut &[u8], count: usize) -> Option<u64> {
    *message = message.get(count..)?;
    Some(0)
}

#[cfg(test)]
mod tests;
