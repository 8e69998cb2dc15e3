use std::io::{Cursor, Read, Write};

use proptest::prelude::*;

use super::*;

/// Answers with what it holds and keeps what it is sent.
struct Server {
    answer: Cursor<Vec<u8>>,
    asked: Vec<u8>,
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

const WHOLE: HealthQuestion = HealthQuestion {
    is_tls: false,
    authority: "app:1",
    service: "",
};

fn ask(answer: &[u8]) -> (Result<ServingStatus, GrpcError>, Vec<u8>) {
    let mut server = Server {
        answer: Cursor::new(answer.to_vec()),
        asked: Vec::new(),
    };
    (check_health(&mut server, WHOLE), server.asked)
}

fn says(answer: &[u8]) -> String {
    match ask(answer).0 {
        Ok(status) => format!("{status:?}"),
        Err(error) => error.to_string(),
    }
}

fn frames(frames: &[(u8, u8, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, flags, stream, payload) in frames {
        push_frame(&mut bytes, *kind, *flags, *stream, payload);
    }
    bytes
}

/// `:status: 200`; then `grpc-status: N`.
const OK_HEAD: &[u8] = &[0x88];

fn trailers(status: &str) -> Vec<u8> {
    let mut block = vec![0, 11];
    block.extend(b"grpc-status");
    push_integer(&mut block, status.len(), 7);
    block.extend(status.as_bytes());
    block
}

fn answered(body: &[u8], status: &str) -> Vec<u8> {
    frames(&[
        (SETTINGS, 0, 0, &[]),
        (HEADERS, END_HEADERS, 1, OK_HEAD),
        (DATA, 0, 1, body),
        (HEADERS, END_HEADERS | END_STREAM, 1, &trailers(status)),
    ])
}

#[test]
fn the_status_is_read() {
    for (message, status) in [
        (&[0, 0, 0, 0, 2, 8, 1][..], "Serving"),
        (&[0, 0, 0, 0, 2, 8, 2], "NotServing"),
        (&[0, 0, 0, 0, 0], "Unknown"),
        (&[0, 0, 0, 0, 2, 8, 9], "Other(9)"),
        // A field that is not known, and then the status.
        (&[0, 0, 0, 0, 6, 0x12, 2, 8, 2, 8, 1], "Serving"),
        (&[0, 0, 0, 0, 3, 8, 1], "the response is not gRPC"),
        (&[1, 0, 0, 0, 2, 8, 1], "the response is not gRPC"),
        (&[], "the response is not gRPC"),
    ] {
        assert_eq!(says(&answered(message, "0")), status, "{message:?}");
    }
    let unknown = says(&answered(&[], "5"));
    assert!(unknown.ends_with("(gRPC status NOT_FOUND)"), "{unknown}");
    assert!(says(&answered(&[], "99")).ends_with("status 99"));
    assert_eq!(says(&answered(&[], "x")), "the response is not gRPC");
}

#[test]
fn pieces_padding_pings_and_unknown_frames_are_taken() {
    let block = trailers("0");
    let padded = [&[3][..], &[0, 0, 0, 0, 2, 8, 1], &[0; 3]].concat();
    let head = [&[2][..], &[0; 5], OK_HEAD, &[0; 2]].concat();
    let answer = frames(&[
        (SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]),
        (SETTINGS, ACK, 0, &[]),
        (PING, 0, 0, b"12345678"),
        (8, 0, 0, &[0, 0, 255, 255]),
        (0xfa, 0, 7, b"grease"),
        // 103 comes first.
        (HEADERS, END_HEADERS, 1, b"\x08\x03103"),
        (HEADERS, END_HEADERS | PADDED | PRIORITY, 1, &head),
        (DATA, PADDED, 1, &padded),
        (GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
        (HEADERS, END_STREAM, 1, &block[..4]),
        (CONTINUATION, END_HEADERS, 1, &block[4..]),
    ]);
    let (status, asked) = ask(&answer);
    assert_eq!(status.unwrap(), ServingStatus::Serving);
    let replies = frames(&[(SETTINGS, ACK, 0, &[]), (PING, ACK, 0, b"12345678")]);
    assert!(asked.ends_with(&replies), "{asked:?}");
}

#[test]
fn what_is_no_answer_is_named() {
    let settings: (u8, u8, u32, &[u8]) = (SETTINGS, 0, 0, &[]);
    let closed = "the server closed the connection without a response";
    let not_http2 = "the server does not speak HTTP/2";
    let endless = [
        frames(&[settings, (HEADERS, 0, 1, &[0; 9000])]),
        frames(&[(CONTINUATION, 0, 1, &[0; 9000])]).repeat(9),
    ];
    let long = [(DATA, 0, 1, &[0; 9000][..]); 2];
    for (answer, expected) in [
        (Vec::new(), closed),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), not_http2),
        (b"220 mail ESMTP\r\n".to_vec(), not_http2),
        (frames(&[settings]), closed),
        (
            frames(&[settings, (RST_STREAM, 0, 1, &[0, 0, 0, 7])]),
            "the server refused the request with HTTP/2 error code 7",
        ),
        (
            frames(&[settings, (GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11])]),
            "the server refused the request with HTTP/2 error code 11",
        ),
        (
            frames(&[settings, (HEADERS, END_HEADERS | END_STREAM, 1, &[0x8d])]),
            "the server responded with HTTP status 404, not with gRPC",
        ),
        (
            frames(&[settings, (HEADERS, END_HEADERS | END_STREAM, 1, OK_HEAD)]),
            "the response is not gRPC",
        ),
        (
            frames(&[settings, (HEADERS, END_HEADERS, 3, OK_HEAD)]),
            "the HTTP/2 response is malformed: a frame of a stream that is not open",
        ),
        (
            frames(&[settings, (HEADERS, END_HEADERS | PADDED, 1, &[9, 0])]),
            "the HTTP/2 response is malformed: a frame is shorter than its padding",
        ),
        (
            endless.concat(),
            "the HTTP/2 response is malformed: the headers are too long",
        ),
        (
            frames(&[settings, long[0], long[1]]),
            "the HTTP/2 response is malformed: the message is too long",
        ),
    ] {
        assert_eq!(says(&answer), expected, "{:?}", answer.get(..40));
    }
}

#[test]
fn a_long_name_is_sent_whole() {
    let service = "x".repeat(4000);
    let question = HealthQuestion {
        service: &service,
        ..WHOLE
    };
    let sent = request(question);
    let message = [
        &[0, 0, 0, 0x0f, 0xa3, 0x0a, 0xa0, 0x1f][..],
        service.as_bytes(),
    ]
    .concat();
    assert!(sent.ends_with(&message));
}

proptest! {
    #[test]
    fn no_answer_panics(
        kinds in proptest::collection::vec(
            (0_u8..12, any::<u8>(), 0_u32..3, proptest::collection::vec(any::<u8>(), 0..60)),
            0..12,
        )
    ) {
        let mut bytes = frames(&[(SETTINGS, 0, 0, &[])]);
        for (kind, flags, stream, payload) in &kinds {
            push_frame(&mut bytes, *kind, *flags, *stream, payload);
        }
        let _ = ask(&bytes);
    }
}
