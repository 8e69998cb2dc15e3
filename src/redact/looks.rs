//! Forms of values: references, paths, plain words, algorithms, public keys, passwords.

use super::entropy;
use super::word_set::WordSet;

/// Where a secret is read: `file:/x`, `env:NAME` of OpenSSL, `op://…` and others of secret managers.
fn is_source(value: &[u8]) -> bool {
    const MANAGERS: [&[u8]; 14] = [
        b"op://",
        b"ref+",
        b"vault:",
        b"vault://",
        b"akv://",
        b"ssm://",
        b"awssm://",
        b"aws-sm://",
        b"gcpsm://",
        b"sm://",
        b"secret://",
        b"doppler://",
        b"keyring:",
        b"@Microsoft.KeyVault(",
    ];
    if matches!(value, b"stdin" | b"prompt") {
        return true;
    }
    if let Some(name) = value.strip_prefix(b"env:") {
        return name
            .iter()
            .all(|&b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    }
    if let Some(path) = value.strip_prefix(b"file:") {
        return is_path(path);
    }
    if let Some(descriptor) = value.strip_prefix(b"fd:") {
        return descriptor.iter().all(u8::is_ascii_digit);
    }
    MANAGERS.iter().any(|manager| {
        value.strip_prefix(*manager).is_some_and(|rest| {
            rest.contains(&b'/')
                && !rest.contains(&b' ')
                && !rest.contains(&b'@')
                && !rest
                    .split(|b| matches!(b, b'/' | b'#' | b'='))
                    .any(looks_like_password)
        })
    })
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
        return is_source(value);
    };
    if let Some(command) = rest
        .strip_prefix(b"(")
        .and_then(|inner| inner.strip_suffix(b")"))
        && command.contains(&b' ')
    {
        // What a command prints is read elsewhere; what `echo` prints stands here.
        return ![&b"echo "[..], b"printf "]
            .iter()
            .any(|echo| command.trim_ascii_start().starts_with(echo))
            && !command.contains(&b'"')
            && !command.contains(&b'\'');
    }
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

/// Anything that reads as a path and holds no noise.
pub(super) fn is_path(value: &[u8]) -> bool {
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

/// `ldap`, `OIDC`, `app_session`, `Apache-2.0`: a mode, a name, a licence. Each part is of letters
/// alone, or a version.
pub(super) fn is_plain_word(value: &[u8]) -> bool {
    value.len() <= 32
        && value.split(|b| matches!(b, b'-' | b'_')).all(|part| {
            part.iter().all(u8::is_ascii_alphabetic)
                || part.len() <= 4 && part.iter().all(|&b| b.is_ascii_digit() || b == b'.')
        })
        && value.first().is_some_and(u8::is_ascii_alphabetic)
        && !entropy::looks_random(value)
}

/// `RS256`, `aes-256-gcm`, `argon2id`, `scram-sha-256`; lists of them too.
pub(super) fn is_algorithm(value: &[u8]) -> bool {
    value.len() <= 96
        && !value.is_empty()
        && value.split(|b| matches!(b, b',' | b' ' | b':')).all(|one| {
            let mut parts = one.split(|b| matches!(b, b'-' | b'_' | b'/'));
            parts.next().is_some_and(is_algorithm_stem)
                && parts.all(|part| {
                    part.is_empty() && one.len() < 64
                        || part.len() <= 5 && part.iter().all(u8::is_ascii_digit)
                        || is_algorithm_stem(part)
                        || MODES.has_in_any_case(part)
                })
        })
}

/// Words behind the name of an algorithm.
static MODES: WordSet = WordSet::of(
    "gcm cbc ctr ccm ecb cfb ofb xts siv kw wrap oaep pss pkcs1 pkcs1v15 padding mac poly1305 ietf draft dhe ecdhe with and id i d crypt sha2 plus key agreement hkdf dir none hash native password k1 r1 v1 v2 1 2",
);
/// Names of algorithms, with the digits that follow them left out.
static STEMS: WordSet = WordSet::of(
    "aes hs rs es ps sha hmac md argon bcrypt blf scrypt pbkdf ed curve rsa dsa ecdsa eddsa ecdh ecdhe dhe dh chacha scram blake des tripledes camellia secp prime ripemd whirlpool sm tls xchacha secretbox \
    xsalsa salsa aria seed idea rc gost poly fernet kyber mlkem dilithium falcon sphincs ecies caching mysql sha256crypt sha512crypt crypt yescrypt phpass ssha ec okp oct",
);

/// `SHA256`, `argon2id`, `x25519`.
fn is_algorithm_stem(part: &[u8]) -> bool {
    let letters = part.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let digits = part
        .iter()
        .skip(letters)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let (stem, rest) = part.split_at_checked(letters).unwrap_or_default();
    let ending = rest.get(digits..).unwrap_or_default();
    if let [b'x' | b'X' | b'p' | b'P'] = stem {
        return (3..=5).contains(&digits) && ending.is_empty();
    }
    digits <= 5
        && STEMS.has_in_any_case(stem)
        && (ending.is_empty() || MODES.has_in_any_case(ending))
}

/// `alias/app`, `projects/…/cryptoKeys/app`, or an algorithm: names a key and is none.
pub(super) fn is_key_name(value: &[u8]) -> bool {
    value.starts_with(b"alias/")
        || value.starts_with(b"projects/")
        || is_algorithm(value) && value.iter().any(u8::is_ascii_digit) && value.len() >= 5
        || value.contains(&b',')
            && value.split(|&b| b == b',').all(|part| {
                part.len() <= 12
                    && part
                        .iter()
                        .all(|&b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-' | b' '))
            })
}

/// Keys that are made to be published.
pub(super) fn is_public(value: &[u8]) -> bool {
    [
        &b"ssh-rsa "[..],
        b"ssh-ed25519 ",
        b"ecdsa-sha2-",
        b"sk-ssh-",
        b"sk-ecdsa-",
        b"age1",
        b"MFkwEwYHKoZI",
        b"MHYwEAYHKoZI",
        b"MCowBQYDK2Vw",
        b"MIIBIjANBgkqh",
        b"MIICIjANBgkqh",
        b"MIGfMA0GCSqG",
        b"pk_live_",
        b"pk_test_",
        b"pk.",
        b"-----BEGIN PUBLIC",
        b"-----BEGIN CERT",
        b"-----BEGIN RSA PUBLIC",
        b"-----BEGIN PGP PUBLIC",
        b"RWQ",
    ]
    .iter()
    .any(|prefix| value.starts_with(prefix))
}

/// Letters and digits mixed inside a word, as people and generators make passwords, and names
/// hardly ever: `Tr0ub4dor-3`, but not `us-east-1a`, `ubuntu22.04`, `argon2id`.
pub(super) fn looks_like_password(value: &[u8]) -> bool {
    // Most words have no mixture: what costs more is asked of the others.
    (6..=256).contains(&value.len())
        && !value.iter().any(u8::is_ascii_whitespace)
        && is_mixed(value)
        && !(is_path(value)
            || is_algorithm(value)
            || is_reference(value)
            || is_email(value)
            || find_scheme(value)
            || value
                .iter()
                .all(|&b| b.is_ascii_hexdigit() || matches!(b, b'-' | b':' | b'.')))
}

fn is_mixed(value: &[u8]) -> bool {
    let mut changes = 0;
    let mut last = 0;
    let mut seen = [false; 4];
    for &byte in value {
        let class = match byte {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 2,
            b'0'..=b'9' => 3,
            b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'?' | b'+' | b'~' => 0,
            _ => {
                last = 0;
                continue;
            }
        };
        if let Some(place) = seen.get_mut(class) {
            *place = true;
        }
        // From letter to digit and back; a capital at the start of a word is no change.
        if last != 0 && class != last && (class == 3 || last == 3) {
            changes += 1;
        }
        last = class;
    }
    let [symbol, lower, upper, digit] = seen;
    let kinds = u8::from(symbol) + u8::from(lower) + u8::from(upper) + u8::from(digit);
    changes >= 3
        || changes == 2 && kinds >= 3
        || kinds == 4
        || kinds == 3 && symbol && value.len() >= 8
        || changes >= 1 && kinds >= 3 && value.len() >= 7 && !is_spelled_name(value)
}

/// `ServiceV2`, `Room-12`: capitals at the start of words, digits at their ends.
fn is_spelled_name(value: &[u8]) -> bool {
    value
        .split(|b| matches!(b, b'-' | b'_' | b'.' | b':'))
        .all(|part| {
            let digits = part.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            part.get(..part.len() - digits)
                .is_some_and(|letters| letters.iter().all(u8::is_ascii_alphabetic))
        })
}

/// `me@example.com`.
pub(super) fn is_email(value: &[u8]) -> bool {
    let mut parts = value.split(|&b| b == b'@');
    let (Some(user), Some(host), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    !user.is_empty()
        && user.iter().all(|&b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-' | b'+')
        })
        && host.contains(&b'.')
        && host
            .iter()
            .all(|&b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

pub(super) fn find_scheme(value: &[u8]) -> bool {
    value.windows(3).any(|window| window == b"://")
}
