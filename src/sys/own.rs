//! What this process costs itself.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::reader_process;

/// `statm` has seven numbers.
const STATM_LIMIT: u64 = 256;

/// Processor time used by all threads and readers, those that have ended included.
#[must_use]
pub(crate) fn cpu_seconds() -> Option<f64> {
    let of = |clock| clock_gettime(clock).ok().map(Duration::from);
    let mut used = of(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    if reader_process::is_reader() {
        let spyhole = Pid::from_raw(reader_process::own_pid());
        used += of(clock_getcpuclockid(spyhole).ok()?)?;
    }
    Some((used + reader_process::ended_cpu()).as_secs_f64())
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
