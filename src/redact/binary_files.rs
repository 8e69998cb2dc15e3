//! Secrets in binary files: in the texts between bytes that are none. They are overwritten, so that
//! every other byte keeps its place.

use super::files::assigned;
use super::text::{Span, cut};
use super::{Redactor, tokens};

/// A shorter text is not searched. Random bytes have one of so many in ten million, and a secret's form
/// in one of those in a thousand.
const SHORTEST_TEXT_BYTES: usize = 16;

/// Overwrites what is secret in the texts among these bytes, each byte by `*`. How many texts had
/// secrets.
pub(crate) fn mask_texts(redactor: &Redactor, bytes: &mut [u8]) -> u64 {
    let mut masked = 0;
    let mut from = 0;
    while let Some((start, end)) = next_text(bytes, from) {
        let text = cut(bytes, start, end);
        let secrets = secrets_of(redactor, text);
        masked += u64::from(!secrets.is_empty());
        for span in secrets {
            if let Some(secret) = bytes.get_mut(start + span.start..start + span.end) {
                secret.fill(b'*');
            }
        }
        from = end;
    }
    masked
}

/// Where the text at the end of these bytes begins: it may go on behind them.
#[must_use]
pub(crate) fn begin_of_last_text(bytes: &[u8]) -> usize {
    let before = bytes.iter().rposition(|byte| !is_text(*byte));
    before.map_or(0, |before| before + 1)
}

/// The next text that is long enough: one byte of it is met by steps of its least length.
fn next_text(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut searched = from;
    loop {
        let met = bytes
            .get(searched..)?
            .iter()
            .skip(SHORTEST_TEXT_BYTES - 1)
            .step_by(SHORTEST_TEXT_BYTES)
            .position(|byte| is_text(*byte))?;
        let met = searched + SHORTEST_TEXT_BYTES * (met + 1) - 1;
        let before = cut(bytes, searched, met);
        let start = searched + begin_of_last_text(before);
        let behind = bytes.get(met..)?.iter().position(|byte| !is_text(*byte));
        let end = behind.map_or(bytes.len(), |behind| met + behind);
        if end - start >= SHORTEST_TEXT_BYTES {
            return Some((start, end));
        }
        searched = end;
    }
}

/// Where the secrets of a text of any number of lines are, none of them empty.
fn secrets_of(redactor: &Redactor, text: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let found = redactor.spans(body).into_iter();
        spans.extend(found.map(|span| Span {
            start: start + span.start,
            end: start + span.end,
            ..span
        }));
        if let Some((begin, hidden)) = assigned(redactor, body) {
            spans.push(Span::new(start + begin, start + body.len(), hidden.reason));
        }
        start += line.len();
    }
    if memchr::memmem::find(text, b"-----BEGIN").is_some() {
        tokens::scan(text, &mut spans);
    }
    super::text::settle(&mut spans);
    spans.retain(|span| span.kind.is_some());
    spans
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::{begin_of_last_text, mask_texts};
    use crate::redact::Redactor;

    fn masked(bytes: &[u8]) -> (Vec<u8>, u64) {
        let mut bytes = bytes.to_vec();
        let texts = mask_texts(&Redactor::new(&[]), &mut bytes);
        (bytes, texts)
    }

    #[test]
    fn a_secret_is_overwritten_and_nothing_moves() {
        for (before, after) in [
            ("DB_PASSWORD=hunter2hunter2", "DB_PASSWORD=**************"),
            (
                "x ghp_0123456789abcdefghijABCDEFGHIJ012345",
                "x ****************************************",
            ),
            (
                "postgres://app:hunter2@db/app",
                "postgres://app:*******@db/app",
            ),
            ("nothing to be seen in here", "nothing to be seen in here"),
        ] {
            for (left, right) in [
                (&b""[..], &b""[..]),
                (b"\0\x01\xff", b"\0\xfe"),
                (b"\x80", b""),
            ] {
                let bytes = [left, before.as_bytes(), right].concat();
                let wanted = [left, after.as_bytes(), right].concat();
                let texts = u64::from(before != after);
                assert_eq!(masked(&bytes), (wanted, texts), "{before}");
            }
        }
    }

    #[test]
    fn a_private_key_is_overwritten_to_its_end() {
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIIBVgIBADAN\nBgkqhkiG9w0B\n-----END PRIVATE KEY-----";
        let bytes = [b"\0\x02", key.as_bytes(), b"\n\0"].concat();
        let (after, texts) = masked(&bytes);
        assert_eq!((after.len(), texts), (bytes.len(), 1));
        assert!(!String::from_utf8_lossy(&after).contains("MIIBVgIBADAN"));
        assert!(after.starts_with(b"\0\x02*") && after.ends_with(b"*\n\0"));
    }

    /// Of a generator whose numbers are known, 4 MiB.
    #[test]
    fn random_bytes_stay_as_they_are() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .take(512 << 10)
        .flatten()
        .collect();
        assert_eq!(masked(&bytes).1, 0);
    }

    #[test]
    fn a_text_at_the_end_may_go_on() {
        assert_eq!(begin_of_last_text(b"ab\0cd"), 3);
        assert_eq!(begin_of_last_text(b"abcd"), 0);
        assert_eq!(begin_of_last_text(b"ab\0"), 3);
        assert_eq!(begin_of_last_text(b""), 0);
    }
}
