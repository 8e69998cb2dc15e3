//! Passwords in SQL and in calls of scripts.

use super::SecretKind;
use super::names;
use super::names::Weight;
use super::text::{Span, at, cut, find, is_name_byte, until, until_in};
use super::values::{is_reference, looks_like_password};

/// Names are no longer.
const LONGEST: usize = 48;
/// A call with more text in it is not looked at.
const LONGEST_CALL: usize = 1024;

/// Calls whose second text, or later one, is a password.
#[rustfmt::skip]
const CALLS: &[&str] = &["login", "auth", "authenticate", "connect", "signin", "sign_in", "logon", "basicauth", "httpbasicauth", "basic_auth", "createuser",
    "bind", "simple_bind", "simple_bind_s", "bind_s", "open", "mysql_connect", "mysqli_connect", "pg_connect", "mysqli", "pdo", "getconnection", "adduser", "add_user", "usercredential", "networkcredential", "pscredential", "crypt", "aes_encrypt", "aes_decrypt", "pgp_sym_encrypt", "pgp_sym_decrypt", "encrypt", "hmac"];

/// Finds what statements say.
pub(super) fn scan(text: &[u8], spans: &mut Vec<Span>) {
    let mut call_end = 0;
    for (i, &byte) in text.iter().enumerate() {
        match byte {
            b'(' if i >= call_end => call_end = call(text, i, spans),
            b'>' => arrow(text, i, spans),
            b' ' | b'\n' | b'\t' => sql(text, i, spans),
            b'"' => sent(text, i, spans),
            _ => {}
        }
    }
}

/// `login('u', 'X')`, `changeUserPassword("u", "X")`, `PASSWORD('X')`. Returns where it ends.
fn call(text: &[u8], open: usize, spans: &mut Vec<Span>) -> usize {
    let back = cut(text, open.saturating_sub(LONGEST), open);
    let length = back.iter().rev().take_while(|&&b| is_name_byte(b)).count();
    let mut path = cut(text, open - length, open);
    // `auth=("u", "X")`
    if path.is_empty() && back.last() == Some(&b'=') {
        let named = cut(back, 0, back.len() - 1);
        let length = named.iter().rev().take_while(|&&b| is_name_byte(b)).count();
        path = cut(named, named.len() - length, named.len());
    }
    let name = path.rsplit(|&b| b == b'.').next().unwrap_or_default();
    let known = CALLS
        .iter()
        .any(|call| name.eq_ignore_ascii_case(call.as_bytes()));
    let strong = names::judge(name).is_some_and(|name| name.weight == Weight::Strong);
    if name.is_empty() || !known && !strong {
        return 0;
    }
    let limit = text.len().min(open + LONGEST_CALL);
    let mut texts: Vec<(usize, usize, usize)> = Vec::new();
    let mut argument = 0;
    let mut i = open + 1;
    while i < limit {
        match at(text, i) {
            b')' => break,
            b'{' => return i,
            quote @ (b'"' | b'\'') => {
                let mut end = i + 1;
                while end < limit && at(text, end) != quote {
                    end += if at(text, end) == b'\\' { 2 } else { 1 };
                }
                texts.push((argument, i + 1, end.min(limit)));
                i = end + 1;
            }
            byte => {
                argument += usize::from(byte == b',');
                i += 1;
            }
        }
    }
    let connects = name.to_ascii_lowercase().ends_with(b"connect")
        || name.eq_ignore_ascii_case(b"mysqli")
        || name.eq_ignore_ascii_case(b"pdo")
        || name.eq_ignore_ascii_case(b"getconnection");
    let secret = match texts.len() {
        0 => None,
        1 if strong => texts.first(),
        // `pgp_sym_encrypt(column, 'X')`.
        1 => texts.first().filter(|text| !connects && text.0 == 1),
        // Host, user, password, database.
        _ if connects => texts.get(2),
        _ => texts.get(1),
    };
    if let Some(&(_, start, end)) = secret
        && start < end
        && !is_reference(cut(text, start, end))
    {
        spans.push(Span::new(start, end, SecretKind::Name));
    }
    i
}

