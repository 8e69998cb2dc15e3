//! Private keys: PEM blocks, and DER in base64.

use data_encoding::BASE64_NOPAD;

use super::SecretKind;
use super::entropy;
use super::text::{Span, at, cut, find, until};

/// A PEM block: hidden when it is a private key, skipped when not (its body looks random).
pub(super) fn pem(text: &[u8], start: usize, label_start: usize, spans: &mut Vec<Span>) -> usize {
    let label_end = until(text, label_start, |b| b == b'-');
    let body_start = until(text, label_end, |b| b != b'-');
    let label = cut(text, label_start, label_end);
    let private = find(label, b"PRIVATE KEY", 0).is_some() || label.starts_with(b"OpenVPN Static");
    let end = match find(text, b"-----", body_start) {
        Some(end) if cut(text, end, end + 9) == b"-----END " => {
            let tail = until(text, end + 9, |b| b == b'-');
            until(text, tail, |b| b != b'-')
        }
        // Another block begins before this one ended.
        Some(begin) => begin,
        None if private => text.len(),
        // Not a block after all.
        None => body_start,
    };
    if private {
        spans.push(Span::new(start, end, SecretKind::PrivateKey));
    }
    end
}

/// What base64 hides: a private key, a certificate (shown), or noise.
pub(super) fn encoded(piece: &[u8]) -> Option<SecretKind> {
    // ssh-rsa, ssh-ed25519 and ecdsa public keys.
    if [&b"AAAAB3NzaC1"[..], b"AAAAC3NzaC1", b"AAAAE2VjZHNh"]
        .iter()
        .any(|prefix| piece.starts_with(prefix))
    {
        return None;
    }
    if piece.starts_with(b"LS0tLS1CRUdJTi") {
        let whole = piece.len() - piece.len() % 4;
        let decoded = BASE64_NOPAD
            .decode(cut(piece, 0, whole))
            .unwrap_or_default();
        if decoded.is_empty() || find(&decoded, b"PRIVATE KEY", 0).is_some() {
            return Some(SecretKind::PrivateKey);
        }
        return None;
    }
    if piece.starts_with(b"M") {
        match der(piece) {
            Der::Private => return Some(SecretKind::PrivateKey),
            Der::Public => return None,
            Der::Other => {}
        }
    }
    entropy::looks_random(piece).then_some(SecretKind::HighEntropy)
}

enum Der {
    Private,
    Public,
    Other,
}

/// Looks at the first tags only: SEQUENCE { INTEGER version … } is a private key (PKCS #1,
/// #8, #12, SEC 1), SEQUENCE { SEQUENCE … } a certificate or a public key.
fn der(piece: &[u8]) -> Der {
    let Ok(head) = BASE64_NOPAD.decode(cut(piece, 0, 32.min(piece.len() - piece.len() % 4))) else {
        return Der::Other;
    };
    let inside = |bytes: &[u8], from: usize| match at(bytes, from) {
        0x81 => from + 2,
        0x82 => from + 3,
        0x83 => from + 4,
        _ => from + 1,
    };
    if at(&head, 0) != 0x30 {
        return Der::Other;
    }
    let first = inside(&head, 1);
    match (at(&head, first), at(&head, first + 1), at(&head, first + 2)) {
        (0x02, 1, 0..=3) => Der::Private,
        (0x30, _, _) => {
            let inner = inside(&head, first + 1);
            // A version or a serial number: a certificate. An algorithm: a public key,
            // unless it is PKCS #5, which encrypts a private one.
            match at(&head, inner) {
                0x06 if find(
                    &head,
                    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05],
                    inner,
                )
                .is_some() =>
                {
                    Der::Private
                }
                0xa0 | 0x02 | 0x06 => Der::Public,
                _ => Der::Other,
            }
        }
        _ => Der::Other,
    }
}
