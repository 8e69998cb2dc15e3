//! Values that are harmless although their name announces a secret.

use super::entropy;
use super::looks::{find_scheme, is_algorithm, is_key_name, is_path, is_plain_word, is_public};
pub(super) use super::looks::{is_email, is_reference, looks_like_password};
use super::names::{SecretName, Weight};

/// Longer values are never looked into: nothing harmless is that long.
const LONGEST: usize = 4096;

/// Whether a value may be shown under a name like a secret's.
pub(super) fn is_harmless(name: SecretName, value: &[u8]) -> bool {
    if value.len() > LONGEST {
        return false;
    }
    is_switch(value)
        || is_placeholder(value)
        || is_reference(value)
        || value.starts_with(b"arn:") && !value.contains(&b' ')
        || is_digest(value)
        || name.switch && is_plain_word(value) && value.len() > 4
        || name.quantity && (is_quantity(value) || is_service_link(value))
        || name.file && (is_path(value) || is_file_name(value))
        || name.path && value.starts_with(b"/") && is_path(before_comma(value))
        || name.hash && is_algorithm(value)
        || is_rooted_path(value)
        || match name.weight {
            Weight::Strong => false,
            Weight::Key => is_key_file(value) || is_key_name(value) || is_public(value),
            Weight::Weak => {
                // logind counts sessions: `c2`.
                name.quantity && value.len() <= 4
                    || is_path(value)
                    || is_plain_word(value)
                    || is_algorithm(value)
                    || is_public(value)
                    || is_prose(value)
            }
            Weight::Maybe => !looks_like_password(value) || is_public(value),
            Weight::Connection => is_connection_without_password(value),
            Weight::Users => !holds_passwords(value),
            Weight::Directory => value.starts_with(b"/") || value.starts_with(b"~"),
            Weight::Webhook => !find_scheme(value) || is_spelled_url(value),
            Weight::Gpg => is_fingerprint_list(value),
        }
}

/// Of a list of options, the first.
fn before_comma(value: &[u8]) -> &[u8] {
    value.split(|&b| b == b',').next().unwrap_or_default()
}

fn is_switch(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 22] = [
        b"never",
        b"always",
        b"auto",
        b"optional",
        b"required",
        b"require",
        b"prefer",
        b"allow",
        b"deny",
        b"prompt",
        b"default",
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
    matches!(value, b"" | b"0" | b"1" | b"2" | b"3" | b"-")
        || value.len() <= 8 && WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `FILE;`: what a help text or an error puts in place of a value.
fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 6] = [b"FILE", b"PATH", b"DIR", b"NAME", b"TOKEN", b"VALUE"];
    if value == "…".as_bytes() {
        return true;
    }
    let end = value
        .iter()
        .rposition(u8::is_ascii_alphabetic)
        .map_or(0, |last| last + 1);
    let (word, punctuation) = value.split_at(end);
    punctuation.len() < 3
        && punctuation.iter().all(u8::is_ascii_punctuation)
        && WORDS.contains(&word)
}

/// Words about it: `cannot verify signature: algorithm unimplemented`.
fn is_prose(value: &[u8]) -> bool {
    let mut words = value.split(|&b| b == b' ');
    let is_word = |word: &[u8]| {
        let word = word.strip_suffix(b",").unwrap_or(word);
        (2..=14).contains(&word.len()) && word.iter().all(u8::is_ascii_lowercase)
    };
    words.next().is_some_and(is_word) && words.next().is_some_and(is_word)
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
    let extension = inner.rsplit(|&b| b == b'.').next().unwrap_or_default();
    let named = extension.len() < inner.len()
        && (2..=8).contains(&extension.len())
        && extension.iter().all(u8::is_ascii_lowercase);
    is_path(value) && (ending || (rooted || named) && !wild)
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

/// A driver's name, a path, a DSN of the system, or a URL without a user.
fn is_connection_without_password(value: &[u8]) -> bool {
    let name = value.len() <= 32
        && value.first().is_some_and(u8::is_ascii_alphabetic)
        && value.split(|b| matches!(b, b'-' | b'_')).all(|part| {
            part.iter().all(u8::is_ascii_alphabetic) || part.iter().all(u8::is_ascii_digit)
        });
    let driver = [
        &b"mysql"[..],
        b"mariadb",
        b"pgsql",
        b"postgres",
        b"sqlite",
        b"sqlsrv",
        b"mongodb",
        b"redis",
        b"oracle",
        b"db2",
        b"h2",
        b"memory",
        b"sync",
        b"null",
        b"log",
    ]
    .iter()
    .any(|known| {
        value
            .strip_prefix(*known)
            .is_some_and(|rest| rest.len() <= 2 && rest.iter().all(u8::is_ascii_digit))
    });
    let url = (find_scheme(value) || [&b"jdbc:"[..], b"mysql:", b"pgsql:", b"sqlsrv:", b"oci:", b"odbc:"].iter().any(|scheme| value.starts_with(scheme)) || value.starts_with(b"sqlite:") || value.starts_with(b"file:"))
        && !value.contains(&b' ')
        && (!value.contains(&b'@') || has_user_only(value))
        && !value.windows(3).any(|window| window.eq_ignore_ascii_case(b"%40"))
        // A secret among the parameters is found by its own name; what looks like one is not shown.
        && !value.split(|b| matches!(b, b'/' | b'?' | b'&' | b'=' | b':')).any(|part| {
            looks_like_password(part) || entropy::looks_random(part)
        });
    let place = value.len() <= 64
        && value.contains(&b':')
        && value.iter().all(|&b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b',')
        });
    name || driver
        || is_spelled_connection(value)
        || url
        || is_path(value) && !value.contains(&b'@')
        || place && !holds_passwords(value)
}

