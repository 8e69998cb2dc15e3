//! Points in time and durations, as the document writes them.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A point in time; in JSON as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub SystemTime);

impl Timestamp {
    /// The clock's time now.
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now())
    }

    /// As RFC 3339 in UTC, to the millisecond.
    #[must_use]
    pub fn rfc3339(self) -> String {
        humantime::format_rfc3339_millis(self.0).to_string()
    }

    /// As `ps` writes a start: the time of day on the same (UTC) day as `now`,
    /// otherwise month and day, or the year where it is another one.
    #[must_use]
    pub fn short(self, now: Timestamp) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let (then, now) = (self.rfc3339(), now.rfc3339());
        let part = |from, to| then.get(from..to).unwrap_or_default();
        if then.get(..10) == now.get(..10) {
            return part(11, 16).to_owned();
        }
        if then.get(..4) != now.get(..4) {
            return part(0, 4).to_owned();
        }
        let month = part(5, 7)
            .parse::<usize>()
            .unwrap_or_default()
            .wrapping_sub(1);
        format!("{}{}", MONTHS.get(month).unwrap_or(&"?"), part(8, 10))
    }

    /// The time that has passed from this point until `later`; zero where it has not come yet.
    #[must_use]
    pub fn until(self, later: Timestamp) -> Duration {
        later.0.duration_since(self.0).unwrap_or_default()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_millis(self.0))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(humantime::parse_rfc3339(text).unwrap())
    }

    #[test]
    fn starts_as_ps_writes_them() {
        let now = at("2026-11-23T19:26:00Z");
        assert_eq!(at("2026-11-23T09:14:59Z").short(now), "09:14");
        assert_eq!(at("2026-03-02T09:14:59Z").short(now), "Mar02");
        assert_eq!(at("2025-12-31T23:59:59Z").short(now), "2025");
    }
}
