//! The words of a check, read: each kind and its options.

use std::time::Duration;

use super::{Bound, DEPTH, File, Grpc, Http, Listen, Processes, Relation, Spec, Tls, Verify};
use crate::parse::ip_literal::IpLiteral;
use crate::probe::endpoint::{Endpoint, check_name};
use crate::sections::tls::check_server_name;

pub(super) fn spec(text: &str, depth: usize) -> Result<Spec, String> {
    let text = text.trim();
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(format!("not and all are nested more than {DEPTH} deep"));
    };
    if let Some(rest) = text.strip_prefix("not ") {
        return spec(rest, deeper).map(|inner| Spec::Not(Box::new(inner)));
    }
    if let Some(rest) = text.strip_prefix("all(") {
        return several(text, rest, deeper).map(Spec::All);
    }
    if let Some(rest) = text.strip_prefix("any(") {
        return several(text, rest, deeper).map(Spec::Any);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return http(text);
    }
    let (kind, rest) = text.split_once(':').ok_or_else(|| unknown(text))?;
    if rest.is_empty() {
        return Err(format!("{text:?}: expected a value after {kind}:"));
    }
    match kind {
        "tcp" => {
            let options = CheckOptions::of(rest, &[])?;
            Endpoint::parse_host_port(options.head)
                .map(Spec::Tcp)
                .map_err(String::from)
        }
        "http" => http(rest),
        "grpc" | "grpcs" => grpc(rest, kind == "grpcs"),
        "tls" => tls(rest),
        "process" => process(rest),
        "listen" => listen(rest),
        "file" => file(rest),
        "cert" => cert(rest),
        "dns" => dns(rest),
        "memory" => bound(rest).map(Spec::Memory),
        "fds" => bound(rest).map(Spec::Fds),
        _ => Err(unknown(text)),
    }
}

fn unknown(text: &str) -> String {
    format!(
        "{text:?} is not a check; expected tcp:HOST:PORT, http://…, grpc:HOST:PORT, tls:HOST:PORT, \
         process:WORD, listen:PORT, file:PATH, cert:PATH, dns:NAME, memory:<90%, fds:<80%, not CHECK, \
         all(CHECK; CHECK) or any(CHECK; CHECK)"
    )
}

/// The checks in parentheses; `rest` is what follows the one that opens them.
fn several(text: &str, rest: &str, depth: usize) -> Result<Vec<Spec>, String> {
    let inner = rest
        .strip_suffix(')')
        .ok_or_else(|| format!("{text:?}: expected ) at the end"))?;
    let parts = parts(inner).ok_or_else(|| format!("{text:?}: ( and ) do not match"))?;
    parts.into_iter().map(|part| spec(part, depth)).collect()
}

/// The parts between semicolons that stand in no inner parentheses; `None` where those do not
/// match.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut open = 0_usize;
    let mut ends = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.checked_sub(1)?,
            b';' if open == 0 => ends.push(at),
            _ => {}
        }
    }
    ends.push(text.len());
    let mut from = 0;
    let mut found = Vec::new();
    for end in ends {
        found.extend(text.get(from..end));
        from = end + 1;
    }
    (open == 0).then_some(found)
}

fn http(text: &str) -> Result<Spec, String> {
    let mut options = CheckOptions::of(text, &["status", "body"])?;
    let url = options.head;
    let plain = url.strip_prefix("http://").map(|rest| (false, 80, rest));
    let secured = || url.strip_prefix("https://").map(|rest| (true, 443, rest));
    let (is_tls, usual_port, rest) = plain
        .or_else(secured)
        .ok_or_else(|| format!("{url:?}: expected a URL that begins with http:// or https://"))?;
    // The fragment is for the client alone.
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("a user name or password in a URL is not supported".to_owned());
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "{url:?}: the path contains a space or another character that must be written as %XX"
        ));
    }
    let path = match path.strip_prefix('?') {
        _ if path.is_empty() => "/".to_owned(),
        Some(_) => format!("/{path}"),
        None => path.to_owned(),
    };
    let endpoint = Endpoint::parse_authority(authority, Some(usual_port))?;
    let status = options.take("status")?.map_or(Ok((200, 399)), statuses)?;
    let body = options.take("body")?.map(str::to_owned);
    Ok(Spec::Http(Http {
        is_tls,
        endpoint,
        authority: authority.to_owned(),
        path,
        status,
        body,
    }))
}

