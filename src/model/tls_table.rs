//! What a TLS server showed, as a person reads it: what is wrong first, its evidence beside it,
//! what to do last.

use std::fmt::Write;

use super::certificate::{Certificate, KeyAlgorithm, common_name};
use super::seen::Seen;
use super::table::{Align, Cell, Heading, Table};
use super::time::Timestamp;
use super::tls::{
    ClientCertificate, Failure, FailureReason, OcspStaple, OcspStatus, Session, TlsLook, Took,
};
use super::trust_store::{PlaceState, Runtime, TrustPlace, TrustStore};
use super::units::DAY_SECONDS;
use super::verdict::{Authorities, Finding, Judgement, Problem, Verdict};

/// How to show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Only what decides, and how long it lasts.
    pub short: bool,
    /// Also each certificate.
    pub chain: bool,
    /// With more columns.
    pub wide: bool,
}

/// The answer, and the chain where it is asked for.
#[must_use]
pub fn tables(look: &TlsLook, now: Timestamp, style: Style) -> Vec<Table> {
    let mut card = Table {
        headings: vec![heading(""), heading("")],
        rows: rows(look, now, style)
            .into_iter()
            .map(Line::cells)
            .collect(),
        ..Table::default()
    };
    if !style.short {
        card.notes = notes(look);
    }
    let mut tables = vec![card];
    if style.chain && !look.chain.is_empty() {
        tables.push(chain(&look.chain, style));
    }
    tables
}

/// In place of an answer that there is none: the notes tell why.
#[must_use]
pub fn unseen() -> Table {
    Table {
        headings: vec![heading("SERVER")],
        rows: vec![vec![Cell::Unseen]],
        ..Table::default()
    }
}

/// What is wrong, a line each, for where no table is printed.
#[must_use]
pub fn refusals(look: &TlsLook) -> Vec<String> {
    let lines = rows(look, Timestamp::now(), Style::default());
    let wrong = lines.into_iter().filter(|line| line.mark != Mark::Good);
    wrong
        .filter(|line| line.mark != Mark::Fact)
        .map(|line| format!("{} {}: {}", line.mark.sign(), line.what, line.says))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    Bad,
    Warning,
    Unknown,
    Fact,
}

impl Mark {
    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Warning => "!",
            Self::Unknown => "?",
            Self::Fact => " ",
        }
    }
}

struct Line {
    mark: Mark,
    what: &'static str,
    says: String,
    /// Whether it does not decide.
    aside: bool,
}

impl Line {
    fn new(mark: Mark, what: &'static str, says: impl Into<String>) -> Self {
        Self {
            mark,
            what,
            says: says.into(),
            aside: false,
        }
    }

    fn cells(self) -> Vec<Cell> {
        let what = format!("{} {}", self.mark.sign(), self.what);
        // Words of the server and of its certificates are in it.
        vec![what.into(), Cell::Outside(self.says.as_str().into())]
    }
}

fn rows(look: &TlsLook, now: Timestamp, style: Style) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(failure) = &look.failure {
        lines.push(Line::new(Mark::Bad, failed(failure.reason), &*failure.says));
    }
    let mut verdicts = look.verdicts.iter();
    if let Some(first) = verdicts.next() {
        deciding(look, first, &mut lines);
        if !style.short {
            lines.extend(verdicts.map(|verdict| Line {
                aside: true,
                ..other(verdict, first)
            }));
            lines.extend(unjudged(look));
        }
        if !style.short || first.judgement != Judgement::Verified {
            lines.extend(name(look));
        }
    }
    if let Some(leaf) = look.chain.first() {
        lines.push(time(look, leaf, now));
    }
    if let Some(staple) = &look.ocsp_staple
        && (!style.short || staple.status == OcspStatus::Revoked)
    {
        lines.push(stapled(staple));
    }
    if !style.short {
        lines.extend(client(look));
        lines.extend(session(look.session.as_ref(), look.took));
    }
    lines.sort_by_key(|line| match line.mark {
        Mark::Bad if !line.aside => 0,
        Mark::Unknown if !line.aside => 1,
        Mark::Fact => 3,
        _ => 2,
    });
    lines
}

