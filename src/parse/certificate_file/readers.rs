//! A bundle of authorities in PEM as the readers of others take it: what they pass over, and
//! what ends or spoils a file for them.

use data_encoding::BASE64_MIME_PERMISSIVE;

use crate::parse::revocation_list::ParsedRevocationList;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A reader of PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PemReader {
    /// `pem.Decode` of Go with `CertPool.AppendCertsFromPEM`.
    Go,
    /// `PEM_X509_INFO_read_bio` of OpenSSL.
    OpensslFile,
    /// `PEM_read_bio_X509_AUX`, once after the other.
    OpensslTrusted,
    /// `PEM_read_bio_X509`, likewise.
    OpensslPlain,
    /// `gnutls_x509_crt_list_import`.
    Gnutls,
}

/// What a reader finds in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PemBundle {
    /// The certificates in DER, in the file's order.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// Whether the reader stopped at a block that it cannot decode.
    pub(crate) is_broken: bool,
}

/// Reads a file as that reader does.
#[must_use]
pub(crate) fn read_bundle(bytes: &[u8], reader: PemReader) -> PemBundle {
    match reader {
        PemReader::Go => PemBundle {
            certificates: go(bytes),
            is_broken: false,
        },
        PemReader::Gnutls => gnutls(bytes),
        PemReader::OpensslFile | PemReader::OpensslTrusted | PemReader::OpensslPlain => {
            openssl(bytes, reader)
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

/// The rest behind a number of bytes.
fn after(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}

/// Bytes of base64 that are padded as they have to be, without the white space among them.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text
        .iter()
        .filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .copied()
        .collect();
    BASE64_MIME_PERMISSIVE.decode(&text).ok()
}

/// The last BEGIN line before each END line, with the same label and nothing behind the dashes.
fn go(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(end) = find(rest, b"\n-----END ") {
        let (before, tail) = (rest.get(..end).unwrap_or_default(), after(rest, end + 1));
        rest = after(tail, END.len());
        let begin = memchr::memmem::rfind(before, BEGIN);
        let at_line = |begin: &usize| *begin == 0 || before.get(begin - 1) == Some(&b'\n');
        let Some(begin) = begin.filter(at_line) else {
            continue;
        };
        let (label, body) = line(after(before, begin + BEGIN.len()));
        let Some(label) = label.strip_suffix(DASHES) else {
            continue;
        };
        let (first, _) = line(body);
        let trailer = line(rest).0.strip_prefix(label);
        // A block with headers is none of a certificate.
        if label == b"CERTIFICATE" && trailer == Some(DASHES) && !first.contains(&b':') {
            found.extend(decoded(body).filter(|der| !der.is_empty()));
        }
    }
    found
}

/// A line without the blanks at its end, and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let text = bytes.get(..end).unwrap_or_default();
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let kept = text.iter().rposition(|byte| !blank(byte));
    let text = text.get(..kept.map_or(0, |last| last + 1));
    (text.unwrap_or_default(), after(bytes, end + 1))
}

/// From the first `-----BEGIN CERTIFICATE` on, whatever stands before and behind on its line.
fn gnutls(bytes: &[u8]) -> PemBundle {
    let [mut labels, mut old_labels, mut ends] = [
        &b"-----BEGIN CERTIFICATE"[..],
        b"-----BEGIN X509 CERTIFICATE",
        b"-----END",
    ]
    .map(|mark| Marks::of(bytes, mark));
    let mut found = PemBundle::default();
    let mut read = None;
    let mut at = 0;
    while let Some(start) = labels
        .at_or_behind(at)
        .or_else(|| old_labels.at_or_behind(at))
    {
        // The older label is looked for first, in all that follows.
        let block = old_labels.at_or_behind(start).unwrap_or(start);
        if read != Some(block) {
            let Some(der) = gnutls_block(bytes, block, &mut ends) else {
                found.is_broken = true;
                break;
            };
            found.certificates.push(der);
            read = Some(block);
        }
        at = start + 1;
    }
    found
}

fn gnutls_block(bytes: &[u8], start: usize, ends: &mut Marks) -> Option<Vec<u8>> {
    let label = start + 1;
    let body = label + find(after(bytes, label), DASHES)? + DASHES.len();
    let body = bytes.get(body..ends.at_or_behind(body)?)?;
    let text = body.split(|byte| *byte == b'-').next()?;
    decoded(text).filter(|der| !der.is_empty())
}

/// Where a mark stands, looked for once.
struct Marks<'a> {
    bytes: &'a [u8],
    mark: &'static [u8],
    next: Option<usize>,
    is_over: bool,
}

impl<'a> Marks<'a> {
    fn of(bytes: &'a [u8], mark: &'static [u8]) -> Self {
        Self {
            bytes,
            mark,
            next: None,
            is_over: false,
        }
    }

