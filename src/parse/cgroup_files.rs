//! Files of a cgroup: limits, flat keyed files, `io.stat`, `cpu.max` and pressure.
//!
//! Format: `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/`, pressure in
//! `Documentation/accounting/psi.rst`. A value that is not there is `None`.
//!
//! `procfs-core` has a reader of pressure that panics on a line `some` without values, which a
//! target can mount in place of its cgroup, hence the one here.

use std::collections::BTreeMap;

use super::limits::Limit;

/// Version 1 writes "no limit" of bytes as the largest number of whole pages.
const NO_LIMIT_BYTES: u64 = 1 << 62;

/// A file of one number.
#[must_use]
pub(crate) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// A file of one limit: a number, `max`, or in version 1 a number near 2^63 or -1.
#[must_use]
pub(crate) fn limit(text: &str) -> Option<Limit> {
    match text.trim() {
        "max" | "-1" => Some(Limit::Unlimited),
        text => match text.parse().ok()? {
            NO_LIMIT_BYTES.. => Some(Limit::Unlimited),
            value => Some(Limit::Value(value)),
        },
    }
}

/// The number of a key in a flat keyed file such as `memory.stat`: `KEY NUMBER` on each line.
#[must_use]
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(name, _)| *name == key)?;
    number(value)
}

/// CPU time that a cgroup may use in each period, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CpuQuota {
    /// `None`: no limit.
    pub quota_microseconds: Option<u64>,
    /// Length of a period.
    pub period_microseconds: u64,
}

/// `cpu.max` of version 2: `max 100000` or `50000 100000`.
#[must_use]
pub(crate) fn cpu_max(text: &str) -> Option<CpuQuota> {
    let (quota, period) = text.trim().split_once(' ')?;
    cpu_quota(quota, period)
}

/// `cpu.cfs_quota_us` and `cpu.cfs_period_us` of version 1; a quota of -1 is none.
#[must_use]
pub(crate) fn cpu_quota(quota: &str, period: &str) -> Option<CpuQuota> {
    let quota_microseconds = match limit(quota)? {
        Limit::Unlimited => None,
        Limit::Value(quota) => Some(quota),
    };
    let period_microseconds = number(period).filter(|period| *period > 0)?;
    Some(CpuQuota {
        quota_microseconds,
        period_microseconds,
    })
}

/// What a cgroup read from and wrote to one block device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeviceIo {
    /// Major and minor number, such as `8:0`.
    pub device: String,
    pub read_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    pub reads: Option<u64>,
    pub writes: Option<u64>,
}

/// Devices of one cgroup that are read; a node with more is not known.
const MAX_DEVICES: usize = 1024;

/// `io.stat` of version 2: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0` on each line.
/// Some kernels leave devices without I/O in front of the next one on its line.
///
/// `None` if a line is something else, or there are more than [`MAX_DEVICES`].
#[must_use]
pub(crate) fn io_stat(text: &str) -> Option<Vec<DeviceIo>> {
    let mut devices = Vec::new();
    for line in text.lines() {
        let mut device: Option<DeviceIo> = None;
        for word in line.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else {
                device = Some(DeviceIo::of(word)?);
                continue;
            };
            let found = device.as_mut()?;
            match key {
                "rbytes" => found.read_bytes = Some(number(value)?),
                "wbytes" => found.written_bytes = Some(number(value)?),
                "rios" => found.reads = Some(number(value)?),
                "wios" => found.writes = Some(number(value)?),
                _ => {}
            }
        }
        devices.extend(device);
    }
    (devices.len() <= MAX_DEVICES).then_some(devices)
}

/// `blkio.throttle.io_service_bytes` and `blkio.throttle.io_serviced` of version 1: `8:0 Read 1`
/// on each line, `Total 1` at the end. `None` as of [`io_stat`].
#[must_use]
pub(crate) fn blkio(bytes: &str, operations: &str) -> Option<Vec<DeviceIo>> {
    let mut devices: BTreeMap<String, DeviceIo> = BTreeMap::new();
    for (text, in_bytes) in [(bytes, true), (operations, false)] {
        for line in text.lines().filter(|line| !line.starts_with("Total ")) {
            let mut words = line.split(' ');
            let found = DeviceIo::of(words.next()?)?;
            let (what, value) = (words.next()?, number(words.next()?)?);
            let found = devices.entry(found.device.clone()).or_insert(found);
            match (what, in_bytes) {
                ("Read", true) => found.read_bytes = Some(value),
                ("Write", true) => found.written_bytes = Some(value),
                ("Read", false) => found.reads = Some(value),
                ("Write", false) => found.writes = Some(value),
                _ => {}
            }
            if devices.len() > MAX_DEVICES {
                return None;
            }
        }
    }
    Some(devices.into_values().collect())
}

