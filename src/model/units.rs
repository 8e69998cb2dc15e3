//! Numbers as people read them.

/// Seconds of a day.
pub const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Bytes in binary units, short: `0`, `920`, `9.8Ki`, `48Mi`, `1.2Gi`.
#[must_use]
pub fn bytes_short(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut scaled = bytes;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"");
    // Whole steps of 1024 while the next one still leaves at least 1.
    while scaled >= 1024 * 1024 {
        scaled /= 1024;
        unit = units.next().unwrap_or(&"");
    }
    let (whole, tenth) = (scaled / 1024, scaled % 1024 * 10 / 1024);
    if whole < 10 {
        format!("{whole}.{tenth}{unit}")
    } else {
        format!("{whole}{unit}")
    }
}

/// Processor time as `ps` writes it: minutes and seconds, `2:11`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits"
)]
pub fn cpu_time(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 1e15) as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Time since a start as `ps -o etime` writes it: `[[dd-]hh:]mm:ss`.
#[must_use]
pub fn elapsed(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let rest = format!("{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => rest,
        (0, hours) => format!("{hours:02}:{rest}"),
        (days, hours) => format!("{days}-{hours:02}:{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_people_read_them() {
        let cases = [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0Ki"),
            (10_035, "9.7Ki"),
            (48 << 20, "48Mi"),
            (1_288_490_188, "1.1Gi"),
            (u64::MAX, "15Ei"),
        ];
        for (bytes, text) in cases {
            assert_eq!(bytes_short(bytes), text);
        }
    }

    #[test]
    fn processor_time_as_ps_writes_it() {
        assert_eq!(cpu_time(131.9), "2:11");
        assert_eq!(cpu_time(0.0), "0:00");
        assert_eq!(cpu_time(f64::NAN), "0:00");
    }

    #[test]
    fn elapsed_time_as_ps_writes_it() {
        for (seconds, text) in [
            (7, "00:07"),
            (3_599, "59:59"),
            (3_600, "01:00:00"),
            (90_061, "1-01:01:01"),
        ] {
            assert_eq!(elapsed(seconds), text);
        }
    }
}
