//! The words of a check, read: each kind and its options.

use std::time::Duration;

use super::{Bound, DEPTH, File, Http, Listen, Processes, Relation, Spec, Tls, Verify};

pub(super) fn spec(text: &str, depth: usize) -> Result<Spec, String> {
    let text = text.trim();
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(format!("not and all are nested more than {DEPTH} deep"));
    };
    if let Some(rest) = text.strip_prefix("not ") {
        return spec(rest, deeper).map(|inner| Spec::Not(Box::new(inner)));
    }
    if let Some(rest) = text.strip_prefix("all(") {
        let inner = rest
            .strip_suffix(')')
            .ok_or_else(|| format!("{text:?}: expected ) at the end"))?;
        let parts = parts(inner).into_iter().map(|part| spec(part, deeper));
        return parts.collect::<Result<_, _>>().map(Spec::All);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return http(text);
    }
    let (kind, rest) = text.split_once(':').ok_or_else(|| unknown(text))?;
    if rest.is_empty() {
        return Err(format!("{text:?}: expected a value after {kind}:"));
    }
    match kind {
        "tcp" => endpoint(rest).map(Spec::Tcp),
        "http" => http(rest),
        "tls" => tls(rest),
        "process" => process(rest),
        "listen" => listen(rest),
        "file" => file(rest),
        "cert" => {
            let mut options = ScanOptions::with_flags(rest, &["min-days", "verify"], &["verify"])?;
            let min_days = options.number("min-days")?.unwrap_or(0);
            let verify = options.take("verify").map_or(Ok(Verify::None), verify)?;
            let path = absolute(options.head)?;
            Ok(Spec::Cert {
                path,
                min_days,
                verify,
            })
        }
        "dns" => Ok(Spec::Dns(rest.to_owned())),
        "memory" => bound(rest).map(Spec::Memory),
        "fds" => bound(rest).map(Spec::Fds),
        _ => Err(unknown(text)),
    }
}

fn unknown(text: &str) -> String {
    format!(
        "{text:?} is not a check; expected tcp:HOST:PORT, http://…, tls:HOST:PORT, process:WORD, \
         listen:PORT, file:PATH, cert:PATH, dns:NAME, memory:<90%, fds:<80%, not CHECK or \
         all(CHECK; CHECK)"
    )
}

/// The parts between semicolons that stand in no inner parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut open = 0_usize;
    let mut ends = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
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
    found
}

fn http(text: &str) -> Result<Spec, String> {
    let mut options = ScanOptions::of(text, &["status", "body"])?;
    let url = options.head.to_owned();
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(format!(
            "{url:?}: expected a URL that begins with http:// or https://"
        ));
    }
    let status = options.take("status").map_or(Ok((200, 399)), statuses)?;
    let body = options.take("body").map(str::to_owned);
    Ok(Spec::Http(Http { url, status, body }))
}

/// `200`, `200-299` or `2xx`.
fn statuses(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("status: expected 200, 200-299 or 2xx, not {text:?}");
    let code = |text: &str| {
        let code = text.parse().ok().filter(|code| (100..600).contains(code));
        code.ok_or_else(wrong)
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = code(&format!("{class}00"))?;
        return Ok((first, first + 99));
    }
    match text.split_once('-') {
        Some((from, to)) => Ok((code(from)?, code(to)?)),
        None => code(text).map(|code| (code, code)),
    }
}

fn tls(text: &str) -> Result<Spec, String> {
    let mut options = ScanOptions::of(text, &["min-days", "servername", "verify"])?;
    let verify = verify(options.take("verify").unwrap_or_default())?;
    Ok(Spec::Tls(Tls {
        min_days: options.number("min-days")?.unwrap_or(0),
        server_name: options.take("servername").map(str::to_owned),
        endpoint: endpoint(options.head)?,
        verify,
    }))
}

