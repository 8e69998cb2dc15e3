//! PEM (RFC 7468, RFC 1421): blocks of base64 between lines of dashes, with anything around.
//!
//! The scanner is our own: a block that is cut short or malformed has to be told with its line
//! and must not take its neighbours along, and no input may take more than linear time.

use data_encoding::BASE64_MIME_PERMISSIVE;
use zeroize::Zeroizing;

use super::password::Password;
use super::private_key::{self, Encoding, Half};
use super::{FaultKind, Found, pkcs7};
use crate::parse::ber::Elements;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// `-----BEGIN` in base64: the file was encoded once too often.
const ENCODED_TWICE: &[u8] = b"LS0tLS1CRUdJTi";

/// Reads the blocks; false, where the file holds none of certificates or keys.
pub(super) fn read(bytes: &[u8], found: &mut Found) -> bool {
    if is_utf16(bytes) {
        found.fault(None, FaultKind::Utf16);
        return true;
    }
    if bytes.trim_ascii_start().starts_with(ENCODED_TWICE) {
        found.fault(None, FaultKind::EncodedTwice);
        return true;
    }
    let mut scan = Scan {
        bytes,
        open: None,
        told_returns: false,
        any: false,
    };
    for line in Lines::of(bytes) {
        scan.line(&line, found);
    }
    scan.cut_short(found);
    scan.any
}

fn is_utf16(bytes: &[u8]) -> bool {
    let dashes = |unit: [u8; 2]| unit.repeat(5);
    match bytes {
        [0xff, 0xfe, text @ ..] => text.starts_with(&dashes(*b"-\0")),
        [0xfe, 0xff, text @ ..] => text.starts_with(&dashes(*b"\0-")),
        _ => false,
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    open: Option<Block<'a>>,
    told_returns: bool,
    /// Whether a block of certificates or keys was seen.
    any: bool,
}

/// A block whose END line has not come yet.
struct Block<'a> {
    label: &'a [u8],
    kind: Kind,
    line: u64,
    body: usize,
}

impl<'a> Scan<'a> {
    fn line(&mut self, line: &Line<'a>, found: &mut Found) {
        let (indent, text) = stripped(line.text);
        match boundary(text) {
            Some(Boundary::Begin(label)) => {
                self.cut_short(found);
                let kind = Kind::of(label);
                self.open = Some(Block {
                    label,
                    kind,
                    line: line.number,
                    body: line.end,
                });
                if kind != Kind::Other {
                    self.any = true;
                    self.oddities(line, indent, found);
                }
            }
            Some(Boundary::End(label)) => self.end(label, line, found),
            Some(Boundary::Malformed(label)) if Kind::of(label) != Kind::Other => {
                self.cut_short(found);
                self.any = true;
                found.fault(Some(line.number), FaultKind::NoFinalDashes);
                // Its END line is nothing more to tell.
                self.open = Some(Block {
                    label,
                    kind: Kind::Other,
                    line: line.number,
                    body: line.end,
                });
            }
            Some(Boundary::Malformed(_)) | None => {}
        }
    }

    /// What this reader overlooks and others do not.
    fn oddities(&mut self, line: &Line, indent: Indent, found: &mut Found) {
        match indent {
            Indent::None => {}
            Indent::ByteOrderMark => {
                let first_line = line.number == 1;
                found.fault(Some(line.number), FaultKind::ByteOrderMark { first_line });
            }
            Indent::Blanks => found.fault(Some(line.number), FaultKind::BlanksBeforeBegin),
        }
        if line.ended_by_return && !self.told_returns {
            self.told_returns = true;
            found.fault(Some(line.number), FaultKind::BareReturns);
        }
    }