/// `https://hooks.example.com/github`: nothing in it that one could not guess.
fn is_spelled_url(value: &[u8]) -> bool {
    let Some(at) = value.windows(3).position(|window| window == b"://") else {
        return false;
    };
    let rest = value.get(at + 3..).unwrap_or_default();
    !rest.iter().any(|b| matches!(b, b'@' | b'?' | b'#' | b'%'))
        && rest.split(|&b| b == b'/').skip(1).all(|part| {
            let letters = part
                .iter()
                .all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'));
            let version = part.len() <= 3 && part.first() == Some(&b'v');
            part.len() <= 24 && letters || version
        })
}

/// `postgresql://app@db/x`: a user, and no password.
fn has_user_only(value: &[u8]) -> bool {
    let authority = value
        .windows(3)
        .position(|window| window == b"://")
        .and_then(|at| value.get(at + 3..))
        .unwrap_or_default();
    let user = authority
        .iter()
        .take_while(|&&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .count();
    !value.starts_with(b"http")
        && user < 20
        && authority.get(user) == Some(&b'@')
        && holds_one_at(authority)
}

fn holds_one_at(value: &[u8]) -> bool {
    value.split(|&b| b == b'@').count() == 2
}

/// `host=db port=5432`, `Server=db;Integrated Security=true`, `app@tcp(db:3306)/shop`: each part is
/// one of those that a connection consists of, and no password is among them.
fn is_spelled_connection(value: &[u8]) -> bool {
    const KEYS: &str = "host hostaddr port dbname database user username uid userid server datasource data source addr address initialcatalog sslmode driver encrypt \
        integratedsecurity trustedconnection trustservercertificate applicationname timeout connecttimeout connect_timeout charset provider pooling service \
        sslrootcert sslcert target_session_attrs application_name multipleactiveresultsets persistsecurityinfo minpoolsize maxpoolsize protocol network scheme schema db dsn";
    let user = value
        .iter()
        .take_while(|&&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .count();
    let go = [&b"@tcp("[..], b"@unix("]
        .iter()
        .any(|net| value.get(user..).is_some_and(|rest| rest.starts_with(net)))
        && holds_one_at(value)
        && !value.contains(&b'=');
    if go {
        return true;
    }
    let separator = if value.contains(&b';') { b';' } else { b' ' };
    let mut parts = value
        .split(|&b| b == separator)
        .filter(|part| !part.trim_ascii().is_empty())
        .peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            let Some(equals) = part.iter().position(|&b| b == b'=') else {
                return false;
            };
            let (key, value) = part.split_at_checked(equals).unwrap_or_default();
            let key: Vec<u8> = key
                .iter()
                .filter(|b| !b.is_ascii_whitespace())
                .map(u8::to_ascii_lowercase)
                .collect();
            let value = value.get(1..).unwrap_or_default();
            KEYS.split_ascii_whitespace()
                .any(|known| known.as_bytes() == key)
                && !looks_like_password(value)
                && !value.contains(&b'@')
        })
}

/// `bob:X` or `bob:X,eve:Y`: a password behind a user, where an id or a role would be a plain word.
fn holds_passwords(value: &[u8]) -> bool {
    if find_scheme(value) || is_path(value) {
        return false;
    }
    value
        .split(|b| matches!(b, b',' | b';' | b' ' | b'\n' | b'|'))
        .any(|pair| {
            let Some(colon) = pair.iter().position(|&b| b == b':') else {
                return false;
            };
            let (user, password) = (
                pair.get(..colon).unwrap_or_default(),
                pair.get(colon + 1..).unwrap_or_default(),
            );
            !user.is_empty()
                && user.iter().all(|&b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@' | b'+')
                })
                && password.len() >= 4
                && !is_plain_word(password)
                && !is_email(password)
                && !is_path(password)
                && !is_reference(password)
                && !password
                    .iter()
                    .all(|&b| b.is_ascii_digit() || matches!(b, b'.' | b':' | b'-'))
        })
}

/// Groups of at least eight hexadecimal digits.
fn is_fingerprint_list(value: &[u8]) -> bool {
    value
        .split(|&b| matches!(b, b' ' | b','))
        .all(|part| part.is_empty() || part.len() >= 8 && part.iter().all(u8::is_ascii_hexdigit))
}
