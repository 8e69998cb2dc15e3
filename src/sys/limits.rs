//! The limits that this process has itself.

use rustix::process::{Resource, getrlimit};

/// How many descriptors it may have open at once (`RLIMIT_NOFILE`, the soft limit).
#[must_use]
pub(crate) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