/// `200`, `200-299` or `2xx`.
fn statuses(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("status: expected 200, 200-299 or 2xx, not {text:?}");
    let code = |text: &str| {
        let code = digits(text).filter(|code| (100..600).contains(code));
        code.ok_or_else(wrong)
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = code(&format!("{class}00"))?;
        return Ok((first, first + 99));
    }
    match text.split_once('-') {
        Some((from, to)) => {
            let (from, to) = (code(from)?, code(to)?);
            if from > to {
                return Err(format!("status: {from} is greater than {to}"));
            }
            Ok((from, to))
        }
        None => code(text).map(|code| (code, code)),
    }
}

fn grpc(text: &str, is_tls: bool) -> Result<Spec, String> {
    let mut options = CheckOptions::of(text, &["service"])?;
    let endpoint = Endpoint::parse_host_port(options.head)?;
    let authority = match &endpoint {
        Endpoint::Tcp(..) => options.head,
        // As gRPC itself has it.
        Endpoint::Unix(_) => "localhost",
    };
    Ok(Spec::Grpc(Grpc {
        is_tls,
        authority: authority.to_owned(),
        service: options.take("service")?.unwrap_or_default().to_owned(),
        endpoint,
    }))
}

fn tls(text: &str) -> Result<Spec, String> {
    let mut options = CheckOptions::of(text, &["min-days", "servername", "verify"])?;
    let server_name = options.take("servername")?;
    if let Some(name) = server_name {
        check_server_name(name).map_err(|why| format!("servername: {why}"))?;
    }
    Ok(Spec::Tls(Tls {
        verify: options.take("verify")?.map_or(Ok(Verify::Target), verify)?,
        min_days: options.number("min-days")?.unwrap_or(0),
        server_name: server_name.map(str::to_owned),
        endpoint: Endpoint::parse(options.head, None)?,
    }))
}

fn cert(text: &str) -> Result<Spec, String> {
    let mut options = CheckOptions::with_flags(text, &["min-days", "verify"], &["verify"])?;
    let min_days = options.number("min-days")?.unwrap_or(0);
    let verify = match options.take_flag("verify") {
        None => Verify::None,
        Some(None) => Verify::Target,
        Some(Some(value)) => verify(value)?,
    };
    let path = absolute(options.head)?;
    Ok(Spec::Cert {
        path,
        min_days,
        verify,
    })
}

fn dns(text: &str) -> Result<Spec, String> {
    let options = CheckOptions::of(text, &[])?;
    if IpLiteral::parse(options.head.as_bytes()).is_none() {
        check_name(options.head).map_err(|why| format!("dns: {why}"))?;
    }
    Ok(Spec::Dns(options.head.to_owned()))
}

/// Whose authorities decide.
fn verify(text: &str) -> Result<Verify, String> {
    match text {
        "target" => Ok(Verify::Target),
        "mozilla" => Ok(Verify::Mozilla),
        "none" => Ok(Verify::None),
        other => Err(format!(
            "verify: expected target, mozilla or none, not {other:?}"
        )),
    }
}

fn process(text: &str) -> Result<Spec, String> {
    let mut options = CheckOptions::of(text, &["min", "max", "min-uptime", "max-restarts"])?;
    let (min, max) = (options.number("min")?.unwrap_or(1), options.number("max")?);
    if options.head.is_empty() {
        return Err(format!("{text:?}: expected a word after process:"));
    }
    match max {
        Some(0) if min == 1 => {
            return Err("max=0 needs min=0; or use: not process:WORD".to_owned());
        }
        Some(max) if min > max => return Err(format!("min={min} is greater than max={max}")),
        _ => {}
    }
    Ok(Spec::Process(Processes {
        min,
        max,
        min_uptime: options.duration("min-uptime")?,
        max_restarts: options.number("max-restarts")?,
        word: options.head.to_owned(),
    }))
}