/// The verdict that counts: each of its findings, but those that have a line of their own.
fn deciding(look: &TlsLook, verdict: &Verdict, lines: &mut Vec<Line>) {
    if verdict.judgement == Judgement::Verified {
        let what = with(verdict.authorities);
        lines.push(Line::new(Mark::Good, what, verifies(verdict)));
    }
    let store = look.trust_store.as_ref().and_then(Seen::value);
    let of_target = verdict.authorities == Authorities::Target;
    let nobody = store.filter(|store| of_target && trusts_nobody(store));
    for finding in &verdict.findings {
        let own_line = match finding.problem {
            Problem::NameMismatch => true,
            Problem::Expired | Problem::NotYetValid => finding.certificate == Some(0),
            _ => false,
        };
        if finding.fatal && own_line {
            continue;
        }
        let says = match (finding.problem, nobody) {
            (Problem::UnknownIssuer | Problem::SelfSigned, Some(store)) => no_roots(store),
            _ => finding.says.clone(),
        };
        let mark = match (finding.fatal, verdict.judgement) {
            (false, _) => Mark::Warning,
            (true, Judgement::CannotVerify) => Mark::Unknown,
            (true, _) => Mark::Bad,
        };
        lines.push(Line::new(mark, problem(finding.problem), says));
    }
    if verdict.judgement == Judgement::CannotVerify && fatal(verdict).next().is_none() {
        let says = "uses what spyhole cannot check: neither valid nor invalid";
        lines.push(Line::new(Mark::Unknown, with(verdict.authorities), says));
    }
}

/// Another verdict: whether it comes out otherwise.
fn other(verdict: &Verdict, first: &Verdict) -> Line {
    let what = with(verdict.authorities);
    if verdict.judgement == Judgement::Verified {
        return Line::new(Mark::Good, what, verifies(verdict));
    }
    let mark = match verdict.judgement {
        Judgement::CannotVerify => Mark::Unknown,
        _ => Mark::Bad,
    };
    let known = |finding: &&Finding| {
        let same = |other: &Finding| {
            (other.problem, other.certificate) == (finding.problem, finding.certificate)
        };
        fatal(first).any(same)
    };
    let fresh = fatal(verdict).find(|finding| !known(finding));
    match fresh.or_else(|| fatal(verdict).next()) {
        Some(finding) if fresh.is_some() => Line::new(
            mark,
            what,
            format!("{}: {}", problem(finding.problem), finding.says),
        ),
        Some(finding) => Line::new(
            mark,
            what,
            format!("{}, as above", problem(finding.problem)),
        ),
        None => Line::new(mark, what, "does not verify"),
    }
}

fn fatal(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    verdict.findings.iter().filter(|finding| finding.fatal)
}

fn trusts_nobody(store: &TrustStore) -> bool {
    store.roots.as_ref().and_then(Seen::value) == Some(&0)
}

/// Why nobody is trusted. An image that holds a bundle in vain is not one without.
fn no_roots(store: &TrustStore) -> String {
    let missing = |place: &TrustPlace| {
        place.variable.is_none() && place.state.value() == Some(&PlaceState::Missing)
    };
    if !store.places.is_empty() && store.places.iter().all(missing) {
        format!("the target has no CA bundle: {}", store.consequence)
    } else {
        store.consequence.clone()
    }
}

/// That the target has no verdict, as nothing shows whom it trusts.
fn unjudged(look: &TlsLook) -> Option<Line> {
    let store = look.trust_store.as_ref().and_then(Seen::value)?;
    let of_target = |verdict: &Verdict| verdict.authorities == Authorities::Target;
    if look.verdicts.iter().any(of_target) {
        return None;
    }
    let what = with(Authorities::Target);
    Some(Line {
        aside: true,
        ..Line::new(Mark::Unknown, what, &*store.consequence)
    })
}

fn verifies(verdict: &Verdict) -> String {
    let names: Vec<&str> = verdict
        .path
        .iter()
        .map(|name| common_name(name).unwrap_or(name))
        .collect();
    if names.is_empty() {
        "verifies".to_owned()
    } else {
        format!("verifies: {}", names.join(" ← "))
    }
}

fn name(look: &TlsLook) -> Option<Line> {
    const SHOWN: usize = 4;
    let asked = look.server_name.as_ref()?;
    let mismatch = look.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut mismatch = mismatch.filter(|finding| finding.problem == Problem::NameMismatch);
    if let Some(finding) = mismatch.next() {
        return Some(Line::new(Mark::Bad, "name", &*finding.says));
    }
    // Where nothing could be judged nothing was compared.
    let judged = |verdict: &Verdict| verdict.judgement != Judgement::CannotVerify;
    if !look.verdicts.iter().any(judged) {
        return None;
    }
    let names = look
        .chain
        .first()
        .map(|leaf| &leaf.subject_alternative_names)?;
    let listed: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Some(Line::new(
        Mark::Good,
        "name",
        format!("{asked} is in SAN: {}{more}", listed.join(", ")),
    ))
}

