//! Values that are harmless although their name announces a secret.

use super::entropy;
use super::names::{SecretName, Weight};

/// Longer values are never looked into: nothing harmless is that long.
const LONGEST: usize = 4096;

/// Whether a value may be shown under a name like a secret's.
pub(super) fn is_harmless(name: SecretName, value: &[u8]) -> bool {
    if value.len() > LONGEST {
        return false;
    }
    is_switch(value)
        || is_reference(value)
        || value.starts_with(b"arn:")
        || is_digest(value)
        || name.quantity && (is_quantity(value) || is_service_link(value))
        || name.file && (is_path(value) || is_file_name(value))
        || is_rooted_path(value)
        || match name.weight {
            Weight::Strong => false,
            Weight::Key => is_key_file(value),
            Weight::Weak => is_path(value) || is_plain_word(value),
            Weight::Webhook => !value.windows(3).any(|window| window == b"://"),
            Weight::Gpg => is_fingerprint_list(value),
        }
}

/// A wholly `$NAME`, `${NAME}`, `$(NAME)` or `{{ … }}` value names a secret and holds none.
/// `${NAME:-default}` does hold one.
pub(super) fn is_reference(value: &[u8]) -> bool {
    if let Some(inner) = value
        .strip_prefix(b"{{")
        .and_then(|rest| rest.strip_suffix(b"}}"))
    {
        return !inner.contains(&b'"') && !inner.contains(&b'\'');
    }
    let Some(rest) = value.strip_prefix(b"$") else {
        return false;
    };
    let name = rest
        .strip_prefix(b"{")
        .and_then(|inner| inner.strip_suffix(b"}"))
        .or_else(|| {
            rest.strip_prefix(b"(")
                .and_then(|inner| inner.strip_suffix(b")"))
        })
        .unwrap_or(rest);
    // Shells allow digits and lower case, but "$ecret1" is likelier a password than a variable.
    let braced = name.len() < rest.len();
    let (first, others) = match name.split_first() {
        Some((first, others)) => (*first, others),
        None => return false,
    };
    let fits = |b: u8| {
        b == b'_'
            || if braced {
                b.is_ascii_alphabetic()
            } else {
                b.is_ascii_uppercase()
            }
    };
    fits(first) && others.iter().all(|&b| fits(b) || b.is_ascii_digit())
}

fn is_switch(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 11] = [
        b"true",
        b"false",
        b"yes",
        b"no",
        b"on",
        b"off",
        b"none",
        b"null",
        b"nil",
        b"enabled",
        b"disabled",
    ];
    matches!(value, b"" | b"0" | b"1" | b"-")
        || value.len() <= 8 && WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `sha256:9f86…`: of a certificate or an image, where the name speaks of tokens.
fn is_digest(value: &[u8]) -> bool {
    value
        .strip_prefix(b"sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.iter().all(u8::is_ascii_hexdigit))
}

/// `4096`, `1h30m`, `0.5`, `15 days`.
fn is_quantity(value: &[u8]) -> bool {
    value.len() <= 12
        && value
            .first()
            .is_some_and(|b| b.is_ascii_digit() || *b == b'-')
        && value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b' ' | b'-' | b'_'))
        && value.split(u8::is_ascii_digit).all(|unit| unit.len() <= 7)
        && value.iter().filter(|b| b.is_ascii_alphabetic()).count() <= 7
}

/// `tcp://10.0.0.1:80`: what Kubernetes sets for a Service, even one called "auth-token".
fn is_service_link(value: &[u8]) -> bool {
    [&b"tcp://"[..], b"udp://", b"sctp://"]
        .iter()
        .any(|scheme| {
            value.strip_prefix(*scheme).is_some_and(|rest| {
                rest.iter()
                    .all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'[' | b']'))
            })
        })
}

/// Anything that reads as a path and holds no noise.
fn is_path(value: &[u8]) -> bool {
    value.contains(&b'/')
        && !value.ends_with(b"=")
        && value.iter().all(|&b| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'/' | b'.' | b'_' | b'-' | b'@' | b':' | b'~' | b',')
        })
        && !value.windows(3).any(|window| window == b"://")
        && !value
            .split(|&b| b == b'/')
            .any(|part| entropy::looks_random(part) || part.len() > 255)
        && (value.starts_with(b"/")
            || value.starts_with(b".")
            || value.starts_with(b"~")
            || !entropy::looks_random(value))
}

/// A path below a directory that roots have: a password that starts like this is no accident.
fn is_rooted_path(value: &[u8]) -> bool {
    const ROOTS: [&[u8]; 17] = [
        b"etc", b"run", b"var", b"usr", b"opt", b"home", b"root", b"mnt", b"tmp", b"srv", b"dev",
        b"proc", b"app", b"secrets", b"vault", b"data", b"certs",
    ];
    let Some(rest) = value.strip_prefix(b"/") else {
        return false;
    };
    let mut parts = rest.splitn(2, |&b| b == b'/');
    let first = parts.next().unwrap_or_default();
    parts.next().is_some_and(|more| !more.is_empty()) && ROOTS.contains(&first) && is_path(value)
}

/// `server.key`, `/keys/a`, `./id_rsa`.
fn is_key_file(value: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 8] = [
        b".key", b".pem", b".json", b".crt", b".p12", b".pfx", b".jks", b".pub",
    ];
    let inner = value.strip_prefix(b"/").unwrap_or(value);
    let rooted = [&b"/"[..], b"./", b"../", b"~/"]
        .iter()
        .any(|root| value.starts_with(root));
    let ending = ENDINGS.iter().any(|ending| value.ends_with(ending));
    if !inner.contains(&b'/') {
        let plain = inner
            .iter()
            .all(|&b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_' | b'.'));
        return ending && is_file_name(inner) || inner.len() < value.len() && plain;
    }
    // A base64 key may begin with a slash too: it has upper case and digits in one part.
    let wild = value.split(|&b| b == b'/').any(|part| {
        part.iter().any(u8::is_ascii_uppercase)
            && part.iter().any(u8::is_ascii_digit)
            && part.iter().any(u8::is_ascii_lowercase)
    });
    is_path(value) && (ending || rooted && !wild)
}

/// `token.txt`, `.htpasswd`, `db-password`… with an extension.
fn is_file_name(value: &[u8]) -> bool {
    let extension = value
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        .count();
    (1..=10).contains(&extension)
        && value.len() <= 64
        && value
            .len()
            .checked_sub(extension + 1)
            .and_then(|dot| value.get(dot))
            == Some(&b'.')
        && value
            .iter()
            .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !entropy::looks_random(value)
}

/// `ldap`, `basic`, `ubuntu`: a mode or a name.
fn is_plain_word(value: &[u8]) -> bool {
    value.len() <= 16
        && value
            .iter()
            .all(|&b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
}

/// Groups of at least eight hexadecimal digits.
fn is_fingerprint_list(value: &[u8]) -> bool {
    value
        .split(|&b| matches!(b, b' ' | b','))
        .all(|part| part.is_empty() || part.len() >= 8 && part.iter().all(u8::is_ascii_hexdigit))
}
