//! Certificates whose time is over or has not come, beside the local clock.

use std::time::{Duration, SystemTime};

use super::member::Member;
use super::{Finding, finding, words};
use crate::model::time::Timestamp;
use crate::model::verdict::Problem;

/// Nearer than this, a clock that is wrong is as likely as a certificate that is.
const SKEW: Duration = Duration::from_hours(24);

/// What is not valid at this moment, trusted authorities too.
pub(super) fn times(members: &[&Member], now: SystemTime) -> Vec<Finding> {
    members
        .iter()
        .flat_map(|parsed| [expired(parsed, now), not_yet(parsed, now)])
        .flatten()
        .collect()
}

fn expired(parsed: &Member, now: SystemTime) -> Option<Finding> {
    let end = Timestamp(parsed.certificate.not_after?);
    // A certificate is valid through the last second that it names (RFC 5280 4.1.2.5).
    if whole_seconds(now) <= whole_seconds(end.0) {
        return None;
    }
    let says = format!(
        "{} expired {} ago, at {}; local time is {}",
        parsed.title(),
        words::distance(now, end.0),
        words::moment(end),
        words::moment(Timestamp(now))
    );
    let finding = finding(Problem::Expired, parsed.place, says);
    Some(Finding {
        at: Some(end),
        ..finding
    })
}

fn not_yet(parsed: &Member, now: SystemTime) -> Option<Finding> {
    let begin = Timestamp(parsed.certificate.not_before?);
    if now >= begin.0 {
        return None;
    }
    let skew = match begin.0.duration_since(now) {
        Ok(ahead) if ahead < SKEW => {
            "; clock skew is likely (this clock is slow, or the issuer's is fast)"
        }
        _ => "",
    };
    let says = format!(
        "{} is not valid until {}, in {}; local time is {}{skew}",
        parsed.title(),
        words::moment(begin),
        words::distance(begin.0, now),
        words::moment(Timestamp(now))
    );
    let finding = finding(Problem::NotYetValid, parsed.place, says);
    Some(Finding {
        at: Some(begin),
        ..finding
    })
}

/// Before 1970 is zero: only the order matters, and an end before then has passed.
fn whole_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .unwrap_or_default()
}
