//! Secrets known by their shape: vendor prefixes, JSON web tokens, private keys, noise.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

use super::SecretKind;
use super::entropy;
use super::text::{Span, at, cut, find, is_run_byte, until, until_in};

/// Finds every secret that its own shape gives away.
pub(super) fn scan(text: &[u8], spans: &mut Vec<Span>) {
    const BEGIN: &[u8] = b"-----BEGIN";
    let mut from = 0;
    while from < text.len() {
        let start = until(text, from, is_run_byte);
        let end = until(text, start, |b| !is_run_byte(b));
        // Dashes are of the alphabet, so a PEM line ends a run, whatever stands before it.
        let before = end.saturating_sub(BEGIN.len());
        let block = before >= start && at(text, end) == b' ' && cut(text, before, end) == BEGIN;
        let run_end = if block { before } else { end };
        if run_end - start >= 16 {
            run(text, start, run_end, spans);
        }
        from = if block {
            pem(text, before, end + 1, spans)
        } else {
            end.max(start + 1)
        };
    }
}

/// A PEM block: hidden when it is a private key, skipped when not (its body looks random).
fn pem(text: &[u8], start: usize, label_start: usize, spans: &mut Vec<Span>) -> usize {
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

/// A run of token characters, `start..end`, at least 16 long.
fn run(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    if let Some(span) = telegram(text, start, end) {
        spans.push(span);
        return;
    }
    let mut part = start;
    while part < end {
        if let Some((length, kind)) = token(cut(text, part, end)) {
            // What follows belongs to it: a longer token than known hides whole.
            spans.push(Span::new(
                part,
                padded(text, (part + length).max(part)),
                kind,
            ));
            part += length;
            continue;
        }
        part = until_in(text, part, end, |b| b == b'/') + 1;
    }
    if announced_as_digest(text, start, end) {
        return;
    }
    let mut piece = start;
    while piece < end {
        let piece_end = until_in(text, piece, end, |b| matches!(b, b'.' | b'~'));
        let bytes = cut(text, piece, piece_end);
        if bytes.len() >= 20
            && let Some(kind) = encoded(bytes)
        {
            let padded_end = if piece_end == end {
                padded(text, end)
            } else {
                piece_end
            };
            let azure = bytes.len() == 86 && padded_end - piece_end == 2;
            let kind = if azure && kind == SecretKind::HighEntropy {
                SecretKind::AzureKey
            } else {
                kind
            };
            spans.push(Span::new(piece, padded_end, kind));
        }
        piece = piece_end + 1;
    }
}

/// With the `=` that pad base64.
fn padded(text: &[u8], end: usize) -> usize {
    end + cut(text, end, end + 2)
        .iter()
        .take_while(|&&b| b == b'=')
        .count()
}

/// `sha512-…`, `SHA256:…`: a digest in base64, as in lock files and of SSH host keys.
fn announced_as_digest(text: &[u8], start: usize, end: usize) -> bool {
    let run = cut(text, start, end);
    let before = cut(text, start.saturating_sub(7), start);
    [&b"sha256-"[..], b"sha384-", b"sha512-", b"sha256/"]
        .iter()
        .any(|prefix| run.starts_with(prefix))
        || before.eq_ignore_ascii_case(b"sha256:")
}

/// What base64 hides: a private key, a certificate (shown), or noise.
fn encoded(piece: &[u8]) -> Option<SecretKind> {
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

/// `123456789:AA…`: a bot's id and 35 characters, often after `bot` in a path.
fn telegram(text: &[u8], start: usize, end: usize) -> Option<Span> {
    let name_end = until_in(text, start, end, |b| {
        !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    });
    if name_end - start != 35 || start == 0 || at(text, start - 1) != b':' {
        return None;
    }
    let before = cut(text, start.saturating_sub(13), start - 1);
    let digits = before
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    (8..=11)
        .contains(&digits)
        .then(|| Span::new(start - 1 - digits, name_end, SecretKind::VendorToken))
}

/// Whether a token begins here, and how long it is.
fn token(run: &[u8]) -> Option<(usize, SecretKind)> {
    // Most runs are paths and words: one look at the first byte sends them on.
    let first = *run.first()?;
    if !matches!(
        first,
        b'A' | b'C' | b'E' | b'G' | b'L' | b'N' | b'P' | b'S' | b'a'..=b'z'
    ) {
        return None;
    }
    if run.starts_with(b"eyJ") {
        return jwt(run).map(|length| (length, SecretKind::Jwt));
    }
    let rule = RULES.iter().find(|rule| {
        rule.prefix.first() == Some(&first)
            && run.starts_with(rule.prefix)
            && (rule.fits)(cut(run, rule.prefix.len(), run.len()))
    })?;
    // Tokens hold no slash or plus, the path behind them does not belong to them.
    let length = run.iter().take_while(|&&b| b != b'/' && b != b'+').count();
    Some((length, rule.kind))
}

/// Three (signed) or five (encrypted) parts, the first of which decodes to JSON with `alg`.
fn jwt(run: &[u8]) -> Option<usize> {
    const LONGEST_HEADER: usize = 4096;
    let header_end = run
        .iter()
        .take(LONGEST_HEADER)
        .take_while(|&&b| b != b'/')
        .position(|&b| b == b'.')?;
    let header = cut(run, 0, header_end);
    let decoded = BASE64URL_NOPAD.decode(header).ok()?;
    let json = decoded.starts_with(b"{") && find(&decoded, b"\"alg\"", 0).is_some();
    let rest = cut(run, header_end + 1, run.len());
    (json && rest.contains(&b'.')).then_some(run.len())
}

struct Rule {
    prefix: &'static [u8],
    fits: fn(&[u8]) -> bool,
    kind: SecretKind,
}

const fn rule(prefix: &'static str, fits: fn(&[u8]) -> bool, kind: SecretKind) -> Rule {
    Rule {
        prefix: prefix.as_bytes(),
        fits,
        kind,
    }
}

fn word_length(rest: &[u8]) -> usize {
    rest.iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        .count()
}

fn long(rest: &[u8]) -> bool {
    word_length(rest) >= 16
}

/// For prefixes that are also words: asks for a digit and an upper-case letter.
fn mixed(rest: &[u8]) -> bool {
    let word = cut(rest, 0, word_length(rest));
    word.len() >= 16
        && word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_uppercase)
}

fn hex32(rest: &[u8]) -> bool {
    let word = cut(rest, 0, word_length(rest));
    word.len() >= 32 && word.iter().all(u8::is_ascii_hexdigit)
}

fn aws_id(rest: &[u8]) -> bool {
    word_length(rest) == 16
        && cut(rest, 0, 16)
            .iter()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn dotted(rest: &[u8]) -> bool {
    rest.len() >= 40 && rest.contains(&b'.') && mixed(rest)
}

fn vault(rest: &[u8]) -> bool {
    word_length(rest) >= 24 && mixed(rest)
}

static RULES: [Rule; 84] = {
    use SecretKind::{
        AwsKey, GcpKey, GithubToken, GitlabToken, PrivateKey, SlackToken, StripeKey, VendorToken,
    };
    [
        rule("AKIA", aws_id, AwsKey),
        rule("ASIA", aws_id, AwsKey),
        rule("ABIA", aws_id, AwsKey),
        rule("ACCA", aws_id, AwsKey),
        rule("AIza", long, GcpKey),
        rule("ya29.", long, GcpKey),
        rule("GOCSPX-", long, GcpKey),
        rule("ghp_", long, GithubToken),
        rule("gho_", long, GithubToken),
        rule("ghu_", long, GithubToken),
        rule("ghs_", long, GithubToken),
        rule("ghr_", long, GithubToken),
        rule("github_pat_", long, GithubToken),
        rule("glpat-", long, GitlabToken),
        rule("gldt-", long, GitlabToken),
        rule("glrt-", long, GitlabToken),
        rule("glcbt-", long, GitlabToken),
        rule("glptt-", long, GitlabToken),
        rule("glft-", long, GitlabToken),
        rule("glsoat-", long, GitlabToken),
        rule("glagent-", long, GitlabToken),
        rule("xoxa-", long, SlackToken),
        rule("xoxb-", long, SlackToken),
        rule("xoxc-", long, SlackToken),
        rule("xoxd-", long, SlackToken),
        rule("xoxe-", long, SlackToken),
        rule("xoxe.", long, SlackToken),
        rule("xoxp-", long, SlackToken),
        rule("xoxr-", long, SlackToken),
        rule("xoxs-", long, SlackToken),
        rule("xapp-", long, SlackToken),
        rule("sk_live_", long, StripeKey),
        rule("rk_live_", long, StripeKey),
        rule("sk_test_", long, StripeKey),
        rule("rk_test_", long, StripeKey),
        rule("whsec_", long, StripeKey),
        rule("AGE-SECRET-KEY-", long, PrivateKey),
        rule("PRIVATE+KEY+", |rest| rest.len() >= 16, PrivateKey),
        rule("SG.", dotted, VendorToken),
        rule("SK", hex32, VendorToken),
        rule("key-", hex32, VendorToken),
        rule("npm_", long, VendorToken),
        rule("pypi-", mixed, VendorToken),
        rule("dckr_pat_", long, VendorToken),
        rule("dckr_oat_", long, VendorToken),
        rule("hvs.", long, VendorToken),
        rule("hvb.", long, VendorToken),
        rule("hvr.", long, VendorToken),
        rule("s.", vault, VendorToken),
        rule("b.", vault, VendorToken),
        rule("dop_v1_", long, VendorToken),
        rule("doo_v1_", long, VendorToken),
        rule("dor_v1_", long, VendorToken),
        rule("sk-", mixed, VendorToken),
        rule("hf_", mixed, VendorToken),
        rule("gsk_", mixed, VendorToken),
        rule("xai-", mixed, VendorToken),
        rule("nvapi-", mixed, VendorToken),
        rule("r8_", mixed, VendorToken),
        rule("tskey-", long, VendorToken),
        rule("shpat_", long, VendorToken),
        rule("shpss_", long, VendorToken),
        rule("shpca_", long, VendorToken),
        rule("shppa_", long, VendorToken),
        rule("lin_api_", long, VendorToken),
        rule("NRAK-", long, VendorToken),
        rule("dapi", hex32, VendorToken),
        rule("rubygems_", long, VendorToken),
        rule("figd_", long, VendorToken),
        rule("ATATT3", long, VendorToken),
        rule("ATCTT3", long, VendorToken),
        rule("CFPAT-", long, VendorToken),
        rule("dp.pt.", long, VendorToken),
        rule("dp.st.", |rest| rest.len() >= 24, VendorToken),
        rule("pul-", hex32, VendorToken),
        rule("sbp_", hex32, VendorToken),
        rule("sq0csp-", long, VendorToken),
        rule("EAAA", mixed, VendorToken),
        rule("LTAI", mixed, VendorToken),
        rule("PMAK-", long, VendorToken),
        rule("glsa_", long, VendorToken),
        rule("glc_", mixed, VendorToken),
        rule("sntrys_", long, VendorToken),
        rule("atlasv1.", long, VendorToken),
    ]
};