fn listen(text: &str) -> Result<Spec, String> {
    let mut options = CheckOptions::of(text, &["protocol"])?;
    let udp = match options.take("protocol")? {
        None | Some("tcp") => false,
        Some("udp") => true,
        Some(other) => return Err(format!("protocol: expected tcp or udp, not {other:?}")),
    };
    let port = digits(options.head).filter(|port| *port > 0);
    let port = port.ok_or_else(|| format!("listen: expected a port, not {:?}", options.head))?;
    Ok(Spec::Listen(Listen { port, udp }))
}

fn file(text: &str) -> Result<Spec, String> {
    let mut options = CheckOptions::of(text, &["max-age", "min-size"])?;
    let max_age = options.duration("max-age")?;
    if max_age.is_some_and(|age| age.is_zero()) {
        return Err("max-age must be greater than zero".to_owned());
    }
    Ok(Spec::File(File {
        max_age,
        min_size: options.number("min-size")?.unwrap_or(0),
        path: absolute(options.head)?,
    }))
}

fn absolute(path: &str) -> Result<String, String> {
    if path.starts_with('/') && !path.contains('\0') {
        return Ok(path.to_owned());
    }
    Err(format!(
        "{path:?}: expected an absolute path, as the target sees it"
    ))
}

/// A number in digits alone: no sign, no blank.
fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn bound(text: &str) -> Result<Bound, String> {
    let wrong = || format!("{text:?}: expected a share such as <90%");
    let (relation, rest) = [
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("<", Relation::Below),
        (">", Relation::Above),
    ]
    .into_iter()
    .find_map(|(sign, relation)| Some((relation, text.strip_prefix(sign)?)))
    .ok_or_else(wrong)?;
    let number = rest.strip_suffix('%').ok_or_else(wrong)?;
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = number.parse().ok().filter(|_| is_plain);
    let percent: f64 = percent.ok_or_else(wrong)?;
    if percent > 100.0 {
        return Err(format!("{text:?}: a share is at most 100%"));
    }
    let is_zero = percent <= 0.0;
    match relation {
        Relation::Below if is_zero => Err(format!("{text:?}: no share is below 0%")),
        Relation::AtLeast if is_zero => Err(format!("{text:?}: every share is at least 0%")),
        _ => Ok(Bound { relation, percent }),
    }
}

/// Every option that a check has, to find one that is behind a check of another kind.
const OPTIONS: [&str; 15] = [
    "body",
    "fail-after",
    "max",
    "max-age",
    "max-restarts",
    "min",
    "min-days",
    "min-size",
    "min-uptime",
    "protocol",
    "servername",
    "service",
    "status",
    "timeout",
    "verify",
];

/// Whether a name is an option in other letters, or with one that is wrong, missing, too many or
/// has changed places: taken for a part of the word, it would change what the check means.
fn is_misspelt(name: &str, option: &str) -> bool {
    let (name, option) = (name.as_bytes(), option.as_bytes());
    if name == option {
        return false;
    }
    let equal = |(one, other): &(&u8, &u8)| one.eq_ignore_ascii_case(other);
    let before = name.iter().zip(option).take_while(equal).count();
    let (name, option) = (name.get(before..), option.get(before..));
    let (name, option) = (name.unwrap_or_default(), option.unwrap_or_default());
    let behind = name.iter().rev().zip(option.iter().rev());
    let behind = behind.take_while(equal).count();
    match (name.len() - behind, option.len() - behind) {
        (0 | 1, 0 | 1) => before + behind > 1,
        (2, 2) => name.first() == option.get(1) && name.get(1) == option.first(),
        _ => false,
    }
}

