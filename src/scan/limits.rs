//! How much of each kind of file is read: one limit a kind.

/// Environments are bounded by the kernel to a quarter of the stack limit, usually 2 MiB.
pub(crate) const ENVIRON_LIMIT: usize = 4 << 20;
/// Likewise.
pub(crate) const CMDLINE_LIMIT: usize = 4 << 20;
/// Files of /proc that are a few lines.
pub(crate) const SMALL_LIMIT: usize = 64 << 10;
/// `status` holds every supplementary group: 65,536 of up to ten digits.
pub(crate) const STATUS_LIMIT: usize = 1 << 20;
/// Threads that one process may show.
pub(crate) const TASKS_LIMIT: usize = 65_536;
