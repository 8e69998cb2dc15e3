//! What this process costs itself.

use std::fs::File;
use std::io::Read;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

/// `statm` has seven numbers.
const STATM_LIMIT: u64 = 256;

/// Processor time used by all threads, those that have ended included.
#[must_use]
pub(crate) fn cpu_seconds() -> Option<f64> {
    let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
    Some(std::time::Duration::from(used).as_secs_f64())
}

/// Memory that is in RAM: the second number of `/proc/self/statm`.
#[must_use]
pub(crate) fn resident_bytes() -> Option<u64> {
    let mut text = String::new();
    let file = File::open("/proc/self/statm").ok()?;
    file.take(STATM_LIMIT).read_to_string(&mut text).ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    pages.checked_mul(u64::try_from(page).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_costs_something() {
        assert!(cpu_seconds().unwrap() > 0.0);
        assert!(resident_bytes().unwrap() > 100_000);
    }
}
