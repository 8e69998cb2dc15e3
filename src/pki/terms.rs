//! How certificates, moments and durations read within a sentence.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::model::time::Timestamp;
use crate::parse::x509::ParsedCertificate;

/// Longer names are cut: a sentence is to be read.
const NAME_CHARS: usize = 160;

/// The certificate by its subject, or by what else tells it apart.
pub(super) fn title(certificate: &ParsedCertificate) -> String {
    if !certificate.subject.is_empty() {
        return clip(&certificate.subject);
    }
    match certificate.subject_alternative_names.first() {
        Some(name) => clip(name),
        None => format!("the certificate {}", clip(&certificate.serial)),
    }
}

/// A text from outside, cut where it is long.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first few of a list, and how many there are beyond them.
pub(super) fn list(items: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = items.iter().take(SHOWN).map(|item| clip(item)).collect();
    let beyond = items.len().saturating_sub(SHOWN);
    let mut text = shown.join(", ");
    if beyond > 0 {
        let _ = write!(text, " and {beyond} more");
    }
    text
}

/// A moment to the second, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.rfc3339();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// The distance between two moments, in the unit that suits it.
pub(super) fn distance(one: SystemTime, other: SystemTime) -> String {
    let apart = one
        .duration_since(other)
        .unwrap_or_else(|error| error.duration());
    duration(apart)
}

fn duration(apart: Duration) -> String {
    let seconds = apart.as_secs();
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
