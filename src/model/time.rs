//! Points in time and durations, as the document writes them.

#[cfg(test)]
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month, OffsetDateTime, Time};

/// A point in time; in JSON as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub SystemTime);

impl Timestamp {
    /// The clock's time now.
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now())
    }

    /// As RFC 3339 in UTC, to the millisecond; also before 1970, where certificates may begin.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let moment = self.moment();
        let mut text = String::with_capacity("2026-11-23T19:26:00.007Z".len());
        let year = moment.year();
        match u32::try_from(year) {
            Ok(year) if year < 10_000 => push_digits(&mut text, year, 4),
            _ => text = format!("{year:04}"),
        }
        for (separator, number, width) in [
            ('-', u8::from(moment.month()).into(), 2),
            ('-', moment.day().into(), 2),
            ('T', moment.hour().into(), 2),
            (':', moment.minute().into(), 2),
            (':', moment.second().into(), 2),
            ('.', moment.millisecond().into(), 3),
        ] {
            text.push(separator);
            push_digits(&mut text, number, width);
        }
        text.push('Z');
        text
    }

    fn moment(self) -> OffsetDateTime {
        let nanos = match self.0.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()),
            Err(before) => i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos),
        };
        OffsetDateTime::from_unix_timestamp_nanos(nanos.unwrap_or_default())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Reads what [`rfc3339`](Self::rfc3339) writes, and nothing else.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        const NANOS: u128 = 1_000_000_000;
        let part = |from, to| {
            let digits = text.get(from..to)?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let small = |from, to| u8::try_from(part(from, to)?).ok();
        let month = Month::try_from(small(5, 7)?).ok()?;
        let date = Date::from_calendar_date(part(0, 4)?.into(), month, small(8, 10)?).ok()?;
        let (hour, minute, second) = (small(11, 13)?, small(14, 16)?, small(17, 19)?);
        let time = Time::from_hms_milli(hour, minute, second, part(20, 23)?).ok()?;
        let nanos = OffsetDateTime::new_utc(date, time).unix_timestamp_nanos();
        let (seconds, rest) = (nanos.unsigned_abs() / NANOS, nanos.unsigned_abs() % NANOS);
        let distance = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(rest).ok()?);
        let moment = if nanos < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        };
        // The separators too.
        moment.map(Self).filter(|moment| moment.rfc3339() == text)
    }

    /// As `ps` writes a start: the time of day on the same (UTC) day as `now`,
    /// otherwise month and day, or the year where it is another one.
    #[must_use]
    pub fn short(self, now: Timestamp) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let (then, now) = (self.moment(), now.moment());
        let mut text = String::with_capacity("19:26".len());
        if then.date() == now.date() {
            push_digits(&mut text, then.hour().into(), 2);
            text.push(':');
            push_digits(&mut text, then.minute().into(), 2);
        } else if then.year() != now.year() {
            text = format!("{:04}", then.year());
        } else {
            let month = usize::from(u8::from(then.month())).wrapping_sub(1);
            text.push_str(MONTHS.get(month).unwrap_or(&"?"));
            push_digits(&mut text, then.day().into(), 2);
        }
        text
    }

    /// The time that has passed from this point until `later`; zero where it has not come yet.
    #[must_use]
    pub fn until(self, later: Timestamp) -> Duration {
        later.0.duration_since(self.0).unwrap_or_default()
    }
}

/// The last digits of a number, as many as that.
fn push_digits(text: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.extend(char::from_digit(digit, 10));
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::from_rfc3339(&text)
            .ok_or_else(|| D::Error::custom("malformed time, expected RFC 3339 in UTC"))
    }
}

#[cfg(test)]
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
    fn every_year_of_a_certificate_is_written() {
        for seconds in [-2_208_988_800_i64, -1, 0, 253_402_300_799] {
            let distance = Duration::from_secs(seconds.unsigned_abs());
            let epoch = SystemTime::UNIX_EPOCH;
            let moment = if seconds < 0 {
                epoch - distance
            } else {
                epoch + distance
            };
            let expected = match seconds {
                -2_208_988_800 => "1900-01-01T00:00:00.000Z",
                -1 => "1969-12-31T23:59:59.000Z",
                0 => "1970-01-01T00:00:00.000Z",
                _ => "9999-12-31T23:59:59.000Z",
            };
            assert_eq!(Timestamp(moment).rfc3339(), expected);
            assert_eq!(Timestamp::from_rfc3339(expected), Some(Timestamp(moment)));
        }
    }

    #[test]
    fn only_the_form_that_is_written_is_read() {
        for text in [
            "",
            "2026-11-23T19:26:00Z",
            "2026-11-23T19:26:00.000",
            "2026-11-23 19:26:00.000Z",
            "2026-02-30T19:26:00.000Z",
            "2026-11-23T25:26:00.000Z",
            "+026-11-23T19:26:00.000Z",
            "2026-11-23T19:26:00.000Zé",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
        }
        let text = "2026-11-23T19:26:00.007Z";
        assert_eq!(Timestamp::from_rfc3339(text).unwrap().rfc3339(), text);
    }

    #[test]
    fn starts_as_ps_writes_them() {
        let now = at("2026-11-23T19:26:00Z");
        assert_eq!(at("2026-11-23T09:14:59Z").short(now), "09:14");
        assert_eq!(at("2026-03-02T09:14:59Z").short(now), "Mar02");
        assert_eq!(at("2025-12-31T23:59:59Z").short(now), "2025");
    }
}