/// Whose authorities decide: the target's, unless an option says otherwise.
fn verify(text: &str) -> Result<Verify, String> {
    match text {
        "" | "target" => Ok(Verify::Target),
        "mozilla" => Ok(Verify::Mozilla),
        "none" => Ok(Verify::None),
        other => Err(format!(
            "verify: expected target, mozilla or none, not {other:?}"
        )),
    }
}

fn process(text: &str) -> Result<Spec, String> {
    let mut options = ScanOptions::of(text, &["min", "max", "min-uptime", "max-restarts"])?;
    Ok(Spec::Process(Processes {
        min: options.number("min")?.unwrap_or(1),
        max: options.number("max")?,
        min_uptime: options.duration("min-uptime")?,
        max_restarts: options.number("max-restarts")?,
        word: options.head.to_owned(),
    }))
}

fn listen(text: &str) -> Result<Spec, String> {
    let mut options = ScanOptions::of(text, &["protocol"])?;
    let udp = match options.take("protocol") {
        None | Some("tcp") => false,
        Some("udp") => true,
        Some(other) => return Err(format!("protocol: expected tcp or udp, not {other:?}")),
    };
    let port = options.head.parse().ok().filter(|port| *port > 0);
    let port = port.ok_or_else(|| format!("listen: expected a port, not {:?}", options.head))?;
    Ok(Spec::Listen(Listen { port, udp }))
}

fn file(text: &str) -> Result<Spec, String> {
    let mut options = ScanOptions::of(text, &["max-age", "min-size"])?;
    Ok(Spec::File(File {
        max_age: options.duration("max-age")?,
        min_size: options.number("min-size")?.unwrap_or(0).into(),
        path: absolute(options.head)?,
    }))
}

fn absolute(path: &str) -> Result<String, String> {
    if path.starts_with('/') {
        return Ok(path.to_owned());
    }
    Err(format!(
        "{path:?}: expected an absolute path, as the target sees it"
    ))
}

fn endpoint(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(port) if port > 0 => Ok(text.to_owned()),
        _ if text.starts_with("unix:/") => Ok(text.to_owned()),
        _ => Err(format!("{text:?}: expected HOST:PORT")),
    }
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
    let percent = rest
        .strip_suffix('%')
        .and_then(|number| number.parse().ok());
    let percent = percent.filter(|percent: &f64| (0.0..=1_000.0).contains(percent));
    let percent = percent.ok_or_else(wrong)?;
    Ok(Bound { relation, percent })
}

/// What stands before the options, and the options.
pub(super) struct ScanOptions<'a> {
    pub(super) head: &'a str,
    given: Vec<(&'a str, &'a str)>,
}

impl<'a> ScanOptions<'a> {
    /// Splits known options off the end.
    pub(super) fn of(text: &'a str, known: &[&str]) -> Result<Self, String> {
        Self::with_flags(text, known, &[])
    }

    /// The same; these of them may be given without a value, which is then empty.
    fn with_flags(text: &'a str, known: &[&str], flags: &[&str]) -> Result<Self, String> {
        let mut head = text;
        let mut given = Vec::new();
        while let Some((before, last)) = head.rsplit_once(',') {
            let last = last.trim();
            let split = last.split_once(['=', '~']);
            let split = split.or_else(|| flags.contains(&last).then_some((last, "")));
            let Some((name, value)) = split.filter(|(name, _)| known.contains(name)) else {
                break;
            };
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

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let at = self.given.iter().position(|(given, _)| *given == name)?;
        Some(self.given.swap_remove(at).1)
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<u32>, String> {
        let parse = |value: &str| {
            let wrong = |_| format!("{name}: expected a number, not {value:?}");
            value.parse().map_err(wrong)
        };
        self.take(name).map(parse).transpose()
    }

    pub(super) fn duration(&mut self, name: &str) -> Result<Option<Duration>, String> {
        let parse = |value: &str| {
            let wrong = |_| format!("{name}: expected a duration such as 30s, not {value:?}");
            humantime::parse_duration(value).map_err(wrong)
        };
        self.take(name).map(parse).transpose()
    }
}
