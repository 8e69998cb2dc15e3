//! Compares the validity of certificates with the local clock.

use std::time::SystemTime;

use super::finding;
use super::finding::{ChainFinding, Evidence};
use super::member::Member;
use crate::model::time::Timestamp;

/// What is not valid at this moment, trusted authorities too.
pub(super) fn times(members: &[&Member], now: SystemTime) -> Vec<ChainFinding> {
    members
        .iter()
        .flat_map(|parsed| [expired(parsed, now), not_yet(parsed, now)])
        .flatten()
        .collect()
}

fn expired(parsed: &Member, now: SystemTime) -> Option<ChainFinding> {
    let end = Timestamp(parsed.certificate.not_after?);
    // A certificate is valid through the last second that it names (RFC 5280 4.1.2.5).
    if whole_seconds(now) <= whole_seconds(end.0) {
        return None;
    }
    let title = parsed.title();
    Some(finding(parsed.place, Evidence::Expired { title, end, now }))
}

fn not_yet(parsed: &Member, now: SystemTime) -> Option<ChainFinding> {
    let begin = Timestamp(parsed.certificate.not_before?);
    if now >= begin.0 {
        return None;
    }
    let title = parsed.title();
    let evidence = Evidence::NotYetValid { title, begin, now };
    Some(finding(parsed.place, evidence))
}

/// Before 1970 is zero: only the order matters, and an end before then has passed.
fn whole_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .unwrap_or_default()
}
