//! Passwords in the formats of files: hashes of `crypt`, htpasswd and LDAP, pgpass, Oracle logins.

use super::SecretKind;
use super::tables::hashes::{HASHES, NAMED_HASHES, SCHEMES};
use super::text::{Facts, Span, at, cut, until, until_in};
use super::values::{is_email, looks_like_password};

pub(super) fn scan(text: &[u8], facts: Facts, spans: &mut Vec<Span>) {
    if facts.has_dollar() {
        hashes(text, b'$', HASHES, spans);
    }
    if facts.has_brace() {
        hashes(text, b'{', SCHEMES, spans);
    }
    named_hashes(text, spans);
    if facts.has_colon() {
        let lines = Lines { text, from: 0 };
        for line in lines {
            pgpass(text, line, spans);
            users(text, line, spans);
        }
    }
    if facts.has_at() {
        logins(text, spans);
    }
}

struct Lines<'a> {
    text: &'a [u8],
    from: usize,
}

impl Iterator for Lines<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        if self.from >= self.text.len() {
            return None;
        }
        let start = self.from;
        let end = until(self.text, start, |b| b == b'\n');
        self.from = end + 1;
        Some((start, end))
    }
}

/// The hash up to a colon, a quote, or a space.
fn hashes(text: &[u8], first: u8, known: &[&str], spans: &mut Vec<Span>) {
    let mut from = 0;
    while from < text.len() {
        let start = until(text, from, |b| b == first);
        from = start + 1;
        let rest = cut(text, start, start + 24);
        let Some(prefix) = known
            .iter()
            .find(|prefix| rest.starts_with(prefix.as_bytes()))
        else {
            continue;
        };
        let end = until(text, start, |b| {
            b.is_ascii_whitespace() || matches!(b, b':' | b'"' | b'\'' | b';' | b'<')
        });
        if end - start >= prefix.len() + 8 {
            spans.push(Span::new(start, end, SecretKind::PasswordHash));
            from = end;
        }
    }
}

/// Hashes without a sign in front: `pbkdf2_sha256$…`, `*` and 40 digits of `MySQL`, `md5`
/// and 32 of `PostgreSQL`, `0x0200…` of SQL Server.
fn named_hashes(text: &[u8], spans: &mut Vec<Span>) {
    if !has_long_word(text) {
        return;
    }
    let mut from = 0;
    while from < text.len() {
        let start = until(text, from, |b| b.is_ascii_alphanumeric() || b == b'*');
        let end = until(text, start, ends_word);
        from = end + 1;
        // Behind a user, as in htpasswd.
        let word = cut(text, start, end);
        let user = word
            .iter()
            .take(64)
            .position(|&b| b == b':')
            .map(|at| at + 1);
        for begin in [Some(0), user].into_iter().flatten() {
            let hash = cut(word, begin, word.len());
            if hash.len() >= SHORTEST_HASH && is_hash(hash) {
                spans.push(Span::new(start + begin, end, SecretKind::PasswordHash));
                break;
            }
        }
    }
}

/// No hash without a sign in front is shorter.
const SHORTEST_HASH: usize = 34;

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b';' | b'<' | b'=' | b',')
}

/// Whether a word is long enough for a hash; looked for in leaps.
fn has_long_word(text: &[u8]) -> bool {
    let mut start = 0;
    while let Some(window) = text.get(start..start + SHORTEST_HASH) {
        match window.iter().rposition(|&b| ends_word(b)) {
            Some(at) => start += at + 1,
            None => return true,
        }
    }
    false
}

fn is_hash(word: &[u8]) -> bool {
    let hexadecimal = |rest: &[u8], length: usize, capitals: bool| {
        rest.len() == length
            && rest.iter().all(|b| {
                b.is_ascii_digit()
                    || matches!(b, b'A'..=b'F') && capitals
                    || matches!(b, b'a'..=b'f') && !capitals
            })
    };
    match word {
        [b'*', rest @ ..] => hexadecimal(rest, 40, true),
        [b'm', b'd', b'5', rest @ ..] if rest.len() == 32 => hexadecimal(rest, 32, false),
        [b'0', b'x', b'0', b'1' | b'2', b'0', b'0', rest @ ..] => {
            rest.len() >= 40 && rest.iter().all(u8::is_ascii_hexdigit)
        }
        _ => NAMED_HASHES.iter().any(|name| {
            word.strip_prefix(name.as_bytes()).is_some_and(|rest| {
                rest.len() >= 24 && rest.iter().any(|b| matches!(b, b'$' | b'.'))
            })
        }),
    }
}