    /// The first at this place or behind it; the places that are asked for only grow.
    fn at_or_behind(&mut self, at: usize) -> Option<usize> {
        if !self.is_over && self.next.is_none_or(|next| next < at) {
            self.next = find(after(self.bytes, at), self.mark).map(|offset| at + offset);
            self.is_over = self.next.is_none();
        }
        self.next
    }
}

/// How far the lines of a block have been read (`get_header_and_data`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Maybe,
    Inside,
    Done,
}

/// Line by line; one that cannot be decoded ends the reading.
fn openssl(bytes: &[u8], reader: PemReader) -> PemBundle {
    let mut found = PemBundle::default();
    let mut lines = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| match line.iter().rposition(|byte| *byte > b' ') {
            Some(last) => line.get(..=last).unwrap_or_default(),
            None => &[],
        })
        .peekable();
    while lines.peek().is_some() {
        // A byte order mark is passed over at the first line that is looked at.
        if let Some(first) = lines.peek_mut() {
            *first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first);
        }
        let label = lines.by_ref().find_map(|line| {
            let label = line.strip_prefix(BEGIN)?;
            label.strip_suffix(DASHES)
        });
        let Some(label) = label else {
            break;
        };
        let Some(block) = openssl_block(&mut lines, label) else {
            found.is_broken = true;
            break;
        };
        let is_taken = match label {
            b"CERTIFICATE" | b"X509 CERTIFICATE" => true,
            b"TRUSTED CERTIFICATE" => reader != PemReader::OpensslPlain,
            _ => false,
        };
        let is_list = label == b"X509 CRL" && reader == PemReader::OpensslFile;
        match block.der {
            Some(der) if is_taken => found.certificates.push(der),
            Some(der) if is_list => found.is_broken = ParsedRevocationList::read(&der).is_none(),
            None if is_taken || is_list => found.is_broken = true,
            _ => {}
        }
        if found.is_broken {
            break;
        }
    }
    found
}

/// What stands between a BEGIN and an END line.
struct OpensslBlock {
    /// Absent where it has headers.
    der: Option<Vec<u8>>,
}

/// A block up to its END line; `None` where it is malformed.
fn openssl_block<'a>(
    lines: &mut impl Iterator<Item = &'a [u8]>,
    label: &[u8],
) -> Option<OpensslBlock> {
    let mut header = Header::Maybe;
    let mut has_header = false;
    let mut is_last = false;
    let mut text = Vec::new();
    loop {
        let line = lines.next()?;
        if header == Header::Maybe && line.contains(&b':') {
            header = Header::Inside;
        }
        if line.is_empty() {
            if header == Header::Done {
                return None;
            }
            has_header = !text.is_empty();
            header = Header::Done;
            text.clear();
            continue;
        }
        if let Some(end) = line.strip_prefix(END) {
            (end.strip_prefix(label)? == DASHES).then_some(())?;
            break;
        }
        if is_last || (header == Header::Done && line.len() > 64) {
            return None;
        }
        is_last = header == Header::Done && line.len() < 64;
        text.extend_from_slice(line);
    }
    // What follows a hyphen does not count.
    let text = text.split(|byte| *byte == b'-').next()?;
    let der = decoded(text).filter(|der| !der.is_empty())?;
    let is_bare = !has_header && header != Header::Inside;
    Some(OpensslBlock {
        der: is_bare.then_some(der),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [PemReader; 5] = [
        PemReader::Go,
        PemReader::OpensslFile,
        PemReader::OpensslTrusted,
        PemReader::OpensslPlain,
        PemReader::Gnutls,
    ];

    #[test]
    fn no_bytes_do_them_harm() {
        let block = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        for reader in ALL {
            let found = read_bundle(block.as_bytes(), reader);
            assert_eq!(found.certificates, [[1, 2, 3]], "{reader:?}");
            for at in 0..block.len() {
                let cut = block.get(at..).unwrap();
                let _ = read_bundle(cut.as_bytes(), reader);
                let cut = block.get(..at).unwrap();
                let _ = read_bundle(cut.as_bytes(), reader);
                let mut odd = block.as_bytes().to_vec();
                odd[at] = b'-';
                let _ = read_bundle(&odd, reader);
            }
        }
    }

    #[test]
    fn many_marks_cost_linear_time() {
        let begins = "-----BEGIN CERTIFICATE-----\n".repeat(100_000);
        let ends = "\n-----END CERTIFICATE-----".repeat(100_000);
        let olds = "-----BEGIN X509 CERTIFICATE-----\n".repeat(10);
        for reader in ALL {
            for text in [&begins, &ends, &format!("{olds}{begins}{ends}")] {
                assert!(read_bundle(text.as_bytes(), reader).certificates.is_empty());
            }
        }
    }
}