/// `password => "X"`, `password -> X`: with the name before the arrow, in quotes or not.
fn arrow(text: &[u8], i: usize, spans: &mut Vec<Span>) {
    if i == 0 || !matches!(at(text, i - 1), b'=' | b'-') {
        return;
    }
    let mut end = i - 1;
    while end > 0 && i - end < 4 && matches!(at(text, end - 1), b' ' | b'"' | b'\'') {
        end -= 1;
    }
    let length = cut(text, end.saturating_sub(LONGEST), end)
        .iter()
        .rev()
        .take_while(|&&b| is_name_byte(b))
        .count();
    let Some(name) = names::judge(cut(text, end - length, end)) else {
        return;
    };
    let value = i
        + 1
        + cut(text, i + 1, i + 4)
            .iter()
            .take_while(|&&b| b == b' ')
            .count();
    let quote = at(text, value);
    let quoted = matches!(quote, b'"' | b'\'');
    // `a->password` is a member; `password -> X` a value.
    if !quoted
        && (value == i + 1 || at(text, i - 1) == b'-' && !looks_like_password(word(text, value)))
    {
        return;
    }
    let (start, end) = if quoted {
        (value + 1, until(text, value + 1, |b| b == quote))
    } else {
        (value, value + word(text, value).len())
    };
    if !super::values::is_harmless(name, cut(text, start, end)) {
        spans.push(Span::new(start, end, SecretKind::Name));
    }
}

fn word(text: &[u8], start: usize) -> &[u8] {
    cut(
        text,
        start,
        until(text, start, |b| {
            b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b'}')
        }),
    )
}

/// `IDENTIFIED BY x`, `IDENTIFIED WITH p AS 'x'`, `PASSWORD 'x'`, `PASSWORD $$x$$`, `PASSWORD = N'x'`, `SECRET 'x'`.
fn sql(text: &[u8], space: usize, spans: &mut Vec<Span>) {
    // What the words below end with; most words do not.
    let last = cut(text, space.saturating_sub(1), space).first();
    if !last.is_some_and(|last| matches!(last | 0x20, b'y' | b's' | b'e' | b'd' | b't')) {
        return;
    }
    let before = cut(text, space.saturating_sub(16), space);
    let letters = before
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_alphabetic() || **b == b'_')
        .count();
    if !matches!(letters, 2 | 6..=8 | 10) {
        return;
    }
    let keyword = cut(text, space - letters, space);
    let identified = || {
        let statement = cut(text, space.saturating_sub(96), space);
        statement
            .windows(10)
            .any(|window| window.eq_ignore_ascii_case(b"identified"))
    };
    let by = (keyword.eq_ignore_ascii_case(b"by")
        || keyword.eq_ignore_ascii_case(b"as")
        || keyword.eq_ignore_ascii_case(b"replace"))
        && identified();
    let password = ["password", "secret", "key_id", "passphrase"]
        .iter()
        .any(|known| keyword.eq_ignore_ascii_case(known.as_bytes()));
    if !by && !password {
        return;
    }
    let mut start = space
        + cut(text, space, space + 8)
            .iter()
            .take_while(|b| b.is_ascii_whitespace() || **b == b'=')
            .count();
    if matches!(at(text, start), b'N' | b'E' | b'n' | b'e' | b'x' | b'X')
        && at(text, start + 1) == b'\''
    {
        start += 1;
    }
    let (start, end) = match at(text, start) {
        quote @ (b'\'' | b'"') => (start + 1, until(text, start + 1, |b| b == quote)),
        b'$' => {
            // `$$x$$`, `$tag$x$tag$`.
            let tag_end = until_in(text, start + 1, text.len().min(start + 32), |b| b == b'$');
            if at(text, tag_end) != b'$' {
                return;
            }
            let tag = cut(text, start, tag_end + 1);
            let Some(end) = find(text, tag, tag_end + 1) else {
                return;
            };
            (tag_end + 1, end)
        }
        _ if by => {
            let word = cut(
                text,
                start,
                until(text, start, |b| {
                    b.is_ascii_whitespace() || matches!(b, b';' | b',' | b')' | b'"')
                }),
            );
            if ["password", "values", "externally", "globally", "random"]
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
            {
                return;
            }
            (start, start + word.len())
        }
        _ => return,
    };
    if start < end && !is_reference(cut(text, start, end)) {
        spans.push(Span::new(start, end, SecretKind::PasswordOption));
    }
}

/// `send "X\r"` of expect: the answer to a prompt.
fn sent(text: &[u8], quote: usize, spans: &mut Vec<Span>) {
    let before = cut(text, quote.saturating_sub(9), quote);
    if before.last() != Some(&b' ') {
        return;
    }
    if ![&b"send "[..], b"send -- ", b"sendln ", b"exp_send "]
        .iter()
        .any(|word| before.ends_with(word))
    {
        return;
    }
    let end = until_in(
        text,
        quote + 1,
        text.len().min(quote + 1 + LONGEST_CALL),
        |b| b == b'"',
    );
    let mut sent = cut(text, quote + 1, end);
    for ending in [&b"\\n"[..], b"\\r"] {
        sent = sent.strip_suffix(ending).unwrap_or(sent);
    }
    if looks_like_password(sent) {
        spans.push(Span::new(
            quote + 1,
            quote + 1 + sent.len(),
            SecretKind::Name,
        ));
    }
}
