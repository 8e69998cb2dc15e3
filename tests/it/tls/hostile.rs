//! Servers that mean ill, or are broken: each look ends in time, with a word for it.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use super::servers::{serve, wait_for_the_end};
use super::{Target, failure, says};

/// For servers that would keep it waiting for ever, and for those that answer in some way.
const SHORT: &str = "1s";
const LONG: &str = "1m";

/// Looks at a server and gives the reason and the words of its failure.
fn ends(script: impl Fn(TcpStream) + Send + 'static, reason: &str, words: &[&str]) -> String {
    let server = serve(script);
    let target = Target::new();
    let timeout = if reason == "timeout" { SHORT } else { LONG };
    let seen = target.look(&[&[server.as_str(), "--timeout", timeout], words].concat());
    let says = says(failure(&seen, reason)).to_owned();
    let all = [&[server.as_str(), "--timeout", timeout, "-q"], words].concat();
    let table = target.tls(&all).ended_with(1).stdout_text();
    assert!(table.contains("✗ "), "{table}");
    says
}

fn a_byte_at_a_time(mut stream: TcpStream, bytes: &[u8], pause: Duration) {
    for byte in bytes {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(pause);
    }
}

#[test]
fn one_that_stays_silent() {
    let said = ends(|mut stream| wait_for_the_end(&mut stream), "timeout", &[]);
    assert!(said.contains("sent nothing"), "{said}");
    let said = ends(
        |mut stream| wait_for_the_end(&mut stream),
        "timeout",
        &["--starttls", "smtp"],
    );
    assert!(said.contains("without --starttls"), "{said}");
}

#[test]
fn one_that_closes_or_breaks_off() {
    let said = ends(drop, "closed", &[]);
    assert!(said.contains("closed") || said.contains("reset"), "{said}");
    let reset = |stream: TcpStream| {
        let linger = nix::libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        nix::sys::socket::setsockopt(&stream, nix::sys::socket::sockopt::Linger, &linger).unwrap();
        assert!(stream.as_raw_fd() > 0);
    };
    let said = ends(reset, "closed", &[]);
    assert!(said.contains("closed") || said.contains("reset"), "{said}");
}

#[test]
fn one_that_sends_ten_megabytes_of_handshake() {
    // Each record a message of its own, none of them the one that is due.
    let flood = |kind: u8| {
        move |mut stream: TcpStream| {
            let mut record = vec![22, 3, 3, 0x40, 0, kind, 0, 0x3f, 0xfc];
            record.resize(5 + 0x4000, 0);
            for _ in 0..640 {
                if stream.write_all(&record).is_err() {
                    return;
                }
            }
            wait_for_the_end(&mut stream);
        }
    };
    for kind in [2, 11, 99] {
        let said = ends(flood(kind), "incompatible", &[]);
        assert!(said.contains("the server"), "{said}");
    }
    // One message that claims to be of 16 MiB.
    let endless = |mut stream: TcpStream| {
        let mut record = vec![22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff];
        record.resize(5 + 0x4000, 0);
        while stream.write_all(&record).is_ok() {}
    };
    let said = ends(endless, "incompatible", &[]);
    assert!(said.contains("64 KiB"), "{said}");
}

#[test]
fn one_that_sends_warnings_without_end() {
    let warns = |mut stream: TcpStream| {
        while stream.write_all(&[21, 3, 3, 0, 2, 1, 90]).is_ok() {}
    };
    ends(warns, "incompatible", &[]);
}

#[test]
fn one_that_sends_a_byte_now_and_then() {
    let slow = |stream: TcpStream| {
        let mut hello = vec![22, 3, 3, 0x10, 0];
        hello.resize(100, 2);
        a_byte_at_a_time(stream, &hello, Duration::from_millis(300));
    };
    let said = ends(slow, "timeout", &[]);
    assert!(
        said.contains("bytes before the handshake was complete"),
        "{said}"
    );
    let banner = |stream: TcpStream| {
        a_byte_at_a_time(stream, &[b'2'; 100], Duration::from_millis(300));
    };
    ends(banner, "timeout", &["--starttls", "smtp"]);
}

#[test]
fn one_whose_banner_has_no_end() {
    let protocols = [
        "smtp", "imap", "pop3", "ftp", "ldap", "postgres", "mysql", "xmpp",
    ];
    let lines = |line: &'static [u8]| {
        move |mut stream: TcpStream| {
            let many = line.repeat(1000);
            while stream.write_all(&many).is_ok() {}
        }
    };
    let target = Target::new();
    for banner in [
        &b"220-more\r\n"[..],
        b"x",
        b"<a>",
        b"* more\r\n",
        b"\x30\x84\x7f",
    ] {
        let server = serve(lines(banner));
        for protocol in protocols {
            let words = [&server, "--timeout", SHORT, "--starttls", protocol];
            let seen = target.look(&words);
            assert_eq!(seen["failure"]["step"], "starttls", "{protocol}: {seen:#}");
        }
    }
}
