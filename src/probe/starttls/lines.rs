//! SMTP, IMAP, POP3 and FTP: a line asks, a line answers.

use super::{Stop, declined};
use crate::probe::wire::Wire;

/// A reply with more lines is malformed.
const LINES: usize = 100;

/// RFC 3207.
pub(super) fn smtp(wire: &mut Wire) -> Result<(), Stop> {
    reply(wire, b"220", "no SMTP greeting")?;
    wire.send(b"EHLO localhost\r\n")?;
    let offers = reply(wire, b"250", "EHLO was refused")?;
    let starttls = |line: &Vec<u8>| {
        line.get(4..)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"STARTTLS"))
    };
    if !offers.iter().any(starttls) {
        return Err(declined("the server does not offer STARTTLS"));
    }
    wire.send(b"STARTTLS\r\n")?;
    reply(wire, b"220", "STARTTLS was refused").map(drop)
}

/// RFC 4217.
pub(super) fn ftp(wire: &mut Wire) -> Result<(), Stop> {
    reply(wire, b"220", "no FTP greeting")?;
    wire.send(b"AUTH TLS\r\n")?;
    reply(wire, b"234", "AUTH TLS was refused").map(drop)
}

/// RFC 2595.
pub(super) fn pop3(wire: &mut Wire) -> Result<(), Stop> {
    ok(wire, "no POP3 greeting")?;
    wire.send(b"STLS\r\n")?;
    ok(wire, "STLS was refused")
}

fn ok(wire: &mut Wire, otherwise: &str) -> Result<(), Stop> {
    let line = wire.line()?;
    if line.starts_with(b"+OK") {
        Ok(())
    } else {
        Err(declined(otherwise))
    }
}

/// RFC 9051.
pub(super) fn imap(wire: &mut Wire) -> Result<(), Stop> {
    let greeting = wire.line()?;
    if !greeting.starts_with(b"* OK") && !greeting.starts_with(b"* PREAUTH") {
        return Err(declined("no IMAP greeting"));
    }
    wire.send(b"a STARTTLS\r\n")?;
    for _ in 0..LINES {
        let line = wire.line()?;
        if line.starts_with(b"a OK") {
            return Ok(());
        }
        // Beside the answer the server may say what it likes, untagged.
        if !line.starts_with(b"* ") || line.starts_with(b"* BYE") {
            return Err(declined("STARTTLS was refused"));
        }
    }
    Err(Stop::Declined(format!(
        "STARTTLS was not answered within {LINES} lines"
    )))
}

/// The lines of a reply as SMTP and FTP write them: `220-first`, `220 last`; within a reply of
/// FTP, lines may also do without the code.
fn reply(wire: &mut Wire, code: &[u8], otherwise: &str) -> Result<Vec<Vec<u8>>, Stop> {
    let mut lines = Vec::new();
    while lines.len() < LINES {
        let line = wire.line()?;
        let coded = line.starts_with(code);
        if lines.is_empty() && !coded {
            return Err(declined(otherwise));
        }
        let last = coded && line.get(code.len()) != Some(&b'-');
        lines.push(line);
        if last {
            return Ok(lines);
        }
    }
    Err(Stop::Declined(format!(
        "{otherwise}: a reply of more than {LINES} lines"
    )))
}