fn time(look: &TlsLook, leaf: &Certificate, now: Timestamp) -> Line {
    let day = |moment: Timestamp| moment.rfc3339().chars().take(10).collect::<String>();
    let range = format!("{} … {}", day(leaf.not_before), day(leaf.not_after));
    let short = look.min_days.filter(|days| !days.enough);
    let findings = look.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut of_leaf = findings.filter(|finding| {
        matches!(finding.problem, Problem::Expired | Problem::NotYetValid)
            && finding.certificate == Some(0)
    });
    let (mark, mut says) = if let Some(finding) = of_leaf.next() {
        (Mark::Bad, format!("{range}, {}", finding.says))
    } else if leaf.seconds_left < 0 {
        let ago = seconds_as_words(leaf.seconds_left);
        (Mark::Bad, format!("{range}, expired {ago} ago"))
    } else if leaf.not_before > now {
        (Mark::Bad, format!("{range}, not valid yet"))
    } else {
        let left = seconds_as_words(leaf.seconds_left);
        (Mark::Good, format!("{range}, {left} left"))
    };
    let Some(days) = short else {
        return Line::new(mark, "time", says);
    };
    if leaf.seconds_left.div_euclid(DAY_SECONDS) != days.left {
        let _ = write!(says, "; {} days of another in the chain", days.left);
    }
    let _ = write!(says, ", fewer than --min-days {}", days.wanted);
    Line::new(Mark::Bad, "time", says)
}

fn seconds_as_words(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn stapled(staple: &OcspStaple) -> Line {
    let until = staple
        .next_update
        .map_or_else(String::new, |next| format!(", until {}", next.rfc3339()));
    let (mark, says) = match staple.status {
        OcspStatus::Good => (Mark::Good, format!("good{until}")),
        OcspStatus::Revoked => {
            let since = staple
                .revoked_at
                .map(Timestamp::rfc3339)
                .unwrap_or_default();
            let why = staple.revocation_reason.as_deref();
            let why = why.map_or_else(String::new, |why| format!(" ({why})"));
            (Mark::Bad, format!("revoked {since}{why}"))
        }
        OcspStatus::Unknown => (Mark::Warning, "the responder does not know it".to_owned()),
        OcspStatus::Unusable => (
            Mark::Warning,
            "holds no answer about this certificate".to_owned(),
        ),
    };
    Line::new(mark, "OCSP staple", says)
}

fn client(look: &TlsLook) -> Option<Line> {
    // A failure that is about it tells of it.
    let about = |failure: &Failure| failure.reason == FailureReason::ClientCertificate;
    if look.failure.as_ref().is_some_and(about) {
        return None;
    }
    let says = match look.client_certificate {
        ClientCertificate::Optional => "asked for, and not needed",
        ClientCertificate::Shown => "asked for, and shown",
        ClientCertificate::Unknown if look.session.is_some() => {
            "asked for; the server did not say whether it needs one"
        }
        _ => return None,
    };
    Some(Line::new(Mark::Fact, "client certificate", says))
}

fn session(session: Option<&Session>, took: Took) -> Option<Line> {
    let mut parts = Vec::new();
    if let Some(session) = session {
        parts.push(session.protocol.replacen("TLSv", "TLS ", 1));
        parts.push(session.cipher_suite.clone());
        parts.extend(session.key_exchange_group.clone());
        parts.extend(session.alpn.clone());
        if !session.signature_checked {
            parts.push("signature not checked".to_owned());
        }
    }
    let steps = [
        ("resolve", took.resolve_seconds),
        ("connect", took.connect_seconds),
        ("starttls", took.starttls_seconds),
        ("handshake", took.handshake_seconds),
    ];
    for (step, seconds) in steps {
        parts.extend(seconds.map(|seconds| format!("{step} {:.1} ms", seconds * 1e3)));
    }
    (!parts.is_empty()).then(|| Line::new(Mark::Fact, "session", parts.join(", ")))
}

/// What the application says of it, and what to do.
fn notes(look: &TlsLook) -> Vec<String> {
    let mut notes = Vec::new();
    if look.from_target_network.value() == Some(&false) {
        notes.push("Dialled from spyhole's own network, not from the target's.".to_owned());
    }
    let store = look.trust_store.as_ref().and_then(Seen::value);
    let of_target = look
        .verdicts
        .iter()
        .find(|verdict| verdict.authorities == Authorities::Target);
    if let (Some(store), Some(verdict)) = (store, of_target)
        && verdict.judgement != Judgement::Verified
        && let Some(error) = printed(store, verdict)
    {
        notes.push(format!("The application prints: {error}"));
        let mozilla = |verdict: &Verdict| {
            verdict.authorities == Authorities::Mozilla && verdict.judgement == Judgement::Verified
        };
        if trusts_nobody(store) && look.verdicts.iter().any(mozilla) {
            notes.extend(remedy(store.runtime).map(str::to_owned));
        }
    }
    notes
}

/// The error of the target's runtime: where it trusts nobody, or not whom the chain leads to.
fn printed(store: &TrustStore, verdict: &Verdict) -> Option<String> {
    let issuer = |finding: &Finding| {
        matches!(
            finding.problem,
            Problem::UnknownIssuer | Problem::MissingIntermediate | Problem::SelfSigned
        )
    };
    let unknown = fatal(verdict)
        .any(issuer)
        .then(|| store.runtime.unknown_issuer_text().map(str::to_owned));
    store.error_text.clone().or_else(|| unknown.flatten())
}

/// What gives a runtime the usual roots; those with a store of their own form need another way.
fn remedy(runtime: Runtime) -> Option<&'static str> {
    match runtime {
        Runtime::Java | Runtime::Node => None,
        _ => Some(
            "Add to the image: COPY --from=alpine /etc/ssl/certs/ca-certificates.crt \
             /etc/ssl/certs/",
        ),
    }
}