impl DeviceIo {
    /// Of a device number: two decimal numbers.
    fn of(word: &str) -> Option<Self> {
        let (major, minor) = word.split_once(':')?;
        let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
        Some(Self {
            device: format!("{major}:{minor}"),
            ..Self::default()
        })
    }
}

/// Pressure stall information.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pressure {
    /// At least one task waited.
    pub some: PressureLine,
    /// Every task that is not idle waited; older kernels do not say it of the CPU.
    pub full: Option<PressureLine>,
}

/// Share of the time in the last 10, 60 and 300 seconds, in percent, and the sum of all time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PressureLine {
    pub avg10_percent: f64,
    pub avg60_percent: f64,
    pub avg300_percent: f64,
    pub total_microseconds: u64,
}

/// `cpu.pressure`, `memory.pressure` or `io.pressure`: a line `some`, mostly one `full`.
#[must_use]
pub(crate) fn pressure(text: &str) -> Option<Pressure> {
    let line = |which: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let (_, values) = lines.find(|(word, _)| *word == which)?;
        let value = |key: &str| {
            let mut pairs = values.split(' ').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let percent = |key: &str| {
            let percent: f64 = value(key)?.parse().ok()?;
            (0.0..=100.0).contains(&percent).then_some(percent)
        };
        Some(PressureLine {
            avg10_percent: percent("avg10")?,
            avg60_percent: percent("avg60")?,
            avg300_percent: percent("avg300")?,
            total_microseconds: value("total")?.parse().ok()?,
        })
    };
    Some(Pressure {
        some: line("some")?,
        full: line("full"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_of_both_versions() {
        for (text, expected) in [
            ("max\n", Some(Limit::Unlimited)),
            ("-1\n", Some(Limit::Unlimited)),
            ("9223372036854771712\n", Some(Limit::Unlimited)),
            ("67108864\n", Some(Limit::Value(67_108_864))),
            ("0\n", Some(Limit::Value(0))),
            ("", None),
            ("-2\n", None),
            ("1e3\n", None),
        ] {
            assert_eq!(limit(text), expected, "{text:?}");
        }
    }

    #[test]
    fn keys_are_whole_words() {
        let text = "total_inactive_file 7\ninactive_file 400\n";
        assert_eq!(keyed(text, "inactive_file"), Some(400));
        assert_eq!(keyed(text, "file"), None);
        assert_eq!(keyed("oom_kill x\n", "oom_kill"), None);
    }

    #[test]
    fn quotas_of_both_versions() {
        let quota = |quota, period| {
            Some(CpuQuota {
                quota_microseconds: quota,
                period_microseconds: period,
            })
        };
        assert_eq!(cpu_max("max 100000\n"), quota(None, 100_000));
        assert_eq!(cpu_max("50000 100000\n"), quota(Some(50_000), 100_000));
        assert_eq!(cpu_quota("-1\n", "100000\n"), quota(None, 100_000));
        assert_eq!(cpu_max("50000\n"), None);
        assert_eq!(cpu_max("50000 0\n"), None);
    }

    #[test]
    fn devices_of_both_versions() {
        let sda = DeviceIo {
            device: "8:0".to_owned(),
            read_bytes: Some(1),
            written_bytes: Some(2),
            reads: Some(3),
            writes: Some(4),
        };
        let two = io_stat("7:7 7:6 8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n").unwrap();
        assert_eq!(two, std::slice::from_ref(&sda));
        for bad in ["x y\n", "rbytes=1\n", "8:0 rbytes=x\n", "8:x\n"] {
            assert_eq!(io_stat(bad), None, "{bad:?}");
        }
        let one = blkio(
            "8:0 Read 1\n8:0 Write 2\n8:0 Sync 3\nTotal 3\n",
            "8:0 Read 3\n8:0 Write 4\n",
        )
        .unwrap();
        assert_eq!(one, [sda]);
        assert_eq!(blkio("8:0 Read\n", ""), None);
    }

    #[test]
    fn pressure_with_and_without_full() {
        let some = "some avg10=1.50 avg60=0.91 avg300=0.00 total=681245\n";
        let found = pressure(some).unwrap();
        assert_eq!(found.some.total_microseconds, 681_245);
        assert!((found.some.avg10_percent - 1.5).abs() < 1e-9);
        assert_eq!(found.full, None);
        let both = format!("{some}full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
        assert_eq!(pressure(&both).unwrap().full.unwrap().total_microseconds, 7);
        for bad in [
            "some",
            "some\n",
            "someé",
            "some avg10=NaN avg60=0 avg300=0 total=1",
        ] {
            assert_eq!(pressure(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}|(some|full|8:0|max)( [a-z0-9=.:]{0,9}){0,5}\n") {
            let _ = (number(&text), limit(&text), keyed(&text, "a"), cpu_max(&text));
            let _ = (io_stat(&text), blkio(&text, &text), pressure(&text));
        }
    }
}
