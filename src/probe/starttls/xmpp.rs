//! XMPP (RFC 6120, 5): a stream is opened, and TLS asked for within it.

use super::{Stop, declined};
use crate::probe::wire::Wire;

pub(super) fn begin(wire: &mut Wire, server_name: &str) -> Result<(), Stop> {
    // A name of the DNS holds nothing that XML would read otherwise.
    let name: String = server_name
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
        .collect();
    let open = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' to='{name}' version='1.0'>"
    );
    wire.send(open.as_bytes())?;
    let first = through(wire, &["<", "\n"])?;
    if !first.trim_start().starts_with('<') {
        return Err(declined("no XMPP response"));
    }
    let features = through(
        wire,
        &["</stream:features>", "<stream:error", "<stream:features/>"],
    )?;
    if !features.contains("<starttls") {
        return Err(declined("the server offers no starttls in its stream"));
    }
    wire.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")?;
    let answer = through(wire, &["<proceed", "<failure", "</stream:stream>"])?;
    if !answer.contains("<proceed") {
        return Err(declined("starttls was refused"));
    }
    // The rest of the element: TLS begins behind it.
    through(wire, &[">"]).map(drop)
}

fn through(wire: &mut Wire, words: &[&str]) -> Result<String, Stop> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let read = wire.through(&words)?;
    Ok(String::from_utf8_lossy(&read).into_owned())
}
