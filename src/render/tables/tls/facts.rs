//! The rest of a handshake: the name, the time, the staple, the session.

use std::fmt::Write;

use super::{Line, Mark};
use crate::model::certificate::Certificate;
use crate::model::time::Timestamp;
use crate::model::tls::{
    ClientCertificate, Failure, FailureReason, OcspStaple, OcspStatus, Session, TlsLook, Took,
};
use crate::model::units::DAY_SECONDS;
use crate::model::verdict::{Judgement, Problem, Verdict};

pub(super) fn name(look: &TlsLook) -> Option<Line> {
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

pub(super) fn time(look: &TlsLook, leaf: &Certificate, now: Timestamp) -> Line {
    let day = |moment: Timestamp| moment.rfc3339().chars().take(10).collect::<String>();
    let (Some(begin), Some(end), Some(left)) = (
        leaf.not_before.value(),
        leaf.not_after.value(),
        leaf.remaining(),
    ) else {
        return Line::new(Mark::Bad, "time", "its validity could not be read");
    };
    let range = format!("{} … {}", day(*begin), day(*end));
    let short = look.min_days.filter(|days| !days.enough);
    let findings = look.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut of_leaf = findings.filter(|finding| {
        matches!(finding.problem, Problem::Expired | Problem::NotYetValid)
            && finding.certificate == Some(0)
    });
    let (mark, mut says) = if let Some(finding) = of_leaf.next() {
        (Mark::Bad, format!("{range}, {}", finding.says))
    } else if left < 0 {
        let ago = seconds_as_words(left);
        (Mark::Bad, format!("{range}, expired {ago} ago"))
    } else if *begin > now {
        (Mark::Bad, format!("{range}, not valid yet"))
    } else {
        (
            Mark::Good,
            format!("{range}, {} left", seconds_as_words(left)),
        )
    };
    let Some(days) = short else {
        return Line::new(mark, "time", says);
    };
    if left.div_euclid(DAY_SECONDS) != days.left {
        let _ = write!(
            says,
            "; another certificate in the chain has {} days left",
            days.left
        );
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

pub(super) fn stapled(staple: &OcspStaple) -> Line {
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
        OcspStatus::Unknown => (Mark::Warning, "unknown to the responder".to_owned()),
        OcspStatus::Unusable => (
            Mark::Warning,
            "contains no response for this certificate".to_owned(),
        ),
    };
    Line::new(mark, "OCSP staple", says)
}

pub(super) fn client(look: &TlsLook) -> Option<Line> {
    // A failure that is about it tells of it.
    let about = |failure: &Failure| failure.reason == FailureReason::ClientCertificate;
    if look.failure.as_ref().is_some_and(about) {
        return None;
    }
    let says = match look.client_certificate {
        ClientCertificate::Optional => "requested, but not required",
        ClientCertificate::Shown => "requested and sent",
        ClientCertificate::Unknown if look.session.is_some() => {
            "requested; unknown whether it is required"
        }
        _ => return None,
    };
    Some(Line::new(Mark::Fact, "client certificate", says))
}

pub(super) fn session(session: Option<&Session>, took: Took) -> Option<Line> {
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