fn chain(chain: &[Certificate], style: Style) -> Table {
    let mut titles = vec!["SENT", "SUBJECT", "ISSUER", "NOT AFTER", "KEY"];
    if style.wide {
        titles.extend(["NOT BEFORE", "SERIAL", "SIGNATURE", "NAMES"]);
    }
    titles.push("SHA-256");
    let row = |(sent, certificate): (usize, &Certificate)| {
        let outside = |text: &str| Cell::Outside(text.into());
        let mut row = vec![
            Cell::number(sent),
            outside(&certificate.subject),
            outside(&certificate.issuer),
            certificate.not_after.rfc3339().into(),
            key(certificate),
        ];
        if style.wide {
            row.extend([
                certificate.not_before.rfc3339().into(),
                outside(&certificate.serial),
                outside(&certificate.signature_algorithm),
                outside(&certificate.subject_alternative_names.join(", ")),
            ]);
        }
        row.push(certificate.fingerprint_sha256.clone().into());
        row
    };
    Table {
        headings: titles.into_iter().map(heading).collect(),
        rows: chain.iter().enumerate().map(row).collect(),
        ..Table::default()
    }
}

fn key(certificate: &Certificate) -> Cell {
    let key = &certificate.public_key;
    let kind = match key.algorithm {
        KeyAlgorithm::Rsa => "RSA",
        KeyAlgorithm::RsaPss => "RSA-PSS",
        KeyAlgorithm::Ecdsa => "ECDSA",
        KeyAlgorithm::Ed25519 => "Ed25519",
        KeyAlgorithm::Ed448 => "Ed448",
        KeyAlgorithm::Dsa => "DSA",
        KeyAlgorithm::Other => "other",
    };
    match (key.algorithm, &key.curve, key.bits) {
        (_, Some(curve), _) => Cell::Outside(format!("{kind} {curve}").as_str().into()),
        (KeyAlgorithm::Rsa | KeyAlgorithm::RsaPss, _, Some(bits)) => {
            format!("{kind} {bits}").into()
        }
        _ => kind.into(),
    }
}

fn with(authorities: Authorities) -> &'static str {
    match authorities {
        Authorities::Target => "with the target's roots",
        Authorities::Mozilla => "with Mozilla's roots",
        Authorities::Given => "with --ca",
    }
}

fn failed(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::UnknownName => "unknown name",
        FailureReason::NoResolver => "no resolver",
        FailureReason::ConnectionRefused => "refused",
        FailureReason::Unreachable => "unreachable",
        FailureReason::Timeout => "timeout",
        FailureReason::Closed => "closed",
        FailureReason::NotTls => "not TLS",
        FailureReason::OldProtocol => "old protocol",
        FailureReason::Alert => "handshake refused",
        FailureReason::ClientCertificate => "client certificate",
        FailureReason::Incompatible => "incompatible",
        FailureReason::NoStarttls => "no STARTTLS",
        FailureReason::Io => "system error",
    }
}

fn problem(problem: Problem) -> &'static str {
    match problem {
        Problem::Revoked => "revoked",
        Problem::BadSignature => "bad signature",
        Problem::Expired => "expired",
        Problem::NotYetValid => "not valid yet",
        Problem::NameMismatch => "name",
        Problem::UnknownIssuer => "unknown issuer",
        Problem::MissingIntermediate => "missing intermediate",
        Problem::SelfSigned => "self-signed",
        Problem::NotForServers => "not for servers",
        Problem::IssuerNotCa => "issuer is no CA",
        Problem::NameConstraint => "name constraint",
        Problem::WeakKey => "weak key",
        Problem::WeakSignature => "weak signature",
        Problem::Unsupported => "cannot verify",
        Problem::Untidy => "untidy",
        Problem::Malformed => "malformed",
    }
}

fn heading(title: &'static str) -> Heading {
    Heading {
        title,
        align: Align::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_as_people_say_them() {
        let cases = [
            (0, "0 seconds"),
            (60, "1 minute"),
            (-7200, "2 hours"),
            (3_283_300, "38 days"),
        ];
        for (seconds, words) in cases {
            assert_eq!(seconds_as_words(seconds), words);
        }
    }
}