    fn end(&mut self, label: &[u8], line: &Line, found: &mut Found) {
        let Some(block) = self.open.take() else {
            if Kind::of(label) != Kind::Other {
                self.any = true;
                found.fault(Some(line.number), FaultKind::EndWithoutBegin);
            }
            return;
        };
        if block.kind == Kind::Other {
            return;
        }
        if block.label != label {
            let is_glued = label
                .strip_prefix(block.label)
                .is_some_and(|rest| rest.starts_with(b"----------BEGIN "));
            let kind = if is_glued {
                FaultKind::Glued
            } else {
                FaultKind::LabelsDiffer
            };
            found.fault(Some(block.line), kind);
            return;
        }
        let body = self.bytes.get(block.body..line.start).unwrap_or_default();
        match decoded(body, block.kind) {
            Ok(mut body) => {
                if body.headers == Headers::Foreign {
                    found.fault(Some(block.line), FaultKind::ForeignHeaders);
                }
                block.kind.read(&body, block.line, found);
                block.kind.leave_public(&mut body.bytes);
            }
            Err(kind) => found.fault(Some(block.line), kind),
        }
    }

    fn cut_short(&mut self, found: &mut Found) {
        if let Some(block) = self.open.take()
            && block.kind != Kind::Other
        {
            found.fault(Some(block.line), FaultKind::NoEnd);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Certificate,
    /// A certificate, and behind it what OpenSSL trusts it for.
    TrustedCertificate,
    RevocationList,
    Pkcs7,
    Key(Encoding),
    EncryptedKey,
    OpenSshKey,
    UnknownKey,
    /// Neither certificates nor private keys: passed over.
    Other,
}

impl Kind {
    fn of(label: &[u8]) -> Self {
        match label {
            b"CERTIFICATE" | b"X509 CERTIFICATE" => Self::Certificate,
            b"TRUSTED CERTIFICATE" => Self::TrustedCertificate,
            b"X509 CRL" => Self::RevocationList,
            b"PKCS7" | b"CMS" | b"PKCS #7 SIGNED DATA" => Self::Pkcs7,
            b"PRIVATE KEY" => Self::Key(Encoding::Pkcs8),
            b"RSA PRIVATE KEY" => Self::Key(Encoding::Rsa),
            b"EC PRIVATE KEY" => Self::Key(Encoding::Ec),
            b"DSA PRIVATE KEY" => Self::Key(Encoding::Dsa),
            b"ENCRYPTED PRIVATE KEY" => Self::EncryptedKey,
            b"OPENSSH PRIVATE KEY" => Self::OpenSshKey,
            _ if label.ends_with(b" PRIVATE KEY") => Self::UnknownKey,
            _ => Self::Other,
        }
    }

    /// Leaves bytes that are no secret unwiped: most of them are those of hundreds of authorities.
    fn leave_public(self, bytes: &mut Zeroizing<Vec<u8>>) {
        if matches!(
            self,
            Self::Certificate | Self::TrustedCertificate | Self::RevocationList
        ) {
            drop(std::mem::take(&mut **bytes));
        }
    }

    fn read(self, body: &Body, line: u64, found: &mut Found) {
        let line = Some(line);
        match self {
            _ if body.headers == Headers::Encrypted => {
                found.private_keys.push(Half::Encrypted(None));
            }
            Self::TrustedCertificate => {
                let first = Elements::of(&body.bytes).next_element();
                let certificate = first.map_or(body.bytes.as_slice(), |first| first.whole);
                found.certificate(certificate, line);
            }
            Self::Certificate => found.certificate(&body.bytes, line),
            Self::RevocationList => found.revocation_list(&body.bytes, line),
            Self::Pkcs7 => pkcs7::read(&body.bytes, line, found),
            Self::Key(encoding) => {
                found.private_key(private_key::half(&body.bytes, encoding), line);
            }
            Self::EncryptedKey => {
                let password = found.password.map(Password::Text);
                private_key::open(&body.bytes, line, password.as_slice(), found);
            }
            Self::OpenSshKey => found.private_key(private_key::openssh(&body.bytes), line),
            Self::UnknownKey => found.private_keys.push(Half::Unknown),
            Self::Other => {}
        }
    }
}

enum Boundary<'a> {
    Begin(&'a [u8]),
    End(&'a [u8]),
    Malformed(&'a [u8]),
}

fn boundary(text: &[u8]) -> Option<Boundary<'_>> {
    if let Some(rest) = text.strip_prefix(b"-----END ") {
        return Some(Boundary::End(rest.strip_suffix(b"-----")?));
    }
    let rest = text.strip_prefix(b"-----BEGIN ")?;
    let end = rest.windows(5).position(|five| five == b"-----");
    let label = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
    Some(
        if end.is_some_and(|end| end.saturating_add(5) == rest.len()) {
            Boundary::Begin(label)
        } else {
            Boundary::Malformed(label)
        },
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Indent {
    None,
    ByteOrderMark,
    Blanks,
}

fn stripped(text: &[u8]) -> (Indent, &[u8]) {
    let text = text.trim_ascii_end();
    if let Some(text) = text.strip_prefix(BYTE_ORDER_MARK) {
        return (Indent::ByteOrderMark, text.trim_ascii_start());
    }
    let flush = text.trim_ascii_start();
    if flush.len() == text.len() {
        (Indent::None, text)
    } else {
        (Indent::Blanks, flush)
    }
}

/// What stands between the lines of dashes.
struct Body {
    bytes: Zeroizing<Vec<u8>>,
    headers: Headers,
}

/// Lines with a colon before the base64 (RFC 1421).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Headers {
    None,
    /// They say that a password protects the block.
    Encrypted,
    Foreign,
}

fn decoded(body: &[u8], kind: Kind) -> Result<Body, FaultKind> {
    let (headers, base64) = without_headers(body);
    // In one allocation of the right size: what a vector outgrows is not wiped.
    let mut text = Zeroizing::new(Vec::with_capacity(base64.len()));
    let mut rest = base64.trim_ascii_start();
    while !rest.is_empty() {
        let end = memchr::memchr3(b'\n', b'\r', b' ', rest).unwrap_or(rest.len());
        let (run, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if memchr::memchr2(b'\t', b'\x0c', run).is_none() {
            text.extend_from_slice(run);
        } else {
            text.extend(run.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        rest = after.trim_ascii_start();
    }
    if text.is_empty() {
        return Err(FaultKind::EmptyBlock);
    }
    let length = BASE64_MIME_PERMISSIVE.decode_len(text.len());
    let mut bytes = Zeroizing::new(vec![0; length.map_err(|_| FaultKind::NotBase64)?]);
    let decoded = BASE64_MIME_PERMISSIVE.decode_mut(&text, &mut bytes);
    let length = decoded.map_err(|_| FaultKind::NotBase64)?;
    bytes.truncate(length);
    kind.leave_public(&mut text);
    Ok(Body { bytes, headers })
}

/// The base64 behind the headers, which end with an empty line.
fn without_headers(body: &[u8]) -> (Headers, &[u8]) {
    let mut headers = Headers::None;
    for line in Lines::of(body) {
        let text = line.text.trim_ascii();
        let is_header = text.contains(&b':');
        if headers == Headers::None && !is_header && !text.is_empty() {
            break;
        }
        if headers != Headers::None && text.is_empty() {
            return (headers, body.get(line.end..).unwrap_or_default());
        }
        let kind = text.strip_prefix(b"Proc-Type:");
        if kind.is_some_and(|kind| kind.ends_with(b"ENCRYPTED")) {
            headers = Headers::Encrypted;
        } else if is_header && headers == Headers::None {
            headers = Headers::Foreign;
        }
    }
    (headers, body)
}

/// A line and where it lies.
pub(super) struct Line<'a> {
    /// From 1.
    number: u64,
    pub(super) text: &'a [u8],
    start: usize,
    /// Where the next one starts.
    end: usize,
    ended_by_return: bool,
}

/// Lines that end in LF, CR LF or CR.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            number: 0,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        // Many lines are empty in what is meant to take long.
        let is_empty = matches!(rest.first(), Some(b'\n' | b'\r'));
        let length = if is_empty {
            Some(0)
        } else {
            memchr::memchr2(b'\n', b'\r', rest)
        };
        let length = length.unwrap_or(rest.len());
        let (text, terminator) = rest.split_at_checked(length)?;
        let (terminator, ended_by_return) = match terminator {
            [b'\r', b'\n', ..] => (2, false),
            [b'\r', ..] => (1, true),
            [_, ..] => (1, false),
            [] => (0, false),
        };
        self.at = start.checked_add(length)?.checked_add(terminator)?;
        self.number = self.number.saturating_add(1);
        Some(Line {
            number: self.number,
            text,
            start,
            end: self.at,
            ended_by_return,
        })
    }
}
