//! Passwords in URLs and DSNs, and URLs that are credentials as a whole.

use super::SecretKind;
use super::tables::hooks::HOOKS;
use super::text::{Span, at, cut, find, is_name_byte, until, until_in};
use super::values::{is_email, is_reference, looks_like_password};

/// A well-known part of a URL is no longer.
const LONGEST_HOOK: usize = 512;

/// Finds the passwords; `has_at` spares texts without `@` the search for them.
pub(super) fn scan(text: &[u8], has_at: bool, spans: &mut Vec<Span>) {
    let mut next = find(text, b"://", 0);
    while let Some(place) = next {
        let authority = place + 3;
        next = find(text, b"://", authority);
        let limit = next.unwrap_or(text.len());
        // A text that is one URL may hold raw spaces; in a sentence a space ends it.
        let alone = cut(text, 0, place.min(64))
            .iter()
            .all(|&b| is_name_byte(b) || matches!(b, b'=' | b'+' | b':'));
        let end = if alone {
            limit
        } else {
            until_in(text, authority, limit, |b| b.is_ascii_whitespace())
        };
        if has_at {
            userinfo(text, authority, end, spans);
        }
        webhook(text, authority, end, spans);
    }
    if has_at {
        without_protocol(text, spans);
        let mut from = 0;
        while from < text.len() {
            let start = until(text, from, |b| !b.is_ascii_whitespace());
            let end = until(text, start, |b| b.is_ascii_whitespace());
            without_scheme(text, start, end, spans);
            from = end.max(start + 1);
        }
    }
}

/// `//user:password@host`, at the start of a word.
fn without_protocol(text: &[u8], spans: &mut Vec<Span>) {
    let mut next = find(text, b"//", 0);
    while let Some(place) = next {
        next = find(text, b"//", place + 2);
        let begins = place == 0
            || matches!(
                at(text, place - 1),
                b' ' | b'=' | b'"' | b'\'' | b'\n' | b','
            );
        if begins {
            let end = until(text, place + 2, |b| b.is_ascii_whitespace());
            userinfo(text, place + 2, end.min(next.unwrap_or(text.len())), spans);
        }
    }
}

/// `user:password@`, as it is written rather than as it ought to be: raw `/`, `#`, `?` and
/// `@` in a password break the URL but must not show half of it.
fn userinfo(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    let user_end = until_in(text, start, end, |b| {
        matches!(b, b':' | b'/' | b'?' | b'#' | b'"')
    });
    let authority_end = |from| until_in(text, from, end, |b| matches!(b, b'/' | b'?' | b'#'));
    if user_end == end || at(text, user_end) != b':' || at(text, start) == b'[' {
        token_as_user(text, start, user_end, spans);
        return;
    }
    let password = user_end + 1;
    let proper_end = authority_end(password);
    let proper = last_at(text, password, proper_end);
    let any = last_at(text, password, end);
    let password_end = match (proper, any) {
        (Some(proper), Some(any)) => {
            let in_query = cut(text, proper, any).contains(&b'?');
            if in_query { proper } else { any }
        }
        (None, Some(any)) => {
            let port = cut(text, password, proper_end);
            if user_end > start && port.iter().all(u8::is_ascii_digit) {
                token_as_user(text, start, user_end, spans);
                return;
            }
            any
        }
        _ => {
            token_as_user(text, start, user_end, spans);
            return;
        }
    };
    if !is_reference(cut(text, password, password_end)) {
        spans.push(Span::new(password, password_end, SecretKind::UrlPassword));
    }
    // `https://TOKEN:x-oauth-basic@host`
    token_as_user_part(text, start, user_end, spans);
}

/// The last `@` that does not begin a part of a path (`/@scope/package`).
fn last_at(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let part = cut(text, start, end);
    let mut from = part.len();
    loop {
        let place = part.get(..from)?.iter().rposition(|&b| b == b'@')?;
        if place == 0 || at(part, place - 1) != b'/' {
            return Some(start + place);
        }
        from = place;
    }
}