/// `host:port:database:user:X`.
fn pgpass(text: &[u8], (start, end): (usize, usize), spans: &mut Vec<Span>) {
    let line = cut(text, start, end.min(start + 1024));
    let mut fields = [0; 4];
    let mut found = 0;
    let mut escaped = false;
    for (i, &byte) in line.iter().enumerate() {
        if byte == b':' && !escaped && found < 4 {
            if let Some(place) = fields.get_mut(found) {
                *place = i;
            }
            found += 1;
        } else if byte.is_ascii_whitespace() && found < 4 {
            return;
        }
        escaped = byte == b'\\' && !escaped;
    }
    let [host, port, database, user] = fields;
    let field = |from: usize, to: usize| cut(line, from, to);
    let numbered = |field: &[u8]| {
        field == b"*" || (2..=5).contains(&field.len()) && field.iter().all(u8::is_ascii_digit)
    };
    let password = field(user + 1, line.len());
    if found == 4
        && host > 0
        && numbered(field(host + 1, port))
        && (field(0, host) == b"*" || !field(0, host).iter().all(u8::is_ascii_digit))
        && database > port + 1
        && user > database + 1
        && !field(database + 1, user).iter().all(u8::is_ascii_digit)
        && password.len() >= 2
        && !password.contains(&b':')
        && !password.starts_with(b"/")
    {
        spans.push(Span::new(
            start + user + 1,
            start + line.len(),
            SecretKind::ConnectionString,
        ));
    }
}

/// `password:X` and `bob:X` alone, where X looks like a password.
fn users(text: &[u8], (start, end): (usize, usize), spans: &mut Vec<Span>) {
    let mut from = start;
    while from < end {
        let pair_end = until_in(text, from, end, |b| matches!(b, b',' | b' ' | b'\t' | b';'));
        let pair = cut(text, from, pair_end.min(from + 256));
        if let Some(colon) = pair.iter().position(|&b| b == b':') {
            let user = cut(pair, 0, colon);
            let password = cut(pair, colon + 1, pair.len());
            if looks_like_password(password)
                && !password.contains(&b'"')
                && super::names::judge(user)
                    .is_some_and(|name| name.weight == super::names::Weight::Strong)
            {
                spans.push(Span::new(
                    from + colon + 1,
                    from + pair.len(),
                    SecretKind::Name,
                ));
            }
        }
        from = pair_end + 1;
    }
}

/// `scott/X@orcl`, `jdbc:oracle:oci8:scott/X@orcl`.
fn logins(text: &[u8], spans: &mut Vec<Span>) {
    let mut from = 0;
    while from < text.len() {
        let start = until(text, from, |b| !b.is_ascii_whitespace());
        let end = until(text, start, |b| b.is_ascii_whitespace());
        from = end.max(start + 1);
        let word = cut(text, start, end);
        let begin = word
            .iter()
            .position(|&b| matches!(b, b'=' | b'"' | b'\''))
            .map_or(0, |at| at + 1);
        let word = cut(word, begin, word.len());
        let jdbc = word.starts_with(b"jdbc:oracle:");
        let user = if jdbc {
            word.iter()
                .skip(12)
                .position(|&b| b == b':')
                .map_or(0, |n| n + 13)
        } else {
            0
        };
        let rest = cut(word, user, word.len());
        let Some(slash) = rest.iter().position(|&b| b == b'/') else {
            continue;
        };
        let Some(host) = rest.iter().rposition(|&b| b == b'@') else {
            continue;
        };
        let name = cut(rest, 0, slash);
        if slash == 0
            || host <= slash + 1
            || !name.iter().all(|&b| {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'#' | b'-' | b'.')
            })
        {
            continue;
        }
        let password = cut(rest, slash + 1, host);
        let service = cut(rest, host + 1, rest.len());
        // `//host:1521/service`: nothing else is written so behind a name.
        let connect =
            service.starts_with(b"//") && service.contains(&b':') || is_easy_connect(service);
        let oracle = jdbc
            || connect && !password.contains(&b'/')
            || looks_like_password(password)
                && !password.contains(&b'/')
                && at(service, 0) != 0
                && !is_email(rest);
        if oracle {
            let at = start + begin + user + slash + 1;
            spans.push(Span::new(at, at + password.len(), SecretKind::UrlPassword));
        }
    }
}

/// `host:1521/service`.
fn is_easy_connect(service: &[u8]) -> bool {
    let Some(colon) = service.iter().position(|&b| b == b':') else {
        return false;
    };
    let rest = cut(service, colon + 1, service.len());
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    (2..=5).contains(&digits) && rest.get(digits) == Some(&b'/')
}