/// What stands before the options, and the options.
pub(super) struct CheckOptions<'a> {
    pub(super) head: &'a str,
    given: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> CheckOptions<'a> {
    /// Splits known options off the end.
    pub(super) fn of(text: &'a str, known: &[&str]) -> Result<Self, String> {
        Self::with_flags(text, known, &[])
    }

    /// The options that may follow any check, split off the end; others are left in the head.
    pub(super) fn of_any(text: &'a str, known: &[&str]) -> Result<Self, String> {
        Self::split(text, known, &[])
    }

    /// As [`Self::of`]; these of them may be given without a value.
    fn with_flags(text: &'a str, known: &[&str], flags: &[&str]) -> Result<Self, String> {
        let options = Self::split(text, known, flags)?;
        // A URL may hold anything behind its commas.
        let last = options.head.rsplit_once(',').map(|(_, last)| last.trim());
        let name = last.and_then(|last| Some(last.split_once(['=', '~'])?.0));
        let meant = name.and_then(|name| {
            let mut every = known.iter().chain(&["timeout", "fail-after"]);
            every.find(|option| is_misspelt(name, option))
        });
        if let (Some(name), Some(meant)) = (name, meant) {
            return Err(format!("unknown option {name:?}; did you mean {meant}?"));
        }
        match name {
            Some(name) if OPTIONS.contains(&name) && !options.head.contains("://") => {
                let also = known.iter().map(|name| format!("{name}, "));
                let also: String = also.collect();
                Err(format!(
                    "{name} is not an option of this check; options: {also}and of the whole check \
                     timeout and fail-after"
                ))
            }
            _ => Ok(options),
        }
    }

    fn split(text: &'a str, known: &[&str], flags: &[&str]) -> Result<Self, String> {
        let mut head = text;
        let mut given = Vec::new();
        while let Some((before, last)) = head.rsplit_once(',') {
            let last = last.trim();
            let split = last.split_once(['=', '~']).map(|(name, value)| {
                let sign = last.get(name.len()..=name.len());
                (name, sign, Some(value))
            });
            let split = split.or_else(|| flags.contains(&last).then_some((last, None, None)));
            let Some((name, sign, value)) = split.filter(|(name, ..)| known.contains(name)) else {
                break;
            };
            let expected = if name == "body" { "~" } else { "=" };
            if sign.is_some_and(|sign| sign != expected) {
                return Err(format!("{name}: expected {name}{expected}VALUE"));
            }
            if value == Some("") {
                return Err(format!("{name}: expected a value"));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name} is given more than once"));
            }
            given.push((name, value));
            head = before;
        }
        Ok(Self {
            head: head.trim(),
            given,
        })
    }

    /// The value of an option that has one.
    fn take(&mut self, name: &str) -> Result<Option<&'a str>, String> {
        match self.take_flag(name) {
            None => Ok(None),
            Some(Some(value)) => Ok(Some(value)),
            Some(None) => Err(format!("{name}: expected a value")),
        }
    }

    #[expect(
        clippy::option_option,
        reason = "whether it is given, and whether it has a value"
    )]
    fn take_flag(&mut self, name: &str) -> Option<Option<&'a str>> {
        let at = self.given.iter().position(|(given, _)| *given == name)?;
        Some(self.given.swap_remove(at).1)
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self, name: &str) -> Result<Option<N>, String> {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        let number = digits(value);
        let wrong = || format!("{name}: expected a number, not {value:?}");
        number.map(Some).ok_or_else(wrong)
    }

    pub(super) fn duration(&mut self, name: &str) -> Result<Option<Duration>, String> {
        let Some(value) = self.take(name)? else {
            return Ok(None);
        };
        let wrong = |_| format!("{name}: expected a duration such as 30s, not {value:?}");
        humantime::parse_duration(value).map(Some).map_err(wrong)
    }
}
