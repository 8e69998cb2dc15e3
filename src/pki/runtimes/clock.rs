//! Moments as seconds, and as Go prints them.

use std::time::SystemTime;

use crate::model::time::Timestamp;

/// Seconds since 1970.
pub(super) fn seconds(at: SystemTime) -> i64 {
    let whole =
        |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => whole(before.duration()).saturating_neg(),
    }
}

/// As RFC 3339 writes it, in UTC.
pub(super) fn rfc3339(seconds: i64) -> String {
    let distance = std::time::Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let at = if seconds < 0 {
        epoch.checked_sub(distance)
    } else {
        epoch.checked_add(distance)
    };
    crate::pki::terms::moment(Timestamp(at.unwrap_or(epoch)))
}