/// `https://TOKEN@host`
fn token_as_user(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    if let Some(place) = cut(text, start, end).iter().position(|&b| b == b'@') {
        token_as_user_part(text, start, start + place, spans);
    }
}

fn token_as_user_part(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    let user = cut(text, start, end);
    if user.len() >= 20 && user.iter().any(u8::is_ascii_digit) && !user.contains(&b'@')
        || looks_like_password(user)
    {
        spans.push(Span::new(start, end, SecretKind::UrlPassword));
    }
}

/// Anyone who knows these URLs may post: hides what comes after the well-known part.
fn webhook(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    let url = cut(text, start, end.min(start + LONGEST_HOOK));
    let Some(secret) = HOOKS.iter().find_map(|hook| hook_end(hook.as_bytes(), url)) else {
        return;
    };
    let secret = start + secret;
    let secret_end = until_in(text, secret, end, |b| {
        b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`')
    });
    spans.push(Span::new(secret, secret_end, SecretKind::WebhookUrl));
}

/// Where the secret begins in `url`, if it is such a hook.
fn hook_end(hook: &[u8], url: &[u8]) -> Option<usize> {
    let hook_host = hook.iter().position(|&b| b == b'/')?;
    let host_end = url.iter().position(|&b| b == b'/')?;
    let host = cut(url, 0, host_end);
    let any = hook_host == 1;
    match hook.get(..hook_host)? {
        b"*" => {}
        [b'*', ending @ ..] => host.ends_with(ending).then_some(())?,
        exact => host.eq_ignore_ascii_case(exact).then_some(())?,
    }
    let mut at_url = host_end;
    let mut path = cut(hook, hook_host, hook.len());
    while let Some(star) = path.iter().position(|&b| b == b'*') {
        url.get(at_url..)?
            .starts_with(path.get(..star)?)
            .then_some(())?;
        at_url += star;
        at_url += url.get(at_url..)?.iter().position(|&b| b == b'/')?;
        path = path.get(star + 1..)?;
    }
    url.get(at_url..)?.starts_with(path).then_some(())?;
    at_url += path.len();
    let secret = url.get(at_url..)?;
    // On hosts of one's own the path alone says little: the rest has to look like a key.
    let key = secret.split(|b| matches!(b, b'/' | b'?')).any(|part| {
        part.len() >= 8
            && part.iter().any(u8::is_ascii_digit)
            && part.iter().any(u8::is_ascii_alphabetic)
            && (part.len() >= 16 || looks_like_password(part))
    });
    (!secret.is_empty() && (!any || key)).then_some(at_url)
}

/// `app:password@tcp(db:3306)/x`, `jdbc:oracle:thin:scott/tiger@//db`.
fn without_scheme(text: &[u8], start: usize, end: usize, spans: &mut Vec<Span>) {
    let word = cut(text, start, end);
    // `:pserver:user:X@host:/path` of CVS.
    let method = word.strip_prefix(b":").and_then(|rest| {
        let length = rest.iter().position(|&b| b == b':')?;
        rest.iter()
            .take(length)
            .all(u8::is_ascii_alphabetic)
            .then_some(length + 2)
    });
    let start = start + method.unwrap_or(0);
    let word = cut(text, start, end);
    let Some(colon) = word.iter().position(|&b| b == b':') else {
        return;
    };
    if cut(word, colon, colon + 3) == b"://" {
        return;
    }
    if let Some(thin) = find(word, b":thin:", 0) {
        let slash = until(word, thin + 6, |b| matches!(b, b'/' | b'@'));
        if let Some(place) = last_at(word, slash + 1, word.len())
            && at(word, slash) == b'/'
        {
            spans.push(Span::new(
                start + slash + 1,
                start + place,
                SecretKind::UrlPassword,
            ));
        }
        return;
    }
    let user_length = word
        .get(..colon)
        .unwrap_or_default()
        .iter()
        .rev()
        .take_while(|&&b| is_user_byte(b))
        .count();
    let user = cut(word, colon - user_length, colon);
    let before = if user_length == colon {
        b'='
    } else {
        at(word, colon - user_length - 1)
    };
    if user.is_empty()
        || !matches!(before, b'=' | b'"' | b'\'' | b',' | b'(' | b'`' | b';')
        || NOT_USERS.iter().any(|word| user.eq_ignore_ascii_case(word))
    {
        return;
    }
    let Some(place) = last_at(word, colon + 1, word.len()) else {
        return;
    };
    let password = cut(word, colon + 1, place);
    let host = cut(word, place + 1, word.len());
    if is_list_of_ports(word) {
        return;
    }
    // A volume, an empty password, the rest of a URL, an image with its digest or tag.
    let no_password =
        password.is_empty() || password.starts_with(b"/") || find(password, b"://", 0).is_some();
    let host_like =
        matches!(at(host, 0), b'(' | b'[' | b'/' | b'_') || at(host, 0).is_ascii_alphanumeric();
    let digest = host.starts_with(b"sha256:") || host.starts_with(b"sha512:");
    // `app:8080@zone-a` is a port, `user:me@example.com` an address.
    let port = password.iter().all(u8::is_ascii_digit) && password.len() <= 5;
    let address = is_email(cut(word, colon + 1, word.len()))
        && ROLES.iter().any(|role| user.eq_ignore_ascii_case(role));
    if !no_password
        && host_like
        && !digest
        && !is_version(host)
        && !is_reference(password)
        && !port
        && !address
    {
        spans.push(Span::new(
            start + colon + 1,
            start + place,
            SecretKind::UrlPassword,
        ));
    }
}

/// `web:8080@zone-b,api:9090@zone-c`.
fn is_list_of_ports(word: &[u8]) -> bool {
    let word = word.rsplit(|&b| b == b'=').next().unwrap_or_default();
    word.split(|&b| b == b',').all(|entry| {
        let mut parts = entry.split(|b| matches!(b, b':' | b'@'));
        let (name, port, zone) = (parts.next(), parts.next(), parts.next());
        name.is_some_and(|name| !name.is_empty() && name.iter().all(|&b| is_name_byte(b)))
            && port.is_some_and(|port| {
                (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
            })
            && zone.is_some_and(|zone| zone.iter().all(|&b| is_name_byte(b)))
            && parts.next().is_none()
    })
}

/// Words in front of a colon that are no users.
const NOT_USERS: [&[u8]; 29] = [
    b"domain",
    b"principal",
    b"member",
    b"owner",
    b"group",
    b"serviceaccount",
    b"deleted",
    b"reply-to",
    b"bcc",
    b"file",
    b"tag",
    b"mailto",
    b"sip",
    b"sips",
    b"xmpp",
    b"acct",
    b"npm",
    b"pkg",
    b"urn",
    b"jdbc",
    b"docker",
    b"oci",
    b"to",
    b"from",
    b"cc",
    b"email",
    b"workspace",
    b"http",
    b"https",
];

/// What an address may be announced as.
const ROLES: [&[u8]; 12] = [
    b"user",
    b"users",
    b"account",
    b"sender",
    b"contact",
    b"admin",
    b"recipient",
    b"maintainer",
    b"author",
    b"email",
    b"mail",
    b"client",
];

fn is_user_byte(byte: u8) -> bool {
    is_name_byte(byte) || matches!(byte, b'%' | b'+' | b'$' | b'!' | b'~' | b'*') || byte >= 0x80
}

/// `1.2.3`, `v2.0`, but not `10.0.0.1`.
fn is_version(host: &[u8]) -> bool {
    let digits = host.strip_prefix(b"v").unwrap_or(host);
    let parts = digits.split(|&b| b == b'.').count();
    at(digits, 0).is_ascii_digit()
        && (2..=3).contains(&parts)
        && digits.iter().all(|&b| b.is_ascii_digit() || b == b'.')
}
