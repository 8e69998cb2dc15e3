//! The kernel's clocks and constants.

use std::time::{Duration, SystemTime};

use nix::unistd::{SysconfVar, sysconf};

/// What turns the kernel's ticks and pages into seconds and bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// When the snapshot was taken.
    pub now: SystemTime,
    /// Time since boot at `now`, sleep included; `starttime` of a process counts from there.
    /// `None` for a copy of a /proc that does not tell it.
    pub since_boot: Option<Duration>,
    /// Ticks a second of `utime`, `stime` and `starttime`.
    pub ticks_per_second: u64,
    /// Bytes of a page.
    pub page_bytes: u64,
}

impl Clock {
    /// Reads the clocks.
    #[must_use]
    pub(crate) fn read() -> Self {
        Self {
            now: SystemTime::now(),
            since_boot: Some(boot_time()),
            ticks_per_second: constant(SysconfVar::CLK_TCK, 100),
            page_bytes: constant(SysconfVar::PAGE_SIZE, 4096),
        }
    }

    /// The clocks of the machine that a copy of /proc was made on: when it had been up for so long,
    /// having booted at a second of the epoch.
    #[must_use]
    pub(crate) fn of_copy(booted_at: Duration, since_boot: Duration) -> Option<Self> {
        Some(Self {
            now: SystemTime::UNIX_EPOCH
                .checked_add(booted_at)?
                .checked_add(since_boot)?,
            since_boot: Some(since_boot),
            ..Self::read()
        })
    }

    /// The clock of a copy that does not tell when it was made, nor when that machine had booted.
    #[must_use]
    pub(crate) fn unknown() -> Self {
        Self {
            since_boot: None,
            ..Self::read()
        }
    }

    /// The point in time that is this many ticks after boot.
    #[must_use]
    pub(crate) fn at_ticks(&self, ticks: u64) -> Option<SystemTime> {
        let ago = self.since(ticks)?;
        Some(self.now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    /// How long before `now` this many ticks after boot were.
    #[must_use]
    pub(crate) fn since(&self, ticks: u64) -> Option<Duration> {
        Some(self.since_boot?.saturating_sub(self.duration(ticks)))
    }

    /// Ticks as a duration.
    #[must_use]
    pub(crate) fn duration(&self, ticks: u64) -> Duration {
        let rest = ticks % self.ticks_per_second;
        Duration::from_secs(ticks / self.ticks_per_second)
            + Duration::from_nanos(rest.saturating_mul(1_000_000_000) / self.ticks_per_second)
    }
}

fn boot_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME)
        .map(Duration::from)
        .unwrap_or_default()
}

/// How many processors the machine may have; those that are offline count.
#[must_use]
pub(crate) fn processors() -> u32 {
    let configured = constant(SysconfVar::_NPROCESSORS_CONF, u64::from(u32::MAX));
    u32::try_from(configured).unwrap_or(u32::MAX)
}

fn constant(which: SysconfVar, usual: u64) -> u64 {
    sysconf(which)
        .ok()
        .flatten()
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(usual)
        .max(1)
}
